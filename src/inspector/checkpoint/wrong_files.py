"""The usual files that are no checkpoint: each is told by its beginning, in one sentence of what it is."""

from __future__ import annotations

import codecs
from typing import NoReturn

from inspector.checkpoint.errors import NotACheckpointError
from inspector.checkpoint.source import Source

OPEN_ANOTHER = "Open a .pth, .pt, .pt2, .ckpt, .safetensors or .npz file, or a checkpoint's folder."
_DOWNLOAD_AGAIN = "Download or copy it again."
_DROP_LATER = "Open a checkpoint first, then drop images on it."
_UNPACK = "Unpack it first."

#: Beginnings of files that are dropped by mistake, each with what to say.
_BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the checkpoint itself", "Fetch it with git lfs pull."),
    (b"\x89PNG", "is a PNG image", _DROP_LATER),
    (b"\xff\xd8\xff", "is a JPEG image", _DROP_LATER),
    (b"GIF8", "is a GIF image", _DROP_LATER),
    (b"II*\0", "is a TIFF image", _DROP_LATER),
    (b"MM\0*", "is a TIFF image", _DROP_LATER),
    (b"%PDF", "is a PDF document", OPEN_ANOTHER),
    (b"\x7fELF", "is a program", OPEN_ANOTHER),
    (b"MZ", "is a Windows program", OPEN_ANOTHER),
    (b"\x1f\x8b", "is a gzip archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive", _UNPACK),
    (b"Rar!", "is a RAR archive", _UNPACK),
    (b"BZh", "is a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ", "is an xz archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "is a Zstandard archive", _UNPACK),
    (b"\x89HDF", "is an HDF5 file, as Keras writes", OPEN_ANOTHER),
    (b"GGUF", "is a GGUF file, as llama.cpp reads", OPEN_ANOTHER),
    # A number (4) for "object", its index (1), its length (3) and the version, in binary and in ASCII files.
    (b"\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1", "is a Lua Torch7 file, older than PyTorch", OPEN_ANOTHER),
    (b"4\n1\n3\nV 1\n", "is a Lua Torch7 file, older than PyTorch", OPEN_ANOTHER),
)

#: The newest version of ONNX's format that is thought of; torch writes 10.
_NEWEST_ONNX = 40

_PAGES = (b"<!doctype html", b"<html", b"<?xml", b"<head")


def refuse_wrong_file(source: Source, head: bytes) -> None:
    """Raise NotACheckpointError where ``head``, the file's beginning, is that of a usual wrong file."""
    for beginning, what, hint in _BEGINNINGS:
        if head.startswith(beginning):
            _refuse(source, what, hint)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        _refuse(source, "is a WebP image", _DROP_LATER)
    if head.startswith(b"BM") and head[6:10] == bytes(4):  # the size lies between; four bytes are reserved
        _refuse(source, "is a BMP image", _DROP_LATER)
    if _is_onnx(head):
        _refuse(source, "looks like an ONNX model", "Netron shows those.")
    if len(head) > 16 and not head.strip(b"\0"):
        _refuse(source, "begins with nothing but zeros, as an unfinished download does", _DOWNLOAD_AGAIN)
    if head.lstrip()[:15].lower().startswith(_PAGES):
        _refuse(
            source,
            "is a web page, probably an error or login page saved in place of the checkpoint",
            "Download it again, signed in.",
        )


def refuse_text(source: Source, head: bytes) -> None:
    """Raise NotACheckpointError where the file is text, such as Python's own ``.pth`` files or a server's error."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:  # the beginning may end in the middle of a character
        text = decoder.decode(head, final=source.size == len(head))
    except UnicodeDecodeError:
        return
    if any(ord(character) < 32 and character not in "\t\n\r\f" for character in text):
        return
    if source.path.suffix.lower() == ".pth":
        what = "is a text file, such as the .pth files that Python itself uses to list paths"
        _refuse(source, what, OPEN_ANOTHER)
    _refuse(source, "is a text file, perhaps an error message saved in place of the checkpoint", OPEN_ANOTHER)


def _is_onnx(head: bytes) -> bool:
    """Tell a protobuf of ``onnx.ModelProto``: its version (field 1), then most often its producer (field 2)."""
    return len(head) > 3 and head[0] == 0x08 and 3 <= head[1] <= _NEWEST_ONNX and head[2] == 0x12


def _refuse(source: Source, what: str, hint: str) -> NoReturn:
    raise NotACheckpointError(f"{source.name} {what}.", hint)
