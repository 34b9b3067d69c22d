"""What is asked of a worker that writes a checkpoint as a report, or its tensors as arrays, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspector.checkpoint.forwarding import forward
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.text import clean_name
from inspector.session import words
from inspector.session.file_job import Request
from inspector.session.report_words import report_words


def report_request(summary: CheckpointSummary, state_dict: int | None, official: str = "") -> Request:
    """Return what ``report`` is asked with; see `inspector.session.report_words.report_words`."""
    header, columns = forward(summary)
    return {"summary": header, "words": report_words(summary, state_dict, official)}, [*columns]


def report_sentence(out: Path, result: dict[str, Any]) -> str:
    """Return what was written."""
    found = words.plural(result["findings"], "finding")
    tensors = words.plural(result["tensors"], "tensor")
    return f"Wrote {clean_name(out.name)}: {tensors}, {found}, {words.size(result['bytes'])}."


def arrays_request(summary: CheckpointSummary, tensors: Sequence[int]) -> Request:
    """Return what ``save_arrays`` is asked with."""
    header, columns = forward(summary)
    return {"summary": header, "tensors": list(tensors)}, [*columns]


def arrays_sentence(out: Path, result: dict[str, Any]) -> str:
    """Return what was written, and what is not there as it is in the checkpoint."""
    count, widened, renamed = result["tensors"], result["widened"], result["renamed"]
    told = [f"Wrote {clean_name(out.name)}: {words.plural(count, 'tensor')}, {words.size(result['bytes'])}."]
    if widened:
        which = "It is" if count == 1 else f"{words.number(widened)} {'is' if widened == 1 else 'are'}"
        told.append(f"{which} wider there, since NumPy has no such dtype: float32, or complex64.")
    if renamed:
        told.append(f"{words.number(renamed)} {'has' if renamed == 1 else 'have'} a name that is safe for a file.")
    if left_out := result["left_out"]:
        which = f"{words.plural(left_out, 'tensor')} {'is' if left_out == 1 else 'are'}"
        told.append(f"{which} left out, since {'it' if left_out == 1 else 'they'} can't be read: {result['problem']}")
    return " ".join(told)
