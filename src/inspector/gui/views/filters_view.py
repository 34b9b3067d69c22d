"""The filters of a convolution as a mosaic: any channel or their mean, sorted by place, size or likeness."""

from __future__ import annotations

from array import array
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSpinBox, QWidget

from inspector.gui.combo import Combo
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.views.filters_canvas import FiltersCanvas, FilterTiles
from inspector.gui.views.plot_canvas import PlotCanvas
from inspector.gui.views.plot_page import PlotPage, doubles, integers, toggle
from inspector.gui.views.registry import Subject
from inspector.gui.views.view_bar import slim
from inspector.session import Session, words

_ORDERS = (("position", "position"), ("norm", "norm"), ("similarity", "similarity"))
_MAP_NAMES = {"diverging": "Blue–red", "viridis": "Viridis", "cividis": "Cividis", "grey": "Grey"}
_RGB, _MEAN, _CHANNEL = "rgb", "mean", "channel"


class FiltersView(PlotPage):
    """Small pictures of all filters, and a line about the one that is pointed at."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.canvas = FiltersCanvas()
        self.order, self.shown, self.colours = Combo(), Combo(), Combo()
        self.channel = QSpinBox()
        self.log = toggle("Log", "Logarithmic colours", "Enlarge small weights, to see them beside large ones")
        self.reading = OneLineLabel(Qt.TextElideMode.ElideMiddle)
        self.reading.setProperty("muted", True)
        self.reading.setAccessibleName("What is pointed at")
        for name, text in _ORDERS:
            self.order.addItem(text, name)
        self.order.setAccessibleName("Order of the filters")
        self.order.setToolTip("Similar filters stand side by side; the largest norm comes first")
        self.shown.setAccessibleName("What is shown of each filter")
        self.shown.setToolTip("Three channels as red, green and blue, the mean over all channels, or one of them")
        self.channel.setAccessibleName("Channel")
        self.channel.setToolTip("Which input channel is shown")
        self.order.setMinimumContentsLength(7)
        self.shown.setMinimumContentsLength(10)
        for name, text in _MAP_NAMES.items():
            self.colours.addItem(text, name)
        self.colours.setAccessibleName("Colours")
        self.bar.add(slim(self.order), "Sort by")
        self.bar.add(slim(self.shown), "Show")
        self.bar.add(slim(self.channel))
        self.tints = QWidget()
        second = QHBoxLayout(self.tints)
        second.setContentsMargins(0, 0, 0, 0)
        second.setSpacing(8)
        word = QLabel("Colours")
        word.setProperty("muted", True)
        for widget in (word, slim(self.colours), slim(self.log)):
            second.addWidget(widget)
        second.addStretch(1)
        self.column.addWidget(self.tints)
        self.column.addWidget(self.canvas, 1)
        self.column.addWidget(self.reading)
        self._question = self.question()
        self._tables: dict[str, list[int]] = {}
        self._caption = ""
        self.order.currentIndexChanged.connect(self._ask)
        self.shown.currentIndexChanged.connect(self._ask)
        self.channel.valueChanged.connect(self._ask)
        self.log.toggled.connect(self._ask)
        self.colours.currentIndexChanged.connect(self._recolour)
        self.canvas.pointed.connect(lambda told: self.reading.set_text(told or self._caption))

    def show_subject(self, subject: Subject) -> None:
        """Show a convolution's filters."""
        self.forget()
        same = self.subject is not None and self.subject.shape[1] == subject.shape[1]
        self.subject = subject
        channels = subject.shape[1]
        if not same:
            self._offer(channels)
        self.canvas.show_tiles(None)
        self._caption = ""
        self.reading.set_text("")
        self.say("")
        self._ask()

    def _offer(self, channels: int) -> None:
        """Offer what can be shown of filters of so many channels, the usual first."""
        self.shown.blockSignals(True)
        self.channel.blockSignals(True)
        self.shown.clear()
        if channels == 3:
            self.shown.addItem("as RGB", _RGB)
        if channels > 1:
            self.shown.addItem("channel mean", _MEAN)
        self.shown.addItem("one channel", _CHANNEL)
        self.channel.setRange(0, channels - 1)
        self.channel.setValue(0)
        self.shown.blockSignals(False)
        self.channel.blockSignals(False)

    def forget(self) -> None:
        """Give up what was asked."""
        self._question.drop()

    def _ask(self) -> None:
        if self.subject is None:
            return
        kind = self.shown.currentData()
        one = kind == _CHANNEL
        self.channel.setVisible(one and self.channel.maximum() > 0)
        self.tints.setVisible(kind != _RGB)
        shown = self.channel.value() if one else kind
        params = {"order": self.order.currentData(), "shown": shown, "log": self.log.isChecked()}
        self.wait_for("Reading the filters…")
        self._question.ask(self.subject, "tensor_filters", [self.subject.tensor], params, self._take)

    def _take(self, result: dict[str, Any], buffers: list[bytearray]) -> None:
        self.say("")
        width, height, count = int(result["width"]), int(result["height"]), int(result["tiles"])
        pixels, values, numbers, norms, *tables = buffers
        self._tables = {
            name: [row[0] << 16 | row[1] << 8 | row[2] | 0xFF000000 for row in zip(*[iter(table)] * 4, strict=True)]
            for name, table in zip(result["maps"], tables, strict=True)
        }
        is_rgb = len(pixels) == 4 * width * height * count
        form = QImage.Format.Format_RGBA8888 if is_rgb else QImage.Format.Format_Indexed8
        image = QImage(bytes(pixels), width, height * count, (4 if is_rgb else 1) * width, form).copy()
        if not is_rgb:
            image.setColorTable(self._tables[self.colours.currentData()])
        weights = array("f")
        weights.frombytes(values)
        before = self.canvas.tiles
        keep = before is not None and (before.width, before.height, len(before.numbers)) == (width, height, count)
        self.canvas.show_tiles(FilterTiles(image, width, height, weights, integers(numbers), doubles(norms)), keep=keep)
        self._caption = self._told(result)
        self.reading.set_text(self._caption)

    def _told(self, result: dict[str, Any]) -> str:
        """Return what is said while nothing is pointed at."""
        count, shown, zeros = int(result["filters"]), int(result["tiles"]), int(result["zeros"])
        said = [words.plural(count, "filter")]
        if shown < count:
            said.append(f"the first {words.number(shown)} are shown")
        if zeros:
            said.append(f"{words.number(zeros)} all zero")
        rgb = self.shown.currentData() == _RGB
        said.append("each by its own largest weight" if rgb else f"full colour at ±{words.figure(result['scale'])}")
        return " · ".join(said)

    def _recolour(self) -> None:
        self.canvas.recolour(self._tables.get(self.colours.currentData()))

    # -- pictures ----------------------------------------------------------------------------------------------

    def canvases(self) -> list[PlotCanvas]:
        """Return no plots: the picture is the canvas's."""
        return []

    def drawing_size(self) -> QSize:
        """Return the size of what is seen."""
        return self.canvas.size()

    def paint_drawing(self, painter: QPainter, rect: QRectF) -> None:
        """Paint what is seen."""
        self.canvas.paint_tiles(painter, rect)
