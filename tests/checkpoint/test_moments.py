"""An optimizer's state is named by its parameters, where there is no doubt which they are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.opening import Checkpoint

Save = Callable[[object], Path]


def network(width: int = 4) -> nn.Module:
    return nn.Sequential(
        OrderedDict(conv=nn.Conv2d(3, width, 3), bn=nn.BatchNorm2d(width), fc=nn.Linear(width, 2, bias=False))
    )


def stepped(model: nn.Module, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter) if parameter.requires_grad else None
    optimizer.step()
    return optimizer


def linked(checkpoint: Checkpoint) -> dict[str, str]:
    return {tensor.name: tensor.parameter for tensor in checkpoint.tensors if tensor.parameter is not None}


def rows(checkpoint: Checkpoint, *path: str) -> dict[str, str]:
    node = checkpoint.survey.root
    for label in (*path, "state"):
        node = next(child for child in node.children if child.label == label)
    return {child.label: child.detail for child in node.children}


OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "Adam": torch.optim.Adam,
    "AdamW with amsgrad": lambda parameters: torch.optim.AdamW(parameters, amsgrad=True),
    "SGD with momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "RMSprop": torch.optim.RMSprop,
    "Adagrad": torch.optim.Adagrad,
}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_moments_are_those_of_the_parameters_in_order(
    save: Save, make: Callable[[Any], torch.optim.Optimizer], prefix: str
) -> None:
    model = network()
    optimizer = stepped(model, make(model.parameters()))
    state_dict = {prefix + key: value for key, value in model.state_dict().items()}
    with open_checkpoint(save({"model": state_dict, "optimizer": optimizer.state_dict()})) as checkpoint:
        names = [prefix + name for name, _ in model.named_parameters()]
        assert rows(checkpoint, "optimizer") == {str(place): name for place, name in enumerate(names)}
        for tensor in checkpoint.tensors:
            if tensor.role == "optimizer":
                number = int(tensor.key.split(".")[1])
                assert tensor.parameter == f"model.{names[number]}"
                assert tensor.shape in ((), checkpoint.tensors[tensor.parameter].shape)
            else:
                assert tensor.parameter is None


def test_groups_in_the_model_s_order(save: Save) -> None:
    model = network()
    groups = [{"params": list(part.parameters()), "lr": 0.1} for part in model.children()]
    optimizer = stepped(model, torch.optim.Adam(groups))
    with open_checkpoint(save({"net": model.state_dict(), "optim": optimizer.state_dict()})) as checkpoint:
        assert list(rows(checkpoint, "optim").values()) == [name for name, _ in model.named_parameters()]


def test_groups_in_another_order_are_left_as_numbers(save: Save) -> None:
    model = network()
    groups = [
        {"params": [parameter for parameter in model.parameters() if parameter.dim() == 1]},
        {"params": [parameter for parameter in model.parameters() if parameter.dim() > 1]},
    ]
    optimizer = stepped(model, torch.optim.Adam(groups))
    with open_checkpoint(save({"model": model.state_dict(), "optimizer": optimizer.state_dict()})) as checkpoint:
        assert linked(checkpoint) == {}
        assert set(rows(checkpoint, "optimizer").values()) == {""}


def test_named_parameters_say_it_themselves(save: Save) -> None:
    model = network()
    backwards = list(model.named_parameters())[::-1]
    optimizer = stepped(model, torch.optim.Adam(backwards))
    with open_checkpoint(save({"model": model.state_dict(), "optimizer": optimizer.state_dict()})) as checkpoint:
        assert list(rows(checkpoint, "optimizer").values()) == [name for name, _ in backwards]


def test_an_optimizer_of_a_part_is_left_as_numbers(save: Save) -> None:
    """Its two parameters could be any two: no model in the file has just as many."""
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    optimizer = stepped(model, torch.optim.Adam(model[1].parameters()))
    with open_checkpoint(save({"model": model.state_dict(), "optimizer": optimizer.state_dict()})) as checkpoint:
        assert linked(checkpoint) == {}


def test_parameters_that_were_never_stepped_leave_gaps(save: Save) -> None:
    model = network()
    next(model.parameters()).requires_grad_(False)
    optimizer = stepped(model, torch.optim.Adam(model.parameters()))
    with open_checkpoint(save({"model": model.state_dict(), "optimizer": optimizer.state_dict()})) as checkpoint:
        assert rows(checkpoint, "optimizer") == {
            "1": "conv.bias", "2": "bn.weight", "3": "bn.bias", "4": "fc.weight",
        }  # fmt: skip


def test_each_optimizer_finds_its_own_model(save: Save) -> None:
    generator, discriminator = network(4), network(6)
    content = {
        "generator": generator.state_dict(),
        "discriminator": discriminator.state_dict(),
        "ema": network(6).state_dict(),
        "optimizer_g": stepped(generator, torch.optim.Adam(generator.parameters())).state_dict(),
        "optimizer_d": stepped(discriminator, torch.optim.Adam(discriminator.parameters())).state_dict(),
    }
    with open_checkpoint(save(content)) as checkpoint:
        assert checkpoint.tensors["optimizer_g.state.0.exp_avg"].parameter == "generator.conv.weight"
        assert checkpoint.tensors["optimizer_d.state.0.exp_avg"].parameter == "discriminator.conv.weight"


def test_tied_parameters_are_counted_once(save: Save) -> None:
    model = nn.ModuleDict({"encoder": nn.Linear(3, 3), "middle": nn.Linear(3, 3), "decoder": nn.Linear(3, 3)})
    model["decoder"].weight = model["encoder"].weight
    optimizer = stepped(model, torch.optim.Adam(model.parameters()))
    with open_checkpoint(save({"model": model.state_dict(), "optimizer": optimizer.state_dict()})) as checkpoint:
        assert list(rows(checkpoint, "optimizer").values()) == [name for name, _ in model.named_parameters()]
        assert checkpoint.tensors["model.decoder.weight"].shared_with == "model.encoder.weight"


def test_numbers_that_were_addresses(save: Save) -> None:
    """Before torch 1.5 a parameter's number was its address."""
    model = network()
    state = stepped(model, torch.optim.Adam(model.parameters())).state_dict()
    addresses = {number: 140_234_567_890_000 + 72 * (7 * number % 5) for number in range(5)}
    state["state"] = {addresses[number]: entry for number, entry in reversed(state["state"].items())}
    state["param_groups"][0]["params"] = list(addresses.values())
    with open_checkpoint(save({"model": model.state_dict(), "optimizer": state})) as checkpoint:
        names = [name for name, _ in model.named_parameters()]
        assert rows(checkpoint, "optimizer") == {str(addresses[number]): names[number] for number in reversed(range(5))}


