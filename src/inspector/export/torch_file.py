"""A clean ``.pth``: a state_dict that ``torch.load(weights_only=True)`` and ``load_state_dict`` take as it is.

The dictionary's entries are the model's alone. What else is kept hangs on the dictionary as attributes, as torch's own
``_metadata`` does, so that no code that loads the file has to know of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, BinaryIO

from inspector.checkpoint.source import Files
from inspector.checkpoint.tensor_bytes import TensorPlace
from inspector.export.entries import flat, is_packed, unusual_layout, values_of
from inspector.export.layout import Layout
from inspector.export.plan import TABLE, Plan
from inspector.export.torch_archive import TorchArchive
from inspector.export.torch_pickle import StateDictPickle

#: What torch.save writes between the pickle and the storages: the layout's version, the alignment, the byte order.
_HEAD = ((".format_version", b"1"), (".storage_alignment", b"64"), ("byteorder", b"little"))
_VERSION = b"3\n"


class TorchFile:
    """A clean ``.pth`` of a plan, ready to be written.

    Raises
    ------
    UnwritableError
        It holds what such a file can't.

    Attributes
    ----------
    tensors
        Number of tensors.
    nbytes
        Bytes of the pickle and the storages together.
    """

    def __init__(self, plan: Plan) -> None:
        values = values_of(plan, _why_not, "Nothing was written.")
        places = [part for _, value in values for part in flat(value) if isinstance(part, TensorPlace)]
        self.tensors = len(places)
        self._layout = Layout([inner for place in places for inner in (place, *(part.place for part in place.parts))])
        pickle = StateDictPickle()
        pickle.state_dict([(key, self._windows(value)) for key, value in values], _attributes(plan))
        self._pickle = bytes(pickle.code)
        self.nbytes = len(self._pickle) + sum(slot.nbytes for slot in self._layout.slots)

    def write(self, file: BinaryIO, files: Files) -> Iterator[int]:
        """Write it piece by piece; yields the bytes of each.

        Raises
        ------
        CheckpointError
            The original can't be read.
        OSError
            The copy can't be written.
        """
        archive = TorchArchive(file)
        for name, content in (("data.pkl", self._pickle), *_HEAD):
            yield from archive.add(name, len(content), [content])
        for slot in self._layout.slots:
            yield from archive.add(f"data/{slot.number}", slot.nbytes, slot.pieces(files))
        yield from archive.add("version", len(_VERSION), [_VERSION])
        archive.finish()

    def _windows(self, value: Any) -> Any:
        if isinstance(value, TensorPlace):
            return self._layout.window(value)
        return tuple(map(self._windows, value)) if type(value) is tuple else value


def _why_not(value: Any) -> str:
    if not isinstance(value, TensorPlace):
        return ""
    if is_packed(value):
        return f"it is packed as {value.dtype}"
    return unusual_layout(value)


def _attributes(plan: Plan) -> dict[str, Any]:
    table = dict(plan.table)
    if texts := {key: text for key, text in plan.metadata.items() if key != "format"}:
        table["metadata"] = texts
    found: dict[str, Any] = {} if plan.versions is None else {"_metadata": OrderedDict(plan.versions)}
    return found | {TABLE: table} if table else found
