"""What one layer of a model sees in an image: its values as small grey pictures, one per channel."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d

from inspector.engine.activations import LayerError, layer_named, layout_of, root_of, watched
from inspector.engine.attach import Attachment
from inspector.engine.evaluation import require_eval
from inspector.engine.predict import told
from inspector.engine.tasks import Prepared, task_named

#: Maps on a page.
PER_PAGE = 256

#: Cells on a side of one map: a larger one is averaged down, so that a page stays within four million cells.
LARGEST_MAP = 128

#: Values of a vector, and rows or columns of a plain table, that are shown.
_MOST_VALUES = 4_096

Scale = Literal["each", "shared"]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMaps:
    """One page of what a layer gives for an image.

    Attributes
    ----------
    module
        The layer's dotted name.
    kind
        ``maps``: grey pictures that lie over the model's input; ``table``: the same, of rows and columns that do not
        lie over it; ``vector``: one number per channel.
    shape
        Of the layer's output.
    channels, first
        How many channels there are, and which the first of this page is.
    height, width
        Of one map, in cells, as the layer gives it.
    grey
        uint8 of shape (channels of the page, rows, columns), 0 to 255 from the smallest to the largest value of the
        map (of all maps where `scale` is ``shared``); 0 where the value is not a number. A vector has maps of 1 × 1.
    low, high
        float32: the smallest and the largest finite value of each map of the page; for a vector both are the value.
    scale
        ``each`` or ``shared``.
    milliseconds
        What it all took.
    note
        What should be known of it, as sentences.
    """

    module: str
    kind: Literal["maps", "table", "vector"]
    shape: tuple[int, ...]
    channels: int
    first: int
    height: int
    width: int
    grey: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    scale: Scale
    milliseconds: float
    note: str = ""


def feature_maps(
    attachment: Attachment, prepared: Prepared, module: str, *, page: int = 0, scale: Scale = "each"
) -> FeatureMaps:
    """Return what a layer gives for an image, a clip or a pair, leaving the model as it was.

    Parameters
    ----------
    prepared
        As :func:`inspector.engine.items.prepare_item` makes it.
    module
        The layer's dotted name; empty for the whole model.
    page
        Which `PER_PAGE` channels, from 0.
    scale
        ``each``: each map from its own smallest to its own largest value. ``shared``: all maps of the layer alike.

    Raises
    ------
    LayerError
        There is no such layer, it does nothing for this image, or it gives no numbers; there is no such page.
    PredictionError, DeviceMemoryError, DeviceLostError
        As in :func:`inspector.engine.predict.predict_prepared`.
    """
    started = time.perf_counter()
    require_eval(attachment.model)
    layer = layer_named(root_of(attachment.model), module)
    output, size, calls = _output(attachment, prepared, module, layer)
    kind, values, notes = _maps(output, size)
    if calls > 1:
        notes.append(f"The layer runs {calls:,} times; the last time is shown.")
    channels, height, width = values.shape
    first = page * (_MOST_VALUES if kind == "vector" else PER_PAGE)
    if not 0 <= first < channels:
        raise LayerError(f"The layer {module or 'at the root'} has no page {page + 1} of maps.", "Choose another page.")
    shown = values[first : first + (_MOST_VALUES if kind == "vector" else PER_PAGE)]
    low, high = _bounds(shown)
    shared = _bounds(values.flatten()[None]) if scale == "shared" or kind == "vector" else (low, high)
    if max(height, width) > LARGEST_MAP:
        share = LARGEST_MAP / max(height, width)
        shown = adaptive_avg_pool2d(shown, (max(1, round(height * share)), max(1, round(width * share))))
        notes.append(f"Each map of {height:,} × {width:,} is averaged down.")
    return FeatureMaps(
        module=module,
        kind=kind,
        shape=tuple(output.shape),
        channels=channels,
        first=first,
        height=height,
        width=width,
        grey=_grey(shown, *shared),
        low=low,
        high=high,
        scale=scale,
        milliseconds=(time.perf_counter() - started) * 1_000,
        note=" ".join(notes),
    )


def _output(
    attachment: Attachment, prepared: Prepared, name: str, layer: nn.Module
) -> tuple[torch.Tensor, tuple[int, int], int]:
    """Return what the layer gives at its last call, the size of the model's input, and how often it was called."""
    task = task_named(attachment.task)
    size = (int(prepared.inputs[0].shape[-2]), int(prepared.inputs[0].shape[-1]))
    held: list[torch.Tensor] = []
    calls = 0

    def keep(_: str, output: torch.Tensor) -> None:
        nonlocal calls
        calls += 1
        held[:] = [(output.dequantize() if output.is_quantized else output).detach().clone()]

    with told(attachment.device, prepared), torch.inference_mode(), watched({name: layer}, keep):
        task.forward(attachment.model, attachment.device, [prepared])
        found = held[0].float().cpu() if held else None
    if found is None or not found.numel():
        raise LayerError(
            f"The layer {name or 'at the root'} gives nothing for this image.",
            "It may be used in training only, or be part of another layer: choose that one.",
        )
    return found, size, calls


def _maps(
    output: torch.Tensor, size: tuple[int, int]
) -> tuple[Literal["maps", "table", "vector"], torch.Tensor, list[str]]:
    """Return values as (channels, rows, columns), what they are, and what should be said of them."""
    notes = []
    shape = tuple(output.shape)
    if output.ndim == 5:  # images, channels, frames, rows, columns
        middle = shape[2] // 2
        output = output[:, :, middle]
        notes.append(f"Of {shape[2]:,} steps in time, number {middle + 1:,} is shown.")
    if output.ndim > 1 and output.shape[0] > 1:
        notes.append(f"The first of {output.shape[0]:,} is shown.")
    layout = layout_of(tuple(output.shape), *size)
    if layout is not None and (layout.height, layout.width) != (1, 1):
        if layout.extra:
            notes.append("The class token is left out." if layout.extra == 1 else "Two class tokens are left out.")
        return "maps", layout.maps(output), notes
    one = output[0] if output.ndim > 1 else output
    if one.numel() == max(one.shape, default=1):
        return "vector", one.reshape(-1, 1, 1), notes
    if one.ndim == 3 and shape[-1] > 1 and layout is None:
        return "table", one[:, :_MOST_VALUES, :_MOST_VALUES], notes
    table = one.reshape(-1, one.shape[-1])[None]
    return "table", table[:, :_MOST_VALUES, :_MOST_VALUES], notes


def _bounds(maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the smallest and the largest finite value of each map; 0 and 0 where there is none."""
    flat = maps.flatten(1)
    finite = flat.isfinite()
    low = torch.where(finite, flat, math.inf).amin(1)
    high = torch.where(finite, flat, -math.inf).amax(1)
    some = finite.any(1)
    return torch.where(some, low, 0.0), torch.where(some, high, 0.0)


def _grey(maps: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """Return 0 to 255 from ``low`` to ``high``; 0 where they are equal, and for what is not a number."""
    span = (high - low)[:, None, None]
    share = (maps - low[:, None, None]) / torch.where(span > 0, span, 1.0)
    return (share.nan_to_num(0.0, 1.0, 0.0).clamp(0, 1) * 255).round().to(torch.uint8)
