"""What the attach panel says of a fit and an attachment."""

from __future__ import annotations

import re

from inspector.gui.theme import Tone
from inspector.session import words
from inspector.session.attachment_choices import chosen_options, usual_labels
from inspector.session.match_state import MatchReport
from inspector.session.state import Attachment, EngineOptions, OpenCheckpoint
from inspector.session.trust_offer import ASSUMED_PREPROCESSING

#: Modules that are named where some stay untrained.
_NAMED = 4


def modules_text(keys: tuple[str, ...]) -> str:
    """Return the modules that keys belong to, a few of them: ``fc, layer4.1.conv2 and 3 more``."""
    modules = list(dict.fromkeys(key.rpartition(".")[0] or key for key in keys))
    more = f" and {words.number(len(modules) - _NAMED)} more" if len(modules) > _NAMED else ""
    return f"{', '.join(modules[:_NAMED])}{more}"


def breakable(text: str) -> str:
    """Let a long dotted name be broken after its dots: a word that fits in no line would widen the whole panel."""
    return re.sub(r"(?<=\w)\.(?=\w)", ".\u200b", text)


def options_text(options: EngineOptions) -> str:
    """Return what was chosen that changes numbers for speed, empty where nothing was."""
    precision = {"bf16": "computed in bfloat16", "fp16": "computed in float16"}.get(options.autocast, "")
    chosen = ", ".join(filter(None, (precision, "compiled" if options.compile else "")))
    return f"{chosen[:1].upper()}{chosen[1:]}: numbers differ a little" if chosen else ""


def own_card(attachment: Attachment) -> tuple[Tone, str, str]:
    """Return what to say of a model that runs as it is: a tone, a title and the rest."""
    name = attachment.architecture
    if attachment.phase != "ready":
        step = "Making a private copy of the file" if attachment.progress < 1 else "Loading it in a process of its own"
        return "quiet", f"Starting {name}", f"{step}…"
    sentence = f"{attachment.eval_sentence[:1].upper()}{attachment.eval_sentence[1:]}"
    classes = words.plural(attachment.num_classes or 0, "class", "classes")
    lines = [sentence, f"{classes} · {attachment.device_description} · {attachment.labels_from}"]
    if attachment.preprocessing.get("source") == "assumed":
        lines.append(f"{ASSUMED_PREPROCESSING}.")
    return "positive", f"Running {name} as it is", "\n".join(lines)


def is_part(found: OpenCheckpoint) -> bool:
    """Whether the file is a part of the chosen architecture, or the architecture a part of the file."""
    identified = found.identification
    if identified is None or identified.match != "part" or not identified.candidates:
        return False
    return identified.candidates[0].architecture == found.architecture


def assumed_text(found: OpenCheckpoint) -> str:
    """Return the options that no key shows, with the value that is taken, as a sentence."""
    taken = chosen_options(found)
    shown = [f"{name} {'on' if value is True else 'off' if value is False else value}" for name, value in taken.items()]
    return f"Not told by the keys: {', '.join(shown)}. " if shown else ""


def twins_text(found: OpenCheckpoint) -> str:
    """Return the architectures that have the same keys and shapes as the chosen one, as a sentence."""
    candidates = found.identification.candidates if found.identification is not None else ()
    twins = next((row.twins for row in candidates if row.architecture == found.architecture), ())
    return f"{' and '.join(twins)} would fit as well. " if twins else ""


def unreadable(found: OpenCheckpoint, report: MatchReport) -> list[int]:
    """Return the tensors that fit the architecture and can't be read: they lie in a part that is missing or damaged."""
    problems = found.summary.problems if found.summary is not None else []
    return [tensor for tensor in report.fitting if problems[tensor]] if any(problems) else []


def misfit_text(report: MatchReport) -> str:
    """Return how many keys fit and how many don't, as a sentence."""
    parts = []
    for count, text in (
        (len(report.missing), "missing"),
        (report.unexpected, "unexpected"),
        (len(report.mismatched), "of another shape"),
    ):
        if count:
            parts.append(f"{words.number(count)} {text}")
    return f"{words.plural(report.matched, 'key')} fit{'s' if report.matched == 1 else ''}, {', '.join(parts)}."


def labels_text(found: OpenCheckpoint, classes: int | None) -> str:
    """Return where the class names come from, for a button."""
    if found.labels:
        return f"{found.labels_file} ({words.number(len(found.labels))})"
    if found.summary is not None and found.summary.embedded.class_names:
        names = found.summary.embedded.class_names
        if classes is None or len(names) == classes:
            return "From the checkpoint"
    if found.official.entry and len(found.official.labels) == classes:
        return "torchvision's own"
    return usual_labels(found, classes) or "Numbers. Choose a file…"
