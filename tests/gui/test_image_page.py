"""The large image: zoom and place, what lies over it, and the lists and sliders linked with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication

from inspector.gui import theme
from inspector.gui.image_page import ImagePage
from inspector.gui.view_options import ViewOptions
from inspector.session import Session
from inspector.session.failure import Failure
from inspector.session.looking import ModelInput
from inspector.session.prediction_state import Prediction
from inspector.session.state import Attachment, ImageItem, OpenCheckpoint, Thumbnail

from . import task_samples as samples

STREET = samples.street()
PICTURE = Thumbnail(samples.WIDTH, samples.HEIGHT, STREET.tobytes(), samples.WIDTH, samples.HEIGHT)
STREET_RECT = QRect(0, 0, samples.WIDTH, samples.HEIGHT)
READY = Attachment(phase="ready", architecture="resnet18")


class QueuedLoop:
    """A loop for a session whose processes are not started."""

    def post(self, call: Callable[[], None]) -> None:
        call()

    post_turn = post_idle = post

    def close(self) -> None:
        pass


@pytest.fixture
def session() -> Iterator[Session]:
    made = Session(QueuedLoop())
    made.store.checkpoints[1] = OpenCheckpoint(1, Path("/files/model.pth"), phase="ready", attachment=READY)
    for number in (2, 3):
        made.store.images[number] = ImageItem(number, Path(f"/files/street_{number}.png"), PICTURE)
    yield made
    made.close_processes()


@pytest.fixture
def page(qtbot: Any, qapp: QApplication, session: Session, tmp_path: Path) -> ImagePage:
    theme.apply(qapp, "light")
    made = ImagePage(session, ViewOptions(), lambda name: tmp_path / name)
    qtbot.addWidget(made)
    made.resize(1000, 640)
    made.show()
    qtbot.waitExposed(made)
    return made


def look_at(page: ImagePage, session: Session, prediction: Prediction | None) -> None:
    if prediction is not None:
        session.store.set_prediction(1, 2, prediction)
    page.show_image(session.store.checkpoints[1], session.store.images[2])
    QApplication.processEvents()


def spot(page: ImagePage, x: float, y: float) -> QPoint:
    """Return where a pixel of the image is on the canvas."""
    return page.canvas.transform().map(QPointF(x, y)).toPoint()


def wheel(page: ImagePage, at: QPoint, turn: int) -> None:
    where = QPointF(at)
    event = QWheelEvent(
        where, page.canvas.mapToGlobal(where), QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(page.canvas, event)


def painted(page: ImagePage, x: float, y: float) -> QColor:
    return page.canvas.grab().toImage().pixelColor(spot(page, x, y))


# -- zoom and place ------------------------------------------------------------------------------------------------


def test_an_image_is_fitted_and_stays_so(page: ImagePage, session: Session, qtbot: Any) -> None:
    look_at(page, session, None)
    canvas = page.canvas
    assert canvas.fitted
    assert canvas.rect().contains(canvas.transform().mapRect(STREET_RECT))
    page.resize(800, 400)
    qtbot.waitUntil(lambda: canvas.rect().contains(canvas.transform().mapRect(STREET_RECT)))


def test_the_wheel_zooms_at_the_mouse(page: ImagePage, session: Session) -> None:
    look_at(page, session, None)
    at, before = spot(page, 700, 420), page.canvas.scale
    wheel(page, at, 240)
    assert page.canvas.scale > 1.3 * before
    assert (spot(page, 700, 420) - at).manhattanLength() <= 2  # rounded twice
    wheel(page, at, -240)
    assert page.canvas.scale == pytest.approx(before)


def test_a_double_click_shows_all_again(page: ImagePage, session: Session, qtbot: Any) -> None:
    look_at(page, session, None)
    fitted = page.canvas.scale
    wheel(page, spot(page, 100, 100), 480)
    assert not page.canvas.fitted
    qtbot.mouseDClick(page.canvas, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    assert page.canvas.fitted
    assert page.canvas.scale == fitted


def test_a_drag_moves_the_image_and_never_out_of_sight(page: ImagePage, session: Session, qtbot: Any) -> None:
    look_at(page, session, None)
    wheel(page, spot(page, 480, 320), 600)
    before = spot(page, 480, 320)
    canvas = page.canvas
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(300, 200))
    qtbot.mouseMove(canvas, QPoint(260, 230))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(260, 230))
    assert spot(page, 480, 320) - before == QPoint(-40, 30)
    canvas.move_by(1e6, 1e6)
    assert canvas.rect().contains(spot(page, 0, 0))


def test_keys_zoom(page: ImagePage, session: Session, qtbot: Any) -> None:
    look_at(page, session, None)
    fitted = page.canvas.scale
    page.canvas.setFocus()
    qtbot.keyClick(page.canvas, Qt.Key.Key_Plus)
    assert page.canvas.scale == pytest.approx(1.25 * fitted)
    qtbot.keyClick(page.canvas, Qt.Key.Key_1)
    assert page.canvas.scale == 1.0
    assert page.percent.text() == "100\u202f%"
    qtbot.keyClick(page.canvas, Qt.Key.Key_0)
    assert page.canvas.fitted


def test_a_larger_picture_of_the_same_image_keeps_the_place(page: ImagePage, session: Session) -> None:
    small = STREET.resize((96, 64))
    session.store.change_image(2, thumbnail=Thumbnail(96, 64, small.tobytes(), *STREET.size))
    look_at(page, session, None)
    wheel(page, spot(page, 700, 420), 480)
    before = page.canvas.transform()
    session.store.change_image(2, preview=PICTURE)
    look_at(page, session, None)
    assert page.canvas.transform() == before


# -- segmentation --------------------------------------------------------------------------------------------------


def test_the_mouse_reads_the_class(page: ImagePage, session: Session, qtbot: Any) -> None:
    look_at(page, session, samples.segmentation())
    qtbot.mouseMove(page.canvas, spot(page, 690, 420))
    assert page.canvas.reading.text().startswith("car · 10.6")
    qtbot.mouseMove(page.canvas, spot(page, 480, 600))
    assert page.canvas.reading.text().startswith("road")
    qtbot.mouseMove(page.canvas, QPoint(2, 2))
    assert page.canvas.reading.isHidden()


def test_the_opacity_slider_covers_the_image_or_not(page: ImagePage, session: Session) -> None:
    look_at(page, session, None)
    bare = painted(page, 480, 600)
    look_at(page, session, samples.segmentation())
    covered = painted(page, 480, 600)
    assert covered != bare
    page.side.opacity.slider.setValue(0)
    assert painted(page, 480, 600) == bare
    page.side.opacity.slider.setValue(100)
    green = painted(page, 480, 600)
    assert green == page.side.keys.keys.rows[1].color  # the road's


def test_a_click_on_the_legend_hides_a_class(page: ImagePage, session: Session, qtbot: Any) -> None:
    look_at(page, session, None)
    bare = painted(page, 480, 600)
    look_at(page, session, samples.segmentation())
    keys = page.side.keys
    assert [row.text for row in keys.keys.rows] == ["background", "road", "car", "person"]
    place = keys.visualRect(keys.keys.index(1)).center()
    qtbot.mouseClick(keys.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert keys.keys.rows[1].hidden
    qtbot.mouseMove(page.canvas, QPoint(1, 1))
    page.options.point_at(-1)
    assert painted(page, 480, 600) == bare
    qtbot.mouseClick(keys.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert not keys.keys.rows[1].hidden


# -- detection -----------------------------------------------------------------------------------------------------


def test_the_threshold_acts_at_once_and_predicts_nothing(page: ImagePage, session: Session, qtbot: Any) -> None:
    asked: list[tuple[int, int]] = []
    look_at(page, session, samples.detection())
    session.store.prediction_changed.connect(lambda *key: asked.append(key))
    assert page.side.count.text() == "4 of 8 shown"
    assert len(page.side.keys.keys.rows) == 4
    slider = page.side.threshold.slider
    slider.setFocus()
    for _ in range(10):
        qtbot.keyClick(slider, Qt.Key.Key_Left)  # to 40 %
    assert page.side.threshold.value.text() == "40\u202f%"
    assert [row.text for row in page.side.keys.keys.rows][-1] == "clock"
    slider.setValue(99)
    assert not page.side.keys.keys.rows
    assert "No object above 99" in page.side.message.text()
    assert asked == []


def test_the_image_and_the_list_are_linked_both_ways(page: ImagePage, session: Session, qtbot: Any) -> None:
    look_at(page, session, samples.detection())
    qtbot.mouseMove(page.canvas, spot(page, 445, 480))
    assert page.options.pointed == 3
    assert page.canvas.reading.text() == "dog 64\u202f%"
    keys = page.side.keys
    qtbot.mouseMove(keys.viewport(), keys.visualRect(keys.keys.index(1)).center())
    assert page.options.pointed == 1
    qtbot.mouseClick(page.canvas, Qt.MouseButton.LeftButton, pos=spot(page, 445, 480))
    assert page.options.selected == 3
    qtbot.mouseClick(keys.viewport(), Qt.MouseButton.LeftButton, pos=keys.visualRect(keys.keys.index(0)).center())
    assert page.options.selected == 0


def test_the_list_is_walked_by_keys(page: ImagePage, session: Session, qtbot: Any) -> None:
    look_at(page, session, samples.detection())
    keys = page.side.keys
    keys.setFocus()
    qtbot.keyClick(keys, Qt.Key.Key_Down)
    qtbot.keyClick(keys, Qt.Key.Key_Down)
    pointed = page.options.pointed
    assert pointed >= 0
    qtbot.keyClick(keys, Qt.Key.Key_Space)
    assert page.options.selected == pointed


# -- flow, copies --------------------------------------------------------------------------------------------------


def test_flow_tells_from_where_to_where_and_how_far(page: ImagePage, session: Session, qtbot: Any) -> None:
    look_at(page, session, samples.flow())
    assert page.title.text() == "from street_2.png to street_3.png"
    look_at(page, session, replace(samples.flow(), own_frames=True))
    assert page.title.text() == "from the first to the second frame of street_2.png"
    look_at(page, session, replace(samples.flow(), phase="running"))
    assert page.title.text() == "street_2.png"
    look_at(page, session, samples.flow())
    qtbot.mouseMove(page.canvas, spot(page, 700, 420))
    assert page.canvas.reading.text() == "14\u202fpx ←"
    qtbot.mouseMove(page.canvas, spot(page, 20, 20))
    assert page.canvas.reading.text() == "still"
    assert page.side.wheel.isVisible()
    with_arrows = page.canvas.grab().toImage()
    page.side.arrows.click()
    assert page.canvas.grab().toImage() != with_arrows


def test_the_picture_is_copied_and_saved_with_what_is_on_it(page: ImagePage, session: Session, tmp_path: Path) -> None:
    look_at(page, session, samples.segmentation())
    page.options.set_opacity(1.0)
    page.tools["copy"].click()
    copied = QGuiApplication.clipboard().image()
    assert (copied.width(), copied.height()) == (samples.WIDTH, samples.HEIGHT)
    assert copied.pixelColor(480, 600) == page.side.keys.keys.rows[1].color
    assert copied.pixelColor(20, 20) == QColor("#bcd9ef")
    page.tools["save"].click()
    saved = QImage(str(tmp_path / "street_2-predicted.png"))
    assert saved.pixelColor(480, 600) == copied.pixelColor(480, 600)


def test_the_legend_stands_below_a_narrow_image(page: ImagePage, session: Session, qtbot: Any) -> None:
    look_at(page, session, samples.detection())
    qtbot.waitUntil(lambda: page.side.x() > page.canvas.x() + page.canvas.width() - 1)
    page.resize(450, 640)
    qtbot.waitUntil(lambda: page.side.y() > page.canvas.y() + page.canvas.height() - 1)
    assert page.canvas.width() > 380


def test_the_sliders_stand_below_each_other(page: ImagePage, session: Session) -> None:
    look_at(page, session, samples.instances())
    threshold, opacity = page.side.threshold.slider, page.side.opacity.slider
    assert threshold.mapTo(page, QPoint()).x() == opacity.mapTo(page, QPoint()).x()


def test_why_there_is_no_prediction_is_said_in_full(page: ImagePage, session: Session) -> None:
    failure = Failure(
        "street_2.png is the last image: there is none after it that it could move to.", "Add the next image."
    )
    look_at(page, session, Prediction("failed", failure=failure))
    assert page.caption.isVisible()
    assert page.caption.text() == failure.sentence
    assert page.details.text() == "960 × 640"


# -- what the model sees, and clips --------------------------------------------------------------------------------

Asked = list[tuple[int, int, Callable[[ModelInput], None], Callable[[Failure], None]]]


@pytest.fixture
def asked(session: Session, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The questions for a model's input: checkpoint, image, and where the answers go."""
    found: Asked = []
    monkeypatch.setattr(session.looking, "model_input", lambda *question: found.append(question))
    return found


