"""The distributions along the depth of a network: what is reckoned, and how it is looked at."""

from __future__ import annotations

import math
import time
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication
from safetensors.torch import save_file

from inspector.gui import theme
from inspector.gui.model_page import depth_data
from inspector.gui.model_page.depth_data import column_shades, layers_of, picture, segments, whole_axis
from inspector.gui.model_page.depth_part import DepthPart
from inspector.gui.model_page.depth_view import DepthView
from inspector.gui.slices import Work
from inspector.gui.views.axis import Axis
from inspector.session import Session
from inspector.session.loop import QueueLoop
from inspector.session.state import OpenCheckpoint
from inspector.session.survey_state import Survey, SurveyFigures

from .surveyed import fill, read, surveyed

NAN = float("nan")


def content() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "body.0.conv.weight": torch.randn(8, 3, 3, 3),
        "body.0.bn.weight": torch.ones(8),
        "body.0.bn.running_mean": torch.randn(8),
        "body.1.conv.weight": torch.randn(8, 8, 3, 3) * 0.1,
        "head.weight": torch.tensor([[NAN, 1.0, -3.0]]),
        "head.bias": torch.zeros(1),
    }


@pytest.fixture
def found(tmp_path: Path) -> OpenCheckpoint:
    return surveyed(tmp_path / "net.pth", content())


def finish(work: Work[Any]) -> Any:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def layer_names(found: OpenCheckpoint, which: depth_data.Which) -> list[str]:
    assert found.summary is not None
    return [found.summary.names[tensor] for tensor in finish(layers_of(found.summary, found.state_dict, which))]


# -- what is reckoned ----------------------------------------------------------------------------------------------


def test_layers_stand_in_the_order_of_the_model(found: OpenCheckpoint) -> None:
    assert layer_names(found, "weights") == ["body.0.conv.weight", "body.1.conv.weight", "head.weight"]
    assert layer_names(found, "scales") == ["body.0.bn.weight"]
    assert layer_names(found, "biases") == ["head.bias"]
    assert layer_names(found, "running_mean") == ["body.0.bn.running_mean"]
    assert layer_names(found, "running_var") == []


def test_layers_of_a_file_without_an_order_stand_in_that_of_their_names(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file({f"layers.{place}.weight": torch.ones(2, 2) for place in (10, 2, 1)}, path)
    summary = read(path)
    layers = finish(layers_of(summary, None, "weights"))
    assert [summary.names[tensor] for tensor in layers] == ["layers.1.weight", "layers.2.weight", "layers.10.weight"]


def one(values: torch.Tensor) -> SurveyFigures:
    figures = SurveyFigures(1)
    fill(figures, 0, values)
    return figures


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    st.sampled_from(["linear", "symlog"]),
    st.integers(8, 200),
)
def test_the_density_of_a_column_comes_to_all_of_its_values(values: list[float], scale: Any, rows: int) -> None:
    figures = one(torch.tensor(values, dtype=torch.float64))
    axis = finish(whole_axis(figures, [0], scale))
    single, changes = [0.0] * rows, [0.0] * (rows + 1)
    depth_data._add(single, changes, figures, 0, axis)
    running, total = 0.0, 0.0
    for here, change in zip(single, changes, strict=False):
        running += change
        assert here + running > -1e-9
        total += here + running
    # bins reach a little beyond the axis where numpy made room around a lone value
    assert math.isclose(total, 1.0, rel_tol=1e-6) or min(values) == max(values)


def test_shades_are_darkest_where_most_values_lie() -> None:
    figures = one(torch.cat([torch.zeros(1000), torch.tensor([-1.0, 1.0])]))
    shades = finish(column_shades(figures, [0], Axis(-1.0, 1.0), 64))
    assert len(shades) == 64
    assert shades.index(255) in (31, 32)
    assert 0 < shades[0] == shades[-1] < 60
    assert not any(shades[2:28])
    assert not any(finish(column_shades(SurveyFigures(1), [0], Axis(-1.0, 1.0), 16)))  # nothing is known


def test_the_high_end_is_on_top() -> None:
    shades = finish(column_shades(one(torch.tensor([0.9, 1.0, 1.0])), [0], Axis(-1.0, 1.0), 32))
    assert any(shades[:4])
    assert not any(shades[8:])


