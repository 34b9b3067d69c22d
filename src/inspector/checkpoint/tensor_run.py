"""One step for the some 35 opcodes by which torch writes every tensor: what makes large state_dicts open fast.

``torch.save`` pickles each tensor as the same run: the rebuild function from the memo, the storage's persistent id,
offset, sizes, strides, a flag, an empty OrderedDict, REDUCE. One compiled pattern finds the whole run; whatever
differs from it in any way is left to the machine, which walks it opcode by opcode to the same result.

Of the eight things that a run puts into the memo hardly one is ever asked for again. So they are not made; the run is
noted, and made up for in full when an index is missed (`TensorRuns.recall`). That is only right while nothing in the
memo is ever overwritten, so a run is taken only where its indices follow the highest so far one by one, as Python's
pickler numbers them.
"""

from __future__ import annotations

import math
import re
import struct
import sys
from array import array
from collections.abc import Callable, Iterator

from inspector.checkpoint.limits import MAX_DIMENSIONS, MAX_ELEMENTS
from inspector.checkpoint.values import Global, PickledDict, StorageReference, TensorValue, Value

_PUT = rb"(r....)"
_GET = rb"(?:h.|j....)"
_INT = rb"(?:K.|M..|J....)"
_SIZES = (
    rb"(\)|" + _INT + rb"\x85|" + _INT * 2 + rb"\x86|" + _INT * 3 + rb"\x87|\(" + _INT + rb"{4,8}t)" + _PUT + rb"?"
)  # fmt: skip
_RUN = re.compile(
    rb"\(\((" + _GET + _GET + rb")X(.)\0\0\0([0-9]{1,12})" + _PUT + rb"(" + _GET + rb")(" + _INT + rb")t" + _PUT
    + rb"Q(" + _INT + rb")" + _SIZES + _SIZES + rb"([\x88\x89])(" + _GET + rb")\)R" + _PUT + rb"t" + _PUT + rb"R"
    + _PUT,
    re.DOTALL,
)  # fmt: skip

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_WIDTHS = {ord("K"): 2, ord("M"): 3, ord("J"): 5}

#: Distinct sizes and strides remembered; a network has a few dozen.
_MAX_REMEMBERED = 10_000

#: LONG_BINPUT opcodes made at a time, to compare those of a run with.
_PUTS_AHEAD = 4_096


