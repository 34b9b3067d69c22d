"""Whether an allow-listed name is used as its own pickler uses it: a harmless name can be put to a harmful use.

numpy believes what a pickle says of a dtype. An ``object`` dtype whose flags the pickle clears makes it take the
file's bytes for addresses of Python objects (seen with numpy 2.4: a file of 150 bytes reads memory of its choice),
and older numpy hands out any object of the file as a "scalar". So names that rebuild by calling or by trusting have
the form of their arguments checked here; whatever differs from what numpy, copyreg and torch write themselves is not
called safe. The forms are those of ``numpy/_core/src/multiarray/descriptor.c`` (``arraydescr_reduce``), ``methods.c``
(``array_reduce``), ``scalartypes.c.src`` (``gentype_reduce``), ``copyreg.py`` and ``torch/_tensor.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from inspector.checkpoint.safety import verdict
from inspector.checkpoint.values import Global, PickledDict, PickledObject, Value

_NUMPY = "It describes a NumPy array in a way that NumPy itself does not: loading it could read or change any memory."
_FIELDS = "It holds a NumPy array of a type with fields, which Inspector can't vouch for."
_COPYREG = "It rebuilds an object in a way that Python's own pickles do not."
_ATTRIBUTES = "It gives an object a function for one of the methods that loading it calls."
_ITEMS = "It adds items to an object that holds none."
_FROM_TYPE = "It rebuilds a tensor by a call that rebuilds no tensor."

#: Methods that the unpickler looks for on the object itself (``Modules/_pickle.c``: ``load_build``, ``do_append``,
#: ``load_additems``).
_LOOKED_UP = frozenset({"append", "extend", "add"})

#: Allow-listed classes that pickles add items to.
_COLLECTIONS = frozenset({"collections.deque"})

#: What ``numpy.dtype.str`` gives for plain types, without the unit of times: a letter and a size in bytes
#: (characters for U). The names of types and structured ones do not occur in numpy's own pickles.
_PLAIN_TYPE = re.compile(r"[<>=|]?(?P<letter>[?biufcOSUVMma])(?P<size>[0-9]{0,9})")

#: Flags (``ndarraytypes.h``): an object's references are counted, and pickled as a list, by all of the low six bits.
_OBJECT_FLAGS = 63
#: All but NPY_ITEM_REFCOUNT (1), NPY_LIST_PICKLE (2) and NPY_ITEM_IS_POINTER (4), which are the objects' own.
_HARMLESS_FLAGS = 0xF8

_BYTES_PER_CHARACTER = {"S": 1, "U": 4, "V": 1}


def misuse_in_call(function: Global, args: Value) -> str:
    """Return why calling the allow-listed ``function`` with ``args`` is not its ordinary use, or ""."""
    check = _CALLS.get(function.dotted)
    return check(args) if check is not None else ""


def misuse_in_state(target: PickledObject, state: Value) -> str:
    """Return why setting ``state`` on what an allow-listed name made is not its ordinary use, or ""."""
    check = _STATES.get(target.function.dotted) if isinstance(target.function, Global) else None
    return check(target, state) if check is not None else ""


def misuse_in_attributes(state: Value) -> str:
    """Return why giving an object this ``state`` is not the ordinary use of BUILD, or "".

    The unpickler looks for ``__setstate__``, ``append``, ``extend`` and ``add`` on the object itself: a state that sets
    one of them to a function makes a later opcode call that function with arguments of the file's choice.
    """
    tables = state if isinstance(state, tuple) and len(state) == 2 else (state,)
    for place, table in enumerate(tables):
        for key, value in table.pairs() if isinstance(table, PickledDict) else ():
            if type(key) is not str or not (key in _LOOKED_UP or (key[:2] == key[-2:] == "__")):
                continue
            if place == 1 or isinstance(value, Global | PickledObject):  # slots are set by setattr, the class too
                return _ATTRIBUTES
    return ""


def misuse_of_items(target: PickledObject) -> str:
    """Return why adding items to what an allow-listed name made is not its ordinary use, or ""."""
    function = target.function
    if not isinstance(function, Global) or verdict(function.dotted) != "tensor" or function.dotted in _COLLECTIONS:
        return ""
    return _ITEMS


def misuse_in_array(state: Value) -> str:
    """Return why setting ``state`` on a numpy array is not its ordinary use, or ""."""
    if not isinstance(state, tuple) or len(state) not in (4, 5):
        return _NUMPY
    return "" if _dtype_letter(state[-3]) is not None else _NUMPY


def _dtype_letter(value: Value) -> str | None:
    """Return the letter of an inert ``numpy.dtype(...)``, "" for another package's type, None where it is none."""
    if not isinstance(value, PickledObject) or not isinstance(value.function, Global):
        return None
    if value.function.dotted != "numpy.dtype" or not isinstance(value.args, tuple) or not value.args:
        return None
    kind = value.args[0]
    found = _PLAIN_TYPE.fullmatch(kind) if isinstance(kind, str) else None
    if found is not None:
        return found["letter"]
    return "" if _is_judged_elsewhere(kind) else None


