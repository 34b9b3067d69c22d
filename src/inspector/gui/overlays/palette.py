"""The colours of predictions as Qt's."""

from __future__ import annotations

from functools import cache

from PySide6.QtGui import QColor

from inspector import palette


@cache
def class_color(index: int, label: str = "") -> QColor:
    """Return the colour of a class: the same on the screen and in saved pictures."""
    return QColor(*palette.class_colour(index, label))


def text_on(color: QColor) -> QColor:
    """Return the colour of text that is read on a colour."""
    return QColor(*palette.text_on((color.red(), color.green(), color.blue())))
