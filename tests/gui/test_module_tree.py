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
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from torch import nn

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui import theme
from inspector.gui.missing_keys import headline, lines
from inspector.gui.module_tree import ModuleTree
from inspector.gui.module_tree_cells import Column, Role
from inspector.gui.module_tree_model import ModuleTreeModel
from inspector.gui.tree_place import first_expanded
from inspector.gui.tree_rows import TreeRows
from inspector.gui.tree_search import Found, TreeSearch
from inspector.session.match_state import MatchReport
from inspector.session.state import OpenCheckpoint

WIDE = 30_000

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
    """A module with more children than fit on a thousand screens."""
    tensor = torch.zeros(2)
    return save(tmp_path / "wide.pth", {f"layer{place}.weight": tensor for place in range(WIDE)})


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


def whole(summary: CheckpointSummary, found: Found | None = None) -> TreeRows:
    """Return all rows of a tree, or of what was found in it."""
    *_, rows = TreeRows(summary, (), found).whole()
    assert rows is not None
    return rows


def model_of(summary: CheckpointSummary, report: MatchReport | None = None) -> ModuleTreeModel:
    """Return a model that shows a whole tree."""
    model = ModuleTreeModel()
    model.set_rows(whole(summary), report)
    return model


def texts(model: ModuleTreeModel) -> list[str]:
    """Return the names of all shown rows, indented by their level."""
    if model.rows is None:
        return []
    shown = [model.index(row, 0) for row in range(model.rowCount())]
    return [" " * model.rows.depth(model.node(index)) + str(index.data()) for index in shown]


def visible(tree: ModuleTree) -> list[str]:
    """Return the names of the rows that are expanded into view, from the top."""
    return [text.strip() for text in texts(tree.model)]


def is_searched(tree: ModuleTree) -> bool:
    return tree.model.rows is not None and tree.model.rows.found is not None


def row_named(tree: ModuleTree, label: str) -> int:
    return visible(tree).index(label)


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
    qtmodeltester.check(model_of(summary, report_of(summary)), force_py=True)


@pytest.mark.parametrize("shown", ["nothing", "wide", "searched", "changing"])
def test_model_keeps_qts_rules_in_every_state(
    qtmodeltester: Any, summary: CheckpointSummary, wide: CheckpointSummary, shown: str
) -> None:
    model = ModuleTreeModel()
    if shown != "nothing":
        chosen = wide if shown == "wide" else summary
        model.set_rows(TreeRows(chosen, {0}, find(summary, "weight") if shown == "searched" else None))
    qtmodeltester.check(model)
    if shown == "changing":
        for row in (2, 4, 3):
            model.set_expanded(row, True)
        model.reveal(model.tensor_node(len(summary) - 1))
        model.set_expanded(2, False)
        model.set_expanded(0, False)
        model.set_expanded(0, True)
        model.set_match_report(report_of(summary))
        model.set_rows(TreeRows(summary, (), find(summary, "weight")))
        model.set_expanded(1, False)
        model.set_expanded(1, True)
        model.set_rows(None)


def test_tree_is_the_files_modules_under_its_name(summary: CheckpointSummary) -> None:
    model = model_of(summary)
    shown = texts(model)
    assert shown[0] == "net"
    assert shown.count("  1") == 1
    assert "   weight" in shown
    assert "   0.weight" not in shown  # a convolution holds weight and bias: a row of its own each
    assert " epoch" in shown
    assert "  author" in shown


def test_cells_say_shape_dtype_count_and_size(summary: CheckpointSummary) -> None:
    model = model_of(summary)
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
    model = model_of(save(tmp_path / "whole.pt", net()))
    assert cell(model, "1.1", Column.NAME, Role.DETAIL) == "BatchNorm2d"
    assert "torch.nn.modules.batchnorm.BatchNorm2d" in cell(model, "1.1", Column.NAME, Qt.ItemDataRole.ToolTipRole)


