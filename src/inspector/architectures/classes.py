"""What a file decides about a builder's tensors: the number of classes and the builder's options.

Options are the builder's own arguments, and two things that torchvision decides by the weights it is asked for:
``frozen_batch_norm`` (a file shows it) and ``norm_eps`` (no file does; see `Architecture.assumed_options`).
`inspector.architectures.official.builder_arguments` leaves those two out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from math import isqrt

from inspector.architectures.builders import Architecture, Head
from inspector.architectures.collection import architecture
from inspector.architectures.layouts import COUNTER, Shape
from inspector.architectures.official import Options, Value


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
    options = {"quantize": chosen.is_converted(tensors)}
    optional = chosen.layout.optional
    heads = {key: head for key, head in chosen.heads_with(options).items() if key.partition(".")[0] not in optional}
    return _count(tensors, chosen, options, heads)


def _count(
    tensors: Mapping[str, Shape], chosen: Architecture, options: Options, heads: Mapping[str, Head]
) -> int | None:
    expected = chosen.layout_with(options).tensors
    votes: Counter[int] = Counter()
    for key, head in heads.items():
        shape = tensors.get(key)
        if shape is None or len(shape) != len(expected[key].shape):
            continue
        count, rest = divmod(shape[head.axis], head.factor)
        if count > 0 and not rest:
            votes[count] += 1
    return votes.most_common(1)[0][0] if votes else None


def found_options(tensors: Mapping[str, Shape], name: str) -> dict[str, Value]:
    """Return the builder options that a state_dict decides, by name.

    - ``aux_logits`` and ``aux_loss`` are true where a tensor of the auxiliary head is there;
    - ``image_size``, in pixels, follows from a vision transformer's position embedding;
    - ``num_keypoints`` from the keypoint head;
    - ``quantize`` is true where a quantized builder's layers have scales and zero points;
    - ``frozen_batch_norm`` where a detector's backbone has running statistics and not one batch counter.

    An option that the file doesn't decide is left out. Names are in the builder's spelling, without a wrapper.
    """
    chosen = architecture(name)
    found: dict[str, Value] = dict(_size_options(tensors, chosen))
    if chosen.quantized:
        found["quantize"] = chosen.is_converted(tensors)
    if chosen.options:
        tops = {key.partition(".")[0] for key in tensors}
        for module, option in chosen.layout.optional.items():
            found[option] = bool(found.get(option)) or module in tops
    if chosen.frozen_norms:
        backbone = [key for key in tensors if key.startswith(chosen.frozen_norms)]
        if any(key.endswith(".running_mean") for key in backbone):
            found["frozen_batch_norm"] = not any(key.endswith(COUNTER) for key in backbone)
    return found


def _size_options(tensors: Mapping[str, Shape], chosen: Architecture) -> Iterator[tuple[str, int]]:
    size = chosen.image_size
    if size:
        shape = tensors.get(size.key, ())
        side = isqrt(max(shape[1] - 1, 0)) if len(shape) == 3 else 0
        if side and shape[1] == side * side + 1:
            yield "image_size", side * size.patch
    keypoints = _count(tensors, chosen, {}, chosen.keypoint_heads)
    if keypoints:
        yield "num_keypoints", keypoints


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
    size = chosen.image_size
    if size and "image_size" in options:
        first, _, hidden = signature[size.key]
        signature[size.key] = (first, (int(options["image_size"]) // size.patch) ** 2 + 1, hidden)
    if num_classes is not None:
        _resize(signature, chosen.heads_with(options), num_classes)
    if "num_keypoints" in options:
        _resize(signature, chosen.keypoint_heads, int(options["num_keypoints"]))
    return signature


def _resize(signature: dict[str, Shape], heads: Mapping[str, Head], count: int) -> None:
    for key, head in heads.items():
        if key in signature:
            shape = signature[key]
            signature[key] = (*shape[: head.axis], head.factor * count, *shape[head.axis + 1 :])
