"""The torchvision catalogue as shipped data: identify an architecture, match its keys, find its head.

May import: the standard library alone. Never torch: the catalogue is made by ``tools/make_catalogue.py``.
"""

from inspector.architectures.builders import (
    Architecture,
    OfficialWeights,
    Preprocessing,
    UnknownArchitectureError,
    architecture,
    catalogue,
    imagenet_categories,
)
from inspector.architectures.classes import adapted_signature, head_classes
from inspector.architectures.identification import Candidate, Identification, identify
from inspector.architectures.matching import MatchReport, Mismatch, match

__all__ = [
    "Architecture",
    "Candidate",
    "Identification",
    "MatchReport",
    "Mismatch",
    "OfficialWeights",
    "Preprocessing",
    "UnknownArchitectureError",
    "adapted_signature",
    "architecture",
    "catalogue",
    "head_classes",
    "identify",
    "imagenet_categories",
    "match",
]
