"""torchvision's builders as shipped data: what each holds and expects, as a function of its options.

The records are read by `inspector.architectures.collection`; an architecture's tensors, whose format is
`inspector.architectures.layouts`, when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from inspector.architectures.layouts import COUNTER, Layout, Role, Shape, Tensor, parse, sections
from inspector.architectures.official import OfficialWeights, Options, Preprocessing, Value, read

_ZERO_POINT = ".zero_point"  # every quantized layer has one, and nothing else of torchvision's has
# A quantized linear layer keeps weight and bias in one packed value, whose parts the reader numbers.
_PACKED = {".weight": "._packed_params._packed_params.0", ".bias": "._packed_params._packed_params.1"}
_NORM_LEAF = (".weight", ".bias")


@dataclass(frozen=True)
class Head:
    """Where one tensor carries a count, of classes or keypoints: ``shape[axis] == factor * count``."""

    axis: int
    factor: int


@dataclass(frozen=True)
class ImageSize:
    """The input size of a vision transformer, held by the length of its position embedding ``key``.

    Its shape is ``(1, (image_size / patch) ** 2 + 1, hidden)``; ``default`` is the builder's, in pixels.
    """

    key: str
    patch: int
    default: int


@dataclass(frozen=True)
class Architecture:
    """One torchvision builder.

    Attributes
    ----------
    name
        As in ``torchvision.models.list_models()``.
    task
        ``classification``, ``semantic_segmentation``, ``detection``, ``instance_segmentation``,
        ``keypoint_detection``, ``video_classification`` or ``optical_flow``.
    quantized
        From ``torchvision.models.quantization``: it takes the option ``quantize``, and without it its tensors
        are the float twin's.
    parameters
        Number of trained elements with default options; buffers are not counted.
    num_classes
        The builder's default; None where it has no classes (optical flow).
    heads
        The tensors whose shape depends on the number of classes (which counts a detector's background class).
    num_keypoints, keypoint_heads
        The same for the keypoints; None and empty where there are none.
    options
        Boolean builder options that add or drop modules, with the default under ``weights=None``.
    image_size
        Of a vision transformer, else None.
    frozen_norms
        Prefix of the batch norms that are frozen when the model, or its backbone, is built with weights; empty
        where none ever is. Frozen ones have no ``num_batches_tracked`` and nothing to train.
    assumed
        Options that no tensor shows, with the value of ``weights=None``; see `assumed_options`.
    dropout_count, batch_norm_count
        Number of modules that behave differently in training mode, with default options.
    weights, default_weights
        The official weights, and the name of the entry that ``DEFAULT`` stands for.
    layout_name, converted_layout_name
        Sections of ``layouts.txt`` that hold the tensors; twins share one. The second is for ``quantize=True``,
        empty for architectures that aren't quantized.
    """

    name: str
    task: str
    quantized: bool
    parameters: int
    num_classes: int | None
    heads: Mapping[str, Head]
    num_keypoints: int | None
    keypoint_heads: Mapping[str, Head]
    options: Mapping[str, bool]
    image_size: ImageSize | None
    frozen_norms: str
    assumed: Options
    dropout_count: int
    batch_norm_count: int
    weights: tuple[OfficialWeights, ...]
    default_weights: str | None
    layout_name: str = field(repr=False)
    converted_layout_name: str = field(repr=False)

    @property
    def layout(self) -> Layout:
        """Every tensor in floating point, those of optional modules included."""
        return _layout(self.layout_name)

    def layout_with(self, options: Options) -> Layout:
        """Return every tensor under the option ``quantize``, those of optional modules included."""
        converted = self.quantized and options.get("quantize")
        return _layout(self.converted_layout_name) if converted else self.layout

    def is_converted(self, names: Collection[str]) -> bool:
        """Tell whether tensors of these names, in the builder's spelling, come from a model built to be quantized."""
        return self.quantized and has_zero_points(names) and not self._zero_points.isdisjoint(names)

    @cached_property
    def _zero_points(self) -> frozenset[str]:
        return frozenset(key for key in self.layout_with({"quantize": True}).tensors if key.endswith(_ZERO_POINT))

    def heads_with(self, options: Options) -> Mapping[str, Head]:
        """Return the heads by the keys that they have under the option ``quantize``."""
        if not (self.quantized and options.get("quantize")):
            return self.heads
        return {_packed(key): head for key, head in self.heads.items()}

    @cached_property
    def signature(self) -> Mapping[str, Shape]:
        """Shape of every key of the state_dict with default options, in its order."""
        return self.signature_with({})

    @property
    def head_keys(self) -> tuple[str, ...]:
        """Keys whose shape depends on the number of classes."""
        return tuple(self.heads)

    def signature_with(self, options: Options) -> dict[str, Shape]:
        """Return the shape of every key that the builder makes under these options, its counts as by default.

        Those that add or drop keys are looked at: the boolean options, ``quantize`` and ``frozen_batch_norm``.
        """
        return {key: tensor.shape for key, tensor in self._tensors_with(options)}

    def roles_with(self, options: Options) -> dict[str, Role]:
        """Return ``"parameter"`` or ``"buffer"`` for every key that the builder makes under these options."""
        found = {key: tensor.role for key, tensor in self._tensors_with(options)}
        if options.get("frozen_batch_norm"):
            means = [key for key in found if key.startswith(self.frozen_norms) and key.endswith(".running_mean")]
            found |= {key.removesuffix(".running_mean") + leaf: "buffer" for key in means for leaf in _NORM_LEAF}
        return found

    def dtypes_with(self, options: Options) -> dict[str, str]:
        """Return the dtype, as torch writes it, of every key that the builder makes under these options."""
        return {key: tensor.dtype for key, tensor in self._tensors_with(options)}

    def _tensors_with(self, options: Options) -> list[tuple[str, Tensor]]:
        tensors, optional = self.layout_with(options)
        found = list(tensors.items())
        left_out = {module for module, option in optional.items() if not options.get(option, self.options[option])}
        if left_out:
            found = [pair for pair in found if pair[0].partition(".")[0] not in left_out]
        if self.frozen_norms and options.get("frozen_batch_norm"):
            prefix = self.frozen_norms
            found = [pair for pair in found if not (pair[0].endswith(COUNTER) and pair[0].startswith(prefix))]
        return found

    def assumed_options(self, entry: OfficialWeights | None = None) -> dict[str, Value]:
        """Return the options that no tensor shows, with the value to assume.

        The builder's own defaults; where the file is known to be an official entry's, what that entry's
        builder sets. ``norm_eps`` is the eps of the frozen batch norms, ``transform_input`` whether the input is
        normalised once more, ``backend`` the engine that quantized layers were made for.
        """
        told = entry.options if entry else {}
        return {name: told.get(name, value) for name, value in self.assumed.items()}

    def preprocessing_for(self, options: Options) -> Preprocessing | None:
        """Return what a model built with these options expects; None unless it classifies pictures.

        That is what the default weights expect. For a vision transformer the image size decides: the official
        weights of that size, or else the default's with the picture resized to it.
        """
        default = next((w.preprocessing for w in self.weights if w.name == self.default_weights), None)
        if default is None or self.image_size is None:
            return default
        size = int(options.get("image_size", self.image_size.default))
        known = [default, *(w.preprocessing for w in self.weights if w.preprocessing)]
        same_size = next((preprocessing for preprocessing in known if preprocessing.crop_size == size), None)
        return same_size or replace(default, resize_size=size, crop_size=size)


def has_zero_points(names: Collection[str]) -> bool:
    """Tell whether any name is that of a quantized layer's zero point: without one, nothing is quantized."""
    return any(name.endswith(_ZERO_POINT) for name in names)


def _packed(key: str) -> str:
    return next(key.removesuffix(end) + packed for end, packed in _PACKED.items() if key.endswith(end))


@cache
def _sections() -> dict[str, str]:
    return sections(read("layouts.txt"))


@cache
def _layout(name: str) -> Layout:
    return parse(_sections()[name])
