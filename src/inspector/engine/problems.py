"""What can go wrong in the engine, as types: callers tell them apart by class, never by text."""

from __future__ import annotations

from inspector.errors import InspectorError


class EngineError(InspectorError):
    """The engine can't do what was asked of it."""


class TensorError(EngineError):
    """A tensor's description does not fit its storage."""


class DeviceError(EngineError):
    """A device was asked for that is not there, or does not do its work."""


class DeviceMemoryError(DeviceError):
    """A device's memory is full."""


class DeviceLostError(DeviceError):
    """A device is gone, or its driver reports an error: nothing more can be computed on it in this process."""


class AttachError(EngineError):
    """A state_dict can't be attached to an architecture.

    Attributes
    ----------
    missing, unexpected, mismatched
        The keys that are in the way; empty where something else is.
    """

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()


class PreprocessingError(EngineError):
    """A preprocessing can't be used."""


class PredictionError(EngineError):
    """An image can't be predicted."""


class NoNextImageError(PredictionError):
    """Optical flow was asked of one still picture: there is none after it."""


class CancelledError(EngineError):
    """An image was given up before its turn."""


class LabelsError(EngineError):
    """The class names don't belong to the model."""


class UnsupportedTaskError(EngineError):
    """The architecture's task has no predictions yet."""
