"""What the survey finds: the rows of the tree, tensors, state_dicts and optimizers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inspector.checkpoint.insides import StateDictRole, TensorRole
from inspector.checkpoint.values import PickledDict, TensorValue, Value

NodeKind = Literal["module", "tensor", "dict", "list", "object", "value"]


class Node:
    """One row of the tree. ``tensor`` is the index of its tensor, -1 for anything else."""

    __slots__ = ("children", "detail", "kind", "label", "tensor")

    def __init__(self, label: str, kind: NodeKind, detail: str = "", tensor: int = -1) -> None:
        self.label = label
        self.kind = kind
        self.detail = detail
        self.tensor = tensor
        self.children: list[Node] = []


@dataclass(slots=True)
class FoundTensor:
    """A tensor where it was found: its full name, its key within its state_dict, and that state_dict's index."""

    name: str
    key: str
    value: TensorValue
    role: TensorRole
    state_dict: int


@dataclass(slots=True)
class FoundStateDict:
    """A state_dict, or the parameters and buffers of a pickled module: where it was found, and what it is."""

    path: str
    role: StateDictRole
    class_name: str | None
    value: Value


@dataclass(frozen=True, slots=True)
class FoundOptimizer:
    """An optimizer's state: its index among the state_dicts, its row, and its ``state`` and ``param_groups``."""

    state_dict: int
    node: Node
    state: PickledDict
    groups: list[Value]
