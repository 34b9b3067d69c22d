"""The dialogs that ask for files."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from inspector.export.array_names import safe_names
from inspector.export.target import SUFFIXES

_CHECKPOINTS = (
    "Checkpoints (*.pth *.pt *.ckpt *.th *.ptl *.pt2 *.bin *.safetensors *.index.json *.tar *.pkl *.npy *.npz)"
    ";;All files (*)"
)
_COPIES = {"safetensors (*.safetensors)": ".safetensors", "PyTorch state_dict (*.pth *.pt)": ".pth"}
_IMAGES = "Images (*.jpg *.jpeg *.png *.webp *.bmp *.gif *.tif *.tiff *.avif *.ppm *.pgm);;All files (*)"
_PYTHONS = "Python (python* python*.exe);;All files (*)"
_LABELS = "Labels (*.txt *.json);;All files (*)"


def ask_for_checkpoints(parent: QWidget, folder: str) -> list[Path]:
    """Ask for checkpoints to open; empty when the person cancels."""
    names, _ = QFileDialog.getOpenFileNames(parent, "Open checkpoints", folder, _CHECKPOINTS)
    return [Path(name) for name in names]


def ask_for_checkpoint_folder(parent: QWidget, folder: str) -> list[Path]:
    """Ask for a folder that is a checkpoint; empty when the person cancels."""
    name = QFileDialog.getExistingDirectory(parent, "Open a checkpoint's folder", folder)
    return [Path(name)] if name else []


def ask_for_images(parent: QWidget) -> list[Path]:
    """Ask for images to predict; empty when the person cancels."""
    names, _ = QFileDialog.getOpenFileNames(parent, "Add images", "", _IMAGES)
    return [Path(name) for name in names]


def ask_for_folder(parent: QWidget) -> list[Path]:
    """Ask for a folder of images; empty when the person cancels."""
    name = QFileDialog.getExistingDirectory(parent, "Add a folder of images")
    return [Path(name)] if name else []


def ask_for_copy(parent: QWidget, folder: Path, stem: str) -> tuple[Path | None, bool]:
    """Ask where to write a clean copy, and whether a file that is there may be replaced.

    The path is None when the person cancels. A name that tells no format gets the chosen one's suffix; what that name
    meets was not shown to the person, so it must not be replaced.
    """
    suggested = str(folder / f"{stem}-clean.safetensors")
    name, kind = QFileDialog.getSaveFileName(parent, "Save a clean copy", suggested, ";;".join(_COPIES))
    if not name:
        return None, False
    path = Path(name)
    if path.suffix.lower() in SUFFIXES:
        return path, os.path.lexists(path)
    return Path(f"{name}{_COPIES.get(kind, SUFFIXES[0])}"), False


def ask_for_file(parent: QWidget, title: str, suggested: str, kind: str, suffix: str) -> tuple[Path | None, bool]:
    """Ask where to write a file, and whether one that is there may be replaced.

    The path is None when the person cancels. A name without the suffix gets it; what that name meets was not shown to
    the person, so it must not be replaced.
    """
    name, _ = QFileDialog.getSaveFileName(parent, title, suggested, kind)
    if not name:
        return None, False
    path = Path(name)
    if path.suffix.lower() == suffix:
        return path, os.path.lexists(path)
    return Path(f"{name}{suffix}"), False


def ask_for_figures(parent: QWidget, stem: str) -> Path | None:
    """Ask where to save a table, to a path that ends in ``.csv`` or ``.json``; None when the person cancels."""
    kinds = {"CSV (*.csv)": ".csv", "JSON (*.json)": ".json"}
    return _of_kind(
        *QFileDialog.getSaveFileName(parent, "Save the table", f"{stem}.csv", ";;".join(kinds)), stem, kinds
    )


def _of_kind(chosen: str, kind: str, stem: str, kinds: dict[str, str]) -> Path | None:
    """Return a chosen path with the suffix of its kind, where ``stem`` with the first kind's suffix was suggested.

    A suffix that the person wrote is meant; the suggested name follows the kind that was chosen. A path that the
    dialog did not ask about meets no file.
    """
    if not chosen:
        return None
    first = next(iter(kinds.values()))
    path, wanted = Path(chosen), kinds.get(kind, first)
    is_known = path.suffix.lower() in kinds.values()
    if is_known and (path.name != f"{Path(stem).name}{first}" or wanted == first):
        return path
    name, count = path.stem if is_known else path.name, 1
    path = path.with_name(f"{name}{wanted}")
    while os.path.lexists(path):
        count += 1
        path = path.with_name(f"{name} ({count}){wanted}")
    return path


def as_file_name(text: str) -> str:
    """Return a name from a checkpoint as one that every system takes for a file's."""
    return next(safe_names([text]))


def ask_for_source_folder(parent: QWidget, folder: str) -> Path | None:
    """Ask for a folder of source code; None when the person cancels."""
    name = QFileDialog.getExistingDirectory(parent, "Choose the folder of the model's code", folder)
    return Path(name) if name else None


def ask_for_labels(parent: QWidget) -> Path | None:
    """Ask for a file of class names; None when the person cancels."""
    name, _ = QFileDialog.getOpenFileName(parent, "Choose class labels", "", _LABELS)
    return Path(name) if name else None


def ask_for_table(parent: QWidget, name: str) -> Path | None:
    """Ask where to save a table; None when the person cancels."""
    chosen, _ = QFileDialog.getSaveFileName(parent, "Save the table", name, "Tables (*.csv);;All files (*)")
    return Path(chosen) if chosen else None


def ask_for_export(parent: QWidget, kind: str, name: str) -> Path | None:
    """Ask where to save results: a file for ``"csv"`` and ``"json"``, else a folder; None when the person cancels."""
    if kind not in ("csv", "json"):
        folder = QFileDialog.getExistingDirectory(parent, "Choose a folder for the pictures")
        return Path(folder) if folder else None
    kinds = f"{kind.upper()} (*.{kind});;All files (*)"
    chosen, _ = QFileDialog.getSaveFileName(parent, "Save the results", name, kinds)
    return Path(chosen) if chosen else None


def ask_for_drawing(parent: QWidget, name: str) -> Path | None:
    """Ask where to save what a view draws; None when the person cancels. The path ends in ``.png`` or ``.svg``."""
    kinds = {"PNG pictures (*.png)": ".png", "SVG drawings (*.svg)": ".svg"}
    return _of_kind(
        *QFileDialog.getSaveFileName(parent, "Save the picture", f"{name}.png", ";;".join(kinds)), name, kinds
    )


def ask_for_picture(parent: QWidget, name: str) -> Path | None:
    """Ask where to save a picture; None when the person cancels."""
    chosen, _ = QFileDialog.getSaveFileName(parent, "Save the picture", name, "PNG pictures (*.png)")
    if not chosen:
        return None
    path = Path(chosen)
    return path if path.suffix.lower() == ".png" else path.with_name(f"{path.name}.png")


def ask_for_python(parent: QWidget) -> str | None:
    """Ask for a Python to run the engine on; None when the person cancels.

    A virtual environment is known by where the link to its Python lies, so the link is not followed.
    """
    links = QFileDialog.Option.DontResolveSymlinks
    name, _ = QFileDialog.getOpenFileName(parent, "Choose a Python", "", _PYTHONS, options=links)
    return name or None
