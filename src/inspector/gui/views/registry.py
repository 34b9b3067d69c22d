"""The registry of views: what a way to look at a tensor is, and which there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from inspector.checkpoint.summary import CheckpointSummary
from inspector.session import Session


@dataclass(frozen=True, slots=True)
class Subject:
    """The tensor that is looked at: of which open checkpoint, and its number there."""

    checkpoint: int
    summary: CheckpointSummary
    tensor: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return self.summary.shape(self.tensor)

    @property
    def name(self) -> str:
        """The tensor's name in the file."""
        return self.summary.names[self.tensor]


class WeightView(QWidget):
    """One way to look at a tensor. It asks for what it shows by ``session.weights`` and keeps only how it is shown."""

    def show_subject(self, subject: Subject) -> None:
        """Show a tensor, from the start: what was shown before is of another one."""
        raise NotImplementedError

    def forget(self) -> None:
        """Give up what was asked and is not answered: nobody looks any more."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class ViewKind:
    """A way to look at tensors.

    Attributes
    ----------
    name
        Its name in the code.
    text, tip
        What the switch says, and a sentence about it.
    suits
        How well it suits a tensor: 0 not at all (it is not offered); the higher the earlier it stands.
    make
        Builds its widget.
    """

    name: str
    text: str
    tip: str
    suits: Callable[[Subject], int]
    make: Callable[[Session], WeightView]


_KINDS: list[ViewKind] = []


def register(kind: ViewKind) -> None:
    """Add a way to look at tensors."""
    _KINDS.append(kind)


def views_for(subject: Subject) -> list[ViewKind]:
    """Return the ways that suit a tensor, the best first."""
    suited = [(kind.suits(subject), -place, kind) for place, kind in enumerate(_KINDS)]
    return [kind for score, _, kind in sorted(suited, key=lambda found: found[:2], reverse=True) if score > 0]
