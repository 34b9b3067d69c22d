"""The built wheel, unpacked away from the checkout: it finds its resources, reads a file and paints a window."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("inspector_pth-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def environment(site: Path) -> dict[str, str]:
    return dict(os.environ, PYTHONPATH=str(site), QT_QPA_PLATFORM="offscreen", INSPECTOR_ANNOUNCE="1")


def test_it_reads_its_own_demo(site: Path, tmp_path: Path) -> None:
    demo = site / "inspector" / "_resources" / "demo" / "digits.pth"
    done = subprocess.run(
        [sys.executable, "-P", "-m", "inspector", "show", str(demo), "--json"],
        cwd=tmp_path,
        env=environment(site),
        capture_output=True,
        text=True,
        check=True,
    )
    shown = json.loads(done.stdout)
    assert (shown["kind"], shown["safety"], len(shown["tensors"])) == ("training_checkpoint", "safe", 338)


def test_it_paints_the_demo(site: Path, tmp_path: Path) -> None:
    window = subprocess.Popen(
        [sys.executable, "-P", "-m", "inspector", "--demo"],
        cwd=tmp_path,
        env=environment(site),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert window.stdout is not None
        assert window.stdout.readline() == "painted digits.pth\n"
    finally:
        window.kill()
        window.wait()
        assert window.stdout is not None
        window.stdout.close()


def test_it_carries_the_licences(site: Path) -> None:
    (metadata,) = site.glob("*.dist-info")
    names = {path.name for path in (metadata / "licenses").rglob("*")}
    assert {"LICENSE", "NOTICES.md"} <= names
