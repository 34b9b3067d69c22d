"""Attaching accounts for every key, keeps buffers right, and leaves nothing in training mode."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models

import inspector
from inspector.engine.attach import attach
from inspector.engine.evaluation import EvalReport, require_eval, set_eval
from inspector.engine.preprocessing import Preprocessing
from inspector.engine.problems import AttachError, EngineError, LabelsError, PreprocessingError

Calibrated = Callable[..., nn.Module]
EMBEDDED = {"resize_size": 40, "crop_size": 32, "mean": [0.5], "std": [0.25]}


def small(num_classes: int = 4) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    state: dict[str, torch.Tensor] = models.squeezenet1_1(num_classes=num_classes).state_dict()
    return dict(state)


@pytest.mark.parametrize("name", ["resnet18", "regnet_y_400mf", "swin_t", "vit_b_16", "mnasnet0_5", "maxvit_t"])
def test_every_parameter_and_buffer_is_the_files(name: str) -> None:
    torch.manual_seed(1)
    theirs: nn.Module = models.get_model(name, weights=None, num_classes=7)
    ours = attach(name, theirs.state_dict(), num_classes=7, device="cpu").model
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for key, tensor in theirs.state_dict().items():
        assert ours.state_dict()[key].equal(tensor), key
    # buffers that no state_dict holds
    for key, buffer in theirs.named_buffers():
        assert ours.get_buffer(key).equal(buffer), key
    assert not any(parameter.requires_grad for parameter in ours.parameters())


def test_missing_unexpected_and_mismatched_keys_are_listed() -> None:
    state = small()
    state["head.weight"] = torch.zeros(3)
    del state["features.0.bias"]
    state["classifier.1.bias"] = torch.zeros(9)
    with pytest.raises(AttachError) as caught:
        attach("squeezenet1_1", state, num_classes=4, device="cpu")
    error = caught.value
    assert (error.missing, error.unexpected, error.mismatched) == (
        ("features.0.bias",),
        ("head.weight",),
        ("classifier.1.bias",),
    )
    assert error.message == (
        "The weights don't fit squeezenet1_1: 1 key missing (features.0.bias), 1 key unexpected (head.weight), "
        "1 key of another shape (classifier.1.bias: 9 instead of 4)."
    )


def test_many_keys_are_counted_and_not_all_named() -> None:
    with pytest.raises(AttachError, match=r"102 keys missing \(conv1\.weight, bn1\.weight, …\), 52 keys unexpected \("):
        attach("resnet18", small(), num_classes=4, device="cpu")


def test_complex_weights_are_no_weights() -> None:
    state = small()
    state["features.0.bias"] = state["features.0.bias"].to(torch.complex64)
    with pytest.raises(AttachError, match="complex 64 instead of 64"):
        attach("squeezenet1_1", state, num_classes=4, device="cpu")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn, torch.int8])
def test_other_dtypes_become_float32(dtype: torch.dtype) -> None:
    state = {key: tensor.to(dtype) for key, tensor in small().items()}
    model = attach("squeezenet1_1", state, num_classes=4, device="cpu").model
    for key, tensor in model.state_dict().items():
        assert tensor.dtype == torch.float32
        assert tensor.equal(state[key].to(torch.float32))


def test_float32_weights_are_used_where_they_lie_and_strided_ones_made_contiguous() -> None:
    state = small()
    state["features.3.squeeze.weight"] = state["features.3.squeeze.weight"].to(memory_format=torch.channels_last)
    model = attach("squeezenet1_1", state, num_classes=4, device="cpu").model
    assert model.get_parameter("features.0.weight").data_ptr() == state["features.0.weight"].data_ptr()
    assert model.get_parameter("features.3.squeeze.weight").is_contiguous()


def test_tensors_that_share_a_storage_still_do() -> None:
    state = small()
    state["features.0.bias"] = state["features.3.expand1x1.bias"]
    model = attach("squeezenet1_1", state, num_classes=4, device="cpu").model
    shared = model.get_parameter("features.0.bias")
    assert shared.data_ptr() == model.get_parameter("features.3.expand1x1.bias").data_ptr()


def test_files_from_before_num_batches_tracked_attach() -> None:
    state = {k: v for k, v in models.resnet18().state_dict().items() if not k.endswith("num_batches_tracked")}
    model = attach("resnet18", state, num_classes=None, device="cpu").model
    assert model.get_buffer("bn1.num_batches_tracked").item() == 0
    assert not any(tensor.is_meta for tensor in model.state_dict().values())


def test_old_spellings_of_densenet_and_vit_keys_attach() -> None:
    dense = {
        key.replace("norm1", "norm.1").replace("conv2", "conv.2"): tensor
        for key, tensor in models.densenet121(num_classes=3).state_dict().items()
    }
    attach("densenet121", dense, num_classes=3, device="cpu")
    vit = {key.replace("mlp.0.", "mlp.linear_1."): v for key, v in models.vit_b_32(num_classes=3).state_dict().items()}
    assert any("linear_1" in key for key in vit)
    attach("vit_b_32", {key: v.to(torch.float16) for key, v in vit.items()}, num_classes=3, device="cpu")


def test_swins_tables_of_positions_are_filled_where_the_file_lacks_them() -> None:
    theirs = models.swin_t(num_classes=3)
    state = {key: value for key, value in theirs.state_dict().items() if not key.endswith("relative_position_index")}
    assert len(state) == len(theirs.state_dict()) - 12
    ours = attach("swin_t", state, num_classes=3, device="cpu").model
    for key, value in theirs.state_dict().items():
        assert ours.state_dict()[key].equal(value), key


@pytest.mark.parametrize("aux", [True, False])
@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_auxiliary_heads_are_built_as_the_keys_say(name: str, aux: bool) -> None:
    state = models.get_model(name, weights=None, aux_logits=aux, init_weights=False, num_classes=5).state_dict()
    model = attach(name, state, num_classes=5, device="cpu").model
    assert not getattr(model, "transform_input")  # noqa: B009
    official = f"{'GoogLeNet' if name == 'googlenet' else 'Inception_V3'}_Weights.IMAGENET1K_V1"
    model = attach(name, state, num_classes=5, device="cpu", official_weights=official).model
    assert getattr(model, "transform_input")  # noqa: B009


def test_a_vits_image_size_comes_from_its_positions_and_the_preprocessing_follows() -> None:
    state = models.get_model("vit_b_32", weights=None, image_size=384, num_classes=2).state_dict()
    attachment = attach("vit_b_32", state, num_classes=2, device="cpu")
    assert attachment.model.image_size == 384
    assert isinstance(attachment.preprocessing, Preprocessing)
    assert (attachment.preprocessing.crop_size, attachment.preprocessing.resize_size) == (384, 384)
    with pytest.raises(PreprocessingError, match="crops to 32, but this vit_b_32 takes 384"):
        attach("vit_b_32", state, num_classes=2, device="cpu", preprocessing=EMBEDDED)


def test_the_preprocessing_is_the_checkpoints_else_the_official_else_the_default() -> None:
    state = models.mobilenet_v3_large(num_classes=1000).state_dict()
    found = [
        attach("mobilenet_v3_large", state, num_classes=None, device="cpu", **given).preprocessing
        for given in (
            {"preprocessing": EMBEDDED},
            {"official_weights": "MobileNet_V3_Large_Weights.IMAGENET1K_V1"},
            {},
        )
    ]
    assert [(p.source, p.to_message()["resize_size"]) for p in found] == [
        ("checkpoint", 40),
        ("MobileNet_V3_Large_Weights.IMAGENET1K_V1", 256),
        ("MobileNet_V3_Large_Weights.IMAGENET1K_V2", 232),
    ]


def test_labels_are_the_given_else_imagenets_else_numbers() -> None:
    state = small()
    assert attach("squeezenet1_1", state, num_classes=4, device="cpu", labels=list("abcd")).labels == tuple("abcd")
    assert attach("squeezenet1_1", state, num_classes=4, device="cpu").labels == ("0", "1", "2", "3")
    imagenet = attach("squeezenet1_1", small(1000), num_classes=None, device="cpu").labels
    assert (len(imagenet), imagenet[258]) == (1000, "Samoyed")
    with pytest.raises(LabelsError, match="3 class names, but the model has 4 classes"):
        attach("squeezenet1_1", state, num_classes=4, device="cpu", labels=list("abc"))


def test_what_torchvision_does_not_have_is_refused() -> None:
    with pytest.raises(AttachError, match="has no architecture resnet17"):
        attach("resnet17", {}, num_classes=None, device="cpu")
    with pytest.raises(AttachError, match="no weights entry Nonsense"):
        attach("squeezenet1_1", small(), num_classes=4, device="cpu", official_weights="Nonsense")
    with pytest.raises(AttachError, match="can't be built"):
        attach("squeezenet1_1", small(), num_classes=4, device="cpu", options={"wings": 2})
    with pytest.raises(AttachError, match="can't be built"):
        attach("resnet18", {}, num_classes=2**50, device="cpu")


def test_other_tasks_attach_without_downloading_a_backbone() -> None:
    theirs = models.get_model(
        "lraspp_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=5
    ).state_dict()
    attachment = attach("lraspp_mobilenet_v3_large", theirs, num_classes=5, device="cpu")
    assert (attachment.task, attachment.labels) == ("segmentation", tuple("01234"))
    assert attachment.preprocessing.to_message()["resize_size"] == 520


def test_quantized_architectures_are_built_in_floating_point() -> None:
    state = models.get_model("quantized_shufflenet_v2_x0_5", weights=None, quantize=False).state_dict()
    attachment = attach("quantized_shufflenet_v2_x0_5", state, num_classes=None, device="cpu")
    assert attachment.task == "classification"


@pytest.mark.parametrize(
    ("name", "dropout", "stochastic_depth", "batch_norm"),
    [("alexnet", 2, 0, 0), ("resnet18", 0, 0, 20), ("mobilenet_v2", 1, 0, 52), ("swin_t", 0, 11, 0)],
)
def test_eval_mode_is_set_and_counted(name: str, dropout: int, stochastic_depth: int, batch_norm: int) -> None:
    attachment = attach(name, models.get_model(name, weights=None).state_dict(), num_classes=None, device="cpu")
    assert not any(module.training for module in attachment.model.modules())
    assert attachment.eval_report == EvalReport(dropout, stochastic_depth, batch_norm)


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ((1, 0, 20), "eval mode: 1 dropout and 20 batch-norm layers fixed"),
        ((0, 0, 20), "eval mode: 20 batch-norm layers fixed, no dropout"),
        ((1, 0, 0), "eval mode: 1 dropout layer fixed"),
        ((1, 16, 49), "eval mode: 1 dropout, 16 stochastic-depth and 49 batch-norm layers fixed"),
        ((0, 11, 0), "eval mode: 11 stochastic-depth layers fixed, no dropout"),
        ((0, 0, 0), "eval mode: no dropout and no batch norm to fix"),
    ],
)
def test_eval_mode_is_told_in_one_sentence(counts: tuple[int, int, int], sentence: str) -> None:
    assert EvalReport(*counts).sentence == sentence


def test_a_module_that_leaves_eval_mode_is_found() -> None:
    model = models.squeezenet1_1(num_classes=2)
    set_eval(model)
    model.classifier[0].train()
    with pytest.raises(EngineError, match=r"The module classifier\.0 is not in eval mode"):
        require_eval(model)


def test_attaching_costs_no_more_than_torchvisions_build_and_load() -> None:
    state = models.resnet50().state_dict()

    def theirs() -> None:
        model = models.resnet50()
        model.load_state_dict(state)
        model.eval()

    def ours() -> None:
        attach("resnet50", state, num_classes=None, device="cpu")

    def best(work: Callable[[], None]) -> float:
        times = []
        for _ in range(4):
            started = time.perf_counter()
            work()
            times.append(time.perf_counter() - started)
        return min(times)

    assert best(ours) <= 1.5 * best(theirs)


def test_the_engine_imports_no_qt_and_nothing_else_of_ours() -> None:
    source = Path(inspector.__file__).parent
    rooms = [f"inspector.engine.{path.stem}" for path in (source / "engine").glob("[a-z]*.py")]
    code = (
        f"import sys; sys.path.insert(0, {str(source.parent)!r}); import {', '.join(rooms)}; "
        "print(*sorted(m for m in sys.modules if m.split('.')[0] in ('PySide6', 'shiboken6', 'inspector')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    ours = {".".join(name.split(".")[:2]) for name in found.stdout.split()}
    assert ours <= {
        "inspector",
        "inspector.engine",
        "inspector.errors",
        "inspector.shipped",
        "inspector.architectures",
        "inspector.checkpoint",
        "inspector.frame_places",
        "inspector.pictures",
    }
    assert "inspector.engine" in ours
