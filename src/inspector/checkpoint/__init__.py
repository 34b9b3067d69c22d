"""A file on disk turned into what it is, its tree and its lazy tensors. Nothing in the file is ever run.

The way through the room: ``sniff`` tells the container, whose own module (``zip_container``, ``legacy_container``,
``tar_container``, ``safetensors_container``, ...) reads its index, ``machine`` walks the pickle's opcodes into inert
``values`` (``rebuild`` and ``unusual`` make tensors of torch's calls, ``arrays`` of numpy's), ``insides`` says what
they are, ``survey`` and ``layout`` lay them out as a tree (``modules`` takes pickled models apart, ``moments`` names an
optimizer's state by its parameters, ``plain`` tells dates, paths and enums), ``safety`` judges the globals, and
``opening`` puts it all into a `Checkpoint`. ``columns`` and ``summary`` carry one across a process border.

May import: the standard library, and numpy with ml_dtypes in ``tensor_bytes`` and ``unusual_bytes`` alone, when a
tensor is read.
Never torch, never Qt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inspector.checkpoint.errors import (
    AmbiguousArchiveError,
    BrokenCheckpointError,
    CheckpointError,
    CutShortError,
    FileChangedError,
    LimitError,
    NotACheckpointError,
    TensorReadError,
)

if TYPE_CHECKING:
    from inspector.checkpoint.found import Node
    from inspector.checkpoint.opening import Checkpoint, open_checkpoint
    from inspector.checkpoint.tensors import StateDict, Tensor

__all__ = [
    "AmbiguousArchiveError",
    "BrokenCheckpointError",
    "Checkpoint",
    "CheckpointError",
    "CutShortError",
    "FileChangedError",
    "LimitError",
    "Node",
    "NotACheckpointError",
    "StateDict",
    "Tensor",
    "TensorReadError",
    "open_checkpoint",
]

_MODULES = {
    "Checkpoint": "opening",
    "Node": "found",
    "StateDict": "tensors",
    "Tensor": "tensors",
    "open_checkpoint": "opening",
}


def __getattr__(name: str) -> Any:
    """Import the reading code at its first use: the window shows summaries and never needs it."""
    if name in _MODULES:
        return getattr(import_module(f"inspector.checkpoint.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
