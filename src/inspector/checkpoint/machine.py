"""A pickle machine that runs nothing: it walks the opcodes of protocols 0 to 5 and builds inert values.

Why not Python's own unpickler with stub classes (about three times as fast): see
``docs/decisions/0002-own-pickle-machine.md``. The opcodes are those of CPython's ``pickletools``; their order of
effects follows ``pickle._Unpickler``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from inspector.checkpoint import rebuild
from inspector.checkpoint.arrays import PickledArray
from inspector.checkpoint.errors import CheckpointError, LimitError
from inspector.checkpoint.limits import MAX_GLOBALS
from inspector.checkpoint.pickle_collections import CollectionOpcodes
from inspector.checkpoint.pickle_constants import PickleFrame, PickleStop
from inspector.checkpoint.uses import (
    misuse_in_array,
    misuse_in_attributes,
    misuse_in_call,
    misuse_in_state,
)
from inspector.checkpoint.values import Global, PickledDict, PickledObject, TensorValue, Value

_U32 = struct.Struct("<I")
_BINGET = ord("h")

#: How Python's own pickle writes a storage: see `inspector.checkpoint.nested_bytes`.
_LOADS_BYTES = "torch.storage._load_from_bytes"


class Machine(CollectionOpcodes):
    """One pickle, from ``start`` in ``data``, up to its STOP.

    Parameters
    ----------
    data
        The bytes that hold the pickle; what follows the STOP is left alone.
    start
        Offset of the first opcode.
    persistent
        Called with each persistent id (a tuple in torch's files), returns the value it stands for.
    name
        What tells the pickle from the others of the checkpoint.
    nesting
        What files inside the pickle may cost; by default as much as a pickle of its length may hold. Pickles that lie
        in the same bytes are given the same.

    Attributes
    ----------
    globals
        Every global the pickle named so far, by dotted name: complete only when ``run`` returned.
    position
        Offset behind the last opcode that was read.
    arrays
        The numpy arrays it made.
    nested
        The files of torch's that it holds as bytes, with what these name and do wrong: `inspector.checkpoint.nesting`.
    mutates_a_global
        The pickle sets attributes on a global itself, which would change it for the whole program.
    misuses
        Sentences on harmless names that are put to another use than their own (`inspector.checkpoint.uses`).
    """

    def run(self) -> Value:
        """Walk the pickle and return the value it describes.

        Raises
        ------
        BrokenCheckpointError
            The pickle is damaged: an unknown opcode, a missing operand, an empty stack.
        LimitError
            It asks for more than an honest pickle of its length would.
        CutShortError
            It ends before its STOP.
        """
        end, framed = len(self.data), False
        try:
            while True:
                try:
                    self._walk_to(end)
                except PickleFrame as frame:
                    if framed:
                        raise self._broken("a frame in it begins within another") from None
                    end, framed = frame.end, True
                    continue
                if not framed:
                    raise self._cut_short()
                self._leave_frame(end)
                end, framed = len(self.data), False
        except PickleStop:
            if framed:
                self._leave_frame(end)
            return self._pop()
        except IndexError:
            raise self._broken("it takes more values than it made") from None
        except UnicodeError:
            raise self._broken("a text in it is not UTF-8") from None

    def _walk_to(self, end: int) -> None:
        data, handlers = self.data, _HANDLERS
        while self.position < end:
            handler = handlers[data[self.position]]
            self.position += 1
            handler(self)

    def _leave_frame(self, end: int) -> None:
        """Refuse what does not end with its frame: CPython's C unpickler then throws away what is left of the frame.

        It would run other opcodes than are read here. No pickler writes such frames.
        """
        if self.position != end:
            raise self._broken(
                "an instruction in it does not end with its frame, so two programs could read it in two ways"
            )

    def partial(self) -> Value:
        """Return the outermost value that was being built when reading failed, or None.

        Open collections are closed with what they hold, so that what came before an error can be shown.
        """
        levels = [*self._outer, self._stack]
        self._outer, self._stack = [], levels[0]
        for level in levels[1:]:
            target = self._stack[-1] if self._stack else None
            if isinstance(target, PickledDict):
                target.flat += level[: len(level) // 2 * 2]
            elif isinstance(target, list):
                target += level
            else:
                self._stack += level
        return self._stack[0] if self._stack else None

    # -- stack and memo --------------------------------------------------------------------------------------

    def op_pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._pop_mark()

    def op_pop_mark(self) -> None:
        self._pop_mark()

    def op_dup(self) -> None:
        self._stack.append(self._stack[-1])

    def op_put(self) -> None:
        self._put(self._integer(self._line()))

    def op_binput(self) -> None:
        self._put(self._byte())

    def op_long_binput(self) -> None:
        self._put(self._unpack(_U32))

    def op_memoize(self) -> None:
        self._runs.recall()
        self._put(len(self._memo))

    def op_get(self) -> None:
        self._get(self._integer(self._line()))

    def op_binget(self) -> None:
        self._get(self._byte())
        if self._stack[-1] is self._rebuild_tensor and not self._overwrites:
            self._take_tensors(self.position - 2)

    def op_long_binget(self) -> None:
        self._get(self._unpack(_U32))
        if self._stack[-1] is self._rebuild_tensor and not self._overwrites:
            self._take_tensors(self.position - 5)

    def _take_tensors(self, at: int) -> None:
        """Take the opcodes that rebuild a tensor in one step, where they are as torch writes them.

        So are those that follow: the key of a dict's next entry, the GET of the function again, which this one found
        at ``at``, and the next tensor's opcodes.
        """
        data, stack, runs = self.data, self._stack, self._runs
        taken = runs.take(self.position)
        if taken is None:
            return
        stack[-1], self.position = taken
        get = data[at : at + (2 if data[at] == _BINGET else 5)]
        while data[self.position : self.position + 1] == b"X":
            end = self.position + 5 + int.from_bytes(data[self.position + 1 : self.position + 5], "little")
            index = runs.highest + 1
            if not data.startswith(get, end + 5) or data[end : end + 5] != runs.expected(index, 5):
                return
            taken = runs.take(end + 5 + len(get), above=1)
            if taken is None:
                return
            key = self._memo[index] = str(data[self.position + 5 : end], "utf-8", "surrogatepass")
            stack += (key, taken[0])
            self.position = taken[1]

    # -- names and calls -------------------------------------------------------------------------------------

    def op_global(self) -> None:
        module = str(self._line(), "utf-8")
        name = str(self._line(), "utf-8")
        self._stack.append(self._global(module, name))

    def op_stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise self._broken("a name in it is no text")
        self._stack.append(self._global(module, name))

    def op_reduce(self) -> None:
        args = self._pop()
        self._stack[-1] = self._call(self._stack[-1], args)

    def _call(self, function: Value, args: Value) -> Value:
        # A set made of a list holds its items once more, which two bytes may ask for again and again.
        if isinstance(args, tuple) and args and isinstance(args[0], list | tuple | str):
            self._count_copied(len(args[0]))
        if isinstance(function, Global) and (misuse := misuse_in_call(function, args)):
            self.misuses[misuse] = None
        made = rebuild.call(function, args)
        kind = type(made)
        if kind is PickledArray:
            made.end = self.position
            self.arrays.append(made)
        elif kind is PickledObject and made.class_name == _LOADS_BYTES:
            return self._load_bytes(made)
        return made

    def _load_bytes(self, call: PickledObject) -> Value:
        """Return what torch would load from the bytes that the pickle gives it; the call where that is unknown."""
        from inspector.checkpoint.nested_bytes import read_nested  # it builds on this module; few pickles need it

        found = read_nested(call.args, f"byte {self.position} of {self.name}/", self.position, self.nesting)
        self.nested.append(found)
        self._named_inside.update(found.contents.globals)
        if len(self._named_inside) > MAX_GLOBALS:
            raise LimitError(f"The pickles in it name more than {MAX_GLOBALS:,} functions and classes.")
        return found.contents.root if found.contents.root is not None else call

    def _count_copied(self, length: int) -> None:
        self._copied += length
        if self._copied > self._budget.copied:
            raise LimitError("The pickle in it copies far more than it holds.")

    def op_newobj(self) -> None:
        self.op_reduce()

    def op_newobj_ex(self) -> None:
        if misuse := misuse_in_attributes(self._pop()):  # keyword arguments: nothing we show depends on them
            self.misuses[misuse] = None
        self.op_reduce()

    def op_inst(self) -> None:
        function = self._global(str(self._line(), "utf-8"), str(self._line(), "utf-8"))
        items = self._pop_mark()
        self._stack.append(self._call(function, tuple(items)))

    def op_obj(self) -> None:
        items = self._pop_mark()
        self._stack.append(self._call(items[0], tuple(items[1:])))

    def op_build(self) -> None:
        state = self._pop()
        target = self._stack[-1]
        if misuse := misuse_in_attributes(state):
            self.misuses[misuse] = None
        if isinstance(target, Global):
            self.mutates_a_global = True
        elif isinstance(target, PickledObject):
            if misuse := misuse_in_state(target, state):
                self.misuses[misuse] = None
            target.state = state
        elif isinstance(target, PickledDict):
            target.attributes = state
        elif isinstance(target, PickledArray):
            if misuse := misuse_in_array(state):
                self.misuses[misuse] = None
            if isinstance(state, tuple) and state and isinstance(state[-1], str):
                self._count_copied(len(state[-1]))
            target.set_state(state)
            target.end = self.position
        elif isinstance(target, TensorValue):
            rebuild.set_state(target, state)

    def op_persid(self) -> None:
        self._stack.append(self._persistent(str(self._line(), "ascii")))

    def op_binpersid(self) -> None:
        self._stack[-1] = self._persistent(self._stack[-1])

    def op_extension(self) -> None:
        raise self._broken("it relies on Python's extension registry, which nothing honest uses")

    def op_buffer(self) -> None:
        raise self._broken("it relies on buffers outside of the file")


def _unknown(machine: Machine) -> None:
    machine.position -= 1
    raise machine._broken(f"its byte 0x{machine.data[machine.position]:02x} is no instruction")


_OPCODES: dict[bytes, Callable[[Machine], None]] = {
    b"(": Machine.op_mark, b".": Machine.op_stop, b"0": Machine.op_pop, b"1": Machine.op_pop_mark,
    b"2": Machine.op_dup, b"F": Machine.op_float, b"I": Machine.op_int, b"J": Machine.op_binint,
    b"K": Machine.op_binint1, b"L": Machine.op_long, b"M": Machine.op_binint2, b"N": Machine.op_none,
    b"P": Machine.op_persid, b"Q": Machine.op_binpersid, b"R": Machine.op_reduce, b"S": Machine.op_string,
    b"T": Machine.op_binstring, b"U": Machine.op_short_binstring, b"V": Machine.op_unicode,
    b"X": Machine.op_binunicode, b"a": Machine.op_append, b"b": Machine.op_build, b"c": Machine.op_global,
    b"d": Machine.op_dict, b"}": Machine.op_empty_dict, b"e": Machine.op_appends, b"g": Machine.op_get,
    b"h": Machine.op_binget, b"i": Machine.op_inst, b"j": Machine.op_long_binget, b"l": Machine.op_list,
    b"]": Machine.op_empty_list, b"o": Machine.op_obj, b"p": Machine.op_put, b"q": Machine.op_binput,
    b"r": Machine.op_long_binput, b"s": Machine.op_setitem, b"t": Machine.op_tuple,
    b")": Machine.op_empty_tuple, b"u": Machine.op_setitems, b"G": Machine.op_binfloat,
    b"\x80": Machine.op_proto, b"\x81": Machine.op_newobj, b"\x82": Machine.op_extension,
    b"\x83": Machine.op_extension, b"\x84": Machine.op_extension, b"\x85": Machine.op_tuple1,
    b"\x86": Machine.op_tuple2, b"\x87": Machine.op_tuple3, b"\x88": Machine.op_true,
    b"\x89": Machine.op_false, b"\x8a": Machine.op_long1, b"\x8b": Machine.op_long4,
    b"B": Machine.op_binbytes, b"C": Machine.op_short_binbytes, b"\x8c": Machine.op_short_binunicode,
    b"\x8d": Machine.op_binunicode8, b"\x8e": Machine.op_binbytes8, b"\x8f": Machine.op_empty_set,
    b"\x90": Machine.op_additems, b"\x91": Machine.op_frozenset, b"\x92": Machine.op_newobj_ex,
    b"\x93": Machine.op_stack_global, b"\x94": Machine.op_memoize, b"\x95": Machine.op_frame,
    b"\x96": Machine.op_binbytes8, b"\x97": Machine.op_buffer, b"\x98": Machine.op_buffer,
}  # fmt: skip

_HANDLERS: list[Callable[[Machine], None]] = [_OPCODES.get(bytes([code]), _unknown) for code in range(256)]


def describe_failure(error: CheckpointError) -> str:
    """Return the warning shown beside what was read before ``error``."""
    return f"Only a part could be read. {error.message}"
