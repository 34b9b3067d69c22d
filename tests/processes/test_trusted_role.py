"""The process of a trusted file: it hashes what it runs, and holds its own code apart from the file's."""

from __future__ import annotations

import hashlib
import io
import sys
import types
import zlib
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from inspector.processes.client import ProcessError

from .conftest import Start, ask

CODE = """
import json, os, sys
from torch import nn

with open(os.path.join(os.path.dirname(__file__), "ran"), "a") as canary:
    canary.write(f"{os.getpid()} {json.__file__}\\n")

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 4)

    def forward(self, x):
        print("hello from the model")
        return self.head(x.mean((2, 3)))
"""


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A private class saved to a file, and what the role is told to run it."""
    folder, path = tmp_path / "code", tmp_path / "copy"
    folder.mkdir()
    (folder / "my_net.py").write_text(CODE)
    (folder / "json.py").write_text("import os\nos._exit(66)\n")
    made = types.ModuleType("my_net")
    made.__file__ = str(tmp_path / "made.py")
    monkeypatch.setitem(sys.modules, "my_net", made)
    exec(CODE, made.__dict__)
    torch.save(made.Net(), path)
    return {
        "path": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "kind": "pickled",
        "name": "model.pth",
        "inside": "",
        "listed": [
            "my_net.Net", "torch.nn.modules.linear.Linear", "torch._utils._rebuild_parameter",
            "torch._utils._rebuild_tensor_v2", "collections.OrderedDict", "builtins.set", "torch.FloatStorage",
        ],
        "source": str(folder),
        "device": "cpu",
        "preprocessing": None,
        "labels": [],
        "own_labels": ["a", "b", "c", "d"],
    }  # fmt: skip


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "PNG")
    return out.getvalue()


def test_it_runs_one_file_whose_folder_shadows_nothing_of_ours(start: Start, params: dict[str, Any]) -> None:
    client = start("trusted")
    result, _ = ask(client, "trust", params)
    assert (result["architecture"], result["num_classes"]) == ("my_net.Net", 4)
    found, _ = ask(
        client, "predict", {"attachment": result["attachment"], "names": ["a.png"], "top": 2}, [photo()]
    )  # the model prints, which must not reach the protocol
    assert {row["label"] for row in found["predictions"]} <= set("abcd")
    asked = {"attachment": result["attachment"], "names": ["a.png"]}
    with pytest.raises(ProcessError, match="None of this model's layers") as blind:
        ask(client, "explain", {**asked, "index": None, "layer": None}, [photo()])
    assert blind.value.kind == "LayerError"
    head, (grey, low, _) = ask(
        client, "feature_maps", {**asked, "module": "head", "page": 0, "scale": "each"}, [photo()]
    )
    assert (head["kind"], head["channels"], len(low)) == ("vector", 4, 16)
    assert len(zlib.decompress(grey)) == 4
    pid, library = (Path(params["source"]) / "ran").read_text().split()
    assert int(pid) == client.process.pid
    assert not library.startswith(params["source"])
    with pytest.raises(ProcessError, match="Another file was run") as caught:
        ask(client, "trust", params)
    assert caught.value.kind == "TrustRefusedError"


def test_a_copy_with_other_bytes_is_refused_before_anything_runs(start: Start, params: dict[str, Any]) -> None:
    copy = Path(params["path"])
    copy.write_bytes(copy.read_bytes() + b"more")
    with pytest.raises(ProcessError, match=r"copy of model\.pth is not the file") as caught:
        ask(start("trusted"), "trust", params)
    assert caught.value.kind == "TrustRefusedError"
    assert not (Path(params["source"]) / "ran").exists()


def test_a_missing_module_keeps_its_type_and_its_words(start: Start, params: dict[str, Any]) -> None:
    with pytest.raises(ProcessError, match="needs the module 'my_net'") as caught:
        ask(start("trusted"), "trust", {**params, "source": None})
    assert caught.value.kind == "TrustedCodeError"
    assert "my_net.py" in caught.value.hint


def test_the_shared_engine_runs_no_file(start: Start, params: dict[str, Any]) -> None:
    with pytest.raises(ProcessError, match="no method 'trust'"):
        ask(start("engine"), "trust", params)
    assert not (Path(params["source"]) / "ran").exists()
