"""The loop that every role runs: requests in, replies out, and an end as soon as the other side is gone.

A request is ``{"id": n, "method": name, "params": {...}}`` with buffers. Its answers carry the same id:
``{"id": n, "progress": {...}}`` any number of times, then ``{"id": n, "result": {...}}`` with buffers or
``{"id": n, "error": {"type", "message", "hint"}}``. A request without an id is only answered by an error. Every role
answers ``ping``, also while it works.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from inspector.errors import InspectorError
from inspector.processes.frames import Buffer, Frame, ProtocolError, read_frame, write_frame

Reply = tuple[dict[str, Any], Sequence[Buffer]]
Progress = Callable[[dict[str, Any]], None]
Method = Callable[[dict[str, Any], list[bytearray], Progress], Reply | Future[Reply]]

_log = logging.getLogger(__name__)


class Server:
    """Answers requests one by one on the main thread; a second thread reads, so that the end is noticed at once.

    A method that returns a Future is answered when that is done, on whatever thread, while other requests go on.

    Parameters
    ----------
    incoming, outgoing
        File descriptors of the protocol.
    methods
        What can be asked for, by name.
    at_once
        What is answered on the reading thread, whatever the main thread does: nothing that takes long.
    """

    def __init__(
        self, incoming: int, outgoing: int, methods: Mapping[str, Method], at_once: Mapping[str, Method] | None = None
    ) -> None:
        self._in = os.fdopen(incoming, "rb", buffering=1 << 16)
        self._out = os.fdopen(outgoing, "wb", buffering=1 << 16)
        self._lock = threading.Lock()
        self._at_once = {"ping": lambda *_: ({}, []), **(at_once or {})}
        self._methods = {**methods, **self._at_once}
        self._requests: queue.SimpleQueue[Frame] = queue.SimpleQueue()

    def run(self) -> None:
        """Serve until the pipe closes; then the process ends, whatever it is doing."""
        threading.Thread(target=self._read, daemon=True, name="frames").start()
        while True:
            header, buffers = self._requests.get()
            self._answer(header, buffers)

    def _read(self) -> None:
        try:
            while (frame := read_frame(self._in)) is not None:
                if str(frame[0].get("method")) in self._at_once:
                    self._answer(*frame)
                else:
                    self._requests.put(frame)
        except (ProtocolError, OSError) as error:
            _log.error("protocol: %s", error)
        end_process()

    def _send(self, header: dict[str, Any], buffers: Sequence[Buffer] = ()) -> None:
        with self._lock:
            try:
                write_frame(self._out, header, buffers)
            except OSError:
                end_process()

    def _answer(self, header: dict[str, Any], buffers: list[bytearray]) -> None:
        number = header.get("id")
        method = self._methods.get(str(header.get("method")))
        params = header.get("params")
        if method is None or not isinstance(params, dict):
            self._send(_error(number, "ProtocolError", f"There is no method {header.get('method')!r}.", ""))
            return
        try:
            reply = method(params, buffers, lambda progress: self._send({"id": number, "progress": progress}))
        except Exception as error:  # noqa: BLE001 - the border of the process: a bug must become an answer
            self._send(_told(number, header.get("method"), error))
            return
        if isinstance(reply, Future):
            reply.add_done_callback(lambda done: self._finish(header, done))
        else:
            self._reply(header, reply)

    def _reply(self, header: dict[str, Any], reply: Reply) -> None:
        """Answer a request; one whose answer can't be sent is answered by that, and never by silence."""
        if header.get("id") is None:
            return
        try:
            self._send({"id": header["id"], "result": reply[0]}, reply[1])
        except ProtocolError as error:
            self._send(_told(header["id"], header.get("method"), error))

    def _finish(self, header: dict[str, Any], done: Future[Reply]) -> None:
        error = done.exception()
        if error is not None:
            self._send(_told(header.get("id"), header.get("method"), error))
        else:
            self._reply(header, done.result())


def _told(number: Any, method: Any, error: BaseException) -> dict[str, Any]:
    """Return the answer that an exception becomes."""
    if isinstance(error, InspectorError):
        return _error(number, type(error).__name__, error.message, error.hint)
    if isinstance(error, MemoryError):
        return _error(number, "MemoryError", "There is not enough memory for this.", "Close something else.")
    _log.error("in %s", method, exc_info=error)
    why = " ".join(str(error).split())[:300]
    return _error(number, "InternalError", f"Inspector made a mistake ({type(error).__name__}).", why)


def _error(number: Any, kind: str, message: str, hint: str) -> dict[str, Any]:
    return {"id": number, "error": {"type": kind, "message": message, "hint": hint}}


def end_process() -> None:
    """End now, in the middle of anything: nobody is left to hear the answer."""
    with contextlib.suppress(OSError):
        folder = os.getcwd()
        kept = os.environ.get("TORCHINDUCTOR_CACHE_DIR", "")  # as `clean_environment` set it
        if os.path.dirname(kept) == folder and os.path.isdir(kept):
            import shutil  # not at the top: the reader, which starts often, has no such folder

            shutil.rmtree(kept, ignore_errors=True)
        os.rmdir(folder)  # our private empty folder; kept when a library put something there
    os._exit(0)
