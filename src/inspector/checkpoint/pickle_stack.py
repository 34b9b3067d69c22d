"""The pickle machine's parts: its bytes and operands, its stack with marks, its memo and its globals."""

from __future__ import annotations

import struct
from collections.abc import Callable

from inspector.checkpoint.arrays import PickledArray
from inspector.checkpoint.errors import BrokenCheckpointError, CutShortError, LimitError
from inspector.checkpoint.limits import MAX_GLOBALS, MAX_TEXT_INT_DIGITS, PickleBudget
from inspector.checkpoint.nesting import NestedFile, Nesting
from inspector.checkpoint.python2 import python3_name
from inspector.checkpoint.tensor_run import TensorRuns
from inspector.checkpoint.values import Global, Value

#: Stands for "no such global yet": no value of a pickle is this object.
_NOTHING = object()


class PickleStack:
    """What the opcodes work on; see `inspector.checkpoint.machine.Machine` for the parameters and attributes."""

    def __init__(
        self,
        data: bytes | memoryview,
        start: int,
        persistent: Callable[[Value], Value],
        name: str = "the pickle",
        nesting: Nesting | None = None,
    ) -> None:
        self.data = bytes(data) if isinstance(data, memoryview) else data
        self.position = start
        self.name = name
        self.globals: dict[str, Global] = {}
        self.arrays: list[PickledArray] = []
        self.nested: list[NestedFile] = []
        self.mutates_a_global = False
        self.misuses: dict[str, None] = {}
        self._persistent = persistent
        self._budget = PickleBudget(len(self.data))
        self.nesting = Nesting(len(self.data)) if nesting is None else nesting
        self._protocol = 0
        self._rebuild_tensor: Value = _NOTHING
        self._stack: list[Value] = []
        self._outer: list[list[Value]] = []
        self._memo: dict[int, Value] = {}
        self._runs = TensorRuns(self.data, self._memo, persistent)
        self._overwrites = False
        self._named_inside: set[str] = set()
        self._copied = 0

    def _broken(self, why: str) -> BrokenCheckpointError:
        return BrokenCheckpointError(f"The pickle in it is damaged at byte {self.position:,}: {why}.")

    def _cut_short(self) -> CutShortError:
        return CutShortError("The pickle in it is cut short: it ends before its STOP.")

    def _pop(self) -> Value:
        return self._stack.pop()

    def _pop_mark(self) -> list[Value]:
        items, self._stack = self._stack, self._outer.pop()
        return items

    def _take(self, length: int) -> bytes:
        start = self.position
        end = start + length
        if length < 0:
            raise self._broken("a length in it is negative")
        if end > len(self.data):
            raise self._cut_short()
        self.position = end
        return self.data[start:end]

    def _line(self) -> bytes:
        end = self.data.find(b"\n", self.position)
        if end < 0:
            raise self._cut_short()
        line = self.data[self.position : end]
        self.position = end + 1
        return line

    def _byte(self) -> int:
        try:
            value = self.data[self.position]
        except IndexError:
            raise self._cut_short() from None
        self.position += 1
        return value

    def _unpack(self, form: struct.Struct) -> int:
        try:
            (value,) = form.unpack_from(self.data, self.position)
        except struct.error:
            raise self._cut_short() from None
        self.position += form.size
        return int(value)

    def _integer(self, text: bytes) -> int:
        text = text.rstrip(b"L\r")
        if len(text) > MAX_TEXT_INT_DIGITS:
            raise LimitError(f"The pickle in it writes a number of {len(text):,} digits.")
        try:
            return int(text, 0)  # base 0, as CPython's own unpickler reads them
        except ValueError:
            raise self._broken("a number in it is none") from None

    def _put(self, index: int) -> None:
        # A dict, where Python's own unpickler allocates by the index: LONG_BINPUT of 2**27 costs it 1.9 GB.
        # Larger indices than its 32 bits only come from text, to make the dict's keys collide.
        if not 0 <= index < 1 << 32:
            raise LimitError("The pickle in it numbers an entry far beyond what it holds.")
        if index <= self._runs.highest and not self._overwrites:
            self._overwrites = True  # no pickler does: from here on every opcode is walked
            self._runs.recall()
        self._runs.highest = max(self._runs.highest, index)
        self._memo[index] = self._stack[-1]

    def _get(self, index: int) -> None:
        if index not in self._memo:
            self._runs.recall()
        try:
            self._stack.append(self._memo[index])
        except KeyError:
            raise self._broken("it refers to an entry that it never made") from None

    def _global(self, module: str, name: str) -> Global:
        if self._protocol < 3:
            module, name = python3_name(module, name)
        dotted = f"{module}.{name}"
        known = self.globals.get(dotted)
        if known is None:
            if len(self.globals) >= MAX_GLOBALS:
                raise LimitError(f"The pickle in it names more than {MAX_GLOBALS:,} functions and classes.")
            known = Global(module, name)
            self.globals[known.dotted] = known
            if dotted == "torch._utils._rebuild_tensor_v2":
                self._rebuild_tensor = known
        return known
