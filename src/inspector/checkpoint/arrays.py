"""numpy's arrays and scalars in a pickle: tensors whose bytes lie in the pickle itself, and plain numbers.

The calls are those of ``numpy/_core/multiarray.py`` and ``numpy/_core/numeric.py`` (numpy 2.4; before numpy 2 the
package was ``numpy.core``): ``_reconstruct(type, (0,), b"b")`` with the state ``(version, shape, dtype, is_fortran,
content)``, ``_frombuffer(content, dtype, shape, order)`` and ``scalar(dtype, content)``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

from inspector.checkpoint.contents import Contents, StorageLocation
from inspector.checkpoint.described import NumpyType, contiguous, is_shape, numpy_type_of
from inspector.checkpoint.dtypes import ITEM_SIZES, UNKNOWN
from inspector.checkpoint.limits import MAX_PLAIN_ENTRIES
from inspector.checkpoint.values import StorageReference, UnusualTensor, Value

Args = tuple[Value, ...]

#: How ``struct`` reads one element of each.
_CODES = {
    "float64": "d", "float32": "f", "float16": "e", "int64": "q", "int32": "i", "int16": "h", "int8": "b",
    "uint64": "Q", "uint32": "I", "uint16": "H", "uint8": "B", "bool": "?", "complex128": "dd", "complex64": "ff",
}  # fmt: skip

#: Opcodes between an array's content and the end of its call, in bytes: the dtype's description is the longest.
_BEHIND_CONTENT = 1_024

#: Texts of an array, and scalars written as text, are read up to so many bytes each.
_MAX_TEXT_BYTES = 1_024

#: Contents that a later array refers to again lie anywhere before: so many of them are looked for.
_FAR_SEARCHES = 100


class PickledArray(UnusualTensor):
    """A numpy array: a tensor once its state is known, and its content is found in the pickle.

    Attributes
    ----------
    content
        Its bytes, until `place_arrays`.
    end
        Offset in the pickle behind the call or the state that gave them.
    code
        numpy's code of its dtype.
    """

    __slots__ = ("code", "content", "end", "items")
    is_array = True

    def __init__(self) -> None:
        super().__init__(None, 0, (), (), UNKNOWN, problem="it has no content")
        self.content: bytes | None = None
        self.end = 0
        self.items = None
        self.code = ""

    def fill(self, shape: Value, dtype: Value, content: Value, *, fortran: bool = False) -> None:
        """Take the array's description and content; what makes no sense leaves it with a problem."""
        found = numpy_type_of(dtype)
        if found is None or not is_shape(shape):
            self.problem = "its description as a numpy array makes no sense"
            return
        self.shape = shape
        self.stride = contiguous(shape[::-1])[::-1] if fortran else contiguous(shape)
        numel = 1
        for size in shape:
            numel *= size
        self.code = found.code
        if not found.name:
            raw = None if isinstance(content, list) else _as_bytes(content, None)
            self.items = content if isinstance(content, list) else _texts(found, raw)
            self.problem = f"it holds numpy's {found.code}, which torch has no dtype for"
            if raw is not None and self.items is None:
                self.content, self.storage = raw, StorageReference("", UNKNOWN, numel, "cpu")
            return
        self.dtype = found.name
        self.content = _as_bytes(content, numel * ITEM_SIZES[found.name])
        self.problem = "" if self.content is not None else "its content does not fit its shape"
        self.storage = StorageReference("", found.name, numel, "cpu")

    def set_state(self, state: Value) -> None:
        """Take what BUILD sets: ``(version, shape, dtype, is_fortran, content)``."""
        if isinstance(state, tuple) and len(state) == 5:
            self.fill(state[1], state[2], state[4], fortran=state[3] is True)


def _as_bytes(content: Value, length: int | None) -> bytes | None:
    """Return an array's content; Python 2 wrote it as text, which was read as UTF-8 where it happened to be some."""
    if isinstance(content, bytes):
        return content if length in (None, len(content)) else None
    if not isinstance(content, str):
        return None
    for coding in ("latin-1", "utf-8"):
        try:
            raw = content.encode(coding)
        except UnicodeEncodeError:
            continue
        if length in (None, len(raw)):
            return raw
    return None


