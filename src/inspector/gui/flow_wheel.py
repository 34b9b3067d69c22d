"""What the colours of optical flow mean: a wheel, whose middle is still and whose rim moves the most."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QConicalGradient, QPainter, QPaintEvent, QRadialGradient
from PySide6.QtWidgets import QSizePolicy, QWidget

from inspector.gui import theme

#: Baker et al.'s colour wheel, as `torchvision.utils.flow_to_image` draws it: from one colour to the next, in steps.
_ARCS = (
    ((255, 0, 0), (255, 255, 0), 15), ((255, 255, 0), (0, 255, 0), 6), ((0, 255, 0), (0, 255, 255), 4),
    ((0, 255, 255), (0, 0, 255), 11), ((0, 0, 255), (255, 0, 255), 13), ((255, 0, 255), (255, 0, 0), 6),
)  # fmt: skip
_SIDE = 92


def wheel_colors() -> Iterator[tuple[float, QColor]]:
    """Yield the colours of directions: the share of a turn from "right" over "down", and the colour."""
    steps = sum(count for _, _, count in _ARCS)
    place = 0
    for first, last, count in _ARCS:
        for step in range(count):
            red, green, blue = (a + (b - a) * step // count for a, b in zip(first, last, strict=True))
            yield place / (steps - 1), QColor(red, green, blue)
            place += 1


class FlowWheel(QWidget):
    """The wheel, with arrows where its colours move to."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(
            "Colours of directions: right red, down yellow, left cyan, up violet; stronger is faster"
        )
        self.setToolTip("The colour tells where to, its strength how far; white does not move")

    def sizeHint(self) -> QSize:
        """Return the size of the wheel and its arrows."""
        return QSize(_SIDE + 44, _SIDE + 40)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the wheel."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = QPointF(self.width() / 2, self.height() / 2)
        turn, fade = QConicalGradient(middle, 0), QRadialGradient(middle, _SIDE / 2)
        for share, color in wheel_colors():
            turn.setColorAt(1 - share, color)  # Qt turns the other way round
        fade.setColorAt(0, QColor(255, 255, 255, 255))
        fade.setColorAt(1, QColor(255, 255, 255, 0))
        painter.setPen(Qt.PenStyle.NoPen)
        for brush in (turn, fade):
            painter.setBrush(brush)
            painter.drawEllipse(middle, _SIDE / 2, _SIDE / 2)
        painter.setPen(theme.qcolor(theme.colors().muted))
        away = _SIDE / 2 + 10
        for text, x, y in (("→", away, 0.0), ("↓", 0.0, away), ("←", -away, 0.0), ("↑", 0.0, -away)):
            room = QRectF(middle.x() + x - 9, middle.y() + y - 9, 18, 18)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()
