"""A checkpoint across a process border: nothing is lost, and a corrupted answer is refused, whole."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from inspector.checkpoint import CheckpointError, open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.decoding import breadth_first_checks, column_in_steps, runs_of
from inspector.checkpoint.opening import Checkpoint
from inspector.checkpoint.summary import COLUMNS, NODE_KINDS, CheckpointSummary

Encoded = tuple[dict[str, Any], list[bytes]]


def contents() -> dict[str, object]:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Linear(4, 2), nn.ReLU()))
    optimizer = torch.optim.Adam(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    shared = torch.ones(3, 3)
    return {
        "state_dict": model.state_dict(),
        "module": model,
        "training": {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "lr": [0.1, 0.2]},
        "tensor": torch.arange(6.0).reshape(2, 3).t(),
        "object": {"plain": [1, {"a": (2, 3)}], "none": None},
        "shared": {"a.weight": shared, "b.weight": shared, "c.row": shared[1]},
        "empty": {},
        "empty tensor": {"a.weight": torch.zeros(0, 3), "a.scalar": torch.tensor(2.0)},
        "without parameters": nn.ReLU(),
        "odd keys": {"": torch.ones(1), "a.": torch.ones(1), ".b": torch.ones(1), "a..b": torch.ones(1)},
    }


CONTENTS = contents()


def over_the_border(checkpoint: Checkpoint) -> Encoded:
    header, buffers = encode(checkpoint)
    return json.loads(json.dumps(header)), buffers


@pytest.fixture(params=list(CONTENTS))
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "a.pth"
    torch.save(CONTENTS[request.param], path)
    return path


def test_the_summary_equals_the_checkpoint(saved: Path) -> None:
    with open_checkpoint(saved) as checkpoint:
        summary = CheckpointSummary(*over_the_border(checkpoint))
        assert summary.path == str(saved)
        assert summary.identity == checkpoint.identity
        assert (summary.container, summary.kind, summary.safety) == ("zip", checkpoint.kind, checkpoint.safety)
        assert summary.class_name == checkpoint.class_name
        assert summary.complete == checkpoint.complete
        assert list(summary.warnings) == checkpoint.warnings
        assert list(summary.globals) == checkpoint.globals
        assert summary.metadata == checkpoint.metadata
        assert summary.embedded == checkpoint.embedded
        assert len(summary) == len(checkpoint.tensors)
        for index, tensor in enumerate(checkpoint.tensors):
            assert summary.names[index] == tensor.name
            assert summary.shape(index) == tensor.shape
            assert summary.stride(index) == tensor.stride
            assert summary.dtype(index) == tensor.dtype
            assert summary.role(index) == tensor.role
            assert summary.numel(index) == tensor.numel
            assert summary.tensor_nbytes(index) == tensor.nbytes
            assert summary.key(index) == tensor.key
            assert summary.place(index) == tensor.place()
            shared = summary.names[summary.shared[index]] if summary.shared[index] >= 0 else None
            assert shared == tensor.shared_with
            moment = summary.names[summary.moments[index]] if summary.moments[index] >= 0 else None
            assert moment == tensor.parameter
        for index, found in enumerate(checkpoint.state_dicts):
            told = summary.state_dicts[index]
            assert (told.path, told.role, told.wrapper) == (found.path, found.role, found.wrapper)
            assert (told.parameters, told.buffers, told.tensors) == (
                found.parameters,
                found.buffers,
                len(found.tensors),
            )
            assert summary.tensors_of(index) == found.tensors
        model = checkpoint.model_state_dict
        assert summary.model == (None if model is None else checkpoint.state_dicts.index(model))


def test_the_tree_is_breadth_first_and_its_counts_add_up(saved: Path) -> None:
    with open_checkpoint(saved) as checkpoint:
        summary = CheckpointSummary(*over_the_border(checkpoint))
    nodes = len(summary.kinds)
    assert summary.parents[0] == -1
    seen: list[int] = []
    for node in range(nodes):
        children = range(summary.first_children[node], summary.first_children[node] + summary.child_counts[node])
        assert all(summary.parents[child] == node for child in children)
        seen += children
        if len(children):
            own = sum(summary.nbytes[child] for child in children)
            assert summary.nbytes[node] == own
            assert summary.parameters[node] == sum(summary.parameters[child] for child in children)
    assert seen == list(range(1, nodes))
    leaves = [summary.tensors[node] for node in range(nodes) if NODE_KINDS[summary.kinds[node]] == "tensor"]
    assert sorted(leaves) == list(range(len(summary)))
    assert all(summary.child_counts[node] == 0 for node in range(nodes) if summary.tensors[node] >= 0)
    assert summary.nbytes[0] == sum(map(summary.tensor_nbytes, range(len(summary))))


def test_a_module_s_parameters_are_counted_at_its_node(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(CONTENTS["state_dict"], path)
    with open_checkpoint(path) as checkpoint:
        summary = CheckpointSummary(*over_the_border(checkpoint))
    by_label = {summary.labels[node]: node for node in range(len(summary.labels))}
    assert summary.parameters[0] == 112 + 8 + 10
    assert summary.parameters[by_label["1"]] == 8
    assert summary.details[by_label["1"]] == "batch norm"


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    path = tmp_path_factory.mktemp("encoded") / "a.pth"
    torch.save(CONTENTS["training"], path)
    with open_checkpoint(path) as checkpoint:
        return over_the_border(checkpoint)


def refused(header: dict[str, Any], buffers: list[bytes]) -> None:
    with pytest.raises(CheckpointError):
        CheckpointSummary(header, buffers)


@pytest.mark.parametrize("name", [name for name, _ in COLUMNS])
@pytest.mark.parametrize("change", [lambda raw: raw.rpartition(b"\0")[0], lambda raw: b"", lambda raw: raw + bytes(8)])
def test_a_column_of_another_length_is_refused(encoded: Encoded, name: str, change: Callable[[bytes], bytes]) -> None:
    header, buffers = encoded
    at = [column for column, _ in COLUMNS].index(name)
    changed = change(buffers[at])
    if changed == buffers[at]:  # an empty column can't be shortened
        changed = bytes(8)
    refused(header, [*buffers[:at], changed, *buffers[at + 1 :]])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("storages", 10_000), ("storages", -2), ("shared", 10_000), ("owners", 99), ("tensors", 10_000),
        ("parents", 0), ("parents", -1), ("first_children", 0), ("first_children", -1), ("child_counts", -1),
        ("child_counts", 10_000), ("roles", 4), ("kinds", 6), ("shapes", -1), ("strides", -1), ("offsets", -1),
        ("storage_nbytes", -1), ("storage_offsets", -1), ("nbytes", -1), ("parameters", -1), ("ndims", 200),
        ("layouts", 99), ("moments", 10_000), ("moments", -2),
        ("storage_files", 1), ("storage_files", -1), ("storage_skips", -1),
    ],
)  # fmt: skip
def test_an_index_that_points_outside_is_refused(encoded: Encoded, name: str, value: int) -> None:
    header, buffers = encoded
    at = [column for column, _ in COLUMNS].index(name)
    numbers = array(COLUMNS[at][1])
    numbers.frombytes(buffers[at])
    numbers[len(numbers) - 1 if name != "parents" else 5] = value
    if name == "parents" and value == 0:
        numbers[len(numbers) - 1] = 0
    refused(header, [*buffers[:at], numbers.tobytes(), *buffers[at + 1 :]])


@pytest.mark.parametrize("key", ["files", "kind", "globals", "state_dicts", "model", "embedded"])
@pytest.mark.parametrize("value", [None, 10**30, "x", [[1]], {"a": 1}, float("inf"), [["", "", "", ""]]])
def test_a_header_of_nonsense_is_refused(encoded: Encoded, key: str, value: object) -> None:
    header, buffers = encoded
    refused({**header, key: value}, buffers)


@pytest.mark.parametrize("key", ["container", "kind", "safety", "model", "files"])
def test_a_header_without_a_field_is_refused(encoded: Encoded, key: str) -> None:
    header, buffers = encoded
    refused({name: value for name, value in header.items() if name != key}, buffers)
    refused(header, buffers[:-1])
    refused(header, [*buffers, b""])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_changed_bytes_give_a_summary_that_can_be_walked_or_an_error(encoded: Encoded, data: st.DataObject) -> None:
    header, buffers = encoded
    changed = [bytearray(raw) for raw in buffers]
    for _ in range(data.draw(st.integers(1, 3))):
        column = changed[data.draw(st.integers(0, len(changed) - 1))]
        if column:
            column[data.draw(st.integers(0, len(column) - 1))] = data.draw(st.integers(0, 255))
    try:
        summary = CheckpointSummary(header, changed)
    except CheckpointError:
        return
    for tensor in range(len(summary)):
        summary.shape(tensor), summary.dtype(tensor), summary.key(tensor), summary.numel(tensor), summary.role(tensor)
    for node in range(len(summary.kinds)):
        assert summary.parents[node] < max(node, 1)
    for state_dict in range(len(summary.state_dicts)):
        summary.tensors_of(state_dict)


def _tree(counts: list[int]) -> tuple[array[int], array[int], array[int]]:
    """Return the first children, counts and parents of a tree laid out breadth first, made the slow way."""
    firsts, parents = array("i"), array("i", [-1])
    for node, count in enumerate(counts):
        firsts.append(len(parents))
        parents.extend([node] * count)
    return firsts, array("i", counts), parents


def test_trees_larger_than_a_slice_are_checked_to_their_end() -> None:
    inner = 30_000
    firsts, counts, parents = _tree([inner, *[2] * inner, *[0] * 2 * inner])
    assert all(breadth_first_checks(firsts, counts, parents))
    for column, place in ((firsts, -1), (firsts, 40_000), (parents, -1), (parents, 40_000), (parents, 0)):
        column[place] += 1
        assert not all(breadth_first_checks(firsts, counts, parents))
        column[place] -= 1


def test_a_node_that_lies_in_itself_is_refused() -> None:
    assert not all(breadth_first_checks(array("i", [1, 1]), array("i", [0, 1]), array("i", [-1, 1])))


def test_text_is_split_the_same_in_pieces() -> None:
    rows = [f"layer{row}.wéight" * (row % 5) for row in range(60_000)]
    raw = "\0".join(rows).encode()
    assert len(raw) > 3 << 18
    pauses, made = 0, list[list[str]]()

    def take() -> Iterator[None]:
        made.append((yield from column_in_steps("", raw)))

    for _ in take():
        pauses += 1
    assert made == [rows]
    assert pauses > 3


@given(st.lists(st.integers(-1, 2), max_size=40), st.integers(-1, 2))
def test_runs_are_the_rows_of_a_value(values: list[int], value: int) -> None:
    runs = runs_of(array("i", values), value)
    assert [row for run in runs for row in run] == [row for row, found in enumerate(values) if found == value]
    assert all(runs)


def test_the_keys_and_shapes_of_each_state_dict_are_those_of_its_tensors(saved: Path) -> None:
    with open_checkpoint(saved) as checkpoint:
        summary = CheckpointSummary(*over_the_border(checkpoint))
    for state_dict in range(len(summary.state_dicts)):
        tensors = summary.tensors_of(state_dict)
        keys, ndims, raw = summary.keys_and_shapes(state_dict)
        sizes = array("q")
        sizes.frombytes(raw)
        assert keys == [summary.key(tensor) for tensor in tensors]
        assert list(ndims) == [len(summary.shape(tensor)) for tensor in tensors]
        assert list(sizes) == [size for tensor in tensors for size in summary.shape(tensor)]
