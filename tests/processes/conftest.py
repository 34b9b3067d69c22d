"""Child processes of a test: all ended with it, and asked from the test's own thread."""

from __future__ import annotations

import os
import queue
import select
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.processes.client import ProcessClient, ProcessError

SOURCE = Path(__file__).resolve().parents[2] / "src"
BOOTSTRAP = SOURCE / "inspector" / "processes" / "bootstrap.py"

Start = Callable[..., ProcessClient]


def ask(
    client: ProcessClient, method: str, params: dict[str, Any] | None = None, buffers: Any = (), **options: Any
) -> tuple[dict[str, Any], list[bytearray]]:
    """Ask and wait.

    Raises
    ------
    ProcessError
        What the process answered, or its death.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    client.request(
        method,
        params or {},
        buffers,
        done=lambda result, out: answers.put((result, out)),
        failed=answers.put,
        **options,
    )
    answer = answers.get(timeout=60)
    if isinstance(answer, ProcessError):
        raise answer
    result: tuple[dict[str, Any], list[bytearray]] = answer
    return result


@pytest.fixture
def start() -> Iterator[Start]:
    """Start clients that end with the test."""
    clients: list[ProcessClient] = []

    def make(*arguments: Any, **options: Any) -> ProcessClient:
        clients.append(ProcessClient(*arguments, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
    for thread in threading.enumerate():
        if thread.name in {f"{client.role}-in" for client in clients}:
            thread.join(10)


def wait_for_end(pid: int, seconds: float) -> bool:
    """Wait until a process has ended, whosever child it is; tell whether it did in time."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(seconds * 1_000))
    finally:
        os.close(descriptor)
