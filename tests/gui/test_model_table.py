"""The table over all tensors: sorted and filtered in slices, a proper item model, copied, selected by hand."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHeaderView

from inspector.gui.model_page.rows import Choice, Column, TableRows, natural_text
from inspector.gui.model_page.table_model import HEADER, TONE, TensorTableModel
from inspector.gui.model_page.table_part import TablePart
from inspector.gui.slices import Slices, Work
from inspector.natural_order import natural_key
from inspector.session import Session
from inspector.session.loop import QueueLoop
from inspector.session.state import OpenCheckpoint
from inspector.session.survey_state import Survey, SurveyFigures

from .surveyed import saved, surveyed

MANY = 200_000
NAN, INF = float("nan"), float("inf")


def content() -> dict[str, torch.Tensor]:
    return {
        "layer10.weight": torch.tensor([[1.0, -2.0], [0.0, 0.0]]),
        "layer2.weight": torch.tensor([[NAN, 4.0, INF]]),
        "layer2.bias": torch.zeros(3),
        "layer2.running_mean": torch.tensor([0.5, 0.25], dtype=torch.float64),
        "empty": torch.zeros(0),
    }


@pytest.fixture
def found(tmp_path: Path) -> OpenCheckpoint:
    return surveyed(tmp_path / "net.pth", content())


def finish(work: Work[array[int]]) -> array[int]:
    while True:
        try:
            next(work)
        except StopIteration as end:
            made: array[int] = end.value
            return made


def names(found: OpenCheckpoint, choice: Choice) -> list[str]:
    assert found.summary is not None
    assert found.survey is not None
    rows = finish(TableRows(found.summary).chosen(choice, found.survey.figures))
    return [found.summary.names[tensor] for tensor in rows]


# -- rows --------------------------------------------------------------------------------------------------------


def test_rows_are_sorted_by_every_column_and_those_without_a_value_come_last(found: OpenCheckpoint) -> None:
    assert names(found, Choice()) == list(content())
    by_name = ["empty", "layer2.bias", "layer2.running_mean", "layer2.weight", "layer10.weight"]
    assert names(found, Choice(column=Column.NAME)) == by_name
    assert names(found, Choice(column=Column.NAME, descending=True)) == by_name[::-1]
    assert names(found, Choice(column=Column.SHAPE))[0] == "empty"
    assert names(found, Choice(column=Column.DTYPE))[-1] == "layer2.running_mean"
    assert names(found, Choice(column=Column.MAXIMUM))[-2:] == ["layer2.weight", "empty"]
    assert names(found, Choice(column=Column.MAXIMUM, descending=True))[0] == "layer2.weight"
    assert names(found, Choice(column=Column.MAXIMUM, descending=True))[-1] == "empty"
    assert names(found, Choice(column=Column.ZEROS, descending=True))[:2] == ["layer2.bias", "layer10.weight"]
    assert names(found, Choice(column=Column.NAN, descending=True))[0] == "layer2.weight"
    assert names(found, Choice(column=Column.DEAD, descending=True))[0] == "layer10.weight"
    assert names(found, Choice(column=Column.VALUES, descending=True))[0] == "layer10.weight"


def test_rows_are_filtered_by_words_sizes_and_kind(found: OpenCheckpoint) -> None:
    assert names(found, Choice("LAYER2 weight")) == ["layer2.weight"]
    assert names(found, Choice("2x2")) == ["layer10.weight"]
    assert names(found, Choice("float64")) == ["layer2.running_mean"]
    assert names(found, Choice(only="parameters")) == ["layer10.weight", "layer2.weight", "layer2.bias", "empty"]
    assert names(found, Choice(only="broken")) == ["layer2.weight"]
    assert names(found, Choice("layer2", "zeros")) == ["layer2.bias"]
    assert names(found, Choice("nothing like it")) == []


@given(st.lists(st.text(alphabet="aB.0123456789", max_size=12), max_size=12))
def test_the_text_that_names_are_sorted_by_has_the_natural_order(found: list[str]) -> None:
    assert sorted(found, key=natural_text) == sorted(found, key=natural_key)


@given(st.lists(st.floats(allow_nan=True), max_size=60), st.booleans())
def test_figures_are_sorted_as_numbers(values: list[float], descending: bool) -> None:
    from inspector.gui.model_page import rows

    before, rows._RUN = rows._RUN, 4  # many runs, of few
    try:
        found = list(finish(rows._sorted(array("i", range(len(values))), values, descending=descending)))
    finally:
        rows._RUN = before
    valued = [place for place, value in enumerate(values) if value == value]
    wanted = sorted(valued, key=lambda place: values[place], reverse=descending)
    assert found == wanted + [place for place, value in enumerate(values) if value != value]


class Wide:
    """As much of a summary as the rows ask for, of many tensors."""

    def __init__(self) -> None:
        self.names = [f"model.layers.{place * 7919 % MANY}.weight" for place in range(MANY)]
        self.dtypes, self.roles, self.ndims = bytes(MANY), bytes(MANY), bytes([2]) * MANY

    def __len__(self) -> int:
        return MANY

    def shape(self, tensor: int) -> tuple[int, ...]:
        return (tensor % 512, 8)

    def numel(self, tensor: int) -> int:
        return tensor % 512 * 8

    def dtype(self, tensor: int) -> str:
        return "float32"


def longest_step(work: Work[Any]) -> float:
    """Return the seconds of our own work in the longest step: what else the machine does is not ours."""
    longest, before = 0.0, time.thread_time()
    try:
        while True:
            next(work)
            now = time.thread_time()
            longest, before = max(longest, now - before), now
    except StopIteration:
        return max(longest, time.thread_time() - before)


@pytest.mark.parametrize("choice", [*(Choice(column=column) for column in Column), Choice("layers.77"), Choice("8x8")])
def test_200_000_rows_are_chosen_in_steps_that_nobody_notices(choice: Choice) -> None:
    figures, wide = SurveyFigures(MANY), Wide()
    figures.known = bytearray([1]) * MANY
    for place in range(MANY):
        figures.minimum[place] = figures.high[place] = place * 7919 % MANY
        figures.zeros[place] = place * 104729 % MANY
    assert longest_step(TableRows(wide).chosen(choice, figures)) < 0.05  # type: ignore[arg-type]


# -- the model ---------------------------------------------------------------------------------------------------


def settled(model: TensorTableModel, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not model.is_busy)


def column(model: TensorTableModel, which: Column) -> list[str]:
    return [model.index(row, which).data() for row in range(model.rowCount())]


def test_the_model_is_a_proper_item_model(found: OpenCheckpoint, qtbot: Any, qtmodeltester: Any) -> None:
    model = TensorTableModel()
    qtmodeltester.check(model)
    model.show_summary(found.summary, None)
    qtmodeltester.check(model)
    model.show_summary(found.summary, found.survey)
    model.sort(Column.MEAN, Qt.SortOrder.DescendingOrder)
    settled(model, qtbot)
    qtmodeltester.check(model)
    model.set_filter("layer2", "broken")
    settled(model, qtbot)
    qtmodeltester.check(model)
    model.show_summary(None, None)
    qtmodeltester.check(model)
    assert model.rowCount() == 0


def test_cells_say_what_is_known_and_mark_what_is_broken(found: OpenCheckpoint, qtbot: Any) -> None:
    model = TensorTableModel()
    model.show_summary(found.summary, None)
    assert column(model, Column.MINIMUM) == [""] * 5
    model.show_summary(found.summary, found.survey)
    assert column(model, Column.SHAPE) == ["2 × 2", "1 × 3", "3", "2", "0"]
    assert column(model, Column.MINIMUM) == ["−2.0000", "4.0000", "0.0000", "0.2500", ""]
    assert column(model, Column.MEAN) == ["−0.2500", "4.0000", "0.0000", "0.3750", ""]
    assert column(model, Column.NAN) == ["0", "1", "0", "0", "0"]
    assert column(model, Column.DEAD) == ["1", "0", "", "", ""]
    assert model.index(1, Column.NAN).data(TONE) == model.index(1, Column.INF).data(TONE) == "alarm"
    assert model.index(0, Column.NAN).data(TONE) == "quiet"
    assert model.index(2, Column.ZEROS).data(TONE) == model.index(0, Column.DEAD).data(TONE) == "note"
    assert model.index(0, Column.ZEROS).data(TONE) == "text"
    assert "2 of 4: 50.0" in model.index(0, Column.ZEROS).data(Qt.ItemDataRole.ToolTipRole)
    assert "-0.25" in model.index(0, Column.MEAN).data(Qt.ItemDataRole.ToolTipRole)


def test_what_can_not_be_read_is_said(found: OpenCheckpoint, qtbot: Any) -> None:
    assert found.survey is not None
    figures = found.survey.figures
    figures.known[0] = 2
    figures.problem[0] = "its bytes end too early"
    model = TensorTableModel()
    model.show_summary(found.summary, found.survey)
    assert model.index(0, Column.MEAN).data() == ""
    assert "its bytes end too early" in model.index(0, Column.MEAN).data(Qt.ItemDataRole.ToolTipRole)


def test_rows_follow_figures_that_are_coming_in(found: OpenCheckpoint, tmp_path: Path, qtbot: Any) -> None:
    assert found.survey is not None
    assert found.summary is not None
    figures = SurveyFigures(len(found.summary))
    running = Survey("running", 0, 10, figures)
    model = TensorTableModel()
    model.show_summary(found.summary, running)
    model.set_filter("", "broken")
    settled(model, qtbot)
    assert model.rowCount() == 0
    figures.known[1], figures.nan[1] = 1, 5
    model.show_summary(found.summary, replace(running, done=5))
    settled(model, qtbot)
    assert column(model, Column.NAME) == ["layer2.weight"]
    figures.known[3], figures.inf[3] = 1, 1
    model.show_summary(found.summary, Survey("ready", 10, 10, figures))
    settled(model, qtbot)
    assert column(model, Column.NAME) == ["layer2.weight", "layer2.running_mean"]


# -- the part that a person works with -----------------------------------------------------------------------------


class Chosen:
    """A part over a session without processes."""

    def __init__(self, found: OpenCheckpoint, qtbot: Any) -> None:
        self.session = Session(QueueLoop())
        self.session.store.checkpoints[found.id] = found
        self.selected: list[int | None] = []
        self.session.select_tensor = lambda _, tensor: self.selected.append(tensor)  # type: ignore[assignment, method-assign]
        self.notices: list[str] = []
        self.session.store.noticed.connect(lambda notice: self.notices.append(notice.text))
        self.part = TablePart(self.session)
        qtbot.addWidget(self.part)
        self.part.resize(1100, 400)
        self.part.show()
        qtbot.waitExposed(self.part)
        self.part.show_checkpoint(found)
        self.qtbot = qtbot

    def settle(self) -> None:
        settled(self.part.model, self.qtbot)

    def click(self, row: int, click: Callable[..., None] | None = None) -> None:
        table = self.part.table
        place = table.visualRect(self.part.model.index(row, Column.NAME)).center()
        (click or self.qtbot.mouseClick)(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


@pytest.fixture
def chosen(found: OpenCheckpoint, qtbot: Any) -> Chosen:
    return Chosen(found, qtbot)


def test_a_title_sorts_and_the_selected_tensor_stays_selected(chosen: Chosen, qtbot: Any) -> None:
    table, model = chosen.part.table, chosen.part.model
    chosen.click(1)
    assert chosen.selected == [1]
    header = table.horizontalHeader()
    assert header.sectionResizeMode(0) == QHeaderView.ResizeMode.Interactive
    place = QPoint(header.sectionViewportPosition(Column.MAXIMUM) + 12, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    chosen.settle()
    assert column(model, Column.MAXIMUM) == ["0.0000", "0.5000", "1.0000", "4.0000", ""]
    assert model.tensor_at(table.currentIndex()) == 1
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    chosen.settle()
    assert column(model, Column.MAXIMUM) == ["4.0000", "1.0000", "0.5000", "0.0000", ""]
    assert chosen.selected == [1]  # nothing else was chosen by any of this
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert chosen.selected == [1, 0]


def test_names_stay_in_view_and_act_as_the_table_does(chosen: Chosen, qtbot: Any) -> None:
    table, names = chosen.part.table, chosen.part.table.names
    chosen.part.resize(420, 400)
    table.horizontalScrollBar().setValue(table.horizontalScrollBar().maximum())
    assert table.columnViewportPosition(Column.NAME) < 0
    assert names.geometry().left() == table.viewport().geometry().left()
    assert names.columnWidth(0) == table.columnWidth(0)
    place = names.visualRect(chosen.part.model.index(2, 0)).center()
    qtbot.mouseClick(names.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert chosen.selected == [2]
    header = names.horizontalHeader()
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, header.height() // 2))
    chosen.settle()
    assert chosen.part.model.choice.column == Column.NAME
    assert column(chosen.part.model, Column.NAME)[0] == "empty"
    table.sortByColumn(Column.MEAN, Qt.SortOrder.DescendingOrder)
    chosen.settle()
    assert header.sortIndicatorSection() == Column.MEAN
    table.setColumnWidth(0, 130)
    assert names.width() == 131
    place = names.visualRect(chosen.part.model.index(0, 0)).center()
    qtbot.mouseClick(names.viewport(), Qt.MouseButton.LeftButton, pos=place)
    with qtbot.waitSignal(chosen.part.tensor_opened):
        qtbot.mouseDClick(names.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_enter_and_a_double_click_open_the_tensor(chosen: Chosen, qtbot: Any) -> None:
    chosen.click(2)
    with qtbot.waitSignal(chosen.part.tensor_opened):
        chosen.click(2, qtbot.mouseDClick)
    chosen.click(0)
    with qtbot.waitSignal(chosen.part.tensor_opened):
        qtbot.keyClick(chosen.part.table, Qt.Key.Key_Return)


def test_a_filter_that_nothing_passes_is_said_and_taken_away(chosen: Chosen, qtbot: Any) -> None:
    qtbot.keyClicks(chosen.part.search, "layer2")
    qtbot.waitUntil(lambda: chosen.part.count.text() == "3 of 5 tensors")
    chosen.part.only.setCurrentIndex(2)
    qtbot.waitUntil(lambda: chosen.part.count.text() == "1 of 5 tensors")
    qtbot.keyClicks(chosen.part.search, "!")
    qtbot.waitUntil(chosen.part.nothing.isVisible)
    qtbot.mouseClick(chosen.part.nothing.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(chosen.part.table.isVisible)
    assert chosen.part.count.text() == "5 tensors"


def test_rows_are_copied_with_all_digits(chosen: Chosen, qtbot: Any) -> None:
    QGuiApplication.clipboard().clear()
    qtbot.mouseClick(chosen.part.copy, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: chosen.notices == ["Copied 5 rows."])
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t") == [title for title in HEADER if title != "Values"]
    assert lines[1].split("\t")[0] == "layer10.weight"
    assert lines[1].split("\t")[1:4] == ["-2.0", "1.0", "-0.25"]  # numbers, not text
    chosen.click(1)
    qtbot.keyClick(chosen.part.table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(chosen.part.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: chosen.notices[-1] == "Copied 2 rows.")
    assert [line.split("\t")[0] for line in QGuiApplication.clipboard().text().splitlines()[1:]] == [
        "layer2.weight",
        "layer2.bias",
    ]


def test_slices_do_the_newest_work_alone(qtbot: Any, found: OpenCheckpoint) -> None:
    owner = TensorTableModel()
    slices, made = Slices(owner), list[str]()

    def work(name: str, steps: int) -> Work[str]:
        for _ in range(steps):
            time.thread_time()
            yield
        return name

    slices.begin(work("first", 100_000_000), made.append)
    slices.begin(work("second", 3), made.append)
    qtbot.waitUntil(lambda: not slices.is_busy)
    assert made == ["second"]


def test_tensors_are_named_by_their_files(tmp_path: Path, qtbot: Any) -> None:
    summary = saved(tmp_path / "one.pth", torch.zeros(3))
    model = TensorTableModel()
    model.show_summary(summary, None)
    assert column(model, Column.NAME) == ["one"]
