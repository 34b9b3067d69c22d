"""The values of a tensor as a table that scrolls over any size; what is selected is copied as a table."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QItemSelection, QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QMenu,
    QPushButton,
    QTableView,
    QVBoxLayout,
)

from inspector.gui import icons, theme
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.tree_delegate import tabular
from inspector.gui.views.plane_controls import PlaneControls
from inspector.gui.views.registry import Subject, WeightView
from inspector.gui.views.saving import copy_drawing, save_drawing
from inspector.gui.views.values_model import Block, BlockAt, ValuesModel
from inspector.gui.views.view_bar import ViewBar, slim
from inspector.session import Session, words
from inspector.session.failure import Failure

_AT_ONCE = 2
#: Values that are copied at the most, as the worker's `MAX_COPIED`.
MOST_COPIED = 1 << 18


class ValuesTable(QTableView):
    """A table whose copy is the view's."""

    def __init__(self, copy: Callable[[], None]) -> None:
        super().__init__()
        self._copy = copy
        self.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        # by whole cells: a number whose first digits are cut off reads as another one
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setAccessibleName("Values")
        self.setTabKeyNavigation(False)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setHighlightSections(False)
        self.verticalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._measure()
        self._dress()

    def _measure(self) -> None:
        self.setFont(tabular(theme.scaled_font(0.95)))
        metrics = self.fontMetrics()
        self.verticalHeader().setDefaultSectionSize(metrics.height() + 6)
        self.set_digits(12)

    def set_digits(self, digits: int) -> None:
        """Make columns wide enough for numbers of so many characters."""
        self.horizontalHeader().setDefaultSectionSize(self.fontMetrics().horizontalAdvance("0") * digits + 18)

    def sizeHint(self) -> QSize:
        """Return a usual size."""
        return QSize(520, 220)

    def minimumSizeHint(self) -> QSize:
        """Return the least size that shows anything."""
        return QSize(200, 140)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy by the usual key."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: Any) -> None:
        """Offer to copy."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(icons.icon("copy"), "Copy values", self._copy)
        menu.popup(event.globalPos())

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()

    def _dress(self) -> None:
        """Let rows be lower than the theme's headers."""
        c = theme.colors()
        theme.dress(
            self,
            f"QHeaderView::section:vertical {{ padding: 0 8px 0 2px; border: none;"
            f" border-right: 1px solid {c.border}; }}"
            f"QHeaderView::section:horizontal {{ padding: 3px 4px; }}"
            f"QTableCornerButton::section {{ background: {c.surface}; border: none;"
            f" border-right: 1px solid {c.border}; border-bottom: 1px solid {c.border}; }}",
        )


