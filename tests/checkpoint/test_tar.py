"""torch's tar container: equal to torch's own reading and to an independent one, and refused where it is ambiguous."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from inspector.checkpoint import CheckpointError, open_checkpoint
from inspector.checkpoint.errors import AmbiguousArchiveError, BrokenCheckpointError, LimitError

from .conftest import Outcome

Read = Callable[[Path], Outcome]
Files = dict[str, bytes]

DTYPES = {
    torch.float64: "Double", torch.float32: "Float", torch.float16: "Half", torch.int64: "Long", torch.int32: "Int",
    torch.int16: "Short", torch.int8: "Char", torch.uint8: "Byte",
}  # fmt: skip


class Named:
    """Pickles as a global of any name, as the classes of 2016 that torch no longer has."""

    def __init__(self, name: str) -> None:
        self.name = name


class Writer(pickle._Pickler):  # the Python one, for save_named
    """Pickles an object as torch 0.1 did: tensors and listed classes by a persistent id."""

    def __init__(self, file: io.BytesIO, ids: dict[int, str], sources: dict[str, tuple[str, str]]) -> None:
        super().__init__(file, protocol=2)
        self.ids = ids
        self.sources = sources

    write: Callable[[bytes], int]

    def persistent_id(self, item: object) -> object:
        if isinstance(item, torch.Tensor):
            return self.ids[id(item)]
        if isinstance(item, Named) and item.name in self.sources:
            return (Named(f"{item.name} "), *self.sources[item.name])
        return None

    def save_named(self, item: Named) -> None:
        module, _, name = item.name.strip().rpartition(".")
        self.write(b"c" + module.encode() + b"\n" + name.encode() + b"\n")

    dispatch: ClassVar[dict[type, Any]] = {**pickle._Pickler.dispatch, Named: save_named}


def named(value: object) -> bytes:
    packed = io.BytesIO()
    Writer(packed, {}, {}).dump(value)
    return packed.getvalue()


def described(tensor: torch.Tensor, key: int, storage: int | None) -> bytes:
    geometry = (*tensor.shape, *tensor.stride(), tensor.storage_offset())
    class_name = Named(f"torch.{DTYPES[tensor.dtype]}Tensor")
    numbers = struct.pack(f"<i4x{len(geometry)}q", tensor.dim(), *geometry)
    return named((key, storage, class_name)) + numbers


def members_of(
    content: object, tensors: list[torch.Tensor], sources: dict[str, tuple[str, str]] | None = None
) -> Files:
    """Return the members as torch 0.1.9 wrote them; every second storage is written as a view of a larger one."""
    ids, views = {}, []
    described_tensors, stored = [], {}
    for place, tensor in enumerate(tensors):
        key, data = 1_000 + place, tensor.untyped_storage().data_ptr()
        ids[id(tensor)] = str(key)
        raw = bytes(tensor.untyped_storage())
        kind = Named(f"torch.{DTYPES[tensor.dtype]}Storage")
        size = tensor.element_size()
        storage = data
        if place % 2:
            storage, root = data + 1, data
            views.append((storage, root, 3, len(raw) // size))
            raw = bytes(range(3 * size)) + raw + b"\xff" * size
        stored[data] = named((data, "cpu", kind)) + struct.pack("<q", len(raw) // size) + raw
        described_tensors.append(described(tensor, key, storage))
    packed = io.BytesIO()
    Writer(packed, ids, sources or {}).dump(content)
    return {
        "sys_info": named({"protocol_version": 1000, "little_endian": True, "type_sizes": {"int": 4}}),
        "pickle": packed.getvalue(),
        "tensors": named(len(tensors)) + b"".join(described_tensors),
        "storages": named(len(stored)) + b"".join(stored.values()) + named(views),
    }


def tar_of(path: Path, files: Files, form: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1483716000.25
            archive.addfile(info, io.BytesIO(content))
    return path


def some_tensors() -> dict[str, torch.Tensor]:
    made: dict[str, torch.Tensor] = {
        f"a.{name.lower()}": torch.arange(-6, 6).to(dtype).reshape(3, 4) for dtype, name in DTYPES.items()
    }
    made |= {f"b.{name.lower()}": torch.arange(9).to(dtype)[2:] for dtype, name in DTYPES.items()}
    return made | {
        "turned": torch.arange(6.0).reshape(2, 3).t(),
        "scalar": torch.tensor([7.0])[0],
        "none": torch.ones(0),
    }


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_equal_to_torchs_own_reading(tmp_path: Path, form: int) -> None:
    tensors = some_tensors()
    path = tar_of(tmp_path / "old.pth", members_of({"epoch": 3, "model": tensors}, list(tensors.values())), form)
    loaded = torch.load(path, weights_only=False)["model"]
    with open_checkpoint(path) as checkpoint:
        assert (checkpoint.container, checkpoint.kind, checkpoint.safety) == ("tar", "training_checkpoint", "safe")
        assert (checkpoint.complete, checkpoint.warnings) == (True, [])
        assert checkpoint.metadata["epoch"] == 3
        assert [tensor.key for tensor in checkpoint.tensors] == list(loaded) == list(tensors)
        for tensor in checkpoint.tensors:
            expected = loaded[tensor.key]
            assert tensor.dtype == str(expected.dtype).removeprefix("torch.")
            assert tensor.stride == expected.stride()
            assert np.array_equal(tensor.read(), expected.numpy())


def test_one_tensor_under_two_names_is_shared(tmp_path: Path) -> None:
    tied = torch.arange(4.0)
    path = tar_of(tmp_path / "old.pth", members_of({"a.weight": tied, "b.weight": tied}, [tied]))
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.tensors["b.weight"].shared_with == "a.weight"
        assert checkpoint.state_dicts[0].parameters == 4


def test_a_parameter_made_of_nothing_and_a_state(tmp_path: Path) -> None:
    """As torch 0.1.6 wrote the first ResNets; one that is tied keeps being one."""
    weight, ids = torch.arange(4.0), {}
    files = members_of({}, [weight])
    ids[id(weight)] = "1000"
    state = io.BytesIO()
    Writer(state, ids, {}).dump((weight, None, None, True, False))
    state_code = state.getvalue()[2:-1]
    parameter = b"ctorch.nn.parameter\nParameter\n)\x81r\xff\x00\x00\x00" + state_code + b"b"
    files["pickle"] = (
        b"\x80\x02}(X\x08\x00\x00\x00a.weight" + parameter + b"X\x08\x00\x00\x00b.weightj\xff\x00\x00\x00u."
    )
    path = tar_of(tmp_path / "old.pth", files)
    assert torch.load(path, weights_only=False)["b.weight"].tolist() == [0, 1, 2, 3]
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.kind == "state_dict"
        assert checkpoint.tensors["a.weight"].role == "parameter"
        assert checkpoint.tensors["b.weight"].shared_with == "a.weight"
        assert checkpoint.tensors["b.weight"].read().tolist() == [0, 1, 2, 3]


def test_the_sources_of_its_classes_are_kept_as_text(tmp_path: Path) -> None:
    weight = torch.ones(2)
    content = [Named("models.Net"), Named("models.Net"), weight]
    sources = {"models.Net": ("/home/me/models.py", "class Net(nn.Module):\n    pass\n")}
    with open_checkpoint(tar_of(tmp_path / "old.pth", members_of(content, [weight], sources))) as checkpoint:
        assert [(source.class_name, source.text) for source in checkpoint.contents.sources] == [
            ("models.Net", "class Net(nn.Module):\n    pass\n")
        ]
        assert ("models.Net", "unknown") in checkpoint.globals
        assert checkpoint.safety == "needs_trust"


@pytest.mark.parametrize("member", ["sys_info", "pickle", "tensors", "storages"])
def test_what_any_of_its_pickles_names_is_judged(tmp_path: Path, member: str) -> None:
    weight = torch.ones(2)
    files = members_of({"a.weight": weight}, [weight])
    evil = b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R0"
    files[member] = evil + files[member].removeprefix(b"\x80\x02")
    with open_checkpoint(tar_of(tmp_path / "old.pth", files)) as checkpoint:
        assert ("posix.system", "dangerous") in checkpoint.globals
        assert checkpoint.safety == "dangerous"
        assert checkpoint.tensors["a.weight"].read().tolist() == [1, 1]


# -- cut short and damaged -----------------------------------------------------------------------------------------


def test_a_file_cut_short_shows_what_it_has_and_how_much_is_missing(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.arange(300.0), "c.weight": torch.arange(200.0), "b.weight": torch.arange(100.0)}
    path = tar_of(tmp_path / "old.pth", members_of(tensors, list(tensors.values())))
    with tarfile.open(path) as archive:
        storages = archive.getmember("storages")
    end = storages.offset_data + storages.size
    whole = path.read_bytes()
    for missing in (1, 300, 1_000, 1_500):
        path.write_bytes(whole[: end - missing])
        with open_checkpoint(path) as checkpoint:
            assert not checkpoint.complete
            assert checkpoint.warnings == [f"The file is cut short: at least {missing:,} bytes are missing."]
            assert checkpoint.kind == "state_dict"
            assert {tensor.name: tensor.shape for tensor in checkpoint.tensors} == {
                name: tuple(tensor.shape) for name, tensor in tensors.items()
            }
            for tensor in checkpoint.tensors:
                if tensor.problem:
                    assert "cut short" in tensor.problem
                else:
                    assert np.array_equal(tensor.read(), tensors[tensor.name].numpy())
            assert bool(checkpoint.tensors["a.weight"].problem) is (missing > 1_450)


def test_every_beginning_is_answered(tmp_path: Path) -> None:
    weight, path = torch.arange(5.0), tmp_path / "old.pth"
    whole = tar_of(path, members_of({"a.weight": weight}, [weight])).read_bytes()
    opened = 0
    for length in range(0, len(whole), 61):
        path.write_bytes(whole[:length])
        with suppress(CheckpointError), open_checkpoint(path) as checkpoint:
            opened += 1
            values = [tensor.read().tolist() for tensor in checkpoint.tensors if not tensor.problem]
            assert values in ([], [[0, 1, 2, 3, 4]])
            assert checkpoint.complete <= (values != [])
    assert opened > 10


BAD_TENSORS: dict[str, tuple[tuple[int, ...], tuple[int, ...], int]] = {
    "beyond its storage": ((5,), (1,), 0),
    "an offset beyond it": ((1,), (1,), 4),
    "a negative size": ((-1,), (1,), 0),
    "a negative stride": ((2,), (-1,), 1),
    "a negative offset": ((1,), (1,), -1),
    "stride 0 to 2**58": ((1 << 58,), (0,), 0),
    "2**62 elements": ((1 << 62,), (1,), 0),
}


@pytest.mark.parametrize("name", BAD_TENSORS)
@pytest.mark.parametrize("view", [False, True])
def test_a_tensor_beyond_its_storage_is_its_own_problem(tmp_path: Path, name: str, view: bool) -> None:
    shape, stride, offset = BAD_TENSORS[name]
    good, bad = torch.arange(4.0), torch.arange(4.0)
    tensors = [good, bad] if view else [bad, good]  # the second one's storage is a view
    files = members_of({"a.good": good, "a.bad": bad}, tensors)
    honest = struct.pack("<i4x3q", 1, 4, 1, 0)
    lie = struct.pack("<i4x3q", 1, *shape, *stride, offset)
    first, second = files["tensors"].index(honest), files["tensors"].rindex(honest)
    at = second if view else first
    files["tensors"] = files["tensors"][:at] + lie + files["tensors"][at + len(lie) :]
    with open_checkpoint(tar_of(tmp_path / "old.pth", files)) as checkpoint:
        assert checkpoint.tensors["a.bad"].problem
        assert checkpoint.tensors["a.good"].read().tolist() == [0, 1, 2, 3]


def _replaced(files: Files, member: str, old: bytes, new: bytes) -> None:
    assert files[member].count(old) == 1
    files[member] = files[member].replace(old, new)


ONE_BY_FOUR = struct.pack("<i4x2q", 1, 4, 1)

DAMAGES: dict[str, Callable[[Files], object]] = {
    "no storages": lambda files: files.pop("storages"),
    "many storages": lambda files: files.update(storages=named(1 << 40) + files["storages"][5:]),
    "one storage more": lambda files: files.update(storages=named(2) + files["storages"][5:]),
    "minus one tensor": lambda files: files.update(tensors=named(-1) + files["tensors"][5:]),
    "more tensors than there are": lambda files: files.update(tensors=named(9) + files["tensors"][5:]),
    "70 dimensions": lambda files: _replaced(files, "tensors", ONE_BY_FOUR, struct.pack("<i4x2q", 70, 4, 1)),
    "minus one dimension": lambda files: _replaced(files, "tensors", ONE_BY_FOUR, struct.pack("<i4x2q", -1, 4, 1)),
    "a storage of minus one": lambda files: _replaced(files, "storages", struct.pack("<q", 4), struct.pack("<q", -1)),
    "a storage beyond it": lambda files: _replaced(files, "storages", struct.pack("<q", 4), struct.pack("<q", 1 << 20)),
    "no views": lambda files: files.update(storages=files["storages"].removesuffix(named([]))),
    "a view of nothing": lambda files: files.update(storages=files["storages"][:-5] + named([(7, 8, 0, 1)])),
    "garbage": lambda files: files.update(tensors=b"garbage"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_member_is_told_and_the_object_is_shown(tmp_path: Path, name: str) -> None:
    weight = torch.arange(4.0)
    files = members_of({"epoch": 3, "a.weight": weight}, [weight])
    DAMAGES[name](files)
    with open_checkpoint(tar_of(tmp_path / "old.pth", files)) as checkpoint:
        assert not checkpoint.complete
        assert checkpoint.safety == "needs_trust"
        assert len(checkpoint.warnings) == 1
        assert checkpoint.metadata == {"epoch": 3}
        assert [tensor.name for tensor in checkpoint.tensors] == ["a.weight"]


def test_two_things_with_one_key(tmp_path: Path) -> None:
    weight = torch.arange(4.0)
    files = members_of({"a.weight": weight}, [weight])
    key = weight.untyped_storage().data_ptr()
    views = named([(1_000, key, 0, 2)])  # the tensor's own key
    files["storages"] = files["storages"].removesuffix(named([])) + views
    with open_checkpoint(tar_of(tmp_path / "old.pth", files)) as checkpoint:
        assert not checkpoint.complete
        assert "two things" in checkpoint.warnings[0].lower()


def test_without_its_object_there_is_nothing(tmp_path: Path) -> None:
    files = members_of({}, [])
    del files["pickle"]
    with pytest.raises(BrokenCheckpointError, match="object is missing"):
        open_checkpoint(tar_of(tmp_path / "old.pth", files))


# -- archives that two programs could read differently ---------------------------------------------------------------


def link(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


def with_pax(name: str, **fields: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.pax_headers = {key.replace("_", "."): value for key, value in fields.items()}
    return info


ODD_MEMBERS: dict[str, tarfile.TarInfo] = {
    "the same again": tarfile.TarInfo("storages"),
    "another case": tarfile.TarInfo("Storages"),
    "another spelling": tarfile.TarInfo("./storages"),
    "above the folder": tarfile.TarInfo("../storages"),
    "a symbolic link": link("more", tarfile.SYMTYPE),
    "a hard link": link("more", tarfile.LNKTYPE),
    "a device": link("more", tarfile.CHRTYPE),
    "a sparse member": with_pax("more", GNU_sparse_major="1", GNU_sparse_name="storages"),
    "a long name": tarfile.TarInfo("x" * 300),
    "a prefix": tarfile.TarInfo("x" * 90 + "/" + "y" * 90),
}


@pytest.mark.parametrize("name", ODD_MEMBERS)
def test_odd_members_are_refused(tmp_path: Path, name: str) -> None:
    weight, path = torch.arange(4.0), tmp_path / "old.pth"
    form = {"a prefix": tarfile.USTAR_FORMAT, "a long name": tarfile.GNU_FORMAT}.get(name, tarfile.PAX_FORMAT)
    tar_of(path, members_of({"a.weight": weight}, [weight]), form)
    with tarfile.open(path, "a", format=form) as archive:
        archive.addfile(ODD_MEMBERS[name])
    with pytest.raises(AmbiguousArchiveError) as caught:
        open_checkpoint(path)
    assert caught.value.sentence.isprintable()
    assert "two programs" in caught.value.sentence


@pytest.mark.parametrize("fields", [{"path": "storages"}, {"size": "3"}, {"linkpath": "x"}, {"hdrcharset": "BINARY"}])
def test_names_and_sizes_given_twice_are_refused(tmp_path: Path, fields: dict[str, str]) -> None:
    info = tarfile.TarInfo("pickle")
    info.size, info.pax_headers = 4, fields
    with tarfile.open(tmp_path / "old.pth", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("sys_info"))
        archive.addfile(info, io.BytesIO(b"\x80\x02N."))
    with pytest.raises(AmbiguousArchiveError):
        open_checkpoint(tmp_path / "old.pth")


@pytest.mark.parametrize("tail", [b"x", b"x" * (2 << 20), tarfile.TarInfo("pickle").tobuf() + bytes(512)])
def test_what_follows_the_end_is_refused(tmp_path: Path, tail: bytes) -> None:
    path = tar_of(tmp_path / "old.pth", members_of({}, []))
    path.write_bytes(path.read_bytes() + tail)
    with pytest.raises(AmbiguousArchiveError, match="follow its end"):
        open_checkpoint(path)


def test_a_changed_header_is_damage(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "old.pth", members_of({}, []), tarfile.GNU_FORMAT)
    data = bytearray(path.read_bytes())
    data[data.index(b"pickle\0")] = ord("n")
    path.write_bytes(bytes(data))
    with pytest.raises(BrokenCheckpointError, match="damaged"):
        open_checkpoint(path)


# -- made to hurt ----------------------------------------------------------------------------------------------------


def test_a_million_members(tmp_path: Path, read_in_process: Read) -> None:
    path = tmp_path / "many.pth"
    with path.open("wb") as file:
        file.write(tarfile.TarInfo("pickle").tobuf())
        block = b"".join(tarfile.TarInfo(f"m{place}").tobuf(tarfile.GNU_FORMAT) for place in range(1_000))
        for _ in range(1_000):
            file.write(block)
    outcome = read_in_process(path)
    assert outcome.error is not None
    assert outcome.error.kind == LimitError.__name__
    assert_cheap(outcome)


def assert_cheap(outcome: Outcome) -> None:
    assert outcome.seconds < 2
    assert outcome.peak_bytes < 300 << 20


def many_storages(count: int) -> Files:
    weight = torch.ones(1)
    files = members_of([weight], [weight])
    one = struct.pack("<q", 1) + bytes(4)
    files["storages"] = named(count) + b"".join(
        named((place, "cpu", Named("torch.FloatStorage"))) + one for place in range(count)
    )
    return files


def many_names(count: int) -> Files:
    files = members_of([], [])
    files["tensors"] = named(count) + b"".join(
        named((place, Named(f"m{place}.A"), Named(f"m{place}.B"))) + struct.pack("<i4xq", 0, 0)
        for place in range(count)
    )
    return files


HURTING: dict[str, Callable[[], Files]] = {
    "as many storages as may be": lambda: many_storages(50_000),
    "too many storages": lambda: many_storages(50_001),
    "many names": lambda: many_names(40_000),
    "a storage told of in 10 MB": lambda: members_of([], []) | {"storages": named(1) + named("x" * 10_000_000)},
    "views without an end": lambda: members_of([], []) | {"storages": named(0) + b"\x80\x02](" + b"N" * 10_000_000},
    "more views than may be": lambda: members_of([], []) | {"storages": named(0) + named([None] * 1_000_000)},
}


@pytest.mark.parametrize("name", HURTING)
def test_members_made_to_hurt(tmp_path: Path, read_in_process: Read, name: str) -> None:
    outcome = read_in_process(tar_of(tmp_path / "old.pth", HURTING[name]()))
    assert outcome.summary is not None
    assert_cheap(outcome)


# -- real files ------------------------------------------------------------------------------------------------------


class Stub:
    """Stands for any class or function that a file names: keeps what it is given."""

    def __init__(self, *args: Any) -> None:
        self.args = args
        self.entries: dict[str, Any] = dict(args[0]) if args and isinstance(args[0], list) else {}

    args: tuple[Any, ...] = ()

    def __setstate__(self, state: Any) -> None:
        self.args = self.args or (state,)

    def __setitem__(self, key: str, value: Any) -> None:
        self.entries[key] = value


class Independent(pickle.Unpickler):
    """Unpickles with stubs in place of whatever the file names; only storages keep their names."""

    def __init__(self, file: io.BytesIO, objects: dict[str, Any]) -> None:
        super().__init__(file)
        self.objects = objects

    def find_class(self, module: str, name: str) -> Any:
        return name if name.endswith("Storage") else type(name, (Stub,), {})

    def persistent_load(self, saved: Any) -> Any:
        return saved[0] if isinstance(saved, tuple) else self.objects[saved]


def independently(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Read every tensor of a tar file with struct over tarfile, by the names of its modules."""
    objects: dict[str, Any] = {}
    with tarfile.open(path) as archive:
        files = {member.name: io.BytesIO(_content(archive, member.name)) for member in archive.getmembers()}
    storages = files["storages"]
    for _ in range(Independent(storages, {}).load()):
        key, _, name = Independent(storages, {}).load()
        dtype = np.dtype({"FloatStorage": "<f4", "LongStorage": "<i8"}[name])
        (numel,) = struct.unpack("<q", storages.read(8))
        objects[str(key)] = np.frombuffer(storages.read(numel * dtype.itemsize), dtype)
    if "tensors" in files:
        tensors = files["tensors"]
        assert Independent(storages, {}).load() == []
        for _ in range(Independent(tensors, {}).load()):
            key, storage, _ = Independent(tensors, {}).load()
            (dimensions,) = struct.unpack("<i4x", tensors.read(8))
            shape = struct.unpack(f"<{dimensions}q", tensors.read(8 * dimensions))
            stride = struct.unpack(f"<{dimensions}q", tensors.read(8 * dimensions))
            (offset,) = struct.unpack("<q", tensors.read(8))
            objects[str(key)] = strided(objects[str(storage)], offset, shape, stride)
    return dict(arrays_in(Independent(files["pickle"], objects).load(), objects, ""))


