"""How two tensors of one shape differ: exactly, in float64, piece by piece, whatever their dtypes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from inspector.weights.chunks import Array

Doubles = npt.NDArray[np.float64]
Pieces = Callable[[], Iterable[tuple[Array, Array]]]

#: Elements that are reckoned with at a time: a handful of such blocks of float64 stay in a core's cache, and BLAS does
#: not start threads for a scalar product, which were seen to make it slower by a hundred times.
_BLOCK = 1 << 13
#: Elements of a difference that are reckoned at a time.
_AT_ONCE = 1 << 20
#: Sums of squares outside of these bounds have overflowed, or lost digits to numbers too small for float64.
_LARGEST, _SMALLEST = 1e300, 1e-260


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """How tensor b differs from tensor a.

    Elements that are NaN in both, or the same infinity, are equal and left out of the figures. Where any other is
    NaN or infinite, so are the figures, by the rules of arithmetic.

    Attributes
    ----------
    equal
        Every element is: numerically, so that -0 is 0, or NaN in both.
    max_abs
        The largest magnitude of b - a, 0 where they are equal.
    relative_l2
        ``||b - a|| / ||a||``; infinite where a is all zeros and b is not, 0 where they are equal.
    cosine
        Of the angle between both as vectors (of complex ones, as vectors of twice as many real numbers); NaN where one
        of them is all zeros.
    not_finite
        Elements that are NaN or infinite in one of them and something else in the other.
    rounded
        The dtypes differ, and the only change is that the narrower one holds the other's numbers rounded.
    """

    equal: bool
    max_abs: float = 0.0
    relative_l2: float = 0.0
    cosine: float = 1.0
    not_finite: int = 0
    rounded: bool = False


@dataclass(slots=True)
class _Sums:
    """What the pieces add up to.

    ``exponents`` are of the powers of two that a, b and their difference are divided by before they are squared, so
    that no square overflows or vanishes; nearly always 0.
    """

    exponents: tuple[int, int, int] = (0, 0, 0)
    rounded: bool = True
    largest: float = 0.0
    largest_a: float = 0.0
    largest_b: float = 0.0
    not_finite: int = 0
    nan: bool = False
    aa: float = 0.0
    bb: float = 0.0
    dd: float = 0.0
    ab: float = 0.0
    scratch: list[Doubles] = field(default_factory=lambda: [np.empty(2 * _BLOCK) for _ in range(3)])

    @property
    def is_lost(self) -> bool:
        """Whether squares have overflowed, or lost digits."""
        pairs = ((self.aa, self.largest_a), (self.bb, self.largest_b), (self.dd, self.largest))
        return any(largest > 0 and not _SMALLEST < square < _LARGEST for square, largest in pairs)


def compare(pieces: Pieces) -> TensorDifference:
    """Compare two tensors, given as pieces of both that lie side by side.

    Parameters
    ----------
    pieces
        Returns flat pieces of a and b, of one size each. It is called a second time where something differs, and a
        third time where numbers are so large or so small that their squares must be scaled. Any dtypes.
    """
    with np.errstate(all="ignore"):
        if all(_are_equal(a, b) for a, b in pieces()):
            return TensorDifference(True)
        sums = _summed(pieces, _Sums())
        if not sums.not_finite and sums.is_lost:
            exponents = (_exponent(sums.largest_a), _exponent(sums.largest_b), _exponent(sums.largest))
            sums = _summed(pieces, _Sums(exponents))
    return _difference(sums)


def compare_arrays(a: Array, b: Array) -> TensorDifference:
    """Compare two arrays of one shape, of any dtypes and strides; see `compare`."""
    if a.shape != b.shape:
        raise ValueError(f"arrays of shapes {a.shape} and {b.shape} can't be compared")
    return compare(lambda: [(a.reshape(-1), b.reshape(-1))])


def difference(a: Array, b: Array) -> Array:
    """Return ``b - a`` of two arrays of one shape, in float64; of complex ones in complex128.

    Nothing but the answer is ever as large as that.
    """
    wide = np.complex128 if _is_complex(a.dtype) or _is_complex(b.dtype) else np.float64
    between = np.empty(a.shape, wide)
    is_exact = a.dtype == b.dtype and a.dtype.kind in "iu" and a.dtype.itemsize == 8
    each = [a, b, between]
    if a.flags.c_contiguous and b.flags.c_contiguous:
        each = [array.reshape(-1) for array in each]
    one, other, out = (np.atleast_1d(array) for array in each)  # views: what is written to one is in the answer
    step = max(1, _AT_ONCE * len(out) // max(1, out.size))
    for start in range(0, len(out), step):
        part_a, part_b = one[start : start + step], other[start : start + step]
        if is_exact:
            out[start : start + step] = _integer_difference(part_a, part_b)
        else:
            np.subtract(part_b.astype(wide), part_a.astype(wide), out=out[start : start + step])
    return between


def _exponent(largest: float) -> int:
    return math.frexp(largest)[1] if largest < math.inf else 1025


def _difference(sums: _Sums) -> TensorDifference:
    if sums.not_finite:
        figure = math.nan if sums.nan else math.inf
        return TensorDifference(False, figure, figure, math.nan, sums.not_finite)
    of_a, _, of_d = sums.exponents
    a, b, d = math.sqrt(sums.aa), math.sqrt(sums.bb), math.sqrt(sums.dd)
    relative = _scaled(d / a, of_d - of_a) if a else math.inf
    cosine = max(-1.0, min(1.0, sums.ab / a / b)) if a and b else math.nan
    return TensorDifference(False, sums.largest, relative, cosine, 0, sums.rounded)


def _scaled(value: float, exponent: int) -> float:
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.inf


# -- equal ------------------------------------------------------------------------------------------------------------


def _are_equal(a: Array, b: Array) -> bool:
    """Whether all elements of two pieces are equal: by their bits, which is quick, or else one by one."""
    if a.dtype == b.dtype and np.array_equal(_words(a), _words(b)):
        return True
    return all(_equal_blocks(a[at : at + _BLOCK], b[at : at + _BLOCK]) for at in range(0, a.size, _BLOCK))


def _words(piece: Array) -> Array:
    """Return a piece's bits in the widest words that fit."""
    for width in (np.uint64, np.uint32, np.uint16):
        if piece.nbytes % np.dtype(width).itemsize == 0 and piece.flags.c_contiguous:
            return piece.view(width)
    return np.ascontiguousarray(piece).view(np.uint8)


