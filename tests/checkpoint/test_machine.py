"""The pickle machine: what Python's own pickler writes is walked into the same structure, and nothing else happens."""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import struct
import zipfile
from contextlib import suppress
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from inspector.checkpoint.errors import BrokenCheckpointError, CheckpointError, CutShortError, LimitError
from inspector.checkpoint.machine import Machine
from inspector.checkpoint.persistent import PersistentIds
from inspector.checkpoint.values import Global, PickledDict, PickledObject, PickledSet, StorageReference, TensorValue

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(1 << 2_000), 1 << 2_000), st.floats(allow_nan=False),
    st.text(st.characters(), max_size=20), st.binary(max_size=20),
)  # fmt: skip
KEYS = st.one_of(st.integers(), st.text(max_size=10), st.booleans(), st.none())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.dictionaries(KEYS, inner, max_size=5),
        st.sets(KEYS, max_size=4),
        st.frozensets(KEYS, max_size=4),
    ),
    max_leaves=30,
)


def no_ids(_: object) -> object:
    raise AssertionError("there are no persistent ids here")


def walk(data: bytes) -> Any:
    return Machine(data, 0, no_ids).run()


def plain(value: Any) -> Any:
    """Turn the machine's inert values back into Python's own."""
    if isinstance(value, PickledDict):
        return {plain(key): plain(item) for key, item in value.pairs()}
    if isinstance(value, PickledSet):
        items = {plain(item) for item in value.items}
        return frozenset(items) if value.class_name == "frozenset" else items
    if isinstance(value, list):
        return [plain(item) for item in value]
    return tuple(plain(item) for item in value) if isinstance(value, tuple) else value


def typed(value: Any) -> Any:
    """Tell 1, 1.0 and True apart, and -0.0 from 0.0."""
    if isinstance(value, list | tuple):
        return type(value), [typed(item) for item in value]
    if isinstance(value, dict):
        return dict, [(typed(key), typed(item)) for key, item in value.items()]
    if isinstance(value, set | frozenset):
        return type(value), value
    return type(value), math.copysign(1, value) if value == 0 and isinstance(value, float) else value


@settings(max_examples=300, deadline=None)
@given(VALUES, st.integers(0, 5))
def test_plain_values_come_out_as_they_went_in(value: Any, protocol: int) -> None:
    assert typed(plain(walk(pickle.dumps(value, protocol)))) == typed(value)


@settings(max_examples=100, deadline=None)
@given(VALUES, st.integers(0, 5))
def test_the_pure_python_pickler_s_too(value: Any, protocol: int) -> None:
    assert typed(plain(walk(pickle._dumps(value, protocol)))) == typed(value)  # type: ignore[attr-defined]


@settings(max_examples=200, deadline=None)
@given(VALUES, st.integers(0, 5), st.data())
def test_a_beginning_is_cut_short_and_nothing_worse(value: Any, protocol: int, data: st.DataObject) -> None:
    whole = pickle.dumps(value, protocol)
    length = data.draw(st.integers(0, len(whole) - 1))
    machine = Machine(whole[:length], 0, no_ids)
    with pytest.raises(CutShortError):
        machine.run()
    machine.partial()


@settings(max_examples=500, deadline=None)
@given(VALUES, st.integers(0, 5), st.data())
def test_a_mutated_pickle_gives_a_value_or_a_clean_error(value: Any, protocol: int, data: st.DataObject) -> None:
    whole = bytearray(pickle.dumps(value, protocol))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    machine = Machine(bytes(whole), 0, lambda _: None)
    sentence = ""
    try:
        machine.run()
    except CheckpointError as error:
        sentence = error.sentence
        machine.partial()
    assert "\n" not in sentence
    assert len(sentence) < 300


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_clean_error(data: bytes) -> None:
    machine = Machine(data, 0, lambda _: None)
    try:
        machine.run()
    except CheckpointError:
        machine.partial()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([op.code.encode("latin-1") for op in pickletools.opcodes]), max_size=60))
def test_any_instructions_give_a_value_or_a_clean_error(codes: list[bytes]) -> None:
    """Instructions without their operands take what follows as such: every handler sees every nonsense."""
    machine = Machine(b"(N" + b"".join(codes) + b"0\n." * 3, 0, lambda _: None)
    try:
        machine.run()
    except CheckpointError:
        machine.partial()


def test_an_object_keeps_its_class_arguments_and_state() -> None:
    class_name = "fractions.Fraction"
    import fractions

    found = walk(pickle.dumps(fractions.Fraction(3, 4)))
    assert isinstance(found, PickledObject)
    assert found.class_name == class_name


@pytest.mark.parametrize("protocol", range(6))
def test_names_are_python_3_s_for_every_protocol(protocol: int) -> None:
    machine = Machine(pickle.dumps([set, bytes, print, range], protocol), 0, no_ids)
    found = machine.run()
    assert [item.dotted for item in found] == ["builtins.set", "builtins.bytes", "builtins.print", "builtins.range"]
    assert all(isinstance(item, Global) for item in found)
    assert list(machine.globals) == [item.dotted for item in found]


def test_python_2_s_os_system_is_named_as_it_would_run() -> None:
    machine = Machine(b"cposix\nsystem\n(S'true'\ntR.", 0, no_ids)
    assert isinstance(machine.run(), PickledObject)
    assert list(machine.globals) == ["posix.system"]


def test_cycles_are_kept_and_walked_once() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    found = walk(pickle.dumps(loop))
    assert found[1] is found


