"""The client of a child process: requests out, answers in, in plain Python.

Every callback runs on the client's own thread; the session moves them to its loop.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import shutil
import subprocess
import tempfile
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from inspector.errors import InspectorError
from inspector.processes.frames import Buffer, ProtocolError, read_frame, write_frame
from inspector.processes.starting import Role, start

_log = logging.getLogger(__name__)

#: Seconds between two beats of a watched process's heart, and how many may go unanswered: an engine computes or waits
#: for its device on other threads than the one that answers. Until its first answer it imports torch, from a slow disk
#: perhaps, and loading a library of some gigabytes lets no other thread run.
BEAT, BEATS, FIRST_BEATS = 1.0, 20, 60

#: Beats without an answer to any request, after which whoever asked is told, though pings are answered.
SILENT_BEATS = 60

#: Lines of a child's standard error that are kept, to explain its death in the log.
_KEPT_LINES = 60

Message = tuple[dict[str, Any], Sequence[Buffer]]


class ProcessError(InspectorError):
    """An error that another process told, or its death.

    Attributes
    ----------
    kind
        The class name of the error there, or ``"ProcessDied"``.
    """

    def __init__(self, message: str, hint: str = "", kind: str = "ProcessError") -> None:
        super().__init__(message, hint)
        self.kind = kind


@dataclass(slots=True)
class _Pending:
    done: Callable[[dict[str, Any], list[bytearray]], None]
    failed: Callable[[ProcessError], None]
    progress: Callable[[dict[str, Any]], None] | None
    method: str


class ProcessClient:
    """One child process and the requests it has not answered yet.

    Parameters
    ----------
    role
        Which process to start.
    python
        The interpreter for it; ours where None.
    on_death
        Called once when the process is gone, unless `close` ended it.
    watched
        Whether it must answer pings while a request waits, whatever it does meanwhile. One that answers none hangs and
        is ended: `is_hung` tells so.
    on_silence
        Of a watched process: called with the methods of the requests that wait, when for a minute none was answered
        and nothing was told of any, though pings are answered.
    """

    def __init__(
        self,
        role: Role,
        *,
        python: str | None = None,
        on_death: Callable[[], None] | None = None,
        watched: bool = False,
        on_silence: Callable[[frozenset[str]], None] | None = None,
    ) -> None:
        self.role = role
        self._on_death = on_death
        self._on_silence = on_silence
        self._pending: dict[int, _Pending] = {}
        self._lock = threading.Lock()
        self._last_id = 0
        self._dead = self._closing = False
        self._outbox: queue.SimpleQueue[Iterator[Message] | None] = queue.SimpleQueue()
        self._stderr: deque[bytes] = deque(maxlen=_KEPT_LINES)
        self._writing = threading.Lock()
        self._heard = self._told = 0  # frames read so far; those that were about a request
        self._has_answered = False
        self._is_asked = threading.Event()  # a request waits, or the process has ended
        self._beat = threading.Event()  # the process is to be pinged
        self.is_hung = False
        folder = tempfile.mkdtemp(prefix=f"inspector-{role}-")
        # Also at our own end, which does not wait for the threads, and where the process can't be started.
        self._remove_folder = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.process: subprocess.Popen[bytes] = start(role, folder, python)
        threads = {"in": self._read, "out": self._write, "err": self._drain}
        if watched:
            threads |= {"heart": self._listen, "ping": self._ping}
        for name, target in threads.items():
            threading.Thread(target=target, daemon=True, name=f"{role}-{name}").start()

    @property
    def alive(self) -> bool:
        """Whether the process still answers."""
        return not self._dead

    def request(
        self,
        method: str,
        params: dict[str, Any],
        buffers: Sequence[Buffer] | Callable[[], Sequence[Buffer]] = (),
        *,
        done: Callable[[dict[str, Any], list[bytearray]], None],
        failed: Callable[[ProcessError], None],
        progress: Callable[[dict[str, Any]], None] | None = None,
        before: Callable[[], Iterator[Message]] | None = None,
    ) -> None:
        """Ask for something; exactly one of ``done`` and ``failed`` is called, on another thread.

        Parameters
        ----------
        method, params, buffers
            What to ask. Buffers may be given as a function, which then reads them on the sending thread.
        before
            Makes messages to send ahead of it, one by one, on the sending thread: large things read from a file in
            pieces. An InspectorError or OSError in it becomes the request's failure.
        """
        with self._lock:
            dead = self._dead
            if not dead:
                self._last_id += 1
                number = self._last_id
                self._pending[number] = _Pending(done, failed, progress, method)
                self._is_asked.set()
        if dead:
            failed(self._death())
            return
        self._outbox.put(self._messages(number, {"method": method, "params": params}, buffers, before))

    def _messages(
        self,
        number: int,
        header: dict[str, Any],
        buffers: Sequence[Buffer] | Callable[[], Sequence[Buffer]],
        before: Callable[[], Iterable[Message]] | None,
    ) -> Iterator[Message]:
        try:
            yield from before() if before is not None else ()
            ready = buffers() if callable(buffers) else buffers
        except InspectorError as error:
            self._fail(number, ProcessError(error.message, error.hint, type(error).__name__))
            return
        except OSError as error:
            self._fail(number, ProcessError(f"The file can't be read: {error.strerror or error}.", "", "OSError"))
            return
        yield {"id": number, **header}, ready

    def kill(self) -> None:
        """End the process at once, in the middle of anything; what is pending fails."""
        with contextlib.suppress(OSError):
            self.process.kill()

    def close(self) -> None:
        """End the process quietly: nothing fails, nobody is told."""
        self._closing = True
        self._outbox.put(None)
        self.kill()

    # -- threads ---------------------------------------------------------------------------------------------

    def _write(self) -> None:
        # Whatever ends this thread or the next ends the process: no request may wait for what nobody sends or reads.
        try:
            with cast(BinaryIO, self.process.stdin) as stream, contextlib.suppress(OSError):
                while (messages := self._outbox.get()) is not None:
                    for header, buffers in messages:
                        try:
                            with self._writing:
                                write_frame(stream, header, buffers)
                        except ProtocolError as error:  # nothing of it was written
                            self._fail(header.get("id", -1), ProcessError(error.message, error.hint, "ProtocolError"))
        finally:
            self.kill()

    def _read(self) -> None:
        try:
            with cast(BinaryIO, self.process.stdout) as stream:
                while (frame := read_frame(stream)) is not None:
                    self._heard += 1
                    self._dispatch(*frame)
        except (ProtocolError, OSError) as error:
            _log.info("%s: %s", self.role, error)
        finally:
            self.kill()
            self.process.wait()
            self._bury()

    def _listen(self) -> None:
        """Have the process pinged while a request waits, and end it when it answers nothing for too long.

        Beats are counted, not seconds: a computer that slept has not waited.
        """
        missed = silent = 0
        heard, told, ticks = -1, -1, threading.Event()
        while True:
            self._is_asked.wait()
            ticks.wait(BEAT)
            with self._lock:
                if self._dead or self._closing:
                    break
                waiting = frozenset(pending.method for pending in self._pending.values())
                if not waiting:
                    self._is_asked.clear()
            missed = missed + 1 if waiting and heard == self._heard else 0
            silent = silent + 1 if waiting and told == self._told else 0
            heard, told = self._heard, self._told
            if missed >= (BEATS if self._has_answered else FIRST_BEATS):
                self.is_hung = True
                self.kill()
                break
            if silent == SILENT_BEATS and self._on_silence is not None:
                self._on_silence(waiting)
            if waiting:
                self._beat.set()
        self._beat.set()  # so that the other thread ends

    def _ping(self) -> None:
        """Ping at each beat; on a thread of its own, for a process that reads nothing any more blocks it."""
        stream = cast(BinaryIO, self.process.stdin)
        while True:
            self._beat.wait()
            self._beat.clear()
            if self._dead or self._closing or self.is_hung:
                return
            with self._writing, contextlib.suppress(OSError, ValueError):  # it ended, which the reading thread tells
                write_frame(stream, {"id": 0, "method": "ping", "params": {}})

    def _drain(self) -> None:
        with cast(BinaryIO, self.process.stderr) as stream, contextlib.suppress(OSError):
            for line in iter(stream.readline, b""):
                self._stderr.append(line[:2_000])

    def _dispatch(self, header: dict[str, Any], buffers: list[bytearray]) -> None:
        number = header.get("id")
        if type(number) is not int:
            return
        with self._lock:
            ends = "progress" not in header
            pending = self._pending.pop(number, None) if ends else self._pending.get(number)
        if pending is not None:
            self._told += 1
            self._has_answered = self._has_answered or ends
        if pending is None or self._closing:
            return
        if not ends:
            if pending.progress is not None:
                pending.progress(header["progress"])
        elif isinstance(header.get("result"), dict):
            pending.done(header["result"], buffers)
        else:
            told = header.get("error")
            fields = told if isinstance(told, dict) else {}
            message = str(fields.get("message") or "The other process gave no answer.")
            pending.failed(
                ProcessError(message, str(fields.get("hint") or ""), str(fields.get("type") or "ProcessError"))
            )

    def _fail(self, number: int, error: ProcessError) -> None:
        with self._lock:
            pending = self._pending.pop(number, None)
        if pending is not None and not self._closing:
            pending.failed(error)

    def _bury(self) -> None:
        with self._lock:
            self._dead = True
            left, self._pending = list(self._pending.values()), {}
        self._is_asked.set()  # so that the heart's thread ends
        self._outbox.put(None)
        self._remove_folder()
        if self._closing:
            return
        _log.warning("the %s ended (%s): %s", self.role, self.process.returncode, self.last_words())
        # The death first: whoever hears that a request failed must find the new state already.
        if self._on_death is not None:
            self._on_death()
        for pending in left:
            pending.failed(self._death())

    def last_words(self) -> str:
        """Return the end of what the process wrote to its standard error."""
        return b"".join(self._stderr).decode("utf-8", "replace").strip()

    def _death(self) -> ProcessError:
        code = self.process.returncode
        how = f"stopped by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"
        return ProcessError(f"The {self.role} process {how}.", "Try again.", "ProcessDied")
