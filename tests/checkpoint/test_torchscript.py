"""TorchScript archives: named, told apart and valued as torch.jit.load does, and never run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from inspector.architectures.identification import identify
from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.found import Node
from inspector.checkpoint.opening import Checkpoint
from inspector.checkpoint.summary import CheckpointSummary
from inspector.session.headlines import headline

from .torchscript_models import MAKERS, WARNINGS, Block, Net, Quantized, jit, quantization, resnet, scripted

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


def bytes_of(tensor: torch.Tensor) -> bytes:
    return tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def assert_equals_torch(checkpoint: Checkpoint, path: Path) -> None:
    """The model's state_dict is what torch.jit.load of our own file gives: names, order, roles and values."""
    model = jit.load(path)
    parameters = dict(model.named_parameters(remove_duplicate=False))
    loaded = model.state_dict()
    found = checkpoint.model_state_dict
    assert found is not None
    own = [checkpoint.tensors[index] for index in found.tensors]
    assert [tensor.key for tensor in own] == list(loaded)
    for tensor in own:
        expected = loaded[tensor.key]
        assert tensor.problem == ""
        assert tensor.role == ("parameter" if tensor.key in parameters else "buffer"), tensor.key
        assert tensor.shape == tuple(expected.shape)
        assert tensor.dtype == str(expected.dtype).removeprefix("torch.")
        assert tensor.read().tobytes() == bytes_of(expected), tensor.key


def child(node: Node, *labels: str) -> Node:
    for label in labels:
        node = next(found for found in node.children if found.label == label)
    return node


def summary_of(checkpoint: Checkpoint) -> CheckpointSummary:
    return CheckpointSummary(*encode(checkpoint))


