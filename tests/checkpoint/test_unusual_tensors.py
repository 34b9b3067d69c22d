"""Tensors that are no plain window on a storage, saved by torch itself: what is shown equals torch's own values."""

from __future__ import annotations

import collections
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from inspector.checkpoint import CheckpointError, Tensor, open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.opening import Checkpoint
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.tensor_bytes import TensorPlace, read_tensor
from inspector.checkpoint.unusual_bytes import read_values

from .conftest import Assembler, zip_of

#: torch warns of its own prototypes (sparse compressed, nested) and of quantization's move.
pytestmark = pytest.mark.filterwarnings("ignore")

Save = Callable[[object], Path]
GENERATOR = torch.Generator().manual_seed(3)


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=GENERATOR)


def only(checkpoint: Checkpoint) -> Tensor:
    """Return the one tensor, having seen that it is the same on the other side of a process border."""
    (tensor,) = checkpoint.tensors
    summary = CheckpointSummary(*encode(checkpoint))
    place = summary.place(0)
    assert place == tensor.place()
    assert TensorPlace.from_json(place.to_json()) == place
    assert summary.tensor_nbytes(0) == tensor.nbytes
    assert np.array_equal(read_tensor(checkpoint.files, place), tensor.read(), equal_nan=True)
    assert np.array_equal(read_values(checkpoint.files, place), tensor.dequantize(), equal_nan=True)
    return tensor


QUANTIZED = {
    "qint8": lambda: torch.quantize_per_tensor(numbers(3, 5), 0.07, 3, torch.qint8),
    "quint8": lambda: torch.quantize_per_tensor(numbers(3, 5), 0.07, 128, torch.quint8),
    "qint32": lambda: torch.quantize_per_tensor(numbers(3, 5), 1e-4, -7, torch.qint32),
    "transposed": lambda: torch.quantize_per_tensor(numbers(3, 5), 0.07, 3, torch.qint8).t(),
    "by channel": lambda: torch.quantize_per_channel(
        numbers(3, 5), torch.tensor([0.1, 0.02, 0.3], dtype=torch.float64), torch.tensor([0, 5, -9]), 0, torch.qint8
    ),
    "by the second axis": lambda: torch.quantize_per_channel(
        numbers(2, 3, 2), torch.tensor([0.1, 0.02, 0.3], dtype=torch.float64), torch.tensor([0, 5, 9]), 1, torch.quint8
    ),
    "by channel, real zero points": lambda: torch.quantize_per_channel(
        numbers(3, 5), torch.tensor([0.1, 0.02, 0.3]), torch.tensor([0.5, 1.25, 2.0]), 0, torch.quint8
    ),
}


@pytest.mark.parametrize("make", QUANTIZED.values(), ids=QUANTIZED)
def test_quantized(save: Save, make: Callable[[], torch.Tensor]) -> None:
    expected = make()
    with open_checkpoint(save({"a.weight": expected})) as checkpoint:
        tensor = only(checkpoint)
        assert checkpoint.safety == "safe"
        assert (tensor.layout, tensor.role) == ("quantized", "parameter")
        assert f"torch.{tensor.dtype}" == str(expected.dtype)
        assert (tensor.shape, tensor.nbytes) == (tuple(expected.shape), expected.numel() * expected.element_size())
        assert np.array_equal(tensor.read(), expected.int_repr().numpy())
        found, real = tensor.dequantize(), expected.dequantize().numpy()
        assert found.dtype == np.float32
        assert np.array_equal(found, real)


def test_the_scale_and_zero_point_are_told(save: Save) -> None:
    with open_checkpoint(save({"a.weight": QUANTIZED["qint8"]()})) as checkpoint:
        assert only(checkpoint).quantization == (0.07, 3, -1)
    expected = QUANTIZED["by channel"]()
    with open_checkpoint(save({"a.weight": expected})) as checkpoint:
        tensor = only(checkpoint)
        assert tensor.quantization is not None
        assert tensor.quantization.axis == 0
        assert np.array_equal(tensor.read_part("scales"), expected.q_per_channel_scales().numpy())
        assert np.array_equal(tensor.read_part("zero_points"), expected.q_per_channel_zero_points().numpy())
        with pytest.raises(CheckpointError, match="has no indices"):
            tensor.read_part("indices")


