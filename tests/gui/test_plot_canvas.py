"""The canvas of plots: real wheel, mouse and key events, reading values, copying and saving, both themes."""

from __future__ import annotations

import math
from array import array
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from inspector.gui import theme
from inspector.gui.views.axis import Axis
from inspector.gui.views.plot import Curve, Mark, Plot
from inspector.gui.views.plot_canvas import PlotCanvas
from inspector.gui.views.saving import write_drawing

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints", extend=True)

BARS = Curve("bars", array("d", [-2, -1, 0, 1, 2]), array("d", [1, 10, 0, 1000]), signed="x")
WAVE = Curve("line", array("d", range(100)), array("d", (math.sin(i / 5) for i in range(100))), "wave")


@pytest.fixture
def canvas(qtbot: Any, qapp: QApplication) -> PlotCanvas:
    theme.apply(qapp, "light")
    made = PlotCanvas("Values")
    qtbot.addWidget(made)
    made.resize(500, 300)
    made.show()
    qtbot.waitExposed(made)
    return made


def wave(**more: Any) -> Plot:
    return Plot(Axis(-0.5, 99.5), (WAVE,), whole_numbers=True, narrowest=4.0, **more)


def area(canvas: PlotCanvas) -> QRectF:
    return canvas.drawing(QRectF(canvas.rect()).adjusted(2, 2, -2, -2)).area


def at(canvas: PlotCanvas, right: float, up: float = 0.5) -> QPoint:
    """Return the point at a share of the curves' area."""
    inside = area(canvas)
    return QPointF(inside.left() + right * inside.width(), inside.bottom() - up * inside.height()).toPoint()


def wheel(canvas: PlotCanvas, point: QPoint, turned: int, keys: Qt.KeyboardModifier) -> None:
    event = QWheelEvent(
        point.toPointF(), canvas.mapToGlobal(point).toPointF(), QPoint(), QPoint(0, turned), Qt.MouseButton.NoButton,
        keys, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)
    assert event.isAccepted()  # the panel around it must not scroll away


def count(image: QImage, colour: str) -> int:
    wanted = QColor(colour).rgb()
    return sum(image.pixel(x, y) == wanted for x in range(image.width()) for y in range(image.height()))


NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier


def test_the_wheel_zooms_at_the_mouse(canvas: PlotCanvas, qtbot: Any) -> None:
    canvas.show_plot(wave())
    point = at(canvas, 0.3)
    before = canvas.drawing(QRectF(canvas.rect()).adjusted(2, 2, -2, -2)).x_at(point.x())
    with qtbot.waitSignal(canvas.range_changed):
        wheel(canvas, point, 480, NONE)
    assert canvas.seen_x.high - canvas.seen_x.low < 50
    after = canvas.drawing(QRectF(canvas.rect()).adjusted(2, 2, -2, -2)).x_at(point.x())
    assert after == pytest.approx(before, abs=0.5)
    assert not canvas.fitted
    wheel(canvas, point, -4800, NONE)
    assert canvas.fitted


def test_shift_and_the_wheel_zoom_y_and_give_it_back(canvas: PlotCanvas) -> None:
    canvas.show_plot(wave())
    whole = canvas.seen_y
    wheel(canvas, at(canvas, 0.5), 480, SHIFT)
    assert canvas.seen_x == Axis(-0.5, 99.5)
    assert canvas.seen_y.high - canvas.seen_y.low < (whole.high - whole.low) / 2
    wheel(canvas, at(canvas, 0.5), -4800, SHIFT)
    assert canvas.seen_y == whole
    assert canvas.fitted


def test_dragging_moves_and_a_double_click_fits(canvas: PlotCanvas, qtbot: Any) -> None:
    canvas.show_plot(wave())
    wheel(canvas, at(canvas, 0.5), 960, NONE)
    before = canvas.seen_x
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(canvas, left, NONE, at(canvas, 0.7))
    with qtbot.waitSignal(canvas.range_changed):
        QTest.mouseMove(canvas, at(canvas, 0.4))
    QTest.mouseRelease(canvas, left, NONE, at(canvas, 0.4))
    assert canvas.seen_x.low > before.low
    assert canvas.seen_x.high - canvas.seen_x.low == pytest.approx(before.high - before.low)
    QTest.mouseDClick(canvas, left, NONE, at(canvas, 0.5))
    assert canvas.fitted


