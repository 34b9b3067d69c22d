"""The code that a file carries: listed, shown as text and never run."""

from __future__ import annotations

import importlib
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import NODE_KINDS, CheckpointSummary
from inspector.gui.code_view import CodeView, labels_of, source_of
from inspector.gui.main_window import MainWindow
from inspector.gui.tensor_panel import TensorPanel

pytestmark = [
    pytest.mark.qt_log_ignore("does not support propagateSizeHints", extend=True),
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning"),
]

jit: Any = torch.jit

SOURCES = (
    ("net", "code/net.py", "class Net:\n  pass"),
    ("torch.nn.modules.linear", "code/linear.py", "class Linear:\n  pass"),
)


def summary_of(path: Path) -> CheckpointSummary:
    with open_checkpoint(path) as checkpoint:
        header, columns = encode(checkpoint)
    return CheckpointSummary(json.loads(json.dumps(header)), columns)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> CheckpointSummary:
    path = tmp_path_factory.mktemp("code") / "model.pt"
    jit.script(nn.Sequential(nn.Linear(2, 2), nn.ReLU())).save(str(path))
    return summary_of(path)


def module_named(summary: CheckpointSummary, label: str) -> int:
    return next(
        node
        for node, kind in enumerate(summary.kinds)
        if NODE_KINDS[kind] == "module" and summary.labels[node] == label
    )


def test_a_selected_module_offers_the_code_of_its_class(qtbot: Any, script: CheckpointSummary) -> None:
    panel = TensorPanel()
    qtbot.addWidget(panel)
    panel.show_view(script, None, module_named(script, "0"))
    assert panel.code.isVisibleTo(panel)
    assert [panel.code.files.item(row).text() for row in range(panel.code.files.count())] == [
        name for name, _, _ in script.sources
    ]
    current = panel.code.files.currentItem()
    assert current is not None
    assert current.text() == "torch.nn.modules.linear"
    assert "class Linear(Module):" in panel.code.text.toPlainText()
    assert panel.code.text.isReadOnly()


def test_with_nothing_selected_the_models_own_code_is_shown(qtbot: Any, script: CheckpointSummary) -> None:
    panel = TensorPanel()
    qtbot.addWidget(panel)
    panel.show_view(script, None)
    assert panel.code.isVisibleTo(panel)
    assert "class Sequential(Module):" in panel.code.text.toPlainText()


def test_files_without_code_offer_none(qtbot: Any, tmp_path: Path) -> None:
    torch.save(
        {"layer.weight": torch.ones(2), "layer.bias": torch.ones(2), "out.bias": torch.ones(2)}, tmp_path / "a.pth"
    )
    panel = TensorPanel()
    qtbot.addWidget(panel)
    summary = summary_of(tmp_path / "a.pth")
    panel.show_view(summary, None, module_named(summary, "layer"))
    assert not panel.code.isVisibleTo(panel)


def test_the_code_goes_when_another_file_without_any_is_shown(
    qtbot: Any, script: CheckpointSummary, tmp_path: Path
) -> None:
    torch.save(
        {"layer.weight": torch.ones(2), "layer.bias": torch.ones(2), "out.bias": torch.ones(2)}, tmp_path / "a.pth"
    )
    panel = TensorPanel()
    qtbot.addWidget(panel)
    panel.show_view(script, None)
    panel.show_view(summary_of(tmp_path / "a.pth"), None)
    assert not panel.code.isVisibleTo(panel)


def test_another_files_sources_replace_the_shown_ones(qtbot: Any) -> None:
    view = CodeView()
    qtbot.addWidget(view)
    view.show_sources(SOURCES)
    assert view.text.toPlainText() == SOURCES[0][2]
    view.show_sources((("other", "other.py", "x = 1"),))
    assert view.text.toPlainText() == "x = 1"
    assert not view.files.isVisibleTo(view)


def test_keys_walk_through_the_files(qtbot: Any) -> None:
    from PySide6.QtCore import Qt

    view = CodeView()
    qtbot.addWidget(view)
    view.show_sources(SOURCES)
    qtbot.keyClick(view.files, Qt.Key.Key_Down)
    assert view.text.toPlainText() == SOURCES[1][2]


@pytest.mark.parametrize(
    ("class_name", "row"),
    [("", 0), ("net.Net", 0), ("torch.nn.modules.linear.Linear", 1), ("torch.nn.modules.linear", 1), ("odd.Class", 0)],
)
def test_the_source_of_a_class(class_name: str, row: int) -> None:
    assert source_of(SOURCES, class_name) == row
    assert source_of((), class_name) == -1


def test_files_named_alike_are_told_apart() -> None:
    sources = (*SOURCES, ("net", "code/net/___torch_mangle_1.py", ""))
    assert labels_of(sources) == ["net  ·  net.py", "torch.nn.modules.linear", "net  ·  ___torch_mangle_1.py"]


def test_the_command_shows_the_code_that_an_old_file_carries(
    window: MainWindow, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "from torch import nn\n\n\nclass Private(nn.Linear):\n    pass\n"
    (tmp_path / "private_layers.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    private: Any = importlib.import_module("private_layers")
    path = tmp_path / "old.pth"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(private.Private(2, 2), path, _use_new_zipfile_serialization=False)
    number = window.session.open(path)
    qtbot.waitUntil(lambda: window.store.checkpoints[number].tensor_view is not None, timeout=20_000)
    action = window.commands.actions["code"]
    qtbot.waitUntil(action.isEnabled)
    action.trigger()
    qtbot.waitUntil(lambda: window.tensor.code.isVisible(), timeout=20_000)
    assert "class Private(nn.Linear):" in window.tensor.code.text.toPlainText()
    assert window.tree.selected_node == 0
