"""Reports, arrays and tables by the menus and buttons of a real window, with real processes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QWidget
from tests.export.reports import Page

from inspector.gui.audit_page import AuditPart
from inspector.gui.comparison_page.page import ComparisonPage
from inspector.gui.main_window import MainWindow
from inspector.gui.model_page.table_part import TablePart

# the offscreen platform says so of every menu that pops up
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support grabbing the keyboard", extend=True)

Drop = Callable[..., bool]
Answer = Callable[..., list[str]]


@pytest.fixture
def model() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    filters = torch.randn(8, 3, 3, 3)
    filters[2] = 0
    return {"conv.weight": filters, "conv.bias": torch.randn(8).to(torch.bfloat16), "=fc/weight": torch.randn(4, 8)}


@pytest.fixture
def shown(window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path, model: dict[str, torch.Tensor]) -> MainWindow:
    """A window that shows a model, whose tensors have been surveyed."""
    torch.save(model, tmp_path / "net.pth")
    drop_on(window, [tmp_path / "net.pth"])

    def is_surveyed() -> bool:
        found = window.session.current
        return found is not None and found.survey is not None and found.survey.phase == "ready"

    qtbot.waitUntil(is_surveyed, timeout=60_000)
    return window


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Answer the save dialog with a path and a kind of file; the list gets the names that were suggested."""

    def set_answer(path: Path | str, kind: str = "") -> list[str]:
        suggested: list[str] = []

        def choose(_parent: QWidget, _title: str, name: str, *_: str) -> tuple[str, str]:
            suggested.append(Path(name).name)
            return str(path), kind

        monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
        return suggested

    return set_answer


def choose_in_menu(window: MainWindow, words: str) -> None:
    window.commands.menu.aboutToShow.emit()
    menus = [action.menu() for action in window.commands.menu.actions()]
    (file_menu,) = (menu for menu in menus if isinstance(menu, QMenu) and menu.title() == "File")
    next(action for action in file_menu.actions() if action.text() == words).trigger()


def choose_in_context(qtbot: Any, view: QWidget, place: QPoint, words: str) -> None:
    """Open the context menu at a place by a real event, and choose an entry by its text."""
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, view.mapToGlobal(place))
    QApplication.sendEvent(view, event)
    qtbot.waitUntil(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    action = next(action for action in menu.actions() if action.text() == words)
    qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())


def wait_for_notice(window: MainWindow, qtbot: Any, start: str) -> str:
    def is_told() -> None:
        assert window.notice.text.text().startswith(start)

    qtbot.waitUntil(is_told, timeout=60_000)
    text: str = window.notice.text.text()
    return text


def test_a_report_by_the_menu(shown: MainWindow, qtbot: Any, tmp_path: Path, answer: Answer) -> None:
    suggested = answer(tmp_path / "mine")
    choose_in_menu(shown, "Save a report…")
    assert shown.status.copy.isVisible()
    assert not shown.commands.actions["save_report"].isEnabled()
    text = wait_for_notice(shown, qtbot, "Wrote mine.html: 3 tensors, 2 findings, ")
    assert text.endswith(f"It is in {tmp_path}.")
    assert suggested == ["net-report.html"]
    assert shown.status.copy.isHidden()
    page = Page((tmp_path / "mine.html").read_text(encoding="utf-8"))
    assert "=fc/weight" in page.texts
    before = (tmp_path / "mine.html").read_bytes()
    choose_in_menu(shown, "Save a report…")  # whose name the dialog did not ask about
    wait_for_notice(shown, qtbot, "mine.html is there already.")
    assert (tmp_path / "mine.html").read_bytes() == before


def test_a_report_that_is_given_up(shown: MainWindow, qtbot: Any, tmp_path: Path, answer: Answer) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    answer(folder / "mine.html")
    choose_in_menu(shown, "Save a report…")
    shown.commands.save_arrays([0])
    assert shown.notice.text.text() == "mine.html is still being written. Wait until it is done, or cancel it."
    qtbot.mouseClick(shown.status.copy.button, Qt.MouseButton.LeftButton)
    assert shown.notice.text.text() == "mine.html was given up. Nothing was written."
    assert shown.status.copy.isHidden()
    assert list(folder.iterdir()) == []
    assert shown.commands.actions["save_report"].isEnabled()


def test_all_tensors_by_the_menu(
    shown: MainWindow, qtbot: Any, tmp_path: Path, answer: Answer, model: dict[str, torch.Tensor]
) -> None:
    suggested = answer(tmp_path / "all.npz")
    choose_in_menu(shown, "Save all tensors as .npz…")
    text = wait_for_notice(shown, qtbot, "Wrote all.npz: 3 tensors, ")
    assert "1 is wider there" in text
    assert "1 has a name that is safe for a file" in text
    assert suggested == ["net.npz"]
    with np.load(tmp_path / "all.npz", allow_pickle=False) as found:
        assert found.files == ["conv.weight", "conv.bias", "=fc_weight"]
        np.testing.assert_array_equal(found["conv.weight"], model["conv.weight"].numpy())
        np.testing.assert_array_equal(found["conv.bias"], model["conv.bias"].float().numpy())


