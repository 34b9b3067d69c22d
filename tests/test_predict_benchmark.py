"""The benchmark of predictions runs where there is no Qt, as on a server with a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

WITHOUT_QT = """
import runpy, sys
sys.modules["PySide6"] = None  # importing it fails
sys.argv = ["predict.py", "--count", "4", "--rounds", "1", "--device", "cpu", "--architecture", "squeezenet1_1"]
runpy.run_path(r"{path}", run_name="__main__")
assert not [name for name in sys.modules if name.startswith("PySide6.") or name.startswith("inspector.gui")]
"""


def test_it_runs_without_qt(tmp_path: Path) -> None:
    code = WITHOUT_QT.format(path=ROOT / "benchmarks" / "predict.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()
    assert [row.split(" ", 1)[0] for row in rows] == ["squeezenet1_1,", "ours", "the", "the"]
    assert "at once" in rows[3]
    assert "wanted >= 1.35" in rows[2]
