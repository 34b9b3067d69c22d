"""Two open checkpoints are compared, and that stays true when one is closed, reloaded or chosen anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from inspector.session.comparison_state import CheckpointComparison, ComparisonRows

from .conftest import Driven


@pytest.fixture
def both(shared_session: Driven, tmp_path: Path) -> Any:
    a = {"stem.weight": torch.ones(4, 3), "fc.weight": torch.arange(12.0).reshape(3, 4)}
    b = {"stem.weight": torch.ones(4, 3), "fc.weight": torch.arange(12.0).reshape(3, 4) + 1}
    torch.save(a, tmp_path / "a.pth")
    torch.save({"model": b, "ema": a}, tmp_path / "b.pth")
    numbers = [shared_session.session.open(tmp_path / name) for name in ("a.pth", "b.pth")]
    shared_session.until(lambda: all(shared_session.checkpoint(n).summary is not None for n in numbers))
    yield shared_session, *numbers
    shared_session.session.differing.clear()
    for number in numbers:
        shared_session.session.close(number)


def comparison(driven: Driven) -> CheckpointComparison:
    found = driven.store.checkpoint_comparison
    assert found is not None
    return found


def ready(driven: Driven) -> CheckpointComparison:
    driven.until(lambda: comparison(driven).phase != "running")
    return comparison(driven)


def test_rows_a_sentence_and_progress(both: Any) -> None:
    driven, a, b = both
    seen: list[str] = []
    end = driven.store.checkpoint_comparison_changed.connect(lambda: seen.append(comparison(driven).phase))
    driven.session.differing.compare(a, b)
    found = ready(driven)
    end()
    assert (found.phase, found.a, found.b) == ("ready", a, b)
    assert found.sentence == "Only fc was changed: stem is identical (frozen)."
    assert found.rows.counts == {"changed": 1, "shape": 0, "unread": 0, "only_a": 0, "only_b": 0, "equal": 1}
    first = found.rows.row(0)
    assert (first.kind, first.name, first.max_abs) == ("changed", "fc.weight", 1.0)
    assert seen[0] == "running"
    assert seen[-1] == "ready"
    assert found.total == 2 * 4 * 24


def test_one_tensor_in_every_detail(both: Any) -> None:
    driven, a, b = both
    driven.session.differing.compare(a, b)
    ready(driven)
    answers: list[Any] = []
    driven.session.differing.describe(0, answers.append, answers.append)
    driven.until(lambda: bool(answers))
    view, told = answers[0], answers[0].between
    assert (told.statistics["min"], told.statistics["max"], told.statistics["std"]) == (1.0, 1.0, 0.0)
    assert sum(told.counts) == 12
    for picture in (view.a, view.b, view.between):
        assert len(picture.rgba) == 4 * picture.width * picture.height > 0
    dropped: list[Any] = []
    driven.session.differing.describe(0, dropped.append, dropped.append)()
    driven.session.differing.describe(1, answers.append, answers.append)
    driven.until(lambda: len(answers) == 2)
    assert not dropped


def test_a_row_that_is_no_more_is_not_described(both: Any) -> None:
    driven, a, b = both
    driven.session.differing.compare(a, b)
    rows = ready(driven).rows
    answers: list[Any] = []
    driven.session.differing.describe(len(rows), answers.append, answers.append)
    driven.session.differing.compare(b, a)
    driven.session.differing.describe(0, answers.append, answers.append)
    ready(driven)
    assert answers == []


def test_cancel_and_clear(both: Any) -> None:
    driven, a, b = both
    driven.session.differing.compare(a, b)
    driven.session.differing.cancel()
    assert comparison(driven).phase == "cancelled"
    driven.session.differing.clear()
    assert driven.store.checkpoint_comparison is None


def test_another_state_dict_is_compared_anew_and_a_closed_file_no_more(both: Any) -> None:
    driven, a, b = both
    driven.session.differing.compare(a, b)
    ready(driven)
    ema = [found.path for found in driven.checkpoint(b).summary.state_dicts].index("ema")
    driven.session.choose_state_dict(b, ema)
    assert comparison(driven).phase == "running"
    assert ready(driven).sentence == "Every tensor is identical."
    driven.session.close(b)
    assert driven.store.checkpoint_comparison is None


def test_a_reloaded_file_is_compared_anew(both: Any) -> None:
    driven, a, b = both
    driven.session.differing.compare(a, b)
    ready(driven)
    path = driven.checkpoint(b).path
    torch.save(torch.load(driven.checkpoint(a).path, weights_only=True), path)
    driven.session.reload(b)
    driven.until(lambda: comparison(driven).sentence == "Every tensor is identical.")


def test_columns_that_do_not_hold_together_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        ComparisonRows([b"\0\0", *(b"" for _ in range(11))])
    assert len(ComparisonRows()) == 0
