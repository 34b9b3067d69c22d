"""A walk through the root value that finds every tensor, state_dict, module and plain value, as a tree of nodes.

The walk keeps its own stack, visits a shared container once, and is bounded in depth and rows: files can nest a
million levels, hold cycles, or describe billions of entries in a few bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from inspector.checkpoint.found import FoundOptimizer, FoundStateDict, FoundTensor, Node
from inspector.checkpoint.insides import (
    TensorRole,
    dotted_entries,
    is_module,
    is_nested_state_dict,
    is_state_dict,
    optimizer_table,
    role_in_state_dict,
    role_of_path,
)
from inspector.checkpoint.limits import (
    FREE_TREE_ROWS,
    FREE_TREE_TEXT,
    INDEX_BYTES_PER_ROW,
    MAX_DEPTH,
    MAX_PLAIN_ENTRIES,
    MAX_STATE_DICTS,
    MAX_TREE_ROWS,
    TREE_TEXT_PER_INDEX_BYTE,
)
from inspector.checkpoint.modules import ModuleParts, take_apart
from inspector.checkpoint.moments import link_moments
from inspector.checkpoint.packed_parameters import is_script_object, script_tensors
from inspector.checkpoint.plain import plain_text
from inspector.checkpoint.text import clean_name, value_text
from inspector.checkpoint.values import PickledDict, PickledObject, PickledSet, TensorValue, Value, in_pairs, listed

#: A list of up to this many plain values is shown in one row.
_INLINE_ENTRIES = 8


@dataclass(slots=True)
class _Visit:
    """One value still to be walked."""

    value: Value
    node: Node
    path: str
    depth: int
    state_dict: int
    optimizer: bool


class Survey:
    """The result of the walk.

    Parameters
    ----------
    root
        The value to walk.
    index_bytes
        Bytes of the index it comes from: a larger one may make a larger tree.

    Attributes
    ----------
    root
        The tree's root; its label is empty.
    tensors
        Every tensor, in the file's order.
    state_dicts
        Every state_dict and pickled module that is no part of another.
    moments
        The name of the parameter that each of an optimizer's moments belongs to, by the moment's index in ``tensors``.
    cut
        The tree was larger than the budgets of rows and text, so it is not whole.
    """

    def __init__(self, root: Value, index_bytes: int) -> None:
        self.root = Node("", "value")
        self.tensors: list[FoundTensor] = []
        self.state_dicts: list[FoundStateDict] = []
        self.cut = False
        self._rows_left = min(FREE_TREE_ROWS + index_bytes // INDEX_BYTES_PER_ROW, MAX_TREE_ROWS)
        self._text_left = FREE_TREE_TEXT + index_bytes * TREE_TEXT_PER_INDEX_BYTE
        self._seen: dict[int, str] = {}
        self._parts: dict[int, ModuleParts | None] = {}
        self._stack = [_Visit(root, self.root, "", 0, -1, False)]
        self._optimizers: list[FoundOptimizer] = []
        while self._stack:
            self._visit(self._stack.pop())
        self.moments = link_moments(self._optimizers, self.state_dicts, self.tensors)

    def _afford(self, text: str) -> bool:
        """Take a row, named at full length by ``text``, from the budgets."""
        self._rows_left -= 1
        self._text_left -= len(text)
        if self._rows_left >= 0 and self._text_left >= 0:
            return True
        self.cut = True
        return False

    # Children are pushed in reverse, so that tensors come out in the file's order.
    def _push(self, visit: _Visit, entries: Iterable[tuple[Value, Value]], state_dict: int, optimizer: bool) -> None:
        made = []
        for key, value in entries:
            label = clean_name(key)
            path = f"{visit.path}.{label}" if visit.path else label
            if not self._afford(path):
                break
            node = Node(label, "value")
            visit.node.children.append(node)
            made.append(_Visit(value, node, path, visit.depth + 1, state_dict, optimizer))
        self._stack += reversed(made)

    def _visit(self, visit: _Visit) -> None:
        value = visit.value = listed(visit.value)
        if isinstance(value, TensorValue):
            self._tensor(visit, value)
        elif visit.depth >= MAX_DEPTH:
            visit.node.detail = "nested too deep to show"
        elif (parts := self._module_parts(value)) is not None:
            self._module(visit, value, parts)
        elif isinstance(value, PickledObject) and (text := plain_text(value)) is not None:
            visit.node.detail = clean_name(text)
        elif isinstance(value, PickledDict | PickledObject | PickledSet | list | tuple) and self._is_new(visit):
            self._collection(visit)
        elif not isinstance(value, PickledDict | PickledObject | PickledSet | list | tuple):
            visit.node.detail = value_text(value)

    def _is_new(self, visit: _Visit) -> bool:
        value = visit.value
        if isinstance(value, list | tuple) and len(value) <= _INLINE_ENTRIES and all(map(_is_scalar, value)):
            visit.node.detail = f"[{', '.join(map(value_text, value))}]"
            return False
        first = self._seen.get(id(value))
        if first is not None:
            visit.node.detail = f"same as {clean_name(first or 'the whole file')}"
            return False
        self._seen[id(value)] = visit.path
        return True

    def _tensor(self, visit: _Visit, value: TensorValue) -> None:
        visit.node.kind, visit.node.tensor = "tensor", len(self.tensors)
        owner = visit.state_dict if visit.optimizer else -1
        base = self.state_dicts[owner].path if owner >= 0 else ""
        key = visit.path[len(base) + 1 :] if base else visit.path
        self.tensors.append(FoundTensor(visit.path, key, value, "optimizer" if visit.optimizer else "other", owner))

    def _collection(self, visit: _Visit) -> None:
        value, node = visit.value, visit.node
        state_dict, optimizer = visit.state_dict, visit.optimizer
        if state_dict < 0 and len(self.state_dicts) < MAX_STATE_DICTS:
            if isinstance(value, PickledDict) and is_state_dict(value, node.label if visit.depth else None):
                self._state_dict(visit, value.named())
                return
            if not visit.depth and is_nested_state_dict(value):
                self._state_dict(visit, dict(dotted_entries(value)))
                return
            if (table := optimizer_table(value, visit.path)) is not None:
                state_dict, optimizer = len(self.state_dicts), True
                self.state_dicts.append(FoundStateDict(visit.path, "optimizer", None, value))
                self._optimizers.append(FoundOptimizer(state_dict, node, *table))
        entries = list(_entries(value))
        node.kind = "dict" if isinstance(value, PickledDict) else "list"
        if isinstance(value, PickledObject):
            node.kind, node.detail = "object", clean_name(value.class_name)
        elif isinstance(value, PickledSet) or (isinstance(value, PickledDict) and value.class_name != "dict"):
            node.detail = value.class_name.rpartition(".")[2]
        if len(entries) > MAX_PLAIN_ENTRIES and not any(_is_container(item) for _, item in entries):
            node.detail = f"{len(entries):,} entries, the first {MAX_PLAIN_ENTRIES} shown"
            entries = entries[:MAX_PLAIN_ENTRIES]
        self._push(visit, entries, state_dict, optimizer)

    def _state_dict(self, visit: _Visit, entries: dict[str, Value]) -> None:
        """Lay a state_dict out as modules, from its dotted keys."""
        index = len(self.state_dicts)
        self.state_dicts.append(FoundStateDict(visit.path, role_of_path(visit.path), None, visit.value))
        visit.node.kind = "module"
        modules: dict[str, Node] = {"": visit.node}
        for key, held in entries.items():
            item = listed(held)
            shown = clean_name(key)
            path = f"{visit.path}.{shown}" if visit.path else shown
            if not self._afford(path):
                return
            parent = self._module_node(modules, shown.rpartition(".")[0])
            leaf = Node(shown.rpartition(".")[2], "value")
            parent.children.append(leaf)
            if isinstance(item, TensorValue):
                self._add_tensor(leaf, path, shown, item, role_in_state_dict(key, item, entries), index)
            elif isinstance(item, tuple):
                self._packed(leaf, path, shown, [(f".{place}", part) for place, part in enumerate(item)], index)
            elif is_script_object(item):
                self._packed(
                    leaf, path, shown, [(f".{own}" if own else "", part) for own, part in script_tensors(item)], index
                )
            else:
                leaf.detail = value_text(item)

    def _module_node(self, modules: dict[str, Node], dotted: str) -> Node:
        node = modules.get(dotted)
        if node is not None:
            return node
        parts = dotted.split(".")
        if len(parts) > MAX_DEPTH:
            parts = [*parts[: MAX_DEPTH - 1], ".".join(parts[MAX_DEPTH - 1 :])]
        known = ""
        for part in parts:
            parent, known = modules[known], f"{known}.{part}" if known or part != parts[0] else part
            if known not in modules:
                self._rows_left -= 1
                modules[known] = Node(part, "module")
                parent.children.append(modules[known])
        modules[dotted] = modules[known]
        return modules[known]

    def _packed(self, node: Node, path: str, key: str, items: Iterable[tuple[str, Value]], state_dict: int) -> None:
        """Lay out a quantized module's packed parameters, each by what its name has behind the key."""
        node.kind = "list"
        for name, item in islice(items, MAX_PLAIN_ENTRIES):
            if not self._afford(path):
                return
            leaf = Node(name.removeprefix(".") or node.label, "value")
            node.children.append(leaf)
            if isinstance(item, TensorValue):
                self._add_tensor(leaf, path + name, key + name, item, "parameter", state_dict)
            else:
                leaf.detail = value_text(item)

    def _add_tensor(
        self, node: Node, name: str, key: str, value: TensorValue, role: TensorRole, state_dict: int
    ) -> None:
        node.kind, node.tensor = "tensor", len(self.tensors)
        self.tensors.append(FoundTensor(name, key, value, role, state_dict))

    def _module_parts(self, value: Value) -> ModuleParts | None:
        """Return what a pickled module is made of, once for each; None where it is no module."""
        if not isinstance(value, PickledObject):
            return None
        known = self._parts.get(id(value))
        if known is None and id(value) not in self._parts:
            known = self._parts[id(value)] = take_apart(value) if is_module(value) else None
        return known

    def _module(self, visit: _Visit, value: PickledObject, parts: ModuleParts) -> None:
        """Lay a pickled module out by its own structure, as its ``state_dict()`` would name things."""
        index, node = visit.state_dict, visit.node
        if index < 0 and len(self.state_dicts) < MAX_STATE_DICTS:
            index = len(self.state_dicts)
            self.state_dicts.append(
                FoundStateDict(visit.path, role_of_path(visit.path), clean_name(value.class_name) or None, value)
            )
        node.kind, node.detail = "module", parts.detail
        base = self.state_dicts[index].path if index >= 0 else ""
        for label, item, role in parts.tensors:
            path = f"{visit.path}.{label}" if visit.path else label
            if not self._afford(path):
                return
            leaf = Node(label.rpartition(".")[2], "tensor")
            node.children.append(leaf)
            self._add_tensor(leaf, path, path[len(base) + 1 :] if base else path, item, role, index)
        self._push(visit, parts.children, index, False)


