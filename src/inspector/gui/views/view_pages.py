"""The views of the tensor that is looked at: built at first use, and told of another tensor when they are seen."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from inspector.gui.views.registry import Subject, ViewKind, WeightView
from inspector.session import Session


class ViewPages(QWidget):
    """Shows one view of one tensor at a time."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._views: dict[str, WeightView] = {}
        self._subjects: dict[str, Subject] = {}  # what each view was last told to show
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)

    def view(self, name: str) -> WeightView | None:
        """Return a view, None where it was not looked at yet."""
        return self._views.get(name)

    def show_view(self, kind: ViewKind, subject: Subject) -> None:
        """Show a tensor in a view; one that shows it already keeps its state."""
        self._forget_other_than(subject)
        made = self._views.get(kind.name)
        if made is None:
            made = self._views[kind.name] = kind.make(self._session)
            layout = self.layout()
            assert layout is not None
            layout.addWidget(made)
        if self._subjects.get(kind.name) != subject:
            self._subjects[kind.name] = subject
            made.show_subject(subject)
        for view in self._views.values():
            view.setVisible(view is made)

    def forget(self) -> None:
        """Look at no tensor: give up what the views asked."""
        self._forget_other_than(None)

    def _forget_other_than(self, subject: Subject | None) -> None:
        for name, shown in list(self._subjects.items()):
            if shown != subject:
                self._views[name].forget()
                del self._subjects[name]
