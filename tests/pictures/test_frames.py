"""Clips: the right frames, in order, of files whose frames are many, huge, cut short or not there."""

from __future__ import annotations

import importlib.util
import io
import itertools
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inspector.frame_places import evenly_spaced, first_frames
from inspector.pictures import frames as module
from inspector.pictures.decode import ImageError, decode_image
from inspector.pictures.frames import Clip, decode_clip
from inspector.pictures.gif_frames import gif_frames
from inspector.pictures.video_files import is_video


def animation(kind: str, levels: Sequence[int], size: tuple[int, int] = (8, 6)) -> bytes:
    frames = [Image.new("RGB", size, (level,) * 3) for level in levels]
    file = io.BytesIO()
    lossless = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=40, **lossless)
    return file.getvalue()


def levels_of(clip: Clip) -> list[int]:
    return [int(frame.convert("L").getpixel((3, 3))) for frame in clip.frames]  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_frames_are_evenly_spaced_and_in_order(kind: str) -> None:
    data = animation(kind, range(0, 200, 10))
    clip = decode_clip(data, name="a", wanted=5)
    assert levels_of(clip) == [0, 50, 100, 140, 190]
    assert (clip.total, clip.note) == (20, "")
    assert {(frame.mode, frame.size) for frame in clip.frames} == {("RGB", (8, 6))}
    assert levels_of(decode_clip(data, name="a", wanted=2, places=first_frames)) == [0, 10]
    assert levels_of(decode_clip(data, name="a", wanted=50)) == list(range(0, 200, 10))


def test_a_still_picture_is_a_clip_of_one_frame() -> None:
    file = io.BytesIO()
    Image.new("RGB", (5, 4), "white").save(file, "JPEG")
    clip = decode_clip(file.getvalue(), name="a.jpg", wanted=16)
    assert (len(clip.frames), clip.total) == (1, 1)


@given(st.integers(1, 5000), st.integers(1, 300))
def test_places_begin_and_end_with_the_clip_and_never_go_back(there: int, wanted: int) -> None:
    places = evenly_spaced(there, wanted)
    assert len(places) == wanted
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] < there
    if wanted > 1:
        assert (places[0], places[-1]) == (0, there - 1)
        gaps = {after - before for before, after in itertools.pairwise(places)}
        assert max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize("count", [1, 2, 7, 60])
def test_gifs_are_counted_as_pillow_does(count: int) -> None:
    data = animation("GIF", [place % 250 for place in range(count)])
    with Image.open(io.BytesIO(data)) as image:
        assert gif_frames(data).count == getattr(image, "n_frames", 1) == count


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_counting_a_broken_gif_ends(tail: bytes) -> None:
    whole = animation("GIF", [0, 90])
    assert gif_frames(whole[:40] + tail).count >= 1
    assert gif_frames(b"GIF89a" + tail).count >= 1


def gif_of_many(frames: int, width: int = 1, height: int = 1) -> bytes:
    """Return a GIF of so many one-pixel images on a canvas."""
    screen = b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\x80\x00\x00" + bytes(6)
    image = b"\x2c" + bytes(4) + b"\x01\x00\x01\x00\x00" + b"\x02\x02\x44\x01\x00"
    return screen + image * frames + b"\x3b"


def test_a_hundred_thousand_frames_cost_no_more_than_the_first_two_thousand() -> None:
    started = time.perf_counter()
    clip = decode_clip(gif_of_many(100_000), name="a.gif", wanted=16)
    assert time.perf_counter() - started < 20
    assert clip.total == 100_000
    assert len(clip.frames) == 16
    assert clip.note == "Only its first 2,000 frames were looked at."


def test_huge_canvases_are_decoded_only_so_often_and_kept_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DECODED_PIXELS", 1_000_000)
    monkeypatch.setattr(module, "MOST_KEPT_PIXELS", 20_000)
    data = animation("GIF", range(0, 240, 4), (400, 250))
    clip = decode_clip(data, name="a.gif", wanted=4)
    assert levels_of(clip) == [0, 12, 24, 36]  # of the first ten
    assert sum(frame.width * frame.height for frame in clip.frames) <= 20_000
    assert clip.note == (
        "Only its first 10 frames were looked at. Its frames were made smaller first, to 89 × 55 pixels."
    )


