"""Pickled models: their tree, their classes and what they were constructed with, without any class being there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.found import Node
from inspector.checkpoint.opening import Checkpoint

Save = Callable[[object], Path]

DETAILS = {
    "Conv2d": (nn.Conv2d(3, 4, (3, 5), stride=2, padding=1, bias=False), [
        "in_channels 3", "out_channels 4", "kernel_size 3 × 5", "stride 2 × 2", "padding 1 × 1", "dilation 1 × 1",
        "groups 1", "padding_mode zeros",
    ]),
    "Linear": (nn.Linear(7, 2), ["in_features 7", "out_features 2"]),
    "BatchNorm2d": (nn.BatchNorm2d(4, eps=1e-3, momentum=0.05), [
        "num_features 4", "eps 0.001", "momentum 0.05", "affine True", "track_running_stats True",
    ]),
    "LayerNorm": (nn.LayerNorm((4, 4)), ["normalized_shape 4 × 4", "eps 1e-05", "elementwise_affine True"]),
    "Dropout": (nn.Dropout(0.25), ["p 0.25", "inplace False"]),
    "MaxPool2d": (nn.MaxPool2d(3, 2), ["kernel_size 3", "stride 2", "padding 0", "ceil_mode False"]),
    "Embedding": (nn.Embedding(10, 4, padding_idx=0), ["num_embeddings 10", "embedding_dim 4", "padding_idx 0"]),
    "LSTM": (nn.LSTM(4, 8, num_layers=2, bidirectional=True), [
        "mode LSTM", "input_size 4", "hidden_size 8", "num_layers 2", "bidirectional True",
    ]),
    "MultiheadAttention": (nn.MultiheadAttention(8, 2), ["embed_dim 8", "num_heads 2"]),
}  # fmt: skip


@pytest.mark.parametrize(("module", "expected"), DETAILS.values(), ids=DETAILS)
def test_a_module_says_what_it_was_constructed_with(save: Save, module: nn.Module, expected: list[str]) -> None:
    with open_checkpoint(save(nn.ModuleDict({"part": module}))) as checkpoint:
        (node,) = checkpoint.survey.root.children
        name, *shown = node.detail.split(" · ")
        assert name == f"{type(module).__module__}.{type(module).__name__}"
        assert set(expected) <= set(shown), node.detail
        assert not any(word.startswith(("_", "training")) for word in shown)


class Net(nn.Module):
    running: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.blocks = nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])
        self.head = nn.Linear(4, 4, bias=False)
        self.head.weight = self.blocks.get_parameter("0.weight")
        self.token = nn.Parameter(torch.zeros(1, 4))
        self.register_buffer("running", torch.zeros(3))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)
        self.register_buffer("view", self.token.detach()[:, 1:3])
        self.register_parameter("absent", None)
        self.depth = 2


def find(checkpoint: Checkpoint, *labels: str) -> Node:
    node = checkpoint.survey.root
    for label in labels:
        node = next(child for child in node.children if child.label == label)
    return node


def test_the_whole_tree(save: Save) -> None:
    model = Net()
    with open_checkpoint(save(model)) as checkpoint:
        assert (checkpoint.kind, checkpoint.class_name) == ("pickled_model", f"{__name__}.Net")
        expected = {**dict(model.named_parameters(remove_duplicate=False)), **dict(model.named_buffers())}
        assert {tensor.name for tensor in checkpoint.tensors} == set(expected)
        for tensor in checkpoint.tensors:
            value = expected[tensor.name]
            assert tensor.role == ("parameter" if isinstance(value, nn.Parameter) else "buffer"), tensor.name
            assert tensor.read().tobytes() == value.detach().contiguous().numpy().tobytes()
        assert find(checkpoint, "stem", "2").detail.startswith("torch.nn.modules.activation.ReLU · inplace True")
        assert find(checkpoint, "blocks").detail == "torch.nn.modules.container.ModuleList"
        assert [child.label for child in find(checkpoint).children][:3] == ["token", "running", "scratch"]
        assert "depth 2" in checkpoint.survey.root.detail
        found = checkpoint.state_dicts[0]
        assert found.parameters == sum(parameter.numel() for parameter in model.parameters())


def test_tied_tensors_and_views_are_shown_as_sharing(save: Save) -> None:
    with open_checkpoint(save(Net())) as checkpoint:
        assert checkpoint.tensors["head.weight"].shared_with == "blocks.0.weight"
        assert checkpoint.tensors["view"].shared_with == "token"
        assert checkpoint.tensors["token"].shared_with is None
        assert checkpoint.tensors["blocks.1.weight"].shared_with is None


def test_models_several_at_once_with_their_ema(save: Save) -> None:
    content = {"epoch": 3, "best_fitness": 0.5, "model": Net(), "ema": Net(), "updates": 7, "optimizer": None}
    with open_checkpoint(save(content)) as checkpoint:
        assert checkpoint.kind == "training_checkpoint"
        assert [(found.path, found.role) for found in checkpoint.state_dicts] == [("model", "model"), ("ema", "ema")]
        assert checkpoint.model_state_dict is not None
        assert checkpoint.model_state_dict.path == "model"
        assert checkpoint.model_state_dict.class_name == f"{__name__}.Net"
        assert checkpoint.metadata == {"epoch": 3, "best_fitness": 0.5, "updates": 7, "optimizer": None}
