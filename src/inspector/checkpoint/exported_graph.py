"""The program of an exported program: what its signature says of each tensor, its modules' classes, its graph as text.

Format: ``GraphModule`` and ``GraphSignature`` of ``torch/_export/serde/schema.py``, version 8. The text follows what
``print(exported_program)`` shows. Nothing here is ever run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from inspector.checkpoint.exported_payloads import SCALAR_TYPES, rows, table, word
from inspector.checkpoint.insides import TensorRole
from inspector.checkpoint.limits import MAX_GRAPH_CHARACTERS, MAX_GRAPHS

#: Short names of dtypes, as torch's own printer has them (``torch/fx/graph.py``, ``dtype_abbrs``).
_SHORT_DTYPES = {
    "bfloat16": "bf16", "float64": "f64", "float32": "f32", "float16": "f16", "complex32": "c32", "complex64": "c64",
    "complex128": "c128", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "bool": "b8", "uint8": "u8",
    "uint16": "u16", "uint32": "u32", "uint64": "u64",
}  # fmt: skip

#: Items of one argument that are written out, and levels of the lists in it.
_MAX_ITEMS = 64
_MAX_LEVELS = 4
_MAX_WORD = 200


@dataclass(slots=True)
class Signature:
    """What the program says of its inputs.

    Attributes
    ----------
    roles
        ``"parameter"``, ``"buffer"`` or ``"other"`` (a constant) by the tensor's own name, such as ``fc.weight``.
    transient
        Buffers that the model's ``state_dict()`` leaves out.
    inputs, outputs
        What the caller gives and gets, as text.
    """

    roles: dict[str, TensorRole] = field(default_factory=dict)
    transient: set[str] = field(default_factory=set)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


def read_signature(program: dict[str, Any]) -> Signature:
    """Return what the graph's signature says; what it says in another form than torch's tells nothing."""
    module = table(program.get("graph_module"))
    described, values = table(module.get("signature")), table(table(module.get("graph")).get("tensor_values"))
    found = Signature()
    kinds: tuple[tuple[str, str, TensorRole], ...] = (
        ("parameter", "parameter_name", "parameter"),
        ("buffer", "buffer_name", "buffer"),
        ("tensor_constant", "tensor_constant_name", "other"),
    )
    for spec in map(table, rows(described.get("input_specs"))):
        for kind, name, role in kinds:
            if tensor := word(table(spec.get(kind)).get(name)):
                found.roles[tensor] = role
                if table(spec[kind]).get("persistent") is False:
                    found.transient.add(tensor)
        if "user_input" in spec:
            found.inputs.append(_described(table(spec["user_input"]).get("arg"), values))
    for spec in map(table, rows(described.get("output_specs"))):
        if "user_output" in spec:
            found.outputs.append(_described(table(spec["user_output"]).get("arg"), values))
    return found


def module_classes(program: dict[str, Any]) -> dict[str, str]:
    """Return the classes of the modules that the program was made from, by dotted name; the model's own is ``""``.

    Each node tells the modules it came from as ``key,name,class`` joined by ``;``
    (``torch/_export/serde/serialize.py``, ``serialize_metadata``).
    """
    found: dict[str, str] = {}
    for node in map(table, rows(table(table(program.get("graph_module")).get("graph")).get("nodes"))):
        for entry in word(table(node.get("metadata")).get("nn_module_stack")).split(";"):
            _, _, rest = entry.partition(",")
            name, comma, class_name = rest.rpartition(",")
            if comma and class_name:
                found.setdefault(name.removeprefix("L['self']").removeprefix("."), class_name)
    return found


def graph_text(program: dict[str, Any]) -> str:
    """Return the program's graph as text, one line a node, bounded."""
    waiting: list[tuple[str, dict[str, Any]]] = [("forward", table(table(program.get("graph_module")).get("graph")))]
    lines: list[str] = []
    left = MAX_GRAPH_CHARACTERS
    seen = 0
    while waiting and seen < MAX_GRAPHS:
        name, graph = waiting.pop(0)
        seen += 1
        for line in _function(name, graph, waiting):
            left -= len(line) + 1
            if left < 0:
                return "\n".join([*lines, "# The rest of the graph is longer than what is shown."])
            lines.append(line)
    if waiting:
        lines.append("# It holds more graphs than what is shown.")
    return "\n".join(lines)


