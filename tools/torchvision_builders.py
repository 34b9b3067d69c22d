"""torchvision's builders, built on the meta device and never with a download: what makes and checks the catalogue.

Building "with" official weights goes the official way, only that nothing is fetched and nothing loaded: what is
left is what the entry does to the model besides its weights.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import nn
from torchvision import models
from torchvision.models import regnet
from torchvision.models._api import WeightsEnum
from torchvision.ops import FrozenBatchNorm2d

from inspector.architectures import layouts

Tensors: TypeAlias = dict[str, layouts.Tensor]
Attributes: TypeAlias = dict[str, dict[str, Any]]  # module -> its plain attributes

_NOTHING: dict[str, Any] = {}  # stands for the content of a file that is not fetched


@contextmanager
def on_meta() -> Iterator[None]:
    """Build on the meta device; RegNets compute their widths with real tensors, which stay on the CPU."""
    compute = regnet.BlockParams.from_init_params

    def compute_on_cpu(*args: Any, **options: Any) -> Any:
        with torch.device("cpu"):
            return compute(*args, **options)

    regnet.BlockParams.from_init_params = compute_on_cpu
    try:
        with torch.device("meta"):
            yield
    finally:
        regnet.BlockParams.from_init_params = compute


@contextmanager
def without_loading() -> Iterator[None]:
    """Let every weights entry answer at once, and its loading change nothing."""
    fetch, load = WeightsEnum.get_state_dict, nn.Module.load_state_dict

    def load_if_something(self: nn.Module, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        return None if state_dict is _NOTHING else load(self, state_dict, *args, **options)

    WeightsEnum.get_state_dict = lambda *_args, **_options: _NOTHING
    nn.Module.load_state_dict = load_if_something  # type: ignore[method-assign]
    try:
        yield
    finally:
        WeightsEnum.get_state_dict = fetch
        nn.Module.load_state_dict = load  # type: ignore[method-assign]


@contextmanager
def other_counts(entry: Any, classes: int, keypoints: int) -> Iterator[None]:
    """Let a weights entry be built for other numbers of classes and keypoints, which torchvision refuses."""
    meta, counts = entry.meta, {"categories": classes, "keypoint_names": keypoints}
    kept = {key: meta[key] for key in counts if key in meta}
    meta.update({key: ["another"] * counts[key] for key in kept})
    try:
        yield
    finally:
        meta.update(kept)


def build(name: str, weights: Any = None, frozen: bool = False, **options: Any) -> nn.Module:
    """Build an architecture, on the meta device unless it is to be quantized, which needs values.

    Parameters
    ----------
    name
        As in ``torchvision.models.list_models()``.
    weights
        An entry of the builder's weights, a name such as ``"DEFAULT"``, or None.
    frozen
        Build a detector as torchvision does when its backbone has weights: with frozen batch norm.
    """
    builder = models.get_model_builder(name)
    if "weights_backbone" in inspect.signature(builder).parameters:
        options["weights_backbone"] = "DEFAULT" if frozen else None
    if weights is None and ("googlenet" in name or "inception" in name):
        options["init_weights"] = False
    place = torch.device("cpu") if options.get("quantize") else on_meta()
    with place, without_loading(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's deprecations of eager quantization
        model = builder(weights=weights, **options)
    assert isinstance(model, nn.Module)
    return model


def tensors_of(model: nn.Module) -> Tensors:
    """Return what the state_dict holds, packed parameters taken apart as the reader does."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    found: Tensors = {}
    for key, value in model.state_dict().items():
        if isinstance(value, tuple):  # a quantized layer's weight and bias
            for position, part in enumerate(value):
                found[f"{key}.{position}"] = _tensor(part, "parameter")
        elif isinstance(value, torch.Tensor):
            trained = key in parameters or value.is_quantized or isinstance(value, nn.Parameter)
            found[key] = _tensor(value, "parameter" if trained else "buffer")
    return found


def _tensor(value: torch.Tensor, role: layouts.Role) -> layouts.Tensor:
    return layouts.Tensor(tuple(value.shape), role, str(value.dtype).removeprefix("torch."))


def attributes_of(model: nn.Module) -> Attributes:
    """Return the plain attributes and the class of every module: what forward may depend on besides tensors.

    One that is None is left out: a module may have been taken away, or never been there.
    """
    return {
        name: {
            "class": type(module).__name__,
            **{key: value for key, value in vars(module).items() if key[0] != "_" and _is_plain(value)},
        }
        for name, module in model.named_modules()
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return isinstance(value, int | float | str)


def frozen_norms(model: nn.Module) -> list[str]:
    """Return the names of the frozen batch-norm modules."""
    return [name for name, module in model.named_modules() if isinstance(module, FrozenBatchNorm2d)]
