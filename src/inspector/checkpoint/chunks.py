"""Whether the chunks of a tensor make up the whole of it, each element once."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checkpoint.tensor_bytes import numel_of
from inspector.checkpoint.values import TensorPart


def covers(shape: tuple[int, ...], chunks: Sequence[TensorPart]) -> bool:
    """Tell whether the chunks lie within ``shape``, nowhere in each other, and leave nothing out."""
    boxes = []
    for chunk in chunks:
        sizes = chunk.tensor.shape
        if not len(chunk.start) == len(sizes) == len(shape):
            return False
        if any(at < 0 or at + size > whole for at, size, whole in zip(chunk.start, sizes, shape, strict=True)):
            return False
        if numel_of(sizes):
            boxes.append([(at, at + size) for at, size in zip(chunk.start, sizes, strict=True)])
    total = sum(numel_of(chunk.tensor.shape) for chunk in chunks)
    return total == numel_of(shape) and not _overlap(boxes)


def _overlap(boxes: list[list[tuple[int, int]]]) -> bool:
    """Tell whether two boxes share an element; swept along the dimension that is cut most often."""
    if not boxes or not boxes[0]:
        return len(boxes) > 1
    swept = max(range(len(boxes[0])), key=lambda dimension: len({box[dimension][0] for box in boxes}))
    active: list[list[tuple[int, int]]] = []
    for box in sorted(boxes, key=lambda box: box[swept]):
        begin = box[swept][0]
        active = [other for other in active if other[swept][1] > begin]
        for other in active:
            if all(a[0] < b[1] and b[0] < a[1] for a, b in zip(box, other, strict=True)):
                return True
        active.append(box)
    return False
