"""Which torchvision architecture a state_dict belongs to, from keys and shapes alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from inspector.architectures.builders import has_zero_points
from inspector.architectures.collection import catalogue
from inspector.architectures.layouts import Shape
from inspector.architectures.matching import MatchReport, Mismatch, closest, compare
from inspector.architectures.official import Value
from inspector.architectures.wrappers import Unwrapped, candidate_wrappers, unwrap

Match: TypeAlias = Literal["exact", "head", "part", "none"]

_SHORTLIST = 16  # architectures compared key by key; the others share fewer names


@dataclass(frozen=True)
class Candidate:
    """An architecture that a state_dict may belong to.

    Attributes
    ----------
    architecture
        The builder's name.
    score
        How alike both are, 0 to 1; 1 where everything fits.
    matched
        Number of keys with the right shape.
    missing, unexpected, mismatched, num_classes, wrapper, options
        As in `MatchReport`.
    """

    architecture: str
    score: float
    matched: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[Mismatch, ...]
    num_classes: int | None
    wrapper: str
    options: dict[str, Value]


@dataclass(frozen=True)
class Identification:
    """What a state_dict is.

    Attributes
    ----------
    match
        ``exact`` (all keys and shapes), ``head`` (all but the classifier's size, which was adapted), ``part``
        (at least half of either's tensors are the other's too) or ``none`` (mere resemblances).
    official_weights
        For example ``"ResNet18_Weights.IMAGENET1K_V1"``. Keys and shapes cannot tell: None here, and
        filled in by whoever has asked `Catalogue.entries_with` for those of the file's SHA-256.
    candidates
        Best first.
    """

    match: Match
    official_weights: str | None
    candidates: tuple[Candidate, ...]


def identify(tensors: Mapping[str, Shape], limit: int = 8) -> Identification:
    """Rank torchvision's architectures by keys and shapes.

    Among architectures that fit alike, float builders come before quantized twins, and shorter names first.

    Parameters
    ----------
    tensors
        Shape of every tensor by the file's own key.
    limit
        The most candidates to return. Where none fits, only those are among them that resemble the file
        (`MatchReport.resembles`): often there is none.
    """
    reports = [compare(view, tensors, name) for name, view in _shortlist(tensors, max(_SHORTLIST, 2 * limit))]
    reports.sort(key=_rank)
    best = _match(reports[0]) if reports else "none"
    if best == "none":
        reports = [report for report in reports if report.resembles]
    return Identification(best, None, tuple(_candidate(report) for report in reports[:limit]))


def _shortlist(tensors: Mapping[str, Shape], size: int) -> Iterator[tuple[str, Unwrapped]]:
    """Yield the architectures that share most names with the file, each with the wrapper that makes it so."""
    views = [unwrap(tensors, wrapper) for wrapper in candidate_wrappers(tensors)]
    zero_points = has_zero_points(tensors)
    found: list[tuple[float, str, Unwrapped]] = []
    for name, architecture in catalogue().items():
        view, shared = closest(architecture, views, zero_points)
        if shared:
            union = len(architecture.layout.tensors) + len(tensors) - shared
            found.append((shared / union, name, view))
    found.sort(key=lambda entry: -entry[0])
    for _, name, view in found[:size]:
        yield name, view


def _match(report: MatchReport) -> Match:
    if report.complete:
        return "head" if report.adapted else "exact"
    return "part" if report.partial else "none"


def _rank(report: MatchReport) -> tuple[bool, float, bool, int, str]:
    name = report.architecture
    return not report.complete, -report.score, catalogue()[name].quantized, len(name), name


def _candidate(report: MatchReport) -> Candidate:
    return Candidate(
        architecture=report.architecture,
        score=report.score,
        matched=len(report.matched),
        missing=report.missing,
        unexpected=report.unexpected,
        mismatched=report.mismatched,
        num_classes=report.num_classes,
        wrapper=report.wrapper,
        options=dict(report.options),
    )
