"""What a file holds: state_dicts, training checkpoints of many habits, pickled modules, plain objects."""

from __future__ import annotations

import argparse
import datetime
import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from inspector.checkpoint import open_checkpoint

from .conftest import legacy_of

Save = Callable[[object], Path]


def network() -> nn.Module:
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 4, 3), bn=nn.BatchNorm2d(4), fc=nn.Linear(4, 2)))


def trained() -> tuple[nn.Module, torch.optim.Optimizer]:
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return model, optimizer


@pytest.mark.parametrize(
    ("prefix", "wrapper"),
    [("", None), ("module.", "module."), ("_orig_mod.", "_orig_mod."), ("module._orig_mod.", "module._orig_mod.")],
)
def test_wrappers(save: Save, prefix: str, wrapper: str | None) -> None:
    state_dict = {prefix + key: value for key, value in network().state_dict().items()}
    with open_checkpoint(save(state_dict)) as checkpoint:
        assert checkpoint.kind == "state_dict"
        assert checkpoint.safety == "safe"
        assert checkpoint.state_dicts[0].wrapper == wrapper
        assert [tensor.name for tensor in checkpoint.tensors] == list(state_dict)


def test_data_parallel_s_own_state_dict(save: Save) -> None:
    with open_checkpoint(save(nn.DataParallel(network()).state_dict())) as checkpoint:
        assert checkpoint.state_dicts[0].wrapper == "module."


def test_one_key_without_the_prefix_is_no_wrapper(save: Save) -> None:
    state_dict = {"module.a.weight": torch.ones(1), "other.weight": torch.ones(1)}
    with open_checkpoint(save(state_dict)) as checkpoint:
        assert checkpoint.state_dicts[0].wrapper is None


@pytest.mark.parametrize("name", ["state_dict", "model_state_dict", "model", "net", "weights"])
def test_training_checkpoints(save: Save, name: str) -> None:
    model, optimizer = trained()
    content = {
        "epoch": 7,
        "best_acc": 0.91,
        name: model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(lr=0.1, arch="resnet18"),
    }
    with open_checkpoint(save(content)) as checkpoint:
        assert checkpoint.kind == "training_checkpoint"
        assert checkpoint.safety == "safe"
        assert checkpoint.metadata["epoch"] == 7
        assert checkpoint.metadata["best_acc"] == 0.91
        main = checkpoint.model_state_dict
        assert main is not None
        assert (main.path, main.role) == (name, "model")
        assert [checkpoint.tensors[index].key for index in main.tensors] == list(model.state_dict())
        found = {state_dict.path: state_dict for state_dict in checkpoint.state_dicts}
        assert found["optimizer"].role == "optimizer"
        moments = [checkpoint.tensors[index] for index in found["optimizer"].tensors]
        assert len(moments) == 3 * len(list(model.parameters()))
        assert {tensor.role for tensor in moments} == {"optimizer"}
        assert moments[0].key.startswith("state.0.")
        assert found["optimizer"].parameters == 0


def test_ema_beside_the_model(save: Save) -> None:
    model, _ = trained()
    content = {"model_ema": model.state_dict(), "model": model.state_dict(), "epoch": 1}
    with open_checkpoint(save(content)) as checkpoint:
        assert {found.path: found.role for found in checkpoint.state_dicts} == {"model_ema": "ema", "model": "model"}
        assert checkpoint.model_state_dict is not None
        assert checkpoint.model_state_dict.path == "model"


@pytest.mark.parametrize(
    "name",
    [
        "ema",
        "model_ema",
        "ema_model",
        "state_dict_ema",
        "ema_state_dict",
        "shadow_params",
        "averaged_model",
        "swa_model",
    ],
)
def test_copies_that_are_averages(save: Save, name: str) -> None:
    """Whatever it is called and wherever it stands, the average is not the model itself while that is there."""
    own, copy = network().state_dict(), network().state_dict()
    for content in ({name: copy, "net": own}, {"net": own, name: copy}):
        with open_checkpoint(save(content)) as checkpoint:
            assert {found.path: found.role for found in checkpoint.state_dicts} == {name: "ema", "net": "model"}
            assert checkpoint.model_state_dict is not None
            assert checkpoint.model_state_dict.path == "net"
    with open_checkpoint(save({name: copy, "epoch": 1})) as checkpoint:
        assert checkpoint.model_state_dict is not None
        assert checkpoint.model_state_dict.path == name


