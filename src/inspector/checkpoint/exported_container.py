"""Exported programs (``.pt2``): their tensors as modules, their constants and inputs, and their graph as text.

The archive of today (``torch/export/pt2_archive``, since torch 2.8) has ``archive_format``, ``models/<name>.json``,
``data/weights/``, ``data/constants/`` and ``data/sample_inputs/``. The one before (torch 2.1 to 2.7,
``torch/export/__init__.py``) has ``serialized_exported_program.json`` beside what torch.save wrote of its tensors.
"""

from __future__ import annotations

from typing import Any

from inspector.checkpoint.contents import Contents
from inspector.checkpoint.errors import BrokenCheckpointError, CheckpointError
from inspector.checkpoint.exported_graph import Signature, graph_text, module_classes, read_signature
from inspector.checkpoint.exported_modules import lay_out_program
from inspector.checkpoint.exported_payloads import parse_json, rows, table, tensor_of, word
from inspector.checkpoint.insides import role_in_state_dict
from inspector.checkpoint.limits import MAX_EXTRA_BYTES, MAX_EXTRA_FILES, MAX_PROGRAM_BYTES, MAX_SIDE_PICKLES
from inspector.checkpoint.nested_archive import read_nested
from inspector.checkpoint.source import Source
from inspector.checkpoint.text import quoted
from inspector.checkpoint.values import EmbeddedSource, PickledDict, StorageReference, TensorValue, Value
from inspector.checkpoint.zip_archive import ZipArchive, not_as_torch
from inspector.checkpoint.zip_index import ZipEntry

ARCHIVE_FORMAT = "archive_format"
OLD_PROGRAM = "serialized_exported_program.json"

_WEIGHTS, _CONSTANTS, _INPUTS = "data/weights/", "data/constants/", "data/sample_inputs/"
_COMPILED = "data/aotinductor/"

#: Libraries, which run code when they are loaded, and kernels for GPUs; AOTInductor makes them of a program.
_NATIVE = (".so", ".dll", ".dylib", ".pyd", ".cubin", ".hsaco", ".spv")

_OLD_EXTRA, _EXTRA = "extra_files/", "extra/"


def exported_root(source: Source, entries: dict[str, ZipEntry]) -> str | None:
    """Return the folder of an exported program's archive, empty for the older form; None where it is no such.

    Raises
    ------
    AmbiguousArchiveError
        It could also be read as something else.
    """
    # By the first entry's folder, as torch tells it: other archives can have hundreds of thousands of entries.
    root = next(iter(entries), "").partition("/")[0]
    is_old = OLD_PROGRAM in entries
    if not is_old and f"{root}/{ARCHIVE_FORMAT}" not in entries:
        return None
    ends = [entry.rpartition("/")[2].casefold() for entry in entries]
    elsewhere = not is_old and any(not entry.startswith(f"{root}/") for entry in entries)
    formats = ends.count(ARCHIVE_FORMAT)
    if "data.pkl" in ends or "constants.pkl" in ends or elsewhere or formats != (0 if is_old else 1):
        raise not_as_torch(source, "an exported program and nothing else")
    return "" if is_old else root


def read_exported_program(archive: ZipArchive) -> Contents:
    """Read the archive's programs and what describes their tensors. No tensor's bytes are touched.

    Raises
    ------
    CheckpointError
        No program in it can be read.
    """
    contents = Contents("exported_program", None, {}, [], 0)
    reader = _Reader(archive, contents)
    reader.read_old() if OLD_PROGRAM in archive else reader.read_new()
    return contents