def test_a_canvas_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(ImageError, match=r"more pixels than can be read \(250 million\)"):
        decode_clip(gif_of_many(3, 60_000, 60_000), name="a.gif", wanted=4)
    with pytest.raises(ImageError, match=r"frames of more pixels than can be read \(40 million\)"):
        decode_clip(gif_of_many(3, 15_000, 15_000), name="a.gif", wanted=4)


def growing_gif(frames: int, width: int, height: int, between: bytes = b"") -> bytes:
    """Return a GIF whose first image is one pixel, and whose others are larger than its screen."""
    file = io.BytesIO()
    Image.new("P", (width, height), 1).save(file, "GIF", optimize=False)
    large = file.getvalue()
    image = large[large.index(b"\x2c\x00\x00\x00\x00") : -1]
    return gif_of_many(1)[:-1] + (between + image) * frames + b"\x3b"


def test_frames_outside_of_the_canvas_are_cut_off() -> None:
    data = growing_gif(3, 30, 20)
    assert (gif_frames(data).count, gif_frames(data).width, gif_frames(data).height) == (4, 30, 20)
    clip = decode_clip(data, name="a.gif", wanted=4)
    assert [frame.size for frame in clip.frames] == [(1, 1)] * 4


def test_a_canvas_that_grows_beyond_all_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FRAME_PIXELS", 1_000)
    with pytest.raises(ImageError, match="frames of more pixels than can be read"):
        decode_clip(growing_gif(3, 50, 40), name="a.gif", wanted=4)
    assert len(decode_clip(growing_gif(3, 50, 20), name="a.gif", wanted=4).frames) == 4


def test_a_canvas_that_grows_is_decoded_only_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DECODED_PIXELS", 5_000)
    clip = decode_clip(growing_gif(9, 50, 20), name="a.gif", wanted=16)
    assert (len(clip.frames), clip.total) == (5, 10)
    assert clip.note == "Only its first 5 frames were looked at."


def test_a_frame_that_only_pillow_finds_ends_the_clip() -> None:
    """An extension without data: Pillow takes the block after it for its data, and finds another image in our one's."""
    first = gif_of_many(1)[:-1]
    hidden = b"\x2c" + bytes(4) + b"\x2c\x01\xc8\x00\x00" + b"\x02\x02\x44\x01\x00"  # 300 x 200
    ours = b"\x2c" + bytes(4) + b"\x01\x00\x01\x00\x00" + b"\x02" + bytes([49])
    data = first + b"\x21\xf9\x00" + ours + bytes(46 - len(ours)) + hidden + b"\x00\x3b"
    assert (gif_frames(data).count, gif_frames(data).width) == (2, 1)
    with Image.open(io.BytesIO(data)) as image:
        image.seek(1)
        assert image.size == (300, 200)
    assert [frame.size for frame in decode_clip(data, name="a.gif", wanted=4).frames] == [(1, 1)]


