"""TorchScript archives that torch did not write: damaged, lying, or made to harm."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.errors import AmbiguousArchiveError, BrokenCheckpointError
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.text import clean_text
from inspector.checkpoint.torchscript_code import read_classes, readable
from inspector.session import words

from .conftest import Assembler, zip_of
from .torchscript_models import WARNINGS, Table, jit, rewritten, scripted, traced

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


def test_without_its_code_the_names_tell_buffers_from_parameters(tmp_path: Path) -> None:
    traced(tmp_path / "model.pt")

    def drop_code(records: dict[str, bytes]) -> None:
        for name in [name for name in records if name.startswith("code/")]:
            del records[name]

    with open_checkpoint(rewritten(tmp_path / "model.pt", drop_code)) as checkpoint:
        assert "Its code is missing" in checkpoint.warnings[0]
        roles = {tensor.name: tensor.role for tensor in checkpoint.tensors}
    assert (roles["0.weight"], roles["2.running_mean"]) == ("parameter", "buffer")


def test_before_torch_1_5_buffers_were_not_listed(tmp_path: Path) -> None:
    jit.script(Table()).save(str(tmp_path / "model.pt"))

    def drop_list(records: dict[str, bytes]) -> None:
        for name in [name for name in records if name.endswith(".py")]:
            lines = records[name].split(b"\n")
            records[name] = b"\n".join(line for line in lines if b"__buffers__" not in line)

    with open_checkpoint(rewritten(tmp_path / "model.pt", drop_list)) as checkpoint:
        assert {tensor.name: tensor.role for tensor in checkpoint.tensors} == {"weight": "parameter", "grid": "buffer"}


def test_broken_constants_leave_the_model_readable(tmp_path: Path) -> None:
    scripted(tmp_path / "model.pt")
    path = rewritten(tmp_path / "model.pt", lambda records: records.update({"constants.pkl": b"\x80\x02(("}))
    with open_checkpoint(path) as checkpoint:
        assert not checkpoint.complete
        assert any("'constants.pkl' can't be read" in warning for warning in checkpoint.warnings)
        assert checkpoint.model_state_dict is not None
        assert len(checkpoint.model_state_dict.tensors) == 15


def test_broken_model_gives_an_error(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "m.pt", b"\x80\x02", extra={"constants.pkl": b"\x80\x02)."})
    with pytest.raises(BrokenCheckpointError, match=r"m\.pt"):
        open_checkpoint(path)


@pytest.mark.parametrize("record", ["data.pkl", "constants.pkl", "bytecode.pkl", "traced_inputs.pkl"])
def test_what_acts_is_found_in_every_pickle(record: str, tmp_path: Path) -> None:
    bad = Assembler().name("os", "system").text("x").op(b"\x85R").done()
    extra = {"constants.pkl": b"\x80\x02)."} | {record: bad}
    data = extra.pop("data.pkl", b"\x80\x02N.")
    with open_checkpoint(zip_of(tmp_path / "m.pt", data, extra=extra)) as checkpoint:
        assert checkpoint.kind == "torchscript_model"
        assert checkpoint.safety == "dangerous"
        assert ("os.system", "dangerous") in checkpoint.globals


def test_plain_data_in_a_program_is_never_called_safe(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "m.pt", b"\x80\x02N.", extra={"constants.pkl": b"\x80\x02)."})
    with open_checkpoint(path) as checkpoint:
        assert (checkpoint.safety, checkpoint.globals) == ("needs_trust", [])
        assert "It is a program" in words.safety_explanation(CheckpointSummary(*encode(checkpoint)))


def test_cycles_end(tmp_path: Path) -> None:
    code = Assembler().name("__torch__", "Loop").op(b")\x81q\x00}").text("me").op(b"h\x00s").text("also").op(b"h\x00sb")
    path = zip_of(tmp_path / "m.pt", code.done(), extra={"constants.pkl": b"\x80\x02)."})
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.class_name == "__main__.Loop"
        assert not checkpoint.complete  # two ways round at every level: cut at the budget of rows
        encode(checkpoint)


def test_a_deep_chain_of_modules_ends(tmp_path: Path) -> None:
    code = Assembler()
    for _ in range(50_000):
        code.name("__torch__", "M").op(b")\x81}").text("m")
    code.op(b"N" + b"sb" * 50_000)
    path = zip_of(tmp_path / "m.pt", code.done(), extra={"constants.pkl": b"\x80\x02)."})
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.kind == "torchscript_model"


def test_a_tensor_beyond_its_storage_is_told_before_a_byte_is_read(tmp_path: Path) -> None:
    for record in ("data", "constants"):
        lie = Assembler().tensor((1 << 20,), (1,)).op(b"\x85").done()
        extra = {"constants.pkl": b"\x80\x02).", f"{record}/0": bytes(16)} | {f"{record}.pkl": lie}
        data = extra.pop("data.pkl", b"\x80\x02N.")
        with open_checkpoint(zip_of(tmp_path / "m.pt", data, extra=extra)) as checkpoint:
            (tensor,) = checkpoint.tensors
            assert tensor.problem == "its shape reaches beyond its storage"


def test_the_two_folders_of_storages_are_not_mixed_up(tmp_path: Path) -> None:
    one = Assembler().tensor((4,), (1,)).op(b"\x85").done()
    floats = {
        name: torch.full((4,), value).numpy().tobytes() for name, value in (("data/0", 1.0), ("constants/0", 2.0))
    }
    with open_checkpoint(zip_of(tmp_path / "m.pt", one, extra={"constants.pkl": one, **floats})) as checkpoint:
        assert [tensor.read().tolist() for tensor in checkpoint.tensors] == [[1.0] * 4, [2.0] * 4]


@pytest.mark.parametrize(
    "names",
    [
        ("a/data.pkl", "a/constants.pkl", "b/data.pkl"),
        ("a/data.pkl", "a/constants.pkl", "a/Data.pkl"),
        ("a/data.pkl", "a/constants.pkl", "data.pkl"),
        ("a/data.pkl", "a/constants.pkl", "a/code/data.pkl"),
        ("a/data.pkl", "a/constants.pkl", "loose"),
    ],
)
def test_archives_that_two_parsers_read_differently_stay_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"\x80\x02).")
    with pytest.raises(AmbiguousArchiveError):
        open_checkpoint(path)


def test_code_is_text_and_only_its_own_form_says_anything() -> None:
    text = (
        'import os\nclass A(Module):\n  __parameters__ = ["w", ]\n  __buffers__ = [__import__("os").system("x")]\n'
        "  w : Tensor\n  k : Final[Tuple[int, int]] = (3, 3)\n  e : Final[float] = 1.0000000000000001e-05\n"
        '  s : Final[str] = "zeros"\n  odd : Final[int] = exec("1")\n  __annotations__["0"] = __torch__.B\n'
        '  def f(self):\n    __buffers__ = ["w"]\n  __buffers__ = ["w", ]\n'
    )
    found = read_classes({"code/__torch__/x.py": text})["__torch__.x.A"]
    assert found.parameters == frozenset({"w"})
    assert found.buffers is None
    assert found.constants == {"k": (3, 3), "e": 1e-05, "s": "zeros"}
    assert found.types == {"w": "Tensor", "0": "__torch__.B"}


def test_names_are_demangled() -> None:
    assert readable("__torch__.torch.nn.modules.conv.___torch_mangle_12.Conv2d") == "torch.nn.modules.conv.Conv2d"
    assert readable("__torch__.___torch_mangle_5.Net") == "__main__.Net"
    assert readable("__torch__.Net") == "__main__.Net"


def test_large_code_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(tmp_path / "model.pt")
    monkeypatch.setattr("inspector.checkpoint.torchscript_container.MAX_CODE_BYTES", 100)
    with open_checkpoint(tmp_path / "model.pt") as checkpoint:
        assert any("Its code is larger" in warning for warning in checkpoint.warnings)
        assert len(checkpoint.tensors) == 16


def test_code_can_not_hide_text_and_is_cut_with_a_note() -> None:
    assert clean_text("a\tb\u202ec\x00\nd", 100) == "a    b\\u202ec\\x00\nd"
    assert clean_text("x" * 300, 100) == "x" * 100 + "\n… 200 more characters are not shown."
