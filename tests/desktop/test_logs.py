from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest
from PySide6.QtCore import qInstallMessageHandler, qWarning

from inspector.desktop import logs


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("INSPECTOR_LOG_DIR", str(tmp_path / "logs"))
    logger = logging.getLogger("inspector")
    level = logger.level
    yield tmp_path / "logs"
    logger.setLevel(level)
    for handler in [h for h in logger.handlers if isinstance(h, RotatingFileHandler)]:
        logger.removeHandler(handler)
        handler.close()


def test_log_goes_to_one_file_that_stays_small(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_LOG_BYTES", 2000)
    # pytest keeps what is logged for its report, and can't send a lone surrogate from one process to another
    monkeypatch.setattr(logging.getLogger("inspector"), "propagate", False)
    assert logs.start_logging() == folder / "inspector.log"
    assert logs.start_logging() == folder / "inspector.log"
    logger = logging.getLogger("inspector.somewhere")
    logger.info("a name that is no text: \udcff")
    assert (folder / "inspector.log").read_text(encoding="utf-8").count("\\udcff") == 1
    for number in range(200):
        logger.info("line %d", number)
    files = sorted(folder.iterdir())
    assert len(files) == 1 + logs._LOG_FILES
    assert all(file.stat().st_size <= 2000 for file in files)
    assert "line 199" in files[0].read_text(encoding="utf-8")


def test_unwritable_folder_is_no_error(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.write_text("a file, not a folder")
    assert logs.start_logging() is None
    logs.enable_crash_file()
    assert logs.last_crash() is None
    assert "There is no log file" in caplog.text
    assert "There is no crash file" in caplog.text


def test_qt_messages_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    before = qInstallMessageHandler(None)
    try:
        logs.install_qt_message_handler()
        with caplog.at_level(logging.DEBUG, "inspector.qt"):
            qWarning("the roof leaks")
    finally:
        qInstallMessageHandler(before)
    assert caplog.record_tuples == [("inspector.qt", logging.WARNING, "default: the roof leaks")]


def _run(code: str) -> int:
    return subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True).returncode


def test_crash_is_found_by_the_next_start(folder: Path) -> None:
    assert logs.last_crash() is None
    code = "from inspector.desktop import logs; logs.enable_crash_file(); import os; os.abort()"
    assert _run(code) != 0
    crash = logs.last_crash()
    assert crash == folder / "crash.log"
    assert "Fatal Python error: Aborted" in crash.read_text(encoding="utf-8")
    logs.forget_crash()
    assert logs.last_crash() is None


def test_a_run_that_ends_normally_leaves_no_crash(folder: Path) -> None:
    code = (
        "from inspector.desktop import logs; logs.enable_crash_file(); import faulthandler;"
        "faulthandler.dump_traceback(logs._crash_file.file)"
    )
    assert _run(code) == 0
    assert (folder / "crash.log").exists()
    assert logs.last_crash() is None


def test_a_normal_run_keeps_the_crash_before_it(folder: Path) -> None:
    folder.mkdir()
    (folder / "crash.log").write_text("an earlier crash")
    assert _run("from inspector.desktop import logs; logs.enable_crash_file()") == 0
    assert (folder / "crash.log").read_text() == "an earlier crash"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ('File "/home/ada/x.py"', 'File "~/x.py"'),
        ("in '/home/ada'", "in '~'"),
        ("/home/ada2/x and /home/ada.old", "/home/ada2/x and /home/ada.old"),
        ("/mnt/home/ada-1", "/mnt/home/ada-1"),
    ],
)
def test_home_is_shortened(text: str, short: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ada"))
    assert logs.shorten_home(text) == short


def test_home_of_a_container_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/"))
    assert logs.shorten_home("/usr/lib") == "/usr/lib"


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    # Put back at the end by monkeypatch, whatever is installed in between.
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)


def _fail(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        raise error
    sys.excepthook(caught.type, caught.value, caught.tb)


@pytest.mark.usefixtures("hooks")
def test_unexpected_error_is_logged_and_reported(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path(__file__).parent)
    reports: list[str] = []
    logs.install_excepthook(reports.append)
    _fail(ValueError("the sky fell"))
    (report,) = reports
    assert report.startswith("Inspector ")
    assert report.endswith("ValueError: the sky fell")
    assert 'File "~' in report
    assert str(Path(__file__).parent) not in report
    assert "the sky fell" in caplog.text


@pytest.mark.usefixtures("hooks")
def test_error_in_a_thread_is_reported() -> None:
    reports: list[str] = []
    logs.install_excepthook(reports.append)
    thread = threading.Thread(target=lambda: 1 // 0)
    thread.start()
    thread.join()
    assert "ZeroDivisionError" in reports[0]


@pytest.mark.usefixtures("hooks")
def test_an_error_while_one_is_shown_does_not_nest() -> None:
    reports: list[str] = []

    def show(report: str) -> None:
        reports.append(report)
        _fail(ValueError("inside"))

    logs.install_excepthook(show)
    _fail(ValueError("outside"))
    _fail(ValueError("later"))
    assert [report.rpartition(" ")[2] for report in reports] == ["outside", "later"]


@pytest.mark.usefixtures("hooks")
def test_interrupt_is_not_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    reports: list[str] = []
    logs.install_excepthook(reports.append)
    _fail(KeyboardInterrupt())
    assert reports == []
    assert "KeyboardInterrupt" in capsys.readouterr().err
