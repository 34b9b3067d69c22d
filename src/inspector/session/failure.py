"""What went wrong, as state."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong and what to do, for the person; ``kind`` is the error's class name."""

    message: str
    hint: str = ""
    kind: str = "InspectorError"

    @property
    def sentence(self) -> str:
        """Both sentences in one line."""
        return f"{self.message} {self.hint}".strip().replace("\n", " ")
