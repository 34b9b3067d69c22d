"""Many images through a model: decoding, preparing and computing at the same time, answers as they come.

Images wait as the bytes of their files. Worker threads decode and prepare them, one thread computes batches of what
may go together, and the workers reduce its outputs to answers. What is prepared ahead is bounded in number and bytes;
what waits undecoded is bounded by whoever puts it in. A worker decodes one image at a time.

What is in a forward pass can't be interrupted: `Pipeline.cancel` gives up everything else at once.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import torch

from inspector.engine.answers import ImagePrediction
from inspector.engine.devices import usable_cores
from inspector.engine.predict import answer_of
from inspector.engine.problems import CancelledError, DeviceMemoryError, PredictionError
from inspector.engine.runner import Runner
from inspector.engine.tasks import Output, Prepared

#: Bytes of prepared inputs that wait for the device.
MOST_PREPARED_BYTES = 256 << 20

#: Seconds that a batch waits to be filled by what is being prepared.
PATIENCE = 0.05

_MOST_WORKERS = 8


@dataclass(eq=False, slots=True)
class Job:
    """One image, clip or pair to be predicted.

    Attributes
    ----------
    runner
        Of the attachment.
    prepare
        Decodes and prepares it; called once, on a worker thread. Its errors are the answer.
    top
        How many classes to return, where the task ranks them.
    tell
        Called with a sentence for the person that is not about this image.
    answer
        The result, which has no ``problem``, or the error.
    """

    runner: Runner
    prepare: Callable[[], Prepared]
    top: int
    tell: Callable[[str], None]
    answer: Future[ImagePrediction] = field(default_factory=Future)


@dataclass(eq=False, slots=True)
class _Ready:
    """A prepared job, in the order in which it became so."""

    job: Job
    prepared: Prepared
    order: int
    nbytes: int


class Pipeline:
    """The threads, and what waits for them.

    Parameters
    ----------
    computing
        Held during each forward pass, so that others who run or change a model do so in between.
    workers
        Threads that decode; as many as the cores where None.
    """

    def __init__(self, computing: AbstractContextManager[object] | None = None, workers: int | None = None) -> None:
        self._computing: AbstractContextManager[object] = computing or threading.Lock()
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._computed: deque[tuple[_Ready, Output, float]] = deque()
        self._ready: dict[tuple[Runner, Hashable], deque[_Ready]] = {}
        self._ready_bytes = 0
        self._ready_count = 0
        self._decoding: set[Job] = set()
        self._given_up: set[Job] = set()  # while they were being decoded
        self._order = 0
        self._is_closed = False
        self._torch_threads = torch.get_num_threads()
        count = workers or max(1, min(usable_cores(), _MOST_WORKERS))
        self._threads = [
            threading.Thread(target=self._work, daemon=True, name=f"images-{place}") for place in range(count)
        ]
        self._threads.append(threading.Thread(target=self._compute_all, daemon=True, name="forward"))
        for thread in self._threads:
            thread.start()

    # -- from any thread ---------------------------------------------------------------------------------------

    def put(self, job: Job) -> None:
        """Queue a job."""
        with self._changed:
            self._waiting.append(job)
            self._changed.notify_all()

    def cancel(self, runner: Runner | None = None) -> int:
        """Give up all jobs (of one runner) that are not being computed; return how many.

        They are answered by CancelledError.
        """
        with self._changed:
            dropped_there = {job for job in self._decoding if runner in (None, job.runner)} - self._given_up
            self._given_up |= dropped_there
            dropped = [job for job in self._waiting if runner in (None, job.runner)]
            self._waiting = deque(job for job in self._waiting if runner not in (None, job.runner))
            for key in [key for key in self._ready if runner in (None, key[0])]:
                for ready in self._ready.pop(key):
                    self._count_ready(ready, -1)
                    dropped.append(ready.job)
            self._changed.notify_all()
        for job in dropped:
            job.answer.set_exception(CancelledError("The image was given up."))
        return len(dropped) + len(dropped_there)

    def close(self) -> None:
        """Give everything up and end the threads, after what is being computed."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self.cancel()
        for thread in self._threads:
            thread.join()
        while self._computed:  # after the threads that would have answered it had ended
            _answer(*self._computed.popleft())
        self.cancel()  # a batch that was put back, since it did not fit

    # -- workers -----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        torch.set_num_threads(1)  # of this thread: the others decode at the same time
        while self._work_once():
            pass  # nothing is held while it waits: a model that was detached must be free

    def _work_once(self) -> bool:
        """Wait for an image, and prepare or answer it; False when the pipeline is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._computed or self._may_decode())
            if self._is_closed:
                return False
            computed = self._computed.popleft() if self._computed else None
            job = None if computed is not None else self._waiting.popleft()
            if job is not None:
                self._decoding.add(job)
        if computed is not None:
            _answer(*computed)
        elif job is not None:
            self._prepare(job)
        return True

    def _may_decode(self) -> bool:
        ahead = self._ready_bytes < MOST_PREPARED_BYTES
        return bool(self._waiting) and ahead and self._ready_count < 4 * self._waiting[0].runner.largest_batch

    def _prepare(self, job: Job) -> None:
        prepared, problem = None, None
        try:
            prepared = job.runner.uploads.send(job.prepare())
        except Exception as error:  # noqa: BLE001 - the border of a thread: it becomes this image's answer
            problem = error
        with self._changed:
            self._decoding.discard(job)
            if job in self._given_up:
                self._given_up.discard(job)
                problem = CancelledError("The image was given up.")
            elif prepared is not None:
                self._order += 1
                ready = _Ready(job, prepared, self._order, sum(tensor.nbytes for tensor in prepared.inputs))
                key = (job.runner, job.runner.task.batch_key(prepared))
                self._ready.setdefault(key, deque()).append(ready)
                self._count_ready(ready, 1)
            self._changed.notify_all()
        if problem is not None:
            job.answer.set_exception(problem)

    def _count_ready(self, ready: _Ready, sign: int) -> None:
        self._ready_bytes += sign * ready.nbytes
        self._ready_count += sign

    # -- the thread that computes ------------------------------------------------------------------------------

    def _compute_all(self) -> None:
        while self._compute_once():
            pass  # as in `_work`

    def _compute_once(self) -> bool:
        """Wait for a batch, and compute it; False when the pipeline is closed."""
        batch = self._next_batch()
        if batch is None:
            return False
        torch.set_num_threads(self._torch_threads)  # of MKL it is the process's, and a worker changed it
        try:
            self._compute(batch)
        except Exception as error:  # noqa: BLE001 - the border of a thread: it becomes these images' answer
            for ready in batch:
                ready.job.answer.set_exception(error)
        return True

    def _next_batch(self) -> list[_Ready] | None:
        """Wait for what can be computed together; None when the pipeline is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._ready)
            deadline = time.monotonic() + PATIENCE
            while self._ready and not self._is_closed and self._may_grow():
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            if self._is_closed:
                return None
            if not self._ready:
                return []  # cancelled meanwhile
            key = self._oldest()
            found = self._ready[key]
            batch = [found.popleft() for _ in range(min(len(found), key[0].batch_size(found[0].prepared)))]
            if not found:
                del self._ready[key]
            for ready in batch:
                self._count_ready(ready, -1)
            self._changed.notify_all()
            return batch

    def _oldest(self) -> tuple[Runner, Hashable]:
        return min(self._ready, key=lambda key: self._ready[key][0].order)

    def _may_grow(self) -> bool:
        """Tell whether the next batch is not full, and something is being prepared that may join it."""
        key = self._oldest()
        found = self._ready[key]
        return bool(self._decoding or self._may_decode()) and len(found) < key[0].batch_size(found[0].prepared)

    def _compute(self, batch: list[_Ready]) -> None:
        if not batch:
            return
        runner = batch[0].job.runner
        with self._changed:
            many = len(batch) + self._ready_count + len(self._waiting)
        started = time.perf_counter()
        try:
            with self._computing:
                outputs = runner.run([ready.prepared for ready in batch], waiting=many)
        except DeviceMemoryError as error:
            self._do_with_less(batch, error)
            return
        except PredictionError:
            if len(batch) == 1 or not runner.is_strangers:
                raise  # of one size, all of them fail alike
            runner.halve(2)
            self._put_back(batch)
            return
        finally:
            for sentence in runner.take_notes():
                batch[0].job.tell(sentence)
        share = (time.perf_counter() - started) * 1000 / len(batch)
        answered = [(ready, output, share) for ready, output in zip(batch, outputs, strict=True)]
        with self._changed:
            self._computed.extend(answered)
            self._changed.notify_all()

    def _do_with_less(self, batch: list[_Ready], error: DeviceMemoryError) -> None:
        """Put a batch that did not fit back in front, to be computed in smaller ones; one image alone has failed."""
        if len(batch) == 1:
            batch[0].job.answer.set_exception(error)
            return
        runner = batch[0].job.runner
        fewer = runner.halve(len(batch))
        at_once = "one image" if fewer == 1 else f"{fewer} images"
        batch[0].job.tell(f"{error.message} From now on {at_once} at a time is computed, not {len(batch)}.")
        self._put_back(batch)

    def _put_back(self, batch: list[_Ready]) -> None:
        """Put a batch in front again."""
        runner = batch[0].job.runner
        with self._changed:
            key = (runner, runner.task.batch_key(batch[0].prepared))
            self._ready.setdefault(key, deque()).extendleft(reversed(batch))
            for ready in batch:
                self._count_ready(ready, 1)


def _answer(ready: _Ready, output: Output, share: float) -> None:
    job = ready.job
    try:
        found = answer_of(job.runner.attachment, job.runner.task, ready.prepared, output, job.top, share)
    except Exception as error:  # noqa: BLE001 - the border of a thread: it becomes this image's answer
        job.answer.set_exception(error)
    else:
        if found.problem:
            job.answer.set_exception(PredictionError(found.problem))
        else:
            job.answer.set_result(found)
