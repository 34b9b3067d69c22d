"""A heatmap of any two axes of a tensor of any size, each cell a weight or the mean of a block of them."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QPushButton, QVBoxLayout

from inspector.gui import theme
from inspector.gui.combo import Combo
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.tree_delegate import tabular
from inspector.gui.views import raster_painting as painting
from inspector.gui.views.colour_bar import ColourBar
from inspector.gui.views.plane_controls import PlaneControls
from inspector.gui.views.raster_canvas import RasterCanvas
from inspector.gui.views.raster_tiles import tile_of
from inspector.gui.views.raster_viewport import Address, Level
from inspector.gui.views.registry import Subject, WeightView
from inspector.gui.views.saving import copy_drawing, save_drawing
from inspector.gui.views.view_bar import ViewBar, slim
from inspector.session import Session, words
from inspector.session.failure import Failure

#: Tiles that the worker is asked for at a time: what is wanted changes while the person moves on.
_AT_ONCE = 2
#: Logical pixels below which the caption stands above the colour bar.
_NARROW = 440
_MAPS = (
    ("diverging", "Blue–red"), ("viridis", "Viridis"), ("cividis", "Cividis"), ("grey", "Grey"),
)  # fmt: skip
_RANGES = (("usual", "99.5 %"), ("exact", "Min to max"))

_Range = dict[str, Any]


class HeatmapView(WeightView):
    """Shows a plane of a tensor as colours."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._subject: Subject | None = None
        self._ranges: dict[Level | str, _Range | None] = {}  # None: asked for
        self._tables: dict[str, list[int]] = {}
        self._asked: dict[Address, Callable[[], None]] = {}
        self._cancel_ranges: list[Callable[[], None]] = []
        self._failure: Failure | None = None
        self._under: tuple[int, int] | None = None  # the weight under the pointer
        self.bar = ViewBar()
        self.controls = PlaneControls(self.bar)
        self.colours, self.range, self.log = Combo(), Combo(), QPushButton("Log")
        self.canvas, self.legend = RasterCanvas(), ColourBar()
        self.caption = OneLineLabel(Qt.TextElideMode.ElideRight)
        self._build()

    def _build(self) -> None:
        for box, entries, name, tip in (
            (self.colours, _MAPS, "Colours", "What values look like; blue–red is neutral at zero"),
            (self.range, _RANGES, "Range of the colours", "What the full colours stand for"),
        ):
            for key, text in entries:
                box.addItem(text, key)
            box.setAccessibleName(name)
            box.setToolTip(tip)
            slim(box)
            self.bar.add(box)
        self.range.setItemData(0, "The 99.5th percentile of what is shown: a few outliers hide nothing", _TIP)
        self.range.setItemData(1, "From the least weight of this plane to the greatest, exactly", _TIP)
        self.log.setCheckable(True)
        self.log.setAccessibleName("Logarithmic colours")
        self.log.setToolTip("Set values near zero further apart: a logarithm of the magnitude, with its sign")
        slim(self.log)
        self.bar.add(self.log)
        self.caption.setProperty("muted", True)
        self.caption.setFont(tabular(self.caption.font()))
        self._below = below = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        below.setSpacing(12)
        below.addWidget(self.caption, 1)
        below.addWidget(self.legend, 0, Qt.AlignmentFlag.AlignRight)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.bar)
        layout.addWidget(self.controls)
        layout.addWidget(self.canvas, 1)
        layout.addLayout(below)
        self.colours.currentIndexChanged.connect(self._recolour)
        self.range.currentIndexChanged.connect(self._recolour)
        self.log.toggled.connect(self._recolour)
        self.controls.changed.connect(lambda: self._start(keep=True))
        self.canvas.moved.connect(self._ask)
        self.canvas.hovered.connect(self._read)
        self.canvas.copy_requested.connect(self.copy)
        self.bar.copy_requested.connect(self.copy)
        self.bar.save_requested.connect(self.save)

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_subject(self, subject: Subject) -> None:
        """Show a tensor."""
        self._subject = subject
        self.controls.show_shape(subject.shape)
        self._start(keep=False)

    def forget(self) -> None:
        """Give up what was asked."""
        self._subject = None
        self._cancel()
        self.canvas.show_plane(0, 0)

    def _cancel(self) -> None:
        for cancel in (*self._asked.values(), *self._cancel_ranges):
            cancel()
        self._asked, self._cancel_ranges, self._ranges, self._failure = {}, [], {}, None

    def _start(self, *, keep: bool) -> None:
        """Show the chosen plane, from the start."""
        self._cancel()
        self.legend.setVisible(keep and self.legend.isVisibleTo(self))
        self.canvas.show_plane(*self.controls.extent, keep=keep)
        self._read(None)

    def _recolour(self) -> None:
        """Show the same weights by other colours."""
        table = self._tables.get(self.colours.currentData())
        if table is not None:
            self.canvas.set_table(table)
        for cancel in self._asked.values():
            cancel()
        self._asked = {}
        self.canvas.show_plane(*self.controls.extent, keep=True)

    # -- asking ------------------------------------------------------------------------------------------------

    def _params(self) -> dict[str, Any]:
        return {"plane": self.controls.plane}

    def _ask(self) -> None:
        """Ask for the tiles that are seen and not there, after the range of their colours."""
        if self._subject is None or self._failure is not None:
            return
        key: Level | str = "exact" if self.range.currentData() == "exact" else self.canvas.level
        if key not in self._ranges:
            self._ask_range(key)
        found = self._ranges[key]
        self._read(self._under)
        if found is None:
            return
        self._show_legend(found)
        for address in self.canvas.wanted():
            if len(self._asked) >= _AT_ONCE:
                break
            if address not in self._asked:
                self._ask_tile(address, self._scale(found))

    def _ask_range(self, key: Level | str) -> None:
        assert self._subject is not None
        self._ranges[key] = None

        def done(result: dict[str, Any], buffers: list[bytearray]) -> None:
            self._ranges[key] = result
            if not self._tables:
                self._tables = {name: _colours(table) for name, table in zip(result["maps"], buffers, strict=True)}
                self.canvas.set_table(self._tables[self.colours.currentData()])
            rows, columns = result["shape"]
            if (rows, columns) != (self.canvas.view.rows, self.canvas.view.columns):
                self.canvas.show_plane(rows, columns)  # packed numbers: there are more of them than elements
            self._ask()

        question = {"exact": True} if key == "exact" else {"level": key}
        params = self._params() | question
        subject = self._subject
        weights = self._session.weights
        self._cancel_ranges.append(
            weights.ask(subject.checkpoint, "plane_range", [subject.tensor], params, done, self._fail)
        )

    def _ask_tile(self, address: Address, scale: tuple[float, float, bool]) -> None:
        assert self._subject is not None
        subject, (level, row, column) = self._subject, address

        def done(result: dict[str, Any], buffers: list[bytearray]) -> None:
            self._asked.pop(address, None)
            tile = tile_of(result["rows"], result["columns"], result["type"], *buffers)
            if tile is not None:
                self.canvas.add_tile(address, tile)
                self._ask()

        params = self._params() | {"level": level, "tile": (row, column), "scale": scale}
        self._asked[address] = self._session.weights.ask(
            subject.checkpoint, "tensor_tile", [subject.tensor], params, done, self._fail
        )

    def _fail(self, failure: Failure) -> None:
        self._cancel()
        self._failure = failure
        self.caption.set_text(failure.sentence)

    def _scale(self, found: _Range) -> tuple[float, float, bool]:
        log = self.log.isChecked()
        if self.colours.currentData() == "diverging":
            return -found["scale"], found["scale"], log
        return found["low"], found["high"], log

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give what is pointed at a line of its own where the colour bar leaves it no room."""
        super().resizeEvent(event)
        is_narrow = self.width() < _NARROW
        wanted = QBoxLayout.Direction.TopToBottom if is_narrow else QBoxLayout.Direction.LeftToRight
        if self._below.direction() != wanted:
            self._below.setDirection(wanted)
            self._below.setSpacing(4 if is_narrow else 12)

    # -- words -------------------------------------------------------------------------------------------------

    def _show_legend(self, found: _Range) -> None:
        low, high, log = self._scale(found)
        chosen = "the exact range" if self.range.currentData() == "exact" else "99.5 % of what is shown lies within"
        note = chosen + (", judged by a sample" if found["is_sample"] else "") + (", logarithmic" if log else "")
        self.legend.show_scale(self.canvas.table, low, high, note)

    def what(self) -> str:
        """Return what a pixel stands for, in words."""
        rows, columns = self.controls.extent
        tall, wide = (min(1 << step, size) for step, size in zip(self.canvas.level, (rows, columns), strict=True))
        is_complex = self._subject is not None and "complex" in self._subject.summary.dtype(self._subject.tensor)
        what = "magnitude" if is_complex else "weight"
        if (tall, wide) == (1, 1):
            return f"Every cell is one {what}"
        return f"Every pixel is the mean of {words.number(tall)} × {words.number(wide)} {what}s"

    def _read(self, under: tuple[int, int] | None) -> None:
        """Say what the pointer is on; else what a pixel stands for."""
        self._under = under
        if self._failure is not None:
            return
        if under is None:
            self.caption.set_text(self.what())
            return
        level = self.canvas.level
        found = self.canvas.tiles.value_at(level, *under)
        if found is None:
            self.caption.set_text(f"{self.controls.index_of(*under)} …")
            return
        ends = [
            range(place >> step << step, min(((place >> step) + 1) << step, size))
            for place, step, size in zip(under, level, self.controls.extent, strict=True)
        ]
        index = self.controls.index_of(*(_span(end) for end in ends))
        equals = "=" if all(len(end) == 1 for end in ends) else "mean ="
        self.caption.set_text(index, f" {equals} {_value(found[1])}")

    # -- copies ------------------------------------------------------------------------------------------------

    def drawing_size(self) -> QSize:
        """Return the size of the whole drawing, in logical pixels."""
        view = self.canvas.view
        wide, tall = view.cell
        corner = self.canvas.corner()
        width = corner.x() + min(view.width, view.columns * wide)
        height = corner.y() + min(view.height, view.rows * tall)
        return QSize(round(max(360.0, width)) + 24, round(height) + 88)

    def paint_drawing(self, painter: QPainter, area: QRectF) -> None:
        """Paint name, cells, axes and legend: the cells as an image of the resolution shown, all else as lines."""
        c = theme.colors()
        if self._subject is None:
            return
        painter.setFont(theme.scaled_font(1.0, bold=True))
        painter.setPen(theme.qcolor(c.text))
        painter.drawText(QRectF(12, 10, area.width() - 24, 20), Qt.AlignmentFlag.AlignLeft, self._subject.name)
        view, corner = self.canvas.view, self.canvas.corner() + QPointF(12, 28)
        image = QImage(QSize(round(view.width), round(view.height)) * view.ratio, QImage.Format.Format_ARGB32)
        image.setDevicePixelRatio(view.ratio)
        image.fill(Qt.GlobalColor.transparent)
        inside = QPainter(image)
        painting.paint_cells(inside, view, self.canvas.tiles)
        painting.paint_grid(inside, view)
        inside.end()
        painter.save()
        painter.translate(corner)
        painting.paint_axes(painter, view)
        painter.drawImage(QRectF(0, 0, round(view.width), round(view.height)), image, QRectF(image.rect()))
        painting.paint_numbers(painter, view, self.canvas.tiles, self.canvas.table)
        painter.restore()
        self._paint_below(painter, area)

    def _paint_below(self, painter: QPainter, area: QRectF) -> None:
        bottom = area.height() - 48
        painter.setPen(theme.qcolor(theme.colors().muted))
        painter.setFont(theme.scaled_font(0.92))
        place = QRectF(12, bottom, area.width() - 24, 18)
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.what())
        if self.legend.table:
            painting.paint_bar(painter, QPointF(12, bottom + 22), self.legend.table, self.legend.labels)

    def copy(self) -> None:
        """Put the picture into the clipboard."""
        if self._subject is not None:
            copy_drawing(self.drawing_size(), self.paint_drawing)
            self._session.store.notice("Copied the picture.")

    def save(self) -> None:
        """Ask where to, and save the picture."""
        if self._subject is None:
            return
        name = f"{self._subject.name.replace('/', '_')}-heatmap"
        path, failure = save_drawing(self, name, self.drawing_size(), self.paint_drawing)
        if path is not None:
            self._session.store.notice(f"Saved {path.name}.")
        elif failure:
            self._session.store.notice(failure, "error")


_TIP = Qt.ItemDataRole.ToolTipRole


def _colours(table: bytearray) -> list[int]:
    """Return a table's RGBA bytes as ``0xAARRGGBB``."""
    parts = array("B", bytes(table))
    return [0xFF000000 | parts[at] << 16 | parts[at + 1] << 8 | parts[at + 2] for at in range(0, len(parts), 4)]


def _span(found: range) -> int | str:
    return found.start if len(found) == 1 else f"{found.start}–{found.stop - 1}"


def _value(value: float) -> str:
    text = f"{value:.6g}"
    return {"nan": "NaN", "inf": "Inf", "-inf": "−Inf"}.get(text, text.replace("-", "−"))
