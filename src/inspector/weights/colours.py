"""Signed numbers -> colours: blue below zero, red above, and a neutral in between.

Blue against red is told apart with every common colour blindness, and each arm darkens steadily away from
the middle, so that the picture survives in grey too.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from inspector.weights.chunks import Array, is_complex

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

BELOW = (74, 127, 224)
"""Blue of the bars below zero, as RGB."""
ABOVE = (217, 98, 78)
"""Red of the bars above zero, as RGB."""
NOT_FINITE = (255, 176, 0, 255)
"""Amber: a value that is NaN or Inf, or a pixel that stands for one."""

# value / scale, and its colour; the neutral is not pure white, so that it shows on a white page
_STOPS = (-1.0, -0.5, 0.0, 0.5, 1.0)
_COLOURS = ((20, 52, 140), BELOW, (238, 240, 243), ABOVE, (140, 26, 16))


def _table() -> Pixels:
    steps = np.linspace(-1, 1, 255)
    channels = [np.interp(steps, _STOPS, [colour[i] for colour in _COLOURS]) for i in range(3)]
    opaque = np.full((255, 1), 255)
    rgba = np.concatenate([np.rint(np.stack(channels, -1)), opaque], -1)
    # row 0 is for what is not finite; zero lies exactly on row 128
    return np.concatenate([[NOT_FINITE], rgba]).astype(np.uint8)


_TABLE = _table()


def diverging(values: Floats, scale: float) -> Pixels:
    """Colour signed values: full blue at ``-scale`` and below, neutral at 0, full red at ``scale`` and above.

    Parameters
    ----------
    values
        Any shape. NaN and Inf become `NOT_FINITE`.
    scale
        Positive, or 0 for a tensor of zeros.

    Returns
    -------
    numpy.ndarray
        uint8 RGBA, of the shape of `values` plus ``(4,)``.
    """
    if scale > 0:
        # divided first: the reciprocal of a subnormal scale would overflow
        steps = np.clip(values / np.float32(scale), -1, 1) * 127 + 128
    else:
        steps = np.where(np.isfinite(values), 128.0, values)
    finite = np.isfinite(values)
    if not finite.all():
        steps = np.where(finite, steps, 0)
    index = np.rint(steps).astype(np.uint8)
    coloured: Pixels = np.take(_TABLE.view(np.uint32)[:, 0], index)[..., None].view(np.uint8)
    return coloured


def sensible_scale(values: Floats, quantile: float = 0.995) -> float:
    """Return the magnitude to show in full colour, so that a few outliers don't turn the rest neutral.

    The `quantile` of the finite magnitudes (of a regular sample, where there are many), the greatest where
    that is 0.
    """
    flat = values.ravel()
    sample = np.abs(flat[:: max(1, flat.size // 50_000)])
    sample = sample[np.isfinite(sample)]
    if sample.size:
        scale = float(np.quantile(sample, quantile))
        if scale > 0:
            return scale
    magnitudes = np.abs(flat)
    return float(np.max(magnitudes, where=np.isfinite(magnitudes), initial=0.0))


def as_floats(array: Array) -> Floats:
    """Return the values as float32, complex numbers as magnitudes; what float32 can't hold becomes Inf."""
    if is_complex(array.dtype):
        array = np.abs(array.astype(np.complex64) if array.dtype.itemsize < 8 else array)
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)
