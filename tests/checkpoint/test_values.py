"""Tensors of our own making: what is read equals what torch saved, value by value."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from inspector.checkpoint import CheckpointError, open_checkpoint, room
from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.opening import Checkpoint

from .conftest import Assembler, zip_of

Save = Callable[[object], Path]

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex128, torch.complex64, torch.int64,
    torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool, torch.uint16, torch.uint32, torch.uint64,
    torch.float8_e5m2, torch.float8_e4m3fn, torch.float8_e5m2fnuz, torch.float8_e4m3fnuz, torch.float8_e8m0fnu,
]  # fmt: skip


def raw_bytes(tensor: torch.Tensor) -> bytes:
    """Return a tensor's elements in order, as bytes: the only comparison that NaN and float8 can't fool."""
    return bytes(tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes())


def example(dtype: torch.dtype, shape: tuple[int, ...] = (3, 5)) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    raw = torch.randint(0, 2 if dtype is torch.bool else 256, (*shape, dtype.itemsize), generator=generator)
    return raw.to(torch.uint8).flatten().view(dtype).reshape(shape)


def assert_equal(checkpoint: Checkpoint, name: str, expected: torch.Tensor) -> None:
    tensor = checkpoint.tensors[name]
    assert tensor.problem == ""
    assert tensor.shape == tuple(expected.shape)
    assert tensor.dtype == str(expected.dtype).removeprefix("torch.")
    assert tensor.nbytes == expected.numel() * expected.dtype.itemsize
    found = tensor.read()
    assert found.shape == tuple(expected.shape)
    assert not found.flags.writeable
    assert found.tobytes() == raw_bytes(expected)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype(save: Save, dtype: torch.dtype) -> None:
    tensors = {"a.weight": example(dtype), "a.bias": example(dtype, (2,))}
    with open_checkpoint(save(tensors)) as checkpoint:
        assert checkpoint.kind == "state_dict"
        assert checkpoint.complete
        assert checkpoint.warnings == []
        for name, tensor in tensors.items():
            assert_equal(checkpoint, name, tensor)


def test_numpy_types_are_what_their_names_say(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    values = torch.tensor([0.5, -2.0, 448.0])
    torch.save({"x.a": values.to(torch.bfloat16), "x.b": values.to(torch.float8_e4m3fn)}, path)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.tensors["x.a"].read().dtype == ml_dtypes.bfloat16
        assert checkpoint.tensors["x.a"].read().astype(np.float32).tolist() == [0.5, -2.0, 448.0]
        assert checkpoint.tensors["x.b"].read().astype(np.float32).tolist() == [0.5, -2.0, 448.0]


def test_a_dtype_that_numpy_lacks_is_one_tensor_s_problem(tmp_path: Path) -> None:
    code = Assembler().op(b"}(").text("x.four_bits").tensor((2,), (1,), key="0", kind="QUInt4x2Storage")
    code.text("x.full").tensor((4,), (1,), key="1").op(b"u")
    path = zip_of(tmp_path / "a.pth", code.done(), extra={"data/0": bytes(4), "data/1": bytes(16)})
    with open_checkpoint(path) as checkpoint:
        with pytest.raises(CheckpointError, match="quint4x2"):
            checkpoint.tensors["x.four_bits"].read()
        assert checkpoint.tensors["x.full"].read().tolist() == [0.0] * 4


def test_views_and_strides(save: Save) -> None:
    base = torch.arange(60, dtype=torch.float32).reshape(5, 12)
    tensors = {
        "v.base": base,
        "v.row": base[2],
        "v.column": base[:, 3],
        "v.transposed": base.t(),
        "v.steps": base[1::2, ::3],
        "v.permuted": torch.arange(24).reshape(2, 3, 4).permute(2, 0, 1),
        "v.expanded": torch.tensor([[1.0], [2.0]]).expand(2, 7),
        "v.scalar": torch.tensor(3.25),
        "v.of_one": torch.tensor([3]),
        "v.empty": torch.zeros(0),
        "v.empty_in_the_middle": torch.zeros(2, 0, 3),
        "v.channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    }
    with open_checkpoint(save(tensors)) as checkpoint:
        for name, tensor in tensors.items():
            assert_equal(checkpoint, name, tensor)
            assert checkpoint.tensors[name].stride == tensor.stride()
        for name in ("v.row", "v.column", "v.transposed", "v.steps"):
            assert checkpoint.tensors[name].shared_with == "v.base"
        assert checkpoint.tensors["v.permuted"].shared_with is None
        assert checkpoint.tensors["v.base"].shared_with is None


def test_tied_tensors_are_counted_once(save: Save) -> None:
    weight = torch.randn(10, 4)
    state_dict = {"encoder.weight": weight, "middle.weight": torch.randn(4, 4), "decoder.weight": weight}
    with open_checkpoint(save(state_dict)) as checkpoint:
        assert [tensor.shared_with for tensor in checkpoint.tensors] == [None, None, "encoder.weight"]
        assert checkpoint.state_dicts[0].parameters == 56


def test_two_halves_of_one_storage_share_nothing(save: Save) -> None:
    base = torch.arange(10.0)
    with open_checkpoint(save({"a.first": base[:5], "a.second": base[5:], "a.both": base[3:7]})) as checkpoint:
        assert checkpoint.tensors["a.first"].shared_with is None
        assert checkpoint.tensors["a.second"].shared_with == "a.both"
        assert checkpoint.tensors["a.both"].shared_with == "a.first"
        assert checkpoint.state_dicts[0].parameters == 10


def test_parameters_and_buffers(save: Save) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 2))
    with open_checkpoint(save(model.state_dict())) as checkpoint:
        found = checkpoint.state_dicts[0]
        assert found.parameters == sum(parameter.numel() for parameter in model.parameters())
        assert found.buffers == sum(buffer.numel() for buffer in model.buffers())
        assert checkpoint.tensors["1.num_batches_tracked"].role == "buffer"
        assert checkpoint.tensors["1.running_mean"].role == "buffer"
        assert checkpoint.tensors["1.weight"].role == "parameter"


def test_parameter_objects_and_gradients(save: Save) -> None:
    state_dict = {"a.weight": nn.Parameter(torch.ones(2)), "a.frozen": nn.Parameter(torch.ones(3), requires_grad=False)}
    with open_checkpoint(save(state_dict)) as checkpoint:
        assert [tensor.role for tensor in checkpoint.tensors] == ["parameter", "parameter"]
        assert_equal(checkpoint, "a.weight", torch.ones(2))


def test_a_tensor_alone(save: Save) -> None:
    tensor = torch.randn(4, 3)
    with open_checkpoint(save(tensor)) as checkpoint:
        assert checkpoint.kind == "tensor"
        assert len(checkpoint.tensors) == 1
        assert checkpoint.tensors[0].read().tobytes() == raw_bytes(tensor)


def test_sparse_quantized_and_meta_tensors_do_not_stop_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    tensors = {
        "a.sparse": torch.eye(3).to_sparse(),
        "a.meta": torch.zeros(5, 2, device="meta"),
        "a.plain": torch.ones(2),
    }
    torch.save(tensors, path)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.tensors["a.sparse"].layout == "sparse"
        assert checkpoint.tensors["a.meta"].shape == (5, 2)
        assert checkpoint.tensors["a.sparse"].read().tolist() == torch.eye(3).tolist()
        with pytest.raises(CheckpointError):
            checkpoint.tensors["a.meta"].read()
        assert_equal(checkpoint, "a.plain", torch.ones(2))


def test_storages_cast_to_another_dtype(save: Save) -> None:
    same = torch.arange(8, dtype=torch.uint8)
    with open_checkpoint(save({"a.bytes": same, "a.other": torch.ones(2)})) as checkpoint:
        assert_equal(checkpoint, "a.bytes", same)


def test_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    tensors = {f"layer.{dtype}".replace("torch.", ""): example(dtype) for dtype in DTYPES if not dtype.is_complex}
    tensors |= {"layer.scalar": torch.tensor(2.5), "layer.empty": torch.zeros(0, 3), "layer.cplx": torch.ones(2) * 1j}
    save_file(tensors, path, metadata={"format": "pt", "note": "ours"})
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.container == "safetensors"
        assert checkpoint.kind == "state_dict"
        assert checkpoint.safety == "safe"
        assert checkpoint.globals == []
        assert checkpoint.metadata == {"format": "pt", "note": "ours"}
        assert {tensor.name for tensor in checkpoint.tensors} == set(tensors)
        for name, tensor in tensors.items():
            assert_equal(checkpoint, name, tensor)


def test_an_unknown_safetensors_dtype_is_one_tensor_s_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    header = {
        "a.odd": {"dtype": "F6\n\0_E2M3", "shape": [4], "data_offsets": [0, 3]},
        "a.plain": {"dtype": "U8", "shape": [2], "data_offsets": [3, 5]},
    }
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\1\2\3\4\5")
    with open_checkpoint(path) as checkpoint:
        assert "unknown" in checkpoint.tensors["a.odd"].problem
        assert "\n" not in checkpoint.tensors["a.odd"].problem
        assert "\0" not in checkpoint.tensors["a.odd"].problem
        assert checkpoint.tensors["a.plain"].read().tolist() == [4, 5]


def test_a_big_endian_file(tmp_path: Path) -> None:
    path = tmp_path / "big.pth"
    torch.save({"a.weight": torch.tensor([1.5, -2.0]), "a.count": torch.tensor([7, 300])}, path)
    swapped = tmp_path / "swapped.pth"
    _swap(path, swapped)
    with open_checkpoint(swapped) as checkpoint:
        assert all(location.big_endian for location in checkpoint.contents.storages.values())
        assert checkpoint.tensors["a.weight"].read().tolist() == [1.5, -2.0]
        assert checkpoint.tensors["a.count"].read().tolist() == [7, 300]


def _swap(path: Path, out: Path) -> None:
    import zipfile

    with zipfile.ZipFile(path) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("/byteorder"):
                content = b"big"
            elif name.endswith("/data/0"):
                content = struct.pack(">2f", *struct.unpack("<2f", content))
            elif name.endswith("/data/1"):
                content = struct.pack(">2q", *struct.unpack("<2q", content))
            target.writestr(name, content)


def test_a_repacked_archive_with_deflated_records(tmp_path: Path) -> None:
    """Deflated sizes can equal the stored ones by chance, so records of many sizes are tried."""
    import zipfile

    path, packed = tmp_path / "a.pth", tmp_path / "packed.pth"
    generator = torch.Generator().manual_seed(0)
    tensors = {
        f"a.{size}": torch.randint(0, 128 + size % 64, (size,), generator=generator).to(torch.uint8)
        for size in range(20, 400)
    }
    tensors["a.zeros"] = torch.zeros(500_000)
    torch.save(tensors, path)
    same = 0
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
        same = sum(info.file_size == info.compress_size for info in target.infolist() if "/data/" in info.filename)
    with open_checkpoint(packed) as checkpoint:
        for name, tensor in tensors.items():
            assert_equal(checkpoint, name, tensor)
    assert same > 0


def test_an_archive_without_checksums(tmp_path: Path) -> None:
    """torch can leave them out to save time, and then writes zeros."""
    path = tmp_path / "a.pth"
    weights = {"a.weight": torch.arange(6.0).reshape(2, 3)}
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(weights, path)
    finally:
        torch.serialization.set_crc32_options(True)
    with zipfile.ZipFile(path) as archive:
        assert {entry.CRC for entry in archive.infolist()} == {0}
    assert torch.equal(torch.load(path, weights_only=True)["a.weight"], weights["a.weight"])
    with open_checkpoint(path) as checkpoint:
        assert (checkpoint.complete, checkpoint.safety, checkpoint.warnings) == (True, "safe", [])
        assert checkpoint.tensors["a.weight"].read().tolist() == weights["a.weight"].tolist()


def test_a_file_that_changes_while_open_is_noticed(save: Save) -> None:
    path = save({"a.weight": torch.ones(3)})
    with open_checkpoint(path) as checkpoint:
        path.write_bytes(path.read_bytes() + b"x")
        with pytest.raises(CheckpointError, match="changed"):
            checkpoint.tensors[0].read()


def test_reading_imports_no_torch_and_touches_no_tensor_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pth"
    torch.save({"a.weight": torch.zeros(1_000_000)}, path)
    from inspector.checkpoint.source import Source

    read: list[int] = []
    honest = Source.require  # every way of reading asks it first

    def counted(self: Source, offset: int, length: int) -> None:
        read.append(length)
        honest(self, offset, length)

    monkeypatch.setattr(Source, "require", counted)
    with open_checkpoint(path) as checkpoint:
        assert len(checkpoint.tensors) == 1
        assert sum(read) < 80_000
        checkpoint.tensors[0].read()
        assert sum(read) >= 4_000_000


def test_a_tensor_larger_than_the_free_memory_is_not_read_whole(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:       3 kB\n")
    monkeypatch.setattr(room, "_MEMINFO", str(tmp_path / "meminfo"))
    monkeypatch.setattr(room, "FREE_WHOLE_BYTES", 1_000)
    with open_checkpoint(save({"large": torch.ones(1_000), "small": torch.ones(600)})) as checkpoint:
        assert len(checkpoint.tensors["small"].dequantize()) == 600
        with pytest.raises(TensorReadError, match=r"takes 4,000 bytes of memory, and 3,072 are free"):
            checkpoint.tensors["large"].dequantize()
        monkeypatch.setattr(room, "_MEMINFO", str(tmp_path / "none"))
        assert len(checkpoint.tensors["large"].dequantize()) == 1_000, "a system that does not tell is asked by trying"
