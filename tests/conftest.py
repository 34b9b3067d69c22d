"""Fixtures for all tests: isolated settings and home, the shared data where it is at hand, no stray processes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED_DATA = CHECKOUT.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def _isolated_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reads or writes the settings, logs, sockets or desktop of the person who runs it."""
    home = tmp_path_factory.mktemp("home")
    # The name of a socket has room for 107 bytes; pytest's own folders are longer than that.
    runtime = tempfile.mkdtemp(prefix="run-")
    for name, folder in {
        "HOME": home,
        "XDG_CONFIG_HOME": home / "config",
        "XDG_DATA_HOME": home / "data",
        "XDG_STATE_HOME": home / "state",
        "XDG_CACHE_HOME": home / "cache",
        "XDG_RUNTIME_DIR": runtime,
        "INSPECTOR_CONFIG_DIR": home / "inspector-config",
        "INSPECTOR_LOG_DIR": home / "inspector-log",
    }.items():
        monkeypatch.setenv(name, str(folder))
    yield
    shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture
def shared_data() -> Path:
    """The real checkpoints and images beside the checkout; tests that need them skip where they are absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the real checkpoints in ../shared/data")
    return SHARED_DATA


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the screenshots that the tests kept."""
    for path in sorted((CHECKOUT / "artifacts").glob("*.png")):
        terminalreporter.write_line(f"artifact: {path.relative_to(CHECKOUT)}")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own for temporary files, where private copies are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder
