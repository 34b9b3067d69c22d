"""Distributed checkpoints: tensors put together from chunks over several files, compared with torch's own loading."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributed.checkpoint.filesystem import _StorageInfo
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save
from torch.distributed.checkpoint.metadata import (
    BytesStorageMetadata,
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorProperties,
    TensorStorageMetadata,
)
from torch.distributed.checkpoint.state_dict_saver import save

from inspector.checkpoint import Checkpoint, CheckpointError, open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.flattened import nest
from inspector.checkpoint.source import InspectedFiles
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.tensor_bytes import read_tensor
from inspector.checkpoint.values import PickledDict

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of saving in one process, and of its own old names

Chunks = list[tuple[tuple[int, ...], torch.Tensor]]


class Ranks:
    """A distributed checkpoint laid out by hand, as so many processes would have written it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, io.BytesIO] = {}
        self.metadata = Metadata({}, None, {}, version="1.0.0")
        folder.mkdir(exist_ok=True)

    def put(self, rank: int, index: MetadataIndex, content: object) -> None:
        """Append a value's archive to a rank's file."""
        name = f"__{rank}_0.distcp"
        file = self.files.setdefault(name, io.BytesIO())
        offset = file.tell()
        torch.save(content, file)
        self.metadata.storage_data[index] = _StorageInfo(name, offset, file.tell() - offset)

    def tensor(self, name: str, whole: torch.Tensor, starts: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
        """Add a tensor whose chunks, (start, sizes), are written by rank 0, 1, ... in turn."""
        chunks = []
        for rank, (start, sizes) in enumerate(starts):
            window = whole[tuple(slice(a, a + n) for a, n in zip(start, sizes, strict=True))]
            self.put(rank, MetadataIndex(name, start, rank), window.clone())
            chunks.append(ChunkStorageMetadata(torch.Size(start), torch.Size(sizes)))
        properties = TensorProperties(whole.dtype)
        self.metadata.state_dict_metadata[name] = TensorStorageMetadata(properties, whole.shape, chunks)

    def value(self, name: str, content: object, rank: int = 0) -> None:
        """Add what is no tensor."""
        self.put(rank, MetadataIndex(name), content)
        self.metadata.state_dict_metadata[name] = BytesStorageMetadata()

    def write(self) -> Path:
        for name, file in self.files.items():
            (self.folder / name).write_bytes(file.getvalue())
        (self.folder / ".metadata").write_bytes(pickle.dumps(self.metadata))
        return self.folder


def flat(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors of nested dicts and lists by their dotted names."""
    if isinstance(value, torch.Tensor):
        yield ".".join(path), value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from flat(item, (*path, str(key)))


def by_torch(folder: Path) -> dict[str, torch.Tensor]:
    """Return what torch itself loads from a checkpoint that was made here."""
    together = folder.parent / "together.pth"
    dcp_to_torch_save(folder, together)
    return dict(flat(torch.load(together, weights_only=True)))


def assert_equal(checkpoint: Checkpoint, wanted: dict[str, torch.Tensor]) -> None:
    assert {tensor.name: tensor.problem for tensor in checkpoint.tensors} == dict.fromkeys(wanted, "")
    for tensor in checkpoint.tensors:
        expected = wanted[tensor.name]
        assert (tensor.shape, f"torch.{tensor.dtype}") == (tuple(expected.shape), str(expected.dtype))
        assert np.array_equal(tensor.read().astype(np.float64), expected.to(torch.float64).numpy())


def grid(top: int, left: int, height: int, width: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return four chunks of a matrix, cut at (top, left)."""
    return [
        ((0, 0), (top, left)),
        ((0, left), (top, width - left)),
        ((top, 0), (height - top, left)),
        ((top, left), (height - top, width - left)),
    ]


@pytest.fixture
def ranks(tmp_path: Path) -> Ranks:
    """Four ranks: cut along dimension 0, along 1, along both, unevenly, and not at all."""
    made = Ranks(tmp_path / "ranks")
    whole = torch.arange(35.0).reshape(5, 7)
    made.tensor("model.rows.weight", whole, [((0, 0), (3, 7)), ((3, 0), (2, 7))])
    made.tensor("model.columns.weight", whole.to(torch.bfloat16), [((0, 0), (5, 4)), ((0, 4), (5, 3))])
    made.tensor("model.grid.weight", whole * 2, grid(3, 4, 5, 7))
    made.tensor("model.one.weight", whole.t().contiguous(), [((0, 0), (7, 5))])
    made.tensor("model.few.bias", torch.arange(3), [((0,), (2,)), ((2,), (1,)), ((3,), (0,)), ((3,), (0,))])
    made.tensor("model.scalar", torch.tensor(2.5), [((), ())])
    made.value("epoch", 3)
    made.value("args", {"lr": 0.5, "nested": [1, {"a": torch.ones(2)}]}, 1)
    return made


def test_chunks_are_put_together_as_torch_does(ranks: Ranks) -> None:
    folder = ranks.write()
    with open_checkpoint(folder) as checkpoint:
        assert checkpoint.container == "distributed"
        assert checkpoint.path == folder
        assert (checkpoint.complete, checkpoint.safety, checkpoint.warnings) == (True, "safe", [])
        assert [file.path.name for file in checkpoint.files] == [".metadata", *(f"__{n}_0.distcp" for n in range(4))]
        assert_equal(checkpoint, by_torch(folder))
        assert checkpoint.metadata["epoch"] == 3
        layouts = {tensor.name: tensor.layout for tensor in checkpoint.tensors}
        assert layouts["model.grid.weight"] == "chunked"
        assert layouts["model.one.weight"] == "strided"


def test_it_crosses_the_border(ranks: Ranks) -> None:
    folder = ranks.write()
    with open_checkpoint(folder) as checkpoint:
        header, buffers = encode(checkpoint)
    summary = CheckpointSummary(json.loads(json.dumps(header)), buffers)
    wanted = by_torch(folder)
    with InspectedFiles(summary.files) as files:
        for tensor, name in enumerate(summary.names):
            values = read_tensor(files, summary.place(tensor)).astype(np.float64)
            assert np.array_equal(values, wanted[name].to(torch.float64).numpy())


def test_a_training_checkpoint_of_torch_s_own(tmp_path: Path) -> None:
    from torch.distributed.checkpoint.state_dict import get_state_dict

    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(1, 3, 8, 8)).sum().backward()
    optimizer.step()
    weights, moments = get_state_dict(model, optimizer)
    folder = tmp_path / "trained"
    save({"model": weights, "optim": moments, "epoch": 3, "list": [1, [2.5, {"a": torch.ones(2)}]]},
         checkpoint_id=folder, no_dist=True)  # fmt: skip
    with open_checkpoint(folder) as checkpoint:
        assert (checkpoint.kind, checkpoint.complete, checkpoint.safety) == ("training_checkpoint", True, "safe")
        assert_equal(checkpoint, by_torch(folder))
        assert [(found.path, found.role) for found in checkpoint.state_dicts] == [
            ("model", "model"), ("optim", "optimizer"),
        ]  # fmt: skip
        assert checkpoint.tensors["model.1.running_mean"].role == "buffer"
        assert checkpoint.tensors["optim.state.0.weight.exp_avg"].role == "optimizer"
    with open_checkpoint(folder / ".metadata") as checkpoint:
        assert checkpoint.container == "distributed"


def test_a_flat_state_dict_of_torch_s_own(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    save(model.state_dict(), checkpoint_id=tmp_path / "flat", no_dist=True)
    with open_checkpoint(tmp_path / "flat") as checkpoint:
        assert checkpoint.kind == "state_dict"
        assert [tensor.key for tensor in checkpoint.tensors] == list(model.state_dict())
        assert_equal(checkpoint, model.state_dict())


@pytest.mark.parametrize(
    "dtype",
    "float64 float32 float16 bfloat16 float8_e4m3fn float8_e5m2 int64 int32 int16 int8 uint8 bool complex64".split(),
)
def test_every_dtype_to_the_last_bit(tmp_path: Path, dtype: str) -> None:
    made = Ranks(tmp_path / "ranks")
    values = torch.arange(35).reshape(5, 7) % 2 if dtype == "bool" else torch.arange(35).reshape(5, 7)
    made.tensor("grid.weight", values.to(getattr(torch, dtype)), grid(2, 3, 5, 7))
    made.tensor("none.weight", values[:0].to(getattr(torch, dtype)), [((0, 0), (0, 7))])
    folder = made.write()
    wanted = by_torch(folder)
    with open_checkpoint(folder) as checkpoint:
        assert {tensor.name: f"torch.{tensor.dtype}" for tensor in checkpoint.tensors} == {
            name: str(tensor.dtype) for name, tensor in wanted.items()
        }
        for tensor in checkpoint.tensors:
            assert tensor.read().tobytes() == wanted[tensor.name].view(torch.uint8).numpy().tobytes()


_TWO_PROCESSES = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

def work(rank, folder):
    from torch.distributed.checkpoint.state_dict_saver import save
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor
    dist.init_process_group("gloo", init_method=(Path(folder) / "meeting").as_uri(), rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    whole = torch.arange(35.0).reshape(5, 7)
    placements = {"rows": Shard(0), "columns": Shard(1), "copies": Replicate()}
    model = {f"{name}.weight": distribute_tensor(whole, mesh, [how]) for name, how in placements.items()}
    save({"model": model, "epoch": 4}, checkpoint_id=Path(folder) / "checkpoint")
    dist.destroy_process_group()

if __name__ == "__main__":
    mp.start_processes(work, (sys.argv[1],), nprocs=2, start_method="fork")
"""


@pytest.mark.skipif(not torch.distributed.is_available() or sys.platform != "linux", reason="needs gloo and fork")
def test_two_processes_of_torch_s_own(tmp_path: Path) -> None:
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo"}
    script = textwrap.dedent(_TWO_PROCESSES)
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], check=True, env=environment, timeout=300, capture_output=True
    )
    folder = tmp_path / "checkpoint"
    with open_checkpoint(folder) as checkpoint:
        assert {file.path.name for file in checkpoint.files} == {".metadata", "__0_0.distcp", "__1_0.distcp"}
        assert (checkpoint.complete, checkpoint.safety) == (True, "safe")
        assert_equal(checkpoint, by_torch(folder))
        assert {tensor.key: tensor.layout for tensor in checkpoint.tensors} == {
            "rows.weight": "chunked", "columns.weight": "chunked", "copies.weight": "strided",
        }  # fmt: skip


# -- what is missing or damaged -------------------------------------------------------------------------------------


def problems(folder: Path) -> dict[str, str]:
    with open_checkpoint(folder) as checkpoint:
        assert not checkpoint.complete
        assert checkpoint.safety == "needs_trust"  # what was not walked may name anything
        return {tensor.key: tensor.problem for tensor in checkpoint.tensors if tensor.problem}


def test_a_missing_file(ranks: Ranks) -> None:
    folder = ranks.write()
    (folder / "__1_0.distcp").unlink()
    found = problems(folder)
    assert set(found) == {"model.rows.weight", "model.columns.weight", "model.grid.weight", "model.few.bias"}
    assert set(found.values()) == {"a part of it lies in __1_0.distcp, which can't be read"}
    with open_checkpoint(folder) as checkpoint:
        assert checkpoint.warnings == [
            "__1_0.distcp is missing. 4 tensors and 1 other value lie in it, at least in part."
        ]
        assert checkpoint.tensors["model.one.weight"].read().shape == (7, 5)


def test_a_file_cut_short(ranks: Ranks) -> None:
    folder = ranks.write()
    file = folder / "__3_0.distcp"
    file.write_bytes(file.read_bytes()[:1_000])
    assert problems(folder) == {"model.grid.weight": "its bytes are missing: __3_0.distcp is cut short"}


def test_an_empty_chunk_that_is_missing_takes_no_value_along(ranks: Ranks) -> None:
    """A rank without a share writes an empty chunk, whose archive may name anything all the same."""
    folder = ranks.write()
    file = folder / "__3_0.distcp"
    file.write_bytes(file.read_bytes()[:-10])
    assert problems(folder) == {}
    with open_checkpoint(folder) as checkpoint:
        assert checkpoint.warnings == [
            "One thing in __3_0.distcp can't be read: its bytes are missing: __3_0.distcp is cut short."
        ]
        assert checkpoint.tensors["model.few.bias"].read().tolist() == [0, 1, 2]


def test_an_archive_that_is_damaged(ranks: Ranks) -> None:
    folder = ranks.write()
    file = folder / "__3_0.distcp"
    file.write_bytes(b"X" * 64 + file.read_bytes()[64:])
    assert set(problems(folder)) == {"model.grid.weight"}


def test_a_metadata_cut_short(ranks: Ranks) -> None:
    file = ranks.write() / ".metadata"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"\.metadata is damaged"):
        open_checkpoint(file.parent)


def test_without_its_metadata(ranks: Ranks) -> None:
    folder = ranks.write()
    (folder / ".metadata").unlink()
    with pytest.raises(CheckpointError, match=r"parts of a distributed checkpoint, but not the \.metadata"):
        open_checkpoint(folder)


def test_one_part_alone_points_to_its_folder(ranks: Ranks) -> None:
    with pytest.raises(CheckpointError, match="is one part of a distributed checkpoint") as raised:
        open_checkpoint(ranks.write() / "__0_0.distcp")
    assert raised.value.hint == "Open its folder, or the .metadata in it."


def test_what_an_extension_packed(ranks: Ranks) -> None:
    for index, info in ranks.metadata.storage_data.items():
        if index.fqn == "model.rows.weight":
            info.transform_descriptors = ["zstd.1"]
    found = problems(ranks.write())
    assert found == {"model.rows.weight": "it is packed by torch's extension zstd.1, which Inspector can't unpack"}


Change = Callable[[Metadata], None]


def _chunk_twice(metadata: Metadata) -> None:
    described = metadata.state_dict_metadata["model.rows.weight"]
    assert isinstance(described, TensorStorageMetadata)
    described.chunks[1].sizes = torch.Size((1, 7))


def _larger(metadata: Metadata) -> None:
    described = metadata.state_dict_metadata["model.rows.weight"]
    assert isinstance(described, TensorStorageMetadata)
    described.size = torch.Size((6, 7))


def _other_dtype(metadata: Metadata) -> None:
    described = metadata.state_dict_metadata["model.rows.weight"]
    assert isinstance(described, TensorStorageMetadata)
    described.properties.dtype = torch.int32


def _unplaced(metadata: Metadata) -> None:
    del metadata.storage_data[MetadataIndex("model.rows.weight", (3, 0))]


def _no_chunks(metadata: Metadata) -> None:
    described = metadata.state_dict_metadata["model.rows.weight"]
    assert isinstance(described, TensorStorageMetadata)
    described.chunks.clear()


def _a_value_as_chunk(metadata: Metadata) -> None:
    data = metadata.storage_data
    first = MetadataIndex("model.rows.weight", (0, 0))
    data[first], data[MetadataIndex("epoch")] = data[MetadataIndex("epoch")], data[first]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_chunk_twice, "one of its chunks is not what the metadata tells"),
        (_larger, "its chunks don't make up its shape"),
        (_other_dtype, "one of its chunks is not what the metadata tells"),
        (_unplaced, "the metadata does not tell where one of its chunks lies"),
        (_no_chunks, "it has no chunks"),
        (_a_value_as_chunk, "one of its chunks is no plain tensor"),
    ],
)
def test_chunks_that_contradict_the_metadata(ranks: Ranks, change: Change, problem: str) -> None:
    change(ranks.metadata)
    with open_checkpoint(ranks.write()) as checkpoint:
        assert {tensor.key: tensor.problem for tensor in checkpoint.tensors if tensor.problem} == {
            "model.rows.weight": problem
        }


# -- safety ---------------------------------------------------------------------------------------------------------


class Acting:
    """Would run a command where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.system, ("exit 1",)


@pytest.mark.parametrize("where", ["value", "chunk", "metadata"])
def test_what_any_archive_names_is_judged(ranks: Ranks, where: str) -> None:
    if where == "value":
        ranks.value("hook", Acting(), 2)
    elif where == "chunk":
        ranks.tensor("model.bad.weight", torch.zeros(2), [((0,), (2,))])
        ranks.put(1, MetadataIndex("model.bad.weight", (0,)), [torch.zeros(2), Acting()])
    else:
        ranks.metadata.planner_data = Acting()
    with open_checkpoint(ranks.write()) as checkpoint:
        assert checkpoint.safety == "dangerous"
        assert len([name for name, verdict in checkpoint.globals if verdict == "dangerous"]) == 1


@pytest.mark.parametrize("name", ["../__0_0.distcp", "/etc/passwd", "sub/x.distcp", "C:x", ""])
def test_files_outside_of_the_folder_are_refused(ranks: Ranks, name: str) -> None:
    ranks.metadata.storage_data[MetadataIndex("epoch")].relative_path = name
    with pytest.raises(CheckpointError, match=r"\.metadata is refused: it names the file"):
        open_checkpoint(ranks.write())


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need a privilege there")
def test_links_and_pipes(ranks: Ranks, tmp_path: Path) -> None:
    folder = ranks.write()
    part = folder / "__1_0.distcp"
    content = part.read_bytes()
    part.unlink()
    (tmp_path / "secret").write_bytes(content)
    part.symlink_to("../secret")
    with pytest.raises(CheckpointError, match=r"is refused: it names the file '__1_0\.distcp', a link that leads out"):
        open_checkpoint(folder)
    part.unlink()
    os.mkfifo(part)
    assert "model.rows.weight" in problems(folder)
    with open_checkpoint(folder) as checkpoint:
        assert checkpoint.warnings[0].startswith("__1_0.distcp is not an ordinary file.")
    part.unlink()
    part.symlink_to("__0_0.distcp")
    assert "model.rows.weight" in problems(folder)
    with open_checkpoint(folder) as checkpoint:
        assert checkpoint.warnings[0].startswith("__1_0.distcp is the same file as another one of them.")
    part.unlink()
    (folder / "blob").write_bytes(content)
    part.symlink_to("blob")
    with open_checkpoint(folder) as checkpoint:
        assert checkpoint.complete


def test_a_metadata_that_names_a_host_of_files_is_refused(ranks: Ranks, monkeypatch: pytest.MonkeyPatch) -> None:
    from inspector.checkpoint import distributed_container

    folder = ranks.write()
    monkeypatch.setattr(distributed_container, "MAX_PARTS", 3)
    with pytest.raises(CheckpointError, match=r"\.metadata names more than 3 files"):
        open_checkpoint(folder)


def test_a_place_outside_of_its_file(ranks: Ranks) -> None:
    ranks.metadata.storage_data[MetadataIndex("model.one.weight", (0, 0))].length = 2**50
    assert problems(ranks.write()) == {
        "model.one.weight": "its bytes are missing: __0_0.distcp is cut short"
    }  # fmt: skip


def test_chunks_that_lie_in_each_other_leave_gaps_or_stick_out(ranks: Ranks) -> None:
    whole = torch.arange(35.0).reshape(5, 7)
    ranks.tensor("overlap.weight", whole, [((0, 0), (3, 7)), ((2, 0), (2, 7))])  # as many elements as there should be
    ranks.tensor("gap.weight", whole, [((0, 0), (3, 7)), ((4, 0), (1, 7))])
    ranks.tensor("alone.weight", whole, [((1, 0), (4, 7))])
    ranks.tensor("out.weight", torch.zeros(9, 7), [((0, 0), (3, 7)), ((4, 0), (2, 7))])
    described = ranks.metadata.state_dict_metadata["out.weight"]
    assert isinstance(described, TensorStorageMetadata)
    described.size = torch.Size((5, 7))
    with open_checkpoint(ranks.write()) as checkpoint:
        found = {tensor.name: tensor.problem for tensor in checkpoint.tensors if tensor.problem}
        assert found == dict.fromkeys(
            ["overlap.weight", "gap.weight", "alone.weight", "out.weight"], "its chunks don't make up its shape"
        )
        with pytest.raises(CheckpointError, match=r"^gap\.weight can't be read: its chunks don't make up its shape\.$"):
            checkpoint.tensors["gap.weight"].read()


@pytest.mark.parametrize("along", [0, 1])
def test_thousands_of_chunks_are_compared_in_no_time(along: int) -> None:
    import time

    from inspector.checkpoint.chunks import covers
    from inspector.checkpoint.values import TensorPart, TensorValue

    count = 20_000
    shape, size = ((count, 2), (1, 2)) if along == 0 else ((2, count), (2, 1))
    chunks = [
        TensorPart("chunk", (n, 0) if along == 0 else (0, n), TensorValue(None, 0, size, (2, 1), "float32"))
        for n in range(count)
    ]
    began = time.process_time()
    assert covers(shape, chunks)
    assert time.process_time() - began < 5  # all pairs would take minutes


def test_archives_that_lie_in_each_other_are_walked_once(ranks: Ranks) -> None:
    """Else a metadata of kilobytes could have megabytes walked a thousand times."""
    place = ranks.metadata.storage_data[MetadataIndex("args")]
    for number in range(50):
        name = f"again.{number}"
        ranks.metadata.state_dict_metadata[name] = BytesStorageMetadata()
        ranks.metadata.storage_data[MetadataIndex(name)] = _StorageInfo(place.relative_path, place.offset, place.length)
    with open_checkpoint(ranks.write()) as checkpoint:
        assert not checkpoint.complete
        assert any("on the same bytes of __1_0.distcp" in warning for warning in checkpoint.warnings)


def test_sizes_beyond_everything_are_refused(ranks: Ranks) -> None:
    """No number of the metadata makes us allocate."""
    described = ranks.metadata.state_dict_metadata["model.one.weight"]
    assert isinstance(described, TensorStorageMetadata)
    described.size = torch.Size((2**40, 2**40))
    place = ranks.metadata.storage_data[MetadataIndex("epoch")]
    place.offset, place.length = 2**58, 2**58
    ranks.metadata.planner_data = {"args": ("args", 2**30, "deep"), "epoch": ("args", -1)}
    with open_checkpoint(ranks.write()) as checkpoint:
        assert "model.one.weight" not in {tensor.name for tensor in checkpoint.tensors}
        assert not checkpoint.complete


# -- nesting --------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    if isinstance(value, PickledDict):
        return {key: plain(item) for key, item in value.pairs()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("paths", "nested"),
    [
        ({"a.b": ("a", "b"), "c": ("c",)}, {"a": {"b": 1}, "c": 2}),
        ({"a.b": ("a", 0), "c": ("a", 1)}, {"a": [1, 2]}),
        ({"a.b": ("a", 1), "c": ("a", 5)}, {"a": {1: 1, 5: 2}}),
        ({"a.b": ("a",), "c": ("a", "b")}, {"a": 1, "c": 2}),
        ({"a.b": ("a", "b"), "c": ("a",)}, {"a": {"b": 1}, "c": 2}),
        ({"a.b": ("a",) * 1_000, "c": (0,)}, {"a.b": 1, "c": 2}),
        ({"a.b": ("a", 2**40)}, {"a.b": 1, "c": 2}),
        ({"a.b": "ab", "c": ()}, {"a.b": 1, "c": 2}),
        (None, {"a.b": 1, "c": 2}),
    ],
)
def test_values_are_nested_by_their_paths(paths: dict[str, Any] | None, nested: dict[str, Any]) -> None:
    mapping = None if paths is None else PickledDict("dict", [piece for pair in paths.items() for piece in pair])
    assert plain(nest({"a.b": 1, "c": 2}, mapping)) == nested
