"""The torchvision catalogue as shipped data: identify an architecture, match its keys, find its head.

May import: the standard library alone. Never torch: the catalogue is made by ``tools/make_catalogue.py``.
"""

from inspector.architectures.builders import Architecture
from inspector.architectures.classes import adapted_signature, found_options, head_classes
from inspector.architectures.collection import (
    Catalogue,
    UnknownArchitectureError,
    WeightsListError,
    architecture,
    catalogue,
)
from inspector.architectures.identification import Candidate, Identification, identify
from inspector.architectures.matching import MatchReport, Mismatch, match
from inspector.architectures.official import (
    OfficialWeights,
    Options,
    Preprocessing,
    builder_arguments,
    imagenet_categories,
)

__all__ = [
    "Architecture",
    "Candidate",
    "Catalogue",
    "Identification",
    "MatchReport",
    "Mismatch",
    "OfficialWeights",
    "Options",
    "Preprocessing",
    "UnknownArchitectureError",
    "WeightsListError",
    "adapted_signature",
    "architecture",
    "builder_arguments",
    "catalogue",
    "found_options",
    "head_classes",
    "identify",
    "imagenet_categories",
    "match",
]
