"""The settings page on which the person chooses the Python that attaching and predicting run on."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from inspector.desktop.settings import SettingsStore
from inspector.gui import theme
from inspector.gui.python_details import PythonDetails
from inspector.gui.python_list import PythonList
from inspector.session import Session
from inspector.session.state import EngineState, PythonTrial

_ABOUT = (
    "Attaching and predicting run on a Python that you choose, with the torch that is installed there. "
    "These were found by their files; none of them was started for that."
)


class PythonPage(QWidget):
    """The list, what is to be said of the selected row, and the engine's state.

    Attributes
    ----------
    status
        The engine's state and devices, for the dialog to place.
    use
        The button that takes the selected Python, or gives up the one that is being started.
    """

    def __init__(self, session: Session, settings: SettingsStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._shown = ""  # the Python that the card is about, in the list or not
        self.list, self.details, self.status = PythonList(), PythonDetails(), QLabel(wordWrap=True)
        self.status.setTextFormat(Qt.TextFormat.RichText)
        self.path = QLineEdit(placeholderText="Path of another Python, or of its environment's folder")
        self.path.setAccessibleName("Path of another Python")
        self.path.setToolTip("Press Enter to use it")
        self.path.setClearButtonEnabled(True)
        self.other = self._button("Other…", "Choose another Python from the disk")
        self.again = self._button("Look again", "List the environments anew, after a change to one of them")
        self.use = self._button("Use this Python", "Start the engine on the selected Python, and keep it if it works")
        self.use.setProperty("primary", True)
        self._lay_out()
        self.list.selected.connect(self._show_selected)
        self.list.used.connect(self._use_row)
        self.path.returnPressed.connect(self._take_path)
        self.path.textChanged.connect(lambda _: self._show_details())
        self.other.clicked.connect(self._ask)
        self.again.clicked.connect(self.look)
        self.use.clicked.connect(self._press)
        store = session.store
        self._disconnect = [
            store.pythons_changed.connect(self.show_state),
            store.engine_changed.connect(self.show_state),
            store.python_chosen.connect(self._taken),
        ]
        self.show_state()
        self.look()

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, autoDefault=False)
        button.setToolTip(tip)
        return button

    def _lay_out(self) -> None:
        heading, about = QLabel("Python for predictions"), QLabel(_ABOUT, wordWrap=True)
        heading.setFont(theme.scaled_font(1.25, bold=True))
        about.setProperty("muted", True)
        self._frame = frame = QWidget()
        frame.setObjectName("frame")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(4, 3, 4, 4)
        inside.addWidget(self.list)
        other = QHBoxLayout()
        other.addWidget(self.path, 1)
        for button in (self.other, self.again, self.use):
            other.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        for widget in (heading, about):
            layout.addWidget(widget)
        layout.addWidget(frame, 1)
        layout.addWidget(self.details)
        layout.addLayout(other)
        self._dress()

    # -- commands ----------------------------------------------------------------------------------------------

    def look(self) -> None:
        """List the environments anew."""
        self._session.pythons.look(self._settings.settings.engine_python or "")

    def stop(self) -> None:
        """Listen no more, and give up a Python that is being tried."""
        for disconnect in self._disconnect:
            disconnect()
        self._disconnect = []
        self._session.pythons.cancel()

    def _use_row(self, executable: str) -> None:
        row = self.list.row(executable)
        if row is not None and row.usable and executable != self._session.store.engine.executable:
            self._session.pythons.choose(executable)

    def _press(self) -> None:
        trial = self._session.store.python_trial
        if trial is not None and trial.phase == "running":
            self._session.pythons.cancel()
        elif self._typed:
            self._take_path()
        else:
            self._use_row(self.list.current)

    @property
    def _typed(self) -> str:
        """The path in the field; it goes before the selected row."""
        return self.path.text().strip().strip("\"'").replace("\0", "")

    def _take_path(self) -> None:
        if self._typed:
            self._session.pythons.choose(self._typed)

    def _taken(self, executable: str) -> None:
        self.path.clear()
        if executable and self.list.row(executable) is None:
            self.look()  # given by path: from now on it is listed

    def _ask(self) -> None:
        from inspector.gui import file_dialogs

        path = file_dialogs.ask_for_python(self)
        if path is not None:
            self.path.setText(path)
            self._take_path()

    # -- state -------------------------------------------------------------------------------------------------

    def show_state(self) -> None:
        """Show the list, the trial and the engine."""
        store = self._session.store
        self.again.setEnabled(store.pythons.phase != "running")
        if store.pythons.found:
            self.list.show_rows(store.pythons.found, store.engine.executable)
        trial = store.python_trial
        if trial is not None:
            self._shown = trial.executable
            self.list.select(trial.executable)
        elif self._shown != self.list.current:
            self._shown = self.list.current
        self._show_details()
        self.status.setText(_status(store.engine))

    def _show_selected(self, executable: str) -> None:
        trial = self._session.store.python_trial
        if trial is not None and trial.phase == "failed" and trial.executable != executable:
            self._session.pythons.cancel()  # read; the list is what is looked at now
        self._shown = executable
        if trial is None or trial.phase == "failed":
            self.path.clear()
        self._show_details()

    def _show_details(self) -> None:
        store = self._session.store
        trial, row = store.python_trial, self.list.row(self._shown)
        running = trial is not None and trial.phase == "running"
        in_use = self._shown == store.engine.executable
        self.use.setText("Cancel" if running else "Use this path" if self._typed else "Use this Python")
        self.use.setEnabled(running or bool(self._typed) or (row is not None and row.usable and not in_use))
        if trial is not None and trial.executable == self._shown:
            self._show_trial(trial)
        elif row is None:
            looking = store.pythons.phase == "running"
            text = "Looking for environments…" if looking else "Select an environment, or give a path."
            if store.pythons.phase == "ready" and not store.pythons.complete:
                text = "The search was ended: a disk does not answer. Give the path of a Python, or look again."
            self.details.show_python("", text, "quiet", running=looking)
        elif row.problem:
            sentence = f"{row.problem[:1].upper()}{row.problem[1:]}" if row.problem[:5] != "torch" else row.problem
            self.details.show_python(row.executable, sentence, "warning", mend=row.mend)
        elif in_use:
            self.details.show_python(row.executable, _in_use(store.engine), "quiet")
        else:
            known = f"torch {row.torch} and torchvision {row.torchvision} on Python {row.python}."
            unknown = "Its files don't tell which torch it has. Starting it will."
            self.details.show_python(row.executable, known if row.torch else unknown, "quiet")

    def _show_trial(self, trial: PythonTrial) -> None:
        if trial.failure is None:
            text = "Starting it, importing torch there and looking for its devices…"
            self.details.show_python(trial.executable, text, "accent", running=True)
        else:
            kept = " The Python in use stays."
            sentence = f"{trial.failure.sentence}{kept}"
            self.details.show_python(trial.executable, sentence, "danger", mend=trial.mend)

    def _dress(self) -> None:
        c = theme.colors()
        sheet = f"#frame {{ border: 1px solid {c.border}; border-radius: 8px; background: {c.surface}; }}"
        theme.dress(self._frame, sheet)

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_frame"):
            self._dress()
            self.list.refresh()
            self.details.dress()
            self.status.setText(_status(self._session.store.engine))


def _in_use(engine: EngineState) -> str:
    if engine.phase == "ready":
        return f"In use: torch {engine.torch}, torchvision {engine.torchvision} on Python {engine.python}."
    return "In use."


def _status(engine: EngineState) -> str:
    """Return the engine's state and devices as a line of markup."""
    c = theme.colors()
    devices = " · ".join(device.description for device in engine.devices)
    color, text = {
        "none": (c.muted, "The engine is not started yet."),
        "waiting": (c.muted, "The engine is not started yet."),
        "running": (c.warning, "The engine is starting…"),
        "ready": (c.positive, f"Devices: {devices}"),
        "failed": (c.danger, engine.failure.sentence if engine.failure else "The engine failed."),
    }[engine.phase]
    safe = text.replace("&", "&amp;").replace("<", "&lt;")
    return f'<span style="color:{color}">●</span>&nbsp; {safe}'
