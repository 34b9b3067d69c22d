"""What goes with an attachment beside its weights: options that no key shows, and class names."""

from __future__ import annotations

from typing import Any

from inspector.session.state import OpenCheckpoint


def chosen_options(found: OpenCheckpoint) -> dict[str, Any]:
    """Return the options that no key shows: the person's choice, else the official entry's, else what is assumed."""
    assumed = found.match_report.assumed if found.match_report is not None else {}
    chosen = dict(found.choices.assumed)
    return {name: chosen.get(name, found.official.options.get(name, value)) for name, value in assumed.items()}


def labels_of(found: OpenCheckpoint, num_classes: int | None) -> tuple[str, ...]:
    """Return the class names: the person's file, else the checkpoint's own where they fit; empty for the default."""
    if found.labels:
        return found.labels
    own = found.summary.embedded.class_names if found.summary is not None else ()
    return next((names for names in (own, found.official.labels) if names and len(names) == num_classes), ())


def labels_from(found: OpenCheckpoint, num_classes: int | None) -> str:
    """Return where the class names come from, in words."""
    if found.labels:
        return f"labels from {found.labels_file}"
    chosen = labels_of(found, num_classes)
    if chosen and chosen == found.official.labels:
        return f"labels of {found.official.entry}"
    if chosen:
        return "labels from the checkpoint"
    usual = usual_labels(found, num_classes)
    return f"{usual} labels" if usual else "classes by number" if num_classes else "no classes"


#: The lists of classes that torchvision's weights of a task have, by the length of the list.
_USUAL = {
    "classification": {1_000: "ImageNet"},
    "semantic_segmentation": {21: "VOC"},
    "detection": {91: "COCO"},
    "instance_segmentation": {91: "COCO"},
    "keypoint_detection": {2: "COCO"},
    "video_classification": {400: "Kinetics"},
}


def usual_labels(found: OpenCheckpoint, num_classes: int | None) -> str:
    """Return the name of the list that classes without names are called by, empty where they are but numbered."""
    task = found.match_report.task if found.match_report is not None else "classification"
    return _USUAL.get(task, {}).get(num_classes or 0, "ImageNet" if num_classes == 1_000 else "")