def test_a_symlog_axis_keeps_an_outlier_and_the_rest_apart() -> None:
    figures = SurveyFigures(3)
    for tensor, values in enumerate((torch.randn(500), torch.randn(500), torch.randn(500))):
        fill(figures, tensor, values)
    figures.maximum[2] = 1e6
    axis = finish(whole_axis(figures, [0, 1, 2], "symlog"))
    assert axis.place(1.0) - axis.place(-1.0) > 0.05
    assert finish(whole_axis(figures, [0, 1, 2], "linear")).place(1.0) < 0.05


def test_many_layers_share_columns_and_no_extreme_is_lost(found: OpenCheckpoint) -> None:
    figures = SurveyFigures(100)
    for tensor in range(100):
        fill(figures, tensor, torch.tensor([-float(tensor), float(tensor)]))
    figures.nan[77] = 1
    layers = array("i", range(100))
    made = finish(picture(figures, layers, 0, 100, 10, 16, Axis(-100.0, 100.0)))
    assert list(made.starts) == list(range(0, 101, 10))
    assert list(made.maximum) == [float(last) for last in range(9, 100, 10)]
    assert list(made.minimum) == [-float(last) for last in range(9, 100, 10)]
    assert list(made.broken) == [0] * 7 + [1] + [0] * 2
    assert len(made.shades) == 160
    alone = finish(picture(figures, layers, 3, 6, 10, 16, Axis(-100.0, 100.0)))
    assert list(alone.starts) == [3, 4, 5, 6]


def test_a_picture_of_200_000_layers_is_made_in_steps_that_nobody_notices() -> None:
    many = 200_000
    figures = SurveyFigures(many)
    for tensor in range(many):
        figures.minimum[tensor] = figures.low[tensor] = -1.0 - tensor % 7
        figures.maximum[tensor] = figures.high[tensor] = 2.0
    figures.counts = array("q", [3]) * (figures.bins * many)
    work, longest = picture(figures, array("i", range(many)), 0, many, 400, 300, Axis(-8.0, 2.0)), 0.0
    before = time.thread_time()
    for _ in range(400):  # as many as show that columns of hundreds of layers are no single step
        next(work)
        now = time.thread_time()
        longest, before = max(longest, now - before), now
    assert longest < 0.02


def test_names_below_are_as_deep_as_there_is_room() -> None:
    names = ["net.a.0.w", "net.a.1.w", "net.b.w", "net.c.0.w"]
    assert segments(names, 3) == [("a", 0), ("b", 2), ("c", 3)]
    assert segments(names, 4) == [("a.0.w", 0), ("a.1.w", 1), ("b.w", 2), ("c.0.w", 3)]
    assert segments(names, 2) == [("a …", 0), ("c …", 3)]
    assert segments(["w"], 5) == [("w", 0)]
    assert segments([], 5) == []


# -- how it is looked at -------------------------------------------------------------------------------------------


class Looked:
    """A part over a session without processes."""

    def __init__(self, found: OpenCheckpoint, qtbot: Any) -> None:
        self.session, self.qtbot = Session(QueueLoop()), qtbot
        self.session.store.checkpoints[found.id] = found
        self.selected: list[int | None] = []
        self.session.select_tensor = lambda _, tensor: self.selected.append(tensor)  # type: ignore[assignment, method-assign]
        self.part = DepthPart(self.session)
        qtbot.addWidget(self.part)
        self.part.resize(640, 420)
        self.part.show()
        qtbot.waitExposed(self.part)
        self.part.show_checkpoint(found)
        self.settle()

    @property
    def view(self) -> DepthView:
        return self.part.view

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.view.is_busy and not self.part._slices.is_busy)

    def at(self, layer: float) -> QPoint:
        drawing = self.view._drawing()
        return QPoint(round(drawing.x(layer + 0.5)), round(drawing.area.center().y()))


@pytest.fixture
def looked(found: OpenCheckpoint, qtbot: Any) -> Looked:
    return Looked(found, qtbot)


def test_the_mouse_reads_a_layer_and_a_click_goes_there(looked: Looked, qtbot: Any) -> None:
    assert looked.part.reading.text().startswith("Shade")
    qtbot.mouseMove(looked.view, looked.at(1))
    assert looked.part.reading.text() == "body.1.conv.weight · 8 × 8 × 3 × 3"
    assert looked.part.figures.text().startswith("−0.")
    assert " ± 0." in looked.part.figures.text()
    qtbot.mouseMove(looked.view, looked.at(2))
    assert looked.part.figures.text().endswith("1 NaN")
    with qtbot.waitSignal(looked.part.tensor_opened):
        qtbot.mouseClick(looked.view, Qt.MouseButton.LeftButton, pos=looked.at(2))
    assert looked.selected == [4]
    qtbot.mouseMove(looked.view, QPoint(2, 2))
    assert looked.part.reading.text().startswith("Shade")


