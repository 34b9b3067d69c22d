"""The frame of the views: which are offered, when they are built and told, and how drawings are saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QApplication, QFileDialog
from safetensors.numpy import save_file

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui import ahead, file_dialogs, theme, views
from inspector.gui.tensor_panel import TensorPanel
from inspector.gui.views import registry, saving
from inspector.gui.views.catalogue import register_all
from inspector.gui.views.registry import Subject, ViewKind, WeightView
from inspector.gui.views.view_bar import ViewBar
from inspector.session import Session
from inspector.session.loop import QueueLoop
from inspector.session.state import TensorView


class Recorded(WeightView):
    """A view that notes what it is told."""

    made: ClassVar[list[Recorded]] = []

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.told: list[str] = []
        Recorded.made.append(self)

    def show_subject(self, subject: Subject) -> None:
        self.told.append(subject.name)

    def forget(self) -> None:
        self.told.append("forget")


@pytest.fixture
def summary(tmp_path: Path) -> CheckpointSummary:
    path = tmp_path / "some.safetensors"
    save_file({"bias": np.ones(4, np.float32), "weight": np.ones((4, 4), np.float32), "other": np.ones((2, 2))}, path)
    with open_checkpoint(path) as checkpoint:
        header, columns = encode(checkpoint)
    return CheckpointSummary(json.loads(json.dumps(header)), columns)


@pytest.fixture
def panel(qtbot: Any, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> TensorPanel:
    theme.apply(qapp, "light")
    Recorded.made = []
    kinds = [
        ViewKind("all", "All of it", "Suits every tensor", lambda subject: 1, Recorded),
        ViewKind("flat", "Flat", "Suits matrices", lambda subject: 5 * (len(subject.shape) == 2), Recorded),
    ]
    register_all()  # or the first panel would add all others to these
    monkeypatch.setattr(registry, "_KINDS", kinds)
    made = TensorPanel(Session(QueueLoop()))
    qtbot.addWidget(made)
    made.resize(500, 640)
    made.show()
    qtbot.waitExposed(made)
    return made


def show(panel: TensorPanel, summary: CheckpointSummary, name: str, **how: Any) -> None:
    view = TensorView(summary.names.index(name), **{"phase": "ready", "statistics": {}, **how})
    panel.show_view(summary, view, checkpoint=1)


def test_views_that_suit_are_offered_best_first(panel: TensorPanel, summary: CheckpointSummary) -> None:
    show(panel, summary, "weight")
    assert panel.switch.names == ["overview", "flat", "all"]
    show(panel, summary, "bias")
    assert panel.switch.names == ["overview", "all"]
    assert panel.figures.isVisible()
    assert not Recorded.made, "nothing is built before it is looked at"


def test_chosen_view_is_kept_where_it_is_offered(panel: TensorPanel, summary: CheckpointSummary, qtbot: Any) -> None:
    show(panel, summary, "weight")
    qtbot.mouseClick(panel.switch.segmented.buttons["flat"], Qt.MouseButton.LeftButton)
    assert len(Recorded.made) == 1
    assert Recorded.made[0].isVisible()
    assert not panel.figures.isVisible()
    show(panel, summary, "bias")
    assert panel.view_name == "overview"
    assert panel.figures.isVisible()
    show(panel, summary, "other", phase="running")
    assert panel.view_name == "flat"
    assert Recorded.made[0].isVisible(), "it need not wait for the overview's figures"
    show(panel, summary, "other")
    assert Recorded.made[0].told == ["weight", "forget", "other"]
    panel.show_view(summary, None)
    assert Recorded.made[0].told[-1] == "forget"
    assert not panel.switch.isVisible()


def test_turning_between_views_keeps_their_state(panel: TensorPanel, summary: CheckpointSummary) -> None:
    show(panel, summary, "weight")
    for name in ("all", "flat", "all", "overview", "all"):
        panel.switch.segmented.buttons[name].click()
    assert [view.told for view in Recorded.made] == [["weight"], ["weight"]]


def test_a_tensor_that_cannot_be_read_offers_no_views(panel: TensorPanel, summary: CheckpointSummary) -> None:
    show(panel, summary, "weight")
    panel.switch.segmented.buttons["all"].click()
    show(panel, summary, "other", phase="failed")
    assert not panel.switch.isVisible()
    assert panel.message.isVisible()


def test_arrow_keys_walk_the_views(panel: TensorPanel, summary: CheckpointSummary, qtbot: Any) -> None:
    show(panel, summary, "weight")
    panel.switch.segmented.buttons["overview"].setFocus()
    qtbot.keyClick(panel.switch.segmented, Qt.Key.Key_Right)
    assert panel.view_name == "flat"


def test_views_without_room_are_in_a_menu(panel: TensorPanel, summary: CheckpointSummary, qtbot: Any) -> None:
    show(panel, summary, "weight")
    assert not panel.switch.more.isVisible()
    panel.resize(panel.switch.sizeHint().width() + 20, 640)  # 32 of it are margins
    qtbot.waitUntil(panel.switch.more.isVisible)
    hidden = {action.text(): action for action in panel.switch.more.menu().actions()}
    assert "All of it" in hidden
    assert "Overview" not in hidden
    hidden["All of it"].trigger()
    assert panel.view_name == "all"
    assert panel.switch.segmented.buttons["all"].isVisible()
    assert not panel.switch.segmented.buttons["flat"].isVisible()


# -- copying and saving ------------------------------------------------------------------------------------------


def _paint(painter: QPainter, area: QRectF) -> None:
    painter.fillRect(area.adjusted(0, 0, -area.width() / 2, 0), Qt.GlobalColor.red)
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "half")


def test_drawings_are_written_as_png_and_svg(qapp: QApplication, tmp_path: Path) -> None:
    theme.apply(qapp, "dark")
    assert saving.write_drawing(tmp_path / "a.png", QSize(100, 40), _paint) == ""
    image = QImage(str(tmp_path / "a.png"))
    assert (image.width(), image.height()) == (200, 80)
    assert image.pixelColor(5, 5).name() == "#ff0000"
    assert image.pixelColor(195, 5).name() == theme.DARK.surface
    assert saving.write_drawing(tmp_path / "a.svg", QSize(100, 40), _paint) == ""
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "half</text>" in text
    assert 'viewBox="0 0 100 40"' in text
    failure = saving.write_drawing(tmp_path / "none" / "a.png", QSize(100, 40), _paint)
    assert failure.startswith("a.png can't be saved: ")


def test_drawings_are_copied(qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    saving.copy_drawing(QSize(100, 40), _paint)
    assert QGuiApplication.clipboard().image().size() == QSize(200, 80)


@pytest.mark.parametrize(
    ("typed", "kind", "expected"),
    [
        ("w.png", "PNG pictures (*.png)", "w.png"),
        ("w.png", "SVG drawings (*.svg)", "w (2).svg"),  # never asked about, so what is there stays
        ("mine.svg", "PNG pictures (*.png)", "mine.svg"),
        ("layer1.conv", "SVG drawings (*.svg)", "layer1.conv.svg"),
        ("", "", None),
    ],
)
def test_drawings_are_saved_where_the_person_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any, typed: str, kind: str, expected: str | None
) -> None:
    (tmp_path / "w.svg").touch()
    answer = str(tmp_path / typed) if typed else ""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (answer, kind))
    bar = ViewBar()
    qtbot.addWidget(bar)
    found = file_dialogs.ask_for_drawing(bar, "w")
    assert found == (tmp_path / expected if expected else None)


def test_bar_asks_to_copy_and_save(qtbot: Any) -> None:
    bar = ViewBar()
    qtbot.addWidget(bar)
    with qtbot.waitSignal(bar.copy_requested):
        bar.copy.click()
    with qtbot.waitSignal(bar.save_requested):
        bar.save.click()


def test_every_view_is_imported_ahead() -> None:
    found = {name for name in ahead._VIEWS if name.endswith(("_view", "_page"))}
    folder = Path(views.__file__).parent
    there = {f"views.{path.stem}" for path in folder.glob("*_view.py")} | {"views.histogram_page"}
    assert found >= there - {"views.optimizer_view"}, "the one that few files offer may wait"
    for step in ahead.view_imports():
        step()
