"""One state_dict against one architecture: the match report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inspector.architectures.builders import Architecture, has_zero_points
from inspector.architectures.classes import adapted_signature, found_options, head_classes
from inspector.architectures.collection import architecture
from inspector.architectures.layouts import COMPUTED, Shape
from inspector.architectures.official import Options
from inspector.architectures.spellings import Spelling
from inspector.architectures.wrappers import Unwrapped, views

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
        Buffers that the file lacks and the builder fills by itself, so that they are not missing:
        ``num_batches_tracked`` counters (torch before 0.4.1 saved none) and Swin's tables of positions (timm
        saves none).
    sources
        The file's full name for every matched or mismatched key: what to load under that key.
    reshaped
        The file's shape of those matched keys whose values it has, in the same order, in another shape.
    library
        Whose names the file has, such as ``"timm"``; empty for torchvision's own.
    caveat
        A sentence where torchvision's model may compute something else from these tensors; empty where not.
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
    reshaped: Mapping[str, Shape] = field(default_factory=dict)
    library: str = ""
    caveat: str = ""

    @property
    def named(self) -> int:
        """Number of keys that the file and the architecture have in common, whatever their shapes."""
        return len(self.matched) + len(self.mismatched)

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
    view = closest(chosen, views(tensors, wrapper), has_zero_points(tensors))
    return compare(view, tensors, name, num_classes)


def closest(chosen: Architecture, candidates: Sequence[Unwrapped], zero_points: bool) -> Unwrapped:
    """Return the view that shares most names with an architecture, float or quantized; of several, the smallest.

    The first where none shares any.

    Parameters
    ----------
    chosen
        The architecture.
    candidates
        The file's names without each of the wrappers that come into question; the first is in torchvision's spelling.
    zero_points
        Whether the file has any quantized layer: else there is no need to read how quantized ones look.
    """
    layouts = [chosen.layout]
    if zero_points and chosen.quantized:
        layouts.append(chosen.layout_with({"quantize": True}))
    fitting = [view for view in candidates if view.spelling is None or view.spelling.is_for(chosen.name)]

    def shared(view: Unwrapped) -> tuple[int, int]:
        return max(len(layout.tensors.keys() & view.names.keys()) for layout in layouts), -len(view.names)

    best = max(fitting, key=shared)
    return best if shared(best)[0] else candidates[0]


def compare(view: Unwrapped, tensors: Mapping[str, Shape], name: str, num_classes: int | None = None) -> MatchReport:
    """Compare a state_dict, its wrapper already taken off, with one architecture; see `match`."""
    chosen = architecture(name)
    keys = chosen.layout_with({"quantize": chosen.is_converted(view.names)}).tensors
    shapes = {key: tuple(tensors[view.names[key]]) for key in keys if key in view.names}
    if num_classes is None:
        num_classes = head_classes(shapes, name)
    options = found_options(shapes, name)
    expected = adapted_signature(name, num_classes, options)
    reshaped = _reshaped(view.spelling, expected, shapes)
    fitting = {key for key, shape in expected.items() if shapes.get(key) == shape or key in reshaped}
    absent = [key for key in expected if key not in shapes]
    start = len(view.wrapper)
    return MatchReport(
        architecture=name,
        num_classes=num_classes,
        wrapper=view.wrapper,
        options=options,
        matched=tuple(key for key in expected if key in fitting),
        missing=tuple(key for key in absent if not key.endswith(COMPUTED)),
        unexpected=(*(s[start:] for key, s in view.names.items() if key not in expected), *view.strays),
        mismatched=tuple(
            Mismatch(key, shape, shapes[key]) for key, shape in expected.items() if key in shapes and key not in fitting
        ),
        untracked=tuple(key for key in absent if key.endswith(COMPUTED)),
        sources={key: view.names[key] for key in expected if key in shapes},
        reshaped=reshaped,
        library=view.spelling.library if view.spelling else "",
        caveat=view.spelling.caveat_for(name) if view.spelling else "",
    )


def _reshaped(
    spelling: Spelling | None, expected: Mapping[str, Shape], shapes: Mapping[str, Shape]
) -> dict[str, Shape]:
    if spelling is None:
        return {}
    both = ((key, shape, shapes[key]) for key, shape in expected.items() if key in shapes)
    return {key: found for key, shape, found in both if found != shape and spelling.reshapes(key, shape, found)}
