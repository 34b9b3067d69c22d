"""The keypoints of a person, joined to a skeleton: left and right in colours of their own."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QTransform

from inspector.gui.overlays.palette import LEFT, MIDDLE, RIGHT

#: COCO's keypoints, in their order (https://cocodataset.org/#keypoints-2020).
NAMES = (
    "nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder", "left elbow",
    "right elbow", "left wrist", "right wrist", "left hip", "right hip", "left knee", "right knee", "left ankle",
    "right ankle",
)  # fmt: skip

#: Which of them are joined.
LIMBS = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10),
    (1, 2), (0, 1), (0, 2), (1, 3), (2, 4),
)  # fmt: skip

_POINT = 3.0
_NEAR = 8.0

Keypoints = tuple[tuple[float, float, float], ...]


def side_color(*points: int) -> QColor:
    """Return the colour of a point, or of a limb between two: a side's where all are of that side."""
    names = [NAMES[point] for point in points]
    if all(name.startswith("left") for name in names):
        return QColor(LEFT)
    return QColor(RIGHT if all(name.startswith("right") for name in names) else MIDDLE)


def paint_skeleton(painter: QPainter, transform: QTransform, keypoints: Keypoints, *, strong: bool = False) -> None:
    """Paint what the model is likely to have seen; points of other layouts than COCO's stand alone."""
    spots = [transform.map(QPointF(x, y)) for x, y, _ in keypoints]
    seen = [score > 0 for _, _, score in keypoints]
    known = len(keypoints) == len(NAMES)
    width = 3.5 if strong else 2.5
    for first, second in LIMBS if known else ():
        if seen[first] and seen[second]:
            for color, wide in ((QColor(0, 0, 0, 150), width + 2), (side_color(first, second), width)):
                painter.setPen(QPen(color, wide, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
                painter.drawLine(spots[first], spots[second])
    for place, spot in enumerate(spots):
        if seen[place]:
            painter.setPen(QPen(QColor(0, 0, 0, 180), 1.0))
            painter.setBrush(side_color(place) if known else QColor(MIDDLE))
            painter.drawEllipse(spot, _POINT, _POINT)


def point_name(keypoints: Keypoints, point: QPointF) -> str:
    """Return the name of the keypoint near a point of the image, empty where there is none."""
    if len(keypoints) != len(NAMES):
        return ""
    near = [
        (abs(x - point.x()) + abs(y - point.y()), NAMES[place])
        for place, (x, y, score) in enumerate(keypoints)
        if score > 0
    ]
    distance, name = min(near, default=(_NEAR, ""))
    return name if distance < _NEAR else ""
