"""What the one window is made of, and how it is laid out. The large panels are built at their first use."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow, QVBoxLayout, QWidget

from inspector.desktop.settings import SettingsStore
from inspector.gui.comparing_files import ComparingFiles
from inspector.gui.drop_target import DropTarget
from inspector.gui.file_tabs import FileTabs
from inspector.gui.file_watch import FileWatch
from inspector.gui.first_paint import FirstPaint
from inspector.gui.module_tree import ModuleTree
from inspector.gui.notice_bar import NoticeBar
from inspector.gui.panels import Panels
from inspector.gui.reload_bar import ReloadBar
from inspector.gui.status_bar import StatusBar
from inspector.gui.verdict_bar import VerdictBar
from inspector.gui.window_commands import WindowCommands
from inspector.gui.window_pages import WindowPages
from inspector.session import Session
from inspector.session.state import ImageItem

if TYPE_CHECKING:
    from inspector.gui.attach_panel import AttachPanel
    from inspector.gui.image_strip import ImageStrip
    from inspector.gui.main_window import MainWindow
    from inspector.gui.model_panel import ModelPanel
    from inspector.gui.prediction_panel import PredictionPanel
    from inspector.gui.tensor_panel import TensorPanel


class WindowParts(QMainWindow):
    """The header, the docks around the centre, and the status bar: put together, and wired among themselves.

    Only `MainWindow` is made of it.

    Attributes
    ----------
    image
        The id of the selected image.
    """

    def __init__(self, session: Session, settings: SettingsStore) -> None:
        super().__init__()
        self.session = session
        self.store = session.store
        self.settings = settings
        self.image: int | None = None
        self.setWindowTitle("Inspector")
        self.setDockNestingEnabled(True)
        room = self.screen().availableGeometry()
        self.resize(min(1440, room.width()), min(900, room.height()))
        self._build()

    def is_readable(self) -> bool:
        """Whether a file is shown that has been read."""
        found = self.session.current
        return found is not None and found.summary is not None

    @property
    def item(self) -> ImageItem | None:
        """The selected image."""
        return self.store.images.get(self.image) if self.image is not None else None

    def _build(self) -> None:
        whole = cast("MainWindow", self)
        self.tabs, self.verdict, self.reload, self.notice = FileTabs(), VerdictBar(), ReloadBar(), NoticeBar()
        header = QWidget()
        stack = QVBoxLayout(header)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.setSpacing(0)
        for widget in (self.tabs, self.verdict, self.reload, self.notice):
            stack.addWidget(widget)
        self.setMenuWidget(header)
        self.tree, self.centre = ModuleTree(), WindowPages(whole)
        self.tree.view.wants_values = self.settings.settings.tree_values
        self.setCentralWidget(self.centre)
        self.panels, area = Panels(self), Qt.DockWidgetArea
        self.panels.add("tree", "Tree", self.tree, area.LeftDockWidgetArea)
        self.panels.add("model", "Architecture", QWidget(), area.RightDockWidgetArea)
        self.panels.add("images", "Images", QWidget(), area.BottomDockWidgetArea)
        sides = [self.panels.docks["tree"], self.panels.docks["model"]]
        self.resizeDocks(sides, [520, 370], Qt.Orientation.Horizontal)
        self.status = StatusBar(self)
        self.setStatusBar(self.status)
        self.drop_target = DropTarget(self, lambda dropped: whole.take(dropped))
        self.first_paint = FirstPaint(self.tree.view, self.is_readable)
        self.file_watch = FileWatch(self.session, self)
        self.comparing = ComparingFiles(whole)
        self.commands = WindowCommands(whole)
        self.tabs.menu_button.setMenu(self.commands.menu)

    @cached_property
    def model(self) -> ModelPanel:
        """The architecture, the attachment and the prediction."""
        from inspector.gui.model_panel import ModelPanel
        from inspector.gui.why import Why

        panel = ModelPanel(
            self.session,
            self.commands.choose_device,
            self.commands.ask_for_labels,
            self.commands.show_match_report,
            self.commands.run_own_model,
            self.centre.options,
        )
        panel.attach.speed_requested.connect(self.commands.show_speed)
        panel.prediction.opened.connect(self.centre.open_image)
        panel.prediction.again_requested.connect(lambda: self.session.predict_again([self.image or -1]))
        self.why = Why(self.session, panel.prediction, self.centre)
        self.panels.set_widget("model", panel)
        self.drop_target.leave_drops_to_window(panel)
        return panel

    @property
    def attach(self) -> AttachPanel:
        """The architecture and the attachment."""
        return self.model.attach

    @property
    def prediction(self) -> PredictionPanel:
        """The selected image's prediction."""
        return self.model.prediction

    @property
    def tensor(self) -> TensorPanel:
        """The selected tensor."""
        return self.centre.tensor

    @cached_property
    def strip(self) -> ImageStrip:
        """The strip of images."""
        from inspector.gui.image_strip import ImageStrip

        strip = ImageStrip(self.store)
        strip.image_selected.connect(cast("MainWindow", self).select_image)
        strip.seen.connect(partial(self.session.show_thumbnails, "strip"))
        strip.view.activated.connect(lambda _: self.centre.open_image())
        strip.remove_requested.connect(self.session.remove_image)
        strip.again_requested.connect(lambda image: self.session.predict_again([image]))
        strip.clear_requested.connect(self.session.clear_images)
        strip.cancel_requested.connect(self.session.cancel_predictions)
        strip.open_images_requested.connect(self.commands.ask_for_images)
        self.panels.set_widget("images", strip)
        return strip
