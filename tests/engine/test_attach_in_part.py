"""Weights that don't quite fit, that are shared, or of another precision: attached as asked, and told plainly."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.ops import FrozenBatchNorm2d

from inspector.engine.attach import Attachment, attach
from inspector.engine.problems import AttachError, DeviceError
from inspector.engine.tensors import QuantizedSpec, TensorSpec, state_dict_from_storages

HALF = [torch.float16, torch.bfloat16]


def resnet(num_classes: int = 5) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return dict(models.resnet18(num_classes=num_classes).state_dict())


def on_cpu(name: str, state: dict[str, Any], num_classes: int | None = None, **given: Any) -> Attachment:
    return attach(name, state, num_classes=num_classes, device="cpu", **given)


# -- in part -----------------------------------------------------------------------------------------------------


def test_what_matches_is_loaded_and_only_the_rest_is_initialised_as_torchvision_does() -> None:
    state = resnet()
    del state["fc.weight"], state["fc.bias"], state["layer1.0.conv1.weight"], state["bn1.running_mean"]
    attachment = on_cpu("resnet18", {**state, "extra": torch.zeros(2)}, num_classes=5, partial=True)
    held = attachment.model.state_dict()
    assert all(held[key].data_ptr() == tensor.data_ptr() for key, tensor in state.items() if tensor.numel())
    report = attachment.loading
    assert not report.complete
    assert report.matched == len(state)
    assert report.untrained == ("bn1.running_mean", "layer1.0.conv1.weight", "fc.weight", "fc.bias")
    assert report.untrained_layers == ("bn1", "layer1.0.conv1", "fc")
    assert (report.unexpected, report.mismatched) == (("extra",), ())
    assert held["bn1.running_mean"].eq(0).all()
    # nn.Linear draws from ±1/sqrt(512); ResNet draws its convolutions with std sqrt(2 / fan out), not torch's default
    assert 0 < held["fc.weight"].abs().max() <= 512**-0.5
    assert float(held["layer1.0.conv1.weight"].std()) == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)
    assert not any(parameter.requires_grad or parameter.is_meta for parameter in attachment.model.parameters())
    assert report.sentence == "118 keys attached; untrained: bn1, layer1.0.conv1, …; 1 key left out (extra)"


def test_a_head_of_another_size_is_left_out_and_untrained() -> None:
    report = on_cpu("resnet18", resnet(), num_classes=9, partial=True).loading
    assert report.mismatched == report.untrained == ("fc.weight", "fc.bias")
    assert report.sentence == "120 keys attached; untrained: fc; 2 keys left out (fc.weight, fc.bias)"
    with pytest.raises(AttachError, match=r"2 keys of another shape \(fc\.weight: 5 × 512 instead of 9 × 512"):
        on_cpu("resnet18", resnet(), num_classes=9)


def test_a_detectors_backbone_alone_attaches_in_part() -> None:
    backbone = {f"backbone.body.{key}": v for key, v in resnet().items() if not key.startswith("fc")}
    with pytest.raises(AttachError):
        on_cpu("fasterrcnn_resnet50_fpn", backbone)
    torch.manual_seed(0)
    whole = models.get_model("ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None).state_dict()
    state = {key: value for key, value in whole.items() if key.startswith("backbone.features")}
    assert 0 < len(state) < len(whole)
    state.pop("backbone.features.0.0.0.weight")
    attachment = on_cpu("ssdlite320_mobilenet_v3_large", state, partial=True)
    assert attachment.loading.matched == len(state)
    assert "backbone.features.0.0.0" in attachment.loading.untrained_layers
    with torch.inference_mode():
        assert attachment.model([torch.rand(3, 64, 64)])[0]["boxes"].shape[1] == 4


def test_nothing_in_common_is_refused_even_in_part() -> None:
    with pytest.raises(AttachError, match="don't fit resnet18"):
        on_cpu("resnet18", {"a": torch.zeros(1)}, partial=True)


def test_a_complete_state_dict_says_so() -> None:
    report = on_cpu("resnet18", resnet(), partial=True).loading
    assert report.complete
    assert report.sentence == "122 keys attached"
    assert (report.untrained_layers, report.tied, report.dtype, report.precision) == ((), (), "float32", "")


# -- shared ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("choice", ["float32", "keep"])
def test_what_the_file_shares_stays_one_parameter(dtype: torch.dtype, choice: Any) -> None:
    state = {key: v.to(dtype) for key, v in resnet().items()}
    state["layer1.0.conv1.weight"] = state["layer1.1.conv2.weight"]
    attachment = on_cpu("resnet18", state, dtype=choice)
    first = attachment.model.get_parameter("layer1.0.conv1.weight")
    assert first is attachment.model.get_parameter("layer1.1.conv2.weight")
    assert first is not attachment.model.get_parameter("layer1.0.conv2.weight")
    assert attachment.loading.tied == (("layer1.0.conv1.weight", "layer1.1.conv2.weight"),)


# -- precision ---------------------------------------------------------------------------------------------------


def meaningful(name: str, **options: Any) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = models.get_model(name, weights=None, num_classes=5, **options)
    for parameter in model.parameters():
        if parameter.ndim > 1 and float(parameter.detach().abs().max()) < 1e-4:
            nn.init.normal_(parameter, std=0.05)
    return model.eval()


@pytest.mark.parametrize("dtype", [*HALF, torch.float64])
@pytest.mark.parametrize("name", ["resnet18", "swin_t", "lraspp_mobilenet_v3_large"])
def test_a_kept_dtype_is_computed_in_and_integers_stay(name: str, dtype: torch.dtype) -> None:
    options = {"weights_backbone": None} if name.startswith("lraspp") else {}
    theirs = meaningful(name, **options).to(dtype)
    attachment = on_cpu(name, theirs.state_dict(), dtype="keep")
    held, expected = attachment.model.state_dict(), theirs.state_dict()
    assert {key: value.dtype for key, value in held.items()} == {key: value.dtype for key, value in expected.items()}
    assert all(held[key].data_ptr() == expected[key].data_ptr() for key in held if held[key].numel())
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        ours, said = attachment.model(image), theirs(image.to(dtype))
    ours, said = (ours["out"], said["out"]) if isinstance(ours, dict) else (ours, said)
    assert ours.dtype == dtype
    assert ours.equal(said)
    word = str(dtype).removeprefix("torch.")
    assert (attachment.loading.dtype, attachment.loading.precision) == (word, f"The model computes in {word}.")


@pytest.mark.parametrize("dtype", HALF)
def test_a_mixed_file_is_told_and_its_batch_norms_stay_float32(dtype: torch.dtype) -> None:
    theirs = meaningful("resnet18").to(dtype)
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.float()
    word = str(dtype).removeprefix("torch.")
    kept = on_cpu("resnet18", theirs.state_dict(), dtype="keep")
    assert kept.model.get_buffer("bn1.running_var").dtype == torch.float32
    assert kept.model.get_buffer("bn1.num_batches_tracked").dtype == torch.int64
    assert kept.model.get_parameter("conv1.weight").dtype == dtype
    assert kept.loading.precision == (
        f"The file mixes 80 tensors of float32 and 22 tensors of {word}; the model computes in {word}, its batch norms "
        "in float32."
    )
    image = torch.rand(2, 3, 64, 64)
    widened = on_cpu("resnet18", theirs.state_dict())
    assert widened.loading.precision.endswith("; the model computes in float32.")
    with torch.inference_mode():
        assert kept.model(image).dtype == dtype
        assert torch.allclose(kept.model(image).float(), widened.model(image), atol=0.1)


def test_what_cannot_be_computed_in_is_widened_and_told() -> None:
    eighth = {key: v.to(torch.float8_e4m3fn) if v.is_floating_point() else v for key, v in resnet().items()}
    assert on_cpu("resnet18", eighth, dtype="keep").loading.precision == (
        "The weights were float8_e4m3fn and are float32 now: torch can't compute in float8_e4m3fn."
    )
    raft = {
        key: v.half() if v.is_floating_point() else v
        for key, v in models.optical_flow.raft_small().state_dict().items()
    }
    report = on_cpu("raft_small", raft, dtype="keep").loading
    assert (report.dtype, report.precision) == (
        "float32",
        "The weights were float16 and are float32 now: models for optical flow can't compute in float16.",
    )
    half = {key: v.half() if v.is_floating_point() else v for key, v in resnet().items()}
    assert on_cpu("resnet18", half).loading.precision == "The weights were float16 and are float32 now."
    with pytest.raises(ValueError, match="dtype is one of"):
        on_cpu("resnet18", half, dtype="float16")


# -- what the keys don't tell, and quantized weights ---------------------------------------------------------------


def test_a_detectors_frozen_norms_are_seen_and_their_epsilon_can_be_chosen() -> None:
    state = {
        key: value
        for key, value in models.get_model(
            "fasterrcnn_resnet50_fpn", weights=None, weights_backbone=None, num_classes=3
        )
        .state_dict()
        .items()
        if not key.endswith("num_batches_tracked")
    }
    for given, epsilon in (({}, 0.0), ({"norm_eps": 1e-5}, 1e-5)):
        attachment = on_cpu("fasterrcnn_resnet50_fpn", state, options=given)
        norm = attachment.model.get_submodule("backbone.body.bn1")
        assert isinstance(norm, FrozenBatchNorm2d)
        assert norm.eps == epsilon
        assert attachment.options["frozen_batch_norm"] is True
        assert attachment.options["norm_eps"] == epsilon
        assert attachment.num_classes == 3
        assert "num_classes" not in attachment.options
    entry = "FasterRCNN_ResNet50_FPN_Weights.COCO_V1"
    official = on_cpu("fasterrcnn_resnet50_fpn", state, official_weights=entry).model
    assert official.get_submodule("backbone.body.layer1.0.bn1").eps == 0.0
    thawed = on_cpu("fasterrcnn_resnet50_fpn", state, options={"frozen_batch_norm": False})
    assert isinstance(thawed.model.get_submodule("backbone.body.bn1"), nn.BatchNorm2d)


@pytest.fixture(scope="module")
def quantized() -> dict[str, Any]:
    torch.manual_seed(0)
    state: dict[str, Any] = models.get_model(
        "quantized_shufflenet_v2_x0_5", weights=None, quantize=True, num_classes=6
    ).state_dict()
    return state


def test_what_the_quantized_builder_itself_makes_attaches(quantized: dict[str, Any]) -> None:
    attachment = on_cpu("quantized_shufflenet_v2_x0_5", quantized)
    assert attachment.num_classes == 6
    assert attachment.options["quantize"] is True
    assert attachment.loading.dtype == "qint8"
    held = attachment.model.state_dict()
    assert list(held) == list(quantized)
    assert held["conv1.0.weight"].int_repr().equal(quantized["conv1.0.weight"].int_repr())
    assert (
        held["fc._packed_params._packed_params"][0]
        .int_repr()
        .equal(quantized["fc._packed_params._packed_params"][0].int_repr())
    )


def test_packed_layers_attach_as_the_reader_names_them(quantized: dict[str, Any]) -> None:
    """As two tensors, built from raw bytes with their scales; the entry of their dtype is no tensor and not there."""
    state = {key: value for key, value in quantized.items() if isinstance(value, torch.Tensor)}
    for place, part in enumerate(quantized["fc._packed_params._packed_params"]):
        state[f"fc._packed_params._packed_params.{place}"] = part
    key = "fc._packed_params._packed_params.0"
    weight = state.pop(key)
    parts = weight.int_repr(), weight.q_per_channel_scales(), weight.q_per_channel_zero_points()
    specs = [
        TensorSpec(key, dtype, tuple(part.shape), part.stride(), 0, place)
        for place, (part, dtype) in enumerate(zip(parts, ("qint8", "float64", "int64"), strict=True))
    ]
    made = state_dict_from_storages(
        [],
        [bytearray(part.contiguous().numpy().tobytes()) for part in parts],
        quantized=[QuantizedSpec(specs[0], axis=0, scales=specs[1], zero_points=specs[2])],
    )
    whole, apart = (on_cpu("quantized_shufflenet_v2_x0_5", given) for given in (quantized, {**state, **made}))
    image = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert whole.model(image).equal(apart.model(image))


@pytest.mark.parametrize("stem", ["fc._packed_params.", "fc."])
def test_packed_layers_attach_as_older_versions_of_torch_named_them(quantized: dict[str, Any], stem: str) -> None:
    state = {key: value for key, value in quantized.items() if "_packed_params" not in key}
    weight, bias = quantized["fc._packed_params._packed_params"]
    attachment = on_cpu("quantized_shufflenet_v2_x0_5", {**state, f"{stem}weight": weight, f"{stem}bias": bias})
    assert attachment.num_classes == 6
    held = attachment.model.state_dict()["fc._packed_params._packed_params"]
    assert held[0].int_repr().equal(weight.int_repr())
    assert held[1].equal(bias)


def test_values_that_are_no_tensors_are_no_weights() -> None:
    state: dict[str, Any] = {**resnet(), "fc.bias": "five", "epoch": 3}
    with pytest.raises(AttachError, match=r"1 key unexpected \(epoch\), 1 key of another shape \(fc\.bias: a str inst"):
        on_cpu("resnet18", state)
    assert on_cpu("resnet18", state, partial=True).loading.untrained == ("fc.bias",)


def test_quantized_weights_that_do_not_fit_are_refused(quantized: dict[str, Any]) -> None:
    name = "quantized_shufflenet_v2_x0_5"
    lacking = {key: value for key, value in quantized.items() if key != "conv1.0.scale"}
    for partial in (False, True):
        with pytest.raises(AttachError, match=r"1 key missing \(conv1\.0\.scale\)"):
            on_cpu(name, lacking, partial=partial)
    with pytest.raises(AttachError, match="The weights are quantized, and shufflenet_v2_x0_5 is not") as caught:
        on_cpu("shufflenet_v2_x0_5", quantized)
    assert caught.value.hint == f"Choose {name}."
    floats = {**quantized, "conv1.0.weight": quantized["conv1.0.weight"].dequantize()}
    with pytest.raises(AttachError, match="1 key of another shape"):
        on_cpu(name, floats)
    for dtype, reason in (("qint8", "a str instead of a dtype"), (torch.float16, "quantized weights don't fit")):
        with pytest.raises(AttachError, match=reason):
            on_cpu(name, {**quantized, "fc._packed_params.dtype": dtype})
    with pytest.raises(AttachError, match="of another shape"):
        on_cpu(name, {**quantized, "fc._packed_params._packed_params": "weights"})
    with pytest.raises(DeviceError, match="can't be used on cuda"):
        attach(name, quantized, num_classes=None, device="cuda")


def test_weights_prepared_for_quantization_aware_training_are_converted() -> None:
    """As torchvision's own file for MobileNetV3 is."""
    name = "quantized_mobilenet_v3_large"
    torch.manual_seed(0)
    model: Any = models.get_model(name, weights=None, num_classes=4).train()
    quantization: Any = torch.ao.quantization
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's deprecations of eager quantization
        model.fuse_model(is_qat=True)
        model.qconfig = quantization.get_default_qat_qconfig("qnnpack")
        quantization.prepare_qat(model, inplace=True)
    with torch.no_grad():
        model(torch.rand(2, 3, 64, 64))
    attachment = on_cpu(name, dict(model.state_dict()))
    assert attachment.num_classes == 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = quantization.convert(model.eval(), inplace=False)
    image = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert attachment.model(image).equal(theirs(image))
