"""Files made to hurt their reader: each is answered by the reader process in 2 s, with bounded memory."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from inspector.checkpoint import CheckpointError, open_checkpoint
from inspector.checkpoint.limits import MAX_GLOBALS

from .conftest import Assembler, Outcome, legacy_of, zip_of

Read = Callable[[Path], Outcome]

#: The reader alone, started from nothing, and as much of the machine's load again.
SECONDS, PEAK_BYTES, HEADER_BYTES = 2.0, 300 << 20, 6 << 20


def nested(opening: bytes, depth: int) -> bytes:
    return b"\x80\x02" + opening * depth + b"."


def doubling(levels: int, make: bytes) -> bytes:
    """``x = (x, x)``, again and again: 2 ** levels leaves in a few bytes."""
    return b"N" + (b"2" + make) * levels


def laughs(levels: int, width: int = 10) -> bytes:
    code = b"]N" + b"a"
    for level in range(levels):
        put = b"q" + bytes([level])
        code = code + put + b"0](" + (b"h" + bytes([level])) * width + b"e"
    return b"\x80\x02" + code + b"."


def self_containing_module() -> bytes:
    """A module with itself as both of its children: 2 ** 64 paths."""
    code = Assembler().name("torch.nn.modules.container", "Sequential").op(b")\x81q\x00}(")
    code.text("_parameters").op(b"}").text("_buffers").op(b"}").text("_modules").op(b"}(")
    code.text("a").op(b"h\x00").text("b").op(b"h\x00").op(b"uu" + b"b")
    return code.done()


def wide_module_often() -> bytes:
    """One module of many attributes, referred to very often."""
    code = Assembler().name("a", "B").op(b")\x81q\x00}(")
    code.text("_parameters").op(b"}").text("_buffers").op(b"}").text("_modules").op(b"}")
    for place in range(20_000):
        code.text(f"a{place}").op(b"K\x01")
    return code.op(b"ub]q\x01(" + b"h\x00" * 100_000 + b"e").done()


def big_list_often(module: str, name: str) -> bytes:
    """A list of a million handed to a copying call, again and again."""
    code = Assembler().op(b"](" + b"N" * 1_000_000 + b"e\x85q\x000").name(module, name).op(b"q\x010")
    return code.op(b"h\x01h\x00R0" * 3_000 + b"N").done()


def long_name_often() -> bytes:
    code = Assembler().op(b"}(").text("\u202e" * 900).op(b"q\x00K\x01")
    for _ in range(100_000):
        code.op(b"h\x00]")
    return code.op(b"u").done()


def packed_tuple_often() -> bytes:
    """A dict whose every value is the same huge tuple."""
    code = Assembler().op(b"(" + b"N" * 300_000 + b"tq\x000}(")
    for place in range(30_000):
        code.text(f"k.{place}").op(b"h\x00")
    return code.op(b"u").done()


def names(count: int) -> bytes:
    return b"\x80\x02(" + b"".join(b"cmodule%d\nname\n" % place for place in range(count)) + b"t."


def colliding(count: int) -> bytes:
    code = Assembler().op(b"}(")
    for place in range(count):
        code.integer(place * ((1 << 61) - 1)).op(b"N")
    return code.op(b"u").done()


def optimizers(count: int) -> bytes:
    """Very many optimizer states and very many tensors: no product of both."""
    code = Assembler().op(b"}(").text("state").op(b"}").text("param_groups").op(b"]uq\x000](")
    for _ in range(count):
        code.op(b"}(").text("state").op(b"}").text("param_groups").op(b"]u")
    return code.op(b"e").done()


BARE: dict[str, Callable[[], bytes]] = {
    "memo index 2**27": lambda: b"\x80\x02Nr" + struct.pack("<I", 1 << 27) + b".",
    "memo index 2**28 as text": lambda: b"Np268435456\n.",
    "8 GB announced as bytes": lambda: b"\x80\x04\x8e" + struct.pack("<Q", 1 << 33) + b".",
    "8 GB announced as bytearray": lambda: b"\x80\x05\x96" + struct.pack("<Q", 1 << 33) + b".",
    "a million tuples deep as a key": lambda: b"\x80\x02}N" + b"\x85" * 1_000_000 + b"Ns.",
    "doubled tuples as a key": lambda: b"\x80\x02}" + doubling(40, b"\x86") + b"Ns.",
    "a million lists deep": lambda: b"\x80\x02" + b"]" * 1_000_000 + b"a" * 999_999 + b".",
    "a million dicts deep": lambda: b"\x80\x02" + b"}N" * 1_000_000 + b"N" + b"s" * 999_999 + b".",
    "doubled tuples": lambda: b"\x80\x02" + doubling(60, b"\x86") + b".",
    "billion laughs": lambda: laughs(9),
    "billion laughs as metadata": lambda: b"\x80\x02}X\x01\x00\x00\x00a" + laughs(5, 200)[2:-1] + b"s.",
    "a list in itself": lambda: b"\x80\x02]q\x00h\x00a.",
    "a dict in itself under no name": lambda: b"\x80\x02}q\x00(X\x00\x00\x00\x00h\x00X\x00\x00\x00\x00h\x00u.",
    "a module in itself, twice": self_containing_module,
    "a wide module, often": wide_module_often,
    "50,000 colliding keys": lambda: colliding(50_000),
    "2 million empty sets": lambda: b"\x80\x04" + b"\x8f0" * 2_000_000 + b"N.",
    "5 million empty sets": lambda: b"\x80\x04" + b"\x8f" * 5_000_000 + b".",
    "100,000 names": lambda: names(100_000),
    "marks without end": lambda: b"\x80\x02" + b"(" * 1_000_000 + b".",
    "a name of 50 MB": lambda: Assembler().op(b"}").text("k" * 50_000_000).op(b"Ns").done(),
    "a long name, often": long_name_often,
    "a huge tuple, often": packed_tuple_often,
    "a number of 100,000 digits": lambda: b"\x80\x02}X\x01\x00\x00\x00aI" + b"7" * 100_000 + b"\ns.",
    "a number of 8 million bits": lambda: Assembler().op(b"}").text("epoch").integer(1 << 8_000_000).op(b"s").done(),
    "its number as a storage's key": lambda: (
        Assembler().op(b"(").text("storage").name("torch", "FloatStorage").integer(1 << 99_999).text("cpu")
        .op(b"K\x01tQ.").done()
    ),
    "many optimizers": lambda: optimizers(30_000),
    "copying a list into sets": lambda: big_list_often("builtins", "set"),
    "copying a list into sizes": lambda: big_list_often("torch", "Size"),
    "nothing": lambda: b"\x80\x02.",
}  # fmt: skip


@pytest.mark.parametrize("name", BARE)
def test_bare_pickles(tmp_path: Path, read_in_process: Read, name: str) -> None:
    path = tmp_path / "hurting.pth"
    path.write_bytes(BARE[name]())
    assert_bounded(read_in_process(path), path)


@pytest.mark.parametrize("name", ["billion laughs", "100,000 names", "a million lists deep", "memo index 2**27"])
@pytest.mark.parametrize("container", ["zip", "legacy"])
def test_the_same_in_a_container(tmp_path: Path, read_in_process: Read, name: str, container: str) -> None:
    path = tmp_path / "hurting.pth"
    (zip_of if container == "zip" else legacy_of)(path, BARE[name]())
    assert_bounded(read_in_process(path), path)


def assert_bounded(outcome: Outcome, path: Path) -> None:
    assert outcome.seconds < SECONDS
    assert outcome.peak_bytes < PEAK_BYTES + 3 * path.stat().st_size
    assert outcome.header_bytes < HEADER_BYTES
    if outcome.error is not None:
        assert outcome.error.kind not in ("InternalError", "ProcessDied")
        assert "\n" not in outcome.error.sentence


def test_100_000_names_are_cut_and_said_to_be(tmp_path: Path, read_in_process: Read) -> None:
    path = tmp_path / "names.pth"
    path.write_bytes(names(100_000))
    summary = read_in_process(path).summary
    assert summary is not None
    assert not summary.complete
    assert summary.safety == "needs_trust"
    assert len(summary.globals) <= MAX_GLOBALS


def test_a_header_stays_small_whatever_the_lists(tmp_path: Path, read_in_process: Read) -> None:
    import torch

    path = tmp_path / "a.pth"
    wide = "\u4e2d" * 900
    content = {
        "model": {f"a.{place}": torch.ones(1) for place in range(3)},
        "class_names": [f"{place}{wide}" for place in range(4_000)],
        **{f"k{place}": [wide] * 300 for place in range(400)},
        **{f"other{place}": {f"{wide}{place}": torch.ones(1)} for place in range(1_500)},
    }
    torch.save(content, path)
    outcome = read_in_process(path)
    assert outcome.summary is not None
    assert outcome.header_bytes < HEADER_BYTES
    assert outcome.seconds < SECONDS


def test_embedded_sources_are_bounded(tmp_path: Path, read_in_process: Read) -> None:
    code = Assembler().op(b"](")
    for place in range(60):
        code.op(b"(").text("module").name(f"m{place}", "C").text("f.py").text("\u4e2d" * 150_000).op(b"tQ")
    path = legacy_of(tmp_path / "old.pth", code.op(b"e").done(), b"\x80\x02].")
    outcome = read_in_process(path)
    assert outcome.summary is not None
    assert 1 <= len(outcome.summary.sources) < 50
    assert outcome.header_bytes < HEADER_BYTES


SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...], int]] = {
    "more than the storage": ((5,), (1,), 0),
    "an offset beyond it": ((1,), (1,), 4),
    "a stride beyond it": ((2,), (4,), 0),
    "stride 0 to 2**58": ((1 << 58,), (0,), 0),
    "stride 0, two dimensions": ((1 << 29, 1 << 28), (0, 0), 0),
    "2**62 elements": ((1 << 62,), (1,), 0),
    "64 dimensions of 2**50": ((1 << 50,) * 64, (0,) * 64, 0),
    "65 dimensions": ((1,) * 65, (1,) * 65, 0),
    "a negative size": ((-1,), (1,), 0),
    "a negative stride": ((2,), (-1,), 1),
    "a negative offset": ((1,), (1,), -1),
    "a huge offset": ((1,), (1,), 1 << 70),
    "fewer strides": ((2, 2), (1,), 0),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_tensor_beyond_its_storage_is_its_own_problem(tmp_path: Path, read_in_process: Read, name: str) -> None:
    shape, stride, offset = SHAPES[name]
    code = Assembler().op(b"}(").text("a.bad").tensor(shape, stride, offset).text("a.good").tensor((4,), (1,))
    path = zip_of(tmp_path / "a.pth", code.op(b"u").done(), extra={"data/0": struct.pack("<4f", 1, 2, 3, 4)})
    with open_checkpoint(path) as checkpoint:
        assert [tensor.name for tensor in checkpoint.tensors] == ["a.bad", "a.good"]
        assert checkpoint.tensors[0].problem
        assert checkpoint.tensors[1].read().tolist() == [1.0, 2.0, 3.0, 4.0]
    outcome = read_in_process(path)
    assert outcome.summary is not None
    assert outcome.summary.problems[0]
    assert outcome.summary.problems[1] == ""


@pytest.mark.parametrize(
    ("shape", "stride"),
    [((1,), (1 << 58,)), ((0, 1 << 50), (1 << 50, 1)), ((1,) * 64, (7,) * 64), ((2, 0, 2), (0, 0, 0))],
)
def test_odd_shapes_that_fit_are_read_or_refused_cleanly(
    tmp_path: Path, shape: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    code = Assembler().op(b"}").text("a.odd").tensor(shape, stride).op(b"s")
    path = zip_of(tmp_path / "a.pth", code.done(), extra={"data/0": struct.pack("<4f", 1, 2, 3, 4)})
    with open_checkpoint(path) as checkpoint:
        if len(shape) > 32:  # what numpy 1 can hold
            with suppress(CheckpointError):
                checkpoint.tensors[0].read()
        else:
            assert checkpoint.tensors[0].read().shape == shape


def test_a_legacy_view_that_lies_outside(tmp_path: Path, read_in_process: Read) -> None:
    for place in (-4, 1 << 70):
        code = Assembler().op(b"}").text("a.b").name("torch._utils", "_rebuild_tensor_v2").op(b"((")
        code.text("storage").name("torch", "FloatStorage").text("0").text("cpu").op(b"K\x04(").text("v")
        code.integer(place).op(b"K\x02ttQK\x00K\x02\x85K\x01\x85\x89").name("collections", "OrderedDict").op(b")RtRs")
        tail = b"\x80\x02]X\x01\x00\x00\x000a." + struct.pack("<q4f", 4, 1, 2, 3, 4)
        path = legacy_of(tmp_path / "old.pth", code.done(), tail)
        outcome = read_in_process(path)
        assert outcome.error is None or outcome.error.kind != "InternalError"


@pytest.mark.parametrize(
    "key",
    ["\ud800", "a\u202eb", "a\0b", "a\nb", "\x1b[31mred", "a\u200bb", "x" * 5_000_000, "", ".", "..", "a..b", ".a"],
    ids=lambda key: ascii(key[:12]),
)
def test_odd_keys_are_escaped_and_elided(tmp_path: Path, read_in_process: Read, key: str) -> None:
    code = Assembler().op(b"}(").text(key).tensor((4,), (1,)).text(f"{key}.weight").tensor((2,), (1,))
    path = zip_of(tmp_path / "a.pth", code.op(b"u").done(), extra={"data/0": bytes(16)})
    summary = read_in_process(path).summary
    assert summary is not None
    assert len(summary) == 2
    for text in (*summary.names, *summary.labels, *summary.details):
        assert text.isprintable()
        assert len(text) < 2_000
        assert "\u202e" not in text
        assert "\u200b" not in text
    text_of_all = "".join(summary.names)
    assert text_of_all.encode("utf-8").decode() == text_of_all


def test_odd_attribute_names_of_a_module(tmp_path: Path, read_in_process: Read) -> None:
    code = Assembler().name("a\u202e", "B").op(b")\x81}(")
    code.text("_parameters").op(b"}").text("_buffers").op(b"}").text("_modules").op(b"}")
    code.text("a\0b\nc" + "x" * 100_000).op(b"K\x01ub")
    summary = read_in_process(zip_of(tmp_path / "a.pth", code.done())).summary
    assert summary is not None
    assert all(text.isprintable() and len(text) < 10_000 for text in summary.details)


def test_names_that_look_the_same_after_cleaning(tmp_path: Path, read_in_process: Read) -> None:
    code = Assembler().op(b"}(").text("a.\u202e").tensor((4,), (1,)).text("a.\\u202e").tensor((2,), (1,))
    path = zip_of(tmp_path / "a.pth", code.op(b"u").done(), extra={"data/0": bytes(16)})
    summary = read_in_process(path).summary
    assert summary is not None
    assert [summary.shape(tensor) for tensor in (0, 1)] == [(4,), (2,)]


def test_more_state_dicts_than_anyone_has(tmp_path: Path, read_in_process: Read) -> None:
    code = Assembler().op(b"}(").text("model").op(b"q\x010").tensor((4,), (1,)).op(b"q\x000](")
    for _ in range(12_000):
        code.op(b"}").text("a.b").op(b"h\x00s")
    code.op(b"e").op(b"q\x020").text("k").op(b"h\x02u")
    outcome = read_in_process(zip_of(tmp_path / "a.pth", code.done(), extra={"data/0": bytes(16)}))
    assert outcome.error is None or outcome.error.kind not in ("InternalError", "ProcessDied")


def test_safetensors_headers_made_to_hurt(tmp_path: Path, read_in_process: Read) -> None:
    headers: list[str] = [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a": 1, "a": 2}',
        '{"' + "k" * 10_000_000 + '": 3}',
        '{"a": {"dtype": "F32", "shape": [4611686018427387904, 4], "data_offsets": [0, 0]}}',
        '{"a": {"dtype": "F32", "shape": [' + "9" * 100_000 + '], "data_offsets": [0, 4]}}',
        '{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1e999]}}',
        '{"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}',
        json.dumps({f"k{place}": 3 for place in range(200_000)}),
        json.dumps({"__metadata__": {f"k{place}": "v" * 5_000 for place in range(2_000)}}),
    ]
    path = tmp_path / "hurting.safetensors"
    for header in headers:
        raw = header.encode()
        path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(16))
        assert_bounded(read_in_process(path), path)


def test_an_archive_of_very_many_entries(tmp_path: Path, read_in_process: Read) -> None:
    path = tmp_path / "many.pth"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("a/data.pkl", pickle.dumps({}, protocol=2))
        for place in range(50_000):
            made.writestr(f"a/data/{place}", b"")
    outcome = read_in_process(path)
    assert outcome.error is None
    assert outcome.seconds < SECONDS


def test_an_honest_checkpoint_of_200_000_tensors_opens(tmp_path: Path, read_in_process: Read) -> None:
    """The limits grow with the file's real size: what would be a bomb in a small file is honest in a large one."""
    import torch

    count = 200_000
    one = torch.ones(1)
    path = tmp_path / "large.pth"
    torch.save({f"layers.{i // 4}.{'qkvo'[i % 4]}.weight": one.clone() for i in range(count)}, path)
    outcome = read_in_process(path)
    assert outcome.error is None
    assert outcome.summary is not None
    assert (outcome.summary.complete, outcome.summary.safety) == (True, "safe")
    assert len(outcome.summary) == count
