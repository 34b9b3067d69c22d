"""One step for the some 35 opcodes by which torch writes every tensor: what makes large state_dicts open fast.

``torch.save`` pickles each tensor of a state_dict as the same run: the rebuild function from the memo, the storage's
persistent id, offset, sizes, strides, a flag, an empty OrderedDict, REDUCE. A compiled pattern finds the whole run;
whatever differs from it in any way is left to the machine, which walks it opcode by opcode to the same result.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from inspector.checkpoint.rebuild import call
from inspector.checkpoint.values import Global, PickledDict, TensorValue, Value

_PUT = rb"(?:q.|r....)"
_GET = rb"(?:h.|j....)"
_INT = rb"(?:K.|M..|J....)"
_SIZES = (
    rb"(?:\)|" + _INT + rb"\x85" + _PUT + rb"|" + _INT * 2 + rb"\x86" + _PUT + rb"|" + _INT * 3 + rb"\x87" + _PUT
    + rb"|\(" + _INT + rb"{4,8}t" + _PUT + rb")"
)  # fmt: skip
_RUN = re.compile(
    rb"\(\((" + _GET + rb")(" + _GET + rb")X(....)([0-9]{1,12})(" + _PUT + rb")(" + _GET + rb")(" + _INT + rb")t("
    + _PUT + rb")Q(" + _INT + rb")(" + _SIZES + rb")(" + _SIZES + rb")([\x88\x89])(" + _GET + rb")\)R(" + _PUT
    + rb")t(" + _PUT + rb")R(" + _PUT + rb")",
    re.DOTALL,
)  # fmt: skip

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")


def take_tensor(
    data: bytes, position: int, function: Global, memo: dict[int, Value], persistent: Callable[[Value], Value]
) -> tuple[TensorValue, int] | None:
    """Take the run that begins at ``position``, just behind the GET of ``function``.

    Returns
    -------
    tuple or None
        The tensor and the position behind the run, its memo entries made; None where there is no such run, with
        nothing changed.
    """
    found = _RUN.match(data, position)
    if found is None:
        return None
    word, kind, length, key, key_at, device, numel, id_at, offset, sizes, strides, flag, hooks, *places = found.groups()
    if memo.get(_index(word)) != "storage" or _U32.unpack(length)[0] != len(key):
        return None
    ordered = memo.get(_index(hooks))
    if not isinstance(ordered, Global) or ordered.dotted != "collections.OrderedDict":
        return None
    storage_class, where = memo.get(_index(kind)), memo.get(_index(device))
    if not isinstance(storage_class, Global) or not isinstance(where, str):
        return None
    (shape, shape_at), (stride, stride_at) = _tuple(sizes), _tuple(strides)
    if bool(shape_at) is not bool(stride_at):
        return None
    name = key.decode("ascii")
    identifier = ("storage", storage_class, name, where, _integer(numel))
    storage = persistent(identifier)
    empty = PickledDict("collections.OrderedDict")
    args = (storage, _integer(offset), shape, stride, flag == b"\x88", empty)
    tensor = call(function, args)
    if not isinstance(tensor, TensorValue):
        return None
    # The memo entries, in the order the opcodes make them.
    memo[_index(key_at)] = name
    memo[_index(id_at)] = identifier
    if shape_at:
        memo[_index(shape_at)] = shape
        memo[_index(stride_at)] = stride
    memo[_index(places[0])] = empty
    memo[_index(places[1])] = args
    memo[_index(places[2])] = tensor
    return tensor, found.end()


def _index(opcode: bytes) -> int:
    return opcode[1] if len(opcode) == 2 else int(_U32.unpack_from(opcode, 1)[0])


def _integer(opcode: bytes) -> int:
    if len(opcode) == 2:
        return opcode[1]
    return int((_U16 if len(opcode) == 3 else _I32).unpack_from(opcode, 1)[0])


def _tuple(run: bytes) -> tuple[tuple[int, ...], bytes]:
    """Return the tuple of integers a run makes, and the opcode that stores it (empty for the empty tuple)."""
    if run == b")":
        return (), b""
    position = 1 if run[:1] == b"(" else 0
    values = []
    while (width := _WIDTHS.get(run[position])) is not None:
        values.append(_integer(run[position : position + width]))
        position += width
    return tuple(values), run[position + 1 :]


_WIDTHS = {ord("K"): 2, ord("M"): 3, ord("J"): 5}
