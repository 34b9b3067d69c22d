"""Walking a pickle for a container: its value, and what it names or does wrong noted in the contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from inspector.checkpoint.arrays import PickledArray, place_arrays
from inspector.checkpoint.contents import Contents
from inspector.checkpoint.errors import BrokenCheckpointError, CheckpointError
from inspector.checkpoint.machine import Machine, describe_failure
from inspector.checkpoint.nesting import NestedFile, note_nested, place_nested
from inspector.checkpoint.values import Value


class Walked(Protocol):
    """What walks of pickles found: a `Machine`, or what was gathered from several over the same bytes."""

    data: bytes
    name: str
    arrays: list[PickledArray]
    nested: list[NestedFile]
    mutates_a_global: bool
    misuses: dict[str, None]

    @property
    def globals(self) -> Mapping[str, object]:
        """The names in them."""


def walk(contents: Contents, machine: Machine, file_name: str) -> Value:
    """Return the value of the machine's pickle, or what was read of it before an error.

    The globals it names are added to those in ``contents``; after an error these are "at least these".

    Raises
    ------
    BrokenCheckpointError
        Nothing at all could be read.
    """
    try:
        return machine.run()
    except CheckpointError as error:
        found = machine.partial()
        if found is None and not machine.globals:
            raise BrokenCheckpointError(
                f"{file_name} can't be read. {error.message}", "Download or copy it again."
            ) from None
        contents.complete = contents.globals_complete = False
        contents.warnings.append(describe_failure(error))
        return found
    finally:
        note(contents, machine)


def note(contents: Contents, walked: Walked) -> None:
    """Add to ``contents`` what pickles name and do wrong, and the files inside of them."""
    known = set(contents.globals)
    contents.globals += [name for name in walked.globals if name not in known]
    contents.mutates_a_global |= walked.mutates_a_global
    contents.misuses += walked.misuses
    note_nested(contents, walked.nested)


def place(contents: Contents, walked: Walked, start: int | None) -> None:
    """Note in ``contents`` where the bytes that pickles hold themselves lie: those of arrays, and of files inside.

    Parameters
    ----------
    start
        Offset of ``walked.data`` in the file, None where it does not lie there as it is (a packed entry).
    """
    place_arrays(contents, walked.arrays, walked.data, start, walked.name)
    place_nested(contents, walked.nested, walked.data, start)
