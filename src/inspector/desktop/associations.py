"""File associations for the current user on Linux: a double-click on a ``.pth`` opens Inspector.

`install` puts the desktop entry, the media types, the icons and the AppStream metadata where the desktop
looks for them, and writes down what it made; `remove` takes away that, and nothing else. On macOS and Windows
the bundle or the installer does this.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from inspector.desktop import mimeapps
from inspector.desktop.settings import write_atomically
from inspector.errors import InspectorError
from inspector.shipped import shipped_path

_log = logging.getLogger(__name__)

APP_ID = "io.github.inspector_pth.Inspector"
MEDIA_TYPES = ("application/x-pytorch-checkpoint", "application/x-safetensors")
_MEDIA_ICON = "application-x-pytorch-checkpoint"
_ICON_SIZES = (16, 32, 48, 64, 128, 256)
_MANIFEST = Path("inspector") / "associations.json"


class AssociationError(InspectorError):
    """The file associations can't be installed or removed."""


@dataclass(frozen=True)
class _Places:
    """Where the desktop looks, for one person."""

    data: Path
    config: Path

    @property
    def defaults(self) -> Path:
        return self.config / "mimeapps.list"

    @property
    def manifest(self) -> Path:
        return self.data / _MANIFEST


def install(home: Path | None = None, command: Sequence[str] | None = None) -> list[Path]:
    """Make Inspector known to the current user's desktop, and the default for checkpoints that have none.

    Installing again renews what is there.

    Parameters
    ----------
    home
        Install below this home folder instead of the current user's.
    command
        What a double-click starts; by default the installed ``inspector-app``.

    Returns
    -------
    list of Path
        The files that were written or changed.

    Raises
    ------
    AssociationError
        Not on Linux; Inspector is not installed, so that nothing could be started; or a folder can't be
        written.
    """
    _require_linux()
    places = _places(home)
    start = list(command) if command is not None else _start_command()
    try:
        # What an earlier version installed under other names goes first.
        _remove_files(places)
        files = {Path("applications") / f"{APP_ID}.desktop": _desktop_entry(start), **_shipped_files()}
        # The manifest is written first: an installation that is interrupted can be removed too.
        made = mimeapps.missing_defaults(places.defaults, MEDIA_TYPES)
        _write_manifest(places, list(files), made)
        for relative, data in files.items():
            target = places.data / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, data)
            target.chmod(0o644)
        changed = mimeapps.add_defaults(places.defaults, made, f"{APP_ID}.desktop")
    except OSError as error:
        raise _unwritable(error) from error
    _refresh(places)
    return [places.data / relative for relative in files] + ([places.defaults] if changed else [])


def remove(home: Path | None = None) -> list[Path]:
    """Take away what `install` made, and nothing else: a default that the person chose since then stays.

    Returns
    -------
    list of Path
        The files that were removed or changed; empty when nothing was installed.

    Raises
    ------
    AssociationError
        Not on Linux, or a file can't be removed.
    """
    _require_linux()
    places = _places(home)
    try:
        removed = _remove_files(places)
    except OSError as error:
        raise _unwritable(error) from error
    if removed:
        _refresh(places)
    return removed


def is_installed(home: Path | None = None) -> bool:
    """Tell whether `install` made Inspector known to the current user's desktop; False where it can't."""
    return sys.platform not in ("darwin", "win32") and _places(home).manifest.is_file()


def _require_linux() -> None:
    if sys.platform == "darwin":
        raise AssociationError(
            "On macOS the file associations come with the Inspector app.",
            "Put Inspector.app into Applications.",
        )
    if sys.platform == "win32":
        raise AssociationError(
            "On Windows the file associations come with the Inspector installer.", "Run the installer."
        )


def _places(home: Path | None) -> _Places:
    if home is not None:
        return _Places(home / ".local" / "share", home / ".config")

    def place(variable: str, default: str) -> Path:
        given = os.environ.get(variable, "")
        # The specification has relative values ignored.
        return Path(given) if os.path.isabs(given) else Path.home() / default

    return _Places(place("XDG_DATA_HOME", ".local/share"), place("XDG_CONFIG_HOME", ".config"))


