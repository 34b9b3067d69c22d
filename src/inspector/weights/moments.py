"""What an optimizer's moments tell of a parameter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from inspector.weights.chunks import Array, is_complex

_PIECE = 1 << 18


def moment_ratio(first: Array, second: Array) -> npt.NDArray[np.float32]:
    """Return ``|first| / sqrt(second)``: how steadily each weight was pushed one way, in Adam's terms.

    About 1 where the gradient kept its sign, near 0 where it went back and forth. NaN where the second moment is 0
    or less: no gradient has come there yet. Computed in float64, without the correction for the first steps.

    Parameters
    ----------
    first, second
        Running means of the gradient and of its square (``exp_avg``, ``exp_avg_sq``), of one shape.
    """
    made = np.empty(first.shape, np.float32)
    flat_first, flat_second, flat = first.reshape(-1), second.reshape(-1), made.reshape(-1)
    for start in range(0, flat.size, _PIECE):
        part = slice(start, start + _PIECE)
        wide = np.complex128 if is_complex(first.dtype) else np.float64
        pushed, spread = np.abs(flat_first[part].astype(wide)), _real(flat_second[part])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = pushed / np.sqrt(spread)
            flat[part] = np.where(spread > 0, ratio, np.nan)
    return made


def _real(values: Array) -> npt.NDArray[np.float64]:
    if not is_complex(values.dtype):
        return values.astype(np.float64)
    # torch keeps the squares of both parts apart, as one complex number
    wide = values.astype(np.complex128)
    return np.asarray(wide.real + wide.imag, np.float64)
