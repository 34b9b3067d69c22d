"""What each process has imported after real work: that is what makes it light, and what an attacker can reach."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from .conftest import BOOTSTRAP

_LOAD = """
import json, runpy, sys
runpy.run_path({bootstrap!r})["_load_package"]()
import importlib
role = importlib.import_module("inspector.processes.roles.{role}")
nothing = lambda progress: None
"""

_READER = """
for path in {paths!r}:
    header, columns = role.read({{"path": path}}, [], nothing)
    assert header["state_dicts"] or header["kind"] == "object"
"""

_WORKER = """
from inspector.checkpoint.columns import encode
from inspector.checkpoint.opening import open_checkpoint
from inspector.checkpoint.summary import CheckpointSummary
from inspector.session.opening import shape_columns
role.catalogue({{}}, [], nothing)
with open_checkpoint({path!r}) as checkpoint:
    summary = CheckpointSummary(*encode(checkpoint))
columns = shape_columns(summary, 0)
assert role.identify({{}}, columns, nothing)[0]["candidates"]
assert role.match({{"architecture": "squeezenet1_1"}}, columns, nothing)[0]["complete"]
params = {{"files": [file.to_json() for file in summary.files], "place": summary.place(0).to_json()}}
assert role.describe_tensor(params, [], nothing)[0]["statistics"]
assert role.thumbnail({{"path": {image!r}, "width": 32, "height": 32}}, [], nothing)[0]["width"]
assert role.list_images({{"paths": [{image!r}]}}, [], nothing)[0]["images"] == [{image!r}]
assert role.read_labels({{"path": {labels!r}}}, [], nothing)[0]["labels"] == ["a", "b"]
"""

_TELL = """
print(json.dumps(sorted(set(sys.modules))))
"""


def modules_after(role: str, work: str, *flags: str) -> set[str]:
    code = _LOAD.format(bootstrap=str(BOOTSTRAP), role=role) + work + _TELL
    done = subprocess.run(
        [sys.executable, *flags, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture
def squeezenet(tmp_path: Path) -> Path:
    from torchvision.models import squeezenet1_1

    path = tmp_path / "squeezenet.pth"
    torch.save(squeezenet1_1(num_classes=7).state_dict(), path)
    return path


def test_the_reader_s(tmp_path: Path, squeezenet: Path) -> None:
    legacy, tensors, plain = tmp_path / "legacy.pth", tmp_path / "a.safetensors", tmp_path / "plain.pkl"
    torch.save({"a.weight": torch.ones(2)}, legacy, _use_new_zipfile_serialization=False)
    header = b'{"a.b": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}'
    tensors.write_bytes(len(header).to_bytes(8, "little") + header + b"12")
    plain.write_bytes(b"\x80\x02}.")
    paths = [str(path) for path in (squeezenet, legacy, tensors, plain)]
    found = modules_after("reader", _READER.format(paths=paths), "-I", "-S")
    assert not found & {"torch", "torchvision", "PySide6", "numpy", "ml_dtypes", "PIL", "pickle", "subprocess", "site"}
    assert "inspector.session" not in found


def test_the_worker_s(tmp_path: Path, squeezenet: Path) -> None:
    image, labels = tmp_path / "a.png", tmp_path / "labels.txt"
    Image.new("RGB", (40, 30)).save(image)
    labels.write_text("a\nb\n", encoding="utf-8")
    work = _WORKER.format(path=str(squeezenet), image=str(image), labels=str(labels))
    found = modules_after("worker", work, "-P")
    assert "numpy" in found
    assert "PIL" in found
    assert not found & {"torch", "torchvision", "PySide6", "shiboken6"}
    assert "inspector.engine" not in found
