"""The results of one checkpoint over all images as a Qt table, which keeps up with thousands of predictions.

What changes is noted, and taken in turns of a few milliseconds: rows are never reset because of a result, and put in
order anew a few times a second at the most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from enum import IntEnum
from functools import lru_cache
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

from inspector.gui.index_runs import runs
from inspector.gui.tooltips import tooltip
from inspector.natural_order import NaturalKey, natural_key
from inspector.session import words
from inspector.session.drawing import THRESHOLD
from inspector.session.results import CLASSIFYING, Filter, ResultRow, passing, row_of
from inspector.session.store import Store
from inspector.session.true_classes import TrueClasses

_Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()

#: Seconds of one turn, in which rows are made.
_TURN = 0.006
#: Milliseconds between two turns while predictions come in.
_PAUSE = 60
#: Seconds between two orders of the rows while predictions come in.
_ORDER_EVERY = 0.5


class Column(IntEnum):
    """The columns, in their order."""

    FILE = 0
    PREDICTION = 1
    SCORE = 2
    TRUTH = 3
    FIGURES = 4
    SECOND = 5
    FOLDER = 6
    TIME = 7
    PROBLEM = 8


HEADER = ("File", "Prediction", "Score", "True class", "Figures", "Second", "Folder", "Time", "Problem")
_RIGHT = (Column.SCORE, Column.TIME)
#: Columns that can be empty in all rows, and what fills them.
FIELDS = {
    Column.SECOND: "second",
    Column.FIGURES: "figures",
    Column.TRUTH: "true_label",
    Column.PROBLEM: "error",
}
_WAITING = {"waiting": "waiting", "running": "predicting…", "failed": "not predicted"}

#: A row's `ResultRow`.
ROW = int(Qt.ItemDataRole.UserRole)


@lru_cache(maxsize=10_000)
def _folder_key(folder: str) -> NaturalKey:
    """Return `natural_key`: many images have few folders."""
    return natural_key(folder)


_KEYS: dict[Column, Callable[[ResultRow], Any]] = {
    Column.FOLDER: lambda row: _folder_key(row.folder),
    Column.PREDICTION: lambda row: row.label.casefold() or None,
    Column.SCORE: lambda row: row.score,
    Column.SECOND: lambda row: row.second.casefold() or None,
    Column.FIGURES: lambda row: (row.amount, row.figures) if row.figures else None,
    Column.TRUTH: lambda row: row.true_label.casefold() or None,
    Column.TIME: lambda row: row.milliseconds,
    Column.PROBLEM: lambda row: row.error.casefold() or None,
}


def texts(row: ResultRow) -> tuple[str, ...]:
    """Return what the cells of a row show."""
    second = f"{row.second} {words.percent(row.second_score)}" if row.second_score is not None else ""
    return (
        row.file,
        row.label or _WAITING.get(row.phase, ""),
        words.percent(row.score) if row.score is not None else "",
        row.true_label,
        row.figures,
        second,
        row.folder,
        words.duration(row.milliseconds) if row.milliseconds is not None else "",
        row.error,
    )


class ResultsModel(QAbstractTableModel):
    """Rows that pass a filter, in the order of a column; whoever owns it passes the store's signals on to it.

    Attributes
    ----------
    checkpoint
        Whose predictions are shown, None for nobody's.
    rows
        A row for each image by its id, whether it is shown or not.
    filled
        Columns, among those that may be empty, in which a row has had something since the checkpoint was taken.

    Signals
    -------
    settled
        Rows were made anew: figures that depend on all of them can be.
    """

    settled = Signal()

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self.checkpoint: int | None = None
        self.rows: dict[int, ResultRow] = {}
        self.filled: set[Column] = set()
        self.classes: TrueClasses | None = None
        self.threshold = THRESHOLD
        self._names: dict[int, NaturalKey] = {}  # by which files are put in order; ten thousand at once take long
        self._shown: list[int] = []
        self._places: dict[int, int] = {}
        self._pending: dict[int, None] = {}  # in the order they came
        self._filter = Filter()
        self._column: Column | None = None
        self._descending = False
        self._ordered = 0.0
        self._out_of_order = False
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._take_turn)

    # -- Qt's questions ----------------------------------------------------------------------------------------

    def rowCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the number of shown rows."""
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(HEADER)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's name."""
        if orientation == Qt.Orientation.Horizontal and 0 <= section < len(HEADER):
            if role == Qt.ItemDataRole.DisplayRole:
                return HEADER[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _side(section)
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell."""
        row = self.row_at(index)
        if row is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return texts(row)[index.column()]
        if role == ROW:
            return row
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(texts(row)[index.column()])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(index.column())
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Put the rows in the order of a column, -1 for that of the images."""
        self._column = Column(column) if 0 <= column < len(HEADER) else None
        self._descending = order == Qt.SortOrder.DescendingOrder
        self._order()

    # -- rows and images ---------------------------------------------------------------------------------------

    def row_at(self, index: _Index) -> ResultRow | None:
        """Return the row at an index; None where there is none."""
        if not index.isValid() or not 0 <= index.row() < len(self._shown):
            return None
        return self.rows[self._shown[index.row()]]

    def index_of(self, image: int) -> QModelIndex:
        """Return where an image is; invalid where it is not shown."""
        place = self._places.get(image)
        return QModelIndex() if place is None else self.index(place, 0)

    @property
    def shown(self) -> list[ResultRow]:
        """The rows that are shown, in their order."""
        return [self.rows[image] for image in self._shown]

    @property
    def filter(self) -> Filter:
        """Which rows are shown."""
        return self._filter

    @property
    def is_busy(self) -> bool:
        """Whether rows are still to be made."""
        return bool(self._pending)

    def set_filter(self, chosen: Filter) -> None:
        """Show only the rows that pass a filter."""
        if chosen != self._filter:
            self._filter = chosen
            self.beginResetModel()
            passes = passing(chosen)
            self._shown = self._sorted([image for image, row in self.rows.items() if passes(row)])
            self._number()
            self.endResetModel()
            self.settled.emit()

    # -- what the store says -----------------------------------------------------------------------------------

    def take_checkpoint(self, checkpoint: int | None) -> None:
        """Show another checkpoint's predictions, or that its classes have become others."""
        found = self._store.checkpoints.get(checkpoint) if checkpoint is not None else None
        attachment = found.attachment if found is not None else None
        classifies = attachment is not None and attachment.phase == "ready" and attachment.task in CLASSIFYING
        labels = attachment.labels if attachment is not None and classifies else None
        same_labels = labels == (self.classes.labels if self.classes is not None else None)
        if checkpoint == self.checkpoint and same_labels:
            return
        self.checkpoint = checkpoint
        self.filled.clear()
        self.classes = TrueClasses(labels) if labels is not None else None
        self.take(self._store.images)

    def set_threshold(self, threshold: float) -> None:
        """Count only objects that are at least so sure."""
        if threshold != self.threshold:
            self.threshold = threshold
            self.take(self._store.images)

    def take_images(self) -> None:
        """Take the store's images: remove the rows of those that are gone, make those of the new."""
        gone = [image for image in self.rows if image not in self._store.images]
        self._hide([image for image in gone if image in self._places])
        for image in gone:
            del self.rows[image], self._names[image]
        self._pending = {image: None for image in self._pending if image in self._store.images}
        self.take(image for image in self._store.images if image not in self.rows)
        if gone:
            self.settled.emit()

    def take(self, images: Iterable[int]) -> None:
        """Make the rows of images anew, soon."""
        self._pending.update(dict.fromkeys(images))
        if self._pending and not self._timer.isActive():
            self._timer.start(0 if len(self._pending) > len(self.rows) else _PAUSE)

    def _take_turn(self) -> None:
        passes, end = passing(self._filter), time.perf_counter() + _TURN
        changed: list[int] = []
        appear: list[int] = []
        vanish: list[int] = []
        taken = 0
        for image in self._pending:
            taken += 1
            item = self._store.images.get(image)
            if item is not None:
                prediction = self._store.predictions.get((self.checkpoint, image)) if self.checkpoint else None
                row = row_of(item, prediction, self.classes, self.threshold)
                self.filled.update(column for column, field in FIELDS.items() if getattr(row, field))
                if row != self.rows.get(image):
                    if image not in self._names:
                        self._names[image] = natural_key(row.file)
                    self.rows[image] = row
                    is_shown, wanted = image in self._places, passes(row)
                    if is_shown or wanted:
                        (changed if is_shown and wanted else vanish if is_shown else appear).append(image)
            if time.perf_counter() > end:
                break
        for image in list(self._pending)[:taken]:
            del self._pending[image]
        self._hide(vanish)
        self._show(appear)
        self._tell_changed(changed)
        self._out_of_order |= bool(changed or appear)
        now = time.monotonic()
        if self._out_of_order and (not self._pending or now - self._ordered > _ORDER_EVERY):
            self._order()
        if self._pending:
            self._timer.start(0)
        self.settled.emit()

    # -- shown rows --------------------------------------------------------------------------------------------

    def _number(self) -> None:
        self._places = {image: place for place, image in enumerate(self._shown)}

    def _show(self, images: list[int]) -> None:
        if images:
            first = len(self._shown)
            self.beginInsertRows(QModelIndex(), first, first + len(images) - 1)
            self._shown += images
            self._places.update((image, first + step) for step, image in enumerate(images))
            self.endInsertRows()

    def _hide(self, images: list[int]) -> None:
        places = sorted(self._places[image] for image in images)
        for first, last in reversed(runs(places)):
            self.beginRemoveRows(QModelIndex(), first, last)
            del self._shown[first : last + 1]
            self._number()
            self.endRemoveRows()

    def _tell_changed(self, images: list[int]) -> None:
        if images:
            places = [self._places[image] for image in images]
            last = len(HEADER) - 1
            self.dataChanged.emit(self.index(min(places), 0), self.index(max(places), last))

    def _sorted(self, images: list[int]) -> list[int]:
        """Return images in the chosen order; those without a value come last, whichever way it goes."""
        images = sorted(images)  # ids grow, so this is the strip's order
        if self._column is None:
            return images
        key: Callable[[ResultRow], Any] = _KEYS.get(self._column, lambda row: self._names[row.image])
        found = [(value, image) for image in images if (value := key(self.rows[image])) is not None]
        found.sort(key=lambda pair: pair[0], reverse=self._descending)
        valued = {image for _, image in found}
        return [image for _, image in found] + [image for image in images if image not in valued]

    def _order(self) -> None:
        self._ordered, self._out_of_order = time.monotonic(), False
        wanted = self._sorted(self._shown)
        if wanted == self._shown:
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        images = [self._shown[index.row()] for index in before]
        self._shown = wanted
        self._number()
        after = [self.index(self._places[image], old.column()) for image, old in zip(images, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()


def _side(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in _RIGHT else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