class ValuesView(WeightView):
    """Shows a plane of a tensor as numbers."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._subject: Subject | None = None
        self._asked: dict[BlockAt, Callable[[], None]] = {}
        self._copying: Callable[[], None] = _nothing
        self._failed = False
        self.bar = ViewBar()
        self.controls = PlaneControls(self.bar)
        self.go_to, self.copy_values = QLineEdit(), QPushButton("Copy values")
        self.model = ValuesModel(self)
        self.table = ValuesTable(self.copy_selection)
        self.caption = OneLineLabel(Qt.TextElideMode.ElideRight)
        self._build()

    def _build(self) -> None:
        self.go_to.setPlaceholderText("Go to index")
        self.go_to.setAccessibleName("Go to index")
        self.go_to.setToolTip("An index such as 12, 345; negative ones count from the end")
        self.go_to.setFixedWidth(132)
        self.copy_values.setToolTip("Copy the selected values as a table, whole precision (Ctrl+C)")
        for control in (self.go_to, self.copy_values):
            slim(control)
            self.bar.add(control)
        self.table.setModel(self.model)
        self.caption.setProperty("muted", True)
        self.caption.setFont(tabular(self.caption.font()))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in (self.bar, self.controls, self.table, self.caption):
            layout.addWidget(widget, int(widget is self.table))
        self.controls.changed.connect(self._start)
        self.model.wanted.connect(self._ask, Qt.ConnectionType.QueuedConnection)
        self.go_to.returnPressed.connect(self._go)
        self.copy_values.clicked.connect(self.copy_selection)
        self.table.selectionModel().selectionChanged.connect(self._read)
        self.bar.copy_requested.connect(self.copy)
        self.bar.save_requested.connect(self.save)

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_subject(self, subject: Subject) -> None:
        """Show a tensor."""
        self._subject = subject
        self.controls.show_shape(subject.shape)
        self._start()

    def forget(self) -> None:
        """Give up what was asked."""
        self._subject = None
        self._cancel()
        self.model.refill()  # the next tensor may have the same shape: then the place is kept

    def _cancel(self) -> None:
        for cancel in (*self._asked.values(), self._copying):
            cancel()
        self._asked, self._copying, self._failed = {}, _nothing, False

    def _start(self) -> None:
        """Show the chosen plane; one of the same size stays where it is scrolled to."""
        self._cancel()
        rows, columns = self.controls.extent
        wrapped = self.controls.plane[0] == -1 and columns > 1
        if (rows, columns, wrapped) == self._shown and self._subject is not None:
            self.model.refill()
        else:
            self._shown = (rows, columns, wrapped)
            self.model.show_plane(rows, columns, wrapped=wrapped)
            self.table.scrollToTop()
        assert self._subject is not None
        dtype = self._subject.summary.dtype(self._subject.tensor)
        self.table.set_digits(22 if dtype.endswith("int64") else 24 if "complex" in dtype else 12)
        self._read()

    _shown: tuple[int, int, bool] = (0, 0, False)

    # -- asking ------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Ask for blocks that are looked at."""
        subject = self._subject
        while subject is not None and not self._failed and len(self._asked) < _AT_ONCE:
            block = self.model.take_wanted()
            if block is None:
                return
            if block not in self._asked:
                self._ask_block(subject, block)

    def _ask_block(self, subject: Subject, at: BlockAt) -> None:
        def done(result: dict[str, Any], buffers: list[bytearray]) -> None:
            self._asked.pop(at, None)
            values = array(result["type"])
            values.frombytes(buffers[0])
            self.model.add_block(at, Block(result["columns"], result["kind"], values, result["digits"]))
            self._read()
            self._ask()

        rows, columns = self.model.ranges(at)
        params = {"plane": self.controls.plane, "rows": rows, "columns": columns}
        self._asked[at] = self._session.weights.ask(
            subject.checkpoint, "tensor_cells", [subject.tensor], params, done, self._fail
        )

    def _fail(self, failure: Failure) -> None:
        self._cancel()
        self._failed = True
        self.caption.setText(failure.sentence)

    # -- words -------------------------------------------------------------------------------------------------

    def _index(self, row: int, column: int) -> str:
        return self.controls.index_of(*self.model.place(row, column))

    def _read(self, *_: QItemSelection) -> None:
        """Say what is selected; else how large the table is."""
        if self._failed:
            return
        chosen = self.table.selectionModel().selection()
        if chosen.isEmpty():
            rows, columns = self.controls.extent
            shape = (
                f"{words.number(columns)} values"
                if self._shown[2]
                else f"{words.number(rows)} × {words.number(columns)}"
            )
            self.caption.setText(shape)
            return
        part = chosen.first()
        first = self._index(part.top(), part.left())
        if part.width() == part.height() == 1:
            self.caption.setText(f"{first} = {self.model.data(part.topLeft(), Qt.ItemDataRole.ToolTipRole) or '…'}")
            return
        last = self._index(part.bottom(), part.right())
        count = words.plural(part.width() * part.height(), "value")
        self.caption.setText(f"{first} to {last}: {count} selected")

    def _go(self) -> None:
        """Go to the index that was typed."""
        found = self.controls.parsed(self.go_to.text())
        if found is None:
            shape = self._subject.shape if self._subject is not None else ()
            self.caption.setText(f"Type an index within {words.shape_text(shape)}, such as 0, 0")
            return
        index = self.model.reveal(*found)
        self.table.setCurrentIndex(index)
        self.table.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
        self.table.setFocus()

    # -- copies ------------------------------------------------------------------------------------------------

    def copy_selection(self) -> None:
        """Copy the selected values, or all there are, as lines of values with tabs between them."""
        subject, chosen = self._subject, self.table.selectionModel().selection()
        if subject is None or self._failed:
            return
        if chosen.isEmpty():
            top, left, bottom, right = 0, 0, self.model.rowCount() - 1, self.model.columnCount() - 1
        else:
            part = chosen.first()
            top, left, bottom, right = part.top(), part.left(), part.bottom(), part.right()
        count = (bottom - top + 1) * (right - left + 1)
        if count > MOST_COPIED:
            most = words.number(MOST_COPIED)
            self._session.store.notice(f"Select at most {most} values to copy them.", "warning")
            return

        def done(result: dict[str, Any], buffers: list[bytearray]) -> None:
            QGuiApplication.clipboard().setText(buffers[0].decode())
            self._session.store.notice(f"Copied {words.plural(result['count'], 'value')}.")

        first, last = self.model.place(top, left), self.model.place(bottom, right)
        params = {
            "plane": self.controls.plane, "rows": (first[0], last[0] + 1), "columns": (first[1], last[1] + 1),
            "wrap": right - left + 1 if self._shown[2] else None,
        }  # fmt: skip
        self._copying = self._session.weights.ask(
            subject.checkpoint, "cells_text", [subject.tensor], params, done, self._fail
        )

    def paint_drawing(self, painter: QPainter, area: QRectF) -> None:
        """Paint the part of the table that is seen, below the tensor's name."""
        if self._subject is None:
            return
        painter.setFont(theme.scaled_font(1.0, bold=True))
        painter.setPen(theme.qcolor(theme.colors().text))
        painter.drawText(QPointF(12, 24), self._subject.name)
        painter.save()
        self.table.render(painter, QPoint(12, 36))
        painter.restore()

    def drawing_size(self) -> QSize:
        """Return the size of the drawing, in logical pixels."""
        return self.table.size() + QSize(24, 48)

    def copy(self) -> None:
        """Put a picture of the table into the clipboard."""
        if self._subject is not None:
            copy_drawing(self.drawing_size(), self.paint_drawing)
            self._session.store.notice("Copied the picture.")

    def save(self) -> None:
        """Ask where to, and save a picture of the table."""
        if self._subject is None:
            return
        name = f"{self._subject.name.replace('/', '_')}-values"
        path, failure = save_drawing(self, name, self.drawing_size(), self.paint_drawing)
        if path is not None:
            self._session.store.notice(f"Saved {path.name}.")
        elif failure:
            self._session.store.notice(failure, "error")


def _nothing() -> None:
    """Cancel nothing."""
