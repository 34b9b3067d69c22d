"""Models to audit: a small one that looks trained, and the figures of any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from inspector.checkpoint.dtypes import FLOATING
from inspector.findings import Finding
from inspector.weights.audit import AuditTensor, audit
from inspector.weights.chunks import Array
from inspector.weights.figures import TensorFigures
from inspector.weights.histogram import histogram
from inspector.weights.statistics import tensor_statistics

BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "attn_mask")


def figures(array: Array, bins: int = 256) -> TensorFigures:
    """Return a tensor's figures in the plainest way."""
    bars = histogram(array, bins)
    dead = duplicates = 0
    if array.ndim > 1 and array.size:
        slices = np.ascontiguousarray(array).reshape(len(array), -1)
        alive = [piece.tobytes() for piece in slices if (piece != 0).any()]
        dead, duplicates = len(slices) - len(alive), len(alive) - len(set(alive))
    counts = tuple(bars.counts.tolist())
    return TensorFigures(
        tensor_statistics(array), float(bars.edges[0]), float(bars.edges[-1]), counts, dead, duplicates
    )


def audit_tensor(name: str, array: Array, **changes: Any) -> AuditTensor:
    """Return what a state_dict tells of a tensor."""
    dtype = array.dtype.name
    is_parameter = dtype in FLOATING and not name.endswith(BUFFERS)
    fields: dict[str, Any] = {"dtype": dtype, "role": "parameter" if is_parameter else "buffer", "nbytes": array.nbytes}
    return AuditTensor(name, array.shape, **(fields | changes))


def audited(model: Mapping[str, Array], **changes: Mapping[str, Any]) -> list[Finding]:
    """Audit a model.

    Parameters
    ----------
    changes
        By name, with ``_`` for ``.``: what is different of a tensor from what its array tells.
    """
    tensors = [audit_tensor(name, array, **changes.get(name.replace(".", "_"), {})) for name, array in model.items()]
    return audit(tensors, {number: figures(array) for number, array in enumerate(model.values())})


def trained(seed: int = 0) -> dict[str, Array]:
    """Return a small model with what healthy checkpoints hold: zero biases, unit scales, masks, embeddings, tokens."""
    random = np.random.default_rng(seed)

    def drawn(*shape: int, scale: float = 0.05) -> Array:
        return random.laplace(0.002, scale, shape).astype(np.float32)

    mask = np.triu(np.full((24, 24), -np.inf, np.float32), 1)
    embedding = drawn(100, 32)
    embedding[0] = 0
    return {
        "conv1.weight": drawn(32, 3, 7, 7),
        "bn1.weight": 0.5 + np.abs(drawn(32, scale=0.2)),
        "bn1.bias": drawn(32),
        "bn1.running_mean": drawn(32, scale=0.5),
        "bn1.running_var": np.abs(drawn(32, scale=2.0)) + 0.1,
        "bn1.num_batches_tracked": np.array(5_000),
        "conv2.weight": drawn(64, 32, 3, 3),
        "conv2.bias": np.zeros(64, np.float32),
        "bn2.weight": np.abs(drawn(64, scale=0.4)),
        "bn2.bias": np.zeros(64, np.float32),
        "bn2.running_mean": drawn(64, scale=0.5),
        "bn2.running_var": np.abs(drawn(64, scale=5.0)),
        "bn2.num_batches_tracked": np.array(5_000),
        "token_embedding.weight": embedding,
        "class_token": np.zeros((1, 1, 64), np.float32),
        "norm.weight": np.ones(64, np.float32),
        "norm.bias": np.zeros(64, np.float32),
        "layer_scale": np.full((64, 1, 1), 1e-6, np.float32),
        "attention.attn_mask": mask,
        "attention.relative_position_index": np.zeros((16, 16), np.int64),
        "anchors": np.ones((3, 3, 2), np.float32),
        "fc.weight": drawn(10, 64),
        "fc.bias": np.zeros(10, np.float32),
    }
