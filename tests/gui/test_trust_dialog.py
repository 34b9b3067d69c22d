"""The question before a file's own model runs, and the panel while it does."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QTableWidget
from torchvision.models import squeezenet1_1

from inspector.gui import file_dialogs
from inspector.gui.main_window import MainWindow
from inspector.gui.trust_dialog import TrustDialog

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo"

CODE = """
from torch import nn
open({canary!r}, "a").close()

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 4)

    def forward(self, x):
        return self.head(x.mean((2, 3)))
"""


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of a private class, whose module leaves a canary where it is imported."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "my_net.py").write_text(CODE.format(canary=str(tmp_path / "canary")))
    made = types.ModuleType("my_net")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "my_net", made)
        exec(CODE.format(canary=os.devnull), made.__dict__)
        torch.save({"model": made.Net(), "class_names": ["ant", "bee", "cat", "dog"]}, tmp_path / "own.pth")
    return tmp_path / "own.pth"


def wait_for(qtbot: Any, condition: Callable[[], bool]) -> None:
    qtbot.waitUntil(condition, timeout=60_000)


def opened(window: MainWindow, qtbot: Any, path: Path) -> None:
    window.open_paths([path])
    wait_for(qtbot, lambda: window.is_furnished)
    wait_for(qtbot, lambda: window.session.current is not None and window.session.current.identification is not None)


def ask(window: MainWindow, qtbot: Any) -> TrustDialog:
    wait_for(qtbot, window.attach.own.isVisible)
    qtbot.mouseClick(window.attach.own, Qt.MouseButton.LeftButton)
    wait_for(qtbot, lambda: bool(dialogs(window)))
    return dialogs(window)[0]


def dialogs(window: MainWindow) -> list[TrustDialog]:
    return [dialog for dialog in window.findChildren(TrustDialog) if dialog.isVisible()]


def phase(window: MainWindow) -> str:
    assert window.session.current is not None
    return window.session.current.attachment.phase


def test_cancel_is_the_default_and_runs_nothing(window: MainWindow, qtbot: Any, private: Path) -> None:
    opened(window, qtbot, private)
    dialog = ask(window, qtbot)
    assert dialog.cancel.isDefault()
    assert not dialog.remember.isChecked()
    table = dialog.findChild(QTableWidget)
    assert table is not None
    cells = [table.item(row, 0) for row in range(table.rowCount())]
    assert [cell.text() for cell in cells if cell is not None] == ["my_net.Net", "torch.nn.modules.linear.Linear"]
    assert "with your rights" in dialog.meaning.text()
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    wait_for(qtbot, lambda: not dialogs(window))
    assert phase(window) == "none"
    dialog = ask(window, qtbot)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    wait_for(qtbot, lambda: not dialogs(window))
    assert phase(window) == "none"
    assert "nothing in it was run" in window.verdict.subtitle.text()
    assert not private.with_name("canary").exists()


def test_run_predict_stop_and_be_remembered(
    window: MainWindow, qtbot: Any, private: Path, drop_on: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(window, qtbot, private)
    dialog = ask(window, qtbot)
    dialog.source.setText(str(private.with_name("no folder")))
    qtbot.mouseClick(dialog.run, Qt.MouseButton.LeftButton)
    assert dialog.isVisible()
    assert "There is no folder" in dialog.problem.text()
    monkeypatch.setattr(file_dialogs, "ask_for_source_folder", lambda *_: private.with_name("code"))
    dialog._choose()
    dialog.remember.setChecked(True)
    qtbot.mouseClick(dialog.run, Qt.MouseButton.LeftButton)
    wait_for(qtbot, lambda: phase(window) in ("ready", "failed"))
    assert window.attach.card.accessibleName().startswith("Running my_net.Net as it is")
    assert window.attach.card_title.text() == "Running my_net.\u200bNet as it is"
    assert "4 classes · " in window.attach.card_text.text()
    assert "prepared as for ImageNet" in window.attach.card_text.text()
    assert not window.attach.button.isVisible()
    assert "its own model runs, as you chose" in window.verdict.subtitle.text()
    assert drop_on(window, [DEMO / "samples" / "7_1.png"])
    wait_for(qtbot, lambda: window.prediction.top_label() in ("ant", "bee", "cat", "dog"))

    assert window.attach.own.text() == "Stop running it"
    qtbot.mouseClick(window.attach.own, Qt.MouseButton.LeftButton)
    wait_for(qtbot, lambda: window.attach.own.text() == "Run it as it is…")
    assert phase(window) == "none"
    assert "its own model was run, as you chose" in window.verdict.subtitle.text()
    assert len(window.settings.trusted_files) == 1
    qtbot.mouseClick(window.attach.own, Qt.MouseButton.LeftButton)
    wait_for(qtbot, lambda: phase(window) in ("ready", "failed"))
    assert phase(window) == "ready"
    assert not dialogs(window)

    qtbot.mouseClick(window.attach.own, Qt.MouseButton.LeftButton)
    private.with_name("code").joinpath("other.py").write_text("a = 1\n")
    dialog = ask(window, qtbot)
    assert "has changed since you agreed" in dialog.problem.text()
    dialog.reject()
    window.commands.actions["forget_trust"].trigger()
    assert window.settings.trusted_files == {}
    assert not window.commands.actions["forget_trust"].isEnabled()


def test_a_file_that_was_read_again_behind_the_question_is_not_run(
    window: MainWindow, qtbot: Any, private: Path
) -> None:
    opened(window, qtbot, private)
    dialog = ask(window, qtbot)
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 3)), private)
    assert window.session.current is not None
    before = window.session.current.summary
    window.session.reload(window.session.current.id)
    wait_for(qtbot, lambda: window.session.current is not None and window.session.current.summary is not before)
    qtbot.mouseClick(dialog.run, Qt.MouseButton.LeftButton)
    assert "read again meanwhile" in window.notice.text.text()
    assert phase(window) == "none"


def test_a_long_name_of_a_class_does_not_widen_the_panel(window: MainWindow, qtbot: Any, private: Path) -> None:
    opened(window, qtbot, private)
    wait_for(qtbot, window.attach.own.isVisible)
    widest = window.attach.minimumSizeHint().width()
    window.attach._card("positive", f"Running {'package.' * 30}{'LongName' * 30} as it is", "")
    assert window.attach.minimumSizeHint().width() == widest


def test_what_is_missing_is_told_in_the_card(window: MainWindow, qtbot: Any, private: Path) -> None:
    opened(window, qtbot, private)
    dialog = ask(window, qtbot)
    qtbot.mouseClick(dialog.run, Qt.MouseButton.LeftButton)
    wait_for(qtbot, lambda: phase(window) == "failed")
    assert window.attach.card_title.text() == "The file needs the module 'my_net'."
    assert "my_net.py" in window.attach.card_text.text()
    assert window.attach.own.isVisible()


def test_a_dangerous_file_is_not_offered_and_the_panel_says_why(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    class Act:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "canary"),)

    model = torch.nn.Linear(3, 4)
    model.extra = Act()  # type: ignore[assignment]
    torch.save(model, tmp_path / "model.pth")
    opened(window, qtbot, tmp_path / "model.pth")
    wait_for(qtbot, window.attach.refusal.isVisible)
    assert "never runs this file: it names posix.mkdir" in window.attach.refusal.text()
    assert not window.attach.own.isVisible()
    assert not window.commands.actions["run_own"].isEnabled()
    assert not (tmp_path / "canary").exists()


def test_a_class_of_torchvision_whose_weights_fit_is_attached_instead(
    window: MainWindow, qtbot: Any, tmp_path: Path
) -> None:
    torch.save(squeezenet1_1(num_classes=4), tmp_path / "model.pth")
    opened(window, qtbot, tmp_path / "model.pth")
    wait_for(qtbot, lambda: window.attach.button.isEnabled())
    QApplication.processEvents()
    assert not window.attach.own.isVisible()
