from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from inspector import __version__

Inspector = Any

posix_only = pytest.mark.skipif(os.name != "posix", reason="the stand-in for another Python is a shell script")


def test_everything_answers(inspector: Inspector) -> None:
    report = inspector("doctor", "--json", env={"QT_QPA_PLATFORM": "offscreen"}).json()
    assert report["inspector"] == __version__
    assert report["qt"]["platform"] == "offscreen"
    assert all(row["version"] for row in report["libraries"])
    for role in ("reader", "worker", "engine"):
        assert report[role]["error"] is None
        assert report[role]["milliseconds"] > 0
    assert report["engine"]["executable"] == sys.executable
    assert report["engine"]["torch"][0].isdigit()
    assert report["engine"]["devices"][-1]["name"] == "cpu"
    assert report["desktop"]["associations"] is False
    assert report["folders"]["config"] == os.environ["INSPECTOR_CONFIG_DIR"]
    assert (report["problems"], report["ok"]) == ([], True)


@posix_only
def test_python_without_torch(inspector: Inspector, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    run = inspector("doctor", "--python", "./python", cwd=tmp_path, env={"QT_QPA_PLATFORM": ""})
    assert run.code == 4
    assert run.err == ""
    assert "No module named 'torch'" in run.out
    assert f'"{python}" -m pip install torch torchvision' in run.out


@posix_only
def test_no_python_at_all(inspector: Inspector, tmp_path: Path) -> None:
    run = inspector("doctor", "--python", tmp_path / "nothing")
    assert run.code == 4
    assert "The engine can't run: there is no such program." in run.out
    assert "Choose another Python in Settings, or with --python." in run.out


@pytest.mark.skipif(sys.platform != "linux", reason="the bundle does it on macOS and Windows")
def test_desktop_and_back(inspector: Inspector) -> None:
    assert inspector("desktop", "remove").out == "Nothing was installed.\n"
    installed = inspector("desktop", "install")
    if installed.code:
        assert "is not installed" in installed.error(3)
        return
    files = [Path(line) for line in installed.out.splitlines()[1:]]
    assert files
    assert all(path.is_file() for path in files)
    assert inspector("desktop", "remove").code == 0
    assert not any(path.name.endswith(".desktop") and path.exists() for path in files)
