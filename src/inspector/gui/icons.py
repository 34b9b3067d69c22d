"""Our own ``currentColor`` icons, drawn in the colours of the theme that is shown."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap

from inspector.gui import theme
from inspector.shipped import shipped_path


@cache
def _source(name: str) -> str:
    return shipped_path(f"icons/{name}.svg").read_text(encoding="utf-8")


@cache
def pixmap(name: str, color: str, size: int, ratio: float) -> QPixmap:
    """Return an icon as a pixmap of ``size`` logical pixels in ``color`` (``#rrggbb``), for a screen's ratio."""
    from PySide6.QtSvg import QSvgRenderer

    drawn = QPixmap(round(size * ratio), round(size * ratio))
    drawn.fill(Qt.GlobalColor.transparent)
    renderer = QSvgRenderer(QByteArray(_source(name).replace("currentColor", color).encode()))
    painter = QPainter(drawn)
    renderer.render(painter, QRectF(0, 0, drawn.width(), drawn.height()))
    painter.end()
    drawn.setDevicePixelRatio(ratio)
    return drawn


def icon(name: str, color: str | None = None) -> QIcon:
    """Return an icon in ``color``, or in the theme's text colour, with its disabled look."""
    chosen = theme.colors()
    made = QIcon()
    for ratio in (1.0, 2.0):
        made.addPixmap(pixmap(name, color or chosen.text, 16, ratio))
        made.addPixmap(pixmap(name, chosen.muted, 16, ratio), QIcon.Mode.Disabled)
    return made


def app_icon() -> QIcon:
    """Return the application's icon."""
    made = QIcon()
    for size in (16, 32, 48, 64, 128, 256):
        made.addFile(str(shipped_path(f"icons/app/{size}.png")))
    return made
