"""The worker: numbers, pictures and names, computed away from the window. numpy and pillow, no torch, no Qt."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.checkpoint.source import InspectedFile, InspectedFiles
from inspector.checkpoint.tensor_bytes import TensorPlace
from inspector.checkpoint.unusual_bytes import read_values
from inspector.errors import InspectorError
from inspector.natural_order import natural_key
from inspector.processes.image_files import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from inspector.processes.roles.differing import compare_checkpoints, describe_difference
from inspector.processes.roles.kept_surveys import survey
from inspector.processes.roles.official import may_be_official, official_weights
from inspector.processes.roles.pictures import clip_frames, draw_prediction, thumbnail
from inspector.processes.roles.python_search import describe_python, find_pythons
from inspector.processes.roles.reporting import report
from inspector.processes.roles.saving import save_arrays
from inspector.processes.roles.serving import Progress, Reply, Server
from inspector.processes.roles.telling import now_and_then
from inspector.processes.roles.tensor_forms import tensor_filters, tensor_projection, tensor_spectrum
from inspector.processes.roles.tensor_plots import (
    batch_norm,
    optimizer_state,
    tensor_histogram,
    tensor_line,
    tensor_percentiles,
)
from inspector.processes.roles.tensor_tiles import cells_text, plane_range, tensor_cells, tensor_tile

if TYPE_CHECKING:
    from inspector.architectures import Architecture, Options
    from inspector.architectures.official import Value
    from inspector.weights.chunks import Array

#: A list of labels larger than this is none.
MAX_LABELS_BYTES = 16 << 20
#: Images taken from dropped folders at the most.
MAX_IMAGES = 100_000


class WorkerError(InspectorError):
    """Something asked of the worker can't be done."""


def _names(buffers: list[bytearray]) -> list[str]:
    return buffers[0].decode("utf-8", "surrogatepass").split("\0") if buffers[1] else []


def _shapes(buffers: list[bytearray], names: Sequence[str] | None = None) -> dict[str, tuple[int, ...]]:
    """Read a state_dict's keys and shapes: names joined by NUL (or called ``names``), dimensions (u8), sizes (i64)."""
    sizes = array("q")
    sizes.frombytes(buffers[2])
    shapes, start = {}, 0
    for name, dimensions in zip(_names(buffers) if names is None else names, buffers[1], strict=True):
        shapes[name] = tuple(sizes[start : start + dimensions])
        start += dimensions
    return shapes


def _renamed(params: dict[str, Any], buffers: list[bytearray]) -> list[str]:
    """Return a state_dict's keys as the person's rules call them."""
    from inspector.architectures.renaming import Rename, renamed

    return renamed(_names(buffers), [Rename(str(old), str(new)) for old, new in params.get("renames", ())])


