"""Feature maps are what the layers give, in every order of values, page by page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models

from inspector.engine.activations import LayerError
from inspector.engine.attach import Attachment, attach
from inspector.engine.feature_maps import FeatureMaps, feature_maps
from inspector.engine.tasks import task_named

Calibrated = Callable[..., nn.Module]
SMALL = {"resize_size": 96, "crop_size": 96, "mean": [0.5], "std": [0.25]}


def attached(name: str, calibrated: Calibrated, **words: object) -> Attachment:
    state = calibrated(name, num_classes=6, **words).state_dict()
    return attach(name, state, num_classes=6, device="cpu", preprocessing=SMALL if not words else None)


def maps(attachment: Attachment, image: Image.Image, module: str, **options: Any) -> FeatureMaps:
    return feature_maps(attachment, task_named(attachment.task).prepare(attachment, [image]), module, **options)


def grey_of(values: torch.Tensor) -> torch.Tensor:
    """Return what each map looks like from its own smallest to its own largest value."""
    low, high = values.amin((1, 2), keepdim=True), values.amax((1, 2), keepdim=True)
    return ((values - low) / torch.where(high > low, high - low, 1.0) * 255).round().to(torch.uint8)


def check(found: FeatureMaps, expected: torch.Tensor) -> None:
    assert found.grey.shape == expected.shape
    assert found.channels == len(expected)
    assert int((found.grey.int() - grey_of(expected).int()).abs().max()) <= 1  # another batch size rounds differently
    assert torch.allclose(found.low, expected.amin((1, 2)), atol=1e-4)
    assert torch.allclose(found.high, expected.amax((1, 2)), atol=1e-4)
    assert int(found.grey.max()) == 255


def test_convolutions(calibrated: Calibrated, photo: Image.Image) -> None:
    attachment = attached("resnet18", calibrated)
    assert attachment.transform is not None
    model, pixels = attachment.model, attachment.transform(photo)[None]
    with torch.inference_mode():
        conv = model.get_submodule("conv1")(pixels)
        stem = nn.Sequential(*list(model.children())[:5])(pixels)
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        norm = model.get_submodule("bn1")(conv)
    check(maps(attachment, photo, "conv1"), conv[0])
    # what follows bn1 works in place: the maps must be bn1's own all the same
    check(maps(attachment, photo, "bn1"), norm[0])
    check(maps(attachment, photo, "layer1"), stem[0])
    relu = maps(attachment, photo, "layer1.0.relu")
    assert "runs 2 times" in relu.note
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_pages_and_a_shared_scale(calibrated: Calibrated, photo: Image.Image) -> None:
    attachment = attached("resnet18", calibrated)
    first, second = (maps(attachment, photo, "layer4", page=page) for page in (0, 1))
    assert (first.channels, len(first.grey), first.first) == (512, 256, 0)
    assert (len(second.grey), second.first) == (256, 256)
    assert not torch.equal(first.grey, second.grey)
    shared = maps(attachment, photo, "layer4", page=0, scale="shared")
    top = max(float(first.high.max()), float(second.high.max()))
    brightest = shared.grey.amax((1, 2)).float() / 255
    assert torch.allclose(brightest, first.high / top, atol=1e-2)  # the smallest value is 0 after ReLU
    with pytest.raises(LayerError, match="no page 3"):
        maps(attachment, photo, "layer4", page=2)


def test_transformers(calibrated: Calibrated, photo: Image.Image) -> None:
    vit = attached("vit_b_32", calibrated, image_size=224)
    tokens = maps(vit, photo, "encoder.layers.encoder_layer_3")
    assert (tokens.kind, tokens.shape, tokens.channels, tokens.height, tokens.width) == (
        "maps", (1, 50, 768), 768, 7, 7,
    )  # fmt: skip
    assert tokens.note == "The class token is left out."
    attention = maps(vit, photo, "encoder.layers.encoder_layer_3.self_attention")
    assert attention.shape == (1, 50, 768)
    swin = maps(attached("swin_t", calibrated), photo, "features.1")
    assert (swin.kind, swin.channels, swin.height, swin.width) == ("maps", 96, 24, 24)


def test_vectors(calibrated: Calibrated, photo: Image.Image) -> None:
    attachment = attached("resnet18", calibrated)
    assert attachment.transform is not None
    with torch.inference_mode():
        scores = attachment.model(attachment.transform(photo)[None])[0]
    found = maps(attachment, photo, "fc")
    assert (found.kind, found.channels, found.shape) == ("vector", 6, (1, 6))
    assert torch.allclose(found.low, scores, atol=1e-4)
    assert torch.equal(found.low, found.high)
    assert found.grey.flatten().argmax() == scores.argmax()
    pooled = maps(attachment, photo, "avgpool")
    assert (pooled.kind, pooled.channels) == ("vector", 512)


def test_large_maps_are_averaged_down_and_constant_ones_are_black(photo: Image.Image) -> None:
    layer = nn.Conv2d(3, 3, 1)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0] = 1
        layer.weight[2, 0] = float("nan")
        layer.bias[:] = torch.tensor([0.0, 7.0, 0.0])  # type: ignore[index]
    state = models.squeezenet1_1(num_classes=3).state_dict()
    attachment = attach("squeezenet1_1", state, num_classes=3, device="cpu")
    attachment = replace(attachment, model=nn.Sequential(layer, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval())
    found = maps(attachment, photo, "0")
    assert (found.height, found.width) == (224, 224)
    assert found.grey.shape == (3, 128, 128)
    assert "224 × 224 is averaged down" in found.note
    assert int(found.grey[0].max()) > 200
    assert not found.grey[1:].any()
    assert found.low.tolist()[1:] == [7, 0]
    assert found.high.tolist()[1:] == [7, 0]


def test_quantized_models_have_feature_maps(photo: Image.Image) -> None:
    state = models.get_model("quantized_shufflenet_v2_x0_5", quantize=True, num_classes=1000).state_dict()
    attachment = attach("quantized_shufflenet_v2_x0_5", state, num_classes=None, device="cpu")
    found = maps(attachment, photo, "conv1")
    assert (found.kind, found.channels) == ("maps", 24)


def test_layers_without_maps_say_so(calibrated: Calibrated, photo: Image.Image) -> None:
    attachment = attached("googlenet", calibrated, aux_logits=True)
    with pytest.raises(LayerError, match="aux1 gives nothing for this image"):
        maps(attachment, photo, "aux1")
    with pytest.raises(LayerError, match="no layer nothing"):
        maps(attachment, photo, "nothing")


def test_a_detectors_pyramid_and_a_video_network(photo: Image.Image) -> None:
    torch.manual_seed(3)
    detector = models.get_model("ssdlite320_mobilenet_v3_large", weights_backbone=None, num_classes=4)
    found = maps(
        attach("ssdlite320_mobilenet_v3_large", detector.state_dict(), num_classes=4, device="cpu"),
        photo,
        "backbone.features.0",
    )
    assert (found.kind, found.height, found.width) == ("table", 20, 20)  # the picture is made square inside
    video = models.get_model("mc3_18", num_classes=3).state_dict()
    attachment = attach("mc3_18", video, num_classes=3, device="cpu")
    clip = maps(attachment, photo, "layer1")
    assert (clip.kind, clip.channels) == ("maps", 64)
    assert "steps in time" in clip.note
