"""How an environment lies on disk: its kind, its Python's version, its folders of packages."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from inspector.pythons.beside import prefix_of
from inspector.pythons.bounded import is_file, is_folder, names_in, read_text
from inspector.pythons.environment import Kind
from inspector.pythons.packages import with_added
from inspector.pythons.surroundings import Surroundings

_VERSION = re.compile(r"[23]\.\d{1,2}(\.\d{1,3})?")
_PATCHLEVEL = re.compile(r'^#define\s+PY_VERSION\s+"([23]\.\d+\.\d+)', re.MULTILINE)
_CONDA_PYTHON = re.compile(r"python-(3\.\d+\.\d+)-[^-]+\.json")
_PROGRAM = re.compile(r"python([23]\.\d{1,2})t?(\.exe)?")
_LIBRARY = re.compile(r"python3\.\d{1,2}t?")
_DLL = re.compile(r"python3(\d{1,2})\.dll", re.IGNORECASE)
#: Names that say nothing: such an environment is called by the folder it is in.
_NAMELESS = frozenset({"venv", ".venv", "env", ".env", "virtualenv", ".virtualenv"})


@dataclass(frozen=True, slots=True)
class Layout:
    """Where an environment's parts are.

    Attributes
    ----------
    prefixes
        Its folder; for a Python on the path also the one its links lead to.
    config
        What its ``pyvenv.cfg`` says, empty for none.
    version
        Of Python, such as ``"3.12.4"`` or ``"3.12"``; empty where the files don't tell.
    """

    executable: Path
    prefixes: tuple[Path, ...]
    kind: Kind
    config: dict[str, str]
    version: str

    @property
    def minor(self) -> str:
        """Python's version without its last number."""
        return ".".join(self.version.split(".")[:2])

    @property
    def name(self) -> str:
        """A name for lists."""
        prefix = self.prefixes[0]
        if self.kind == "virtual":
            prompt = self.config.get("prompt", "").strip("'\"")
            unnamed = prefix.parent.name if prefix.name in _NAMELESS else prefix.name
            return prompt if prompt and prompt not in _NAMELESS else unnamed
        if self.kind == "conda":
            return "base" if is_folder(prefix / "condabin") or is_folder(prefix / "envs") else prefix.name
        return f"Python {self.minor}".strip()


def layout_of(executable: Path) -> Layout:
    """Find out how the environment of a program lies, from names and a few small files."""
    prefix = prefix_of(executable)
    config = _config(prefix) or _config(executable.parent)
    if config:
        return Layout(executable, (prefix,), "virtual", config, _virtual_version(prefix, config))
    real = Path(os.path.realpath(executable))
    prefixes = tuple(dict.fromkeys((prefix, prefix_of(real))))
    if is_folder(prefix / "conda-meta"):
        return Layout(executable, prefixes[:1], "conda", {}, _conda_version(prefix) or _version(prefixes[:1], real))
    return Layout(executable, prefixes, "system", {}, _version(prefixes, real))


def package_folders(layout: Layout, surroundings: Surroundings) -> list[Path]:
    """Return the folders that its Python would import packages from, in that order."""
    folders = _site_packages(layout.prefixes, layout.minor)
    shares = layout.config.get("include-system-site-packages", "").lower() == "true"
    if shares and layout.config.get("home"):
        base = layout_of(_program_in(Path(layout.config["home"])))
        if base.kind != "virtual":  # one that claims to be its own base would never end
            folders += _site_packages(base.prefixes, layout.minor)
    if layout.kind != "virtual" or shares:
        folders.insert(0, _user_folder(layout.minor, surroundings))
    return with_added(folder for folder in folders if is_folder(folder))


def is_managed_by_system(layout: Layout) -> bool:
    """Whether pip refuses to install there, because the system's own packages are (PEP 668)."""
    names = ("lib", "lib64", "Lib")
    folders = [prefix / name / f"python{layout.minor}" for prefix in layout.prefixes for name in names]
    return layout.kind == "system" and any(is_file(folder / "EXTERNALLY-MANAGED") for folder in folders)


def _program_in(folder: Path) -> Path:
    return next((folder / name for name in ("python3", "python", "python.exe") if is_file(folder / name)), folder / "-")


def _config(folder: Path) -> dict[str, str]:
    lines = read_text(folder / "pyvenv.cfg").splitlines()
    pairs = (line.partition("=") for line in lines[:200])
    return {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}


def _virtual_version(prefix: Path, config: dict[str, str]) -> str:
    for name in ("version", "version_info"):  # venv's and uv's; virtualenv's
        found = _VERSION.match(config.get(name, ""))
        if found is not None:
            return found[0]
    return _only_library((prefix,)) or _dll_version((prefix,))


def _conda_version(prefix: Path) -> str:
    for name in names_in(prefix / "conda-meta", lambda name: name.startswith("python-3")):
        found = _CONDA_PYTHON.fullmatch(name)
        if found is not None:
            return found[1]
    return ""


def _version(prefixes: tuple[Path, ...], real: Path) -> str:
    """Return the version from the program's name, the one library folder, or the DLL's name; with headers, exactly."""
    program = _PROGRAM.fullmatch(real.name)
    if program is None and not real.name.lower().startswith("python"):
        return ""  # some other program, beside which a Python may lie
    minor = program[1] if program is not None else _only_library(prefixes) or _dll_version(prefixes)
    for prefix in prefixes:
        for header in (prefix / "include" / f"python{minor}", prefix / "include", prefix / "Include"):
            exact = _PATCHLEVEL.search(read_text(header / "patchlevel.h"))
            if exact is not None and (not minor or exact[1].startswith(f"{minor}.")):
                return exact[1]
    return minor


def _only_library(prefixes: tuple[Path, ...]) -> str:
    for prefix in prefixes:
        found = names_in(prefix / "lib", lambda name: _LIBRARY.fullmatch(name) is not None)
        held = {name.removeprefix("python").rstrip("t") for name in found if is_folder(prefix / "lib" / name)}
        if len(held) == 1:
            return held.pop()
    return ""


def _dll_version(prefixes: tuple[Path, ...]) -> str:
    for prefix in prefixes:
        for name in names_in(prefix, lambda name: _DLL.fullmatch(name) is not None):
            found = _DLL.fullmatch(name)
            if found is not None:
                return f"3.{found[1]}"
    return ""


def _site_packages(prefixes: tuple[Path, ...], minor: str) -> list[Path]:
    folders = []
    for prefix in prefixes:
        folders += [prefix / lib / f"python{minor}" / "site-packages" for lib in ("lib", "lib64")]
        folders.append(prefix / "Lib" / "site-packages")
        # Debian's
        folders += [prefix / "local/lib" / f"python{minor}" / "dist-packages", prefix / "lib/python3/dist-packages"]
    return folders


def _user_folder(minor: str, surroundings: Surroundings) -> Path:
    """Return where ``pip install --user`` puts packages: they shadow the environment's own."""
    if surroundings.is_windows:
        base = surroundings.folder("APPDATA") or surroundings.home / "AppData/Roaming"
        return base / "Python" / f"Python{minor.replace('.', '')}" / "site-packages"
    if surroundings.platform == "darwin":
        framework = surroundings.home / "Library/Python" / minor / "lib/python/site-packages"
        if is_folder(framework):
            return framework
    return surroundings.home / ".local/lib" / f"python{minor}" / "site-packages"
