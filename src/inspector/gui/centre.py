"""The window's centre: pages of which one is shown, and a slim switch between those that are views of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from inspector.gui.segmented import Segmented


class _Pages(QStackedWidget):
    """Asks for the room of the page that is shown: a hidden one must not make the window higher than the screen."""

    def __init__(self) -> None:
        super().__init__()
        self.currentChanged.connect(self.updateGeometry)

    def minimumSizeHint(self) -> QSize:
        """Return what the page that is shown needs at least."""
        page = self.currentWidget()
        return page.minimumSizeHint().expandedTo(page.minimumSize()) if page is not None else QSize(0, 0)


class Centre(QWidget):
    """Pages by name, each built at its first use.

    Attributes
    ----------
    view
        The view that the person chose last; it is shown whenever it is offered.

    Signals
    -------
    turned
        Another view was chosen: its name.
    """

    turned = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = ""
        self.pages = _Pages()
        self.switch = Segmented("What is shown in the middle")
        self.switch.chosen.connect(self.turn_to)
        self._makers: dict[str, Callable[[], QWidget]] = {}
        self._built: dict[str, QWidget] = {}
        self._bar = QWidget()
        row = QHBoxLayout(self._bar)
        row.setContentsMargins(16, 8, 16, 0)
        row.addWidget(self.switch, 0, Qt.AlignmentFlag.AlignHCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._bar)
        column.addWidget(self.pages, 1)
        self._bar.hide()

    def add_page(self, name: str, make: Callable[[], QWidget]) -> None:
        """Add a page that the window shows by itself."""
        self._makers[name] = make

    def add_view(self, name: str, text: str, tip: str, make: Callable[[], QWidget]) -> None:
        """Add a page that the person turns to by the switch; the first one is shown at first."""
        self.add_page(name, make)
        self.switch.add(name, text, tip)
        self.view = self.view or name

    def page(self, name: str) -> QWidget:
        """Return a page, built now where it is not yet."""
        if name not in self._built:
            self._built[name] = made = self._makers[name]()
            self.pages.addWidget(made)
        return self._built[name]

    def is_built(self, name: str) -> bool:
        """Whether a page has been used."""
        return name in self._built

    @property
    def offered(self) -> list[str]:
        """The views that can be turned to now, in the order of the switch."""
        return self.switch.shown

    def set_offered(self, names: Iterable[str]) -> None:
        """Offer these views alone; one that is shown and no longer offered makes room for the first.

        The switch stands where there is more than one to choose from.
        """
        self.switch.set_shown(names)
        if self.current in self.switch.buttons:
            self.show_view()

    @property
    def current(self) -> str:
        """The name of the page that is shown, empty before the first."""
        shown = self.pages.currentWidget()
        return next((name for name, page in self._built.items() if page is shown), "")

    def show_page(self, name: str) -> None:
        """Show a page that is no view."""
        self._bar.hide()
        self.pages.setCurrentWidget(self.page(name))

    def show_view(self) -> None:
        """Show the chosen view, the first one where it is not offered."""
        offered = self.offered
        if self.view not in offered:
            self.view = offered[0]
        self._bar.setVisible(len(offered) > 1)
        self.switch.show_chosen(self.view)
        self.pages.setCurrentWidget(self.page(self.view))

    def turn_to(self, name: str) -> None:
        """Choose a view; it is shown at once where one of them is."""
        before, self.view = self.view, name
        if self.current in self.switch.buttons:
            self.show_view()
        if self.view != before:
            self.turned.emit(self.view)