@pytest.mark.parametrize("make", MAKERS)
def test_equals_what_torch_loads(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    make(path)
    with open_checkpoint(path) as checkpoint:
        assert (checkpoint.container, checkpoint.kind) == ("torchscript", "torchscript_model")
        assert checkpoint.safety == "needs_trust"
        assert checkpoint.complete, checkpoint.warnings
        assert checkpoint.warnings == []
        assert_equals_torch(checkpoint, path)


def test_the_tree_names_classes_and_what_they_were_made_with(tmp_path: Path) -> None:
    scripted(tmp_path / "model.pt")
    with open_checkpoint(tmp_path / "model.pt") as checkpoint:
        assert checkpoint.class_name == f"{Net.__module__}.Net"
        root = checkpoint.survey.root
        convolution = child(root, "body", "0")
        assert convolution.detail.startswith("torch.nn.modules.conv.Conv2d · in_channels 1 · out_channels 2")
        assert "kernel_size 3 × 3 · stride 2 × 2" in convolution.detail
        assert child(root, "block").detail == f"{Block.__module__}.Block · factor 0.5"
        assert child(root, "block", "names").detail == "[a, b]"
        assert child(root, "block", "table", "k").detail == "3"
        shared = {tensor.name: tensor.shared_with for tensor in checkpoint.tensors if tensor.shared_with}
        assert shared["layers.1.weight"] == shared["again.weight"] == "layers.0.weight"
        plain = checkpoint.tensors["block.plain"]
        assert (plain.role, plain.read().tolist()) == ("other", [2.0, 2.0, 2.0])


def test_constants_stand_beside_the_model_as_the_code_names_them(tmp_path: Path) -> None:
    model: Any = Net().eval()
    jit.freeze(jit.script(model)).save(str(tmp_path / "model.pt"))
    with open_checkpoint(tmp_path / "model.pt") as checkpoint:
        constants = {tensor.name: tensor for tensor in checkpoint.tensors}
        assert all(name.startswith("constants.c") for name in constants)
        assert {tensor.role for tensor in constants.values()} == {"other"}
        values = [tensor.read().tobytes() for tensor in constants.values()]
        assert bytes_of(model.block.weight) in values
        assert bytes_of(model.layers[0].weight) in values
        assert "tensors in its constants" in headline(summary_of(checkpoint))


def test_the_code_is_carried_as_text(tmp_path: Path) -> None:
    scripted(tmp_path / "model.pt")
    with open_checkpoint(tmp_path / "model.pt") as checkpoint:
        summary = summary_of(checkpoint)
    assert summary.sources[0][0] == Net.__module__  # the model's own first
    assert "class Net(Module):" in summary.sources[0][2]
    assert {"torch.nn.modules.conv", "torch.nn.modules.linear"} <= {name for name, _, _ in summary.sources}


def test_a_scripted_resnet_is_identified(tmp_path: Path) -> None:
    resnet(tmp_path / "model.pt")
    with open_checkpoint(tmp_path / "model.pt") as checkpoint:
        found = checkpoint.model_state_dict
        assert found is not None
        assert found.parameters == 11_689_512
        own = [checkpoint.tensors[index] for index in found.tensors]
        result = identify({tensor.key: tensor.shape for tensor in own})
    assert result.match == "exact"
    assert result.candidates[0].architecture == "resnet18"


@pytest.mark.parametrize("engine", ["qnnpack", "fbgemm"])
def test_packed_weights_of_quantized_layers(engine: str, tmp_path: Path) -> None:
    if engine not in torch.backends.quantized.supported_engines:
        pytest.skip(f"this torch has no {engine}")
    torch.backends.quantized.engine = engine
    model: Any = Quantized().eval()
    model.qconfig = quantization.get_default_qconfig(engine)
    quantization.prepare(model, inplace=True)
    model(torch.randn(2, 3, 8, 8))
    quantization.convert(model, inplace=True)
    jit.script(model).save(str(tmp_path / "model.pt"))
    with open_checkpoint(tmp_path / "model.pt") as checkpoint:
        assert checkpoint.warnings == []
        found = {tensor.name: tensor for tensor in checkpoint.tensors}
        convolution, linear = found["conv.weight"], found["fc._packed_params._packed_params.weight"]
        assert (convolution.role, linear.role) == ("parameter", "parameter")
        assert (convolution.layout, convolution.dtype, convolution.shape) == ("quantized", "qint8", (8, 3, 3, 3))
        for tensor, expected in ((convolution, model.conv.weight()), (linear, model.fc.weight())):
            place = tensor.place()
            assert place.shape == tuple(expected.shape)
            if place.quantization is None:
                assert tensor.read().tobytes() == bytes_of(expected.int_repr())
        assert found["conv.bias"].read().tobytes() == bytes_of(model.conv.bias())
        assert found["quant.scale"].role == "buffer"
        assert "kernel_size 3 × 3" in child(checkpoint.survey.root, "conv").detail


def test_extra_files_are_shown_as_metadata(tmp_path: Path) -> None:
    files = {"labels.txt": "cat\ndog"}
    jit.script(nn.Linear(2, 2)).save(str(tmp_path / "model.pt"), _extra_files=files)
    with open_checkpoint(tmp_path / "model.pt") as checkpoint:
        assert checkpoint.metadata == {"labels.txt": "cat\\ndog"}


# -- real files ------------------------------------------------------------------------------------------------


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "name",
    [
        "torchscript/pytorch__ios-demo-app__reddit.pt",
        "torchscript/pytorch__ios-demo-app__d2go_optimized.pt",
        "imagenet/pytorch__ios-demo-app__mobilenet_quantized.pt",
    ],
)
def test_real_files(name: str, shared_data: Path) -> None:
    path = shared_data / "checkpoints" / name
    with open_checkpoint(path) as checkpoint:
        assert (checkpoint.container, checkpoint.kind) == ("torchscript", "torchscript_model")
        assert checkpoint.safety == "needs_trust"
        assert checkpoint.warnings == []
        assert [tensor.problem for tensor in checkpoint.tensors if tensor.problem] == []
        if "reddit" in name:
            assert_equals_torch(checkpoint, path)
            return
        assert_equals_packed(checkpoint, path)


def assert_equals_packed(checkpoint: Checkpoint, path: Path) -> None:
    """Every storage is used, and the weights are what torch itself unpacks from its opaque objects."""
    model: Any = jit.load(path)
    assert dict(model.state_dict()) == {}
    used = {tensor.storage_key for tensor in checkpoint.tensors}
    used |= {part.tensor.storage.key for t in checkpoint.tensors for part in t.parts if part.tensor.storage}
    found = {tensor.name: tensor for tensor in checkpoint.tensors}
    if "mobilenet" not in path.name:
        assert found["constants.c2.weight"].shape == (16, 3, 3, 3)
        return
    assert used == set(checkpoint.contents.storages)
    compared = 0
    for attribute in [name for name in found if name.startswith("_jit_pass_hoist") and name.endswith(".weight")]:
        owner = attribute.removesuffix(".weight")
        weight, bias = torch.ops.quantized.conv2d_unpack(model._c.getattr(owner))
        assert torch.equal(torch.from_numpy(found[attribute].read().copy()), weight.int_repr())
        assert torch.equal(torch.from_numpy(found[f"{owner}.bias"].read().copy()), bias)
        compared += 1
    assert compared == 52
