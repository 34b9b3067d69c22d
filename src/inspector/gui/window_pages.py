"""The pages of the window's centre: welcome, reading, and the views of a file: tensor, model, image, results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from inspector.gui.centre import Centre
from inspector.gui.reading_page import ReadingPage
from inspector.gui.view_options import ViewOptions
from inspector.session.prediction_state import Prediction
from inspector.session.state import ImageItem, OpenCheckpoint

if TYPE_CHECKING:
    from inspector.gui.comparison_page import ComparisonPage
    from inspector.gui.image_page import ImagePage
    from inspector.gui.layer_page import LayerPage
    from inspector.gui.main_window import MainWindow
    from inspector.gui.model_page.page import ModelPage
    from inspector.gui.overlays.overlay import Overlay
    from inspector.gui.results_page import ResultsPage
    from inspector.gui.tensor_panel import TensorPanel
    from inspector.gui.welcome import Welcome

# Pages are imported when they are built, not before the first paint.


class WindowPages(Centre):
    """What stands in the middle of a window.

    Attributes
    ----------
    options
        How predictions are looked at, here and in the right panel.

    Signals
    -------
    class_chosen
        A class of the selected image was clicked: its row.
    """

    class_chosen = Signal(int)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self.options = window, ViewOptions(self)
        self.add_page("reading", self._make_reading)
        self.add_page("welcome", self._make_welcome)
        self.add_view("tensor", "Tensor", "The tensor that is selected in the tree (Ctrl+1)", self._make_tensor)
        self.add_view("model", "Model", "The whole model at a glance (Ctrl+5)", self._make_model)
        self.add_view("image", "Image", "The selected image, large, with its prediction (Ctrl+2)", self._make_image)
        self.add_view("layer", "Layer", "What the selected layer sees in the selected image (Ctrl+3)", self._make_layer)
        self.add_view("results", "Results", "What is predicted for all images (Ctrl+4)", self._make_results)
        tip = "What differs between two open checkpoints (Ctrl+6)"
        self.add_view("comparison", "Comparison", tip, self._make_comparison)
        self.turned.connect(self._follow)
        self.options.changed.connect(lambda: window.strip.model.set_threshold(self.options.threshold))
        self._over: Overlay | None = None
        self._over_row = -1
        self._seen: tuple[int, Prediction | None] = (-1, None)

    def _make_reading(self) -> QWidget:
        page = ReadingPage()
        page.close_requested.connect(lambda: self._window.commands.actions["close"].trigger())
        return page

    def _make_welcome(self) -> QWidget:
        from inspector.gui.welcome import Welcome

        page, commands = Welcome(), self._window.commands
        page.open_requested.connect(commands.ask_for_files)
        page.demo_requested.connect(commands.open_demo)
        page.recent_chosen.connect(lambda path: self._window.open_paths([Path(path)]))
        return page

    def _make_tensor(self) -> QWidget:
        from inspector.gui.tensor_panel import TensorPanel

        return TensorPanel(self._window.session)

    def _make_model(self) -> QWidget:
        from inspector.gui.model_page.page import ModelPage

        page = ModelPage(self._window.session)
        page.tensor_opened.connect(lambda: self.turn_to("tensor"))
        page.node_chosen.connect(self._window.tree.go_to)
        return page

    def _make_comparison(self) -> QWidget:
        from inspector.gui.comparison_page import ComparisonPage

        page = ComparisonPage(self._window.session)
        page.tensor_selected.connect(self._window.session.select_tensor)
        page.tensor_opened.connect(lambda: self.turn_to("tensor"))
        page.other_requested.connect(self._window.comparing.ask_for_other)
        return page

    def _make_image(self) -> QWidget:
        from inspector.gui import file_dialogs
        from inspector.gui.image_page import ImagePage

        page = ImagePage(self._window.session, self.options, lambda name: file_dialogs.ask_for_picture(self, name))
        page.side.bars.clicked.connect(self.class_chosen)
        if self._over is not None:
            page.add_overlay(self._over)
            page.side.bars.mark(self._over_row)
        return page

    def _make_layer(self) -> QWidget:
        from inspector.gui.layer_page import LayerPage

        return LayerPage(self._window.session)

    def open_layer(self) -> None:
        """Turn to what the selected layer sees."""
        if self._window.store.images:
            self.turn_to("layer")
            self.show_layer()
        else:
            self._window.store.notice("Drop an image first: a layer shows what it sees in one.")

    def show_layer(self) -> None:
        """Show what the selected layer sees, where that view is seen."""
        if self.current == "layer":
            self.layer.show_layer(self._window.session.current, self._window.item, self._window.tree.selected_node)

    def show_over(self, overlay: Overlay | None, row: int) -> None:
        """Draw something over the selected image, which is about a row of its classes; None for nothing."""
        before, self._over, self._over_row = self._over, overlay, row
        if self.is_built("image"):
            self.image.side.bars.mark(row)
            if before is not None and before is not overlay:
                self.image.remove_overlay(before)
            if overlay is not None and before is not overlay:
                self.image.add_overlay(overlay)

    def _make_results(self) -> QWidget:
        from inspector.gui import file_dialogs
        from inspector.gui.results_page import ResultsPage

        window = self._window
        page = ResultsPage(
            window.session, lambda kind, name: file_dialogs.ask_for_export(self, kind, name), self.options
        )
        page.image_selected.connect(window.strip.select)
        window.strip.image_selected.connect(page.select)
        page.opened.connect(self.open_image)
        page.attach_requested.connect(window.commands.actions["attach"].trigger)
        page.images_requested.connect(window.commands.ask_for_images)
        page.open_requested.connect(window.commands.ask_for_files)
        return page

    @property
    def reading(self) -> ReadingPage:
        """The page of a file that is being read."""
        return cast(ReadingPage, self.page("reading"))

    @property
    def welcome(self) -> Welcome:
        """The page with nothing open."""
        return cast("Welcome", self.page("welcome"))

    @property
    def tensor(self) -> TensorPanel:
        """The selected tensor."""
        return cast("TensorPanel", self.page("tensor"))

    @property
    def model(self) -> ModelPage:
        """The whole model at a glance."""
        return cast("ModelPage", self.page("model"))

    @property
    def comparison(self) -> ComparisonPage:
        """What differs between two checkpoints."""
        return cast("ComparisonPage", self.page("comparison"))

    @property
    def image(self) -> ImagePage:
        """The selected image."""
        return cast("ImagePage", self.page("image"))

    @property
    def layer(self) -> LayerPage:
        """The selected layer's maps."""
        return cast("LayerPage", self.page("layer"))

    @property
    def results(self) -> ResultsPage:
        """What is predicted for all images."""
        return cast("ResultsPage", self.page("results"))

    # -- showing the state -------------------------------------------------------------------------------------

    def show_checkpoint(self, found: OpenCheckpoint | None, item: ImageItem | None, *, furnished: bool) -> None:
        """Show a file, as far as it has been read; views only once the window is ``furnished``."""
        if (found is None or found.summary is None) and self.is_built("tensor"):
            self.tensor.show_view(None, None)  # what its views asked about another file is given up
        if found is None:
            self.show_page("welcome")
        elif found.summary is None:
            self.reading.show_checkpoint(found)
            self.show_page("reading")
        elif furnished:
            self.tensor.show_view(found.summary, found.tensor_view, self._window.tree.selected_node, found.id)
            self.set_offered(self._views_of(found))
            self.show_view()
            self.show_image(found, item)
            if self.current == "results":
                self.results.show_checkpoint(found.id)
            elif self.current == "model":
                self.model.show_checkpoint(found.id)

    def _views_of(self, found: OpenCheckpoint) -> set[str]:
        """Return the views that there is something to see in."""
        whole = {"model"} if found.summary is not None and len(found.summary) else set()
        whole |= {"comparison"} if self._window.store.checkpoint_comparison is not None else set()
        return {"tensor", *whole, *(("image", "layer", "results") if self._window.store.images else ())}

    def show_image(self, found: OpenCheckpoint | None, item: ImageItem | None) -> None:
        """Show the selected image, where that view is seen; what was hidden or selected is another prediction's."""
        both = found is not None and item is not None
        prediction = self._window.store.predictions.get((found.id, item.id)) if both else None  # type: ignore[union-attr]
        seen = (item.id if item is not None else -1, prediction)
        if seen[0] != self._seen[0] or prediction is not self._seen[1]:
            self._seen = seen
            self.options.forget_rows()
        if self.current == "image":
            self.image.show_image(found, item)
        self.show_layer()

    def open_image(self) -> None:
        """Turn to the selected image."""
        if self._window.store.images:
            self.turn_to("image")
            self.image.canvas.setFocus()

    def _follow(self, view: str) -> None:
        """Show what a view is turned to about."""
        self.show_layer()
        if view == "image":
            self._window.want_preview()
            self.show_image(self._window.session.current, self._window.item)
        elif view == "results":
            self.results.show_checkpoint(self._window.store.current)
            self.results.select(self._window.image if self._window.image is not None else -1)
        elif view == "comparison":
            self.comparison.show_comparison()
        elif view == "model":
            self.model.show_checkpoint(self._window.store.current)