def test_the_main_one_of_several_goes_by_its_name_then_by_its_size(save: Save) -> None:
    small, large = network().state_dict(), {**network().state_dict(), "extra.weight": torch.ones(2)}
    with open_checkpoint(save({"generator": large, "model": small})) as checkpoint:
        assert checkpoint.model_state_dict is not None
        assert checkpoint.model_state_dict.path == "model"
    with open_checkpoint(save({"generator": small, "discriminator": large})) as checkpoint:
        assert checkpoint.model_state_dict is not None
        assert checkpoint.model_state_dict.path == "discriminator"


def test_lightning(save: Save) -> None:
    model, optimizer = trained()
    content = {
        "epoch": 3,
        "global_step": 1200,
        "pytorch-lightning_version": "2.1.0",
        "state_dict": {f"model.{key}": value for key, value in model.state_dict().items()},
        "loops": {"fit_loop": {"state_dict": {}, "progress": {"total": 3}}},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.5)}},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [{"last_epoch": 3, "_last_lr": [0.1]}],
        "hyper_parameters": {"lr": 0.1, "layers": [1, 2]},
    }
    with open_checkpoint(save(content)) as checkpoint:
        assert checkpoint.kind == "training_checkpoint"
        assert checkpoint.model_state_dict is not None
        assert checkpoint.model_state_dict.path == "state_dict"
        assert checkpoint.model_state_dict.wrapper == "model."
        assert checkpoint.metadata["hyper_parameters"] == {"lr": 0.1, "layers": [1, 2]}
        assert [found.path for found in checkpoint.state_dicts if found.role == "optimizer"] == ["optimizer_states.0"]
        assert checkpoint.tensors["callbacks.ModelCheckpoint{'monitor': None}.best_model_score"].read() == 0.5


def test_two_models_in_one_file(save: Save) -> None:
    content = {"generator": network().state_dict(), "discriminator": network().state_dict(), "step": 5}
    with open_checkpoint(save(content)) as checkpoint:
        assert [found.path for found in checkpoint.state_dicts] == ["generator", "discriminator"]
        assert [found.role for found in checkpoint.state_dicts] == ["model", "model"]


def test_a_table_of_layers_is_one_thing(save: Save) -> None:
    content = {"layer1": {"weight": torch.ones(2), "bias": torch.ones(1)}, "layer2": {"weight": torch.ones(2)}}
    with open_checkpoint(save(content)) as checkpoint:
        assert [tensor.name for tensor in checkpoint.tensors] == ["layer1.weight", "layer1.bias", "layer2.weight"]
        assert checkpoint.kind == "object"
        assert {tensor.role for tensor in checkpoint.tensors} == {"parameter"}
        assert [(found.path, found.parameters) for found in checkpoint.state_dicts] == [("", 5)]


def test_a_nested_state_dict_has_dotted_keys_in_the_file_s_order(save: Save) -> None:
    content = {
        "stem": {"conv": {"weight": torch.ones(2, 3)}, "bn": {"running_mean": torch.ones(2), "weight": None}},
        "scale": torch.ones(1),
    }
    with open_checkpoint(save(content)) as checkpoint:
        assert [tensor.key for tensor in checkpoint.tensors] == ["stem.conv.weight", "stem.bn.running_mean", "scale"]
        assert [tensor.role for tensor in checkpoint.tensors] == ["parameter", "buffer", "parameter"]
        assert checkpoint.tree.children[0].kind == "module"


