"""“Why?”: the heat lies over what the model saw, follows the class and the image, and goes with Esc."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter, QTransform
from torchvision.models import squeezenet1_1

from inspector.gui.main_window import MainWindow
from inspector.gui.overlays.heat import HeatOverlay, smooth_heat
from inspector.gui.view_options import ViewOptions
from inspector.palette import heat_colour
from inspector.session.explanation_state import Explanation

ROWS = bytes([0, 0, 0, 0, 0, 0, 0, 0, 255])
FOUND = Explanation(1, 2, 0, "ready", "a", 0.5, "layer", 3, 3, ROWS, (20.0, 0.0, 80.0, 60.0))


def brightness(color: tuple[int, int, int]) -> float:
    return 0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2]


def test_more_heat_is_always_brighter() -> None:
    values = [brightness(heat_colour(value / 255)) for value in range(256)]
    assert all(after > before - 0.5 for before, after in itertools.pairwise(values))  # but for rounding
    assert values[-1] - values[0] > 200


def test_the_heat_lies_on_the_crop_alone(qtbot: Any) -> None:
    options = ViewOptions()
    options.set_opacity(1.0)
    image = QImage(200, 120, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.green)
    painter = QPainter(image)
    HeatOverlay(FOUND, options).paint(painter, QTransform.fromScale(2, 2))
    painter.end()
    green = image.pixelColor(0, 0)
    assert (image.pixelColor(36, 60), image.pixelColor(164, 60)) == (green, green)
    hot, cold = image.pixelColor(150, 110), image.pixelColor(50, 10)
    assert brightness((hot.red(), hot.green(), hot.blue())) > 200
    assert brightness((cold.red(), cold.green(), cold.blue())) < 20
    smooth = smooth_heat(FOUND)
    steps = [smooth.pixelColor(x, smooth.height() - 1) for x in range(smooth.width())]
    jumps = [abs(a.lightness() - b.lightness()) for a, b in itertools.pairwise(steps)]
    assert max(jumps) < 12, "smoothed before it is coloured"


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    torch.manual_seed(2)
    made = squeezenet1_1(num_classes=5)
    torch.save(made.state_dict(), tmp_path / "model.pth")
    return tmp_path / "model.pth"


def add_image(qtbot: Any, window: MainWindow, path: Path, color: str) -> None:
    Image.new("RGB", (320, 240), color).save(path)
    count = len(window.store.images)
    window.session.add_images([path])
    qtbot.waitUntil(lambda: len(window.store.images) > count, timeout=30_000)
    number, current = list(window.store.images)[-1], window.store.current
    assert current is not None
    qtbot.waitUntil(
        lambda: getattr(window.store.predictions.get((current, number)), "phase", "") == "ready",
        timeout=60_000,
    )


def test_the_whole_way(qtbot: Any, window: MainWindow, model_file: Path, tmp_path: Path) -> None:
    session, store = window.session, window.store
    number = session.open(model_file)
    qtbot.waitUntil(lambda: store.checkpoints[number].match_report is not None, timeout=30_000)
    session.attach(number)
    add_image(qtbot, window, tmp_path / "a.png", "red")
    panel = window.prediction
    qtbot.waitUntil(panel.why.button.isVisible, timeout=10_000)

    def ready() -> Explanation:
        qtbot.waitUntil(lambda: store.explanation is not None and store.explanation.phase == "ready", timeout=30_000)
        assert store.explanation is not None
        return store.explanation

    qtbot.mouseClick(panel.why.button, Qt.MouseButton.LeftButton)
    best = ready()
    assert best.index == panel.bars.rows[0].score.index
    assert panel.why.text.text().startswith(best.label)
    window.centre.open_image()  # built only now, with the heat that is there
    assert any(isinstance(overlay, HeatOverlay) for overlay in window.centre.image.canvas._overlays)

    qtbot.mouseClick(panel.bars, Qt.MouseButton.LeftButton, pos=panel.bars.rows[2].geometry().center())
    qtbot.waitUntil(lambda: ready().index == panel.bars.rows[2].score.index, timeout=30_000)
    qtbot.keyClick(panel.why.button, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: ready().index == panel.bars.rows[1].score.index, timeout=30_000)
    assert [row._marked for row in panel.bars.rows] == [False, True, False, False, False]

    add_image(qtbot, window, tmp_path / "b.png", "blue")
    window.select_image(list(store.images)[-1])
    qtbot.waitUntil(lambda: ready().image == list(store.images)[-1], timeout=30_000)

    window.commands.enable()
    assert window.commands.actions["cancel"].isEnabled()
    window.commands.actions["cancel"].trigger()
    assert store.explanation is None
    assert not panel.why.button.isChecked()
    assert not any(isinstance(overlay, HeatOverlay) for overlay in window.centre.image.canvas._overlays)
    assert not window.commands.actions["cancel"].isEnabled()