class _Reader:
    """Reads one archive into its contents."""

    def __init__(self, archive: ZipArchive, contents: Contents) -> None:
        self.archive = archive
        self.contents = contents
        self._references: dict[tuple[str, str], StorageReference] = {}
        self._pickles = 0

    def read_new(self) -> None:
        """Read each of ``models/*.json`` with its tensors."""
        records = self.archive.records
        for folder in (_WEIGHTS, _CONSTANTS):
            self.contents.storages |= self.archive.storages(folder, folder)
        names = [name[len("models/") : -len(".json")] for name in records if _is_model(name)]
        models = [self._new_model(name) for name in names]
        for record in records:  # what no program refers to may be loaded and may name something all the same
            if record.startswith(_INPUTS) and record not in {f"{_INPUTS}{name}.pt" for name in names}:
                self._nested(record)
        self.contents.native_code = [record for record in records if record.casefold().endswith(_NATIVE)]
        if any(record.startswith(_COMPILED) for record in records):
            self.contents.warnings.append("It also holds compiled code of AOTInductor, which is not shown.")
        if not models:
            self.contents.warnings.append("It holds no exported program, so no tensors are shown.")
        self._finish(names, models, _EXTRA)

    def read_old(self) -> None:
        """Read the one program of the older form."""
        program = self._program(OLD_PROGRAM)
        named: dict[str, Value] = {}
        for name in ("serialized_state_dict", "serialized_constants"):
            record = next((name + end for end in (".pt", ".json") if name + end in self.archive), "")
            value = self._nested(record) if record else None
            named |= value.named() if isinstance(value, PickledDict) else {}
        inputs = (
            self._nested("serialized_example_inputs.pt") if "serialized_example_inputs.pt" in self.archive else None
        )
        self._finish(["model"], [self._model("model", OLD_PROGRAM, program, named, inputs)], _OLD_EXTRA)

    def _new_model(self, name: str) -> Value:
        record = f"models/{name}.json"
        program = self._program(record)
        named = self._payloads(_WEIGHTS, f"{name}_weights_config.json", f"{name}.pt")
        named |= self._payloads(_CONSTANTS, f"{name}_constants_config.json", f"{name}.pt")
        inputs = self._nested(f"{_INPUTS}{name}.pt") if f"{_INPUTS}{name}.pt" in self.archive else None
        return self._model(name, record, program, named, inputs)

    def _model(self, name: str, record: str, program: dict[str, Any], named: dict[str, Value], inputs: Value) -> Value:
        signature = read_signature(program)
        for tensor, value in named.items():
            if tensor not in signature.roles:
                is_tensor = isinstance(value, TensorValue)
                signature.roles[tensor] = (
                    role_in_state_dict(tensor, value, named) if is_tensor and not program else "other"
                )
        self.contents.sources.append(EmbeddedSource(f"{name} (graph)", record, graph_text(program)))
        self._describe(name, program, signature)
        return lay_out_program(named, signature.roles, signature.transient, module_classes(program), inputs)

    def _program(self, record: str) -> dict[str, Any]:
        """Return a program's JSON; an empty table where it is damaged, which a warning tells."""
        try:
            return self._json(record)
        except CheckpointError as error:
            self.contents.complete = False
            self.contents.warnings.append(f"Its program can't be read. {error.message}")
            return {}

    def _json(self, record: str) -> dict[str, Any]:
        size = self.archive.records[record].size if record in self.archive else 0
        if size > MAX_PROGRAM_BYTES:
            raise BrokenCheckpointError(f"{quoted(record)} is larger than {MAX_PROGRAM_BYTES >> 20} MiB.")
        self.contents.index_bytes += size
        return parse_json(self.archive.read(record), record, self.archive.source.name)

    def _payloads(self, folder: str, config: str, legacy: str) -> dict[str, Value]:
        """Return the tensors and objects that a configuration describes, by name."""
        if folder + legacy in self.archive:  # as the first releases of this form wrote them
            value = self._nested(folder + legacy)
            return value.named() if isinstance(value, PickledDict) else {}
        try:
            described = table(self._json(folder + config).get("config"))
        except CheckpointError as error:
            self.contents.complete = False
            self.contents.warnings.append(f"Its list of tensors can't be read. {error.message}")
            return {}
        return {name: self._payload(folder, table(entry)) for name, entry in described.items()}

    def _payload(self, folder: str, entry: dict[str, Any]) -> Value:
        path = word(entry.get("path_name"))
        record = folder + path
        if entry.get("use_pickle") is True or not path.startswith(("weight_", "tensor_")):
            return self._nested(record) if record in self.archive else None
        location = self.contents.storages.get(record)
        meta = entry.get("tensor_meta")
        return tensor_of(meta, record, location.nbytes if location is not None else None, self._references)

    def _nested(self, record: str) -> Value:
        self._pickles += 1
        if self._pickles > MAX_SIDE_PICKLES:
            if self._pickles == MAX_SIDE_PICKLES + 1:
                self.contents.complete = self.contents.globals_complete = False
                self.contents.warnings.append(f"It holds more than {MAX_SIDE_PICKLES:,} pickles; the rest is left out.")
            return None
        self.contents.storages.pop(record, None)
        return read_nested(self.archive, self.contents, record)

    def _describe(self, name: str, program: dict[str, Any], signature: Signature) -> None:
        """Note what the program says of itself."""
        version = table(program.get("schema_version"))
        said: dict[str, Value] = {
            "torch_version": word(program.get("torch_version")),
            "schema_version": ".".join(str(version.get(part, "?"))[:10] for part in ("major", "minor"))
            if version
            else "",
            "inputs": signature.inputs,
            "outputs": signature.outputs,
            "guards": [word(guard) for guard in rows(program.get("guards_code"))],
        }
        prefix = "" if name == "model" else f"{name}: "
        self.contents.metadata |= {prefix + key: value for key, value in said.items() if value}

    def _finish(self, names: list[str], models: list[Value], extra: str) -> None:
        self.contents.root = models[0] if len(models) == 1 else None
        if len(models) > 1:
            self.contents.root = PickledDict(
                "dict", [part for pair in zip(names, models, strict=True) for part in pair]
            )
        texts = [record for record in self.archive.records if record.startswith(extra)]
        for record in [record for record in texts if self.archive.records[record].size <= MAX_EXTRA_BYTES][
            :MAX_EXTRA_FILES
        ]:
            try:
                self.contents.metadata.setdefault(record[len(extra) :], self.archive.read(record).decode("utf-8"))
            except (CheckpointError, UnicodeDecodeError):
                continue  # not text, or damaged: it is no part of the program


def _is_model(record: str) -> bool:
    return record.startswith("models/") and record.endswith(".json")
