"""A tensor's distribution as small as a row of text: a few bars, drawn cheaply."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from functools import lru_cache

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QPainter

from inspector.gui import theme
from inspector.session.survey_state import SurveyFigures

#: Width and height of the bars, in logical pixels.
WIDTH, HEIGHT = 52, 15
#: Logical pixels of a bar, with the gap beside it.
_PITCH = 2


def bar_heights(counts: Sequence[int], bars: int) -> list[float]:
    """Return the heights of bars that share bins evenly, the highest 1: square roots, so that small ones are seen."""
    each = max(1, math.ceil(len(counts) / max(1, bars)))
    sums = [sum(counts[first : first + each]) for first in range(0, len(counts), each)]
    highest = max(sums, default=0)
    return [math.sqrt(count / highest) for count in sums] if highest > 0 else [0.0] * len(sums)


@lru_cache(maxsize=1_024)
def _bars(counts: bytes, width: int, height: int, ratio: float) -> tuple[QRectF, ...]:
    """Return the bars from the origin, on whole pixels of the screen."""
    values = array("q", counts)
    heights = bar_heights(values, width // _PITCH)
    pitch = width * ratio / max(1, len(heights))
    made = []
    for place, share in enumerate(heights):
        if share:
            left, right = round(place * pitch), max(round(place * pitch) + 1, round((place + 1) * pitch) - round(ratio))
            tall = max(1, round(share * height * ratio))
            made.append(QRectF(left / ratio, height - tall / ratio, (right - left) / ratio, tall / ratio))
    return tuple(made)


def paint_row_histogram(painter: QPainter, room: QRect, figures: SurveyFigures, tensor: int, color: str) -> None:
    """Paint a tensor's distribution at the left of a cell, in its middle; nothing where it has none."""
    width, height = min(WIDTH, room.width()), min(HEIGHT, room.height())
    if width < 4 * _PITCH:
        return
    bars = _bars(figures.row_counts(tensor).tobytes(), width, height, painter.device().devicePixelRatio())
    if not bars:
        return
    painter.save()
    painter.translate(room.left(), room.top() + (room.height() - height) // 2)
    brush = theme.qcolor(color)
    for bar in bars:
        painter.fillRect(bar, brush)
    painter.restore()
