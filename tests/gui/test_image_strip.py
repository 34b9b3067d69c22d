"""The strip of images: rows follow the store, tiles say what is known, keys and menu act, pixmaps are bounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import shiboken6
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDesktopServices, QGuiApplication, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QMenu

from inspector.gui import theme
from inspector.gui.image_strip import ImageStrip
from inspector.gui.image_strip_model import describe
from inspector.gui.image_tile import MARGIN, PICTURE
from inspector.gui.thumbnails import KEPT
from inspector.session.failure import Failure
from inspector.session.prediction_state import ClassScore, Prediction, Progress
from inspector.session.state import Attachment, ImageItem, OpenCheckpoint, Thumbnail
from inspector.session.store import Store

READY = Attachment(phase="ready", architecture="resnet18")


def thumbnail(color: str = "red", width: int = 64, height: int = 44) -> Thumbnail:
    return Thumbnail(width, height, Image.new("RGB", (width, height), color).tobytes(), width, height)


def predicted(label: str, score: float, index: int = 258) -> Prediction:
    return Prediction("ready", (ClassScore(label, index, score), ClassScore("other", 1, 0.01)), 38.0, "cpu")


def open_checkpoint(store: Store, attachment: Attachment = READY) -> int:
    number = store.next_id()
    path = Path("/files/model.pth")
    store.checkpoints[number] = OpenCheckpoint(number, path, phase="ready", attachment=attachment)
    return number


def add(store: Store, count: int = 1, **fields: Any) -> list[int]:
    """Add images as the session does: all of a drop, then one signal."""
    numbers = [store.next_id() for _ in range(count)]
    for number in numbers:
        store.images[number] = ImageItem(number, Path(f"/files/photo_{number}.jpg"), **fields)
    store.images_changed.emit()
    return numbers


def remove(store: Store, *numbers: int) -> None:
    for number in numbers:
        del store.images[number]
    store.drop_predictions(images=numbers)
    store.images_changed.emit()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def strip(qtbot: Any, qapp: QApplication, store: Store) -> ImageStrip:
    theme.apply(qapp, "light")
    made = ImageStrip(store)
    qtbot.addWidget(made)
    made.resize(900, made.sizeHint().height())
    made.show()
    return made


def tile_center(strip: ImageStrip, image: int) -> QPoint:
    return strip.view.visualRect(strip.model.index_of(image)).center()


def text(strip: ImageStrip, image: int, role: Qt.ItemDataRole = Qt.ItemDataRole.DisplayRole) -> str:
    return str(strip.model.index_of(image).data(role))


# -- following the store -------------------------------------------------------------------------------------------


def test_predictions_of_the_current_checkpoint_appear(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    first, second = open_checkpoint(store), open_checkpoint(store)
    (image,) = add(store, thumbnail=thumbnail())
    strip.set_checkpoint(first)
    store.set_prediction(first, image, predicted("Samoyed", 0.8141))
    store.set_prediction(second, image, predicted("tench", 0.92))
    qtbot.waitUntil(lambda: text(strip, image) == "Samoyed")
    spoken = f"photo_{image}.jpg, Samoyed, 81.4\u202f%"
    assert text(strip, image, Qt.ItemDataRole.AccessibleTextRole) == spoken
    strip.set_checkpoint(second)
    assert text(strip, image) == "tench"
    strip.set_checkpoint(None)
    assert text(strip, image) == f"photo_{image}.jpg"


def test_a_name_that_looks_like_markup_is_shown_as_it_stands(strip: ImageStrip, store: Store) -> None:
    number = store.next_id()
    store.images[number] = ImageItem(number, Path("/files/<b>bold.jpg"))
    store.images_changed.emit()
    assert "&lt;b&gt;bold" in text(strip, number, Qt.ItemDataRole.ToolTipRole)


def test_waiting_images_say_so_once_something_is_attached(strip: ImageStrip, store: Store) -> None:
    checkpoint = open_checkpoint(store, Attachment())
    (image,) = add(store)
    strip.set_checkpoint(checkpoint)
    store.set_prediction(checkpoint, image, Prediction())
    assert describe(store.images[image], Prediction(), Attachment()).state == "plain"
    assert strip.model.unfinished == 0
    store.change_checkpoint(checkpoint, attachment=Attachment(phase="running"))
    assert "waiting" in text(strip, image, Qt.ItemDataRole.AccessibleTextRole)
    assert strip.model.unfinished == 1


def test_a_destroyed_strip_no_longer_listens(qtbot: Any, qapp: QApplication) -> None:
    store = Store()
    made = ImageStrip(store)
    made.deleteLater()
    qtbot.waitUntil(lambda: not shiboken6.isValid(made))
    add(store)  # would reach a deleted widget
    store.set_prediction(1, next(iter(store.images)), Prediction())
    assert not [signal for signal in (store.images_changed, store.prediction_changed) if signal._listeners]


# -- selection -----------------------------------------------------------------------------------------------------


def test_the_first_image_of_every_drop_is_selected(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    for count in (3, 2):
        with qtbot.waitSignal(strip.image_selected) as told:
            first, *_ = add(store, count)
        assert told.args == [first]
        assert strip.selected == first
        assert strip.view.selectionModel().isSelected(strip.model.index_of(first))


def test_images_that_are_there_before_the_strip_are_selected_too(qtbot: Any, qapp: QApplication, store: Store) -> None:
    first, *_ = add(store, 3)
    made = ImageStrip(store)
    qtbot.addWidget(made)
    assert made.selected == first
    assert made.view.selectionModel().isSelected(made.model.index_of(first))


def test_arrows_walk_and_clicks_choose(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    numbers = add(store, 4)
    strip.view.setFocus()
    for key, expected in (
        (Qt.Key.Key_Right, numbers[1]),
        (Qt.Key.Key_Right, numbers[2]),
        (Qt.Key.Key_Left, numbers[1]),
        (Qt.Key.Key_End, numbers[3]),
        (Qt.Key.Key_Home, numbers[0]),
    ):
        with qtbot.waitSignal(strip.image_selected) as told:
            qtbot.keyClick(strip.view, key)
        assert told.args == [expected] == [strip.selected]
    with qtbot.waitSignal(strip.image_selected) as told:
        qtbot.mouseClick(strip.view.viewport(), Qt.MouseButton.LeftButton, pos=tile_center(strip, numbers[2]))
    assert told.args == [numbers[2]]


def test_delete_asks_to_remove_and_the_neighbour_is_selected(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    numbers = add(store, 3)
    strip.select(numbers[1])
    with qtbot.waitSignal(strip.remove_requested) as told:
        qtbot.keyClick(strip.view, Qt.Key.Key_Delete)
    assert told.args == [numbers[1]]
    assert strip.selected == numbers[1]  # it only asks
    with qtbot.waitSignal(strip.image_selected) as told:
        remove(store, numbers[1])
    assert told.args[0] in (numbers[0], numbers[2])
    assert strip.selected == told.args[0]


def test_clearing_tells_once_that_nothing_is_selected(strip: ImageStrip, store: Store) -> None:
    numbers = add(store, 6)
    told: list[int] = []
    strip.image_selected.connect(told.append)
    remove(store, *numbers)
    assert told == [-1]
    assert strip.view.isHidden()
    assert not strip.drop_button.isHidden()


def test_an_image_far_away_is_brought_into_view(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    numbers = add(store, 200)
    strip.select(numbers[150])
    qtbot.waitUntil(lambda: strip.view.viewport().rect().contains(tile_center(strip, numbers[150])))


# -- menu, keys, buttons -------------------------------------------------------------------------------------------


def chosen(menu: QMenu, words: str) -> None:
    next(action for action in menu.actions() if action.text() == words).trigger()


def test_the_menu_acts_on_the_image_it_was_opened_on(
    strip: ImageStrip, store: Store, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    first, second = add(store, 2)
    menu = strip.context_menu(second)
    with qtbot.waitSignal(strip.remove_requested) as told:
        chosen(menu, "Remove")
    assert told.args == [second] != [first]
    with qtbot.waitSignal(strip.clear_requested):
        chosen(menu, "Clear all")
    chosen(menu, "Copy path")
    assert QGuiApplication.clipboard().text() == str(Path(f"/files/photo_{second}.jpg"))
    chosen(menu, "Open containing folder")
    assert opened == [QUrl.fromLocalFile(str(Path("/files")))]


def test_what_is_settled_can_be_predicted_again(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    number = open_checkpoint(store)
    strip.set_checkpoint(number)
    failed, waits = add(store, 2)
    store.set_prediction(number, failed, Prediction("failed", failure=Failure("It broke.")))
    store.set_prediction(number, waits, Prediction())
    with qtbot.waitSignal(strip.again_requested) as told:
        chosen(strip.context_menu(failed), "Predict again")
    assert told.args == [failed]
    assert "Predict again" not in [action.text() for action in strip.context_menu(waits).actions()]


def test_the_menu_of_the_empty_place_adds_images(strip: ImageStrip, qtbot: Any) -> None:
    menu = strip.context_menu(-1)
    with qtbot.waitSignal(strip.open_images_requested):
        chosen(menu, "Add images…")
    assert not next(action for action in menu.actions() if action.text() == "Clear all").isEnabled()


def test_copying_by_key_takes_the_path(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    (image,) = add(store)
    qtbot.keyClick(strip.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == str(store.images[image].path)


@pytest.mark.parametrize("by", ["mouse", "key"])
def test_the_drop_zone_is_a_button(strip: ImageStrip, qtbot: Any, by: str) -> None:
    with qtbot.waitSignal(strip.open_images_requested):
        if by == "mouse":
            qtbot.mouseClick(strip.drop_button, Qt.MouseButton.LeftButton)
        else:
            qtbot.keyClick(strip.drop_button, Qt.Key.Key_Space)
    assert strip.drop_button.accessibleName()
    assert strip.drop_button.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_drops_are_left_to_the_window(strip: ImageStrip) -> None:
    assert not strip.view.acceptDrops()
    assert not strip.view.viewport().acceptDrops()


def test_the_wheel_scrolls_sideways(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    add(store, 100)
    bar = strip.view.horizontalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    none, begun = Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    place = QPointF(50, 50)
    buttons = Qt.MouseButton.NoButton
    turned = QWheelEvent(place, place, QPoint(), QPoint(0, -120), buttons, none, begun, False)
    QApplication.sendEvent(strip.view.viewport(), turned)
    assert bar.value() > 0


# -- progress ------------------------------------------------------------------------------------------------------


def test_a_long_batch_shows_progress_that_can_be_cancelled(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    checkpoint = open_checkpoint(store)
    strip.set_checkpoint(checkpoint)
    numbers = add(store, 3)
    for number in numbers:
        store.set_prediction(checkpoint, number, Prediction())
    assert strip.progress.isHidden()
    qtbot.waitUntil(strip.progress.isVisible)
    store.set_prediction(checkpoint, numbers[0], Prediction("running"))
    store.set_prediction(checkpoint, numbers[0], predicted("Samoyed", 0.8))
    qtbot.waitUntil(lambda: strip.progress.text.text() == "1 of 3 predicted")
    assert (strip.progress.bar.value(), strip.progress.bar.maximum()) == (1, 3)
    with qtbot.waitSignal(strip.cancel_requested):
        qtbot.mouseClick(strip.progress.button, Qt.MouseButton.LeftButton)
    for number in numbers[1:]:  # what cancelling does: they are forgotten
        del store.predictions[checkpoint, number]
        store.prediction_changed.emit(checkpoint, number)
    qtbot.waitUntil(strip.progress.isHidden)


def test_the_pace_is_told_and_moves_nothing(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    checkpoint = open_checkpoint(store)
    strip.set_checkpoint(checkpoint)
    for number in add(store, 12):
        store.set_prediction(checkpoint, number, Prediction())
    qtbot.waitUntil(strip.progress.isVisible)
    assert strip.progress.pace.isHidden()
    width = strip.progress.width()
    for rate, remaining, text in (
        (9.84, 3.2, "9.8 images/s · 3 s left"),
        (999.4, 5_300.0, "999 images/s · 88 min left"),
    ):
        store.progress = Progress(1, 12, rate, remaining)
        store.progress_changed.emit()
        assert strip.progress.pace.text() == text
        assert strip.progress.pace.isVisible()
        QApplication.processEvents()
        assert strip.progress.width() == width
        assert strip.progress.pace.fontMetrics().horizontalAdvance(text) <= strip.progress.pace.width()
    strip.progress.show_counts(1_234, 8_766)
    QApplication.processEvents()
    assert strip.progress.text.text() == "1\u202f234 of 10\u202f000"
    assert strip.progress.width() == width
    assert strip.progress.text.sizeHint().width() <= strip.progress.text.width()


def test_a_short_batch_shows_no_progress(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    checkpoint = open_checkpoint(store)
    strip.set_checkpoint(checkpoint)
    (image,) = add(store)
    store.set_prediction(checkpoint, image, Prediction())
    qtbot.waitUntil(strip.progress._timer.isActive)
    store.set_prediction(checkpoint, image, predicted("Samoyed", 0.8))
    qtbot.waitUntil(lambda: not strip.progress._timer.isActive())
    assert strip.progress.isHidden()


def test_spinners_turn_only_while_something_runs(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    checkpoint = open_checkpoint(store)
    strip.set_checkpoint(checkpoint)
    (image,) = add(store)
    store.set_prediction(checkpoint, image, Prediction("running"))
    qtbot.waitUntil(strip._spin.isActive)
    store.set_prediction(checkpoint, image, predicted("Samoyed", 0.8))
    qtbot.waitUntil(lambda: not strip._spin.isActive())


# -- pictures ------------------------------------------------------------------------------------------------------


def test_ten_thousand_images_keep_few_pixmaps(strip: ImageStrip, store: Store) -> None:
    shared = thumbnail()
    numbers = add(store, 10_000, thumbnail=shared)
    strip.grab()
    pixmaps = strip.view.delegate.pixmaps
    assert 0 < len(pixmaps) < 20  # only what is seen
    bar = strip.view.horizontalScrollBar()
    for step in range(60):
        bar.setValue(bar.maximum() * step // 60)
        strip.grab()
    assert len(pixmaps) == KEPT
    remove(store, *numbers)
    assert len(pixmaps) == 0


def test_a_changed_thumbnail_is_painted_anew(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    (image,) = add(store, thumbnail=thumbnail("red"))
    place = QPoint(MARGIN + PICTURE.width() // 2, MARGIN + PICTURE.height() // 2)

    def color() -> QColor:
        return strip.view.viewport().grab().toImage().pixelColor(place)

    qtbot.waitUntil(lambda: color() == QColor("red"))
    store.change_image(image, thumbnail=thumbnail("blue"))
    assert color() == QColor("blue")


# -- looks ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["light", "dark"])
def colors(request: pytest.FixtureRequest, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> theme.Colors:
    """The colours of a theme; set by hand, as the offscreen platform knows no dark one."""
    dark = request.param == "dark"
    monkeypatch.setattr(theme, "is_dark", lambda: dark)
    theme.apply(qapp, request.param)
    return theme.colors()


def near(image: QImage, wanted: str, tolerance: int = 12) -> int:
    """Return how many pixels have about this colour."""
    goal = QColor(wanted)
    return sum(
        abs(found.red() - goal.red()) + abs(found.green() - goal.green()) + abs(found.blue() - goal.blue()) <= tolerance
        for x in range(image.width())
        for y in range(image.height())
        for found in (image.pixelColor(x, y),)
    )


def test_every_state_is_painted_in_both_themes(
    strip: ImageStrip, store: Store, qtbot: Any, colors: theme.Colors
) -> None:
    checkpoint = open_checkpoint(store)
    strip.set_checkpoint(checkpoint)
    ready, running, failed, waiting, plain = add(store, 5, thumbnail=thumbnail("gray"))
    (broken,) = add(store, failure=Failure("photo.jpg is cut short or damaged.", "Download it again."))
    strip.select(ready)
    store.set_prediction(checkpoint, ready, predicted("a label that is much too long for its tile", 0.8))
    store.set_prediction(checkpoint, running, Prediction("running"))
    store.set_prediction(checkpoint, failed, Prediction("failed", failure=Failure("No.")))
    store.set_prediction(checkpoint, waiting, Prediction())
    qtbot.waitUntil(lambda: text(strip, ready).startswith("a label"))
    shown = strip.view.viewport().grab().toImage()

    def tile(image: int) -> QImage:
        return shown.copy(strip.view.visualRect(strip.model.index_of(image)))

    assert near(tile(ready), colors.accent) > 100  # the selection's ring
    assert near(tile(running), colors.accent) > 3  # the spinner
    assert near(tile(plain), colors.accent) == 0
    assert near(tile(failed), colors.warning) > 3
    assert near(tile(broken), colors.danger_soft) > 1000
    assert near(tile(waiting), colors.surface) > 1000


def test_a_tile_is_seen_as_a_whole(strip: ImageStrip, store: Store) -> None:
    add(store, 2)
    place = strip.view.visualRect(strip.model.index(0))
    assert place.height() > PICTURE.height()
    assert strip.view.viewport().rect().contains(place)


# -- what is seen --------------------------------------------------------------------------------------------------


def test_what_is_in_view_is_told_first_and_then_what_is_around_it(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    with qtbot.waitSignal(strip.seen) as told:
        numbers = add(store, 10_000)
    rows = len(strip.view.seen_rows())
    assert 1 < rows < 20
    assert told.args == [numbers[: 2 * rows]]
    with qtbot.waitSignal(strip.seen) as told:
        strip.select(numbers[5_000])
    assert numbers[5_000] in told.args[0][:rows]
    assert len(told.args[0]) <= 3 * (rows + 1)


def test_a_tall_strip_is_a_grid_and_a_low_one_is_a_row(strip: ImageStrip, store: Store, qtbot: Any) -> None:
    numbers = add(store, 1_000)
    assert not strip.view.is_grid
    strip.resize(strip.width(), 4 * strip.minimumSizeHint().height())
    qtbot.waitUntil(lambda: strip.view.is_grid)

    def in_view() -> set[int]:
        room, model = strip.view.viewport().rect(), strip.model
        return {number for number in numbers if strip.view.visualRect(model.index_of(number)).intersects(room)}

    qtbot.waitUntil(lambda: len(in_view()) > 10)
    strip.select(numbers[500])
    with qtbot.waitSignal(strip.seen) as told:
        strip.view.look_soon()
    seen = in_view()
    assert numbers[500] in seen
    assert set(told.args[0][: len(seen)]) == seen
    strip.resize(strip.width(), strip.minimumSizeHint().height())
    assert not strip.view.is_grid
    assert numbers[500] in in_view()


def test_only_the_first_of_what_was_dropped_is_selected(strip: ImageStrip, store: Store) -> None:
    selected: list[int] = []
    strip.image_selected.connect(selected.append)
    store.adding = True
    first, *_ = add(store, 3)
    store.adding = False
    add(store, 3)
    assert selected == [first]
    again, *_ = add(store, 2)
    assert selected == [first, again]
