"""``inspector predict``: what a checkpoint's weights say of images."""

from __future__ import annotations

import argparse
import csv
import io
import os
from pathlib import Path
from typing import Any

from inspector.command_line.arguments import Parser, device, positive
from inspector.command_line.output import Page, print_json, progress
from inspector.command_line.prediction_run import Outcome, PredictionRun, Request, Result
from inspector.command_line.problems import CommandError, UsageError
from inspector.command_line.processes import usable_engine_python
from inspector.session import words
from inspector.session.trust_offer import ASSUMED_PREPROCESSING

DESCRIPTION = "Predict images with a checkpoint's weights, in eval mode."


def add_arguments(parser: Parser) -> None:
    """Add the verb's arguments."""
    parser.add_file()
    parser.positional.add_argument("images", metavar="IMAGE", nargs="+", help="Images, folders of images, or globs.")
    add = parser.options.add_argument
    add("--architecture", metavar="NAME", help="A torchvision builder; by default the one that fits.")
    add("--num-classes", metavar="N", type=positive, help="Size of the head; by default the file's own.")
    parser.add_state_dict()
    add("--device", metavar="DEVICE", type=device, default="auto", help="auto (default), cpu, cuda, cuda:N or mps.")
    add("--top", metavar="N", type=positive, default=5, help="Classes per image (default 5).")
    add("--labels", metavar="FILE", help="Class names: a text file with a name a line, or JSON.")
    add("--partial", action="store_true", help="Attach what fits; the rest stays untrained, and is listed.")
    parser.add_python()
    add("--trust", action="store_true", help="Run the file's own model as it is. Its code gets your rights.")
    add("--source", metavar="DIR", help="The folder of the code of the file's classes, for --trust.")
    add("--save", metavar="DIR", help="Save copies of the images with their prediction, as PNG.")
    add("--csv", metavar="FILE", help="Write the predictions as a table.")
    parser.add_json()


def run(arguments: argparse.Namespace) -> int:
    """Predict the images; print, save and write what was asked for."""
    if arguments.source is not None and not arguments.trust:
        raise UsageError("predict: --source is of use with --trust alone.", "Try inspector predict --help.")
    save = _made_folder(arguments.save) if arguments.save is not None else None
    request = Request(
        file=arguments.file,
        images=tuple(arguments.images),
        architecture=arguments.architecture,
        num_classes=arguments.num_classes,
        state_dict=arguments.state_dict,
        device=arguments.device,
        top=arguments.top,
        labels=arguments.labels,
        partial=arguments.partial,
        python=usable_engine_python(arguments.python),
        trust=arguments.trust,
        source=Path(os.path.abspath(arguments.source)) if arguments.source is not None else None,
        save=save,
    )
    with progress(f"Reading {arguments.file}") as update:
        outcome = PredictionRun(request, update).run()
    if arguments.json:
        print_json(_document(outcome))
    else:
        _print_page(outcome)
    if arguments.csv is not None:
        _write_csv(Path(arguments.csv), outcome.results)
    if outcome.unsaved is not None:
        raise CommandError(*outcome.unsaved)
    return 0


def _made_folder(name: str) -> Path:
    folder = Path(os.path.abspath(name))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"The folder {name} can't be made: {error.strerror}.", "Choose another one.") from None
    return folder


def _document(outcome: Outcome) -> dict[str, Any]:
    return {
        "architecture": outcome.architecture,
        "task": outcome.task,
        "device": outcome.device,
        "eval_mode": True,  # the engine verifies it before every forward pass
        "results": [
            {
                "image": result.image,
                "error": result.error,
                "milliseconds": result.milliseconds,
                "predictions": [
                    {"label": row.label, "index": row.index, "score": row.score, "box": None} for row in result.classes
                ],
            }
            for result in outcome.results
        ],
    }


def _write_csv(path: Path, results: list[Result]) -> None:
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("image", "rank", "label", "index", "score", "error"))
    for result in results:
        if result.error is not None:
            table.writerow((result.image, "", "", "", "", result.error))
        for rank, row in enumerate(result.classes, 1):
            table.writerow((result.image, rank, row.label, row.index, row.score, ""))
    try:
        path.write_text(text.getvalue(), encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.", "Choose another file.") from None


def _print_page(outcome: Outcome) -> None:
    page = Page()
    own = ", run as it is," if outcome.trusted else ""
    page.line(f"{outcome.architecture}{own} on {outcome.device_description}, {outcome.eval_sentence}.", "bold")
    page.line(f"{outcome.labels_from[:1].upper()}{outcome.labels_from[1:]}.")
    if outcome.preprocessing_is_assumed:
        page.line(f"{ASSUMED_PREPROCESSING}.")
    page.line()
    rows = []
    for result in outcome.results:
        time = words.duration(result.milliseconds or 0.0)
        for rank, row in enumerate(result.classes):
            first = rank == 0
            rows.append((result.image if first else "", row.label, words.percent(row.score), time if first else ""))
    page.table(("Image", "Prediction", "Score", "Time"), rows, right=(2, 3))
    failed = [(result.image, result.error) for result in outcome.results if result.error is not None]
    if failed:
        page.heading("Not predicted")
        page.table(("Image", "Reason"), failed)