def _equal_blocks(a: Array, b: Array) -> bool:
    if a.dtype == b.dtype and a.dtype.kind in "biu":
        return bool((a == b).all())
    is_complex = _is_complex(a.dtype) or _is_complex(b.dtype)
    one, other = _doubles(a, is_complex), _doubles(b, is_complex)
    same: npt.NDArray[np.bool_] = one == other
    return bool((same | ((one != one) & (other != other))).all())


# -- sums -------------------------------------------------------------------------------------------------------------


def _summed(pieces: Pieces, sums: _Sums) -> _Sums:
    for a, b in pieces():
        narrow = _narrower(a.dtype, b.dtype)
        for start in range(0, a.size, _BLOCK):
            block_a, block_b = a[start : start + _BLOCK], b[start : start + _BLOCK]
            sums.rounded = sums.rounded and narrow is not None and _is_rounded(block_a, block_b, narrow)
            _add(sums, block_a, block_b)
    return sums


def _add(sums: _Sums, a: Array, b: Array) -> None:
    """Add a block of both to the sums."""
    is_complex = _is_complex(a.dtype) or _is_complex(b.dtype)
    size = a.size * (2 if is_complex else 1)
    one, other, between = (buffer[:size] for buffer in sums.scratch)
    np.copyto(one, _doubles(a, is_complex))
    np.copyto(other, _doubles(b, is_complex))
    exact = a.dtype == b.dtype and a.dtype.kind in "iu" and a.dtype.itemsize == 8
    if exact:
        np.copyto(between, _integer_difference(a, b))
    else:
        np.subtract(other, one, out=between)
    products = _products(one, other, between)
    if changed := not all(map(math.isfinite, products)):
        _leave_out(sums, one, other, between)
    sums.largest = max(sums.largest, _largest(between, is_complex))
    if "f8" in (a.dtype.str[1:], b.dtype.str[1:]) or is_complex:
        sums.largest_a = max(sums.largest_a, _largest(one))
        sums.largest_b = max(sums.largest_b, _largest(other))
    if any(sums.exponents):
        changed = True
        _scale(sums.exponents, one, other, between)
    aa, bb, dd, ab = _products(one, other, between) if changed else products
    sums.aa, sums.bb, sums.dd, sums.ab = sums.aa + aa, sums.bb + bb, sums.dd + dd, sums.ab + ab


