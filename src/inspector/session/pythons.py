"""The engine's Python: the list of those found, and the trial of the one that the person chose.

Finding reads files in a process of its own: a folder on a network that is gone holds nothing else up. Only the chosen
one is run, as a second engine, and takes the first one's place when it has answered with its devices.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inspector.checkpoint.text import clean_name
from inspector.processes.client import ProcessClient, ProcessError
from inspector.pythons import PythonEnvironment, folder_beside
from inspector.pythons.places import program_of
from inspector.pythons.usable import Facts, judge
from inspector.session.engine_link import EngineLink
from inspector.session.failure import Failure
from inspector.session.loop import Loop
from inspector.session.state import PythonList, PythonTrial
from inspector.session.store import Store

#: A search that takes longer is ended with what it has: a folder is on a disk that does not answer.
SEARCH_SECONDS = 20.0
#: A Python that takes longer to import torch is given up; from a cold and slow disk it takes a minute.
TRIAL_SECONDS = 180.0


class Pythons:
    """Lists the Python environments of this machine, and changes the one that the engine runs on."""

    def __init__(self, store: Store, loop: Loop, link: EngineLink) -> None:
        self._store = store
        self._loop = loop
        self._link = link
        self._search: _Asked | None = None
        self._trial: _Asked | None = None

    def look(self, chosen: str = "") -> None:
        """List the environments anew, by their files.

        Parameters
        ----------
        chosen
            The one in the person's settings, which is listed even where it is gone.
        """
        if self._search is not None:
            self._search.end()
        found: list[PythonEnvironment] = []

        def answered(complete: bool) -> None:
            self._search = None
            self._store.set_pythons(PythonList("ready", tuple(sorted(found, key=_rank)), complete))

        def add(row: dict[str, Any]) -> None:
            found.append(PythonEnvironment.from_json(row))

        self._store.set_pythons(PythonList("running", self._store.pythons.found))
        self._search = _Asked(
            self._loop,
            lambda: ProcessClient("worker"),
            ("find_pythons", self._surroundings(chosen)),
            SEARCH_SECONDS,
            done=lambda _: answered(True),
            failed=lambda _: answered(False),
            progress=add,
        )

    def choose(self, executable: str) -> None:
        """Run the engine on another Python, if that one can: the one in use is kept until then.

        Parameters
        ----------
        executable
            The path of a Python, or of an environment's folder.
        """
        self.cancel()
        executable = os.path.abspath(os.path.expanduser(executable))
        if os.path.isdir(executable):
            executable = str(program_of(Path(executable)) or executable)
        refusal = self._refusal(executable)
        if refusal is not None:
            self._fail(executable, refusal)
            return
        self._store.set_python_trial(PythonTrial(executable))
        self._trial = _Asked(
            self._loop,
            lambda: ProcessClient("worker"),
            ("describe_python", {**self._surroundings(), "executable": executable}),
            SEARCH_SECONDS,
            done=lambda row: self._described(PythonEnvironment.from_json(row)),
            failed=lambda error: self._fail(executable, Failure(error.message, error.hint, error.kind)),
        )

    def cancel(self) -> None:
        """Give up the trial of a Python, or forget why it failed; the one in use stays."""
        if self._trial is not None:
            self._trial.end()
            self._trial = None
        if self._store.python_trial is not None:
            self._store.set_python_trial(None)

    def close(self) -> None:
        """End the processes."""
        for asked in (self._search, self._trial):
            if asked is not None:
                asked.end()

    # -- the trial ---------------------------------------------------------------------------------------------

    def _surroundings(self, chosen: str = "") -> dict[str, Any]:
        return {
            "own": own_python(),
            "chosen": chosen,
            "avoided": [*self._opened_folders(), *current_folder()],
            "virtual_env": os.environ.get("VIRTUAL_ENV", ""),
        }

    def _opened_folders(self) -> list[str]:
        """Return the folders of the opened checkpoints; one that is a folder has things beside it, and in it."""
        paths = [found.path for found in self._store.checkpoints.values()]
        return list(dict.fromkeys(str(folder) for path in paths for folder in (path.parent, path)))

    def _refusal(self, executable: str) -> Failure | None:
        """Return why a Python is not even looked at: it may have come with an opened file."""
        if executable == own_python():
            return None
        folder = folder_beside(executable, self._opened_folders(), Path.home())
        if folder is not None:
            return Failure(
                f"{shown(executable)} lies in the folder of an opened file and may have come with it.",
                "If it is your own, close the file first; else choose another one.",
            )
        if os.path.dirname(executable) in current_folder():
            return Failure(f"{shown(executable)} lies in the current folder.", "Choose another one.")
        return None

    def _described(self, row: PythonEnvironment) -> None:
        if row.problem:
            self._fail(row.executable, _unusable(row.executable, row.problem, row.mend), row.mend)
            return
        executable = row.executable

        def failed(error: ProcessError) -> None:
            late = self._trial is not None and self._trial.late
            self._fail(executable, _trial_failure(executable, error, late), mend_of(executable, error))

        try:
            self._trial = _Asked(
                self._loop,
                lambda: self._link.launch(executable),
                ("versions", {}),
                TRIAL_SECONDS,
                done=lambda result: self._answered(executable, result),
                failed=failed,
            )
        except OSError as error:
            reason = error.strerror or str(error)
            self._fail(executable, Failure(f"{shown(executable)} can't be started: {reason}.", "Choose another one."))

    def _answered(self, executable: str, result: dict[str, Any]) -> None:
        assert self._trial is not None
        problem, mend = judge_answer(executable, result)
        if problem:
            self._trial.end()
            self._fail(executable, _unusable(executable, problem, mend), mend)
            return
        client, self._trial = self._trial.release(), None
        own = executable == own_python()
        self._store.set_python_trial(None)
        self._link.adopt(client, None if own else executable, result)
        self._store.python_chosen.emit("" if own else executable)

    def _fail(self, executable: str, failure: Failure, mend: str = "") -> None:
        self._trial = None
        self._store.set_python_trial(PythonTrial(executable, "failed", failure, mend))


class _Asked:
    """One question to a process of its own, whose answer must come in time.

    Parameters
    ----------
    start
        Makes the process; may raise OSError.
    question
        Method and parameters.
    done, failed, progress
        Called on the loop, and not after `end`. The process ends with its answer, unless ``done`` releases it.
    """

    def __init__(
        self,
        loop: Loop,
        start: Callable[[], ProcessClient],
        question: tuple[str, dict[str, Any]],
        seconds: float,
        *,
        done: Callable[[dict[str, Any]], None],
        failed: Callable[[ProcessError], None],
        progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._client: ProcessClient | None = start()
        self.late = False
        self._timer = threading.Timer(seconds, self._overstay)
        self._timer.daemon = True
        self._timer.start()

        def on_loop(call: Callable[[], None], *, last: bool = True) -> None:
            def make() -> None:
                if self._client is not None:
                    call()
                    if last:
                        self.end()

            loop.post(make)

        self._client.request(
            *question,
            done=lambda result, _: on_loop(lambda: done(result)),
            failed=lambda error: on_loop(lambda: failed(error)),
            progress=None if progress is None else lambda row: on_loop(lambda: progress(row), last=False),
        )

    def _overstay(self) -> None:
        client, self.late = self._client, True
        if client is not None:
            client.kill()

    def release(self) -> ProcessClient:
        """Return the process, which goes on."""
        assert self._client is not None
        client, self._client = self._client, None
        self._timer.cancel()
        return client

    def end(self) -> None:
        """End the process; nothing is called any more."""
        if self._client is not None:
            self.release().close()


def current_folder() -> list[str]:
    """Return the current folder, or nothing where it has been deleted."""
    try:
        return [os.getcwd()]
    except OSError:
        return []


def own_python() -> str:
    """Return the Python that Inspector itself runs on; a bundle is none."""
    return "" if getattr(sys, "frozen", False) else sys.executable


def shown(executable: str) -> str:
    """Return a path for a sentence."""
    return clean_name(executable)


def judge_answer(executable: str, versions: dict[str, Any]) -> tuple[str, str]:
    """Return why a Python that has answered can't be used after all, and the command that mends it."""
    python, torch, vision = (str(versions[name]) for name in ("python", "torch", "torchvision"))
    # That the two libraries fit each other has just been seen.
    return judge(Facts(executable, python, torch, vision, requires_torch=">=0", windows=sys.platform == "win32"))


