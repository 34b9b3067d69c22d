"""How predictions are looked at: threshold, opacity, what is hidden or pointed at. Shared by all that shows them."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from inspector.session.drawing import THRESHOLD


class ViewOptions(QObject):
    """The person's options about what lies over the image, of the one window.

    Attributes
    ----------
    threshold
        Objects of a lower score are not shown.
    opacity
        Of masks and of flow colours, 0 to 1.
    hidden
        Rows of the shown prediction that the person hid.
    pointed, selected
        The row that the mouse or the keys point at, and the one that was clicked; -1 for none.
    arrows
        Whether optical flow shows arrows.

    Signals
    -------
    changed
        Any of them.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.threshold, self.opacity, self.arrows = THRESHOLD, 0.6, True
        self.hidden: frozenset[int] = frozenset()
        self.pointed = self.selected = -1

    def set_threshold(self, threshold: float) -> None:
        """Show only objects that are at least so sure."""
        if threshold != self.threshold:
            self.threshold = threshold
            self.changed.emit()

    def set_opacity(self, opacity: float) -> None:
        """Show masks more or less."""
        if opacity != self.opacity:
            self.opacity = opacity
            self.changed.emit()

    def set_arrows(self, arrows: bool) -> None:
        """Show arrows, or not."""
        if arrows != self.arrows:
            self.arrows = arrows
            self.changed.emit()

    def toggle(self, row: int) -> None:
        """Hide a row, or show it again."""
        self.hidden = self.hidden ^ {row}
        self.changed.emit()

    def point_at(self, row: int) -> None:
        """Let a row stand out, -1 for none."""
        if row != self.pointed:
            self.pointed = row
            self.changed.emit()

    def select(self, row: int) -> None:
        """Let a row stand out until another is selected; -1 for none."""
        if row != self.selected:
            self.selected = row
            self.changed.emit()

    def forget_rows(self) -> None:
        """Another prediction is shown: what was hidden, pointed at or selected is of the one before."""
        if self.hidden or self.pointed >= 0 or self.selected >= 0:
            self.hidden, self.pointed, self.selected = frozenset(), -1, -1
            self.changed.emit()
