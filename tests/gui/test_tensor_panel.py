"""The panel of a tensor: its states, its picture, its histogram and its figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui import theme
from inspector.gui.histogram_view import HistogramView, edge_text
from inspector.gui.module_tree_cells import Column, TreeCells
from inspector.gui.picture_layout import Grid, Mosaic, drawn_mosaic, lay_out, scaled_size
from inspector.gui.picture_view import PictureView
from inspector.gui.scale_legend import STOPS, ScaleLegend
from inspector.gui.statistics_tiles import StatisticsTiles, tiles_of
from inspector.gui.tensor_panel import NO_TENSORS, NOTHING_SELECTED, TensorPanel
from inspector.processes.roles import worker
from inspector.session.failure import Failure
from inspector.session.state import TensorView
from inspector.session.viewing import view_of_answer
from inspector.weights.colours import diverging
from inspector.weights.mosaic import mosaic_columns

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints", extend=True)

CONTENT = {
    "conv.weight": torch.linspace(-1, 2, 64 * 3 * 7 * 7).reshape(64, 3, 7, 7),
    "fc.weight": torch.linspace(-0.5, 0.5, 300 * 200).reshape(300, 200),
    "fc.bias": torch.linspace(-0.1, 0.3, 300),
    "num_batches_tracked": torch.tensor(1234567),
    "mask": torch.tensor(True),
    "empty": torch.zeros(0, 3),
    "broken": torch.tensor([1.0, float("nan"), float("inf"), float("-inf"), 0.0]),
    "nan": torch.tensor(float("nan")),
    "waves": torch.full((4, 4), 3 + 4j),
}


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> CheckpointSummary:
    path = tmp_path_factory.mktemp("panel") / "net.pth"
    return summary_of({"state_dict": CONTENT, "note": "a <b>note</b>"}, path)


def summary_of(content: object, path: Path) -> CheckpointSummary:
    torch.save(content, path)
    with open_checkpoint(path) as checkpoint:
        header, columns = encode(checkpoint)
    return CheckpointSummary(json.loads(json.dumps(header)), columns)


def tensor_of(summary: CheckpointSummary, name: str) -> int:
    return summary.names.index(f"state_dict.{name}")


def view_of(summary: CheckpointSummary, name: str) -> TensorView:
    """Return what the session would, from the worker's own function."""
    tensor = tensor_of(summary, name)
    params = {
        "files": [file.to_json() for file in summary.files],
        "place": summary.place(tensor).to_json(),
    }
    result, buffers = worker.describe_tensor(params, [], lambda *_: None)
    return view_of_answer(tensor, json.loads(json.dumps(result)), [bytearray(part) for part in buffers])


@pytest.fixture
def panel(qtbot: Any, qapp: QApplication) -> TensorPanel:
    theme.apply(qapp, "light")
    made = TensorPanel()
    qtbot.addWidget(made)
    made.resize(500, 640)
    made.show()
    qtbot.waitExposed(made)
    return made


def node_of(summary: CheckpointSummary, label: str) -> int:
    return next(node for node, found in enumerate(summary.labels) if found == label)


def colours_in(image: QImage) -> set[str]:
    return {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}


# -- states ------------------------------------------------------------------------------------------------------


def test_nothing_selected_says_what_to_do(panel: TensorPanel, summary: CheckpointSummary) -> None:
    assert panel.message.isVisible()
    assert panel.message.text() == NOTHING_SELECTED
    assert not panel.header.isVisible()
    panel.show_view(summary, view_of(summary, "fc.bias"))
    panel.show_view(None, None)
    assert panel.message.isVisible()
    assert not panel.figures.isVisible()


def test_tensor_is_shown_with_header_picture_histogram_and_figures(
    panel: TensorPanel, summary: CheckpointSummary
) -> None:
    panel.show_view(summary, view_of(summary, "conv.weight"))
    assert panel.header.name == "state_dict.conv.weight"
    assert panel.header.facts == ["64 × 3 × 7 × 7", "float32", "9\u202f408 parameters", "37.6\u202fkB"]
    assert panel.figures.caption.text() == "64 filters as RGB"
    assert panel.figures.picture.isVisible()
    assert not panel.figures.legend.isVisible()  # every filter has a scale of its own
    assert panel.figures.histogram.isVisible()
    assert [tile.text for tile in panel.figures.statistics.tiles[:2]] == ["−1.0000", "2.0000"]
    assert not panel.message.isVisible()


