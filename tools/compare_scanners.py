"""Run pickle scanners and Inspector over the same samples and print who flags what.

``python tools/compare_scanners.py TABLE --picklescan EXE --fickling EXE --modelscan EXE --inspector EXE``, each of
them optional. TABLE is a tab-separated file with a header, a column ``file`` (a path beside it) and a column
``expected`` (``malicious``, ``benign`` or something else). The scanners are given files, never asked to load one.
The counts in ``docs/safety.md`` were made by this.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: ``flagged``: not to be loaded; ``quiet``: nothing found, or safe; ``unread``: an error, a refusal, or skipped.
Answer = Literal["flagged", "quiet", "unread"]

_SECONDS = 120


@dataclass(frozen=True)
class Scanner:
    """How a scanner is asked about one file, and how its answer is read."""

    name: str
    arguments: tuple[str, ...]
    answer: Callable[[subprocess.CompletedProcess[str]], Answer]


def _picklescan(done: subprocess.CompletedProcess[str]) -> Answer:
    """0: clean, 1: dangerous, 2: an error, even beside a find; it also reports clean where it could read nothing."""
    if done.returncode == 1 or "dangerous import" in done.stdout:
        return "flagged"
    nothing = "Scanned files: 0" in done.stdout or "could not parse" in done.stderr
    return "unread" if done.returncode != 0 or nothing else "quiet"


def _fickling(done: subprocess.CompletedProcess[str]) -> Answer:
    """0: likely safe, 1: unsafe, 2: no pickle; a traceback of its own also ends with 1."""
    if done.returncode == 1 and "Traceback" not in done.stderr:
        return "flagged"
    return "quiet" if done.returncode == 0 else "unread"


def _modelscan(done: subprocess.CompletedProcess[str]) -> Answer:
    """0: no issue, 1: issues, 2: errors, 3: no supported file; 0 also where the file was skipped."""
    if done.returncode == 1:
        return "flagged"
    return "quiet" if done.returncode == 0 and '"total_scanned": 1' in done.stdout else "unread"


def _inspector(done: subprocess.CompletedProcess[str]) -> Answer:
    """Only ``safe`` is quiet; code 3 is a refusal in a sentence."""
    if done.returncode != 0:
        return "unread"
    return "quiet" if json.loads(done.stdout)["safety"] == "safe" else "flagged"


SCANNERS = {
    "picklescan": (
        Scanner("picklescan", ("--path",), _picklescan),
        Scanner("picklescan --strict", ("--strict", "--path"), _picklescan),
    ),
    "fickling": (Scanner("fickling --check-safety", ("--json-output", os.devnull, "--check-safety"), _fickling),),
    "modelscan": (Scanner("modelscan", ("scan", "-r", "json", "-p"), _modelscan),),
    "inspector": (Scanner("inspector show", ("show", "--json"), _inspector),),
}


def ask(executable: Path, scanner: Scanner, sample: Path, folder: str) -> Answer:
    """Return the scanner's answer on one file."""
    try:
        done = subprocess.run(
            [executable, *scanner.arguments, sample],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "unread"
    return scanner.answer(done)


def main() -> int:
    """Print one row per scanner, and with ``--names`` the samples that each missed or could not read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--names", action="store_true", help="list the samples that were missed, unread, or wronged")
    for tool in SCANNERS:
        parser.add_argument(f"--{tool}", type=Path, metavar="EXE")
    options = parser.parse_args()
    with options.table.open(encoding="utf-8", newline="") as table:
        samples = {
            options.table.parent.resolve() / row["file"]: row["expected"]
            for row in csv.DictReader(table, delimiter="\t")
        }
    print("| scanner | malicious: flagged | unread | missed | benign: passed | unread | wrongly flagged |")
    print("|---|---|---|---|---|---|---|")
    for tool, scanners in SCANNERS.items():
        executable = getattr(options, tool)
        for scanner in scanners if executable is not None else ():
            with tempfile.TemporaryDirectory() as folder:
                answers = {path: ask(executable.absolute(), scanner, path, folder) for path in samples}
            _print_row(scanner, samples, answers, names=options.names)
    return 0


def _print_row(scanner: Scanner, samples: dict[Path, str], answers: dict[Path, Answer], *, names: bool) -> None:
    counts = Counter((samples[path], answer) for path, answer in answers.items())
    malicious = [counts["malicious", answer] for answer in ("flagged", "unread", "quiet")]
    benign = [counts["benign", answer] for answer in ("quiet", "unread", "flagged")]
    print(f"| {scanner.name} | " + " | ".join(map(str, malicious + benign)) + " |", flush=True)
    if not names:
        return
    for path, answer in answers.items():
        if (samples[path], answer) not in (("malicious", "flagged"), ("benign", "quiet")):
            sys.stderr.write(f"{scanner.name}: {path.name}, {samples[path]}: {answer}\n")


if __name__ == "__main__":
    raise SystemExit(main())
