"""Dates, paths, enums, namespaces and collections in training checkpoints: shown as the plain values they are."""

from __future__ import annotations

import argparse
import collections
import datetime
import decimal
import enum
import json
import pathlib
import pickle
import sys
import types
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary

from .conftest import Assembler, zip_of

Save = Callable[[object], Path]


class Mode(enum.Enum):
    TRAIN = "train"


class Level(enum.IntEnum):
    HIGH = 3


class Hyperparameters(dict[str, Any]):
    """A dict that is more than one, as Lightning's, and many a configuration library's, are."""


class Settings:
    def __init__(self) -> None:
        self.rate = 0.5
        self.where = pathlib.PurePosixPath("/data/train")


HOURS_2 = datetime.timezone(datetime.timedelta(hours=2))

TEXTS: dict[str, tuple[object, str]] = {
    "enum": (Mode.TRAIN, f"{__name__}.Mode(train)"),
    "int enum": (Level.HIGH, f"{__name__}.Level(3)"),
    "datetime": (datetime.datetime(2024, 5, 6, 7, 8, 9, 10), "2024-05-06 07:08:09.000010"),
    "datetime in a zone": (datetime.datetime(2024, 5, 6, 7, tzinfo=HOURS_2), "2024-05-06 07:00:00+02:00"),
    "datetime in UTC": (datetime.datetime(1999, 12, 31, 23, 59, tzinfo=datetime.UTC), "1999-12-31 23:59:00+00:00"),
    "date": (datetime.date(2024, 5, 6), "2024-05-06"),
    "time": (datetime.time(7, 8, 9, 10), "07:08:09.000010"),
    "timedelta": (datetime.timedelta(days=-1, seconds=5), "-1 day, 0:00:05"),
    "timezone": (HOURS_2, "UTC+02:00"),
    "path": (pathlib.PurePosixPath("/data/run 1/last.ckpt"), "/data/run 1/last.ckpt"),
    "relative path": (pathlib.PurePosixPath("run/last.ckpt"), "run/last.ckpt"),
    "windows path": (pathlib.PureWindowsPath("C:/runs/last.ckpt"), "C:\\runs\\last.ckpt"),
    "uuid": (uuid.UUID(int=0x1234 << 96 | 5), str(uuid.UUID(int=0x1234 << 96 | 5))),
    "decimal": (decimal.Decimal("1.50"), "decimal.Decimal(1.50)"),
    "device": (torch.device("cuda:1"), "cuda:1"),
    "device without a number": (torch.device("cpu"), "cpu"),
    "dtype": (torch.bfloat16, "torch.bfloat16"),
    "numpy dtype": (np.dtype("float32"), "float32"),
    "numpy dtype of texts": (np.dtype("U4"), "<U4"),
    "complex": (1 + 2j, "(1+2j)"),
    "slice": (slice(1, 5), "slice(1, 5, None)"),
    "range": (range(3), "range(0, 3, 1)"),
    "bytearray": (bytearray(b"abc"), "bytearray(3 bytes)"),
    "nothing": (None, "None"),
}


