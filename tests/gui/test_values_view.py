"""The table of values: of any size, exact, filled as it is looked at, gone through by index and copied."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from safetensors.numpy import save_file

from inspector.gui.main_window import MainWindow
from inspector.gui.views import values_model
from inspector.gui.views.saving import write_drawing
from inspector.gui.views.values_model import Block, ValuesModel, value_text
from inspector.gui.views.values_view import ValuesView

CUBE = np.random.default_rng(2).normal(0, 1, (300, 70, 3)).astype(np.float32)
WHOLE = np.arange(1_234, dtype=np.int64) + 2**60


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.safetensors"
    mixed = np.array([[np.nan, np.inf], [-0.0, 1e-7]], np.float64)
    save_file({"cube": CUBE, "twin": CUBE + 1, "whole": WHOLE, "mixed": mixed, "scalar": np.array(True)}, path)
    return path


def look(window: MainWindow, qtbot: Any, file: Path, name: str) -> ValuesView:
    window.resize(1_280, 800)
    if window.session.current is None:
        window.open_paths([file])
    qtbot.waitUntil(lambda: window.session.current is not None and window.session.current.summary is not None)
    qtbot.waitUntil(lambda: window.is_furnished, timeout=20_000)
    found = window.session.current
    assert found is not None
    assert found.summary is not None
    window.session.select_tensor(found.id, found.summary.names.index(name))
    qtbot.waitUntil(lambda: "values" in window.tensor.switch.names)
    window.tensor.switch.segmented.buttons["values"].click()
    assert window.tensor.pages is not None
    view = window.tensor.pages.view("values")
    assert isinstance(view, ValuesView)
    QApplication.processEvents()
    return view


def shown(view: ValuesView, qtbot: Any, row: int, column: int) -> str:
    qtbot.waitUntil(lambda: view.model.value(row, column) is not None, timeout=20_000)
    return str(view.model.index(row, column).data())


def select(view: ValuesView, top: int, left: int, bottom: int, right: int) -> None:
    chosen = QItemSelection(view.model.index(top, left), view.model.index(bottom, right))
    view.table.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)


def test_every_value_is_reached(window: MainWindow, qtbot: Any, file: Path) -> None:
    view = look(window, qtbot, file, "cube")
    assert (view.model.rowCount(), view.model.columnCount()) == (300, 70)
    assert shown(view, qtbot, 299, 69) == f"{CUBE[299, 69, 0]:.6g}"
    view.controls.spins[2].setValue(2)
    assert shown(view, qtbot, 299, 69) == f"{CUBE[299, 69, 2]:.6g}"
    assert float(view.model.index(299, 69).data(Qt.ItemDataRole.ToolTipRole)) == pytest.approx(CUBE[299, 69, 2], 1e-8)


def test_another_tensor_of_the_same_shape_stays_where_one_was(window: MainWindow, qtbot: Any, file: Path) -> None:
    view = look(window, qtbot, file, "cube")
    view.table.scrollTo(view.model.index(200, 0))
    place = view.table.verticalScrollBar().value()
    assert place > 0
    view = look(window, qtbot, file, "twin")
    assert (view.model.rowCount(), view.model.columnCount()) == (300, 70)
    assert shown(view, qtbot, 200, 0) == f"{CUBE[200, 0, 0] + 1:.6g}"
    assert view.table.verticalScrollBar().value() == place
    view = look(window, qtbot, file, "cube")
    assert shown(view, qtbot, 200, 0) == f"{CUBE[200, 0, 0]:.6g}"


def test_one_goes_to_an_index(window: MainWindow, qtbot: Any, file: Path) -> None:
    view = look(window, qtbot, file, "cube")
    view.go_to.setText("[120, -1, 1]")
    qtbot.keyClick(view.go_to, Qt.Key.Key_Return)
    assert (view.table.currentIndex().row(), view.table.currentIndex().column()) == (120, 69)
    assert view.controls.plane == (0, 1, [0, 0, 1])
    shown(view, qtbot, 120, 69)
    qtbot.waitUntil(lambda: view.caption.text() == f"[120, 69, 1] = {CUBE[120, 69, 1]:.9g}")
    for wrong in ("300, 0, 0", "x", "1", "1, 2, 3, 4"):
        view.go_to.setText(wrong)
        qtbot.keyClick(view.go_to, Qt.Key.Key_Return)
        assert view.caption.text() == "Type an index within 300 × 70 × 3, such as 0, 0"
    assert view.table.currentIndex().row() == 120


def test_one_dimension_is_wrapped_and_integers_are_exact(window: MainWindow, qtbot: Any, file: Path) -> None:
    view = look(window, qtbot, file, "whole")
    assert (view.model.rowCount(), view.model.columnCount()) == (124, 10)
    assert shown(view, qtbot, 123, 3) == str(2**60 + 1_233)
    assert view.model.index(123, 4).data() == ""
    assert view.model.headerData(123, Qt.Orientation.Vertical) == "1230"
    view.go_to.setText("1001")
    qtbot.keyClick(view.go_to, Qt.Key.Key_Return)
    assert (view.table.currentIndex().row(), view.table.currentIndex().column()) == (100, 1)


def test_odd_values_stand_out(window: MainWindow, qtbot: Any, file: Path) -> None:
    view = look(window, qtbot, file, "mixed")
    assert [shown(view, qtbot, row, column) for row in range(2) for column in range(2)] == ["NaN", "Inf", "-0", "1e-07"]
    colours = [view.model.index(0, column).data(Qt.ItemDataRole.ForegroundRole).name() for column in range(2)]
    assert colours == ["#8f5a00", "#8f5a00"]
    view = look(window, qtbot, file, "scalar")
    assert shown(view, qtbot, 0, 0) == "True"


def test_selection_is_copied_with_tabs(window: MainWindow, qtbot: Any, file: Path) -> None:
    view = look(window, qtbot, file, "cube")
    select(view, 298, 1, 299, 2)
    assert view.caption.text() == "[298, 1, 0] to [299, 2, 0]: 4 values selected"
    view.table.setFocus()
    QGuiApplication.clipboard().clear()
    qtbot.keyClick(view.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: "\t" in QGuiApplication.clipboard().text(), timeout=20_000)
    lines = [[float(part) for part in line.split("\t")] for line in QGuiApplication.clipboard().text().split("\n")]
    np.testing.assert_array_equal(np.array(lines, np.float32), CUBE[298:300, 1:3, 0])
    view = look(window, qtbot, file, "whole")
    select(view, 1, 2, 2, 4)
    view.copy_values.click()
    numbers = [[2**60 + 10 * row + column for column in (2, 3, 4)] for row in (1, 2)]
    expected = "\n".join("\t".join(map(str, line)) for line in numbers)
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().text() == expected, timeout=20_000)


def test_the_table_is_drawn_for_saving(window: MainWindow, qtbot: Any, file: Path, tmp_path: Path) -> None:
    view = look(window, qtbot, file, "cube")
    first = shown(view, qtbot, 0, 0)
    QApplication.processEvents()
    assert write_drawing(tmp_path / "out.svg", view.drawing_size(), view.paint_drawing) == ""
    svg = (tmp_path / "out.svg").read_text(encoding="utf-8")
    assert f">{first}</text>" in svg.replace("\n", "")


# -- the model ---------------------------------------------------------------------------------------------------


def filled(model: ValuesModel) -> int:
    """Answer every question of a model, with the row plus a thousandth of the column; return how many there were."""
    count = 0
    while (at := model.take_wanted()) is not None:
        (top, bottom), (left, right) = model.ranges(at)
        cells = array("d", [row + column / 1_000 for row in range(top, bottom) for column in range(left, right)])
        model.add_block(at, Block(right - left, "float", cells, 9))
        count += 1
    return count


@pytest.mark.parametrize(("shape", "wrapped"), [((200, 90), False), ((1, 777), True), ((0, 0), False), ((1, 1), False)])
def test_model_keeps_qts_rules(qtmodeltester: Any, shape: tuple[int, int], wrapped: bool) -> None:
    model = ValuesModel()
    model.show_plane(*shape, wrapped=wrapped)
    qtmodeltester.check(model)
    filled(model)
    qtmodeltester.check(model)


def test_only_what_is_looked_at_is_asked_for_and_memory_is_bounded(qapp: QApplication) -> None:
    model = ValuesModel()
    model.show_plane(900_000, 4_000)
    assert model.index(800_000, 3_999).data() == ""
    assert filled(model) == 1
    assert model.index(800_000, 3_999).data() == "800004"
    assert filled(model) == 0
    for row in range(0, 900_000, 640):
        model.index(row, 0).data()
        filled(model)
    assert len(model._blocks) <= values_model._MOST_BLOCKS


def test_planes_beyond_qts_means_are_shown_in_parts(qapp: QApplication) -> None:
    model = ValuesModel()
    model.show_plane(5_000_000, 3)
    assert model.rowCount() == 1_000_000
    index = model.reveal(4_200_007, 2)
    assert (index.row(), index.column()) == (200_007, 2)
    assert model.headerData(index.row(), Qt.Orientation.Vertical) == "4200007"
    index.data()
    filled(model)
    assert index.data(Qt.ItemDataRole.ToolTipRole) == "4200007"
    assert model.place(0, 0) == (4_000_000, 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(2**63, str(2**63)), (True, "True"), (0.1, "0.1"), (1 / 3, "0.333333"), (complex(0.5, -2), "0.5-2j"), (None, "")],
)
def test_values_as_text(value: Any, text: str) -> None:
    assert value_text(value) == text
