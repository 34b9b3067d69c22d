"""What a run of ``inspector predict`` says of files and images."""

from __future__ import annotations

import os
from pathlib import Path

from inspector.session.match_state import Candidate, MatchReport


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


def free_name(stem: str, taken: set[str]) -> str:
    """Return a name that no other copy of this run has: ``dog-predicted.png``, ``dog-predicted-2.png``."""
    name, count = f"{stem}-predicted.png", 1
    while name.casefold() in taken:
        count += 1
        name = f"{stem}-predicted-{count}.png"
    taken.add(name.casefold())
    return name
