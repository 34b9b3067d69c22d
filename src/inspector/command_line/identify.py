"""``inspector identify``: which torchvision architecture a checkpoint's keys and shapes belong to."""

from __future__ import annotations

import argparse
from typing import Any

from inspector.command_line.arguments import Parser
from inspector.command_line.output import Page, print_json, progress
from inspector.command_line.processes import Processes
from inspector.command_line.state_dicts import choose_state_dict
from inspector.session import words
from inspector.session.official import weights_list
from inspector.session.opening import shape_columns

DESCRIPTION = "Find the torchvision architecture that a checkpoint's keys and shapes belong to."


def add_arguments(parser: Parser) -> None:
    """Add the verb's arguments."""
    parser.add_file()
    parser.add_state_dict()
    parser.add_json()


def run(arguments: argparse.Namespace) -> int:
    """Read the checkpoint, rank the architectures, and print them."""
    with Processes() as processes, progress(f"Reading {arguments.file}") as update:
        processes.start_worker()
        summary = processes.read(arguments.file)
        chosen = choose_state_dict(summary, arguments.file, arguments.state_dict)
        found, _ = processes.ask_worker(
            "identify",
            {"lists": True, "class_name": summary.state_dicts[chosen].class_name},
            shape_columns(summary, chosen),
        )
        claimed = ""
        if len(summary.files) == 1:  # torchvision publishes single files
            fits = [row["architecture"] for row in found["candidates"] if _fits(row)]
            params = {
                "file": summary.files[0].to_json(),
                "architectures": fits if found["match"] == "exact" else [],
                "list": weights_list(),
            }
            update(None, "Comparing with torchvision's own weights")
            told = processes.ask_worker("official_weights", params, [])[0]
            found["official_weights"] = told["official_weights"]
            claimed = told["claimed"] or ""
    answer = {
        "file": arguments.file,
        "state_dict": summary.state_dicts[chosen].path,
        "match": found["match"],
        "official_weights": found["official_weights"],
        "named_like": claimed or None,
        "candidates": found["candidates"],
    }
    if arguments.json:
        print_json(answer)
    else:
        _print_page(answer, summary.state_dicts[chosen].tensors)
    return 0


def _fits(row: dict[str, Any]) -> bool:
    return not (row["missing"] or row["unexpected"] or row["mismatched"])


def _print_page(answer: dict[str, Any], tensors: int) -> None:
    page = Page()
    page.line(_sentence(answer, tensors), "bold")
    if answer["named_like"] not in (None, answer["official_weights"]):
        page.line(f"It is called like torchvision's {answer['named_like']}, but with another checksum.", "yellow")
    if not answer["candidates"]:
        return
    page.line()
    rows = [
        (
            row["architecture"],
            words.percent(row["score"]),
            words.number(row["matched"]),
            *(words.number(len(row[name])) for name in ("missing", "unexpected", "mismatched")),
            "–" if row["num_classes"] is None else words.number(row["num_classes"]),
            row["wrapper"] or "–",
        )
        for row in answer["candidates"]
    ]
    headers = ("Architecture", "Score", "Matched", "Missing", "Unexpected", "Mismatched", "Classes", "Wrapper")
    page.table(headers, rows, right=range(1, 7))


def _sentence(answer: dict[str, Any], tensors: int) -> str:
    if not answer["candidates"]:
        return "This isn't a torchvision architecture; nothing in it resembles one."
    best = answer["candidates"][0]
    name = " or ".join([best["architecture"], *best["twins"]]) if answer["match"] != "none" else best["architecture"]
    spelled = f" (named as in {best['library']})" if best["library"] else ""
    fit = f"All {words.plural(tensors, 'tensor')} fit{spelled}."
    if answer["match"] == "exact":
        official = f": torchvision's own {answer['official_weights']}" if answer["official_weights"] else ""
        return f"It is {name}{official}. {fit}"
    if answer["match"] == "head":
        classes = f"{words.number(best['num_classes'])} class{'' if best['num_classes'] == 1 else 'es'}"
        return f"It is {name} with a head of {classes}. {fit}"
    if answer["match"] == "part":
        if best["caveat"]:
            return f"It has the tensors of {name}. {fit} {best['caveat']}"
        return (
            f"It is {name} in part: {words.number(best['matched'])} of {words.plural(tensors, 'tensor')} fit{spelled}."
        )
    return _resemblance(best, tensors)


def _resemblance(best: dict[str, Any], tensors: int) -> str:
    named, fitting = best["matched"] + len(best["mismatched"]), best["matched"]
    return f"This isn't a torchvision architecture. {words.resemblance(best['architecture'], named, fitting, tensors)}"
