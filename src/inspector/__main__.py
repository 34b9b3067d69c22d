"""The start of Inspector: the arguments lead to the window or to a verb of the command line. Nothing heavy here.

A double-click must paint in a fraction of a second, so neither argparse nor anything of ours is imported before it
is known to be needed.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

#: Verbs of the command line, with what ``--help`` says of them.
VERBS = {
    "show": "Say what a checkpoint is and what it holds.",
    "identify": "Find the torchvision architecture of a checkpoint.",
    "predict": "Predict images with a checkpoint's weights.",
    "stats": "Reckon figures and histograms of a checkpoint's tensors.",
    "convert": "Write a clean copy: a state_dict's .pth, or safetensors.",
    "diff": "Say which tensors of two checkpoints differ, and by how much.",
    "report": "Write all about a checkpoint as one page of HTML.",
    "doctor": "Check the installation, the engine and the devices.",
    "desktop": "Open checkpoints by double-click: install or remove the file associations.",
}

_USAGE = """\
Usage: inspector [FILE ...]
       inspector VERB ...

Open PyTorch checkpoints: see what they hold, look at the weights, and predict.

Arguments:
  FILE        Checkpoints to open in the window. A file that is called like a verb is opened as ./show.

Options:
  --demo      Open the demo: a small model that was trained on handwritten digits.
  --version   Show the version and exit.
  -h, --help  Show this help and exit.

Verbs, which need no display ("inspector VERB --help" says more):
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run Inspector; return the exit code.

    Parameters
    ----------
    argv
        The arguments after the program's name; those of the process where None.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    first = arguments[0] if arguments else ""
    if first in VERBS:
        try:
            from inspector.command_line.running import run

            return run(first, arguments[1:])
        except KeyboardInterrupt:  # before a verb runs, which answers it by itself
            return 130
    return _window(arguments)


def _window(arguments: list[str]) -> int:
    """Open the window on files, or answer an option."""
    files: list[str] = []
    demo = False
    for place, argument in enumerate(arguments):
        if argument == "--":
            files += arguments[place + 1 :]
            break
        if argument in ("-h", "--help"):
            width = max(map(len, VERBS))
            return _say(_USAGE + "".join(f"  {verb:<{width}}  {text}\n" for verb, text in VERBS.items()))
        if argument == "--version":
            from inspector import __version__

            return _say(f"Inspector {__version__}\n")
        if argument == "--demo":
            demo = True
        elif argument.startswith("-") and argument != "-":
            return _refuse(f"there is no option {argument!r}. Try inspector --help.")
        else:
            files.append(argument)
    # By name: the command line must not depend on the window, nor on Qt.
    code: int = importlib.import_module("inspector.gui.app").run(files, demo=demo)
    return code


def _say(text: str) -> int:
    sys.stdout.write(text)
    return 0


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"inspector: {sentence}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
