"""Fixtures for the window: a real one with real processes, and real drag events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget

from inspector.desktop.settings import SettingsStore
from inspector.gui import theme
from inspector.gui.main_window import MainWindow
from inspector.gui.start import make_window

CHECKOUT = Path(__file__).resolve().parents[2]
DEMO = CHECKOUT / "resources" / "demo"


@pytest.fixture
def window(qtbot: Any, qapp: QApplication) -> Iterator[MainWindow]:
    """An empty window, shown, with its processes; they are gone afterwards."""
    theme.apply(qapp, "light")
    made = make_window(SettingsStore())
    made.show()
    qtbot.waitExposed(made)
    made.session.warm_up(engine=False)
    yield made
    made.close()
    made.deleteLater()
    QApplication.processEvents()


def drop_target_at(window: QWidget, position: QPoint) -> QWidget | None:
    """Return the widget that Qt would give a drop at ``position``: the innermost that accepts drops."""
    widget: QWidget | None = window.childAt(position) or window
    while widget is not None and not widget.acceptDrops():
        widget = widget.parentWidget()
    return widget


def drop(window: QWidget, paths: list[Path], position: QPoint | None = None) -> bool:
    """Drag files over the window and let go, with the events Qt sends; return whether the drop was accepted."""
    place = position or window.rect().center()
    target = drop_target_at(window, place)
    assert target is not None
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    left, none, copy = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    enter = QDragEnterEvent(place, copy, data, left, none)
    QApplication.sendEvent(target, enter)
    if not enter.isAccepted():
        return False
    move = QDragMoveEvent(place, copy, data, left, none)
    QApplication.sendEvent(target, move)
    let_go = QDropEvent(QPointF(place), copy, data, left, none)
    QApplication.sendEvent(target, let_go)
    return let_go.isAccepted()


@pytest.fixture
def drop_on() -> Callable[..., bool]:
    """See `drop`."""
    return drop