def _start_command() -> list[str]:
    """Return the command that starts the window from anywhere."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    script = Path(sys.executable).with_name("inspector-app")
    if os.access(script, os.X_OK):
        return [str(script)]
    try:
        distribution("inspector-pth")
    except PackageNotFoundError as error:
        raise AssociationError(
            "Inspector runs from a folder and is not installed, so a double-click could not start it.",
            "Install it first: pip install inspector-pth.",
        ) from error
    # -P: never a module that lies beside the opened file.
    return [sys.executable, "-P", "-m", "inspector"]


def _quoted(argument: str) -> str:
    """Quote one argument of an ``Exec`` line, by the Desktop Entry Specification, "The Exec key"."""
    escaped = "".join(f"\\{c}" if c in '"`$\\' else c for c in argument).replace("%", "%%")
    # The value is a string too, whose own escape is the backslash.
    return '"' + escaped.replace("\\", "\\\\") + '"'


def _desktop_entry(command: Sequence[str]) -> bytes:
    """Return the shipped desktop entry with `command` in it."""
    if any(ord(c) < 32 for argument in command for c in argument):
        raise AssociationError(
            "The path of Inspector's program holds a control character, which no desktop entry can name.",
            "Install Inspector in another folder.",
        )
    replaced = {
        "Exec": " ".join([*map(_quoted, command), "%F"]),
        "TryExec": command[0].replace("\\", "\\\\"),
    }
    template = shipped_path(f"linux/{APP_ID}.desktop").read_text(encoding="utf-8")
    lines = []
    for line in template.splitlines():
        key = line.partition("=")[0]
        lines.append(f"{key}={replaced[key]}" if key in replaced else line)
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _shipped_files() -> dict[Path, bytes]:
    """Return the other files, by their path below the data folder."""
    icons = Path("icons") / "hicolor"
    sources = {
        Path("mime") / "packages" / f"{APP_ID}.xml": f"linux/{APP_ID}.mime.xml",
        Path("metainfo") / f"{APP_ID}.metainfo.xml": f"linux/{APP_ID}.metainfo.xml",
        icons / "scalable" / "apps" / f"{APP_ID}.svg": "icons/app.svg",
        icons / "scalable" / "mimetypes" / f"{_MEDIA_ICON}.svg": "icons/mimetype.svg",
    }
    for size in _ICON_SIZES:
        sources[icons / f"{size}x{size}" / "apps" / f"{APP_ID}.png"] = f"icons/app/{size}.png"
    return {target: shipped_path(source).read_bytes() for target, source in sources.items()}


def _write_manifest(places: _Places, files: Sequence[Path], defaults: Sequence[str]) -> None:
    manifest = {"files": [file.as_posix() for file in files], "defaults": list(defaults)}
    places.manifest.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(places.manifest, json.dumps(manifest, indent=2).encode("ascii"))


def _read_manifest(places: _Places) -> tuple[list[Path], list[str]]:
    """Return the files (below the data folder) and the media types that `install` wrote down."""
    try:
        manifest = json.loads(places.manifest.read_bytes())
    except (FileNotFoundError, ValueError):
        return [], []
    if not isinstance(manifest, dict):
        return [], []

    def texts(key: str) -> list[str]:
        value = manifest.get(key)
        return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []

    files = [Path(text) for text in texts("files")]
    # A damaged manifest must not lead to anyone else's files.
    own = [file for file in files if not file.is_absolute() and ".." not in file.parts and _is_ours(file)]
    return own, [name for name in texts("defaults") if name in MEDIA_TYPES]


def _is_ours(file: Path) -> bool:
    return file.name.startswith((APP_ID, _MEDIA_ICON))


def _remove_files(places: _Places) -> list[Path]:
    files, defaults = _read_manifest(places)
    removed = []
    for file in files:
        target = places.data / file
        if target.is_file() or target.is_symlink():
            target.unlink()
            removed.append(target)
    if mimeapps.remove_defaults(places.defaults, defaults, f"{APP_ID}.desktop"):
        removed.append(places.defaults)
    if places.manifest.is_file():
        places.manifest.unlink()
        if not any(places.manifest.parent.iterdir()):
            places.manifest.parent.rmdir()
    return removed


def _refresh(places: _Places) -> None:
    """Bring the desktop's caches up to date. A missing tool is no error: its desktop looks by itself."""
    for tool, folder in (("update-mime-database", "mime"), ("update-desktop-database", "applications")):
        program = shutil.which(tool)
        if program is None or not (places.data / folder).is_dir():
            _log.info("%s was not run.", tool)
            continue
        try:
            subprocess.run([program, str(places.data / folder)], check=True, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            _log.warning("%s failed, so the change may show only after the next login: %s", tool, error)
    icons = places.data / "icons" / "hicolor"
    if icons.is_dir():
        # Icon caches are taken for stale when the theme's folder is newer.
        os.utime(icons)


def _unwritable(error: OSError) -> AssociationError:
    where = error.filename or "a file"
    return AssociationError(
        f"The file associations can't be changed: {where}: {error.strerror}.",
        "Check that the folder is yours.",
    )
