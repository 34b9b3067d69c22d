"""What is said of one environment: versions, the reason it can't be used, and the command that mends it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision

from inspector.pythons import PythonEnvironment, Surroundings, describe

from . import trees

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the trees have symbolic links and programs by permission")


def described(executable: Path, platform: str = "linux") -> PythonEnvironment:
    return describe(str(executable), Surroundings(executable.parent / "home", {}, platform))


def test_our_own_python_is_told_as_it_is() -> None:
    row = describe(sys.executable, Surroundings.here(own=sys.executable))
    assert (row.kind, row.torch.partition("+")[0]) == ("app", str(torch.__version__).partition("+")[0])
    assert row.torchvision == torchvision.__version__
    assert row.python == ".".join(map(str, sys.version_info[:3]))
    assert row.problem == ""


@pytest.mark.parametrize(
    ("versions", "problem", "mend"),
    [
        (None, "torch and torchvision are not installed here.", "install torch torchvision"),
        (("2.4.1", "0.19.1"), "torch 2.4.1+cpu is too old: the engine needs 2.6 or newer.", "install --upgrade torch"),
        (("2.6.0+cpu", ""), "torchvision is not installed here.", "install torch torchvision"),
        (("2.7.0+cpu", "0.21.0+cpu"), "torchvision 0.21.0+cpu was made for another torch than 2.7.0+cpu.", "--upgrade"),
        (("2.6.0+cpu", "0.21.0+cu126"), "torchvision 0.21.0+cu126 was made for another torch than 2.6.0+cpu.", ""),
        (("2.6.0+cu118", "0.21.0+cu126"), "torchvision 0.21.0+cu126 was made for another torch than 2.6.0+cu118.", ""),
        (("2.6.0+cu124", "0.21.0+cu126"), "", ""),
        (("2.10.0", "0.25.0"), "", ""),
    ],
)
def test_torch_and_torchvision(tmp_path: Path, versions: tuple[str, str] | None, problem: str, mend: str) -> None:
    packages = trees.virtual(tmp_path / "env")
    trees.helpers(packages)
    for name, version in zip(("torch", "torchvision"), versions or (), strict=False):
        if version:
            trees.library(packages, name, version)
    row = described(tmp_path / "env/bin/python3")
    assert row.problem == problem
    assert mend in row.mend
    assert bool(row.mend) == bool(problem)
    if row.mend:
        assert row.mend.startswith(f"{tmp_path}/env/bin/python3 -m pip install ")


@pytest.mark.parametrize(
    ("requires", "fits"),
    [("torch (==2.7.0)", False), ("torch>=2.14.0", False), ("torch ==2.6.* ; extra", True), ("torch (>=2.5,<3)", True)],
)
def test_what_torchvision_itself_requires_decides(tmp_path: Path, requires: str, fits: bool) -> None:
    packages = trees.virtual(tmp_path / "env")
    trees.helpers(packages)
    trees.library(packages, "torch", "2.6.0")
    trees.library(packages, "torchvision", "0.29.2", requires=requires)
    assert described(tmp_path / "env/bin/python3").usable is fits


def test_metadata_alone_tells_a_version(tmp_path: Path) -> None:
    packages = trees.virtual(tmp_path / "env")
    trees.helpers(packages)
    trees.metadata(packages, "torch", "2.6.0+cu126")
    trees.metadata(packages, "torchvision", "0.21.0+cu126", requires="torch (==2.6.0)")
    row = described(tmp_path / "env/bin/python3")
    assert (row.torch, row.torchvision, row.problem) == ("2.6.0+cu126", "0.21.0+cu126", "")


def test_the_build_is_told_where_only_the_code_tells_it(tmp_path: Path) -> None:
    packages = trees.virtual(tmp_path / "env")
    trees.library(packages, "torch", "2.6.0", cuda="12.6")
    assert described(tmp_path / "env/bin/python3").torch == "2.6.0+cu126"
    trees.library(packages, "torch", "2.6.0", hip="6.2.41133")
    assert described(tmp_path / "env/bin/python3").torch == "2.6.0+rocm6.2"
    trees.library(packages, "torch", "2.6.0")
    assert described(tmp_path / "env/bin/python3").torch == "2.6.0+cpu"
    assert described(tmp_path / "env/bin/python3", "darwin").torch == "2.6.0"


def test_an_old_python_is_told_first(tmp_path: Path) -> None:
    trees.with_torch(trees.virtual(tmp_path / "env", "3.10.13"))
    row = described(tmp_path / "env/bin/python3")
    assert row.problem == "Python 3.10.13 is too old: the engine needs 3.11 or newer."
    assert row.mend == ""


def test_the_command_fits_the_environment(tmp_path: Path) -> None:
    trees.virtual(tmp_path / "uv's own", uv="0.5.1")
    trees.virtual(tmp_path / "bare")
    managed = trees.system(tmp_path / "usr").parent
    (managed / "EXTERNALLY-MANAGED").touch()
    assert described(tmp_path / "uv's own/bin/python3").mend == (
        f"""uv pip install --python '{tmp_path}/uv'"'"'s own/bin/python3' torch torchvision"""
    )
    bare, system = tmp_path / "bare/bin/python3", tmp_path / "usr/bin/python3"
    assert described(bare).mend == f"{bare} -m ensurepip && {bare} -m pip install torch torchvision"
    assert described(system).mend == (
        f"{system} -m venv ~/torch-env && ~/torch-env/bin/python -m pip install torch torchvision"
    )


def test_packages_that_come_from_elsewhere_count(tmp_path: Path) -> None:
    base = trees.with_torch(trees.system(tmp_path / "base"))
    trees.virtual(tmp_path / "shares", include_system_site_packages="true", home=str(tmp_path / "base/bin"))
    linked = trees.virtual(tmp_path / "linked")
    (linked / "base.pth").write_text(f"# a comment\nimport sys\n{base}\n", encoding="utf-8")
    trees.virtual(tmp_path / "alone", home=str(tmp_path / "base/bin"))
    usable = {name: described(tmp_path / name / "bin/python3").usable for name in ("shares", "linked", "alone")}
    assert usable == {"shares": True, "linked": True, "alone": False}


def test_without_pillow_no_image_can_be_read(tmp_path: Path) -> None:
    packages = trees.with_torch(trees.virtual(tmp_path / "env"))
    (packages / "PIL").rmdir()
    row = described(tmp_path / "env/bin/python3")
    assert row.problem == "pillow is not installed here."
    assert row.mend.endswith(" -m pip install pillow")


def test_what_starts_another_python_is_left_to_a_trial(tmp_path: Path) -> None:
    assert described(trees.program(tmp_path / "python")).usable


def test_a_real_environment_is_told_as_python_itself_tells_it(tmp_path: Path) -> None:
    prefix = tmp_path / "real"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True, timeout=120)
    row = described(prefix / "bin/python")
    assert (row.kind, row.name, row.python) == ("virtual", "real", ".".join(map(str, sys.version_info[:3])))
    assert row.problem == "torch and torchvision are not installed here."
