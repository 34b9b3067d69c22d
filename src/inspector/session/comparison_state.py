"""How two open checkpoints compare, as the window and the command line know it. Nothing here acts."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from inspector.difference_kinds import KINDS
from inspector.session.failure import Failure
from inspector.session.phase import Phase


class ComparisonRow(NamedTuple):
    """What became of one tensor; the figures are those of `inspector.weights.comparison.TensorDifference`.

    ``tensor_a`` and ``tensor_b`` are -1 where it is only in the other; ``problem`` says why it was not compared.
    """

    kind: str
    name: str
    tensor_a: int
    tensor_b: int
    max_abs: float
    relative_l2: float
    cosine: float
    not_finite: int
    rounded: bool
    problem: str


class ComparisonRows:
    """All rows as columns, the most changed first; a row is put together when it is looked at.

    Attributes
    ----------
    names
        Without wrappers.
    name_order, sizes
        By row, its place in the natural order of names; how many elements it has.
    counts
        How many rows there are of each kind.
    """

    def __init__(self, buffers: Sequence[bytes | bytearray] = ()) -> None:
        kinds = bytes(buffers[0]) if buffers else b""
        self.kinds = kinds
        self.tensors_a, self.tensors_b = (array("i"), array("i"))
        self.max_abs, self.relative_l2, self.cosine = (array("d"), array("d"), array("d"))
        self.not_finite = array("q")
        self.rounded, self.names, self.problems = b"", list[str](), list[str]()
        self.name_order, self.sizes = array("i"), array("q")
        if kinds:
            numbers: tuple[array[Any], ...] = (
                self.tensors_a,
                self.tensors_b,
                self.max_abs,
                self.relative_l2,
                self.cosine,
                self.not_finite,
                self.name_order,
                self.sizes,
            )
            for column, raw in zip(numbers, (*buffers[1:7], *buffers[10:12]), strict=True):
                column.frombytes(raw)
            self.rounded = bytes(buffers[7])
            self.names, self.problems = (
                bytes(raw).decode("utf-8", "surrogatepass").split("\0") for raw in buffers[8:10]
            )
            if {len(column) for column in (*numbers, self.rounded, self.names, self.problems)} != {len(kinds)}:
                raise ValueError("the columns of a comparison differ in length")
        self.counts = {kind: kinds.count(number) for number, kind in enumerate(KINDS)}

    def __len__(self) -> int:
        return len(self.kinds)

    def kind(self, row: int) -> str:
        """Return a row's kind."""
        return KINDS[self.kinds[row]]

    def row(self, row: int) -> ComparisonRow:
        """Return one row."""
        return ComparisonRow(
            KINDS[self.kinds[row]],
            self.names[row],
            self.tensors_a[row],
            self.tensors_b[row],
            self.max_abs[row],
            self.relative_l2[row],
            self.cosine[row],
            self.not_finite[row],
            bool(self.rounded[row]),
            self.problems[row],
        )


@dataclass(frozen=True, slots=True)
class CheckpointComparison:
    """Two open checkpoints side by side.

    Attributes
    ----------
    a, b
        Their ids.
    done, total
        Bytes that were compared, and of all that are.
    rows, sentence
        Once ``phase`` is ``"ready"``.
    """

    a: int
    b: int
    phase: Phase = "running"
    done: int = 0
    total: int = 0
    rows: ComparisonRows = field(default_factory=ComparisonRows)
    sentence: str = ""
    failure: Failure | None = None