def _is_scalar(value: Value) -> bool:
    return value is None or isinstance(value, bool | int | float | str | bytes)


def _is_container(value: Value) -> bool:
    return isinstance(value, TensorValue | PickledDict | PickledObject | list | tuple)


def _entries(value: Value) -> Iterator[tuple[Value, Value]]:
    if isinstance(value, PickledDict):
        # An optimizer pickled whole has its parameters themselves for keys.
        for place, (key, item) in enumerate(value.pairs()):
            yield f"{place}" if isinstance(key, TensorValue) else key, item
    elif isinstance(value, PickledSet):
        yield from ((str(place), item) for place, item in enumerate(value.items))
    elif isinstance(value, PickledObject):
        yield from _object_entries(value)
    else:
        yield from ((str(place), item) for place, item in enumerate(value))


def _object_entries(value: PickledObject) -> Iterator[tuple[Value, Value]]:
    attributes = value.attributes()
    if isinstance(value.args, tuple) and value.args and not attributes:
        yield from ((f"argument {place}", item) for place, item in enumerate(value.args))
    yield from attributes.items()
    if not attributes and value.state is not None:
        yield "state", value.state
    if value.flat:
        yield from in_pairs(value.flat)
    if value.appended:
        yield from ((str(place), item) for place, item in enumerate(value.appended))
