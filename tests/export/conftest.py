"""Clean copies made in this process, and how one is compared with what torch read from the original."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest
import torch

from inspector.checkpoint import open_checkpoint
from inspector.export.convert import convert
from inspector.export.plan import Plan, make_plan

Copy = Callable[..., Path]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """Write a clean copy of a checkpoint's model, ``copy(path, ".pth")``, or of the state_dict at ``state_dict``."""
    numbers = count()

    def make(path: Path, suffix: str, state_dict: str | None = None) -> Path:
        number = next(numbers)
        out = tmp_path / f"clean-{number}{suffix}"
        with open_checkpoint(path) as checkpoint:
            chosen = checkpoint.model_state_dict
            if state_dict is not None:
                chosen = next(found for found in checkpoint.state_dicts if found.path == state_dict)
            assert chosen is not None
            plan = make_plan(checkpoint, checkpoint.state_dicts.index(chosen))
        travelled = Plan.from_bytes(plan.to_bytes())
        shares: list[float] = []
        written = convert(
            travelled, out, f"token{number}", lambda done, total: shares.append(done / total), force=False
        )
        assert written.nbytes == out.stat().st_size
        assert shares == sorted(shares)
        return out

    return make


def raw_bytes(tensor: torch.Tensor) -> bytes:
    """Return a tensor's elements one after another, NaN payloads and all."""
    plain = tensor.detach().resolve_conj().resolve_neg().contiguous()
    return bytes(plain.clone().untyped_storage())


def same(found: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    """Assert that two state_dicts hold the same tensors, bit for bit."""
    assert set(found) == set(wanted)
    for key, tensor in wanted.items():
        assert (found[key].dtype, found[key].shape) == (tensor.dtype, tensor.shape), key
        assert raw_bytes(found[key]) == raw_bytes(tensor), key


@pytest.fixture
def assert_same() -> Callable[[Mapping[str, torch.Tensor], Mapping[str, torch.Tensor]], None]:
    """See `same`."""
    return same
