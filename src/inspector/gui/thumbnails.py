"""Thumbnails as pixmaps with rounded corners, made when they are first painted; a bounded number is kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QImage, QPainter, QPixmap

from inspector.session.state import Thumbnail

#: Pixmaps that are kept: as many as a large screen shows, 44 MB of them on a dense one.
KEPT = 400


def cover(thumbnail: Thumbnail, size: QSize, ratio: float, radius: float) -> QPixmap:
    """Return the middle of a thumbnail, filling ``size``.

    Parameters
    ----------
    size, radius
        In logical pixels; ``radius`` is the corners'.
    ratio
        Device pixels per logical pixel; the pixmap has as many.
    """
    goal = QSize(max(1, round(size.width() * ratio)), max(1, round(size.height() * ratio)))
    scale = max(goal.width() / thumbnail.width, goal.height() / thumbnail.height)
    width = min(thumbnail.width, max(1, round(goal.width() / scale)))
    height = min(thumbnail.height, max(1, round(goal.height() / scale)))
    middle = QRect((thumbnail.width - width) // 2, (thumbnail.height - height) // 2, width, height)
    return _rounded(_image(thumbnail).copy(middle), goal, ratio, radius)


def fitting_size(thumbnail: Thumbnail, room: QSize, largest_scale: float) -> QSize:
    """Return the size in logical pixels of a thumbnail that fits into ``room``, aspect kept.

    Parameters
    ----------
    largest_scale
        How much it may be enlarged.
    """
    scale = min(room.width() / thumbnail.width, room.height() / thumbnail.height, largest_scale)
    return QSize(max(1, round(thumbnail.width * scale)), max(1, round(thumbnail.height * scale)))


def _image(thumbnail: Thumbnail) -> QImage:
    """Return a thumbnail as an image that shares its bytes: it must not outlive them."""
    row = 3 * thumbnail.width
    return QImage(thumbnail.rgb, thumbnail.width, thumbnail.height, row, QImage.Format.Format_RGB888)


def _rounded(image: QImage, goal: QSize, ratio: float, radius: float) -> QPixmap:
    scaled = image.scaled(goal, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
    drawn = QImage(goal, QImage.Format.Format_ARGB32_Premultiplied)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(scaled))
    painter.drawRoundedRect(QRectF(0, 0, goal.width(), goal.height()), radius * ratio, radius * ratio)
    painter.end()
    made = QPixmap.fromImage(drawn)
    made.setDevicePixelRatio(ratio)
    return made


class PixmapCache:
    """The pixmaps used last, by image and by what they were made for.

    Parameters
    ----------
    most
        Pixmaps kept.
    """

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[int, tuple[object, QPixmap]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, image: int, made_for: object, make: Callable[[], QPixmap]) -> QPixmap:
        """Return the pixmap of an image; ``make`` it where it is not kept or was made for something else."""
        found = self._kept.get(image)
        if found is None or found[0] != made_for:
            self._kept[image] = found = (made_for, make())
        self._kept.move_to_end(image)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return found[1]

    def forget(self, image: int) -> None:
        """Forget an image's pixmap: it changed."""
        self._kept.pop(image, None)

    def keep_only(self, images: Container[int]) -> None:
        """Forget the pixmaps of all other images."""
        for image in [image for image in self._kept if image not in images]:
            del self._kept[image]
