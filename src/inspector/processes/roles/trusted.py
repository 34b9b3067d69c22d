"""The process of one trusted file: an engine that runs the file's own code, from the private copy that it hashes.

It holds nothing else, takes one file in its life, and is ended with that file's tab.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any, BinaryIO

from inspector.errors import InspectorError
from inspector.processes.roles.engine import Engine, why_methods
from inspector.processes.roles.serving import Progress, Reply, Server

_PIECE = 4 << 20


class TrustRefusedError(InspectorError):
    """The copy is not the file that the person agreed to, or another one was run here before."""


class Trusted:
    """What the process holds: an engine for the one model that is run here."""

    def __init__(self) -> None:
        self.engine = Engine()
        self._used = False

    def trust(self, params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
        """Load the private copy, running its code; answer as an attachment does.

        ``path`` and ``sha256`` are the copy's; ``kind`` is ``pickled`` or ``torchscript``; ``listed`` are the names
        that the person saw; ``source`` is the folder of its code or None; the rest is as for attaching.
        """
        if self._used:
            raise TrustRefusedError("Another file was run in this process.", "Run it again.")
        self._used = True
        started = time.perf_counter()
        self.engine.versions({}, [], progress)  # a missing torch is told as everywhere
        from inspector.engine.trusted import load_trusted

        with Path(params["path"]).open("rb") as file:
            # The same open file is hashed and loaded: nothing can be put in its place in between.
            if _sha256(file) != params["sha256"]:
                raise TrustRefusedError(
                    f"The copy of {params['name']} is not the file that was inspected.", "Open it and run it again."
                )
            file.seek(0)
            made = load_trusted(
                file,
                "torchscript" if params["kind"] == "torchscript" else "pickled",
                name=str(params["name"]),
                inside=str(params["inside"]),
                listed=[str(name) for name in params["listed"]],
                source=Path(params["source"]) if params["source"] else None,
                device=str(params["device"]),
                preprocessing=params["preprocessing"],
                labels=params["labels"] or None,
                own_labels=params["own_labels"],
            )
        return self.engine.hold(made, started), []


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()


def run(incoming: int, outgoing: int) -> None:
    """Serve as the process of a trusted file."""
    trusted = Trusted()
    methods = {"trust": trusted.trust, "model_input": trusted.engine.model_input, **why_methods(trusted.engine)}
    Server(incoming, outgoing, methods, trusted.engine.at_once).run()
