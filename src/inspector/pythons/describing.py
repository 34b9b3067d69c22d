"""From a Python's path to its description, by reading alone."""

from __future__ import annotations

import os
from pathlib import Path

from inspector.checkpoint.text import clean_name
from inspector.pythons.bounded import is_file
from inspector.pythons.environment import Kind, PythonEnvironment
from inspector.pythons.layout import Layout, is_managed_by_system, layout_of, package_folders
from inspector.pythons.packages import find_package, holds_library
from inspector.pythons.surroundings import Surroundings
from inspector.pythons.usable import Facts, is_too_old, judge


def describe(executable: str, surroundings: Surroundings) -> PythonEnvironment:
    """Describe the environment of a Python without running it.

    Where its files don't tell what is in it (a program that starts another one), nothing speaks against a trial.

    Parameters
    ----------
    executable
        An absolute path.
    surroundings
        Tells its own Python from others, and where the person's own packages are.
    """
    path = Path(executable)
    own = bool(surroundings.own) and os.path.normcase(executable) == os.path.normcase(surroundings.own)
    layout = layout_of(path)
    kind: Kind = "app" if own else layout.kind
    name = "Inspector's own" if own else clean_name(layout.name)
    if not is_file(path):
        gone = "there is no such program." if not os.path.lexists(path) else "its program can't be reached."
        return PythonEnvironment(executable, kind, name, problem=gone)
    folders = package_folders(layout, surroundings)
    if not is_too_old(layout.version) and not (layout.version and folders):
        return PythonEnvironment(executable, kind, name, layout.version)
    says_cpu = surroundings.platform != "darwin"
    torch, vision = find_package("torch", folders, says_cpu=says_cpu), find_package("torchvision", folders)
    facts = Facts(
        executable=executable,
        python=layout.version,
        torch=torch.version if torch is not None else "",
        torchvision=vision.version if vision is not None else "",
        requires_torch=vision.requires_torch if vision is not None else "",
        lacks=tuple(
            library
            for library, package in (("numpy", "numpy"), ("pillow", "PIL"))
            if not holds_library(package, folders)
        ),
        installer=_installer(layout, folders),
        windows=surroundings.is_windows,
    )
    problem, mend = judge(facts)
    return PythonEnvironment(executable, kind, name, facts.python, facts.torch, facts.torchvision, problem, mend)


def _installer(layout: Layout, folders: list[Path]) -> str:
    if is_managed_by_system(layout):
        return "system"
    if holds_library("pip", folders):
        return "pip"
    return "uv" if "uv" in layout.config else "none"
