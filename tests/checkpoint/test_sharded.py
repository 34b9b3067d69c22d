"""Sharded checkpoints: an index and its parts as one tree, whatever is missing, misplaced or meant badly."""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from inspector.checkpoint import CheckpointError, open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.source import InspectedFiles
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.tensor_bytes import read_tensor

Tensors = dict[str, torch.Tensor]


def part_name(place: int, count: int, kind: str) -> str:
    stem, suffix = ("model", "safetensors") if kind == "safetensors" else ("pytorch_model", "bin")
    return f"{stem}-{place + 1:05}-of-{count:05}.{suffix}"


def index_name(kind: str) -> str:
    return "model.safetensors.index.json" if kind == "safetensors" else "pytorch_model.bin.index.json"


def sharded(folder: Path, kind: str, parts: list[Tensors]) -> Path:
    """Write a checkpoint as transformers does; return its index."""
    weight_map: dict[str, str] = {}
    for place, tensors in enumerate(parts):
        name = part_name(place, len(parts), kind)
        weight_map |= dict.fromkeys(tensors, name)
        if kind == "safetensors":
            save_file(tensors, folder / name, metadata={"format": "pt"})
        else:
            torch.save(tensors, folder / name, _use_new_zipfile_serialization=kind == "bin")
    total = sum(tensor.nbytes for tensors in parts for tensor in tensors.values())
    return indexed(folder / index_name(kind), weight_map, total_size=total)


def indexed(path: Path, weight_map: Any, **metadata: Any) -> Path:
    path.write_text(json.dumps({"metadata": metadata, "weight_map": weight_map}, indent=2), encoding="utf-8")
    return path


def three_parts() -> list[Tensors]:
    """Return tensors whose names sort otherwise than they lie in the files."""
    torch.manual_seed(0)
    return [
        {"z.embed.weight": torch.rand(6, 4), "a.norm.weight": torch.rand(4).to(torch.bfloat16)},
        {"h.1.weight": torch.rand(4, 4).t().contiguous(), "h.1.bias": torch.rand(4)},
        {"b.head.weight": torch.rand(6, 4)[1:3].clone(), "steps": torch.tensor(7)},
    ]


