"""The survey's tree as columns: children contiguous, so that row, parent and child are found by arithmetic."""

from __future__ import annotations

from array import array

from inspector.checkpoint.found import Node
from inspector.checkpoint.opening import Checkpoint

_KINDS = ("module", "tensor", "dict", "list", "object", "value")


def lay_out(checkpoint: Checkpoint) -> dict[str, list[str] | array[int]]:
    """Return the tree's columns by name, breadth first; node 0 is the root.

    A module that holds one tensor and nothing else shares its row: ``conv1.weight``. Parameters are element counts,
    a tensor shared with an earlier one counted there alone; bytes count all tensors below.
    """
    nodes, parents, first_children = _breadth_first(checkpoint.survey.root)
    parameters, nbytes = _totals(checkpoint, nodes, parents)
    hints = _hints(nodes)
    return {
        "labels": [node.label for node in nodes],
        "details": [node.detail or hint for node, hint in zip(nodes, hints, strict=True)],
        "kinds": array("B", [_KINDS.index(node.kind) for node in nodes]),
        "tensors": array("i", [node.tensor for node in nodes]),
        "parents": parents,
        "first_children": first_children,
        "child_counts": array("i", [len(node.children) for node in nodes]),
        "parameters": parameters,
        "nbytes": nbytes,
    }


def _breadth_first(root: Node) -> tuple[list[Node], array[int], array[int]]:
    nodes, parents, first_children = [root], array("i", [-1]), array("i")
    position = 0
    while position < len(nodes):
        node = nodes[position]
        first_children.append(len(nodes))
        for child in node.children:
            _merge_single_tensor(child)
        nodes += node.children
        parents.extend([position] * len(node.children))
        position += 1
    return nodes, parents, first_children


def _merge_single_tensor(node: Node) -> None:
    if node.kind == "module" and len(node.children) == 1 and node.children[0].kind == "tensor":
        only = node.children[0]
        node.label = f"{node.label}.{only.label}"
        node.kind, node.tensor, node.children = "tensor", only.tensor, []


def _totals(checkpoint: Checkpoint, nodes: list[Node], parents: array[int]) -> tuple[array[int], array[int]]:
    parameters, nbytes = array("q", bytes(8 * len(nodes))), array("q", bytes(8 * len(nodes)))
    tensors, shared = list(checkpoint.tensors), checkpoint.shared
    for position in range(len(nodes) - 1, -1, -1):
        node = nodes[position]
        if node.tensor >= 0:
            tensor = tensors[node.tensor]
            nbytes[position] = min(tensor.nbytes, 1 << 60)
            if tensor.role == "parameter" and tensor not in shared:
                parameters[position] = min(tensor.numel, 1 << 60)
        if parents[position] >= 0:
            up = parents[position]
            parameters[up] = min(parameters[up] + parameters[position], 1 << 62)
            nbytes[up] = min(nbytes[up] + nbytes[position], 1 << 62)
    return parameters, nbytes


def _hints(nodes: list[Node]) -> list[str]:
    """Return, for modules without a class name, what their tensors' names show beyond doubt."""
    hints = []
    for node in nodes:
        hint = ""
        if node.kind == "module" and not node.detail and node.children:
            names = {child.label for child in node.children if child.kind == "tensor"}
            if "running_mean" in names:
                hint = "batch norm"
            elif "in_proj_weight" in names:
                hint = "attention"
        hints.append(hint)
    return hints
