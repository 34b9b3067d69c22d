"""How many tensors became what, as chips: each shows those alone, or all again."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtWidgets import QLayout, QLayoutItem, QPushButton, QSizePolicy, QWidget

from inspector.difference_kinds import KINDS
from inspector.session import words
from inspector.session.comparison_words import KIND_WORDS

_GAP = 6


class _Flow(QLayout):
    """Widgets one after another, in as many lines as they need."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []

    def addItem(self, item: QLayoutItem) -> None:
        """Add a widget."""
        self._items.append(item)

    def count(self) -> int:
        """Return how many there are."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """Return one of them."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Take one away."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:
        """The height follows the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all lines."""
        margins = self.contentsMargins()
        return self._place(QRect(0, 0, width, 0), move=False) + margins.top() + margins.bottom()

    def setGeometry(self, rect: QRect) -> None:
        """Place the widgets."""
        super().setGeometry(rect)
        self._place(rect.marginsRemoved(self.contentsMargins()), move=True)

    def sizeHint(self) -> QSize:
        """Return the size of one line."""
        sizes = [item.sizeHint() for item in self._items if not item.isEmpty()]
        return QSize(
            sum(size.width() + _GAP for size in sizes) - _GAP if sizes else 0,
            max((size.height() for size in sizes), default=0),
        )

    def minimumSize(self) -> QSize:
        """Return the size of the widest."""
        sizes = [item.sizeHint() for item in self._items if not item.isEmpty()]
        return QSize(max((size.width() for size in sizes), default=0), max((s.height() for s in sizes), default=0))

    def _place(self, rect: QRect, *, move: bool) -> int:
        left, top, line = rect.left(), rect.top(), 0
        for item in self._items:
            size = item.sizeHint()
            if item.isEmpty():
                continue
            if left > rect.left() and left + size.width() > rect.right() + 1:
                left, top, line = rect.left(), top + line + _GAP, 0
            if move:
                item.setGeometry(QRect(left, top, size.width(), size.height()))
            left, line = left + size.width() + _GAP, max(line, size.height())
        return top + line - rect.top()


class KindChips(QWidget):
    """A chip for each kind that there is; none or all pressed shows all.

    Signals
    -------
    changed
        Other kinds are to be shown.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.buttons: dict[str, QPushButton] = {}
        flow = _Flow(self)
        flow.setContentsMargins(0, 3, 0, 0)
        for kind in KINDS:
            button = QPushButton()
            button.setCheckable(True)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.setStyleSheet("QPushButton { padding: 2px 10px; min-height: 16px; border-radius: 11px; }")
            button.clicked.connect(lambda _checked=False: self.changed.emit())
            self.buttons[kind] = button
            flow.addWidget(button)

    def show_counts(self, counts: dict[str, int]) -> None:
        """Show how many there are of each kind; a kind that is gone is no longer chosen."""
        for kind, button in self.buttons.items():
            count = counts.get(kind, 0)
            text = f"{words.number(count)} {KIND_WORDS[kind]}"
            button.setText(text)
            button.setAccessibleName(text)
            button.setToolTip(f"Show these alone: {KIND_WORDS[kind]}")
            button.setVisible(count > 0)
            if not count:
                button.setChecked(False)
        self.updateGeometry()

    @property
    def chosen(self) -> frozenset[str]:
        """The kinds to show."""
        pressed = frozenset(kind for kind, button in self.buttons.items() if button.isChecked())
        return pressed or frozenset(KINDS)

    def clear(self) -> None:
        """Show all kinds again."""
        for button in self.buttons.values():
            button.setChecked(False)
        self.changed.emit()
