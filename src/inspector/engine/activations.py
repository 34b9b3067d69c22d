"""What the layers of a model give for an image, and where in the image each value lies.

Layers give their values in several orders: convolutions with the channels first, Swin transformers with the channels
last, vision transformers as a list of tokens, of which the first may stand for no place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from inspector.engine.problems import EngineError

#: Tokens before those of the picture: none, the class token, or two (a distilled one).
_MOST_EXTRA_TOKENS = 2

Hook = Callable[[str, torch.Tensor], torch.Tensor | None]
"""Gets a module's name and its output; what it returns takes the output's place."""


class LayerError(EngineError):
    """There is no such layer, or it gives nothing that can be shown."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a layer's output lies over the picture.

    Attributes
    ----------
    order
        ``channels first``: (images, channels, rows, columns); ``channels last``: (images, rows, columns, channels);
        ``tokens``: (images, tokens, channels), the tokens row by row.
    height, width
        Rows and columns.
    channels
        How many maps there are.
    extra
        Tokens before the picture's that stand for no place.
    """

    order: Literal["channels first", "channels last", "tokens"]
    height: int
    width: int
    channels: int
    extra: int = 0

    def maps(self, output: torch.Tensor) -> torch.Tensor:
        """Return the first image's maps, of shape (channels, rows, columns)."""
        if self.order == "channels first":
            return output[0]
        if self.order == "channels last":
            return output[0].movedim(-1, 0)
        return output[0, self.extra :].reshape(self.height, self.width, self.channels).movedim(-1, 0)


def layout_of(shape: tuple[int, ...], height: int, width: int) -> Layout | None:
    """Return how an output of this shape lies over a picture of ``height`` × ``width`` pixels; None if it doesn't.

    A grid that has the picture's proportions is taken for one: no name and no type tells it, in a stranger's model.
    """
    if len(shape) == 4:
        _, a, b, c = shape
        if _is_grid(b, c, height, width):
            return Layout("channels first", b, c, a)
        if _is_grid(a, b, height, width):
            return Layout("channels last", a, b, c)
    if len(shape) == 3:
        for extra in range(_MOST_EXTRA_TOKENS + 1):
            rows = round(math.sqrt(max(shape[1] - extra, 0) * height / width))
            columns = (shape[1] - extra) // rows if rows else 0
            if rows * columns == shape[1] - extra and rows > 1 and _is_grid(rows, columns, height, width):
                return Layout("tokens", rows, columns, shape[2], extra)
    return None


def _is_grid(rows: int, columns: int, height: int, width: int) -> bool:
    """Tell whether a grid is as high to its width as the picture, to less than a cell."""
    return rows <= height and columns <= width and abs(rows * width - columns * height) < max(height, width)


class Wrapper(nn.Module):
    """A module of ours around a stranger's model, which keeps the names of its layers.

    Parameters
    ----------
    inner
        The model.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner


def root_of(model: nn.Module) -> nn.Module:
    """Return the module whose children have the names that the file gives them, without our own wrapping."""
    return model.inner if isinstance(model, Wrapper) else model


def layer_named(root: nn.Module, name: str) -> nn.Module:
    """Return a module by its dotted name.

    Raises
    ------
    LayerError
        There is none.
    """
    found: nn.Module | None = dict(root.named_modules(remove_duplicate=False)).get(name)
    if found is None:
        raise LayerError(f"The model has no layer {name}.", "Choose another one.")
    return found


@contextmanager
def watched(layers: Mapping[str, nn.Module], hook: Hook) -> Iterator[None]:
    """Call ``hook`` with each of the layers' outputs while the block runs; nothing of it stays in the model.

    A layer that gives several things is taken for the first tensor among them.
    """
    handles = [module.register_forward_hook(_forward_hook(name, hook)) for name, module in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _forward_hook(name: str, hook: Hook) -> Callable[[nn.Module, Any, Any], Any]:
    def forward_hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        tensor = first_tensor(output)
        replaced = hook(name, tensor) if tensor is not None else None
        if replaced is None:
            return None  # the output stays what it is
        return _with_first(output, replaced)

    return forward_hook


def first_tensor(output: Any) -> torch.Tensor | None:
    """Return the tensor that a layer gives, the first where there are several, None where there is none."""
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, Mapping):
        output = tuple(output.values())
    if isinstance(output, tuple | list):
        return next((found for part in output if (found := first_tensor(part)) is not None), None)
    return None


def _with_first(output: Any, tensor: torch.Tensor) -> Any:
    """Return the same output with another first tensor; only tensors, and tuples that begin with one, have such."""
    if isinstance(output, torch.Tensor):
        return tensor
    if type(output) is tuple and isinstance(output[0], torch.Tensor):
        return (tensor, *output[1:])
    return None
