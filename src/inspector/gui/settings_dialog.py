"""The settings: so far one page, the Python for predictions."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from inspector.desktop.settings import SettingsStore
from inspector.gui.python_page import PythonPage
from inspector.session import Session

_WIDTH, _HEIGHT = 860, 600


class SettingsDialog(QDialog):
    """What the person can choose for good; every choice counts at once."""

    def __init__(self, session: Session, settings: SettingsStore, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self.resize(min(_WIDTH, parent.width() - 40), min(_HEIGHT, parent.height() - 40))
        self.python = PythonPage(session, settings)
        rule = QFrame()
        rule.setProperty("rule", True)
        rule.setFixedHeight(1)
        close = QPushButton("Close", autoDefault=False)
        close.setToolTip("Close the settings (Esc)")
        close.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addWidget(self.python.status, 1)
        buttons.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 14)
        layout.setSpacing(12)
        layout.addWidget(self.python, 1)
        layout.addWidget(rule)
        layout.addLayout(buttons)
        self.python.list.setFocus()
        self.finished.connect(self.python.stop)
