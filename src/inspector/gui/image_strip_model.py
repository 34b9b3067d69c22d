"""The images of the strip as an item model: what every tile says, and which images are not predicted yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from inspector.gui.index_runs import runs
from inspector.gui.tooltips import tooltip
from inspector.session.drawing import THRESHOLD
from inspector.session.prediction_state import Prediction
from inspector.session.prediction_words import headline
from inspector.session.state import Attachment, ImageItem
from inspector.session.store import Store

Index = QModelIndex | QPersistentModelIndex
TileState = Literal["plain", "waiting", "running", "ready", "failed", "broken"]


class Role(IntEnum):
    """Data of a row beyond Qt's own roles."""

    TILE = Qt.ItemDataRole.UserRole
    ITEM = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True, slots=True)
class Tile:
    """What one tile says.

    Attributes
    ----------
    title
        The likeliest class, or the file's name.
    detail
        Its probability, or how far the image is; may be empty.
    reason
        Why there is no picture or no prediction, in one sentence.
    """

    state: TileState
    title: str
    detail: str = ""
    reason: str = ""


def describe(
    item: ImageItem, prediction: Prediction | None, attachment: Attachment, threshold: float = THRESHOLD
) -> Tile:
    """Return what the tile of an image says, given what the current checkpoint predicts for it.

    Parameters
    ----------
    threshold
        Objects of a lower score are not told.
    """
    if item.failure is not None:
        return Tile("broken", item.name, reason=item.failure.sentence)
    if prediction is not None:
        if prediction.phase == "ready":
            return Tile("ready", *headline(prediction, threshold))
        if prediction.phase == "failed":
            reason = prediction.failure.sentence if prediction.failure is not None else ""
            return Tile("failed", item.name, "not predicted", reason)
        if prediction.phase == "running":
            return Tile("running", item.name, "predicting…")
        if prediction.phase == "waiting" and attachment.phase in ("running", "ready"):
            return Tile("waiting", item.name, "waiting")
    return Tile("plain", item.name)


class ImageStripModel(QAbstractListModel):
    """Rows are the store's images, in its order; whoever owns it passes the store's signals on to it."""

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._ids: list[int] = list(store.images)
        self._rows = {number: row for row, number in enumerate(self._ids)}
        self._attachment = Attachment()
        self.checkpoint: int | None = None
        self.threshold = THRESHOLD
        self.running: set[int] = set()
        self.waiting: set[int] = set()

    # -- Qt's questions ----------------------------------------------------------------------------------------

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of images."""
        return 0 if parent is not None and parent.isValid() else len(self._ids)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a tile shows; None for an image that was removed a moment ago."""
        item = self._store.images.get(self.image_at(index))
        if item is None:
            return None
        if role == Role.ITEM:
            return item
        tile = describe(item, self._prediction(item.id), self._attachment, self.threshold)
        if role == Role.TILE:
            return tile
        if role == Qt.ItemDataRole.DisplayRole:
            return tile.title
        if role == Qt.ItemDataRole.ToolTipRole:
            found = f"{tile.title}, {tile.detail}" if tile.state == "ready" else ""
            return tooltip(item.name, found, tile.reason)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            title = "" if tile.title == item.name else tile.title
            return ", ".join(filter(None, (item.name, title, tile.detail, tile.reason)))
        return None

    # -- rows and images ---------------------------------------------------------------------------------------

    def image_at(self, index: Index) -> int:
        """Return the id of the image in a row, -1 where there is none."""
        row = index.row()
        return self._ids[row] if index.isValid() and 0 <= row < len(self._ids) else -1

    def index_of(self, image: int) -> QModelIndex:
        """Return where an image is; invalid where it is not."""
        row = self._rows.get(image)
        return QModelIndex() if row is None else self.index(row)

    # -- what the store says -----------------------------------------------------------------------------------

    def take_images(self) -> list[int]:
        """Take the store's images: remove the rows of those that are gone, append the new; return the new ids."""
        wanted = list(self._store.images)
        gone = [row for row, number in enumerate(self._ids) if number not in self._store.images]
        for first, last in reversed(runs(gone)):
            self.beginRemoveRows(QModelIndex(), first, last)
            del self._ids[first : last + 1]
            self._index_rows()
            self.endRemoveRows()
        kept = len(self._ids)
        added = wanted[kept:]
        if added:
            self.beginInsertRows(QModelIndex(), kept, len(wanted) - 1)
            self._ids = wanted
            self._rows.update((number, kept + step) for step, number in enumerate(added))
            self.endInsertRows()
        if gone:
            self._count()
        else:  # what is added in many turns is counted once
            for number in added:
                self._count_in(number)
        return added

    def set_threshold(self, threshold: float) -> None:
        """Tell only of objects that are at least so sure."""
        if threshold != self.threshold:
            self.threshold = threshold
            if self._ids:
                self.dataChanged.emit(self.index(0), self.index(len(self._ids) - 1))

    def take_image(self, image: int) -> None:
        """Show one image's tile anew."""
        index = self.index_of(image)
        if index.isValid():
            self.dataChanged.emit(index, index)

    def take_predictions(self, images: Iterable[int]) -> int:
        """Show what the current checkpoint predicts for these images now; return how many were finished by it."""
        finished, rows = 0, []
        for image in images:
            row, found = self._rows.get(image), self._prediction(image)
            if row is not None:
                rows.append(row)
            awaited = image in self.running or image in self.waiting
            self._count_in(image)
            finished += awaited and row is not None and found is not None and found.phase in ("ready", "failed")
        if rows:
            self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))
        return finished

    def take_checkpoint(self, checkpoint: int | None) -> None:
        """Show the predictions of another checkpoint, or that its attachment has become another."""
        found = self._store.checkpoints.get(checkpoint) if checkpoint is not None else None
        attachment = found.attachment if found is not None else Attachment()
        same = checkpoint == self.checkpoint and attachment.phase == self._attachment.phase
        self.checkpoint, self._attachment = checkpoint, attachment
        if same:
            return  # such as an attachment's progress: it changes no tile
        self._count()
        if self._ids:
            self.dataChanged.emit(self.index(0), self.index(len(self._ids) - 1))

    @property
    def unfinished(self) -> int:
        """Images that will be predicted by themselves: none while nothing is attached or being attached."""
        return len(self.running) + (len(self.waiting) if self._attachment.phase in ("running", "ready") else 0)

    def is_settled(self, image: int) -> bool:
        """Whether the current checkpoint has answered, or failed to."""
        found = self._prediction(image)
        return found is not None and found.phase in ("ready", "failed")

    def _prediction(self, image: int) -> Prediction | None:
        return None if self.checkpoint is None else self._store.predictions.get((self.checkpoint, image))

    def _index_rows(self) -> None:
        self._rows = {number: row for row, number in enumerate(self._ids)}

    def _count_in(self, image: int) -> None:
        """Count one image among those that wait, or are predicted, or neither."""
        found = self._prediction(image) if image in self._rows else None
        phase = found.phase if found is not None else "none"
        for phases, members in (("running", self.running), ("waiting", self.waiting)):
            (members.add if phase == phases else members.discard)(image)

    def _count(self) -> None:
        phases = [(number, found.phase) for number in self._ids if (found := self._prediction(number)) is not None]
        self.running = {number for number, phase in phases if phase == "running"}
        self.waiting = {number for number, phase in phases if phase == "waiting"}
