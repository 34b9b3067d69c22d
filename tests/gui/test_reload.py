"""The window while the files that are open in it change: the offer, the reload, and what stays where it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import Qt

from inspector.gui import theme
from inspector.gui.main_window import MainWindow

ARTIFACTS = Path(__file__).resolve().parents[2] / "artifacts"

REWRITE = """
import sys, torch
for epoch in range(1, 4):
    weights = {f"layer{place}.weight": torch.full((300, 1000), float(epoch)) for place in range(20)}
    torch.save(weights, sys.argv[1])
"""


def save(path: Path, value: float, *more: str, blocks: int = 30) -> None:
    names = [f"blocks.{block}.{part}.{kind}" for block in range(blocks) for part in "ab" for kind in ("weight", "bias")]
    torch.save({name: torch.full((4, 3), value) for name in (*more, *names)}, path)


def opened(window: MainWindow, qtbot: Any, path: Path) -> int:
    number = window.session.open(path)
    qtbot.waitUntil(lambda: window.tree.model.summary is not None and window.tensor.isVisible(), timeout=20_000)
    qtbot.waitUntil(lambda: window.store.checkpoints[number].tensor_view is not None, timeout=20_000)
    return number


def offered(window: MainWindow, qtbot: Any) -> None:
    bar = window.reload
    qtbot.waitUntil(lambda: bar.isVisible() and "has changed on disk" in bar.text.text(), timeout=20_000)


def press(window: MainWindow, qtbot: Any) -> None:
    qtbot.mouseClick(window.reload.button, Qt.MouseButton.LeftButton)


def shown(window: MainWindow) -> list[str]:
    """Return the full names of the tree's rows."""
    model = window.tree.model
    return [model.path_of(model.node(model.index(row, 0))) for row in range(model.rowCount())]


def selected_name(window: MainWindow) -> str:
    return window.tree.model.path_of(window.tree.selected_node)


def select(window: MainWindow, qtbot: Any, name: str) -> None:
    """Click on a tensor's row, and wait for its figures."""
    summary = window.tree.model.summary
    assert summary is not None
    index = window.tree.model.index_of(window.tree.model.tensor_node(summary.names.index(name)))
    window.tree.view.scrollTo(index)
    centre = window.tree.view.visualRect(index).center()
    qtbot.mouseClick(window.tree.view.viewport(), Qt.MouseButton.LeftButton, pos=centre)
    qtbot.waitUntil(lambda: figures_of(window, name) is not None, timeout=20_000)


def figures_of(window: MainWindow, name: str) -> float | None:
    """Return the shown mean of a tensor, None while it is not shown."""
    found = window.session.current
    if found is None or found.summary is None or found.tensor is None or found.tensor_view is None:
        return None
    ready = found.tensor_view.phase == "ready" and found.summary.names[found.tensor] == name
    mean = found.tensor_view.statistics["mean"] if ready else None
    return float(mean) if mean is not None else None


@pytest.mark.parametrize("how", ["in place", "renamed"])
def test_reload_keeps_selection_and_expansion(window: MainWindow, qtbot: Any, tmp_path: Path, how: str) -> None:
    path = tmp_path / "last.pth"
    save(path, 1.0)
    number = opened(window, qtbot, path)
    window.tree.expand_all()
    qtbot.waitUntil(lambda: not window.tree.is_busy)
    collapsed = "blocks.3"
    model = window.tree.model
    window.tree.view.set_expanded(next(row for row, name in enumerate(shown(window)) if name == collapsed), False)
    select(window, qtbot, "blocks.7.b.bias")
    assert figures_of(window, "blocks.7.b.bias") == 1.0
    if how == "renamed":
        save(tmp_path / "last.pth.tmp", 2.0, "added.x.weight", "added.x.bias")
        os.replace(tmp_path / "last.pth.tmp", path)
    else:
        save(path, 2.0, "added.x.weight", "added.x.bias")
    offered(window, qtbot)
    assert figures_of(window, "blocks.7.b.bias") == 1.0  # nothing else has changed yet
    press(window, qtbot)
    qtbot.waitUntil(lambda: figures_of(window, "blocks.7.b.bias") == 2.0, timeout=20_000)
    assert window.tabs.bar.count() == 1
    assert window.store.current == number
    assert selected_name(window) == "blocks.7.b.bias"
    assert not window.reload.isVisible()
    assert "Reloaded last.pth" in window.notice.text.text()
    qtbot.waitUntil(lambda: not window.tree.is_busy)
    expanded = {name for row, name in enumerate(shown(window)) if model.is_expanded(model.node(model.index(row, 0)))}
    assert {"blocks.7.b", "blocks.29.a"} <= expanded
    assert {collapsed, "added"} <= set(shown(window)) - expanded  # what is new nobody has expanded


