"""The way to the window: hand the files to one that is open already, or start the reader and then Qt."""

from __future__ import annotations

import os
from importlib import import_module

from inspector.desktop.single_instance import send_to_running
from inspector.processes.client import ProcessClient


def run(files: list[str], *, demo: bool = False) -> int:
    """Open the window on files, or hand them to the window that is open already; return the exit code."""
    paths = [os.path.abspath(name) for name in files]
    if not demo and send_to_running(paths):
        return 0
    # The reader starts while Qt is imported: on two cores the file is read by the time the window can paint.
    reader = ProcessClient("reader") if paths or demo else None
    # Before Qt: of every module that is imported after it, PySide reads the source to see whether it uses Qt.
    import_module("inspector.session")
    from inspector.gui.start import run_window

    return run_window(paths, demo=demo, reader=reader)
