"""Objects that are plain values at heart, such as dates, paths and members of enums, as the text people know them by.

The calls are those by which Python's own classes pickle themselves (``datetime.py``, ``pathlib.py``, ``enum.py``,
``uuid.py``) and torch's devices and numpy's dtypes. Nothing is called but what makes text of checked numbers.
"""

from __future__ import annotations

import datetime
import pathlib
from collections.abc import Callable, Iterator
from itertools import chain

from inspector.checkpoint.described import numpy_type_of
from inspector.checkpoint.limits import MAX_SHOWN_INT_BITS, MAX_VALUE_CHARACTERS
from inspector.checkpoint.values import Global, PickledDict, PickledObject, Value, in_pairs

Args = tuple[Value, ...]

#: Arguments of a call that is shown in one row.
_MAX_ARGUMENTS = 8

_MAX_PATH_PARTS = 100

#: Classes whose attributes are a table of plain values.
_NAMESPACES = ("argparse.Namespace", "types.SimpleNamespace")


def plain_text(value: PickledObject) -> str | None:
    """Return the text of an object that is a plain value, None where it is none.

    A member of an enum, and any other object that is made of a few plain values and nothing else, is told by its
    class and these: ``project.Mode(train)``.
    """
    if not isinstance(value.function, Global) or not isinstance(value.args, tuple):
        return None
    name = value.function.dotted
    if value.class_name in _WITH_STATE:
        return _WITH_STATE[value.class_name](value)
    if value.state is not None or value.flat or value.appended:
        return None
    text = _TEXTS[name](value.args) if name in _TEXTS else None
    return _call_text(name, value.args) if text is None else text


def table_of(value: Value) -> Iterator[tuple[Value, Value]] | None:
    """Return the entries of what is a table of names and values: a dict of any class, or a namespace; else None."""
    if isinstance(value, PickledDict):
        return value.pairs()
    if not isinstance(value, PickledObject):
        return None
    attributes = value.state.pairs() if isinstance(value.state, PickledDict) else iter(())
    if value.class_name in _NAMESPACES:
        return attributes
    return chain(in_pairs(value.flat), attributes) if value.flat and not value.appended else None


def _call_text(name: str, args: Args) -> str | None:
    if name == "builtins.getattr" and len(args) == 2 and isinstance(args[0], Global) and type(args[1]) is str:
        return _short(f"{args[0].dotted}.{args[1]}")  # how Python 3.11 wrote some members of enums
    if not 0 < len(args) <= _MAX_ARGUMENTS or not all(map(_is_scalar, args)):
        return None
    words = ", ".join(_word(item) for item in args)
    return _short(f"{name.removeprefix('builtins.')}({words})")


def _is_scalar(value: Value) -> bool:
    if type(value) is int:
        return value.bit_length() <= MAX_SHOWN_INT_BITS
    return value is None or isinstance(value, bool | float | str | bytes | complex)


def _word(value: Value) -> str:
    if isinstance(value, str):
        return value[:MAX_VALUE_CHARACTERS]
    return f"{len(value):,} bytes" if isinstance(value, bytes) else str(value)


def _short(text: str) -> str:
    return text if len(text) <= MAX_VALUE_CHARACTERS else text[:MAX_VALUE_CHARACTERS] + "…"


def _raw(args: Args, length: int) -> bytes | None:
    """Return the packed numbers of a date or time; Python 2 wrote them as text."""
    packed = args[0] if 1 <= len(args) <= 2 else None
    if isinstance(packed, str):
        try:
            packed = packed.encode("latin-1")
        except UnicodeEncodeError:
            return None
    return packed if isinstance(packed, bytes) and len(packed) == length else None


def _zone(args: Args) -> datetime.timezone | None:
    """Return the time zone given beside a date's or time's numbers; None where it is none of Python's own."""
    zone = args[1] if len(args) == 2 else None
    if not isinstance(zone, PickledObject) or zone.class_name != "datetime.timezone":
        return None
    return _timezone_of(zone.args) if isinstance(zone.args, tuple) else None


def _datetime(args: Args) -> str | None:
    raw = _raw(args, 10)
    if raw is None:
        return None
    day = (raw[0] << 8 | raw[1], raw[2] & 0x7F, raw[3])
    microseconds = int.from_bytes(raw[7:], "big")
    try:
        when = datetime.datetime(*day, raw[4], raw[5], raw[6], microseconds, _zone(args))
    except ValueError:
        return None
    return when.isoformat(" ")


def _date(args: Args) -> str | None:
    raw = _raw(args, 4)
    try:
        return datetime.date(raw[0] << 8 | raw[1], raw[2], raw[3]).isoformat() if raw is not None else None
    except ValueError:
        return None


def _time(args: Args) -> str | None:
    raw = _raw(args, 6)
    if raw is None:
        return None
    try:
        at = datetime.time(raw[0] & 0x7F, raw[1], raw[2], int.from_bytes(raw[3:], "big"), _zone(args))
    except ValueError:
        return None
    return at.isoformat()


def _timedelta_of(args: Args) -> datetime.timedelta | None:
    if len(args) != 3 or not all(type(part) is int and abs(part) < 1 << 40 for part in args):
        return None
    try:
        return datetime.timedelta(args[0], args[1], args[2])
    except OverflowError:
        return None


def _timedelta(args: Args) -> str | None:
    length = _timedelta_of(args)
    return str(length) if length is not None else None


def _timezone_of(args: Args) -> datetime.timezone | None:
    offset = args[0] if args else None
    if not isinstance(offset, PickledObject) or offset.class_name != "datetime.timedelta":
        return None
    length = _timedelta_of(offset.args) if isinstance(offset.args, tuple) else None
    try:
        return datetime.timezone(length) if length is not None else None
    except ValueError:
        return None


def _timezone(args: Args) -> str | None:
    zone = _timezone_of(args)
    return str(zone) if zone is not None else None


def _path(kind: type[pathlib.PurePath]) -> Callable[[Args], str | None]:
    def text(args: Args) -> str | None:
        usable = len(args) <= _MAX_PATH_PARTS and all(type(part) is str for part in args)
        if not usable or sum(map(len, args)) > MAX_VALUE_CHARACTERS:
            return None
        return str(kind(*args))

    return text


def _device(args: Args) -> str | None:
    if len(args) not in (1, 2) or type(args[0]) is not str or not all(type(index) is int for index in args[1:]):
        return None
    return _short(":".join(map(_word, args)))


def _dtype(value: PickledObject) -> str | None:
    found = numpy_type_of(value)
    return found and (found.name or found.code)


def _uuid(value: PickledObject) -> str | None:
    state = value.state
    number = state.get("int") if isinstance(state, PickledDict) and len(state) <= _MAX_ARGUMENTS else None
    if type(number) is not int or not 0 <= number < 1 << 128:
        return None
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


_WITH_STATE: dict[str, Callable[[PickledObject], str | None]] = {"numpy.dtype": _dtype, "uuid.UUID": _uuid}
_TEXTS: dict[str, Callable[[Args], str | None]] = {
    "datetime.datetime": _datetime,
    "datetime.date": _date,
    "datetime.time": _time,
    "datetime.timedelta": _timedelta,
    "datetime.timezone": _timezone,
    "torch.device": _device,
}
for _package in ("pathlib", "pathlib._local"):  # Python 3.13 named the latter
    for _name, _kind in (("Posix", pathlib.PurePosixPath), ("Windows", pathlib.PureWindowsPath)):
        _TEXTS[f"{_package}.{_name}Path"] = _TEXTS[f"{_package}.Pure{_name}Path"] = _path(_kind)
