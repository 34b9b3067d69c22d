"""What is decoded at a time is bounded in pixels, whatever the number of threads, and large pictures get their turn."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from inspector.pictures.budget import PixelBudget, pixels_of, pixels_of_all
from inspector.pictures.frames import MOST_FRAME_PIXELS, MOST_KEPT_PIXELS

TIMEOUT = 30


def png(width: int, height: int, frames: int = 1) -> bytes:
    file, picture = io.BytesIO(), Image.new("L", (width, height))
    # of frames that are all alike, Pillow would keep one
    others = [Image.new("L", (1, 1), 1 + place % 2 * 90).resize((width, height)) for place in range(frames - 1)]
    picture.save(file, "PNG", save_all=frames > 1, append_images=others)
    return file.getvalue()


def test_threads_hold_no_more_than_the_budget_together() -> None:
    budget, most = PixelBudget(100), []
    together = threading.Barrier(2, timeout=TIMEOUT)

    def decode(pixels: int) -> None:
        with budget.hold(pixels):
            most.append(budget.held)
            together.wait()  # two of 50 fit, three don't: the third waits for both

    with ThreadPoolExecutor(4) as pool:
        for found in [pool.submit(decode, 50) for _ in range(4)]:
            found.result(TIMEOUT)
    assert max(most) == 100
    assert budget.held == 0


def held_by_thread(budget: PixelBudget, pixels: int, then: Callable[[], None]) -> threading.Thread:
    def decode() -> None:
        with budget.hold(pixels):
            then()

    thread = threading.Thread(target=decode, daemon=True)
    thread.start()
    return thread


def test_a_large_picture_is_not_overtaken_by_small_ones() -> None:
    budget, order = PixelBudget(100), list[str]()
    with budget.hold(60):
        large = held_by_thread(budget, 500, lambda: order.append("large"))
        while not budget._waiting:
            assert large.is_alive()
        small = held_by_thread(budget, 10, lambda: order.append("small"))
        while len(budget._waiting) < 2:
            assert small.is_alive()
        assert order == []  # the small one would fit
    large.join(TIMEOUT)
    small.join(TIMEOUT)
    assert order == ["large", "small"]


def test_what_fails_gives_its_room_back() -> None:
    budget = PixelBudget(10)
    with pytest.raises(ZeroDivisionError), budget.hold(10):
        _ = 1 / 0
    assert budget.held == 0


def test_pixels_are_told_by_the_header() -> None:
    assert pixels_of("a.png", png(300, 20)) == 6_000
    assert pixels_of("a.png", png(300, 20)[:60]) in (0, 6_000)
    assert pixels_of("a.txt", b"nothing") == 0
    assert pixels_of("a.mp4", b"\0\0\0\x20ftypisom") == MOST_KEPT_PIXELS + MOST_FRAME_PIXELS
    assert pixels_of("a.png", png(30, 20), frames=16) == 600
    assert pixels_of("a.png", png(30, 20, 5), frames=16) == 6 * 600
    assert pixels_of("a.png", png(30, 20, 50), frames=16) == 17 * 600
    assert pixels_of("a.png", png(5_000, 4_000, 6), frames=16) == 20_000_000 + MOST_KEPT_PIXELS
    frames = [png(30, 20)] * 5
    assert pixels_of_all(["f"] * 5, frames, 3) == 4 * 600
    assert pixels_of_all(["a", "b"], [png(30, 20), png(10, 10)], 1) == 700


def held_bytes(name: str) -> tuple[int, int]:
    """Return what decoding a file takes at its peak, and as what it counts, in bytes; in a process of its own."""
    program = """
import sys
from pathlib import Path
from inspector.pictures.budget import USUAL_BYTES, pixels_of
from inspector.pictures.decode import decode_image
data = Path(sys.argv[1]).read_bytes()
counted = USUAL_BYTES * pixels_of("a", data)
def told(name):
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition(name + ":")[2].split()[0])
before = told("VmRSS")
decode_image(data, name="a")
print(told("VmHWM") - before, counted)
"""
    found = subprocess.run([sys.executable, "-c", program, name], capture_output=True, text=True, check=True)
    peak, counted = map(int, found.stdout.split())
    return peak, counted


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for the peak of a process's memory")
@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGBA", "PNG", {}),
        ("LA", "PNG", {}),
        ("RGBA", "WEBP", {"method": 0}),
        ("RGB", "JPEG", {"progressive": True, "subsampling": 0}),
        ("RGB", "AVIF", {"speed": 10}),
        ("RGB", "JPEG2000", {}),
        ("F", "TIFF", {}),
        ("I;16", "PNG", {}),
    ],
)
def test_a_picture_takes_no_more_than_it_counts_as(
    tmp_path: Path, mode: str, kind: str, options: dict[str, Any]
) -> None:
    file, exif = tmp_path / "a", Image.Exif()
    exif[0x0112] = 6
    if kind != "JPEG2000":
        options = {**options, "exif": exif}
    Image.new(mode, (3_000, 2_500)).save(file, kind, **options)
    peak, counted = held_bytes(str(file))
    assert counted / 8 < peak <= counted + (24 << 20)  # strips, and what Pillow loads at its first use


def test_a_clip_counts_with_the_canvas_that_its_later_frames_need() -> None:
    large = io.BytesIO()
    Image.new("P", (300, 200), 1).save(large, "GIF", optimize=False)
    image = large.getvalue()[large.getvalue().index(b"\x2c\x00\x00\x00\x00") : -1]
    screen = b"GIF89a\x01\x00\x01\x00\x80\x00\x00" + bytes(6)
    dot = b"\x2c" + bytes(4) + b"\x01\x00\x01\x00\x00" + b"\x02\x02\x44\x01\x00"
    data = screen + dot + image + b"\x3b"
    assert pixels_of("a.gif", data) == 1
    assert pixels_of("a.gif", data, frames=2) == 60_000 * 12 // 8 + 2