def mend_of(executable: str, error: ProcessError) -> str:
    """Return the command that mends what a Python said when it was run."""
    if error.kind != "MissingLibraryError":
        return ""
    return judge(Facts(executable, "", windows=sys.platform == "win32"))[1]


def _unusable(executable: str, problem: str, mend: str) -> Failure:
    return Failure(f"{shown(executable)} can't be used: {problem}", "" if mend else "Choose another one.")


def _trial_failure(executable: str, error: ProcessError, late: bool) -> Failure:
    if late:
        message = f"{shown(executable)} did not import torch within {TRIAL_SECONDS / 60:.0f} minutes."
        return Failure(message, "Choose another one, or try again.", error.kind)
    if error.kind == "ProcessDied":
        message = f"{shown(executable)} ended without an answer: it is no working Python 3.11 or newer."
        return Failure(message, "Choose another one.", error.kind)
    return Failure(error.message, error.hint, error.kind)


def _rank(row: PythonEnvironment) -> tuple[bool, bool, bool, list[int], str, str]:
    """Order a list: our own first, then what can be used, then what has torch, the newest first."""
    newest = [-int(part) for part in row.torch.partition("+")[0].split(".") if part.isdecimal()]
    return row.kind != "app", not row.usable, not row.torch, newest, row.name.casefold(), row.executable
