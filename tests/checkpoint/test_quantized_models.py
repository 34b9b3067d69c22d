"""Whole pickled quantized models: the weights in their packed parameters equal those of torch's own state_dict."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.ao import quantization

from inspector.checkpoint import Checkpoint, Node, Tensor, open_checkpoint

from .conftest import Assembler

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # torch warns of quantization's move
    pytest.mark.skipif("fbgemm" not in torch.backends.quantized.supported_engines, reason="torch can't quantize here"),
]

#: torch's own are not typed.
_quantization: Any = quantization


class Wrapped(nn.Module):
    """Layers between the stubs that static quantization asks for."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.quant, self.body, self.dequant = (
            quantization.QuantStub(),
            nn.Sequential(*layers),
            quantization.DeQuantStub(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.dequant(self.body(self.quant(x)))
        return made


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.cell = nn.LSTM(4, 3, num_layers=2, bidirectional=True), nn.GRUCell(3, 3)


def dynamic(model: nn.Module, dtype: torch.dtype = torch.qint8) -> nn.Module:
    quantized: nn.Module = _quantization.quantize_dynamic(model.eval(), {nn.Linear, nn.LSTM, nn.GRUCell}, dtype)
    return quantized


def static(*layers: nn.Module, shape: tuple[int, ...], engine: str = "fbgemm", fuse: bool = False) -> nn.Module:
    model: Any = Wrapped(*layers).eval()
    if fuse:
        model = _quantization.fuse_modules(model, [["body.0", "body.1", "body.2"]])
    model.qconfig = _quantization.get_default_qconfig(engine)
    prepared = _quantization.prepare(model)
    prepared(torch.rand(shape))
    converted: nn.Module = _quantization.convert(prepared)
    return converted


def embedding() -> nn.Module:
    model: Any = nn.Sequential(nn.EmbeddingBag(10, 8, mode="sum")).eval()
    model[0].qconfig = _quantization.float_qparams_weight_only_qconfig
    converted: nn.Module = _quantization.convert(_quantization.prepare(model))
    return converted


MODELS: dict[str, Callable[[], nn.Module]] = {
    "dynamic": lambda: dynamic(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2, bias=False))),
    "dynamic, half precision": lambda: dynamic(nn.Sequential(nn.Linear(4, 4)), torch.float16),
    "recurrent": lambda: dynamic(Recurrent()),
    "recurrent, half precision": lambda: dynamic(Recurrent(), torch.float16),
    "linear": lambda: static(nn.Linear(3, 4), nn.Linear(4, 2, bias=False), shape=(1, 3)),
    "linear, for phones": lambda: static(nn.Linear(3, 4), shape=(1, 3), engine="qnnpack"),
    "1 dimension": lambda: static(nn.Conv1d(3, 4, 3, stride=2, padding=1), shape=(1, 3, 8)),
    "2 dimensions": lambda: static(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1, bias=False), shape=(1, 3, 8, 8)),
    "3 dimensions": lambda: static(nn.Conv3d(3, 4, 3), shape=(1, 3, 8, 8, 8)),
    "fused": lambda: static(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), shape=(1, 3, 8, 8), fuse=True),
    "transposed": lambda: static(nn.ConvTranspose2d(3, 4, 3), shape=(1, 3, 8, 8), engine="qnnpack"),
    "embedding": embedding,
}


def entries(name: str, value: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors of an entry of a state_dict, those that a tuple or an object of torch's own holds by place."""
    if isinstance(value, torch.ScriptObject):
        state: Any = value.__getstate__()  # with its class
        value = state[0]
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, tuple) and len(value) == 5 and isinstance(value[0], str):  # a recurrent cell's
        for word, group in (("bias", value[1]), ("weight", value[4])):
            for side, item in zip(("ih", "hh"), group, strict=bool(group)):
                yield from entries(f"{name}.{word}_{side}", item)
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from entries(f"{name}.{place}", item)


def is_plain_in_a_pickle(name: str, tensor: torch.Tensor) -> bool:
    """Tell the scale and zero point of a module's output: numbers in the module, tensors in its state_dict only."""
    return name.endswith((".scale", ".zero_point")) and not tensor.shape