def test_from_the_tree(
    shown: MainWindow, qtbot: Any, tmp_path: Path, answer: Answer, model: dict[str, torch.Tensor]
) -> None:
    tree, summary = shown.tree, shown.tree.model.summary
    assert summary is not None
    (node,) = (node for node, tensor in enumerate(summary.tensors) if tensor == summary.names.index("conv.weight"))
    tree.go_to(node)

    def place_of(wanted: int) -> QPoint:
        rows = range(tree.model.rowCount())
        row = next(row for row in rows if tree.model.node(tree.model.index(row, 0)) == wanted)
        return tree.view.visualRect(tree.model.index(row, 0)).center()

    suggested = answer(tmp_path / "one.npy")
    choose_in_context(qtbot, tree.view.viewport(), place_of(node), "Save as .npy…")
    wait_for_notice(shown, qtbot, "Wrote one.npy: 1 tensor, ")
    assert suggested == ["conv.weight.npy"]
    found = np.load(tmp_path / "one.npy", allow_pickle=False)
    np.testing.assert_array_equal(found, model["conv.weight"].numpy())
    answer(tmp_path / "module.npz")
    choose_in_context(qtbot, tree.view.viewport(), place_of(summary.parents[node]), "Save its tensors as .npz…")
    wait_for_notice(shown, qtbot, "Wrote module.npz: 2 tensors, ")
    with np.load(tmp_path / "module.npz", allow_pickle=False) as arrays:
        assert set(arrays.files) == {"conv.weight", "conv.bias"}


def table_of(window: MainWindow, qtbot: Any) -> TablePart:
    qtbot.keyClick(window, Qt.Key.Key_5, Qt.KeyboardModifier.ControlModifier)
    part = window.centre.model.part("table")
    assert isinstance(part, TablePart)
    qtbot.waitUntil(lambda: part.model.rowCount() == 3, timeout=10_000)
    return part


def test_from_the_table(shown: MainWindow, qtbot: Any, tmp_path: Path, answer: Answer) -> None:
    part = table_of(shown, qtbot)
    place = part.table.visualRect(part.model.index(0, 0)).center()
    qtbot.mouseClick(part.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    second = part.table.visualRect(part.model.index(1, 0)).center()
    qtbot.mouseClick(part.table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, second)
    answer(tmp_path / "some.npz")
    choose_in_context(qtbot, part.table.viewport(), second, "Save selected as .npz…")
    wait_for_notice(shown, qtbot, "Wrote some.npz: 2 tensors, ")
    with np.load(tmp_path / "some.npz", allow_pickle=False) as arrays:
        assert arrays.files == ["conv.weight", "conv.bias"]


def test_the_table_as_csv_and_json(
    shown: MainWindow, qtbot: Any, tmp_path: Path, answer: Answer, model: dict[str, torch.Tensor]
) -> None:
    part = table_of(shown, qtbot)
    suggested = answer(tmp_path / "net-statistics.csv", "CSV (*.csv)")
    qtbot.mouseClick(part.export, Qt.MouseButton.LeftButton)
    wait_for_notice(shown, qtbot, "The figures of 3 tensors are in net-statistics.csv.")
    assert suggested == ["net-statistics.csv"]
    with (tmp_path / "net-statistics.csv").open(encoding="utf-8", newline="") as lines:
        rows = {row["name"]: row for row in csv.DictReader(lines)}
    assert set(rows) == {"conv.weight", "conv.bias", "'=fc/weight"}  # which no spreadsheet takes for a formula
    weight = model["conv.weight"].double()
    assert float(rows["conv.weight"]["max"]) == weight.max()
    assert float(rows["conv.weight"]["norm"]) == pytest.approx(weight.norm().item(), rel=1e-12)
    assert (rows["conv.weight"]["shape"], rows["conv.weight"]["dead"]) == ("8x3x3x3", "1")
    answer(tmp_path / "net-statistics.csv", "JSON (*.json)")  # the suggested name, and another kind
    qtbot.mouseClick(part.export, Qt.MouseButton.LeftButton)
    wait_for_notice(shown, qtbot, "The figures of 3 tensors are in net-statistics.json.")
    found = json.loads((tmp_path / "net-statistics.json").read_text(encoding="utf-8"))
    assert found["file"] == "net.pth"
    assert [entry["name"] for entry in found["tensors"]] == list(model)
    first = found["tensors"][0]
    assert {"min", "max", "mean", "std", "norm", "zeros", "nan", "inf", "histogram"} <= set(first)
    assert first["mean"] == pytest.approx(weight.mean().item(), abs=1e-12)
    assert sum(first["histogram"]["counts"]) == 216
    edges = first["histogram"]["edges"]
    assert len(edges) == len(first["histogram"]["counts"]) + 1
    assert edges == sorted(edges)


def test_a_table_never_goes_over_the_checkpoint(shown: MainWindow, qtbot: Any, tmp_path: Path, answer: Answer) -> None:
    part = table_of(shown, qtbot)
    before = (tmp_path / "net.pth").read_bytes()
    (tmp_path / "link.csv").symlink_to("net.pth")
    answer(tmp_path / "link.csv")
    qtbot.mouseClick(part.export, Qt.MouseButton.LeftButton)
    wait_for_notice(shown, qtbot, "link.csv is a file that is open here.")
    assert (tmp_path / "net.pth").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["link.csv", "net.pth"]


def test_the_audit_as_csv_and_json(shown: MainWindow, qtbot: Any, tmp_path: Path, answer: Answer) -> None:
    qtbot.keyClick(shown, Qt.Key.Key_5, Qt.KeyboardModifier.ControlModifier)
    shown.centre.model.show_part("audit")
    part = shown.centre.model.part("audit")
    assert isinstance(part, AuditPart)
    qtbot.waitUntil(lambda: len(part.model.findings) == 2, timeout=10_000)
    for suffix in ("csv", "json"):
        suggested = answer(tmp_path / f"audit.{suffix}")
        qtbot.mouseClick(part.export, Qt.MouseButton.LeftButton)
        wait_for_notice(shown, qtbot, f"2 findings are in audit.{suffix}.")
        assert suggested == ["net-audit.csv"]
    with (tmp_path / "audit.csv").open(encoding="utf-8", newline="") as lines:
        row, odd = csv.DictReader(lines)
    assert (row["severity"], row["rule"], row["tensor"]) == ("notable", "dead_filters", "conv.weight")
    assert (odd["severity"], odd["rule"], odd["tensor"]) == ("info", "dtype", "conv.bias")
    finding, _ = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))["findings"]
    assert (finding["title"], finding["tensors"]) == (row["title"], ["conv.weight"])
    assert finding["notes"] == [row["note"]]


