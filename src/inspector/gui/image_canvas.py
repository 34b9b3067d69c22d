"""An image with what lies over it: fitted, zoomed and moved by wheel, pinch, keys and mouse."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QCursor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QLabel, QPinchGesture, QSizePolicy, QWidget

from inspector.gui import theme
from inspector.gui.overlays.overlay import Overlay
from inspector.session.state import Thumbnail

#: Room around a fitted image, in logical pixels; how far it is zoomed, in logical pixels per pixel of the image.
_MARGIN = 10
_LARGEST = 32.0
_SMALLEST = 0.01

_STEP = 1.25
_WHEEL = 1.0018  # per eighth of a degree
_PAN = 48  # logical pixels per press of an arrow key
_CORNER = 6
_DRAG = 4  # a smaller movement is a click

#: A saved picture has at most so many pixels on a side, and its labels are as large as in one of this size.
_LONGEST_SAVED, _LABELS_FOR = 8_192, 1_100

#: From here on a pixel of the picture is shown as the square that it is.
_SQUARES_FROM = 4.0


class ImageCanvas(QWidget):
    """Shows a picture and its overlays.

    Signals
    -------
    hovered
        Where in the image the mouse is, in its pixels; None where it has left it.
    clicked
        Where in the image it was clicked.
    zoomed
        The scale changed.
    """

    hovered = Signal(object)
    clicked = Signal(QPointF)
    zoomed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = QImage()
        self._shown: Thumbnail | None = None
        self._size = QSize()
        self._overlays: tuple[Overlay, ...] = ()
        self._fitted = True
        self._scale = 1.0
        self._center = QPointF()  # of the view, in pixels of the image
        self._pressed: QPointF | None = None
        self._moved = False
        self.reading = QLabel(self, textFormat=Qt.TextFormat.PlainText)
        self.reading.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.reading.hide()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 120)
        self.grabGesture(Qt.GestureType.PinchGesture)
        self.setAccessibleName("Image")
        self.setAccessibleDescription("Plus and minus zoom, 0 fits, 1 shows every pixel, the arrows move")

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_picture(self, thumbnail: Thumbnail | None, size: QSize | None = None) -> None:
        """Show a picture of an image of ``size`` pixels; one of the same size keeps zoom and place."""
        if thumbnail is not self._shown:
            self._shown = thumbnail
            self._picture = _picture(thumbnail)
        known = QSize(thumbnail.original_width, thumbnail.original_height) if thumbnail is not None else QSize()
        wanted = size if size is not None and not size.isEmpty() else known
        if wanted != self._size:
            self._size = wanted
            self.fit()
        self.update()

    def set_overlays(self, overlays: Sequence[Overlay]) -> None:
        """Show these over the picture, the last one on top."""
        self._overlays = tuple(overlays)
        self.update()

    def read_out(self, text: str) -> None:
        """Say in the corner what the mouse is on; empty for nothing."""
        c = theme.colors()
        theme.dress(self.reading, f"background: {c.raised}; color: {c.text}; border-radius: 5px; padding: 2px 8px;")
        self.reading.setText(text)
        self.reading.setVisible(bool(text))
        self.reading.resize(self.reading.sizeHint().boundedTo(self.size()))
        self.reading.move(_CORNER, self.height() - self.reading.height() - _CORNER)

    @property
    def image_size(self) -> QSize:
        """The size of the image in its own pixels, whatever the picture's."""
        return self._size

    # -- zoom and place ----------------------------------------------------------------------------------------

    @property
    def scale(self) -> float:
        """Logical pixels per pixel of the image."""
        return self._scale

    @property
    def fitted(self) -> bool:
        """Whether the whole image is shown, as large as it fits."""
        return self._fitted

    def transform(self) -> QTransform:
        """Return the way from pixels of the image to the widget."""
        made = QTransform()
        made.translate(self.width() / 2, self.height() / 2)
        made.scale(self._scale, self._scale)
        made.translate(-self._center.x(), -self._center.y())
        return made

    def fit(self) -> None:
        """Show the whole image, as large as it fits."""
        self._fitted = True
        if not self._size.isEmpty():
            room = (max(1, self.width() - 2 * _MARGIN), max(1, self.height() - 2 * _MARGIN))
            self._scale = min(room[0] / self._size.width(), room[1] / self._size.height(), _LARGEST)
            self._center = QPointF(self._size.width() / 2, self._size.height() / 2)
        self._changed()

    def show_pixels(self) -> None:
        """Show every pixel of the image as one of the screen's."""
        self.zoom_to(1 / self.devicePixelRatioF(), QPointF(self.rect().center()))

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom, keeping what is ``at`` a place of the widget (the middle) where it is."""
        self.zoom_to(self._scale * factor, at if at is not None else QPointF(self.rect().center()))

    def zoom_to(self, scale: float, at: QPointF) -> None:
        """Show the image at a scale."""
        if self._size.isEmpty():
            return
        before = self._to_image(at)
        self._scale = max(_SMALLEST, min(_LARGEST, scale))
        self._fitted = False
        self._center += before - self._to_image(at)
        self._stay_inside()
        self._changed()

    def move_by(self, dx: float, dy: float) -> None:
        """Move the image by logical pixels."""
        self._center -= QPointF(dx, dy) / self._scale
        self._stay_inside()
        self.update()

    def _stay_inside(self) -> None:
        """Keep the view's middle inside the image: it can't be lost."""
        self._center.setX(max(0.0, min(float(self._size.width()), self._center.x())))
        self._center.setY(max(0.0, min(float(self._size.height()), self._center.y())))

    def _changed(self) -> None:
        self.setCursor(Qt.CursorShape.ArrowCursor if self._fitted else Qt.CursorShape.OpenHandCursor)
        self.zoomed.emit()
        self.update()

    def _to_image(self, point: QPointF) -> QPointF:
        inverse, _ = self.transform().inverted()
        return inverse.map(point)

    # -- painting ----------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture, what lies over it, and the focus."""
        c = theme.colors()
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.qcolor(c.window))
        if not self._picture.isNull() and not self._size.isEmpty():
            self._paint(painter, self.transform())
        if self.hasFocus():
            painter.setPen(QPen(theme.qcolor(c.accent), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _paint(self, painter: QPainter, transform: QTransform) -> None:
        place = transform.mapRect(QRectF(0, 0, self._size.width(), self._size.height()))
        squares = place.width() / self._picture.width() >= _SQUARES_FROM
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not squares)
        painter.drawImage(place, self._picture)
        for overlay in self._overlays:
            painter.save()
            overlay.paint(painter, transform)
            painter.restore()

    def drawn(self) -> QImage:
        """Return the whole image with what lies over it, at the image's own resolution."""
        if self._picture.isNull() or self._size.isEmpty():
            return QImage()
        longest = max(self._size.width(), self._size.height())
        scale = min(1.0, _LONGEST_SAVED / longest)
        image = QImage(self._size * scale, QImage.Format.Format_RGB32)
        image.fill(Qt.GlobalColor.white)
        ratio = max(1.0, longest * scale / _LABELS_FOR)
        image.setDevicePixelRatio(ratio)
        painter = QPainter(image)
        self._paint(painter, QTransform.fromScale(scale / ratio, scale / ratio))
        painter.end()
        image.setDevicePixelRatio(1.0)
        return image

    # -- mouse, keys, gestures ---------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the mouse; two fingers on a touch pad move, and zoom with Ctrl."""
        pixels = event.pixelDelta()
        touched = not pixels.isNull() and event.phase() != Qt.ScrollPhase.NoScrollPhase
        if touched and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.move_by(pixels.x(), pixels.y())
            return
        self.zoom_by(_WHEEL ** (event.angleDelta().y() or event.angleDelta().x()), event.position())

    def event(self, event: QEvent) -> bool:
        """Zoom by a pinch."""
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom_by(1 + event.value(), event.position())
            return True
        if event.type() == QEvent.Type.Gesture:
            pinch = event.gesture(Qt.GestureType.PinchGesture)  # type: ignore[attr-defined]
            if isinstance(pinch, QPinchGesture):
                self.zoom_by(pinch.scaleFactor(), self.mapFromGlobal(pinch.centerPoint()))
                return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to drag, or to click."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._moved = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the image, or tell what the mouse is on."""
        if self._pressed is not None:
            moved = event.position() - self._pressed
            if self._moved or moved.manhattanLength() >= _DRAG:
                self._moved = True
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self._fitted = False
                self.move_by(moved.x(), moved.y())
                self._pressed = event.position()
                self.zoomed.emit()
            return
        self._tell_hovered(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag, or click."""
        if event.button() == Qt.MouseButton.LeftButton and self._pressed is not None:
            if not self._moved:
                self.clicked.emit(self._to_image(event.position()))
            self._pressed = None
            self.setCursor(Qt.CursorShape.ArrowCursor if self._fitted else Qt.CursorShape.OpenHandCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show the whole image again."""
        self._pressed = None
        self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        """Tell that the mouse has left."""
        self.hovered.emit(None)
        super().leaveEvent(event)

    def _tell_hovered(self, position: QPointF) -> None:
        point = self._to_image(position)
        inside = 0 <= point.x() < self._size.width() and 0 <= point.y() < self._size.height()
        self.hovered.emit(point if inside else None)

    def read_again(self) -> None:
        """Tell once more what the mouse is on: what lies there has changed."""
        if self.underMouse():
            self._tell_hovered(QPointF(self.mapFromGlobal(QCursor.pos())))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom and move by keys."""
        moves = {
            Qt.Key.Key_Left: (_PAN, 0), Qt.Key.Key_Right: (-_PAN, 0),
            Qt.Key.Key_Up: (0, _PAN), Qt.Key.Key_Down: (0, -_PAN),
        }  # fmt: skip
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(1 / _STEP)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_1:
            self.show_pixels()
        elif key in moves and not self._fitted:
            self.move_by(*moves[key])
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stay fitted."""
        if self._fitted:
            self.fit()
        super().resizeEvent(event)

    def sizeHint(self) -> QSize:
        """Return a usual size."""
        return QSize(520, 400)


def _picture(thumbnail: Thumbnail | None) -> QImage:
    if thumbnail is None:
        return QImage()
    row = 3 * thumbnail.width
    image = QImage(thumbnail.rgb, thumbnail.width, thumbnail.height, row, QImage.Format.Format_RGB888)
    return image.convertToFormat(QImage.Format.Format_RGB32)  # of its own bytes, and painted faster
