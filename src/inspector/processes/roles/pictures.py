"""The worker's methods about images: small copies of them, and copies with what a model says of them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from inspector.errors import InspectorError
from inspector.processes.image_files import read_image
from inspector.processes.roles.serving import Progress, Reply


class PictureRoleError(InspectorError):
    """A picture can't be made or written."""


def thumbnail(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with a small upright picture of an image file; buffer 0 is its RGB."""
    from inspector.pictures.clip_view import first_frame
    from inspector.pictures.thumbnail import thumbnail as make

    path = Path(params["path"])
    data = first_frame(read_image(path), name=path.name)
    made = make(data, name=path.name, width=int(params["width"]), height=int(params["height"]))
    result = {
        "width": made.width,
        "height": made.height,
        "original_width": made.original_width,
        "original_height": made.original_height,
    }
    return result, [made.rgb]


def clip_frames(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with small pictures of a clip's frames, evenly spaced: one buffer of RGB each, all of one size."""
    from inspector.pictures.clip_view import clip_view

    paths, most = [Path(path) for path in params["paths"]], int(params["most"])
    made = clip_view(paths, read_image, most=most, width=int(params["width"]), height=int(params["height"]))
    return {"width": made.width, "height": made.height, "total": made.total}, list(made.frames)


def draw_prediction(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Write a copy of an image with what a model says of it drawn on it, as PNG; of a clip, its first frame.

    ``params`` are the engine's answer with ``path``, ``out``, ``task``, ``threshold`` and ``name``; the buffers are its
    rasters' data.
    """
    from inspector.pictures.answer import Answer
    from inspector.pictures.draw import draw_file

    path, out = Path(params["path"]), Path(params["out"])
    answer = Answer.from_message(params, buffers)
    picture = draw_file(read_image(path), answer, name=path.name, threshold=float(params["threshold"]))
    try:
        _put(out, picture)
    except OSError as error:
        raise PictureRoleError(f"{out} can't be written: {error.strerror}.", "Choose another folder.") from None
    return {}, []


def _put(path: Path, data: bytes) -> None:
    """Put a file in place whole, or not at all."""
    part = path.with_name(f".{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