@pytest.mark.parametrize("columns", [4, 5])
def test_two_integers_in_a_byte(tmp_path: Path, columns: int) -> None:
    path = tmp_path / "a.pth"
    expected = torch.quantize_per_channel(
        numbers(3, columns), torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1.0, 2.0, 3.0]), 0, torch.quint4x2
    )
    torch.save({"a.weight": expected}, path)
    with open_checkpoint(path) as checkpoint:
        tensor = only(checkpoint)
        assert tensor.nbytes == -(-3 * columns // 2)
        np.testing.assert_allclose(tensor.dequantize(), _by_torch(expected), rtol=1e-5, atol=1e-6)


def _by_torch(packed: torch.Tensor) -> Any:
    """torch can't dequantize packed numbers on the CPU: unpack its own storage as its kernels do."""
    raw = torch.frombuffer(bytearray(bytes(packed.untyped_storage())), dtype=torch.uint8)
    integers = torch.stack((raw & 15, raw >> 4), -1).flatten()[: packed.numel()].reshape(packed.shape)
    return ((integers - packed.q_per_channel_zero_points()[:, None]) * packed.q_per_channel_scales()[:, None]).numpy()


def test_a_quantized_module(save: Save) -> None:
    """Its packed parameters are a tuple of a quantized weight and a plain bias."""
    weight = QUANTIZED["by channel"]()
    state_dict = {
        "fc.scale": torch.tensor(0.5),
        "fc.zero_point": torch.tensor(3),
        "fc._packed_params.dtype": torch.qint8,
        "fc._packed_params._packed_params": (weight, torch.ones(3)),
    }
    with open_checkpoint(save(state_dict)) as checkpoint:
        assert checkpoint.kind == "state_dict"
        tensor = checkpoint.tensors["fc._packed_params._packed_params.0"]
        assert np.array_equal(tensor.dequantize(), weight.dequantize().numpy())
        assert checkpoint.tensors["fc._packed_params._packed_params.1"].read().tolist() == [1, 1, 1]
        assert checkpoint.tensors["fc.scale"].role == "buffer"


def holes(*shape: int) -> torch.Tensor:
    full = numbers(*shape)
    return full * (full > 0.3)


SPARSE = {
    "coo": lambda: holes(4, 6).to_sparse(),
    "coo of three dimensions": lambda: holes(4, 6, 2).to_sparse(),
    "coo with a dense dimension": lambda: holes(4, 6, 2).to_sparse(1),
    "coo, places named twice": lambda: torch.sparse_coo_tensor(
        torch.tensor([[0, 0, 1], [2, 2, 0]]), [1.0, 2.5, 3.0], (2, 3)
    ),
    "coo of bool": lambda: torch.sparse_coo_tensor(torch.tensor([[0, 0, 1], [2, 2, 0]]), [True, True, True], (2, 3)),
    "coo of int16": lambda: torch.sparse_coo_tensor(
        torch.tensor([[0, 1]]), torch.tensor([5, -7], dtype=torch.int16), (4,)
    ),
    "coo of nothing": lambda: torch.sparse_coo_tensor(torch.zeros(2, 0, dtype=torch.int64), torch.zeros(0), (3, 4)),
    "csr": lambda: holes(4, 6).to_sparse_csr(),
    "csr with int32 indices": lambda: torch.sparse_csr_tensor(
        torch.tensor([0, 1, 2], dtype=torch.int32), torch.tensor([2, 0], dtype=torch.int32), [1.0, 2.0], (2, 3)
    ),
    "csr in batches": lambda: torch.stack((torch.eye(3), torch.eye(3).flip(0))).to_sparse_csr(),
    "csr with a dense dimension": lambda: holes(4, 6, 2).to_sparse_csr(dense_dim=1),
    "csc": lambda: holes(4, 6).to_sparse_csc(),
    "bsr": lambda: holes(4, 6).to_sparse_bsr((2, 3)),
    "bsc": lambda: holes(4, 6).to_sparse_bsc((2, 3)),
    "bsr in batches": lambda: torch.stack((torch.eye(4), torch.eye(4) * 2)).to_sparse_bsr((2, 2)),
}


@pytest.mark.parametrize("make", SPARSE.values(), ids=SPARSE)
def test_sparse(save: Save, make: Callable[[], torch.Tensor]) -> None:
    expected = make()
    with open_checkpoint(save({"a.weight": expected})) as checkpoint:
        tensor = only(checkpoint)
        assert checkpoint.safety == "safe"
        assert tensor.layout == "sparse"
        assert f"torch.{tensor.dtype}" == str(expected.dtype)
        assert tensor.shape == tuple(expected.shape)
        assert np.array_equal(tensor.read(), expected.to_dense().numpy())
        held = {part.role: tensor.read_part(part.role) for part in tensor.parts}
        assert tensor.nbytes == sum(values.nbytes for values in held.values())
        values = expected._values() if expected.layout is torch.sparse_coo else expected.values()
        assert np.array_equal(held["values"], values.numpy())


def test_a_sparse_tensor_far_larger_than_the_file_is_not_made_dense(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    huge = torch.sparse_coo_tensor(torch.tensor([[0], [0]]), [1.0], (1 << 24, 1 << 24), check_invariants=False)
    torch.save({"a.weight": huge}, path)
    with open_checkpoint(path) as checkpoint:
        tensor = checkpoint.tensors["a.weight"]
        assert tensor.shape == (1 << 24, 1 << 24)
        with pytest.raises(CheckpointError, match="would take"):
            tensor.read()
        assert tensor.read_part("values").tolist() == [1.0]


@pytest.mark.parametrize(
    "broken",
    [
        lambda: torch.sparse_coo_tensor(torch.tensor([[9]]), [1.0], (4,), check_invariants=False),
        lambda: torch.sparse_coo_tensor(torch.tensor([[-1]]), [1.0], (4,), check_invariants=False),
        lambda: torch.sparse_csr_tensor([0, 1, 1], [7], [1.0], (2, 3), check_invariants=False),
        lambda: torch.sparse_csr_tensor([0, 5, 1], [1], [1.0], (2, 3), check_invariants=False),
        lambda: torch.sparse_csr_tensor([1, 1, 1], [1], [1.0], (2, 3), check_invariants=False),
    ],
)
def test_indices_outside_are_noticed(tmp_path: Path, broken: Callable[[], torch.Tensor]) -> None:
    path = tmp_path / "a.pth"
    torch.save({"a.weight": broken(), "a.bias": torch.ones(2)}, path)
    with open_checkpoint(path) as checkpoint:
        with pytest.raises(CheckpointError, match="sparse"):
            checkpoint.tensors["a.weight"].read()
        assert checkpoint.tensors["a.bias"].read().tolist() == [1, 1]


def test_sparse_parts_that_do_not_fit_are_a_problem(tmp_path: Path) -> None:
    code = Assembler().op(b"}").text("a.weight").name("torch._utils", "_rebuild_sparse_tensor").op(b"(")
    code.name("torch.serialization", "_get_layout").text("torch.sparse_coo").op(b"\x85R(")
    code.tensor((2, 3), (3, 1), key="0", kind="LongStorage").tensor((7,), (1,), key="1")
    code.op(b"(").integer(4).integer(4).op(b"t\x88ttRs")
    path = zip_of(tmp_path / "a.pth", code.done(), extra={"data/0": bytes(48), "data/1": bytes(28)})
    with open_checkpoint(path) as checkpoint:
        (tensor,) = checkpoint.tensors
        assert (tensor.layout, tensor.shape) == ("sparse", (4, 4))
        assert tensor.problem == "its sparse parts don't fit together"


def test_nested(save: Save) -> None:
    pieces = [numbers(2, 3), numbers(4, 3), numbers(1, 3)]
    with open_checkpoint(save({"a.weight": torch.nested.nested_tensor(pieces)})) as checkpoint:
        tensor = only(checkpoint)
        assert (tensor.layout, checkpoint.safety) == ("nested", "safe")
        assert np.array_equal(tensor.read(), torch.cat([piece.flatten() for piece in pieces]).numpy())
        assert tensor.read_part("sizes").tolist() == [[2, 3], [4, 3], [1, 3]]
        assert tensor.read_part("offsets").tolist() == [0, 6, 18]


def test_jagged(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    pieces = [numbers(2, 3), numbers(4, 3)]
    torch.save({"a.weight": torch.nested.nested_tensor(pieces, layout=torch.jagged)}, path)
    with open_checkpoint(path) as checkpoint:
        tensor = only(checkpoint)
        assert tensor.layout == "nested"
        assert np.array_equal(tensor.read(), torch.cat(pieces).numpy())
        assert tensor.read_part("offsets").tolist() == [0, 2, 6]


def test_meta_tensors_have_a_shape_and_no_values(save: Save) -> None:
    with open_checkpoint(save({"a.weight": torch.zeros(5, 2, device="meta", dtype=torch.bfloat16)})) as checkpoint:
        tensor = checkpoint.tensors["a.weight"]
        assert (tensor.layout, tensor.shape, tensor.dtype) == ("meta", (5, 2), "bfloat16")
        assert checkpoint.state_dicts[0].parameters == 10
        with pytest.raises(CheckpointError, match="no bytes of its own"):
            tensor.read()


BITS = {
    "conjugate": lambda: torch.randn(3, 4, dtype=torch.complex64, generator=GENERATOR).conj(),
    "negative": lambda: torch.randn(3, 4, dtype=torch.complex64, generator=GENERATOR).conj().imag,
    "conjugate, transposed": lambda: torch.randn(3, 4, dtype=torch.complex128, generator=GENERATOR).mH,
}


@pytest.mark.parametrize("make", BITS.values(), ids=BITS)
def test_conjugate_and_negative_views(save: Save, make: Callable[[], torch.Tensor]) -> None:
    expected = make()
    with open_checkpoint(save({"a.weight": expected})) as checkpoint:
        tensor = only(checkpoint)
        assert ("conjugate" in tensor.layout, "negative" in tensor.layout) == (expected.is_conj(), expected.is_neg())
        assert np.array_equal(tensor.read(), expected.resolve_conj().resolve_neg().numpy())


def test_numbers_of_four_bits(tmp_path: Path) -> None:
    """torch can't convert them; the sixteen values are those of OCP's MX specification (FP4, E2M1)."""
    path = tmp_path / "a.pth"
    raw = torch.arange(256, dtype=torch.uint8).reshape(16, 16)
    torch.save({"a.weight": raw.view(torch.float4_e2m1fn_x2)}, path)
    values = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    values += [-value for value in values]
    with open_checkpoint(path) as checkpoint:
        tensor = checkpoint.tensors["a.weight"]
        assert tensor.read().tobytes() == raw.numpy().tobytes()
        found = tensor.dequantize()
        assert found.shape == (16, 32)
        assert found.astype(np.float32)[3].tolist() == [
            value for low in range(16) for value in (values[low], values[3])
        ]


class Reduced:
    """Pickles as a call of our choice, for the rebuild calls that torch writes on other machines or wrote long ago."""

    def __init__(self, function: Callable[..., Any], *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


class Subclass(torch.Tensor):
    pass


class Wrapper(torch.Tensor):
    """A tensor without a storage of its own, as torchao's and DTensor are."""

    @staticmethod
    def __new__(cls, held: torch.Tensor, name: str) -> Wrapper:
        made = torch.Tensor._make_wrapper_subclass(cls, held.shape, dtype=held.dtype)
        setattr(made, name, held)
        return made

    @classmethod
    def __torch_dispatch__(cls, *_: Any) -> Any:
        raise NotImplementedError


def _with_state() -> nn.Parameter:
    parameter = nn.Parameter(torch.tensor([1.5, -2.0]))
    parameter.note = "kept"  # type: ignore[attr-defined]
    return parameter


REBUILT: dict[str, Callable[[], object]] = {
    "_rebuild_parameter": lambda: nn.Parameter(torch.tensor([1.5, -2.0])),
    "_rebuild_parameter_with_state": _with_state,
    "buffer": lambda: nn.Buffer(torch.tensor([1.5, -2.0])),
    "_rebuild_from_type_v2": lambda: torch.tensor([1.5, -2.0]).as_subclass(Subclass),
    "_rebuild_wrapper_subclass": lambda: Wrapper(torch.tensor([1.5, -2.0]), "_local_tensor"),
    "_rebuild_device_tensor_from_numpy": lambda: Reduced(
        torch._utils._rebuild_device_tensor_from_numpy, np.array([1.5, -2.0], np.float32), torch.float32, "cpu", False
    ),
    "_rebuild_device_tensor_from_cpu_tensor": lambda: Reduced(
        torch._utils._rebuild_device_tensor_from_cpu_tensor, torch.tensor([1.5, -2.0]), torch.float32, "cpu", False
    ),
    "_rebuild_xla_tensor": lambda: Reduced(
        torch._utils._rebuild_xla_tensor, np.array([1.5, -2.0], np.float32), torch.float32, "cpu", False
    ),
    "_rebuild_tensor": lambda: Reduced(
        torch._utils._rebuild_tensor, torch.tensor([9, 1.5, -2.0]).storage(), 1, (2,), (1,)  # type: ignore[no-untyped-call]
    ),
    "_rebuild_tensor_v3": lambda: Reduced(
        torch._utils._rebuild_tensor_v3,
        torch.tensor([9, 1.5, -2.0]).untyped_storage(), 1, (2,), (1,), False, collections.OrderedDict(), torch.float32,
    ),
}  # fmt: skip


@pytest.mark.parametrize("make", REBUILT.values(), ids=REBUILT)
def test_every_rebuild_call(save: Save, make: Callable[[], object]) -> None:
    path = save({"a.weight": make()})
    with open_checkpoint(path) as checkpoint:
        tensor = only(checkpoint)
        assert (tensor.dtype, tensor.problem) == ("float32", "")
        assert tensor.read().tolist() == [1.5, -2.0]


def test_bfloat16_that_went_through_numpy(save: Save) -> None:
    """A tensor of a device without a storage is saved as float32, and made bfloat16 again when it is loaded."""
    values = np.array([1.5, 1.003, -2.0], np.float32)
    call = Reduced(torch._utils._rebuild_device_tensor_from_numpy, values, torch.bfloat16, "cpu", False)
    with open_checkpoint(save({"a.weight": call})) as checkpoint:
        tensor = only(checkpoint)
        assert tensor.dtype == "bfloat16"
        expected = torch.from_numpy(values).to(torch.bfloat16).float().tolist()
        assert tensor.read().astype(np.float32).tolist() == expected


def test_a_wrapper_of_several_tensors_shows_what_it_is_made_of(save: Save) -> None:
    packed = Wrapper(torch.tensor([1.5, -2.0]), "scale")
    with open_checkpoint(save({"model": {"a.weight": torch.ones(1)}, "packed": packed})) as checkpoint:
        assert checkpoint.tensors["packed.scale"].read().tolist() == [1.5, -2.0]
        node = next(node for node in checkpoint.survey.root.children if node.label == "packed")
        assert node.detail.endswith("Wrapper")


def test_requires_grad_makes_a_parameter(save: Save) -> None:
    integers = torch.tensor([1, 2])
    buffer = torch.ones(2)
    grown = torch.ones(2, requires_grad=True)
    with open_checkpoint(save({"a.running_mean": grown, "b.running_mean": buffer, "a.n": integers})) as checkpoint:
        assert [tensor.role for tensor in checkpoint.tensors] == ["parameter", "buffer", "buffer"]


def test_every_dtype_of_torch_that_can_be_saved(tmp_path: Path) -> None:
    """Whatever torch gains, a tensor of it must at least not be mistaken for another."""
    path, saved = tmp_path / "a.pth", 0
    for dtype in {found for found in vars(torch).values() if isinstance(found, torch.dtype)}:
        raw = torch.arange(8 * dtype.itemsize, dtype=torch.uint8)
        try:
            expected = (raw % 2 if dtype is torch.bool else raw).view(dtype)
            torch.save({"a.weight": expected}, path)
        except (KeyError, NotImplementedError, RuntimeError, TypeError):
            continue  # names that torch has for compilers alone (int1 to uint7)
        with open_checkpoint(path) as checkpoint:
            tensor = checkpoint.tensors["a.weight"]
            assert f"torch.{tensor.dtype}" == str(expected.dtype)
            assert checkpoint.safety == "safe"
            assert tensor.nbytes == -(-tensor.numel // {"quint4x2": 2, "quint2x4": 4}.get(tensor.dtype, 1)) * (
                dtype.itemsize
            )
            if not tensor.dtype.startswith("quint"):
                assert tensor.read().tobytes() == expected.view(torch.uint8).numpy().tobytes()
            saved += 1
    assert saved >= 26
