"""The places where environments are kept, by the habits of venv, conda, pyenv, uv, poetry and others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from inspector.pythons.bounded import is_file, names_in, read_text
from inspector.pythons.surroundings import Surroundings

#: Environments looked for in one folder of them.
_MOST = 200
_ON_PATH = re.compile(r"python(3(\.\d{1,2})?)?(\.exe)?")
_CONDA = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", "miniconda", "anaconda")


def programs(surroundings: Surroundings) -> Iterator[Path]:
    """Yield the Python programs of the places where environments are kept, in no order of worth, some twice."""
    for prefix in _prefixes(surroundings):
        program = program_of(prefix)
        if program is not None:
            yield program
    yield from _on_path(surroundings)


def program_of(prefix: Path) -> Path | None:
    """Return the Python of an environment's folder, in the layout of any system; None where there is none."""
    names = ("bin/python3", "bin/python", "Scripts/python.exe", "python.exe")
    return next((prefix / name for name in names if is_file(prefix / name)), None)


def _prefixes(surroundings: Surroundings) -> Iterator[Path]:
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):  # the one that is active
        active = surroundings.folder(variable)
        if active is not None:
            yield active
    yield from _conda(surroundings)
    for folder in _folders_of_environments(surroundings):
        for name in names_in(folder, most=_MOST):
            yield folder / name
            if folder.name == "versions":  # pyenv-virtualenv's
                for inner in names_in(folder / name / "envs", most=_MOST):
                    yield folder / name / "envs" / inner
    home = surroundings.home
    yield from (home / name for name in (".venv", "venv", "env"))


def _conda(surroundings: Surroundings) -> Iterator[Path]:
    home = surroundings.home
    for line in read_text(home / ".conda" / "environments.txt").splitlines()[:_MOST]:
        prefix = Path(line.strip())
        if line.strip() and prefix.is_absolute() and "\0" not in line:
            yield prefix
    bases = [home, home / "opt", Path("/opt"), Path("/opt/homebrew/Caskroom/miniconda")]
    if surroundings.is_windows:
        bases = [home, *filter(None, map(surroundings.folder, ("LOCALAPPDATA", "ProgramData")))]
    roots = [base / name for base in bases for name in (*_CONDA, *(name.capitalize() for name in _CONDA[:2]))]
    roots += [Path("/opt/conda"), home / ".local/share/mamba", Path("/opt/homebrew/Caskroom/miniconda/base")]
    named = surroundings.folder("MAMBA_ROOT_PREFIX")
    executable = surroundings.folder("CONDA_EXE")
    roots += [named] if named is not None else []
    roots += [executable.parent.parent] if executable is not None else []
    for root in dict.fromkeys(roots):
        yield root
        yield from (root / "envs" / name for name in names_in(root / "envs", most=_MOST))
    yield from (home / ".conda/envs" / name for name in names_in(home / ".conda/envs", most=_MOST))


def _folders_of_environments(surroundings: Surroundings) -> list[Path]:
    home, named = surroundings.home, surroundings.folder
    data = named("XDG_DATA_HOME") or home / ".local/share"
    cache = named("XDG_CACHE_HOME") or home / ".cache"
    folders = [
        named("WORKON_HOME") or home / ".virtualenvs",
        home / ".venvs",
        home / "venvs",
        home / "envs",
        (named("PYENV_ROOT") or home / ".pyenv") / "versions",
        data / "virtualenvs",  # pipenv
        cache / "pypoetry/virtualenvs",
        named("PIPX_HOME") or data / "pipx/venvs",
        home / ".local/pipx/venvs",
        data / "uv/python",
        data / "uv/tools",
        data / "pdm/venvs",
        home / ".asdf/installs/python",
        data / "mise/installs/python",
    ]
    if surroundings.platform == "darwin":
        support = home / "Library/Application Support"
        folders += [home / "Library/Caches/pypoetry/virtualenvs", support / "pdm/venvs"]
        folders.append(Path("/Library/Frameworks/Python.framework/Versions"))
    if surroundings.is_windows:
        local, roaming = named("LOCALAPPDATA") or home / "AppData/Local", named("APPDATA") or home / "AppData/Roaming"
        folders += [home / ".pyenv/pyenv-win/versions", local / "Programs/Python", local / "pypoetry/Cache/virtualenvs"]
        folders += [roaming / "uv/python", roaming / "uv/tools", home / "pipx/venvs"]
        folders += filter(None, (named("ProgramFiles"),))
    return list(dict.fromkeys(folders))


def _on_path(surroundings: Surroundings) -> Iterator[Path]:
    for folder in surroundings.folders_on_path():
        if folder.name.lower() in ("shims", "windowsapps"):
            continue  # pyenv's and asdf's scripts that start another; the Store's stand-ins that open a shop
        if surroundings.platform == "darwin" and str(folder) == "/usr/bin":
            continue  # a stand-in that offers to install Xcode
        for name in names_in(folder, lambda name: _ON_PATH.fullmatch(name) is not None):
            if is_file(folder / name):
                yield folder / name
