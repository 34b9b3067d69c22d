"""What a drop or a paste holds, by names alone: checkpoints to open, images and folders to predict."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QMimeData, QUrl

from inspector.checkpoint.folders import holds_checkpoint, together
from inspector.processes.image_files import IMAGE_SUFFIXES, VIDEO_SUFFIXES

#: Paths taken from one drop.
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Dropped:
    """Files sorted by where they belong. ``refusal`` says why nothing of it can be used."""

    checkpoints: tuple[Path, ...] = ()
    images: tuple[Path, ...] = ()
    refusal: str = ""

    @property
    def usable(self) -> bool:
        """Whether there is anything to open or to predict."""
        return bool(self.checkpoints or self.images)

    def invitation(self) -> str:
        """Return what letting go will do, for the overlay."""
        parts = []
        if self.checkpoints:
            found = together(self.checkpoints)
            count = len(found)
            parts.append(f"open {found[0].name}" if count == 1 else f"open {count:,} checkpoints")
        if self.images:
            count = len(self.images)
            what = "a folder of images" if count == 1 and self.images[0].is_dir() else f"{count:,} images"
            parts.append(f"predict {self.images[0].name}" if count == 1 and what == "1 images" else f"predict {what}")
        return f"Drop to {' and '.join(parts)}" if parts else self.refusal


def sort_paths(paths: list[Path]) -> Dropped:
    """Sort paths: images and folders without a checkpoint in them are predicted, everything else is opened."""
    images = [path for path in paths if _is_predicted(path)]
    known = set(images)
    others = tuple(path for path in paths if path not in known)
    return Dropped(others, tuple(images), "" if paths else "There is no file in what was dropped")


def _is_predicted(path: Path) -> bool:
    return not holds_checkpoint(path) if path.is_dir() else path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES


def from_mime(data: QMimeData) -> Dropped:
    """Sort what a drag or the clipboard holds; a text that is a path (or several, a line each) counts too."""
    if data.hasUrls():
        local = [Path(url.toLocalFile()) for url in data.urls()[:_MOST] if url.isLocalFile()]
        if not local:
            return Dropped(refusal="Only files on this computer can be opened: download it first")
        return sort_paths(local)
    return sort_paths(_paths_in(data.text())) if data.hasText() else sort_paths([])


def _paths_in(text: str) -> list[Path]:
    found = []
    for line in text[:100_000].splitlines():
        cleaned = line.strip().strip("\"'")
        if cleaned.startswith("file:"):
            cleaned = QUrl(cleaned).toLocalFile()
        path = Path(os.path.expanduser(cleaned)) if cleaned else None
        if path is not None and path.is_absolute() and "\0" not in cleaned and path.exists():
            found.append(path)
    return found
