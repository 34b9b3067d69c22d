"""What a report says of a checkpoint in words: the window's own, gathered for the worker that writes the page."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from inspector.checkpoint.dtypes import DTYPE_NAMES, UNKNOWN
from inspector.checkpoint.folders import METADATA
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.text import clean_name
from inspector.export.report_content import ReportWords
from inspector.session import words
from inspector.session.headlines import headline, verdict_sentence
from inspector.session.plain_values import value_rows

#: Lines of metadata, names that the file names, and characters of a value that a report takes.
_MOST_ROWS, _MOST_CHARACTERS = 150, 300


def report_words(summary: CheckpointSummary, state_dict: int | None, official: str = "") -> dict[str, Any]:
    """Return the words about a checkpoint, as they travel to the worker.

    Parameters
    ----------
    state_dict
        Which of its state_dicts is the model's, None where it holds none.
    official
        torchvision's own weights that the file is, where that is known.
    """
    path = Path(summary.path)
    metadata = [(key[:_MOST_CHARACTERS], value[:_MOST_CHARACTERS]) for key, value in value_rows(summary.metadata)]
    named = [(name, words.VERDICT_WORDS[found]) for name, found in words.global_names(summary)]
    return asdict(
        ReportWords(
            title=clean_name(path.parent.name if path.name == METADATA else path.name),
            verdict=verdict_sentence(summary),
            safety=words.safety_explanation(summary),
            tone=summary.safety,
            facts=tuple(_facts(summary, state_dict)),
            warnings=summary.warnings,
            state_dicts=tuple(words.state_dict_rows(summary)),
            metadata=tuple(metadata[:_MOST_ROWS]),
            left_out=max(0, len(metadata) - _MOST_ROWS),
            globals=tuple(named[:_MOST_ROWS]) if summary.safety != "safe" else (),
            state_dict=state_dict,
            official=official,
        )
    )


def _facts(summary: CheckpointSummary, state_dict: int | None) -> list[tuple[str, str]]:
    facts = [
        ("Size", f"{words.size(summary.size)} ({words.number(summary.size)} bytes)"),
        ("Container", words.container(summary)),
        ("What it is", headline(summary).partition(":")[0]),
        ("Tensors", words.number(len(summary))),
    ]
    if state_dict is not None:
        model = summary.state_dicts[state_dict]
        facts += [("Parameters", words.number(model.parameters)), ("Elements of buffers", words.number(model.buffers))]
    dtypes = {DTYPE_NAMES[code] if code < len(DTYPE_NAMES) else UNKNOWN for code in set(summary.dtypes)}
    facts.append(("Dtypes", ", ".join(sorted(dtypes)) or "none"))
    if summary.class_name:
        facts.append(("Class", clean_name(summary.class_name)))
    if summary.embedded.description:
        facts.append(("It says of itself", clean_name(summary.embedded.description)))
    if not summary.complete:
        facts.append(("Read", "only in part"))
    return facts
