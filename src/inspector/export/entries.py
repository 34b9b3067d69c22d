"""The entries of a plan as the two formats take them, or one sentence about those that can't be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from inspector.checkpoint.dtypes import PACKED
from inspector.checkpoint.tensor_bytes import TensorPlace
from inspector.checkpoint.text import quoted
from inspector.export.errors import UnwritableError
from inspector.export.plan import Plan
from inspector.export.torch_pickle import Dtype

#: Keys named in an error at the most.
_NAMED = 3


class Unwritable:
    """What can't be copied, and why, as a part of a sentence."""

    def __init__(self, why: str) -> None:
        self.why = why


def values_of(plan: Plan, check: Callable[[Any], str], advice: str) -> list[tuple[str, Any]]:
    """Return the keys with their values: `TensorPlace`, `Dtype`, plain values, and tuples of these.

    Parameters
    ----------
    check
        Says why the format can't hold a value, or "".
    advice
        What to do about those.

    Raises
    ------
    UnwritableError
        Some can't be written.
    """
    found: list[tuple[str, Any]] = []
    wrong: list[tuple[str, str]] = []
    for key, described in plan.entries:
        value = _value(described)
        why = next(
            filter(None, (part.why if isinstance(part, Unwritable) else check(part) for part in flat(value))), ""
        )
        if why:
            wrong.append((key, why))
        found.append((key, value))
    if not found:
        raise UnwritableError(f"{plan.name} holds nothing to copy.")
    if wrong:
        raise UnwritableError(f"{plan.name} can't be copied without loss: {_sentence(wrong)}.", advice)
    return found


def unusual_layout(place: TensorPlace) -> str:
    """Return why neither format holds a tensor of its layout, or ""."""
    if place.layout == "quantized":
        return "how its integers stand for numbers is not known" if place.quantization is None else ""
    return f"it is {place.layout}" if place.layout in ("sparse", "nested", "meta") else ""


def is_packed(place: TensorPlace) -> bool:
    """Tell whether several elements share a byte."""
    return place.dtype in PACKED


def _value(described: Sequence[Any]) -> Any:
    tag, content = described
    if tag == "tensor":
        return TensorPlace.from_json(content)
    if tag == "tuple":
        return tuple(map(_value, content))
    if tag == "dtype":
        return Dtype(str(content))
    return content if tag == "plain" else Unwritable(str(content))


def flat(value: Any) -> Iterator[Any]:
    """Yield a value, or those in a tuple."""
    if type(value) is tuple:
        for item in value:
            yield from flat(item)
    else:
        yield value


def _sentence(wrong: list[tuple[str, str]]) -> str:
    shown = "; ".join(f"{quoted(key)}: {why}" for key, why in wrong[:_NAMED])
    return shown + (f"; and {len(wrong) - _NAMED:,} more" if len(wrong) > _NAMED else "")
