"""The small distribution in a row: bars that share bins, painted where there is room."""

from __future__ import annotations

from pathlib import Path

import torch
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from inspector.gui.row_histogram import HEIGHT, WIDTH, bar_heights, paint_row_histogram
from inspector.session.survey_state import SurveyFigures

from .surveyed import surveyed


def test_bars_share_bins_and_the_highest_is_whole() -> None:
    assert bar_heights([4, 0, 0, 0, 9, 7], 3) == [0.5, 0.0, 1.0]
    assert bar_heights([0, 0], 2) == [0.0, 0.0]
    assert bar_heights([], 4) == []
    assert len(bar_heights([1] * 64, 26)) <= 26


def painted(figures: SurveyFigures, tensor: int, room: QRect, ratio: float = 1.0) -> QImage:
    image = QImage(round(room.width() * ratio), round(room.height() * ratio), QImage.Format.Format_ARGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    paint_row_histogram(painter, room, figures, tensor, "#000000")
    painter.end()
    return image


def heights(image: QImage) -> list[int]:
    dark = QColor("#000000")
    return [sum(image.pixelColor(x, y) == dark for y in range(image.height())) for x in range(image.width())]


def test_a_distribution_is_painted_with_its_form(tmp_path: Path) -> None:
    values = torch.cat([torch.zeros(100), torch.linspace(-1, 1, 10)])
    found = surveyed(tmp_path / "net.pth", {"a": values, "none": torch.zeros(0)})
    assert found.survey is not None
    for ratio in (1.0, 2.0):
        image = painted(found.survey.figures, 0, QRect(0, 0, 70, 25), ratio)
        columns = heights(image)
        assert max(columns) == HEIGHT * ratio
        assert columns.index(max(columns)) in range(round(20 * ratio), round(32 * ratio))
        assert not any(columns[round(WIDTH * ratio) :])
        assert columns[0] > 0
    assert not any(heights(painted(found.survey.figures, 1, QRect(0, 0, 70, 25))))
    assert not any(heights(painted(found.survey.figures, 0, QRect(0, 0, 6, 25))))
