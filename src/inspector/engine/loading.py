"""What attaching made of a state_dict: which keys went in, what is untrained, shared or of another precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspector.engine.problems import AttachError

HINT = "Choose the architecture that they were saved from."


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How a state_dict went into a model. Keys are the architecture's own.

    Attributes
    ----------
    matched
        How many keys of the state_dict the model holds.
    untrained
        Keys that the model has and the weights lack, or hold in another shape: initialised as torchvision does.
    unexpected, mismatched
        Keys of the weights that were left out: the model has no such key, or has it in another shape.
    tied
        Parameters that the file shares, and so does the model: groups of two keys or more.
    dtype
        torch's name of what the model computes in, for example ``"float32"``; ``"qint8"`` for a quantized one.
    precision
        One sentence where that is not simply what the file holds, else empty.
    """

    matched: int
    untrained: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()
    tied: tuple[tuple[str, ...], ...] = ()
    dtype: str = "float32"
    precision: str = ""

    @property
    def complete(self) -> bool:
        """Whether every key of the model and of the weights is accounted for."""
        return not (self.untrained or self.unexpected or self.mismatched)

    @property
    def untrained_layers(self) -> tuple[str, ...]:
        """The modules with untrained parameters or buffers, in the model's order."""
        return tuple(dict.fromkeys(key.rpartition(".")[0] for key in self.untrained))

    @property
    def sentence(self) -> str:
        """For example ``100 keys attached; untrained: fc; 2 keys left out (head.weight, head.bias)``."""
        parts = [f"{count(self.matched, 'key')} attached"]
        if self.untrained:
            parts.append(f"untrained: {first(self.untrained_layers)}")
        if left_out := (*self.unexpected, *self.mismatched):
            parts.append(f"{count(len(left_out), 'key')} left out ({first(left_out)})")
        return "; ".join(parts)


def misfit(
    architecture: str,
    missing: Sequence[str],
    unexpected: Sequence[str],
    mismatched: Mapping[str, tuple[Any, Any]],
) -> AttachError:
    """Return the error that lists the keys in the way; ``mismatched`` holds the file's tensor and the model's."""
    shapes = [f"{key}: {shape(theirs)} instead of {shape(own)}" for key, (theirs, own) in mismatched.items()]
    parts = [
        f"{count(len(texts), 'key')} {what} ({first(texts)})"
        for texts, what in ((missing, "missing"), (unexpected, "unexpected"), (shapes, "of another shape"))
        if texts
    ]
    error = AttachError(f"The weights don't fit {architecture}: {', '.join(parts)}.", HINT)
    error.missing, error.unexpected, error.mismatched = tuple(missing), tuple(unexpected), tuple(mismatched)
    return error


def count(number: int, noun: str) -> str:
    """Return ``1 key`` or ``2 keys``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first(texts: Sequence[str]) -> str:
    """Return the first two texts of a list."""
    return ", ".join(texts[:2]) + (", …" if len(texts) > 2 else "")


def shape(tensor: Any) -> str:
    """Return a tensor's shape for a person, with what else keeps it from fitting; of anything else what it is."""
    if not hasattr(tensor, "shape"):
        return f"a {type(tensor).__name__}"
    text = " × ".join(map(str, tensor.shape)) or "a single value"
    if tensor.is_quantized:
        return f"quantized {text}"
    return f"complex {text}" if tensor.is_complex() else text
