"""Mutated files get an answer or a plain sentence. A slice of ``python -m tools.fuzz``, which has the whole run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]

#: A reader that fails, overstays, or does what reading never does: what the run must find.
_BROKEN_READERS = {
    "raise ValueError('not a typed error')": "ValueError: not a typed error",
    "raise CheckpointError('No sentence')": "not a sentence: 'No sentence'",
    "while True: pass": "OverstayError",
    "import os; os.system('true')": "ForbiddenError: os.system",
}


def _fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.fuzz", *arguments]
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("cases", [1_500, pytest.param(200_000, marks=pytest.mark.slow)])
def test_mutated_files_give_answers_or_sentences(tmp_path: Path, cases: int) -> None:
    # The machine may be busy: only what takes far too long counts here.
    done = _fuzz(
        "--cases", str(cases), "--jobs", "1" if cases < 2_000 else "2", "--seconds", "10", "--keep", str(tmp_path)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{cases:,} files" in done.stdout
    assert "0 findings" in done.stdout


@pytest.mark.parametrize("reader", _BROKEN_READERS)
def test_the_run_finds_a_broken_reader(tmp_path: Path, reader: str) -> None:
    script = f"""
from pathlib import Path
from inspector.checkpoint import CheckpointError
from tools.fuzz import trial

def broken(path):
    {reader}

trial.watch()
trial.open_checkpoint = broken
print(trial.attempt(Path({str(tmp_path)!r}), 0.1).finding)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=_ROOT, capture_output=True, text=True, check=True)
    assert _BROKEN_READERS[reader] in done.stdout
