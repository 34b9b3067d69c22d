"""Files made here, with torch or by hand, and a reader process whose time and memory are measured."""

from __future__ import annotations

import os
import queue
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from inspector.checkpoint.summary import CheckpointSummary
from inspector.processes.client import ProcessClient, ProcessError

ZIP, LEGACY = "zip", "legacy"


@pytest.fixture(params=[ZIP, LEGACY])
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[object], Path]:
    """Save an object with torch, in each of its two containers."""

    def make(content: object) -> Path:
        path = tmp_path / f"{request.param}.pth"
        torch.save(content, path, _use_new_zipfile_serialization=request.param == ZIP)
        return path

    return make


def zip_of(path: Path, pickled: bytes, *, root: str = "archive", extra: dict[str, bytes] | None = None) -> Path:
    """Write a zip container by hand."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{root}/data.pkl", pickled)
        archive.writestr(f"{root}/version", "3\n")
        for name, content in (extra or {}).items():
            archive.writestr(f"{root}/{name}", content)
    return path


def legacy_of(path: Path, pickled: bytes, tail: bytes = b"") -> Path:
    """Write a legacy container by hand: magic, protocol, system, the object, what follows."""
    import pickle

    head = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}]
    path.write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in head) + pickled + tail)
    return path


@dataclass(frozen=True)
class Outcome:
    """What the reader process answered, the seconds of CPU it took, its start included, and its largest memory."""

    summary: CheckpointSummary | None
    error: ProcessError | None
    seconds: float
    peak_bytes: int
    header_bytes: int = 0


@pytest.fixture
def read_in_process() -> Iterator[Callable[[Path], Outcome]]:
    """Read a file in a reader process of its own."""
    import json

    clients: list[ProcessClient] = []

    def read(path: Path) -> Outcome:
        client = ProcessClient("reader")
        clients.append(client)
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        started = time.monotonic()
        client.request(
            "read",
            {"path": str(path)},
            done=lambda header, buffers: answers.put((header, buffers)),
            failed=answers.put,
        )
        answer = answers.get(timeout=30)
        seconds = _cpu_seconds(client.process.pid, time.monotonic() - started)
        peak = _peak(client.process.pid)
        client.close()
        if isinstance(answer, ProcessError):
            return Outcome(None, answer, seconds, peak)
        header, buffers = answer
        return Outcome(CheckpointSummary(header, buffers), None, seconds, peak, len(json.dumps(header)))

    yield read
    for client in clients:
        client.close()


def _cpu_seconds(pid: int, elapsed: float) -> float:
    """Return what the machine's load does not change; what the clock says where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return elapsed
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


class Assembler:
    """Pickle opcodes, written by hand where no pickler would."""

    def __init__(self, protocol: int = 2) -> None:
        self.code = bytearray(b"\x80" + bytes([protocol]))

    def op(self, *pieces: bytes) -> Assembler:
        for piece in pieces:
            self.code += piece
        return self

    def text(self, value: str) -> Assembler:
        raw = value.encode("utf-8", "surrogatepass")
        return self.op(b"X", struct.pack("<I", len(raw)), raw)

    def integer(self, value: int) -> Assembler:
        raw = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
        return self.op(b"\x8b", struct.pack("<i", len(raw)), raw)

    def name(self, module: str, name: str) -> Assembler:
        return self.op(b"c", module.encode(), b"\n", name.encode(), b"\n")

    def storage(self, key: str = "0", numel: int = 4, kind: str = "FloatStorage") -> Assembler:
        self.op(b"(").text("storage").name("torch", kind).text(key).text("cpu").integer(numel)
        return self.op(b"tQ")

    def tensor(
        self,
        shape: tuple[int, ...],
        stride: tuple[int, ...],
        offset: int = 0,
        *,
        key: str = "0",
        kind: str = "FloatStorage",
    ) -> Assembler:
        self.name("torch._utils", "_rebuild_tensor_v2").op(b"(").storage(key, kind=kind).integer(offset)
        for sizes in (shape, stride):
            self.op(b"(")
            for size in sizes:
                self.integer(size)
            self.op(b"t")
        return self.op(b"\x89").name("collections", "OrderedDict").op(b")RtR")

    def done(self) -> bytes:
        return bytes(self.code) + b"."
