"""The shipped list of every architecture's tensors: ``layouts.txt``, written and read here.

The file is an outline of the modules, one section per architecture, so that a new torchvision shows up as a
readable difference. Depth is the number of leading spaces. ::

    [resnet18]
    conv1 weight 64 3 7 7
    bn1 norm 64
    layer1
     0
      conv1 weight 64 64 3 3
      ...
     1 = 0
    fc affine 1000 512

A line is a name, then one of

- nothing: a module whose children follow, one level deeper. At the top level ``?option`` may follow the name:
  the builder makes this module only when that option is true;
- ``= sibling``: a module with the same tensors as that earlier sibling;
- ``weight SHAPE``: a module with the parameter ``weight``;
- ``affine SHAPE``: a module with the parameters ``weight`` of that shape and ``bias`` of its first dimension;
- ``norm N``: a batch-norm module: parameters ``weight`` and ``bias``, buffers ``running_mean`` and
  ``running_var`` (all of shape N) and ``num_batches_tracked`` (int64 scalar);
- ``qconv SHAPE``: a quantized convolution: parameters ``weight`` (qint8) and ``bias`` of its first dimension, and a
  quantized output;
- ``qlinear SHAPE``: a quantized linear layer: a quantized output, and the two parts of ``_packed_params``: weight
  (qint8) and bias of its first dimension, under the names that the reader gives them;
- ``qout``: a quantized output alone: buffers ``scale`` and ``zero_point`` (int64), both scalars;
- ``parameter SHAPE``, ``buffer SHAPE``, ``buffer:DTYPE SHAPE``: a tensor of the module itself, dtype float32
  unless named.

The section ``[quantized_resnet18 quantize]`` has the tensors of ``quantized_resnet18(quantize=True)``.

Tensors come out in the order of ``Module.state_dict()``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

Shape: TypeAlias = tuple[int, ...]
Role: TypeAlias = Literal["parameter", "buffer"]


COUNTER = ".num_batches_tracked"  # of every batch norm, but for frozen ones and files from before torch 0.4.1
#: Ends of the names of buffers that a builder fills by itself, Swin's tables of positions among them.
COMPUTED = (COUNTER, ".relative_position_index", ".relative_coords_table")


class Tensor(NamedTuple):
    """What a builder makes of one key: the shape, whether it is trained, and torch's name of its dtype."""

    shape: Shape
    role: Role = "parameter"
    dtype: str = "float32"


class Layout(NamedTuple):
    """Every tensor of an architecture, those of optional modules included.

    ``optional`` maps the name of a top-level module to the builder option that asks for it.
    """

    tensors: dict[str, Tensor]
    optional: dict[str, str]


# A module's children by name, or the leaf's tensors as (suffix of the key, tensor).
_Leaf: TypeAlias = tuple[tuple[str, Tensor], ...]
_Module: TypeAlias = "dict[str, _Module | _Leaf]"

_PACKED = "._packed_params._packed_params"
_QUANTIZED_OUTPUT: _Leaf = ((".scale", Tensor((), "buffer")), (".zero_point", Tensor((), "buffer", "int64")))

_leaves: dict[str, _Leaf] = {}  # leaf text -> tensors: the same few hundred texts make up all the sections


def sections(text: str) -> dict[str, str]:
    """Split the file's text into the outline of each section, by name. No module has a bracket in its name."""
    parts = (part.partition("]\n") for part in text.split("[")[1:])
    return {name: outline for name, _, outline in parts}


def parse(outline: str) -> Layout:
    """Read one section's outline.

    Raises
    ------
    ValueError, KeyError
        The outline is malformed: the installation is damaged.
    """
    root: _Module = {}
    optional: dict[str, str] = {}
    open_modules = [root]  # by depth: the module that a line at this depth belongs to
    for line in outline.splitlines():
        text = line.lstrip(" ")
        name, _, rest = text.partition(" ")
        depth = len(line) - len(text)
        parent = open_modules[depth]
        if not rest or rest.startswith("?"):
            module: _Module = {}
            parent[name] = module
            open_modules[depth + 1 :] = [module]
            if rest:
                optional[name] = rest[1:]
        elif rest.startswith("= "):
            parent[name] = parent[rest[2:]]
        else:
            parent[name] = _leaves.get(rest) or _leaf(rest)
    tensors: dict[str, Tensor] = {}
    _flatten("", root, tensors)
    return Layout(tensors, optional)


