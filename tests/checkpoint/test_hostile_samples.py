"""73 real samples, 64 of them malicious: nothing in them runs, and none of the malicious is called safe.

The samples are only ever read by Inspector, in a process under an audit hook (``canary.py``).
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from .conftest import Outcome

CANARY = Path(__file__).with_name("canary.py")

#: Benign samples of NumPy, whose files a checkpoint reader may refuse, but then in a sentence.


def samples(shared_data: Path) -> dict[str, str]:
    """Return what each sample is, ``malicious``, ``benign`` or ``invalid-not-pickle``, by its path."""
    with (shared_data / "hostile.tsv").open(encoding="utf-8", newline="") as table:
        return {str(shared_data / row["file"]): row["expected"] for row in csv.DictReader(table, delimiter="\t")}


def run_watched(arguments: list[str], folder: Path) -> dict[str, Any]:
    """Run a script in a session and a folder of its own; return the JSON it prints, and what it left behind."""
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
    }
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, start_new_session=True
    )
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    left = [str(path) for path in folder.rglob("*") if path.name not in ("home", "tmp")]
    return {"files": json.loads(out), "left": left, "alive": _session(process.pid)}


def _session(leader: int) -> list[int]:
    """Return the processes that live in the session of ``leader``, which has ended."""
    alive = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended in the meantime
        if int(fields[3]) == leader:
            alive.append(int(entry.parent.name))
    return alive


@cache
def _watched(paths: tuple[str, ...], folder: Path) -> dict[str, Any]:
    beside = Path(paths[0]).parent
    before = sorted(os.listdir(beside))
    report = run_watched([str(CANARY), *paths], folder)
    report["new"] = sorted(set(os.listdir(beside)) - set(before))
    return report


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture
def report(shared_data: Path, folder: Path) -> dict[str, Any]:
    """What happened when every sample was opened: made once."""
    return _watched(tuple(samples(shared_data)), folder)


def test_the_samples_are_all_here(shared_data: Path) -> None:
    kinds = list(samples(shared_data).values())
    assert len(kinds) == 73
    assert kinds.count("malicious") == 64


def test_nothing_but_reading_happens(report: dict[str, Any]) -> None:
    assert {path: found["events"] for path, found in report["files"].items() if found["events"]} == {}
    assert {path: found["children"] for path, found in report["files"].items() if found["children"]} == {}
    assert (report["left"], report["new"], report["alive"]) == ([], [], [])


def test_the_canary_sings(tmp_path: Path) -> None:
    """A canary that can't sing tells nothing: it hears each of these, of our own making, and stops it."""
    (tmp_path / "own.pkl").write_bytes(b"cos\nsystem\n(S'touch deed'\ntR.")
    (tmp_path / "script.py").write_text(_DEEDS.format(folder=str(CANARY.parent)), encoding="utf-8")
    report = run_watched([str(tmp_path / "script.py")], tmp_path)
    heard = {name: found["events"][0].split()[0] for name, found in report["files"].items()}
    assert heard == {
        "unpickle": "pickle.find_class",
        "system": "os.system",
        "spawn": "subprocess.Popen",
        "write": "open",
        "read": "open",
        "connect": "socket.__new__",
        "import": "import",
        "eval": "compile",
        "remove": "os.remove",
    }
    assert sorted(Path(path).name for path in report["left"]) == ["own.pkl", "script.py"]


_DEEDS = """
import json, os, pickle, socket, subprocess, sys
sys.path.insert(0, {folder!r})
from canary import Canary

canary = Canary()
deeds = dict(
    unpickle=lambda path: pickle.load(open(path, "rb")),
    system=lambda path: os.system("touch deed"),
    spawn=lambda path: subprocess.run(["touch", "deed"]),
    write=lambda path: open("deed", "w"),
    read=lambda path: open("script.py"),
    connect=lambda path: socket.socket(),
    eval=lambda path: eval("1 + 1"),
    remove=lambda path: os.remove("own.pkl"),
)
deeds["import"] = lambda path: __import__("wave")
print(json.dumps({{name: canary.watch("own.pkl", deed) for name, deed in deeds.items()}}))
"""


def test_no_malicious_sample_is_called_safe(shared_data: Path, report: dict[str, Any]) -> None:
    expected = samples(shared_data)
    found = {path: one for path, one in report["files"].items() if expected[path] == "malicious"}
    assert [path for path, one in found.items() if one.get("safety") == "safe"] == []
    # Archives are refused in a sentence; every pickle is read as far as it goes, and judged.
    for path, one in found.items():
        if Path(path).suffix in (".zip", ".7z"):
            assert one.get("safety") in (None, "needs_trust", "dangerous")
            assert one.get("safety") or one["message"].startswith(Path(path).name)
        else:
            assert one["safety"] == "dangerous", path


def test_every_benign_sample_reads(shared_data: Path, report: dict[str, Any]) -> None:
    for path, kind in samples(shared_data).items():
        found = report["files"][path]
        if kind == "benign":
            assert (found["safety"], found["complete"]) == ("safe", True), path


def test_what_is_no_pickle_is_told_what_it_is(shared_data: Path, report: dict[str, Any]) -> None:
    [path] = [path for path, kind in samples(shared_data).items() if kind == "invalid-not-pickle"]
    assert report["files"][path]["error"] == "NotACheckpointError"
    assert "is a PNG image" in report["files"][path]["message"]


def test_the_reader_process_says_the_same(
    shared_data: Path, report: dict[str, Any], read_in_process: Callable[[Path], Outcome]
) -> None:
    for path in samples(shared_data):
        outcome, found = read_in_process(Path(path)), report["files"][path]
        if outcome.summary is None:
            assert outcome.error is not None
            assert (outcome.error.kind, outcome.error.message) == (found["error"], found["message"])
        else:
            assert outcome.summary.safety == found["safety"]
            assert [list(named) for named in outcome.summary.globals] == found["globals"]
