"""What is reckoned of one piece of a tensor, in buffers that are used again. Every call here lets other threads run."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from inspector.weights.chunks import Array, is_complex
from inspector.weights.histogram import bins_per_unit
from inspector.weights.stream import PIECE, ROOM_BYTES

BINS = 256
NARROW_FROM = 1 << 15
"""Of so many elements of float32 and less, the bins are found in float32."""

_HALF = np.dtype(np.float16)
_HALF_BITS = np.int32(-0x70000001)  # all but the three copies of the sign that shifting leaves
_HALF_SCALE = np.float32(2.0**112)
_HALF_BEYOND = np.float32(2.0**16)
_FEW = 1 << 15  # bytes that are counted by numpy sooner than pillow is asked
_COUNTED = 1 << 20  # bytes that are counted together
_PAGE = 1 << 12
# Squares lose their difference to the square of the mean where it is smaller than this share of them.
_CANCELS = 1e-3
# Ranges and numbers of bins per unit that float32 still multiplies.
_NARROW_MOST = 1e37


class Room:
    """The buffers of one thread."""

    def __init__(self) -> None:
        # One block: from 4 MB on numpy asks Linux for huge pages, and reading into them costs half.
        sizes = (PIECE * 8, ROOM_BYTES, PIECE * 4, _COUNTED)
        block = np.empty(sum(sizes) + _PAGE, np.uint8)
        ends = np.cumsum(sizes) + -block.ctypes.data % _PAGE
        wide, raw, narrow, bins = (block[end - size : end] for end, size in zip(ends, sizes, strict=True))
        self.raw = raw.data
        self.narrow = narrow.view(np.float32)
        self.wide = wide.view(np.float64)
        self.positions = wide.view(np.float32)  # the same memory, which the cache still holds
        self.bins = bins
        self.mask = bins.view(np.bool_)  # of the first look; the second one takes the bins


@dataclass(slots=True)
class Extent:
    """The range of the finite elements of a piece, or of more, and what is counted beside."""

    least: float = math.inf
    greatest: float = -math.inf
    zeros: int = 0
    nan: int = 0
    inf: int = 0

    def add(self, other: Extent) -> None:
        """Take in what is known of another part."""
        self.least, self.greatest = min(self.least, other.least), max(self.greatest, other.greatest)
        self.zeros += other.zeros
        self.nan += other.nan
        self.inf += other.inf

    @property
    def odd(self) -> int:
        """How many elements are not finite."""
        return self.nan + self.inf


@dataclass(slots=True)
class Moments:
    """Count, mean, sum of squared distances from the mean, and sum of squares."""

    count: int = 0
    mean: float = 0.0
    spread: float = 0.0
    squares: float = 0.0

    def add(self, other: Moments) -> None:
        """Take in another part, by the pairwise formula of Chan, Golub and LeVeque (1979)."""
        total = self.count + other.count
        if not total:
            return
        gap, share = other.mean - self.mean, other.count / total
        self.mean += gap * share
        self.spread += other.spread + gap * gap * self.count * share
        self.squares += other.squares
        self.count = total


def plain(piece: Array, room: Room) -> Array:
    """Return a piece as bool, integers, float32 or float64, as `inspector.weights.chunks.chunks` does, but faster."""
    if piece.dtype == _HALF:
        return _from_half(piece, room)
    kind = piece.dtype.kind
    if kind in "iu" or piece.dtype in (np.float32, np.float64):
        return piece
    if kind == "b":
        return piece.view(np.uint8)
    if is_complex(piece.dtype):
        return np.abs(piece.astype(np.complex128))
    narrow = room.narrow[: piece.size]
    np.copyto(narrow, piece, casting="unsafe")
    return narrow


def _from_half(piece: Array, room: Room) -> Array:
    """Return float16 as float32: exponent and mantissa moved, the bias made up for by one exact multiplication."""
    narrow = room.narrow[: piece.size]
    bits = narrow.view(np.int32)
    np.copyto(bits, piece.view(np.int16))
    np.left_shift(bits, 13, out=bits)
    np.bitwise_and(bits, _HALF_BITS, out=bits)
    np.multiply(narrow, _HALF_SCALE, out=narrow)
    if max(float(narrow.max()), -float(narrow.min())) >= _HALF_BEYOND:  # where the exponent stood for Inf and NaN
        odd = np.abs(narrow) >= _HALF_BEYOND
        narrow[odd] = piece[odd].astype(np.float32)
    return narrow


def finite_part(values: Array) -> Array:
    """Return the finite elements."""
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def extent_of(values: Array, room: Room) -> Extent:
    """Find the range of a piece that `plain` made; NaN and Inf are looked for only where the range shows one."""
    least, greatest = np.minimum.reduce(values).item(), np.maximum.reduce(values).item()
    found = Extent()
    if not (math.isfinite(least) and math.isfinite(greatest)):
        finite = finite_part(values)
        found.nan = int(np.count_nonzero(np.isnan(values)))
        found.inf = values.size - finite.size - found.nan
        if not finite.size:
            return found
        least, greatest = finite.min().item(), finite.max().item()
    found.least, found.greatest = least, greatest
    if least <= 0 <= greatest:
        mask = room.mask[: values.size]
        np.equal(values, 0, out=mask)
        found.zeros = int(np.count_nonzero(mask))
    return found


@dataclass(frozen=True, slots=True)
class Scale:
    """Which bin a value falls into.

    Attributes
    ----------
    low, per_unit
        Where the first bin begins, and how many bins there are per unit.
    narrow
        The same as float32, where bins can be found in that: half the work.
    """

    low: float
    per_unit: float
    narrow: tuple[np.float32, np.float32] | None


def scale_of(low: float, high: float, elements: int) -> Scale:
    """Return the scale of `BINS` bins from ``low`` to ``high``.

    In float32 the distance from ``low`` and its multiple are each rounded once. The multiplier is as much too large as
    it takes for values on an edge never to fall below it; one that lies below it by less than 1/10,000 of a bin may be
    counted above it. Few elements, and ranges at the ends of float32, get float64.
    """
    per_unit = bins_per_unit(low, high, BINS)
    if elements < NARROW_FROM or high - low > _NARROW_MOST or per_unit > _NARROW_MOST or np.float32(low) != low:
        return Scale(low, per_unit, None)
    wanted = per_unit * (1 + 2**-24)
    rounded = np.float32(wanted)
    if rounded < wanted:
        rounded = np.nextafter(rounded, np.float32(np.inf))
    return Scale(low, per_unit, (np.float32(low), rounded))


def moments_of(values: Array, scale: Scale, extent: Extent, bins: npt.NDArray[np.uint8], room: Room) -> Moments:
    """Reckon the moments of a piece's finite elements in float64, and write their bins.

    Parameters
    ----------
    extent
        What `extent_of` found of the piece.
    bins
        Takes as many bytes as there are finite elements.
    """
    if extent.odd:
        values = finite_part(values)
    wide = room.wide[: values.size]
    np.copyto(wide, values)
    total, squares = float(np.add.reduce(wide)), float(np.dot(wide, wide))
    mean = total / values.size
    spread = squares - total * mean
    if spread < _CANCELS * squares:
        np.subtract(wide, mean, out=wide)
        rest = float(np.add.reduce(wide))
        spread = float(np.dot(wide, wide)) - rest * rest / values.size
        np.copyto(wide, values)
    if values.dtype == np.float32 and scale.narrow is not None:
        low, per_unit = scale.narrow
        _bins_of(values, low, per_unit, np.float32(extent.greatest), room.positions[: values.size], bins)
    else:
        _bins_of(wide, scale.low, scale.per_unit, float(extent.greatest), wide, bins)
    return Moments(values.size, mean, max(spread, 0.0), squares)


def _bins_of(
    values: Array,
    low: float | np.float32,
    per_unit: float | np.float32,
    greatest: float | np.float32,
    positions: Array,
    bins: npt.NDArray[np.uint8],
) -> None:
    """Write the number of each value's bin, reckoned in the values' own floating point, into ``positions`` first."""
    np.subtract(values, low, out=positions)
    np.multiply(positions, per_unit, out=positions)
    if (greatest - low) * per_unit >= BINS:  # the last bin holds its upper edge
        positions[(positions >= BINS).nonzero()[0]] = BINS - 1
    np.copyto(bins, positions, casting="unsafe")


Counts = npt.NDArray[np.int64]


def count_bytes(values: npt.NDArray[np.uint8]) -> Counts:
    """Count how often each byte occurs, by pillow: thrice as fast as ``numpy.bincount``, and other threads go on.

    As the four colours of a picture, which are counted apart: one count would wait for the one before wherever the
    same byte follows itself.
    """
    whole = values.size & -4 if values.size >= _FEW else 0
    counts = np.bincount(values[whole:], minlength=BINS)
    if whole:
        picture = Image.frombuffer("RGBA", (whole // 4, 1), values[:whole], "raw", "RGBA", 0, 1)
        counts += np.array(picture.histogram(), np.int64).reshape(4, BINS).sum(axis=0)
    return counts
