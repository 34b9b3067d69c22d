"""Whether a tensor may be read whole: what it would take is known before anything is allocated."""

from __future__ import annotations

from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.limits import FREE_REPEATED_BYTES, FREE_WHOLE_BYTES, MAX_REPEATS
from inspector.checkpoint.tensor_bytes import TensorPlace, nbytes_of, numel_of, span

_MEMINFO = "/proc/meminfo"


def require_room(place: TensorPlace) -> None:
    """Raise TensorReadError where a tensor can't be laid out in memory: it repeats itself too often, or is too large.

    torch saves an expanded tensor, or windows that overlap, with the few bytes that they share. Whoever goes through
    all elements, or copies them, would take a thousand times as much as the file.
    """
    require_few_repeats(place)
    require_memory(nbytes_of(place.shape, place.dtype))


def require_few_repeats(place: TensorPlace) -> None:
    """Raise TensorReadError where a tensor's elements share their bytes far too often."""
    if len(place.stride) != len(place.shape):
        return  # it is put together from parts, of which there is a limit of its own
    numel = numel_of(place.shape)
    held = span(place.shape, place.stride)
    if numel > MAX_REPEATS * held and nbytes_of(place.shape, place.dtype) > FREE_REPEATED_BYTES:
        raise TensorReadError(
            f"Its {numel:,} elements are {held:,} that are repeated: too many to be looked at one by one."
        )


def require_memory(nbytes: int) -> None:
    """Raise TensorReadError where so many bytes are more than the memory that is free, as far as that is known."""
    if nbytes <= FREE_WHOLE_BYTES:
        return
    free = free_memory()
    if free is not None and nbytes > free:
        raise TensorReadError(
            f"It takes {nbytes:,} bytes of memory, and {free:,} are free.", "Close something else, then try again."
        )


def free_memory() -> int | None:
    """Return the bytes that can be taken before the system swaps, None where it does not tell (not on Linux)."""
    try:
        with open(_MEMINFO, encoding="ascii") as lines:
            found = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), "")
    except (OSError, IndexError, UnicodeDecodeError):
        return None
    return int(found) * 1024 if found.isdecimal() else None
