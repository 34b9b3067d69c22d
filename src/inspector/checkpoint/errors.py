"""What can be wrong with a file, each a typed error with one plain sentence."""

from __future__ import annotations

from inspector.errors import InspectorError

#: What to do with a file that costs more than an honest one.
BEWARE = "Ask who made it, and don't load it with torch."


class CheckpointError(InspectorError):
    """The file can't be read as a checkpoint."""


class NotACheckpointError(CheckpointError):
    """The file is something else; the sentence says what."""


class BrokenCheckpointError(CheckpointError):
    """The file is a checkpoint, but damaged or cut short."""


class CutShortError(BrokenCheckpointError):
    """What was read ends too early; with more bytes it may be whole."""


class AmbiguousArchiveError(CheckpointError):
    """Two parsers could read different things out of this archive, so it is refused."""


class LimitError(CheckpointError):
    """Reading on would cost more time or memory than an honest file of this size needs."""


class TensorReadError(CheckpointError):
    """One tensor's bytes can't be read; the rest of the checkpoint may be fine."""


class FileChangedError(CheckpointError):
    """The file on disk is no longer the one that was inspected."""
