"""What the code in a TorchScript archive declares of its classes. It is text to this module, never run.

The form is what torch's own printer writes (``torch/csrc/jit/serialization/python_print.cpp``): one class after the
other, its declarations indented by two spaces before its first method. A line of any other form tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from inspector.checkpoint.values import Value

_CLASS = re.compile(r"class (\w{1,200})(?:\((\w*)\))?:")
_NAMES = re.compile(r'  __(parameters|buffers)__ = \[((?:"[^"\\]*", ?)*)\]')
_NAME = re.compile(r'"([^"\\]*)"')
_ATTRIBUTE = re.compile(r'  (?:(\w+) :|__annotations__\["([^"\\]*)"\] =) (.+)')
_FINAL = re.compile(r"Final\[.*?\] = (.+)")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_FLOAT = re.compile(r"-?[0-9]{1,20}\.?[0-9]{0,20}(?:e[+-]?[0-9]{1,3})?")
_TEXT = re.compile(r'"([^"\\]{0,200})"')
_INTEGERS = re.compile(r"\((-?[0-9]{1,18}(?:, -?[0-9]{1,18}){0,7}),?\)")

#: Segments that torch adds to names so that two classes may have the same one.
_MANGLE = re.compile(r"___torch_mangle_[0-9]+")


@dataclass(slots=True)
class ScriptClass:
    """What a class declares.

    Attributes
    ----------
    parameters, buffers
        The names listed; None where it has no such list (``__buffers__`` came with torch 1.5).
    types
        Its attributes' types by name, as written.
    constants
        Its ``Final`` attributes that are plain values: those are not in the pickle.
    """

    parameters: frozenset[str] | None = None
    buffers: frozenset[str] | None = None
    types: dict[str, str] = field(default_factory=dict)
    constants: dict[str, Value] = field(default_factory=dict)


def read_classes(code: Mapping[str, str]) -> dict[str, ScriptClass]:
    """Return the classes that the code files declare, by qualified name.

    Parameters
    ----------
    code
        The files' texts by their record names, such as ``code/__torch__/torch/nn/modules/conv.py``.
    """
    classes: dict[str, ScriptClass] = {}
    for record, text in code.items():
        module = record.removeprefix("code/").removesuffix(".py").replace("/", ".")
        current: ScriptClass | None = None
        for line in text.split("\n"):
            if line.startswith("class "):
                found = _CLASS.match(line)
                current = ScriptClass() if found else None
                if found and current is not None:
                    classes[f"{module}.{found[1]}"] = current
            elif line.startswith("  def ") or line.startswith("def "):
                current = None
            elif current is not None:
                _declare(current, line)
    return classes


def _declare(into: ScriptClass, line: str) -> None:
    listed = _NAMES.fullmatch(line)
    if listed is not None:
        names = frozenset(_NAME.findall(listed[2]))
        if listed[1] == "parameters":
            into.parameters = names
        else:
            into.buffers = names
        return
    attribute = _ATTRIBUTE.fullmatch(line)
    if attribute is None:
        return
    name, written = attribute[1] or attribute[2] or "", attribute[3]
    final = _FINAL.fullmatch(written)
    if final is None:
        into.types[name] = written
        return
    value = _literal(final[1])
    if value is not None:
        into.constants[name] = value


def _literal(text: str) -> Value:
    """Return a plain constant as the printer writes it; None where it is none of the plain forms."""
    if text in ("True", "False"):
        return text == "True"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if found := _TEXT.fullmatch(text):
        return found[1]
    if found := _INTEGERS.fullmatch(text):
        return tuple(map(int, found[1].split(", ")))
    return None


def readable(qualified: str) -> str:
    """Return a TorchScript class's name as its Python class is called: ``torchvision.models.resnet.ResNet``.

    What stands right below ``__torch__`` was defined in ``__main__`` (``torch/_jit_internal.py``, ``_qualified_name``).
    """
    parts = [part for part in qualified.split(".") if not _MANGLE.fullmatch(part)]
    parts = parts[1:] if parts[:1] == ["__torch__"] else parts
    return ".".join(parts) if len(parts) > 1 else f"__main__.{''.join(parts) or '?'}"
