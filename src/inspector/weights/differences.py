"""Two whole checkpoints compared, tensor by tensor, streaming: what only one has, what changed, and by how much."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, NamedTuple

from inspector.checkpoint.errors import FileChangedError
from inspector.checkpoint.source import InspectedFiles
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.tensor_bytes import TensorPlace
from inspector.errors import InspectorError
from inspector.weights.chunks import Array
from inspector.weights.comparison import TensorDifference, compare
from inspector.weights.paired_pieces import paired_pieces, total_bytes
from inspector.weights.pairing import chosen_tensors, pair

#: Pieces are read and reckoned with on so many threads.
_THREADS = 2

#: Bytes of two tensors that are read once, though they are gone through twice.
_KEPT = 1 << 20

Kind = Literal["only_a", "only_b", "shape", "unread", "changed", "equal"]
Tell = Callable[[int, int], None]


class Side(NamedTuple):
    """One of the two: a checkpoint, and which of its state_dicts (None: all tensors of the file)."""

    summary: CheckpointSummary
    state_dict: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one tensor.

    Attributes
    ----------
    tensor_a, tensor_b
        Its numbers in the summaries, -1 where there is none.
    difference
        Of what is ``"changed"`` or ``"equal"``.
    problem
        Why it is ``"unread"``, as a sentence.
    """

    kind: Kind
    name: str
    tensor_a: int = -1
    tensor_b: int = -1
    difference: TensorDifference | None = None
    problem: str = ""


def compare_checkpoints(a: Side, b: Side, tell: Tell) -> list[Row]:
    """Compare two checkpoints.

    Parameters
    ----------
    tell
        Takes the bytes that were compared and those of all, now and then, on whatever thread.

    Returns
    -------
    list of Row
        In a's order, then what only b has in b's.

    Raises
    ------
    FileChangedError
        A file is no longer the one that was inspected.
    """
    (keys_a, tensors_a), (keys_b, tensors_b) = chosen_tensors(*a), chosen_tensors(*b)
    paired = pair(keys_a, keys_b)
    rows = {number: Row("only_a", name, tensors_a[number]) for name, number in paired.only_a}
    work: dict[tuple[TensorPlace, TensorPlace], list[int]] = {}
    for name, number, other in paired.pairs:
        first, second = tensors_a[number], tensors_b[other]
        rows[number] = row = Row("equal", name, first, second)
        if a.summary.shape(first) != b.summary.shape(second):
            rows[number] = _as(row, "shape")
            continue
        try:
            places = a.summary.place(first), b.summary.place(second)
        except InspectorError as error:
            rows[number] = _as(row, "unread", problem=error.message)
            continue
        work.setdefault(places, []).append(number)
    for places, found in _Comparing(a.summary, b.summary, list(work), tell).results():
        for number in work[places]:
            rows[number] = _settled(rows[number], found)
    only_b = [Row("only_b", name, -1, tensors_b[number]) for name, number in paired.only_b]
    return [rows[number] for number in sorted(rows)] + only_b


def _as(row: Row, kind: Kind, difference: TensorDifference | None = None, problem: str = "") -> Row:
    return Row(kind, row.name, row.tensor_a, row.tensor_b, difference, problem)


def _settled(row: Row, found: TensorDifference | str) -> Row:
    if isinstance(found, str):
        return _as(row, "unread", problem=found)
    return _as(row, "equal" if found.equal else "changed", found)


class _Comparing:
    """Compares many pairs of tensors on a few threads, the largest first, so that all of them end together."""

    def __init__(
        self, a: CheckpointSummary, b: CheckpointSummary, pairs: list[tuple[TensorPlace, TensorPlace]], tell: Tell
    ) -> None:
        self._summaries, self._tell = (a, b), tell
        self._same_files = a.files == b.files
        self._pairs = sorted(pairs, key=total_bytes, reverse=True)
        self._total = sum(map(total_bytes, pairs))
        self._next = iter(self._pairs)
        self._lock = threading.Lock()
        self._done = 0

    def results(self) -> Iterator[tuple[tuple[TensorPlace, TensorPlace], TensorDifference | str]]:
        """Yield each pair with how it differs, or why it can't be read."""
        self._tell(0, self._total)
        with ThreadPoolExecutor(_THREADS, "compare") as pool:
            for found in [pool.submit(self._work) for _ in range(_THREADS)]:
                yield from found.result()

    def _work(self) -> list[tuple[tuple[TensorPlace, TensorPlace], TensorDifference | str]]:
        found: list[tuple[tuple[TensorPlace, TensorPlace], TensorDifference | str]] = []
        a, b = self._summaries
        # of its own: reading moves a file's position
        with InspectedFiles(a.files) as files_a, InspectedFiles(b.files) as files_b:
            while (places := self._take()) is not None:
                found.append((places, self._compared((files_a, files_b), places)))
            for files in (files_a, files_b):
                files.check_unchanged()
        return found

    def _take(self) -> tuple[TensorPlace, TensorPlace] | None:
        with self._lock:
            return next(self._next, None)

    def _compared(
        self, files: tuple[InspectedFiles, InspectedFiles], places: tuple[TensorPlace, TensorPlace]
    ) -> TensorDifference | str:
        size, counted = total_bytes(places), 0
        kept: list[tuple[Array, Array]] = []

        def pieces() -> Iterator[tuple[Array, Array]]:
            nonlocal counted
            seen = 0
            for a, b in paired_pieces(files, places):
                yield a, b
                seen = min(seen + a.nbytes + b.nbytes, size)
                if seen > counted:
                    self._count(seen - counted)
                    counted = seen

        def pieces_again() -> Iterator[tuple[Array, Array]]:
            if not kept:
                kept.extend(pieces())
            yield from kept

        try:
            if self._same_files and places[0] == places[1]:
                return TensorDifference(True)
            return compare(pieces_again if size <= _KEPT else pieces)
        except FileChangedError:
            with self._lock:
                self._next = iter(())  # nothing more is worth comparing
            raise
        except InspectorError as error:
            return error.message
        except MemoryError:
            return "There is not enough memory to compare it."
        finally:
            self._count(size - counted)

    def _count(self, nbytes: int) -> None:
        with self._lock:
            self._done += nbytes
            done = self._done
        self._tell(done, self._total)
