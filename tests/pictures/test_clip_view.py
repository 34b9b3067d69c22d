"""A clip for the eye: bounded, evenly spaced, frames of one size."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from inspector.pictures import clip_view as module
from inspector.pictures.clip_view import clip_view


def animation(path: Path, count: int, size: tuple[int, int] = (60, 40)) -> Path:
    frames = [Image.new("RGB", size, (10 * place, 0, 255 - 10 * place)) for place in range(count)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=80, lossless=True)
    return path


def test_the_frames_of_an_animation_come_in_their_order(tmp_path: Path) -> None:
    path = animation(tmp_path / "a.webp", 5)
    made = clip_view([path], Path.read_bytes, most=64, width=720, height=540)
    assert (made.width, made.height, made.total, len(made.frames)) == (60, 40, 5, 5)
    assert [frame[0] for frame in made.frames] == [0, 10, 20, 30, 40]


def test_only_so_many_frames_are_taken_and_none_is_larger_than_the_box(tmp_path: Path) -> None:
    path = animation(tmp_path / "a.webp", 9, (200, 100))
    made = clip_view([path], Path.read_bytes, most=3, width=100, height=100)
    assert (made.width, made.height, len(made.frames), made.total) == (100, 50, 3, 9)
    assert all(len(frame) == 3 * 100 * 50 for frame in made.frames)


def test_files_of_different_sizes_become_frames_of_one(tmp_path: Path) -> None:
    paths = [tmp_path / f"{place}.png" for place in range(3)]
    for path, size in zip(paths, ((80, 60), (40, 30), (90, 10)), strict=True):
        Image.new("RGB", size, "red").save(path)
    made = clip_view(paths, Path.read_bytes, most=64, width=720, height=540)
    assert {len(frame) for frame in made.frames} == {3 * 80 * 60}
    assert made.total == 3


def test_all_frames_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 6_000)
    made = clip_view([animation(tmp_path / "a.webp", 5)], Path.read_bytes, most=64, width=720, height=540)
    assert sum(map(len, made.frames)) <= 6_000
    assert len(made.frames) == 5


def test_a_still_picture_is_a_clip_of_one_frame(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(out, "PNG")
    made = clip_view([tmp_path / "a.png"], lambda _: out.getvalue(), most=64, width=720, height=540)
    assert made.frames == (bytes([255, 0, 0]) * 600,)
