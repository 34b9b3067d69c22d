"""Which state_dict of a checkpoint a verb is about."""

from __future__ import annotations

from inspector.checkpoint.summary import CheckpointSummary
from inspector.command_line.problems import CommandError

#: Paths listed in an error at the most.
_LISTED = 20


def choose_state_dict(summary: CheckpointSummary, name: str, path: str | None) -> int:
    """Return the index of the state_dict at ``path``, or the model's where None.

    Parameters
    ----------
    name
        What to call the file in an error.

    Raises
    ------
    CommandError
        There is none.
    """
    paths = [found.path for found in summary.state_dicts]
    if not paths:
        raise CommandError(f"{name} holds no state_dict.", "inspector show says what it holds.")
    if path is None:
        if summary.model is None:
            others = [found.path for found in summary.state_dicts if found.role != "optimizer"]
            hint = f"Name one with --state-dict: {_listed(others)}." if others else "inspector show says what it holds."
            raise CommandError(f"{name} holds no model's state_dict.", hint)
        return summary.model
    if path not in paths:
        raise CommandError(f"{name} has no state_dict at {path!r}.", f"It has: {_listed(paths)}.")
    return paths.index(path)


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
    return ", ".join(repr(path) for path in paths[:_LISTED]) + more
