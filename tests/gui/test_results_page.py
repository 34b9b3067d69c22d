"""The results page: what stands there when there is nothing, the table, its filter, its selection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication

from inspector.gui.differences_model import DifferencesModel
from inspector.gui.differences_table import DifferencesTable
from inspector.gui.empty_page import EmptyPage
from inspector.gui.results_model import Column
from inspector.gui.results_page import ResultsPage
from inspector.gui.view_options import ViewOptions
from inspector.session import QueueLoop, Session
from inspector.session.comparing import Difference
from inspector.session.prediction_state import ClassScore, Prediction
from inspector.session.results import ResultRow
from inspector.session.state import Attachment, ImageItem, OpenCheckpoint

READY = Attachment(phase="ready", architecture="resnet18", labels=("cat", "dog"))


class Page:
    """A shown page on a session without processes."""

    def __init__(self, qtbot: Any, options: ViewOptions | None = None) -> None:
        self.qtbot = qtbot
        self.loop = QueueLoop()
        self.session = Session(self.loop, thumbnails=False)
        self.store = self.session.store
        self.asked: list[tuple[str, str]] = []
        self.out: Path | None = None
        self.page = ResultsPage(self.session, self._ask, options)
        qtbot.addWidget(self.page)
        self.page.resize(1000, 500)
        self.page.show()
        qtbot.waitExposed(self.page)

    def _ask(self, kind: str, name: str) -> Path | None:
        self.asked.append((kind, name))
        return self.out

    def open(self, attachment: Attachment = READY) -> int:
        number = self.store.next_id()
        self.store.checkpoints[number] = OpenCheckpoint(
            number, Path(f"/files/model{number}.pth"), phase="ready", attachment=attachment
        )
        self.store.checkpoints_changed.emit()
        return number

    def add(self, *paths: str) -> list[int]:
        items = [ImageItem(self.store.next_id(), Path(path)) for path in paths]
        self.store.images.update((item.id, item) for item in items)
        self.store.images_changed.emit()
        self.settle()
        return [item.id for item in items]

    def predict(self, checkpoint: int, image: int, *scores: tuple[int, float]) -> None:
        classes = tuple(ClassScore(READY.labels[index], index, score) for index, score in scores)
        self.store.set_prediction(checkpoint, image, Prediction("ready", classes, 5.0, "cpu"))

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.page.model.is_busy)

    def files(self) -> list[str]:
        model = self.page.model
        return [model.index(row, Column.FILE).data() for row in range(model.rowCount())]


@pytest.fixture
def made(qtbot: Any) -> Iterator[Page]:
    page = Page(qtbot)
    yield page
    page.session.close_processes()


def test_it_says_what_is_missing_and_offers_it(made: Page, qtbot: Any) -> None:
    assert made.page.empty.isVisible()
    assert made.page.empty.title.text() == "No images yet"
    with qtbot.waitSignal(made.page.images_requested):
        qtbot.mouseClick(made.page.empty.button, Qt.MouseButton.LeftButton)
    number = made.open(Attachment())
    made.page.show_checkpoint(number)
    made.add("/a/1.png")
    assert made.page.empty.title.text() == "Nothing is attached yet"
    assert not made.page.empty.button.isVisible()  # there is nothing to attach it to
    made.store.change_checkpoint(number, attachment=READY)
    assert made.page.table.isVisible()


def test_a_filter_hides_rows_says_how_many_and_can_be_taken_back(made: Page, qtbot: Any) -> None:
    number = made.open()
    made.page.show_checkpoint(number)
    first, second = made.add("/set/cat/1.png", "/set/dog/2.png")
    made.predict(number, first, (0, 0.9), (1, 0.1))
    made.predict(number, second, (1, 0.6), (0, 0.4))
    made.settle()
    chosen = made.page.table_page.filter
    qtbot.keyClicks(chosen.search, "dog 2")
    qtbot.waitUntil(lambda: made.files() == ["2.png"])
    assert chosen.count.text() == "1 of 2 images"
    chosen.slider.setValue(80)
    qtbot.waitUntil(lambda: made.files() == [])
    assert made.page.table_page.nothing.isVisible()
    qtbot.mouseClick(made.page.table_page.nothing.button, Qt.MouseButton.LeftButton)
    assert made.files() == ["1.png", "2.png"]
    assert chosen.count.text() == "2 images"


def test_the_title_of_a_column_sorts_and_a_row_selects_its_image(made: Page, qtbot: Any) -> None:
    number = made.open()
    made.page.show_checkpoint(number)
    ids = made.add("/a/1.png", "/a/2.png", "/a/3.png")
    for image, score in zip(ids, (0.5, 0.9, 0.7), strict=True):
        made.predict(number, image, (0, score))
    made.settle()
    table = made.page.table
    header = table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(Column.SCORE) + 20, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert made.files() == ["1.png", "3.png", "2.png"]
    where = table.visualRect(made.page.model.index(1, Column.SCORE)).center()
    with qtbot.waitSignal(made.page.image_selected) as told:
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert told.args == [ids[2]]
    told_again: list[int] = []
    made.page.image_selected.connect(told_again.append)
    made.page.select(ids[0])  # from the strip: it is not told back
    assert table.currentIndex().row() == 0
    assert told_again == []


def test_columns_with_nothing_in_them_are_not_shown(made: Page) -> None:
    number = made.open()
    made.page.show_checkpoint(number)
    (image,) = made.add("/a/1.png")
    table = made.page.table
    assert table.isColumnHidden(Column.TRUTH)
    assert table.isColumnHidden(Column.PROBLEM)
    made.add("/a/cat/2.png")
    assert not table.isColumnHidden(Column.TRUTH)
    made.predict(number, image, (0, 0.6), (1, 0.4))
    made.settle()
    assert not table.isColumnHidden(Column.SECOND)


def test_it_catches_up_when_it_is_seen_again(made: Page) -> None:
    number = made.open()
    made.page.show_checkpoint(number)
    made.page.hide()
    (image,) = made.add("/a/1.png")
    made.predict(number, image, (0, 0.6))
    assert made.page.model.rowCount() == 0
    made.page.show()
    made.settle()
    assert made.page.model.index(0, Column.PREDICTION).data() == "cat"


# -- accuracy, comparison, export ----------------------------------------------------------------------------------


def known(made: Page) -> tuple[int, list[int]]:
    """Return a checkpoint and three images of known class, of which it is right on two."""
    number = made.open()
    made.page.show_checkpoint(number)
    ids = made.add("/set/cat/1.png", "/set/cat/2.png", "/set/dog/3.png")
    for image, best in zip(ids, (0, 1, 1), strict=True):
        made.predict(number, image, (best, 0.8), (1 - best, 0.2))
    made.settle()
    return number, ids


def test_the_accuracy_is_told_and_a_cell_filters_the_table(made: Page, qtbot: Any) -> None:
    known(made)
    made.page.show_view("accuracy")
    page = made.page.accuracy_page
    assert page.title.text().replace("\u202f", " ") == "66.7 % right, 100.0 % among the first 2"
    assert page.classes.topLevelItem(0).text(3) == "dog (1)"  # type: ignore[union-attr]
    header = page.classes.header()
    assert header.sectionPosition(1) + header.sectionSize(1) <= page.classes.viewport().width()  # how often it is right
    place = page.matrix.cell_rect(0, 1).center()
    qtbot.mouseMove(page.matrix, place)
    qtbot.waitUntil(lambda: page.cell.text() == "1 image of cat, predicted dog")
    qtbot.mouseClick(page.matrix, Qt.MouseButton.LeftButton, pos=place)
    assert made.page.table.isVisible()
    assert made.files() == ["2.png"]
    qtbot.mouseClick(made.page.table_page.filter.cell, Qt.MouseButton.LeftButton)
    assert len(made.files()) == 3


def test_the_matrix_is_walked_by_keys(made: Page, qtbot: Any) -> None:
    known(made)
    made.page.show_view("accuracy")
    matrix = made.page.accuracy_page.matrix
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down):
        qtbot.keyClick(matrix, key)
    assert made.page.accuracy_page.cell.text() == "1 image of dog, predicted right"
    with qtbot.waitSignal(matrix.chosen) as told:
        qtbot.keyClick(matrix, Qt.Key.Key_Return)
    assert told.args == [(1, 1), "dog as dog"]


def test_without_true_classes_it_says_how_they_are_told(made: Page) -> None:
    number = made.open()
    made.page.show_checkpoint(number)
    made.add("/a/1.png")
    made.page.show_view("accuracy")
    assert made.page.accuracy_page.empty.isVisible()
    assert "WordNet id" in made.page.accuracy_page.empty.text.text()


def test_two_checkpoints_are_compared(made: Page, qtbot: Any) -> None:
    number, ids = known(made)
    made.page.show_view("compare")
    page = made.page.compare_page
    assert page.empty.title.text() == "There is nothing to compare with"
    other = made.open()
    made.store.change_checkpoint(other, state_dict=0)
    made.store.checkpoints_changed.emit()
    for image, best in zip(ids, (0, 0, 1), strict=True):
        made.predict(other, image, (best, 0.6), (1 - best, 0.4))
    made.session.compare(number, other)
    qtbot.waitUntil(lambda: len(page.model.rows) == 1)
    said = page.said.text().replace("\u202f", " ")
    assert said.startswith("They agree on 2 of 3 images (66.7 %).")
    cells = [page.model.index(0, column).data().replace("\u202f", " ") for column in range(7)]
    name = made.store.checkpoints[other].name
    assert cells == ["2.png", "dog", "80.0 %", "cat", "60.0 %", "cat", name]
    with qtbot.waitSignal(made.page.image_selected) as told:
        page.table.selectRow(0)
    assert told.args == [ids[1]]
    assert not page.table.isColumnHidden(6)
    seen: list[list[int]] = []
    page.table.seen.connect(seen.append)
    page.table.resize(page.table.width() + 1, page.table.height())
    qtbot.waitUntil(lambda: seen == [[ids[1]]])
    made.page.show_view("table")
    assert seen == [[ids[1]], []]
    del made.store.checkpoints[other]
    made.store.checkpoints_changed.emit()
    assert made.store.comparison is None


def test_the_words_of_an_empty_page_are_shown_whole(qtbot: Any) -> None:
    page = EmptyPage("check")
    qtbot.addWidget(page)
    page.resize(460, 300)
    page.show()
    page.say("They agree", "Both give the same answer for every image they have answered.")
    qtbot.waitUntil(lambda: page.text.height() >= page.text.heightForWidth(page.text.width()))
    assert page.text.heightForWidth(page.text.width()) > page.text.fontMetrics().height() * 1.5, "two lines"


def test_the_differences_use_the_width_there_is(made: Page, qtbot: Any) -> None:
    model = DifferencesModel()
    table = DifferencesTable(model, lambda _: None)
    qtbot.addWidget(table)
    table.resize(700, 300)
    table.show()
    rows = [ResultRow(1, "1.png", "", best=best, label="cat", score=0.5) for best in (0, 1)]
    model.set_rows((Difference(rows[0], rows[1]),), "a", "b")
    assert table.isColumnHidden(5), "no true class is known"
    assert not table.horizontalScrollBar().isVisible()
    assert table.viewport().width() - 8 <= table.horizontalHeader().length() <= table.viewport().width()
    assert not table.grab().isNull()


def test_what_is_shown_is_copied_and_exported(made: Page, qtbot: Any, tmp_path: Path) -> None:
    known(made)
    made.page.table_page.filter.search.setText("dog 3")
    qtbot.waitUntil(lambda: made.files() == ["3.png"])
    qtbot.mouseClick(made.page.copy, Qt.MouseButton.LeftButton)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == 2
    assert lines[1].split("\t")[:4] == ["3.png", "dog", "80.0 %", "dog"]
    made.out = tmp_path / "shown.csv"
    made.page.export.menu().actions()[0].trigger()
    assert made.asked[0][0] == "csv"
    made.loop.run_until(lambda: made.out is not None and made.out.exists(), 10)
    assert "/set/dog/3.png,1,dog,1,0.8" in made.out.read_text(encoding="utf-8")


def test_what_is_counted_and_exported_is_what_the_slider_shows(qtbot: Any, tmp_path: Path) -> None:
    options = ViewOptions()
    made = Page(qtbot, options)
    number = made.open(replace(READY, task="detection"))
    made.page.show_checkpoint(number)
    (image,) = made.add("/a/1.png")
    objects = tuple(ClassScore("dog", 1, score, (0, 0, 4, 4)) for score in (0.9, 0.6, 0.2))
    made.store.set_prediction(number, image, Prediction("ready", objects, 5.0, "cpu", task="detection"))
    made.settle()
    assert made.page.model.shown[0].figures == "2 objects"
    options.set_threshold(0.8)
    made.settle()
    assert made.page.model.shown[0].figures == "1 object"
    made.out = tmp_path / "shown.csv"
    made.page.export.menu().actions()[0].trigger()
    made.loop.run_until(lambda: made.out is not None and made.out.exists(), 10)
    assert len(made.out.read_text(encoding="utf-8").splitlines()) == 2
    made.session.close_processes()


def test_the_differences_are_a_proper_item_model(qtmodeltester: Any) -> None:
    model = DifferencesModel()
    rows = [ResultRow(1, "1.png", "", best=best, label="cat", score=0.5) for best in (0, 1)]
    model.set_rows((Difference(rows[0], rows[1]),), "a", "b")
    qtmodeltester.check(model)


def test_no_view_needs_more_room_than_a_small_window_has(made: Page) -> None:
    known(made)
    for view in ("table", "accuracy", "compare"):
        made.page.show_view(view)
    made.page.table_page.filter.show_cell((0, 1), "a very long name of a class as another very long one")
    assert made.page.minimumSizeHint().width() <= 500
