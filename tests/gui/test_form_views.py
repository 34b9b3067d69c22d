"""Filters, spectra and projections, asked of real processes about the demo."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui.main_window import MainWindow
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.views import form_kinds
from inspector.gui.views.filters_view import FiltersView
from inspector.gui.views.projection_view import ProjectionView
from inspector.gui.views.registry import Subject
from inspector.gui.views.spectrum_view import SpectrumView


def _subject(window: MainWindow, qtbot: Any, path: Path, name: str) -> Subject:
    number = window.session.open(path)
    store = window.session.store
    qtbot.waitUntil(lambda: store.checkpoints[number].summary is not None, timeout=30_000)
    summary = store.checkpoints[number].summary
    assert isinstance(summary, CheckpointSummary)
    return Subject(number, summary, summary.names.index(name))


def _move(widget: QWidget, place: QPointF) -> None:
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(
        QEvent.Type.MouseMove, place, widget.mapToGlobal(place), none, none, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(widget, event)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    filters = torch.randn(12, 3, 3, 3)
    filters[5] = 0
    low_rank = torch.randn(40, 3) @ torch.randn(3, 30)
    broken = torch.randn(10, 10)
    broken[2, 3] = math.nan
    many = torch.randn(25_000, 4)
    path = tmp_path / "forms.pth"
    torch.save({"conv": filters, "deep": torch.randn(6, 5, 3, 3), "low": low_rank, "nan": broken, "many": many}, path)
    return path


def test_views_are_offered_where_they_suit(window: MainWindow, qtbot: Any, saved: Path) -> None:
    subject = _subject(window, qtbot, saved, "conv")

    def offered(name: str) -> list[str]:
        this = Subject(subject.checkpoint, subject.summary, subject.summary.names.index(name))
        return [kind.name for kind in form_kinds.form_kinds() if kind.suits(this)]

    assert offered("conv") == ["filters", "spectrum", "projection"]
    assert offered("low") == ["spectrum", "projection"]
    assert offered("deep") == ["filters", "spectrum"], "six rows are no cloud"


def test_filters_are_sorted_shown_and_read(window: MainWindow, qtbot: Any, saved: Path) -> None:
    view = FiltersView(window.session)
    qtbot.addWidget(view)
    view.resize(500, 420)
    view.show()
    view.show_subject(_subject(window, qtbot, saved, "conv"))
    qtbot.waitUntil(lambda: view.canvas.tiles is not None, timeout=10_000)
    canvas = view.canvas
    assert canvas.tiles is not None
    assert canvas.tiles.channels == 3
    assert "1 all zero" in view.reading.text()
    assert list(canvas.tiles.numbers) == list(range(12))
    view.order.setCurrentIndex(view.order.findData("norm"))
    qtbot.waitUntil(lambda: canvas.tiles is not None and list(canvas.tiles.numbers) != list(range(12)))
    norms = list(canvas.tiles.norms)
    assert norms == sorted(norms, reverse=True)
    assert canvas.tiles.numbers[-1] == 5
    view.shown.setCurrentIndex(view.shown.findData("mean"))
    qtbot.waitUntil(lambda: canvas.tiles is not None and canvas.tiles.channels == 1)
    number = canvas.tiles.numbers[0]
    expected = torch.load(saved, weights_only=True)["conv"][number].mean(0)[1, 2].item()
    place = canvas.tile_rect(0).topLeft() + QPointF(2.5, 1.5) * canvas.zoom
    _move(canvas, place)
    qtbot.waitUntil(lambda: f"Filter {number}," in view.reading.text())
    assert canvas.tiles.values[5] == pytest.approx(expected, rel=1e-6)
    assert view.tints.isVisible()
    before = canvas.grab().toImage()
    view.colours.setCurrentIndex(1)
    assert canvas.grab().toImage() != before


def test_filters_zoom_at_the_mouse_and_fit_again(window: MainWindow, qtbot: Any, saved: Path) -> None:
    view = FiltersView(window.session)
    qtbot.addWidget(view)
    view.resize(500, 420)
    view.show()
    view.show_subject(_subject(window, qtbot, saved, "deep"))
    qtbot.waitUntil(lambda: view.canvas.tiles is not None, timeout=10_000)
    canvas = view.canvas
    at = canvas.tile_rect(4).center()
    under = canvas.weight_at(at)
    turn = QWheelEvent(
        at, canvas.mapToGlobal(at), QPoint(), QPoint(0, 480), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, turn)
    assert not canvas.is_fitted
    assert canvas.weight_at(at) == under
    qtbot.keyClick(canvas, Qt.Key.Key_0)
    assert canvas.is_fitted
    qtbot.keyClick(canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert "Filter 0," in view.reading.text()
    qtbot.keyClick(canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert "Filter 1," in view.reading.text()
    view.shown.setCurrentIndex(view.shown.findData("channel"))
    qtbot.waitUntil(view.channel.isVisible)
    assert view.channel.maximum() == 4


def test_a_spectrum_tells_the_rank(window: MainWindow, qtbot: Any, saved: Path) -> None:
    view = SpectrumView(window.session)
    qtbot.addWidget(view)
    view.resize(500, 420)
    view.show()
    view.show_subject(_subject(window, qtbot, saved, "low"))
    qtbot.waitUntil(lambda: not view.is_working and view.canvas.isVisible(), timeout=20_000)
    tiles = {tile.name: tile.text for tile in view.tiles.tiles}
    assert tiles["rank"] == "3 of 30"
    assert int(tiles["for 99 %"]) <= 3
    view.shown.setCurrentIndex(1)
    assert view.canvas.plot.y_range == (0.0, 1.02)
    assert "hold" in view._read(2.0)


def test_what_is_not_finite_is_refused_in_a_sentence(window: MainWindow, qtbot: Any, saved: Path) -> None:
    view = SpectrumView(window.session)
    qtbot.addWidget(view)
    view.show()
    view.show_subject(_subject(window, qtbot, saved, "nan"))
    qtbot.waitUntil(lambda: view.message.isVisible() and not view.is_working, timeout=20_000)
    assert view.message.text() == "It holds NaN or Inf, so it has no singular values."
    view.resize(500, 600)
    qtbot.waitUntil(lambda: 0 < view.message.geometry().bottom() < 150)  # below the bar, no higher than its words


def test_work_can_be_stopped_and_begun_again(window: MainWindow, qtbot: Any, saved: Path) -> None:
    view = ProjectionView(window.session)
    qtbot.addWidget(view)
    view.resize(500, 420)
    view.show()
    view.show_subject(_subject(window, qtbot, saved, "many"))
    view.work.show()
    qtbot.mouseClick(view.stop, Qt.MouseButton.LeftButton)
    assert not view.is_working
    assert view.again.isVisible()
    qtbot.waitUntil(lambda: 0 < view.again.geometry().bottom() < 150)
    qtbot.mouseClick(view.again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not view.is_working and view.canvas.isVisible(), timeout=30_000)
    said = view.message.text().replace("\u202f", " ")
    assert said == "A sample: 8 334 of 25 000 rows are shown. The components are those of all rows."
    x, y = view._components[0][7], view._components[1][7]
    assert view._read(x, y).startswith("Row 21\n")
    view.pair.setCurrentIndex(2)
    assert view.canvas.plot.x_title.startswith("component 2")


def test_long_work_ends_with_the_last_file(
    window: MainWindow, qtbot: Any, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(
        type(window.session.weights), "begin", lambda *_args, **_named: lambda: ended.append(True)
    )  # never answered
    subject = _subject(window, qtbot, saved, "low")
    qtbot.waitUntil(lambda: window.centre.is_built("tensor") and window.centre.tensor.pages is not None, timeout=20_000)
    window.session.select_tensor(subject.checkpoint, subject.tensor)
    qtbot.waitUntil(lambda: "spectrum" in window.centre.tensor._offered, timeout=20_000)
    window.centre.tensor._choose_view("spectrum")
    pages = window.centre.tensor.pages
    assert pages is not None
    view = pages.view("spectrum")
    assert isinstance(view, SpectrumView)
    assert view.is_working
    window.close_checkpoint(subject.checkpoint)
    qtbot.waitUntil(lambda: window.centre.current == "welcome")
    assert ended == [True]
    assert not view.is_working


def test_a_long_reading_takes_no_room_from_the_filters(window: MainWindow, qtbot: Any, saved: Path) -> None:
    view = FiltersView(window.session)
    qtbot.addWidget(view)
    view.show_subject(_subject(window, qtbot, saved, "conv"))
    before = view.minimumSizeHint().width()
    view.canvas.pointed.emit("Filter 9, norm 6.71e-06 · [0, 0] = " + "-8.94e-07, " * 20)
    assert view.minimumSizeHint().width() == before


def test_a_line_without_room_ends_in_dots(qtbot: Any) -> None:
    label = OneLineLabel(Qt.TextElideMode.ElideLeft)
    qtbot.addWidget(label)
    label.resize(60, 20)
    for text, kept in (("", "what is kept is longer than the line is"), ("a longer text that is not kept", "kept")):
        label.set_text(text, kept)
        assert label.fontMetrics().horizontalAdvance(label.shown) <= 60
        assert "…" in label.shown
