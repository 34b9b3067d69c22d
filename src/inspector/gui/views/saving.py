"""Copying and saving what a view draws: as PNG at twice its size, or as SVG. All views do it by these."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QIODevice, QRectF, QSaveFile, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QWidget

from inspector.gui import file_dialogs, theme

#: Paints into a rectangle of logical pixels.
Paint = Callable[[QPainter, QRectF], None]

#: Pixels per logical pixel of pictures that are copied or saved.
SCALE = 2.0


def drawn(size: QSize, paint: Paint, scale: float = SCALE) -> QImage:
    """Return a drawing of ``size`` logical pixels as an image on the theme's surface."""
    image = QImage(size * scale, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(scale)
    image.fill(theme.qcolor(theme.colors().surface))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    paint(painter, QRectF(0, 0, size.width(), size.height()))
    painter.end()
    return image


def copy_drawing(size: QSize, paint: Paint) -> None:
    """Put a drawing into the clipboard."""
    image = drawn(size, paint)
    image.setDevicePixelRatio(1.0)
    QGuiApplication.clipboard().setImage(image)


def save_drawing(parent: QWidget, name: str, size: QSize, paint: Paint) -> tuple[Path | None, str]:
    """Ask for a file, and write a drawing there: SVG where its name ends so, else PNG.

    Parameters
    ----------
    name
        The name that is suggested, without a suffix.

    Returns
    -------
    path
        Where it was saved; None when the person cancelled or it failed.
    failure
        Why it failed, in a sentence; empty where it did not.
    """
    path = file_dialogs.ask_for_drawing(parent, name)
    if path is None:
        return None, ""
    failure = write_drawing(path, size, paint)
    return (None, failure) if failure else (path, "")


def write_drawing(path: Path, size: QSize, paint: Paint) -> str:
    """Write a drawing, whole or not at all; return why that failed, in a sentence, or nothing."""
    file = QSaveFile(str(path))
    if file.open(QIODevice.OpenModeFlag.WriteOnly):
        if path.suffix.lower() == ".svg":
            _write_svg(file, path.stem, size, paint)
        else:
            drawn(size, paint).save(file, "PNG")  # type: ignore[call-overload]
        if file.commit():
            return ""
    return f"{path.name} can't be saved: {file.errorString()}."


def _write_svg(file: QIODevice, title: str, size: QSize, paint: Paint) -> None:
    from PySide6.QtSvg import QSvgGenerator

    generator = QSvgGenerator()
    generator.setOutputDevice(file)
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setResolution(96)
    generator.setTitle(title)
    painter = QPainter(generator)
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), theme.qcolor(theme.colors().surface))
    painter.setPen(Qt.PenStyle.SolidLine)
    paint(painter, QRectF(0, 0, size.width(), size.height()))
    painter.end()
