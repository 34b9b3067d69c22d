"""Grad-CAM equals pytorch-grad-cam's, finds its layer by itself, and leaves the model as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models
from torchvision.transforms import functional

from inspector.engine.activations import LayerError, layout_of
from inspector.engine.attach import Attachment, attach
from inspector.engine.crop_place import crop_place
from inspector.engine.explain import ExplanationError, explain
from inspector.engine.predict import predict_image
from inspector.engine.preprocessing import Preprocessing
from inspector.engine.problems import DeviceError, PredictionError
from inspector.pictures.decode import decode_image

from .make_grad_cam_reference import library_heat
from .plain_weights import CLASSES, SIZES, plain_model, plain_picture

Calibrated = Callable[..., nn.Module]
REFERENCE: list[dict[str, Any]] = json.loads(Path(__file__).with_name("grad_cam_reference.json").read_text())
AUTOMATIC = {
    "alexnet": "features", "googlenet": "inception5b", "inception_v3": "Mixed_7c", "maxvit_t": "blocks.3",
    "mnasnet0_5": "layers", "mobilenet_v3_small": "features", "regnet_y_400mf": "trunk_output",
    "shufflenet_v2_x0_5": "conv5", "squeezenet1_1": "features", "swin_v2_t": "norm", "vgg11_bn": "features",
    "vit_b_32": "encoder.layers.encoder_layer_11.ln_1",
}  # fmt: skip
QUICK_AUTOMATIC = ("googlenet", "mobilenet_v3_small", "regnet_y_400mf", "squeezenet1_1")
RESNET18 = "checkpoints/imagenet/facebookresearch__kill-the-bits__resnet18_small_blocks.decoded.pth"


def plain_attachment(name: str) -> Attachment:
    size = SIZES[name]
    preprocessing = {"resize_size": size, "crop_size": size, "mean": [0.5], "std": [0.25]}
    state = plain_model(name).state_dict()
    return attach(name, state, num_classes=CLASSES, device="cpu", preprocessing=preprocessing)


@pytest.mark.parametrize("name", SIZES)
def test_the_heat_equals_pytorch_grad_cams(name: str) -> None:
    attachment, picture = plain_attachment(name), plain_picture(SIZES[name])
    rows = [row for row in REFERENCE if row["architecture"] == name]
    assert rows
    automatic = {row["layer"] for row in rows if row["index"] in (0, 7)}
    for row in rows:
        expected = torch.tensor(row["heat"])
        layer = None if row["layer"] in automatic else row["layer"]
        found = explain(attachment, picture, row["index"], layer)
        assert found.layer == row["layer"]
        assert found.score == pytest.approx(row["score"], rel=1e-3)
        assert found.heat.shape == expected.shape
        assert float((found.heat * found.peak - expected).abs().max()) <= 1e-4 * float(expected.max())
        assert found.peak == 0 or found.heat.max() == 1
    assert explain(attachment, picture).index == rows[0]["best"]


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_the_reference_is_what_the_library_says(name: str) -> None:
    pytest.importorskip("pytorch_grad_cam", reason="pytorch-grad-cam is not installed (the extra `reference`)")
    row = next(row for row in REFERENCE if row["architecture"] == name)
    now = torch.tensor(library_heat(name, row["layer"], row["index"])["heat"])
    expected = torch.tensor(row["heat"])
    assert float((now - expected).abs().max()) <= 1e-4 * float(expected.max())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK_AUTOMATIC else pytest.mark.slow) for name in AUTOMATIC]
)
def test_the_layer_is_found(name: str, calibrated: Calibrated, photo: Image.Image) -> None:
    attachment = attach(name, calibrated(name, num_classes=9).state_dict(), num_classes=9, device="cpu")
    found = explain(attachment, photo)
    assert found.layer == AUTOMATIC[name]
    assert min(found.heat.shape) > 1
    best = predict_image(attachment, photo, 1).predictions[0]
    assert (found.index, found.label) == (best.index, best.label)
    assert found.score == pytest.approx(best.score, abs=1e-5)


def state_of(model: nn.Module) -> dict[str, Any]:
    """Return all that an explanation could leave behind: values, flags, gradients, hooks."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    kinds = (
        "_forward_hooks",
        "_forward_pre_hooks",
        "_backward_hooks",
        "_backward_pre_hooks",
        "_forward_hooks_always_called",
    )
    return {
        "values": {name: (tensor.clone(), tensor.data_ptr()) for name, tensor in tensors},
        "flags": [(name, tensor.requires_grad, tensor.grad, tensor.is_leaf) for name, tensor in tensors],
        "training": [module.training for module in model.modules()],
        "hooks": [len(getattr(module, kind)) for module in model.modules() for kind in kinds],
        "attributes": [sorted(module.__dict__) for module in model.modules()],
    }  # fmt: skip


