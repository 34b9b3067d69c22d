"""The code that a file carries, as text: TorchScript sources, an exported graph, a pickled class's source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QFrame, QLabel, QListWidget, QListWidgetItem, QPlainTextEdit, QVBoxLayout, QWidget

from inspector.gui import theme
from inspector.gui.tooltips import tooltip
from inspector.session import words

#: Rows of the list that are seen without scrolling, at the most.
_ROWS_SEEN = 5

#: A source: what it is the code of, its file, its text.
Source = tuple[str, str, str]


class CodeView(QWidget):
    """A list of code files above the text of the chosen one. Nothing of it is ever run."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sources: Sequence[Source] = ()
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setProperty("section", True)
        self.files = QListWidget()
        self.files.setAccessibleName("Code files")
        self.files.setToolTip("Code that the file carries; nothing of it is run")
        self.files.setUniformItemSizes(True)
        self.files.setFrameShape(QFrame.Shape.NoFrame)
        self.files.currentRowChanged.connect(self._show_row)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setToolTip("Read-only: copy with Ctrl+C")
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setMinimumHeight(160)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in (self.title, self.files):
            layout.addWidget(widget)
        layout.addWidget(self.text, 1)
        self._dress()

    def show_sources(self, sources: Sequence[Source], class_name: str = "") -> None:
        """List code files, and show that of a class where one is its own, else the first.

        Parameters
        ----------
        sources
            What each is the code of, its file and its text.
        class_name
            Dotted name of the selected module's class, empty for none.
        """
        if sources is not self._sources:
            self._sources = sources
            self.title.setText(f"Code, {words.plural(len(sources), 'file')}, none of which is run")
            self.files.blockSignals(True)
            self.files.clear()
            for label, (_, file, _) in zip(labels_of(sources), sources, strict=True):
                item = QListWidgetItem(label)
                item.setToolTip(tooltip(file))
                self.files.addItem(item)
            self.files.blockSignals(False)
            self.files.setVisible(len(sources) > 1)
            self._fit()
        row = source_of(sources, class_name)
        if row == self.files.currentRow():
            return
        self.files.setCurrentRow(row)

    def _show_row(self, row: int) -> None:
        name, file, text = self._sources[row] if 0 <= row < len(self._sources) else ("", "", "")
        self.text.setPlainText(text)
        self.text.setAccessibleName(f"Code of {name}" if name else "Code")
        self.text.setAccessibleDescription(file)

    def _fit(self) -> None:
        rows = min(self.files.count(), _ROWS_SEEN)
        tall = max(self.files.sizeHintForRow(0), QFontMetrics(self.files.font()).height())
        self.files.setFixedHeight(rows * tall + 2 * self.files.frameWidth() + 2)

    def _dress(self) -> None:
        c = theme.colors()
        self.text.setFont(theme.monospace(0.95))
        self.files.setFont(theme.monospace(0.95))
        theme.dress(
            self.text,
            f"QPlainTextEdit {{ background: {c.hover}; color: {c.text}; border: 1px solid {c.border};"
            " border-radius: 8px; padding: 6px; }"
            "QAbstractScrollArea::corner { background: transparent; border: none; }",
        )

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)


def labels_of(sources: Sequence[Source]) -> list[str]:
    """Return what each is the code of, with its file's own name where several are named alike."""
    names = Counter(name for name, _, _ in sources)
    return [name if names[name] == 1 else f"{name}  ·  {file.rpartition('/')[2]}" for name, file, _ in sources]


def source_of(sources: Sequence[Source], class_name: str) -> int:
    """Return which source holds a class: the one named as it or as its module, else the first."""
    names = [name for name, _, _ in sources]
    for wanted in (class_name, class_name.rpartition(".")[0]):
        if wanted and wanted in names:
            return names.index(wanted)
    return 0 if names else -1
