"""The match report as a list: opened by its key, changed by typing, copied and saved."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog
from torchvision.models import googlenet, squeezenet1_1

from inspector.gui.main_window import MainWindow
from inspector.gui.match_dialog import MatchDialog
from inspector.session.match_state import MatchReport

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints", extend=True)


@pytest.fixture
def spoiled(tmp_path: Path) -> Path:
    """A squeezenet of 5 classes in other words, with a key too few and one too many."""
    state_dict = squeezenet1_1(num_classes=5).state_dict()
    saved = {"net." + key.replace("features", "body"): value for key, value in state_dict.items()}
    del saved["net.classifier.1.bias"]
    torch.save(saved | {"net.more": torch.ones(2)}, tmp_path / "net.pth")
    return tmp_path / "net.pth"


def report_of(window: MainWindow) -> MatchReport | None:
    found = window.session.current
    return found.match_report if found is not None else None


@pytest.fixture
def dialog(window: MainWindow, qtbot: Any, spoiled: Path) -> MatchDialog:
    number = window.session.open(spoiled)
    qtbot.waitUntil(lambda: window.store.checkpoints[number].identification is not None, timeout=20_000)
    window.session.choose_architecture(number, "squeezenet1_1")
    qtbot.waitUntil(lambda: report_of(window) is not None, timeout=20_000)
    qtbot.keyClick(window, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    made = window.findChild(MatchDialog)
    assert isinstance(made, MatchDialog)
    qtbot.waitExposed(made)
    return made


def rename(dialog: MatchDialog, window: MainWindow, qtbot: Any) -> None:
    """Type a rule that brings the keys to torchvision's, and wait for the report."""
    qtbot.mouseClick(dialog.rules.add, Qt.MouseButton.LeftButton)
    line = dialog.rules.lines[0]
    before = report_of(window)
    qtbot.keyClicks(line.pattern, "*body.*")
    qtbot.keyClicks(line.replacement, "*features.*")
    qtbot.waitUntil(lambda: report_of(window) not in (None, before), timeout=20_000)


def test_a_typed_rule_is_seen_at_once(dialog: MatchDialog, window: MainWindow, qtbot: Any) -> None:
    assert "of squeezenet1_1 fit" in dialog.title.text()
    rename(dialog, window, qtbot)
    assert dialog.title.text() == "51 of 52 keys of squeezenet1_1 fit"
    assert [button.text() for button in dialog.filter.buttons.values()] == [
        "All 53", "Other shape 0", "Missing 1", "Unexpected 1", "Fits 51",
    ]  # fmt: skip
    assert [row.key for row in dialog.model.shown[:2]] == ["classifier.1.bias", ""]
    before = report_of(window)
    qtbot.mouseClick(dialog.rules.lines[0].remove, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: report_of(window) is not before, timeout=20_000)
    assert dialog.title.text() == "0 of 52 keys of squeezenet1_1 fit"
    assert not dialog.rules.lines


def test_a_rule_that_can_t_be_used_says_why(dialog: MatchDialog, window: MainWindow, qtbot: Any) -> None:
    qtbot.mouseClick(dialog.rules.add, Qt.MouseButton.LeftButton)
    line = dialog.rules.lines[0]
    qtbot.keyClicks(line.pattern, "net.*")
    qtbot.keyClicks(line.replacement, "same")
    qtbot.waitUntil(dialog.rules.problem.isVisible, timeout=20_000)
    assert "would both be called same" in dialog.rules.problem.text()


def test_rows_are_filtered_searched_and_copied(dialog: MatchDialog, window: MainWindow, qtbot: Any) -> None:
    rename(dialog, window, qtbot)
    qtbot.mouseClick(dialog.filter.buttons["missing"], Qt.MouseButton.LeftButton)
    assert [row.key for row in dialog.model.shown] == ["classifier.1.bias"]
    qtbot.mouseClick(dialog.copy, Qt.MouseButton.LeftButton)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t")[:2] == ["Match", "Architecture's key"]
    assert lines[1].split("\t")[:4] == ["Missing", "classifier.1.bias", "", "5"]
    qtbot.mouseClick(dialog.filter.buttons[None], Qt.MouseButton.LeftButton)
    qtbot.keyClicks(dialog.filter.search, "squeeze bias 16")
    qtbot.waitUntil(lambda: 0 < len(dialog.model.shown) < 10)
    assert all("squeeze.bias" in row.key for row in dialog.model.shown)


def test_rows_are_saved_as_csv(
    dialog: MatchDialog, window: MainWindow, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 1 + len(dialog.model.shown)
    assert next(row[:5] for row in rows if row[2] == "net.more") == ["Unexpected", "", "net.more", "", "2"]


def test_a_part_is_attached_only_where_that_was_chosen(dialog: MatchDialog, window: MainWindow, qtbot: Any) -> None:
    rename(dialog, window, qtbot)
    assert not dialog.attach.isEnabled()
    assert "leave 1 key untrained" in dialog.partial.text()
    qtbot.mouseClick(dialog.partial, Qt.MouseButton.LeftButton, pos=dialog.partial.rect().center())
    qtbot.waitUntil(dialog.attach.isEnabled)
    found = window.session.current
    assert found is not None
    assert found.choices.partial
    qtbot.waitUntil(lambda: window.attach.partial.isChecked())
    assert "Untrained: classifier.1" in window.attach.card_text.text()


def test_another_number_of_classes_is_typed(dialog: MatchDialog, window: MainWindow, qtbot: Any) -> None:
    rename(dialog, window, qtbot)
    before = report_of(window)
    qtbot.keyClicks(dialog.classes, "9")
    qtbot.keyClick(dialog.classes, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: report_of(window) is not before, timeout=20_000)
    report = report_of(window)
    assert report is not None
    assert [key for key, _, _ in report.mismatched] == ["classifier.1.weight"]
    assert dialog.isVisible()
    assert "take it from the file's head" in dialog.model.shown[0].advice


def test_it_closes_with_its_file(dialog: MatchDialog, window: MainWindow, qtbot: Any) -> None:
    found = window.session.current
    assert found is not None
    window.close_checkpoint(found.id)
    qtbot.waitUntil(lambda: not window.findChildren(MatchDialog))


def test_options_that_no_key_shows_are_told_and_changed(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    state_dict = googlenet(num_classes=3, aux_logits=False, init_weights=False).half().state_dict()
    torch.save(state_dict, tmp_path / "net.pth")
    number = window.session.open(tmp_path / "net.pth")
    qtbot.waitUntil(lambda: report_of(window) is not None, timeout=20_000)
    assert "transform_input off" in window.attach.card_text.text()
    window.commands.show_match_report()
    dialog = window.findChild(MatchDialog)
    assert isinstance(dialog, MatchDialog)
    box = dialog.assumed.fields["transform_input"]
    assert box.isVisible()
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    assert window.store.checkpoints[number].choices.assumed == (("transform_input", True),)
    qtbot.waitUntil(lambda: "transform_input on" in window.attach.card_text.text())
    assert dialog.precision.isVisible()
    dialog.precision.setFocus()
    qtbot.keyClick(dialog.precision, Qt.Key.Key_Down)
    assert window.store.checkpoints[number].choices.dtype == "keep"


def test_a_new_rule_takes_the_keyboard(dialog: MatchDialog, window: MainWindow, qtbot: Any) -> None:
    for place in range(2):
        qtbot.mouseClick(dialog.rules.add, Qt.MouseButton.LeftButton)
        assert dialog.focusWidget() is dialog.rules.lines[place].pattern
