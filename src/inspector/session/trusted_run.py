"""One trusted file that runs: its private copy, its process, and what that may answer."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from inspector.checkpoint.summary import CheckpointSummary
from inspector.processes.client import ProcessClient
from inspector.processes.private_copy import PrivateCopy, PrivateCopyError, copy_privately
from inspector.session.attachment_choices import labels_from
from inspector.session.state import Attachment, OpenCheckpoint
from inspector.session.trust_offer import TrustOffer

#: The bounds of what a trusted file's process may answer: its own code could write the answer.
_MOST_CLASSES = 1_000_000
_MOST_TEXT = 2_000
_MOST_ROWS = 1_000
_MOST_MILLISECONDS = 1e9
#: On a side of an image.
_MOST_PIXELS = 1_000_000


class TrustedRun:
    """One trusted file: its private copy and its process, from the choice to its end."""

    def __init__(self, number: int, summary: CheckpointSummary, offer: TrustOffer) -> None:
        self.number = number
        self.summary = summary
        self.offer = offer
        self.source: Path | None = None
        self.source_hash = ""
        self.remember = False
        self.copy: PrivateCopy | None = None
        self.client: ProcessClient | None = None
        self.is_over = False
        self._lock = threading.Lock()

    def make_copy(self, told: Callable[[float], None]) -> PrivateCopy:
        """Make the private copy unless it is there; for a thread of its own.

        Raises
        ------
        PrivateCopyError, CheckpointError
            The file is not the inspected one any more, or can't be copied; or the run is over.
        """
        if self.copy is not None:
            return self.copy

        def tell(share: float) -> bool:
            told(share)
            return not self.is_over

        made = copy_privately(self.summary.files[0], tell)
        with self._lock:
            if not self.is_over:
                self.copy = made
                return made
        made.remove()
        raise PrivateCopyError("The run was given up.")

    def end(self) -> None:
        """End the process and delete the copy."""
        self.end_process()
        with self._lock:
            self.is_over = True
            copy, self.copy = self.copy, None
        if copy is not None:
            copy.remove()

    def end_process(self) -> None:
        """End the process, and those that the model started, but keep the copy."""
        client, self.client = self.client, None
        if client is None:
            return
        if hasattr(os, "killpg") and client.process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(client.process.pid, signal.SIGKILL)  # it leads a group of its own
        client.close()


def starting(offer: TrustOffer) -> Attachment:
    """Return the attachment of a model that is about to run."""
    return Attachment(phase="running", trusted=True, architecture=offer.class_name)


def attachment_of(found: OpenCheckpoint, offer: TrustOffer, result: dict[str, Any]) -> Attachment | None:
    """Return what a trusted file's process answered, None where it makes no sense."""
    try:
        classes = int(result["num_classes"])
        preprocessing = dict(result["preprocessing"])
        made = replace(
            starting(offer),
            phase="ready",
            progress=1.0,
            num_classes=classes,
            device=_text(result["device"]),
            device_description=_text(result["device_description"]),
            eval_sentence=_text(result["eval_sentence"]),
            preprocessing=preprocessing,
            labels=tuple(_text(label) for label in list(result["labels"])[:_MOST_CLASSES]),
            labels_from=labels_from(found, classes),
            engine_id=int(result["attachment"]),
            milliseconds=_within(result["milliseconds"], _MOST_MILLISECONDS),
        )
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None
    return made if 0 < classes <= _MOST_CLASSES else None


def prediction_of(result: dict[str, Any]) -> dict[str, Any] | None:
    """Return the prediction in an answer, each value of its type; None where it makes no sense."""
    try:
        rows = [
            {
                "label": _text(row["label"]),
                "index": int(_within(row["index"], _MOST_CLASSES)),
                "score": _within(row["score"], 1),
            }
            for row in list(result["predictions"])[:_MOST_ROWS]
        ]
        return {
            "predictions": rows,
            "milliseconds": _within(result["milliseconds"], _MOST_MILLISECONDS),
            "device": _text(result["device"]),
            "width": int(_within(result["width"], _MOST_PIXELS)),
            "height": int(_within(result["height"], _MOST_PIXELS)),
            "rasters": [],  # its model classifies, and nothing else
            "note": "",
        }
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None


def _within(value: Any, most: float) -> float:
    number = float(value)
    if not 0 <= number <= most:  # NaN is not
        raise ValueError(f"{number} is not from 0 to {most}")
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value[:_MOST_TEXT]
