"""The adapter between the session's loop and Qt's: nothing that waits there holds up what is seen."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

from PySide6.QtCore import QTimer

from inspector.gui.qt_loop import QtLoop


def test_a_chain_of_turns_lets_the_timers_in_between(qtbot: Any) -> None:
    loop, order = QtLoop(), list[str]()
    timer = QTimer(interval=0)
    timer.timeout.connect(lambda: order.append("timer"))
    timer.start()

    def step(number: int) -> None:
        order.append(f"step {number}")
        if number < 5:
            loop.post_turn(lambda: step(number + 1))

    loop.post_turn(lambda: step(0))
    qtbot.waitUntil(lambda: "step 5" in order)
    steps = [place for place, found in enumerate(order) if found.startswith("step")]
    assert all("timer" in order[a:b] for a, b in pairwise(steps))


def test_idle_calls_come_one_by_one_in_their_order_and_a_failing_one_stops_none(qtbot: Any) -> None:
    loop, order = QtLoop(hold_idle=True), list[str]()

    def call(name: str) -> None:
        order.append(name)
        QTimer.singleShot(0, lambda: order.append("painted"))

    def fail() -> None:
        raise IndexError

    for name in "abc":
        loop.post_idle(partial(call, name))
    qtbot.wait(0)
    assert order == []
    loop.release_idle()
    qtbot.waitUntil(lambda: len(order) == 6)
    assert order == ["a", "painted", "b", "painted", "c", "painted"]
    with qtbot.captureExceptions() as caught:
        loop.post_idle(fail)
        loop.post_idle(lambda: order.append("d"))
        qtbot.waitUntil(lambda: order[-1] == "d")
    assert [kind for kind, _, _ in caught] == [IndexError]


def test_nothing_is_called_after_the_end(qtbot: Any) -> None:
    loop, order = QtLoop(), list[str]()
    loop.post(lambda: order.append("posted"))
    loop.post_turn(lambda: order.append("turn"))
    loop.post_idle(lambda: order.append("idle"))
    loop.close()
    loop.post(lambda: order.append("late"))
    with qtbot.waitSignal(QTimer(loop, singleShot=True, interval=100).timeout, raising=False, timeout=100):
        pass
    assert order == []
    loop.deleteLater()
    qtbot.waitSignal(loop.destroyed).wait()
    loop.post(lambda: order.append("gone"))
    assert order == []