def assert_untouched(model: nn.Module, before: dict[str, Any]) -> None:
    after = state_of(model)
    assert {name: place for name, (_, place) in before.pop("values").items()} == {
        name: place for name, (_, place) in after.pop("values").items()
    }
    assert before == after


@pytest.fixture
def small(calibrated: Calibrated) -> Attachment:
    words = {"resize_size": 96, "crop_size": 96, "mean": [0.5], "std": [0.25]}
    state = calibrated("resnet18", num_classes=6).state_dict()
    return attach("resnet18", state, num_classes=6, device="cpu", preprocessing=words)


@pytest.mark.parametrize("flags", [False, True])
def test_the_model_stays_as_it_was(small: Attachment, photo: Image.Image, flags: bool) -> None:
    small.model.requires_grad_(flags)  # a trusted model may come with gradients on
    values = {name: tensor.clone() for name, tensor in small.model.state_dict().items()}
    before = state_of(small.model)
    with torch.inference_mode():  # whatever mode the caller is in
        one = explain(small, photo, 2)
    two = explain(small, photo, 2, "layer1")
    assert one.layer == "layer4"
    assert two.layer == "layer1"
    assert not one.heat.requires_grad
    assert_untouched(small.model, before)
    assert all(torch.equal(tensor, values[name]) for name, tensor in small.model.state_dict().items())


