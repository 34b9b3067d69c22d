"""The pickle of a state_dict, opcode by opcode as torch's own pickler writes it (protocol 2), torch not needed.

The calls are those of ``torch/_tensor.py``, ``Tensor._reduce_ex_internal``, and all are on the list of what
``torch.load(weights_only=True)`` makes.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from inspector.checkpoint.dtypes import STORAGE_DTYPES
from inspector.export.layout import StorageSlot, Window

#: Entries that the pickler sets at a time.
_BATCH = 1_000

_STORAGE_CLASSES = {dtype: name for name, dtype in STORAGE_DTYPES.items() if name != "UntypedStorage"}


class Dtype(NamedTuple):
    """A dtype of torch as a value, such as ``torch.qint8``."""

    name: str


class StateDictPickle:
    """The pickle of one state_dict, as it grows.

    Attributes
    ----------
    code
        What was written.
    """

    def __init__(self) -> None:
        self.code = bytearray(b"\x80\x02")
        self._memo: dict[str, int] = {}
        self._memoized = 0

    def state_dict(self, entries: Sequence[tuple[str, Any]], attributes: dict[str, Any]) -> None:
        """Write an OrderedDict and end the pickle.

        Parameters
        ----------
        entries
            Keys and values: `Window`, `Dtype`, plain values, and tuples of these.
        attributes
            What is set on the dictionary itself, plain values alone.
        """
        self._ordered_dict()
        self._items(entries)
        if attributes:
            self._attributes(attributes)
            self.code += b"b"
        self.code += b"."

    def _ordered_dict(self) -> None:
        self._global("collections", "OrderedDict")
        self.code += b")R"
        self._remember()

    def _attributes(self, table: dict[str, Any]) -> None:
        """Write tables in a table, whose keys come again and again: the same words for every module."""
        if isinstance(table, OrderedDict):
            self._ordered_dict()
        else:
            self.code += b"}"
            self._remember()
        items = list(table.items())
        if len(items) > 1:
            self.code += b"("
        for key, value in items:
            self._word(key)
            if isinstance(value, dict):
                self._attributes(value)
            else:
                self._value(value)
        if items:
            self.code += b"u" if len(items) > 1 else b"s"

    def _items(self, entries: Sequence[tuple[str, Any]]) -> None:
        if len(entries) == 1:
            self._pair(*entries[0])
            self.code += b"s"
            return
        rest = iter(entries)
        while batch := list(islice(rest, _BATCH)):
            self.code += b"("
            for key, value in batch:
                self._pair(key, value)
            self.code += b"u"

    def _pair(self, key: str, value: Any) -> None:
        self._text(key)
        self._value(value)

    def _value(self, value: Any) -> None:
        if isinstance(value, Window):
            self._tensor(value)
        elif isinstance(value, Dtype):
            self._global("torch", value.name)
        elif value is None or isinstance(value, bool):
            self.code += {None: b"N", True: b"\x88", False: b"\x89"}[value]
        elif isinstance(value, int):
            self._integer(value)
        elif isinstance(value, float):
            self.code += b"G" + struct.pack(">d", value)
        elif isinstance(value, str):
            self._text(value)
        else:
            self._collection(value)

    def _collection(self, value: dict[str, Any] | list[Any] | tuple[Any, ...]) -> None:
        if isinstance(value, tuple):
            self._tuple(value)
            return
        self.code += b"}" if isinstance(value, dict) else b"]"
        self._remember()
        if isinstance(value, dict):
            if value:
                self._items(list(value.items()))
        elif value:
            self.code += b"("
            for item in value:
                self._value(item)
            self.code += b"e"

    def _tuple(self, items: Sequence[Any]) -> None:
        if not items:
            self.code += b")"
            return
        if len(items) > 3:
            self.code += b"("
        for item in items:
            self._value(item)
        self.code += {1: b"\x85", 2: b"\x86", 3: b"\x87"}.get(len(items), b"t")
        self._remember()

    def _tensor(self, window: Window) -> None:
        place, slot = window.place, window.slot
        storage_class = _STORAGE_CLASSES.get(place.dtype)
        quantized = place.layout == "quantized"
        name = "_rebuild_qtensor" if quantized else "_rebuild_tensor_v2" if storage_class else "_rebuild_tensor_v3"
        self._global("torch._utils", name)
        self.code += b"("
        self._storage(storage_class, slot)
        self._integer(window.offset)
        self._tuple(place.shape)
        self._tuple(window.stride)
        if quantized:
            self._scheme(window)
        self.code += b"\x89"
        self._ordered_dict()
        if storage_class is None:
            self._global("torch", place.dtype)
        self.code += b"t"
        self._remember()
        self.code += b"R"
        self._remember()

    def _storage(self, storage_class: str | None, slot: StorageSlot) -> None:
        self.code += b"("
        self._word("storage")
        if storage_class is None:
            self._global("torch.storage", "UntypedStorage")
        else:
            self._global("torch", storage_class)
        self._text(str(slot.number))
        self._word("cpu")
        self._integer(slot.numel if storage_class is not None else slot.nbytes)
        self.code += b"t"
        self._remember()
        self.code += b"Q"

    def _scheme(self, window: Window) -> None:
        """Write how integers stand for numbers: ``torch.per_tensor_affine``, or by channel."""
        how = window.place.quantization
        assert how is not None
        if how.axis < 0:
            self._global("torch", "per_tensor_affine")
            self._value(how.scale)
            self._integer(how.zero_point)
            self.code += b"\x87"
        else:
            scales, zero_points = window.parts
            exact = zero_points.place.dtype.startswith("float")
            self.code += b"("
            self._global("torch", "per_channel_affine_float_qparams" if exact else "per_channel_affine")
            self._tensor(scales)
            self._tensor(zero_points)
            self._integer(how.axis)
            self.code += b"t"
        self._remember()

    def _integer(self, value: int) -> None:
        if 0 <= value < 1 << 8:
            self.code += b"K" + value.to_bytes(1, "little")
        elif 0 <= value < 1 << 16:
            self.code += b"M" + value.to_bytes(2, "little")
        elif -(1 << 31) <= value < 1 << 31:
            self.code += b"J" + value.to_bytes(4, "little", signed=True)
        else:
            raw = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
            self.code += b"\x8a" + len(raw).to_bytes(1, "little") + raw

    def _text(self, text: str) -> None:
        raw = text.encode("utf-8", "surrogatepass")
        self.code += b"X" + len(raw).to_bytes(4, "little") + raw
        self._remember()

    def _word(self, text: str) -> None:
        """Write a text that comes again and again."""
        if not self._recalled(text):
            self._text(text)
            self._memo[text] = self._memoized - 1

    def _global(self, module: str, name: str) -> None:
        line = f"{module}\n{name}\n"
        if not self._recalled(line):
            self.code += b"c" + line.encode("ascii")
            self._remember()
            self._memo[line] = self._memoized - 1

    def _remember(self) -> None:
        number = self._memoized
        self.code += b"q" + bytes([number]) if number < 256 else b"r" + number.to_bytes(4, "little")
        self._memoized += 1

    def _recalled(self, text: str) -> bool:
        number = self._memo.get(text)
        if number is None:
            return False
        self.code += b"h" + bytes([number]) if number < 256 else b"j" + number.to_bytes(4, "little")
        return True
