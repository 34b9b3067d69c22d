"""How a comparison of two files begins: offered when a second one is opened, by command, by a tab's menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QMenu

from inspector.gui import icons
from inspector.session.state import OpenCheckpoint

if TYPE_CHECKING:
    from inspector.gui.main_window import MainWindow

_LONGEST_NAME = 40


class ComparingFiles(QObject):
    """Begins comparisons for a window, and turns to them."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._waiting: int | None = None  # the checkpoint that the next file is compared with
        self._was_running = False
        window.store.checkpoint_comparison_changed.connect(self._follow)
        window.store.checkpoints_changed.connect(lambda: window.notice.keep_offer_for(window.store.checkpoints))
        window.notice.compare_requested.connect(self.compare)
        window.tabs.menu_requested.connect(lambda number, place: self.menu_of(number).popup(place))

    def compare(self, a: int, b: int) -> None:
        """Compare two open checkpoints, and turn to that."""
        if {a, b} <= self._window.store.checkpoints.keys():
            self._window.session.differing.compare(a, b)
            self._window.centre.turn_to("comparison")

    def compare_shown(self) -> None:
        """Compare the shown checkpoint with another that is open, or with one that is asked for."""
        from inspector.session.comparison_offer import latest_other

        current = self._window.session.current
        if current is None or current.summary is None:
            return
        other = latest_other(self._window.store, current.id)
        if other is None:
            self.ask_for_other()
        else:
            # the one that was opened first is A
            self.compare(*sorted((other.id, current.id)))

    def ask_for_other(self) -> None:
        """Show the open dialog; what is chosen is compared with the shown checkpoint."""
        current = self._window.session.current
        before = set(self._window.store.checkpoints)
        self._window.commands.ask_for_files()
        opened = [number for number in self._window.store.checkpoints if number not in before]
        self._waiting = current.id if current is not None and opened else None

    def opened(self, found: OpenCheckpoint) -> None:
        """Compare a checkpoint that was just read with the one that waits for it, or offer that."""
        from inspector.session.comparison_offer import comparable

        waiting, self._waiting = self._waiting, None
        if waiting is not None and waiting in self._window.store.checkpoints:
            self.compare(waiting, found.id)
            return
        other = comparable(self._window.store, found.id)
        if other is not None:
            self._window.store.offer_comparison(
                f"{found.name} looks like the same model as {other.name}.",
                f"Compare it with {_short(other.name)}",
                (other.id, found.id),
            )

    def menu_of(self, number: int) -> QMenu:
        """Return what can be done with the file of a tab; the menu deletes itself when it closes."""
        window, store = self._window, self._window.store
        menu = QMenu(window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        this = store.checkpoints.get(number)
        if this is not None and this.summary is not None:
            for other in store.checkpoints.values():
                if other.id != number and other.summary is not None:
                    text = f"Compare with {_short(other.name)}".replace("&", "&&")
                    menu.addAction(
                        icons.icon("compare"), text, lambda pair=(other.id, number): self.compare(*sorted(pair))
                    )
            menu.addAction(icons.icon("open"), "Compare with another file…", lambda: self._ask_from(number))
            menu.addSeparator()
        menu.addAction(icons.icon("close"), "Close", lambda: window.close_checkpoint(number))
        return menu

    def _ask_from(self, number: int) -> None:
        self._window.session.show(number)
        self.ask_for_other()

    def _follow(self) -> None:
        """Offer the view of the comparison as soon as there is one, and no longer than that."""
        window, found = self._window, self._window.store.checkpoint_comparison
        if (found is not None) != ("comparison" in window.centre.offered):
            window.show_current()
        if found is not None:
            window.notice.withdraw_offer((found.a, found.b))
        is_running = found is not None and found.phase == "running"
        if is_running != self._was_running:
            self._was_running = is_running
            window.commands.enable()


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 16]}…{name[-15:]}"
