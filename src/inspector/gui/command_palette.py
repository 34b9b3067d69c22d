"""The command palette: any command by typing a part of its name."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QIcon, QKeyEvent, QPixmap
from PySide6.QtWidgets import QDialog, QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from inspector.gui import theme


class CommandPalette(QDialog):
    """A list of the actions that can be triggered now, filtered while typing.

    Parameters
    ----------
    actions
        What it offers, in order.
    """

    def __init__(self, actions: list[QAction], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAccessibleName("Commands")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._actions = [action for action in actions if action.isEnabled()]
        self._search = QLineEdit(placeholderText="Type a command")
        self._search.setAccessibleName("Search commands")
        self._list = QTreeWidget()
        self._list.setColumnCount(2)
        self._list.setHeaderHidden(True)
        self._list.setRootIsDecorated(False)
        self._list.setUniformRowHeights(True)
        self._list.header().setStretchLastSection(False)
        self._list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._list.setAccessibleName("Matching commands")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.addWidget(self._search)
        layout.addWidget(self._list)
        self.resize(480, 440)
        self.setObjectName("palette")
        self.setStyleSheet(f"#palette {{ border: 1px solid {theme.colors().border}; }}")
        self._search.textChanged.connect(self._filter)
        self._search.installEventFilter(self)
        self._search.returnPressed.connect(self._trigger)
        self._list.itemActivated.connect(self._trigger)
        self._list.itemClicked.connect(self._trigger)
        self._filter("")
        above = parent.mapToGlobal(parent.rect().center())
        self.move(above.x() - self.width() // 2, parent.mapToGlobal(parent.rect().topLeft()).y() + 90)
        self._search.setFocus()

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        self._list.clear()
        # Names first: "dark" is also in what is said of the theme that follows the system.
        for action in sorted(self._actions, key=lambda action: not _all_in(words, _name(action))):
            if _all_in(words, f"{_name(action)} {action.statusTip()}"):
                self._list.addTopLevelItem(_row(action))
        self._select(0)

    def _select(self, row: int) -> None:
        item = self._list.topLevelItem(row)
        if item is not None:
            self._list.setCurrentItem(item)

    def _trigger(self) -> None:
        item = self._list.currentItem()
        action = item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None
        self.close()
        if isinstance(action, QAction):
            action.trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the arrow keys move in the list while the search field has the focus."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            count = self._list.topLevelItemCount()
            if step is not None and count:
                self._select((self._list.currentIndex().row() + step) % count)
                return True
        return super().eventFilter(watched, event)


def _name(action: QAction) -> str:
    return action.text().replace("&", "")


def _all_in(words: list[str], text: str) -> bool:
    return all(word in text.casefold() for word in words)


def _row(action: QAction) -> QTreeWidgetItem:
    keys = action.shortcut().toString(action.shortcut().SequenceFormat.NativeText)
    item = QTreeWidgetItem([_name(action), keys])
    item.setIcon(0, _blank() if action.icon().isNull() else action.icon())
    item.setForeground(1, theme.qcolor(theme.colors().muted))
    item.setToolTip(0, action.statusTip())
    item.setData(0, Qt.ItemDataRole.UserRole, action)
    return item


def _blank() -> QIcon:
    """Return an icon of nothing, so that names without one line up with the others."""
    empty = QPixmap(16, 16)
    empty.fill(Qt.GlobalColor.transparent)
    return QIcon(empty)
