"""The log file, Qt's messages in it, the crash file, and reports of unexpected errors.

Everything lies in one folder of the person's own and leaves the machine only by the person's hand.
Qt is imported by `install_qt_message_handler` alone.
"""

from __future__ import annotations

import atexit
import faulthandler
import logging
import os
import platform
import re
import sys
import threading
import traceback
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

import platformdirs

from inspector import __version__

if TYPE_CHECKING:
    from PySide6.QtCore import QMessageLogContext, QtMsgType

_log = logging.getLogger(__name__)

_LOG_BYTES = 512 * 1024
_LOG_FILES = 3
_SLASHES = "\\/"


def log_folder() -> Path:
    """Return the folder of the log and the crash file; ``INSPECTOR_LOG_DIR`` wins. It may not exist."""
    override = os.environ.get("INSPECTOR_LOG_DIR")
    return Path(override or platformdirs.user_log_dir("Inspector", appauthor=False))


def start_logging(level: int = logging.INFO) -> Path | None:
    """Send the log of Inspector's own modules to a file that is renewed before it grows large.

    Returns
    -------
    Path or None
        The log file; None where the folder can't be written: the app then runs without a log file.
    """
    logger = logging.getLogger("inspector")
    logger.setLevel(level)
    path = log_folder() / "inspector.log"
    if any(isinstance(handler, RotatingFileHandler) for handler in logger.handlers):
        return path
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8")
    except OSError as error:
        logger.warning("There is no log file: %s can't be written (%s).", path, error.strerror)
        return None
    # File names may hold what UTF-8 can't: a log line must not fail on them.
    handler.setFormatter(_PlainFormatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    return path


class _PlainFormatter(logging.Formatter):
    """One record as text that any file takes: lone surrogates are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).encode("utf-8", "backslashreplace").decode("utf-8")


def install_qt_message_handler() -> None:
    """Send Qt's own messages to the log ``inspector.qt`` instead of stderr."""
    from PySide6.QtCore import QtMsgType, qInstallMessageHandler

    levels = {
        QtMsgType.QtDebugMsg: logging.DEBUG,
        QtMsgType.QtInfoMsg: logging.INFO,
        QtMsgType.QtWarningMsg: logging.WARNING,
        QtMsgType.QtCriticalMsg: logging.ERROR,
        QtMsgType.QtFatalMsg: logging.CRITICAL,
    }
    logger = logging.getLogger("inspector.qt")

    def handle(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        logger.log(levels.get(kind, logging.WARNING), "%s: %s", context.category or "default", message)

    qInstallMessageHandler(handle)


class _CrashFile:
    """The open crash file of this process, and how long it was when the process began."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: TextIO = path.open("a", encoding="utf-8")
        self.length = path.stat().st_size


_crash_file: _CrashFile | None = None


def _crash_path() -> Path:
    return log_folder() / "crash.log"


def enable_crash_file() -> None:
    """Let a crash of the interpreter (a fault in native code) leave its stack in the crash file.

    A folder that can't be written is logged, and the app runs without.
    """
    global _crash_file
    if _crash_file is not None:
        return
    path = _crash_path()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        crash_file = _CrashFile(path)
    except OSError as error:
        _log.warning("There is no crash file: %s can't be written (%s).", path, error.strerror)
        return
    # Appended to, so that two windows on two displays can share it.
    faulthandler.enable(file=crash_file.file, all_threads=True)
    atexit.register(disable_crash_file)
    _crash_file = crash_file


def disable_crash_file() -> None:
    """End what `enable_crash_file` began. A run that comes this far did not crash: its notes are taken back.

    (Windows reports handled exceptions of COM as faults, while nothing is wrong.)
    """
    global _crash_file
    if _crash_file is None:
        return
    faulthandler.disable()
    crash_file, _crash_file = _crash_file, None
    crash_file.file.close()
    try:
        os.truncate(crash_file.path, min(crash_file.length, crash_file.path.stat().st_size))
    except OSError as error:
        _log.warning("The crash file %s can't be cleared: %s", crash_file.path, error.strerror)
    atexit.unregister(disable_crash_file)


def last_crash() -> Path | None:
    """Return the file that an earlier crash left, which this start should offer to show, or None."""
    path = _crash_path()
    try:
        return path if path.stat().st_size > 0 else None
    except OSError:
        return None


def forget_crash() -> None:
    """Empty the crash file, once the person has seen it or does not want to."""
    try:
        os.truncate(_crash_path(), 0)
    except FileNotFoundError:
        return
    except OSError as error:
        _log.warning("The crash file can't be cleared: %s", error.strerror)
    if _crash_file is not None:
        _crash_file.length = 0


def shorten_home(text: str) -> str:
    """Replace the person's home folder in `text` by ``~``, so that a report doesn't carry their name."""
    homes = {str(Path.home()), os.path.realpath(Path.home())}
    homes |= {home.replace("\\", "\\\\") for home in homes} | {home.replace("\\", "/") for home in homes}
    for home in sorted(homes, key=len, reverse=True):
        # A home of "/" (in some containers) is nobody's name, and would swallow every path.
        bare = home.rstrip(_SLASHES)
        if len(bare) > 2:
            text = re.sub(rf"(?<![\w.-]){re.escape(bare)}(?![\w.-])", "~", text)
    return text


def error_report(error: BaseException) -> str:
    """Return what a person can copy into a bug report: versions and the traceback, home paths shortened."""
    qt = sys.modules.get("PySide6")
    lines = [
        f"Inspector {__version__}, Python {platform.python_version()}, {platform.platform()}",
        *([f"PySide6 {getattr(qt, '__version__', 'unknown')}"] if qt else []),
        "",
        *traceback.format_exception(error),
    ]
    return shorten_home("\n".join(line.rstrip("\n") for line in lines))


def install_excepthook(callback: Callable[[str], None]) -> None:
    """Log every exception that nobody caught, in any thread, and hand its report to `callback`.

    Parameters
    ----------
    callback
        Gets the text of `error_report`. It is called in the thread that failed: a window passes it on to its
        own thread by a signal. While it runs, further errors of that thread are logged only.
    """
    busy = threading.local()

    def report(error: BaseException) -> None:
        _log.error("An unexpected error", exc_info=(type(error), error, error.__traceback__))
        if getattr(busy, "now", False):
            return
        busy.now = True
        try:
            callback(error_report(error))
        finally:
            busy.now = False

    def on_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, Exception):
            report(error)
        else:
            sys.__excepthook__(kind, error, trace)

    def on_thread_exception(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and isinstance(arguments.exc_value, Exception):
            report(arguments.exc_value)

    sys.excepthook = on_exception
    threading.excepthook = on_thread_exception
