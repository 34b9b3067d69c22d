"""The lock goes to whoever waited longest, also where the last one asks again at once."""

from __future__ import annotations

import threading

from inspector.processes.roles.turns import Turns


def test_who_asks_again_at_once_waits_behind_who_waited() -> None:
    turns, order = Turns(), list[str]()

    def other() -> None:
        with turns:
            order.append("other")

    thread = threading.Thread(target=other, daemon=True)
    with turns:
        thread.start()
        while not turns.waiting:
            assert thread.is_alive()
    with turns:
        order.append("again")
    thread.join(30)
    assert order == ["other", "again"]


def test_only_one_is_in_at_a_time_and_an_error_lets_go() -> None:
    turns, inside, most = Turns(), 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(200):
            try:
                with turns:
                    inside += 1
                    most = max(most, inside)
                    inside -= 1
                    raise KeyError
            except KeyError:
                pass

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (most, inside, turns.waiting) == (1, 0, 0)
