"""Exported programs: named, told apart and valued as torch.export.load does, and never run."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.errors import AmbiguousArchiveError, CheckpointError
from inspector.checkpoint.opening import Checkpoint
from inspector.checkpoint.summary import CheckpointSummary
from inspector.session.headlines import headline

from .conftest import Assembler, Outcome
from .torchscript_models import rewritten

export: Any = torch.export


class Model(nn.Module):
    """Nested and shared parameters, buffers of both kinds, and constants."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: torch.Tensor
        first = nn.Linear(4, 3)
        self.body = nn.Sequential(first, nn.BatchNorm1d(3))
        self.tied = nn.Linear(4, 3)
        self.tied.weight = first.weight
        self.register_buffer("hidden", torch.ones(3), persistent=False)
        self.plain = torch.arange(3.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.body(x) + self.tied(x) + self.hidden + self.plain + torch.tensor([1.0, 2.0, 3.0])
        return out


def exported(path: Path, model: nn.Module | None = None, **more: Any) -> Any:
    program = export.export((model or Model()).eval(), (torch.randn(2, 4),))
    export.save(program, path, **more)
    return program


def old_form(path: Path) -> Any:
    """Write the archive as torch 2.1 to 2.7 did, from the pieces of today's."""
    program = exported(path)
    with zipfile.ZipFile(path) as archive:
        graph = archive.read("model/models/model.json")

    def saved(content: object) -> bytes:
        buffer = io.BytesIO()
        torch.save(content, buffer)
        return buffer.getvalue()

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("serialized_exported_program.json", graph)
        archive.writestr("serialized_state_dict.pt", saved(dict(program.state_dict)))
        archive.writestr("serialized_constants.pt", saved(dict(program.constants)))
        archive.writestr("serialized_example_inputs.pt", saved(program.example_inputs))
        archive.writestr("version", "8.20")
        archive.writestr("extra_files/notes.txt", "hello")
    return program


def assert_equals(checkpoint: Checkpoint, program: Any) -> None:
    found = {tensor.name: tensor for tensor in checkpoint.tensors if not tensor.name.startswith("inputs.")}
    expected = dict(program.state_dict) | dict(program.constants)
    roles = dict.fromkeys(program.graph_signature.parameters, "parameter")
    roles |= dict.fromkeys(program.graph_signature.buffers, "buffer")
    assert {name.removeprefix("constants.") for name in found} == set(expected)
    for name, tensor in found.items():
        own = expected[name.removeprefix("constants.")]
        assert tensor.problem == ""
        assert tensor.role == roles.get(name, "other")
        assert name.startswith("constants.") == (tensor.role == "other")
        assert (tensor.shape, tensor.dtype) == (tuple(own.shape), str(own.dtype).removeprefix("torch."))
        read = torch.from_numpy(tensor.read().copy()) if tensor.dtype != "bfloat16" else None
        assert read is None or torch.equal(read.view(own.shape), own.detach()), name


def opened(path: Path) -> Checkpoint:
    checkpoint = open_checkpoint(path)
    assert (checkpoint.container, checkpoint.kind) == ("exported_program", "exported_program")
    assert checkpoint.safety != "safe"
    CheckpointSummary(*encode(checkpoint))
    return checkpoint


@pytest.mark.parametrize("make", [exported, old_form])
def test_equals_what_was_exported(make: Callable[[Path], Any], tmp_path: Path) -> None:
    program = make(tmp_path / "model.pt2")
    with opened(tmp_path / "model.pt2") as checkpoint:
        assert (checkpoint.complete, checkpoint.warnings) == (True, [])
        assert checkpoint.safety == "needs_trust"
        assert checkpoint.class_name == f"{Model.__module__}.Model"
        assert checkpoint.tensors["tied.weight"].shared_with == "body.0.weight"
        assert_equals(checkpoint, program)
        body = next(node for node in checkpoint.tree.children if node.label == "body")
        assert [node.detail for node in body.children] == [
            "torch.nn.modules.linear.Linear",
            "torch.nn.modules.batchnorm.BatchNorm1d",
        ]
        torch.testing.assert_close(
            torch.from_numpy(checkpoint.tensors["inputs.0.0"].read().copy()), program.example_inputs[0][0]
        )


def test_the_graph_is_text_as_torch_prints_it(tmp_path: Path) -> None:
    program = exported(tmp_path / "model.pt2")
    with opened(tmp_path / "model.pt2") as checkpoint:
        summary = CheckpointSummary(*encode(checkpoint))
    ((title, record, text),) = summary.sources
    assert (title, record) == ("model (graph)", "models/model.json")
    targets = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    shown = [line.partition(" = torch.ops.")[2].partition("(")[0] for line in text.split("\n") if " = torch" in line]
    assert shown == targets
    first = next(node for node in program.graph.nodes if node.op == "call_function")
    given = ", ".join(map(str, first.args))
    assert f'linear: "f32[2, 3]" = torch.ops.aten.linear.default({given})' in text
    assert "False, 0.1, 1e-05, " in text
    assert headline(summary).startswith(f"An exported program: {Model.__module__}.Model, 10 tensors")


def test_what_it_says_of_itself_is_metadata(tmp_path: Path) -> None:
    exported(tmp_path / "model.pt2", extra_files={"notes.txt": "hello"})
    with opened(tmp_path / "model.pt2") as checkpoint:
        assert checkpoint.metadata["torch_version"] == torch.__version__
        assert checkpoint.metadata["inputs"] == ["x: float32 2 × 4"]
        assert checkpoint.metadata["notes.txt"] == "hello"


def test_conditions_have_graphs_of_their_own(tmp_path: Path) -> None:
    class Either(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            cond: Any = torch.cond
            out: torch.Tensor = cond(x.sum() > 0, lambda t: t + 1, lambda t: t - 1, (x,))
            return out

    exported(tmp_path / "model.pt2", Either())
    with opened(tmp_path / "model.pt2") as checkpoint:
        text = checkpoint.contents.sources[0].text
    assert "torch.ops.higher_order.cond(gt, true_graph_0, false_graph_0, " in text
    assert "def true_graph_0(" in text
    assert "torch.ops.aten.sub.Tensor(x, 1)" in text


def test_several_programs_in_one_file(tmp_path: Path) -> None:
    from torch.export.pt2_archive._package import package_pt2

    programs: Any = {
        name: export.export(nn.Linear(4, size), (torch.ones(1, 4),)) for name, size in (("a", 2), ("b", 3))
    }
    package_pt2(str(tmp_path / "both.pt2"), exported_programs=programs)
    with opened(tmp_path / "both.pt2") as checkpoint:
        shapes = {tensor.name: tensor.shape for tensor in checkpoint.tensors if tensor.role != "other"}
    assert shapes == {"a.weight": (2, 4), "a.bias": (2,), "b.weight": (3, 4), "b.bias": (3,)}


def test_dtypes_strides_and_pickled_tensors(tmp_path: Path) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.turned: torch.Tensor
            self.small = nn.Parameter(torch.randn(4, 4).half())
            self.register_buffer("turned", torch.arange(12.0).view(3, 4).t())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ self.small.float() @ self.turned

    program = exported(tmp_path / "model.pt2", Odd())
    with opened(tmp_path / "model.pt2") as checkpoint:
        assert checkpoint.warnings == []
        assert checkpoint.tensors["turned"].stride == (1, 4)
        assert_equals(checkpoint, program)


# -- made to harm ----------------------------------------------------------------------------------------------


def changed(path: Path, record: str, change: Callable[[Any], Any]) -> Path:
    exported(path)

    def rewrite(records: dict[str, bytes]) -> None:
        records[record] = json.dumps(change(json.loads(records[record]))).encode()

    return rewritten(path, rewrite)


WEIGHTS = "data/weights/model_weights_config.json"


@pytest.mark.parametrize(
    "lie",
    [
        {"sizes": [{"as_int": 1 << 40}], "strides": [{"as_int": 1}]},
        {"sizes": [{"as_int": -1}], "strides": [{"as_int": 1}]},
        {"sizes": [{"as_int": 1 << 58}] * 3, "strides": [{"as_int": 0}] * 3},
        {"sizes": [{"as_expr": {"expr_str": "s0"}}]},
        {"sizes": [{"as_int": 1}] * 100, "strides": [{"as_int": 1}] * 100},
        {"strides": []},
        {"storage_offset": {"as_int": 10**30}},
        {"storage_offset": None},
        {"dtype": 999},
        {"dtype": "x"},
        {"layout": 1},
        {"sizes": "x"},
    ],
)
def test_lies_about_a_tensor_are_told_before_a_byte_is_read(lie: dict[str, Any], tmp_path: Path) -> None:
    def change(config: Any) -> Any:
        config["config"]["body.0.bias"]["tensor_meta"] |= lie
        return config

    with opened(changed(tmp_path / "model.pt2", WEIGHTS, change)) as checkpoint:
        assert checkpoint.tensors["body.0.bias"].problem
        assert not checkpoint.tensors["body.0.weight"].problem


@pytest.mark.parametrize(
    "path_name", ["weight_99", "weight_/../../constants/tensor_0", "../constants/tensor_0", None, 7]
)
def test_a_record_that_is_not_there(path_name: object, tmp_path: Path) -> None:
    def change(config: Any) -> Any:
        config["config"]["body.0.bias"]["path_name"] = path_name
        return config

    with opened(changed(tmp_path / "model.pt2", WEIGHTS, change)) as checkpoint:
        found = [tensor for tensor in checkpoint.tensors if tensor.name == "body.0.bias"]
        assert all(tensor.problem for tensor in found)


@pytest.mark.parametrize(
    "record", ["data/sample_inputs/model.pt", "data/sample_inputs/other.pt", "data/weights/model.pt"]
)
def test_what_acts_is_found_in_every_pickle(record: str, tmp_path: Path) -> None:
    exported(tmp_path / "model.pt2")
    bad = Assembler().name("os", "system").text("x").op(b"\x85R").done()
    path = rewritten(tmp_path / "model.pt2", lambda records: records.update({record: bad}))
    with opened(path) as checkpoint:
        assert checkpoint.safety == "dangerous"
        assert ("os.system", "dangerous") in checkpoint.globals


def test_an_object_among_the_constants_is_walked(tmp_path: Path) -> None:
    bad = Assembler().name("os", "system").text("x").op(b"\x85R").done()
    exported(tmp_path / "model.pt2")

    def rewrite(records: dict[str, bytes]) -> None:
        config = json.loads(records["data/constants/model_constants_config.json"])
        config["config"]["thing"] = {"path_name": "opaque_obj_0", "use_pickle": True, "tensor_meta": None}
        records["data/constants/model_constants_config.json"] = json.dumps(config).encode()
        records["data/constants/opaque_obj_0"] = bad

    with opened(rewritten(tmp_path / "model.pt2", rewrite)) as checkpoint:
        assert checkpoint.safety == "dangerous"


@pytest.mark.parametrize(
    "raw", [b"", b"[" * 100_000, b"[]", b"nonsense", b'{"graph_module": 1}', b'{"a": 1' + b"0" * 5_000 + b"}"]
)
def test_a_broken_program_leaves_the_tensors_readable(raw: bytes, tmp_path: Path) -> None:
    exported(tmp_path / "model.pt2")
    path = rewritten(tmp_path / "model.pt2", lambda records: records.update({"models/model.json": raw}))
    with opened(path) as checkpoint:
        assert len(checkpoint.tensors) >= 10


def test_missing_configurations(tmp_path: Path) -> None:
    exported(tmp_path / "model.pt2")

    def drop(records: dict[str, bytes]) -> None:
        del records[WEIGHTS]

    with opened(rewritten(tmp_path / "model.pt2", drop)) as checkpoint:
        assert not checkpoint.complete
        assert "list of tensors can't be read" in checkpoint.warnings[0]


@pytest.mark.parametrize(
    "extra", ["model/data.pkl", "model/constants.pkl", "other/data.pkl", "loose", "model/x/archive_format"]
)
def test_archives_that_two_parsers_read_differently_are_refused(extra: str, tmp_path: Path) -> None:
    exported(tmp_path / "model.pt2")
    with zipfile.ZipFile(tmp_path / "model.pt2", "a") as archive:
        archive.writestr(extra, b"\x80\x02N.")
    with pytest.raises(AmbiguousArchiveError):
        open_checkpoint(tmp_path / "model.pt2")


def test_a_name_twice_is_refused_for_its_tensors(tmp_path: Path) -> None:
    exported(tmp_path / "model.pt2")

    def twice(records: dict[str, bytes]) -> None:
        records[WEIGHTS] = b'{"config": {}, ' + records[WEIGHTS][1:]

    with opened(rewritten(tmp_path / "model.pt2", twice)) as checkpoint:
        assert any("occurs twice" in warning for warning in checkpoint.warnings)


def test_a_bomb_in_a_record_is_left_packed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pt2", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/archive_format", "pt2")
        archive.writestr("m/models/model.json", b" " * (64 << 20))
        archive.writestr("m/data/sample_inputs/model.pt", bytes(64 << 20))
    with opened(tmp_path / "bomb.pt2") as checkpoint:
        assert not checkpoint.complete
        assert any("inflate" in warning for warning in checkpoint.warnings)


def test_heavy_json_stays_within_the_reader(tmp_path: Path, read_in_process: Callable[[Path], Outcome]) -> None:
    nodes = b",".join([b'{"inputs":[{"arg":[[],[],[],[],[],[]]}],"outputs":[{}]}'] * 120_000)
    with zipfile.ZipFile(tmp_path / "heavy.pt2", "w") as archive:
        archive.writestr("m/archive_format", "pt2")
        archive.writestr("m/models/model.json", b'{"graph_module":{"graph":{"nodes":[' + nodes + b"]}}}")
    outcome = read_in_process(tmp_path / "heavy.pt2")
    assert outcome.error is None
    assert outcome.summary is not None
    assert outcome.seconds < 10
    assert len(outcome.summary.sources[0][2]) <= 200_100


def test_deep_names_and_arguments_end(tmp_path: Path) -> None:
    deep: Any = []
    for _ in range(200):
        deep = [deep]

    def change(config: Any) -> Any:
        config["config"] = {
            ".".join(["a"] * 5_000) + str(place): entry for place, entry in enumerate(config["config"].values())
        }
        return config

    path = changed(tmp_path / "model.pt2", WEIGHTS, change)

    def graph(records: dict[str, bytes]) -> None:
        program = json.loads(records["models/model.json"])
        program["graph_module"]["graph"]["nodes"][0]["inputs"][0]["arg"] = deep
        records["models/model.json"] = json.dumps(program).encode()

    with opened(rewritten(path, graph)) as checkpoint:
        assert len(checkpoint.tensors) >= 9


def test_an_archive_without_a_program(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "empty.pt2", "w") as archive:
        archive.writestr("m/archive_format", "pt2")
        archive.writestr("m/data/aotinductor/model/model.so", b"\x7fELF")
    with opened(tmp_path / "empty.pt2") as checkpoint:
        assert len(checkpoint.warnings) == 2
        assert list(checkpoint.tensors) == []


def test_the_old_form_cut_short(tmp_path: Path) -> None:
    old_form(tmp_path / "model.pt2")
    content = (tmp_path / "model.pt2").read_bytes()
    (tmp_path / "model.pt2").write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError):
        open_checkpoint(tmp_path / "model.pt2")
