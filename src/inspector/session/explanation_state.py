"""Why a class was predicted, and what a layer sees: state, nothing here acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inspector.session.failure import Failure
from inspector.session.phase import Phase
from inspector.session.prediction_state import Box

Scale = Literal["each", "shared"]
Kind = Literal["maps", "table", "vector"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Which parts of an image speak for a class, by Grad-CAM; see `inspector.engine.explain`.

    Attributes
    ----------
    checkpoint, image
        Whose attachment is asked, of which image.
    index, label, score
        The class; ``index`` is -1 until the likeliest one is known.
    layer
        Dotted name of the layer whose maps were weighed.
    rows, columns, heat
        A byte per cell, row by row from the top: 255 where most speaks for the class, 0 where nothing does.
    place
        What of the image the heat covers, in pixels of the upright image.
    note
        What else should be known, as a sentence.
    """

    checkpoint: int
    image: int
    index: int = -1
    phase: Phase = "running"
    label: str = ""
    score: float = 0.0
    layer: str = ""
    rows: int = 0
    columns: int = 0
    heat: bytes = b""
    place: Box = (0.0, 0.0, 0.0, 0.0)
    note: str = ""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class FeatureMaps:
    """One page of what a layer gives for an image; see `inspector.engine.feature_maps`.

    Attributes
    ----------
    checkpoint, image, module
        Whose attachment is asked, of which image, about which layer (the architecture's dotted name).
    page, scale
        Which page; whether each map or all of them go from black to white.
    kind
        ``maps``, ``table``, or ``vector`` (then ``low`` are the values).
    shape
        Of the layer's output.
    channels, first, count
        How many channels there are; the first on this page, and how many are on it.
    height, width
        Of a map as the layer gives it.
    rows, columns, grey
        Of a map as it is shown, and all maps of the page, a byte per cell, one map after the other.
    low, high
        The smallest and the largest value of each map.
    """

    checkpoint: int
    image: int
    module: str
    page: int = 0
    scale: Scale = "each"
    phase: Phase = "running"
    kind: Kind = "maps"
    shape: tuple[int, ...] = ()
    channels: int = 0
    first: int = 0
    count: int = 0
    height: int = 0
    width: int = 0
    rows: int = 0
    columns: int = 0
    grey: bytes = b""
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    note: str = ""
    failure: Failure | None = None
