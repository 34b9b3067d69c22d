"""Raw bytes of storages -> a state_dict. Nothing is unpickled and nothing is trusted: every bound is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from inspector.engine.problems import TensorError

_DTYPES = (
    "float64 float32 float16 bfloat16 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu "
    "complex128 complex64 complex32 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool"
).split()
_INTEGERS = {"qint8": "int8", "quint8": "uint8", "qint32": "int32"}
_MOST_DIMENSIONS = 64  # torch's own limit in most operations


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Where one tensor lies in its storage.

    Attributes
    ----------
    name
        Its key in the state_dict.
    dtype
        torch's name without ``torch.``, for example ``"bfloat16"``.
    shape, stride
        In elements, as torch counts them.
    storage_offset
        Elements before the first one.
    storage
        Index into the sequence of storages.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    storage_offset: int
    storage: int


@dataclass(frozen=True, slots=True)
class ChunkedSpec:
    """A tensor that is put together from chunks, each with where it begins in the whole, by dimension."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    chunks: tuple[tuple[tuple[int, ...], TensorSpec], ...]


@dataclass(frozen=True, slots=True)
class QuantizedSpec:
    """A tensor of integers that stand for numbers, ``(integer - zero_point) * scale``.

    Attributes
    ----------
    integers
        With a dtype of ``qint8``, ``quint8`` or ``qint32``, and the tensor's name.
    scale, zero_point
        Of all integers, where there are no `scales`.
    axis, scales, zero_points
        By channel: the dimension they run along, and one number per index in it.
    """

    integers: TensorSpec
    scale: float = 1.0
    zero_point: int = 0
    axis: int = -1
    scales: TensorSpec | None = None
    zero_points: TensorSpec | None = None

    @property
    def name(self) -> str:
        """Its key in the state_dict."""
        return self.integers.name


