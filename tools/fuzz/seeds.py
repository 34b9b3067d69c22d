"""The small honest files that the mutations start from: one and more of every container."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from tools.fuzz.batches import Seed

#: Files of a person's own that are larger than this make poor seeds: most mutations would hit their weights.
_LARGEST = 200_000


def seed_files(folder: Path | None = None) -> dict[str, Seed]:
    """Return the seeds by name, and with them the small checkpoints in ``folder``."""
    found = {name: {"case.pth": content} for name, content in _single_files(folder).items()}
    return found | {"sharded": _sharded(), "distributed": _distributed()}


def _single_files(folder: Path | None) -> dict[str, bytes]:
    torch.manual_seed(0)
    warnings.simplefilter("ignore")  # torch's own, of what it calls beta or deprecated
    found = {
        **_torch_files(),
        **_script_files(),
        "tar.pth": _tar(),
        "safetensors": _safetensors(),
        "npy": _npy(np.arange(12, dtype=">f4").reshape(3, 4)),
        "object.npy": _npy(np.array([1, "two", None], dtype=object)),
        "npz": _npz(),
        **{f"bare-{protocol}.pkl": pickle.dumps(_plain(), protocol=protocol) for protocol in range(6)},
        **{f"tensors-{protocol}.pkl": pickle.dumps(_contents()["state_dict"], protocol) for protocol in (0, 2, 4)},
    }
    if folder is not None:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.stat().st_size <= _LARGEST:
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def _plain() -> dict[Any, Any]:
    return {
        "epoch": 3,
        "lr": 1e-3,
        "names": ["a", "b"],
        "pair": (True, None),
        "big": 1 << 70,
        "raw": b"\0\1",
        5: {1, 2},
    }


def _contents() -> dict[str, object]:
    weight = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    model = torch.nn.Sequential(OrderedDict(conv=torch.nn.Conv2d(1, 2, 3), norm=torch.nn.BatchNorm2d(2)))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.zeros(1, 1, 4, 4)).sum().backward()
    optimizer.step()
    return {
        "state_dict": OrderedDict(
            {"a.weight": weight, "a.tied": weight, "a.view": weight[1:], "b.half": torch.ones(3, dtype=torch.bfloat16)}
        ),
        "model": model,
        "training": {**_plain(), "state_dict": model.state_dict(), "optimizer": optimizer.state_dict()},
        "unusual": [
            torch.nn.Parameter(weight),
            torch.eye(3).to_sparse(),
            torch.eye(3).to_sparse_csr(),
            torch.quantize_per_tensor(weight, 0.1, 3, torch.quint8),
            torch.empty(3, device="meta"),
            torch.ones(2, dtype=torch.complex64).conj(),
            torch.ones(2).to(torch.float8_e4m3fn),
            np.arange(3),
            np.float32(2),
        ],
    }


def _torch_files() -> dict[str, bytes]:
    made = {}
    for name, content in _contents().items():
        made[f"zip-{name}.pth"] = _saved(content, zipped=True)
        if name != "unusual":
            made[f"legacy-{name}.pth"] = _saved(content, zipped=False)
    made["deflated.pth"] = _deflated(made["zip-training.pth"])
    return made


def _saved(content: object, *, zipped: bool) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def _deflated(archive: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return file.getvalue()


def _script_files() -> dict[str, bytes]:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)).eval()
    with TemporaryDirectory() as folder:
        script, exported = Path(folder, "script.pt"), Path(folder, "exported.pt2")
        torch.jit.save(torch.jit.script(model), script)
        torch.export.save(torch.export.export(model, (torch.zeros(1, 2),)), exported)
        return {"script.pt": script.read_bytes(), "exported.pt2": exported.read_bytes()}


def _sharded() -> Seed:
    header = {"b.weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    text = json.dumps(header).encode()
    places = {"a.weight": "one.safetensors", "a.bias": "one.safetensors", "b.weight": "two.safetensors"}
    index = {"metadata": {"total_size": 28}, "weight_map": places}
    return {
        "model.safetensors.index.json": json.dumps(index).encode(),
        "one.safetensors": _safetensors(),
        "two.safetensors": struct.pack("<Q", len(text)) + text + bytes(8),
    }


def _distributed() -> Seed:
    from torch.distributed.checkpoint.state_dict_saver import save

    content = {"model": {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}, "epoch": 3}
    with TemporaryDirectory() as folder:
        save(content, checkpoint_id=folder, no_dist=True)
        files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    return {".metadata": files.pop(".metadata"), **files}


def _named(name: str) -> bytes:
    module, _, last = name.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def _tar() -> bytes:
    """Return a file as torch 0.1.9 wrote it: a state_dict of one tensor, on a storage and on a view of it."""
    numbers = np.arange(6, dtype="<f4").tobytes()
    storage = b"\x80\x02(K\x0bX\x03\x00\x00\x00cpu" + _named("torch.FloatStorage") + b"t."
    tensor = b"\x80\x02(K\x65K\x0c" + _named("torch.FloatTensor") + b"t."
    geometry = struct.pack("<i4x5q", 2, 2, 2, 2, 1, 0)
    members = {
        "sys_info": pickle.dumps({"protocol_version": 1000, "little_endian": True}, 2),
        "pickle": b"\x80\x02}X\x01\x00\x00\x00wX\x03\x00\x00\x00101Qs.",
        "tensors": pickle.dumps(1, 2) + tensor + geometry,
        "storages": pickle.dumps(1, 2) + storage + struct.pack("<q", 6) + numbers + pickle.dumps([(12, 11, 1, 4)], 2),
    }
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def _safetensors() -> bytes:
    header = {
        "__metadata__": {"format": "pt"},
        "a.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
        "a.bias": {"dtype": "BF16", "shape": [2], "data_offsets": [16, 20]},
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(20)


def _npy(content: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, content)
    return file.getvalue()


def _npz() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, a=np.eye(3), b=np.arange(4, dtype=np.uint16))
    return file.getvalue()
