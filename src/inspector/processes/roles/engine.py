"""The engine: torch and torchvision. Takes weights as raw bytes and images as files' bytes; never a path.

torch is imported at the first request, behind the thread that reads the pipe: the process ends with the window even
while torch is being imported.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from inspector.errors import InspectorError
from inspector.processes.roles.explaining import Explaining
from inspector.processes.roles.serving import Method, Progress, Reply, Server
from inspector.processes.roles.turns import Turns

if TYPE_CHECKING:
    from inspector.engine.answers import ImagePrediction
    from inspector.engine.attach import Attachment
    from inspector.engine.pipeline import Pipeline
    from inspector.engine.runner import Runner
    from inspector.engine.tensors import TensorSpec

#: The weights of one attachment at the most; a larger one would be refused by any machine's memory first.
MAX_UPLOAD_BYTES = 1 << 40


class EngineRoleError(InspectorError):
    """Something asked of the engine makes no sense."""


class MissingLibraryError(InspectorError):
    """The engine's Python lacks torch or torchvision, or they don't work there."""


class Engine:
    """What the engine process holds: uploads that come in pieces, and attachments by number."""

    def __init__(self) -> None:
        self._upload = -1
        self._storages: dict[int, bytearray] = {}
        self._attachments: dict[int, Attachment] = {}
        self._runners: dict[int, Runner] = {}
        self._options: dict[int, tuple[str, bool]] = {}  # of an attachment: autocast, compile
        self._pipeline: Pipeline | None = None
        self._computing = Turns()
        self._last = 0

    def versions(self, params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
        """Answer with the versions and devices of this Python; this imports torch."""
        try:
            from inspector.engine.report import engine_versions
        except (ImportError, OSError, RuntimeError) as error:  # missing; not loadable; made for another torch
            reason = " ".join(str(error).split())[:300]
            raise MissingLibraryError(
                f"The engine's Python ({sys.executable}) can't use torch and torchvision: {reason}.",
                f'Install them there ("{sys.executable}" -m pip install torch torchvision), or choose another Python.',
            ) from None
        return engine_versions(), []

    def upload(self, params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
        """Take a piece of a storage. A new upload's first piece drops what an older one left."""
        upload, storage, size, at = (int(params[name]) for name in ("upload", "storage", "size", "at"))
        if upload != self._upload:
            self._upload, self._storages = upload, {}
        if not 0 <= size <= MAX_UPLOAD_BYTES or at < 0 or at + len(buffers[0]) > size:
            raise EngineRoleError("A piece of the weights does not fit.", "Attach again.")
        held = self._storages.setdefault(storage, bytearray(size))
        held[at : at + len(buffers[0])] = buffers[0]
        return {}, []

    def attach(self, params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
        """Build the architecture with the uploaded weights; answer with the attachment's number and facts."""
        from inspector.engine.attach import attach
        from inspector.engine.tensors import ChunkedSpec, QuantizedSpec, state_dict_from_storages

        started = time.perf_counter()
        storages, self._storages = self._storages, {}
        specs = [_spec(row) for row in params["tensors"]]
        chunked = [
            ChunkedSpec(str(name), str(dtype), tuple(shape), tuple((tuple(at), _spec(row)) for at, row in chunks))
            for name, dtype, shape, chunks in params["chunked"]
        ]
        quantized = [
            QuantizedSpec(_spec(row), float(scale), int(zero_point), int(axis), *map(_spec_or_none, channels))
            for row, scale, zero_point, axis, *channels in params["quantized"]
        ]
        windows = [*specs, *(chunk for spec in chunked for _, chunk in spec.chunks)]
        windows += [spec.integers for spec in quantized]
        windows += [found for spec in quantized for found in (spec.scales, spec.zero_points) if found is not None]
        count = 1 + max((spec.storage for spec in windows), default=-1)
        if params["upload"] != self._upload and count:
            raise EngineRoleError("The weights did not arrive.", "Attach again.")
        _swap_bytes([spec for spec in windows if spec.storage in set(params["big_endian"])], storages)
        held = [storages.get(place, bytearray()) for place in range(count)]
        state_dict = state_dict_from_storages(specs, held, chunked, quantized)
        made = attach(
            str(params["architecture"]),
            state_dict,
            num_classes=params["num_classes"],
            device=str(params["device"]),
            preprocessing=params["preprocessing"],
            labels=params["labels"] or None,
            options=params["options"],
            partial=bool(params["partial"]),
            dtype="keep" if params["dtype"] == "keep" else "float32",
        )
        facts = self.hold(made, started)
        self._options[self._last] = (str(params.get("autocast", "")), bool(params.get("compile", False)))
        return facts, []

    def hold(self, made: Attachment, started: float) -> dict[str, Any]:
        """Keep an attachment to predict with; return its number and facts.

        Parameters
        ----------
        started
            ``time.perf_counter()`` when its making began.
        """
        self._last += 1
        self._attachments[self._last] = made
        return {
            "attachment": self._last,
            "architecture": made.architecture,
            "task": made.task,
            "device": made.device,
            "device_description": _describe_device(made.device),
            "num_classes": made.num_classes,
            "labels": list(made.labels),
            "untrained": made.loading.untrained,
            "precision": made.loading.precision,
            "eval_sentence": made.eval_report.sentence,
            "preprocessing": made.preprocessing.to_message(),
            "preprocessings": [{"name": own.source, **own.to_message()} for own in made.known_preprocessings],
            "keypoint_names": list(made.keypoint_names),
            "milliseconds": (time.perf_counter() - started) * 1_000,
        }

    def detach(self, params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
        """Free an attachment; what still waits for it is given up."""
        number = int(params["attachment"])
        self._attachments.pop(number, None)
        self._options.pop(number, None)
        runner = self._runners.pop(number, None)
        if runner is not None and self._pipeline is not None:
            self._pipeline.cancel(runner)
        return {}, []

    def attachment(self, params: dict[str, Any]) -> Attachment:
        """Return the attachment that a message is about."""
        found = self._attachments.get(int(params["attachment"]))
        if found is None:
            raise EngineRoleError("Nothing is attached here any more.", "Attach again.")
        return found

    def predict(self, params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Future[Reply]:
        """Queue the files of one item (an image; a clip or its frames; a pair); answer later with what the model says.

        Answers come in any order. Progress messages carry a ``note`` for the person, which is not about this image.
        """
        from inspector.engine.items import prepare_item
        from inspector.engine.pipeline import Job, Pipeline

        attachment, top = self.attachment(params), int(params["top"])
        item = item_of(params, buffers)
        if self._pipeline is None:
            self._pipeline = Pipeline(self._computing)
        reply: Future[Reply] = Future()
        job = Job(
            runner=self._runner(int(params["attachment"]), attachment),
            prepare=lambda: prepare_item(attachment, *item),
            top=top,
            tell=lambda note: progress({"note": note}),
        )
        job.answer.add_done_callback(lambda done: _pass_on(done, reply, attachment.device))
        self._pipeline.put(job)
        return reply

    def cancel(self, params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
        """Give up all images that are not being computed; each is answered by a CancelledError."""
        return {"dropped": self._pipeline.cancel() if self._pipeline is not None else 0}, []

    def _runner(self, number: int, attachment: Attachment) -> Runner:
        from inspector.engine.runner import Runner, RunOptions

        if number not in self._runners:
            autocast, compiled = self._options.get(number, ("", False))
            known: Any = autocast if autocast in ("bf16", "fp16") else ""
            self._runners[number] = Runner(attachment, RunOptions(known, compiled))
        return self._runners[number]

    def model_input(self, params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
        """Answer with the picture as the model sees it: RGB bytes, their size, and what was done in a sentence."""
        from inspector.engine.items import seen_by_model

        attachment = self.attachment(params)
        seen = seen_by_model(attachment, *item_of(params, buffers))
        return {"width": seen.width, "height": seen.height, "caption": seen.caption}, [seen.rgb]

    @property
    def at_once(self) -> dict[str, Method]:
        """What is answered while the engine does something else."""
        return {"predict": self.predict, "cancel": self.cancel}

    def alone(self, method: Method) -> Method:
        """Return a method that is called while no image is computed: it runs the model itself, or hooks into it."""

        def call(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply | Future[Reply]:
            with self._computing:
                return method(params, buffers, progress)

        return call


def _pass_on(done: Future[ImagePrediction], reply: Future[Reply], device: str) -> None:
    """Answer a request with what the pipeline answered."""
    failed = done.exception()
    if failed is not None:
        reply.set_exception(failed)  # not raised here: its traceback would hold the attachment
        return
    try:
        message = answer_message(done.result(), device)
    except Exception as error:  # noqa: BLE001 - whatever it was, the request is answered by it
        reply.set_exception(error)
    else:
        reply.set_result(message)


def answer_message(found: ImagePrediction, device: str) -> Reply:
    """Return what is told of an image as a message: the rasters' data are its buffers."""
    rows: list[dict[str, Any]] = []
    for row in found.predictions:
        told: dict[str, Any] = {"label": row.label, "index": row.index, "score": row.score}
        told |= {"box": row.box} if row.box is not None else {}
        told |= {"area": row.area} if row.area is not None else {}
        told |= {"keypoints": row.keypoints} if row.keypoints else {}
        rows.append(told)
    rasters = [
        {"kind": r.kind, "width": r.width, "height": r.height, "place": r.place, "prediction": r.prediction}
        for r in found.rasters
    ]
    result = {
        "predictions": rows,
        "rasters": rasters,
        "milliseconds": found.milliseconds,
        "device": device,
        "width": found.width,
        "height": found.height,
        "note": found.note,
        "motion": found.motion,
        "own_frames": found.own_frames,
    }
    return result, [raster.data for raster in found.rasters]


def item_of(params: dict[str, Any], buffers: list[bytearray]) -> tuple[list[str], list[bytes], int]:
    """Return what a message holds of an item: its files' names, the files, and how many frames there are in all."""
    return list(map(str, params["names"])), list(map(bytes, buffers)), int(params.get("total", 0))


def _spec(row: list[Any]) -> TensorSpec:
    from inspector.engine.tensors import TensorSpec

    name, dtype, shape, stride, offset, storage = row
    return TensorSpec(str(name), str(dtype), tuple(shape), tuple(stride), int(offset), int(storage))


def _spec_or_none(row: list[Any] | None) -> TensorSpec | None:
    return _spec(row) if row is not None else None


def _swap_bytes(specs: list[Any], storages: dict[int, bytearray]) -> None:
    """Turn the storages of a big-endian file around, by the size of what they hold."""
    from inspector.checkpoint.dtypes import ITEM_SIZES

    for spec in {spec.storage: spec for spec in specs}.values():
        held, width = storages.get(spec.storage, bytearray()), ITEM_SIZES[spec.dtype]
        if spec.dtype.startswith("complex"):
            width //= 2
        pieces = [held[place::width] for place in range(width)]
        for place in range(width):
            held[place::width] = pieces[width - 1 - place]


def _describe_device(name: str) -> str:
    from inspector.engine.devices import list_devices

    return next((device.description for device in list_devices() if device.name == name), name)


def why_methods(engine: Engine) -> dict[str, Method]:
    """Return what tells why, which hooks into the model: not while it computes."""
    why = Explaining(engine)
    return {"explain": engine.alone(why.explain), "feature_maps": engine.alone(why.feature_maps)}


def run(incoming: int, outgoing: int) -> None:
    """Serve as the engine."""
    engine = Engine()
    own = (engine.versions, engine.upload, engine.attach, engine.detach, engine.model_input)
    methods = {method.__name__: method for method in own}
    Server(incoming, outgoing, {**methods, **why_methods(engine)}, engine.at_once).run()
