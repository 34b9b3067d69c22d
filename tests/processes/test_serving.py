"""Every request is answered: one whose answer can't be sent by an error, and the process goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, cast

import pytest

from inspector.processes.frames import MAX_BUFFERS, read_frame, write_frame

from .conftest import SOURCE

SERVER = f"""
from concurrent.futures import Future
from inspector.processes.roles.serving import Server

def many(*_):
    return {{}}, [b""] * {MAX_BUFFERS + 1}

def later(*_):
    answer = Future()
    answer.set_result(({{"what": object()}}, []))
    return answer

Server(0, 1, {{"many": many, "later": later, "good": lambda *_: ({{"a": 1}}, [])}}).run()
"""


@pytest.mark.parametrize("method", ["many", "later"])
def test_an_answer_that_can_not_be_sent_is_an_error(method: str) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        bufsize=0,
    )
    with server:
        answers: list[dict[str, Any]] = []
        for number, asked in enumerate((method, "good")):
            write_frame(cast(Any, server.stdin), {"id": number, "method": asked, "params": {}})
            found = read_frame(cast(Any, server.stdout))
            assert found is not None, "the process ended"
            answers.append(found[0])
        cast(Any, server.stdin).close()
    assert answers[0]["id"] == 0
    assert answers[0]["error"]["type"] == "ProtocolError"
    assert answers[1] == {"id": 1, "result": {"a": 1}}
