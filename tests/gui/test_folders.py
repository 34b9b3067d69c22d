"""Checkpoints of several files in a real window: their folder is dropped, pasted, chosen or opened again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton
from safetensors.torch import save_file
from torch.distributed.checkpoint.state_dict_saver import save
from torchvision.models import squeezenet1_1

from inspector.gui.drops import sort_paths
from inspector.gui.main_window import MainWindow
from inspector.session.sources import VIDEO
from inspector.session.state import Attachment

Drop = Callable[..., bool]
DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo"

pytestmark = pytest.mark.filterwarnings("ignore:torch.distributed is disabled")


def sharded(folder: Path) -> Path:
    """Save a checkpoint in two parts and an index; return the folder."""
    folder.mkdir()
    weight_map: dict[str, str] = {}
    for number in (1, 2):
        name = f"model-{number:05}-of-00002.safetensors"
        save_file({f"layer{number}.weight": torch.full((4, 4), float(number))}, folder / name)
        weight_map[f"layer{number}.weight"] = name
    index = {"metadata": {"total_size": 128}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    (folder / "config.json").write_text("{}", encoding="utf-8")
    return folder


def distributed(folder: Path, content: Any = None) -> Path:
    content = content or {"model": {"layer.weight": torch.ones(4, 4)}, "epoch": 3}
    save(content, checkpoint_id=folder, no_dist=True)
    return folder


def opened(window: MainWindow, qtbot: Any, path: Path) -> None:
    """Wait until ``path`` alone is open and shown."""

    def shown() -> bool:
        found = window.session.current
        return found is not None and found.path == path and found.phase == "ready"

    qtbot.waitUntil(shown, timeout=60_000)
    qtbot.waitUntil(lambda: window.centre.current == "tensor", timeout=60_000)


def root_of(window: MainWindow) -> str:
    """Return what the root of the shown tree is called."""
    model = window.tree.view.model()
    return str(model.data(model.index(0, 0)))


@pytest.mark.parametrize("make", [sharded, distributed])
def test_a_dropped_folder_with_a_checkpoint_opens(
    window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    folder = make(tmp_path / "run-500")
    assert sort_paths([folder]).invitation() == "Drop to open run-500"
    assert drop_on(window, [folder])
    opened(window, qtbot, folder)
    assert window.windowTitle() == "run-500 – Inspector"
    assert root_of(window) == "run-500"
    assert f"{make.__name__} container of {3 if make is sharded else 2} files" in window.verdict.subtitle.text()
    assert not window.verdict.whole.isVisible()
    assert not window.store.images
    assert window.settings.settings.recent_files == (str(folder),)

    window.commands.actions["close"].trigger()
    qtbot.waitUntil(lambda: window.centre.current == "welcome")
    buttons = [
        found for found in window.centre.welcome.findChildren(QPushButton) if found.accessibleName() == "Open run-500"
    ]
    qtbot.mouseClick(buttons[0], Qt.MouseButton.LeftButton)
    opened(window, qtbot, folder)


def test_a_pasted_and_a_chosen_folder_opens(
    window: MainWindow, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, other = sharded(tmp_path / "one"), distributed(tmp_path / "two")
    QApplication.clipboard().setText(f'"{folder}"')
    window.commands.actions["paste"].trigger()
    opened(window, qtbot, folder)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(other))
    window.commands.actions["open_whole"].trigger()
    opened(window, qtbot, other)
    assert window.settings.settings.last_folder == str(tmp_path)
    window.commands.actions["close"].trigger()
    window.open_paths([other / ".metadata"])
    opened(window, qtbot, other / ".metadata")
    assert window.windowTitle() == "two – Inspector"  # every such file is called .metadata


def test_a_folder_of_images_is_predicted(window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path) -> None:
    images = tmp_path / "images"
    shutil.copytree(DEMO / "samples", images / "inside")
    assert sort_paths([images]).invitation() == "Drop to predict a folder of images"
    assert drop_on(window, [images])
    qtbot.waitUntil(lambda: len(window.store.images) == len(list((images / "inside").glob("*.png"))), timeout=60_000)
    assert not window.store.checkpoints


def test_a_folder_of_frames_is_one_clip_for_a_model_of_videos(
    window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path
) -> None:
    folder = tmp_path / "walk"
    folder.mkdir()
    for number in (1, 2, 10):
        shutil.copy(next(DEMO.glob("samples/*.png")), folder / f"frame_{number}.png")
    number = window.session.open(DEMO / "digits.pth")
    qtbot.waitUntil(lambda: window.store.checkpoints[number].match_report is not None, timeout=20_000)
    videos = Attachment(phase="ready", architecture="mc3_18", task=VIDEO)
    window.store.change_checkpoint(number, attachment=videos)
    assert drop_on(window, [folder])
    qtbot.waitUntil(lambda: bool(window.store.images), timeout=20_000)
    (clip,) = window.store.images.values()
    assert clip.name == "walk"
    assert [frame.name for frame in clip.frames] == ["frame_1.png", "frame_2.png", "frame_10.png"]
    window.centre.open_image()
    qtbot.waitUntil(lambda: window.centre.image.player.count.text() == "1 / 3", timeout=20_000)
    assert window.centre.image.title.text() == "walk"


def test_a_folder_with_neither_says_so(window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "notes.txt").write_text("notes", encoding="utf-8")
    drop_on(window, [folder])
    qtbot.waitUntil(lambda: "neither" in window.notice.text.text(), timeout=60_000)
    assert window.notice.isVisible()
    assert window.notice.text.text() == (
        "There is neither an image nor a checkpoint in notes. Open a checkpoint, or the folder of one; then drop "
        "images, or a folder of them, to predict."
    )
    sharded(folder / "run-500")
    drop_on(window, [folder])
    qtbot.waitUntil(lambda: "run-500" in window.notice.text.text(), timeout=60_000)
    assert window.notice.text.text().endswith("Open the folder 'run-500' in it.")
    assert not window.store.checkpoints


def test_one_part_alone_offers_the_whole(window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path) -> None:
    folder = sharded(tmp_path / "model")
    part, index = folder / "model-00002-of-00002.safetensors", folder / "model.safetensors.index.json"
    drop_on(window, [part])
    opened(window, qtbot, part)
    assert "part 2 of 2" in window.verdict.warnings.toolTip()
    assert root_of(window) == "model-00002-of-00002"
    qtbot.mouseClick(window.verdict.whole, Qt.MouseButton.LeftButton)
    opened(window, qtbot, index)
    assert root_of(window) == "model"
    assert not window.verdict.whole.isVisible()
    assert window.tabs.bar.count() == 2


def test_what_does_not_fit_says_to_open_the_whole_or_what_is_lost(
    window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path
) -> None:
    folder = tmp_path / "net"
    folder.mkdir()
    state_dict = squeezenet1_1(num_classes=5).state_dict()
    weight_map: dict[str, str] = {}
    for number in range(2):
        name = f"model-{number + 1:05}-of-00002.bin"
        part = dict(list(state_dict.items())[number::2])
        torch.save(part, folder / name)
        weight_map |= dict.fromkeys(part, name)
    (folder / "model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}), encoding="utf-8")
    drop_on(window, [folder / "model-00001-of-00002.bin"])
    qtbot.waitUntil(lambda: "in part" in window.attach.card_title.text(), timeout=60_000)
    assert window.attach.card_text.text().endswith("This file is just a part: open the whole.")

    whole = distributed(tmp_path / "run", {"model": state_dict})
    file = whole / "__0_0.distcp"
    damaged = bytearray(file.read_bytes())
    damaged[:4] = bytes(4)  # of the first archive in it
    file.write_bytes(damaged)
    drop_on(window, [whole])
    qtbot.waitUntil(lambda: "fits, but not all of it is here" in window.attach.card_title.text(), timeout=60_000)
    assert window.attach.card_text.text() == "1 tensor can't be read. The tree marks them."
    assert not window.attach.button.isEnabled()


def test_parts_that_are_dropped_together_are_one_checkpoint(
    window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path
) -> None:
    folder, other = sharded(tmp_path / "model"), distributed(tmp_path / "run")
    parts = sorted(folder.glob("*.safetensors"))
    index = folder / "model.safetensors.index.json"
    for chosen in (parts, [parts[0], index], [index, *parts]):
        assert sort_paths(chosen).invitation() == f"Drop to open {index.name}"
    drop_on(window, parts)
    opened(window, qtbot, index)
    drop_on(window, sorted(other.glob("*.distcp")))
    opened(window, qtbot, other)
    assert window.tabs.bar.count() == 2
