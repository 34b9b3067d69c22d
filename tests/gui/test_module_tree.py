"""The module tree: its model, its search, and the panel a person works with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QApplication
from torch import nn

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui import theme
from inspector.gui.missing_keys import headline, lines
from inspector.gui.module_tree import ModuleTree
from inspector.gui.module_tree_cells import Column, Role
from inspector.gui.module_tree_model import BATCH, ModuleTreeModel
from inspector.gui.tree_place import first_expanded
from inspector.gui.tree_search import Found, TreeSearch
from inspector.session.state import MatchReport, OpenCheckpoint

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints", extend=True)


def save(path: Path, content: object) -> CheckpointSummary:
    """Save with torch, read as the reader does, and carry it over as the window gets it."""
    torch.save(content, path)
    with open_checkpoint(path) as checkpoint:
        header, columns = encode(checkpoint)
    return CheckpointSummary(json.loads(json.dumps(header)), columns)


def net() -> nn.Module:
    block = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))
    return nn.Sequential(nn.Conv2d(3, 8, 3), block, nn.Linear(8, 5))


@pytest.fixture
def summary(tmp_path: Path) -> CheckpointSummary:
    shared = torch.ones(4)
    return save(
        tmp_path / "net.pth",
        {
            "epoch": 7,
            "state_dict": {**net().state_dict(), "tied.a": shared, "tied.b": shared},
            "notes": {"author": "<b>me</b>", "rate": 0.1},
        },
    )


@pytest.fixture
def wide(tmp_path: Path) -> CheckpointSummary:
    """A module with more children than are laid out at a time."""
    tensor = torch.zeros(2)
    return save(tmp_path / "wide.pth", {f"layer{place}.weight": tensor for place in range(BATCH + 300)})


def opened(summary: CheckpointSummary, number: int = 1) -> OpenCheckpoint:
    path = Path(summary.path)
    return OpenCheckpoint(number, path, phase="ready", summary=summary, state_dict=summary.model)


def report_of(summary: CheckpointSummary, **marks: str) -> MatchReport:
    """Return a report in which all match but the tensors named ``state_dict.<key>``, dots as ``__``."""
    names = {name.replace("__", "."): mark for name, mark in marks.items()}
    by_tensor = {t: names.get(summary.key(t), "matched") for t in range(len(summary))}
    values = list(by_tensor.values())
    targets = {t: summary.key(t) for t, mark in by_tensor.items() if mark != "unexpected"}
    mismatched = tuple(
        (summary.key(t), (99, *summary.shape(t)[1:]), summary.shape(t))
        for t, mark in by_tensor.items()
        if mark == "mismatched"
    )
    return MatchReport(
        architecture="resnet18",
        task="classification",
        num_classes=5,
        wrapper="",
        marks=by_tensor,
        targets=targets,
        matched=values.count("matched"),
        unexpected=values.count("unexpected"),
        missing=("head.weight", "head.bias"),
        mismatched=mismatched,
        complete=False,
    )


def texts(model: ModuleTreeModel, parent: QModelIndex | None = None) -> list[str]:
    """Return the names of all shown rows, indented by their level."""
    above = parent if parent is not None else QModelIndex()
    shown = []
    for row in range(model.rowCount(above)):
        index = model.index(row, 0, above)
        shown += [str(index.data()), *(f" {below}" for below in texts(model, index))]
    return shown


def visible(tree: ModuleTree) -> list[str]:
    """Return the names of the rows that are expanded into view, from the top."""
    names, index = [], tree.model.index(0, 0)
    while index.isValid():
        names.append(str(index.data()))
        index = tree.view.indexBelow(index)
    return names


def cell(model: ModuleTreeModel, name: str, column: Column, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
    assert model.summary is not None
    node = next(n for n in range(len(model.summary.kinds)) if model.path_of(n) == name)
    return model.index_of(node, column).data(role)


@pytest.fixture
def tree(qtbot: Any, qapp: QApplication) -> ModuleTree:
    theme.apply(qapp, "light")
    made = ModuleTree()
    qtbot.addWidget(made)
    made.resize(560, 700)
    made.show()
    qtbot.waitExposed(made)
    return made


# -- the model ---------------------------------------------------------------------------------------------------


def test_model_keeps_qts_rules(qtmodeltester: Any, summary: CheckpointSummary) -> None:
    model = ModuleTreeModel()
    model.set_summary(summary, report_of(summary))
    qtmodeltester.check(model, force_py=True)


@pytest.mark.parametrize("shown", ["nothing", "wide", "searched", "changing"])
def test_model_keeps_qts_rules_in_every_state(
    qtmodeltester: Any, summary: CheckpointSummary, wide: CheckpointSummary, shown: str
) -> None:
    model = ModuleTreeModel()
    if shown != "nothing":
        model.set_summary(wide if shown == "wide" else summary)
    if shown == "searched":
        model.set_found(find(summary, "weight"))
    qtmodeltester.check(model)
    if shown == "changing":
        model.set_found(find(summary, "weight"))
        model.set_match_report(report_of(summary))
        model.set_found(None)
        model.set_summary(None)


def test_tree_is_the_files_modules_under_its_name(summary: CheckpointSummary) -> None:
    model = ModuleTreeModel()
    model.set_summary(summary)
    shown = texts(model)
    assert shown[0] == "net"
    assert shown.count("  1") == 1
    assert "   weight" in shown
    assert "   0.weight" not in shown  # a convolution holds weight and bias: a row of its own each
    assert " epoch" in shown
    assert "  author" in shown


def test_cells_say_shape_dtype_count_and_size(summary: CheckpointSummary) -> None:
    model = ModuleTreeModel()
    model.set_summary(summary)
    name = "state_dict.0.weight"
    assert cell(model, name, Column.SHAPE) == "8 × 3 × 3 × 3"
    assert cell(model, name, Column.DTYPE) == "float32"
    assert cell(model, name, Column.PARAMETERS) == "216"
    assert cell(model, name, Column.SIZE) == "864\u202fB"
    assert cell(model, name, Column.NAME, Role.ICON) == "parameter"
    assert not cell(model, name, Column.PARAMETERS, Role.QUIET)
    mean = "state_dict.1.1.running_mean"
    assert cell(model, mean, Column.NAME, Role.ICON) == "buffer"
    assert cell(model, mean, Column.PARAMETERS) == "8"
    assert cell(model, mean, Column.PARAMETERS, Role.QUIET)
    assert cell(model, "state_dict.1.1", Column.NAME, Role.DETAIL) == "batch norm"
    assert cell(model, "epoch", Column.NAME, Role.DETAIL) == "7"
    assert cell(model, "epoch", Column.SHAPE) == ""
    assert cell(model, "notes", Column.SIZE) == ""


def test_pickled_module_shows_its_class_without_package_and_arguments(tmp_path: Path) -> None:
    model = ModuleTreeModel()
    model.set_summary(save(tmp_path / "whole.pt", net()))
    assert cell(model, "1.1", Column.NAME, Role.DETAIL) == "BatchNorm2d"
    assert "torch.nn.modules.batchnorm.BatchNorm2d" in cell(model, "1.1", Column.NAME, Qt.ItemDataRole.ToolTipRole)


def test_tooltip_tells_all_and_shows_a_strangers_text_as_text(summary: CheckpointSummary) -> None:
    model = ModuleTreeModel()
    model.set_summary(summary)
    tied = cell(model, "state_dict.tied.b", Column.NAME, Qt.ItemDataRole.ToolTipRole)
    assert "Shares its elements with state_dict.tied.a" in tied
    author = cell(model, "notes.author", Column.NAME, Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;me&lt;/b&gt;" in author


def test_problem_of_a_tensor_is_marked_and_told(summary: CheckpointSummary) -> None:
    summary.problems[0] = "its bytes are cut off"
    model = ModuleTreeModel()
    model.set_summary(summary)
    assert cell(model, "state_dict.0.weight", Column.NAME, Role.ICON) == "warning"
    tip = cell(model, "state_dict.0.weight", Column.NAME, Qt.ItemDataRole.ToolTipRole)
    assert "be read: its bytes are cut off" in tip


def test_indexes_out_of_bounds_are_invalid(summary: CheckpointSummary) -> None:
    model = ModuleTreeModel()
    assert not model.index(0, 0).isValid()
    model.set_summary(summary)
    top = model.index(0, 0)
    for row, column, parent in [(-1, 0, top), (99, 0, top), (0, 6, top), (0, -1, top), (1, 0, QModelIndex())]:
        assert not model.index(row, column, parent).isValid()
    assert not model.index(0, 0, model.index(0, 1)).isValid()
    assert model.rowCount(model.index(0, 1)) == 0
    assert not model.index_of(-1).isValid()
    assert not model.index_of(10_000).isValid()


def test_many_children_are_laid_out_on_demand(wide: CheckpointSummary) -> None:
    model = ModuleTreeModel()
    model.set_summary(wide)
    top = model.index(0, 0)
    assert model.rowCount(top) == BATCH
    assert model.canFetchMore(top)
    last = model.index_of(model.tensor_node(BATCH + 299))
    assert last.row() == BATCH + 299
    assert last.data() == f"layer{BATCH + 299}.weight"
    assert not model.canFetchMore(model.index(0, 0))


def test_marks_are_summed_up_by_module(summary: CheckpointSummary) -> None:
    model = ModuleTreeModel()
    model.set_summary(summary)
    assert cell(model, "state_dict.0.weight", Column.MATCH) == ""
    model.set_match_report(report_of(summary, **{"0__weight": "mismatched", "1__1__bias": "unexpected"}))
    assert cell(model, "state_dict.0.weight", Column.MATCH) == "✗"
    assert cell(model, "state_dict.0.bias", Column.MATCH) == "✓"
    assert cell(model, "state_dict.1.1.bias", Column.MATCH) == "unexpected"
    assert cell(model, "state_dict.1.1", Column.MATCH) == "4 of 5"
    assert cell(model, "state_dict.1.0", Column.MATCH) == "all"
    assert cell(model, "state_dict", Column.MATCH) == f"{len(summary) - 2} of {len(summary)}"
    spoken = cell(model, "state_dict.0.weight", Column.MATCH, Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Shape differs from 0.weight of resnet18: 99 × 3 × 3 × 3 expected, 8 × 3 × 3 × 3 found"
    model.set_match_report(None)
    assert cell(model, "state_dict", Column.MATCH) == ""


# -- search ------------------------------------------------------------------------------------------------------


def find(summary: CheckpointSummary, query: str) -> Found:
    *_, found = TreeSearch(summary).run(query)
    assert found is not None
    return found


def found_names(summary: CheckpointSummary, query: str) -> set[str]:
    found = find(summary, query)
    return {summary.names[summary.tensors[node]] for node in found.rows if summary.tensors[node] >= 0}


@pytest.mark.parametrize("query", ["8x3", "8 × 3", "8×3×3×3", "[8, 3, 3, 3]", "(8,3,3,3)", "8, 3", "0.WEIGHT 8x3x3"])
def test_shapes_are_found_as_people_write_them(summary: CheckpointSummary, query: str) -> None:
    assert found_names(summary, query) == {"state_dict.0.weight"}


def test_sizes_are_whole_dimensions_and_words_narrow_down(summary: CheckpointSummary) -> None:
    assert found_names(summary, "int64") == {"state_dict.1.1.num_batches_tracked"}
    assert found_names(summary, "scalar") == {"state_dict.1.1.num_batches_tracked"}
    assert found_names(summary, "5 bias") == {"state_dict.2.bias"}
    assert found_names(summary, "tied bias") == set()


def test_values_and_module_classes_are_found_with_what_they_hold(summary: CheckpointSummary) -> None:
    model = ModuleTreeModel()
    model.set_summary(summary)
    model.set_found(find(summary, "batch norm"))
    assert texts(model)[:4] == ["net", " state_dict", "  1", "   1"]
    assert "    running_var" in texts(model)
    model.set_found(find(summary, "rate"))
    assert texts(model) == ["net", " notes", "  rate"]


names = st.lists(
    st.lists(st.sampled_from(["conv1", "weight", "ß", "0", "Block", "64x3"]), min_size=1, max_size=4).map(".".join),
    min_size=1,
    max_size=12,
    unique=True,
)


@given(names=names, data=st.data())
def test_search_finds_just_the_names_that_hold_what_was_typed(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], data: st.DataObject
) -> None:
    """Any piece of a name finds that name, and everything that is shown is a match or leads to one."""
    summary = save(tmp_path_factory.mktemp("search") / "x.pth", {name: torch.zeros(7) for name in names})
    name = data.draw(st.sampled_from(names))
    start = data.draw(st.integers(0, len(name) - 1))
    typed = name[start : data.draw(st.integers(start + 1, len(name)))]
    anywhere = typed in "float32" or typed == "7"  # the dtype and the shape of all
    expected = {n for n in names if anywhere or typed.casefold() in n.casefold()}
    shown = found_names(summary, typed)
    assert name in shown
    # a module that matches by its own label shows all it holds, which then match by their full names
    assert shown == expected
    assert find(summary, typed).tensors == len(shown)


# -- the panel ---------------------------------------------------------------------------------------------------


def test_small_tree_is_expanded_whole_and_large_one_to_a_screenful(tree: ModuleTree, tmp_path: Path) -> None:
    small = save(tmp_path / "small.pth", net().state_dict())
    tree.show_checkpoint(opened(small))
    assert len(visible(tree)) == len(small.kinds)
    tensors = {
        f"stage{i}.block{j}.conv{k}.weight": torch.zeros(1) for i in range(4) for j in range(6) for k in range(6)
    }
    large = save(tmp_path / "large.pth", tensors)
    tree.show_checkpoint(opened(large, 2))
    assert 20 <= len(visible(tree)) <= 40
    assert first_expanded(large) >= {0}


def test_selecting_tells_of_tensors_and_of_nothing_else(
    qtbot: Any, tree: ModuleTree, summary: CheckpointSummary
) -> None:
    tree.show_checkpoint(opened(summary))
    index = tree.model.index_of(tree.model.tensor_node(0))
    place = tree.view.visualRect(index).center()
    with qtbot.waitSignal(tree.tensor_selected) as told:
        qtbot.mouseClick(tree.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert told.args == [0]
    heard: list[int] = []
    tree.tensor_selected.connect(heard.append)
    tree.node_selected.connect(heard.append)
    qtbot.keyClick(tree.view, Qt.Key.Key_Up)
    assert heard == [-1, tree.selected_node]
    assert tree.model.path_of(tree.selected_node) == "state_dict.0"


def test_state_selects_without_an_echo(qtbot: Any, tree: ModuleTree, summary: CheckpointSummary) -> None:
    with qtbot.assertNotEmitted(tree.tensor_selected):
        tree.show_checkpoint(replace(opened(summary), tensor=3))
    assert tree.view.currentIndex().internalId() == tree.model.tensor_node(3)


def test_keys_expand_and_collapse(qtbot: Any, tree: ModuleTree, summary: CheckpointSummary) -> None:
    tree.show_checkpoint(opened(summary))
    before = visible(tree)
    tree.view.setCurrentIndex(tree.model.index(0, 0))
    tree.view.setFocus()
    qtbot.keyClick(tree.view, Qt.Key.Key_Return)
    assert visible(tree) == ["net"]
    qtbot.keyClick(tree.view, Qt.Key.Key_Right)
    assert visible(tree) == before
    qtbot.keyClick(tree.view, Qt.Key.Key_Left)
    assert visible(tree) == ["net"]


def test_search_shows_matches_and_esc_brings_the_tree_back(
    qtbot: Any, tree: ModuleTree, summary: CheckpointSummary
) -> None:
    tree.show_checkpoint(opened(summary))
    before = visible(tree)
    tree.view.setFocus()
    qtbot.keyClick(tree.view, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert tree.search.hasFocus()
    qtbot.keyClicks(tree.search, "running")
    qtbot.waitUntil(lambda: tree.model.found is not None and not tree.is_busy)
    assert visible(tree) == ["net", "state_dict", "1", "1", "running_mean", "running_var"]
    assert tree.search._end_text() == f"2 of {len(summary)} tensors"
    with qtbot.waitSignal(tree.tensor_selected) as told:
        qtbot.keyClick(tree.search, Qt.Key.Key_Return)
    assert summary.names[told.args[0]] == "state_dict.1.1.running_mean"
    assert tree.view.hasFocus()
    qtbot.keyClick(tree.view, Qt.Key.Key_Escape)
    assert tree.search.text() == ""
    assert visible(tree) == before
    assert tree.view.currentIndex().data() == "running_mean"


def test_search_without_a_match_says_so_and_typing_in_the_tree_searches(
    qtbot: Any, tree: ModuleTree, summary: CheckpointSummary
) -> None:
    tree.show_checkpoint(opened(summary))
    tree.view.setFocus()
    qtbot.keyClicks(tree.view, "q")
    qtbot.keyClicks(tree.search, "qq")
    qtbot.waitUntil(lambda: tree.model.found is not None and not tree.is_busy)
    assert tree.search.text() == "qqq"
    assert visible(tree) == []
    assert "qqq" in tree.view.message
    assert not tree.view.grab().isNull()


def test_tabs_keep_their_expansion_selection_and_search(
    qtbot: Any, tree: ModuleTree, summary: CheckpointSummary, tmp_path: Path
) -> None:
    other = save(tmp_path / "other.pth", net().state_dict())
    tree.show_checkpoint(opened(summary))
    notes = tree.model.index_of(next(n for n in range(len(summary.kinds)) if summary.labels[n] == "notes"))
    tree.view.collapse(notes)
    tree.view.setCurrentIndex(notes)
    before = visible(tree)
    tree.show_checkpoint(opened(other, 2))
    qtbot.keyClicks(tree.search, "bias")
    qtbot.waitUntil(lambda: tree.model.found is not None and not tree.is_busy)
    searched = visible(tree)
    with qtbot.assertNotEmitted(tree.tensor_selected):
        tree.show_checkpoint(opened(summary))
    assert tree.search.text() == ""
    assert visible(tree) == before
    assert "author" not in before
    assert tree.view.currentIndex().data() == "notes"
    tree.show_checkpoint(opened(other, 2))
    qtbot.waitUntil(lambda: tree.model.found is not None and not tree.is_busy)
    assert tree.search.text() == "bias"
    assert visible(tree) == searched
    tree.show_checkpoint(None)
    assert visible(tree) == []
    assert not tree.search.isEnabled()
    tree.forget(2)
    tree.show_checkpoint(opened(other, 2))
    assert tree.search.text() == ""


def test_match_report_changes_marks_and_nothing_else(tree: ModuleTree, summary: CheckpointSummary) -> None:
    tree.show_checkpoint(opened(summary))
    tree.view.collapse(tree.model.index(1, 0, tree.model.index(0, 0)))
    tree.view.setCurrentIndex(tree.model.index(0, 0))
    before, current = visible(tree), tree.view.currentIndex()
    assert not tree.missing.isVisible()
    report = report_of(summary, **{"0__weight": "mismatched"})
    tree.show_checkpoint(replace(opened(summary), match_report=report))
    assert visible(tree) == before
    assert tree.view.currentIndex() == current
    assert tree.missing.isVisible()
    tree.show_checkpoint(opened(summary))
    assert not tree.missing.isVisible()


def test_missing_keys_are_named_and_listed_on_a_click(qtbot: Any, tree: ModuleTree, summary: CheckpointSummary) -> None:
    report = report_of(summary, **{"0__weight": "mismatched"})
    assert headline(report) == "2 keys of resnet18 are missing: head.weight, head.bias; 1 key has another shape"
    assert headline(replace(report, missing=(), mismatched=())) == ""
    tree.show_checkpoint(replace(opened(summary), match_report=report))
    assert not tree.missing.list.isVisible()
    qtbot.mouseClick(tree.missing.button, Qt.MouseButton.LeftButton)
    listed = [tree.missing.list.item(row).text() for row in range(tree.missing.list.count())]
    assert tree.missing.list.isVisible()
    assert listed == lines(report)
    assert listed[-1] == "0.weight: 99 × 3 × 3 × 3 expected, 8 × 3 × 3 × 3 found"
    tree.missing.list.setCurrentRow(0)
    qtbot.keyClick(tree.missing.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == "head.weight: missing"


def test_context_menu_copies_and_expands(tree: ModuleTree, summary: CheckpointSummary) -> None:
    tree.show_checkpoint(opened(summary))
    actions = {action.text(): action for action in tree.menu_for(tree.model.tensor_node(0)).actions()}
    actions["Copy name"].trigger()
    assert QApplication.clipboard().text() == "state_dict.0.weight"
    actions["Copy shape"].trigger()
    assert QApplication.clipboard().text() == "[8, 3, 3, 3]"
    actions["Collapse all"].trigger()
    assert visible(tree) == ["net", "epoch", "state_dict", "notes"]
    tree.show_checkpoint(None)
    tree.show_checkpoint(opened(summary))
    assert visible(tree) == ["net", "epoch", "state_dict", "notes"]
    actions["Expand all"].trigger()
    assert len(visible(tree)) == len(summary.kinds)
    epoch = next(n for n in range(len(summary.kinds)) if summary.labels[n] == "epoch")
    values = {action.text(): action for action in tree.menu_for(epoch).actions()}
    values["Copy value"].trigger()
    assert QApplication.clipboard().text() == "7"


def test_columns_give_way_to_the_name(tree: ModuleTree, summary: CheckpointSummary) -> None:
    tree.show_checkpoint(opened(summary))
    tree.resize(900, 600)
    assert not any(tree.view.isColumnHidden(column) for column in Column)
    tree.resize(420, 600)
    assert tree.view.isColumnHidden(Column.SIZE)
    assert not tree.view.isColumnHidden(Column.PARAMETERS)
    assert tree.view.columnWidth(Column.NAME) >= 120
    tree.resize(900, 600)
    assert not tree.view.isColumnHidden(Column.SIZE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_tree_paints_in_both_themes(
    qapp: QApplication, tree: ModuleTree, summary: CheckpointSummary, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(theme, "is_dark", lambda: scheme == "dark")
    theme.apply(qapp, scheme)
    report = report_of(summary, **{"0__weight": "mismatched", "1__1__bias": "unexpected"})
    tree.show_checkpoint(replace(opened(summary), match_report=report, tensor=0))
    image = tree.view.viewport().grab().toImage()
    shown = {image.pixelColor(x, y).name() for x in range(0, image.width(), 1) for y in range(0, 120)}
    assert theme.colors().accent_soft in shown  # the selected row
    assert theme.colors().surface in shown


def test_wide_tree_fetches_more_when_scrolled_to_its_end(qtbot: Any, tree: ModuleTree, wide: CheckpointSummary) -> None:
    tree.show_checkpoint(opened(wide))
    qtbot.waitUntil(lambda: not tree.is_busy)
    bar = tree.view.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    qtbot.waitUntil(lambda: tree.model.rowCount(tree.model.index(0, 0)) == BATCH + 300)
