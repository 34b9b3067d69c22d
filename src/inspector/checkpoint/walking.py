"""Walking a pickle for a container: its value, and what it names or does wrong noted in the contents."""

from __future__ import annotations

from inspector.checkpoint.contents import Contents
from inspector.checkpoint.errors import BrokenCheckpointError, CheckpointError
from inspector.checkpoint.machine import Machine, describe_failure
from inspector.checkpoint.values import Value


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
        known = set(contents.globals)
        contents.globals += [name for name in machine.globals if name not in known]
        contents.mutates_a_global |= machine.mutates_a_global
        contents.misuses += machine.misuses
