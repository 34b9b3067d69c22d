"""Small TorchScript programs, made with torch as people make them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

#: torch annotates little of these.
jit: Any = torch.jit
quantization: Any = torch.ao.quantization

#: What torch says of them today.
WARNINGS = (
    "ignore:.*torch.jit.*:FutureWarning",
    "ignore:Lite Interpreter:FutureWarning",
    "ignore:Lite Interpreter:DeprecationWarning",
    "ignore:.*torch.ao.quantization.*:DeprecationWarning",
    "ignore:.*quantize.*:UserWarning",
)


class Block(nn.Module):
    """A bit of everything that a module can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: torch.Tensor
        self.scale_table: torch.Tensor
        self.weight = nn.Parameter(torch.randn(3, 4))
        self.register_buffer("scale_table", torch.arange(6.0))
        self.register_buffer("hidden", torch.ones(2), persistent=False)
        self.plain = torch.full((3,), 2.0)
        self.factor = 0.5
        self.names = ["a", "b"]
        self.table = {"k": 3}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = self.hidden.sum() + self.scale_table.sum() + self.plain.sum()
        return x @ self.weight * self.factor + kept + len(self.names) + self.table["k"]


class Net(nn.Module):
    """Nested modules, a module list, shared weights and a module that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block()
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.layers[1].weight = self.layers[0].weight
        self.body = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2, bias=False), nn.BatchNorm2d(2))
        self.again = self.layers[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(x)
        for layer in self.layers:
            x = layer(x)
        out: torch.Tensor = self.again(x) + torch.tensor([1.0, 2.0, 3.0, 4.0])
        return out


class Table(nn.Module):
    """A parameter and a buffer whose name says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.grid: torch.Tensor
        self.register_buffer("grid", torch.ones(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight + self.grid


class Quantized(nn.Module):
    """Quantized as the tutorials do it."""

    def __init__(self) -> None:
        super().__init__()
        self.quant = quantization.QuantStub()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 4)
        self.dequant = quantization.DeQuantStub()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.dequant(self.fc(self.conv(self.quant(x)).mean([2, 3])))
        return out


def scripted(path: Path) -> None:
    jit.script(Net()).save(str(path))


def half(path: Path) -> None:
    jit.script(Net().half()).save(str(path))


def mobile(path: Path) -> None:
    jit.script(Net())._save_for_lite_interpreter(str(path))


def traced(path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.BatchNorm1d(3))
    jit.trace(model.eval(), torch.ones(2, 3)).save(str(path))


def frozen(path: Path) -> None:
    jit.freeze(jit.script(Net().eval())).save(str(path))


def resnet(path: Path) -> None:
    jit.script(torchvision.models.resnet18()).save(str(path))


MAKERS = (scripted, half, mobile, traced, frozen, resnet)


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Write the archive anew with some of its records changed; names come without the folder."""
    with zipfile.ZipFile(path) as archive:
        records = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    change(records)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in records.items():
            archive.writestr(f"model/{name}", content)
    return path
