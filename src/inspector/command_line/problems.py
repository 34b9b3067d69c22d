"""What can go wrong on the command line, each with its exit code."""

from __future__ import annotations

from typing import ClassVar

from inspector.errors import InspectorError
from inspector.session.failure import Failure


class CommandError(InspectorError):
    """The file can't be read, or not used as asked."""

    exit_code: ClassVar[int] = 3


class UsageError(CommandError):
    """The command was not understood."""

    exit_code: ClassVar[int] = 2


class EngineFailedError(CommandError):
    """The engine, or another process of ours, failed."""

    exit_code: ClassVar[int] = 4


#: Failures that are the machine's or ours, not the file's, by the name of their class.
_OURS = frozenset(
    "ProcessDied ProtocolError InternalError MemoryError DeviceError EngineError EngineRoleError "
    "MissingLibraryError".split()
)


def error_of(failure: Failure) -> CommandError:
    """Return the error for what a process told."""
    kind = EngineFailedError if failure.kind in _OURS else CommandError
    return kind(failure.message, failure.hint)
