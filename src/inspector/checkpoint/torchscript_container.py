"""TorchScript archives, also for phones (``.ptl``): a model's tensors and attributes, its constants and its code.

``data.pkl`` holds the model, ``constants.pkl`` the program's constants, ``code/**/*.py`` the program as text, which
is read as text and never run (``torch/csrc/jit/serialization/export_module.cpp``). Phones' archives have the program
once more in ``bytecode.pkl``.
"""

from __future__ import annotations

from inspector.checkpoint.contents import Contents
from inspector.checkpoint.errors import BrokenCheckpointError, CheckpointError
from inspector.checkpoint.insides import is_module
from inspector.checkpoint.limits import MAX_CODE_BYTES, MAX_EXTRA_BYTES, MAX_EXTRA_FILES, MAX_SIDE_PICKLES
from inspector.checkpoint.text import quoted
from inspector.checkpoint.torchscript_code import read_classes, readable
from inspector.checkpoint.torchscript_modules import shape_modules
from inspector.checkpoint.values import EmbeddedSource, PickledDict, PickledObject, Value
from inspector.checkpoint.zip_archive import ZipArchive

_DATA, _CONSTANTS = "data.pkl", "constants.pkl"


def read_torchscript(archive: ZipArchive) -> Contents:
    """Walk the archive's pickles and read its code. No storage is touched.

    Raises
    ------
    CheckpointError
        Nothing of its model can be read.
    """
    if _DATA not in archive:
        raise BrokenCheckpointError(f"{archive.source.name} is damaged: its {_DATA} is missing.")
    contents = Contents("torchscript", None, {}, [], archive.records[_DATA].size)
    contents.root = archive.walk_pickle(contents, _DATA, "data/")
    constants = _walk_aside(archive, contents, _CONSTANTS, "constants/")
    for record in _side_pickles(archive, contents):
        _walk_aside(archive, contents, record, "")
    code = _read_code(archive, contents)
    classes = read_classes(code)
    first = contents.root.class_name if isinstance(contents.root, PickledObject) else ""
    shape_modules(contents.root, classes)
    shape_modules(constants, classes, as_constants=True)
    _add_constants(contents, constants)
    contents.storages |= archive.storages("data/", "data/") | archive.storages("constants/", "constants/")
    contents.sources = _sources(code, first.rpartition(".")[0])
    contents.metadata = _extra_files(archive)
    return contents


def _walk_aside(archive: ZipArchive, contents: Contents, record: str, key_prefix: str) -> Value:
    """Walk a pickle beside the model; where it is damaged the model is shown all the same."""
    contents.index_bytes += archive.records[record].size
    try:
        return archive.walk_pickle(contents, record, key_prefix)
    except CheckpointError as error:
        contents.complete = contents.globals_complete = False
        contents.warnings.append(f"Its {quoted(record)} can't be read. {error.message}")
        return None


def _side_pickles(archive: ZipArchive, contents: Contents) -> list[str]:
    """Return the other pickles, such as ``bytecode.pkl`` and ``traced_inputs.pkl``: they may name something too.

    Not the ``.debug_pkl`` beside the code, which can be larger than all the rest: torch reads those in C++ alone,
    into places in source files, by an unpickler that makes nothing by name.
    """
    found = [name for name in archive.records if name.endswith(".pkl") and name not in (_DATA, _CONSTANTS)]
    if len(found) > MAX_SIDE_PICKLES:
        contents.globals_complete = False
        contents.warnings.append(f"It holds {len(found):,} more pickles; {MAX_SIDE_PICKLES:,} were looked at.")
    return found[:MAX_SIDE_PICKLES]


def _read_code(archive: ZipArchive, contents: Contents) -> dict[str, str]:
    """Return the texts of the code files by record name, as far as the budget goes."""
    code: dict[str, str] = {}
    left = MAX_CODE_BYTES
    for record, entry in archive.records.items():
        if not (record.startswith("code/") and record.endswith(".py")):
            continue
        left -= entry.size
        if left < 0:
            contents.warnings.append(f"Its code is larger than {MAX_CODE_BYTES >> 20} MiB; the rest is not shown.")
            break
        try:
            code[record] = archive.read(record).decode("utf-8", "replace")
        except CheckpointError as error:
            contents.complete = False
            contents.warnings.append(f"Its {quoted(record)} can't be read. {error.message}")
    if not code and left == MAX_CODE_BYTES:
        contents.warnings.append("Its code is missing: parameters and buffers are told apart by their names.")
    contents.index_bytes += sum(map(len, code.values()))
    return code


def _add_constants(contents: Contents, constants: Value) -> None:
    """Show the program's constants beside the model, named as the code names them."""
    if not isinstance(constants, list | tuple) or not constants:
        return
    named = PickledDict("dict", [part for place, item in enumerate(constants) for part in (f"c{place}", item)])
    if not is_module(contents.root):
        contents.root = PickledDict("dict", ["data", contents.root, "constants", named])
        return
    modules = contents.root.attributes()["_modules"]
    modules.flat += ("constants" if modules.get("constants") is None else "CONSTANTS", named)


def _sources(code: dict[str, str], first_module: str) -> list[EmbeddedSource]:
    """Return the code to show, the file of the model's own class first."""
    first = f"code/{first_module.replace('.', '/')}.py"
    ordered = sorted(code, key=lambda record: (record != first, record))
    return [EmbeddedSource(_module_name(record), record, code[record]) for record in ordered if code[record].strip()]


def _module_name(record: str) -> str:
    module = record.removeprefix("code/").removesuffix(".py").replace("/", ".")
    name = readable(f"{module}.?")
    return name.removesuffix(".?")


def _extra_files(archive: ZipArchive) -> dict[str, Value]:
    """Return the small texts that the model's author put beside it (``_extra_files`` of ``torch.jit.save``)."""
    found: dict[str, Value] = {}
    for record, entry in archive.records.items():
        if not record.startswith("extra/") or entry.size > MAX_EXTRA_BYTES or len(found) >= MAX_EXTRA_FILES:
            continue
        try:
            found[record.removeprefix("extra/")] = archive.read(record).decode("utf-8")
        except (CheckpointError, UnicodeDecodeError):
            continue  # not text, or damaged: it is no part of the model
    return found
