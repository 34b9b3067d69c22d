"""One line below the tree on the keys that do not fit the architecture, and their list on a click."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QPushButton, QVBoxLayout, QWidget

from inspector.gui import icons, theme
from inspector.gui.tooltips import tooltip
from inspector.session import words
from inspector.session.match_state import MatchReport

#: Keys named in the line, and in its tooltip.
_NAMED = 6
_IN_TOOLTIP = 20
_LIST_HEIGHT = 150


def headline(report: MatchReport) -> str:
    """Return what does not fit, in one line; empty where the architecture lacks nothing."""
    parts = []
    if report.missing:
        verb = "is" if len(report.missing) == 1 else "are"
        count = words.plural(len(report.missing), "key")
        more = ", …" if len(report.missing) > _NAMED else ""
        parts.append(f"{count} of {report.architecture} {verb} missing: {', '.join(report.missing[:_NAMED])}{more}")
    if report.mismatched:
        verb = "has" if len(report.mismatched) == 1 else "have"
        whose = "" if report.missing else f" of {report.architecture}"
        parts.append(f"{words.plural(len(report.mismatched), 'key')}{whose} {verb} another shape")
    return "; ".join(parts)


def lines(report: MatchReport) -> list[str]:
    """Return every missing key, then every mismatched one with both shapes."""
    mismatched = [
        f"{key}: {words.shape_text(expected)} expected, {words.shape_text(found)} found"
        for key, expected, found in report.mismatched
    ]
    return [f"{key}: missing" for key in report.missing] + mismatched


class MissingKeys(QWidget):
    """The keys that the architecture has and the file has not, or in another shape. Hidden where there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._report: MatchReport | None = None
        self._text = ""
        self.button = QPushButton()
        self.button.setCheckable(True)
        self.button.setProperty("flat", True)
        self.button.toggled.connect(self._toggle)
        self.list = QListWidget()
        self.list.setUniformItemSizes(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setAccessibleName("Keys that do not fit")
        self.list.setToolTip("Copy the selected lines with Ctrl+C")
        self.list.setFixedHeight(_LIST_HEIGHT)
        self.list.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 4, 12, 8)
        layout.setSpacing(4)
        layout.addWidget(self.button)
        layout.addWidget(self.list)
        self.setVisible(False)
        self._dress()

    def show_report(self, report: MatchReport | None) -> None:
        """Show what does not fit, or nothing."""
        if report is self._report:
            return
        self._report = report
        self._text = headline(report) if report is not None else ""
        self.button.setChecked(False)
        self.list.clear()
        self.setVisible(bool(self._text))
        if report is not None and self._text:
            shown = lines(report)
            rest = len(shown) - _IN_TOOLTIP
            more = f"and {words.number(rest)} more: click for the list" if rest > 0 else "Click for the list"
            self.button.setToolTip(tooltip(*shown[:_IN_TOOLTIP], more))
            self.button.setAccessibleName(self._text)
            self._elide()

    def _toggle(self, opened: bool) -> None:
        if opened and self._report is not None and not self.list.count():
            self.list.addItems(lines(self._report))
        self.list.setVisible(opened)
        self._dress()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy the selected keys."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.list.selectedItems():
            QGuiApplication.clipboard().setText("\n".join(item.text() for item in self.list.selectedItems()))
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the line into the new width."""
        super().resizeEvent(event)
        self._elide()

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)

    def _elide(self) -> None:
        room = max(60, self.width() - 2 * 12 - 44)
        elided = QFontMetrics(self.button.font()).elidedText(self._text, Qt.TextElideMode.ElideRight, room)
        self.button.setText(elided.replace("&", "&&"))

    def _dress(self) -> None:
        c = theme.colors()
        self.button.setIcon(icons.icon("chevron-down" if self.button.isChecked() else "warning", c.warning))
        self.button.setStyleSheet(
            f"QPushButton {{ background: {c.warning_soft}; color: {c.warning}; text-align: left; border-radius: 6px;"
            f" border: 1px solid {c.warning_soft}; padding: 5px 8px; }}"
            f"QPushButton:focus, QPushButton:hover {{ border-color: {c.warning}; }}"
        )