def _function(name: str, graph: dict[str, Any], waiting: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    values = table(graph.get("tensor_values"))
    yield f"def {_short(name)}("
    for argument in rows(graph.get("inputs")):
        yield f"    {_declared(argument, values)},"
    yield "):"
    for node in map(table, rows(graph.get("nodes"))):
        results = [_declared(result, values) for result in rows(node.get("outputs"))[:_MAX_ITEMS]]
        arguments = []
        for given in map(table, rows(node.get("inputs"))[:_MAX_ITEMS]):
            inner = table(table(given.get("arg")).get("as_graph"))
            if inner and len(waiting) <= MAX_GRAPHS:
                waiting.append((word(inner.get("name")) or "graph", table(inner.get("graph"))))
            keyword = f"{_short(word(given.get('name')))}=" if given.get("kind") == 2 else ""
            arguments.append(keyword + _argument(given.get("arg"), 0))
        call = f"{_short(word(node.get('target')) or '?')}({', '.join(arguments)})"
        yield f"    {', '.join(results)} = {call}" if results else f"    {call}"
    results = [_argument(result, 0) for result in rows(graph.get("outputs"))[:_MAX_ITEMS]]
    yield f"    return ({', '.join(results)}{',' if len(results) == 1 else ''})"
    yield ""


def _declared(argument: Any, values: dict[str, Any]) -> str:
    """Return an input or a result with its type as code, such as ``linear: "f32[2, 3]"``."""
    shown, (dtype, sizes) = _argument(argument, 0), _type(argument, values)
    return f'{shown}: "{_SHORT_DTYPES.get(dtype, dtype)}[{", ".join(sizes)}]"' if dtype else shown


def _described(argument: Any, values: dict[str, Any]) -> str:
    """Return an input or a result with its type as people read it, such as ``linear: float32 2 × 3``."""
    shown, (dtype, sizes) = _argument(argument, 0), _type(argument, values)
    return f"{shown}: {dtype} {' × '.join(sizes) or 'scalar'}" if dtype else shown


def _type(argument: Any, values: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the dtype of an argument and its sizes, which may be expressions; an empty one where it is no tensor."""
    meta = table(values.get(word(table(table(argument).get("as_tensor")).get("name"))))
    code = meta.get("dtype")
    dtype = SCALAR_TYPES.get(code, "?") if type(code) is int else ""
    return dtype, [_size(size) for size in rows(meta.get("sizes"))[:_MAX_ITEMS]]


def _size(size: Any) -> str:
    fields = table(size)
    expression = word(table(fields.get("as_expr")).get("expr_str"))
    return _short(expression) if expression else _plain(fields.get("as_int"))


def _argument(value: Any, level: int) -> str:
    """Return an argument as text: each is a table of one entry that is named after its type."""
    if isinstance(value, list):
        items = value[:_MAX_ITEMS] if level < _MAX_LEVELS else []
        more = ["…"] if len(items) < len(value) else []
        return f"[{', '.join([_argument(item, level + 1) for item in items] + more)}]"
    if not isinstance(value, dict):
        return _plain(value)
    if len(value) != 1 or level >= _MAX_LEVELS:
        name = word(value.get("name"))
        return _short(name) if name else "…"
    ((kind, item),) = value.items()
    if kind == "as_none":
        return "None"
    if kind == "as_scalar_type" and type(item) is int:
        return f"torch.{SCALAR_TYPES.get(item, '?')}"
    if kind == "as_device":
        return _plain(table(item).get("type"))
    if kind in ("name", "as_name", "as_operator") and isinstance(item, str):
        return _short(item)
    if kind in ("as_graph", "as_tensor", "as_custom_obj", "as_token"):
        return _short(word(table(item).get("name")) or "?")
    return _argument(item, level + 1)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return repr(_short(value))
    if isinstance(value, bool | float) or value is None:
        return str(value)
    return str(value) if isinstance(value, int) and value.bit_length() <= 64 else "…"


def _short(text: str) -> str:
    return text if len(text) <= _MAX_WORD else text[: _MAX_WORD - 1] + "…"
