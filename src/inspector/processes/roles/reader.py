"""The reader: opens checkpoints without running anything in them, under a memory limit. No torch, no numpy, no Qt."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

from inspector.checkpoint.columns import encode
from inspector.checkpoint.folders import bytes_on_disk
from inspector.checkpoint.limits import MAX_INDEX_BYTES, READER_MEMORY_BYTES, READER_MEMORY_PER_INDEX_BYTE
from inspector.checkpoint.opening import open_checkpoint
from inspector.export.plan import make_plan
from inspector.processes.roles.serving import Progress, Reply, Server


def read(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Open ``params["path"]`` and answer with its header and columns."""
    path = str(params["path"])
    _limit_memory(path)
    with open_checkpoint(path) as checkpoint:
        return encode(checkpoint)


def plan(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Open ``params["path"]`` and answer with what a clean copy of one of its state_dicts holds; buffer 0 is the plan.

    The answer's ``files`` are those that were read, for whoever saw them before to compare.
    """
    path = str(params["path"])
    _limit_memory(path)
    with open_checkpoint(path) as checkpoint:
        made = make_plan(checkpoint, int(params["state_dict"]))
    return {"files": made.files}, [made.to_bytes()]


def _limit_memory(path: str) -> None:
    """Cap the address space, so that a file made to bloat gives an error instead of a swapping machine."""
    try:
        import resource
    except ImportError:  # Windows: the time limit and the budgets remain
        return
    used = _address_space()
    index = min(bytes_on_disk(Path(path)), MAX_INDEX_BYTES)
    limit = used + READER_MEMORY_BYTES + READER_MEMORY_PER_INDEX_BYTE * index
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _address_space() -> int:
    """Return the bytes of address space in use, 1 GiB where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as status:
            return int(status.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 1 << 30


def run(incoming: int, outgoing: int) -> None:
    """Serve as the reader. The collector is off: one file is read, then the process ends."""
    gc.disable()
    Server(incoming, outgoing, {"read": read, "plan": plan}).run()
