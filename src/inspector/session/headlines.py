"""What a checkpoint is, in one line: for the window's verdict and the command line's."""

from __future__ import annotations

import re

from inspector.checkpoint.insides import rank_of_path
from inspector.checkpoint.summary import CheckpointSummary, StateDictSummary
from inspector.checkpoint.text import shorten
from inspector.session import words

_KIND_WORDS = {
    "state_dict": "A state_dict",
    "pickled_model": "A pickled model",
    "training_checkpoint": "A training checkpoint",
    "torchscript_model": "A TorchScript model",
    "exported_program": "An exported program",
    "tensor": "A single tensor",
    "object": "A pickled object",
}

#: state_dicts that a headline names, and characters of each name.
_MOST_TOLD = 3
_MOST_CHARACTERS = 40


def headline(summary: CheckpointSummary) -> str:
    """Return what a checkpoint is, in a few words: ``A state_dict: 122 tensors, 11.7 M parameters``."""
    if summary.kind == "tensor" and len(summary):
        kind = "A NumPy array" if summary.container == "numpy" else _KIND_WORDS[summary.kind]
        dtype = f", {summary.dtype(0)}" if summary.dtype(0) != "unknown" else ""
        return f"{kind}: {words.shape_text(summary.shape(0))}{dtype}"
    if summary.kind == "training_checkpoint":
        return _training(summary)
    if summary.kind in words.PROGRAMS:
        return _program(summary)
    if summary.model is None:
        return _loose(summary)
    model = summary.state_dicts[summary.model]
    kind = "A nested state_dict" if summary.kind == "object" else _KIND_WORDS[summary.kind]
    named = f"{summary.class_name}, " if summary.kind == "pickled_model" and summary.class_name else ""
    return f"{kind}: {named}{_counts(model)}"


def _counts(model: StateDictSummary) -> str:
    return f"{words.plural(model.tensors, 'tensor')}, {words.short_number(model.parameters)} parameters"


def _tensors(count: int) -> str:
    return words.plural(count, "tensor") if count else "no tensors"


def _loose(summary: CheckpointSummary) -> str:
    """Return what a file is whose tensors, if any, make no state_dict."""
    if summary.container == "numpy":
        elements = sum(map(summary.numel, range(len(summary))))
        arrays = f"{words.plural(len(summary), 'array')}, {words.plural(elements, 'element')}"
        if len(summary):
            return f"NumPy arrays: {arrays}"
        return "NumPy's arrays of objects" if str(summary.path).endswith(".npz") else "A NumPy array of objects"
    if summary.container in ("safetensors", "sharded", "distributed"):
        what = "safetensors file" if summary.container == "safetensors" else f"{summary.container} checkpoint"
        return f"A {what}: {_tensors(len(summary))}" if len(summary) else f"An empty {what}"
    return f"{_KIND_WORDS[summary.kind]}: {_tensors(len(summary))}"


def _program(summary: CheckpointSummary) -> str:
    model = summary.state_dicts[summary.model] if summary.model is not None else None
    held = sum(found.tensors for found in summary.state_dicts)
    beside = len(summary) - held
    if beside and not held:
        loose = [name.partition(".")[0].lower() for name in summary.names]
        counts = _tensors(beside) + (" in its constants" if set(loose) == {"constants"} else "")
    elif model is None:
        counts = _tensors(0)
    else:
        counts = _counts(model) + (f" and {words.plural(beside, 'more tensor')} beside them" if beside else "")
    return f"{_KIND_WORDS[summary.kind]}: {', '.join(filter(None, [summary.class_name, counts]))}"


def _training(summary: CheckpointSummary) -> str:
    kind, model = _KIND_WORDS[summary.kind], summary.model
    models = [found for found in summary.state_dicts if found.role != "optimizer"]
    if model is None:
        if [(found.path, found.role) for found in summary.state_dicts] == [("", "optimizer")]:
            return f"An optimizer's state: {_tensors(len(summary))}"
        return f"{kind}: an optimizer's state of {_tensors(len(summary))}"
    equals = [found for found in models if found.role == "model"]
    if len(equals) > 1 and all(rank_of_path(found.path) == rank_of_path("") for found in equals):
        return f"{kind}: {_several(equals, len(models))}"  # of a generator and its discriminator neither is *the* model
    main = summary.state_dicts[model]
    what = f"a pickled {main.class_name}" if main.class_name else "a state_dict"
    more_text = f" and {words.plural(len(models) - 1, 'more state_dict')}" if len(models) > 1 else ""
    return f"{kind}: {what} of {_counts(main)}{more_text}"


def _several(named: list[StateDictSummary], count: int) -> str:
    """Return ``2 state_dicts, generator (1.2 M parameters) and discriminator (0.8 M parameters)``."""
    told = [
        f"{shorten(found.path, _MOST_CHARACTERS)} ({words.short_number(found.parameters)} parameters)"
        for found in named[:_MOST_TOLD]
    ]
    more = [f"{words.number(count - len(told))} more"] if count > len(told) else []
    *first, last = [*told, *more]
    return f"{words.plural(count, 'state_dict')}, {', '.join(first)} and {last}"


def verdict_sentence(summary: CheckpointSummary) -> str:
    """Return the whole verdict in one sentence, container and safety included."""
    what = headline(summary)
    complete = "" if summary.complete else ", read only in part"
    packed = "as a bare pickle" if summary.container == "pickle" else f"in {words.container(summary)}"
    told = words.container(summary).removesuffix(" container")
    is_told = summary.kind in words.PROGRAMS or re.search(rf"\b{re.escape(told)}\b", what) is not None
    packed = "" if is_told else f", {packed}"
    native = ", with native machine code that runs when it is loaded" if summary.native_code else ""
    return f"{what}{packed}{native}, {words.SAFETY_WORDS[summary.safety]}{complete}"