def catalogue(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with every architecture, for lists."""
    from inspector.architectures import catalogue as architectures

    rows = [[a.name, a.task, a.quantized, a.parameters, a.num_classes] for a in architectures().values()]
    return {"architectures": rows}, []


def identify(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with the architectures that fit; with ``params["lists"]``, the keys by name instead of counts."""
    from inspector.architectures import builder_arguments
    from inspector.architectures import identify as rank

    found = rank(_shapes(buffers, _renamed(params, buffers)), class_name=str(params.get("class_name") or ""))
    whole = bool(params.get("lists"))
    candidates = []
    for candidate in found.candidates:
        mismatched = [[m.name, m.expected, m.found] for m in candidate.mismatched]
        lists: dict[str, Any] = {
            "missing": candidate.missing,
            "unexpected": candidate.unexpected,
            "mismatched": [{"name": name, "expected": e, "found": f} for name, e, f in mismatched],
        }
        candidates.append(
            {
                "architecture": candidate.architecture,
                "score": round(candidate.score, 6),
                "matched": candidate.matched,
                **(lists if whole else {name: len(keys) for name, keys in lists.items()}),
                "num_classes": candidate.num_classes,
                "wrapper": candidate.wrapper,
                "options": builder_arguments(candidate.options),
                "twins": candidate.twins,
                "library": candidate.library,
                "reshaped": len(candidate.reshaped),
                "caveat": candidate.caveat,
            }
        )
    answer = {"match": found.match, "official_weights": found.official_weights, "tensors": found.tensors}
    return answer | {"candidates": candidates}, []


def match(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with the match report of a state_dict and one architecture; buffer 0 names each key's target."""
    from inspector.architectures import adapted_signature, architecture
    from inspector.architectures import match as compare
    from inspector.architectures.ways_out import way_out
    from inspector.architectures.wrappers import candidate_wrappers

    names = _renamed(params, buffers)
    report = compare(
        _shapes(buffers, names), str(params["architecture"]), params.get("num_classes"), params.get("wrapper")
    )
    targets = {source: key for key, source in report.sources.items()}
    heads = architecture(report.architecture).heads_with(report.options)
    signature = adapted_signature(report.architecture, report.num_classes, report.options)
    result = {
        "architecture": report.architecture,
        "task": architecture(report.architecture).task,
        "num_classes": report.num_classes,
        "wrapper": report.wrapper,
        "options": dict(report.options),
        "assumed": _assumed(architecture(report.architecture), report.options),
        "matched": len(report.matched),
        "missing": [[key, signature[key]] for key in report.missing],
        "unexpected": len(report.unexpected),
        "mismatched": [[m.name, m.expected, m.found] for m in report.mismatched],
        "complete": report.complete,
        "wrappers": candidate_wrappers(names),
        "ways_out": {m.name: way_out(m.name, m.expected, m.found, heads) for m in report.mismatched},
        "reshaped": {key: signature[key] for key in report.reshaped},
        "library": report.library,
        "caveat": report.caveat,
    }
    return result, ["\0".join(targets.get(name, "") for name in names).encode("utf-8", "surrogatepass")]


def _assumed(chosen: Architecture, options: Options) -> dict[str, Value]:
    """Return the options that no key shows, where they make a difference, with the value that is likeliest."""
    frozen = bool(options.get("frozen_batch_norm"))
    # Norms are frozen where the model was built with weights, most often the default ones.
    default = next((entry for entry in chosen.weights if entry.name == chosen.default_weights), None)
    likely = chosen.assumed_options(default if frozen else None)
    matters = {"norm_eps": frozen, "backend": bool(options.get("quantize"))}
    return {name: value for name, value in likely.items() if matters.get(name, True)}


#: The tensor that was drawn last, for the figures that are asked for next: its place as JSON, and its values.
_drawn: dict[str, Array] = {}


def _read_one(params: dict[str, Any]) -> Array:
    with InspectedFiles([InspectedFile.from_json(file) for file in params["files"]]) as files:
        found = read_values(files, TensorPlace.from_json(params["place"]))
        files.check_unchanged()  # it may have been written to while it was read
        return found


def _picture(params: dict[str, Any], values: Array) -> tuple[dict[str, Any], bytes]:
    from dataclasses import asdict

    from inspector.weights.picture import weight_picture

    picture = weight_picture(values, int(params.get("max_side", 1_024)))
    return {name: value for name, value in asdict(picture).items() if name != "rgba"}, picture.rgba


def prepare_to_draw(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Import what a first look at a tensor needs, before anybody waits for it."""
    from inspector.weights.histogram import histogram  # noqa: F401
    from inspector.weights.picture import weight_picture  # noqa: F401
    from inspector.weights.statistics import tensor_statistics  # noqa: F401

    return {}, []


def draw_tensor(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with a tensor's picture, buffer 0, alone: of a large one it is there long before the figures."""
    values = _read_one(params)
    shown, rgba = _picture(params, values)
    _drawn.clear()
    _drawn[json.dumps([params["files"], params["place"]])] = values
    return {"picture": shown}, [rgba]


def describe_tensor(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with a tensor's figures and histogram; buffer 0 is its edges, 1 its counts, 2 its picture.

    Of a tensor that was drawn just before, there is no picture: null, and an empty buffer.
    """
    from dataclasses import asdict

    from inspector.weights.histogram import histogram
    from inspector.weights.statistics import tensor_statistics

    values = _drawn.pop(json.dumps([params["files"], params["place"]]), None)
    was_drawn = values is not None
    if values is None:
        values = _read_one(params)
    _drawn.clear()
    statistics = tensor_statistics(values)
    bins = histogram(values, int(params.get("bins", 128)))
    shown, rgba = (None, b"") if was_drawn else _picture(params, values)
    return {"statistics": asdict(statistics), "picture": shown}, [bins.edges.tobytes(), bins.counts.tobytes(), rgba]


def convert(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Write the clean copy that buffer 0 plans to ``params["out"]``; tells how far it is a few times a second."""
    from inspector.export.convert import convert as write
    from inspector.export.plan import Plan

    out, token = Path(params["out"]), str(params["token"])
    made = write(Plan.from_bytes(buffers[0]), out, token, now_and_then(progress), force=bool(params["force"]))
    return {"tensors": made.tensors, "bytes": made.nbytes}, []


def list_images(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with the image files among paths, those in folders included, in natural order."""
    found: list[str] = []
    for path in map(Path, params["paths"]):
        if path.is_dir():
            inside = (Path(folder, name) for folder, name in _walk(path))
            found += sorted(
                (str(f) for f in inside if f.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES), key=natural_key
            )
        else:
            found.append(str(path))
    return {"images": found[:MAX_IMAGES], "left_out": max(0, len(found) - MAX_IMAGES)}, []


def _walk(folder: Path) -> Iterator[tuple[str, str]]:
    seen = 0
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            seen += 1
            if seen > 10 * MAX_IMAGES:
                return
            yield base, name


def read_labels(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with the class names in a text file (a line each) or a JSON file (a list, or index to name)."""
    path = Path(params["path"])
    try:
        if not path.is_file():
            raise WorkerError(f"There is no labels file {path.name}.", "Choose another one.")
        if path.stat().st_size > MAX_LABELS_BYTES:
            raise WorkerError(f"{path.name} is too large for a list of labels.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise WorkerError(f"{path.name} can't be read: {error.strerror}.", "Choose another labels file.") from None
    except UnicodeDecodeError:
        raise WorkerError(f"{path.name} is no text file.", "Choose a text or JSON file of labels.") from None
    labels = _json_labels(path, text) if path.suffix.lower() == ".json" else _text_labels(text)
    if not labels:
        raise WorkerError(f"{path.name} holds no labels.", "Write one label a line, in the order of the classes.")
    return {"labels": labels}, []


def _text_labels(text: str) -> list[str]:
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return [line.strip()[:200] for line in lines]


def _json_labels(path: Path, text: str) -> list[str]:
    wrong = WorkerError(
        f"{path.name} is no list of labels.", "Write a JSON list of names, or an object from index to name."
    )
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise wrong from None
    if isinstance(data, dict):
        # {"0": "cat"}, {"cat": 0}, or the {"0": ["n02123045", "tabby"]} that ImageNet lists often use
        names = {int(key): value for key, value in data.items() if key.isdecimal() and len(key) < 8}
        if not names:
            names = {value: key for key, value in data.items() if type(value) is int}
        if set(names) != set(range(len(names))) or len(names) != len(data):
            raise wrong
        data = [names[index] for index in range(len(names))]
    if not isinstance(data, list):
        raise wrong
    return [str(name[-1] if isinstance(name, list) and name else name)[:200] for name in data]


def run(incoming: int, outgoing: int) -> None:
    """Serve as the worker."""
    methods = (
        catalogue,
        identify,
        may_be_official,
        official_weights,
        match,
        prepare_to_draw,
        draw_tensor,
        describe_tensor,
        cells_text,
        plane_range,
        tensor_cells,
        tensor_tile,
        thumbnail,
        clip_frames,
        draw_prediction,
        convert,
        list_images,
        read_labels,
        find_pythons,
        describe_python,
        survey,
        tensor_filters,
        tensor_spectrum,
        tensor_projection,
        tensor_histogram,
        tensor_percentiles,
        tensor_line,
        batch_norm,
        optimizer_state,
        compare_checkpoints,
        describe_difference,
        save_arrays,
        report,
    )
    Server(incoming, outgoing, {method.__name__: method for method in methods}).run()