def _is_judged_elsewhere(value: Value) -> bool:
    return isinstance(value, Global) and verdict(value.dotted) != "tensor"


def _dtype_call(args: Value) -> str:
    ordinary = isinstance(args, tuple) and len(args) in (1, 3) and all(flag in (0, 1) for flag in args[1:])
    if not ordinary:
        return _NUMPY
    if isinstance(args[0], str) and _PLAIN_TYPE.fullmatch(args[0]):
        return ""
    return "" if _is_judged_elsewhere(args[0]) else _NUMPY


def _dtype_state(target: PickledObject, state: Value) -> str:
    # Only a copy (the third argument) may be changed: the type itself is shared by the whole program.
    if not isinstance(target.args, tuple) or len(target.args) != 3 or target.args[2] not in (1, True):
        return _NUMPY
    if not isinstance(state, tuple) or len(state) not in (8, 9) or type(state[7]) is not int:
        return _NUMPY
    subtype, names, fields, size, _, flags = state[2:8]
    found = _PLAIN_TYPE.fullmatch(target.args[0]) if isinstance(target.args[0], str) else None
    if not (subtype is None and names is None and fields is None):
        return _FIELDS if found is not None and found["letter"] == "V" else _NUMPY
    if found is None:
        return ""  # a type of another package, judged by its name
    return "" if _fits(found["letter"], found["size"], size, flags) else _NUMPY


def _fits(letter: str, digits: str, size: Value, flags: int) -> bool:
    if letter == "O":
        return flags == _OBJECT_FLAGS
    if letter in _BYTES_PER_CHARACTER and size not in (-1, int(digits or 0) * _BYTES_PER_CHARACTER[letter]):
        return False
    return flags & ~_HARMLESS_FLAGS == 0


def _reconstruct_call(args: Value) -> str:
    if not isinstance(args, tuple) or len(args) != 3 or not isinstance(args[0], Global):
        return _NUMPY
    ordinary = args[0].dotted == "numpy.ndarray" or _is_judged_elsewhere(args[0])
    return "" if ordinary and args[2] in ("b", b"b") else _NUMPY


def _scalar_call(args: Value) -> str:
    if not isinstance(args, tuple) or len(args) != 2 or _dtype_letter(args[0]) in (None, "O"):
        return _NUMPY
    return "" if isinstance(args[1], bytes | str) else _NUMPY


def _frombuffer_call(args: Value) -> str:
    ordinary = isinstance(args, tuple) and len(args) in (4, 5) and isinstance(args[0], bytes)
    return "" if ordinary and _dtype_letter(args[1]) not in (None, "O") else _NUMPY


def _never_called(_: Value) -> str:
    return _NUMPY


def _reconstructor_call(args: Value) -> str:
    ordinary = isinstance(args, tuple) and len(args) == 3 and isinstance(args[0], Global) and args[2] is None
    if ordinary and isinstance(args[1], Global) and args[1].dotted == "builtins.object":
        return ""
    return "" if isinstance(args, tuple) and args and _is_judged_elsewhere(args[0]) else _COPYREG


def _from_type_call(args: Value) -> str:
    function = args[0] if isinstance(args, tuple) and args else None
    if not isinstance(function, Global) or function.name.startswith("_rebuild_from_type"):
        return _FROM_TYPE
    rebuilds = function.module == "torch._utils" and function.name.startswith("_rebuild_")
    return "" if rebuilds or _is_judged_elsewhere(function) else _FROM_TYPE


def _from_type_with_state_call(args: Value) -> str:
    return _from_type_call(args) or _with_state_call(args)


def _with_state_call(args: Value) -> str:
    # torch._utils._set_obj_state gives the tensor its fourth argument's attributes
    return misuse_in_attributes(args[3]) if isinstance(args, tuple) and len(args) > 3 else ""


_CALLS: dict[str, Callable[[Value], str]] = {
    "numpy.dtype": _dtype_call,
    "numpy.ndarray": _never_called,
    "copyreg._reconstructor": _reconstructor_call,
    "torch._tensor._rebuild_from_type": _from_type_call,
    "torch._tensor._rebuild_from_type_v2": _from_type_with_state_call,
    "torch._utils._rebuild_parameter_with_state": _with_state_call,
}
_STATES: dict[str, Callable[[PickledObject, Value], str]] = {"numpy.dtype": _dtype_state}
for _core in ("numpy.core", "numpy._core"):  # numpy 1 and numpy 2
    _CALLS[f"{_core}.multiarray._reconstruct"] = _reconstruct_call
    _CALLS[f"{_core}.multiarray.scalar"] = _scalar_call
    _CALLS[f"{_core}.numeric._frombuffer"] = _frombuffer_call
