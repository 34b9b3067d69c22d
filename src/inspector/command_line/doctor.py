"""``inspector doctor``: versions, processes, the engine, devices, and how to mend what is missing."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from inspector import __version__
from inspector.command_line.arguments import Parser
from inspector.command_line.output import Page, Update, print_json, progress
from inspector.command_line.processes import Processes, engine_python
from inspector.desktop import associations
from inspector.desktop.logs import log_folder
from inspector.desktop.settings import config_folder
from inspector.errors import InspectorError
from inspector.pythons import Surroundings, describe
from inspector.session import words
from inspector.session.pythons import own_python
from inspector.shipped import shipped_path

DESCRIPTION = "Check the installation, the engine and the devices, and say how to mend what is missing."

#: The distributions that the window, the reader, the worker and the command line need.
_LIBRARIES = ("PySide6-Essentials", "numpy", "ml_dtypes", "pillow", "platformdirs", "rich")

#: Who chose the engine's Python, in words.
_CHOSEN = {"default": "", "option": " (by --python)", "settings": " (chosen in Settings)"}

#: A check that takes longer has failed; a cold import of torch from a slow disk takes a minute.
_SECONDS = 180.0

#: Asked in a process of its own: without a usable display Qt ends the process that asks.
_QT_PROBE = """\
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except ImportError:
    pass
from PySide6.QtGui import QGuiApplication
sys.stdout.write(QGuiApplication([]).platformName())
"""


def add_arguments(parser: Parser) -> None:
    """Add the verb's arguments."""
    parser.add_python()
    parser.add_json()


def run(arguments: argparse.Namespace) -> int:
    """Check everything and print it; 4 where the engine can't run."""
    with progress("Checking") as update:
        report = examine(arguments.python, update)
    if arguments.json:
        print_json(report)
    else:
        _print_page(report)
    processes = (report[name]["error"] for name in ("reader", "worker", "engine"))
    return 4 if any(error is not None for error in processes) else 0


