"""A checkpoint's tensors as the audit wants them, from where they lie."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checkpoint.dtypes import ITEM_SIZES
from inspector.checkpoint.tensor_bytes import TensorPlace, nbytes_of
from inspector.weights.audit.subject import AuditTensor


def audit_tensors(
    names: Sequence[str], roles: Sequence[str], models: Sequence[str | None], places: Sequence[TensorPlace | None]
) -> list[AuditTensor]:
    """Return the tensors of a checkpoint for its audit.

    Parameters
    ----------
    names, roles
        As in `inspector.checkpoint.tensors.Tensor`.
    models
        The path of the state_dict that each is in, None where it is in none.
    places
        Where each lies; None for one that can't be read.
    """
    storages: dict[tuple[object, ...], int] = {}
    made = []
    for name, role, model, place in zip(names, roles, models, places, strict=True):
        if place is None:
            made.append(AuditTensor(name, (), "unknown", role, 0, model=model))
            continue
        location, storage = place.location, -1
        if not place.parts:
            lies_at = (location.file, location.entry, location.offset, location.skip)
            storage = storages.setdefault(lies_at, len(storages))
        nbytes = nbytes_of(place.shape, place.dtype) if place.dtype in ITEM_SIZES else location.nbytes
        made.append(
            AuditTensor(
                name, place.shape, place.dtype, role, nbytes, place.layout, model, storage, max(location.nbytes, 0)
            )
        )
    return made