@pytest.mark.parametrize(("value", "text"), TEXTS.values(), ids=TEXTS)
def test_plain_values_in_torch_files(save: Save, value: object, text: str) -> None:
    with open_checkpoint(save({"value": value, "list": [value], "model": {"a.weight": torch.ones(1)}})) as checkpoint:
        node = checkpoint.survey.root.children[0]
        assert (node.kind, node.detail, node.children) == ("value", text, [])
        assert checkpoint.metadata["value"] in (text, value)
        assert checkpoint.metadata["list"] in ([text], [value])
        json.dumps(checkpoint.metadata)


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_in_every_protocol(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "a.pkl"
    for value, text in TEXTS.values():
        if isinstance(value, torch.dtype | bytearray):
            continue  # which Python's own pickler can't write, or writes as bytes
        path.write_bytes(pickle.dumps({"value": value}, protocol=protocol))
        with open_checkpoint(path) as checkpoint:
            assert checkpoint.survey.root.children[0].detail == text


def test_dates_that_can_not_be_stay_what_they_are(tmp_path: Path) -> None:
    code = Assembler(4).op(b"}(")
    for name, raw in (("month", b"\7\xe8\x7f\1\0\0\0\0\0\0"), ("short", b"\7"), ("hour", b"\7\xe8\1\1\x63\0\0\0\0\0")):
        code.text(name).name("datetime", "datetime").op(b"C", bytes([len(raw)]), raw, b"\x85R")
    code.text("delta").name("datetime", "timedelta").integer(1 << 39).integer(0).integer(0).op(b"\x87R")
    code.text("id").name("uuid", "UUID").op(b")\x81}").text("int").integer(1 << 200).op(b"sb")
    path = zip_of(tmp_path / "a.pth", code.op(b"u").done())
    with open_checkpoint(path) as checkpoint:
        details = [node.detail for node in checkpoint.survey.root.children]
        assert details[:3] == [
            "datetime.datetime(10 bytes)",
            "datetime.datetime(1 bytes)",
            "datetime.datetime(10 bytes)",
        ]
        assert details[3] == f"datetime.timedelta({1 << 39}, 0, 0)"


def test_texts_of_calls_are_escaped_and_short(tmp_path: Path) -> None:
    code = Assembler(4).op(b"}(").text("a").name("project", "Mode").text("x\u202ey\n" + "z" * 5_000).op(b"\x85R")
    code.text("b").name("project", "Mode").integer(1 << 5_000).op(b"\x85Ru")
    with open_checkpoint(zip_of(tmp_path / "a.pth", code.done())) as checkpoint:
        first, second = checkpoint.survey.root.children
        assert first.detail.startswith("project.Mode(x\\u202ey\\nzzz")
        assert len(first.detail) < 400
        assert second.kind == "object"
        assert second.children[0].detail == "an integer of 5,001 bits"


def test_tables_and_collections(save: Save) -> None:
    content = {
        "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("out"), deep=argparse.Namespace(x=1)),
        "simple": types.SimpleNamespace(a=1),
        "hyper_parameters": Hyperparameters(lr=0.1, deep=Hyperparameters(mode=Mode.TRAIN)),
        "settings": Settings(),
        "ordered": collections.OrderedDict(a=1),
        "default": collections.defaultdict(list, a=[1]),
        "counter": collections.Counter("aab"),
        "deque": collections.deque([1, 2], maxlen=5),
        "set": {7},
        "frozen": frozenset({7}),
        "model": {"a.weight": torch.ones(1)},
    }
    with open_checkpoint(save(content)) as checkpoint:
        nodes = {node.label: node for node in checkpoint.survey.root.children}
        assert {node.label: node.detail for node in nodes["args"].children} == {
            "lr": "0.1", "out": "out", "deep": "argparse.Namespace",
        }  # fmt: skip
        assert [node.detail for node in nodes["settings"].children] == ["0.5", "/data/train"]
        assert nodes["settings"].detail == f"{__name__}.Settings"
        assert {name: nodes[name].detail for name in ("counter", "deque", "set", "default")} == {
            "counter": "Counter", "deque": "deque", "set": "set", "default": "defaultdict",
        }  # fmt: skip
        assert checkpoint.metadata == {
            "args": {"lr": 0.1, "out": "out", "deep": {"x": 1}},
            "simple": {"a": 1},
            "hyper_parameters": {"lr": 0.1, "deep": {"mode": f"{__name__}.Mode(train)"}},
            "ordered": {"a": 1}, "default": {"a": [1]}, "counter": {"a": 2, "b": 1},
            "deque": [1, 2], "set": [7], "frozen": [7],
        }  # fmt: skip
        summary = CheckpointSummary(*encode(checkpoint))
        assert summary.details[1:3] == ["argparse.Namespace", "types.SimpleNamespace"]
    assert "project" not in sys.modules


def test_a_table_that_is_asked_for_again_and_again_costs_nothing(tmp_path: Path) -> None:
    """Each of its 500 references took a copy of all 200,000 entries."""
    code = Assembler(4).op(b"}(").text("table").op(b"}\x94(")
    code.op(b"K\1K\2" * 200_000, b"u")
    for place in range(499):
        code.text(f"again {place}").op(b"](", b"h\0" * 10, b"e")
    with open_checkpoint(zip_of(tmp_path / "a.pth", code.op(b"u").done())) as checkpoint:
        import time

        started = time.process_time()
        assert len(checkpoint.metadata) <= 500
        assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("value", "shown"), [(5, 5), (None, None), ((1, "a"), [1, "a"]), ("text", "text"), ([], []), (True, True)]
)
def test_a_file_that_is_one_plain_value(save: Save, value: object, shown: object) -> None:
    with open_checkpoint(save(value)) as checkpoint:
        assert checkpoint.kind == "object"
        assert checkpoint.metadata == {"value": shown}


def test_a_list_of_tensors_is_no_plain_value(save: Save) -> None:
    with open_checkpoint(save([torch.ones(2)])) as checkpoint:
        assert checkpoint.metadata == {}


def test_keys_that_are_tuples(save: Save) -> None:
    with open_checkpoint(save({(2, "a"): torch.ones(1), (1, 2, 3, 4, 5): 7})) as checkpoint:
        assert [child.label for child in checkpoint.tree.children] == ["(2, a)", "5 items"]
