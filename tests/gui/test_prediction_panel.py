"""The prediction panel: the image, its classes as bars, every state in between, and the copy as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QColor, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QLabel

from inspector.gui import theme
from inspector.gui.photo_view import LARGEST_SCALE, TALLEST, PhotoView
from inspector.gui.prediction_panel import PredictionPanel
from inspector.session.failure import Failure
from inspector.session.phase import Phase
from inspector.session.prediction_state import ClassScore, Prediction
from inspector.session.state import Attachment, ImageItem, Thumbnail

READY = Attachment(phase="ready", architecture="resnet18")
CLASSES = (
    ClassScore("Samoyed", 258, 0.814),
    ClassScore("Great Pyrenees", 257, 0.088),
    ClassScore("Arctic fox", 279, 0.029),
    ClassScore("white wolf", 270, 0.016),
    ClassScore("Pomeranian", 259, 0.0),
)
DONE = Prediction("ready", CLASSES, 38.2, "cpu")


def thumbnail(width: int, height: int, color: str = "gray") -> Thumbnail:
    return Thumbnail(width, height, Image.new("RGB", (width, height), color).tobytes(), width, height)


DOG = ImageItem(1, Path("/files/dog.jpg"), thumbnail(640, 440))


@pytest.fixture
def panel(qtbot: Any, qapp: QApplication) -> PredictionPanel:
    theme.apply(qapp, "light")
    made = PredictionPanel()
    qtbot.addWidget(made)
    made.resize(340, 500)
    made.show()
    return made


def words_shown(panel: PredictionPanel) -> str:
    return " ".join(label.text() for label in panel.findChildren(QLabel) if label.isVisible())


# -- classes -------------------------------------------------------------------------------------------------------


def test_the_likeliest_classes_are_shown_and_read_aloud(panel: PredictionPanel) -> None:
    panel.show_image(DOG, DONE, READY)
    assert panel.top_label() == "Samoyed"
    assert panel.caption.text() == "dog.jpg · 38\u202fms · CPU"
    assert [row.accessibleName() for row in panel.bars.rows] == [
        "Samoyed, 81.4\u202f%",
        "Great Pyrenees, 8.8\u202f%",
        "Arctic fox, 2.9\u202f%",
        "white wolf, 1.6\u202f%",
        "Pomeranian, 0.0\u202f%",
    ]
    assert [row.label.font().bold() or row.label.font().weight() > 500 for row in panel.bars.rows] == [True] + 4 * [
        False
    ]
    assert "Samoyed" in panel.bars.rows[0].toolTip()
    assert "258" in panel.bars.rows[0].toolTip()
    assert panel.message.isHidden()


def test_classes_without_names_are_called_by_their_number(panel: PredictionPanel) -> None:
    panel.show_image(DOG, Prediction("ready", (ClassScore("17", 17, 0.9), ClassScore("", 3, 0.1)), 1.0, "cpu"), READY)
    assert panel.top_label() == "class 17"
    assert panel.bars.rows[1].accessibleName() == "class 3, 10.0\u202f%"


def test_a_bar_is_as_long_as_its_share(panel: PredictionPanel, qtbot: Any) -> None:
    halves = (ClassScore("a", 0, 0.5), ClassScore("b", 1, 0.25), ClassScore("c", 2, 0.0))
    panel.show_image(DOG, Prediction("ready", halves, 1.0, "cpu"), READY)
    qtbot.waitUntil(lambda: panel.bars.rows[0].label.width() > 50)
    full, filled = [], []
    for row in panel.bars.rows:
        line = row.grab().toImage()
        across = [line.pixelColor(x, line.height() // 2) for x in range(line.width())]
        c = theme.colors()
        filled.append(across.count(QColor(c.accent)))
        full.append(filled[-1] + across.count(QColor(c.track)))
    assert filled[0] == pytest.approx(full[0] / 2, abs=3)
    assert filled[1] == pytest.approx(full[0] / 4, abs=3)
    assert filled[2] == 0


def test_a_long_label_is_shortened_but_kept_whole_for_the_rest(panel: PredictionPanel) -> None:
    name = "a label that is much longer than any panel will ever be wide, and then some"
    panel.show_image(DOG, Prediction("ready", (ClassScore(name, 3, 0.9),), 1.0, "cpu"), READY)
    row = panel.bars.rows[0]
    assert row.label.text() == name
    assert row.label.width() < row.width() / 2
    assert name in row.toolTip()
    assert panel.width() == 340


def test_markup_in_names_is_shown_as_it_stands(panel: PredictionPanel) -> None:
    panel.show_image(
        ImageItem(1, Path("/files/<b>dog.jpg")), Prediction("ready", (ClassScore("<i>cat", 3, 0.9),), 1.0, "cpu"), READY
    )
    assert "&lt;i&gt;cat" in panel.bars.rows[0].toolTip()
    assert "&lt;b&gt;dog.jpg" in panel.caption.toolTip()
    assert panel.bars.rows[0].label.textFormat() == Qt.TextFormat.PlainText == panel.caption.textFormat()


# -- states --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "hint"),
    [
        ("ready", "Drop a photograph to see what this model says"),
        ("running", "Drop a photograph to see what this model says"),
        ("none", "Attach an architecture, then drop images"),
        ("failed", "Attach an architecture, then drop images"),
    ],
)
def test_without_an_image_a_hint_says_what_to_do(panel: PredictionPanel, phase: Phase, hint: str) -> None:
    panel.show_image(DOG, DONE, READY)
    panel.show_image(None, None, Attachment(phase=phase))
    assert hint in words_shown(panel)
    assert panel.message.accessibleName() == hint
    assert panel.top_label() == ""
    assert panel.picture.isHidden()


@pytest.mark.parametrize("phase", ["waiting", "running"])
def test_progress_comes_only_after_a_while(panel: PredictionPanel, qtbot: Any, phase: Phase) -> None:
    panel.show_image(DOG, Prediction(phase), READY)
    assert not panel.progress.isVisible()
    assert panel.message.isHidden()
    qtbot.waitUntil(panel.progress.isVisible)
    panel.show_image(DOG, DONE, READY)
    assert not panel.progress.isVisible()
    assert panel.top_label() == "Samoyed"


def test_a_quick_prediction_shows_no_progress(panel: PredictionPanel) -> None:
    panel.show_image(DOG, Prediction("running"), READY)
    assert panel._timer.isActive()
    panel.show_image(DOG, DONE, READY)
    assert not panel._timer.isActive()
    assert panel.progress.isHidden()


def test_an_image_that_waits_for_the_attachment_says_so(panel: PredictionPanel, qtbot: Any) -> None:
    panel.show_image(DOG, Prediction(), Attachment(phase="running", architecture="resnet18"))
    qtbot.waitUntil(panel.progress.isVisible)
    assert "Waiting until resnet18 is attached" in words_shown(panel)


def test_an_image_without_an_attachment_asks_for_one(panel: PredictionPanel) -> None:
    panel.show_image(DOG, Prediction(), Attachment())
    assert "Attach an architecture" in words_shown(panel)
    assert panel.picture.isVisible()
    assert panel._timer.isActive() is False


def test_a_cancelled_image_can_be_predicted(panel: PredictionPanel, qtbot: Any) -> None:
    panel.show_image(DOG, None, READY)
    assert "not predicted yet" in words_shown(panel)
    assert panel.again.text() == "Predict"
    with qtbot.waitSignal(panel.again_requested):
        qtbot.mouseClick(panel.again, Qt.MouseButton.LeftButton)


def test_an_image_that_failed_can_be_predicted_again(panel: PredictionPanel) -> None:
    panel.show_image(DOG, Prediction("failed", failure=Failure("It broke.")), READY)
    assert not panel.again.isHidden()
    assert panel.again.text() == "Predict again"
    panel.show_image(DOG, Prediction("running"), READY)
    assert panel.again.isHidden()


def test_a_broken_image_says_why_and_what_to_do(panel: PredictionPanel) -> None:
    failure = Failure("page.jpg is a web page, not an image.", "Download the image itself.")
    panel.show_image(ImageItem(2, Path("/files/page.jpg"), failure=failure), Prediction(), READY)
    assert "page.jpg is a web page, not an image. Download the image itself." in words_shown(panel)
    assert panel.picture.isHidden()
    assert not panel._timer.isActive()


def test_a_failed_prediction_says_why_and_keeps_the_picture(panel: PredictionPanel) -> None:
    failure = Failure("The memory of cuda:0 is full.", "Choose cpu.")
    panel.show_image(DOG, DONE, READY)
    panel.show_image(DOG, Prediction("failed", failure=failure), READY)
    assert "The memory of cuda:0 is full. Choose cpu." in words_shown(panel)
    assert panel.picture.isVisible()
    assert panel.top_label() == ""


def test_nothing_jumps_from_one_image_to_the_next(panel: PredictionPanel) -> None:
    panel.show_image(DOG, DONE, READY)
    QApplication.processEvents()
    place, height = panel.bars.mapTo(panel, panel.bars.rect().topLeft()), panel.minimumSizeHint().height()
    for item in (DOG, ImageItem(2, Path("/files/tall.jpg"), thumbnail(100, 440)), ImageItem(3, Path("/files/new.jpg"))):
        panel.show_image(item, Prediction("running"), READY)
        assert panel.minimumSizeHint().height() == height
        panel.show_image(item, DONE, READY)
        QApplication.processEvents()
        assert panel.bars.mapTo(panel, panel.bars.rect().topLeft()) == place


# -- picture -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(640, 440), (440, 640), (1, 400), (640, 3), (30, 20), (7, 9)])
def test_a_picture_keeps_its_aspect_and_is_not_blown_up(qtbot: Any, width: int, height: int) -> None:
    view = PhotoView()
    qtbot.addWidget(view)
    view.resize(340, view.heightForWidth(340))
    view.show_thumbnail(thumbnail(width, height))
    place = view.picture_rect()
    assert view.rect().contains(place)
    assert place.width() <= LARGEST_SCALE * width
    assert place.height() <= LARGEST_SCALE * height
    if place != view.rect():
        scale = min(340 / width, view.height() / height, LARGEST_SCALE)
        assert place.width() == max(1, round(width * scale))
        assert place.height() == max(1, round(height * scale))
    assert view.grab().toImage().pixelColor(place.center()) == QColor("gray")


def test_a_photograph_of_nearly_the_places_aspect_fills_it(qtbot: Any) -> None:
    view = PhotoView()
    qtbot.addWidget(view)
    view.resize(340, view.heightForWidth(340))
    view.show_thumbnail(thumbnail(627, 440))
    assert view.picture_rect() == view.rect()
    view.show_thumbnail(thumbnail(587, 440))
    assert view.picture_rect().width() < view.width()


def test_a_wide_panel_leaves_room_for_the_numbers() -> None:
    assert PhotoView().heightForWidth(2000) == TALLEST


# -- copying -------------------------------------------------------------------------------------------------------

COPIED = "dog.jpg\nSamoyed\t81.4 %\nGreat Pyrenees\t8.8 %\nArctic fox\t2.9 %\nwhite wolf\t1.6 %\nPomeranian\t0.0 %"


def test_the_copy_key_takes_the_predictions_as_text(panel: PredictionPanel, qtbot: Any) -> None:
    panel.show_image(DOG, DONE, READY)
    panel.activateWindow()
    panel.setFocus()
    qtbot.waitUntil(panel.hasFocus)
    QGuiApplication.clipboard().setText("before")
    qtbot.keyClick(panel, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == COPIED


def test_the_context_menu_copies_too(panel: PredictionPanel) -> None:
    panel.show_image(DOG, DONE, READY)
    assert panel.contextMenuPolicy() == Qt.ContextMenuPolicy.ActionsContextMenu
    actions: list[QAction] = panel.actions()
    (copy,) = actions
    copy.trigger()
    assert QGuiApplication.clipboard().text() == COPIED
    panel.show_image(DOG, Prediction("running"), READY)
    assert not copy.isEnabled()


# -- looks ---------------------------------------------------------------------------------------------------------


def has(image: QImage, wanted: str) -> bool:
    goal = QColor(wanted)
    return any(image.pixelColor(x, y) == goal for x in range(image.width()) for y in range(image.height()))


@pytest.mark.parametrize("name", ["light", "dark"])
def test_both_themes_are_painted(
    panel: PredictionPanel, qapp: QApplication, qtbot: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # Set by hand, as the offscreen platform knows no dark theme; the panel was made in the light one.
    monkeypatch.setattr(theme, "is_dark", lambda: name == "dark")
    theme.apply(qapp, name)
    c = theme.colors()
    panel.show_image(DOG, DONE, READY)
    qtbot.waitUntil(lambda: panel.bars.height() > 50)
    shown = panel.grab().toImage()
    assert has(shown, c.accent)
    assert has(shown, c.track)
    panel.show_image(DOG, Prediction("failed", failure=Failure("No.", "Try again.")), READY)
    assert has(panel.grab().toImage(), c.warning_soft)
    panel.show_image(ImageItem(2, Path("/x.jpg"), failure=Failure("No.", "Try again.")), None, READY)
    assert has(panel.grab().toImage(), c.danger_soft)


def test_a_new_theme_reaches_what_is_shown(
    panel: PredictionPanel, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.show_image(DOG, Prediction("failed", failure=Failure("No.", "Try again.")), READY)
    assert has(panel.grab().toImage(), theme.LIGHT.warning_soft)
    monkeypatch.setattr(theme, "is_dark", lambda: True)
    theme.apply(qapp, "dark")
    shown = panel.grab().toImage()
    assert has(shown, theme.DARK.warning_soft)
    assert not has(shown, theme.LIGHT.warning_soft)
