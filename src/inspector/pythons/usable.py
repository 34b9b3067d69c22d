"""Whether the engine can run on an environment: one sentence why not, and the command that mends it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

#: What the engine needs; also in ``pyproject.toml``.
LEAST_PYTHON, LEAST_TORCH = (3, 11), (2, 6)
#: torchvision's minor version is torch's and this, for the releases that don't tell the torch they were made for.
_PAIRED_UP_TO, _PAIR = (2, 9), 15
_CLAUSE = re.compile(r"(==|>=|<=|!=|<|>)(\d+(?:\.\d+)*)(\.\*)?.*")
_NEEDLESS_QUOTES = re.compile(r"[\w@%+=:,./\\~-]+")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an environment.

    ``installer`` is ``"pip"``, ``"uv"`` for an environment that uv made without pip, ``"none"`` without pip, or
    ``"system"`` where the system's own packages must not be touched.
    """

    executable: str
    python: str
    torch: str = ""
    torchvision: str = ""
    requires_torch: str = ""
    lacks: tuple[str, ...] = ()
    installer: str = "pip"
    windows: bool = False


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version's release: ``(2, 6, 0)`` for ``2.6.0+cu126`` and for ``2.6.0a0``."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found is not None else ()


def is_too_old(python: str) -> bool:
    """Whether this version of Python is known to be too old for the engine."""
    return bool(python) and numbers(python)[:2] < LEAST_PYTHON


def judge(facts: Facts) -> tuple[str, str]:
    """Return why the engine can't run there and the command that mends it; both empty where it can."""
    python, torch = facts.python, facts.torch
    if is_too_old(python):
        return f"Python {python} is too old: the engine needs {_dotted(LEAST_PYTHON)} or newer.", ""
    if not torch:
        return f"{'torch is' if facts.torchvision else 'torch and torchvision are'} not installed here.", _mend(facts)
    if numbers(torch)[:2] < LEAST_TORCH:
        return f"torch {torch} is too old: the engine needs {_dotted(LEAST_TORCH)} or newer.", _mend(facts, "--upgrade")
    if not facts.torchvision:
        return "torchvision is not installed here.", _mend(facts)
    if not _fits(facts):
        problem = f"torchvision {facts.torchvision} was made for another torch than {torch}."
        return problem, _mend(facts, "--upgrade")
    if facts.lacks:
        verb = "is" if len(facts.lacks) == 1 else "are"
        return f"{' and '.join(facts.lacks)} {verb} not installed here.", _mend(facts, libraries=facts.lacks)
    return "", ""


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _fits(facts: Facts) -> bool:
    """Whether torch is one that this torchvision was made for, and their builds agree on the kind of GPU."""
    torch, vision = numbers(facts.torch), numbers(facts.torchvision)
    cuda, needed = (_cuda(version) for version in (facts.torch, facts.torchvision))
    if needed and cuda is not None and cuda != needed:
        return False  # torchvision's compiled part looks for a library that this torch does not bring
    if facts.requires_torch:
        return all(_holds(torch, clause) for clause in facts.requires_torch.split(","))
    if torch[:2] <= _PAIRED_UP_TO and vision[:1] == (0,):
        return vision[1:2] == (torch[1] + _PAIR,)
    return True


def _cuda(version: str) -> str | None:
    """Return the major version of CUDA that a build is for; "" for one without, None where the version is silent."""
    build = version.partition("+")[2]
    found = re.fullmatch(r"cu(\d\d)\d*", build)
    return found[1] if found is not None else None if not build else ""


def _holds(version: tuple[int, ...], clause: str) -> bool:
    found = _CLAUSE.fullmatch(clause)
    if found is None:
        return True  # what is not understood is tried
    sign, wanted, begins = found[1], numbers(found[2]), found[3] is not None
    length = len(wanted) if begins else max(len(version), len(wanted))
    left, right = ((*number, *(0,) * length)[:length] for number in (version, wanted))
    return {
        "==": left == right,
        ">=": left >= right,
        "<=": left <= right,
        "!=": left != right,
        "<": left < right,
        ">": left > right,
    }[sign]


def _mend(facts: Facts, *options: str, libraries: tuple[str, ...] = ("torch", "torchvision")) -> str:
    python, what = quoted(facts.executable, windows=facts.windows), " ".join((*options, *libraries))
    if facts.installer == "uv":
        return f"uv pip install --python {python} {what}"
    if facts.installer == "system":
        new = "~/torch-env"
        return f"{python} -m venv {new} && {new}/bin/python -m pip install {' '.join(libraries)}"
    install = f"{python} -m pip install {what}"
    return f"{python} -m ensurepip && {install}" if facts.installer == "none" else install


def quoted(executable: str, *, windows: bool) -> str:
    """Return a path for a command line, in quotes where it needs them."""
    if _NEEDLESS_QUOTES.fullmatch(executable):
        return executable
    return f'"{executable}"' if windows else shlex.quote(executable)
