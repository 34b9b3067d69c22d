"""What goes into a clean copy: of every container, with what belongs to the weights, and nothing lost in silence."""

from __future__ import annotations

import importlib
import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from torch import nn

from inspector.checkpoint import open_checkpoint
from inspector.errors import InspectorError
from inspector.export.errors import NothingToCopyError, UnwritableError
from inspector.export.plan import make_plan

Copy = Callable[..., Path]
Same = Callable[..., None]
Tensors = dict[str, torch.Tensor]

FORMATS = (".pth", ".safetensors")
export: Any = torch.export
distributed_checkpoint: Any = importlib.import_module("torch.distributed.checkpoint")
jit: Any = torch.jit


def load(path: Path) -> Any:
    return torch.load(path, weights_only=True) if path.suffix == ".pth" else safetensors.torch.load_file(path)


class Net(nn.Module):
    """Parameters, buffers of two kinds, a tied weight and a module under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.last = nn.Linear(4, 4)
        self.last.weight = self.first.weight
        self.again = self.norm
        self.kept: torch.Tensor
        self.passing: torch.Tensor
        self.register_buffer("kept", torch.arange(3))
        self.register_buffer("passing", torch.ones(2), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.last(self.again(self.norm(self.first(x)))) + self.kept.sum() + self.passing.sum()
        return found


def zipped(path: Path, model: nn.Module) -> Path:
    torch.save(model.state_dict(), path)
    return path


def legacy(path: Path, model: nn.Module) -> Path:
    torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)
    return path


def pickled_model(path: Path, model: nn.Module) -> Path:
    torch.save(model, path)
    return path


def training(path: Path, model: nn.Module) -> Path:
    optimizer = torch.optim.Adam(model.parameters())
    wrapped = {f"module._orig_mod.{key}": value for key, value in model.state_dict().items()}
    torch.save({"epoch": 3, "model": wrapped, "optimizer": optimizer.state_dict()}, path)
    return path


def torchscript(path: Path, model: nn.Module) -> Path:
    jit.save(jit.script(model), path)
    return path


def exported(path: Path, model: nn.Module) -> Path:
    export.save(export.export(model.eval(), (torch.rand(2, 4),)), path.with_suffix(".pt2"))
    return path.with_suffix(".pt2")


def sharded(path: Path, model: nn.Module) -> Path:
    tensors = {key: value.clone() for key, value in model.state_dict().items()}
    weight_map = {}
    for number, (key, tensor) in enumerate(tensors.items()):
        name = f"model-{number + 1:05}-of-{len(tensors):05}.safetensors"
        safetensors.torch.save_file({key: tensor}, path.parent / name)
        weight_map[key] = name
    index = path.parent / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))
    return index


def distributed(path: Path, model: nn.Module) -> Path:
    distributed_checkpoint.save(model.state_dict(), checkpoint_id=path.with_suffix(""), no_dist=True)
    return path.with_suffix("")


def npz(path: Path, model: nn.Module) -> Path:
    np.savez_compressed(path.with_suffix(".npz"), **{k: v.numpy() for k, v in model.state_dict().items()})
    return path.with_suffix(".npz")


def big_endian_pickle(path: Path, model: nn.Module) -> Path:
    import pickle

    arrays = {key: value.numpy() for key, value in model.state_dict().items()}
    path.write_bytes(pickle.dumps({key: value.astype(value.dtype.newbyteorder(">")) for key, value in arrays.items()}))
    return path


CONTAINERS = (
    zipped, legacy, pickled_model, training, torchscript, exported, sharded, distributed, npz, big_endian_pickle,
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning", "ignore:.*(TypedStorage|distributed).*:UserWarning")
@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("save", CONTAINERS)
def test_every_container(
    tmp_path: Path, copy: Copy, assert_same: Same, save: Callable[[Path, nn.Module], Path], suffix: str
) -> None:
    model = Net()
    model.norm(model.first(torch.rand(8, 4)))
    wanted = dict(model.state_dict())
    if save is torchscript:
        wanted["passing"] = model.passing  # which a program no longer tells from any other buffer
    path = save(tmp_path / "original.pth", model)
    clean = copy(path, suffix)
    found = load(clean)
    assert_same(found, wanted)
    model.load_state_dict({key: found[key] for key in model.state_dict()})
    with open_checkpoint(clean) as checkpoint:
        assert (checkpoint.kind, checkpoint.safety, checkpoint.warnings) == ("state_dict", "safe", [])
    assert not list(tmp_path.glob("*.part"))


def test_real_files_read_the_same_from_their_copy(
    tmp_path: Path, copy: Copy, assert_same: Same, shared_data: Path
) -> None:
    """tar files of 2017 among them."""
    paths = [
        path
        for folder in ("small", "pickled_models", "torchscript")
        for path in sorted((shared_data / "checkpoints" / folder).rglob("*"))
        if path.is_file() and path.stat().st_size < 30 << 20
    ]
    copied = 0
    for path in paths:
        try:
            checkpoint = open_checkpoint(path)
        except InspectorError:
            continue
        with checkpoint:
            chosen = checkpoint.model_state_dict
            if chosen is None or not checkpoint.complete:
                continue
            plan = make_plan(checkpoint, checkpoint.state_dicts.index(chosen))
            values = {entry[0]: entry[1] for entry in plan.entries if entry[1][0] == "tensor"}
            if not values or len(values) != len(plan.entries):
                continue
            with open_checkpoint(copy(path, ".pth")) as clean:
                assert [tensor.key for tensor in clean.tensors] == list(values), path
                wrapper = chosen.wrapper or ""
                originals = {checkpoint.tensors[i].key[len(wrapper) :]: checkpoint.tensors[i] for i in chosen.tensors}
                for tensor in clean.tensors:
                    assert tensor.read().tobytes() == originals[tensor.key].read().tobytes(), (path, tensor.name)
        copied += 1
    assert copied >= 3


def test_what_belongs_to_the_weights_is_kept(tmp_path: Path, copy: Copy) -> None:
    table = {
        "architecture": "resnet18",
        "num_classes": 3,
        "class_names": ["ein", "zwei\n", "dr\u00e9i"],
        "preprocessing": {"resize_size": 40, "crop_size": 32, "mean": [0.1, 0.2, 0.3], "interpolation": "bicubic"},
        "description": "Three.",
    }
    torch.save({"state_dict": nn.Linear(2, 3).state_dict(), "inspector": table}, tmp_path / "original.pth")
    with open_checkpoint(tmp_path / "original.pth") as checkpoint:
        wanted = checkpoint.embedded
    assert wanted.preprocessing is not None
    for suffix in FORMATS:
        once = copy(tmp_path / "original.pth", suffix)
        for path in (once, *(copy(once, other) for other in FORMATS)):
            with open_checkpoint(path) as checkpoint:
                assert checkpoint.embedded == wanted
            assert set(load(path)) == {"weight", "bias"}


def test_the_modules_versions_are_kept_under_their_new_names(tmp_path: Path, copy: Copy) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    wrapped = nn.DataParallel(model)
    torch.save(wrapped.state_dict(), tmp_path / "original.pth")
    found = torch.load(copy(tmp_path / "original.pth", ".pth"), weights_only=True)
    assert found._metadata == model.state_dict()._metadata  # type: ignore[attr-defined]


def test_safetensors_texts_survive_both_ways(tmp_path: Path, copy: Copy) -> None:
    texts = {"format": "pt", "author": "Zoë", "empty": ""}
    safetensors.torch.save_file({"a.weight": torch.ones(2)}, tmp_path / "original.safetensors", texts)
    clean = copy(copy(tmp_path / "original.safetensors", ".pth"), ".safetensors")
    with safetensors.safe_open(clean, "pt") as opened:
        assert opened.metadata() == texts
    with open_checkpoint(copy(clean, ".pth")) as checkpoint:
        assert checkpoint.metadata["author"] == "Zoë"


def test_keys_are_the_files_own_not_those_shown(tmp_path: Path, copy: Copy, assert_same: Same) -> None:
    tensors = {"a.\u202eweight": torch.ones(1), "a." + "x" * 5_000: torch.ones(2), "a.tab\t": torch.ones(3)}
    torch.save(tensors, tmp_path / "original.pth")
    for suffix in FORMATS:
        assert_same(load(copy(tmp_path / "original.pth", suffix)), tensors)


def test_the_chosen_state_dict_is_copied(tmp_path: Path, copy: Copy, assert_same: Same) -> None:
    model, ema = nn.Linear(2, 2).state_dict(), nn.Linear(2, 2).state_dict()
    torch.save({"model": model, "ema": ema}, tmp_path / "original.pth")
    assert_same(load(copy(tmp_path / "original.pth", ".pth")), model)
    assert_same(load(copy(tmp_path / "original.pth", ".pth", "ema")), ema)


def test_tied_tensors_stay_tied_and_strangers_on_one_storage_part(tmp_path: Path, copy: Copy) -> None:
    base, flat = torch.rand(4, 3), torch.rand(1_000_000)
    tensors = {
        "a.tied": base, "a.too": base, "a.turned": base.t(), "a.row": base[1],
        "b.left": flat[:4], "b.right": flat[500_000:500_004].view(2, 2),
    }  # fmt: skip
    torch.save(tensors, tmp_path / "original.pth")
    clean = copy(tmp_path / "original.pth", ".pth")
    found = torch.load(clean, weights_only=True)
    storages = {key: tensor.untyped_storage().data_ptr() for key, tensor in found.items()}
    assert len({storages[key] for key in ("a.tied", "a.too", "a.turned", "a.row")}) == 1
    assert storages["b.left"] != storages["b.right"]
    assert clean.stat().st_size < 10_000
    found["a.too"][1, 2] = 7.0
    assert (found["a.tied"][1, 2], found["a.turned"][2, 1], found["a.row"][2]) == (7, 7, 7)
    assert set(load(copy(tmp_path / "original.pth", ".safetensors"))) == set(tensors)


def test_strides_of_whole_tensors_are_kept_and_gaps_are_not(tmp_path: Path, copy: Copy) -> None:
    tensors = {
        "a.last": torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "a.gap": torch.rand(500, 500)[:, 0],
    }
    torch.save(tensors, tmp_path / "original.pth")
    clean = copy(tmp_path / "original.pth", ".pth")
    found = torch.load(clean, weights_only=True)
    assert found["a.last"].is_contiguous(memory_format=torch.channels_last)
    assert found["a.gap"].is_contiguous()
    assert clean.stat().st_size < 10_000


QUANTIZE = "ignore:.*(quantize|TypedStorage).*:UserWarning"


@pytest.mark.filterwarnings(QUANTIZE)
def test_quantized_tensors_are_kept_by_torchs_format_and_refused_by_the_other(tmp_path: Path, copy: Copy) -> None:
    by_channel = torch.quantize_per_channel(
        torch.rand(3, 4), torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64), torch.tensor([1, 2, 3]), 0, torch.qint8
    )
    floats = torch.quantize_per_channel(
        torch.rand(3, 4), torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1.0, 2.0, 3.0]), 0, torch.quint8
    )
    state_dict: dict[str, Any] = OrderedDict(
        scale=torch.tensor(0.5),
        whole=torch.quantize_per_tensor(torch.rand(5), 0.07, -3, torch.qint8),
        floats=floats,
        dtype=torch.qint8,
        packed=(by_channel, None),
        _extra_state=None,
    )
    path = tmp_path / "original.pth"
    torch.save(state_dict, path)
    found = torch.load(copy(path, ".pth"), weights_only=True)
    assert list(found) == list(state_dict)
    assert (found["dtype"], found["packed"][1], found["_extra_state"]) == (torch.qint8, None, None)
    for new, old in (
        (found["whole"], state_dict["whole"]), (found["floats"], floats), (found["packed"][0], by_channel),
    ):  # fmt: skip
        assert new.qscheme() == old.qscheme()
        assert torch.equal(new.int_repr(), old.int_repr())
        assert torch.equal(new.dequantize(), old.dequantize())
    with pytest.raises(UnwritableError, match=r"'whole': it is quantized \(qint8\); .*; and 2 more") as caught:
        copy(path, ".safetensors")
    assert "'dtype'" in caught.value.message or "and 2 more" in caught.value.message


@pytest.mark.filterwarnings("ignore")  # torch warns of quantization's move
@pytest.mark.skipif("fbgemm" not in torch.backends.quantized.supported_engines, reason="torch can't quantize here")
def test_a_pickled_models_packed_layers_are_not_left_out_in_silence(tmp_path: Path, copy: Copy) -> None:
    quantization: Any = torch.ao.quantization
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    torch.save(quantization.quantize_dynamic(model, {nn.Linear}, torch.qint8), tmp_path / "original.pth")
    for suffix in FORMATS:
        with pytest.raises(UnwritableError, match=r"without loss: '0\._packed_params\.\*': it is no tensor but "):
            copy(tmp_path / "original.pth", suffix)
    state_dict = torch.load(tmp_path / "original.pth", weights_only=False).state_dict()
    torch.save(state_dict, tmp_path / "weights.pth")
    found = torch.load(copy(tmp_path / "weights.pth", ".pth"), weights_only=True)
    assert list(found) == list(state_dict)
    (weight, bias), (old_weight, old_bias) = (table["0._packed_params._packed_params"] for table in (found, state_dict))
    assert torch.equal(weight.dequantize(), old_weight.dequantize())
    assert torch.equal(bias, old_bias)


@pytest.mark.filterwarnings("ignore:.*(Sparse|nested|TypedStorage).*:UserWarning")
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: torch.eye(3).to_sparse(), "it is sparse"),
        (lambda: torch.empty(3, device="meta"), "it is meta"),
        (lambda: {"a": 1}, "it is no tensor but 1 entry"),
        (lambda: b"bytes", "it is no tensor but 5 bytes"),
    ],
)
@pytest.mark.parametrize("suffix", FORMATS)
def test_what_has_no_place_stops_it(
    tmp_path: Path, copy: Copy, make: Callable[[], object], why: str, suffix: str
) -> None:
    tensors = {f"a.{number}": torch.ones(1) for number in range(20)}
    torch.save(tensors | {"a.odd": make()}, tmp_path / "original.pth")
    with pytest.raises(UnwritableError, match=f"original.pth can't be copied without loss: 'a.odd': {why}"):
        copy(tmp_path / "original.pth", suffix)
    assert [path.name for path in tmp_path.iterdir()] == ["original.pth"]


def test_complex128_has_no_place_in_safetensors_but_in_a_pth(tmp_path: Path, copy: Copy, assert_same: Same) -> None:
    tensors = {"a.weight": torch.rand(3, dtype=torch.complex128)}
    torch.save(tensors, tmp_path / "original.pth")
    with pytest.raises(UnwritableError, match="it is complex128") as caught:
        copy(tmp_path / "original.pth", ".safetensors")
    assert caught.value.hint == "A .pth may hold it."
    assert_same(load(copy(tmp_path / "original.pth", ".pth")), tensors)


def test_views_that_are_conjugate_or_negative_become_what_they_stand_for(
    tmp_path: Path, copy: Copy, assert_same: Same
) -> None:
    tensors = {
        "a.conj": torch.rand(3, dtype=torch.complex64).conj(),
        "a.neg": torch.rand(3, dtype=torch.complex64).conj().imag,
    }
    torch.save(tensors, tmp_path / "original.pth")
    for suffix in FORMATS:
        assert_same(load(copy(tmp_path / "original.pth", suffix)), tensors)


def test_an_optimizers_state_is_refused(tmp_path: Path, copy: Copy) -> None:
    with pytest.raises(NothingToCopyError, match="optimizer is an optimizer's state"):
        copy(training(tmp_path / "original.pth", nn.Linear(2, 2)), ".pth", "optimizer")


def test_what_was_read_in_part_is_refused(tmp_path: Path, copy: Copy) -> None:
    path = zipped(tmp_path / "original.pth", nn.Linear(2, 2))
    clean = copy(path, ".safetensors")
    clean.write_bytes(clean.read_bytes()[:-4])
    with pytest.raises(NothingToCopyError, match="could only be read in part"):
        copy(clean, ".pth")


def test_a_few_bytes_can_not_become_gigabytes(tmp_path: Path, copy: Copy) -> None:
    one = torch.rand(1_000)
    tensors = {f"a.{number}": one.expand(1_000, 1_000) for number in range(40)}
    torch.save(tensors, tmp_path / "original.pth")
    with pytest.raises(InspectorError, match="would take 160,"):
        copy(tmp_path / "original.pth", ".safetensors")
    assert copy(tmp_path / "original.pth", ".pth").stat().st_size < 20_000
