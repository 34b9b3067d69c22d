"""The version of a library in a folder of packages, from its files as text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from inspector.pythons.bounded import is_folder, names_in, read_text

#: As torch's own build writes it: ``__version__ = '2.6.0+cu126'``, ``cuda: Optional[str] = '12.6'``.
_ASSIGNED = re.compile(r"^(__version__|cuda|hip|xpu)\b[^=\n]*=\s*['\"]([\w.+!-]{1,60})['\"]", re.MULTILINE)
_HEADER = re.compile(r"^(Version|Requires-Dist):[ \t]*(.{1,200}?)[ \t]*$", re.MULTILINE)
_VERSION = re.compile(r"\d+(\.\d+)*[\w.+!-]*")
#: ``torch (==2.6.0)`` and ``torch==2.6.0 ; python_version > "3"``.
_REQUIRES = re.compile(r"torch\b(?![-_.])\s*\(?([^;)]*)\)?")
_MOST_PTH = 50


@dataclass(frozen=True, slots=True)
class Package:
    """One installed library.

    ``version`` has its build, such as ``"2.6.0+cu126"``; ``requires_torch`` is what it says of torch's version, such
    as ``"==2.6.0"``, empty where it says nothing.
    """

    version: str
    requires_torch: str = ""


def find_package(name: str, folders: Iterable[Path], *, says_cpu: bool = False) -> Package | None:
    """Return a library in the first folder that has it, None where none has.

    Parameters
    ----------
    name
        ``"torch"`` or ``"torchvision"``.
    folders
        Of packages, in the order of Python's own path.
    says_cpu
        Whether a build of torch without any GPU is marked ``+cpu`` (on a Mac every build uses the GPU).
    """
    for folder in folders:
        written = dict(_ASSIGNED.findall(read_text(folder / name / "version.py")))
        metadata = _metadata(name, folder)
        version = written.get("__version__") or metadata.get("Version", "")
        if version and _VERSION.fullmatch(version):
            build = _build(written, says_cpu) if name == "torch" and written else ""
            requires = metadata.get("torch", "")
            return Package(version if "+" in version or not build else f"{version}+{build}", requires)
    return None


def holds_library(name: str, folders: Iterable[Path]) -> bool:
    """Whether a library can be imported from one of the folders, by the name of its package."""
    return any(is_folder(folder / name) for folder in folders)


def _build(written: dict[str, str], says_cpu: bool) -> str:
    if "cuda" in written:
        return f"cu{written['cuda'].replace('.', '')}"
    if "hip" in written:
        return f"rocm{'.'.join(written['hip'].split('.')[:2])}"
    return "xpu" if "xpu" in written else "cpu" * says_cpu


def _metadata(name: str, folder: Path) -> dict[str, str]:
    """Return ``Version`` and the requirement of ``torch`` from the library's dist-info or egg-info."""
    known = re.compile(rf"{name}-(\d[\w.+!]*)(-py[\d.]+)?\.(dist|egg)-info")
    found: dict[str, str] = {}
    for entry in names_in(folder, lambda entry: known.fullmatch(entry) is not None, 3):
        text = read_text(folder / entry / "METADATA") or read_text(folder / entry / "PKG-INFO")
        head = text.replace("\r\n", "\n").partition("\n\n")[0]
        for field, value in _HEADER.findall(head):
            requires = _REQUIRES.match(value) if field == "Requires-Dist" else None
            if field == "Version":
                found.setdefault("Version", value)
            elif requires is not None:
                found.setdefault("torch", requires[1].replace(" ", ""))
    return found


def with_added(folders: Iterable[Path]) -> list[Path]:
    """Return folders of packages, each followed by those that its ``.pth`` files add by name."""
    found: dict[Path, None] = {}
    for folder in folders:
        found.setdefault(folder)
        for name in names_in(folder, lambda entry: entry.endswith(".pth"), _MOST_PTH):
            for line in read_text(folder / name).splitlines()[:_MOST_PTH]:
                # Python runs lines that begin with import; we don't.
                if line.strip() and not line.startswith(("#", "import ", "import\t")) and "\0" not in line:
                    found.setdefault(folder / line.strip())
    return list(found)
