"""The worker's answers about Python environments. They are read as files; none of them is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inspector.processes.roles.serving import Progress, Reply

if TYPE_CHECKING:
    from inspector.pythons import Surroundings


def find_pythons(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Send every environment of this machine as progress, as soon as it is found; the answer is their number."""
    from inspector.pythons import find

    count = 0
    for row in find(_surroundings(params)):
        count += 1
        progress(row.to_json())
    return {"count": count}, []


def describe_python(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with what the files of one environment tell."""
    from inspector.pythons import describe

    return describe(str(params["executable"]), _surroundings(params)).to_json(), []


def _surroundings(params: dict[str, Any]) -> Surroundings:
    from inspector.pythons import Surroundings

    here = Surroundings.here(
        own=str(params["own"]), chosen=str(params["chosen"]), avoided=tuple(map(str, params["avoided"]))
    )
    # Taken from every child's environment, for it would bend another Python.
    here.environ["VIRTUAL_ENV"] = str(params["virtual_env"])
    return here
