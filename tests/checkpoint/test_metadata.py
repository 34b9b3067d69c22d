"""The plain values beside the tensors: an optimizer's settings among them, and no number lost or made up."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from inspector.checkpoint import open_checkpoint

Save = Callable[[object], Path]


def stepped() -> tuple[nn.Module, torch.optim.Optimizer]:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.25, betas=(0.5, 0.75), weight_decay=0.125)
    model(torch.ones(2, 2)).sum().backward()
    optimizer.step()
    return model, optimizer


def metadata(path: Path) -> dict[str, Any]:
    with open_checkpoint(path) as checkpoint:
        found = checkpoint.metadata
    assert repr(json.loads(json.dumps(found))) == repr(found)
    return found


def settings(groups: list[dict[str, Any]]) -> list[tuple[float, list[float], float]]:
    return [(group["lr"], group["betas"], group["weight_decay"]) for group in groups]


EXPECTED = [(0.25, [0.5, 0.75], 0.125)]


def test_the_groups_of_an_optimizer_are_shown_and_its_moments_are_not(save: Save) -> None:
    model, optimizer = stepped()
    found = metadata(save({"epoch": 1, "model": model.state_dict(), "optim": optimizer.state_dict()}))
    assert list(found) == ["epoch", "optim"]
    assert list(found["optim"]) == ["param_groups"]
    assert settings(found["optim"]["param_groups"]) == EXPECTED
    assert found["optim"]["param_groups"][0]["params"] == [0, 1, 2, 3]


def test_those_of_an_optimizer_alone(save: Save) -> None:
    found = metadata(save(stepped()[1].state_dict()))
    assert list(found) == ["param_groups"]
    assert settings(found["param_groups"]) == EXPECTED


def test_those_of_one_that_was_pickled_whole(save: Save) -> None:
    model, optimizer = stepped()
    for found in (metadata(save(optimizer)), metadata(save({"model": model, "optimizer": optimizer}))):
        held = found.get("optimizer", found)
        assert settings(held["param_groups"]) == EXPECTED
        assert "params" not in held["param_groups"][0]  # they are tensors, and shown as such


def test_those_of_lightning_s_list(save: Save) -> None:
    model, optimizer = stepped()
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 7)
    content = {
        "state_dict": model.state_dict(),
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [scheduler.state_dict()],
        "callbacks": {"ModelCheckpoint": {"monitor": "loss", "best_model_score": torch.tensor(0.5)}},
    }
    found = metadata(save(content))
    assert settings(found["optimizer_states"][0]["param_groups"]) == EXPECTED
    assert found["lr_schedulers"][0]["step_size"] == 7
    assert found["callbacks"] == {"ModelCheckpoint": {"monitor": "loss"}}


def test_tensors_are_left_out_of_tables_and_told_in_lists(save: Save) -> None:
    content = {
        "weights": {"model.a": torch.ones(2)},
        "found": {"history": [1, torch.ones(2, 3), {"best": torch.ones(1)}], "scores": (torch.ones(1), torch.ones(1))},
        "empty": {},
        "none": None,
    }
    assert metadata(save(content)) == {
        "found": {"history": [1, "tensor 2 × 3", "1 entry"]},
        "empty": {},
        "none": None,
    }


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_are_told_from_none(save: Save, value: float) -> None:
    content = {"loss": value, "best": None, "history": [0.5, value, None]}
    assert repr(metadata(save(content))) == repr(content)


def test_a_key_with_a_dot_does_not_hide_another_value(save: Save) -> None:
    content = {"a": {"state_dict": {"w": torch.ones(2)}}, "a.state_dict": {"note": 5}, "epoch": 3}
    assert metadata(save(content)) == {"a.state_dict": {"note": 5}, "epoch": 3}
