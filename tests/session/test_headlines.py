"""What a checkpoint is, in one line, for the kinds that are told apart by more than their kind."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary
from inspector.session import words
from inspector.session.headlines import headline, verdict_sentence


def summary_of(path: Path) -> CheckpointSummary:
    with open_checkpoint(path) as checkpoint:
        return CheckpointSummary(*encode(checkpoint))


def saved(tmp_path: Path, content: object) -> CheckpointSummary:
    torch.save(content, tmp_path / "file.pth")
    return summary_of(tmp_path / "file.pth")


def stepped(model: nn.Module) -> dict[str, Any]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return optimizer.state_dict()


def test_an_optimizer_s_state_is_called_one(tmp_path: Path) -> None:
    state = stepped(nn.Linear(2, 3))
    assert headline(saved(tmp_path, state)) == "An optimizer's state: 2 tensors"
    beside = saved(tmp_path, {"optimizer": state, "epoch": 3})
    assert headline(beside) == "A training checkpoint: an optimizer's state of 2 tensors"


def test_of_equals_all_are_named(tmp_path: Path) -> None:
    parts: dict[str, Any] = {
        name: nn.Linear(width, 4).state_dict() for width, name in enumerate(("generator", "discriminator"), 1)
    }
    expected = "2 state_dicts, generator (8 parameters) and discriminator (12 parameters)"
    assert headline(saved(tmp_path, parts)) == f"A training checkpoint: {expected}"
    parts |= {f"encoder_{place}": nn.Linear(1, 1).state_dict() for place in range(2)} | {
        "ema": nn.Linear(1, 4).state_dict()
    }
    told = headline(saved(tmp_path, parts))
    assert told.startswith("A training checkpoint: 5 state_dicts, generator (8 parameters), discriminator")
    assert told.endswith("encoder_0 (2 parameters) and 2 more")
    named = saved(tmp_path, {"model": parts["generator"], "discriminator": parts["discriminator"]})
    assert headline(named).startswith("A training checkpoint: a state_dict of 2 tensors, 8 parameters and 1 more")


def test_what_is_no_pickle_is_not_called_one(tmp_path: Path) -> None:
    save_file({}, tmp_path / "empty.safetensors")
    assert verdict_sentence(summary_of(tmp_path / "empty.safetensors")) == "An empty safetensors file, safe to read"
    np.savez(tmp_path / "a.npz", w=np.ones((2, 3)), b=np.arange(3))
    told = verdict_sentence(summary_of(tmp_path / "a.npz"))
    assert told == "NumPy arrays: 2 arrays, 9 elements, safe to read"
    np.save(tmp_path / "a.npy", np.ones((2, 3)))
    assert headline(summary_of(tmp_path / "a.npy")) == "A NumPy array: 2 × 3, float64"
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert headline(summary_of(tmp_path / "o.npy")) == "A NumPy array of objects"
    (tmp_path / "five.pkl").write_bytes(pickle.dumps(5))
    assert headline(summary_of(tmp_path / "five.pkl")) == "A pickled object: no tensors"


class Frozen(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x)  # type: ignore[no-any-return]


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
def test_weights_among_a_program_s_constants(tmp_path: Path) -> None:
    jit: Any = torch.jit
    jit.freeze(jit.script(Frozen().eval())).save(str(tmp_path / "model.pt"))
    summary = summary_of(tmp_path / "model.pt")
    assert headline(summary) == f"A TorchScript model: {Frozen.__module__}.Frozen, 2 tensors in its constants"


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
def test_torchscript_s_own_numbers_are_left_out_of_names(tmp_path: Path) -> None:
    jit: Any = torch.jit
    model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 3)))
    jit.trace(model, torch.ones(1, 2)).save(str(tmp_path / "model.pt"))
    summary = summary_of(tmp_path / "model.pt")
    assert any("___torch_mangle_" in name for name, _ in summary.globals)
    names = [name for name, _ in words.global_names(summary)]
    assert "__torch__.torch.nn.modules.linear.Linear" in names
    assert len(set(names)) == len(names)
    assert not any("mangle" in name for name in names)


def test_native_machine_code_is_told(tmp_path: Path) -> None:
    torch.export.save(torch.export.export(Frozen().eval(), (torch.ones(1, 2),)), tmp_path / "plain.pt2")
    plain = summary_of(tmp_path / "plain.pt2")
    assert (plain.native_code, "machine code" in verdict_sentence(plain)) == ((), False)
    assert plain.metadata["inputs"] == ["x: float32 1 × 2"]
    with zipfile.ZipFile(tmp_path / "plain.pt2") as old, zipfile.ZipFile(tmp_path / "compiled.pt2", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        library = f"{old.namelist()[0].partition('/')[0]}/data/aotinductor/model/m.so"
        new.writestr(library, b"\x7fELF")
    summary = summary_of(tmp_path / "compiled.pt2")
    assert summary.safety == "needs_trust"
    assert summary.native_code == ("data/aotinductor/model/m.so",)
    assert "with native machine code that runs when it is loaded" in verdict_sentence(summary)
    assert "data/aotinductor/model/m.so, which runs as soon as it is loaded" in words.safety_explanation(summary)


def test_moments_are_called_by_their_parameters(tmp_path: Path) -> None:
    model = nn.Linear(2, 3)
    summary = saved(tmp_path, {"model": model.state_dict(), "optimizer": stepped(model)})
    named = {summary.names[tensor]: words.tensor_name(summary, tensor) for tensor in range(len(summary))}
    assert named == {
        "model.weight": "model.weight",
        "model.bias": "model.bias",
        "optimizer.state.0.momentum_buffer": "weight · momentum_buffer",
        "optimizer.state.1.momentum_buffer": "bias · momentum_buffer",
    }