def seen(color: str) -> ModelInput:
    picture = Image.new("RGB", (224, 224), color)
    return ModelInput(Thumbnail(224, 224, picture.tobytes(), 224, 224), f"224 × 224 pixels, {color}")


def test_what_the_model_sees_is_shown_with_what_was_done(page: ImagePage, session: Session, asked: Asked) -> None:
    look_at(page, session, samples.segmentation())
    page.canvas.read_out("road")
    page.tools["input"].click()
    assert page.canvas.reading.text() == "road"
    asked[0][2](seen("red"))
    assert page.caption.isVisible()
    assert page.caption.text() == "224 × 224 pixels, red"
    assert page.canvas.reading.isHidden()  # it was about the image
    assert painted(page, 100, 100) == QColor("red")
    page.tools["input"].click()
    assert page.caption.isHidden()
    assert len(asked) == 1


def test_answers_about_what_was_looked_at_before_are_dropped(page: ImagePage, session: Session, asked: Asked) -> None:
    look_at(page, session, None)
    page.tools["input"].click()
    other = replace(READY, engine_id=8)
    session.store.checkpoints[4] = OpenCheckpoint(4, Path("/files/other.pth"), phase="ready", attachment=other)
    page.show_image(session.store.checkpoints[4], session.store.images[2])
    assert [question[:2] for question in asked] == [(1, 2), (4, 2)]
    asked[0][2](seen("red"))  # the first model's, late
    assert page.caption.isHidden()
    asked[1][2](seen("blue"))
    assert page.caption.text().endswith("blue")
    page.tools["input"].click()
    page.tools["input"].click()
    asked[1][2](seen("green"))
    assert page.tools["input"].isChecked()


