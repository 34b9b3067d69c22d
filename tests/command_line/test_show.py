from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

# ``conftest`` is no module to import from: its fixtures are typed here by what they are.
Inspector = Any

_KEYS = (
    "file bytes container kind class complete state_dicts parameters buffers tensors metadata embedded globals safety "
    "native_code warnings sources"
).split()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state_dict with a tied weight and a buffer."""
    weight = torch.arange(12.0).reshape(3, 4)
    state = OrderedDict(
        [
            ("encoder.weight", weight),
            ("norm.weight", torch.ones(3)),
            ("norm.bias", torch.zeros(3)),
            ("norm.running_mean", torch.zeros(3)),
            ("norm.running_var", torch.ones(3)),
            ("norm.num_batches_tracked", torch.tensor(5)),
            ("decoder.weight", weight),
        ]
    )
    path = tmp_path_factory.mktemp("show") / "plain.pth"
    torch.save(state, path)
    return path


def test_json_has_the_documented_keys(inspector: Inspector, plain: Path) -> None:
    shown = inspector("show", plain.name, "--json", cwd=plain.parent).json()
    assert list(shown) == _KEYS
    assert shown["file"] == plain.name
    assert shown["bytes"] == plain.stat().st_size
    assert (shown["container"], shown["kind"], shown["class"]) == ("zip", "state_dict", None)
    assert shown["complete"] is True
    assert shown["safety"] == "safe"
    assert (shown["parameters"], shown["buffers"]) == (12 + 6, 7)
    assert shown["state_dicts"] == [
        {"path": "", "role": "model", "wrapper": None, "parameters": 18, "buffers": 7, "tensors": 7}
    ]
    assert shown["tensors"][0] == {
        "name": "encoder.weight",
        "shape": [3, 4],
        "dtype": "float32",
        "layout": "strided",
        "numel": 12,
        "bytes": 48,
        "role": "parameter",
        "shared_with": None,
        "parameter": None,
        "quantization": None,
        "problem": None,
    }
    assert {row["name"]: row["role"] for row in shown["tensors"]}["norm.running_var"] == "buffer"
    assert shown["tensors"][-1]["shared_with"] == "encoder.weight"
    assert {found["verdict"] for found in shown["globals"]} == {"tensor"}


def test_training_checkpoint_with_nan_is_strict_json(inspector: Inspector, squeezenet: Path) -> None:
    shown = inspector("show", squeezenet, "--json").json()
    assert shown["kind"] == "training_checkpoint"
    assert shown["metadata"] == {"epoch": 3, "loss": None, "best": None}
    found = {row["path"]: row for row in shown["state_dicts"]}
    assert found["ema"]["wrapper"] == "module."
    assert shown["parameters"] == found["model"]["parameters"] == 726_087


def test_pickled_model_needs_trust_and_runs_nothing(inspector: Inspector, tmp_path: Path) -> None:
    path = tmp_path / "whole.pt"
    torch.save(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), path)
    shown = inspector("show", path, "--json").json()
    assert (shown["kind"], shown["safety"]) == ("pickled_model", "needs_trust")
    assert shown["class"] == "torch.nn.modules.container.Sequential"
    assert shown["parameters"] == 9
    assert {"name": "torch.nn.modules.linear.Linear", "verdict": "module"} in shown["globals"]


def test_dangerous_pickle_is_shown_and_not_run(inspector: Inspector, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    path = tmp_path / "trap.pth"
    path.write_bytes(b"\x80\x02}U\x01aK\x01scposix\nsystem\nX" + _text(f"touch {trace}") + b"\x85R.")
    shown = inspector("show", path, "--json").json()
    assert shown["safety"] == "dangerous"
    assert {"name": "posix.system", "verdict": "dangerous"} in shown["globals"]
    page = inspector("show", path)
    assert "posix.system" in page.out
    assert not trace.exists()


def _text(text: str) -> bytes:
    return len(text).to_bytes(4, "little") + text.encode()


def test_page_begins_with_the_verdict_and_cuts_nothing(inspector: Inspector, tmp_path: Path) -> None:
    path, name = tmp_path / "long.pth", "a_very_long_module_name." * 12 + "weight"
    torch.save({name: torch.zeros(2, 3), "layer.bias": torch.zeros(1_000)}, path)
    page = inspector("show", path)
    assert page.code == 0
    assert page.err == ""
    lines = page.out.splitlines()
    assert lines[0].startswith("A state_dict: 2 tensors, 1.0\u202fk parameters, in zip container, safe to read")
    assert any(line.startswith(name) and "2 × 3" in line for line in lines)
    assert "\x1b" not in page.out


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
def test_code_files_are_listed(inspector: Inspector, tmp_path: Path) -> None:
    jit: Any = torch.jit
    jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "model.pt"))
    shown = inspector("show", "model.pt", "--json", cwd=tmp_path).json()
    assert (shown["container"], shown["kind"]) == ("torchscript", "torchscript_model")
    assert shown["class"] == "torch.nn.modules.linear.Linear"
    first = shown["sources"][0]
    assert first["name"] == "torch.nn.modules.linear"
    assert first["file"].startswith("code/__torch__/torch/nn/modules/linear")  # the rest is torch's running number
    assert first["text"].count("\n") > 5
    assert first["file"] in inspector("show", "model.pt", cwd=tmp_path).out


def test_names_are_neither_markup_nor_control(inspector: Inspector, tmp_path: Path) -> None:
    path = tmp_path / "evil [red].pth"
    torch.save({"[bold]a[/bold]\x1b[2J\u202e.weight": torch.zeros(2), "\udc80": torch.zeros(1)}, path)
    if os.name == "posix":
        path = path.rename(tmp_path / "evil \x1b[31m\n.pth")
    page = inspector("show", path)
    assert page.code == 0
    assert "[bold]a[/bold]" in page.out
    assert not {"\x1b", "\u202e"} & set(page.out)
    names = [row["name"] for row in inspector("show", path, "--json").json()["tensors"]]
    assert len(names) == 2


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_survives_every_encoding(inspector: Inspector, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "names.pth"
    torch.save({"größe.权重": torch.zeros(2), "é": torch.zeros(1)}, path)
    shown = inspector("show", path, "--json", env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}).json()
    assert [row["name"] for row in shown["tensors"]] == ["größe.权重", "é"]
    assert inspector("show", path, env={"PYTHONIOENCODING": "ascii"}).code == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "There is no file"),
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "LFS"),
    ],
)
def test_unreadable_file_is_one_line(inspector: Inspector, tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "file.pth"
    if content is not None:
        path.write_bytes(content)
    for arguments in (("show", path), ("show", path, "--json"), ("identify", path)):
        assert says in inspector(*arguments).error(3)


def test_folder_without_a_checkpoint_is_refused(inspector: Inspector, tmp_path: Path) -> None:
    assert "is a folder without a checkpoint in it. Open a checkpoint" in inspector("show", tmp_path).error(3)
    for name in ("epoch1", "epoch2"):
        (tmp_path / name).mkdir()
        torch.save({}, tmp_path / name / "a.pth")
    assert "Open one of the folders in it: 'epoch1', 'epoch2'." in inspector("show", tmp_path).error(3)


def test_folder_of_a_distributed_checkpoint(inspector: Inspector, tmp_path: Path) -> None:
    from torch.distributed.checkpoint.state_dict_saver import save

    folder = tmp_path / "run-500"
    with pytest.warns(UserWarning, match="single process"):
        save({"model": {"a.weight": torch.ones(2, 3)}, "epoch": 3}, checkpoint_id=folder, no_dist=True)
    shown = inspector("show", folder, "--json").json()
    assert (shown["file"], shown["container"], shown["complete"]) == (str(folder), "distributed", True)
    assert shown["bytes"] == sum(file.stat().st_size for file in folder.iterdir())
    assert [(row["name"], row["shape"]) for row in shown["tensors"]] == [("model.a.weight", [2, 3])]
    page = inspector("show", folder).out
    assert "in distributed container of 2 files, safe to read" in " ".join(page.split())


def test_reader_who_has_seen_enough_is_no_error(squeezenet: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.pth"
    torch.save({f"layer{place}.weight": torch.zeros(1) for place in range(5_000)}, path)
    for option in ("--json", "--"):
        started = subprocess.Popen(
            [sys.executable, "-m", "inspector", "show", option, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        )
        assert started.stdout is not None
        assert started.stderr is not None
        with started.stdout, started.stderr:
            started.stdout.read(100)
            started.stdout.close()
            assert started.stderr.read() == b""
            assert started.wait(60) == 0


def test_nothing_heavy_is_imported(plain: Path, demo: Path) -> None:
    code = (
        "import sys; from inspector.__main__ import main\n"
        f"main(['show', {str(plain)!r}]); main(['identify', {str(demo / 'digits.pth')!r}, '--json'])\n"
        "sys.stderr.write(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )
    loaded = set(done.stderr.split())
    assert "inspector" in loaded
    assert not loaded & {"torch", "torchvision", "PySide6", "numpy", "PIL"}


@pytest.mark.shared_data
def test_real_resnet18(inspector: Inspector, shared_data: Path) -> None:
    path = shared_data / "checkpoints/imagenet/facebookresearch__kill-the-bits__resnet18_small_blocks.decoded.pth"
    shown = inspector("show", path, "--json").json()
    assert (shown["kind"], shown["container"], shown["safety"]) == ("state_dict", "zip", "safe")
    assert shown["parameters"] == 11_689_512
    assert shown["buffers"] == 9_620
    assert len(shown["tensors"]) == 122


@pytest.mark.shared_data
def test_hostile_and_broken_files_get_an_answer(inspector: Inspector, shared_data: Path) -> None:
    for path in sorted((shared_data / "broken").iterdir())[:8]:
        run = inspector("show", path, "--json")
        if run.code:
            assert run.error(3)
        else:
            assert run.json()["file"] == str(path)


def test_sources_of_pickled_classes_are_shown_as_text(inspector: Inspector, tmp_path: Path) -> None:
    """torch before 1.6 saved the source of each module's class with it; it is text, and nothing else."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: object) -> object:
            text = "class Linear(Module):\n\tdef forward(self, x):\n\t\treturn x\x1b[31m\n"
            return ("module", nn.Linear, "/old/model.py", text) if obj == "here" else None

    buffer = io.BytesIO()
    for part in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}):
        buffer.write(pickle.dumps(part, protocol=2))
    Pickler(buffer, protocol=2).dump({"class": "here", "epoch": 3})
    buffer.write(pickle.dumps([], protocol=2))
    (tmp_path / "old.pth").write_bytes(buffer.getvalue())
    (source,) = inspector("show", "old.pth", "--json", cwd=tmp_path).json()["sources"]
    assert (source["name"], source["file"]) == ("torch.nn.modules.linear.Linear", "/old/model.py")
    assert source["text"].startswith("class Linear(Module):\n    def forward")
    page = inspector("show", "old.pth", cwd=tmp_path).out
    assert "torch.nn.modules.linear.Linear, from /old/model.py" in page
    assert "        return x\\x1b[31m" in page
    assert "\x1b" not in page


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """A training checkpoint with an optimizer, what is not finite, and a tensor without numbers."""
    model = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 2, 3)))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.25, betas=(0.5, 0.75))
    model(torch.ones(1, 1, 4, 4)).sum().backward()
    optimizer.step()
    content = {
        "model": model.state_dict(), "optimizer": optimizer.state_dict(), "empty": torch.empty(3, device="meta"),
        "loss": float("nan"), "best": None, "worst": float("-inf"), "classes": ["cat", "dog"],
    }  # fmt: skip
    torch.save(content, tmp_path / "training.pth")
    return tmp_path / "training.pth"


