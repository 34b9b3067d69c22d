"""Which preprocessing and which class names go with an attached model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import nn
from torchvision import models

from inspector.engine.inputs import (
    ClipPreprocessing,
    DetectionPreprocessing,
    FlowPreprocessing,
    SegmentationPreprocessing,
)
from inspector.engine.preprocessing import InputPreprocessing, Preprocessing
from inspector.engine.preprocessing_keys import SOURCE
from inspector.engine.problems import LabelsError, PreprocessingError

#: What a person may say of numbers of their own.
PERSON = "person"

_IMAGENET_CLASSES = 1000

#: The length of the clips that the published accuracies were measured with, by the builder's first letters
#: (``_docs`` of torchvision's weights entries). The residual networks and the rest took 16.
_CLIP_LENGTHS = {"swin3d": 32, "s3d": 128}
_CLIP_LENGTH = 16


def entries_of(architecture: str) -> list[Any]:
    """Return torchvision's weights entries of an architecture, its default first; none of an unknown one."""
    if architecture not in models.list_models():
        return []
    entries = models.get_model_weights(architecture)
    default = entries.DEFAULT
    return [default, *(entry for entry in entries if entry is not default)]


def entry_preprocessings(architecture: str, task: str, model: nn.Module) -> list[InputPreprocessing]:
    """Return the preprocessing of each weights entry of an architecture, its default's first.

    Parameters
    ----------
    model
        A detector's resizing is its own, whatever the entry.
    """
    return [made for entry in entries_of(architecture) if (made := _of_entry(architecture, task, model, entry))]


def _of_entry(architecture: str, task: str, model: nn.Module, entry: Any) -> InputPreprocessing | None:
    source = str(entry)
    if task == "detection":
        return DetectionPreprocessing.from_model(model, source)
    if task == "optical flow":
        return FlowPreprocessing(source=source)
    preset = entry.transforms()
    if task == "segmentation":
        return SegmentationPreprocessing.from_transform(preset, source)
    if task == "video classification":
        frames = next((n for start, n in _CLIP_LENGTHS.items() if architecture.startswith(start)), _CLIP_LENGTH)
        return ClipPreprocessing.from_transform(preset, frames, source)
    return Preprocessing.from_transform(preset, source)


def choose_preprocessing(
    architecture: str, task: str, model: nn.Module, keys: Mapping[str, Any] | None, entry: Any
) -> tuple[InputPreprocessing, tuple[InputPreprocessing, ...]]:
    """Choose the preprocessing of a model.

    Parameters
    ----------
    keys
        Those that the checkpoint carries or the person gives. Of classification all, as
        :meth:`Preprocessing.from_checkpoint` has it; of the other tasks those that differ from the default's.
    entry
        The weights entry that the file is, None where it is none.

    Returns
    -------
    tuple
        The one in use, and those of the architecture's weights entries.

    Raises
    ------
    PreprocessingError
        A key is missing, unknown, holds what it can't, or asks for a size that the model can't take.
    """
    known = tuple(entry_preprocessings(architecture, task, model))
    first = next((made for made in known if entry is not None and made.source == str(entry)), known[0])
    if keys is not None:
        return _given(architecture, model, first, keys, known), known
    size = _size_of(model)
    if size is None or not isinstance(first, Preprocessing):
        return first, known
    # only ViTs insist on a size, which the others merely prefer
    ordered = [made for made in (first, *known) if isinstance(made, Preprocessing)]
    fitting = [made for made in ordered if made.crop_size == size]
    return (fitting[0] if fitting else replace(first, resize_size=size, crop_size=size)), known


def _size_of(model: nn.Module) -> int | None:
    size: Any = getattr(model, "image_size", None)
    return size if isinstance(size, int) else None


def _given(
    architecture: str,
    model: nn.Module,
    default: InputPreprocessing,
    keys: Mapping[str, Any],
    known: Sequence[InputPreprocessing],
) -> InputPreprocessing:
    if isinstance(default, Preprocessing):
        classifier = Preprocessing.from_checkpoint(keys)
        size = _size_of(model)
        if size not in (None, classifier.crop_size):
            raise PreprocessingError(
                f"The checkpoint's preprocessing crops to {classifier.crop_size}, but this {architecture} takes "
                f"{size}.",
                "The architecture's own preprocessing can be used instead.",
            )
        return _with_source(classifier, keys, known)
    assert isinstance(
        default, SegmentationPreprocessing | DetectionPreprocessing | ClipPreprocessing | FlowPreprocessing
    )
    return _with_source(default.changed(keys), keys, known)


def _with_source(
    made: InputPreprocessing, keys: Mapping[str, Any], known: Sequence[InputPreprocessing]
) -> InputPreprocessing:
    """Say where given keys come from: an entry's name is believed only where its numbers are the entry's."""
    claimed = keys.get(SOURCE)
    numbers = _numbers(made)
    if any(entry.source == claimed and _numbers(entry) == numbers for entry in known):
        return replace(made, source=str(claimed))  # type: ignore[type-var]
    return replace(made, source=PERSON) if claimed == PERSON else made  # type: ignore[type-var]


def _numbers(made: InputPreprocessing) -> dict[str, Any]:
    return {key: value for key, value in made.to_message().items() if key != SOURCE}


def class_labels(
    given: Sequence[str] | None, num_classes: int, architecture: str = "", entry: Any = None
) -> tuple[str, ...]:
    """Return one label per class: the given ones, else those of fitting weights entries, else the class's number.

    Parameters
    ----------
    given
        One per class; of a detector also without the background, which is its first class.
    architecture
        Whose weights entries are asked for their categories: ImageNet's, COCO's, VOC's, Kinetics'.
    entry
        The weights entry that the file is, asked first.

    Raises
    ------
    LabelsError
        There are not as many as classes.
    """
    entries = [*([entry] if entry is not None else []), *entries_of(architecture)]
    own = [tuple(map(str, candidate.meta.get("categories") or ())) for candidate in entries]
    if given is not None:
        has_background = any(names[:1] in (("__background__",), ("no person",)) for names in own)
        if has_background and len(given) == num_classes - 1:
            return "__background__", *map(str, given)
        if len(given) != num_classes:
            raise LabelsError(
                f"There are {len(given)} class names, but the model has {num_classes} classes.",
                "Choose the file of class names that belongs to this model.",
            )
        return tuple(map(str, given))
    fitting = next((names for names in own if len(names) == num_classes), ())
    if not fitting and num_classes == _IMAGENET_CLASSES:
        fitting = tuple(models.ResNet18_Weights.IMAGENET1K_V1.meta["categories"])
    return fitting or tuple(map(str, range(num_classes)))


def keypoint_names(architecture: str, count: int | None) -> tuple[str, ...]:
    """Return the names of a person's keypoints, where torchvision's weights have as many; else nothing."""
    names = (tuple(entry.meta.get("keypoint_names", ())) for entry in entries_of(architecture))
    return next((found for found in names if found and count in (None, len(found))), ())
