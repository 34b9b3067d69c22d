"""Real files from other people: read as the manifest says, equal to torch's own reading, and never run."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from inspector.checkpoint import CheckpointError, open_checkpoint
from inspector.checkpoint.opening import Checkpoint

from .conftest import Outcome

pytestmark = pytest.mark.shared_data

Read = Callable[[Path], Outcome]
Row = dict[str, str]

#: The manifest's words for the containers that are read here.
CONTAINERS = {
    "zip (torch>=1.6)": "zip",
    "legacy magic (0.1.10-1.5)": "legacy",
    "legacy tar (<0.1.10)": "tar",
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
    loaded = dict(tensors_in(torch.load(path, weights_only=True, map_location="cpu")))
    assert {tensor.name for tensor in checkpoint.tensors} == set(loaded)
    for tensor in checkpoint.tensors:
        expected = loaded[tensor.name].detach()
        assert tensor.shape == tuple(expected.shape)
        assert tensor.dtype == str(expected.dtype).removeprefix("torch.")
        assert tensor.read().tobytes() == expected.contiguous().flatten().view(torch.uint8).numpy().tobytes()


def test_every_checkpoint_opens_as_the_manifest_says(shared_data: Path) -> None:
    opened = equal = 0
    for row in rows(shared_data, "manifest.tsv"):
        container = CONTAINERS.get(row["container"])
        if container is None or not row["file"].startswith("checkpoints/"):
            continue
        path = shared_data / row["file"]
        with open_checkpoint(path) as checkpoint:
            assert checkpoint.container == container, path
            assert checkpoint.complete, (path, checkpoint.warnings)
            assert [tensor.problem for tensor in checkpoint.tensors if tensor.problem] == [], path
            opened += 1
            if row["weights_only"] == "ok":
                assert checkpoint.safety == "safe", path
                assert_equals_torch(checkpoint, path)
                equal += 1
            if row["tensors"].isdecimal() and checkpoint.kind != "pickled_model":
                assert len(checkpoint.tensors) == int(row["tensors"]), path
            if row["what"].startswith("flat state_dict"):
                assert checkpoint.kind == "state_dict", path
    assert opened >= 60
    assert equal >= 50


def test_pickled_models_show_their_parameters(shared_data: Path) -> None:
    found = 0
    for row in rows(shared_data, "manifest.tsv"):
        if not row["file"].startswith("checkpoints/pickled_models/") or row["container"] not in CONTAINERS:
            continue
        with open_checkpoint(shared_data / row["file"]) as checkpoint:
            if checkpoint.kind == "pickled_model":
                assert checkpoint.safety != "safe"
                assert checkpoint.class_name
                assert checkpoint.state_dicts[0].parameters > 0
                found += 1
    assert found > 0


def test_files_that_are_none_are_refused_in_a_sentence(shared_data: Path) -> None:
    for row in rows(shared_data, "manifest.tsv"):
        if row["container"] not in CONTAINERS and row["file"].startswith("checkpoints/"):
            try:
                with open_checkpoint(shared_data / row["file"]) as checkpoint:
                    assert checkpoint.container == "pickle", row["file"]
            except CheckpointError as error:
                sentence = error.sentence
            else:
                sentence = ""
            assert "\n" not in sentence, row["file"]


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