def test_json_names_a_moment_s_parameter_and_a_tensor_s_problem(inspector: Inspector, training: Path) -> None:
    shown = inspector("show", training, "--json").json()
    tensors = {row["name"]: row for row in shown["tensors"]}
    assert tensors["optimizer.state.0.exp_avg"]["parameter"] == "model.conv.weight"
    assert tensors["optimizer.state.1.exp_avg_sq"]["parameter"] == "model.conv.bias"
    assert tensors["model.conv.weight"]["parameter"] is None
    assert tensors["model.conv.weight"]["problem"] is None
    assert "meta" in tensors["empty"]["problem"]
    assert (shown["metadata"]["loss"], shown["metadata"]["best"]) == (None, None)
    assert shown["metadata"]["worst"] is None
    assert shown["metadata"]["optimizer"]["param_groups"][0]["betas"] == [0.5, 0.75]


def test_the_page_calls_moments_by_their_parameters_and_indents_plain_values(
    inspector: Inspector, training: Path
) -> None:
    lines = inspector("show", training).out.splitlines()
    (moment,) = [line for line in lines if line.startswith("conv.weight · exp_avg ")]
    assert moment.endswith("optimizer.state.0.exp_avg")
    (optimizer,) = [line.split() for line in lines if line.startswith("optimizer  ")]
    assert optimizer == ["optimizer", "optimizer", "–", "–", "–", "6"]
    start = lines.index("Metadata")
    values = [line.split(maxsplit=1) for line in lines[start + 2 :]]
    assert ["lr", "0.25"] in values
    assert ["betas", "[0.5, 0.75]"] in values
    assert ["loss", "NaN"] in values
    assert ["best", "None"] in values
    assert ["classes", "[cat, dog]"] in values
    assert any(line.startswith("      betas ") for line in lines)
    assert not any("{" in line for line in lines)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_json_tells_how_integers_stand_for_numbers(inspector: Inspector, tmp_path: Path) -> None:
    weight, scales = torch.ones(3, 4), torch.tensor([0.1, 0.2, 0.3])
    content = {
        "one": torch.quantize_per_tensor(weight, 0.5, 5, torch.quint8),
        "channels": torch.quantize_per_channel(weight, scales, torch.tensor([0, 1, 2]), 0, torch.qint8),
        "floats": torch.quantize_per_channel(weight, scales, torch.zeros(3), 0, torch.quint8),
        "plain": weight,
    }
    torch.save(content, tmp_path / "quantized.pth")
    shown = inspector("show", tmp_path / "quantized.pth", "--json").json()
    assert [row["quantization"] for row in shown["tensors"]] == [
        {"scheme": "per_tensor_affine", "scale": 0.5, "zero_point": 5, "axis": None},
        {"scheme": "per_channel_affine", "scale": None, "zero_point": None, "axis": 0},
        {"scheme": "per_channel_affine_float_qparams", "scale": None, "zero_point": None, "axis": 0},
        None,
    ]
