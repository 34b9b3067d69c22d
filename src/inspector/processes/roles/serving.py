"""The loop that every role runs: requests in, replies out, and an end as soon as the other side is gone.

A request is ``{"id": n, "method": name, "params": {...}}`` with buffers. Its answers carry the same id:
``{"id": n, "progress": {...}}`` any number of times, then ``{"id": n, "result": {...}}`` with buffers or
``{"id": n, "error": {"type", "message", "hint"}}``. A request without an id is only answered by an error.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from inspector.errors import InspectorError
from inspector.processes.frames import Buffer, Frame, ProtocolError, read_frame, write_frame

Reply = tuple[dict[str, Any], Sequence[Buffer]]
Progress = Callable[[dict[str, Any]], None]
Method = Callable[[dict[str, Any], list[bytearray], Progress], Reply]

_log = logging.getLogger(__name__)


class Server:
    """Answers requests one by one on the main thread; a second thread reads, so that the end is noticed at once.

    Parameters
    ----------
    incoming, outgoing
        File descriptors of the protocol.
    methods
        What can be asked for, by name.
    """

    def __init__(self, incoming: int, outgoing: int, methods: dict[str, Method]) -> None:
        self._in = os.fdopen(incoming, "rb", buffering=1 << 16)
        self._out = os.fdopen(outgoing, "wb", buffering=1 << 16)
        self._lock = threading.Lock()
        self._methods = methods
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
            result, out = method(params, buffers, lambda progress: self._send({"id": number, "progress": progress}))
        except InspectorError as error:
            self._send(_error(number, type(error).__name__, error.message, error.hint))
        except MemoryError:
            self._send(_error(number, "MemoryError", "There is not enough memory for this.", "Close something else."))
        except Exception as error:  # noqa: BLE001 - the border of the process: a bug must become an answer
            _log.exception("in %s", header.get("method"))
            why = " ".join(str(error).split())[:300]
            self._send(_error(number, "InternalError", f"Inspector made a mistake ({type(error).__name__}).", why))
        else:
            if number is not None:
                self._send({"id": number, "result": result}, out)


def _error(number: Any, kind: str, message: str, hint: str) -> dict[str, Any]:
    return {"id": number, "error": {"type": kind, "message": message, "hint": hint}}


def end_process() -> None:
    """End now, in the middle of anything: nobody is left to hear the answer."""
    with contextlib.suppress(OSError):
        os.rmdir(os.getcwd())  # our private empty folder; kept when a library put something there
    os._exit(0)
