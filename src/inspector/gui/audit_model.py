"""The findings of an audit, with the tensors of each below it, as a Qt tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from inspector.checkpoint.summary import CheckpointSummary
from inspector.findings import Finding
from inspector.gui.audit_words import MAX_LISTED, SEVERITY_WORDS
from inspector.gui.tooltips import tooltip
from inspector.session import words

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()

#: The finding of a row, of itself or of its parent.
FINDING = int(Qt.ItemDataRole.UserRole)
#: The tensor of a row: of a finding its first; -1 where there is none.
TENSOR = FINDING + 1
#: What is so about the tensor of a row.
NOTE = FINDING + 2


class AuditModel(QAbstractItemModel):
    """Findings, and below each its tensors: the first of very many, then a row that says how many more there are."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.summary: CheckpointSummary | None = None
        self.findings: tuple[Finding, ...] = ()

    def show_findings(self, summary: CheckpointSummary | None, findings: Sequence[Finding]) -> None:
        """Show other findings; the same ones are left as they are."""
        if summary is self.summary and tuple(findings) == self.findings:
            return
        self.beginResetModel()
        self.summary, self.findings = summary, tuple(findings)
        self.endResetModel()

    # -- places ------------------------------------------------------------------------------------------------

    def finding(self, index: Index) -> Finding | None:
        """Return the finding of a row, of a tensor's the one that it stands under."""
        row = self._finding_row(index)
        return self.findings[row] if row >= 0 else None

    def tensor(self, index: Index) -> int:
        """Return the tensor that a row leads to, -1 for none."""
        finding = self.finding(index)
        if finding is None:
            return -1
        if index.internalId() == 0:
            return finding.tensors[0]
        return finding.tensors[index.row()] if index.row() < min(len(finding.tensors), MAX_LISTED) else -1

    def _finding_row(self, index: Index) -> int:
        if not index.isValid():
            return -1
        row = index.row() if index.internalId() == 0 else index.internalId() - 1
        return row if 0 <= row < len(self.findings) else -1

    # -- Qt's questions ----------------------------------------------------------------------------------------

    def index(self, row: int, column: int, parent: Index = _NOWHERE) -> QModelIndex:
        """Return the index of a row."""
        if column != 0 or not 0 <= row < self.rowCount(parent):
            return QModelIndex()
        return self.createIndex(row, 0, parent.row() + 1 if parent.isValid() else 0)

    def parent(self, index: Index = _NOWHERE) -> QModelIndex:  # type: ignore[override]
        """Return the finding that a tensor stands under."""
        row = self._finding_row(index)
        return self.createIndex(row, 0, 0) if row >= 0 and index.internalId() else QModelIndex()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many findings there are, or tensors of one."""
        if not parent.isValid():
            return len(self.findings)
        if parent.internalId() or not 0 <= parent.row() < len(self.findings):
            return 0
        return min(self.findings[parent.row()].count, MAX_LISTED + 1)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        """Return 1."""
        return 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a row says."""
        finding, summary = self.finding(index), self.summary
        if finding is None or summary is None:
            return None
        tensor, is_finding = self.tensor(index), index.internalId() == 0
        if role == FINDING:
            return finding
        if role == TENSOR:
            return tensor
        if role == NOTE:
            return finding.notes[index.row()] if finding.notes and not is_finding and tensor >= 0 else ""
        if role == Qt.ItemDataRole.DisplayRole:
            return finding.title if is_finding else self._name(finding, tensor)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(finding.title, finding.explanation) if is_finding else tooltip(self._name(finding, tensor))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(index, finding)
        return None

    def _name(self, finding: Finding, tensor: int) -> str:
        assert self.summary is not None
        if tensor < 0:
            return f"{words.number(finding.count - MAX_LISTED)} more"
        return words.tensor_name(self.summary, tensor)

    def _spoken(self, index: Index, finding: Finding) -> str:
        if index.internalId() == 0:
            return f"{SEVERITY_WORDS[finding.severity]}: {finding.title} {finding.explanation}"
        return ", ".join(filter(None, (str(index.data()), str(index.data(NOTE)))))
