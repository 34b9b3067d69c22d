"""The files of one item -> a model's input: one image, a clip's file or its frames' files, a pair of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from inspector.engine.attach import Attachment
from inspector.engine.inputs import ClipPreprocessing
from inspector.engine.problems import PredictionError
from inspector.engine.tasks import Prepared, task_named
from inspector.pictures.budget import BUDGET, pixels_of_all
from inspector.pictures.decode import decode_image
from inspector.pictures.frames import Shrinker, decode_clip, evenly_spaced, first_frames, notes


@dataclass(frozen=True, slots=True)
class Seen:
    """The picture that a model sees.

    Attributes
    ----------
    width, height
        In pixels; of a clip its frames in rows of four, of a pair the two side by side.
    rgb
        ``3 * width * height`` bytes, row by row from the top.
    caption
        What was done to get there, as a sentence.
    """

    width: int
    height: int
    rgb: bytes
    caption: str


def prepare_item(attachment: Attachment, names: Sequence[str], files: Sequence[bytes]) -> Prepared:
    """Decode an item's files and make them a model's input; safe on any thread.

    Parameters
    ----------
    names
        What to call the files in an error.
    files
        The whole files. One image for classification, segmentation and detection. An animated picture, a video, or
        a file for each frame for video classification. Two images, or a file whose first two frames are taken, for
        optical flow.

    Raises
    ------
    ImageError
        A file can't be decoded.
    PredictionError
        There are too many or too few, or the model can't take them.
    UnsupportedTaskError
        The task has no predictions.
    """
    task = task_named(attachment.task)
    with BUDGET.hold(pixels_of_all(names, files, _kept_frames(attachment, len(files)))):
        images, taken, more = _pictures(attachment, names, files)
        prepared = task.prepare(attachment, images)
    # the decoder knows of the frames that it left out, which the task never saw
    return replace(prepared, note=f"{taken or prepared.note} {more}".strip())


def _kept_frames(attachment: Attachment, files: int) -> int:
    """Return how many frames of a file, or of a folder, are kept at a time."""
    if isinstance(attachment.preprocessing, ClipPreprocessing):
        return attachment.preprocessing.frames
    return 2 if attachment.task == "optical flow" and files == 1 else 1


def _pictures(
    attachment: Attachment, names: Sequence[str], files: Sequence[bytes]
) -> tuple[list[Image.Image], str, str]:
    if not files:
        raise PredictionError("There is no image to predict.")
    if isinstance(attachment.preprocessing, ClipPreprocessing):
        return _clip(attachment.preprocessing.frames, names, files)
    if attachment.task == "optical flow" and len(files) == 1:
        clip = decode_clip(files[0], name=names[0], wanted=2, places=first_frames)
        if len(clip.frames) < 2:
            raise PredictionError(f"{names[0]} is one image: optical flow needs two, or the frames of a clip.")
        return list(clip.frames), "", ""
    most = 2 if attachment.task == "optical flow" else 1
    if len(files) > most:
        raise PredictionError(f"There are {len(files)} images where {attachment.task} takes {most}.")
    return [decode_image(data, name=name) for name, data in zip(names, files, strict=True)], "", ""


def _clip(wanted: int, names: Sequence[str], files: Sequence[bytes]) -> tuple[list[Image.Image], str, str]:
    if len(files) > 1:
        places = evenly_spaced(len(files), wanted)
        frames, note = _kept([(names[place], files[place]) for place in sorted(set(places))])
        return frames, _taken(len(frames), len(files), wanted), note
    clip = decode_clip(files[0], name=names[0], wanted=wanted)
    return list(clip.frames), _taken(len(clip.frames), clip.total, wanted), clip.note


def _kept(files: Sequence[tuple[str, bytes]]) -> tuple[list[Image.Image], str]:
    """Decode the frames of a folder one by one, each made smaller where all would be too much to keep."""
    frames, note = [], ""
    for name, data in files:
        frame = decode_image(data, name=name)
        shrink = Shrinker(frame.size, len(files))
        frames.append(shrink(frame))
        note = note or notes(0, 0, shrink)
    return frames, note


def _taken(frames: int, there: int, wanted: int) -> str:
    """Return which of a clip's frames were taken; empty where the task itself can tell."""
    return f"{frames:,} of {there:,} frames, evenly spaced." if frames == wanted and frames < there else ""


def seen_by_model(attachment: Attachment, names: Sequence[str], files: Sequence[bytes]) -> Seen:
    """Return the picture as the model sees it: prepared, and its colours made visible again.

    Parameters and errors are those of `prepare_item`.
    """
    prepared = prepare_item(attachment, names, files)
    picture = attachment.preprocessing.seen(prepared.inputs)
    _, height, width = picture.shape
    rgb = picture.permute(1, 2, 0).contiguous().numpy().tobytes()
    return Seen(width, height, rgb, _caption(attachment, prepared, (width, height)))


def _caption(attachment: Attachment, prepared: Prepared, size: tuple[int, int]) -> str:
    told = attachment.preprocessing.to_message()
    of_clip = isinstance(attachment.preprocessing, ClipPreprocessing)
    width, height = prepared.inputs[0].shape[:-3:-1] if attachment.task != "detection" else size
    mean, std = (", ".join(f"{number:.3g}" for number in told[key]) for key in ("mean", "std"))
    frames = f"{prepared.inputs[0].shape[1]} frames of " if of_clip else ""
    both = "two images of " if attachment.task == "optical flow" else ""
    sizes = f"{frames}{both}{width} × {height} pixels, from {prepared.width} × {prepared.height}"
    grey = "; colour removed" if told.get("grayscale") else ""
    sentence = f"{sizes[0].upper()}{sizes[1:]}{grey}; then minus the mean {mean}, divided by {std}."
    return f"{sentence} {prepared.note}".rstrip()