def test_dicts_that_are_no_nested_state_dict(save: Save) -> None:
    shared = {"weight": torch.ones(2)}
    dotted = {"a.b": {"weight": torch.ones(2)}}
    endless: dict[str, Any] = {"a": {"weight": torch.ones(2)}}
    endless["a"]["again"] = endless
    deep: dict[str, Any] = {"weight": torch.ones(2)}
    for _ in range(40):
        deep = {"a": deep}
    for content in ({"a": shared, "b": shared}, dotted, endless, deep, {"a": {"weight": torch.ones(2)}, "epoch": 3}):
        with open_checkpoint(save(content)) as checkpoint:
            assert (checkpoint.kind, checkpoint.state_dicts) == ("object", [])
            assert len(checkpoint.tensors) == 1


def pickled_with_a_class_that_is_gone(tmp_path: Path, *, legacy: bool = False) -> Path:
    module = types.ModuleType("private_project_models")
    source = tmp_path / "private_project_models.py"
    source.write_text(
        "from torch import nn\n"
        "class Secret(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4))\n"
        "        self.head = nn.Linear(4, 2, bias=False)\n"
        "        self.depth = 3\n",
        encoding="utf-8",
    )
    module.__file__ = str(source)
    exec(compile(source.read_text(encoding="utf-8"), str(source), "exec"), module.__dict__)
    sys.modules["private_project_models"] = module
    path = tmp_path / "model.pth"
    try:
        torch.save(module.Secret(), path, _use_new_zipfile_serialization=not legacy)
    finally:
        del sys.modules["private_project_models"]
    return path


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_pickled_module_whose_class_is_gone(tmp_path: Path, legacy: bool) -> None:
    path = pickled_with_a_class_that_is_gone(tmp_path, legacy=legacy)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.kind == "pickled_model"
        assert checkpoint.class_name == "private_project_models.Secret"
        assert ("private_project_models.Secret", "unknown") in checkpoint.globals
        assert ("torch.nn.modules.conv.Conv2d", "module") in checkpoint.globals
        assert checkpoint.safety == "needs_trust"
        found = checkpoint.state_dicts[0]
        assert [checkpoint.tensors[index].key for index in found.tensors] == [
            "body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias", "body.1.running_mean",
            "body.1.running_var", "body.1.num_batches_tracked", "head.weight",
        ]  # fmt: skip
        assert (found.parameters, found.buffers) == (112 + 8 + 8, 9)
        head = next(node for node in checkpoint.survey.root.children if node.label == "body")
        assert head.children[0].detail.startswith("torch.nn.modules.conv.Conv2d")
        assert "stride 2 × 2" in head.children[0].detail
    assert "private_project_models" not in sys.modules


def test_a_torchvision_free_module_needs_trust_only(save: Save) -> None:
    with open_checkpoint(save(network())) as checkpoint:
        assert checkpoint.kind == "pickled_model"
        assert checkpoint.safety == "needs_trust"
        assert {found for _, found in checkpoint.globals} <= {"tensor", "module"}


def test_tied_modules_appear_under_both_names(save: Save) -> None:
    shared = nn.Linear(3, 3)
    model = nn.ModuleDict({"first": shared, "second": shared})
    with open_checkpoint(save(model)) as checkpoint:
        assert [tensor.name for tensor in checkpoint.tensors] == list(model.state_dict())
        assert checkpoint.tensors["second.weight"].shared_with == "first.weight"
        assert checkpoint.state_dicts[0].parameters == 12


def test_a_module_inside_a_training_checkpoint(save: Save) -> None:
    with open_checkpoint(save({"model": network(), "epoch": 3})) as checkpoint:
        assert checkpoint.kind == "training_checkpoint"
        assert checkpoint.model_state_dict is not None
        assert checkpoint.model_state_dict.class_name == "torch.nn.modules.container.Sequential"
        assert checkpoint.model_state_dict.path == "model"
        assert checkpoint.tensors[checkpoint.model_state_dict.tensors[0]].key == "conv.weight"


