"""The masks of very many images are not all kept: the oldest are let go, and made again when somebody looks."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from inspector.session.prediction_state import Prediction
from inspector.session.store import Store

#: Bytes of compressed rasters that are kept.
MOST_BYTES = 256 << 20


class RasterMemory:
    """Which predictions have rasters, the oldest first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[int, int], int] = OrderedDict()
        self._bytes = 0

    def keep(self, key: tuple[int, int], prediction: Prediction) -> None:
        """Note a new prediction, and let go of the oldest rasters where there are too many bytes of them."""
        self._bytes -= self._kept.pop(key, 0)
        nbytes = sum(len(raster.data) for raster in prediction.rasters)
        if not nbytes:
            return
        self._kept[key] = nbytes
        self._bytes += nbytes
        while self._bytes > MOST_BYTES and len(self._kept) > 1:
            oldest, freed = self._kept.popitem(last=False)
            self._bytes -= freed
            found = self._store.predictions.get(oldest)
            if found is not None and found.rasters:
                self._store.set_prediction(*oldest, replace(found, rasters=(), rasters_dropped=True))
