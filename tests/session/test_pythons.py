"""The engine's Python: listed by its files, run only when it is chosen, and kept where the next one fails."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from inspector.session import pythons

from ..pythons import trees
from .conftest import Driven, picture, saved

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-ins for a Python are shell scripts and links")


@pytest.fixture(scope="module")
def second_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A second environment that works: its packages are this one's, by a .pth file."""
    prefix = tmp_path_factory.mktemp("second") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True, timeout=120)
    packages = next(prefix.glob("lib/python3*/site-packages"))
    (packages / "shared.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return str(prefix / "bin" / "python")


def wrapper(path: Path, *flags: str) -> str:
    """Make a program that starts our Python with flags; no file of it tells what it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {" ".join(flags)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def listed(driven: Driven, chosen: str = "") -> None:
    driven.session.pythons.look(chosen)
    driven.until(lambda: driven.store.pythons.phase == "ready")


def tried(driven: Driven, executable: str) -> None:
    driven.session.pythons.choose(executable)
    driven.until(lambda: driven.store.python_trial is None or driven.store.python_trial.phase == "failed")


def failure(driven: Driven) -> tuple[str, str]:
    trial = driven.store.python_trial
    assert trial is not None
    assert trial.failure is not None
    return trial.failure.sentence, trial.mend


def test_the_list_runs_nothing(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path.home()
    canary = home / "canary"
    trees.with_torch(trees.virtual(home / ".virtualenvs" / "good", canary=canary))
    trees.virtual(home / ".virtualenvs" / "another one", canary=canary)
    trees.program(home / "on-path" / "python3", canary)
    monkeypatch.setenv("PATH", str(home / "on-path"), prepend=os.pathsep)
    gone = str(home / "gone" / "bin" / "python")
    listed(driven, gone)
    rows = driven.store.pythons.found
    assert rows[0].executable == sys.executable
    assert rows[0].kind == "app"
    assert driven.store.pythons.complete
    mine = [row for row in rows if row.executable.startswith(str(home))]
    assert [row.name for row in mine if row.usable] == ["good", "Python"]  # what tells nothing is left to a trial
    assert {row.name for row in mine if not row.usable} == {"another one", "Python"}
    assert any(row.executable == gone and "no such program" in row.problem for row in mine)
    assert not canary.exists()
    assert driven.session.engine.process_id is None


def test_what_lies_beside_an_opened_file_is_neither_listed_nor_run(driven: Driven, tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    python = trees.program(folder / "env" / "bin" / "python3", folder / "canary")
    (Path.home() / ".conda").mkdir()
    (Path.home() / ".conda/environments.txt").write_text(f"{folder / 'env'}\n", encoding="utf-8")
    listed(driven)
    assert str(python) in [row.executable for row in driven.store.pythons.found]
    number = driven.open(saved(folder / "model.pth"))
    listed(driven)
    assert str(python) not in [row.executable for row in driven.store.pythons.found]
    tried(driven, str(python))
    assert "may have come with it. If it is your own, close the file first" in failure(driven)[0]
    assert not (folder / "canary").exists()
    driven.session.close(number)
    tried(driven, str(python))
    assert (folder / "canary").exists()
    assert "it is no working Python 3.11 or newer. Choose another one." in failure(driven)[0]


def test_in_the_current_folder_nothing_is_run(driven: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = trees.program(tmp_path / "python3")
    monkeypatch.chdir(tmp_path)
    tried(driven, "python3")
    assert failure(driven)[0] == f"{python} lies in the current folder. Choose another one."
    assert not (tmp_path / "canary").exists()


def test_the_engine_goes_over_to_another_python(driven: Driven, tmp_path: Path, second_python: str) -> None:
    chosen: list[str] = []
    driven.store.python_chosen.connect(chosen.append)
    number = driven.attached(saved(tmp_path / "a.pth"))
    (before,) = driven.predict(number, picture(tmp_path / "a.png"))
    first = driven.session.engine.process_id
    tried(driven, second_python)
    assert driven.store.python_trial is None
    assert chosen == [second_python]
    assert driven.store.engine.executable == second_python
    assert driven.store.engine.phase == "ready"
    assert driven.store.engine.devices
    second = driven.session.engine.process_id
    assert second not in (None, first)
    assert os.path.samefile(f"/proc/{second}/exe", os.path.realpath(second_python)) or sys.platform != "linux"
    driven.until(lambda: driven.checkpoint(number).attachment.phase == "ready")
    driven.until(lambda: driven.session.unfinished_predictions == 0 and bool(driven.store.predictions))
    (after,) = driven.store.predictions.values()
    assert [row.index for row in after.classes] == [row.index for row in before.classes]
    tried(driven, sys.executable)
    assert chosen == [second_python, ""]
    assert driven.store.engine.executable == sys.executable
    assert driven.texts() == ""


def test_one_that_fails_leaves_the_one_in_use(driven: Driven, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    number = driven.attached(saved(tmp_path / "files" / "a.pth"))
    engine = driven.session.engine.process_id
    chosen: list[str] = []
    driven.store.python_chosen.connect(chosen.append)

    without = wrapper(tmp_path / "without" / "python", "-S")
    tried(driven, without)
    sentence, mend = failure(driven)
    assert "can't use torch and torchvision: No module named" in sentence
    assert mend == f"{without} -m pip install torch torchvision"

    trees.library(trees.virtual(tmp_path / "old", canary=tmp_path / "canary"), "torch", "2.4.1+cu121")
    tried(driven, str(tmp_path / "old/bin/python3"))
    sentence, mend = failure(driven)
    assert sentence.endswith("torch 2.4.1+cu121 is too old: the engine needs 2.6 or newer.")
    assert "install --upgrade torch torchvision" in mend
    assert not (tmp_path / "canary").exists()  # known from its files: it is not even run

    tried(driven, str(tmp_path / "nothing"))
    assert "there is no such program." in failure(driven)[0]
    text = tmp_path / "text" / "python"
    text.parent.mkdir()
    text.write_text("no program", encoding="utf-8")
    tried(driven, str(text))
    assert "can't be started: Permission denied. Choose another one." in failure(driven)[0]

    assert chosen == []
    assert driven.session.engine.process_id == engine
    assert driven.checkpoint(number).attachment.phase == "ready"
    driven.session.pythons.cancel()
    assert driven.store.python_trial is None


def test_a_torch_that_turns_out_too_old_is_refused(driven: Driven, tmp_path: Path) -> None:
    fake = tmp_path / "fake"
    for name, version in (("torch", "2.5.1"), ("torchvision", "0.20.1")):
        (fake / name).mkdir(parents=True)
        (fake / name / "__init__.py").write_text(f"__version__ = {version!r}\n", encoding="utf-8")
    (fake / "torch/version.py").write_text("cuda = None\n", encoding="utf-8")
    (fake / "torch/__init__.py").write_text(
        "from types import SimpleNamespace as N\nfrom torch import version\n__version__ = '2.5.1'\n"
        "cuda = N(is_available=lambda: False)\nbackends = N(mps=N(is_available=lambda: False))\n",
        encoding="utf-8",
    )
    script = tmp_path / "bin" / "python"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{fake}" exec "{sys.executable}" "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    tried(driven, str(script))
    sentence, mend = failure(driven)
    assert sentence == f"{script} can't be used: torch 2.5.1 is too old: the engine needs 2.6 or newer."
    assert mend == f"{script} -m pip install --upgrade torch torchvision"


def test_a_trial_can_be_given_up_and_ends_in_time(
    driven: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = tmp_path / "sleeper" / "python"
    sleeper.parent.mkdir()
    sleeper.write_text(f'#!/bin/sh\necho $$ > "{tmp_path}/pid"\nexec sleep 600\n', encoding="utf-8")
    sleeper.chmod(0o755)
    driven.session.pythons.choose(str(sleeper))
    assert driven.store.python_trial is not None
    driven.session.pythons.cancel()
    assert driven.store.python_trial is None
    monkeypatch.setattr(pythons, "TRIAL_SECONDS", 0.5)
    tried(driven, str(sleeper))
    assert "did not import torch within" in failure(driven)[0]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text(encoding="utf-8")), 0)


def test_a_search_that_hangs_ends_with_what_it_has(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pythons, "SEARCH_SECONDS", 0.0)
    listed(driven)
    assert not driven.store.pythons.complete
