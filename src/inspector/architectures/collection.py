"""The catalogue: all builders by name, made from ``resources/architectures/catalogue.json``.

That file holds one record per builder, ``layouts.txt`` beside it the tensors, ``categories.json`` the names of
classes; ``tools/make_catalogue.py`` makes them from an installed torchvision. Nothing is read before the first call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from inspector.architectures.builders import Architecture, Head, ImageSize
from inspector.architectures.official import OfficialWeights, entry_from_json, read
from inspector.errors import InspectorError

_LARGEST_EXTRA = 1 << 20  # bytes of a person's own list of weights


class UnknownArchitectureError(InspectorError):
    """No builder of the catalogue has that name."""


class WeightsListError(InspectorError):
    """A file that should list further weights entries can't be used."""


class Catalogue(Mapping[str, Architecture]):
    """Builders by name, in alphabetical order. It never changes: `with_entry` makes another one.

    Parameters
    ----------
    architectures
        By name, each under its own.
    """

    def __init__(self, architectures: Mapping[str, Architecture]) -> None:
        self._architectures = dict(architectures)

    def __getitem__(self, name: str) -> Architecture:
        return self._architectures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._architectures)

    def __len__(self) -> int:
        return len(self._architectures)

    def find(self, name: str) -> Architecture:
        """Return one builder.

        Raises
        ------
        UnknownArchitectureError
            There is none of that name; the hint names the nearest ones.
        """
        found = self._architectures.get(name)
        if found is None:
            raise UnknownArchitectureError(f"torchvision has no architecture named “{name[:80]}”.", _nearest(name))
        return found

    def with_entry(self, name: str, entry: OfficialWeights) -> Catalogue:
        """Return a catalogue in which a builder has one weights entry more, or another one of that full name.

        Raises
        ------
        UnknownArchitectureError
            There is no builder of that name.
        """
        chosen = self.find(name)
        others = tuple(known for known in chosen.weights if known.full_name != entry.full_name)
        return Catalogue(self._architectures | {name: replace(chosen, weights=(*others, entry))})

    def with_entries_of(self, path: Path) -> Catalogue:
        """Return a catalogue with the further entries that a JSON file lists.

        The file has the form of the shipped one, ``{"architectures": {"resnet18": {"weights": [{"name":
        "Ours_Weights.V1", "file": "ours.pth", "sha256": "0a1b2c3d"}]}}}``; an entry's other keys may be left out.

        Raises
        ------
        WeightsListError
            The file can't be read or has another form.
        UnknownArchitectureError
            It names a builder that there isn't.
        """
        catalogue = self
        for name, entry in _listed(path):
            catalogue = catalogue.with_entry(name, entry)
        return catalogue

    def entries(self) -> Iterator[tuple[Architecture, OfficialWeights]]:
        """Return every weights entry with its builder."""
        return ((builder, entry) for builder in self._architectures.values() for entry in builder.weights)

    def entry(self, full_name: str) -> OfficialWeights | None:
        """Return the weights entry of a full name such as ``"ResNet18_Weights.IMAGENET1K_V1"``, None for none."""
        return next((entry for _, entry in self.entries() if entry.full_name == full_name), None)

    def entries_named(self, file_name: str) -> tuple[tuple[Architecture, OfficialWeights], ...]:
        """Return the entries whose official file has that name: what a file claims to be, checksum or not."""
        return tuple(pair for pair in self.entries() if pair[1].is_named(file_name))

    def entries_with(self, names: tuple[str, ...], size: int, sha256: str) -> tuple[OfficialWeights, ...]:
        """Return the entries of these builders whose published size and checksum a file has."""
        entries = (entry for name in names for entry in self.find(name).weights)
        return tuple(entry for entry in entries if entry.can_have_size(size) and entry.has_checksum(sha256))

    def twins(self, name: str) -> tuple[str, ...]:
        """Return the other builders that make the same keys and shapes, so that no file can tell them apart.

        A quantized builder and its float twin are twins as long as neither is quantized.
        """
        layout = self.find(name).layout_name
        return tuple(other for other, entry in self.items() if entry.layout_name == layout and other != name)


@cache
def catalogue() -> Catalogue:
    """Return the 121 shipped builders. Read once per process."""
    records = json.loads(read("catalogue.json"))["architectures"]
    return Catalogue({name: _architecture(name, record) for name, record in records.items()})


def architecture(name: str) -> Architecture:
    """Return one shipped builder.

    Raises
    ------
    UnknownArchitectureError
        There is none of that name; the hint names the nearest ones.
    """
    return catalogue().find(name)


def torchvision_version() -> str:
    """Return the version of torchvision that the shipped data was made from."""
    return str(json.loads(read("catalogue.json"))["torchvision"])


def _nearest(name: str) -> str:
    import difflib  # only an error needs it

    near = difflib.get_close_matches(name[:80].lower(), catalogue(), n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else "Choose one of torchvision.models.list_models()."


def _listed(path: Path) -> list[tuple[str, OfficialWeights]]:
    hint = "Give a JSON file of the form that the documentation of Catalogue.with_entries_of shows."
    try:
        if path.stat().st_size > _LARGEST_EXTRA:
            raise WeightsListError(f"{path.name} is too large for a list of weights.", hint)
        records = json.loads(path.read_text(encoding="utf-8"))["architectures"]
        return [(name, entry_from_json(entry)) for name, record in records.items() for entry in record["weights"]]
    except OSError as error:
        raise WeightsListError(f"{path.name} can't be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsListError(f"{path.name} is no list of weights entries.", hint) from error


def _architecture(name: str, record: dict[str, Any]) -> Architecture:
    size = record.get("image_size")
    return Architecture(
        name=name,
        task=record["task"],
        quantized="converted" in record,
        parameters=record["parameters"],
        num_classes=record["num_classes"],
        heads=_heads(record["head"]),
        num_keypoints=record.get("num_keypoints"),
        keypoint_heads=_heads(record.get("keypoint_head", {})),
        options=record.get("options", {}),
        image_size=ImageSize(**size) if size else None,
        frozen_norms=record.get("frozen_norms", ""),
        assumed=record.get("assumed", {}),
        dropout_count=record["dropout"],
        batch_norm_count=record["batch_norm"],
        weights=tuple(map(entry_from_json, record["weights"])),
        default_weights=record["default_weights"],
        layout_name=record.get("layout", name),
        converted_layout_name=record.get("converted", ""),
    )


def _heads(record: dict[str, list[int]]) -> dict[str, Head]:
    return {key: Head(*place) for key, place in record.items()}