def test_a_reload_that_fails_keeps_everything_and_says_why(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "last.pth"
    save(path, 1.0)
    opened(window, qtbot, path)
    select(window, qtbot, "blocks.0.a.bias")
    with path.open("r+b") as file:
        file.truncate(2_000)
    offered(window, qtbot)
    press(window, qtbot)
    qtbot.waitUntil(lambda: window.reload.button.text() == "Try again", timeout=20_000)
    assert "What was read before is still shown" in window.reload.text.text()
    assert window.tabs.bar.count() == 1
    assert figures_of(window, "blocks.0.a.bias") == 1.0
    save(path, 5.0)
    offered(window, qtbot)
    qtbot.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: figures_of(window, "blocks.0.a.bias") == 5.0, timeout=20_000)


@pytest.mark.parametrize("how", ["truncated", "deleted"])
def test_a_tensor_selected_in_a_file_that_is_not_whole_is_a_sentence(
    window: MainWindow, qtbot: Any, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "last.pth"
    save(path, 1.0)
    opened(window, qtbot, path)
    select(window, qtbot, "blocks.0.a.bias")
    if how == "deleted":
        path.unlink()
    else:
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)
    window.session.select_tensor(1, 5)
    qtbot.waitUntil(lambda: "last.pth" in window.tensor.message.text(), timeout=20_000)
    assert window.tensor.message.isVisible()
    if how == "deleted":
        qtbot.waitUntil(lambda: "was moved or deleted" in window.notice.text.text(), timeout=20_000)
        assert not window.reload.isVisible()
        assert "moved or deleted" in window.tabs.bar.tabToolTip(0)
    else:
        offered(window, qtbot)
    assert window.tabs.bar.count() == 1


def test_the_offer_stays_with_its_tab(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    path, other = tmp_path / "last.pth", tmp_path / "other.pth"
    save(path, 1.0)
    save(other, 1.0)
    number = opened(window, qtbot, path)
    second = window.session.open(other)
    qtbot.waitUntil(lambda: window.store.checkpoints[second].phase == "ready", timeout=20_000)
    save(path, 2.0)
    qtbot.waitUntil(lambda: window.store.checkpoints[number].freshness.phase == "changed", timeout=20_000)
    assert not window.reload.isVisible()
    assert "changed on disk" in window.tabs.bar.tabToolTip(0)
    assert "changed on disk" not in window.tabs.bar.tabToolTip(1)
    window.tabs.bar.setCurrentIndex(0)
    offered(window, qtbot)
    qtbot.mouseClick(window.reload.dismiss, Qt.MouseButton.LeftButton)
    assert not window.reload.isVisible()
    assert "changed on disk" not in window.tabs.bar.tabToolTip(0)


def test_a_training_rewrites_the_shown_file(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "last.pth"
    torch.save({"layer3.weight": torch.zeros(2), "layer4.weight": torch.zeros(2)}, path)
    number = opened(window, qtbot, path)
    select(window, qtbot, "layer3.weight")
    training = subprocess.Popen([sys.executable, "-c", REWRITE, str(path)])
    qtbot.waitUntil(lambda: training.poll() is not None, timeout=60_000)
    assert training.returncode == 0
    written = path.stat().st_mtime_ns

    def newest() -> bool:
        found = window.store.checkpoints[number]
        if found.freshness.phase == "changed":
            press(window, qtbot)
        return found.summary is not None and found.summary.identity.modified_ns == written

    qtbot.waitUntil(newest, timeout=30_000)
    qtbot.waitUntil(lambda: figures_of(window, "layer3.weight") == 3.0, timeout=20_000)
    assert selected_name(window) == "layer3.weight"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_offer_and_the_failure_look_right(
    window: MainWindow, qtbot: Any, qapp: Any, tmp_path: Path, scheme: str
) -> None:
    theme.apply(qapp, scheme)
    path = tmp_path / "last.pth"
    save(path, 1.0)
    opened(window, qtbot, path)
    save(path, 2.0)
    offered(window, qtbot)
    ARTIFACTS.mkdir(exist_ok=True)
    window.grab().save(str(ARTIFACTS / f"reload-{scheme}.png"))
    c = theme.colors()
    bar = window.reload
    ground = bar.grab().toImage().pixelColor(bar.width() // 2, 1)
    assert ground.name() == c.accent_soft
    path.write_bytes(path.read_bytes()[:900])
    press(window, qtbot)
    qtbot.waitUntil(lambda: bar.button.text() == "Try again", timeout=20_000)
    assert bar.grab().toImage().pixelColor(bar.width() // 2, 1).name() == c.warning_soft
    window.grab().save(str(ARTIFACTS / f"reload-failed-{scheme}.png"))
