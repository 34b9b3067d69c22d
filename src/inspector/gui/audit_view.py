"""The list of an audit's findings, as a person acts on it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QTreeView, QWidget

from inspector.gui.audit_delegate import AuditDelegate
from inspector.gui.audit_model import AuditModel

#: A finding of up to so many tensors shows them at once.
_FEW = 3


class AuditView(QTreeView):
    """Findings that unfold to their tensors.

    Signals
    -------
    tensor_chosen
        The tensor that a click, Return or Space leads to.
    copy_pressed
        The keys that copy.
    """

    tensor_chosen = Signal(int)
    copy_pressed = Signal()

    def __init__(self, model: AuditModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._pressed: QPoint | None = None
        self.setModel(model)
        self.setItemDelegate(AuditDelegate(self))
        self.setAccessibleName("Findings of the audit")
        self.setAccessibleDescription("Right unfolds the tensors of a finding, Return shows a tensor")
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setUniformRowHeights(False)
        self.setMouseTracking(True)
        self.setExpandsOnDoubleClick(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAcceptDrops(False)  # the window takes drops, wherever they fall
        self.viewport().setAcceptDrops(False)
        model.modelReset.connect(self._unfold_short)

    def _unfold_short(self) -> None:
        for row, finding in enumerate(self._model.findings):
            self.setExpanded(self._model.index(row, 0), finding.count <= _FEW)

    def press(self, index: QModelIndex) -> None:
        """Do what a click on a row does: lead to its tensor, or unfold a finding of several ones."""
        if not index.isValid():
            return
        if not index.parent().isValid() and self._model.rowCount(index) > 1:
            self.setExpanded(index, not self.isExpanded(index))
        elif (tensor := self._model.tensor(index)) >= 0:
            self.tensor_chosen.emit(tensor)

    # -- mouse, keys, sizes ------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where the mouse went down."""
        super().mousePressEvent(event)
        self._pressed = event.position().toPoint() if event.button() == Qt.MouseButton.LeftButton else None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Press the row where the mouse went down and up again."""
        super().mouseReleaseEvent(event)
        down, self._pressed = self._pressed, None
        if down is not None and event.button() == Qt.MouseButton.LeftButton:
            index = self.indexAt(event.position().toPoint())
            if index == self.indexAt(down):
                self.press(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy by the usual keys, press a row by Return or Space; the rest is Qt's."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_pressed.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.press(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wrap the words anew."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.scheduleDelayedItemsLayout()

    def changeEvent(self, event: QEvent) -> None:
        """Take a new font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.scheduleDelayedItemsLayout()