@pytest.fixture(params=["safetensors", "bin", "legacy"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def assert_equal(path: Path, parts: list[Tensors]) -> None:
    wanted = {name: tensor for tensors in parts for name, tensor in tensors.items()}
    with open_checkpoint(path) as checkpoint:
        assert [tensor.problem for tensor in checkpoint.tensors] == [""] * len(wanted)
        assert {tensor.name for tensor in checkpoint.tensors} == set(wanted)
        for tensor in checkpoint.tensors:
            expected = wanted[tensor.name]
            assert str(expected.dtype) == f"torch.{tensor.dtype}"
            assert np.array_equal(tensor.read().astype(np.float64), expected.to(torch.float64).numpy())


def test_the_parts_are_one_tree(tmp_path: Path, kind: str) -> None:
    parts = three_parts()
    index = sharded(tmp_path, kind, parts)
    assert_equal(index, parts)
    with open_checkpoint(index) as checkpoint:
        assert checkpoint.container == "sharded"
        assert checkpoint.kind == "state_dict"
        assert checkpoint.complete
        assert checkpoint.safety == "safe"
        assert checkpoint.warnings == []
        assert checkpoint.metadata["total_size"] == 96 + 8 + 64 + 16 + 32 + 8
        assert [file.path.name for file in checkpoint.files] == [index.name, *(part_name(n, 3, kind) for n in range(3))]
        names = [tensor.name for tensor in checkpoint.tensors]
        # Part by part, as the model was laid out; safetensors itself sorts within a part.
        assert [name.split(".")[0] for name in sorted(names, key=names.index)][-2:] in (["b", "steps"], ["steps", "b"])


def test_the_folder_opens_as_its_index_does(tmp_path: Path, kind: str) -> None:
    parts = three_parts()
    index = sharded(tmp_path, kind, parts)
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "tf_model.h5.index.json").write_text("{}", encoding="utf-8")
    assert_equal(tmp_path, parts)
    with open_checkpoint(tmp_path) as checkpoint:
        assert checkpoint.path == tmp_path
        assert checkpoint.files[0].path == index


def test_it_crosses_the_border(tmp_path: Path, kind: str) -> None:
    parts = three_parts()
    sharded(tmp_path, kind, parts)
    with open_checkpoint(tmp_path) as checkpoint:
        header, buffers = encode(checkpoint)
    summary = CheckpointSummary(json.loads(json.dumps(header)), buffers)
    assert summary.path == str(tmp_path)
    assert summary.size == sum(file.stat().st_size for file in tmp_path.iterdir())
    with InspectedFiles(summary.files) as files:
        for tensor, name in enumerate(summary.names):
            values = read_tensor(files, summary.place(tensor)).astype(np.float64)
            expected = next(tensors[name] for tensors in parts if name in tensors)
            assert np.array_equal(values, expected.to(torch.float64).numpy())


def test_tied_tensors_of_two_parts_do_not_share(tmp_path: Path) -> None:
    """Storages of torch's files are called 0, 1, ... in each of them."""
    sharded(tmp_path, "bin", [{"a.weight": torch.ones(2)}, {"b.weight": torch.zeros(2)}])
    with open_checkpoint(tmp_path) as checkpoint:
        assert [tensor.shared_with for tensor in checkpoint.tensors] == [None, None]
        assert checkpoint.state_dicts[0].parameters == 4


def test_torch_s_own_writer_of_safetensors(tmp_path: Path) -> None:
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
    from torch.distributed.checkpoint.state_dict_saver import save

    tensors = {"a.weight": torch.rand(3, 2), "b.weight": torch.rand(2)}
    writer = HuggingFaceStorageWriter(str(tmp_path), fqn_to_index_mapping={"a.weight": 1, "b.weight": 2})
    save(tensors, storage_writer=writer, no_dist=True)
    assert_equal(tmp_path, [tensors])
    with open_checkpoint(tmp_path) as checkpoint:
        assert checkpoint.container == "sharded"
        assert set(checkpoint.metadata) == {"total_size", "format", "DCP_VERSION"}


# -- what is missing or misplaced -----------------------------------------------------------------------------------


def test_a_missing_part(tmp_path: Path, kind: str) -> None:
    parts = three_parts()
    index = sharded(tmp_path, kind, parts)
    (tmp_path / part_name(1, 3, kind)).unlink()
    assert_equal(index, [parts[0], parts[2]])
    with open_checkpoint(index) as checkpoint:
        assert not checkpoint.complete
        assert checkpoint.safety == ("safe" if kind == "safetensors" else "needs_trust")
        assert checkpoint.warnings == [f"The part {part_name(1, 3, kind)} is missing, and 2 tensors with it."]


def test_a_part_that_is_a_pointer_only(tmp_path: Path, kind: str) -> None:
    parts = three_parts()
    index = sharded(tmp_path, kind, parts)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    (tmp_path / part_name(0, 3, kind)).write_bytes(pointer)
    assert_equal(index, parts[1:])
    with open_checkpoint(index) as checkpoint:
        assert not checkpoint.complete
        assert checkpoint.safety == "needs_trust"  # whatever the real part names
        assert "Git LFS pointer" in checkpoint.warnings[0]
    for place in (1, 2):
        (tmp_path / part_name(place, 3, kind)).write_bytes(pointer)
    with pytest.raises(CheckpointError, match="Git LFS pointer"):
        open_checkpoint(index)


def test_no_part_at_all(tmp_path: Path, kind: str) -> None:
    index = sharded(tmp_path, kind, three_parts())
    for place in range(3):
        (tmp_path / part_name(place, 3, kind)).unlink()
    with pytest.raises(CheckpointError, match=r"names 3 parts.* none of them is in its folder"):
        open_checkpoint(index)


def test_a_part_cut_short(tmp_path: Path) -> None:
    parts = three_parts()
    index = sharded(tmp_path, "safetensors", parts)
    last = tmp_path / part_name(2, 3, "safetensors")
    last.write_bytes(last.read_bytes()[:-4])
    with open_checkpoint(index) as checkpoint:
        assert not checkpoint.complete
        assert checkpoint.warnings == [f"{last.name}: The file is cut short: 4 bytes are missing."]
        assert sum(bool(tensor.problem) for tensor in checkpoint.tensors) == 1


def test_tensors_that_are_not_where_the_index_says(tmp_path: Path) -> None:
    first, second = part_name(0, 2, "bin"), part_name(1, 2, "bin")
    torch.save({"a.weight": torch.zeros(1), "b.weight": torch.zeros(1), "x.weight": torch.ones(1)}, tmp_path / first)
    torch.save({"b.weight": torch.ones(1)}, tmp_path / second)
    index = indexed(tmp_path / index_name("bin"), {"a.weight": first, "b.weight": second, "c.weight": second})
    with open_checkpoint(index) as checkpoint:
        assert not checkpoint.complete
        assert {tensor.name: tensor.read().tolist() for tensor in checkpoint.tensors} == {
            "a.weight": [0], "b.weight": [1], "x.weight": [1],
        }  # fmt: skip
        assert checkpoint.warnings == [
            f"{first} holds 2 tensors that the index does not place there, such as 'b.weight'.",
            f"{second} lacks 1 tensor that the index places there, such as 'c.weight'.",
        ]


def test_one_part_alone_names_its_index(tmp_path: Path, kind: str) -> None:
    parts = three_parts()
    index = sharded(tmp_path, kind, parts)
    assert_equal(tmp_path / part_name(1, 3, kind), [parts[1]])
    with open_checkpoint(tmp_path / part_name(1, 3, kind)) as checkpoint:
        assert checkpoint.container == {"bin": "zip"}.get(kind, kind)
        assert checkpoint.warnings == [
            f"This is part 2 of 3 of a sharded checkpoint alone. Open {index.name} to see all of it."
        ]
    index.unlink()
    with open_checkpoint(tmp_path / part_name(1, 3, kind)) as checkpoint:
        assert checkpoint.warnings == ["This is part 2 of 3 of a sharded checkpoint alone. Its index is not here."]


# -- safety ---------------------------------------------------------------------------------------------------------


class Acting:
    """Would run a command where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.system, ("exit 1",)


def test_one_dangerous_part_makes_the_whole_dangerous(tmp_path: Path) -> None:
    index = sharded(tmp_path, "bin", [{"a.weight": torch.ones(1)}, {"b.weight": torch.ones(1)}])
    (tmp_path / part_name(1, 2, "bin")).write_bytes(pickle.dumps({"b.weight": Acting()}))
    with open_checkpoint(index) as checkpoint:
        assert checkpoint.safety == "dangerous"
        assert (f"{os.name}.system", "dangerous") in [
            (name.replace("posix", os.name), v) for name, v in checkpoint.globals
        ]
        assert [tensor.name for tensor in checkpoint.tensors] == ["a.weight"]


class Misusing:
    """Says of a dtype what NumPy itself never does."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return np.dtype, ([("a", "f4")], False, True)


def test_a_harmless_name_put_to_a_harmful_use_in_a_part_is_told(tmp_path: Path) -> None:
    index = sharded(tmp_path, "bin", [{"a.weight": torch.ones(1)}, {"b.weight": torch.ones(1)}])
    torch.save({"b.weight": torch.ones(1), "b.kind": Misusing()}, tmp_path / part_name(1, 2, "bin"))
    with open_checkpoint(index) as checkpoint:
        assert checkpoint.safety == "needs_trust"
        assert any("NumPy" in warning for warning in checkpoint.warnings)


@pytest.mark.parametrize(
    "name",
    ["../a.bin", "/etc/passwd", "sub/a.bin", "..", ".", "", "a\\b.bin", "C:a.bin", "C:\\a.bin", "a\0.bin", "a\n.bin",
     "\u202eb.bin"],
)  # fmt: skip
def test_names_outside_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "checkpoint"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path, folder / "sub"):
        torch.save({"a.weight": torch.ones(1)}, place / "a.bin")
    index = indexed(folder / index_name("bin"), {"a.weight": name})
    with pytest.raises(CheckpointError, match=r"is refused: it names the file .* does not lie in its folder"):
        open_checkpoint(index)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    torch.save({"a.weight": torch.ones(1)}, tmp_path / "secret.bin")
    (folder / "a.bin").symlink_to("../secret.bin")
    index = indexed(folder / index_name("bin"), {"a.weight": "a.bin"})
    with pytest.raises(CheckpointError, match=r"'a\.bin', a link that leads out of its folder"):
        open_checkpoint(index)
    torch.save({"a.weight": torch.ones(1)}, folder / "real.bin")
    (folder / "a.bin").unlink()
    (folder / "a.bin").symlink_to("real.bin")
    with open_checkpoint(index) as checkpoint:
        assert checkpoint.complete


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_hugging_face_s_cache_of_links_opens(tmp_path: Path) -> None:
    """There the index and its parts are links into one folder of blobs."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "0a1b"
    for folder in (blobs, snapshot):
        folder.mkdir(parents=True)
    parts = three_parts()
    sharded(blobs, "safetensors", parts)
    for number, file in enumerate(sorted(blobs.iterdir())):
        blob = file.rename(blobs / f"{number:064x}")
        (snapshot / file.name).symlink_to(Path("../../blobs") / blob.name)
    assert_equal(snapshot, parts)
    assert_equal(snapshot / index_name("safetensors"), parts)


def test_a_part_named_twice_under_two_names_is_read_once(tmp_path: Path) -> None:
    torch.save({"a.weight": torch.ones(1)}, tmp_path / "a.bin")
    os.link(tmp_path / "a.bin", tmp_path / "b.bin")
    index = indexed(tmp_path / index_name("bin"), {"a.weight": "a.bin", "b.weight": "b.bin"})
    with open_checkpoint(index) as checkpoint:
        assert not checkpoint.complete
        assert "b.bin is the same file" in checkpoint.warnings[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "JSON can't be understood"),
        (b'{"weight_map": ' + b"[" * 100_000, "JSON can't be understood"),
        (b'{"weight_map": {"a": 1}}', "does not tell where tensors are"),
        (b'{"weight_map": {}}', "does not tell where tensors are"),
        (b'{"weight_map": ["a.bin"]}', "does not tell where tensors are"),
        (b'{"metadata": {}}', "does not tell where tensors are"),
        (b'{"weight_map": {"a": "a.bin", "a": "b.bin"}}', "a name occurs twice"),
        (b'{"weight_map": {"a": "\xff"}}', "JSON can't be understood"),
        (b'{"weight_map": {"a": "a.bin"}, "metadata": ' + b"9" * 5_000 + b"}", "JSON can't be understood"),
    ],
)
def test_an_index_that_is_none(tmp_path: Path, content: bytes, message: str) -> None:
    index = tmp_path / index_name("bin")
    index.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(index)


def test_an_index_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from inspector.checkpoint import sharded_container

    index = indexed(tmp_path / index_name("bin"), {f"{n}.weight": f"{n}.bin" for n in range(20)})
    monkeypatch.setattr(sharded_container, "MAX_PARTS", 19)
    with pytest.raises(CheckpointError, match="more than 19 parts"):
        open_checkpoint(index)
    monkeypatch.setattr(sharded_container, "MAX_SHARD_INDEX_BYTES", 100)
    with pytest.raises(CheckpointError, match="too many for an index"):
        open_checkpoint(index)


# -- many parts -----------------------------------------------------------------------------------------------------


def test_many_parts_are_not_held_open(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    parts = [{f"h.{n}.weight": torch.full((2,), float(n))} for n in range(200)]
    index = sharded(tmp_path, "safetensors", parts)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = len(os.listdir("/dev/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (held + 40, before[1]))
    try:
        assert_equal(index, parts)
        with open_checkpoint(index) as checkpoint:
            summary = CheckpointSummary(*encode(checkpoint))
        with InspectedFiles(summary.files) as files:
            for _ in range(2):
                for tensor, name in enumerate(summary.names):
                    assert read_tensor(files, summary.place(tensor))[0] == int(name.split(".")[1])
            files.check_unchanged()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_part_that_changed_is_told(tmp_path: Path) -> None:
    index = sharded(tmp_path, "safetensors", three_parts())
    with open_checkpoint(index) as checkpoint:
        changed = tmp_path / part_name(1, 3, "safetensors")
        save_file({"h.1.weight": torch.zeros(4, 4), "h.1.bias": torch.zeros(5)}, changed)
        with pytest.raises(CheckpointError, match=f"{changed.name} has changed"):
            checkpoint.tensors["h.1.bias"].read()
        assert checkpoint.tensors["z.embed.weight"].read().shape == (6, 4)


# -- folders --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.PTH", "model_best.pth.tar", "last.ckpt"])
def test_a_folder_with_one_checkpoint_opens_it(tmp_path: Path, name: str) -> None:
    torch.save({"a.weight": torch.ones(1)}, tmp_path / name)
    (tmp_path / "notes.txt").write_text("notes", encoding="utf-8")
    (tmp_path / "more.pth").mkdir()
    with open_checkpoint(tmp_path) as checkpoint:
        assert checkpoint.container == "zip"
        assert checkpoint.path == tmp_path
        assert checkpoint.files[0].path.name == name


def test_a_folder_with_several_names_them(tmp_path: Path) -> None:
    for name in "abcde":
        torch.save({}, tmp_path / f"{name}.pth")
    with pytest.raises(CheckpointError, match=r"several checkpoints: 'a.pth', 'b.pth', 'c.pth' and 2 more") as raised:
        open_checkpoint(tmp_path)
    assert raised.value.hint == "Open one of them."
    sharded(tmp_path, "bin", three_parts())
    with open_checkpoint(tmp_path) as checkpoint:  # one index leads, whatever else lies there
        assert checkpoint.container == "sharded"
    sharded(tmp_path, "safetensors", three_parts())
    with pytest.raises(CheckpointError, match=r"'model\.safetensors\.index\.json', 'pytorch_model\.bin"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize("entries", [[], ["notes.txt", "image.png"]])
def test_a_folder_without_a_checkpoint(tmp_path: Path, entries: list[str]) -> None:
    for name in entries:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(CheckpointError, match="is a folder without a checkpoint in it"):
        open_checkpoint(tmp_path)


def test_a_folder_that_can_t_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CheckpointError, match=f"no permission to read {tmp_path.name}"):
        open_checkpoint(tmp_path)
