"""The opcodes that make tuples, lists, dicts and sets, and add items to what holds some."""

from __future__ import annotations

from inspector.checkpoint.errors import LimitError
from inspector.checkpoint.pickle_constants import ConstantOpcodes
from inspector.checkpoint.uses import misuse_of_items
from inspector.checkpoint.values import PickledDict, PickledObject, PickledSet, Value


class CollectionOpcodes(ConstantOpcodes):
    """One method for each opcode of a collection."""

    def op_mark(self) -> None:
        if len(self._outer) >= self._budget.stack_depth:
            raise LimitError(f"The pickle in it nests deeper than {self._budget.stack_depth:,} levels.")
        self._outer.append(self._stack)
        self._stack = []

    def op_empty_tuple(self) -> None:
        self._stack.append(())

    def op_tuple(self) -> None:
        items = self._pop_mark()
        self._stack.append(tuple(items))

    def op_tuple1(self) -> None:
        self._stack[-1] = (self._stack[-1],)

    def op_tuple2(self) -> None:
        self._stack[-2:] = [(self._stack[-2], self._stack[-1])]

    def op_tuple3(self) -> None:
        self._stack[-3:] = [(self._stack[-3], self._stack[-2], self._stack[-1])]

    def op_empty_list(self) -> None:
        self._stack.append([])

    def op_list(self) -> None:
        items = self._pop_mark()
        self._stack.append(items)

    def op_empty_dict(self) -> None:
        self._stack.append(PickledDict())

    def op_dict(self) -> None:
        items = self._pop_mark()
        self._stack.append(PickledDict("dict", items[: len(items) // 2 * 2]))

    def op_empty_set(self) -> None:
        self._stack.append(PickledSet("set", []))

    def op_frozenset(self) -> None:
        items = self._pop_mark()
        self._stack.append(PickledSet("frozenset", items))

    def op_append(self) -> None:
        value = self._pop()
        self._extend(self._stack[-1], [value])

    def op_appends(self) -> None:
        items = self._pop_mark()
        self._extend(self._stack[-1], items)

    def _extend(self, target: Value, items: list[Value]) -> None:
        if isinstance(target, list):
            target += items
        elif isinstance(target, PickledSet):
            target.items += items
        elif isinstance(target, PickledObject):
            if misuse := misuse_of_items(target):
                self.misuses[misuse] = None
            if target.appended is None:
                target.appended = []
            target.appended += items
        else:
            raise self._broken("it adds items to something that is no list")

    def op_additems(self) -> None:
        self.op_appends()

    def op_setitem(self) -> None:
        value, key = self._pop(), self._pop()
        self._set_items(self._stack[-1], [key, value])

    def op_setitems(self) -> None:
        items = self._pop_mark()
        self._set_items(self._stack[-1], items)

    def _set_items(self, target: Value, flat: list[Value]) -> None:
        if len(flat) % 2:
            raise self._broken("a dict in it has a key without a value")
        if isinstance(target, PickledDict):
            target.flat += flat
        elif isinstance(target, PickledObject):
            if misuse := misuse_of_items(target):
                self.misuses[misuse] = None
            if target.flat is None:
                target.flat = []
            target.flat += flat
        elif isinstance(target, list):
            # list[index] = value: only the pure-Python pickler of exotic classes writes this; keep the values.
            target += flat[1::2]
        else:
            raise self._broken("it sets items on something that is no dict")
