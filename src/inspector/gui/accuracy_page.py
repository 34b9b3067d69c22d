"""How often the model is right: the share, the confusion matrix, and the classes that it knows least."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from inspector.gui import theme
from inspector.gui.confusion_view import ConfusionView
from inspector.gui.empty_page import EmptyPage
from inspector.gui.tree_delegate import tabular
from inspector.session import words
from inspector.session.accuracy import Accuracy

_HOW = (
    "Put the images of each class into a folder that is called like the class, or give their names the WordNet id "
    "that ImageNet uses, as in n01440764_18.JPEG. Then this page tells how often the model is right."
)
#: The class and how often it is right are seen without scrolling.
_WIDTHS = (104, 66, 58)
_OTHER_TASK = "Accuracy is told for models that say one class per image."


def headline(found: Accuracy) -> str:
    """Return the accuracy in one sentence."""
    said = f"{words.percent(found.right / found.known)} right"
    if found.k > 1:
        said += f", {words.percent(found.among / found.known)} among the first {found.k}"
    return said


def detail(found: Accuracy) -> str:
    """Return of which images an accuracy is."""
    what = f"{words.number(found.right)} of {words.plural(found.known, 'image')}"
    rest = found.images - found.known
    left = f" {words.plural(rest, 'image')} left out: not predicted, or of no known class." if rest else ""
    return f"{what}, by their folders or the WordNet ids in their names.{left}"


class AccuracyPage(QWidget):
    """Shows an `Accuracy`, or how the true classes can be told.

    Signals
    -------
    chosen
        A true and a predicted class, -1 for any, and both in words.
    """

    chosen = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.text, self.cell = QLabel(), QLabel(), QLabel()
        self.matrix = ConfusionView()
        self.classes = QTreeWidget()
        self.empty = EmptyPage("folder")
        self.pages = QStackedWidget()
        self._set_up()
        self._lay_out()
        self.matrix.pointed.connect(self.cell.setText)
        self.matrix.chosen.connect(self.chosen)
        self.classes.itemActivated.connect(self._choose_class)
        self.classes.itemClicked.connect(self._choose_class)

    def _set_up(self) -> None:
        for label in (self.title, self.text, self.cell):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setFont(theme.scaled_font(1.15, bold=True))
        self.text.setProperty("muted", True)
        self.text.setWordWrap(True)
        self.cell.setProperty("muted", True)
        tree = self.classes
        tree.setAccessibleName("Accuracy by class")
        tree.setHeaderLabels(["Class", "Right", "Images", "Most often taken for"])
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.setMinimumWidth(160)
        tree.setToolTip("Choose a class to see its images")
        for column, width in enumerate(_WIDTHS):
            tree.setColumnWidth(column, width)

    def _lay_out(self) -> None:
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 4, 0, 8)
        column.setSpacing(4)
        column.addWidget(self.title)
        column.addWidget(self.text)
        row = QHBoxLayout()
        row.setSpacing(16)
        left = QVBoxLayout()
        left.addWidget(self.matrix, 1)
        left.addWidget(self.cell)
        row.addLayout(left, 1)
        row.addWidget(self.classes, 1)
        column.addSpacing(6)
        column.addLayout(row, 1)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(shown)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.pages)
        self._shown = shown

    def show_accuracy(self, found: Accuracy | None) -> None:
        """Show an accuracy; None for a task that has none."""
        if found is None or not found.known:
            self.empty.say("The true classes are not known", _HOW if found is not None else _OTHER_TASK)
            self.pages.setCurrentWidget(self.empty)
            return
        self.title.setText(headline(found))
        self.text.setText(detail(found))
        self.matrix.show_accuracy(found)
        self._fill(found)
        self.pages.setCurrentWidget(self._shown)

    def _fill(self, found: Accuracy) -> None:
        self.classes.clear()
        items = []
        for one in sorted(found.classes, key=lambda one: (one.share, -one.images)):
            mistake = f"{one.mistake} ({words.number(one.mistakes)})" if one.mistake else ""
            cells = [one.label, words.percent(one.share), words.number(one.images), mistake]
            item = QTreeWidgetItem([" ".join(cell.split()) for cell in cells])
            item.setData(0, Qt.ItemDataRole.UserRole, one.index)
            for column in (1, 2):
                item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                item.setFont(column, tabular(self.font()))
            items.append(item)
        self.classes.addTopLevelItems(items)

    def _choose_class(self, item: QTreeWidgetItem) -> None:
        self.chosen.emit((item.data(0, Qt.ItemDataRole.UserRole), -1), f"true class {item.text(0)}")
