"""Reports: what they tell, that nothing of a stranger's can act in them, and that they stay small."""

from __future__ import annotations

import csv
import math
import unicodedata
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import SHARED_DATA
from tests.export.reports import Page, report_of, summary_of, write_report

from inspector.checkpoint.errors import FileChangedError
from inspector.export import report_table
from inspector.export.errors import TargetError, TargetExistsError
from inspector.export.report_depth import Axis, density_of, segments
from inspector.export.report_html import text
from inspector.processes.roles import reporting
from inspector.processes.roles.reporting import report
from inspector.session.taking_away import report_request
from inspector.survey_rows import SurveyRow


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A training checkpoint whose first layer has a dead filter and whose second holds NaN."""
    torch.manual_seed(0)
    model: dict[str, torch.Tensor] = OrderedDict()
    for place in range(4):
        model[f"layer{place}.conv.weight"] = torch.randn(8, 3 if not place else 8, 3, 3) / (place + 1)
        model[f"layer{place}.conv.bias"] = torch.randn(8)
    model["layer0.conv.weight"][2] = 0
    model["layer1.conv.weight"][0, 0, 0, 0] = math.nan
    model["fc.weight"] = torch.randn(10, 8)
    model["lost"] = torch.empty(3, 3, device="meta")
    torch.save({"state_dict": model, "epoch": 7, "who": "<b>me</b>"}, tmp_path / "run.pth")
    return tmp_path / "run.pth"


def test_what_a_report_tells(network: Path, tmp_path: Path) -> None:
    page = report_of(network, tmp_path / "out.html")
    summary = summary_of(network)
    for name in summary.names:
        assert name in page.texts
    weight = torch.load(network, weights_only=True)["state_dict"]["fc.weight"].double()
    for figure in (weight.min(), weight.max(), weight.mean(), weight.std(correction=0), weight.norm()):
        assert f"{figure:.4f}".replace("-", "−") in page.texts
    assert "A training checkpoint: a state_dict of 10 tensors, " in page.text
    assert "safe to read" in page.text
    assert "epoch" in page.texts
    assert "<b>me</b>" in page.texts
    assert "serious" in page.text
    assert "can't be read" in page.text
    nan = summary.names.index("state_dict.layer1.conv.weight")
    assert f"t{nan}" in page.links
    for anchor in ("file", "architecture", "audit", "depth", "shares", "weights", "tensors", "inside"):
        assert anchor in page.links
    assert len(page.pictures) == 6  # the depth and five layers
    assert all(image.width > 1 for image in page.images())
    assert page.meta["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "script" not in page.meta["Content-Security-Policy"]


def test_names_that_would_act(tmp_path: Path) -> None:
    hostile = [
        "<script>alert(1)</script>.weight",
        '"><img src=x onerror=alert(1)>.weight',
        "a\u202eb\u0000c\u200bd.weight",
        "&lt;i&gt;\u2028\ud800.weight",
        "</svg></style><svg onload=alert(1)>.weight",
        "x" * 5_000 + ".weight",
        "javascript:alert(1).weight",
    ]
    content = {name: torch.randn(4, 5) for name in hostile}
    beside = {name: name for name in hostile}
    torch.save({"state_dict": content, "<style>": beside}, tmp_path / "<script>x.pth")
    page = report_of(tmp_path / "<script>x.pth", tmp_path / "out.html")  # which asserts what elements there are
    assert "<script>x.pth" in page.texts
    assert any("<script>alert(1)</script>.weight" in found for found in page.texts)
    assert any(r"a\u202eb\x00c\u200bd.weight" in found for found in page.texts)
    for letter in page.content:
        assert letter == "\n" or letter.isprintable() or unicodedata.category(letter) == "Zs"
    assert len(page.content) < 200_000


@given(st.text())
def test_any_text_is_just_text(content: str) -> None:
    shown = text(content, 10_000)
    assert not set(shown) & set("<>\"'\n\r\t\x00")
    page = Page(f"<p>{shown}</p>")
    plain = "".join(
        letter if letter.isprintable() or unicodedata.category(letter) == "Zs" else ascii(letter)[1:-1]
        for letter in content
    )
    assert "".join(page.texts) == plain


def test_drawings_are_whole(network: Path, tmp_path: Path) -> None:
    from PySide6.QtCore import QByteArray
    from PySide6.QtSvg import QSvgRenderer

    page = report_of(network, tmp_path / "out.html")
    assert len(page.drawings) == 2 + 9  # depth, shares, and each tensor that can be read
    for drawing in page.drawings:
        assert QSvgRenderer(QByteArray(drawing.encode())).isValid(), drawing[:200]


def test_a_model_of_many_tensors_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_table, "MOST_ROWS", 300)
    model = {f"blocks.{place}.weight": torch.randn(2, 2) for place in range(1_000)}
    model["blocks.900.weight"][0, 0] = math.nan
    torch.save(model, tmp_path / "many.pth")
    page = report_of(tmp_path / "many.pth", tmp_path / "out.html")
    assert "300 of 1\u202f000 tensors are shown" in page.text
    assert "700 are left out" in page.text
    assert "t900" in page.anchors
    assert sum(anchor[1:].isdecimal() for anchor in page.anchors) == 300


def test_one_tensor_and_none(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.arange(12.0).reshape(3, 4))
    page = report_of(tmp_path / "one.npy", tmp_path / "one.html")
    assert "one.npy" in page.texts
    assert len(page.pictures) == 1
    torch.save({"epoch": 3}, tmp_path / "none.pth")
    page = report_of(tmp_path / "none.pth", tmp_path / "none.html")
    assert {"tensors", "weights", "audit"}.isdisjoint(page.anchors)
    torch.save({"empty": torch.empty(0, 3), "nan": torch.full((3, 3), math.nan)}, tmp_path / "odd.pth")
    assert "t1" in report_of(tmp_path / "odd.pth", tmp_path / "odd.html").anchors


def test_never_over_what_is_there(network: Path, tmp_path: Path) -> None:
    out, before = tmp_path / "out.html", network.read_bytes()
    out.write_text("mine")
    with pytest.raises(TargetExistsError):
        write_report(network, out)
    assert out.read_text() == "mine"
    with pytest.raises(TargetError, match="checkpoint itself"):
        write_report(network, network, force=True)
    assert network.read_bytes() == before
    write_report(network, out, force=True)
    assert out.read_text().startswith("<!DOCTYPE html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "run.pth"]


def test_a_file_that_changed_meanwhile_leaves_nothing(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = summary_of(network)
    params, buffers = report_request(summary, summary.model)

    def change(*_: Any) -> Iterator[Any]:
        network.write_bytes(network.read_bytes() + b"more")
        yield from ()

    monkeypatch.setattr(reporting, "_pictures", change)
    asked = {**params, "out": str(tmp_path / "out.html"), "token": "t", "force": False}
    with pytest.raises(FileChangedError):
        report(asked, [bytearray(part) for part in buffers], lambda _: None)
    assert not (tmp_path / "out.html").exists()


def test_places_on_the_axis_and_densities() -> None:
    axis = Axis(-3.0, 1_000.0, 0.1)
    places = [axis.place(value) for value in (-3.0, -0.1, 0.0, 0.1, 1.0, 1_000.0)]
    assert places == sorted(places)
    assert 0 < places[0] < places[-1] < 1
    edges = axis.edges(64)
    assert axis.place(float(edges[32])) == pytest.approx(0.5)
    ticks = axis.ticks(12)
    assert 0.0 in ticks
    assert len(ticks) <= 13
    row = SurveyRow((-1.0, 1.0, 0.0, 0.5, 1.0, -1.0, 1.0), (0, 0, 0, 0, 0), (1, 2, 3, 4))
    whole = density_of(row, np.array([-2.0, -1.0, -0.5, 0.25, 1.0, 5.0]))
    assert whole.tolist() == pytest.approx([0.0, 0.1, 0.35, 0.55, 0.0])
    constant = SurveyRow((2.0, 2.0, 2.0, 0.0, 2.0, 1.0, 3.0), (0, 0, 0, 0, 0), (0, 0, 5, 0))
    assert density_of(constant, np.array([0.0, 1.5, 2.5, 4.0])).tolist() == [0.0, 1.0, 0.0]


def test_axis_of_values_at_the_limits() -> None:
    axis = Axis(-1e308, 1e308, 1e-300)
    assert 0 < axis.place(-1e308) < axis.place(1.0) < axis.place(1e308) < 1
    assert np.all(np.diff(axis.edges(16)[1:-1]) > 0)
    assert len(axis.ticks(8)) >= 1
    assert Axis(0.0, 0.0, 1.0).place(0.0) == pytest.approx(0.5, abs=0.5)


def test_runs_of_names() -> None:
    keys = ["conv1.weight", "layer1.0.conv.weight", "layer1.1.conv.weight", "layer2.0.conv.weight", "fc.weight"]
    assert segments(keys, 4) == [("conv1", 0), ("layer1", 1), ("layer2", 3), ("fc", 4)]
    assert segments(keys, 5)[1:3] == [("layer1.0", 1), ("layer1.1", 2)]
    assert segments(keys, 2) == [("", 0)]


def real_files() -> list[str]:
    """Return the real checkpoints by the list of them; none where they are absent."""
    if not SHARED_DATA.is_dir():
        return []
    with (SHARED_DATA / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        files = [row["file"] for row in csv.DictReader(lines, delimiter="\t")]
    return [file for file in files if file.startswith("checkpoints/")]


@pytest.mark.shared_data
@pytest.mark.parametrize("file", real_files() or ["absent"])
def test_real_files(shared_data: Path, file: str, tmp_path: Path) -> None:
    page = report_of(shared_data / file, tmp_path / "out.html")
    assert sum(anchor[1:].isdecimal() for anchor in page.anchors) == len(summary_of(shared_data / file))
    assert all(image.width for image in page.images())
    assert len(page.content) < 8_000_000