def test_heatmap_has_a_legend(panel: TensorPanel, summary: CheckpointSummary) -> None:
    view = view_of(summary, "fc.weight")
    panel.show_view(summary, view)
    assert panel.figures.legend.isVisible()
    assert "−0.49" in panel.figures.legend.toolTip()
    panel.show_view(summary, view_of(summary, "fc.bias"))
    assert not panel.figures.legend.isVisible()  # bars show their values by length


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("num_batches_tracked", "1\u202f234\u202f567"),
        ("mask", "True"),
        ("nan", "NaN"),
        ("empty", "This tensor has no elements."),
    ],
)
def test_tensor_of_no_dimensions_shows_its_value(
    panel: TensorPanel, summary: CheckpointSummary, name: str, text: str
) -> None:
    panel.show_view(summary, view_of(summary, name))
    assert panel.figures.value.isVisible()
    assert panel.figures.value.text() == text
    assert not panel.figures.picture.isVisible()
    assert not panel.figures.statistics.isVisible()


def test_complex_tensor_is_shown_by_magnitudes(panel: TensorPanel, summary: CheckpointSummary) -> None:
    panel.show_view(summary, view_of(summary, "waves"))
    assert panel.figures.distribution.text() == "Distribution of magnitudes, log count"


def test_quick_reading_flashes_nothing(qtbot: Any, panel: TensorPanel, summary: CheckpointSummary) -> None:
    panel.show_view(summary, view_of(summary, "fc.bias"))
    panel.show_view(summary, TensorView(tensor_of(summary, "fc.weight")))
    assert panel.figures.isVisible()
    assert panel.header.name == "state_dict.fc.weight"
    qtbot.waitUntil(lambda: panel.figures.picture.opacity < 1)
    assert panel.figures.isVisible()  # dimmed, but still there
    panel.show_view(summary, view_of(summary, "fc.weight"))
    assert panel.figures.picture.opacity == 1
    assert not panel._wait.isActive()


def test_long_reading_shows_progress_until_it_is_done(
    qtbot: Any, panel: TensorPanel, summary: CheckpointSummary
) -> None:
    running = TensorView(tensor_of(summary, "fc.weight"))
    panel.show_view(summary, running)
    assert not panel.progress.isVisible()
    qtbot.waitUntil(panel.progress.isVisible)
    assert panel.message.text() == "Reading state_dict.fc.weight…"
    panel.show_view(summary, running)  # another change of the checkpoint starts nothing anew
    assert panel.progress.isVisible()
    panel.show_view(summary, view_of(summary, "fc.weight"))
    assert panel.figures.isVisible()
    assert not panel.progress.isVisible()


def test_failure_is_told_in_its_sentence(panel: TensorPanel, summary: CheckpointSummary) -> None:
    failure = Failure("It can't be read: the file was changed.", "Open it again.")
    panel.show_view(summary, TensorView(0, phase="failed", failure=failure))
    assert panel.message.text() == failure.sentence
    assert panel.header.isVisible()
    assert not panel.figures.isVisible()


def test_nodes_that_are_no_tensors_are_shown(panel: TensorPanel, summary: CheckpointSummary) -> None:
    panel.show_view(summary, None, node_of(summary, "note"))
    assert panel.header.name == "note"
    assert panel.message.text() == "a <b>note</b>"
    assert panel.message.textFormat() == Qt.TextFormat.PlainText
    panel.show_view(summary, None, node_of(summary, "fc"))
    assert panel.header.name == "state_dict.fc"
    assert "60\u202f300 parameters" in panel.header.facts
    panel.show_view(summary, None, -1)
    assert panel.message.text() == NOTHING_SELECTED


def test_a_file_that_is_one_plain_value_shows_it(panel: TensorPanel, tmp_path: Path) -> None:
    panel.show_view(summary_of(5, tmp_path / "five.pth"), None, -1)
    assert panel.message.text() == "5"


def test_a_file_without_tensors_says_so(panel: TensorPanel, tmp_path: Path) -> None:
    panel.show_view(summary_of({"epoch": 5}, tmp_path / "epoch.pth"), None, -1)
    assert panel.message.text() == NO_TENSORS