def _products(a: Doubles, b: Doubles, between: Doubles) -> tuple[float, float, float, float]:
    return float(np.dot(a, a)), float(np.dot(b, b)), float(np.dot(between, between)), float(np.dot(a, b))


def _leave_out(sums: _Sums, a: Doubles, b: Doubles, between: Doubles) -> None:
    """Count what is NaN or infinite in one alone, and set all that is not finite to 0 on both sides."""
    odd = ~(np.isfinite(a) & np.isfinite(b))
    differs = odd & (a != b) & ~(np.isnan(a) & np.isnan(b))
    sums.not_finite += int(np.count_nonzero(differs))
    sums.nan = sums.nan or bool(np.isnan(between[differs]).any())
    for values in (a, b, between):
        values[odd] = 0.0


def _scale(exponents: tuple[int, int, int], a: Doubles, b: Doubles, between: Doubles) -> None:
    of_a, of_b, of_d = exponents
    if of_d > 0:  # before subtracting, which may overflow; else after it, since a and b may be large
        np.subtract(np.ldexp(b, -of_d), np.ldexp(a, -of_d), out=between)
    else:
        np.ldexp(between, -of_d, out=between)
    np.ldexp(a, -of_a, out=a)
    np.ldexp(b, -of_b, out=b)


def _largest(values: Doubles, is_complex: bool = False) -> float:
    """Return the largest magnitude, of pairs of real and imaginary parts where they are complex numbers."""
    if is_complex:
        return float(np.hypot(values[0::2], values[1::2]).max())
    return max(float(values.max()), -float(values.min()))


def _is_complex(dtype: np.dtype[np.generic]) -> bool:
    return dtype.kind == "c" or "complex" in dtype.name


def _doubles(piece: Array, is_complex: bool) -> Array:
    """Return a piece as what float64 is made of without loss; complex numbers as pairs of their parts."""
    dtype = piece.dtype
    if is_complex:
        return piece.astype(np.complex128).view(np.float64)
    if dtype.name == "bfloat16":
        return (piece.view(np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32)
    if dtype.kind in "biu" or dtype in (np.float32, np.float64):
        return piece
    return piece.astype(np.float32)


def _integer_difference(a: Array, b: Array) -> Doubles:
    """Return ``b - a`` of 64-bit integers, rounded once: float64 itself holds 53 bits of them."""
    half = a.dtype.type(32)
    low = a.dtype.type(2**32 - 1)
    high_part: Doubles = (b >> half).astype(np.float64) - (a >> half).astype(np.float64)
    low_part: Doubles = (b & low).astype(np.float64) - (a & low).astype(np.float64)
    return np.add(high_part * 2.0**32, low_part)


# -- rounding ---------------------------------------------------------------------------------------------------------


def _narrower(a: np.dtype[np.generic], b: np.dtype[np.generic]) -> np.dtype[np.generic] | None:
    """Return the narrower of two dtypes of real floating point numbers; None where neither is, or they are none."""
    if a.itemsize == b.itemsize or not (_is_floating(a) and _is_floating(b)):
        return None
    return a if a.itemsize < b.itemsize else b


def _is_floating(dtype: np.dtype[np.generic]) -> bool:
    return dtype.kind == "f" or dtype.name.startswith(("bfloat16", "float"))


def _is_rounded(a: Array, b: Array, narrow: np.dtype[np.generic]) -> bool:
    """Whether both are the same numbers once they are in the narrower dtype."""
    return _equal_blocks(a.astype(narrow, copy=False), b.astype(narrow, copy=False))
