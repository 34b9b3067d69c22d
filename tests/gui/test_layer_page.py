"""What a layer sees: the maps' places and words, and the page that follows the tree and the image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor
from torchvision.models import squeezenet1_1

from inspector.gui.main_window import MainWindow
from inspector.gui.maps_view import MapsView
from inspector.session.explanation_state import FeatureMaps

GREY = bytes([0, 255, 0, 255] + [255, 0, 255, 0] + [7] * 4)
MAPS = FeatureMaps(
    1, 2, "a", phase="ready", shape=(1, 300, 2, 2), channels=300, first=256, count=3, height=2, width=2, rows=2,
    columns=2, grey=GREY, low=(-1.0, 0.0, 3.0), high=(1.0, 2.5, 3.0),
)  # fmt: skip


@pytest.fixture
def view(qtbot: Any) -> MapsView:
    made = MapsView()
    qtbot.addWidget(made)
    made.resize(160, 10)
    made.show_maps(MAPS)
    made.show()
    return made


def test_maps_stand_in_rows_and_tell_what_they_are(view: MapsView) -> None:
    assert view.in_a_row == 2
    assert view.height() == 2 * (72 + 4)
    assert view.at(QPoint(10, 10)) == 0
    assert view.at(QPoint(90, 10)) == 1
    assert view.at(QPoint(10, 90)) == 2
    assert (view.at(QPoint(90, 90)), view.at(QPoint(74, 10))) == (-1, -1)
    assert view.words_of(1) == "channel 257 · min 0 · max 2.5"
    assert "the same everywhere" in view.words_of(2)
    shown = view.grab().toImage()
    ratio = view.devicePixelRatioF()
    white, black = QColor("white"), QColor("black")
    assert shown.pixelColor(round(8 * ratio), round(8 * ratio)) == black
    assert shown.pixelColor(round(60 * ratio), round(8 * ratio)) == white
    assert shown.pixelColor(round(84 * ratio), round(8 * ratio)) == white
    view.zoom_by(10)
    assert view.in_a_row == 1
    assert view.side == 512


def test_a_vector_is_bars(view: MapsView) -> None:
    values = FeatureMaps(
        1, 2, "fc", phase="ready", kind="vector", channels=3, count=3, rows=1, columns=1, grey=bytes(3),
        low=(2.0, -1.0, 0.5), high=(2.0, -1.0, 0.5),
    )  # fmt: skip
    view.show_maps(values)
    assert view.words_of(view.at(QPoint(30, 5))) == "channel 1: -1"
    image = view.grab().toImage()
    top, bottom = image.pixelColor(10, 5), image.pixelColor(34, view.height() - 5)
    assert top == bottom, "a bar up to the largest value and one down to the least"
    assert image.pixelColor(34, 5) != top


def test_the_page_follows_the_tree(qtbot: Any, window: MainWindow, tmp_path: Path) -> None:
    torch.manual_seed(2)
    torch.save(squeezenet1_1(num_classes=5).state_dict(), tmp_path / "model.pth")
    Image.linear_gradient("L").save(tmp_path / "a.png")
    session, store = window.session, window.store
    number = session.open(tmp_path / "model.pth")
    qtbot.waitUntil(lambda: store.checkpoints[number].match_report is not None, timeout=30_000)
    session.attach(number)
    session.add_images([tmp_path / "a.png"])
    qtbot.waitUntil(lambda: any(p.phase == "ready" for p in store.predictions.values()), timeout=60_000)
    tree = window.tree

    def node(path: str) -> int:
        summary = tree.model.summary
        assert summary is not None
        return next(at for at in range(len(summary.kinds)) if tree.model.path_of(at) == path)

    menu = tree.menu_for(node("features.3"))
    next(action for action in menu.actions() if action.text() == "Show what this layer sees").trigger()
    page = window.centre.layer

    def shows(layer: str) -> bool:
        found = store.feature_maps
        return found is not None and found.phase == "ready" and found.module == layer

    assert page.empty.title.text() == "Looking…"
    assert page.empty.button.isHidden()
    qtbot.waitUntil(lambda: shows("features.3"), timeout=30_000)
    assert page.title.text() == "features.3"
    assert page.details.text().startswith("128 maps of")
    page.shared.click()
    qtbot.waitUntil(lambda: store.feature_maps is not None and store.feature_maps.scale == "shared")
    qtbot.waitUntil(lambda: shows("features.3"), timeout=30_000)
    tree.view.setCurrentIndex(tree.model.index_of(node("features.3.squeeze")))
    qtbot.waitUntil(lambda: shows("features.3.squeeze"), timeout=30_000)
    assert window.centre.current == "layer"
    window.centre.turn_to("tensor")
    assert store.feature_maps is None, "let go where nobody looks"
