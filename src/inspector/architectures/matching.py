"""One state_dict against one architecture: the match report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inspector.architectures.builders import Architecture, has_zero_points
from inspector.architectures.classes import adapted_signature, found_options, head_classes
from inspector.architectures.collection import architecture
from inspector.architectures.layouts import COUNTER, Shape
from inspector.architectures.official import Options
from inspector.architectures.wrappers import Unwrapped, candidate_wrappers, unwrap

_MISMATCH_WORTH = 0.25  # of a match, in the score: the right name on the wrong shape is still a resemblance
_PART_AT_LEAST = 4  # tensors: fewer prove nothing

#: What a resemblance takes at least, measured on 71 real state_dicts and 25 made ones: what has nothing to do with
#: torchvision scores up to 0.031, by names that everybody gives, such as ``conv1.weight``; ResNets for CIFAR of 8 to
#: 110 layers score 0.078 to 0.16. A handful of names (a classifier of three layers) is a coincidence at any score.
_RESEMBLANCE = 0.05
_RESEMBLING_AT_LEAST = 8  # names, of any shape


@dataclass(frozen=True)
class Mismatch:
    """A key that both have, with other shapes."""

    name: str
    expected: Shape
    found: Shape


@dataclass(frozen=True)
class MatchReport:
    """Missing, unexpected, mismatched and matched keys between a state_dict and an architecture.

    Attributes
    ----------
    architecture
        The builder's name.
    num_classes
        Number of classes that the expected shapes stand for, as given or as the file's head has it; None
        where the file has no head to read it from (the builder's default was expected).
    wrapper
        Prefix taken off the file's names, empty where there is none.
    options
        What the file decides of the builder's options, by name; see `inspector.architectures.classes`.
    matched, missing, mismatched
        In the builder's spelling and order.
    unexpected
        As the file spells them, without the wrapper, in the file's order.
    untracked
        ``num_batches_tracked`` counters that the file lacks. They are not missing: torch before 0.4.1 saved
        none, and the model built for it starts them at 0.
    sources
        The file's full name for every matched or mismatched key: what to load under that key.
    """

    architecture: str
    num_classes: int | None
    wrapper: str
    options: Options
    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[Mismatch, ...]
    untracked: tuple[str, ...]
    sources: Mapping[str, str]

    @property
    def complete(self) -> bool:
        """Every tensor fits, none is left over: the state_dict can be attached strictly."""
        return not (self.missing or self.unexpected or self.mismatched)

    @property
    def adapted(self) -> bool:
        """The head has another number of classes than the builder's default."""
        return self.num_classes not in (None, architecture(self.architecture).num_classes)

    @property
    def score(self) -> float:
        """How alike both are, 0 to 1: matched among all keys of either; a mismatched one counts a quarter."""
        matched, mismatched = len(self.matched), len(self.mismatched)
        union = matched + mismatched + len(self.missing) + len(self.unexpected)
        return (matched + _MISMATCH_WORTH * mismatched) / union if union else 0.0

    @property
    def resembles(self) -> bool:
        """There is more in common than a few names that everybody gives."""
        named = len(self.matched) + len(self.mismatched)
        return self.complete or self.partial or (named >= _RESEMBLING_AT_LEAST and self.score >= _RESEMBLANCE)

    @property
    def partial(self) -> bool:
        """At least half of the architecture's tensors, or half of the file's, are the other's too."""
        matched, mismatched = len(self.matched), len(self.mismatched)
        ours, theirs = (matched + mismatched + len(rest) for rest in (self.missing, self.unexpected))
        return matched >= _PART_AT_LEAST and 2 * matched >= min(ours, theirs)


def match(
    tensors: Mapping[str, Shape],
    name: str,
    num_classes: int | None = None,
    wrapper: str | None = None,
) -> MatchReport:
    """Compare a state_dict with one architecture.

    Parameters
    ----------
    tensors
        Shape of every tensor by the file's own key.
    name
        The architecture's name.
    num_classes
        Number of classes to expect; None to read it off the file's head.
    wrapper
        Prefix to take off the file's names; None to find the one with which most keys agree.

    Raises
    ------
    UnknownArchitectureError
        There is no architecture of that name.
    """
    chosen = architecture(name)
    wrappers = candidate_wrappers(tensors) if wrapper is None else (wrapper,)
    view, _ = closest(chosen, [unwrap(tensors, candidate) for candidate in wrappers], has_zero_points(tensors))
    return compare(view, tensors, name, num_classes)


def closest(chosen: Architecture, views: Sequence[Unwrapped], zero_points: bool) -> tuple[Unwrapped, int]:
    """Return the view that shares most names with an architecture, float or quantized, and how many.

    Parameters
    ----------
    chosen
        The architecture.
    views
        The file's names without each of the wrappers that come into question.
    zero_points
        Whether the file has any quantized layer: else there is no need to read how quantized ones look.
    """
    layouts = [chosen.layout]
    if zero_points and chosen.quantized:
        layouts.append(chosen.layout_with({"quantize": True}))
    counts = [max(len(layout.tensors.keys() & view.names.keys()) for layout in layouts) for view in views]
    most = max(counts)
    return views[counts.index(most)], most


def compare(view: Unwrapped, tensors: Mapping[str, Shape], name: str, num_classes: int | None = None) -> MatchReport:
    """Compare a state_dict, its wrapper already taken off, with one architecture; see `match`."""
    chosen = architecture(name)
    keys = chosen.layout_with({"quantize": chosen.is_converted(view.names)}).tensors
    shapes = {key: tuple(tensors[view.names[key]]) for key in keys if key in view.names}
    if num_classes is None:
        num_classes = head_classes(shapes, name)
    options = found_options(shapes, name)
    expected = adapted_signature(name, num_classes, options)
    absent = [key for key in expected if key not in shapes]
    untracked = tuple(key for key in absent if key.endswith(COUNTER))
    start = len(view.wrapper)
    return MatchReport(
        architecture=name,
        num_classes=num_classes,
        wrapper=view.wrapper,
        options=options,
        matched=tuple(key for key, shape in expected.items() if shapes.get(key) == shape),
        missing=tuple(key for key in absent if not key.endswith(COUNTER)),
        unexpected=(*(s[start:] for key, s in view.names.items() if key not in expected), *view.strays),
        mismatched=tuple(
            Mismatch(key, shape, shapes[key])
            for key, shape in expected.items()
            if key in shapes and shapes[key] != shape
        ),
        untracked=untracked,
        sources={key: view.names[key] for key in expected if key in shapes},
    )
