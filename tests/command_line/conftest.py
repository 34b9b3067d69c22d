"""Runs of ``python -m inspector`` as a person's shell starts it, in a folder and a home of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Run:
    """What a run left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Parse standard output as strict JSON."""
        assert self.code == 0, self.err

        def refuse(name: str) -> NoReturn:
            raise ValueError(f"{name} is no JSON")

        return json.loads(self.out, parse_constant=refuse)

    def error(self, code: int) -> str:
        """Return the one line on standard error, after ``inspector:``."""
        assert (self.code, self.out) == (code, ""), self.err
        assert self.err.startswith("inspector: ")
        assert self.err.count("\n") == 1
        assert self.err.endswith("\n")
        return self.err.removeprefix("inspector: ").strip()


Inspector = Callable[..., Run]


def run_inspector(*arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Run:
    """Run ``python -m inspector`` without a display."""
    environment = {**os.environ, **(env or {}), "PYTHONPATH": str(CHECKOUT / "src")}
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "FORCE_COLOR"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-m", "inspector", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        timeout=300,
        check=False,
    )
    out, err = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    assert "Traceback" not in err
    return Run(done.returncode, out, err)


@pytest.fixture(scope="session")
def inspector() -> Inspector:
    """Run ``python -m inspector ARGUMENTS``."""
    return run_inspector


@pytest.fixture(scope="session")
def demo() -> Path:
    """The shipped demo's folder."""
    return CHECKOUT / "resources" / "demo"


@pytest.fixture(scope="session")
def squeezenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training checkpoint with two state_dicts of torchvision's squeezenet1_1 with 7 classes, and odd metadata."""
    import torch
    from torchvision.models import squeezenet1_1

    model = squeezenet1_1(num_classes=7)
    parallel = {f"module.{key}": value for key, value in model.state_dict().items()}
    path = tmp_path_factory.mktemp("checkpoints") / "training run.pth"
    training = {
        "model": model.state_dict(),
        "ema": parallel,
        "epoch": 3,
        "loss": float("nan"),
        "best": float("inf"),
    }
    torch.save(training, path)
    return path
