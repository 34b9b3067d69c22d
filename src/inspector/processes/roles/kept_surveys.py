"""Surveys that were made before are told again from a small file; files that are no longer the same are measured anew.

A file in the folder is one survey: `_MAGIC`, a digest of what follows, and deflated JSON. Its name is a digest of the
checkpoint's files (device, inode, size, time), of all that the reader told of its tensors, and of our version and
the edition of the audit.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import stat
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inspector import __version__, findings
from inspector.checkpoint.summary import CheckpointSummary
from inspector.processes.roles import surveying
from inspector.processes.roles.serving import Progress, Reply

_MAGIC = b"inspector survey 1\n"
_SUFFIX = ".survey"
#: Surveys that are kept, the longest unused are removed; a larger one than this is not.
MOST_KEPT, _MOST_BYTES = 50, 256 << 20
_DIGEST_BYTES = 32
#: A file that is being written, and the seconds after which none is any more.
_PART, _STALE_SECONDS = ".part", 3_600.0

_log = logging.getLogger(__name__)


def survey(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Do what `inspector.processes.roles.surveying.survey` does, or tell what it told before.

    ``params["cache"]`` is the folder where that is kept, null where nothing is.
    """
    if not params.get("cache"):
        return surveying.survey(params, buffers, progress)
    path = Path(str(params["cache"])) / (_key(params, buffers) + _SUFFIX)
    kept = _load(path)
    if kept is not None:
        for told in kept["told"]:
            progress(told)
        return kept["result"], []
    recorder = _Recorder(progress)
    result, out = surveying.survey(params, buffers, recorder)
    if not _may_pass(params, buffers, recorder.told):
        _save(path, {"told": recorder.told, "result": result})
    return result, out


def _may_pass(params: dict[str, Any], buffers: list[bytearray], told: list[dict[str, Any]]) -> bool:
    """Tell whether a tensor could not be read for a reason that may be gone the next time: no memory, a bad disk."""
    numbers = [number for message in told for number, _ in message["problems"]]
    known = CheckpointSummary(params["summary"], buffers).problems if numbers else []
    return any(not known[number] for number in numbers)


class _Recorder:
    """Hands on what is told, and remembers what is more than how far it is."""

    def __init__(self, progress: Progress) -> None:
        self._progress: Callable[[dict[str, Any]], None] = progress
        self.told: list[dict[str, Any]] = []

    def __call__(self, told: dict[str, Any]) -> None:
        self._progress(told)
        if told["tensors"] or told["problems"]:
            self.told.append(told)


def _key(params: dict[str, Any], buffers: list[bytearray]) -> str:
    made = hashlib.sha256()
    what = [__version__, findings.EDITION, params["summary"]["files"], params["bins"], params.get("tensors")]
    made.update(json.dumps(what).encode("ascii"))
    for buffer in buffers:
        made.update(len(buffer).to_bytes(8, "little"))
        made.update(buffer)
    return made.hexdigest()


def _load(path: Path) -> dict[str, Any] | None:
    """Return what is kept in a file; None where there is none, or a damaged one, which is removed."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            raise ValueError("no file that we write")
        raw = path.read_bytes()
        head = len(_MAGIC) + _DIGEST_BYTES
        digest, packed = raw[len(_MAGIC) : head], raw[head:]
        if raw[: len(_MAGIC)] != _MAGIC or hashlib.sha256(packed).digest() != digest:
            raise ValueError("not as it was written")
        unpacking = zlib.decompressobj()
        kept = json.loads(unpacking.decompress(packed, _MOST_BYTES))
        if type(kept) is not dict or type(kept.get("told")) is not list or type(kept.get("result")) is not dict:
            raise ValueError("not what was written")
        os.utime(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, zlib.error, RecursionError) as error:
        _log.warning("a kept survey can't be used and is removed: %s", error)
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    return kept


def _save(path: Path, kept: dict[str, Any]) -> None:
    """Keep a survey, in one step; where that is not possible it is measured again the next time."""
    text = json.dumps(kept, allow_nan=False).encode("ascii")
    if len(text) > _MOST_BYTES:
        return
    packed = zlib.compress(text, 1)
    part = path.with_name(f"{path.name}.{os.getpid()}{_PART}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.write_bytes(_MAGIC + hashlib.sha256(packed).digest() + packed)
        os.replace(part, path)
        _prune(path.parent)
    except OSError as error:
        _log.info("a survey can't be kept: %s", error)
        with contextlib.suppress(OSError):
            part.unlink()


def _prune(folder: Path) -> None:
    """Remove the surveys that were not used for the longest time."""
    found = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda path: path.lstat().st_mtime, reverse=True)
    for path in found[MOST_KEPT:]:
        path.unlink(missing_ok=True)
    for path in folder.glob(f"*{_SUFFIX}.*{_PART}"):  # of a process that was ended while it wrote
        if path.lstat().st_mtime < time.time() - _STALE_SECONDS:
            path.unlink(missing_ok=True)
