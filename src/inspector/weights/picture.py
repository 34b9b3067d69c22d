"""A tensor's weights as a picture: a mosaic of filters, a heatmap, or a strip of bars.

Every picture is RGBA with clear gaps and a neutral that shows on light and on dark surfaces alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from inspector.weights.chunks import Array, chunks
from inspector.weights.colours import Floats, Pixels, as_floats
from inspector.weights.heatmap import heatmap
from inspector.weights.mosaic import Mosaic, filter_mosaic
from inspector.weights.statistics import finite_part
from inspector.weights.strip import strip

Mode = Literal["filters as RGB", "filters", "heatmap", "strip"]

MAX_SIDE = 1024
"""Default limit of a picture's width and height, in pixels."""
_SMALLEST_SIDE = 192  # a strip of bars is 160 pixels high


@dataclass(frozen=True, slots=True)
class WeightPicture:
    """Weights as pixels.

    Attributes
    ----------
    width, height
        In pixels.
    rgba
        ``4 * width * height`` bytes, row by row from the top, alpha not premultiplied.
    mode
        How the weights are shown.
    caption
        One line that says what is seen, for example ``"64 filters as RGB"``.
    scale
        The magnitude that is shown in full colour (for a strip, at full height); 0 for `filters as RGB`,
        where each filter has a scale of its own, and for a tensor of zeros.
    columns, cell
        Of a mosaic: filters per row, and pixels from one filter's left edge to the next one's; else 0.
    note
        What else is worth a few words, for example ``"3 filters are all zero"``.
    """

    width: int
    height: int
    rgba: bytes
    mode: Mode
    caption: str
    scale: float
    columns: int = 0
    cell: int = 0
    note: str = ""


def weight_picture(array: Array, max_side: int = MAX_SIDE) -> WeightPicture:
    """Draw a tensor's weights in the way that suits its shape.

    - Convolution weights of 3 input channels: every filter in colour, zero as middle grey, each scaled by
    its own
      largest magnitude.
    - Other convolution weights: every filter as the mean over its input channels, blue below zero and red
    above.
    - 1-d: bars above and below zero; where there are more values than pixels, each bar spans their range.
    - Everything else: a heatmap of the tensor flattened to 2-d; where it is too large, a pixel is the mean
    of a block.

    Complex numbers are shown by their magnitudes; NaN and Inf in amber.

    Parameters
    ----------
    array
        Any shape and numeric dtype, those of ml_dtypes included; empty gives a picture of 1 clear pixel.
    max_side
        Limit of the picture's width and height in pixels, at least 192.
    """
    if max_side < _SMALLEST_SIDE:
        raise ValueError(f"a picture of at most {max_side} pixels can't be made")
    if not array.size:
        return WeightPicture(1, 1, bytes(4), "heatmap", "empty: nothing to see", 0.0)
    if array.ndim == 4 and array.shape[2] * array.shape[3] > 1:
        mosaic = filter_mosaic(array, max_side)
        if mosaic is not None:
            return _of_filters(mosaic, array.shape)
    shape = [size for size in array.shape if size > 1]
    if len(shape) <= 1:
        picture = _of_strip(as_floats(array.reshape(-1)), max_side)
    else:
        picture = _of_heatmap(array.reshape(shape[0], -1), shape, max_side)
    return picture if picture.scale else replace(picture, note=_without_colours(array))


def _picture(pixels: Pixels, mode: Mode, caption: str, scale: float) -> WeightPicture:
    height, width, _ = pixels.shape
    return WeightPicture(width, height, pixels.tobytes(), mode, caption, scale)


def _without_colours(array: Array) -> str:
    """Return why a picture of a tensor has no scale."""
    any_finite = any_odd = any_beyond = False
    for piece in chunks(array):
        finite = finite_part(piece)
        any_finite |= bool(finite.size)
        any_odd |= finite.size < piece.size
        any_beyond |= bool(finite.any())
    if any_beyond:
        return "too large or too small for colours"
    if not any_finite:
        return "every weight is NaN or infinite"
    return "every weight is zero, NaN or infinite" if any_odd else "every weight is zero"


def _of_filters(mosaic: Mosaic, shape: tuple[int, ...]) -> WeightPicture:
    count, channels, height, width = shape
    filters = f"{count} filter{'s' if count > 1 else ''}"
    mode: Mode = "filters as RGB" if channels == 3 else "filters"
    if channels == 3:
        caption = f"{filters} as RGB"
    else:
        caption = f"{filters} of {height} × {width}" + (f", mean over {channels} channels" if channels > 1 else "")
    zeros = mosaic.zero_filters
    return replace(
        _picture(mosaic.pixels, mode, caption, mosaic.scale),
        columns=mosaic.columns,
        cell=mosaic.cell,
        note=f"{zeros} filter{'s are' if zeros > 1 else ' is'} all zero" if zeros else "",
    )


def _of_strip(values: Floats, max_side: int) -> WeightPicture:
    pixels, scale, group = strip(values, max_side)
    caption = f"{values.size} value{'s' if values.size > 1 else ''}"
    if group > 1:
        caption += f", every bar spans {group} of them"
    return _picture(pixels, "strip", caption, scale)


def _of_heatmap(matrix: Array, shape: list[int], max_side: int) -> WeightPicture:
    pixels, scale, block = heatmap(matrix, max_side)
    caption = " × ".join(map(str, shape))
    if len(shape) > 2:
        caption += f" as {matrix.shape[0]} × {matrix.shape[1]}"
    if block != (1, 1):
        caption += f", every pixel is {block[0]} × {block[1]} weights"
    return _picture(pixels, "heatmap", caption, scale)
