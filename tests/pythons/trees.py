"""Made-up environments: the files by which each kind is known, and programs that tell when they are run."""

from __future__ import annotations

from pathlib import Path

VERSION_PY = """from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'xpu']
__version__ = '{version}'
debug = False
cuda: Optional[str] = {cuda}
git_version = 'a1b2c3'
hip: Optional[str] = {hip}
xpu: Optional[str] = None
"""


def program(path: Path, canary: Path | None = None) -> Path:
    """Make a program that writes a file when it is run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho ran >> '{canary or path.parent / 'canary'}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def library(
    folder: Path, name: str, version: str, *, requires: str = "", cuda: str | None = None, hip: str | None = None
) -> None:
    """Install a library that is nothing but the files that tell its version; importing it would fail."""
    package = folder / name
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    text = VERSION_PY.format(version=version, cuda=repr(cuda), hip=repr(hip))
    (package / "version.py").write_text(text, encoding="utf-8")
    metadata(folder, name, version.partition("+")[0], requires=requires)


def metadata(folder: Path, name: str, version: str, *, requires: str = "") -> None:
    """Install a library's metadata alone."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", "Requires-Dist: numpy"]
    lines += [f"Requires-Dist: {requires}"] if requires else []
    (info / "METADATA").write_text("\n".join([*lines, "", "Version: 9.9 of the description", ""]), encoding="utf-8")


def helpers(folder: Path) -> None:
    """Install what else the engine needs."""
    for name in ("numpy", "PIL", "pip"):
        (folder / name).mkdir(parents=True, exist_ok=True)


def with_torch(folder: Path, torch: str = "2.6.0+cu126", vision: str = "0.21.0+cu126") -> Path:
    """Install all that the engine needs."""
    helpers(folder)
    library(folder, "torch", torch)
    library(folder, "torchvision", vision, requires=f"torch (=={torch.partition('+')[0]})")
    return folder


def virtual(prefix: Path, version: str = "3.12.4", canary: Path | None = None, **config: str) -> Path:
    """Make a virtual environment as venv lays it out on Linux and macOS; return its folder of packages."""
    program(prefix / "bin" / "python3", canary)
    lines = {"home": "/nowhere/bin", "include-system-site-packages": "false", "version": version, **config}
    text = "".join(f"{name.replace('_', '-')} = {value}\n" for name, value in lines.items())
    (prefix / "pyvenv.cfg").write_text(text, encoding="utf-8")
    packages = prefix / "lib" / f"python{'.'.join(version.split('.')[:2])}" / "site-packages"
    packages.mkdir(parents=True)
    return packages


def windows_virtual(prefix: Path, version: str = "3.12.4") -> Path:
    """Make a virtual environment as venv lays it out on Windows; return its folder of packages."""
    program(prefix / "Scripts" / "python.exe")
    (prefix / "pyvenv.cfg").write_text(f"home = C:\\Python312\r\nversion = {version}\r\n", encoding="utf-8")
    packages = prefix / "Lib" / "site-packages"
    packages.mkdir(parents=True)
    return packages


def conda(prefix: Path, version: str = "3.12.4") -> Path:
    """Make a conda environment; return its folder of packages."""
    program(prefix / "bin" / "python3")
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta" / f"python-{version}-h5148396_1.json").write_text("{}", encoding="utf-8")
    packages = prefix / "lib" / f"python{'.'.join(version.split('.')[:2])}" / "site-packages"
    packages.mkdir(parents=True)
    return packages


def system(prefix: Path, version: str = "3.12.4") -> Path:
    """Make an interpreter as ``make install`` leaves it; return its folder of packages."""
    minor = ".".join(version.split(".")[:2])
    program(prefix / "bin" / f"python{minor}")
    (prefix / "bin" / "python3").symlink_to(f"python{minor}")
    header = prefix / "include" / f"python{minor}" / "patchlevel.h"
    header.parent.mkdir(parents=True)
    header.write_text(f'#define PY_VERSION      	"{version}"\n', encoding="utf-8")
    packages = prefix / "lib" / f"python{minor}" / "site-packages"
    packages.mkdir(parents=True)
    return packages
