"""The figures of many tensors, streamed from their files by two threads within a few MB of memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import replace

import numpy as np

from inspector.checkpoint.errors import CheckpointError, FileChangedError, TensorReadError
from inspector.checkpoint.source import Files, InspectedFile, InspectedFiles
from inspector.checkpoint.tensor_bytes import TensorPlace, numel_of
from inspector.errors import InspectorError
from inspector.survey_rows import coarser
from inspector.weights.chunks import Array
from inspector.weights.figures import TensorFigures
from inspector.weights.measuring import Measuring
from inspector.weights.pieces import BINS, Counts, Moments, Room
from inspector.weights.repeats import repeated, repeats_of
from inspector.weights.stream import WHOLE, ArrayPieces, open_pieces

#: numpy and pillow let other threads run while they reckon; more than two would only wait for the memory.
THREADS = 2
#: Elements that one thread takes at a time, and that are given out ahead of the tensor that is waited for. A tensor of
#: several parts is never kept in the room of a thread, which would keep it for that thread alone.
_PART, _AHEAD = WHOLE, 1 << 24
#: Small tensors are given out together, so many elements of them.
_TOGETHER = 1 << 20
#: What finding and opening a tensor costs, in elements.
_EACH = 1 << 13

#: Elements, and what finding them costs, of a tensor that takes the interpreter longer than numpy.
_SMALL = 1 << 15

Measured = TensorFigures | TensorReadError
Tell = Callable[[int, float], None]


def tensor_figures(array: Array, bins: int = BINS) -> TensorFigures:
    """Return the figures of one tensor, exactly, reckoned in float64.

    Parameters
    ----------
    array
        Any shape and numeric dtype, those of ml_dtypes included; complex numbers are measured by their magnitudes.
    bins
        Of the histogram: 256, or a divisor of it, since neighbouring ones are then summed.
    """
    repeats = repeats_of(array.shape, array.strides)
    base = array[tuple(slice(0, size) for size in repeats.shape)]
    with np.errstate(all="ignore"):
        found = repeated(_measure(Measuring(ArrayPieces(base), _PART), InspectedFiles([]), Room()), repeats)
    return replace(found, counts=coarser(found.counts, bins))


def survey(
    files: Sequence[InspectedFile], places: Iterable[TensorPlace | TensorReadError], tell: Tell | None = None
) -> Iterator[tuple[int, Measured]]:
    """Measure tensors, exactly, whatever their number and size; memory stays within a few MB.

    Only tensors that do not lie in their file as they are (compressed, transposed, sparse, ...) are read whole, one
    per thread.

    Parameters
    ----------
    files
        Of the checkpoint, as they were inspected.
    places
        Where the tensors lie; one that is known to be unreadable is handed on.
    tell
        Takes the place in the order of a large tensor that is not done yet, and the share of it that is, 0 to 1.

    Yields
    ------
    tuple
        The tensor's place in the order, from 0, and its figures (with 256 bins), or why it can't be read.

    Raises
    ------
    FileChangedError
        A file is no longer the inspected one.
    """
    with ExitStack() as stack:
        threads = _Threads(files)
        stack.callback(threads.close)  # once no thread reads any more
        pool = stack.enter_context(ThreadPoolExecutor(THREADS, "survey", _begin_thread))
        stack.callback(pool.shutdown, cancel_futures=True)
        waiting: deque[_Batch | _Large] = deque()
        elements = 0
        for batch in _batches(places):
            batch.begin(pool, threads)
            waiting.append(batch)
            elements += batch.elements
            while elements > _AHEAD:
                first = waiting.popleft()
                elements -= first.elements
                yield from first.finish(tell)
        while waiting:
            yield from waiting.popleft().finish(tell)
        threads.check_unchanged()


def _begin_thread() -> None:
    np.seterr(all="ignore")  # of this thread alone


class _Threads:
    """What each thread has of its own: buffers, and files, whose positions can't be shared."""

    def __init__(self, files: Sequence[InspectedFile]) -> None:
        self._files = files
        self._own = threading.local()
        self._opened: list[InspectedFiles] = []
        # Held while small tensors are measured: two threads would take turns at the interpreter, which takes longer.
        self.small = threading.Lock()

    def mine(self) -> tuple[InspectedFiles, Room]:
        """Return those of the thread that asks."""
        if not hasattr(self._own, "files"):
            self._own.files, self._own.room = InspectedFiles(self._files), Room()
            self._opened.append(self._own.files)
        return self._own.files, self._own.room

    def close(self) -> None:
        """Close the files of all threads."""
        for files in self._opened:
            files.__exit__(None, None, None)

    def check_unchanged(self) -> None:
        """Raise FileChangedError when a file that was read is no longer the inspected one."""
        for files in self._opened:
            files.check_unchanged()


