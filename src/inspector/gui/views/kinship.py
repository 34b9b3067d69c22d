"""Which tensors of a checkpoint belong together: the parts of a batch norm, a parameter and its optimizer's state."""

from __future__ import annotations

from inspector.checkpoint.summary import CheckpointSummary

#: What `torch.nn.BatchNorm2d` and its kin keep of each channel, in the order in which it is shown.
BATCH_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")
#: A layer of more channels than this is no batch norm that anyone has seen.
MOST_CHANNELS = 1 << 14


def batch_norm_parts(summary: CheckpointSummary, tensor: int) -> dict[str, int]:
    """Return the tensors of the batch norm that a tensor is a part of, by their names there.

    A batch norm is a module with ``running_mean`` and ``running_var``, each of one value per channel; ``weight`` and
    ``bias`` are there unless it has none. Empty where the tensor is no part of one.
    """
    module, _, own = summary.names[tensor].rpartition(".")
    shape = summary.shape(tensor)
    if own not in BATCH_NORM_PARTS or len(shape) != 1 or not 0 < shape[0] <= MOST_CHANNELS:
        return {}
    found = {}
    for part in BATCH_NORM_PARTS:
        sibling = tensor if part == own else _index(summary.names, f"{module}.{part}" if module else part)
        if sibling >= 0 and summary.shape(sibling) == shape and not summary.problems[sibling]:
            found[part] = sibling
    return found if "running_mean" in found and "running_var" in found else {}


def _index(names: list[str], name: str) -> int:
    try:
        return names.index(name)
    except ValueError:
        return -1


def optimizer_parts(summary: CheckpointSummary, tensor: int) -> dict[str, int]:
    """Return a parameter, called ``parameter``, and what an optimizer keeps of it, by the file's names.

    The tensor may be any of them. Empty where a checkpoint has no optimizer's state of it.
    """
    owner = summary.moments[tensor]
    parameter = owner if owner >= 0 else tensor
    moments, place = list[int](), -1
    while True:
        try:
            place = summary.moments.index(parameter, place + 1)
        except ValueError:
            break
        moments.append(place)
    if not moments:
        return {}
    # a checkpoint may hold the states of two optimizers: only those that belong together
    state = summary.names[tensor if owner >= 0 else moments[0]].rpartition(".")[0]
    split = ((summary.names[moment].rpartition("."), moment) for moment in moments)
    return {"parameter": parameter, **{name: moment for (above, _, name), moment in split if above == state}}
