"""Carrying out a plan: the copy is written in pieces, put in place at the end, and only of what was inspected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inspector.checkpoint.limits import MIB
from inspector.checkpoint.source import InspectedFiles
from inspector.export.errors import ExportError
from inspector.export.plan import Plan
from inspector.export.safetensors_file import SafetensorsFile
from inspector.export.target import Target
from inspector.export.torch_file import TorchFile

#: What is written, by the suffix of the name: one of `inspector.export.target.SUFFIXES`.
FORMATS: dict[str, type[SafetensorsFile] | type[TorchFile]] = {
    ".safetensors": SafetensorsFile,
    ".pth": TorchFile,
    ".pt": TorchFile,
}

#: An honest copy is no larger than so many times the original (each of 20 names of one tensor in full), or so large.
_MAX_GROWTH = 20
_FREE_BYTES = 64 * MIB


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written: tensors in it, bytes of the file."""

    tensors: int
    nbytes: int


def convert(plan: Plan, out: Path, token: str, progress: Callable[[int, int], None], *, force: bool) -> Converted:
    """Write the clean copy that a plan describes.

    Parameters
    ----------
    out
        Absolute path of the copy; its suffix says the format.
    token
        A name of this attempt, unlike any other's: see `inspector.export.target.part_path`.
    progress
        Takes the bytes written and those of the whole.
    force
        Replace a file that is there.

    Raises
    ------
    ExportError
        It can't be written.
    CheckpointError
        The original can't be read, or is no longer what was inspected.
    """
    inspected = plan.inspected()
    with (
        Target(out, token, force=force, own=[file.identity for file in inspected]) as target,
        InspectedFiles(inspected) as files,
    ):
        copy = FORMATS[out.suffix.lower()](plan)
        held = sum(file.identity.size for file in inspected)
        if copy.nbytes > max(_FREE_BYTES, _MAX_GROWTH * held):
            raise ExportError(
                f"A copy of {plan.name} would take {copy.nbytes:,} bytes, far more than the {held:,} of the file.",
                "Nothing was written.",
            )
        target.reserve(copy.nbytes)
        done = 0
        for piece in copy.write(target.file, files):
            done += piece
            progress(done, copy.nbytes)
        for index in range(len(inspected)):
            files[index].check_unchanged()
        nbytes = target.file.tell()
        target.commit()
    return Converted(copy.tensors, nbytes)
