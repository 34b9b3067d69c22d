"""``inspector report`` as a person's shell runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.export.reports import Page


@pytest.fixture
def network(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    weights = {"a.weight": torch.randn(4, 3), "a.bias": torch.randn(4), "b.weight": torch.randn(2, 4)}
    torch.save(
        {"model": weights, "ema": {f"module.{key}": value for key, value in weights.items()}}, tmp_path / "n.pth"
    )
    return tmp_path / "n.pth"


def test_a_page_and_the_line_that_says_so(inspector: Callable[..., Any], network: Path) -> None:
    done = inspector("report", network.name, "out.html", cwd=network.parent)
    assert (done.code, done.err) == (0, "")
    size = (network.parent / "out.html").stat().st_size
    assert done.out == f"Wrote out.html: 6 tensors, 0 findings, {size / 1000:.1f}\u202fkB.\n"
    page = Page((network.parent / "out.html").read_text(encoding="utf-8"))
    assert "model.b.weight" in page.texts
    assert len(page.pictures) == 3


def test_json_and_another_state_dict(inspector: Callable[..., Any], network: Path) -> None:
    done = inspector("report", network.name, "O.HTM", "--state-dict", "ema", "--json", cwd=network.parent)
    found = json.loads(done.out)
    assert found == {
        "file": "n.pth", "report": "O.HTM", "tensors": 6, "findings": 0,
        "bytes": (network.parent / "O.HTM").stat().st_size,
    }  # fmt: skip
    wrong = inspector("report", network.name, "p.html", "--state-dict", "nope", cwd=network.parent).error(3)
    assert wrong == "n.pth has no state_dict at 'nope'. It has: 'model', 'ema'."
    assert not (network.parent / "p.html").exists()


def test_refusals(inspector: Callable[..., Any], network: Path) -> None:
    folder, before = network.parent, network.read_bytes()
    assert inspector("report", "n.pth", "out", cwd=folder).error(2) == (
        "report: out is no name of a page. Let OUT end in .html."
    )
    assert "There is no file" in inspector("report", "none.pth", "out.html", cwd=folder).error(3)
    assert inspector("report", "n.pth", "no/out.html", cwd=folder).error(3).startswith("There is no folder")
    (folder / "out.html").write_text("mine")
    error = inspector("report", "n.pth", "out.html", cwd=folder).error(3)
    assert error == "out.html is there already. Choose another name, or give --force."
    assert (folder / "out.html").read_text() == "mine"
    (folder / "link.html").symlink_to("n.pth")
    error = inspector("report", "n.pth", "link.html", "--force", cwd=folder).error(3)
    assert error == "link.html is the checkpoint itself, which is never written over. Choose another place."
    assert network.read_bytes() == before
    assert inspector("report", "n.pth", "out.html", "--force", cwd=folder).code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["link.html", "n.pth", "out.html"]


def test_a_file_without_a_model(inspector: Callable[..., Any], tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "plain.pth")
    assert inspector("report", "plain.pth", "out.html", cwd=tmp_path).code == 0
    assert "epoch" in Page((tmp_path / "out.html").read_text(encoding="utf-8")).texts
