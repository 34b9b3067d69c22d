"""The two formats to the byte: what torch.save and safetensors themselves write of the same tensors."""

from __future__ import annotations

import io
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.dtypes import DTYPE_NAMES, SAFETENSORS_DTYPES
from inspector.export.torch_archive import TorchArchive

pytestmark = pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning")

Copy = Callable[..., Path]
Same = Callable[..., None]

#: Dtypes of torch whose tensors are made of plain numbers.
PLAIN = [
    name
    for name in DTYPE_NAMES
    if isinstance(getattr(torch, name, None), torch.dtype) and not name.startswith(("q", "bits", "bcomplex", "float4"))
]
CODES = set(SAFETENSORS_DTYPES.values())


def of_dtype(name: str, shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    """Return a tensor of random bits: every NaN payload may be among them."""
    dtype = getattr(torch, name)
    numel = torch.Size(shape).numel()
    generator = torch.Generator().manual_seed(seed)
    size = torch.empty(0, dtype=dtype).element_size()
    top = 2 if name == "bool" else 256
    raw = torch.randint(0, top, (numel * size,), dtype=torch.uint8, generator=generator)
    return raw.view(dtype).reshape(shape) if numel else torch.empty(shape, dtype=dtype)


def pickle_of(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        return archive.read(name)


@pytest.mark.parametrize("name", PLAIN)
def test_every_dtype_to_the_last_bit(tmp_path: Path, copy: Copy, assert_same: Same, name: str) -> None:
    tensors = {
        "matrix": of_dtype(name, (3, 5)),
        "scalar": of_dtype(name, ()),
        "empty": of_dtype(name, (0, 4)),
        "turned": of_dtype(name, (4, 3)).t(),
        "spread": of_dtype(name, (6, 6))[::2, 1::2],
        "expanded": of_dtype(name, (1, 3)).expand(4, 3),
    }
    torch.save(tensors, tmp_path / "original.pth")
    clean = copy(tmp_path / "original.pth", ".pth")
    assert_same(torch.load(clean, weights_only=True), tensors)
    assert_same(torch.load(clean, weights_only=True, mmap=True), tensors)
    if name in CODES:
        assert_same(safetensors.torch.load_file(copy(tmp_path / "original.pth", ".safetensors")), tensors)


def test_the_pickle_is_torchs_own_to_the_byte(tmp_path: Path, copy: Copy) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Linear(300, 70_000)))
    model.register_buffer("odd", torch.ones(2, dtype=torch.uint16))
    model.register_buffer("deep", torch.ones(1, 1, 1, 1, 2).transpose(0, 4))
    torch.save(model.state_dict(), tmp_path / "original.pth")
    clean = copy(tmp_path / "original.pth", ".pth")
    assert pickle_of(clean) == pickle_of(tmp_path / "original.pth")


def test_the_archive_is_torchs_own_but_for_its_name_and_id(tmp_path: Path, copy: Copy) -> None:
    buffer = io.BytesIO()  # torch calls the folder "archive" where it knows no file's name
    torch.save(nn.Linear(5, 3).state_dict(), buffer)
    original = tmp_path / "original.pth"
    original.write_bytes(buffer.getvalue())
    ours, theirs = copy(original, ".pth").read_bytes(), buffer.getvalue()
    end = theirs.index(b"archive/.data/serialization_id") - 30
    assert ours[:end] == theirs[:end]


def test_checksums_and_alignment(tmp_path: Path, copy: Copy) -> None:
    torch.save({f"a.{i}": torch.ones(i) for i in range(40)}, tmp_path / "original.pth")
    clean = copy(tmp_path / "original.pth", ".pth")
    with zipfile.ZipFile(clean) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    reader: Any = torch._C.PyTorchFileReader(str(clean))
    assert all(reader.get_record_offset(name.partition("/")[2]) % 64 == 0 for name in names)