def test_tensors_without_a_name(panel: TensorPanel, tmp_path: Path) -> None:
    lone = summary_of(torch.ones(2), tmp_path / "lone.pth")
    panel.show_view(lone, TensorView(0))
    assert panel.header.name == "lone"
    unnamed = summary_of({"a": torch.ones(2), "": torch.ones(2)}, tmp_path / "unnamed.pth")
    panel.show_view(unnamed, TensorView(1))
    assert panel.header.name == "\u2018\u2019"
    cells = TreeCells(unnamed, None)
    assert [cells.text(node, Column.NAME) for node in range(3)] == ["unnamed", "a", "\u2018\u2019"]


def test_a_moment_is_called_by_its_parameter_and_copied_by_its_key(
    panel: TensorPanel, tmp_path: Path, qtbot: Any, qapp: QApplication
) -> None:
    model = torch.nn.Linear(2, 3, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    found = summary_of({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "net.pth")
    moment = found.names.index("optimizer.state.0.momentum_buffer")
    panel.show_view(found, TensorView(moment), -1)
    assert panel.header.name == "weight · momentum_buffer"
    assert "optimizer state: optimizer.state.0.momentum_buffer" in panel.header.facts
    qtbot.keyClick(panel.header, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert qapp.clipboard().text() == "optimizer.state.0.momentum_buffer"
    node = found.tensors.index(moment)
    assert "Of model.weight" in TreeCells(found, None).tooltip_lines(node)


def test_name_is_copied(qtbot: Any, panel: TensorPanel, summary: CheckpointSummary) -> None:
    panel.show_view(summary, view_of(summary, "fc.bias"))
    qtbot.keyClick(panel.header, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == "state_dict.fc.bias"
    qtbot.keyClick(panel.figures.statistics, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text().startswith("min\t−0.1000")
    qtbot.keyClick(panel.figures.picture, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert not QApplication.clipboard().image().isNull()


@pytest.mark.parametrize("size", [(420, 400), (500, 640), (900, 1200), (1400, 800)])
@pytest.mark.parametrize("name", ["conv.weight", "fc.weight", "fc.bias"])
def test_layout_fits_every_size(
    qtbot: Any, panel: TensorPanel, summary: CheckpointSummary, size: tuple[int, int], name: str
) -> None:
    panel.resize(*size)
    panel.show_view(summary, view_of(summary, name))
    content = panel.area.widget()
    assert content is not None
    picture = panel.figures.picture
    qtbot.waitUntil(lambda: picture.height() >= picture.heightForWidth(picture.width()))
    assert content.width() == panel.area.viewport().width()
    assert picture.height() <= max(180, round(0.38 * panel.height())) + 1
    tiles = panel.figures.statistics
    assert tiles.height() >= tiles.heightForWidth(tiles.width())
    assert panel.header.height() >= panel.header.heightForWidth(panel.header.width())
    bottom = tiles.mapTo(content, QPoint(0, tiles.height())).y()
    assert bottom <= content.height()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_histogram_and_alarm_take_the_themes_colours(
    qapp: QApplication,
    panel: TensorPanel,
    summary: CheckpointSummary,
    scheme: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    panel.show_view(summary, view_of(summary, "fc.bias"))
    monkeypatch.setattr(theme, "is_dark", lambda: scheme == "dark")
    theme.apply(qapp, scheme)
    c = theme.colors()
    assert {c.negative_value, c.positive_value} <= colours_in(panel.figures.histogram.grab().toImage())
    assert c.danger not in colours_in(panel.figures.statistics.grab().toImage())
    panel.show_view(summary, view_of(summary, "broken"))
    assert panel.figures.statistics.tiles[-1].text == "1 / 2"
    assert c.danger in colours_in(panel.figures.statistics.grab().toImage())


# -- histogram ---------------------------------------------------------------------------------------------------


@pytest.fixture
def histogram(qtbot: Any, qapp: QApplication) -> HistogramView:
    theme.apply(qapp, "light")
    made = HistogramView()
    qtbot.addWidget(made)
    made.resize(400, 152)
    made.show_histogram((-2.0, -1.0, 0.0, 1.0, 2.0), (10, 0, 1000, 5))
    made.show()
    qtbot.waitExposed(made)
    return made


def test_pointing_at_a_bar_tells_its_range_and_count(qtbot: Any, histogram: HistogramView) -> None:
    qtbot.mouseMove(histogram, QPoint(200, 50))
    with qtbot.waitSignal(histogram.pointed) as told:
        qtbot.mouseMove(histogram, QPoint(50, 50))
    assert told.args == ["−2 … −1: 10 values"]


def test_arrow_keys_walk_over_the_bars(qtbot: Any, histogram: HistogramView) -> None:
    heard: list[str] = []
    histogram.pointed.connect(heard.append)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_Escape):
        qtbot.keyClick(histogram, key)
    assert heard == ["0 … 1: 1\u202f000 values", "1 … 2: 5 values", "−2 … −1: 10 values", ""]


def test_log_scale_lifts_rare_values(qtbot: Any, panel: TensorPanel, histogram: HistogramView) -> None:
    def height() -> int:
        image = histogram.grab().toImage()
        return sum(image.pixelColor(350, y).name() == theme.colors().positive_value for y in range(132))

    log = height()
    histogram.set_log(False)
    assert 0 < height() < log
    assert panel.figures.log.isChecked()
    qtbot.mouseClick(panel.figures.log, Qt.MouseButton.LeftButton)
    assert panel.figures.distribution.text().endswith(", count")


def test_narrow_histogram_joins_bins_and_loses_no_value(histogram: HistogramView) -> None:
    histogram.show_histogram(tuple(map(float, range(129))), (3,) * 128)
    assert sum(histogram._counts) == 3 * 128
    assert len(histogram._counts) == 64
    histogram.resize(1200, 152)
    assert len(histogram._counts) == 128


def test_histogram_of_nothing_and_of_nonsense_paints(histogram: HistogramView) -> None:
    for edges, counts in [((), ()), ((0.0, float("inf")), (1,)), ((0.0, 1.0), (0,)), ((1.0,), (1, 2))]:
        histogram.show_histogram(edges, counts)
        assert not histogram.grab().isNull()


def test_whole_edges_are_told_as_such() -> None:
    assert [edge_text(edge) for edge in (0.0, -3.0, 0.5)] == ["0", "−3", "0.5000"]


# -- picture -----------------------------------------------------------------------------------------------------


def test_mosaic_keeps_every_filters_weights(qtbot: Any, summary: CheckpointSummary) -> None:
    """Each weight is a block of whole pixels in the colour the worker gave it."""
    view = view_of(summary, "conv.weight")
    picture = PictureView()
    qtbot.addWidget(picture)
    picture.show_picture(view, (64, 3, 7, 7))
    picture.resize(640, picture.heightForWidth(640))
    shown = picture.grab().toImage()
    grid = picture._grid(picture.width(), picture.devicePixelRatioF())
    mosaic = drawn_mosaic(64, view.columns, view.cell, view.width, view.height)
    assert grid is not None
    assert mosaic is not None
    zoom, old_zoom = grid.tile_width // 7, mosaic.width // 7
    for tile, row, column in [(0, 3, 3), (13, 2, 5), (63, 4, 1)]:
        left, top = grid.corner(tile)
        old_row, old_column = divmod(tile, view.columns)
        x = old_column * mosaic.pitch + column * old_zoom + old_zoom // 2
        y = old_row * mosaic.row_pitch + row * old_zoom + old_zoom // 2
        expected = picture.image().pixelColor(x, y)
        for corner in ((0, 0), (zoom - 1, zoom - 1)):
            found = shown.pixelColor(left + column * zoom + corner[0], top + row * zoom + corner[1])
            assert found.rgb() == expected.rgb()


def test_legend_has_the_colours_of_the_pictures() -> None:
    values = np.array([2 * place - 1 for place, _ in STOPS], np.float32)
    drawn = diverging(values, 1.0)[:, :3]
    assert np.abs(drawn.astype(int) - np.array([rgb for _, rgb in STOPS])).max() <= 2


def test_legend_of_no_scale_is_hidden(qtbot: Any) -> None:
    legend = ScaleLegend()
    qtbot.addWidget(legend)
    legend.show_scale(0.25)
    assert legend.accessibleName() == "Colours from −0.2500, blue, to 0.2500, red"
    legend.show_scale(0.0)
    assert not legend.isVisible()


@given(
    count=st.integers(1, 600),
    weights=st.tuples(st.integers(1, 11), st.integers(1, 11)),
    room=st.tuples(st.integers(20, 1500), st.integers(20, 700)),
)
@example(count=526, weights=(1, 1), room=(30, 73))
def test_grid_fits_the_room_and_tells_tiles_apart(count: int, weights: tuple[int, int], room: tuple[int, int]) -> None:
    mosaic = Mosaic(count, mosaic_columns(count), weights[0], weights[1], weights[0] + 1, weights[1] + 1)
    grid = lay_out(mosaic, weights, room, 96)
    if grid is None:
        smallest = Grid(count, max(1, min(count, (room[0] + 1) // (weights[0] + 1))), *weights, 0, weights[1] + 1)
        assert room[0] < weights[0] or smallest.size[1] > room[1]
        return
    width, height = grid.size
    assert width <= room[0]
    assert height <= room[1]
    assert grid.tile_width % weights[0] == 0
    corners = {grid.corner(tile) for tile in range(count)}
    assert len(corners) == count
    for tile in range(0, count, 7):
        left, top = grid.corner(tile)
        assert grid.tile_at(left + grid.tile_width / 2, top + grid.tile_height / 2) == tile
    assert grid.tile_at(-1, 0) == grid.tile_at(width + 1, 0) == -1


@given(
    picture=st.tuples(st.integers(1, 1024), st.integers(1, 1024)),
    room=st.tuples(st.integers(100, 2000), st.integers(150, 900)),
)
def test_scaled_picture_fits_the_room(picture: tuple[int, int], room: tuple[int, int]) -> None:
    width, height = scaled_size(picture, room, 4.0, 72)
    assert 1 <= width <= room[0]
    assert 1 <= height <= room[1]
    assert width <= 4 * picture[0]


@pytest.mark.parametrize(
    "numbers", [(0, 1, 9, 8, 8), (4, 5, 9, 8, 8), (4, 2, 1, 8, 8), (4, 2, 9, 18, 8), (3, 2, 9, 17, 16)]
)
def test_numbers_that_make_no_mosaic_are_refused(numbers: tuple[int, int, int, int, int]) -> None:
    assert drawn_mosaic(*numbers) is None


# -- tiles -------------------------------------------------------------------------------------------------------


def test_tiles_say_zeros_share_and_raise_alarm() -> None:
    statistics: dict[str, float | int | None] = {
        "numel": 8, "min": None, "max": None, "mean": None, "std": None, "norm": 0.0, "zeros": 2, "nan": 3, "inf": 0,
    }  # fmt: skip
    tiles = {tile.name: tile for tile in tiles_of(statistics)}
    assert tiles["min"].text == "–"
    assert tiles["zeros"].meaning == "25.0\u202f% of the elements are zero"
    assert tiles["NaN / Inf"].text == "3 / 0"
    assert tiles["NaN / Inf"].alarming
    assert not tiles["zeros"].alarming


def test_tiles_break_into_rows_where_it_is_narrow(qtbot: Any) -> None:
    tiles = StatisticsTiles()
    qtbot.addWidget(tiles)
    tiles.show_statistics({"numel": 1, "norm": 1.0, "zeros": 0, "nan": 0, "inf": 0})
    assert tiles.heightForWidth(400) > tiles.heightForWidth(1000)


def test_picture_of_a_large_tensor_is_shown_before_its_figures(panel: TensorPanel, summary: CheckpointSummary) -> None:
    ready = view_of(summary, "fc.weight")
    drawn = replace(ready, phase="running", statistics={}, edges=(), counts=())
    panel.show_view(summary, TensorView(ready.tensor))
    panel.show_view(summary, drawn)
    assert panel.figures.picture.isVisible()
    assert panel.figures.picture.opacity == 1.0
    assert not panel.figures.picture.image().isNull()
    assert {tile.text for tile in panel.figures.statistics.tiles} == {"…"}
    assert not panel.progress.isVisible()
    panel.show_view(summary, ready)
    assert panel.figures.statistics.opacity == 1.0
    assert "…" not in {tile.text for tile in panel.figures.statistics.tiles}