def _texts(dtype: NumpyType, content: bytes | None) -> list[Value] | None:
    """Return the texts of an array of ``U5`` or ``S5``, as many as are shown."""
    kind, digits = dtype.code.lstrip("<>")[:1], dtype.code.lstrip("<>")[1:]
    width = int(digits) * (4 if kind == "U" else 1) if digits.isdecimal() and kind in ("U", "S") else 0
    if not content or not 0 < width <= _MAX_TEXT_BYTES:
        return None
    coding = ("utf-32-be" if dtype.big_endian else "utf-32-le") if kind == "U" else "latin-1"
    pieces = (content[at : at + width] for at in range(0, min(len(content), width * MAX_PLAIN_ENTRIES), width))
    return [piece.decode(coding, "replace").rstrip("\0") for piece in pieces]


def _reconstruct(args: Args) -> PickledArray | None:
    return PickledArray() if len(args) == 3 else None


def _from_buffer(args: Args) -> PickledArray | None:
    if len(args) != 4:
        return None
    made = PickledArray()
    made.fill(args[2], args[1], args[0], fortran=args[3] == "F")
    return made


def _scalar(args: Args) -> Value:
    """``scalar(dtype, content)``: the plain number it stands for."""
    dtype = numpy_type_of(args[0]) if len(args) == 2 else None
    if dtype is None or not isinstance(args[1], bytes | str) or len(args[1]) > _MAX_TEXT_BYTES:
        return None
    if not dtype.name:
        texts = _texts(dtype, _as_bytes(args[1], None))
        return texts[0] if texts else None
    content = _as_bytes(args[1], ITEM_SIZES[dtype.name])
    if content is None:
        return None
    numbers = struct.unpack((">" if dtype.big_endian else "<") + _CODES[dtype.name], content)
    return complex(*numbers) if len(numbers) == 2 else numbers[0]


MAKERS: dict[str, Callable[[Args], Value]] = {
    f"{package}.{name}": maker
    for package in ("numpy.core", "numpy._core")
    for name, maker in (
        ("multiarray._reconstruct", _reconstruct),
        ("multiarray.scalar", _scalar),
        ("numeric._frombuffer", _from_buffer),
    )
}


def place_arrays(
    contents: Contents, arrays: Iterable[PickledArray], data: bytes, start: int | None, pickle: str = "the pickle"
) -> None:
    """Note in ``contents`` where in the file each array's content lies.

    Parameters
    ----------
    arrays
        Those of the pickle in ``data``.
    start
        Offset of ``data`` in the file, None where it does not lie there as it is (a packed entry).
    pickle
        What tells the pickle from the others in the file.
    """
    searches = _FAR_SEARCHES
    known: dict[int, tuple[bytes, tuple[int, int] | None]] = {}  # with the content, whose id must stay its own
    for array in arrays:
        content, storage = array.content, array.storage
        array.content = None
        if content is None or storage is None:
            continue
        if id(content) not in known:
            found = _find(data, content, array.end)
            if found is None and searches:
                searches -= 1
                found = _find(data, content, array.end, everywhere=True)
            known[id(content)] = content, found
        found = known[id(content)][1]
        if found is None or start is None:
            where = "its content can't be found in the pickle" if found is None else "the pickle is packed"
            array.problem = array.problem or where
            continue
        position, length = found
        storage.key = f"byte {position} of {pickle}"
        big_endian = array.code.startswith(">")
        contents.storages[storage.key] = StorageLocation(
            start + position, len(content), length, big_endian=big_endian, is_text=length != len(content)
        )


def _find(data: bytes, content: bytes, end: int, *, everywhere: bool = False) -> tuple[int, int] | None:
    """Return where the content lies before ``end``, and its length as it is written: raw, or as text in UTF-8."""
    for written in (content, content.decode("latin-1").encode("utf-8")):
        first = 0 if everywhere else max(0, end - len(written) - _BEHIND_CONTENT)
        position = data.find(written, first, end)  # wherever equal bytes lie; unlike rfind, in linear time
        if position >= 0:
            return position, len(written)
    return None