def test_plain_objects(save: Save) -> None:
    content = {
        "list": [1, 2.5, None, True, "text", b"bytes"],
        "tuple": (1, (2, 3)),
        "set": {4},
        "frozen": frozenset({5}),
        "complex": 1 + 2j,
        "when": datetime.datetime(2024, 5, 6, 7, 8),
        "size": torch.Size([1, 2]),
        "dtype": torch.float16,
        "device": torch.device("cpu"),
        "numpy": np.float64(0.25),
        "array": np.arange(3),
        "big": 1 << 5_000,
        "nested": {"deep": {"deeper": [{"x": 1}]}},
        "default": defaultdict(list, a=[1]),
        "namespace": argparse.Namespace(lr=0.1),
    }
    with open_checkpoint(save(content)) as checkpoint:
        assert checkpoint.kind == "object"
        assert checkpoint.safety == "safe"
        assert checkpoint.complete
        details = {node.label: node.detail for node in checkpoint.survey.root.children}
        assert details["list"] == "[1, 2.5, None, True, text, 5 bytes]"
        assert details["big"] == "an integer of 5,001 bits"
        assert details["namespace"] == "argparse.Namespace"
        assert checkpoint.metadata["list"] == [1, 2.5, None, True, "text", "5 bytes"]


class Colour:
    pass


def test_an_unknown_class_needs_trust(save: Save) -> None:
    with open_checkpoint(save({"model": {"a.weight": torch.ones(1)}, "colour": Colour()})) as checkpoint:
        assert checkpoint.safety == "needs_trust"
        assert [name for name, found in checkpoint.globals if found == "unknown"] == [f"{__name__}.Colour"]


def test_embedded_words(save: Save) -> None:
    content: dict[str, Any] = {
        "state_dict": network().state_dict(),
        "inspector": {
            "architecture": "resnet18",
            "num_classes": 2,
            "class_names": ["cat", "dog"],
            "preprocessing": {"crop_size": 96, "resize_size": 96, "mean": [0.5, 0.5, 0.5], "std": (1, 1, 1)},
            "description": "Cats\nand dogs.",
        },
        "arch": "alexnet",
    }
    with open_checkpoint(save(content)) as checkpoint:
        embedded = checkpoint.embedded
        assert embedded.architecture == "resnet18"
        assert embedded.class_names == ("cat", "dog")
        assert embedded.num_classes == 2
        assert embedded.preprocessing == {
            "crop_size": 96, "resize_size": 96, "mean": [0.5, 0.5, 0.5], "std": [1.0, 1.0, 1.0],
            "interpolation": "bilinear",
        }  # fmt: skip
        assert "\n" not in embedded.description


@pytest.mark.parametrize(
    ("key", "value", "names"),
    [
        ("classes", ["a", "b"], ("a", "b")),
        ("labels", ("a", "b"), ("a", "b")),
        ("class_to_idx", {"b": 1, "a": 0}, ("a", "b")),
        ("idx_to_class", {1: "b", 0: "a"}, ("a", "b")),
        ("idx_to_class", {"1": "b", "0": "a"}, ("a", "b")),
        ("class_to_idx", {"7": 0, "8": 1}, ("7", "8")),
        ("class_to_idx", {"a": 0, "b": 2}, ()),
        ("class_to_idx", {"a": 0, "b": 0}, ()),
        ("class_to_idx", {"a": 0, "b": -1}, ()),
        ("idx_to_class", {0: "a", "0": "b"}, ()),
        ("classes", ["a", 3], ()),
        ("classes", 7, ()),
        ("classes", [], ()),
        ("classes", ["x" * 10_000] * 90_000, ()),
        ("idx_to_class", {k * ((1 << 61) - 1): "x" for k in range(50_000)}, ()),
    ],
)
def test_class_names_in_the_wild(tmp_path: Path, key: str, value: object, names: tuple[str, ...]) -> None:
    path = tmp_path / "a.pth"
    torch.save({"model": {"a.weight": torch.ones(1)}, key: value}, path)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.embedded.class_names == names


class _Base:
    """Stands for the storage that a legacy view lies in."""

    fields = ("storage", torch.FloatStorage, "base", "cpu", 6, ("view", 2, 3))


class _OwnClass:
    fields = ("module", nn.Linear, "/home/someone/net.py", "class Linear:\n    pass\n")


class _LegacyPickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> object:
        return getattr(obj, "fields", None)