def test_torch_finds_the_storages_by_computing(
    tmp_path: Path, copy: Copy, assert_same: Same, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With this setting torch trusts the layout instead of asking the archive; the variable makes it check itself."""
    import torch.utils.serialization

    config: Any = torch.utils.serialization.config
    monkeypatch.setenv("TORCH_SERIALIZATION_DEBUG", "1")
    tensors = {f"a.{i}": torch.rand(i * 7 % 50) for i in range(60)} | {"tied": torch.rand(3)}
    tensors["too"] = tensors["tied"]
    torch.save(tensors, tmp_path / "original.pth")
    clean = copy(tmp_path / "original.pth", ".pth")
    with config.patch({"load.calculate_storage_offsets": True}):
        assert_same(torch.load(clean, weights_only=True, mmap=True), tensors)


def test_safetensors_is_the_reference_implementations_to_the_byte(tmp_path: Path, copy: Copy) -> None:
    names = [name for name in PLAIN if name in CODES]
    tensors = {f"{order}.ä.{name}": of_dtype(name, (order, 3)) for order in (2, 1, 0) for name in names}
    safetensors.torch.save_file(tensors, tmp_path / "theirs.safetensors", {"format": "pt"})
    torch.save(tensors, tmp_path / "original.pth")
    clean = copy(tmp_path / "original.pth", ".safetensors")
    assert clean.read_bytes() == (tmp_path / "theirs.safetensors").read_bytes()
    again = copy(tmp_path / "theirs.safetensors", ".safetensors")
    assert again.read_bytes() == clean.read_bytes()


shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)
tensors_of = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    st.tuples(st.sampled_from(PLAIN), shapes, st.integers(0, 2**31), st.permutations(range(4))),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tensors_of)
def test_any_tensors(
    tmp_path: Path, copy: Copy, assert_same: Same, described: dict[str, tuple[str, tuple[int, ...], int, list[int]]]
) -> None:
    tensors = OrderedDict()
    for key, (name, shape, seed, order) in described.items():
        made = of_dtype(name, shape, seed)
        tensors[key] = made.permute([axis for axis in order if axis < made.ndim])
    path = tmp_path / "original.pth"
    torch.save(tensors, path)
    clean = copy(path, ".pth")
    loaded = torch.load(clean, weights_only=True)
    with open_checkpoint(path) as checkpoint:
        wrapper = checkpoint.state_dicts[0].wrapper or ""
    wanted = {key[len(wrapper) :]: tensor for key, tensor in tensors.items()}
    assert list(loaded) == list(wanted)
    assert_same(loaded, wanted)
    storable = {key: tensor for key, tensor in tensors.items() if str(tensor.dtype).removeprefix("torch.") in CODES}
    if storable and "__metadata__" not in storable:
        torch.save(storable, path)
        assert_same(
            safetensors.torch.load_file(copy(path, ".safetensors")),
            {key[len(wrapper_of(storable)) :]: tensor for key, tensor in storable.items()},
        )


def wrapper_of(tensors: dict[str, torch.Tensor]) -> str:
    from inspector.checkpoint.insides import wrapper_of as find

    return find(tensors) or ""


class _Sparse(io.RawIOBase):
    """A file that forgets what is written but for the ends, so that gigabytes can be."""

    def __init__(self) -> None:
        self.at = 0
        self.kept: list[tuple[int, bytes]] = []

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        if len(view) < 1 << 20:
            self.kept.append((self.at, bytes(view)))
        self.at += len(view)
        return len(view)


@pytest.mark.skipif(not hasattr(zipfile, "ZIP64_LIMIT"), reason="needs zipfile's own reading of large archives")
def test_archives_beyond_four_gigabytes(tmp_path: Path) -> None:
    zeros, large = bytes(64 << 20), (4 << 30) + (64 << 20)
    sink = _Sparse()
    archive = TorchArchive(sink)  # type: ignore[arg-type]
    for name, size in (("data.pkl", 3), ("data/0", large), ("data/1", 5), ("version", 1)):
        pieces = (zeros for _ in range(size // len(zeros))) if size == large else [b"3" * size]
        assert sum(archive.add(name, size, pieces)) == size
    archive.finish()
    path = tmp_path / "large.pth"
    with path.open("wb") as file:  # a file with a hole
        for at, data in sink.kept:
            file.seek(at)
            file.write(data)
    with zipfile.ZipFile(path) as found:
        assert [entry.file_size for entry in found.infolist()] == [3, large, 5, 1]
        assert found.read("archive/data/1") == b"33333"
    reader: Any = torch._C.PyTorchFileReader(str(path))
    assert reader.get_record("data/1") == b"33333"
    assert reader.get_record_offset("data/1") % 64 == 0