def test_building_on_a_name_is_noted() -> None:
    machine = Machine(b"cfunctools\nreduce\n}(X\x01\x00\x00\x00aK\x01ub.", 0, no_ids)
    machine.run()
    assert machine.mutates_a_global


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\x80\x06.", BrokenCheckpointError),
        (b".", BrokenCheckpointError),
        (b"0.", BrokenCheckpointError),
        (b"\x82\x01.", BrokenCheckpointError),
        (b"\x97.", BrokenCheckpointError),
        (b"\xff.", BrokenCheckpointError),
        (b"I" + b"9" * 5_000 + b"\n.", LimitError),
        (b"Np" + b"9" * 300 + b"\n.", LimitError),
        (b"h\x07.", BrokenCheckpointError),
        (b"T\xff\xff\xff\xff.", BrokenCheckpointError),
        (b"\x8e" + b"\xff" * 8 + b".", CutShortError),
        (b"\x95" + b"\xff" * 8 + b".", CutShortError),
        (b"}K\x01(K\x01ue.", BrokenCheckpointError),
        (b"(" * 20_000, LimitError),
        (b"c\xff\n\xff\n.", BrokenCheckpointError),
    ],
)
def test_nonsense_is_told_by_type(data: bytes, error: type[CheckpointError]) -> None:
    with pytest.raises(error):
        walk(data)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_tensors_taken_in_one_step_are_those_of_the_single_steps(data: st.DataObject) -> None:
    """The shortcut through a tensor's opcodes must change nothing but the time, in whole and in mutated pickles."""
    shapes = data.draw(st.lists(st.lists(st.integers(0, 3), max_size=5), min_size=1, max_size=6))
    # Only with two-byte indices of the memo is a tensor taken in one step: so many come before.
    tensors: dict[str, Any] = {f"before.{place}": torch.zeros(place % 3) for place in range(34)}
    tensors |= {f"k.{place}": torch.zeros(shape) for place, shape in enumerate(shapes)}
    tensors["k.view"] = torch.arange(300_000)[70_000:70_010]
    tensors["k.column"] = torch.zeros(40, 300)[:, 7]
    tensors["k.parameter"] = nn.Parameter(torch.ones(2, 2))
    if data.draw(st.booleans()):  # these ask the memo for what was left out of it
        tensors["k.tied"] = tensors["k.0"]
        tensors["k.again"] = [tensors["k.column"], torch.ones(3), {"k.view": tensors["before.3"]}]
        tensors["optimizer"] = {0: {"step": 3, "exp_avg": torch.ones(4), "exp_avg_sq": torch.ones(4)}}
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    with zipfile.ZipFile(buffer) as archive:
        pickled = bytearray(archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl"))))
    for _ in range(data.draw(st.integers(0, 3))):
        pickled[-1 - data.draw(st.integers(0, len(pickled) - 1))] = data.draw(st.integers(0, 255))
    assert outcome(bytes(pickled), shortcut=True) == outcome(bytes(pickled), shortcut=False)


def outcome(pickled: bytes, *, shortcut: bool) -> object:
    machine = Machine(pickled, 0, PersistentIds().load)
    try:
        with pytest.MonkeyPatch.context() as patch:
            if not shortcut:
                patch.setattr("inspector.checkpoint.tensor_run.TensorRuns.take", lambda *_, **__: None)
            root = machine.run()
    except CheckpointError as error:
        return type(error), list(machine.globals)
    with suppress(RecursionError):  # a cycle that a mutation made
        return described(root), list(machine.globals)
    return list(machine.globals)


def described(value: Any) -> object:
    """Turn a walked value into plain ones that can be compared."""
    if isinstance(value, TensorValue):
        place = described(value.storage), value.offset, value.shape, value.stride
        return place, value.dtype, value.requires_grad, value.problem
    if isinstance(value, StorageReference):
        return value.key, value.dtype, value.numel, value.device
    if isinstance(value, PickledDict):
        return [(described(key), described(item)) for key, item in value.pairs()]
    if isinstance(value, PickledObject):
        return value.class_name, described(value.args), described(value.state)
    if isinstance(value, PickledSet):
        return value.class_name, described(value.items)
    if isinstance(value, list | tuple):
        return [described(item) for item in value]
    return value.dotted if isinstance(value, Global) else (type(value), repr(value))


def framed(content: bytes, length: int | None = None) -> bytes:
    return b"\x80\x04\x95" + struct.pack("<Q", len(content) if length is None else length) + content


@pytest.mark.parametrize(
    "code",
    [
        framed(b"N0B\x02\x00") + b"\0\0\0\0}.",  # BINBYTES whose length crosses the frame's end
        framed(b"N.0}."),  # STOP before the end: the rest of the frame is thrown away
        framed(b"N" + framed(b"0}")[2:]) + b".",  # a frame in a frame
        framed(b"cbuiltins\nob") + b"ject\n.",  # a name that crosses
    ],
)  # fmt: skip
def test_what_does_not_end_with_its_frame_is_damaged(code: bytes) -> None:
    """CPython's C unpickler drops what is left of a frame, and so runs other opcodes than these."""
    with pytest.raises((BrokenCheckpointError, CutShortError)):
        Machine(code, 0, lambda _: None).run()


def test_frames_as_pickle_writes_them() -> None:
    content = {"a": list(range(40_000)), "b": b"x" * 200_000, "c": "y" * 100_000, "d": [str(n) for n in range(30_000)]}
    for protocol in (4, 5):
        found = Machine(pickle.dumps(content, protocol), 0, lambda _: None).run()
        assert found.named()["a"] == content["a"]
        assert found.named()["b"] == content["b"]
