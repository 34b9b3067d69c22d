"""Comparing two open checkpoints: a process of its own goes through their tensors, and can be ended at any moment."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from inspector.checkpoint.forwarding import forward
from inspector.checkpoint.summary import CheckpointSummary
from inspector.errors import InspectorError
from inspector.session.clients import Worker
from inspector.session.comparison_state import CheckpointComparison, ComparisonRows
from inspector.session.failure import Failure
from inspector.session.job import Done, Failed, Job, Progress
from inspector.session.loop import Loop
from inspector.session.state import OpenCheckpoint, TensorView
from inspector.session.store import Store
from inspector.session.viewing import picture_view

#: What is compared of a checkpoint: as it was read, and which of its state_dicts.
Side = tuple[CheckpointSummary, int | None]


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """One tensor of both in every detail: their pictures; of ``between``, b - a, also the figures and the histogram."""

    a: TensorView
    b: TensorView
    between: TensorView


def comparison_job(loop: Loop, a: Side, b: Side, *, done: Done, failed: Failed, progress: Progress) -> Job:
    """Begin to compare two checkpoints in a process of its own; see `inspector.processes.roles.differing`."""
    (header_a, columns_a), (header_b, columns_b) = forward(a[0]), forward(b[0])
    chosen = [-1 if state_dict is None else state_dict for _, state_dict in (a, b)]
    return Job(
        loop,
        "compare_checkpoints",
        {"a": header_a, "b": header_b, "state_dicts": chosen},
        [*columns_a, *columns_b],
        done=done,
        failed=failed,
        progress=progress,
    )


class Differing:
    """The comparison of two open checkpoints: one at a time, kept true when one is closed, reloaded or chosen anew."""

    def __init__(self, store: Store, loop: Loop) -> None:
        self._store, self._loop = store, loop
        self._job: Job | None = None
        self._worker = Worker(loop)
        self._sides: tuple[Side, Side] | None = None
        store.checkpoints_changed.connect(self._follow)
        store.checkpoint_changed.connect(lambda _: self._follow())

    def compare(self, a: int, b: int) -> None:
        """Compare two open checkpoints; whatever was compared before makes room."""
        found = self._open(a), self._open(b)
        if found[0] is None or found[1] is None:
            return
        self._end()
        sides = self._sides = _side(found[0]), _side(found[1])
        self._store.set_checkpoint_comparison(CheckpointComparison(a, b))
        self._job = comparison_job(
            self._loop,
            *sides,
            done=self._finish,
            failed=lambda failure: self._change(phase="failed", failure=failure),
            progress=lambda told: self._change(done=int(told["done"]), total=int(told["total"])),
        )

    def cancel(self) -> None:
        """Give up a comparison that is being made."""
        found = self._store.checkpoint_comparison
        if found is not None and found.phase == "running":
            self._end()
            self._change(phase="cancelled")

    def clear(self) -> None:
        """Compare nothing any more."""
        self._end()
        self._sides = None
        self._store.set_checkpoint_comparison(None)

    def describe(
        self, row: int, done: Callable[[DifferenceView], None], failed: Callable[[Failure], None]
    ) -> Callable[[], None]:
        """Have one tensor of both compared in every detail; return what makes the answer be dropped."""
        wanted, comparison, sides = [True], self._store.checkpoint_comparison, self._sides
        if comparison is None or sides is None:
            return lambda: None
        found = comparison.rows.row(row) if 0 <= row < len(comparison.rows) else None
        if found is None or found.tensor_a < 0 or found.tensor_b < 0:
            return lambda: None  # it was a row of the comparison before
        try:
            params = {
                name: {
                    "files": [file.to_json() for file in summary.files],
                    "place": summary.place(tensor).to_json(),
                }
                for name, (summary, _), tensor in zip("ab", sides, (found.tensor_a, found.tensor_b), strict=True)
            }
        except InspectorError as error:
            failed(Failure(error.message, error.hint, type(error).__name__))
            return lambda: None

        def is_wanted() -> bool:
            return wanted[0] and self._sides is sides

        self._worker.request(
            "describe_difference",
            params,
            [],
            lambda result, buffers: done(_view(result, buffers)) if is_wanted() else None,
            lambda failure: failed(failure) if is_wanted() else None,
        )
        return lambda: wanted.__setitem__(0, False)

    def close(self) -> None:
        """End the processes."""
        self._end()
        self._worker.close()

    def _open(self, number: int) -> OpenCheckpoint | None:
        found = self._store.checkpoints.get(number)
        return found if found is not None and found.summary is not None else None

    def _end(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def _finish(self, result: dict[str, Any], buffers: list[bytearray]) -> None:
        try:
            rows = ComparisonRows(buffers)
        except ValueError:
            self._change(phase="failed", failure=Failure("The worker's answer does not hold together.", "Try again."))
        else:
            self._change(phase="ready", rows=rows, sentence=str(result["sentence"]))

    def _change(self, **changes: Any) -> None:
        found = self._store.checkpoint_comparison
        if found is not None:
            self._store.set_checkpoint_comparison(replace(found, **changes))

    def _follow(self) -> None:
        """End with a checkpoint that is closed; begin again with what was read or chosen anew."""
        comparison = self._store.checkpoint_comparison
        if comparison is None or self._sides is None:
            return
        now = self._open(comparison.a), self._open(comparison.b)
        if now[0] is None or now[1] is None:
            self.clear()
        elif not all(_same(_side(found), side) for found, side in zip(now, self._sides, strict=True) if found):
            self.compare(comparison.a, comparison.b)


def _side(found: OpenCheckpoint) -> Side:
    assert found.summary is not None
    return found.summary, found.state_dict


def _same(one: Side, other: Side) -> bool:
    return one[0] is other[0] and one[1] == other[1]


def _view(result: dict[str, Any], buffers: list[bytearray]) -> DifferenceView:
    edges, counts = array("d"), array("q")
    edges.frombytes(buffers[0])
    counts.frombytes(buffers[1])
    a, b, between = (picture_view(*told) for told in zip(result["pictures"], buffers[2:5], strict=True))
    whole = replace(between, statistics=dict(result["statistics"]), edges=tuple(edges), counts=tuple(counts))
    return DifferenceView(a, b, whole)
