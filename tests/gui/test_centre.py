"""The window's centre: a switch between the views that are offered, by mouse, keys and the strip."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from inspector.gui.centre import Centre
from inspector.gui.main_window import MainWindow

from .conftest import DEMO


def open_demo(window: MainWindow, qtbot: Any) -> None:
    window.open_paths([DEMO / "digits.pth"])
    qtbot.waitUntil(lambda: window.centre.current == "tensor" and window.is_furnished, timeout=20_000)


def test_the_switch_offers_the_image_with_images_and_turns_to_it(window: MainWindow, qtbot: Any) -> None:
    open_demo(window, qtbot)
    assert window.centre.switch.isVisible()
    assert window.centre.offered == ["tensor", "model"]
    assert not window.centre.switch.buttons["image"].isVisible()
    assert not window.commands.actions["show_image"].isEnabled()
    sample = sorted((DEMO / "samples").iterdir())[0]
    window.session.add_images([sample])
    qtbot.waitUntil(window.centre.switch.buttons["image"].isVisible, timeout=20_000)
    assert window.centre.offered == ["tensor", "model", "image", "layer", "results"]
    qtbot.waitUntil(lambda: window.item is not None and window.item.thumbnail is not None, timeout=20_000)
    assert window.centre.current == "tensor"
    qtbot.mouseClick(window.centre.switch.buttons["image"], Qt.MouseButton.LeftButton)
    assert window.centre.current == "image"
    assert window.centre.image.title.text() == sample.name
    qtbot.waitUntil(lambda: not window.centre.image.canvas.image_size.isEmpty())
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.centre.current == "tensor"
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert window.centre.current == "image"
    window.session.clear_images()
    qtbot.waitUntil(lambda: window.centre.current == "tensor")
    assert window.centre.offered == ["tensor", "model"]


def test_the_model_is_turned_to_by_its_key_and_left_by_the_tree(window: MainWindow, qtbot: Any) -> None:
    open_demo(window, qtbot)
    qtbot.keyClick(window, Qt.Key.Key_5, Qt.KeyboardModifier.ControlModifier)
    assert window.centre.current == "model"
    view = window.tree.view
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: window.centre.current == "tensor")


def test_return_in_the_strip_opens_the_image_and_a_tensor_closes_it(window: MainWindow, qtbot: Any) -> None:
    open_demo(window, qtbot)
    window.session.add_images([sorted((DEMO / "samples").iterdir())[0]])
    qtbot.waitUntil(lambda: window.strip.view.isVisible() and window.item is not None, timeout=20_000)
    window.strip.view.setFocus()
    qtbot.keyClick(window.strip.view, Qt.Key.Key_Return)
    assert window.centre.current == "image"
    view = window.tree.view
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: window.centre.current == "tensor")


def test_a_click_on_the_photograph_shows_it_large(window: MainWindow, qtbot: Any) -> None:
    open_demo(window, qtbot)
    window.session.add_images([sorted((DEMO / "samples").iterdir())[0]])
    picture = window.prediction.picture
    qtbot.waitUntil(lambda: window.item is not None and window.item.thumbnail is not None, timeout=20_000)
    qtbot.waitUntil(picture.isVisible)
    qtbot.mouseClick(picture, Qt.MouseButton.LeftButton, pos=picture.rect().center())
    assert window.centre.current == "image"


def test_pages_are_built_at_their_first_use_alone(qtbot: Any) -> None:
    built: list[str] = []

    def maker(name: str) -> QWidget:
        built.append(name)
        return QLabel(name)

    centre = Centre()
    qtbot.addWidget(centre)
    centre.add_page("welcome", lambda: maker("welcome"))
    for name in ("one", "two", "three"):
        centre.add_view(name, name, name, lambda name=name: maker(name))  # type: ignore[misc]
    centre.show()
    centre.show_page("welcome")
    centre.turn_to("two")  # where no view is shown, the choice is kept
    assert built == ["welcome"]
    centre.show_view()
    assert (built, centre.current) == (["welcome", "two"], "two")
    turned: list[str] = []
    centre.turned.connect(turned.append)
    centre.switch.buttons["two"].setFocus()
    qtbot.keyClick(centre.switch, Qt.Key.Key_Right)
    assert (centre.current, turned) == ("three", ["three"])
    centre.set_offered(["one"])
    assert (centre.current, centre.view) == ("one", "one")
    assert built == ["welcome", "two", "three", "one"]
    assert not centre.switch.isVisible()
    centre.turn_to("three")  # which is not offered
    assert (centre.current, centre.view) == ("one", "one")
    assert turned == ["three"]
    centre.set_offered(["one", "three"])
    assert centre.switch.isVisible()
    assert not centre.switch.buttons["two"].isVisible()
    qtbot.keyClick(centre.switch, Qt.Key.Key_Right)  # passes over what is not offered
    assert centre.current == "three"


def test_what_the_first_drop_shows_is_built_while_nothing_is_to_do(window: MainWindow, qtbot: Any) -> None:
    built: list[bool] = []
    window.furnished.connect(lambda: built.append("strip" in vars(window) or window.centre.is_built("results")))
    open_demo(window, qtbot)
    smallest = window.minimumSizeHint()
    qtbot.waitUntil(lambda: window.ahead.is_done, timeout=20_000)
    assert built == [False]  # not before the window is there
    assert "strip" in vars(window)
    assert window.centre.is_built("results")
    assert window.centre.current == "tensor"
    assert not window.panels.docks["images"].isVisible()
    assert window.minimumSizeHint() == smallest


def test_a_page_that_is_not_shown_asks_for_no_room(qtbot: Any) -> None:
    centre = Centre()
    qtbot.addWidget(centre)
    low, high = QLabel("low"), QLabel("high")
    low.setMinimumHeight(100)
    high.setMinimumHeight(600)
    centre.add_page("low", lambda: low)
    centre.add_page("high", lambda: high)
    centre.show_page("high")
    assert centre.minimumSizeHint().height() == 600
    centre.show_page("low")
    assert centre.minimumSizeHint().height() == 100
    centre.show_page("high")
    assert centre.minimumSizeHint().height() == 600
