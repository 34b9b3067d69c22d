"""The one base of every error that a person may read. A leaf: it imports nothing of ours."""

from __future__ import annotations


class InspectorError(Exception):
    """Something went wrong that a person can understand.

    Errors cross process borders as data (the class's name, ``message`` and ``hint``), and are never recognised
    by their text.

    Parameters
    ----------
    message
        One plain sentence: what happened, to which file or thing.
    hint
        One plain sentence: what to do now. Empty where ``message`` already says it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def sentence(self) -> str:
        """The message and, where there is one, the hint, as one line."""
        return f"{self.message} {self.hint}".strip().replace("\n", " ")
