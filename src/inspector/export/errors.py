"""What can be wrong with a copy, each a typed error with one plain sentence."""

from __future__ import annotations

from inspector.errors import InspectorError


class ExportError(InspectorError):
    """The copy can't be written."""


class NothingToCopyError(ExportError):
    """What was chosen is no model's state_dict, or is not whole."""


class UnwritableError(ExportError):
    """The format has no place for something that the state_dict holds."""


class TargetError(ExportError):
    """The file can't be written there."""


class TargetExistsError(TargetError):
    """Something is there already."""
