"""What a run of ``inspector predict`` says of files and images."""

from __future__ import annotations

import os
from pathlib import Path

from inspector.session import words
from inspector.session.match_state import Candidate, MatchReport
from inspector.session.state import EngineOptions


def misfit(file: str, report: MatchReport) -> str:
    """Return how a file does not fit an architecture, with counts."""
    return (
        f"{file} does not fit {report.architecture} completely: {len(report.missing):,} missing, "
        f"{report.unexpected:,} unexpected and {len(report.mismatched):,} mismatched keys."
    )


def nearest(report: MatchReport, best: Candidate | None) -> str:
    """Return which architecture to choose instead."""
    if best is None:
        return ""
    fits = not (best.missing or best.unexpected or best.mismatched)
    if best.architecture == report.architecture:
        if fits and best.num_classes is not None:
            return f"The file's own head has {best.num_classes:,} classes: with that it fits."
        return f"{best.architecture} is the nearest architecture."
    if fits:
        return f"It fits {best.architecture}: choose that."
    return f"The nearest architecture is {best.architecture}, which does not fit either."


def as_given(path: Path, given: dict[str, str]) -> str:
    """Return an image's path as the person named it or the folder it was found in."""
    for parent in (path, *path.parents):
        named = given.get(str(parent))
        if named is not None:
            return os.path.join(named, path.relative_to(parent)) if parent != path else named
    return str(path)


def pace(done: int, total: int, seconds: float) -> str:
    """Return how far predicting is, how fast it goes and how long it still takes."""
    said = f"Predicting {done:,} of {words.plural(total, 'image')}"
    if done < 2 or seconds <= 0:
        return said
    rate = done / seconds
    speed = f"{rate:.1f} a second" if rate >= 1 else f"{1 / rate:.1f} s each"
    left = words.duration(1_000 * (total - done) / rate)
    return f"{said}, {speed}" if done == total else f"{said}, {speed}, {left} left"


def changes(options: EngineOptions) -> str:
    """Return what options of the engine change in the numbers, as a sentence; empty where none is chosen."""
    chosen = []
    if options.autocast:
        chosen.append(f"computed in {options.autocast} where torch allows it, so scores differ from the third digit on")
    if options.compile:
        chosen.append("compiled, so scores may differ in their last digits")
    said = "; ".join(chosen)
    return f"{said[:1].upper()}{said[1:]}." if said else ""
