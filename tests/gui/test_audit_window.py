"""The audit in the real window: found by a real survey, turned to by its command, followed to tree and tensor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PySide6.QtCore import Qt

from inspector.gui.audit_page import AuditPart
from inspector.gui.main_window import MainWindow

from .conftest import DEMO


def audit_of(window: MainWindow, qtbot: Any, path: Path) -> AuditPart:
    """Open a file, wait for its survey and turn to its audit."""
    window.open_paths([path])
    qtbot.waitUntil(lambda: window.centre.current == "tensor" and window.is_furnished, timeout=20_000)
    qtbot.waitUntil(lambda: phase(window) == "ready", timeout=20_000)
    assert window.commands.actions["audit"].isEnabled()
    window.commands.actions["audit"].trigger()
    assert window.centre.current == "model"
    part = window.centre.model.part("audit")
    assert isinstance(part, AuditPart)
    assert window.centre.model.pages.currentWidget() is part
    return part


def phase(window: MainWindow) -> str:
    found = window.session.current
    return found.survey.phase if found is not None and found.survey is not None else ""


def test_nothing_is_wrong_with_the_demo(window: MainWindow, qtbot: Any) -> None:
    part = audit_of(window, qtbot, DEMO / "digits.pth")
    assert part.pages.currentWidget() is part.nothing


def test_a_click_on_a_finding_leads_to_the_tree_and_the_tensor(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    filters = torch.distributions.Laplace(0.002, 0.05).sample((8, 3, 5, 5))
    filters[:2] = 0
    content = {"stem.conv.bias": torch.zeros(8), "stem.conv.weight": filters}
    torch.save(content, tmp_path / "dead.pth")
    part = audit_of(window, qtbot, tmp_path / "dead.pth")
    index = part.model.index(0, 0)
    assert index.data() == "2 of 8 filters of stem.conv.weight are all zeros."
    qtbot.mouseClick(part.view.viewport(), Qt.MouseButton.LeftButton, pos=part.view.visualRect(index).center())
    assert window.centre.current == "tensor"
    assert window.tree.model.summary is not None
    assert window.tree.model.summary.tensors[window.tree.selected_node] == 1
    qtbot.waitUntil(lambda: window.tensor.header.name == "stem.conv.weight")


def test_the_command_is_off_with_nothing_open(window: MainWindow) -> None:
    assert not window.commands.actions["audit"].isEnabled()
