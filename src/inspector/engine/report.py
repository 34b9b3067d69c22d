"""What the engine runs on, for the status bar and for ``inspector doctor``."""

from __future__ import annotations

import platform
from dataclasses import asdict
from typing import Any

import torch
import torchvision

from inspector.engine.devices import list_devices


def engine_versions() -> dict[str, Any]:
    """Return the versions and devices of the engine's Python, as plain data.

    Returns
    -------
    dict
        ``python``, ``torch``, ``torchvision`` (str), ``cuda`` (the version torch was built with, None for a build
        without) and ``devices`` (a list of ``name``, ``description``, ``memory_total``), the best first.
    """
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "torchvision": str(torchvision.__version__),
        "cuda": torch.version.cuda,
        "devices": [asdict(device) for device in list_devices()],
    }