def examine(python: str | None, update: Update) -> dict[str, Any]:
    """Return everything that is known of this installation, as the JSON document.

    Parameters
    ----------
    python
        The Python to try as the engine's; the person's setting where None.
    """
    chosen = engine_python(python)
    report: dict[str, Any] = {
        "inspector": __version__,
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "platform": platform.platform(),
        "libraries": [{"name": name, "version": _version(name)} for name in _LIBRARIES],
    }
    update(None, "Checking Qt")
    report["qt"] = _qt()
    with Processes(_SECONDS) as processes:
        update(None, "Checking the reader and the worker")
        report["reader"] = _round_trip(lambda: processes.read(str(shipped_path("demo/digits.pth"))))
        report["worker"] = _round_trip(lambda: processes.ask_worker("catalogue", {}, []))
        update(None, "Checking the engine, which imports torch")
        report["engine"] = {"chosen_by": _chooser(python, chosen), **_engine(processes, chosen)}
    report["desktop"] = {"associations": associations.is_installed()}
    report["folders"] = {"config": str(config_folder()), "log": str(log_folder())}
    report["problems"] = _problems(report)
    report["ok"] = not report["problems"]
    return report


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _qt() -> dict[str, Any]:
    """Ask Qt for its platform, where there is a display to be had at all."""
    found: dict[str, Any] = {"version": _version("PySide6-Essentials"), "platform": None, "error": None}
    shown = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in shown):
        return found | {"error": "There is no display here."}
    try:
        probe = subprocess.run(
            [sys.executable, "-P", "-c", _QT_PROBE], capture_output=True, text=True, errors="replace", timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        return found | {"error": f"Qt could not be started: {error}."}
    if probe.returncode == 0:
        return found | {"platform": probe.stdout.strip()}
    lines = [line.strip() for line in probe.stderr.splitlines() if line.strip()]
    return found | {"error": lines[0][:300] if lines else f"Qt ended with code {probe.returncode}."}


def _round_trip(ask: Callable[[], object]) -> dict[str, Any]:
    """Ask a process; return the milliseconds from its start to its answer, or the error."""
    started = time.perf_counter()
    try:
        ask()
    except InspectorError as error:
        return {"milliseconds": None, "error": error.message, "hint": error.hint}
    except OSError as error:
        return {"milliseconds": None, "error": str(error), "hint": ""}
    return {"milliseconds": round((time.perf_counter() - started) * 1_000, 1), "error": None, "hint": ""}


def _engine(processes: Processes, python: str | None) -> dict[str, Any]:
    """Ask the engine for its versions and devices, unless its Python's files tell that it can't run there."""
    answer: dict[str, Any] = {"python": None, "torch": None, "torchvision": None, "cuda": None, "devices": []}
    if python is not None and os.path.isabs(python):
        known = describe(python, Surroundings.here(own=own_python()))
        if known.problem:
            told = {"python": known.python or None, "torch": known.torch or None}
            told["torchvision"] = known.torchvision or None
            hint = known.mend or "Choose another Python in Settings, or with --python."
            failure = {"milliseconds": None, "error": known.problem, "hint": hint}
            return {"executable": python, **answer, **told, **failure}
    trip = _round_trip(lambda: answer.update(processes.ask_engine(python, "versions", {})))
    executable = python or sys.executable
    if trip["error"] is not None and shutil.which(executable) is not None:
        trip["hint"] = f'"{executable}" -m pip install torch torchvision'
    return {"executable": executable, **answer, **trip}


def _chooser(given: str | None, chosen: str | None) -> str:
    """Return who chose the engine's Python: the ``"option"``, the ``"settings"``, or nobody (``"default"``)."""
    return "option" if given else "settings" if chosen else "default"


def _problems(report: dict[str, Any]) -> list[dict[str, str]]:
    """Return what is wrong, each with the command or the step that mends it."""
    python, engine = f'"{sys.executable}"', report["engine"]
    found = [
        (f"{row['name']} is missing.", f"{python} -m pip install {row['name']}")
        for row in report["libraries"]
        if row["version"] is None
    ]
    if report["qt"]["version"] is not None and report["qt"]["error"] is not None:
        found.append(
            (
                f"The window can't open: {report['qt']['error']}",
                "Start it in a desktop session. All verbs of the command line work without.",
            )
        )
    again = f"Install Inspector again: {python} -m pip install --force-reinstall inspector-pth"
    found += [
        (f"The {role} fails: {report[role]['error']}", again) for role in ("reader", "worker") if report[role]["error"]
    ]
    if engine["error"] is not None:
        found.append((f"The engine can't run: {engine['error']}", engine["hint"]))
    return [{"what": what, "mend": mend} for what, mend in found]


def _print_page(report: dict[str, Any]) -> None:
    page = Page()
    problems = report["problems"]
    title = "Everything works." if not problems else f"{words.plural(len(problems), 'problem')} found."
    page.line(title, "bold green" if not problems else "bold yellow")
    for problem in problems:
        page.line(problem["what"], "yellow")
        page.line(f"  Mend it: {problem['mend']}")
    page.line()
    page.table(("", ""), _rows(report))


def _rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    engine, qt = report["engine"], report["qt"]
    return [
        ("Inspector", report["inspector"]),
        ("Python", f"{report['python']['version']}, {report['python']['executable']}"),
        ("System", report["platform"]),
        ("Qt", f"{qt['version'] or 'missing'}, {qt['platform'] or qt['error']}"),
        *((row["name"], row["version"] or "missing") for row in report["libraries"][1:]),
        *((role.capitalize(), _trip_text(report[role])) for role in ("reader", "worker", "engine")),
        ("Engine's Python", f"{engine['python'] or 'unknown'}, {engine['executable']}{_CHOSEN[engine['chosen_by']]}"),
        ("torch", engine["torch"] or "unknown"),
        ("torchvision", engine["torchvision"] or "unknown"),
        ("CUDA", engine["cuda"] or ("unknown" if engine["error"] else "not in this build of torch")),
        *((device["name"], device["description"]) for device in engine["devices"]),
        (
            "Double-click",
            "installed" if report["desktop"]["associations"] else "not installed: inspector desktop install",
        ),
        ("Settings", report["folders"]["config"]),
        ("Log", report["folders"]["log"]),
    ]


def _trip_text(trip: dict[str, Any]) -> str:
    return f"answers in {words.duration(trip['milliseconds'])}" if trip["error"] is None else "fails"
