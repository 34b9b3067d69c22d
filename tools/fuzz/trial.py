"""One trial: a file is opened and looked at as the reader and the worker do, under a watch on what happens besides."""

from __future__ import annotations

import pkgutil
import signal
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import inspector.checkpoint
from inspector.checkpoint import CheckpointError, open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary

#: Tensors whose elements are read, and their bytes at the most: each is read by the same code.
_TENSORS = 12
_TENSOR_BYTES = 1 << 20

#: Audit events that have no place in reading, whatever is in the file.
_FORBIDDEN = tuple(
    "subprocess os.system os.exec os.fork os.posix_spawn os.spawn os.remove os.rename os.mkdir os.rmdir"
    " socket. shutil. ctypes. import marshal. pickle. urllib. ftplib. webbrowser.".split()
)


#: Holds a path while it is being looked at.
_watching: list[Path] = []


class OverstayError(BaseException):
    """The file took far too long; no handler of ordinary errors catches this."""


class ForbiddenError(BaseException):
    """Something else than reading was about to happen."""


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: ``answer`` is the error's class or the kind; ``finding`` what is wrong with that, or ""."""

    answer: str
    finding: str = ""
    seconds: float = 0.0


def watch() -> None:
    """Stop what has no place in reading, and what takes too long, from now on in this process."""
    import ml_dtypes  # noqa: F401 - imports are watched for as well: the reader's own come first
    import numpy  # noqa: F401

    for module in pkgutil.iter_modules(inspector.checkpoint.__path__):
        import_module(f"inspector.checkpoint.{module.name}")
    for codec in ("raw-unicode-escape", "cp437"):  # imported when they are first used
        "".encode(codec)

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if _watching and event.startswith(_FORBIDDEN):
            raise ForbiddenError(f"{event} {arguments!r}"[:300])

    sys.addaudithook(hear)

    def overstay(_: int, __: object) -> None:
        raise OverstayError

    signal.signal(signal.SIGVTALRM, overstay)


def attempt(path: Path, limit: float) -> Outcome:
    """Open a file and look at everything in it.

    Anything but an answer or a typed error is a finding; so is more than ``limit`` seconds of processor time.
    """
    started = time.process_time()
    _watching.append(path)
    signal.setitimer(signal.ITIMER_VIRTUAL, 5 * limit)
    try:
        answer, finding = _look(path)
    except CheckpointError as error:
        answer, finding = type(error).__name__, _wrong_with(error)
    except RecursionError:
        answer, finding = "RecursionError", _trace()
    except OverstayError:
        answer, finding = "OverstayError", f"more than {5 * limit:g} s: {_trace()}"
    except (ForbiddenError, Exception) as error:  # noqa: BLE001 - anything else is what this is looking for
        answer, finding = type(error).__name__, _trace()
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        _watching.clear()
    seconds = time.process_time() - started
    if not finding and seconds > limit:
        finding = f"took {seconds:.1f} s"
    return Outcome(answer, finding, seconds)


def _look(path: Path) -> tuple[str, str]:
    finding = ""
    with open_checkpoint(path) as checkpoint:
        header, columns = encode(checkpoint)
        CheckpointSummary(header, [bytearray(column) for column in columns])
        for tensor in checkpoint.tensors:
            assert tensor.numel >= 0
            assert tensor.problem or tensor.layout
        for tensor in list(checkpoint.tensors)[:_TENSORS]:
            if tensor.nbytes <= _TENSOR_BYTES:
                finding = finding or _read(tensor)
        checkpoint.check_unchanged()
        return f"{checkpoint.container} {checkpoint.kind} {checkpoint.safety}", finding


def _read(tensor: Any) -> str:
    try:
        elements = tensor.read()
    except CheckpointError as error:
        return _wrong_with(error)
    if tensor.problem:
        return f"{tensor.name} was read although {tensor.problem}"
    return "" if tuple(elements.shape) == tuple(tensor.shape) else f"{tensor.name} has another shape when read"


def _wrong_with(error: CheckpointError) -> str:
    """Return what is wrong with an error's sentence: it must be one that a person can read."""
    message = error.message
    if not message or len(message) > 1_000 or "\n" in message or not message.endswith((".", "?", "!")):
        return f"not a sentence: {message[:300]!r}"
    return ""


def _trace() -> str:
    """Return the last place in our code of the error being handled, with its text."""
    kind, error, trace = sys.exc_info()
    place = ""
    while trace is not None:
        if "inspector" in trace.tb_frame.f_code.co_filename:
            place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno} {trace.tb_frame.f_code.co_name}"
        trace = trace.tb_next
    return f"{kind.__name__ if kind else ''}: {str(error)[:200]} at {place}"