def test_a_comparison_as_csv_and_json(shown: MainWindow, qtbot: Any, tmp_path: Path, answer: Answer) -> None:
    tuned = torch.load(tmp_path / "net.pth", weights_only=True)
    tuned["=fc/weight"] = tuned["=fc/weight"] + 0.5
    tuned["new.weight"] = torch.ones(3)
    torch.save(tuned, tmp_path / "tuned.pth")
    shown.open_paths([tmp_path / "tuned.pth"])
    qtbot.waitUntil(lambda: all(one.summary is not None for one in shown.store.checkpoints.values()), timeout=60_000)
    shown.session.differing.compare(*shown.store.checkpoints)
    shown.centre.turn_to("comparison")
    page = shown.centre.page("comparison")
    assert isinstance(page, ComparisonPage)
    qtbot.waitUntil(lambda: page.model.rowCount() > 0, timeout=60_000)
    for suffix in ("csv", "json"):
        suggested = answer(tmp_path / f"diff.{suffix}")
        qtbot.mouseClick(page.export, Qt.MouseButton.LeftButton)
        wait_for_notice(shown, qtbot, f"4 rows of the comparison are in diff.{suffix}.")
        assert suggested == ["tuned-comparison.csv"]
    with (tmp_path / "diff.csv").open(encoding="utf-8", newline="") as lines:
        rows = {row["name"]: row for row in csv.DictReader(lines)}
    assert {name: row["what"] for name, row in rows.items()} == {
        "conv.weight": "equal", "conv.bias": "equal", "'=fc/weight": "changed", "new.weight": "only_b",
    }  # fmt: skip
    assert float(rows["'=fc/weight"]["max_abs"]) == pytest.approx(0.5)
    assert (rows["new.weight"]["shape_a"], rows["new.weight"]["shape_b"]) == ("", "3")
    found = json.loads((tmp_path / "diff.json").read_text(encoding="utf-8"))
    assert (found["only_in_a"], found["only_in_b"], found["equal"]) == ([], ["new.weight"], 2)
    (changed,) = found["changed"]
    assert (changed["name"], changed["max_abs"]) == ("=fc/weight", pytest.approx(0.5))
    assert set(found) == {
        "only_in_a", "only_in_b", "shape_changed", "changed", "equal", "not_compared", "sentence",
    }  # fmt: skip
