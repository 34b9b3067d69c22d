"""Bytes that hold nothing, or more than one would think."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from inspector.findings import Finding
from inspector.weights.audit.subject import AuditTensor, Subject
from inspector.weights.audit.telling import Told, count, nbytes, percent
from inspector.weights.audit.thresholds import (
    HUGE_CONSTANT_BYTES,
    LARGE_MODEL_BYTES,
    LARGEST_SHARE,
    WASTED_BYTES,
    WASTED_SHARE,
)

_WASTED = Told(
    "notable",
    "size",
    lambda name, note: f"{name} drags unused bytes along: {note}.",
    lambda number: f"{count(number)} tensors drag unused bytes along.",
    "They are views of larger tensors, and torch saves the whole storage behind a view. Cloning them before saving, "
    f"or converting the file, makes it smaller. Reported from {nbytes(WASTED_BYTES)} on, where that is "
    f"{percent(WASTED_SHARE)} of a storage.",
)
_CONSTANT = Told(
    "info",
    "size",
    lambda name, note: f"{name} takes {note} for one value.",
    lambda number: f"{count(number)} large tensors hold one value each.",
    f"They could be computed instead of stored. Reported from {nbytes(HUGE_CONSTANT_BYTES)} on.",
)
_LARGEST = Told(
    "info",
    "size",
    lambda name, note: f"{name} makes up {note} of all bytes.",
    lambda number: f"{count(number)} tensors make up most of all bytes.",
    "A matrix of a classifier or an embedding may; another tensor that does is worth a look: a buffer, perhaps, that "
    f"need not be saved. Reported above {percent(LARGEST_SHARE)} of {nbytes(LARGE_MODEL_BYTES)} and more.",
)


def sizes(subject: Subject) -> Iterator[Finding]:
    """Tell of suspicious sizes."""
    total = sum({tensor.storage if tensor.storage >= 0 else ~number: tensor.nbytes
                 for number, tensor in enumerate(subject.tensors)}.values())  # fmt: skip
    constant, largest = [], []
    for number, tensor, _ in subject.known:
        if tensor.role == "optimizer":
            continue
        if tensor.nbytes >= HUGE_CONSTANT_BYTES and subject.is_constant(number) and number not in subject.settled:
            constant.append((number, nbytes(tensor.nbytes)))
        elif total >= LARGE_MODEL_BYTES and tensor.nbytes > LARGEST_SHARE * total and not _is_matrix(tensor):
            largest.append((number, percent(tensor.nbytes / total)))
    for told, rows in ((_WASTED, _wasted(subject)), (_CONSTANT, constant), (_LARGEST, largest)):
        yield from told.of(subject.tensors, rows)


def _is_matrix(tensor: AuditTensor) -> bool:
    return tensor.role == "parameter" and len(tensor.shape) == 2


def _wasted(subject: Subject) -> list[tuple[int, str]]:
    """Return the first tensor of each storage that is far larger than all that lies in it."""
    used: dict[int, int] = defaultdict(int)
    first: dict[int, int] = {}
    for number, tensor in enumerate(subject.tensors):
        if tensor.storage >= 0:
            used[tensor.storage] += tensor.nbytes
            first.setdefault(tensor.storage, number)
    wasted = []
    for storage, number in first.items():
        whole = subject.tensors[number].storage_nbytes
        unused = whole - used[storage]
        if unused >= WASTED_BYTES and unused >= WASTED_SHARE * whole:
            wasted.append((number, f"{nbytes(used[storage])} of {nbytes(whole)} are used"))
    return wasted
