"""Starting the window: the shortest way to something painted, everything else afterwards."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

from PySide6.QtCore import QTimer

from inspector.checkpoint.text import clean_name
from inspector.desktop.caches import survey_folder
from inspector.desktop.settings import SettingsStore
from inspector.gui import icons, theme
from inspector.gui.announce import announce
from inspector.gui.main_window import MainWindow
from inspector.gui.qt_loop import QtLoop
from inspector.processes.client import ProcessClient
from inspector.session import Session

_log = logging.getLogger(__name__)

#: The name of our .desktop file: Wayland shows the window's icon by it.
DESKTOP_FILE = "io.github.inspector_pth.Inspector"

#: Milliseconds after the first paint before torch is imported: the file that is being opened goes first.
_ENGINE_DELAY = 400


def make_window(settings: SettingsStore, reader: ProcessClient | None = None) -> MainWindow:
    """Make the window and its session; `QApplication` must exist and have its theme."""
    loop = QtLoop(hold_idle=True)
    kept = settings.settings
    python = kept.engine_python
    gone = python is not None and not (os.path.isabs(python) and os.path.isfile(python))
    usable = None if gone else python
    session = Session(
        loop,
        device=kept.device,
        engine_python=usable,
        reader=reader,
        trust_memory=settings,
        survey_cache=str(survey_folder()),
    )
    window = MainWindow(session, settings)
    loop.setParent(window)
    window.furnished.connect(loop.release_idle)
    if gone:  # it stays in the settings: its disk may only not be there today
        text = f"The Python chosen for predictions is gone: {clean_name(python)}. Inspector's own is used instead."
        notice = f"{text} Choose another one in Settings (Ctrl+,)."
        window.furnished.connect(lambda: session.store.notice(notice, "warning"))
    return window


def run_window(paths: list[str], *, demo: bool, reader: ProcessClient | None) -> int:
    """Show the window and run until it is closed; return the exit code."""
    app = theme.make_application(sys.argv[0])
    app.setApplicationName("Inspector")
    app.setDesktopFileName(DESKTOP_FILE)
    app.setWindowIcon(icons.app_icon())
    settings = SettingsStore()
    theme.apply(app, settings.settings.theme)
    app.styleHints().colorSchemeChanged.connect(lambda _: theme.apply(app, settings.settings.theme))
    window = make_window(settings, reader)
    announce(window)
    if demo:
        window.commands.open_demo()
    window.open_paths(map(Path, paths))
    window.show()
    # What nobody waits for comes after the first paint: of the tree, or of a window with nothing open.
    window.furnished.connect(lambda: _after_paint(window))
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C in the terminal ends the window; its children follow
    return app.exec()


def _after_paint(window: MainWindow) -> None:
    """Do what nobody waits for: logs, crash file, the socket for a second start, the engine."""
    from inspector.desktop import logs

    logs.start_logging()
    logs.install_qt_message_handler()
    _offer_last_crash(window)
    logs.enable_crash_file()
    loop = QtLoop(window)
    logs.install_excepthook(lambda report: _show_report(loop, window, report))
    _listen(window)
    window.session.warm_up(engine=False)
    QTimer.singleShot(_ENGINE_DELAY, window, lambda: window.session.warm_up(engine=True))


def _listen(window: MainWindow) -> None:
    from inspector.desktop.instance_server import InstanceServer

    server = InstanceServer(window)

    def take(files: list[str]) -> None:
        window.open_paths(map(Path, files))
        window.setWindowState(window.windowState() & ~window.windowState().WindowMinimized)
        window.raise_()
        window.activateWindow()

    server.files_received.connect(take)
    server.listen()


def _offer_last_crash(window: MainWindow) -> None:
    from inspector.desktop import logs

    crash = logs.last_crash()
    if crash is None:
        return
    text = crash.read_text(encoding="utf-8", errors="replace")
    logs.forget_crash()
    _dialog(window, "Inspector ended unexpectedly the last time.", text)


def _show_report(loop: QtLoop, window: MainWindow, report: str) -> None:
    """Show an unexpected error; called on any thread."""
    text = "Inspector made a mistake. It goes on running; what you did last may not have worked."
    loop.post(lambda: _dialog(window, text, report))


def _dialog(window: MainWindow, text: str, details: str) -> None:
    from PySide6.QtWidgets import QMessageBox

    box = QMessageBox(QMessageBox.Icon.Warning, "Inspector", text, QMessageBox.StandardButton.Close, window)
    box.setInformativeText("The report below holds no contents of your files. Copy it to report the problem.")
    box.setDetailedText(details)
    box.open()
