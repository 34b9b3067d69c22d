"""Choose an architecture, see whether it fits, attach. The right panel leads from a file to predictions."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from inspector.gui import icons, theme
from inspector.gui.architecture_combo import ArchitectureCombo
from inspector.gui.attach_words import (
    assumed_text,
    breakable,
    is_part,
    labels_text,
    misfit_text,
    modules_text,
    options_text,
    own_card,
    twins_text,
    unreadable,
)
from inspector.gui.check_box import CheckBox
from inspector.gui.combo import Combo
from inspector.gui.one_line_button import OneLineButton
from inspector.gui.theme import Tone
from inspector.gui.tooltips import tooltip
from inspector.session import words
from inspector.session.match_state import ArchitectureInfo, MatchReport, OfficialCheck
from inspector.session.preprocessing_words import summary_text
from inspector.session.sources import FLOW
from inspector.session.state import EngineState, OpenCheckpoint
from inspector.session.trust_offer import is_offered, trust_offer


class AttachPanel(QWidget):
    """The controls of one checkpoint's attachment.

    Signals
    -------
    architecture_chosen, state_dict_chosen, device_chosen
        The person chose another one.
    partial_chosen
        The person is content, or no longer, with what fits.
    preprocessing_requested, labels_requested, speed_requested, report_requested, attach_requested, run_own_requested
        The buttons.
    cancel_requested, detach_requested
        The buttons.
    """

    architecture_chosen = Signal(str)
    state_dict_chosen = Signal(int)
    device_chosen = Signal(str)
    partial_chosen = Signal(bool)
    preprocessing_requested = Signal()
    labels_requested = Signal()
    report_requested = Signal()
    attach_requested = Signal()
    run_own_requested = Signal()
    speed_requested = Signal()
    cancel_requested = Signal()
    detach_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.architecture = ArchitectureCombo()
        self.architecture.chosen.connect(self.architecture_chosen)
        self.state_dict = self._combo("State dict", "Which state_dict of the checkpoint to attach")
        self.state_dict.activated.connect(lambda row: self.state_dict_chosen.emit(self.state_dict.itemData(row)))
        self.device = self._combo("Device", "Where to compute; automatic takes CUDA, else Apple's MPS, else the CPU")
        self.device.activated.connect(lambda row: self.device_chosen.emit(self.device.itemData(row)))
        self.speed = QToolButton(autoRaise=True)
        self.speed.setIconSize(QSize(16, 16))
        self.speed.setToolTip("Speed and precision: faster predictions, whose numbers differ a little")
        self.speed.setAccessibleName("Speed and precision")
        self.speed.clicked.connect(self.speed_requested)
        self.labels = QPushButton()
        self.labels.setAccessibleName("Class labels")
        self.labels.setToolTip("Take the names of the classes from a text or JSON file (Ctrl+L)")
        self.labels.clicked.connect(self.labels_requested)
        self.preprocessing = OneLineButton()
        self.preprocessing.setAccessibleName("Preprocessing")
        self.preprocessing.clicked.connect(self.preprocessing_requested)
        self.classes = QLabel()
        self.origin = QLabel(wordWrap=True)
        self.card = QFrame()
        self.card.setObjectName("fit")
        self.card_title, self.card_text = QLabel(wordWrap=True), QLabel(wordWrap=True)
        for label in (self.card_title, self.card_text, self.origin):
            label.setMinimumWidth(1)  # nor may a longer word
        for label in (self.classes, self.origin, self.card_title, self.card_text):
            label.setTextFormat(Qt.TextFormat.PlainText)  # sentences name files and keys as strangers wrote them
        self.progress = QProgressBar(textVisible=False, maximum=1000)
        self.progress.setAccessibleName("Weights sent to the engine")
        self.partial = CheckBox()
        self.partial.setAccessibleName("Attach in part")
        self.partial.toggled.connect(self.partial_chosen)
        self.report = QPushButton("Match report…")
        self.report.setToolTip("Every key: what fits, what does not, and why (Ctrl+M)")
        self.report.clicked.connect(self.report_requested)
        self.button = QPushButton("Attach")
        self.button.setProperty("primary", True)
        self.button.setEnabled(False)
        self.button.clicked.connect(self._press)
        self.own = QPushButton()
        self.own.clicked.connect(self._press_own)
        self.refusal = QLabel(wordWrap=True)
        self.refusal.setTextFormat(Qt.TextFormat.PlainText)
        self.refusal.setProperty("muted", True)
        self._attaching = self._runs_own = False
        self._tone: Tone = "quiet"
        self._lay_out()

    def _combo(self, name: str, tip: str) -> QComboBox:
        combo = Combo()
        combo.setAccessibleName(name)
        combo.setToolTip(tip)
        combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        return combo

    def _lay_out(self) -> None:
        self.form = QFormLayout()
        self.form.setHorizontalSpacing(14)
        self.form.setVerticalSpacing(6)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        rows: tuple[tuple[str, QWidget], ...] = (
            ("torchvision", self.architecture),
            ("State dict", self.state_dict),
            ("Classes", self.classes),
            ("Weights", self.origin),
            ("Labels", self.labels),
            ("Input", self.preprocessing),
            ("Device", self.device),
        )
        for text, widget in rows:
            label = QLabel(text)
            label.setProperty("muted", True)
            label.setBuddy(widget)
            label.setMinimumHeight(widget.sizeHint().height())
            label.setAlignment(Qt.AlignmentFlag.AlignVCenter)
            self.form.addRow(label, widget if widget is not self.device else _beside(widget, self.speed))
        for wide in (self.architecture, self.preprocessing):
            wide.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        inside = QVBoxLayout(self.card)
        inside.setContentsMargins(12, 10, 12, 10)
        inside.setSpacing(3)
        inside.addWidget(self.card_title)
        inside.addWidget(self.card_text)
        inside.addWidget(self.progress)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addLayout(self.form)
        layout.addWidget(self.card)
        layout.addWidget(self.partial)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.button, 1)
        row.addWidget(self.report)
        layout.addLayout(row)
        layout.addWidget(self.own)
        layout.addWidget(self.refusal)

    def _press_own(self) -> None:
        (self.detach_requested if self._runs_own else self.run_own_requested).emit()

    def _press(self) -> None:
        (self.cancel_requested if self._attaching else self.attach_requested).emit()

    # -- state -------------------------------------------------------------------------------------------------

    def show_state(
        self, found: OpenCheckpoint | None, engine: EngineState, catalogue: tuple[ArchitectureInfo, ...]
    ) -> None:
        """Show a checkpoint's architecture, fit and attachment."""
        self.setEnabled(found is not None and found.summary is not None)
        self._show_devices(engine)
        if found is None or found.summary is None:
            return
        self.architecture.fill(catalogue, found.identification)
        self.architecture.show_architecture(found.architecture)
        self._show_state_dicts(found)
        report = found.match_report
        classes = report.num_classes if report is not None else None
        self.classes.setText(f"{words.number(classes)}, from the file's own head" if classes else "")
        self.labels.setText(labels_text(found, classes))
        self.form.setRowVisible(self.classes, bool(classes))
        self.form.setRowVisible(self.labels, report is None or report.task != FLOW)
        self.speed.setVisible(not found.attachment.trusted)  # such a model runs as it is
        self._show_preprocessing(found)
        self._show_origin(found.official)
        self._show_own(found)
        self._show_fit(found, engine)

    def _show_preprocessing(self, found: OpenCheckpoint) -> None:
        """Say how images are prepared, once that is known; a model that runs as it is has no other choice."""
        attachment = found.attachment
        text = summary_text(attachment.preprocessing) if attachment.preprocessing else ""
        self.preprocessing.setText(text)
        self.preprocessing.setToolTip(tooltip("How images are prepared: see it, and change it", text))
        self.form.setRowVisible(self.preprocessing, bool(text) and not attachment.trusted)

    def _show_origin(self, official: OfficialCheck) -> None:
        """Say whether the file is one of torchvision's own."""
        text, tip, color = "", "", theme.colors().text
        if official.phase == "running":
            text = f"Checking the checksum… {words.percent(official.progress)}"
        elif official.is_misnamed:
            text = f"Called like {official.claimed}, but with another checksum"
            tip = "The file is another one: trained further, saved again, damaged or made up."
            color = theme.colors().warning
        elif official.entry:
            text = f"torchvision's {official.entry}"
            tip = (
                "Size, keys and published checksum are the same. Its own preprocessing and classes are used. "
                "The published digits are few and can be forged, so this says nothing about safety."
            )
        self.origin.setText(text)
        self.origin.setToolTip(tooltip(tip) if tip else "")
        theme.dress(self.origin, f"color: {color};")
        self.form.setRowVisible(self.origin, bool(text))

    def _show_own(self, found: OpenCheckpoint) -> None:
        """Offer to run the file's own model, or to stop it, or say why it is not run."""
        attachment, offered = found.attachment, is_offered(found)
        self._runs_own = attachment.trusted and attachment.phase == "ready"
        self.own.setText("Stop running it" if self._runs_own else "Run it as it is…")
        tip = "End its process" if self._runs_own else "Run the file's own class, after a question: its code runs then"
        self.own.setToolTip(tip)
        self.own.setVisible(self._runs_own or (offered and attachment.phase in ("none", "failed")))
        offer = trust_offer(found.summary, found.state_dict) if found.summary is not None else None
        fits = found.match_report is not None and found.match_report.complete
        self.refusal.setText(offer.refusal if offer is not None else "")
        self.refusal.setVisible(bool(self.refusal.text()) and not fits)

    def _show_state_dicts(self, found: OpenCheckpoint) -> None:
        assert found.summary is not None
        rows = [
            (index, f"{entry.path or 'the whole file'} · {words.plural(entry.tensors, 'tensor')}")
            for index, entry in enumerate(found.summary.state_dicts)
            if entry.role != "optimizer"
        ]
        self.form.setRowVisible(self.state_dict, len(rows) > 1)
        if [self.state_dict.itemText(row) for row in range(self.state_dict.count())] != [text for _, text in rows]:
            self.state_dict.clear()
            for index, text in rows:
                self.state_dict.addItem(text, index)
        self.state_dict.setCurrentIndex(self.state_dict.findData(found.state_dict))

    def _show_devices(self, engine: EngineState) -> None:
        best = engine.devices[0].description if engine.devices else ""
        automatic = f"Automatic: {best}" if best else "Automatic"
        rows = [("auto", automatic), *((device.name, device.description) for device in engine.devices)]
        if [self.device.itemText(row) for row in range(self.device.count())] != [text for _, text in rows]:
            self.device.clear()
            for name, text in rows:
                self.device.addItem(text, name)
        self.device.setCurrentIndex(max(0, self.device.findData(engine.device)))

    def _show_fit(self, found: OpenCheckpoint, engine: EngineState) -> None:
        attachment, report = found.attachment, found.match_report
        self._attaching = attachment.phase == "running"
        self.progress.setVisible(self._attaching)
        self.button.setVisible(attachment.phase != "ready")
        self.button.setText("Cancel" if self._attaching else "Attach")
        self.button.setToolTip("" if self._attaching else "Build the architecture with these weights (Ctrl+Return)")
        fits = report is not None and found.attachable and not unreadable(found, report)
        self.button.setEnabled(self._attaching or fits)
        self.report.setEnabled(report is not None)
        in_part = bool(attachment.untrained or attachment.left_out)
        self.report.setVisible(attachment.phase != "ready" or in_part)  # the classes need the room
        self._show_partial(found, report)
        if self._attaching:
            self.progress.setValue(round(1000 * attachment.progress))
        if attachment.trusted and attachment.phase != "failed":
            self._card(*own_card(attachment))
        elif self._attaching:
            waiting = "Starting torch" if engine.phase != "ready" else "Sending the weights"
            building = "Building the architecture" if attachment.progress >= 1 and engine.phase == "ready" else waiting
            self._card("quiet", f"Attaching {attachment.architecture}", f"{building}…")
        elif attachment.phase == "ready":
            total = attachment.matched + len(attachment.untrained)
            counts = f"{words.number(attachment.matched)} of {words.plural(total, 'tensor')}"
            classes = attachment.num_classes
            heads = f", {words.plural(classes, 'class', 'classes')}" if classes else ""
            fixed = attachment.eval_sentence
            sentence = f"{fixed[:1].upper()}{fixed[1:]}"
            details = f"{sentence}\n{attachment.device_description} · {attachment.labels_from}"
            if chosen := options_text(engine.options):
                details = f"{details}\n{chosen}"
            if attachment.precision:
                details = f"{details}\n{attachment.precision}"
            if attachment.left_out:
                details = f"{words.plural(attachment.left_out, 'key')} of the file left out.\n{details}"
            if attachment.untrained:
                details = f"Untrained: {modules_text(attachment.untrained)}. Its predictions mean little.\n{details}"
            title = f"Attached{' in part' if in_part else ''}: {counts}{heads}"
            self._card("warning" if in_part else "positive", title, details)
        elif attachment.phase == "failed" and attachment.failure is not None:
            self._card("danger", attachment.failure.message, attachment.failure.hint)
        else:
            self._show_report(found, report)

    def _show_partial(self, found: OpenCheckpoint, report: MatchReport | None) -> None:
        offered = report is not None and not report.complete and report.matched > 0 and not found.only_resembles
        self.partial.setVisible(offered and found.attachment.phase not in ("running", "ready"))
        with QSignalBlocker(self.partial):
            self.partial.setChecked(found.choices.partial)
        if report is not None:
            rest = f"leave {words.plural(len(report.untrained), 'key')} untrained" if report.untrained else "no more"
            self.partial.setText(f"Attach what fits, {rest}")

    def _show_report(self, found: OpenCheckpoint, report: MatchReport | None) -> None:
        if found.summary is not None and found.state_dict is None:
            self._card("quiet", "Nothing to attach", "There is no model's state_dict in this file.")
        elif found.match_failure is not None:
            self._card("warning", "The keys can't be renamed so", found.match_failure.sentence)
        elif report is None:
            compared = found.identification
            known = compared is not None and not compared.candidates and found.architecture is None
            text = "Choose one to compare it with." if known else ""
            self._card("quiet", "No architecture of torchvision resembles it" if known else "Comparing…", text)
        elif found.only_resembles:
            alike = report.matched + len(report.mismatched)
            near = words.resemblance(report.architecture, alike, report.matched, len(report.marks))
            self._card("quiet", "No architecture of torchvision fits", near)
        elif report.complete and (lost := unreadable(found, report)):
            why = f"{words.plural(len(lost), 'tensor')} can't be read. The tree marks them."
            self._card("warning", f"{report.architecture} fits, but not all of it is here", why)
        elif report.complete:
            classes = f"{words.number(report.num_classes)} classes. " if report.num_classes else ""
            wrapper = f"Wrapper “{report.wrapper}” taken off. " if report.wrapper else ""
            kind = words.TASK_WORDS.get(report.task, report.task)
            task = "" if report.task == "classification" else f"For {kind}. "
            named = f"Keys named as in {report.library}. " if report.library else ""
            ready = report.caveat or "Ready to attach."
            text = f"{classes}{wrapper}{named}{twins_text(found)}{task}{assumed_text(found)}{ready}"
            tone: Tone = "warning" if report.caveat else "positive"
            self._card(tone, f"All {words.number(report.matched)} keys and shapes fit", text)
        else:
            part = found.summary is not None and found.summary.whole is not None
            part_of_it = is_part(found)
            what = f"It is {report.architecture} in part" if part_of_it else f"{report.architecture} does not fit"
            to_do = "Attach what fits, or see the match report." if part_of_it else "Choose another architecture."
            to_do = "This file is just a part: open the whole." if part else to_do
            misfit = f"{misfit_text(report)} The tree marks them. {to_do}"
            if found.attachable:
                misfit = (
                    f"{misfit_text(report)} Untrained: {modules_text(report.untrained)}."
                    if report.untrained
                    else misfit
                )
            self._card("warning", f"{report.architecture} fits in part" if found.attachable else what, misfit)

    def _card(self, tone: Tone, title: str, text: str) -> None:
        self.card_title.setText(breakable(title))
        self.card_text.setText(text)
        self.card_text.setVisible(bool(text))
        self.card.setAccessibleName(f"{title}. {text}")
        self._tone = tone
        self._dress()

    def _dress(self) -> None:
        back, front = theme.tone_colors(self._tone)
        title = theme.colors().text if self._tone == "quiet" else front
        sheet = f"#fit {{ background: {back}; border: none; border-radius: 8px; }}"
        theme.dress(self.card, sheet)
        theme.dress(self.card_title, f"color: {title}; font-weight: 600;")
        theme.dress(self.card_text, f"color: {front};")
        self.speed.setIcon(icons.icon("settings"))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)


def _beside(first: QWidget, second: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(6)
    row.addWidget(first, 1)
    row.addWidget(second)
    return row
