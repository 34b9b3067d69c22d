"""The worker writes tensors as files of numpy's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from inspector.checkpoint.summary import CheckpointSummary
from inspector.processes.roles.serving import Progress, Reply
from inspector.processes.roles.telling import now_and_then


def save_arrays(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Write ``params["tensors"]`` of a checkpoint, which ``params["summary"]`` and the buffers forward."""
    from inspector.export.arrays import save_arrays as write

    summary = CheckpointSummary(params["summary"], buffers)
    tensors = [int(number) for number in params["tensors"]]
    out, token = Path(params["out"]), str(params["token"])
    made = write(summary, tensors, out, token, now_and_then(progress), force=bool(params["force"]))
    told = asdict(made)
    return {"bytes": told.pop("nbytes"), **told}, []
