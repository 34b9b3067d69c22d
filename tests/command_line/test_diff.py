"""``inspector diff`` as a person's shell runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

Inspector = Callable[..., Any]


def checkpoints(folder: Path) -> None:
    a = {
        "conv.weight": torch.arange(24.0).reshape(2, 3, 4),
        "bn.running_mean": torch.ones(2),
        "fc.weight": torch.ones(4, 2),
        "fc.bias": torch.tensor([3.0, 4.0]),
        "broken": torch.tensor([1.0, 2.0]),
        "zero": torch.zeros(2),
        "old": torch.ones(1),
    }
    b = {
        **a,
        "fc.weight": torch.ones(5, 2),
        "fc.bias": torch.tensor([3.0, 5.0]),
        "broken": torch.tensor([1.0, float("nan")]),
        "zero": torch.ones(2),
        "new": torch.ones(1, 7),
    }
    del b["old"]
    torch.save(a, folder / "a.pth")
    torch.save({"model": {f"module.{name}": tensor for name, tensor in b.items()}, "epoch": 1}, folder / "b.pth")


def test_the_document(inspector: Inspector, tmp_path: Path) -> None:
    checkpoints(tmp_path)
    done = inspector("diff", "a.pth", "b.pth", "--json", cwd=tmp_path)
    assert done.err == ""
    found = done.json()
    assert found["only_in_a"] == ["old"]
    assert found["only_in_b"] == ["new"]
    assert found["shape_changed"] == [{"name": "fc.weight", "a": [4, 2], "b": [5, 2]}]
    assert found["equal"] == 2
    assert found["not_compared"] == []
    broken, zero, bias = found["changed"]
    nothing = {"max_abs": None, "relative_l2": None, "cosine": None}
    assert broken == {"name": "broken", **nothing, "not_finite": 1, "rounded": False}
    assert (zero["name"], zero["max_abs"], zero["relative_l2"], zero["cosine"]) == ("zero", 1.0, None, None)
    assert (bias["name"], bias["max_abs"]) == ("fc.bias", 1.0)
    assert bias["relative_l2"] == pytest.approx(0.2)
    assert bias["cosine"] == pytest.approx(29 / (5 * 34**0.5))


def test_the_page(inspector: Inspector, tmp_path: Path) -> None:
    checkpoints(tmp_path)
    done = inspector("diff", "a.pth", "b.pth", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert "conv and bn are identical (frozen)" in lines[0]
    assert "8 tensors: 3 changed, 1 of another shape, 1 only in A, 1 only in B, 2 equal." in lines
    assert any(line.split() == ["fc.bias", "1.0000", "20.0", "%", "0.9947"] for line in lines)
    assert any("broken" in line and "1 value NaN or Inf in one alone" in line for line in lines)
    assert any(line.split() == ["fc.weight", "4", "×", "2", "5", "×", "2"] for line in lines)


def test_a_copy_as_safetensors_in_half_precision(inspector: Inspector, tmp_path: Path) -> None:
    a = {"w": torch.tensor([0.1, 0.2]), "n": torch.tensor(3)}
    torch.save(a, tmp_path / "a.pth")
    save_file({"w": a["w"].half(), "n": a["n"]}, tmp_path / "half.safetensors")
    found = inspector("diff", "a.pth", "half.safetensors", "--json", cwd=tmp_path).json()
    assert [(row["name"], row["rounded"]) for row in found["changed"]] == [("w", True)]
    assert found["sentence"] == "The same numbers, rounded to float16: nothing else changed."
    assert inspector("diff", "a.pth", "a.pth", cwd=tmp_path).out.startswith("Every tensor is identical.")


def test_another_state_dict(inspector: Inspector, squeezenet: Path) -> None:
    found = inspector("diff", squeezenet, squeezenet, "--state-dict-b", "ema", "--json").json()
    assert (found["equal"], found["changed"], found["only_in_a"]) == (52, [], [])
    error = inspector("diff", squeezenet, squeezenet, "--state-dict-b", "nope").error(3)
    assert "has no state_dict at 'nope'" in error


def test_wrong_files_and_wrong_use(inspector: Inspector, tmp_path: Path) -> None:
    checkpoints(tmp_path)
    assert "There is no file none.pth" in inspector("diff", "a.pth", "none.pth", cwd=tmp_path).error(3)
    assert "diff" in inspector("diff", "a.pth", cwd=tmp_path).error(2)
    (tmp_path / "text.pth").write_text("no checkpoint")
    inspector("diff", "text.pth", "a.pth", cwd=tmp_path).error(3)
