"""What is reckoned of one piece of a tensor, in buffers that are used again. Every call here lets other threads run."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from inspector.weights.chunks import Array, is_complex
from inspector.weights.stream import PIECE, ROOM_BYTES

BINS = 256

_HALF = np.dtype(np.float16)
_HALF_BITS = np.int32(-0x70000001)  # all but the three copies of the sign that shifting leaves
_HALF_SCALE = np.float32(2.0**112)
_HALF_BEYOND = np.float32(2.0**16)
_FEW = 1 << 12  # bytes that are counted by numpy sooner than pillow is asked
# Squares lose their difference to the square of the mean where it is smaller than this share of them.
_CANCELS = 1e-3


class Room:
    """The buffers of one thread."""

    def __init__(self) -> None:
        self.raw = memoryview(bytearray(ROOM_BYTES))
        self.narrow = np.empty(PIECE, np.float32)
        self.wide = np.empty(PIECE, np.float64)
        self.bins = np.empty(PIECE, np.uint8)
        self.mask = np.empty(PIECE, np.bool_)


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
    least, greatest = values.min().item(), values.max().item()
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


def moments_of(values: Array, low: float, per_unit: float, extent: Extent, room: Room) -> tuple[Moments, Counts]:
    """Reckon the moments of a piece's finite elements in float64, and count them in `BINS` bins.

    Parameters
    ----------
    low, per_unit
        Where the first bin begins, and how many bins there are per unit.
    extent
        What `extent_of` found of the piece.
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
    np.subtract(wide, low, out=wide)
    np.multiply(wide, per_unit, out=wide)
    if (extent.greatest - low) * per_unit >= BINS:  # the last bin holds its upper edge
        wide[np.flatnonzero(wide >= BINS)] = BINS - 1
    bins = room.bins[: values.size]
    np.copyto(bins, wide, casting="unsafe")
    return Moments(values.size, mean, max(spread, 0.0), squares), count_bytes(bins)


Counts = npt.NDArray[np.int64]


def count_bytes(values: npt.NDArray[np.uint8]) -> Counts:
    """Count how often each byte occurs, by pillow: thrice as fast as ``numpy.bincount``, and other threads go on."""
    if values.size < _FEW:
        return np.bincount(values, minlength=BINS)
    picture = Image.frombuffer("L", (values.size, 1), values, "raw", "L", 0, 1)
    return np.array(picture.histogram(), np.int64)
