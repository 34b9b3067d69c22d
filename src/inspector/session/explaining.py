"""Asking why: the heat of a class over an image, and what a layer sees in it. Stale answers are dropped."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, get_args

from inspector.answer_parts import MOST_CELLS, WRONG, AnswerError, box, inflated, number, text, whole
from inspector.processes.image_files import read_item
from inspector.session.engine_link import EngineLink
from inspector.session.explanation_state import Explanation, FeatureMaps, Kind, Scale
from inspector.session.failure import Failure
from inspector.session.sources import sources_of
from inspector.session.state import Attachment
from inspector.session.store import Store
from inspector.session.trusting import Trusting

#: Cells on a side of a map, and maps on a page: an answer with more is none of our engine's.
_MOST_MAP_SIDE, _MOST_MAPS = 128, 4_096
#: Sizes of a tensor that is shown as maps.
_MOST_DIMENSIONS = 16
_NONSENSE = Failure("The engine's answer does not hold together.", "Try again.")
_NOT_ATTACHED = Failure("Nothing is attached that looks at this image.", "Attach an architecture.")

_Buffers = Sequence[bytes | bytearray]


class Explaining:
    """The one explanation and the one page of feature maps that are looked at."""

    def __init__(self, store: Store, link: EngineLink, trusting: Trusting) -> None:
        self._store, self._link, self._trusting = store, link, trusting
        self._asked: dict[str, int] = {}  # the latest question by method; answers to older ones are stale
        self._attachments: dict[str, Attachment] = {}
        store.checkpoint_changed.connect(lambda _: self._let_go())
        store.checkpoints_changed.connect(self._let_go)
        store.images_changed.connect(self._let_go)

    # -- commands ----------------------------------------------------------------------------------------------

    def explain(self, checkpoint: int, image: int, index: int | None = None, layer: str | None = None) -> None:
        """Explain a class of an image.

        Parameters
        ----------
        index
            The class; None for the likeliest.
        layer
            The architecture's dotted name of the layer to weigh; None for the last that can be.
        """
        asked = Explanation(checkpoint, image, index if index is not None else -1)

        def done(result: dict[str, Any], buffers: _Buffers) -> None:
            made = explanation_from(asked, result, buffers)
            self._store.set_explanation(made or replace(asked, phase="failed", failure=_NONSENSE))

        def failed(failure: Failure) -> None:
            self._store.set_explanation(replace(asked, phase="failed", failure=failure))

        self._store.set_explanation(asked)
        self._ask("explain", asked.checkpoint, image, {"index": index, "layer": layer}, done, failed)

    def stop_explaining(self) -> None:
        """Look at no explanation any more."""
        self._asked.pop("explain", None)
        self._store.set_explanation(None)

    def show_feature_maps(
        self, checkpoint: int, image: int, module: str, *, page: int = 0, scale: Scale = "each"
    ) -> None:
        """Show what a layer sees in an image.

        Parameters
        ----------
        module
            The architecture's dotted name of the layer; empty for the whole model.
        """
        asked = FeatureMaps(checkpoint, image, module, page, scale)

        def done(result: dict[str, Any], buffers: _Buffers) -> None:
            made = feature_maps_from(asked, result, buffers)
            self._store.set_feature_maps(made or replace(asked, phase="failed", failure=_NONSENSE))

        def failed(failure: Failure) -> None:
            self._store.set_feature_maps(replace(asked, phase="failed", failure=failure))

        self._store.set_feature_maps(asked)
        self._ask("feature_maps", checkpoint, image, {"module": module, "page": page, "scale": scale}, done, failed)

    def close_feature_maps(self) -> None:
        """Look at no feature maps any more."""
        self._asked.pop("feature_maps", None)
        self._store.set_feature_maps(None)

    # -- the engine --------------------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        checkpoint: int,
        image: int,
        words: dict[str, Any],
        done: Callable[[dict[str, Any], _Buffers], None],
        failed: Callable[[Failure], None],
    ) -> None:
        question = self._asked[method] = self._store.next_id()
        found = self._store.checkpoints.get(checkpoint)
        if found is None or found.attachment.phase != "ready":
            failed(_NOT_ATTACHED)
            return
        self._attachments[method] = found.attachment
        sources = sources_of(self._store, image, found.attachment)
        if isinstance(sources, Failure):
            failed(sources)
            return

        def answered(result: dict[str, Any], buffers: list[bytearray]) -> None:
            if self._asked.get(method) == question:
                done(result, buffers)

        def refused(failure: Failure) -> None:
            if self._asked.get(method) == question:
                failed(failure)

        request = partial(self._trusting.request, checkpoint) if found.attachment.trusted else self._link.request
        params = {"attachment": found.attachment.engine_id, **sources.words, **words}
        request(method, params, lambda: read_item(sources.paths), answered, refused)

    def _let_go(self) -> None:
        """Let go of what a model said that is attached no more, and of images that were removed."""
        for method, shown, drop in (
            ("explain", self._store.explanation, self.stop_explaining),
            ("feature_maps", self._store.feature_maps, self.close_feature_maps),
        ):
            if shown is None or shown.phase == "failed":
                continue
            found, asked = self._store.checkpoints.get(shown.checkpoint), self._attachments.get(method)
            same = found is not None and asked is not None and found.attachment.engine_id == asked.engine_id
            if not same or shown.image not in self._store.images:
                drop()


def explanation_from(asked: Explanation, result: dict[str, Any], buffers: _Buffers) -> Explanation | None:
    """Return what the engine answered; None where it does not hold together."""
    try:
        rows, columns = whole(result["rows"], 1, MOST_CELLS), whole(result["columns"], 1, MOST_CELLS)
        return replace(
            asked,
            phase="ready",
            index=whole(result["index"]),
            label=text(result["label"]),
            score=number(result["score"]),
            layer=text(result["layer"]),
            rows=rows,
            columns=columns,
            heat=inflated(buffers[0], rows * columns),
            place=box(result["place"]),
            note=text(result["note"]),
        )
    except (*WRONG, AnswerError):
        return None


def feature_maps_from(asked: FeatureMaps, result: dict[str, Any], buffers: _Buffers) -> FeatureMaps | None:
    """Return what the engine answered; None where it does not hold together."""
    try:
        rows, columns = (whole(result[name], 1, _MOST_MAP_SIDE) for name in ("rows", "columns"))
        count, shape = whole(result["count"], 1, _MOST_MAPS), tuple(map(whole, result["shape"]))
        if result["kind"] not in get_args(Kind) or len(shape) > _MOST_DIMENSIONS:
            return None
        return replace(
            asked,
            phase="ready",
            kind=result["kind"],
            shape=shape,
            grey=inflated(buffers[0], count * rows * columns),
            low=_floats(buffers[1], count),
            high=_floats(buffers[2], count),
            note=text(result["note"]),
            channels=whole(result["channels"], 1),
            first=whole(result["first"]),
            count=count,
            height=whole(result["height"], 1),
            width=whole(result["width"], 1),
            rows=rows,
            columns=columns,
        )
    except (*WRONG, AnswerError):
        return None


def _floats(data: bytes | bytearray, count: int) -> tuple[float, ...]:
    found = array("f")
    found.frombytes(data)
    if sys.byteorder == "big":
        found.byteswap()
    if len(found) != count:
        raise ValueError(f"{len(found)} numbers where {count} belong")
    return tuple(found)