def strided(
    storage: np.ndarray[Any, Any], offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps)


def arrays_in(value: Any, objects: dict[str, Any], path: str) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, Stub) and value.args and isinstance(value.args[0], tuple):
        storage, offset, shape, stride, *_ = value.args  # _rebuild_tensor_v2 with a plain id
        yield path, strided(objects[storage[2]], offset, shape, stride)
    elif isinstance(value, Stub) and value.args and isinstance(value.args[0], np.ndarray):
        yield path, value.args[0]  # Parameter
    elif isinstance(value, Stub) and value.args and isinstance(value.args[0], dict):
        for name in ("_parameters", "_buffers", "_modules"):
            yield from arrays_in(value.args[0].get(name), objects, path)
    elif isinstance(value, Stub):
        for key, item in value.entries.items():
            yield from arrays_in(item, objects, f"{path}.{key}" if path else key)


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


REAL = [
    "small/tracel-ai__burn__tar_2d_tensor.tar",
    "small/tracel-ai__burn__tar_float32.tar",
    "small/tracel-ai__burn__tar_int64.tar",
    "small/tracel-ai__burn__tar_weight_bias.tar",
    "pickled_models/fizz-ml__pytorch-aux-reward-rl__actor.t7",
    "pickled_models/fizz-ml__pytorch-aux-reward-rl__ddpg_actor.t7",
]