def state_dict_from_storages(
    specs: Sequence[TensorSpec],
    storages: Sequence[bytearray | memoryview],
    chunked: Sequence[ChunkedSpec] = (),
    quantized: Sequence[QuantizedSpec] = (),
) -> dict[str, torch.Tensor]:
    """Build tensors over raw bytes, without copying them where the bytes are writable and aligned.

    Tensors of the same storage share its memory, as they did in the file. The tensors keep `storages`
    alive, which must not be changed meanwhile.

    Parameters
    ----------
    specs
        One per tensor; names must differ.
    storages
        The bytes of each storage, little-endian.
    chunked
        Tensors to put together, which copies their chunks.
    quantized
        Tensors of integers with their scales, which copies the integers.

    Raises
    ------
    TensorError
        A tensor reaches beyond its storage, or has a dtype, shape or index that can't be.
    """
    raw = [_raw(storage) for storage in storages]
    typed: dict[tuple[int, torch.dtype], torch.Tensor] = {}
    tensors: dict[str, torch.Tensor] = {}

    def window(spec: TensorSpec) -> torch.Tensor:
        dtype = _dtype(spec)
        if not 0 <= spec.storage < len(raw):
            raise _misfit(spec, f"names storage {spec.storage}, but there are {len(raw)}")
        _check_bounds(spec, raw[spec.storage].numel() // dtype.itemsize)
        key = (spec.storage, dtype)
        if key not in typed:
            typed[key] = _view(raw[spec.storage], dtype)
        return typed[key].as_strided(spec.shape, spec.stride, spec.storage_offset)

    together: tuple[TensorSpec | ChunkedSpec | QuantizedSpec, ...] = (*specs, *chunked, *quantized)
    for spec in together:
        if spec.name in tensors:
            raise _misfit(spec, "is there twice")
        if isinstance(spec, QuantizedSpec):
            tensors[spec.name] = _quantized(spec, window)
        else:
            tensors[spec.name] = window(spec) if isinstance(spec, TensorSpec) else _put_together(spec, window)
    return tensors


def _quantized(spec: QuantizedSpec, window: Callable[[TensorSpec], torch.Tensor]) -> torch.Tensor:
    """Make a quantized tensor as torch's own loading does (``torch._utils._rebuild_qtensor``)."""
    stored = _INTEGERS.get(spec.integers.dtype)
    if stored is None:
        raise _misfit(spec.integers, f"is quantized as {spec.integers.dtype}, which Inspector does not attach")
    integers = window(replace(spec.integers, dtype=stored))
    if spec.scales is None or spec.zero_points is None:
        low, high = torch.iinfo(integers.dtype).min, torch.iinfo(integers.dtype).max
        if not (math.isfinite(spec.scale) and spec.scale > 0 and low <= spec.zero_point <= high):
            raise _misfit(spec.integers, f"has the scale {spec.scale} and the zero point {spec.zero_point}")
        return torch._make_per_tensor_quantized_tensor(integers, spec.scale, spec.zero_point)
    scales, zero_points = window(spec.scales), window(spec.zero_points)
    channels = integers.shape[spec.axis] if 0 <= spec.axis < integers.ndim else -1
    if scales.shape != (channels,) or zero_points.shape != (channels,):
        raise _misfit(spec.integers, "has another number of scales than of channels")
    if not scales.is_floating_point() or zero_points.is_floating_point() or zero_points.dtype == torch.bool:
        raise _misfit(spec.integers, f"has scales of {scales.dtype} and zero points of {zero_points.dtype}")
    if not bool((torch.isfinite(scales) & (scales > 0)).all()):
        raise _misfit(spec.integers, "has scales that are not positive numbers")
    return torch._make_per_channel_quantized_tensor(integers, scales, zero_points, spec.axis)


def _put_together(spec: ChunkedSpec, window: Callable[[TensorSpec], torch.Tensor]) -> torch.Tensor:
    if sum(math.prod(chunk.shape) for _, chunk in spec.chunks) != math.prod(spec.shape):
        raise _misfit(spec, "is not made up by its chunks")
    whole = torch.empty(spec.shape, dtype=_dtype(spec))
    for start, chunk in spec.chunks:
        within = len(start) == len(chunk.shape) == len(spec.shape) and all(
            at >= 0 and at + size <= most for at, size, most in zip(start, chunk.shape, spec.shape, strict=True)
        )
        if not within or chunk.dtype != spec.dtype:
            raise _misfit(spec, "is not made up by its chunks")
        whole[tuple(slice(at, at + size) for at, size in zip(start, chunk.shape, strict=True))] = window(chunk)
    return whole


def _raw(storage: bytearray | memoryview) -> torch.Tensor:
    """Return a storage as bytes. torch can't hold read-only memory safely, so that is copied."""
    if len(storage) == 0:
        return torch.empty(0, dtype=torch.uint8)
    if isinstance(storage, memoryview) and (storage.readonly or not storage.c_contiguous):
        return torch.frombuffer(bytearray(storage), dtype=torch.uint8)
    return torch.frombuffer(storage, dtype=torch.uint8)


def _view(raw: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """See bytes as elements; bytes beyond the last whole element are left out."""
    whole = raw[: raw.numel() // dtype.itemsize * dtype.itemsize]
    if whole.data_ptr() % dtype.itemsize:
        whole = whole.clone()
    return whole.view(dtype)


def _dtype(spec: TensorSpec | ChunkedSpec) -> torch.dtype:
    found = getattr(torch, spec.dtype, None) if spec.dtype in _DTYPES else None
    if not isinstance(found, torch.dtype):
        raise TensorError(
            f"The tensor {spec.name} has the dtype {spec.dtype}, which torch {torch.__version__} does not know.",
            "Choose a Python with a newer torch for the engine.",
        )
    return found


def _check_bounds(spec: TensorSpec, available: int) -> None:
    """Refuse a tensor whose farthest element lies beyond the `available` elements of its storage."""
    if len(spec.shape) != len(spec.stride) or len(spec.shape) > _MOST_DIMENSIONS:
        raise _misfit(spec, f"has {len(spec.shape)} sizes and {len(spec.stride)} strides")
    if min((*spec.shape, *spec.stride, spec.storage_offset), default=0) < 0:
        raise _misfit(spec, "has a negative size, stride or offset")
    if math.prod(spec.shape) >= 2**62:
        raise _misfit(spec, "says that it has more elements than any memory holds")
    if math.prod(spec.shape) == 0:
        if spec.storage_offset > available:
            raise _misfit(spec, "starts beyond the end of its storage")
        return
    farthest = spec.storage_offset + sum((n - 1) * step for n, step in zip(spec.shape, spec.stride, strict=True))
    if farthest >= available:
        raise _misfit(spec, f"reaches to element {farthest} of a storage of {available}")


def _misfit(spec: TensorSpec | ChunkedSpec | QuantizedSpec, what: str) -> TensorError:
    return TensorError(f"The tensor {spec.name} {what}: the file is damaged.", "Download or save it again.")
