"""The page of a file that is being read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inspector.gui.reading_page import ReadingPage
from inspector.session.state import OpenCheckpoint


def test_a_long_name_makes_the_page_no_wider(qtbot: Any) -> None:
    page = ReadingPage()
    qtbot.addWidget(page)
    short = page.minimumSizeHint().width()
    page.show_checkpoint(OpenCheckpoint(1, Path("/tmp", 200 * "a" + ".pth")))
    page._set_shown(True)
    assert page.minimumSizeHint().width() <= max(short, 500)
