"""What each command of the table does to a window: dialogs, clipboard, tabs, theme."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu

from inspector import __version__
from inspector.gui import commands, theme
from inspector.gui.drops import Dropped, from_mime
from inspector.gui.tooltips import tooltip
from inspector.session.trust_offer import is_offered, trust_offer
from inspector.shipped import shipped_path

if TYPE_CHECKING:
    from inspector.gui.main_window import MainWindow

# Dialogs are imported at their first use, not before the first paint.


class WindowCommands(QObject):
    """The handlers of the commands, and the menu made from them.

    Attributes
    ----------
    actions
        A QAction for every command, by its name.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self.actions = commands.make_actions(window, self._handlers())
        self.menu = QMenu(window)
        self.menu.aboutToShow.connect(self._fill_menu)

    def _handlers(self) -> dict[str, Callable[[], object]]:
        session = self._session
        return {
            "open": self.ask_for_files,
            "open_whole": self.ask_for_checkpoint_folder,
            "open_images": self.ask_for_images,
            "open_folder": self.ask_for_folder,
            "paste": self.paste,
            "demo": self.open_demo,
            "reload": lambda: self.with_current(session.reload),
            "save_copy": self.save_copy,
            "save_report": self.save_report,
            "save_arrays": self.save_all_arrays,
            "close": lambda: self.with_current(self._window.close_checkpoint),
            "clear_recent": self.clear_recent,
            "settings": self.show_settings,
            "quit": self._window.close,
            "attach": lambda: self.with_current(session.attach),
            "match_report": self.show_match_report,
            "compare_files": self._window.comparing.compare_shown,
            "run_own": self.run_own_model,
            "forget_trust": self.forget_trust,
            "detach": lambda: self.with_current(session.detach),
            "labels": self.ask_for_labels,
            "speed": self.show_speed,
            "cancel": self.cancel,
            "predict_missing": session.predict_missing,
            "clear_images": session.clear_images,
            "restart_engine": session.engine.restart,
            "find": self._window.tree.focus_search,
            "show_tensor": lambda: self._window.centre.turn_to("tensor"),
            "show_model": lambda: self._window.centre.turn_to("model"),
            "show_comparison": lambda: self._window.centre.turn_to("comparison"),
            "audit": self.show_audit,
            "show_image": self._window.centre.open_image,
            "show_layer": self._window.centre.open_layer,
            "show_results": lambda: self._window.centre.turn_to("results"),
            "safety": self.show_safety,
            "code": self._window.tree.select_root,
            "next_tab": lambda: self._step_tab(1),
            "previous_tab": lambda: self._step_tab(-1),
            "theme_system": lambda: self._choose_theme("system"),
            "theme_light": lambda: self._choose_theme("light"),
            "theme_dark": lambda: self._choose_theme("dark"),
            "reset_panels": self._window.panels.reset,
            "palette": self.show_palette,
            "about": self.show_about,
        }

    def with_current(self, command: Callable[[int], object]) -> None:
        """Give a command about the shown checkpoint, if there is one."""
        found = self._session.current
        if found is not None:
            command(found.id)

    def enable(self) -> None:
        """Enable the commands that can do something now."""
        found = self._session.current
        reloading = found is not None and found.freshness.phase == "reloading"
        running = reloading or (found is not None and "running" in (found.phase, found.attachment.phase))
        copying = found is not None and found.copy is not None
        fits = found is not None and found.attachable
        explained = self._session.store.explanation is not None
        saving = copying or self._session.is_saving or self._is_comparing
        self.actions["cancel"].setEnabled(running or saving or explained or self._session.unfinished_predictions > 0)
        self.actions["attach"].setEnabled(fits)
        self.actions["predict_missing"].setEnabled(fits and self._session.missing_predictions > 0)
        self.actions["match_report"].setEnabled(found is not None and found.match_report is not None)
        self.actions["save_copy"].setEnabled(found is not None and found.state_dict is not None and not copying)
        self.actions["compare_files"].setEnabled(found is not None and found.summary is not None)
        readable = found is not None and found.summary is not None and not copying
        self.actions["save_report"].setEnabled(readable)
        self.actions["save_arrays"].setEnabled(readable and bool(found and found.summary and len(found.summary)))
        self.actions["run_own"].setEnabled(found is not None and is_offered(found))
        self.actions["forget_trust"].setEnabled(bool(self._window.settings.settings.trusted))
        self.actions["reload"].setEnabled(found is not None and found.summary is not None and not reloading)
        self.actions["code"].setEnabled(found is not None and found.summary is not None and bool(found.summary.sources))
        offered = self._window.centre.offered if found is not None and found.summary is not None else ()
        for name in ("tensor", "model", "image", "layer", "results", "comparison"):
            self.actions[f"show_{name}"].setEnabled(name in offered)
        self.actions["audit"].setEnabled("model" in offered)
        for name in ("close", "detach", "labels", "safety", "find"):
            self.actions[name].setEnabled(found is not None)

    @property
    def _is_comparing(self) -> bool:
        found = self._session.store.checkpoint_comparison
        return found is not None and found.phase == "running"

    def show_audit(self) -> None:
        """Turn to what the audit of the weights found."""
        self._window.centre.turn_to("model")
        self._window.centre.model.show_part("audit")

    # -- files -------------------------------------------------------------------------------------------------

    def ask_for_files(self) -> None:
        """Show the open dialog."""
        from inspector.gui import file_dialogs

        settings = self._window.settings
        self._open_chosen(file_dialogs.ask_for_checkpoints(self._window, settings.settings.last_folder))

    def ask_for_checkpoint_folder(self) -> None:
        """Show the dialog that opens a checkpoint that is a folder."""
        from inspector.gui import file_dialogs

        settings = self._window.settings
        self._open_chosen(file_dialogs.ask_for_checkpoint_folder(self._window, settings.settings.last_folder))

    def _open_chosen(self, paths: list[Path]) -> None:
        if paths:
            self._window.settings.update(last_folder=str(paths[0].parent))
            self._window.open_paths(paths)

    def save_copy(self) -> None:
        """Show the dialog that asks where to, and write a clean copy of the shown checkpoint's weights."""
        from inspector.gui import file_dialogs

        found = self._session.current
        if found is None or found.state_dict is None:
            return
        out, replace = file_dialogs.ask_for_copy(self._window, found.path.parent, found.path.stem)
        if out is not None:
            self._session.save_copy(found.id, out, force=replace)

    def save_report(self) -> None:
        """Show the dialog that asks where to, and write a report about the shown checkpoint."""
        from inspector.gui import taking_away

        self.with_current(lambda number: taking_away.save_report(self._window, self._session, number))

    def save_arrays(self, tensors: Sequence[int]) -> None:
        """Show the dialog that asks where to, and write tensors of the shown checkpoint as NumPy's file."""
        from inspector.gui import taking_away

        self.with_current(lambda number: taking_away.save_arrays(self._window, self._session, number, tensors))

    def save_all_arrays(self) -> None:
        """Write all tensors of the shown checkpoint, as `save_arrays` does."""
        found = self._session.current
        if found is not None and found.summary is not None:
            self.save_arrays(range(len(found.summary)))

    def ask_for_images(self) -> None:
        """Show the dialog that adds images."""
        from inspector.gui import file_dialogs

        self._add_images(file_dialogs.ask_for_images(self._window))

    def ask_for_folder(self) -> None:
        """Show the dialog that adds a folder of images."""
        from inspector.gui import file_dialogs

        self._add_images(file_dialogs.ask_for_folder(self._window))

    def _add_images(self, paths: list[Path]) -> None:
        if paths:
            self._window.take(Dropped(images=tuple(paths)))

    def ask_for_labels(self) -> None:
        """Show the dialog that takes class names from a file."""
        from inspector.gui import file_dialogs

        path = file_dialogs.ask_for_labels(self._window)
        if path is not None:
            self.with_current(lambda number: self._session.choose_labels(number, path))

    def run_own_model(self) -> None:
        """Run the model in the shown file as it is: at once where that was agreed to before, else after asking."""
        self.with_current(
            lambda number: self._session.trust_if_remembered(
                number, lambda changed: self._ask_to_trust(number, changed)
            )
        )

    def _ask_to_trust(self, number: int, changed: str) -> None:
        from inspector.gui.trust_dialog import TrustDialog

        found = self._window.store.checkpoints.get(number)
        if found is None or found.summary is None:
            return
        summary, offer = found.summary, trust_offer(found.summary, found.state_dict)
        if offer is None:
            return
        dialog = TrustDialog(found.name, offer, changed, str(found.path.parent), self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def agreed() -> None:
            now = self._window.store.checkpoints.get(number)
            if now is None or now.summary is not summary or trust_offer(summary, now.state_dict) != offer:
                self._window.store.notice(f"{found.name} was read again meanwhile, so it was not run.", "warning")
                return
            self._session.trust(number, dialog.source_folder, remember=dialog.remember.isChecked())

        dialog.accepted.connect(agreed)
        dialog.open()

    def forget_trust(self) -> None:
        """Ask again before any file's own model runs."""
        self._window.settings.forget_trust()
        self._window.store.notice("Inspector asks again before a file's own model runs.")
        self.enable()

    def open_demo(self) -> None:
        """Open the shipped demo and predict its samples."""
        self._session.open(shipped_path("demo/digits.pth"))
        self._session.add_images([shipped_path("demo/samples")])

    def paste(self) -> None:
        """Open the files, or the path, in the clipboard; into a text field it pastes as everywhere."""
        focus = QApplication.focusWidget()
        if isinstance(focus, QLineEdit):
            focus.paste()
            return
        dropped = from_mime(QGuiApplication.clipboard().mimeData())
        if dropped.usable:
            self._window.take(dropped)
        else:
            self._window.store.notice("The clipboard holds no file and no path of one.", "warning")

    def cancel(self) -> None:
        """Stop what runs: reloading, else a copy, comparison, pictures, predictions, attachment, reading, “Why?”."""
        found = self._session.current
        if found is not None and found.freshness.phase == "reloading":
            self._session.cancel_reload(found.id)
        elif found is not None and found.copy is not None:
            self._session.cancel_copy(found.id)
        elif self._is_comparing:
            self._session.differing.cancel()
        elif self._session.is_saving:
            self._session.exporting.cancel()
        elif self._session.unfinished_predictions:
            self._session.cancel_predictions()
        elif found is not None and found.attachment.phase == "running":
            self._session.cancel_attach(found.id)
        elif found is not None and found.phase == "running":
            self._window.close_checkpoint(found.id)
        elif self._session.store.explanation is not None:
            self._window.why.stop()

    def clear_recent(self) -> None:
        """Forget the recent files."""
        self._window.settings.clear_recent()
        self._window.show_all()

    # -- menus, dialogs ----------------------------------------------------------------------------------------

    def _fill_menu(self) -> None:
        self.menu.clear()
        commands.refresh_icons(self.actions)
        commands.fill_menu(self.menu, self.actions, self._extra_actions)

    def _extra_actions(self, group: str, menu: QMenu) -> list[QAction]:
        if group == "View":
            return self._window.panels.actions(menu)
        if group != "File":
            return []
        made = []
        for path in self._window.settings.settings.recent_files:
            action = QAction(Path(path).name.replace("&", "&&"), menu)
            action.setToolTip(tooltip(path))
            action.triggered.connect(lambda _checked=False, chosen=path: self._window.open_paths([Path(chosen)]))
            made.append(action)
        return made

    def show_palette(self) -> None:
        """Show the command palette."""
        from inspector.gui.command_palette import CommandPalette

        commands.refresh_icons(self.actions)
        CommandPalette(list(self.actions.values()), self._window).show()

    def show_safety(self) -> None:
        """Show the safety report of the shown file."""
        from inspector.gui.safety_dialog import SafetyDialog

        found = self._session.current
        if found is not None and found.summary is not None:
            dialog = SafetyDialog(found.name, found.summary, self._window)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()

    def show_match_report(self) -> None:
        """Show every key of the chosen architecture and of the file, and the choices about them."""
        from inspector.gui import file_dialogs
        from inspector.gui.match_dialog import MatchDialog

        found = self._session.current
        if found is not None and found.match_report is not None:
            dialog = MatchDialog(self._session, found.id, self._window, file_dialogs.ask_for_table)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.show()

    def show_settings(self) -> None:
        """Show the settings."""
        from inspector.gui.settings_dialog import SettingsDialog

        dialog = SettingsDialog(self._session, self._window.settings, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def show_speed(self) -> None:
        """Ask what is given up for speed."""
        from inspector.gui.speed_dialog import SpeedDialog

        dialog = SpeedDialog(self._window.store.engine.options, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._session.choose_engine_options(dialog.chosen))
        dialog.open()

    def show_about(self) -> None:
        """Show the version and the licences."""
        from PySide6.QtWidgets import QMessageBox

        engine = self._window.store.engine
        torch = f"Engine: torch {engine.torch}, torchvision {engine.torchvision}" if engine.torch else ""
        box = QMessageBox(
            QMessageBox.Icon.NoIcon,
            "About Inspector",
            f"Inspector {__version__}\n\nOpens PyTorch checkpoints, shows what they hold, and predicts with them.\n"
            f"{torch}\n\nMIT licence. Qt and PySide6 under the LGPL, version 3.",
            QMessageBox.StandardButton.Close,
            self._window,
        )
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _step_tab(self, step: int) -> None:
        bar = self._window.tabs.bar
        if bar.count() > 1:
            bar.setCurrentIndex((bar.currentIndex() + step) % bar.count())

    def _choose_theme(self, name: str) -> None:
        self._window.settings.update(theme=name)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, name)
            commands.refresh_icons(self.actions)

    def choose_device(self, name: str) -> None:
        """Compute on another device from now on, and remember it."""
        self._window.settings.update(device=name)
        self._session.choose_device(name)
