"""The slim row above a view: its own controls at the left; copying and saving what is drawn at the right."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from inspector.gui import icons, theme
from inspector.gui.views.flow_row import FlowRow

_HEIGHT = 28
_AROUND_TEXT = 44  # a combo box's padding and arrow


class ViewBar(QWidget):
    """A view's controls.

    Signals
    -------
    copy_requested
        The person wants what is drawn in the clipboard.
    save_requested
        The person wants it in a file.
    """

    copy_requested = Signal()
    save_requested = Signal()

    def __init__(self, parent: QWidget | None = None, *, pictures: bool = True) -> None:
        super().__init__(parent)
        self._pairs: dict[QWidget, QWidget] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self._controls = FlowRow()
        self._row.addWidget(self._controls, 1)
        self.copy = self._tool("copy", "Copy picture", "Copy what is drawn as a picture")
        self.save = self._tool("save", "Save picture", "Save what is drawn as PNG or SVG…")
        self.copy.clicked.connect(self.copy_requested)
        self.save.clicked.connect(self.save_requested)
        for button in (self.copy, self.save):
            button.setVisible(pictures)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def add(self, widget: QWidget, label: str = "") -> None:
        """Add a control after those that are there, with a word before it; where there is no room, on another line."""
        if label:
            pair = QWidget()
            row = QHBoxLayout(pair)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(6)
            word = QLabel(label)
            word.setProperty("muted", True)
            word.setBuddy(widget)
            row.addWidget(word)
            row.addWidget(widget)
            self._pairs[widget] = pair
            widget = pair
        self._controls.flow.addWidget(widget)

    def set_shown(self, widget: QWidget, shown: bool) -> None:
        """Show or hide a control with the word before it."""
        self._pairs.get(widget, widget).setVisible(shown)

    def _tool(self, icon: str, name: str, tip: str) -> QPushButton:
        button = QPushButton()
        button.setIcon(icons.icon(icon))
        button.setProperty("flat", True)
        button.setFixedSize(_HEIGHT, _HEIGHT)
        button.setAccessibleName(name)
        button.setToolTip(tip)
        self._row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return button


def slim(widget: QWidget) -> QWidget:
    """Make a control (a combo box with its entries, a button) as low as a bar's row; return it."""
    kind = type(widget).mro()[0].__name__
    theme.dress(widget, f"{kind} {{ padding: 1px 8px; min-height: 20px; }}")
    if isinstance(widget, QComboBox):
        widest = max(
            (widget.fontMetrics().horizontalAdvance(widget.itemText(at)) for at in range(widget.count())), default=0
        )
        widget.setMinimumWidth(widest + _AROUND_TEXT)
    return widget
