"""What is audited: the tensors, their figures, and what can be seen from their names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

from inspector.checkpoint.dtypes import FLOATING
from inspector.weights.figures import TensorFigures

_NO_WEIGHT = re.compile(
    r"mask|causal|alibi|anchor|grid|position_id|pos_id|_index|coords|stride|arange|inv_freq|triu|tril"
    r"|stft|dft_|fourier|mel_basis|filterbank"
)
"""Names of tensors that a module computes for itself, or that are a fixed transform, whatever they look like."""

_EMBEDDING = re.compile(r"emb|token|vocab|lookup|wte|wpe|lm_head")

_NORMS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True, slots=True)
class AuditTensor:
    """A tensor of a checkpoint, as the audit sees it.

    Attributes
    ----------
    name, shape, dtype, role, nbytes
        As in `inspector.checkpoint.tensors.Tensor`.
    layout
        As in `inspector.checkpoint.values.TensorValue`.
    model
        The path of the state_dict that it is in (empty for the file's root), None where it is in none.
    storage
        The number of its storage, -1 where it has none of its own.
    storage_nbytes
        Bytes of that storage.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    role: str
    nbytes: int
    layout: str = "strided"
    model: str | None = ""
    storage: int = -1
    storage_nbytes: int = 0

    @property
    def key(self) -> str:
        """The last part of its name."""
        return self.name.rpartition(".")[2]

    @property
    def module(self) -> str:
        """Its name without the last part."""
        return self.name.rpartition(".")[0]

    @property
    def numel(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def is_real(self) -> bool:
        """Whether its values are real floating-point numbers, stored as such."""
        return self.dtype in FLOATING and "complex" not in self.dtype and self.layout != "quantized"

    @property
    def is_weight(self) -> bool:
        """Whether it is a layer's weight: a parameter of two dimensions or more, not one computed by its module."""
        is_own = self.role == "parameter" or (self.role == "other" and self.key == "weight")
        is_symmetric = self.layout != "quantized" or self.dtype == "qint8"
        return is_own and is_symmetric and len(self.shape) > 1 and not _NO_WEIGHT.search(self.name.lower())

    @property
    def is_token(self) -> bool:
        """Whether it looks like a learned token or a learned offset of positions: ``(1, n, d)``."""
        return len(self.shape) == 3 and self.shape[0] == 1

    @property
    def is_embedding(self) -> bool:
        """Whether it looks like an embedding's table, or the matrix that leads back to a vocabulary."""
        return len(self.shape) == 2 and bool(_EMBEDDING.search(self.name.lower()))


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """The numbers of the tensors of one batch norm; -1 for those that it lacks."""

    module: str
    mean: int
    variance: int
    weight: int = -1
    bias: int = -1
    tracked: int = -1


@dataclass(frozen=True, slots=True)
class Initial:
    """The initial distribution that a weight has.

    Attributes
    ----------
    words
        What it is, for the person.
    is_uniform
        Whether it has bounds: then a single step of training shows.
    is_sure
        Whether this weight alone tells: a trained one hardly ever looks like it.
    """

    words: str
    is_uniform: bool
    is_sure: bool


@dataclass(frozen=True)
class Subject:
    """All tensors of a checkpoint and the figures of those that could be read."""

    tensors: Sequence[AuditTensor]
    figures: Mapping[int, TensorFigures]
    """Without the histograms' counts."""
    initials: Mapping[int, Initial]
    """The initial distribution of each weight that has one still."""
    settled: set[int] = field(default_factory=set)
    """Tensors that a finding has explained whole, so that no other rule needs to tell of them."""

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The tensors' numbers by name."""
        return {tensor.name: number for number, tensor in enumerate(self.tensors)}

    @cached_property
    def known(self) -> list[tuple[int, AuditTensor, TensorFigures]]:
        """The tensors that could be read and hold something, with their figures."""
        return [
            (number, self.tensors[number], figures)
            for number, figures in sorted(self.figures.items())
            if figures.statistics.numel
        ]

    @cached_property
    def weights(self) -> list[tuple[int, AuditTensor, TensorFigures]]:
        """Those of them that are layers' weights."""
        return [found for found in self.known if found[1].is_weight]

    @cached_property
    def batch_norms(self) -> list[BatchNorm]:
        """Every batch norm whose running statistics could be read."""
        modules: dict[str, dict[str, int]] = defaultdict(dict)
        for number, tensor, _ in self.known:
            if tensor.key in _NORMS and tensor.role in ("parameter", "buffer", "other"):
                modules[tensor.module][tensor.key] = number
        return [
            BatchNorm(
                module,
                keys["running_mean"],
                keys["running_var"],
                keys.get("weight", -1),
                keys.get("bias", -1),
                keys.get("num_batches_tracked", -1),
            )
            for module, keys in modules.items()
            if "running_mean" in keys
            and "running_var" in keys
            and all(len(self.tensors[keys[key]].shape) == 1 for key in _NORMS[:-1] if key in keys)
        ]

    @cached_property
    def scales(self) -> list[int]:
        """The scales of norms of all kinds: parameters of one dimension that are called weight."""
        return [
            number
            for number, tensor, _ in self.known
            if tensor.key == "weight" and tensor.role == "parameter" and len(tensor.shape) == 1 and tensor.numel > 1
        ]

    def is_constant(self, number: int, value: float | None = None) -> bool:
        """Tell whether all elements are finite and the same; the same as ``value``, where it is given."""
        figures = self.figures.get(number)
        if figures is None or figures.statistics.nan or figures.statistics.inf or figures.statistics.min is None:
            return False
        lowest, highest = figures.statistics.min, figures.statistics.max
        return lowest == highest and (value is None or lowest == value)
