"""What the window needs before its first paint: nothing else is imported or made before it."""

from __future__ import annotations

import subprocess
import sys

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from inspector.desktop.settings import SettingsStore
from inspector.gui import theme
from inspector.gui.start import make_window

#: What the person may ask for later.
_LATER = "copying converting explaining exporting images looking official reloading side_by_side thumbnails watching"

_PAINT = """
import sys
from inspector.desktop.settings import SettingsStore
from inspector.gui import theme
from inspector.gui.start import make_window

app = theme.make_application("inspector")
print(app.style().name())
theme.apply(app, "light")
window = make_window(SettingsStore())
window.show()
app.processEvents()
print(*sorted(sys.modules))
window.close()
"""


def test_parts_of_the_session_are_imported_at_their_first_use() -> None:
    done = subprocess.run([sys.executable, "-c", _PAINT], capture_output=True, text=True, check=True, timeout=60)
    style, painted = done.stdout.splitlines()
    loaded = set(painted.split())
    assert "inspector.session.parts" in loaded
    assert not loaded & {f"inspector.session.{name}" for name in _LATER.split()}
    assert style == "fusion"


def test_a_window_that_is_closed_starts_no_process_any_more(qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    window = make_window(SettingsStore())
    window.show()
    qtbot.waitExposed(window)
    window.close()
    for step in (window.session.prepare_to_draw, window.session.prepare_views, window.session.survey_what_is_shown):
        step()
    qtbot.waitUntil(lambda: window.is_furnished and window.ahead.is_done, timeout=30_000)
    assert window.session._worker._client is None
    assert not window.session._is_made("weights")
    assert not window.session._is_made("surveying")
    window.deleteLater()
