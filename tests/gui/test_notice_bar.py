"""The notice bar: what is over goes by itself, what is wrong stays."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt

from inspector.gui import notice_bar
from inspector.gui.main_window import MainWindow
from inspector.gui.notice_bar import NoticeBar
from inspector.session.store import Notice


@pytest.fixture
def bar(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> NoticeBar:
    monkeypatch.setattr(notice_bar, "_STAYS", dict.fromkeys(notice_bar._STAYS, 30))
    made = NoticeBar()
    qtbot.addWidget(made)
    return made


@pytest.mark.parametrize("level", ["info", "warning"])
def test_a_notice_goes_by_itself(bar: NoticeBar, qtbot: Any, level: Any) -> None:
    bar.show_notice(Notice("The engine stopped.", level))
    assert not bar.isHidden()
    qtbot.waitUntil(bar.isHidden)


def test_an_error_stays_also_after_an_information(bar: NoticeBar, qtbot: Any) -> None:
    bar.show_notice(Notice("Done."))
    bar.show_notice(Notice("There is no file a.pth.", "error"))
    with qtbot.waitSignal(bar._timer.timeout, timeout=150, raising=False) as told:
        pass
    assert not told.signal_triggered
    assert not bar.isHidden()


def test_the_cpu_is_offered_only_where_it_helps_and_used_once_the_person_agrees(
    window: MainWindow, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    restarted: list[str] = []
    monkeypatch.setattr(window.session.engine, "restart", lambda: restarted.append(window.store.engine.device))
    window.store.notice("It can't be read.", "error")
    assert window.notice.isVisible()
    assert window.notice.use_cpu.isHidden()
    window.store.notice("The GPU stopped working.", "error", "use_cpu")
    assert window.notice.use_cpu.isVisible()
    assert restarted == []
    qtbot.mouseClick(window.notice.use_cpu, Qt.MouseButton.LeftButton)
    assert restarted == ["cpu"]
    assert window.notice.isHidden()


def test_what_can_be_done_about_it_stays_and_is_a_button(bar: NoticeBar, qtbot: Any) -> None:
    bar.show_notice(Notice("The engine gives no answer.", "warning", "restart_engine"))
    assert not bar._timer.isActive()
    assert bar.use_cpu.isHidden()
    with qtbot.waitSignal(bar.restart_requested):
        bar.restart.click()
    assert bar.isHidden()
    bar.show_notice(Notice("Done."))
    assert bar.restart.isHidden()
