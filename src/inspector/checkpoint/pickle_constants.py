"""The opcodes that put constants on the stack: None, numbers, texts, bytes."""

from __future__ import annotations

import codecs
import struct

from inspector.checkpoint.pickle_stack import PickleStack

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_U64 = struct.Struct("<Q")
_F64 = struct.Struct(">d")


class PickleStop(Exception):  # noqa: N818 - the opcode's name; it is the ordinary end, not an error
    """The STOP opcode was reached."""


class PickleFrame(Exception):  # noqa: N818 - the opcode's name
    """The FRAME opcode was reached; ``end`` is where the frame ends."""

    def __init__(self, end: int) -> None:
        super().__init__()
        self.end = end


class ConstantOpcodes(PickleStack):
    """One method for each opcode of a constant, and for the frame around a pickle."""

    def op_proto(self) -> None:
        self._protocol = self._byte()
        if self._protocol > 5:
            raise self._broken(f"its protocol {self._protocol} is unknown")

    def op_frame(self) -> None:
        length = self._unpack(_U64)
        if length > len(self.data) - self.position:
            raise self._cut_short()
        raise PickleFrame(self.position + length)

    def op_stop(self) -> None:
        if not self._stack:
            raise self._broken("it ends with nothing")
        raise PickleStop

    def op_none(self) -> None:
        self._stack.append(None)

    def op_true(self) -> None:
        self._stack.append(True)

    def op_false(self) -> None:
        self._stack.append(False)

    def op_int(self) -> None:
        line = self._line()
        booleans = {b"00": False, b"01": True}
        self._stack.append(booleans[line] if line in booleans else self._integer(line))

    def op_long(self) -> None:
        self._stack.append(self._integer(self._line()))

    def op_binint(self) -> None:
        self._stack.append(self._unpack(_I32))

    def op_binint1(self) -> None:
        self._stack.append(self._byte())

    def op_binint2(self) -> None:
        self._stack.append(self._unpack(_U16))

    def op_long1(self) -> None:
        self._stack.append(int.from_bytes(self._take(self._byte()), "little", signed=True))

    def op_long4(self) -> None:
        self._stack.append(int.from_bytes(self._take(self._unpack(_I32)), "little", signed=True))

    def op_float(self) -> None:
        try:
            self._stack.append(float(self._line()))
        except ValueError:
            raise self._broken("a number in it is none") from None

    def op_binfloat(self) -> None:
        (value,) = _F64.unpack(self._take(8))
        self._stack.append(value)

    def op_string(self) -> None:
        line = self._line().strip()
        if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
            raise self._broken("a text in it has no quotes")
        try:
            text, _ = codecs.escape_decode(line[1:-1])
        except ValueError:
            raise self._broken("a text in it is badly escaped") from None
        self._push_python2_text(text)

    def _push_python2_text(self, raw: bytes) -> None:
        try:
            self._stack.append(raw.decode("utf-8"))
        except UnicodeDecodeError:
            self._stack.append(raw.decode("latin-1"))

    def op_binstring(self) -> None:
        self._push_python2_text(self._take(self._unpack(_I32)))

    def op_short_binstring(self) -> None:
        self._push_python2_text(self._take(self._byte()))

    def op_unicode(self) -> None:
        self._stack.append(str(self._line(), "raw-unicode-escape"))

    def op_binunicode(self) -> None:
        self._stack.append(str(self._take(self._unpack(_U32)), "utf-8", "surrogatepass"))

    def op_short_binunicode(self) -> None:
        self._stack.append(str(self._take(self._byte()), "utf-8", "surrogatepass"))

    def op_binunicode8(self) -> None:
        self._stack.append(str(self._take(self._unpack(_U64)), "utf-8", "surrogatepass"))

    def op_binbytes(self) -> None:
        self._stack.append(self._take(self._unpack(_U32)))

    def op_short_binbytes(self) -> None:
        self._stack.append(self._take(self._byte()))

    def op_binbytes8(self) -> None:
        self._stack.append(self._take(self._unpack(_U64)))
