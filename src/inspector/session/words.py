"""Numbers, sizes and verdicts in plain words, the same in the window and on the command line."""

from __future__ import annotations

import math
import re
from pathlib import Path

from inspector.checkpoint.folders import METADATA
from inspector.checkpoint.safety import Verdict
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.values import Quantization
from inspector.number_words import THIN, duration, figure, number, percent, plural, shape_text, short_number, size

# How numbers are told is the same everywhere; whoever writes words finds it here.
__all__ = ["THIN", "duration", "figure", "number", "percent", "plural", "shape_text", "short_number", "size"]

#: Kinds that are a program, which runs when it is loaded or used.
PROGRAMS = ("torchscript_model", "exported_program")

SAFETY_WORDS = {"safe": "safe to read", "needs_trust": "loading it would need trust", "dangerous": "dangerous to load"}

VERDICT_WORDS: dict[Verdict, str] = {
    "tensor": "Rebuilds tensors and plain data",
    "module": "A class of torch.nn or torchvision",
    "unknown": "Unknown code",
    "dangerous": "Can act on this machine",
}

TASK_WORDS = {
    "classification": "image classification",
    "semantic_segmentation": "semantic segmentation",
    "detection": "object detection",
    "instance_segmentation": "instance segmentation",
    "keypoint_detection": "keypoint detection",
    "video_classification": "video classification",
    "optical_flow": "optical flow",
}


def form(summary: CheckpointSummary, tensor: int) -> str:
    """Return what a tensor is beside rows of numbers, ``"quantized: scale 0.1, zero point 3"``; empty for most."""
    layout, parts = summary.layout(tensor), summary.parts(tensor)
    if layout == "quantized":
        return _quantized(summary.quantization(tensor), dict(parts))
    if layout == "chunked":
        return f"put together from {plural(len(parts), 'chunk')}" if parts else "saved in chunks"
    if layout == "sparse":
        return _sparse(dict(parts))
    return {
        "strided": "",
        "nested": "nested: tensors of several lengths, one after the other",
        "meta": "meta: a shape without numbers",
        "device": "on a device of its own: a shape without numbers",
        "negative": "stored with its sign turned",
        "conjugate": "stored as its conjugate",
        "negative conjugate": "stored as its conjugate with the sign turned",
    }[layout]


def _quantized(how: Quantization | None, parts: dict[str, tuple[int, ...]]) -> str:
    if how is None:
        return "quantized"
    if how.axis < 0:
        return f"quantized: scale {how.scale:.6g}, zero point {how.zero_point}"
    return (
        f"quantized along dimension {how.axis}: {number(math.prod(parts.get('scales', (0,))))} scales and zero points"
    )


def _sparse(parts: dict[str, tuple[int, ...]]) -> str:
    how = next((name for role, name in _SPARSE_FORMS.items() if role in parts), "")
    stored = math.prod(parts.get("values", (0,)))
    return f"sparse{how}: {plural(stored, 'element')} stored" if parts else "sparse"


#: What torch calls a sparse tensor, by the indices it has.
_SPARSE_FORMS = {"indices": ", by coordinates", "crow_indices": ", by rows", "ccol_indices": ", by columns"}


def root_name(summary: CheckpointSummary) -> str:
    """Return what the root of the tree is called: the file without its suffix, or the folder."""
    leading = summary.files[0].path
    if leading.name == METADATA:
        return leading.parent.name
    path = Path(summary.path)
    if path != leading:  # a folder was opened
        return path.name
    return Path(path.name.removesuffix(".index.json")).stem


def resemblance(architecture: str, named: int, fitting: int, keys: int) -> str:
    """Return how a file that is no torchvision architecture resembles one, as a sentence.

    Parameters
    ----------
    named, fitting
        How many of its ``keys`` have the architecture's names, and how many of these its shapes too.
    """
    shapes = f"{number(fitting)} of them with its shapes" if fitting else "none of them with its shape"
    return f"It resembles {architecture}: {number(named)} of {plural(keys, 'key')} have its names, {shapes}."


