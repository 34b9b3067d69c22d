"""Whether a file is one of torchvision's own weights, by its name, size and SHA-256. Part of the worker."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.checkpoint.source import InspectedFile
from inspector.processes.roles.serving import Progress, Reply

if TYPE_CHECKING:
    from inspector.architectures import Catalogue, OfficialWeights

#: Bytes hashed at a time: few enough to show progress, many enough to cost nothing.
_HASH_BYTES = 8 << 20


def may_be_official(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer whether the file is worth a look: its size is that of a fitting entry, or its name that of any entry."""
    file, known = InspectedFile.from_json(params["file"]), _catalogue(params)
    plausible = _plausible(known, params["architectures"], file.identity.size)
    return {"worth": bool(plausible or known.entries_named(file.path.name))}, []


def official_weights(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with the weights entry that the file is, and with the one that it is called like; null for none.

    ``params["architectures"]`` are those whose every key and shape fits. The file is only hashed where its size may be
    official; ``sha256`` is null otherwise.
    """
    file, known = InspectedFile.from_json(params["file"]), _catalogue(params)
    size = file.identity.size
    plausible = _plausible(known, params["architectures"], size)
    claimed = [entry for _, entry in known.entries_named(file.path.name)]
    may_be = plausible or any(entry.can_have_size(size) for entry in claimed)
    digest = sha256_of(file, progress) if may_be else None
    found = next((entry for entry in plausible if digest is not None and entry.has_checksum(digest)), None)
    result = {
        "sha256": digest,
        "official_weights": found.full_name if found is not None else None,
        "claimed": claimed[0].full_name if claimed else None,
    }
    return result | (_described(found) if found is not None and params.get("details") else {}), []


def sha256_of(file: InspectedFile, progress: Progress) -> str:
    """Return the SHA-256 of an inspected file in hex digits.

    Raises
    ------
    FileChangedError
        It is no longer the one that was inspected.
    """
    source, digest = file.open(), hashlib.sha256()
    try:
        for start in range(0, source.size, _HASH_BYTES):
            digest.update(source.read(start, min(_HASH_BYTES, source.size - start)))
            progress({"share": min(1.0, (start + _HASH_BYTES) / source.size)})
        source.check_unchanged()
    finally:
        source.close()
    return digest.hexdigest()


def _catalogue(params: dict[str, Any]) -> Catalogue:
    from inspector.architectures import catalogue

    own = params.get("list")
    return catalogue().with_entries_of(Path(own)) if own else catalogue()


def _plausible(known: Catalogue, architectures: list[str], size: int) -> list[OfficialWeights]:
    entries = (entry for name in architectures for entry in known.find(str(name)).weights)
    return [entry for entry in entries if entry.sha256_prefix and entry.can_have_size(size)]


def _described(entry: OfficialWeights) -> dict[str, Any]:
    """Return what is used in predictions with these weights."""
    preset = asdict(entry.preprocessing) if entry.preprocessing is not None else None
    if preset is not None:
        del preset["antialias"]  # the engine always does, as all of torchvision's entries do
    return {
        "preprocessing": preset,
        "categories": entry.categories,
        "options": {name: value for name, value in entry.options.items() if name != "num_classes"},
    }
