"""The selected image, large: aspect kept, corners rounded, in a place whose height depends on its width alone."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QTransform
from PySide6.QtWidgets import QSizePolicy, QWidget

from inspector.gui import icons, theme
from inspector.gui.overlays.overlay import Overlay
from inspector.gui.thumbnails import PixmapCache, cover, fitting_size
from inspector.session.state import Thumbnail

#: Height over width of the place: that of a photograph, and low enough for the numbers below it.
_ASPECT = 2 / 3

#: In logical pixels; what is left of a panel belongs to the numbers.
TALLEST = 320

#: Less than this shows nothing that the strip does not show better.
LEAST = 56

#: Tiny pictures are not enlarged further: there is nothing more to see in them.
LARGEST_SCALE = 2.0

#: A picture that would leave but narrow bands fills the place instead: this much of a side may be cut off.
_CUT = 0.06

_RADIUS = 8.0
_ICON = 28


class PhotoView(QWidget):
    """Shows a thumbnail, or an icon while there is none.

    All images get the same place, so that what stands below does not jump from one to the next.

    Signals
    -------
    clicked
        The person wants to see it larger.
    """

    clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnail: Thumbnail | None = None
        self._overlay: Overlay | None = None
        self._image_size = QSize()
        self._tallest = TALLEST
        self._pixmaps = PixmapCache(1)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_thumbnail(self, thumbnail: Thumbnail | None) -> None:
        """Show another picture."""
        if thumbnail is not self._thumbnail:
            self._thumbnail = thumbnail
            self._pixmaps.forget(0)
            self.update()

    def show_overlay(self, overlay: Overlay | None, size: QSize) -> None:
        """Show what lies over the image, whose own size in pixels is ``size``."""
        self._overlay, self._image_size = overlay, size
        self.update()

    def transform(self) -> QTransform:
        """Return the way from pixels of the image to the widget; a picture that fills the place is cut a little."""
        place, size = QRectF(self.picture_rect()), self._image_size
        scale = max(place.width() / max(1, size.width()), place.height() / max(1, size.height()))
        made = QTransform.fromTranslate(place.center().x(), place.center().y()).scale(scale, scale)
        return made.translate(-size.width() / 2, -size.height() / 2)

    def set_tallest(self, height: int) -> None:
        """Take at most so much height, within `LEAST` and `TALLEST`: what stands below must be seen too."""
        tallest = max(LEAST, min(TALLEST, height))
        if tallest != self._tallest:
            self._tallest = tallest
            self.updateGeometry()

    def picture_rect(self) -> QRect:
        """Return where the picture is painted, in logical pixels; empty where there is none."""
        if self._thumbnail is None or self.size().isEmpty():
            return QRect()
        size = fitting_size(self._thumbnail, self.size(), LARGEST_SCALE)
        if min(size.width() / self.width(), size.height() / self.height()) >= 1 - _CUT:
            return self.rect()
        left, top = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
        return QRect(left, top, size.width(), size.height())

    def heightForWidth(self, width: int) -> int:
        """Return the place's height."""
        return min(self._tallest, round(_ASPECT * width))

    def sizeHint(self) -> QSize:
        """Return the size in a panel of ordinary width."""
        return QSize(340, self.heightForWidth(340))

    def minimumSizeHint(self) -> QSize:
        """Return a size in which something can be seen."""
        return QSize(120, self.heightForWidth(120))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the place and the picture in it."""
        c, ratio, thumbnail = theme.colors(), self.devicePixelRatioF(), self._thumbnail
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.qcolor(c.hover))
        painter.drawRoundedRect(QRectF(self.rect()), _RADIUS, _RADIUS)
        if thumbnail is None:
            middle = self.rect().center() - QRect(0, 0, _ICON, _ICON).center()
            painter.drawPixmap(middle, icons.pixmap("image", c.muted, _ICON, ratio))
            return
        place = self.picture_rect()
        radius = min(_RADIUS, place.width() / 4, place.height() / 4)
        made = self._pixmaps.get(0, (place.size(), ratio), lambda: cover(thumbnail, place.size(), ratio, radius))
        painter.drawPixmap(place.topLeft(), made)
        if self._overlay is not None and not self._image_size.isEmpty():
            self._paint_overlay(painter, self._overlay, QRectF(place), radius)
        if radius < _RADIUS:
            return  # so thin that a hairline would hide it
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.qcolor(c.border), 1))
        painter.drawRoundedRect(QRectF(place).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)

    def _paint_overlay(self, painter: QPainter, overlay: Overlay, place: QRectF, radius: float) -> None:
        corners = QPainterPath()
        corners.addRoundedRect(place, radius, radius)
        painter.save()
        painter.setClipPath(corners)
        overlay.paint(painter, self.transform())
        painter.restore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the press: what is clicked is told when it ends."""
        event.setAccepted(self._thumbnail is not None and event.button() == Qt.MouseButton.LeftButton)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tell that the picture was clicked."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()