@pytest.mark.parametrize("kind", ["TIFF", "JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("turned", [1, 3, 6, 8])
def test_a_clip_is_as_upright_as_the_picture(kind: str, turned: int) -> None:
    picture = Image.new("RGB", (64, 32), "black")
    picture.paste((255, 255, 255), (0, 0, 16, 16))
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = turned
    picture.save(file, kind, exif=exif)
    (frame,) = decode_clip(file.getvalue(), name="a", wanted=4).frames
    whole = decode_image(file.getvalue(), name="a")
    assert frame.size == whole.size
    assert frame.tobytes() == whole.tobytes()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_a_clip_that_is_cut_short_gives_frames_or_a_sentence(kind: str) -> None:
    data = animation(kind, range(0, 200, 10), (40, 30))
    for share in (0.05, 0.3, 0.6, 0.95):
        try:
            clip = decode_clip(data[: int(len(data) * share)], name="a", wanted=4)
        except ImageError as error:
            assert error.message.startswith("a ")  # noqa: PT017
        else:
            assert 1 <= len(clip.frames) <= 4


def test_a_video_needs_pyav_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.pictures.video_files.can_read_videos", lambda: False)
    with pytest.raises(ImageError, match=r"a\.mp4 is a video, and PyAV, which reads videos, is not installed") as found:
        decode_clip(b"\x00\x00\x00\x20ftypisom" + bytes(64), name="a.mp4", wanted=4)
    assert "pip install av" in found.value.hint


@pytest.mark.parametrize(
    ("head", "video"),
    [
        (b"\x00\x00\x00\x20ftypisom", True),
        (b"\x1aE\xdf\xa3" + bytes(8), True),
        (b"RIFF\x00\x00\x00\x00AVI LIST", True),
        (b"\x00\x00\x00\x20ftypavif", False),
        (b"RIFF\x00\x00\x00\x00WEBPVP8X", False),
        (b"GIF89a", False),
        (b"", False),
    ],
)
def test_videos_are_told_by_their_first_bytes(head: bytes, video: bool) -> None:
    assert is_video(head) == video


needs_pyav = pytest.mark.skipif(importlib.util.find_spec("av") is None, reason="PyAV is not installed")


def video(levels: Sequence[int], container: str = "mp4", codec: str = "mpeg4") -> bytes:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in levels:
            frame = av.VideoFrame.from_image(Image.new("RGB", (64, 48), (level,) * 3))
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return file.getvalue()


@needs_pyav
@pytest.mark.parametrize(("container", "codec"), [("mp4", "mpeg4"), ("webm", "libvpx"), ("avi", "mpeg4")])
def test_frames_of_a_video_are_evenly_spaced(container: str, codec: str) -> None:
    clip = decode_clip(video(range(0, 200, 10), container, codec), name="a", wanted=5)
    assert levels_of(clip) == pytest.approx([0, 50, 100, 140, 190], abs=6)
    assert clip.total == 20
    assert clip.frames[0].size == (64, 48)


@needs_pyav
@pytest.mark.parametrize("share", [0.02, 0.4, 0.9])
def test_a_video_that_is_cut_short_gives_frames_or_a_sentence(share: float) -> None:
    for container, codec in (("mp4", "mpeg4"), ("webm", "libvpx")):
        data = video(range(0, 200, 10), container, codec)
        try:
            assert decode_clip(data[: int(len(data) * share)], name="a", wanted=4).frames
        except ImageError as error:
            assert error.hint  # noqa: PT017


def changing_video(sizes: Sequence[tuple[int, int]]) -> bytes:
    """Return a video whose header tells the first size alone."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="avi") as out:
        stream = out.add_stream("mjpeg", rate=10)
        (stream.width, stream.height), stream.pix_fmt = sizes[0], "yuvj420p"
        out.start_encoding()
        for place, size in enumerate(sizes):
            picture = io.BytesIO()
            Image.new("RGB", size, (20 * place,) * 3).save(picture, "JPEG")
            packet = av.Packet(picture.getvalue())
            packet.stream, packet.is_keyframe = stream, True
            packet.pts = packet.dts = place
            packet.time_base = stream.time_base
            out.mux(packet)
    return file.getvalue()


@needs_pyav
def test_frames_of_a_video_that_changes_its_size_are_of_one_size() -> None:
    clip = decode_clip(changing_video([(64, 48), (64, 48), (90, 70)]), name="a.avi", wanted=3)
    assert [frame.size for frame in clip.frames] == [(64, 48)] * 3
    assert levels_of(clip) == pytest.approx([0, 20, 40], abs=6)


@needs_pyav
def test_a_video_whose_frames_grow_beyond_all_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FRAME_PIXELS", 10_000)
    with pytest.raises(ImageError, match=r"a\.avi can't be read as a video"):
        decode_clip(changing_video([(64, 48), (300, 200), (300, 200)]), name="a.avi", wanted=3)