def test_keys_walk_from_layer_to_layer_and_choose_one(looked: Looked, qtbot: Any) -> None:
    looked.view.setFocus()
    qtbot.keyClick(looked.view, Qt.Key.Key_Left)
    for _ in range(3):
        qtbot.keyClick(looked.view, Qt.Key.Key_Left)
    assert looked.part.reading.text().startswith("body.0.conv.weight")
    qtbot.keyClick(looked.view, Qt.Key.Key_Right)
    with qtbot.waitSignal(looked.part.tensor_opened):
        qtbot.keyClick(looked.view, Qt.Key.Key_Return)
    assert looked.selected == [3]


def many(tmp_path: Path) -> OpenCheckpoint:
    return surveyed(tmp_path / "deep.pth", {f"layer{place}.weight": torch.randn(4, 4) for place in range(40)})


def turn(view: DepthView, at: QPoint, by: int, *, shift: bool = False) -> None:
    keys = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    none, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    where = QPointF(at)
    wheel = QWheelEvent(where, view.mapToGlobal(where), QPoint(), QPoint(0, by), none, keys, phase, False)
    QApplication.sendEvent(view, wheel)


def test_the_wheel_zooms_at_the_mouse_a_drag_moves_and_0_fits(tmp_path: Path, qtbot: Any) -> None:
    looked = Looked(many(tmp_path), qtbot)
    view, at = looked.view, looked.at(30)
    turn(view, at, 480)
    first, last = view.seen
    assert 0 < first < 30 < last <= 40
    assert round(view._drawing().layer_at(at.x()), 3) == round(30.5, 3) or abs(looked.at(30).x() - at.x()) <= 1
    looked.settle()
    assert view.shown is not None
    assert view.shown.first == math.floor(first)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(view, at + QPoint(60, 0))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=at + QPoint(60, 0))
    assert view.seen[0] < first
    assert looked.selected == []  # a drag is no click
    before = view.axis
    turn(view, at, 240, shift=True)
    assert view.axis.high - view.axis.low < before.high - before.low
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_0)
    looked.settle()
    assert view.seen == (0.0, 40.0)
    assert view.axis == before
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.seen[1] - view.seen[0] < 40
    for _ in range(60):
        qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.seen[1] - view.seen[0] == 3  # no nearer


def test_the_picture_follows_a_survey_that_is_running(found: OpenCheckpoint, qtbot: Any) -> None:
    assert found.summary is not None
    figures = SurveyFigures(len(found.summary))
    running = replace(found, survey=Survey("running", 0, 9, figures))
    looked = Looked(running, qtbot)
    assert looked.view.shown is not None
    assert not any(looked.view.shown.shades)
    fill(figures, 0, content()["body.0.conv.weight"])
    looked.part.show_checkpoint(replace(found, survey=Survey("running", 5, 9, figures)))
    looked.settle()
    assert any(looked.view.shown.shades)
    assert looked.view.shown.maximum[0] == figures.maximum[0]


def test_other_tensors_and_scales_are_chosen(looked: Looked, qtbot: Any) -> None:
    looked.part.which.setCurrentIndex(1)
    looked.settle()
    assert list(looked.view.layers) == [1]
    qtbot.mouseClick(looked.part.scale.buttons["linear"], Qt.MouseButton.LeftButton)
    looked.settle()
    assert looked.view.axis.scale == "linear"


def test_what_is_not_there_is_said(tmp_path: Path, qtbot: Any) -> None:
    looked = Looked(surveyed(tmp_path / "flat.pth", {"a.bias": torch.zeros(3)}), qtbot)
    assert looked.part.nothing.isVisible()
    assert looked.part.nothing.title.text() == "No weights in this model"
    looked.part.show_checkpoint(replace(many(tmp_path), survey=None))
    assert looked.part.nothing.title.text() == "Nothing to see yet"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_painted_in_the_colours_of_the_theme(looked: Looked, qapp: QApplication, scheme: str) -> None:
    theme.apply(qapp, scheme)
    looked.settle()
    image = looked.view.grab().toImage()
    area = looked.view._drawing().area.toRect()
    colours = {image.pixelColor(area.left() + 20, y).rgb() for y in range(area.top(), area.bottom())}
    assert QColor(theme.colors().surface).rgb() in colours
    assert len(colours) > 6
    QGuiApplication.clipboard().clear()
    looked.view.copy()
    assert not QGuiApplication.clipboard().image().isNull()
