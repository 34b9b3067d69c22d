"""Raw bytes become the tensors that torch itself would have loaded, or a typed error: never a wild read."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inspector.engine.problems import TensorError
from inspector.engine.tensors import ChunkedSpec, QuantizedSpec, TensorSpec, state_dict_from_storages

# torch says once in each process that it will drop quantized tensors some day
pytestmark = pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")


DTYPES = (
    "float64 float32 float16 bfloat16 float8_e4m3fn float8_e5m2 complex64 int64 int32 int16 int8 uint8 bool".split()
)


def raw(tensor: torch.Tensor) -> bytearray:
    return bytearray(tensor.contiguous().view(torch.uint8).numpy().tobytes())


def spec(shape: tuple[int, ...], stride: tuple[int, ...], offset: int = 0, **other: object) -> TensorSpec:
    fields = {"name": "w", "dtype": "float32", "storage": 0, **other}
    return TensorSpec(shape=shape, stride=stride, storage_offset=offset, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_comes_back_bit_for_bit(dtype: str) -> None:
    original = (torch.randn(4, 6) * 3).to(getattr(torch, dtype))
    found = state_dict_from_storages([spec((4, 6), (6, 1), dtype=dtype)], [raw(original)])["w"]
    assert found.dtype == original.dtype
    assert found.shape == (4, 6)
    assert torch.equal(found.view(torch.uint8), original.view(torch.uint8))


def test_views_of_one_storage_share_its_memory() -> None:
    storage = raw(torch.arange(12.0))
    found = state_dict_from_storages(
        [spec((3, 4), (4, 1)), spec((4, 3), (1, 4), name="t"), spec((2,), (4,), 5, name="part")], [storage]
    )
    assert found["t"].equal(found["w"].T)
    assert found["part"].tolist() == [5.0, 9.0]
    found["w"][1, 1] = -1.0
    assert found["part"][0] == -1.0
    assert found["t"].untyped_storage().data_ptr() == found["w"].untyped_storage().data_ptr()


def test_nothing_is_copied_from_writable_bytes() -> None:
    storage = raw(torch.zeros(4))
    found = state_dict_from_storages([spec((4,), (1,))], [storage])["w"]
    storage[0:4] = raw(torch.ones(1))
    assert found.tolist() == [1.0, 0.0, 0.0, 0.0]


def test_read_only_and_unaligned_bytes_are_copied() -> None:
    values = torch.arange(4.0)
    data = bytearray(1) + raw(values)
    for storage in (memoryview(data)[1:], memoryview(bytes(data))[1:], memoryview(bytes(raw(values)))):
        found = state_dict_from_storages([spec((4,), (1,))], [storage])["w"]
        assert found.equal(values)
        assert found.data_ptr() % 4 == 0


def test_empty_and_scalar_tensors() -> None:
    found = state_dict_from_storages(
        [spec((0, 3), (3, 1), name="none"), spec((), (), 1, storage=1, name="one")],
        [bytearray(), raw(torch.tensor([1.0, 2.0]))],
    )
    assert found["none"].shape == (0, 3)
    assert found["one"].item() == 2.0


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (spec((13,), (1,)), "reaches to element 12 of a storage of 12"),
        (spec((12,), (1,), 1), "reaches to element 12"),
        (spec((2, 2), (11, 1)), "reaches to element 12"),
        (spec((2,), (2**61,)), "reaches to element"),
        (spec((2**40, 2**40), (0, 0)), "more elements than any memory"),
        (spec((-1,), (1,)), "negative"),
        (spec((1,), (-1,)), "negative"),
        (spec((1,), (1,), -4), "negative"),
        (spec((0,), (1,), 13), "beyond the end"),
        (spec((1, 1), (1,)), "2 sizes and 1 strides"),
        (spec((1,) * 65, (1,) * 65), "65 sizes"),
        (spec((1,), (1,), storage=1), "names storage 1, but there are 1"),
        (spec((1,), (1,), storage=-1), "names storage -1"),
        (spec((1,), (1,), dtype="nn"), "the dtype nn"),
        (spec((1,), (1,), dtype="load"), "the dtype load"),
    ],
)
def test_what_does_not_fit_is_refused(bad: TensorSpec, words: str) -> None:
    with pytest.raises(TensorError, match=words):
        state_dict_from_storages([bad], [raw(torch.zeros(12))])


def test_a_name_that_is_there_twice_is_refused() -> None:
    with pytest.raises(TensorError, match="is there twice"):
        state_dict_from_storages([spec((1,), (1,)), spec((1,), (1,))], [raw(torch.zeros(1))])


@given(
    st.lists(st.tuples(st.integers(-1, 9), st.integers(-1, 9)), max_size=4),
    st.integers(-1, 30),
    st.integers(0, 30),
)
def test_every_accepted_tensor_lies_within_its_storage(dims: list[tuple[int, int]], offset: int, size: int) -> None:
    shape, stride = tuple(n for n, _ in dims), tuple(step for _, step in dims)
    values = torch.arange(size, dtype=torch.float32)
    try:
        found = state_dict_from_storages([spec(shape, stride, offset)], [raw(values)])["w"]
    except TensorError:
        return
    if found.numel():
        assert found.min() >= 0
        assert found.max() < size
        assert found.equal(values.as_strided(shape, stride, offset))


def test_chunks_are_put_together() -> None:
    whole = torch.arange(12, dtype=torch.float32).reshape(4, 3)
    storages = [
        bytearray(whole[:2].contiguous().numpy().tobytes()),
        bytearray(whole[2:].contiguous().numpy().tobytes()),
    ]
    chunks = tuple(((2 * place, 0), TensorSpec("w", "float32", (2, 3), (3, 1), 0, place)) for place in (0, 1))
    found = state_dict_from_storages([], storages, [ChunkedSpec("w", "float32", (4, 3), chunks)])
    assert torch.equal(found["w"], whole)


@pytest.mark.parametrize("starts", [((0, 0),), ((0, 0), (3, 0)), ((0, 0), (-2, 0)), ((0,), (2,))])
def test_chunks_that_do_not_fit_are_refused(starts: tuple[tuple[int, ...], ...]) -> None:
    chunks = tuple((start, TensorSpec("w", "float32", (2, 3), (3, 1), 0, 0)) for start in starts)
    with pytest.raises(TensorError, match="chunks"):
        state_dict_from_storages([], [bytearray(24)], [ChunkedSpec("w", "float32", (4, 3), chunks)])


@pytest.mark.parametrize("dtype", [torch.qint8, torch.quint8, torch.qint32])
def test_quantized_tensors_come_back_with_their_scale_and_zero_point(dtype: torch.dtype) -> None:
    original = torch.quantize_per_tensor(torch.randn(4, 6), 0.03, 5, dtype)
    integers = spec((4, 6), (6, 1), dtype=str(dtype).removeprefix("torch."))
    found = state_dict_from_storages([], [raw(original.int_repr())], quantized=[QuantizedSpec(integers, 0.03, 5)])["w"]
    assert (found.dtype, found.q_scale(), found.q_zero_point()) == (dtype, 0.03, 5)
    assert found.dequantize().equal(original.dequantize())


def test_tensors_quantized_by_channel_come_back() -> None:
    scales, zeros = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64), torch.tensor([0, 1, 2])
    original = torch.quantize_per_channel(torch.randn(2, 3), scales, zeros, 1, torch.qint8)
    by_channel = QuantizedSpec(
        spec((2, 3), (3, 1), dtype="qint8"),
        axis=1,
        scales=spec((3,), (1,), dtype="float64", storage=1),
        zero_points=spec((3,), (1,), dtype="int64", storage=2),
    )
    found = state_dict_from_storages([], [raw(original.int_repr()), raw(scales), raw(zeros)], quantized=[by_channel])
    assert found["w"].dequantize().equal(original.dequantize())
    assert found["w"].q_per_channel_axis() == 1
    with pytest.raises(TensorError, match="another number of scales than of channels"):
        state_dict_from_storages(
            [],
            [raw(original.int_repr()), raw(scales), raw(zeros)],
            quantized=[
                QuantizedSpec(by_channel.integers, axis=0, scales=by_channel.scales, zero_points=by_channel.zero_points)
            ],
        )


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point"), [("qint8", float("nan"), 0), ("qint8", 1.0, 300), ("quint4x2", 1.0, 0)]
)
def test_quantized_tensors_that_cannot_be_are_refused(dtype: str, scale: float, zero_point: int) -> None:
    bad = QuantizedSpec(spec((2,), (1,), dtype=dtype), scale, zero_point)
    with pytest.raises(TensorError, match="The tensor w "):
        state_dict_from_storages([], [bytearray(2)], quantized=[bad])


@pytest.mark.parametrize(
    ("axis", "scales", "zero_points", "said"),
    [
        (3, torch.ones(2), torch.zeros(2, dtype=torch.int64), "number of scales"),
        (0, torch.ones(2, dtype=torch.int32), torch.zeros(2, dtype=torch.int64), "scales of torch.int32"),
        (0, torch.ones(2), torch.zeros(2), "zero points of torch.float32"),
        (0, torch.tensor([1.0, 0.0]), torch.zeros(2, dtype=torch.int64), "not positive"),
        (0, torch.tensor([1.0, float("nan")]), torch.zeros(2, dtype=torch.int64), "not positive"),
    ],
)
def test_tensors_quantized_by_channels_that_cannot_be_are_refused(
    axis: int, scales: torch.Tensor, zero_points: torch.Tensor, said: str
) -> None:
    names = [str(found.dtype).removeprefix("torch.") for found in (scales, zero_points)]
    bad = QuantizedSpec(
        spec((2, 3), (3, 1), dtype="qint8"),
        axis=axis,
        scales=spec((2,), (1,), dtype=names[0], storage=1),
        zero_points=spec((2,), (1,), dtype=names[1], storage=2),
    )
    with pytest.raises(TensorError, match=said):
        state_dict_from_storages([], [bytearray(6), raw(scales), raw(zero_points)], quantized=[bad])
