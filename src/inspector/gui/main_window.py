"""The one window: it lays the panels out, shows the session's state in them and sends it commands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QShowEvent

from inspector.checkpoint.folders import together
from inspector.desktop.settings import SettingsStore
from inspector.gui import commands
from inspector.gui.ahead import (
    Ahead,
    meet_widgets,
    model_imports,
    model_page_imports,
    results_imports,
    strip_imports,
    take_turns,
    tensor_imports,
    view_imports,
)
from inspector.gui.drops import Dropped
from inspector.gui.window_parts import WindowParts
from inspector.session import Session
from inspector.session.state import OpenCheckpoint
from inspector.shipped import shipped_path

#: Milliseconds after which changed predictions are counted.
_COUNT_AFTER = 30

#: Milliseconds after which the rest of the window is built, also where no tree has been painted yet.
_FURNISHED_AFTER = 250


class MainWindow(WindowParts):
    """Everything a person sees.

    The header and the tree come first; the other panels are built when the tree is on the screen, or at their first
    use: that is a third of the time to the painted tree.

    Parameters
    ----------
    session
        Owns the state; this window only shows it.
    settings
        Recent files, layout and theme.

    Signals
    -------
    furnished
        Everything is built and shown.
    """

    furnished = Signal()

    _furnishing = _furnished = False

    def __init__(self, session: Session, settings: SettingsStore) -> None:
        super().__init__(session, settings)
        self._greeted: set[int] = set()
        self._counting = QTimer(self, singleShot=True, interval=_COUNT_AFTER)
        self._counting.timeout.connect(self._show_counts)
        self._remembered: set[int] = set()
        model = (*model_page_imports(), lambda: self.centre.model, lambda: self.centre.model.part("table"))
        strip = (*strip_imports(), lambda: self.strip)
        results = (*results_imports(), lambda: self.centre.results)
        self.ahead = Ahead((*model, session.prepare_views, *view_imports(), *strip, *results), self)
        self._connect()
        self.panels.restore(settings.settings.window_geometry, settings.settings.window_state)

    @property
    def is_furnished(self) -> bool:
        """Whether all panels are built."""
        return self._furnished

    # -- building ----------------------------------------------------------------------------------------------

    def _furnish(self) -> None:
        """Build what waited for the tree, each piece in a turn of the event loop of its own."""
        if not self._furnishing:
            self._furnishing = True
            self.session.prepare_to_draw()
            imports = (*tensor_imports(), *model_imports(), meet_widgets)
            shown = (lambda: self.tensor, lambda: self.model, self._dress, self._show_furnished)
            take_turns(self, *imports, *shown, self.furnished.emit)

    def _dress(self) -> None:
        """Draw the commands' icons in the colours of the theme."""
        commands.refresh_icons(self.commands.actions)

    def _show_furnished(self) -> None:
        self._furnished = True
        self.show_all()
        self._arrive()

    def _connect(self) -> None:
        self.first_paint.painted.connect(self._furnish)
        self.furnished.connect(self.ahead.begin)
        self.furnished.connect(self.session.survey_what_is_shown)
        self.tabs.shown.connect(self.session.show)
        self.tabs.closed.connect(self.close_checkpoint)
        self.tabs.open_requested.connect(self.commands.ask_for_files)
        self.tabs.palette_requested.connect(self.commands.show_palette)
        self.verdict.safety_requested.connect(self.commands.show_safety)
        self.verdict.whole_requested.connect(lambda path: self.open_paths([Path(path)]))
        self.verdict.architecture_requested.connect(lambda: self.attach.architecture.setFocus())
        for button, command in (
            (self.reload.reload_requested, self.session.reload),
            (self.reload.cancel_requested, self.session.cancel_reload),
            (self.reload.dismiss_requested, self.session.dismiss_change),
            (self.status.copy.cancel_requested, self.session.cancel_copy),
        ):
            button.connect(lambda call=command: self.commands.with_current(call))
        self.tree.tensor_selected.connect(self._select_tensor)
        self.tree.node_selected.connect(lambda _: self._show_selected())
        self.tree.layer_requested.connect(self.centre.open_layer)
        self.tree.save_requested.connect(self.commands.save_arrays)
        self.store.checkpoints_changed.connect(self.show_all)
        self.store.checkpoint_changed.connect(self._checkpoint_changed)
        self.store.survey_changed.connect(self._survey_changed)
        self.tree.view.values_toggled.connect(lambda wanted: self.settings.update(tree_values=wanted))
        self.store.images_changed.connect(self._images_changed)
        self.store.pictures_changed.connect(self._pictures_changed)
        self.status.pictures.cancel_requested.connect(lambda: self.session.exporting.cancel())
        self.store.image_changed.connect(self._image_changed)
        self.store.prediction_changed.connect(lambda _checkpoint, image: self._image_changed(image))
        self.store.explanation_changed.connect(self.commands.enable)
        self.store.engine_changed.connect(self._show_model)
        self.store.catalogue_changed.connect(self._show_model)
        self.store.python_chosen.connect(lambda path: self.settings.update(engine_python=path or None))
        self.store.noticed.connect(self.notice.show_notice)
        self.notice.use_cpu_requested.connect(self.session.fall_back_to_cpu)
        self.notice.restart_requested.connect(self.session.engine.restart)

    # -- showing the state -------------------------------------------------------------------------------------

    def show_all(self) -> None:
        """Show the session's state everywhere."""
        found = self.session.current
        self.tabs.show_checkpoints(list(self.store.checkpoints.values()), self.store.current)
        self.setWindowTitle(f"{found.name} – Inspector" if found is not None else "Inspector")
        self.setWindowFilePath(str(found.path) if found is not None else "")
        self.verdict.setVisible(found is not None)
        self._show_tree(found)
        if self.store.images:
            self.strip.set_checkpoint(self.store.current)
        if found is None:
            self.centre.welcome.show_recent(self.settings.settings.recent_files)
        self._show_page(found)
        self._show_model()
        self._show_panels()
        if self._furnished and self.is_readable() and found is not None and found.id not in self._greeted:
            self._arrive()  # it was read behind another file

    def _show_tree(self, found: OpenCheckpoint | None) -> None:
        # What merely resembles an architecture would be marked wrong on every row.
        resembles = found is not None and found.only_resembles
        self.tree.show_checkpoint(replace(found, match_report=None) if found is not None and resembles else found)

    def _show_page(self, found: OpenCheckpoint | None) -> None:
        self.verdict.show_checkpoint(found)
        self.reload.show_checkpoint(found)
        self.centre.show_checkpoint(found, self.item, furnished=self._furnished)

    def show_current(self) -> None:
        """Show the views of the shown file anew: there are more or fewer of them."""
        self._show_page(self.session.current)
        self.commands.enable()

    def _show_panels(self) -> None:
        wanted = {"tree", "model"} if self.is_readable() else set()
        self.panels.show(frozenset(wanted | {"images"} if wanted and self.store.images else wanted))

    def _show_model(self) -> None:
        if self._furnished and self.is_readable():
            self.model.show_state(self.session.current, self.item)
        self.status.show_engine(self.store.engine)
        self.status.copy.show_copy(self.session.current.copy if self.session.current is not None else None)
        self.status.show_images(len(self.store.images), self.session.unfinished_predictions)
        self.commands.enable()

    def _checkpoint_changed(self, number: int) -> None:
        found = self.store.checkpoints.get(number)
        if found is None:
            return
        if found.phase == "failed":
            # The message is shown by the notice bar; everything else goes back to what it was.
            self.close_checkpoint(number)
            return
        self.tabs.show_checkpoint(found)
        if found.phase == "ready":
            self._remember(found)
        if number != self.store.current:
            return
        if found.summary is not None and self._furnished and number not in self._greeted:
            # The panel that is still hidden first; then all that is shown, in one step.
            take_turns(self, self._show_model, self._arrive)
        else:
            self._show_current(found)

    def _survey_changed(self, number: int) -> None:
        found = self.session.current
        if found is not None and found.id == number:
            self.tree.show_survey(found.survey)

    def _show_current(self, found: OpenCheckpoint) -> None:
        self._show_tree(found)
        self._show_page(found)
        self._show_model()
        self._show_panels()

    def _arrive(self) -> None:
        """Show a file that has been read, and the first tensor of its model: weights are what people open it for."""
        found = self.session.current
        if found is None:
            return
        summary, is_new = found.summary, found.id not in self._greeted
        if summary is not None:
            self._greeted.add(found.id)
        if summary is not None and is_new and len(summary) and found.tensor is None:
            model = summary.model
            first = summary.owners.index(model) if model is not None and model in summary.owners else 0
            self.session.select_tensor(found.id, first)  # which shows it all
        else:
            self._show_current(found)

    def _remember(self, found: OpenCheckpoint) -> None:
        if found.id not in self._remembered:
            self._remembered.add(found.id)
            self.comparing.opened(found)
            if found.path != shipped_path("demo/digits.pth"):
                self.settings.add_recent(found.path)

    def _images_changed(self) -> None:
        if self.store.images:
            self.strip.set_checkpoint(self.store.current)
        if self.image not in self.store.images:
            self.select_image(next(iter(self.store.images), -1))
        self._show_page(self.session.current)
        self._show_model()
        self._show_panels()

    def _pictures_changed(self) -> None:
        self.status.pictures.show_pictures(self.store.pictures)
        self.commands.enable()

    def _image_changed(self, number: int) -> None:
        if number == self.image and self._furnished:
            self._show_image()
        if not self._counting.isActive():
            self._counting.start()

    def _show_counts(self) -> None:
        """Show how many images are done: once for the thousands that can change in one go."""
        self.status.show_images(len(self.store.images), self.session.unfinished_predictions)
        self.commands.enable()

    def _select_tensor(self, tensor: int) -> None:
        found = self.session.current
        if found is not None:
            self.session.select_tensor(found.id, tensor if tensor >= 0 else None)

    def _show_selected(self) -> None:
        if self.centre.view != "layer":  # which shows what is selected, too
            self.centre.turn_to("tensor")
        self._show_page(self.session.current)

    def _show_image(self) -> None:
        self.centre.show_image(self.session.current, self.item)
        self.model.show_prediction(self.session.current, self.item)

    def want_preview(self) -> None:
        """Have a picture made of the selected image that is as large as it is shown."""
        if self.image is not None:
            self.session.select_image(self.image, large=self.centre.view == "image")

    def select_image(self, number: int) -> None:
        """Show an image and its prediction."""
        self.image = number if number in self.store.images else None
        self.want_preview()
        if self._furnished:
            self._show_image()

    # -- opening -----------------------------------------------------------------------------------------------

    def open_paths(self, paths: Iterable[Path]) -> None:
        """Open checkpoints, each in a tab."""
        for path in together(list(paths)):
            self.session.open(path)

    def take(self, dropped: Dropped) -> None:
        """Open the checkpoints and predict the images of a drop or a paste."""
        if not dropped.usable:
            self.store.notice(dropped.refusal or "There is nothing in it to open.", "warning")
            return
        self.open_paths(dropped.checkpoints)
        if dropped.images:
            self.session.add_images(dropped.images)
            if self.session.current is None:
                self.store.notice("The images are kept. Open a checkpoint to predict them.")

    def close_checkpoint(self, number: int) -> None:
        """Close a tab."""
        self.session.close(number)
        self.tree.forget(number)

    # -- events ------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Show the state, whatever it has become since the window was made."""
        super().showEvent(event)
        if not event.spontaneous():
            self.show_all()
            empty = self.session.current is None
            QTimer.singleShot(0 if empty else _FURNISHED_AFTER, self, self._furnish)

    def changeEvent(self, event: QEvent) -> None:
        """Draw the icons again in the colours of a new theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._furnishing:
            self._dress()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save the layout and end the processes."""
        self.file_watch.stop()
        geometry, state = self.panels.save()
        self.settings.update(window_geometry=geometry, window_state=state)
        self.session.close_processes()
        super().closeEvent(event)
