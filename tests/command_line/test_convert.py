"""``inspector convert`` as a person's shell runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

CHECKOUT = Path(__file__).resolve().parents[2]


def wrapped_model(path: Path) -> dict[str, torch.Tensor]:
    model = {"a.weight": torch.rand(400, 3), "a.bias": torch.rand(3), "b.steps": torch.tensor(3)}
    ema = {key: tensor + 1 for key, tensor in model.items()}
    torch.save({"model": {f"module.{key}": tensor for key, tensor in model.items()}, "ema": ema, "epoch": 2}, path)
    return model


def test_both_formats_and_the_line_that_says_so(inspector: Callable[..., Any], tmp_path: Path) -> None:
    model = wrapped_model(tmp_path / "run.pth")
    for name, load in (("out.pth", torch.load), ("out.safetensors", load_file), ("OUT.PT", torch.load)):
        done = inspector("convert", "run.pth", name, cwd=tmp_path)
        assert (done.code, done.err) == (0, "")
        size = (tmp_path / name).stat().st_size
        assert done.out == f"Wrote {name}: 3 tensors, {size / 1000:.1f}\u202fkB.\n"
        found: Any = load(tmp_path / name)
        assert {key: tensor.tolist() for key, tensor in found.items()} == {k: t.tolist() for k, t in model.items()}
    assert inspector("identify", "out.pth", "--json", cwd=tmp_path).json()["match"] == "none"


def test_another_state_dict_and_a_path_that_is_none(inspector: Callable[..., Any], tmp_path: Path) -> None:
    model = wrapped_model(tmp_path / "run.pth")
    assert inspector("convert", "run.pth", "ema.safetensors", "--state-dict", "ema", cwd=tmp_path).code == 0
    assert torch.equal(load_file(tmp_path / "ema.safetensors")["a.bias"], model["a.bias"] + 1)
    wrong = inspector("convert", "run.pth", "out.pth", "--state-dict", "nope", cwd=tmp_path).error(3)
    assert wrong == "run.pth has no state_dict at 'nope'. It has: 'model', 'ema'."
    assert not (tmp_path / "out.pth").exists()


def test_never_over_what_is_there(inspector: Callable[..., Any], tmp_path: Path) -> None:
    wrapped_model(tmp_path / "run.pth")
    before = (tmp_path / "run.pth").read_bytes()
    (tmp_path / "out.pth").write_bytes(b"mine")
    error = inspector("convert", "run.pth", "out.pth", cwd=tmp_path).error(3)
    assert error == "out.pth is there already. Choose another name, or give --force."
    assert (tmp_path / "out.pth").read_bytes() == b"mine"
    (tmp_path / "link.pth").symlink_to("run.pth")
    for own in ("run.pth", "link.pth"):
        error = inspector("convert", "run.pth", own, "--force", cwd=tmp_path).error(3)
        assert error == f"{own} is the checkpoint itself, which is never written over. Choose another place."
    assert inspector("convert", "run.pth", "out.pth", "--force", cwd=tmp_path).code == 0
    assert set(torch.load(tmp_path / "out.pth")) == {"a.weight", "a.bias", "b.steps"}
    assert (tmp_path / "run.pth").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.pth", "out.pth", "run.pth"]


@pytest.mark.parametrize("out", ["out", "out.bin", "out.onnx"])
def test_a_name_that_tells_no_format(inspector: Callable[..., Any], tmp_path: Path, out: str) -> None:
    wrapped_model(tmp_path / "run.pth")
    error = inspector("convert", "run.pth", out, cwd=tmp_path).error(2)
    assert error == f"convert: {out} tells no format. Let OUT end in .safetensors, or in .pth or .pt."


def test_what_is_no_checkpoint_or_holds_no_weights(inspector: Callable[..., Any], tmp_path: Path) -> None:
    assert "There is no file" in inspector("convert", tmp_path / "none.pth", tmp_path / "out.pth").error(3)
    torch.save({"epoch": 3}, tmp_path / "plain.pth")
    assert "holds no state_dict" in inspector("convert", "plain.pth", "out.pth", cwd=tmp_path).error(3)
    torch.save({"a.weight": torch.eye(3).to_sparse(), "a.bias": torch.ones(3)}, tmp_path / "sparse.pth")
    error = inspector("convert", "sparse.pth", "out.pth", cwd=tmp_path).error(3)
    assert error == "sparse.pth can't be copied without loss: 'a.weight': it is sparse. Nothing was written."
    assert not list(tmp_path.glob("out*"))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.pth"
    torch.save({f"a.{number}.weight": torch.full((16 << 20,), float(number)) for number in range(8)}, path)
    return path


Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a run and let the test end it."""
    begun: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str | Path) -> subprocess.Popen[bytes]:
        run = subprocess.Popen(
            [sys.executable, "-m", "inspector", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # whoever runs the tests in the background has Ctrl+C ignored, which is inherited
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        begun.append(run)
        return run

    yield begin
    for run in begun:
        run.kill()
        run.communicate()


def writer_of(folder: Path) -> int | None:
    """Return the process that holds a file without a name in the folder, or a hidden one, for writing."""
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            held = [os.readlink(link) for link in (process / "fd").iterdir()]
        except OSError:
            continue
        if any(path.startswith(f"{folder}/") for path in held):
            return int(process.name)
    return None


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()


@pytest.mark.skipif(sys.platform != "linux", reason="watches the writing process in /proc")
@pytest.mark.parametrize(
    ("whom", "how"),
    [("the command", signal.SIGINT), ("the command", signal.SIGKILL), ("the writer", signal.SIGKILL)],
)
def test_ended_in_the_middle_nothing_is_left(
    start: Start, large: Path, tmp_path: Path, how: signal.Signals, whom: str
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    run = start("convert", large, folder / "out.safetensors")
    wait_for(lambda: writer_of(folder) is not None or run.poll() is not None)
    writer = writer_of(folder)
    assert run.poll() is None
    assert writer is not None
    os.kill(writer, signal.SIGSTOP)  # it must not be done before the command is told
    os.kill(run.pid if whom == "the command" else writer, how)
    run.wait(timeout=60)
    with suppress(ProcessLookupError):
        os.kill(writer, signal.SIGCONT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == {"the writer": 4, "the command": 130 if how == signal.SIGINT else -how}[whom]
    assert b"Traceback" not in err
    wait_for(lambda: writer_of(folder) is None)
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory in /proc")
def test_a_large_file_is_not_held_in_memory(large: Path, tmp_path: Path) -> None:

    from inspector.checkpoint import open_checkpoint
    from inspector.export.plan import make_plan

    with open_checkpoint(large) as checkpoint:
        (tmp_path / "plan").write_bytes(make_plan(checkpoint, 0).to_bytes())
    program = (
        "import sys; from pathlib import Path; from inspector.export.convert import convert;"
        "from inspector.export.plan import Plan; folder = Path(sys.argv[1]);"
        "plan = Plan.from_bytes((folder / 'plan').read_bytes());"
        "[convert(plan, folder / name, name, lambda done, total: None, force=False)"
        " for name in ('out.pth', 'out.safetensors')];"
        "print(Path('/proc/self/status').read_text())"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], env=environment, capture_output=True, text=True, check=True
    )
    (peak,) = (int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("VmHWM"))
    assert peak < 100 << 10  # kilobytes, for 512 MB of tensors
    assert (tmp_path / "out.pth").stat().st_size > 512 << 20
