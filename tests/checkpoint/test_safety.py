"""Nothing in a file runs, in any container, in any process; and what it names is judged by exact names."""

from __future__ import annotations

import importlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.safety import safety_of, verdict

from .conftest import Assembler, Outcome, legacy_of, zip_of

Read = Callable[[Path], Outcome]


class _Calls:
    """Pickled as a call of any function with any arguments."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.args


def attacks(canary: Path) -> dict[str, bytes]:
    """Pickles that would make the file ``canary``, each by another instruction."""
    command = f"touch {canary}".encode()
    attack: dict[str, bytes] = {
        f"reduce {protocol}": pickle.dumps({"a": _Calls(os.system, command.decode())}, protocol)
        for protocol in range(6)
    }
    attack["exec"] = pickle.dumps(_Calls(exec, f"open({str(canary)!r}, 'w')"))
    attack["inst"] = b"(S'" + command + b"'\nios\nsystem\n."
    attack["obj"] = b"(cos\nsystem\nS'" + command + b"'\no."
    attack["newobj"] = b"\x80\x02cpathlib\nPath\nX\x01\x00\x00\x00a\x85\x81cos\nsystem\nS'" + command + b"'\n\x85R."
    attack["newobj_ex"] = b"\x80\x04cos\nsystem\nS'" + command + b"'\n\x85}\x92."
    attack["stack_global"] = b"\x80\x04\x8c\x02os\x8c\x06system\x93S'" + command + b"'\n\x85R."
    attack["build"] = b"\x80\x02cos\nsystem\n}S'__doc__'\nS'x'\nsb."
    attack["second pickle"] = pickle.dumps([1]) + pickle.dumps(_Calls(os.system, command.decode()))
    attack["after an error"] = b"(S'" + command + b"'\nios\nsystem\nR\xff"
    attack["in a popped value"] = pickle.dumps(_Calls(os.system, command.decode()), 2)[:-1] + b"0}."
    return attack


NAMES = list(attacks(Path("canary")))


@pytest.mark.parametrize("container", ["bare", "zip", "legacy"])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_runs(tmp_path: Path, read_in_process: Read, container: str, name: str) -> None:
    canary, path = tmp_path / "canary", tmp_path / "hostile.pth"
    attack = attacks(canary)[name]
    if container == "zip":
        zip_of(path, attack)
    elif container == "legacy":
        legacy_of(path, attack, b"\x80\x02].")
    else:
        path.write_bytes(attack)
    outcome = read_in_process(path)
    assert not canary.exists()
    assert outcome.summary is not None
    if name == "second pickle" and container == "zip":  # torch reads the first alone
        assert any("follow the end of its pickle" in warning for warning in outcome.summary.warnings)
    elif name != "second pickle" or container == "bare":
        assert outcome.summary.safety == "dangerous"
    with open_checkpoint(path) as checkpoint:
        checkpoint.embedded  # noqa: B018 - lazily read
        assert checkpoint.safety == outcome.summary.safety
    assert not canary.exists()


def test_the_attacks_would_work(tmp_path: Path) -> None:
    """A canary that can't sing tells nothing: Python itself runs one of these."""
    pickle.loads(attacks(tmp_path / "canary")["reduce 2"])
    assert (tmp_path / "canary").exists()


def test_a_persistent_id_runs_nothing(tmp_path: Path, read_in_process: Read) -> None:
    code = Assembler().op(b"(").text("storage").name("os", "system").text("0").text("cpu").op(b"K\x01tQ.")
    outcome = read_in_process(zip_of(tmp_path / "a.pth", code.done()))
    assert outcome.summary is not None
    assert outcome.summary.safety == "dangerous"
    assert not outcome.summary.complete


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torch._utils._rebuild_tensor_v2", "tensor"),
        ("collections.OrderedDict", "tensor"),
        ("torch.FloatStorage", "tensor"),
        ("torch.nn.modules.linear.Linear", "module"),
        ("torchvision.models.resnet.ResNet", "module"),
        ("os.system", "dangerous"),
        ("posix.system", "dangerous"),
        ("builtins.eval", "dangerous"),
        ("builtins.getattr", "dangerous"),
        ("subprocess.Popen", "dangerous"),
        ("torch.hub.load", "dangerous"),
        ("torch.serialization.load", "dangerous"),
        ("importlib.import_module", "dangerous"),
        ("torch.nn.modules.linear.Linear.forward", "unknown"),
        ("torch.nn.modules.evil.Linear", "unknown"),
        ("torch.nn", "unknown"),
        ("torch._utils.os.system", "unknown"),
        ("torchvision.models.resnet.os", "unknown"),
        ("mine.Model", "unknown"),
        ("", "unknown"),
        (".", "unknown"),
        ("TORCH.FloatStorage", "unknown"),
        ("torch.FloatStorage ", "unknown"),
    ],
)
def test_verdicts(name: str, expected: str) -> None:
    assert verdict(name) == expected


def test_safety_is_the_worst_of_all() -> None:
    assert safety_of([]) == "safe"
    assert safety_of(["tensor", "tensor"]) == "safe"
    assert safety_of(["tensor", "module"]) == "needs_trust"
    assert safety_of(["tensor", "unknown"]) == "needs_trust"
    assert safety_of(["module", "dangerous", "tensor"]) == "dangerous"


def test_no_function_of_the_system_is_called_plain_data() -> None:
    plain = "bool bytearray bytes complex dict float frozenset int list object set slice str tuple".split()
    for module in "builtins os posix subprocess sys shutil importlib pickle socket ctypes runpy code".split():
        for attribute in dir(importlib.import_module(module)):
            expected = {"tensor"} if module == "builtins" and attribute in plain else {"unknown", "dangerous"}
            assert verdict(f"{module}.{attribute}") in expected, attribute