def assert_equal(found: Tensor, tensor: torch.Tensor) -> None:
    assert (found.shape, f"torch.{found.dtype}") == (tuple(tensor.shape), str(tensor.dtype))
    if not tensor.is_quantized:
        assert np.array_equal(found.read(), tensor.detach().numpy())
        return
    assert np.array_equal(found.read(), tensor.int_repr().numpy())
    np.testing.assert_allclose(found.dequantize(), tensor.dequantize().numpy(), rtol=1e-6)
    how = found.quantization
    assert how is not None
    if tensor.qscheme() == torch.per_tensor_affine:
        assert (how.scale, how.zero_point, how.axis) == (tensor.q_scale(), tensor.q_zero_point(), -1)
    else:
        assert how.axis == tensor.q_per_channel_axis()
        assert np.array_equal(found.read_part("scales"), tensor.q_per_channel_scales().numpy())
        assert np.array_equal(found.read_part("zero_points"), tensor.q_per_channel_zero_points().numpy())


def rows(node: Node, path: str = "") -> dict[str, str]:
    """Return what stands beside each row, by its path."""
    found = {path: node.detail}
    for child in node.children:
        found |= rows(child, f"{path}.{child.label}" if path else child.label)
    return found


def saved_by_torch(path: Path, content: object) -> None:
    torch.save(content, path)


def saved_by_pickle(path: Path, content: object) -> None:
    path.write_bytes(pickle.dumps(content))


@pytest.mark.parametrize("save", [saved_by_torch, saved_by_pickle])
@pytest.mark.parametrize("name", list(MODELS))
def test_a_pickled_model_equals_its_state_dict(tmp_path: Path, save: Callable[[Path, object], None], name: str) -> None:
    model, path = MODELS[name](), tmp_path / "model.pth"
    save(path, model)
    held = {key: tensor for entry, value in model.state_dict().items() for key, tensor in entries(entry, value)}
    expected = {key: tensor for key, tensor in held.items() if not is_plain_in_a_pickle(key, tensor)}
    with open_checkpoint(path) as checkpoint:
        assert (checkpoint.kind, checkpoint.safety, checkpoint.complete) == ("pickled_model", "needs_trust", True)
        assert {found.name for found in checkpoint.tensors} == set(expected)
        for key, tensor in expected.items():
            assert_equal(checkpoint.tensors[key], tensor)
        assert weights_are_parameters(checkpoint)
        details = rows(checkpoint.tree)
        for key in held.keys() - expected.keys():
            module, _, word = key.rpartition(".")
            assert f"{word} {held[key].item():.6g}"[:12] in details[module]


def weights_are_parameters(checkpoint: Checkpoint) -> bool:
    (model,) = checkpoint.state_dicts
    weights = [found for found in checkpoint.tensors if not found.name.startswith("quant.")]
    return bool(weights) and model.parameters > 0 and all(found.role == "parameter" for found in weights)


@pytest.mark.parametrize("name", ["recurrent", "dynamic"])
def test_objects_of_torchs_own_in_a_state_dict(tmp_path: Path, name: str) -> None:
    """That of a recurrent layer holds them as they are."""
    model, path = MODELS[name](), tmp_path / "state_dict.pth"
    torch.save(model.state_dict(), path)
    expected = {key: tensor for entry, value in model.state_dict().items() for key, tensor in entries(entry, value)}
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.kind == "state_dict"
        assert {found.name for found in checkpoint.tensors} == set(expected)
        for key, tensor in expected.items():
            assert_equal(checkpoint.tensors[key], tensor)


def test_an_object_that_holds_no_tensor_is_still_shown(tmp_path: Path) -> None:
    """None of torch's is like that today; one of another library may be."""
    path = tmp_path / "model.pkl"
    code = Assembler(2).name("torch.nn.modules.linear", "Identity").op(b")\x81}(").text("_parameters").op(b"}")
    code.text("_modules").op(b"}").text("a").name("torch", "ScriptObject").op(b")\x81(K\x01K\x02t").text("__torch__.A")
    path.write_bytes(code.op(b"\x86bub").done())
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.kind == "pickled_model"
        assert "torch.ScriptObject" in rows(checkpoint.tree)["a"]
