"""The keypoints of a person, joined to a skeleton: left and right in colours of their own."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QTransform

from inspector.palette import KEYPOINTS, LEFT, LIMBS, MIDDLE, RIGHT, limb_colour

_POINT = 3.0
_NEAR = 8.0

Keypoints = tuple[tuple[float, float, float], ...]


def _point_color(point: int) -> QColor:
    name = KEYPOINTS[point]
    return QColor(*(LEFT if name.startswith("left") else RIGHT if name.startswith("right") else MIDDLE))


def paint_skeleton(painter: QPainter, transform: QTransform, keypoints: Keypoints, *, strong: bool = False) -> None:
    """Paint what the model is likely to have seen; points of other layouts than COCO's stand alone."""
    spots = [transform.map(QPointF(x, y)) for x, y, _ in keypoints]
    seen = [score > 0 for _, _, score in keypoints]
    known = len(keypoints) == len(KEYPOINTS)
    width = 3.5 if strong else 2.5
    for first, second in LIMBS if known else ():
        if seen[first] and seen[second]:
            for color, wide in ((QColor(0, 0, 0, 150), width + 2), (QColor(*limb_colour(first, second)), width)):
                painter.setPen(QPen(color, wide, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
                painter.drawLine(spots[first], spots[second])
    for place, spot in enumerate(spots):
        if seen[place]:
            painter.setPen(QPen(QColor(0, 0, 0, 180), 1.0))
            painter.setBrush(_point_color(place) if known else QColor(*MIDDLE))
            painter.drawEllipse(spot, _POINT, _POINT)


def point_name(keypoints: Keypoints, point: QPointF) -> str:
    """Return the name of the keypoint near a point of the image, empty where there is none."""
    if len(keypoints) != len(KEYPOINTS):
        return ""
    near = [
        (abs(x - point.x()) + abs(y - point.y()), KEYPOINTS[place].replace("_", " "))
        for place, (x, y, score) in enumerate(keypoints)
        if score > 0
    ]
    distance, name = min(near, default=(_NEAR, ""))
    return name if distance < _NEAR else ""
