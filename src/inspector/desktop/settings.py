"""What Inspector remembers between starts: one small JSON file in the person's configuration folder.

Nothing in that file can stop the start: what is not understood is kept aside with the ending ``.broken``, and
the defaults take its place.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

import platformdirs

_log = logging.getLogger(__name__)

Theme = Literal["system", "light", "dark"]
MAX_RECENT = 12
MAX_TRUSTED = 200
_MAX_FILE_BYTES = 1 << 20
_MAX_TEXT = 1 << 16
_MAX_PATH = 4096


@dataclass(frozen=True)
class Settings:
    """Everything that is remembered. Replaced as a whole, never changed in place.

    Attributes
    ----------
    theme
        ``"system"`` follows the desktop's colour scheme.
    recent_files
        Absolute paths, the most recent first, at most `MAX_RECENT`.
    remember_recent
        Whether opened files are added to `recent_files`.
    window_geometry, window_state
        What ``QMainWindow.saveGeometry`` and ``saveState`` gave, in base64; empty before the first close.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    engine_python
        The Python that the engine runs on; None is the one that the app runs on.
    last_folder
        Where the open dialog was last; empty before its first use.
    trusted
        Files whose own model may run without asking, the newest first: the file's SHA-256, the folder of its code and
        the hash of that folder's contents (both empty for none). At most `MAX_TRUSTED`.
    tree_values
        Whether the tree shows small distributions.
    """

    theme: Theme = "system"
    recent_files: tuple[str, ...] = ()
    remember_recent: bool = True
    window_geometry: str = ""
    window_state: str = ""
    device: str = "auto"
    engine_python: str | None = None
    last_folder: str = ""
    trusted: tuple[tuple[str, str, str], ...] = ()
    tree_values: bool = True


def config_folder() -> Path:
    """Return the folder of the settings, which may not exist; ``INSPECTOR_CONFIG_DIR`` wins."""
    override = os.environ.get("INSPECTOR_CONFIG_DIR")
    return Path(override or platformdirs.user_config_dir("Inspector", appauthor=False))


class SettingsStore:
    """Reads the settings at once, and writes them whenever they change.

    Reading and writing never raise on account of the file: a folder that can't be written costs only the
    memory of the next start, and is logged.

    Parameters
    ----------
    path
        The JSON file; by default ``settings.json`` in `config_folder`.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = config_folder() / "settings.json" if path is None else path
        self._unknown: dict[str, Any] = {}
        self._settings = self._read()

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        return self._settings

    def update(self, **changes: Any) -> Settings:
        """Change the named settings, write the file, and return the new settings.

        Turning `remember_recent` off forgets the recent files too.

        Raises
        ------
        TypeError
            A name that is no setting, or a value of another type.
        """
        for name, value in changes.items():
            check = _CHECKS.get(name)
            if check is None or not check(value):
                raise TypeError(f"{name}={value!r} is not a setting of Inspector.")
        new = replace(self._settings, **changes)
        if not new.remember_recent:
            new = replace(new, recent_files=())
        if new != self._settings:
            self._settings = new
            self._write()
        return new

    def add_recent(self, path: str | os.PathLike[str]) -> Settings:
        """Put `path` (made absolute) first among the recent files, unless they are not to be remembered."""
        if not self._settings.remember_recent:
            return self._settings
        first = os.path.abspath(path)
        others = [p for p in self._settings.recent_files if os.path.normcase(p) != os.path.normcase(first)]
        return self.update(recent_files=(first, *others)[:MAX_RECENT])

    def clear_recent(self) -> Settings:
        """Forget the recent files."""
        return self.update(recent_files=())

    @property
    def trusted_files(self) -> Mapping[str, tuple[str, str]]:
        """By a file's SHA-256: the folder of its code and that folder's hash."""
        return {sha256: (source, source_hash) for sha256, source, source_hash in self._settings.trusted}

    def remember_trust(self, sha256: str, source: str, source_hash: str) -> None:
        """Remember that a file's own model may run with the code in a folder; it takes the place of another choice."""
        others = [row for row in self._settings.trusted if row[0] != sha256]
        self.update(trusted=((sha256, source, source_hash), *others)[:MAX_TRUSTED])

    def forget_trust(self) -> Settings:
        """Forget which files' own models may run."""
        return self.update(trusted=())

    def _read(self) -> Settings:
        try:
            # Bounded: the file is small, and whatever lies in its place need not be.
            with self.path.open("rb") as file:
                raw = file.read(_MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            return Settings()
        except OSError as error:
            _log.warning("The settings in %s can't be read (%s): defaults are used.", self.path, error.strerror)
            return Settings()
        known = _parse(raw)
        if known is None:
            self._keep_aside()
            return Settings()
        self._unknown = {name: value for name, value in known.items() if name not in _CHECKS}
        values = {name: value for name, value in known.items() if name in _CHECKS and _CHECKS[name](value)}
        if len(values) + len(self._unknown) < len(known):
            self._keep_aside()
        return Settings(**values)

    def _keep_aside(self) -> None:
        aside = self.path.with_name(self.path.name + ".broken")
        try:
            shutil.copyfile(self.path, aside)
        except OSError as error:
            _log.warning("The settings in %s are damaged and can't be kept aside: %s", self.path, error.strerror)
        else:
            _log.warning("The settings in %s are damaged: kept as %s, defaults are used.", self.path, aside.name)

    def _write(self) -> None:
        # What a newer Inspector wrote is handed on untouched, so that trying an older one costs nothing.
        text = json.dumps({**self._unknown, **asdict(self._settings)}, indent=2)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self.path, text.encode("ascii"))
        except OSError as error:
            _log.warning("The settings can't be written to %s: %s", self.path, error.strerror)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file at `path` in one step: a crash leaves the old or the new one, never a half.

    Raises
    ------
    OSError
        The folder can't be written, or the disk is full; the old file is untouched.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _parse(raw: bytes) -> dict[str, Any] | None:
    """Return the JSON object in `raw`, with its lists as tuples, or None if it isn't one."""
    if len(raw) > _MAX_FILE_BYTES:
        return None
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    recent = parsed.get("recent_files")
    if isinstance(recent, list):
        parsed["recent_files"] = tuple(recent)
    trusted = parsed.get("trusted")
    if isinstance(trusted, list):
        parsed["trusted"] = tuple(tuple(row) if isinstance(row, list) else row for row in trusted)
    return parsed


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TEXT and "\0" not in value


def _is_recent(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) <= MAX_RECENT
        and all(
            isinstance(path, str) and len(path) <= _MAX_PATH and "\0" not in path and os.path.isabs(path)
            for path in value
        )
    )


def _is_trusted(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) <= MAX_TRUSTED
        and all(
            isinstance(row, tuple)
            and len(row) == 3
            and all(isinstance(text, str) and len(text) <= _MAX_PATH and "\0" not in text for text in row)
            and (not row[1] or os.path.isabs(row[1]))
            for row in value
        )
    )


_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "theme": lambda value: isinstance(value, str) and value in get_args(Theme),
    "recent_files": _is_recent,
    "remember_recent": lambda value: isinstance(value, bool),
    "tree_values": lambda value: isinstance(value, bool),
    "window_geometry": _is_text,
    "window_state": _is_text,
    "device": _is_text,
    "engine_python": lambda value: value is None or _is_text(value),
    "last_folder": _is_text,
    "trusted": _is_trusted,
}
assert _CHECKS.keys() == {field.name for field in fields(Settings)}
