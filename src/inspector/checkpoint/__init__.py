"""A file on disk turned into what it is, its tree and its lazy tensors. Nothing in the file is ever run.

The way through the room: ``sniff`` tells the container, ``zip_container``, ``legacy_container`` and
``safetensors_container`` read its index, ``machine`` walks the pickle's opcodes into inert ``values``,
``insides`` says what they are, ``survey`` and ``layout`` lay them out as a tree, ``safety`` judges the globals, and
``opening`` puts it all into a `Checkpoint`. ``columns`` and ``summary`` carry one across a process border.

May import: the standard library, and numpy with ml_dtypes in ``tensor_bytes`` alone, when a tensor is read.
Never torch, never Qt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inspector.checkpoint.errors import CheckpointError

if TYPE_CHECKING:
    from inspector.checkpoint.opening import Checkpoint, open_checkpoint
    from inspector.checkpoint.tensors import Tensor

__all__ = ["Checkpoint", "CheckpointError", "Tensor", "open_checkpoint"]


def __getattr__(name: str) -> Any:
    """Import the reading code at its first use: the window shows summaries and never needs it."""
    if name in ("Checkpoint", "Tensor", "open_checkpoint"):
        from inspector.checkpoint import opening, tensors

        return tensors.Tensor if name == "Tensor" else getattr(opening, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