def test_an_optimizer_pickled_whole(save: Save) -> None:
    model = network()
    groups = [{"params": [parameter]} for parameter in reversed(list(model.parameters()))]
    optimizer = stepped(model, torch.optim.SGD(groups, lr=0.1, momentum=0.9))
    with open_checkpoint(save({"model": model, "optimizer": optimizer})) as checkpoint:
        assert [found.role for found in checkpoint.state_dicts] == ["model", "optimizer"]
        names = [name for name, _ in model.named_parameters()]
        assert list(rows(checkpoint, "optimizer").values()) == names[::-1]
        assert checkpoint.tensors["optimizer.state.4.momentum_buffer"].parameter == "model.conv.weight"


def test_a_state_without_groups_is_an_optimizer_s_where_its_name_says_so(save: Save) -> None:
    entry = {"momentum_buffer": torch.ones(3)}
    content = {
        "model": network().state_dict(),
        "optimizer_state": {"state": {"0": entry}},
        "other": {"state": {0: entry}},
    }
    with open_checkpoint(save(content)) as checkpoint:
        assert [(found.path, found.role) for found in checkpoint.state_dicts] == [
            ("model", "model"), ("optimizer_state", "optimizer"),
        ]  # fmt: skip
        assert checkpoint.tensors["optimizer_state.state.0.momentum_buffer"].role == "optimizer"
        assert linked(checkpoint) == {}


def test_lightning_s_list_of_optimizers(save: Save) -> None:
    model = network()
    optimizer = stepped(model, torch.optim.Adam(model.parameters()))
    content = {
        "state_dict": {f"model.{key}": value for key, value in model.state_dict().items()},
        "optimizer_states": [optimizer.state_dict()],
    }
    with open_checkpoint(save(content)) as checkpoint:
        assert rows(checkpoint, "optimizer_states", "0")["0"] == "model.conv.weight"