def test_tooltip_tells_all_and_shows_a_strangers_text_as_text(summary: CheckpointSummary) -> None:
    model = model_of(summary)
    tied = cell(model, "state_dict.tied.b", Column.NAME, Qt.ItemDataRole.ToolTipRole)
    assert "Shares its elements with state_dict.tied.a" in tied
    author = cell(model, "notes.author", Column.NAME, Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;me&lt;/b&gt;" in author


def test_problem_of_a_tensor_is_marked_and_told(summary: CheckpointSummary) -> None:
    summary.problems[0] = "its bytes are cut off"
    model = model_of(summary)
    assert cell(model, "state_dict.0.weight", Column.NAME, Role.ICON) == "warning"
    tip = cell(model, "state_dict.0.weight", Column.NAME, Qt.ItemDataRole.ToolTipRole)
    assert "be read: its bytes are cut off" in tip


def test_indexes_out_of_bounds_are_invalid(summary: CheckpointSummary) -> None:
    model = ModuleTreeModel()
    assert not model.index(0, 0).isValid()
    model.set_rows(TreeRows(summary, {0}))
    for row, column in [(-1, 0), (99, 0), (0, 7), (0, -1)]:
        assert not model.index(row, column).isValid()
    assert model.rowCount(model.index(0, 0)) == 0
    assert not model.index_of(-1).isValid()
    assert not model.index_of(10_000).isValid()
    assert model.tensor_node(-1) == model.tensor_node(10_000) == -1


def test_a_screen_reader_hears_where_a_row_lies(summary: CheckpointSummary) -> None:
    model = model_of(summary)
    model.set_expanded(model.index_of(model.rows.nodes[-3] if model.rows else 0).row(), False)
    spoken = cell(model, "notes", Column.NAME, Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.endswith("collapsed, level 2")
    spoken = cell(model, "state_dict.1.1", Column.NAME, Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "1, batch norm, expanded, level 4"
    weight = cell(model, "state_dict.0.weight", Column.NAME, Qt.ItemDataRole.AccessibleTextRole)
    assert weight == "weight, level 4"


def naive(summary: CheckpointSummary, expanded: set[int], node: int = 0) -> list[int]:
    """Return the shown nodes by plain recursion."""
    first = summary.first_children[node]
    below = range(first, first + summary.child_counts[node]) if node in expanded else ()
    return [node, *(shown for child in below for shown in naive(summary, expanded, child))]


@given(data=st.data())
def test_rows_are_the_nodes_that_nothing_collapsed_hides(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever is expanded, collapsed and revealed in whatever order."""
    parts = st.sampled_from(["a", "b", "c", "d"])
    names = data.draw(st.lists(st.lists(parts, min_size=1, max_size=5).map(".".join), min_size=1, max_size=20))
    tensors = {f"{name}.{kind}": torch.zeros(1) for name in names for kind in ("weight", "bias")}
    summary = save(tmp_path_factory.mktemp("rows") / "x.pth", tensors)
    nodes = st.integers(0, len(summary.kinds) - 1)
    inner = {node for node, count in enumerate(summary.child_counts) if count}
    expanded = data.draw(st.sets(nodes)) & inner
    rows = TreeRows(summary, expanded)
    assert list(rows.nodes) == naive(summary, expanded)
    for node in data.draw(st.lists(nodes, max_size=12)):
        row = rows.row(node)
        if row < 0:
            rows.reveal(node)
            assert rows.row(node) >= 0
        elif rows.is_expanded(node):
            rows.remove(row, rows.span(row))
        elif node in inner:
            rows.insert(row, rows.below(node))
        assert list(rows.nodes) == naive(summary, set(rows.expanded_nodes()))
    assert list(whole(summary).nodes) == naive(summary, inner)
    assert list(rows.of(summary).nodes) == list(rows.nodes)


def test_marks_are_summed_up_by_module(summary: CheckpointSummary) -> None:
    model = model_of(summary)
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
    return {summary.names[summary.tensors[node]] for node in found.nodes if summary.tensors[node] >= 0}


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
    model.set_rows(TreeRows(summary, (), find(summary, "batch norm")))
    assert texts(model)[:4] == ["net", " state_dict", "  1", "   1"]
    assert "    running_var" in texts(model)
    model.set_rows(TreeRows(summary, (), find(summary, "rate")))
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
    assert tree.model.node(tree.view.currentIndex()) == tree.model.tensor_node(3)


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
    qtbot.waitUntil(lambda: is_searched(tree) and not tree.is_busy)
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
    qtbot.waitUntil(lambda: is_searched(tree) and not tree.is_busy)
    assert tree.search.text() == "qqq"
    assert visible(tree) == []
    assert "qqq" in tree.view.message
    assert not tree.view.grab().isNull()


def test_tabs_keep_their_expansion_selection_and_search(
    qtbot: Any, tree: ModuleTree, summary: CheckpointSummary, tmp_path: Path
) -> None:
    other = save(tmp_path / "other.pth", net().state_dict())
    tree.show_checkpoint(opened(summary))
    tree.view.set_expanded(row_named(tree, "notes"), False)
    tree.view.setCurrentIndex(tree.model.index(row_named(tree, "notes"), 0))
    before = visible(tree)
    tree.show_checkpoint(opened(other, 2))
    qtbot.keyClicks(tree.search, "bias")
    qtbot.waitUntil(lambda: is_searched(tree) and not tree.is_busy)
    searched = visible(tree)
    with qtbot.assertNotEmitted(tree.tensor_selected):
        tree.show_checkpoint(opened(summary))
    assert tree.search.text() == ""
    assert visible(tree) == before
    assert "author" not in before
    assert tree.view.currentIndex().data() == "notes"
    tree.show_checkpoint(opened(other, 2))
    qtbot.waitUntil(lambda: is_searched(tree) and not tree.is_busy)
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
    tree.view.set_expanded(1, False)
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
    assert [column for column in Column if tree.view.isColumnHidden(column)] == [Column.VALUES]  # no survey yet
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


def test_wide_tree_is_reached_to_its_end_at_once(qtbot: Any, tree: ModuleTree, wide: CheckpointSummary) -> None:
    tree.show_checkpoint(replace(opened(wide), tensor=WIDE - 1))
    bar = tree.view.verticalScrollBar()
    assert bar.value() == bar.maximum() > 25 * (WIDE - 100)
    assert tree.view.visualRect(tree.view.currentIndex()).bottom() <= tree.view.viewport().height()
    qtbot.keyClick(tree.view, Qt.Key.Key_Home)
    assert bar.value() == 0
    assert tree.view.currentIndex().row() == 0
    qtbot.keyClick(tree.view, Qt.Key.Key_End)
    assert tree.view.currentIndex().data() == f"layer{WIDE - 1}.weight"


def test_arrows_and_double_clicks_expand_and_collapse(qtbot: Any, tree: ModuleTree, summary: CheckpointSummary) -> None:
    tree.show_checkpoint(opened(summary))
    before, row = visible(tree), row_named(tree, "notes")
    place = tree.view._arrow(row).center()
    with qtbot.assertNotEmitted(tree.node_selected):
        qtbot.mouseClick(tree.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert visible(tree) == [name for name in before if name not in ("author", "rate")]
    qtbot.mouseClick(tree.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert visible(tree) == before
    qtbot.mouseDClick(
        tree.view.viewport(), Qt.MouseButton.LeftButton, pos=tree.view.visualRect(tree.model.index(row, 0)).center()
    )
    assert "author" not in visible(tree)


def test_collapsing_over_the_selection_selects_what_hides_it(
    qtbot: Any, tree: ModuleTree, summary: CheckpointSummary
) -> None:
    tree.show_checkpoint(replace(opened(summary), tensor=0))
    with qtbot.waitSignal(tree.node_selected) as told:
        tree.view.set_expanded(row_named(tree, "state_dict"), False)
    assert tree.model.path_of(told.args[0]) == "state_dict"
    tree.select_tensor(1)  # the session's own selection brings its row back
    assert tree.model.path_of(tree.selected_node) == "state_dict.0.bias"
    assert tree.view.currentIndex().data() == "bias"


def test_arrow_keys_walk_in_and_out(qtbot: Any, tree: ModuleTree, summary: CheckpointSummary) -> None:
    tree.show_checkpoint(opened(summary))
    tree.view.setCurrentIndex(tree.model.index(row_named(tree, "state_dict"), 0))
    qtbot.keyClick(tree.view, Qt.Key.Key_Right)
    assert tree.model.path_of(tree.selected_node) == "state_dict.0"
    qtbot.keyClick(tree.view, Qt.Key.Key_Left)
    assert not tree.model.is_expanded(tree.selected_node)
    qtbot.keyClick(tree.view, Qt.Key.Key_Left)
    assert tree.model.path_of(tree.selected_node) == "state_dict"
    qtbot.keyClick(tree.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == "state_dict"
    qtbot.keyClick(tree.view, Qt.Key.Key_Minus)
    assert "0" not in visible(tree)
    qtbot.keyClick(tree.view, Qt.Key.Key_Asterisk, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: not tree.is_busy)
    assert len(visible(tree)) == len(summary.kinds)