#: What stands where the file has an empty name.
NO_NAME = "\u2018\u2019"


def tensor_name(summary: CheckpointSummary, tensor: int) -> str:
    """Return what a tensor is called: its full name, or the file's where it is all that the file holds.

    An optimizer's moment is called by its parameter, ``conv1.weight · exp_avg``, where that is known.
    """
    if (parameter := summary.moments[tensor]) >= 0:
        return f"{summary.key(parameter)} · {summary.names[tensor].rpartition('.')[2]}"
    whole = root_name(summary) if summary.kind == "tensor" else NO_NAME
    return summary.names[tensor] or whole


def state_dict_rows(summary: CheckpointSummary) -> list[tuple[str, ...]]:
    """Return of each state_dict its path, role, wrapper, and its numbers of parameters, buffers and tensors."""
    return [
        (
            found.path or "(the root)",
            found.role,
            found.wrapper or "–",
            *("–" if found.role == "optimizer" else number(count) for count in (found.parameters, found.buffers)),
            number(found.tensors),
        )
        for found in summary.state_dicts
    ]


_CONTAINER_WORDS = {"torchscript": "TorchScript", "exported_program": "exported program", "numpy": "NumPy"}


def container(summary: CheckpointSummary) -> str:
    """Return how it is packed: ``zip container``, ``sharded container of 4 files``."""
    count = len(summary.files)
    name = _CONTAINER_WORDS.get(summary.container, summary.container)
    return f"{name} container" + (f" of {number(count)} files" if count > 1 else "")


def safety_explanation(summary: CheckpointSummary) -> str:
    """Return what the safety verdict means for this file, and what to do about it."""
    names = summary.globals
    more = "" if summary.complete else " It could be read only in part and may name more."
    if summary.safety == "safe":
        return "It holds plain data and tensors only. Nothing in it runs code."
    if summary.safety == "dangerous":
        worst = [name for name, verdict in names if verdict == "dangerous"]
        what = (
            f"it names {_listed(worst)}, which can run commands or change files on this machine"
            if worst
            else "it would change functions or classes of the program that loads it"
        )
        return f"Do not load it with torch or pickle: {what}.{more} Inspector runs none of it."
    if summary.native_code:
        files = _listed(list(summary.native_code))
        return (
            f"It holds native machine code, {files}, which runs as soon as it is loaded, so load it only if you trust "
            f"whoever made it.{more} Inspector runs none of it."
        )
    foreign = [name for name, verdict in names if verdict in ("module", "unknown")]
    if summary.kind in PROGRAMS:
        # Classes below __torch__ are those of the program itself.
        foreign = [name for name in foreign if not name.startswith("__torch__.")]
        if not foreign:
            return f"It is a program, which runs when it is used with torch.{more} Inspector does not run it by itself."
    if foreign == ["torch.storage._load_from_bytes"]:
        return (
            "Python's own pickle wrote it, and loading it makes torch unpickle each storage in it, so load it only if "
            f"you trust whoever made it.{more} Inspector runs none of it by itself."
        )
    if foreign:
        return (
            f"Loading it with torch would run code of {_listed(foreign)}, so load it only if you trust whoever made "
            f"it.{more} Inspector runs none of it by itself."
        )
    if not summary.complete:
        return "It could be read only in part, so loading it with torch may run code. Inspector runs none of it."
    return "It names nothing harmful but uses it in an unusual way, so loading it with torch may do harm."


def global_names(summary: CheckpointSummary) -> list[tuple[str, Verdict]]:
    """Return the functions and classes that the file names, each as people know it, once.

    TorchScript adds a number of its own to classes of the same name, ``___torch_mangle_0``.
    """
    return list(dict.fromkeys((_MANGLE.sub("", name), found) for name, found in summary.globals))


_MANGLE = re.compile(r"\b___torch_mangle_[0-9]+\.")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
