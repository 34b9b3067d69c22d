from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import squeezenet1_1

from inspector.processes.roles import worker

Inspector = Any

_KEYS = "architecture score matched missing unexpected mismatched num_classes wrapper options".split()


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("identify") / "exact.pth"
    torch.save({f"_orig_mod.{key}": value for key, value in squeezenet1_1().state_dict().items()}, path)
    return path


def test_exact(inspector: Inspector, exact: Path) -> None:
    found = inspector("identify", exact.name, "--json", cwd=exact.parent).json()
    assert (found["file"], found["match"], found["official_weights"]) == (exact.name, "exact", None)
    best = found["candidates"][0]
    assert list(best) == _KEYS
    assert (best["architecture"], best["score"], best["matched"]) == ("squeezenet1_1", 1.0, 52)
    assert (best["missing"], best["unexpected"], best["mismatched"]) == ([], [], [])
    assert (best["num_classes"], best["wrapper"], best["options"]) == (1_000, "_orig_mod.", {})
    other = next(row for row in found["candidates"] if row["architecture"] == "squeezenet1_0")
    assert other["mismatched"][0].keys() == {"name", "expected", "found"}
    assert [row["score"] for row in found["candidates"]] == sorted(
        (row["score"] for row in found["candidates"]), reverse=True
    )


def test_head_and_state_dict(inspector: Inspector, squeezenet: Path) -> None:
    found = inspector("identify", squeezenet, "--json").json()
    assert (found["match"], found["state_dict"]) == ("head", "model")
    assert found["candidates"][0]["num_classes"] == 7
    found = inspector("identify", squeezenet, "--state-dict", "ema", "--json").json()
    assert (found["match"], found["state_dict"]) == ("head", "ema")
    assert found["candidates"][0]["wrapper"] == "module."


def test_page(inspector: Inspector, squeezenet: Path, demo: Path) -> None:
    page = inspector("identify", squeezenet)
    assert page.out.splitlines()[0] == "It is squeezenet1_1 with a head of 7 classes. All 52 tensors fit."
    assert "shufflenet_v2_x0_5" in inspector("identify", demo / "digits.pth").out


def test_what_it_is_not(inspector: Inspector, tmp_path: Path) -> None:
    path = tmp_path / "own.pth"
    torch.save({"mine.weight": torch.zeros(3)}, path)
    found = inspector("identify", path, "--json").json()
    assert (found["match"], found["candidates"]) == ("none", [])
    assert inspector("identify", path).out == "This isn't a torchvision architecture; nothing in it resembles one.\n"


def test_state_dict_must_be_there(inspector: Inspector, squeezenet: Path, tmp_path: Path) -> None:
    sentence = inspector("identify", squeezenet, "--state-dict", "optimizer").error(3)
    assert "no state_dict at 'optimizer'" in sentence
    assert "'model', 'ema'" in sentence
    path = tmp_path / "plain.pth"
    torch.save({"epoch": 3}, path)
    assert "holds no state_dict" in inspector("identify", path).error(3)


@dataclass(frozen=True)
class _Entry:
    full_name: str
    sha256_prefix: str


def test_official_weights_are_known_by_their_hash(exact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(exact.read_bytes()).hexdigest()
    entries = [_Entry("Other.V0", ""), _Entry("Wrong.V1", "0" * 8), _Entry("Right.V2", digest[:8])]
    monkeypatch.setattr(worker, "_HASH_BYTES", 100_003)
    monkeypatch.setattr("inspector.architectures.architecture", lambda name: type("Fake", (), {"weights": entries})())
    status = exact.stat()
    identity = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]
    params = {"file": [str(exact), *identity], "architecture": "squeezenet1_1"}
    answer, _ = worker.official_weights(params, [], lambda progress: None)
    assert answer == {"official_weights": "Right.V2"}


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("facebookresearch__kill-the-bits__resnet18_small_blocks.decoded.pth", "resnet18"),
        ("pytorch__ios-demo-app__mobilenet_quantized.decoded.pth", "mobilenet_v2"),
    ],
)
def test_real_checkpoints(inspector: Inspector, shared_data: Path, name: str, architecture: str) -> None:
    found = inspector("identify", shared_data / "checkpoints/imagenet" / name, "--json").json()
    best = found["candidates"][0]
    assert (best["architecture"], best["missing"], best["unexpected"], best["mismatched"]) == (architecture, [], [], [])