def test_legacy_with_views_and_sources(tmp_path: Path) -> None:
    """torch writes neither view metadata nor sources any more, so this file is made by hand."""
    content = {"a.weight": _Rebuild(_Base()), "a.class": _OwnClass()}
    buffer = io.BytesIO()
    pickler = _LegacyPickler(buffer, protocol=2)
    pickler.dump(content)
    tail = pickle.dumps(["base"], protocol=2) + struct.pack("<q6f", 6, 0, 1, 2, 3, 4, 5)
    path = legacy_of(tmp_path / "old.pth", buffer.getvalue(), tail)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.complete
        assert checkpoint.tensors["a.weight"].read().tolist() == [2.0, 3.0, 4.0]
        (source,) = checkpoint.contents.sources
        assert source.class_name == "torch.nn.modules.linear.Linear"
        assert source.text == "class Linear:\n    pass\n"


class _Rebuild:
    def __init__(self, storage: object) -> None:
        self.storage = storage

    def __reduce__(self) -> tuple[object, ...]:
        return torch._utils._rebuild_tensor_v2, (self.storage, 0, (3,), (1,), False, OrderedDict())


def test_a_bare_pickle(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"epoch": 3, "list": [1, 2]}))
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.container == "pickle"
        assert checkpoint.kind == "object"
        assert checkpoint.metadata == {"epoch": 3, "list": [1, 2]}


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (b"3\n", None),
        (b" 10", None),
        (b"1abc", None),
        (b"0" * 40 + b"3", None),
        (b"0\n", "version 0"),
        (b"11\n", "version 11"),
        (b"-1\n", "version -1"),
        (b"three", "that is no number"),
        (b"", "that is no number"),
        (b"9" * 30, "version 9999"),
        (None, "lacks the format version"),
    ],
)
def test_a_format_version_that_torch_refuses_is_told(tmp_path: Path, version: bytes | None, said: str | None) -> None:
    path, usual = tmp_path / "version.pth", tmp_path / "usual.pth"
    torch.save({"a.weight": torch.ones(2)}, usual)
    with zipfile.ZipFile(usual) as written, zipfile.ZipFile(path, "w") as archive:
        for name in written.namelist():
            if not name.endswith("/version"):
                archive.writestr(name, written.read(name))
            elif version is not None:
                archive.writestr(name, version)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.tensors["a.weight"].read().tolist() == [1, 1]
        assert len(checkpoint.warnings) == (said is not None)
        assert all(said is not None and said in warning for warning in checkpoint.warnings)
    if said:
        with pytest.raises((RuntimeError, IndexError)):
            torch.load(path, weights_only=True)
    else:
        assert torch.load(path, weights_only=True)["a.weight"].tolist() == [1, 1]


def test_scales_are_buffers_only_beside_their_zero_points(save: Save) -> None:
    """A quantized module has both, whatever their shape; a lone ``scale`` is a parameter, as in FCOS's heads."""
    one, three = torch.ones(1), torch.ones(3)
    content = {
        "quant.scale": one, "quant.zero_point": torch.zeros(1, dtype=torch.int64),
        "fake.scale": three, "fake.zero_point": torch.zeros(3),
        "observer.min_val": three, "observer.max_val": three, "observer.eps": one,
        "linear.scale": torch.tensor(0.5), "linear.zero_point": torch.tensor(3),
        "head.scale": torch.tensor(0.5), "norm.scale": three, "norm.eps": one, "scale": one,
    }  # fmt: skip
    with open_checkpoint(save(content)) as checkpoint:
        roles = {tensor.name: tensor.role for tensor in checkpoint.tensors}
    parameters = {"head.scale", "norm.scale", "norm.eps", "scale"}
    assert roles == {name: "parameter" if name in parameters else "buffer" for name in content}


def test_numpy_s_integers_are_no_buffers_unless_they_are_called_so(save: Save) -> None:
    content = {"fc.weight": np.ones((2, 3)), "labels.weight": np.arange(3), "bn.num_batches_tracked": np.arange(1)}
    with open_checkpoint(save(content)) as checkpoint:
        assert [tensor.role for tensor in checkpoint.tensors] == ["parameter", "other", "buffer"]
