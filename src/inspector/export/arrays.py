"""Tensors as NumPy's own files: one as ``.npy``, any number as ``.npz``, written piece by piece.

The formats are numpy's (``numpy.lib.format``, version 1.0; an ``.npz`` is a zip archive of stored ``.npy`` files).
Nothing is ever pickled, so ``numpy.load`` reads them as it is, with ``allow_pickle=False``.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from inspector.checkpoint.errors import CheckpointError, FileChangedError, TensorReadError
from inspector.checkpoint.limits import MIB
from inspector.checkpoint.source import Files, InspectedFiles
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.tensor_bytes import TensorPlace, nbytes_of, numel_of, numpy_dtype
from inspector.checkpoint.unusual_bytes import read_values
from inspector.export.array_names import safe_names
from inspector.export.errors import ExportError
from inspector.export.target import Target
from inspector.export.tensor_stream import Piece, array_pieces, is_one_run, tensor_pieces

if TYPE_CHECKING:
    import numpy

#: What the name of a file of arrays may end in: of one tensor, of several.
ARRAY_SUFFIXES = (".npy", ".npz")

#: An honest file is no larger than so many times the original (each of 20 names of one tensor in full), or so large.
_MAX_GROWTH = 20
_FREE_BYTES = 64 * MIB
#: Records of so many bytes, or a little less with what is added to them, need the larger fields of a zip archive.
_LARGE_RECORD = (1 << 31) - 1

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes
    ----------
    tensors, nbytes
        Tensors in the file, and its bytes.
    widened
        Tensors of a dtype that numpy's files have no name for, as bfloat16 and float8: they are float32 there, which
        holds each of their numbers (complex64 for complex32).
    renamed
        Tensors whose key is not their name.
    left_out
        Tensors that could not be read.
    problem
        Why the first of those could not, as a sentence.
    """

    tensors: int
    nbytes: int
    widened: int = 0
    renamed: int = 0
    left_out: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Array:
    """One tensor on its way into a file: little-endian, its last dimension first, in pieces."""

    dtype: numpy.dtype[Any]
    shape: tuple[int, ...]
    pieces: Iterator[Piece]
    widened: bool

    @property
    def nbytes(self) -> int:
        """Bytes of its elements."""
        return numel_of(self.shape) * self.dtype.itemsize


def save_arrays(
    summary: CheckpointSummary, tensors: Sequence[int], out: Path, token: str, progress: Progress, *, force: bool
) -> Written:
    """Write tensors of a checkpoint.

    Parameters
    ----------
    tensors
        Their numbers; just one for ``.npy``.
    out
        Absolute path, which ends in one of `ARRAY_SUFFIXES`.
    token
        A name of this attempt, unlike any other's: see `inspector.export.target.part_path`.
    progress
        Takes the bytes of elements that are written, and those of all.
    force
        Replace a file that is there.

    Raises
    ------
    ExportError
        It can't be written.
    CheckpointError
        A tensor's bytes can't be read, none of them can, or a file is no longer what was inspected.
    """
    with (
        Target(out, token, force=force, own=[file.identity for file in summary.files]) as target,
        InspectedFiles(summary.files) as files,
    ):
        total = _room_for(summary, tensors)
        target.reserve(total)
        writing = _Writing(summary, files, progress, total)
        if out.suffix.lower() == ".npy":
            (tensor,) = tensors
            writing.write(tensor, lambda _: nullcontext(target.file))
        else:
            with zipfile.ZipFile(target.file, "w", zipfile.ZIP_STORED) as archive:
                writing.write_all(tensors, archive)
        for index in range(len(summary.files)):
            files[index].check_unchanged()
        nbytes = target.file.tell()
        target.commit()
    return writing.written(nbytes)


def _room_for(summary: CheckpointSummary, tensors: Sequence[int]) -> int:
    """Return about how many bytes tensors take, unless that is absurd."""
    total, held = sum(_bytes_in_file(summary, tensor) for tensor in tensors), summary.size
    if total > max(_FREE_BYTES, _MAX_GROWTH * held):
        raise ExportError(
            f"The arrays would take {total:,} bytes, far more than the {held:,} of the file.", "Nothing was written."
        )
    return total


