"""Whether a checkpoint's own model can be run as it is, and what that would import: for the window and the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inspector.checkpoint.safety import SEVERITY, Verdict
from inspector.checkpoint.summary import CheckpointSummary
from inspector.session import words
from inspector.session.state import OpenCheckpoint

#: Names in one sentence, at the most.
_MOST_NAMED = 4

#: What a person should know before they agree, the same everywhere.
WHAT_IT_MEANS = (
    "Its code runs with your rights: it can read, change and send your files. Inspector can't check what it does. "
    "Agree only if you trust whoever made the file."
)

#: Said of a model that runs as it is, where nothing tells how it wants its images.
ASSUMED_PREPROCESSING = "Images are prepared as for ImageNet, which the file does not tell"


@dataclass(frozen=True, slots=True)
class TrustOffer:
    """A model that could be run as it is, with the person's consent.

    Attributes
    ----------
    kind
        ``pickled`` or ``torchscript``.
    class_name
        The dotted name of the model's class.
    inside
        Where the model is in the file, as a dotted path; empty for all of it.
    names
        What the file would import, the worst first: dotted name and verdict; plain data is left out.
    listed
        Every name in the file: nothing else may be imported by it.
    refusal
        Why it is not run all the same; empty where it can be.
    is_private
        It needs code that is neither torch's nor torchvision's.
    """

    kind: Literal["pickled", "torchscript"]
    class_name: str
    inside: str
    names: tuple[tuple[str, Verdict], ...]
    listed: tuple[str, ...]
    refusal: str
    is_private: bool

    @property
    def module(self) -> str:
        """The top module that the class is defined in, where that is a private one; else empty."""
        top = self.class_name.partition(".")[0]
        foreign = any(verdict == "unknown" and name.partition(".")[0] == top for name, verdict in self.names)
        return top if self.kind == "pickled" and foreign and top != "__main__" else ""

    @property
    def wanted_source(self) -> str:
        """Which folder of code it needs, in words: ``the folder that holds my_net.py``; empty where it needs none."""
        if self.module:
            return f"the folder that holds {self.module}.py, or a folder {self.module}"
        if self.kind == "pickled" and any(name.startswith("__main__.") for name, _ in self.names):
            return f"the folder that holds the .py file which defines {self.class_name.rpartition('.')[2]}"
        return "the folder of its code" if self.kind == "pickled" and self.is_private else ""

    @property
    def imports(self) -> str:
        """What it would import, in a few words: ``my_net.Net, utils.Block and 3 classes of torch or torchvision``."""
        foreign = [name for name, verdict in self.names if verdict != "module"]
        parts = foreign[:_MOST_NAMED]
        if len(foreign) > _MOST_NAMED:
            parts.append(f"{words.number(len(foreign) - _MOST_NAMED)} more")
        known = len(self.names) - len(foreign)
        if known:
            parts.append(f"{words.plural(known, 'class', 'classes')} of torch or torchvision")
        return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def trust_offer(summary: CheckpointSummary, state_dict: int | None) -> TrustOffer | None:
    """Return what could be run, None where the file holds no whole model.

    Parameters
    ----------
    state_dict
        The chosen one: a training checkpoint can hold several models.
    """
    if summary.kind == "torchscript_model":
        names = [row for row in summary.globals if not row[0].startswith("__torch__.") and row[1] != "tensor"]
        return _offer(summary, "torchscript", summary.class_name or "The program", "", names, private=True)
    chosen = summary.state_dicts[state_dict] if state_dict is not None else None
    if summary.kind == "pickled_model":
        inside, class_name = "", summary.class_name
    elif summary.kind == "training_checkpoint" and chosen is not None and chosen.role in ("model", "ema", "other"):
        inside, class_name = chosen.path, chosen.class_name
    else:
        return None
    if class_name is None:
        return None
    names = [row for row in summary.globals if row[1] != "tensor"]
    private = any(verdict not in ("tensor", "module") for _, verdict in names)
    return _offer(summary, "pickled", class_name, inside, names, private=private)


def is_offered(found: OpenCheckpoint) -> bool:
    """Tell whether running the file's own model is of use: it may run, and its weights alone don't serve as well."""
    offer = trust_offer(found.summary, found.state_dict) if found.summary is not None else None
    report = found.match_report
    attached_as_well = report is not None and report.complete and offer is not None and not offer.is_private
    return offer is not None and not offer.refusal and not attached_as_well


def _offer(
    summary: CheckpointSummary,
    kind: Literal["pickled", "torchscript"],
    class_name: str,
    inside: str,
    names: list[tuple[str, Verdict]],
    *,
    private: bool,
) -> TrustOffer:
    worst_first = sorted(names, key=lambda row: (SEVERITY.index(row[1]), row[0]))
    listed = tuple(name for name, _ in summary.globals)
    return TrustOffer(kind, class_name, inside, tuple(worst_first), listed, _refusal(summary), private)


def _refusal(summary: CheckpointSummary) -> str:
    """Return why a file is not run even if the person wants it (``docs/decisions/0008``)."""
    if summary.safety == "dangerous":
        worst = [name for name, verdict in summary.globals if verdict == "dangerous"]
        why = (
            f"it names {', '.join(worst[:_MOST_NAMED])}, which can act on this machine" if worst else "it is dangerous"
        )
        return f"Inspector never runs this file: {why}. Its weights can still be looked at."
    if not summary.complete:
        return "Inspector does not run this file: it could be read only in part, so what it would import is not known."
    return ""