def test_a_failure_of_an_older_question_changes_nothing(page: ImagePage, session: Session, asked: Asked) -> None:
    look_at(page, session, None)
    page.tools["input"].click()
    page.show_image(session.store.checkpoints[1], session.store.images[3])
    asked[0][3](Failure("Too late."))
    assert page.tools["input"].isChecked()
    asked[1][3](Failure("It can't be read."))
    assert not page.tools["input"].isChecked()


def test_the_input_is_looked_at_again_once_another_preprocessing_is_attached(
    page: ImagePage, session: Session, asked: Asked
) -> None:
    look_at(page, session, samples.classification())
    page.tools["input"].click()
    asked[0][2](seen("red"))
    session.store.drop_predictions(checkpoint=1)
    session.store.change_checkpoint(1, attachment=replace(READY, phase="running", engine_id=-1))
    look_at(page, session, None)
    assert page.tools["input"].isChecked()  # nobody turned it off
    assert len(asked) == 1
    session.store.change_checkpoint(1, attachment=replace(READY, engine_id=9))
    look_at(page, session, None)
    assert len(asked) == 2
    asked[1][2](seen("blue"))
    assert page.caption.text().endswith("blue")


def test_a_clip_plays_and_starts_again(page: ImagePage, qtbot: Any) -> None:
    player = page.player
    player.show_frames([Thumbnail(4, 4, bytes([shade] * 48), 4, 4) for shade in (10, 20, 30)])
    places: list[int] = []
    player.frame_changed.connect(lambda _: places.append(player.slider.value()))
    player.button.click()
    assert player.playing
    qtbot.waitUntil(lambda: places[:4] == [1, 2, 0, 1])
    player.button.click()
    assert not player.playing
    assert player.button.accessibleName() == "Play"
    player.toggle()
    player.hide()
    assert not player.playing  # where nobody looks


def test_frames_of_another_clip_that_come_late_are_dropped(
    page: ImagePage, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Callable[[list[Thumbnail]], None]] = []
    monkeypatch.setattr(session.looking, "clip_frames", lambda image, done, failed: answers.append(done))
    for number in (5, 6):
        session.store.images[number] = ImageItem(number, Path(f"/files/clip_{number}.gif"))
        page.show_image(session.store.checkpoints[1], session.store.images[number])
    answers[0]([PICTURE, PICTURE])
    assert page.player.isHidden()
    answers[1]([PICTURE, PICTURE, PICTURE])
    assert page.player.count.text() == "1 / 3"


def test_a_picture_of_a_folder_of_frames_is_saved_under_the_folders_name(page: ImagePage, session: Session) -> None:
    frames = (Path("/files/walk/a_1.png"), Path("/files/walk/a_2.png"))
    session.store.images[7] = ImageItem(7, frames[0], PICTURE, frames=frames)
    names: list[str] = []
    page._ask_where = lambda name: names.append(name)
    page.show_image(session.store.checkpoints[1], session.store.images[7])
    page.save()
    assert names == ["walk-predicted.png"]
