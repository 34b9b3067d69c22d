"""Asks whether a file's own model may run: what it would import, what that means, and where its code is."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from inspector.gui import file_dialogs, theme
from inspector.gui.safety_dialog import names_table
from inspector.session.trust_offer import WHAT_IT_MEANS, TrustOffer


class TrustDialog(QDialog):
    """The choice to run a file's own model. Nothing runs but by "Run it", and "Cancel" is the default.

    Parameters
    ----------
    name
        The file.
    offer
        What would run.
    changed
        What has changed since the person agreed before; empty where they did not.
    folder
        Where the dialog that chooses a folder begins.
    """

    def __init__(self, name: str, offer: TrustOffer, changed: str, folder: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._offer = offer
        self._folder = folder
        self.setWindowTitle(f"Run the model in {name}")
        self.resize(640, 520 if offer.names else 340)
        self.title = _text(f"Run {offer.class_name} as it is?")
        self.title.setFont(theme.scaled_font(1.2, bold=True))
        self.meaning = _text(WHAT_IT_MEANS)
        self.problem = _text(changed)
        self.problem.setVisible(bool(changed))
        self.source = QLineEdit()
        self.remember = QCheckBox("Remember for this file")
        self.cancel, self.run = QPushButton("Cancel"), QPushButton("Run it")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 14)
        layout.setSpacing(10)
        for widget in (self.title, self.meaning, self.problem):
            layout.addWidget(widget)
        if offer.names:
            layout.addWidget(_text("Loading it imports these, and runs their code:"))
            layout.addWidget(names_table(offer.names, "Name in the file"), 1)
        else:
            layout.addWidget(_text("It is a program, and imports nothing of Python."))
        if offer.kind == "pickled":
            layout.addLayout(self._source_row())
        layout.addWidget(self.remember)
        if not offer.names:
            layout.addStretch(1)
        layout.addLayout(self._buttons())
        self._dress()

    def _source_row(self) -> QVBoxLayout:
        wanted = self._offer.wanted_source
        label = _text(f"It needs {wanted}:" if wanted else "Folder of its code, where it needs one:")
        label.setBuddy(self.source)
        self.source.setAccessibleName("Folder of its code")
        self.source.setPlaceholderText("No folder")
        self.source.setToolTip("Its modules are looked for here, behind Python's own and before the installed ones")
        choose = QPushButton("Choose…")
        choose.setAutoDefault(False)
        choose.setToolTip("Choose the folder that holds the code of the file's classes")
        choose.clicked.connect(self._choose)
        row = QHBoxLayout()
        row.addWidget(self.source, 1)
        row.addWidget(choose)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(label)
        column.addLayout(row)
        return column

    def _buttons(self) -> QHBoxLayout:
        self.remember.setToolTip("Don't ask again for just these bytes and this code; a change of either asks again")
        self.run.setAutoDefault(False)
        self.run.setToolTip("Run the code that this file names, with your rights")
        self.cancel.setProperty("primary", True)
        self.cancel.setDefault(True)
        self.cancel.setToolTip("Run nothing (Esc)")
        self.cancel.clicked.connect(self.reject)
        self.run.clicked.connect(self._agree)
        self.cancel.setFocus()
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.run)
        row.addWidget(self.cancel)
        return row

    @property
    def source_folder(self) -> Path | None:
        """The folder of code that the person named."""
        text = self.source.text().strip()
        return Path(text).expanduser() if text else None

    def _choose(self) -> None:
        chosen = file_dialogs.ask_for_source_folder(self, self.source.text() or self._folder)
        if chosen is not None:
            self.source.setText(str(chosen))

    def _agree(self) -> None:
        folder = self.source_folder
        if folder is not None and not folder.is_dir():
            self.problem.setText(f"There is no folder {folder}. Choose the one that holds the code.")
            self.problem.show()
            return
        self.accept()

    def _dress(self) -> None:
        theme.dress(self.problem, f"color: {theme.colors().danger};")
        palette = self.remember.palette()
        # Fusion draws the outline of a box in a darker shade of this, which is not seen on a dark window.
        palette.setColor(QPalette.ColorRole.Window, theme.qcolor(theme.colors().muted))
        if palette != self.remember.palette():
            self.remember.setPalette(palette)

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "cancel"):
            self._dress()
        super().changeEvent(event)


def _text(text: str) -> QLabel:
    label = QLabel(text, wordWrap=True)
    label.setTextFormat(Qt.TextFormat.PlainText)  # names are a stranger's
    return label
