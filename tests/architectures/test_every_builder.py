"""Every torchvision builder, as it is and as its official weights make it, is recognised from its keys and shapes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pytest

from inspector.architectures import adapted_signature, architecture, catalogue, identify, match
from inspector.architectures.layouts import Shape

CLASSES, KEYPOINTS = 7, 5  # no builder's default
# All builders whose default weights change the keys or shapes; one case each is quick enough for every run.
CHANGED_BY_WEIGHTS = [
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet101",
    "deeplabv3_resnet50",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_resnet50_fpn",
    "fcn_resnet101",
    "fcn_resnet50",
    "fcos_resnet50_fpn",
    "googlenet",
    "keypointrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn",
    "quantized_googlenet",
    "quantized_inception_v3",
    "retinanet_resnet50_fpn",
    "vit_h_14",
]


@dataclass(frozen=True)
class Variant:
    """What a builder makes with some arguments."""

    label: str
    tensors: dict[str, Any]
    classes: int | None
    quantize: bool

    @property
    def shapes(self) -> dict[str, Shape]:
        return {key: tensor.shape for key, tensor in self.tensors.items()}


def entry_of(name: str, weights: bool, quantize: bool) -> Any:
    from torchvision import models

    entry = models.get_model_weights(name).DEFAULT if weights else None
    return entry.meta["unquantized"] if entry and name.startswith("quantized_") and not quantize else entry


def variant(name: str, weights: bool, other: bool, quantize: bool = False) -> Variant:
    """Build an architecture, with the loading of its default weights left out, also with another head."""
    from tools.torchvision_builders import build, other_counts, tensors_of

    entry = entry_of(name, weights, quantize)
    has_classes = architecture(name).num_classes is not None
    options: dict[str, Any] = {"quantize": True} if quantize else {}
    if other and not weights and has_classes:
        options["num_classes"] = CLASSES
        if architecture(name).num_keypoints:
            options["num_keypoints"] = KEYPOINTS
    with other_counts(entry, CLASSES, KEYPOINTS) if entry and other else nullcontext():
        tensors = tensors_of(build(name, weights=entry, **options))
    label = f"{name} {entry}{' other head' * other}{' quantized' * quantize}"
    return Variant(label, tensors, CLASSES if other and has_classes else architecture(name).num_classes, quantize)


def variants(name: str) -> Iterator[Variant]:
    others = (False, True) if architecture(name).num_classes is not None else (False,)
    for quantize in (False, True) if architecture(name).quantized else (False,):
        for weights in (False, True):
            yield from (variant(name, weights, other, quantize) for other in others)


def recognised(name: str, made: Variant, wrapper: str) -> None:
    """Check that the builder, or a twin that no file tells apart, comes first and that every key fits."""
    found = identify({wrapper + key: shape for key, shape in made.shapes.items()})
    best = found.candidates[0]
    twins = () if made.quantize else catalogue().twins(name)
    assert best.architecture in (name, *twins), made.label
    assert found.match == ("exact" if made.classes == architecture(name).num_classes else "head"), made.label
    assert (best.missing, best.unexpected, best.mismatched) == ((), (), ()), made.label
    assert (best.num_classes, best.wrapper, best.matched) == (made.classes, wrapper, len(made.tensors)), made.label
    complete = {c.architecture for c in found.candidates if not (c.missing or c.unexpected or c.mismatched)}
    assert complete == {name, *twins}, made.label


def rebuilt(name: str, made: Variant) -> None:
    """Check that the options read off the file give back every key in its order, with its role and its dtype."""
    report = match(made.shapes, name)
    assert (report.complete, report.untracked) == (True, ()), made.label
    options, shipped = report.options, architecture(name)
    assert list(adapted_signature(name, report.num_classes, options).items()) == list(made.shapes.items()), made.label
    assert shipped.roles_with(options) == {key: tensor.role for key, tensor in made.tensors.items()}, made.label
    assert shipped.dtypes_with(options) == {key: tensor.dtype for key, tensor in made.tensors.items()}, made.label


@pytest.mark.parametrize("name", CHANGED_BY_WEIGHTS)
def test_what_official_weights_change_is_recognised(name: str) -> None:
    made = variant(name, weights=True, other=False)
    assert made.shapes != architecture(name).signature
    recognised(name, made, "")
    rebuilt(name, made)


@pytest.mark.parametrize("other", [False, True])
def test_quantized_ones_are_told_from_their_float_twins(other: bool) -> None:
    name = "quantized_shufflenet_v2_x0_5"
    made = variant(name, weights=False, other=other, quantize=True)
    recognised(name, made, "module.")
    rebuilt(name, made)
    assert match(made.shapes, name).options["quantize"] is True
    assert not match(made.shapes, name.removeprefix("quantized_")).complete


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue())
def test_every_variant_is_recognised(name: str) -> None:
    changed = False
    for number, made in enumerate(variants(name)):
        recognised(name, made, "module." if number % 2 else "")
        rebuilt(name, made)
        default_head = made.classes == architecture(name).num_classes
        changed |= default_head and not made.quantize and made.shapes != architecture(name).signature
    assert changed == (name in CHANGED_BY_WEIGHTS)