def _bytes_in_file(summary: CheckpointSummary, tensor: int) -> int:
    shape, dtype = summary.shape(tensor), summary.dtype(tensor)
    if summary.layout(tensor) == "meta" or summary.problems[tensor]:
        return 0  # it has no values to write
    widest = 4 if dtype.startswith(("bfloat16", "float8", "float4", "quint")) else 0
    return max(nbytes_of(shape, dtype), widest * numel_of(shape))


class _Writing:
    """Writes tensors one after another, and knows what came of them."""

    def __init__(self, summary: CheckpointSummary, files: Files, progress: Progress, total: int) -> None:
        self._summary, self._files, self._progress = summary, files, progress
        self._total = total
        self._done = self._tensors = self._widened = self._renamed = self._left_out = 0
        self._problem = ""

    def write_all(self, tensors: Sequence[int], archive: zipfile.ZipFile) -> None:
        """Write tensors as records of an archive; those that can't be read are left out.

        Raises
        ------
        CheckpointError
            That is true of all.
        """
        names = [self._summary.names[tensor] for tensor in tensors]
        for tensor, name, key in zip(tensors, names, safe_names(names), strict=True):
            try:
                self.write(tensor, lambda size, key=key: _record(archive, key, size))  # type: ignore[misc]
            except _UnreadableError as error:
                self._left_out += 1
                self._problem = self._problem or error.sentence
            else:
                self._renamed += key != name
        if tensors and not self._tensors:
            raise TensorReadError(f"None of the tensors can be read. {self._problem}")

    def write(self, tensor: int, open_for: Callable[[int], AbstractContextManager[IO[bytes]]]) -> None:
        """Write one tensor where ``open_for`` says, given how many bytes it takes without the head."""
        try:
            array = open_array(self._files, self._summary.place(tensor))
        except FileChangedError:
            raise
        except CheckpointError as error:
            raise _UnreadableError(error.message, error.hint) from None
        with open_for(array.nbytes) as file:
            _write_head(file, array)
            for piece in array.pieces:
                file.write(piece)
                self._done += len(piece)
                self._progress(min(self._done, self._total), self._total)
        self._tensors += 1
        self._widened += array.widened

    def written(self, nbytes: int) -> Written:
        """Return what came of it."""
        return Written(self._tensors, nbytes, self._widened, self._renamed, self._left_out, self._problem)


class _UnreadableError(TensorReadError):
    """A tensor can't be read, which was known before anything of it was written."""


def _record(archive: zipfile.ZipFile, key: str, size: int) -> IO[bytes]:
    record = zipfile.ZipInfo(f"{key}.npy")  # of 1980, so that the same tensors make the same file
    return archive.open(record, "w", force_zip64=size >= _LARGE_RECORD - MIB)


def open_array(files: Files, place: TensorPlace) -> Array:
    """Find the values of a tensor, as the window shows them, for a file of numpy's.

    What lies in the file in one run is read as it is written; what is transposed, compressed, sparse or quantized is
    read whole.

    Raises
    ------
    CheckpointError
        It can't be read, or numpy can't hold it.
    """
    if is_one_run(place) and place.quantization is None and not place.dtype.startswith("float4"):
        dtype = numpy_dtype(place.dtype)
        if (place.offset + numel_of(place.shape)) * dtype.itemsize > place.location.nbytes and 0 not in place.shape:
            raise TensorReadError("The tensor reaches beyond its storage.")
        return _array(dtype, place.shape, tensor_pieces(files, place))
    values = read_values(files, place)
    return _array(values.dtype, values.shape, array_pieces(values))


def _array(dtype: numpy.dtype[Any], shape: tuple[int, ...], pieces: Iterator[Piece]) -> Array:
    import numpy as np

    try:
        np.broadcast_to(np.zeros((), np.uint8), shape)
    except ValueError:
        raise TensorReadError(f"numpy can't hold a tensor of {len(shape)} such dimensions.") from None
    if dtype.isbuiltin == 1:
        return Array(dtype.newbyteorder("<"), shape, pieces, False)
    wide = np.dtype("<c8" if "complex" in dtype.name else "<f4")
    return Array(wide, shape, (np.frombuffer(piece, dtype).astype(wide).tobytes() for piece in pieces), True)


def _write_head(file: IO[bytes], array: Array) -> None:
    from numpy.lib import format as npy

    head = {"descr": npy.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
    npy.write_array_header_1_0(file, head)
