"""One Python environment as a row: what it is, which torch it has, and whether the engine can run on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

Kind = Literal["app", "virtual", "conda", "system"]

#: Characters of a field that are taken at the most: folder names and files' text come from anywhere.
_LONGEST = 4_096


@dataclass(frozen=True, slots=True)
class PythonEnvironment:
    """One Python environment, as its files tell.

    Attributes
    ----------
    executable
        The absolute path by which it is started; its symbolic links are not followed, for a virtual environment is
        known by the place of its link.
    kind
        ``"app"`` is the one that Inspector itself runs on.
    name
        A short name for lists: the environment's own, or ``"Python 3.12"``.
    python
        Such as ``"3.12.4"`` or ``"3.12"``; empty where its files don't tell.
    torch, torchvision
        Version with its build, such as ``"2.6.0+cu126"``; empty where there is none.
    problem
        Why the engine can't run on it, in one sentence; empty where it can, or where only a trial will tell.
    mend
        The command that mends it; empty where none does.
    """

    executable: str
    kind: Kind
    name: str
    python: str = ""
    torch: str = ""
    torchvision: str = ""
    problem: str = ""
    mend: str = ""

    @property
    def usable(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.problem

    def to_json(self) -> dict[str, str]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PythonEnvironment:
        """Make it of what another process sent.

        Raises
        ------
        ValueError
            It is of another form.
        """
        names = cls.__dataclass_fields__.keys()
        if data.keys() != names or not all(type(value) is str and len(value) <= _LONGEST for value in data.values()):
            raise ValueError("This is no Python environment.")
        if data["kind"] not in get_args(Kind):
            raise ValueError(f"{data['kind']!r} is no kind of environment.")
        return cls(**cast(Any, dict(data)))
