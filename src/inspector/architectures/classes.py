"""What a file decides about a builder's tensors: the number of classes and the builder's options."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import isqrt

from inspector.architectures.builders import Architecture, Options, architecture
from inspector.architectures.layouts import Shape


def head_classes(tensors: Mapping[str, Shape], name: str) -> int | None:
    """Read the number of classes off the head of a state_dict.

    Parameters
    ----------
    tensors
        Shapes by key, in the builder's spelling, without a wrapper.
    name
        The architecture's name.

    Returns
    -------
    int or None
        None where the head is missing, has another form, or the architecture has no classes. Auxiliary heads
        do not count: whoever replaces ``fc`` of an inception often leaves ``AuxLogits.fc`` as it was.
    """
    chosen = architecture(name)
    optional = chosen.layout.optional
    votes: Counter[int] = Counter()
    for key, head in chosen.heads.items():
        shape, expected = tensors.get(key), chosen.layout.tensors[key].shape
        if shape is None or len(shape) != len(expected) or key.partition(".")[0] in optional:
            continue
        classes, rest = divmod(shape[head.axis], head.factor)
        if classes > 0 and not rest:
            votes[classes] += 1
    return votes.most_common(1)[0][0] if votes else None


def found_options(tensors: Mapping[str, Shape], name: str) -> dict[str, bool | int]:
    """Return the builder options that a state_dict decides, by name.

    ``aux_logits`` and ``aux_loss`` are true where a tensor of the auxiliary head is there; ``image_size``, in
    pixels, follows from a vision transformer's position embedding. Names are in the builder's spelling,
    without a wrapper.
    """
    chosen = architecture(name)
    found: dict[str, bool | int] = {}
    if chosen.options:
        tops = {key.partition(".")[0] for key in tensors}
        for module, option in chosen.layout.optional.items():
            found[option] = bool(found.get(option)) or module in tops
    size = chosen.image_size
    if size:
        shape = tensors.get(size.key, ())
        side = isqrt(max(shape[1] - 1, 0)) if len(shape) == 3 else 0
        if side and shape[1] == side * side + 1:
            found["image_size"] = side * size.patch
    return found


def adapted_signature(name: str, num_classes: int | None, options: Options | None = None) -> dict[str, Shape]:
    """Return the shape of every key that the builder makes with these arguments, in the state_dict's order.

    Parameters
    ----------
    name
        The architecture's name.
    num_classes
        None for the builder's default.
    options
        Builder options as `found_options` returns them; None for the builder's defaults.
    """
    chosen = architecture(name)
    options = options or {}
    signature = chosen.signature_with(options)
    _resize(signature, chosen, options)
    if num_classes is not None:
        for key, head in chosen.heads.items():
            if key in signature:
                shape = signature[key]
                signature[key] = (*shape[: head.axis], head.factor * num_classes, *shape[head.axis + 1 :])
    return signature


def _resize(signature: dict[str, Shape], chosen: Architecture, options: Options) -> None:
    size = chosen.image_size
    if size and "image_size" in options:
        first, _, hidden = signature[size.key]
        signature[size.key] = (first, (int(options["image_size"]) // size.patch) ** 2 + 1, hidden)
