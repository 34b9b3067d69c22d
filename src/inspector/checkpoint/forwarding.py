"""A summary's tensors on their way to a process that reads them: columns again, but for the tree."""

from __future__ import annotations

from array import array
from dataclasses import asdict
from typing import Any

from inspector.checkpoint.embedded import Embedded
from inspector.checkpoint.summary import COLUMNS, CheckpointSummary

# One node without children: a tree of nothing.
_ROOT: dict[str, Any] = {
    "labels": [""], "details": [""], "kinds": array("B", [0]), "tensors": array("i", [-1]),
    "parents": array("i", [-1]), "first_children": array("i", [1]), "child_counts": array("i", [0]),
    "parameters": array("q", [0]), "nbytes": array("q", [0]),
}  # fmt: skip


def forward(summary: CheckpointSummary) -> tuple[dict[str, Any], list[bytes]]:
    """Return what another process makes a `CheckpointSummary` of, with all tensors and state_dicts and no tree.

    A few milliseconds even for 200,000 tensors: nothing is done tensor by tensor.
    """
    header = {
        "path": summary.path,
        "files": [file.to_json() for file in summary.files],
        "whole": None,
        "container": summary.container,
        "kind": summary.kind,
        "class": summary.class_name,
        "complete": summary.complete,
        "safety": summary.safety,
        "warnings": [],
        "globals": [],
        "state_dicts": [
            [found.path, found.role, found.wrapper, found.class_name, found.parameters, found.buffers, found.tensors]
            for found in summary.state_dicts
        ],
        "model": summary.model if summary.model is not None else -1,
        "metadata": {},
        "embedded": asdict(Embedded()),
        "native_code": [],
        "sources": [],
    }
    columns = summary.columns() | _ROOT
    return header, [_to_bytes(columns[name]) for name, _ in COLUMNS]


def _to_bytes(column: list[str] | array[int]) -> bytes:
    return "\0".join(column).encode("utf-8", "surrogatepass") if isinstance(column, list) else column.tobytes()