class _Batch:
    """Small tensors, measured one after another by one thread."""

    def __init__(self, first: int, places: list[TensorPlace | TensorReadError]) -> None:
        self._first = first
        self._places = places
        self.elements = sum(map(_weight, places))
        self._done: Future[list[Measured]]

    def begin(self, pool: ThreadPoolExecutor, threads: _Threads) -> None:
        """Give it to a thread."""
        self._done = pool.submit(self._measured, threads)

    def _measured(self, threads: _Threads) -> list[Measured]:
        files, room = threads.mine()
        with threads.small if self.elements < _SMALL * len(self._places) else nullcontext():
            return [_measured(place, files, room) for place in self._places]

    def finish(self, tell: Tell | None) -> Iterator[tuple[int, Measured]]:  # noqa: ARG002 - as of a large one
        """Wait for it."""
        yield from enumerate(self._done.result(), self._first)


class _Large:
    """One large tensor, measured in parts."""

    def __init__(self, number: int, place: TensorPlace) -> None:
        self._number = number
        self._place = place
        self.elements = numel_of(place.shape)

    def begin(self, pool: ThreadPoolExecutor, threads: _Threads) -> None:
        """Have a thread open it; it is looked at when its turn comes."""
        self._pool, self._threads = pool, threads
        self._opened = pool.submit(self._open)

    def _open(self) -> tuple[Measuring, list[Future[None]]]:
        files, _ = self._threads.mine()
        measuring = Measuring(open_pieces(files, self._place), _PART)
        return measuring, [self._pool.submit(self._look, measuring, part) for part in measuring.parts]

    def _look(self, measuring: Measuring, part: range) -> None:
        measuring.look(*self._threads.mine(), part)

    def _count(self, measuring: Measuring, part: range) -> tuple[Moments, Counts]:
        return measuring.count(*self._threads.mine(), part)

    def finish(self, tell: Tell | None) -> Iterator[tuple[int, Measured]]:
        """Wait for it."""
        try:
            measuring, looks = self._opened.result()
            done = 0
            for look in looks:
                look.result()
                done = self._told(tell, done, len(looks))
            if measuring.settle():
                counts = [self._pool.submit(self._count, measuring, part) for part in measuring.parts]
                counted = []
                for count in counts:
                    counted.append(count.result())
                    done = self._told(tell, done, len(looks))
                last = self._pool.submit(lambda: measuring.figures(*self._threads.mine(), counted))
            else:
                last = self._pool.submit(lambda: measuring.hard_figures(*self._threads.mine()))
            yield self._number, last.result()
        except FileChangedError:
            raise
        except (CheckpointError, MemoryError) as error:
            yield self._number, _problem(error)

    def _told(self, tell: Tell | None, done: int, parts: int) -> int:
        """Tell that one part more was seen for the first or second time; return how many of them."""
        if tell is not None:
            tell(self._number, (done + 1) / (2 * parts))
        return done + 1


def _batches(places: Iterable[TensorPlace | TensorReadError]) -> Iterator[_Batch | _Large]:
    together: list[TensorPlace | TensorReadError] = []
    weight = first = 0
    for number, place in enumerate(places):
        is_large = isinstance(place, TensorPlace) and _is_large(place)
        if together and (is_large or weight >= _TOGETHER):
            yield _Batch(first, together)
            together, weight = [], 0
        if is_large:
            assert isinstance(place, TensorPlace)
            yield _Large(number, place)
        else:
            first = number if not together else first
            together.append(place)
            weight += _weight(place)
    if together:
        yield _Batch(first, together)


def _is_large(place: TensorPlace) -> bool:
    """Tell whether a tensor is shared by the threads; not where it repeats itself, which one goes through quickly."""
    return numel_of(place.shape) > _PART and repeats_of(place.shape, place.stride).times == 1


def _weight(place: TensorPlace | TensorReadError) -> int:
    if isinstance(place, TensorReadError):
        return _EACH
    if 0 not in place.stride:
        return _EACH + numel_of(place.shape)
    return _EACH + numel_of(repeats_of(place.shape, place.stride).shape)


def _measured(place: TensorPlace | TensorReadError, files: Files, room: Room) -> Measured:
    if isinstance(place, TensorReadError):
        return place
    try:
        if place.layout != "strided" or 0 not in place.stride:
            return _measure(Measuring(open_pieces(files, place), _PART), files, room)
        repeats = repeats_of(place.shape, place.stride)
        base = replace(place, shape=repeats.shape)
        return repeated(_measure(Measuring(open_pieces(files, base), _PART), files, room), repeats)
    except FileChangedError:
        raise
    except (CheckpointError, MemoryError) as error:
        return _problem(error)


def _measure(measuring: Measuring, files: Files, room: Room) -> TensorFigures:
    for part in measuring.parts:
        measuring.look(files, room, part)
    if not measuring.settle():
        return measuring.hard_figures(files, room)
    return measuring.figures(files, room, [measuring.count(files, room, part) for part in measuring.parts])


def _problem(error: InspectorError | MemoryError) -> TensorReadError:
    if isinstance(error, TensorReadError):
        return error
    if isinstance(error, InspectorError):
        return TensorReadError(error.message, error.hint)
    return TensorReadError("It takes more memory than there is.", "Close something else.")
