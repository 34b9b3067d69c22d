"""What the layer that is selected in the tree sees in the selected image."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QStackedLayout, QToolButton, QVBoxLayout, QWidget

from inspector.gui import icons, theme
from inspector.gui.check_box import CheckBox
from inspector.gui.empty_page import EmptyPage
from inspector.gui.maps_view import MapsView
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.tree_delegate import tabular
from inspector.session import Session, words
from inspector.session.explanation_state import FeatureMaps, Scale
from inspector.session.layers import layer_of
from inspector.session.state import ImageItem, OpenCheckpoint

_STEP = 1.25


class LayerPage(QWidget):
    """The feature maps of one layer, page by page."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._wanted: tuple[int, int, str] | None = None  # checkpoint, image, layer
        self._page = 0
        self.title, self.details, self.reading = (OneLineLabel(Qt.TextElideMode.ElideRight) for _ in range(3))
        self.title.setFont(theme.scaled_font(1.15, bold=True))
        self.details.setProperty("muted", True)
        self.note = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.note.setProperty("muted", True)
        self.reading.setFont(tabular(self.reading.font()))
        self.maps, self.empty = MapsView(), EmptyPage("eye")
        self.maps.hovered.connect(self.reading.set_text)
        self.shared = CheckBox("One scale for all")
        self.shared.setToolTip("Black and white mean the same in every map; else each goes from its least to its most")
        self.shared.toggled.connect(lambda _: self._ask())
        self.tools: dict[str, QToolButton] = {}
        self._lay_out()
        session.store.feature_maps_changed.connect(self._show)

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(2)
        for name, icon, tip, call in (
            ("smaller", "minus", "Smaller maps (Ctrl+wheel)", lambda: self.maps.zoom_by(1 / _STEP)),
            ("larger", "plus", "Larger maps (Ctrl+wheel)", lambda: self.maps.zoom_by(_STEP)),
            ("before", "", "The channels before these", lambda: self._turn(-1)),
            ("after", "", "The next channels", lambda: self._turn(1)),
        ):
            button = QToolButton(autoRaise=True)
            button.setText({"before": "‹", "after": "›"}.get(name, ""))
            button.setProperty("icon_name", icon)
            button.setIconSize(QSize(16, 16))
            button.setToolTip(tip)
            button.setAccessibleName(tip.partition(" (")[0])
            button.clicked.connect(lambda _=False, call=call: call())
            self.tools[name] = button
            tools.addWidget(button)
        self.range = QLabel()
        self.range.setFont(tabular(self.range.font()))
        self.range.setProperty("muted", True)
        tools.addWidget(self.range)
        tools.addStretch(1)
        tools.addWidget(self.shared)
        self.area = QScrollArea(widgetResizable=True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        holder = QWidget()
        held = QVBoxLayout(holder)
        held.setContentsMargins(0, 0, 0, 0)
        held.addWidget(self.maps)
        held.addStretch(1)
        self.area.setWidget(holder)
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(16, 8, 16, 12)
        column.setSpacing(4)
        for part in (self.title, self.details, self.note):
            column.addWidget(part)
        column.addLayout(tools)
        column.addWidget(self.area, 1)
        column.addWidget(self.reading)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(shown)
        self._dress()

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_layer(self, found: OpenCheckpoint | None, item: ImageItem | None, node: int) -> None:
        """Show what the layer at a node of the tree sees in an image."""
        layer = layer_of(found, node) if found is not None else None
        attached = found is not None and found.attachment.phase == "ready"
        if found is None or not attached:
            self._say("Nothing is attached", "Attach an architecture: then its layers can be looked into.")
        elif item is None:
            self._say("No image", "Drop an image to see what this layer makes of it.")
        elif layer is None:
            self._say("No layer is selected", "Select a module of the attached model in the tree.")
        elif self._wanted != (found.id, item.id, layer) or self._session.store.feature_maps is None:
            self._wanted, self._page = (found.id, item.id, layer), 0
            self.empty.say("Looking…", f"What {layer or 'the model'} makes of {item.name} is being computed.")
            self._ask()

    def _say(self, title: str, text: str) -> None:
        self._wanted = None
        self._session.explaining.close_feature_maps()
        self.empty.say(title, text)
        self._stack.setCurrentIndex(0)

    def _ask(self) -> None:
        if self._wanted is not None:
            checkpoint, image, layer = self._wanted
            scale: Scale = "shared" if self.shared.isChecked() else "each"
            explaining = self._session.explaining
            explaining.show_feature_maps(checkpoint, image, layer, page=self._page, scale=scale)

    def _turn(self, step: int) -> None:
        self._page = max(0, self._page + step)
        self._ask()

    def _show(self) -> None:
        maps = self._session.store.feature_maps
        if maps is None or self._wanted is None:
            return
        self.title.set_text(maps.module or "The whole model")
        if maps.phase == "running":
            self.details.set_text("Looking…")
            return  # what was shown stays until then
        self._stack.setCurrentIndex(1)
        failure = maps.failure
        self.details.set_text(_details(maps) if failure is None else failure.message)
        self.note.setText(maps.note if failure is None else failure.hint)
        self.note.setVisible(bool(self.note.text()))
        self.maps.show_maps(maps if failure is None else None)
        self.reading.set_text("")
        last = maps.first + maps.count
        self.range.setText(f"{words.number(maps.first)}–{words.number(last - 1)}" if maps.count > 1 else "")
        paged = maps.channels > maps.count > 0
        for name, enabled in (("before", maps.first > 0), ("after", last < maps.channels)):
            self.tools[name].setVisible(paged)
            self.tools[name].setEnabled(enabled)
        drawn = failure is None and maps.kind != "vector"
        for widget in (self.shared, self.tools["smaller"], self.tools["larger"]):
            widget.setVisible(drawn)
        with QSignalBlocker(self.shared):
            self.shared.setChecked(maps.scale == "shared")

    def hideEvent(self, event: QHideEvent) -> None:
        """Let the maps go: they are asked for again when the page is turned to."""
        super().hideEvent(event)
        self._wanted = None
        self._session.explaining.close_feature_maps()

    def _dress(self) -> None:
        for button in self.tools.values():
            if name := button.property("icon_name"):
                button.setIcon(icons.icon(name))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_stack"):
            self._dress()
        super().changeEvent(event)


def _details(maps: FeatureMaps) -> str:
    shape = " × ".join(map(str, maps.shape))
    if maps.kind == "vector":
        return (
            f"{words.plural(maps.channels, 'value')} from {min(maps.low):.4g} to {max(maps.low):.4g} · output {shape}"
        )
    scale = "one scale for all" if maps.scale == "shared" else "each on its own scale"
    size = f"{words.number(maps.height)} × {words.number(maps.width)}"
    return f"{words.plural(maps.channels, 'map')} of {size} · {scale} · output {shape}"
