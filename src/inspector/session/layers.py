"""Which layer of the attached model a place in a file's tree is."""

from __future__ import annotations

from collections import deque

from inspector.session.state import OpenCheckpoint


def layer_of(found: OpenCheckpoint, node: int) -> str | None:
    """Return the architecture's dotted name of the layer at a node of the tree; a tensor's is that which owns it.

    Returns
    -------
    str or None
        Empty for the whole model; None where nothing of the attached model is at the node.
    """
    summary, report = found.summary, found.match_report
    if summary is None or node < 0:
        return None
    own = summary.tensors[node]
    levels, tensor = (1, own) if own >= 0 else _first_tensor(found, node)
    if tensor < 0:
        return None
    name = report.targets.get(tensor, "") if report is not None and not found.attachment.trusted else ""
    parts = (name or summary.key(tensor)).split(".")
    return ".".join(parts[:-levels]) if levels <= len(parts) else ""


def _first_tensor(found: OpenCheckpoint, node: int) -> tuple[int, int]:
    """Return how many names below a node the nearest tensor of the attached model is, and which; -1 for none."""
    summary, report = found.summary, found.match_report
    assert summary is not None
    known = report.fitting if report is not None and not found.attachment.trusted else None
    queue = deque([(node, 0)])
    while queue:
        at, levels = queue.popleft()
        tensor = summary.tensors[at]
        if tensor >= 0 and (known is None or tensor in known):
            return levels, tensor
        first = summary.first_children[at]
        # a module that holds one thing alone shares a row with it: `conv1.weight`
        queue.extend(
            (child, levels + summary.labels[child].count(".") + 1)
            for child in range(first, first + summary.child_counts[at])
        )
    return 0, -1
