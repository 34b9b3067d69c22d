"""Where a search for environments takes place: the person's home, variables and system, as plain data."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a search looks around from.

    Attributes
    ----------
    home
        The person's home.
    environ
        Environment variables; the search reads ``PATH`` and those by which pyenv, conda and others name a place.
    platform
        As `sys.platform` has it.
    own
        The Python that Inspector itself runs on; empty in a bundle that has none.
    chosen
        The one that was chosen before, which is listed even where it is gone; empty for none.
    avoided
        Folders of opened files, and the current folder: what lies in them may have come with a file, and is left out.
    """

    home: Path
    environ: dict[str, str] = field(default_factory=dict)
    platform: str = sys.platform
    own: str = ""
    chosen: str = ""
    avoided: tuple[str, ...] = ()

    @classmethod
    def here(cls, *, own: str = "", chosen: str = "", avoided: tuple[str, ...] = ()) -> Surroundings:
        """Return those of this process."""
        return cls(Path.home(), dict(os.environ), sys.platform, own, chosen, avoided)

    @property
    def is_windows(self) -> bool:
        """Whether programs end in ``.exe`` here."""
        return self.platform == "win32"

    def folders_on_path(self) -> list[Path]:
        """Return the folders of ``PATH``, but for relative ones: they mean the current folder, whatever that is."""
        separator = ";" if self.is_windows else ":"
        named = [entry.strip('"') for entry in self.environ.get("PATH", "").split(separator)]
        return [Path(entry) for entry in dict.fromkeys(named) if entry and os.path.isabs(entry)]

    def folder(self, variable: str) -> Path | None:
        """Return the absolute folder that a variable names, None where it names none."""
        value = self.environ.get(variable, "")
        return Path(value) if value and os.path.isabs(value) else None


def look_up(name: str, surroundings: Surroundings) -> str | None:
    """Return the absolute path of a program on ``PATH``, None where there is none; never one in the current folder."""
    endings = ("", ".exe") if surroundings.is_windows else ("",)
    for folder in surroundings.folders_on_path():
        for ending in endings:
            path = folder / f"{name}{ending}"
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
    return None