def test_keys_zoom_move_and_fit(canvas: PlotCanvas) -> None:
    canvas.show_plot(wave())
    for _ in range(4):
        QTest.keyClick(canvas, Qt.Key.Key_Plus)
    zoomed = canvas.seen_x
    assert zoomed.high - zoomed.low == pytest.approx(100 / 1.25**4)
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.seen_x.low > zoomed.low
    QTest.keyClick(canvas, Qt.Key.Key_Minus)
    assert canvas.seen_x.high - canvas.seen_x.low == pytest.approx(100 / 1.25**3)
    QTest.keyClick(canvas, Qt.Key.Key_0)
    assert canvas.fitted
    for _ in range(60):
        QTest.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.seen_x.high - canvas.seen_x.low == pytest.approx(4)


def test_nothing_beyond_the_values_is_shown(canvas: PlotCanvas) -> None:
    canvas.show_plot(wave())
    canvas.zoom_by(2)
    canvas.move_by(5_000)
    assert canvas.seen_x.low == pytest.approx(-0.5)
    canvas.move_by(-50_000)
    assert canvas.seen_x.high == pytest.approx(99.5)


def test_the_mouse_reads_values(canvas: PlotCanvas) -> None:
    canvas.show_plot(wave())
    told: list[float | None] = []
    canvas.pointed.connect(told.append)
    QTest.mouseMove(canvas, at(canvas, 0.255))
    assert told == [25]
    assert canvas.reading == "wave −0.9589"
    QTest.mouseMove(canvas, QPoint(1, 1))
    assert told == [25, None]
    assert canvas.reading == ""


def test_arrows_walk_from_bar_to_bar(canvas: PlotCanvas) -> None:
    canvas.show_plot(Plot(Axis(-2, 2), (BARS,), counts=True))
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    readings = [canvas.reading]
    for _ in range(3):
        QTest.keyClick(canvas, Qt.Key.Key_Right)
        readings.append(canvas.reading)
    assert readings == ["0.0000 … 1.0000: 0.0000", *["1.0000 … 2.0000: 1000.0000"] * 3]
    assert canvas.accessibleDescription().startswith("1.0000 … 2.0000: 1000.0000; ")
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.reading == ""


def test_shift_and_arrows_walk_out_of_what_is_seen(canvas: PlotCanvas) -> None:
    canvas.show_plot(wave())
    canvas.zoom_by(10)
    for _ in range(12):
        QTest.keyClick(canvas, Qt.Key.Key_Left, SHIFT)
    assert canvas.pointed_x == 38
    assert canvas.seen_x.low <= 38
    assert canvas.seen_x.high - canvas.seen_x.low == pytest.approx(10)


def test_a_plane_is_zoomed_in_both_directions_at_once(canvas: PlotCanvas) -> None:
    dots = Curve("points", array("d", [3, 1, 2]), array("d", [1, 2, 9]))
    canvas.show_plot(Plot(Axis(0, 4), (dots,), plane=True))
    canvas.set_reader(lambda x, y: f"{x:.1f} {y:.1f}")
    x, y = canvas.seen_x, canvas.seen_y
    wheel(canvas, at(canvas, 0.5), 240, NONE)
    shares = [(now.high - now.low) / (then.high - then.low) for now, then in ((canvas.seen_x, x), (canvas.seen_y, y))]
    assert shares[0] == pytest.approx(shares[1])
    assert shares[0] < 0.7
    QTest.mouseMove(canvas, at(canvas, 0.5, 0.5))
    assert canvas.reading == "1.0 2.0", "of the dot that is nearest"
    canvas.grab()
    QTest.keyClick(canvas, Qt.Key.Key_0)
    assert (canvas.seen_x, canvas.seen_y) == (x, y)


def test_another_plot_can_keep_the_range(canvas: PlotCanvas) -> None:
    canvas.show_plot(wave())
    canvas.zoom_by(5)
    seen = canvas.seen_x
    canvas.show_plot(wave(y_title="other"), keep_range=True)
    assert canvas.seen_x == seen
    canvas.show_plot(wave())
    assert canvas.fitted


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_bars_take_the_colours_of_the_theme(canvas: PlotCanvas, qapp: QApplication, scheme: str, scale: Any) -> None:
    theme.apply(qapp, scheme)
    canvas.show_plot(Plot(Axis(-2, 2), (BARS,), y_scale=scale, counts=True))
    image = canvas.grab().toImage()
    c = theme.colors()
    assert count(image, c.positive_value) > 500
    # one of a thousand is a pixel high on a linear scale, and tall on a log scale
    assert (count(image, c.negative_value) > 3_000) == (scale == "log")
    assert count(image, c.negative_value) >= 100


