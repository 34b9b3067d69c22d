from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from inspector import __version__
from inspector.__main__ import VERBS, main

Inspector = Any


class _Window(ModuleType):
    """Takes the place of the window."""

    def __init__(self) -> None:
        super().__init__("inspector.gui.app")
        self.calls: list[tuple[list[str], bool]] = []

    def run(self, files: list[str], *, demo: bool = False) -> int:
        self.calls.append((files, demo))
        return 0


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> _Window:
    made = _Window()
    monkeypatch.setitem(sys.modules, "inspector.gui.app", made)
    return made


@pytest.mark.parametrize(
    ("arguments", "files", "demo"),
    [
        ([], [], False),
        (["a.pth", "b.pth"], ["a.pth", "b.pth"], False),
        (["--demo"], [], True),
        (["--demo", "a.pth"], ["a.pth"], True),
        (["./show"], ["./show"], False),
        (["a.pth", "show"], ["a.pth", "show"], False),
        (["--", "show", "--demo"], ["show", "--demo"], False),
    ],
)
def test_window(window: _Window, arguments: list[str], files: list[str], demo: bool) -> None:
    assert main(arguments) == 0
    assert window.calls == [(files, demo)]


def test_version_and_help_open_no_window(window: _Window, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"Inspector {__version__}\n"
    assert main(["--help"]) == 0
    helped = capsys.readouterr().out
    assert all(f"\n  {verb} " in helped for verb in VERBS)
    assert window.calls == []


def test_interrupted_while_a_verb_is_still_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupting:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "inspector.command_line.running":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "inspector.command_line.running", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    assert main(["show", "a.pth"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--frob"], "--frob"),
        (["show"], "FILE"),
        (["show", "a", "b"], "unrecognized arguments: b"),
        (["show", "a", "--jso"], "--jso"),
        (["predict", "a"], "IMAGE"),
        (["predict", "a", "b", ""], "name is empty"),
        (["predict", "a", "b", "--top", "0"], "--top"),
        (["predict", "a", "b", "--top", "many"], "--top"),
        (["predict", "a", "b", "--device", "tpu"], "--device"),
        (["desktop"], "action"),
        (["desktop", "frob"], "frob"),
        (["diff", "a"], "B"),
        (["report", "a"], "OUT"),
    ],
)
def test_wrong_usage_is_one_line(inspector: Inspector, arguments: list[str], says: str) -> None:
    assert says in inspector(*arguments).error(2)


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_verbs(inspector: Inspector, verb: str) -> None:
    helped = inspector(verb, "--help")
    assert (helped.code, helped.err) == (0, "")
    assert helped.out.startswith(f"Usage: inspector {verb}")


def test_dashes_begin_no_option_after_a_double_dash(inspector: Inspector, tmp_path: Path) -> None:
    assert "There is no file -x.pth" in inspector("show", "--json", "--", "-x.pth", cwd=tmp_path).error(3)


def test_the_way_to_the_window_imports_nothing_heavy() -> None:
    code = (
        "import sys, types\n"
        "before = set(sys.modules)\n"
        "app = types.ModuleType('inspector.gui.app'); app.run = lambda files, *, demo: 0\n"
        "sys.modules['inspector.gui.app'] = app\n"
        "from inspector.__main__ import main; main(['a.pth'])\n"
        "sys.stdout.write(' '.join(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )
    loaded = set(done.stdout.split())
    assert not [name for name in loaded if name.startswith(("argparse", "rich", "inspector.command_line", "json"))]
    assert len(loaded) < 40


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a disk that is always full")
def test_full_disk_is_one_line(demo: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "inspector", "show", str(demo / "digits.pth"), "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        )
    assert done.returncode == 4
    assert done.stderr.startswith("inspector: ")
    assert done.stderr.count("\n") == 1
