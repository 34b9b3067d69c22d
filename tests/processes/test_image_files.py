"""What is read of an item's files is bounded before it is all in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.processes import image_files
from inspector.processes.image_files import ImageFileError, read_item


def test_a_clip_of_too_many_or_too_large_frames_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [tmp_path / f"{place}.png" for place in range(4)]
    for frame in frames:
        frame.write_bytes(b"12345")
    assert read_item(frames) == [b"12345"] * 4
    monkeypatch.setattr(image_files, "MAX_ITEM_BYTES", 19)
    with pytest.raises(ImageFileError, match="too large together"):
        read_item(frames)
    with pytest.raises(ImageFileError, match="has 4,001 frames"):
        read_item([tmp_path / "0.png"] * 4_001)
