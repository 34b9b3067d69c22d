"""Malicious files written by hand: no instruction, container or spelling leads to ``safe``."""

from __future__ import annotations

import argparse
import collections
import datetime
import json
import pathlib
import pickle
import struct
import types
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from inspector.checkpoint import CheckpointError, open_checkpoint
from inspector.checkpoint.safety import verdict

from .conftest import Assembler, Outcome, legacy_of, zip_of

Read = Callable[[Path], Outcome]

_LIST = b"\x80\x02]"  # something to read, so that a broken end leaves a part


def stack_global(module: str, name: str) -> bytes:
    return Assembler(4).text(module).text(name).op(b"\x93").text("true").op(b"\x85R").done()


def _memo_tricks() -> bytes:
    """The module's and the function's name come out of the memo, as does the function, called long after."""
    code = Assembler(4).text("system").op(b"\x94").text("os").op(b"\x940", b"0", b"h\x01h\x00\x93\x940")
    return code.op(b"}").text("weight").op(b"h\x02").text("true").op(b"\x85Rs").done()


#: Files and what they must be called: each would act, or start something that can.
ATTACKS: dict[str, tuple[bytes, str]] = {
    "GLOBAL": (b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.", "dangerous"),
    "GLOBAL of Python 2": (b"c__builtin__\neval\n(S'1'\ntR.", "dangerous"),
    "protocol 0": (b"cos\nsystem\n(S'true'\ntR.", "dangerous"),
    "INST": (b"(S'true'\nios\nsystem\n.", "dangerous"),
    "OBJ": (b"(cos\nsystem\nS'true'\no.", "dangerous"),
    "STACK_GLOBAL": (stack_global("os", "system"), "dangerous"),
    "memo": (_memo_tricks(), "dangerous"),
    "dropped": (b"\x80\x02cos\nsystem\n0}.", "dangerous"),
    "dropped with its mark": (b"\x80\x02}(cos\nsystem\n1.", "dangerous"),
    "a pickle in bytes": (
        Assembler(4).name("pickle", "loads").op(b"C\x17cos\nsystem\n(S'true'\ntR.\x85R").done(),
        "dangerous",
    ),
    "a pickle in bytes, by the C module": (
        Assembler(4).name("_pickle", "loads").op(b"C\x17cos\nsystem\n(S'true'\ntR.\x85R").done(),
        "dangerous",
    ),
    "a pickle in a storage's bytes": (
        Assembler(2).name("torch.storage", "_load_from_bytes").op(b"U\x17cos\nsystem\n(S'true'\ntR.\x85R").done(),
        "dangerous",
    ),
    "getattr": (
        Assembler(2).name("builtins", "getattr").op(b"(").name("torch", "Size").text("mro").op(b"tR)R").done(),
        "dangerous",
    ),
    "attrgetter": (Assembler(2).name("_operator", "attrgetter").text("a").op(b"\x85R").done(), "dangerous"),
    "torch.load": (Assembler(2).name("torch", "load").text("x.pth").op(b"\x85R").done(), "dangerous"),
    "torch.hub": (Assembler(2).name("torch.hub", "load").text("x/y").op(b"\x85R").done(), "dangerous"),
    "torch's compiler": (
        Assembler(2).name("torch._inductor.codecache", "compile_file").text("x").op(b"\x85R").done(),
        "dangerous",
    ),
    "BUILD on a class": (
        Assembler(2).name("argparse", "Namespace").op(b"}").text("a").op(b"K\x01sb").done(),
        "dangerous",
    ),
    "a function's attribute": (stack_global("os", "path.join"), "dangerous"),
    "a method of a function": (stack_global("builtins", "eval.__call__"), "dangerous"),
    "a long way to a function": (stack_global("builtins", "eval" + ".__call__" * 1_000), "dangerous"),
    "a way through torch": (stack_global("torch", "serialization.os.system"), "dangerous"),
    "a way through an allowed name": (stack_global("torch", "FloatStorage.from_file"), "needs_trust"),
    "an attribute of an allowed name": (stack_global("collections", "OrderedDict.fromkeys"), "needs_trust"),
    "a space before the module": (b"c os\nsystem\n(S'true'\ntR.", "needs_trust"),
    "a space behind an allowed name": (b"ccollections\nOrderedDict \n)R.", "needs_trust"),
    "a carriage return": (b"ccollections\r\nOrderedDict\r\n)R.", "needs_trust"),
    "a NUL": (stack_global("collections", "OrderedDict\0"), "needs_trust"),
    "a Cyrillic o": (stack_global("\u043es", "system"), "needs_trust"),
    "a Cyrillic o in an allowed name": (stack_global("c\u043ellections", "OrderedDict"), "needs_trust"),
    "full-width letters": (stack_global("\uff4f\uff53", "system"), "needs_trust"),
    "a soft hyphen": (stack_global("collections", "Ordered\u00adDict"), "needs_trust"),
    "a module as a name": (b"c\ncollections.OrderedDict\n)R.", "needs_trust"),
    "EXT1": (_LIST + b"\x82\x01)R.", "needs_trust"),
    "EXT2": (_LIST + b"\x83\x01\x00)R.", "needs_trust"),
    "EXT4": (_LIST + b"\x84\x01\x00\x00\x00)R.", "needs_trust"),
    "an unknown instruction": (_LIST + b"\xff.", "needs_trust"),
    "cut short": (_LIST + b"cos\nsyst", "needs_trust"),
    "an octal number": (_LIST + b"I010\n0.", "needs_trust"),
}


@pytest.mark.parametrize("container", ["bare", "zip", "legacy"])
@pytest.mark.parametrize("name", list(ATTACKS))
def test_verdicts(tmp_path: Path, container: str, name: str) -> None:
    code, expected = ATTACKS[name]
    path = tmp_path / "hostile.pth"
    if container == "zip":
        zip_of(path, code)
    elif container == "legacy":
        legacy_of(path, code, b"\x80\x02].")
    else:
        path.write_bytes(code)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.safety == expected, checkpoint.globals


def test_a_pickle_behind_the_end_counts(tmp_path: Path) -> None:
    path = tmp_path / "two.pkl"
    path.write_bytes(b"\x80\x02}." + ATTACKS["GLOBAL"][0])
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.safety == "dangerous"


def test_bytes_that_nothing_loads_are_data(tmp_path: Path) -> None:
    path = zip_of(
        tmp_path / "bytes.pth", Assembler(4).op(b"}").text("a").op(b"C\x17cos\nsystem\n(S'true'\ntR.s").done()
    )
    with open_checkpoint(path) as checkpoint:
        assert (checkpoint.safety, checkpoint.globals) == ("safe", [])


# -- harmless names put to another use ---------------------------------------------------------------------------


def dtype(kind: str, flags: int, *, copied: bool = True, fields: bytes = b"NNN") -> Assembler:
    """The pickle of a numpy dtype of its own flags."""
    code = Assembler(3).name("numpy", "dtype").op(b"(").text(kind).op(b"\x89", b"\x88" if copied else b"\x89", b"tR")
    code.op(b"(K\x03").text("|").op(fields).integer(-1).integer(-1).integer(flags)
    return code.op(b"tb")


def part(code: Assembler) -> bytes:
    return bytes(code.code[2:])


def array_of(described: Assembler, raw: bytes) -> bytes:
    """The pickle of a numpy array of one element, of the dtype described."""
    code = Assembler(3).name("numpy._core.multiarray", "_reconstruct").op(b"(").name("numpy", "ndarray")
    code.op(b"K\x00\x85C\x01btR(K\x01K\x01\x85", part(described), b"\x89C", bytes([len(raw)]), raw, b"tb")
    return code.done()


def scalar_of(kind: str, value: bytes) -> Assembler:
    code = Assembler(3).name("numpy.core.multiarray", "scalar").op(b"(").name("numpy", "dtype").op(b"(").text(kind)
    return code.op(b"\x89\x88tR", value, b"tR")


def _from_type(inner: bytes) -> Assembler:
    return Assembler(3).name("torch._tensor", "_rebuild_from_type").op(b"(", inner).name("torch", "Tensor")


_ADDRESS = b"\x41" * 8
_NAMESPACE = b"cargparse\nNamespace\n"
_DTYPE = b"cnumpy\ndtype\n"
_OBJECT_COPY = b"(X\x02\x00\x00\x00O8\x89\x88t"

MISUSES: dict[str, bytes] = {
    "addresses for objects": array_of(dtype("O8", 0), _ADDRESS),
    "counted references in plain numbers": array_of(dtype("f8", 63), _ADDRESS),
    "fields of objects": array_of(dtype("V8", 0, fields=b"N(X\x01\x00\x00\x00at}X\x01\x00\x00\x00aNs"), _ADDRESS),
    "fields in a number": array_of(dtype("f8", 0, fields=b"N(X\x01\x00\x00\x00at}X\x01\x00\x00\x00aNs"), _ADDRESS),
    "a text of another size": array_of(
        Assembler(3).name("numpy", "dtype").op(b"(").text("S8").op(b"\x89\x88tR(K\x03").text("|").op(b"NNN")
        .integer(1 << 40).integer(1).integer(0).op(b"tb"), _ADDRESS,
    ),
    "the type that all share": dtype("f8", 0, copied=False).done(),
    "a type by a value": Assembler(3).op(_DTYPE, b"(").op(_NAMESPACE, b")R\x89\x88tR").done(),
    "a type by a Python type": Assembler(3).op(_DTYPE, b"(cbuiltins\nobject\n\x89\x88tR").done(),
    "an array of no type": Assembler(3).name("numpy._core.multiarray", "_reconstruct").op(b"(").name("numpy", "ndarray")
        .op(b"K\x00\x85C\x01btR(K\x01K\x01\x85").op(_NAMESPACE, b")R\x89C\x00tb").done(),
    "an array of another class": Assembler(3).name("numpy._core.multiarray", "_reconstruct")
        .op(b"(", _NAMESPACE, b"K\x00\x85C\x01btR").done(),
    "a class as a scalar": scalar_of("O8", _NAMESPACE).op(b"}").text("a").op(b"K\x01sb").done(),
    "an object from a buffer": Assembler(5).name("numpy._core.numeric", "_frombuffer")
        .op(b"(C\x08", _ADDRESS, part(dtype("O8", 63)), b"K\x01\x85").text("C").op(b"tR").done(),
    "an array called": Assembler(3).name("numpy", "ndarray").op(b"K\x01\x85\x85R").done(),
    "another base": Assembler(3).name("copyreg", "_reconstructor").op(b"(", _NAMESPACE, _DTYPE)
        .text("O8").op(b"tR").done(),
    "a type from a tensor's call": _from_type(_DTYPE).op(_OBJECT_COPY, b"}tR").done(),
    "calls in calls": _from_type(b"ctorch._tensor\n_rebuild_from_type\n")
        .op(b"(", _DTYPE, b"ctorch\nTensor\n", _OBJECT_COPY, b"}t}tR").done(),
}  # fmt: skip


@pytest.mark.parametrize("container", ["bare", "zip", "legacy"])
@pytest.mark.parametrize("name", list(MISUSES))
def test_a_harmless_name_in_a_harmful_use_is_not_safe(tmp_path: Path, container: str, name: str) -> None:
    path = tmp_path / "misuse.pth"
    if container == "zip":
        zip_of(path, MISUSES[name])
    elif container == "legacy":
        legacy_of(path, MISUSES[name], b"\x80\x02].")
    else:
        path.write_bytes(MISUSES[name])
    with open_checkpoint(path) as checkpoint:
        assert {found for _, found in checkpoint.globals} == {"tensor"}
        assert (checkpoint.safety, checkpoint.complete) == ("needs_trust", True)
        assert any(warning.startswith("It ") for warning in checkpoint.warnings)


_TYPES = "? i1 u8 >f4 f2 f16 c8 c16 S5 U5 V7 O M8[ns] m8 M8[3D]".split()

PLAIN: dict[str, Any] = {
    **{f"array of {kind}": numpy.zeros(3, dtype=kind) for kind in _TYPES},
    **{f"scalar of {kind}": numpy.zeros(3, dtype=kind)[0] for kind in "? i1 f4 f8 c8 S5 U5 M8[ns]".split()},
    "Fortran order": numpy.asfortranarray(numpy.zeros((2, 3))),
    "random state": numpy.random.RandomState(0).get_state(),
    "namespace": argparse.Namespace(lr=0.1),
    "simple namespace": types.SimpleNamespace(lr=0.1),
    "counter": collections.Counter("ab"),
    "deque": collections.deque([1.0], 3),
    "defaultdict": collections.defaultdict(list, a=[1]),
    "uuid": uuid.UUID(int=5),
    "path": pathlib.PurePosixPath("runs/1"),
    "datetime": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", list(PLAIN))
def test_plain_data_as_its_own_pickler_writes_it_is_safe(tmp_path: Path, name: str, protocol: int) -> None:
    path = zip_of(tmp_path / "plain.pth", pickle.dumps({"value": PLAIN[name]}, protocol))
    with open_checkpoint(path) as checkpoint:
        assert (checkpoint.safety, checkpoint.warnings) == ("safe", []), checkpoint.globals


@pytest.mark.parametrize("make", [lambda: torch.zeros(2), lambda: torch.nn.Parameter(torch.zeros(2))])
def test_tensors_with_attributes_are_safe(tmp_path: Path, make: Callable[[], torch.Tensor]) -> None:
    tensor = make()
    tensor.note = "kept by _rebuild_from_type_v2"  # type: ignore[attr-defined]
    torch.save({"a": tensor}, tmp_path / "a.pth")
    with open_checkpoint(tmp_path / "a.pth") as checkpoint:
        assert (checkpoint.safety, len(checkpoint.tensors)) == ("safe", 1)


def test_all_that_torch_loads_with_weights_only_is_plain_data() -> None:
    from torch._weights_only_unpickler import _get_allowed_globals

    assert {name: verdict(name) for name in _get_allowed_globals() if verdict(name) != "tensor"} == {}


# -- two readers, two contents -----------------------------------------------------------------------------------


def test_a_safetensors_header_that_is_a_pickle_is_refused(tmp_path: Path) -> None:
    """``X`` and a length: the first eight bytes push a text, and what follows in the header names a function."""
    text = 300
    length = ord("X") + 256 * text
    header = b'{"__metadata__":{"a":"'.ljust(text - 3, b"x")
    # Two texts of the header's own letters, and STACK_GLOBAL as the second half of a character.
    header += b"U#" + b"m" * 35 + b"U$" + b"n" * 35 + "\u0093".encode() + b"0" + b"N." + b'"}}'
    header = header.ljust(length)
    json.loads(header)
    path = tmp_path / "both.safetensors"
    path.write_bytes(struct.pack("<Q", length) + header)
    with pytest.raises(CheckpointError, match="as safetensors and as a pickle"):
        open_checkpoint(path)


# -- what costs the square of its size ---------------------------------------------------------------------------


def _with_sources(count: int, calls: int) -> bytes:
    """So many classes with their sources, and then the last one again and again."""
    code = Assembler(2)
    for number in range(count):
        code.op(b"(").text("module").name("m", f"C{number}").text("f").text("s").op(b"tq\x00Q0")
    return bytes(code.code) + b"h\x00Q0" * calls + b"N."


SLOW: dict[str, Callable[[], bytes]] = {
    "a name of a million dots": lambda: b"\x80\x02ca\n" + b"." * 1_000_000 + b"\n.",
    "a long name called often": lambda: b"\x80\x02ca\n" + b"b" * 1_000_000 + b"\nq\x00]" + b"h\x00)R0" * 100_000 + b".",
    "many sources": lambda: _with_sources(4_000, 100_000),
}


@pytest.mark.parametrize("name", list(SLOW))
def test_no_name_costs_the_square_of_its_length(tmp_path: Path, read_in_process: Read, name: str) -> None:
    path = zip_of(tmp_path / "slow.pth", SLOW[name]())
    outcome = read_in_process(path)
    assert outcome.summary is not None
    assert outcome.summary.safety == "needs_trust"
    assert outcome.seconds < 2


def test_the_worst_name_is_listed_where_not_all_are(tmp_path: Path, read_in_process: Read) -> None:
    code = Assembler(4)
    for number in range(4_000):
        code.text("m").text(f"{number}" + "\U0001f600" * 95).op(b"\x930")
    path = zip_of(tmp_path / "many.pth", code.text("os").text("system").op(b"\x93").done())
    summary = read_in_process(path).summary
    assert summary is not None
    assert len(summary.globals) < 4_001
    assert summary.globals[0] == ("os.system", "dangerous")
