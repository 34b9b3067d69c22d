"""Real files from other people: read as the manifest says, equal to torch's own reading, and never run."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.opening import Checkpoint

from .conftest import Outcome

pytestmark = pytest.mark.shared_data

Read = Callable[[Path], Outcome]
Row = dict[str, str]

#: The manifest's words for containers, and ours.
CONTAINERS = {
    "zip (torch>=1.6)": "zip",
    "legacy magic (0.1.10-1.5)": "legacy",
    "legacy tar (<0.1.10)": "tar",
    "torchscript zip": "torchscript",
    "safetensors": "safetensors",
}


def rows(shared_data: Path, table: str) -> list[Row]:
    with (shared_data / table).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def tensors_in(value: Any, path: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Walk what torch loaded, naming things as Inspector does."""
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from tensors_in(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from tensors_in(item, f"{path}.{place}" if path else str(place))


def assert_equals_torch(checkpoint: Checkpoint, path: Path) -> None:
    from safetensors.torch import load_file

    is_safetensors = path.suffix == ".safetensors"
    content = load_file(path) if is_safetensors else torch.load(path, weights_only=True, map_location="cpu")
    loaded = dict(tensors_in(content))
    assert {tensor.name for tensor in checkpoint.tensors} == set(loaded)
    for tensor in checkpoint.tensors:
        expected = loaded[tensor.name].detach()
        assert tensor.shape == tuple(expected.shape)
        assert tensor.dtype == str(expected.dtype).removeprefix("torch.")
        assert tensor.read().tobytes() == expected.contiguous().flatten().view(torch.uint8).numpy().tobytes()


def readable(shared_data: Path) -> Iterator[tuple[Row, Path, str]]:
    """Yield each checkpoint of the manifest with its path and container."""
    for row in rows(shared_data, "manifest.tsv"):
        if row["file"].startswith("checkpoints/"):
            yield row, shared_data / row["file"], CONTAINERS[row["container"]]


def kind_in_words(what: str) -> str:
    """Return the kind that the manifest describes in words."""
    if what.startswith("TorchScript"):
        return "torchscript_model"
    if what.startswith("single tensor"):
        return "tensor"
    if what.startswith("full model") or "torch.nn.parameter.Parameter" in what:
        return "pickled_model"
    if "-> " in what or "model = " in what:
        return "training_checkpoint"
    return "object" if what.startswith("nested dict") else "state_dict"


def test_every_checkpoint_opens_as_the_manifest_says(shared_data: Path) -> None:
    opened = 0
    for row, path, container in readable(shared_data):
        with open_checkpoint(path) as checkpoint:
            assert checkpoint.container == container, path
            assert checkpoint.kind == kind_in_words(row["what"]), path
            assert checkpoint.complete, (path, checkpoint.warnings)
            assert [tensor.problem for tensor in checkpoint.tensors if tensor.problem] == [], path
            if row["weights_only"] == "ok" or container == "safetensors":
                assert checkpoint.safety == "safe", path
            # Of TorchScript it counts the records, among them scales and zero points.
            counted = checkpoint.contents.storages if container == "torchscript" else checkpoint.tensors
            if row["tensors"].isdecimal():
                assert len(counted) == int(row["tensors"]), path
            if row["wrapper"]:
                assert checkpoint.model_state_dict is not None
                assert checkpoint.model_state_dict.wrapper == row["wrapper"], path
            opened += 1
    assert opened >= 68


def test_files_that_torch_loads_equal_it_value_by_value(shared_data: Path) -> None:
    equal = 0
    for row, path, container in readable(shared_data):
        if row["weights_only"] == "ok" or container == "safetensors":
            with open_checkpoint(path) as checkpoint:
                assert_equals_torch(checkpoint, path)
            equal += 1
    assert equal >= 58


def test_pickled_models_show_their_parameters(shared_data: Path) -> None:
    found = 0
    for row in rows(shared_data, "manifest.tsv"):
        if not row["file"].startswith("checkpoints/pickled_models/"):
            continue
        with open_checkpoint(shared_data / row["file"]) as checkpoint:
            if checkpoint.kind == "pickled_model":
                assert checkpoint.safety != "safe"
                assert checkpoint.class_name
                assert checkpoint.state_dicts[0].parameters > 0
                found += 1
    assert found > 0


def test_hostile_and_broken_files(shared_data: Path, read_in_process: Read, tmp_path: Path) -> None:
    expected = {row["file"]: row["expected"] for row in rows(shared_data, "hostile.tsv")}
    files = sorted((shared_data / "broken").iterdir()) + [shared_data / name for name in expected]
    malicious = 0
    for path in files:
        outcome = read_in_process(path)
        assert outcome.seconds < 3, path
        if outcome.error is not None:
            assert outcome.error.kind not in ("InternalError", "ProcessDied", "MemoryError"), (path, outcome.error)
            assert path.name in outcome.error.sentence
            assert "\n" not in outcome.error.sentence
        kind = expected.get(str(path.relative_to(shared_data)))
        if kind == "malicious":
            malicious += 1
            assert outcome.summary is None or outcome.summary.safety != "safe", path
        elif kind == "benign" and path.suffix == ".pkl":
            assert outcome.summary is not None, (path, outcome.error)
            assert outcome.summary.safety == "safe", path
    assert malicious == sum(found == "malicious" for found in expected.values())
    assert len(expected) == 73


def test_the_known_resnet(shared_data: Path) -> None:
    name = "facebookresearch__kill-the-bits__resnet18_small_blocks.decoded.pth"
    with open_checkpoint(shared_data / "checkpoints" / "imagenet" / name) as checkpoint:
        assert (checkpoint.kind, checkpoint.container, checkpoint.safety) == ("state_dict", "zip", "safe")
        assert checkpoint.state_dicts[0].parameters == 11_689_512
        assert checkpoint.state_dicts[0].buffers == 9_620
