"""The files of one item -> a model's input: one image, a clip's file or its frames' files, a pair of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from inspector.engine.attach import Attachment
from inspector.engine.inputs import ClipPreprocessing
from inspector.engine.problems import NoNextImageError, PredictionError
from inspector.engine.tasks import Prepared, task_named
from inspector.frame_places import evenly_spaced, first_frames
from inspector.pictures.budget import BUDGET, pixels_of_all
from inspector.pictures.frames import Shrinker, decode_clip, decode_first, is_clip, notes


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


def prepare_item(attachment: Attachment, names: Sequence[str], files: Sequence[bytes], total: int = 0) -> Prepared:
    """Decode an item's files and make them a model's input; safe on any thread.

    Parameters
    ----------
    names
        What to call the files in an error.
    files
        The whole files. One image for classification, segmentation and detection; of a clip its first frame is
        taken. An animated picture, a video, or a file for each frame for video classification. An image and the next
        one for optical flow; of a clip, which is told by its content, the first two frames are taken, and the next
        image is not looked at.
    total
        How many frames a clip has of which ``files`` are those that the model takes, in their places; 0 where they are
        all there are.

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
    with BUDGET.hold(pixels_of_all(names, files, _kept_frames(attachment))):
        found = _pictures(attachment, names, files, total)
        prepared = task.prepare(attachment, found.images)
    # the decoder knows of the frames that it left out, which the task never saw
    note = f"{found.taken or prepared.note} {found.more}".strip()
    return replace(prepared, note=note, own_frames=found.own_frames)


@dataclass(frozen=True, slots=True)
class _Pictures:
    """What an item's files hold: pictures, which of a clip's frames they are, what else was done, as sentences."""

    images: list[Image.Image]
    taken: str = ""
    more: str = ""
    own_frames: bool = False


def _kept_frames(attachment: Attachment) -> int:
    """Return how many frames of a file, or of a folder, are kept at a time."""
    if isinstance(attachment.preprocessing, ClipPreprocessing):
        return attachment.preprocessing.frames
    return 2 if attachment.task == "optical flow" else 1


def _pictures(attachment: Attachment, names: Sequence[str], files: Sequence[bytes], total: int) -> _Pictures:
    if not files:
        raise PredictionError("There is no image to predict.")
    if isinstance(attachment.preprocessing, ClipPreprocessing):
        return _clip(attachment.preprocessing.frames, names, files, total)
    most = 2 if attachment.task == "optical flow" else 1
    if len(files) > most:
        raise PredictionError(f"There are {len(files)} images where {attachment.task} takes {most}.")
    if attachment.task == "optical flow":
        return _pair(names, files)
    return _Pictures([decode_first(data, name=name) for name, data in zip(names, files, strict=True)])


def _pair(names: Sequence[str], files: Sequence[bytes]) -> _Pictures:
    """Decode a clip's own first two frames; of a still picture, it and the one after it."""
    if is_clip(files[0], name=names[0]):
        frames = decode_clip(files[0], name=names[0], wanted=2, places=first_frames).frames
        if len(frames) == 2:  # a damaged one may have said that it has more
            return _Pictures(list(frames), more="From its first frame to its second.", own_frames=True)
    if len(files) == 1:
        raise NoNextImageError(
            f"{names[0]} is one image: optical flow needs two, or the frames of a clip.", "Add the next image."
        )
    return _Pictures([decode_first(data, name=name) for name, data in zip(names, files, strict=True)])


def _clip(wanted: int, names: Sequence[str], files: Sequence[bytes], total: int) -> _Pictures:
    if len(files) > 1:
        places = evenly_spaced(len(files), wanted)
        frames, note = _kept([(names[place], files[place]) for place in sorted(set(places))])
        return _Pictures(frames, _taken(len(frames), max(total, len(files)), wanted), note)
    clip = decode_clip(files[0], name=names[0], wanted=wanted)
    return _Pictures(list(clip.frames), _taken(len(clip.frames), max(total, clip.total), wanted), clip.note)


def _kept(files: Sequence[tuple[str, bytes]]) -> tuple[list[Image.Image], str]:
    """Decode the frames of a folder one by one, each made smaller where all would be too much to keep."""
    frames, note = [], ""
    moving = [name for name, data in files if is_clip(data, name=name)]
    for name, data in files:
        frame = decode_first(data, name=name)
        shrink = Shrinker(frame.size, len(files))
        frames.append(shrink(frame))
        note = note or notes(0, 0, shrink)
    if moving:
        which = moving[0] if len(moving) == 1 else f"{len(moving):,} files that are clips themselves"
        note = f"Of {which} only the first frame was taken. {note}".rstrip()
    return frames, note


def _taken(frames: int, there: int, wanted: int) -> str:
    """Return which of a clip's frames were taken; empty where the task itself can tell."""
    return f"{frames:,} of {there:,} frames, evenly spaced." if frames == wanted and frames < there else ""


def seen_by_model(attachment: Attachment, names: Sequence[str], files: Sequence[bytes], total: int = 0) -> Seen:
    """Return the picture as the model sees it: prepared, and its colours made visible again.

    Parameters and errors are those of `prepare_item`.
    """
    prepared = prepare_item(attachment, names, files, total)
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