@pytest.mark.shared_data
@pytest.mark.parametrize("name", REAL)
def test_real_files_equal_an_independent_reading(shared_data: Path, name: str) -> None:
    path = shared_data / "checkpoints" / name
    expected = independently(path)
    with open_checkpoint(path) as checkpoint:
        assert (checkpoint.container, checkpoint.complete, checkpoint.warnings) == ("tar", True, [])
        assert checkpoint.kind == ("pickled_model" if name.endswith(".t7") else "state_dict")
        assert len(checkpoint.contents.sources) == (2 if name.endswith(".t7") else 0)
        assert {tensor.name for tensor in checkpoint.tensors} == set(expected)
        assert expected
        for tensor in checkpoint.tensors:
            assert np.array_equal(tensor.read(), expected[tensor.name])


@pytest.mark.shared_data
def test_the_first_megabyte_of_torchvisions_resnet18_of_2017(shared_data: Path) -> None:
    path = shared_data / "broken" / "hrli1997__st-gtcn__resnet18-5c106cde.pth"
    with open_checkpoint(path) as checkpoint:
        assert (checkpoint.container, checkpoint.kind) == ("tar", "state_dict")
        assert checkpoint.state_dicts[0].parameters == 11_689_512
        assert "45,774,077 bytes are missing" in checkpoint.warnings[0]
        readable = [tensor for tensor in checkpoint.tensors if not tensor.problem]
        assert 0 < len(readable) < len(checkpoint.tensors)
        assert all(np.isfinite(tensor.read()).all() for tensor in readable)
