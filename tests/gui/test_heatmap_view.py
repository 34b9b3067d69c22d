"""The heatmap in the real window: seen, zoomed, moved, read, recoloured, copied and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog
from safetensors.numpy import save_file

from inspector.gui.main_window import MainWindow
from inspector.gui.views.heatmap_view import HeatmapView
from inspector.gui.views.raster_tiles import MOST_BYTES, RasterTiles, tile_of

CONV = np.random.default_rng(1).normal(0, 0.1, (24, 20, 3, 5)).astype(np.float32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.safetensors"
    wide = np.linspace(-1, 1, 700 * 900, dtype=np.float32).reshape(700, 900)
    wide[699, 899] = np.nan
    save_file({"conv": CONV, "wide": wide, "bias": np.arange(5, dtype=np.int64) * 3}, path)
    return path


def look(window: MainWindow, qtbot: Any, file: Path, name: str) -> HeatmapView:
    window.resize(1_280, 800)
    if window.session.current is None:
        window.open_paths([file])
    qtbot.waitUntil(lambda: window.session.current is not None and window.session.current.summary is not None)
    qtbot.waitUntil(lambda: window.is_furnished, timeout=20_000)
    found = window.session.current
    assert found is not None
    assert found.summary is not None
    window.session.select_tensor(found.id, found.summary.names.index(name))
    qtbot.waitUntil(lambda: "heatmap" in window.tensor.switch.names)
    window.tensor.switch.segmented.buttons["heatmap"].click()
    assert window.tensor.pages is not None
    view = window.tensor.pages.view("heatmap")
    assert isinstance(view, HeatmapView)
    settle(view, qtbot)
    return view


def settle(view: HeatmapView, qtbot: Any) -> None:
    """Wait for the layout, and for the tiles that are seen in it."""
    QApplication.processEvents()
    QApplication.processEvents()
    qtbot.waitUntil(lambda: bool(view.canvas.view.tiles()) and not view.canvas.wanted(), timeout=20_000)


def point(view: HeatmapView, row: int, column: int) -> QPointF:
    """Return the middle of a weight in the canvas."""
    seen, corner = view.canvas.view, view.canvas.corner()
    wide, tall = seen.cell
    return QPointF(corner.x() + (column + 0.5 - seen.left) * wide, corner.y() + (row + 0.5 - seen.top) * tall)


def wheel(view: HeatmapView, at: QPointF, turn: int) -> None:
    none = Qt.MouseButton.NoButton
    angle, phase = QPoint(0, turn), Qt.ScrollPhase.NoScrollPhase
    place = view.canvas.mapToGlobal(at)
    event = QWheelEvent(at, place, QPoint(), angle, none, Qt.KeyboardModifier.NoModifier, phase, False)
    QApplication.sendEvent(view.canvas, event)


def hover(view: HeatmapView, at: QPointF) -> None:
    none = Qt.MouseButton.NoButton
    place = view.canvas.mapToGlobal(at)
    event = QMouseEvent(QMouseEvent.Type.MouseMove, at, place, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view.canvas, event)


def test_any_two_dimensions_are_shown_and_read(window: MainWindow, qtbot: Any, file: Path) -> None:
    view = look(window, qtbot, file, "conv")
    assert view.caption.text() == "Every cell is one weight"
    hover(view, point(view, 7, 11))
    assert view.caption.text() == f"[7, 11, 0, 0] = {CONV[7, 11, 0, 0]:.6g}".replace(" -", " −")
    view.controls.spins[3].setValue(4)
    view.controls.sliders[2].setValue(2)
    settle(view, qtbot)
    hover(view, point(view, 7, 11))
    assert view.caption.text() == f"[7, 11, 2, 4] = {CONV[7, 11, 2, 4]:.6g}".replace(" -", " −")
    view.controls.columns.setCurrentIndex(0)
    view.controls.columns.activated.emit(0)
    assert view.controls.plane[:2] == (1, 0), "dimensions that would be the same change places"
    settle(view, qtbot)
    hover(view, point(view, 11, 7))
    assert view.caption.text() == f"[7, 11, 2, 4] = {CONV[7, 11, 2, 4]:.6g}".replace(" -", " −")


def test_wheel_keys_drag_and_double_click(window: MainWindow, qtbot: Any, file: Path) -> None:
    view = look(window, qtbot, file, "wide")
    canvas = view.canvas
    assert canvas.view.is_fitted
    assert view.caption.text().startswith("Every pixel is the mean of 4 × 4 weights")
    at = point(view, 300, 400)
    before = canvas.view.weight_at(at.x() - canvas.corner().x(), at.y() - canvas.corner().y())
    wheel(view, at, 1_200)
    after = canvas.view.weight_at(at.x() - canvas.corner().x(), at.y() - canvas.corner().y())
    assert after == pytest.approx(before, abs=0.01)
    assert canvas.view.cell[0] > 3
    settle(view, qtbot)
    assert view.caption.text().startswith("[300, 400] ")
    left = canvas.view.left
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.view.left > left
    start, end = QPoint(200, 150), QPoint(260, 190)
    top = canvas.view.top
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(canvas, end)
    place = canvas.mapToGlobal(QPointF(end))
    held = Qt.MouseButton.LeftButton
    event = QMouseEvent(QMouseEvent.Type.MouseMove, QPointF(end), place, held, held, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(canvas, event)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=end)
    assert canvas.view.top == pytest.approx(top - 40 / canvas.view.cell[1])
    scale = canvas.view.scale
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.view.scale == pytest.approx(scale * 1.25)
    qtbot.keyClick(canvas, Qt.Key.Key_0)
    assert canvas.view.is_fitted
    wheel(view, at, 600)
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(80, 80))
    assert canvas.view.is_fitted


def test_cells_are_read_by_keys(window: MainWindow, qtbot: Any, file: Path) -> None:
    view = look(window, qtbot, file, "conv")
    view.canvas.setFocus()
    hover(view, point(view, 7, 11))
    shift = Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(view.canvas, Qt.Key.Key_Down, shift)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Right, shift)
    assert view.caption.text().startswith("[8, 12, 0, 0] = ")
    view.canvas.zoom_by(50, point(view, 8, 12))
    for _ in range(30):
        qtbot.keyClick(view.canvas, Qt.Key.Key_Up, shift)
    assert view.caption.text().startswith("[0, 12, 0, 0] = ")
    assert view.canvas.view.top == 0.0, "what is read is in view"


def pixel(view: HeatmapView, at: QPointF) -> str:
    image = view.canvas.grab().toImage()
    ratio = image.devicePixelRatio()
    return image.pixelColor(int(at.x() * ratio), int(at.y() * ratio)).name()


def test_colours_mean_what_the_legend_says(window: MainWindow, qtbot: Any, file: Path) -> None:
    view = look(window, qtbot, file, "bias")
    hover(view, QPointF(0, 0))
    values = {0: "#eef0f3", 4: "#8c1a10"}  # neutral at zero, full red at the scale
    for column, colour in values.items():
        assert pixel(view, point(view, 0, column)) == colour
    assert view.legend.labels == ("−11.9400", "11.9400"), "99.5 % of 0, 3, 6, 9, 12"
    view.range.setCurrentIndex(1)
    qtbot.waitUntil(lambda: view.legend.labels == ("−12.0000", "12.0000"))
    view.colours.setCurrentIndex(1)
    settle(view, qtbot)
    qtbot.waitUntil(lambda: view.legend.labels == ("0.0000", "12.0000"))
    assert pixel(view, point(view, 0, 0)) == "#440154"
    assert pixel(view, point(view, 0, 4)) == "#fde725"
    middle = pixel(view, point(view, 0, 2))
    view.log.setChecked(True)
    settle(view, qtbot)
    assert pixel(view, point(view, 0, 2)) != middle


def test_a_single_nan_is_amber_at_every_zoom(window: MainWindow, qtbot: Any, file: Path) -> None:
    view = look(window, qtbot, file, "wide")
    last = point(view, 699, 899) - QPointF(0.5, 0.5)
    assert pixel(view, last) == "#ffb000"
    wheel(view, last, 4_000)
    view.canvas.move_by(-1e6, -1e6)  # the last weight is at the edge
    settle(view, qtbot)
    hover(view, point(view, 699, 899))
    assert view.caption.text() == "[699, 899] = NaN"


def test_copied_and_saved(
    window: MainWindow, qtbot: Any, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = look(window, qtbot, file, "conv")
    notices: list[Any] = []
    window.store.noticed.connect(notices.append)
    size = view.drawing_size()
    view.bar.copy.click()
    copied = QGuiApplication.clipboard().image()
    assert (copied.width(), copied.height()) == tuple(2 * side for side in (size.width(), size.height()))
    QApplication.processEvents()  # the notice takes some room
    for suffix in ("png", "svg"):
        answer = str(tmp_path / f"out.{suffix}")
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, answer=answer: (answer, ""))
        view.bar.save.click()
    assert QImage(str(tmp_path / "out.png")).width() >= 720
    svg = (tmp_path / "out.svg").read_text(encoding="utf-8")
    assert "<image" in svg
    assert ">conv</text>" in svg.replace("\n", "")
    assert "Every cell is one weight" in svg
    assert [notice.text for notice in notices] == ["Copied the picture.", "Saved out.png.", "Saved out.svg."]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "out.png"), ""))
    view.bar.save.click()
    assert notices[-1].text.startswith("out.png can't be saved: ")


def test_tensors_of_one_kind_keep_the_view_and_a_file_that_changed_says_so(
    window: MainWindow, qtbot: Any, file: Path
) -> None:
    view = look(window, qtbot, file, "conv")
    look(window, qtbot, file, "wide")
    assert (view.canvas.view.rows, view.canvas.view.columns) == (700, 900)
    file.write_bytes(file.read_bytes() + b"\0")
    wheel(view, QPointF(150, 150), 2_400)
    qtbot.waitUntil(lambda: "has changed since it was opened" in view.caption.text())


def test_tiles_never_take_more_than_their_memory(qapp: QApplication) -> None:
    tiles = RasterTiles()
    tiles.set_table([0xFF000000] * 256)
    cells, values = bytearray(65_536), bytearray(4 * 65_536)
    for column in range(300):
        tile = tile_of(256, 256, "f", cells, values)
        assert tile is not None
        tiles.add(((0, 0), 0, column), tile, [((0, 0), 0, 0)])
    assert tiles.nbytes <= MOST_BYTES
    assert ((0, 0), 0, 0) in tiles, "what is seen stays"
    assert ((0, 0), 0, 1) not in tiles
    assert tile_of(2, 2, "f", bytearray(3), bytearray(16)) is None


def test_what_is_pointed_at_is_whole_in_a_narrow_view(window: MainWindow, qtbot: Any) -> None:
    view = HeatmapView(window.session)
    qtbot.addWidget(view)
    view.show()
    caption = view.caption
    caption.set_text("[1128–1131, 1100–1103, 10, 10]", " mean = −0.0447595")
    for width, is_beside in ((360, False), (900, True)):
        view.resize(width, 500)
        qtbot.waitUntil(lambda wanted=is_beside: (caption.geometry().right() < view.legend.x()) is wanted)
        assert "…" not in caption.shown
