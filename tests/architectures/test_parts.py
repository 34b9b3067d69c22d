"""Files that hold more or less than one model: backbones, encoders beside something else, several models."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from inspector.architectures import adapted_signature, architecture, identify
from inspector.architectures.layouts import Shape

Tensors = dict[str, Shape]


def under(prefix: str, tensors: Mapping[str, Shape]) -> Tensors:
    return {prefix + key: shape for key, shape in tensors.items()}


def within(prefix: str, tensors: Tensors) -> Tensors:
    return {key: shape for key, shape in tensors.items() if key.startswith(prefix)}


def without_head(name: str) -> Tensors:
    heads = architecture(name).head_keys
    return {key: shape for key, shape in architecture(name).signature.items() if key not in heads}


def decoder(count: int) -> Tensors:
    return {f"decoder.blocks.{place // 4}.conv{place % 4}.weight": (8, 8, 3, 3) for place in range(count)}


@pytest.mark.parametrize("wrapper", ["", "model.", "net.features_extractor."])
@pytest.mark.parametrize(
    "name", ["resnet18", "resnet50", "mobilenet_v2", "vit_b_16", "convnext_tiny", "efficientnet_b3", "densenet169"]
)
def test_a_model_without_its_head(name: str, wrapper: str) -> None:
    found = identify(under(wrapper, without_head(name)))
    best = found.candidates[0]
    assert (found.match, best.architecture, best.wrapper) == ("part", name, wrapper)
    assert (best.missing, best.unexpected, best.mismatched) == (architecture(name).head_keys, (), ())
    assert best.num_classes is None


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    ("detector", "backbone"),
    [
        ("fasterrcnn_resnet50_fpn", "resnet50"),
        ("maskrcnn_resnet50_fpn", "resnet50"),
        ("fasterrcnn_mobilenet_v3_large_fpn", "mobilenet_v3_large"),
    ],
)
def test_the_backbone_of_a_detector_alone(detector: str, backbone: str, frozen: bool) -> None:
    tensors = within("backbone.body.", adapted_signature(detector, None, {"frozen_batch_norm": frozen}))
    assert tensors
    found = identify(tensors)
    if backbone == "resnet50":
        assert (found.match, found.candidates[0].architecture, found.candidates[0].wrapper) == (
            "part",
            backbone,
            "backbone.body.",
        )
        assert found.candidates[0].unexpected == ()
    else:  # a MobileNet's features are children of `body`: the detector has the very names
        assert found.match == "part"
        assert found.candidates[0].architecture == detector


@pytest.mark.parametrize("count", [30, 500, 6_000])
@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnext50_32x4d", "mobilenet_v2", "vgg16_bn"])
def test_an_encoder_beside_a_foreign_decoder(name: str, count: int) -> None:
    found = identify(under("encoder.", without_head(name)) | decoder(count) | {"head.0.weight": (2, 8, 1, 1)})
    best = found.candidates[0]
    assert (found.match, best.architecture, best.wrapper) == ("part", name, "encoder.")
    assert best.matched == len(without_head(name))
    assert len(best.unexpected) == count + 1


def test_two_models_in_one_file() -> None:
    """The one that accounts for more of the file comes first; the other is offered too."""
    tensors = under("student.", adapted_signature("resnet18", 10)) | under(
        "teacher.net.", adapted_signature("resnet50", 10)
    )
    found = identify(tensors)
    assert found.match == "part"
    assert (found.candidates[0].architecture, found.candidates[0].wrapper) == ("resnet50", "teacher.net.")
    assert (found.candidates[0].missing, found.candidates[0].num_classes) == ((), 10)
    small = next(candidate for candidate in found.candidates if candidate.architecture == "resnet18")
    assert (small.wrapper, small.missing) == ("student.", ())


def test_a_part_of_a_model_that_is_one_of_its_modules() -> None:
    """Deep inside, and by far outnumbered."""
    wrapper = "system.modules_.0.image_tower.trunk."
    found = identify(under(wrapper, architecture("regnet_y_400mf").signature) | decoder(3_000))
    assert (found.match, found.candidates[0].architecture, found.candidates[0].wrapper) == (
        "part",
        "regnet_y_400mf",
        wrapper,
    )
