"""What the engine answers about why: the heat of a class over an image, and what a layer sees in it."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from inspector.processes.roles.serving import Progress, Reply

if TYPE_CHECKING:
    from inspector.processes.roles.engine import Engine


class Explaining:
    """The two methods, on an engine's attachments."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def explain(self, params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
        """Answer with Grad-CAM for ``params["index"]`` (null: the likeliest class) of the image file in buffer 0.

        Buffer 0 of the answer is the heat: ``rows * columns`` bytes, 255 for the peak, compressed by zlib.
        """
        from inspector.engine.explain import explain
        from inspector.pictures.frames import decode_first

        attachment = self._engine.attachment(params)
        image = decode_first(bytes(buffers[0]), name=str(params["names"][0]))
        index, layer = params["index"], params["layer"]
        found = explain(
            attachment, image, int(index) if index is not None else None, str(layer) if layer is not None else None
        )
        rows, columns = found.heat.shape
        result = {
            "layer": found.layer,
            "label": found.label,
            "index": found.index,
            "score": found.score,
            "peak": found.peak,
            "rows": rows,
            "columns": columns,
            "place": found.place,
            "width": found.width,
            "height": found.height,
            "milliseconds": found.milliseconds,
            "note": found.note,
        }
        return result, [zlib.compress((found.heat * 255).round().byte().numpy().tobytes(), 1)]

    def feature_maps(self, params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
        """Answer with a page of what the layer ``params["module"]`` sees in the item whose files are the buffers.

        The answer's buffers: 0, the grey maps one after the other, a byte per cell, compressed by zlib; 1 and 2, the
        smallest and the largest value of each as little-endian float32.
        """
        from inspector.engine.feature_maps import feature_maps
        from inspector.engine.items import prepare_item
        from inspector.processes.roles.engine import item_of

        attachment = self._engine.attachment(params)
        found = feature_maps(
            attachment,
            prepare_item(attachment, *item_of(params, buffers)),
            str(params["module"]),
            page=int(params["page"]),
            scale="shared" if params["scale"] == "shared" else "each",
        )
        count, rows, columns = found.grey.shape
        result = {
            "module": found.module,
            "kind": found.kind,
            "shape": found.shape,
            "channels": found.channels,
            "first": found.first,
            "count": count,
            "rows": rows,
            "columns": columns,
            "height": found.height,
            "width": found.width,
            "scale": found.scale,
            "milliseconds": found.milliseconds,
            "note": found.note,
        }
        grey = zlib.compress(found.grey.numpy().tobytes(), 1)
        return result, [grey, *(part.numpy().astype("<f4").tobytes() for part in (found.low, found.high))]
