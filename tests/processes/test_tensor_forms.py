"""What the worker says where a tensor has no spectrum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inspector.processes.roles import tensor_forms
from inspector.weights import spectrum as module


def test_numbers_that_defeat_the_algorithm_are_not_called_nan(monkeypatch: pytest.MonkeyPatch) -> None:
    def defeated(*_: Any) -> None:
        raise np.linalg.LinAlgError("SVD did not converge")

    monkeypatch.setattr(tensor_forms, "_read", lambda params: np.ones((3, 4)))
    monkeypatch.setattr(module, "spectrum", defeated)
    with pytest.raises(tensor_forms.FormError, match="ill-conditioned"):
        tensor_forms.tensor_spectrum({}, [], lambda told: None)