def _flatten(prefix: str, module: _Module, into: dict[str, Tensor]) -> None:
    for name, child in module.items():
        if isinstance(child, dict):
            _flatten(f"{prefix}{name}.", child, into)
        else:
            path = prefix + name
            for suffix, tensor in child:
                into[path + suffix] = tensor


def _leaf(text: str) -> _Leaf:
    template, *dimensions = text.split(" ")
    shape = tuple(map(int, dimensions))
    match template.partition(":"):
        case ("weight", _, _):
            leaf: _Leaf = ((".weight", Tensor(shape)),)
        case ("affine", _, _):
            leaf = ((".weight", Tensor(shape)), (".bias", Tensor(shape[:1])))
        case ("norm", _, _):
            leaf = _batch_norm(shape)
        case ("qconv", _, _):
            leaf = ((".weight", Tensor(shape, "parameter", "qint8")), (".bias", Tensor(shape[:1])), *_QUANTIZED_OUTPUT)
        case ("qlinear", _, _):
            leaf = (*_QUANTIZED_OUTPUT, (f"{_PACKED}.0", Tensor(shape, "parameter", "qint8")))
            leaf = (*leaf, (f"{_PACKED}.1", Tensor(shape[:1])))
        case ("qout", _, _):
            leaf = _QUANTIZED_OUTPUT
        case ("parameter", _, _):
            leaf = (("", Tensor(shape)),)
        case ("buffer", _, dtype):
            leaf = (("", Tensor(shape, "buffer", dtype or "float32")),)
        case _:
            raise ValueError(f"layouts.txt names the unknown template {template!r}.")
    _leaves[text] = leaf
    return leaf


def _batch_norm(shape: Shape) -> _Leaf:
    return (
        (".weight", Tensor(shape)),
        (".bias", Tensor(shape)),
        (".running_mean", Tensor(shape, "buffer")),
        (".running_var", Tensor(shape, "buffer")),
        (".num_batches_tracked", Tensor((), "buffer", "int64")),
    )


def outline(layout: Layout) -> str:
    """Write a layout as one section's outline, the inverse of `parse`."""
    root: dict[str, object] = {}
    for key, tensor in layout.tensors.items():
        *modules, name = key.split(".")
        place = root
        for module in modules:
            place = place.setdefault(module, {})  # type: ignore[assignment]
        place[name] = tensor
    return "".join(f"{line}\n" for line in _lines(root, layout.optional, 0))


def _lines(module: Mapping[str, object], optional: Mapping[str, str], depth: int) -> Iterator[str]:
    indent = " " * depth
    seen: dict[str, str] = {}  # outline of an earlier sibling -> its name
    for name, child in module.items():
        if isinstance(child, Tensor):
            yield f"{indent}{name} {_tensor_text(child)}"
        elif isinstance(child, dict):
            leaf = _module_text(child)
            if leaf:
                yield f"{indent}{name} {leaf}"
                continue
            inner = list(_lines(child, {}, depth + 1))
            twin = seen.setdefault("\n".join(inner), name)
            if twin != name:
                yield f"{indent}{name} = {twin}"
                continue
            yield f"{indent}{name} ?{optional[name]}" if name in optional else f"{indent}{name}"
            yield from inner


def _tensor_text(tensor: Tensor) -> str:
    kind = tensor.role if tensor.dtype == "float32" else f"{tensor.role}:{tensor.dtype}"
    return " ".join([kind, *map(str, tensor.shape)])


def _module_text(module: Mapping[str, object]) -> str:
    """Return the template of a leaf module, empty where none fits."""
    tensors = {f".{suffix}": value for suffix, value in _inner(module)}
    weight = tensors.get(".weight", tensors.get(f"{_PACKED}.0"))
    if weight is None:
        return "qout" if tensors == dict(_QUANTIZED_OUTPUT) else ""
    for template in ("weight", "affine", "norm", "qconv", "qlinear"):
        text = " ".join([template, *map(str, weight.shape)])
        if tensors == dict(_leaf(text)):
            return text
    return ""


def _inner(module: Mapping[str, object]) -> Iterator[tuple[str, Tensor]]:
    """Yield a module's tensors, those of its children included, by their names below it."""
    for name, child in module.items():
        if isinstance(child, Tensor):
            yield name, child
        elif isinstance(child, dict):
            yield from ((f"{name}.{suffix}", tensor) for suffix, tensor in _inner(child))