class TensorRuns:
    """The runs of one pickle, taken in one step each.

    Parameters
    ----------
    data
        The pickle.
    memo
        The machine's memo.
    persistent
        Called with each persistent id, returns the value it stands for.

    Attributes
    ----------
    highest
        The highest index that is in the memo or left out of it; the machine keeps it up to date.
    """

    def __init__(self, data: bytes, memo: dict[int, Value], persistent: Callable[[Value], Value]) -> None:
        self.highest = -1
        self._data = data
        self._memo = memo
        self._persistent = persistent
        self._starts = array("q")
        self._firsts = array("q")
        self._tensors: list[TensorValue] = []
        self._sizes: dict[bytes, tuple[int, ...] | None] = {}
        self._storage_classes: dict[bytes, Global | None] = {}
        self._devices: dict[bytes, str | None] = {}
        self._hooks: dict[bytes, bool] = {}
        self._puts, self._puts_from = b"", 0

    def take(self, start: int, above: int = 0) -> tuple[TensorValue, int] | None:
        """Take the run that begins at ``start``, just behind the GET of the rebuild function.

        Parameters
        ----------
        start
            Offset of the run's first opcode.
        above
            Indices just given to what precedes the run, and not counted in ``highest`` yet.

        Returns
        -------
        tuple or None
            The tensor and the offset behind the run; None where there is no such run, with nothing changed.
        """
        found = _RUN.match(self._data, start)
        if found is None:
            return None
        (gets, length, key, key_at, device, numel, id_at, offset, sizes, sizes_at, strides, strides_at, flag, hooks,
         *last_at) = found.groups()  # fmt: skip
        first = self.highest + above + 1
        puts = b"".join((key_at, id_at, sizes_at or b"", strides_at or b"", *last_at))
        storage_class = self._storage_class(gets)
        where = self._device(device)
        shape, stride = self._tuple(sizes), self._tuple(strides)
        if (
            puts != self.expected(first, len(puts))
            or length[0] != len(key)
            or storage_class is None
            or where is None
            or shape is None
            or stride is None
            or len(shape) != len(stride)
            or (sizes_at is None) is not (sizes == b")")
            or (strides_at is None) is not (strides == b")")
            or not self._is_ordered_dict(hooks)
        ):
            return None
        begin = offset[1] if len(offset) == 2 else _integer(offset)
        storage = self._persistent(("storage", storage_class, key.decode("ascii"), where, _integer(numel)))
        if begin < 0 or type(storage) is not StorageReference:
            return None
        tensor = TensorValue(storage, begin, shape, stride, storage.dtype, flag == b"\x88")
        self._starts.append(start)
        self._firsts.append(first)
        self._tensors.append(tensor)
        self.highest = first + len(puts) // 5 - 1
        return tensor, found.end()

    def recall(self) -> None:
        """Put into the memo what the runs so far left out of it."""
        for start, first, tensor in zip(self._starts, self._firsts, self._tensors, strict=True):
            found = _RUN.match(self._data, start)
            assert found is not None
            self._memo.update(enumerate(self._left_out(found, tensor), first))
        self._starts, self._firsts, self._tensors = array("q"), array("q"), []

    def _left_out(self, found: re.Match[bytes], tensor: TensorValue) -> Iterator[Value]:
        """Yield what the run put into the memo, in the order of its opcodes."""
        name = found[3].decode("ascii")
        yield name
        yield ("storage", self._storage_class(found[1]), name, self._device(found[5]), _integer(found[6]))
        if found[10] is not None:
            yield tensor.shape
            yield tensor.stride
        hooks = PickledDict("collections.OrderedDict")
        yield hooks
        yield (tensor.storage, tensor.offset, tensor.shape, tensor.stride, tensor.requires_grad, hooks)
        yield tensor

    # What opcodes mean is remembered by their bytes, for nothing in the memo is overwritten while runs are taken.

    def _storage_class(self, gets: bytes) -> Global | None:
        if gets not in self._storage_classes:
            split = 2 if gets[:1] == b"h" else 5
            word, kind = self._memo.get(_index(gets[:split])), self._memo.get(_index(gets[split:]))
            usable = word == "storage" and type(word) is str and isinstance(kind, Global)
            self._storage_classes[gets] = kind if usable else None
        return self._storage_classes[gets]

    def _device(self, get: bytes) -> str | None:
        if get not in self._devices:
            where = self._memo.get(_index(get))
            self._devices[get] = where if type(where) is str else None
        return self._devices[get]

    def _is_ordered_dict(self, get: bytes) -> bool:
        if get not in self._hooks:
            named = self._memo.get(_index(get))
            self._hooks[get] = isinstance(named, Global) and named.dotted == "collections.OrderedDict"
        return self._hooks[get]

    def _tuple(self, run: bytes) -> tuple[int, ...] | None:
        """Return the tuple of sizes or strides that a run makes; None where it can't be one."""
        if run in self._sizes:
            return self._sizes[run]
        position = 1 if run[:1] == b"(" else 0
        values = []
        while (width := _WIDTHS.get(run[position])) is not None:
            values.append(_integer(run[position : position + width]))
            position += width
        possible = min(values, default=0) >= 0 and len(values) <= MAX_DIMENSIONS and math.prod(values) < MAX_ELEMENTS
        made = tuple(values) if possible else None
        if len(self._sizes) < _MAX_REMEMBERED:
            self._sizes[run] = made
        return made

    def expected(self, first: int, length: int) -> bytes:
        """Return the LONG_BINPUT opcodes of the indices from ``first`` on, so many bytes of them."""
        at = (first - self._puts_from) * 5
        if at < 0 or at + length > len(self._puts):
            self._puts, self._puts_from, at = _long_binputs(range(first, min(first + _PUTS_AHEAD, 1 << 32))), first, 0
        return self._puts[at : at + length]


def _long_binputs(indices: range) -> bytes:
    """Return the opcodes that put the top of the stack at each of the indices."""
    numbers = array("I", indices)
    if sys.byteorder == "big":
        numbers.byteswap()
    raw, made = numbers.tobytes(), bytearray(b"r") * (5 * len(indices))
    for place in range(4):
        made[place + 1 :: 5] = raw[place::4]
    return bytes(made)


def _index(opcode: bytes) -> int:
    return opcode[1] if len(opcode) == 2 else int(_U32.unpack_from(opcode, 1)[0])


def _integer(opcode: bytes) -> int:
    if len(opcode) == 2:
        return opcode[1]
    return int((_U16 if len(opcode) == 3 else _I32).unpack_from(opcode, 1)[0])
