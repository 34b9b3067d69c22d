"""Shares of parameters as an icicle: its boxes, and how a person drills down and back."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QApplication

from inspector.gui import theme
from inspector.gui.model_page.icicle_data import NARROWEST, Box, boxes
from inspector.gui.model_page.icicle_view import IcicleView
from inspector.gui.model_page.shares_part import SharesPart
from inspector.gui.slices import Work
from inspector.session import Session, words
from inspector.session.loop import QueueLoop
from inspector.session.state import OpenCheckpoint

from .surveyed import surveyed


def content() -> dict[str, torch.Tensor]:
    return {
        "body.0.weight": torch.ones(40, 10),
        "body.0.running_mean": torch.ones(100),
        "body.1.weight": torch.ones(20, 10),
        "body.1.bias": torch.ones(1),
        "head.weight": torch.ones(20, 20),
    }


@pytest.fixture
def found(tmp_path: Path) -> OpenCheckpoint:
    return surveyed(tmp_path / "net.pth", content())


def finish(work: Work[list[Box]]) -> list[Box]:
    while True:
        try:
            next(work)
        except StopIteration as end:
            made: list[Box] = end.value
            return made


class Family:
    """As much of a summary as boxes ask for: a module with children of some sizes."""

    def __init__(self, sizes: list[int]) -> None:
        self.values = [sum(sizes), *sizes]
        self.first_children = [1, *(0 for _ in sizes)]
        self.child_counts = [len(sizes), *(0 for _ in sizes)]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=80))
def test_boxes_fill_their_row_and_hold_every_child_once(sizes: list[int]) -> None:
    family = Family(sizes)
    made = finish(boxes(family, family.values, 0, 200.0, 3))  # type: ignore[arg-type]
    row = [box for box in made if box.level == 1]
    assert sum(box.value for box in row) == family.values[0]
    for before, after in pairwise(row):
        assert after.left == pytest.approx(before.left + before.width)
        assert before.node + before.count <= after.node
    if family.values[0]:
        assert row[-1].left + row[-1].width == pytest.approx(200.0)
        alone = {box.node for box in row if box.count == 1}
        wide = {place + 1 for place, size in enumerate(sizes) if size * 200.0 / family.values[0] >= NARROWEST}
        assert wide <= alone  # whatever is wide enough stands by itself


def test_many_children_make_no_more_boxes_than_there_is_room_for() -> None:
    family = Family([1] * 200_000)
    made = finish(boxes(family, family.values, 0, 600.0, 3))  # type: ignore[arg-type]
    assert len(made) <= 1 + 600 / NARROWEST


class Looked:
    """A part over a session without processes."""

    def __init__(self, found: OpenCheckpoint, qtbot: Any) -> None:
        self.found, self.qtbot = found, qtbot
        self.part = SharesPart(Session(QueueLoop()))
        qtbot.addWidget(self.part)
        self.part.resize(700, 400)
        self.part.show()
        qtbot.waitExposed(self.part)
        self.part.show_checkpoint(found)
        self.settle()

    @property
    def view(self) -> IcicleView:
        return self.part.view

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.view.is_busy)

    def at(self, name: str) -> QPoint:
        box = next(box for box in self.view.boxes if self.view.name(box) == name)
        return self.view._rect(box).center().toPoint()

    def click(self, name: str) -> None:
        self.qtbot.mouseClick(self.view, Qt.MouseButton.LeftButton, pos=self.at(name))
        self.settle()

    def names(self, level: int) -> list[str]:
        return [self.view.name(box) for box in self.view.boxes if box.level == level]


@pytest.fixture
def looked(found: OpenCheckpoint, qtbot: Any) -> Looked:
    return Looked(found, qtbot)


def test_boxes_are_as_wide_as_their_shares(looked: Looked) -> None:
    assert looked.names(0) == ["net"]
    assert looked.names(1) == ["body", "head.weight"]
    assert looked.names(2) == ["0", "1"]
    whole, body = looked.view.boxes[0], looked.view.boxes[1]
    assert body.width / whole.width == pytest.approx(601 / 1001)
    assert "running_mean" not in looked.names(3)  # a buffer has no share of the parameters


def test_a_click_zooms_into_a_module_and_the_way_leads_back(looked: Looked, qtbot: Any) -> None:
    looked.click("body")
    assert looked.names(0) == ["body"]
    assert looked.view.boxes[0].width == looked.view.width()
    looked.click("1")
    assert [button.text() for button in looked.part.way.buttons] == ["net", "body", "1"]
    assert not looked.part.way.buttons[-1].isEnabled()
    qtbot.mouseClick(looked.part.way.buttons[1], Qt.MouseButton.LeftButton)
    looked.settle()
    assert looked.names(0) == ["body"]
    looked.click("body")  # the top row leads out
    assert looked.names(0) == ["net"]


def test_what_is_too_small_is_put_together_and_can_be_zoomed_into(tmp_path: Path, qtbot: Any) -> None:
    many = {f"layers.{place}.weight": torch.ones(2) for place in range(1000)}
    looked = Looked(surveyed(tmp_path / "deep.pth", many), qtbot)
    looked.click("layers")
    together = looked.view.boxes[3]
    assert together.count > 1
    name = looked.view.name(together)
    qtbot.mouseClick(looked.view, Qt.MouseButton.LeftButton, pos=looked.view._rect(together).center().toPoint())
    looked.settle()
    assert looked.names(0) == [name]
    assert len(looked.names(1)) == together.count
    assert looked.part.way.buttons[-1].text() == name
    looked.view.zoom_out()
    looked.settle()
    assert looked.names(0) == ["layers"]


def test_the_mouse_reads_what_a_box_holds(looked: Looked, qtbot: Any) -> None:
    qtbot.mouseMove(looked.view, looked.at("head.weight"))
    thin = words.THIN
    assert looked.part.reading.text() == f"head.weight · 400 parameters · 1.6{thin}kB · 40.0{thin}% of all"
    looked.click("body")
    qtbot.mouseMove(looked.view, looked.at("0"))
    assert looked.part.reading.text().startswith("body.0 · 400 parameters · 2.0")
    assert looked.part.reading.text().endswith(f"66.6{thin}% of body")


def test_a_double_click_leads_to_the_tree(looked: Looked, found: OpenCheckpoint, qtbot: Any) -> None:
    assert found.summary is not None
    at = looked.at("body")
    with qtbot.waitSignal(looked.part.node_chosen) as told:
        qtbot.mouseClick(looked.view, Qt.MouseButton.LeftButton, pos=at)
        qtbot.mouseDClick(looked.view, Qt.MouseButton.LeftButton, pos=at)
    assert found.summary.labels[told.args[0]] == "body"


def test_keys_walk_zoom_in_and_out(looked: Looked, qtbot: Any) -> None:
    view = looked.view
    view.setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Left):
        qtbot.keyClick(view, key)
    assert looked.part.reading.text().startswith("body ·")
    qtbot.keyClick(view, Qt.Key.Key_Return)
    looked.settle()
    assert looked.names(0) == ["body"]
    qtbot.keyClick(view, Qt.Key.Key_Backspace)
    looked.settle()
    assert looked.names(0) == ["net"]
    qtbot.keyClick(view, Qt.Key.Key_Down)
    with qtbot.waitSignal(looked.part.node_chosen):
        qtbot.keyClick(view, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


def test_bytes_count_what_parameters_do_not(looked: Looked, qtbot: Any) -> None:
    looked.click("body")
    qtbot.mouseClick(looked.part.measure.buttons["nbytes"], Qt.MouseButton.LeftButton)
    looked.settle()
    assert looked.names(0) == ["body"]  # the same module is still shown
    assert "running_mean" in looked.names(2)


def test_a_file_without_parameters_is_shared_by_bytes(tmp_path: Path, qtbot: Any) -> None:
    looked = Looked(surveyed(tmp_path / "ints.pth", {"a.running_mean": torch.ones(4)}), qtbot)
    assert not looked.part.measure.buttons["parameters"].isVisible()
    assert looked.view.total == 16
    empty = Looked(surveyed(tmp_path / "empty.pth", {"a": torch.zeros(0)}), qtbot)
    assert empty.part.nothing.isVisible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_painted_in_the_colours_of_the_theme(looked: Looked, qapp: QApplication, scheme: str) -> None:
    theme.apply(qapp, scheme)
    image = looked.view.grab().toImage()
    inside = looked.view._rect(looked.view.boxes[0]).toRect()
    whole = image.pixelColor(inside.center().x(), inside.top() + 2)
    assert whole not in (QColor(theme.colors().surface), QColor("black"))
    QGuiApplication.clipboard().clear()
    looked.view.copy()
    assert not QGuiApplication.clipboard().image().isNull()