class Failing(nn.Module):
    """Passes on what it gets, until something goes wrong while gradients are on."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            raise self.error
        return values.flatten(1)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), DeviceError, "The memory of cpu is full"),
        (RuntimeError("shapes differ\nat line 3"), PredictionError, "96 × 96 pixels: shapes differ"),
        (KeyError("a stranger's"), KeyError, "a stranger's"),
    ],
)
def test_nothing_stays_where_it_fails_half_way(
    small: Attachment, photo: Image.Image, error: Exception, kind: type[Exception], words: str
) -> None:
    model = nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), Failing(error)).eval()
    attachment = replace(small, model=model)
    before = state_of(model)
    with pytest.raises(kind, match=words):
        explain(attachment, photo)
    assert_untouched(model, before)
    assert torch.is_grad_enabled()


def test_layers_that_work_in_place_do_not_disturb_it(small: Attachment, photo: Image.Image) -> None:
    """With a mean of rectified maps as the score, the weights are the share of cells above zero, by hand."""
    torch.manual_seed(1)
    convolution = nn.Conv2d(3, 4, 5, stride=4)
    head = nn.Linear(4, 3)
    model = nn.Sequential(convolution, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    attachment = replace(small, model=model.eval())
    found = explain(attachment, photo, 1, "0")
    assert small.transform is not None
    maps = convolution(small.transform(photo)[None])[0].detach()
    shares = (maps > 0).float().mean((1, 2))
    weights = head.weight[1].detach() * shares / maps[0].numel()
    expected = torch.relu((weights[:, None, None] * maps).sum(0))
    assert float((found.heat * found.peak - expected).abs().max()) < 1e-5 * float(expected.max())


def test_what_can_not_be_explained_says_so(small: Attachment, photo: Image.Image) -> None:
    with pytest.raises(ExplanationError, match="no class 6: it has 6"):
        explain(small, photo, 6)
    with pytest.raises(LayerError, match=r"has no layer layer9"):
        explain(small, photo, None, "layer9")
    with pytest.raises(LayerError, match=r"fc gives no maps"):
        explain(small, photo, None, "fc")
    with pytest.raises(ExplanationError, match="this is detection"):
        explain(replace(small, task="detection"), photo)
    flat = replace(small, model=nn.Sequential(nn.Flatten(), nn.Linear(3 * 96 * 96, 6)).eval())
    with pytest.raises(LayerError, match="None of this model's layers"):
        explain(flat, photo)


def test_a_quantized_model_says_that_it_has_no_gradients(photo: Image.Image) -> None:
    state = models.get_model("quantized_shufflenet_v2_x0_5", quantize=True, num_classes=1000).state_dict()
    attachment = attach("quantized_shufflenet_v2_x0_5", state, num_classes=None, device="cpu")
    with pytest.raises(ExplanationError, match="quantized model has no gradients"):
        explain(attachment, photo)


@pytest.mark.parametrize("size", [(300, 260), (260, 300), (64, 64), (500, 90), (31, 77)])
@pytest.mark.parametrize(("resize", "crop"), [(256, 224), (224, 224), (40, 64)])
def test_the_crop_lies_where_torchvision_cuts_it(size: tuple[int, int], resize: int, crop: int) -> None:
    width, height = size
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float32), torch.arange(width, dtype=torch.float32), indexing="ij"
    )
    resized = functional.resize(torch.stack([x, y, x * 0 + 1]), [resize], antialias=True)
    cut = functional.center_crop(resized, [crop, crop])
    left, top, right, bottom = crop_place(Preprocessing(resize, crop, (0.5,) * 3, (0.5,) * 3), width, height)
    across, down = (right - left) / crop, (bottom - top) / crop
    inside = [(row, column) for row, column in torch.nonzero(cut[2] > 0.99).tolist()]
    assert len(inside) == min(crop, resized.shape[1]) * min(crop, resized.shape[2])
    for row, column in inside[:: max(1, len(inside) // 50)]:
        at_x, at_y = left + (column + 0.5) * across - 0.5, top + (row + 0.5) * down - 0.5
        edge = max(across, down, 1)  # where the filter reaches over the image's edge
        assert float(cut[0, row, column]) == pytest.approx(at_x, abs=edge)
        assert float(cut[1, row, column]) == pytest.approx(at_y, abs=edge)


def test_the_orders_of_values_are_told_apart() -> None:
    found = {
        shape: (layout.order, layout.height, layout.width, layout.channels, layout.extra)
        for shape in [
            (1, 512, 7, 7), (1, 7, 7, 768), (1, 7, 7, 7), (1, 197, 768), (1, 49, 64), (1, 1, 1, 9), (1, 16, 49, 64),
            (1, 1000), (1, 198, 384),
        ]
        if (layout := layout_of(shape, 224, 224)) is not None
    }  # fmt: skip
    assert found == {
        (1, 512, 7, 7): ("channels first", 7, 7, 512, 0),
        (1, 7, 7, 768): ("channels last", 7, 7, 768, 0),
        (1, 7, 7, 7): ("channels first", 7, 7, 7, 0),
        (1, 197, 768): ("tokens", 14, 14, 768, 1),
        (1, 49, 64): ("tokens", 7, 7, 64, 0),
        (1, 1, 1, 9): ("channels last", 1, 1, 9, 0),
        (1, 198, 384): ("tokens", 14, 14, 384, 2),
    }
    wide = layout_of((1, 64, 30, 40), 240, 320)
    assert wide is not None
    assert (wide.height, wide.width) == (30, 40)


@pytest.mark.shared_data
def test_the_heat_of_a_real_model_lies_on_the_dog(shared_data: Path) -> None:
    state = torch.load(shared_data / RESNET18, weights_only=True)
    path = shared_data / "images" / "misc" / "pytorch__ios-demo-app__dog.jpg"
    image = decode_image(path.read_bytes(), name=path.name)
    found = explain(attach("resnet18", state, num_classes=1000, device="cpu"), image)
    assert found.label == "Samoyed"
    assert (found.width, found.height) == image.size
    rows, columns = torch.meshgrid(torch.arange(7.0), torch.arange(7.0), indexing="ij")
    share = found.heat / found.heat.sum()
    left, top, right, bottom = found.place
    x = left + (right - left) * float((share * (columns + 0.5)).sum()) / 7
    y = top + (bottom - top) * float((share * (rows + 0.5)).sum()) / 7
    assert 400 < x < 720, "on the dog, which is left of the middle of a picture 1546 wide"
    assert 350 < y < 800
