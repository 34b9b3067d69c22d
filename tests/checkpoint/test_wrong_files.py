"""What people drop by mistake: each gets a typed error with one plain sentence that names the file."""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from PIL import Image

from inspector.checkpoint import CheckpointError, open_checkpoint
from inspector.checkpoint.errors import AmbiguousArchiveError, BrokenCheckpointError, NotACheckpointError

from .conftest import legacy_of, zip_of


def saved(content: object = None, *, legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    weights = {"a.weight": torch.arange(300.0), "b.weight": torch.arange(50.0)}
    torch.save(weights if content is None else content, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def picture(form: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, form)
    return buffer.getvalue()


def tar(names: list[str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return buffer.getvalue()


def archive(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in entries.items():
            made.writestr(name, content)
    return buffer.getvalue()


WRONG: dict[str, tuple[str, Callable[[], bytes], type[CheckpointError], str]] = {
    "lfs": (
        "model.pth",
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 46827520\n",
        NotACheckpointError,
        "Git LFS pointer",
    ),
    "html": ("model.pth", lambda: b"\n<!DOCTYPE html><html><body>Sign in</body>", NotACheckpointError, "web page"),
    "empty": ("model.pth", lambda: b"", NotACheckpointError, "empty"),
    "one byte": ("model.pth", lambda: b"\x80", NotACheckpointError, "not a PyTorch checkpoint"),
    "python path": ("distutils.pth", lambda: b"/usr/lib/extra\nimport site\n", NotACheckpointError, "list paths"),
    "text": ("notes.pt", lambda: b"Dear diary,\n", NotACheckpointError, "is a text file, perhaps an error"),
    "long text": ("notes.pt", lambda: "Größe ".encode() * 900, NotACheckpointError, "is a text file"),
    "server's error": ("model.pt", lambda: b'{"error": "Not found"}', NotACheckpointError, "error message saved"),
    "zeros": ("model.pth", lambda: bytes(9_000), NotACheckpointError, "nothing but zeros"),
    "png": ("photo.pt", lambda: picture("PNG"), NotACheckpointError, "PNG image"),
    "jpeg": ("photo.pth", lambda: picture("JPEG"), NotACheckpointError, "JPEG image"),
    "webp": ("photo.pt", lambda: picture("WEBP"), NotACheckpointError, "WebP image"),
    "bmp": ("photo.pt", lambda: picture("BMP"), NotACheckpointError, "BMP image"),
    "tiff": ("photo.pt", lambda: picture("TIFF"), NotACheckpointError, "TIFF image"),
    "old tar": ("resnet.pth", lambda: tar(["sys_info", "storages"]), BrokenCheckpointError, "before 2017"),
    "tar": ("all.pth", lambda: tar(["README.md"]), NotACheckpointError, "tar archive"),
    "torch7": (
        "net.t7",
        lambda: struct.pack("<iii", 4, 1, 3) + b"V 1" + struct.pack("<i", 13) + b"nn.Sequential",
        NotACheckpointError,
        "Torch7",
    ),
    "torch7 in ASCII": ("net.t7", lambda: b"4\n1\n3\nV 1\n13\nnn.Sequential\n", NotACheckpointError, "Torch7"),
    "onnx of today": ("net.pt", lambda: b"\x08\x0a\x12\x07pytorch\x1a\x052.9.0", NotACheckpointError, "ONNX"),
    "onnx": ("net.onnx", lambda: b"\x08\x07\x12\x07pytorch\x1a\x051.8.0", NotACheckpointError, "ONNX"),
    "gzip": ("model.pth", lambda: b"\x1f\x8b\x08\x00" + bytes(20), NotACheckpointError, "gzip"),
    "noise": ("model.bin", lambda: bytes(range(255, 200, -1)) * 9, NotACheckpointError, "not a PyTorch"),
    "zip of photos": ("all.zip", lambda: archive({"a.jpg": b"x"}), NotACheckpointError, "zip archive"),
    "torchscript without its model": ("m.pt", lambda: archive({"m/constants.pkl": b"N."}), NotACheckpointError, "zip"),
    "zip cut short": ("model.pth", lambda: saved()[:-500], BrokenCheckpointError, "cut short"),
    "zip's beginning": ("model.pth", lambda: saved()[:40], BrokenCheckpointError, "cut short"),
    "safetensors header cut short": (
        "a.safetensors",
        lambda: struct.pack("<Q", 1_000) + b'{"a":',
        BrokenCheckpointError,
        "995 bytes are missing",
    ),
    "safetensors nonsense": (
        "a.safetensors",
        lambda: struct.pack("<Q", 12) + b'{"a": [1, 2]' + bytes(8),
        BrokenCheckpointError,
        "header",
    ),
}


def sentence_of(path: Path, kind: type[CheckpointError] = CheckpointError) -> str:
    with pytest.raises(kind) as caught:
        open_checkpoint(path).close()
    sentence = caught.value.sentence
    assert "\n" not in sentence
    assert sentence.isprintable()
    assert sentence.endswith(".")
    assert len(sentence) < 320
    assert path.name in sentence
    return sentence


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(tmp_path: Path, name: str) -> None:
    file_name, make, kind, words = WRONG[name]
    path = tmp_path / file_name
    path.write_bytes(make())
    assert words in sentence_of(path, kind)


def test_a_folder(tmp_path: Path) -> None:
    assert "folder" in sentence_of(tmp_path, NotACheckpointError)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    assert "no file" in sentence_of(tmp_path / "gone.pth")


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.pth"
    path.write_bytes(saved())
    if os.geteuid() == 0:  # root may read everything, so the system call itself refuses
        honest = os.open

        def refuse(name: str | Path, *rest: int) -> int:
            if Path(name) == path:
                raise PermissionError(13, "Permission denied")
            return honest(name, *rest)

        monkeypatch.setattr(os, "open", refuse)
    else:
        path.chmod(0)
    assert "permission" in sentence_of(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pth")
    assert "not an ordinary file" in sentence_of(tmp_path / "pipe.pth", NotACheckpointError)


def test_a_device_is_no_file() -> None:
    assert "not an ordinary file" in sentence_of(Path("/dev/zero"), NotACheckpointError)


def test_odd_file_names_are_told_in_one_printable_line(tmp_path: Path) -> None:
    path = tmp_path / "a\nb\u202e\x1b[31m.pth"
    path.write_bytes(b"")
    with pytest.raises(NotACheckpointError) as caught:
        open_checkpoint(path)
    assert caught.value.sentence.isprintable()
    assert "a\\nb\\u202e\\x1b[31m.pth" in caught.value.sentence


@pytest.mark.parametrize("missing", [1, 150, 208, 400, 1_000])
def test_a_legacy_file_cut_short_says_by_how_much(tmp_path: Path, missing: int) -> None:
    path = tmp_path / "old.pth"
    path.write_bytes(saved(legacy=True)[:-missing])
    with open_checkpoint(path) as checkpoint:
        assert not checkpoint.complete
        assert any(f"{missing:,} bytes are missing" in warning for warning in checkpoint.warnings)
        assert [tensor.name for tensor in checkpoint.tensors] == ["a.weight", "b.weight"]
        readable = [tensor for tensor in checkpoint.tensors if not tensor.problem]
        for tensor in readable:
            assert tensor.read().tolist() == list(range(tensor.numel))
        for tensor in set(checkpoint.tensors) - set(readable):
            assert "cut short" in tensor.problem
            with pytest.raises(CheckpointError):
                tensor.read()


def test_every_beginning_of_a_legacy_file_is_answered(tmp_path: Path) -> None:
    whole, path = saved(legacy=True), tmp_path / "old.pth"
    for length in range(len(whole) - 1_450):
        path.write_bytes(whole[:length])
        with suppress(CheckpointError), open_checkpoint(path) as checkpoint:
            assert not checkpoint.complete
            assert checkpoint.warnings


def test_every_beginning_of_a_zip_is_cut_short(tmp_path: Path) -> None:
    whole, path = saved(), tmp_path / "new.pth"
    for length in range(30, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            open_checkpoint(path)


def test_a_safetensors_file_cut_short_says_by_how_much(tmp_path: Path) -> None:
    header = {
        "a.whole": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
        "a.half": {"dtype": "U8", "shape": [4], "data_offsets": [4, 8]},
    }
    text, path = json.dumps(header).encode(), tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\1\2\3\4\5")
    with open_checkpoint(path) as checkpoint:
        assert not checkpoint.complete
        assert checkpoint.warnings == ["The file is cut short: 3 bytes are missing."]
        assert checkpoint.tensors["a.whole"].read().tolist() == [1, 2, 3, 4]
        assert "cut short" in checkpoint.tensors["a.half"].problem


# -- archives that two programs could read differently -----------------------------------------------------------


def raw_zip(path: Path, entries: list[tuple[str, bytes]]) -> Path:
    """Write entries under any names, also the same one twice."""
    import warnings

    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as made:
        warnings.simplefilter("ignore")
        for name, content in entries:
            made.writestr(name.replace("\0", "@"), content)
    data = path.read_bytes()
    for name, _ in entries:
        data = data.replace(name.replace("\0", "@").encode(), name.encode())
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "entries",
    [
        ["a/data.pkl", "a/data.pkl"],
        ["a/data.pkl", "a/Data.pkl"],
        ["a/data.pkl", "b/data.pkl"],
        ["a/data.pkl", "b/other"],
        ["a/data.pkl", "other"],
        ["a/data.pkl", "a/../b"],
        ["a/data.pkl", "/a/b"],
        ["a/data.pkl", "a\\b"],
        ["a/data.pkl", "a/x\0y"],
        ["a/data.pkl", "a/x\ny"],
        ["a/data.pkl\0x"],
        ["a/b/data.pkl"],
        ["data.pkl"],
        ["a/DATA.PKL"],
    ],
)
def test_archives_with_colliding_or_odd_names(tmp_path: Path, entries: list[str]) -> None:
    path = raw_zip(tmp_path / "odd.pth", [(name, b"\x80\x02N.") for name in entries])
    sentence_of(path, CheckpointError)


def patched(path: Path, signature: bytes, offset: int, value: bytes) -> Path:
    """Change a field of the first record of a kind."""
    data = bytearray(path.read_bytes())
    at = data.index(signature) + offset
    data[at : at + len(value)] = value
    path.write_bytes(bytes(data))
    return path


CENTRAL, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"


@pytest.mark.parametrize(
    ("signature", "offset", "value", "kind"),
    [
        (CENTRAL, 16, b"\0\0\0\0", BrokenCheckpointError),  # checksum
        (CENTRAL, 8, b"\x01\0", AmbiguousArchiveError),  # encrypted
        (CENTRAL, 10, b"\x63\0", CheckpointError),  # method
        (CENTRAL, 10, b"\x08\0", AmbiguousArchiveError),  # deflated in the directory alone
        (CENTRAL, 20, b"\xff\xff\xff\0", AmbiguousArchiveError),  # packed size
        (CENTRAL, 24, b"\xff\xff\xff\0", AmbiguousArchiveError),  # size
        (CENTRAL, 42, b"\x09\0\0\0", CheckpointError),  # where it lies
        (LOCAL, 30, b"X", AmbiguousArchiveError),  # another name in its own header
        (END, 10, b"\x01\0", AmbiguousArchiveError),  # fewer entries than there are
        (END, 10, b"\x09\0", CheckpointError),  # more
        (END, 16, b"\x01\0\0\0", CheckpointError),  # the directory elsewhere
        (END, 4, b"\x05\0", BrokenCheckpointError),  # one disk of many
    ],
)
def test_archives_that_contradict_themselves(
    tmp_path: Path, signature: bytes, offset: int, value: bytes, kind: type[CheckpointError]
) -> None:
    path = patched(zip_of(tmp_path / "odd.pth", b"\x80\x02}."), signature, offset, value)
    sentence_of(path, kind)


def test_two_end_records_that_contradict_each_other(tmp_path: Path) -> None:
    """torch believes the zip64 record whenever there is one, whatever the plain one says."""
    path = tmp_path / "model.pth"
    torch.save({"a.weight": torch.ones(2)}, path)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.complete
    assert b"PK\x06\x06" in path.read_bytes()
    sentence_of(patched(path, END, 10, b"\x01\0"), AmbiguousArchiveError)


def test_a_second_directory_before_the_end(tmp_path: Path) -> None:
    """Python counts the directory back from the end, torch takes its offset: a gap lets both see another one."""
    path = zip_of(tmp_path / "odd.pth", b"\x80\x02}.")
    data = path.read_bytes()
    end = data.rindex(END)
    path.write_bytes(data[:end] + data[data.index(CENTRAL) : end] + data[end:])
    sentence_of(path, AmbiguousArchiveError)


def test_overlapping_entries(tmp_path: Path) -> None:
    path = tmp_path / "odd.pth"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("a/data.pkl", b"\x80\x02}.")
        made.writestr("a/data/0", bytes(200))
        made.getinfo("a/data/0").header_offset = 10
    sentence_of(path, AmbiguousArchiveError)


def test_a_pickle_that_inflates_too_far(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a/data.pkl", b"\x80\x02" + b"N0" * (50 << 20) + b"N.")
    assert "inflate" in sentence_of(path)


def test_sizes_that_no_file_has(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "odd.pth", b"\x80\x02}.", extra={"data/0": b"1234"})
    data = bytearray(path.read_bytes())
    at = data.rindex(CENTRAL)
    data[at + 20 : at + 28] = b"\xff" * 8
    sentence_of_bytes = tmp_path / "zip64.pth"
    sentence_of_bytes.write_bytes(bytes(data))
    sentence_of(sentence_of_bytes)


@pytest.mark.parametrize(
    "tail",
    [
        b"\x80\x02]X\x01\x00\x00\x000a." + struct.pack("<q", -1),
        b"\x80\x02]X\x01\x00\x00\x000a." + struct.pack("<q", (1 << 63) - 1),
        b"\x80\x02]X\x05\x00\x00\x00othera." + bytes(8),
        b"\x80\x02]\x8b" + struct.pack("<i", 9_000) + b"\x7f" * 9_000 + b"a.",
        b"\x80\x02}.",
        b"garbage",
        b"",
    ],
)
def test_a_legacy_file_with_a_wrong_tail_shows_what_it_has(tmp_path: Path, tail: bytes) -> None:
    from .conftest import Assembler

    pickled = Assembler().op(b"}").text("a.weight").tensor((4,), (1,)).op(b"s").done()
    path = legacy_of(tmp_path / "old.pth", pickled, tail)
    with open_checkpoint(path) as checkpoint:
        assert [tensor.name for tensor in checkpoint.tensors] == ["a.weight"]
        assert checkpoint.tensors[0].problem


def test_the_hint_names_every_kind_of_thing_that_opens(tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(b"\x80")
    hint = sentence_of(tmp_path / "model.pth", NotACheckpointError).partition(". ")[2]
    assert all(kind in hint for kind in (".pth", ".pt", ".pt2", ".ckpt", ".safetensors", ".npz", "folder"))