def test_what_is_not_finite_breaks_a_line(canvas: PlotCanvas) -> None:
    values = array("d", [0, 1, math.nan, 1, math.inf, 0])
    canvas.show_plot(Plot(Axis(0, 5), (Curve("line", array("d", range(6)), values),)))
    assert canvas.seen_y.low < 0 < 1 < canvas.seen_y.high < 1.2
    assert count(canvas.grab().toImage(), theme.colors().accent) > 50


def test_every_kind_is_painted(canvas: PlotCanvas) -> None:
    x, y = array("d", [1, 2, 3, 4]), array("d", [1, 3, 2, 4])
    blank = canvas.grab().toImage()
    for kind in ("line", "points", "area", "band"):
        curve = Curve(kind, x, y, low=array("d", [0, 1, 1, 2]) if kind == "band" else None)
        canvas.show_plot(Plot(Axis(0, 5), (curve,), marks=(Mark(2.5, "middle"), Mark(2, "two", "y", strong=True))))
        image = canvas.grab().toImage()
        assert image != blank
        blank = image


def test_empty_plots_and_extreme_numbers_are_drawn(canvas: PlotCanvas) -> None:
    canvas.show_plot(Plot(Axis(0, 1)))
    canvas.grab()
    for values in ([math.nan] * 3, [1e308, -1e308, 0], [5e-324, 0, 0], [1e16, 1e16 + 2, 1e16]):
        canvas.show_plot(Plot(Axis(0, 2), (Curve("line", array("d", range(3)), array("d", values)),)))
        canvas.zoom_by(1e6)
        canvas.grab()


def test_it_tells_those_who_cannot_see_it(canvas: PlotCanvas) -> None:
    canvas.show_plot(wave(marks=(Mark(3, "median"),)))
    assert canvas.accessibleName() == "Values"
    assert canvas.accessibleDescription().startswith("wave: 100 values; median; ")
    assert canvas.focusPolicy() == Qt.FocusPolicy.StrongFocus
    assert canvas.toolTip()


def test_it_is_copied_and_saved(canvas: PlotCanvas, tmp_path: Path) -> None:
    canvas.show_plot(wave())
    QTest.keyClick(canvas, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QGuiApplication.clipboard().image()
    assert copied.size() == canvas.size() * 2
    assert count(copied, theme.colors().accent) > 500
    for suffix in ("png", "svg"):
        path = tmp_path / f"wave.{suffix}"
        assert write_drawing(path, QSize(400, 300), canvas.paint_drawing) == ""
    assert QImage(str(tmp_path / "wave.png")).size() == QSize(800, 600)
    drawn = (tmp_path / "wave.svg").read_text()
    assert "<polyline" in drawn or "<path" in drawn
    assert "wave" in drawn


def test_pixels_of_a_sharp_screen(canvas: PlotCanvas) -> None:
    canvas.show_plot(Plot(Axis(-2, 2), (BARS,), counts=True))
    image = QImage(canvas.size() * 2, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(2)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    canvas.paint_drawing(painter, QRectF(canvas.rect()))
    painter.end()
    # bars stand on whole pixels of the screen: no blurred columns between a bar and the gap beside it
    colours = {image.pixelColor(x, image.height() - 80).name() for x in range(image.width() // 2, image.width())}
    known = {theme.colors().positive_value, "#ffffff"}
    assert theme.colors().positive_value in colours
    assert len(colours - known) <= 3  # grid lines


def test_the_words_of_a_mark_at_the_top_are_whole(canvas: PlotCanvas) -> None:
    def painted(value: float, words: str) -> QImage:
        curve = Curve("line", array("d", [0, 5]), array("d", [0, 2]))
        canvas.show_plot(Plot(Axis(0, 5), (curve,), (Mark(value, words, "y"),), y_range=(0, 2)))
        return canvas.grab().toImage()

    def height_of_words(value: float) -> int:
        without, with_them = painted(value, ""), painted(value, "HHH")
        pixels = [(x, y) for x in range(without.width()) for y in range(without.height())]
        return len({y for x, y in pixels if without.pixel(x, y) != with_them.pixel(x, y)})

    assert height_of_words(2) == height_of_words(1) > 4
