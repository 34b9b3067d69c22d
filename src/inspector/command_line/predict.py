"""``inspector predict``: what a checkpoint's weights say of images."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from inspector.command_line.arguments import Parser, device, positive, share
from inspector.command_line.output import print_json, progress
from inspector.command_line.prediction_page import print_page
from inspector.command_line.prediction_request import Request
from inspector.command_line.prediction_run import PredictionRun
from inspector.command_line.problems import CommandError, EngineFailedError, UsageError
from inspector.command_line.processes import usable_engine_python
from inspector.export.predictions import ImageResult, document, table
from inspector.session.drawing import THRESHOLD
from inspector.session.state import EngineOptions

DESCRIPTION = (
    "Predict images with a checkpoint's weights, in eval mode, for every task that torchvision's models have. "
    "Models of videos take animated images, videos, and folders whose images are the frames of one clip; those of "
    "optical flow take the images in pairs, each with the next."
)


def add_arguments(parser: Parser) -> None:
    """Add the verb's arguments."""
    parser.add_file()
    parser.positional.add_argument("images", metavar="IMAGE", nargs="+", help="Images, folders of images, or globs.")
    add = parser.options.add_argument
    add("--architecture", metavar="NAME", help="A torchvision builder; by default the one that fits.")
    add("--num-classes", metavar="N", type=positive, help="Size of the head; by default the file's own.")
    parser.add_state_dict()
    add(
        "--device",
        metavar="DEVICE",
        type=device,
        default="auto",
        help="auto (default), cpu, cuda, cuda:N, xpu, xpu:N or mps.",
    )
    add(
        "--top",
        metavar="N",
        type=positive,
        default=5,
        help="Classes per image (default 5); segmentation lists all it finds.",
    )
    add(
        "--threshold",
        metavar="SCORE",
        type=share,
        default=THRESHOLD,
        help="Leave out detected objects with a smaller score, 0 to 1 (default 0.5); in every form of the results.",
    )
    add("--labels", metavar="FILE", help="Class names: a text file with a name a line, or JSON.")
    add("--partial", action="store_true", help="Attach what fits; the rest stays untrained, and is listed.")
    parser.add_python()
    add("--trust", action="store_true", help="Run the file's own model as it is. Its code gets your rights.")
    add("--source", metavar="DIR", help="The folder of the code of the file's classes, for --trust.")
    add(
        "--autocast",
        choices=("bf16", "fp16"),
        default="",
        help="Compute convolutions and matrix products in this precision, which is faster on most GPUs and some CPUs. "
        "Scores differ from the third or fourth digit on. Off by default.",
    )
    add(
        "--compile",
        action="store_true",
        help="Compile the model with torch.compile: the first image takes a minute or two, the others less. Scores "
        "may differ in their last digits. Off by default.",
    )
    add(
        "--save",
        metavar="DIR",
        help="Save copies of the images with what was predicted drawn on them, as PNG. "
        "No file that is there is replaced: the copy gets a number.",
    )
    add("--csv", metavar="FILE", help="Write the predictions as a table, without keypoints, which --json has.")
    parser.add_json()


def run(arguments: argparse.Namespace) -> int:
    """Predict the images; print, save and write what was asked for."""
    if arguments.source is not None and not arguments.trust:
        raise UsageError("predict: --source is of use with --trust alone.", "Try inspector predict --help.")
    if not all(arguments.images):  # a shell's empty variable; taken as a path, it would be the whole folder
        raise UsageError("predict: an image's name is empty.", "Name an image or a folder.")
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
        threshold=arguments.threshold,
        options=EngineOptions(arguments.autocast, arguments.compile),
    )
    with progress(f"Reading {arguments.file}") as update:
        outcome = PredictionRun(request, update).run()
    # Before the page: where that goes into `head`, printing ends the process.
    unwritten = _write_csv(Path(arguments.csv), outcome.results) if arguments.csv is not None else None
    if arguments.json:
        made, chosen = outcome, request.options
        whole = document(
            *(made.architecture, made.task, made.device, made.results, made.accuracy),
            autocast=chosen.autocast,
            compiled=chosen.compile,
        )
        print_json(whole)
    else:
        print_page(outcome)
    if unwritten is not None:
        raise unwritten
    if outcome.stopped is not None:
        raise EngineFailedError(*outcome.stopped)
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


def _write_csv(path: Path, results: list[ImageResult]) -> CommandError | None:
    """Write the table; return why it can't be."""
    try:
        path.write_text(table(results), encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        return CommandError(f"{path} can't be written: {error.strerror}.", "Choose another file.")
    return None
