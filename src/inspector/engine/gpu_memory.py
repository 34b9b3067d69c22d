"""How many images fit into a GPU's memory at once, from what was seen to be taken.

Not measured on a GPU by this project's own tests, which have none: they run it on stand-ins.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch

#: Share of the free memory that a batch may take: others use the card too, and the allocator loses some between blocks.
_SHARE = 0.7


class GpuMemory:
    """What inputs take on a device, as torch's allocator counts it.

    Parameters
    ----------
    device
        As torch calls it. Where nothing is told of its memory (MPS), nothing is known.
    module
        ``torch.cuda``, ``torch.xpu``, or what stands in for it.
    """

    def __init__(self, device: str, module: ModuleType | Any | None = None) -> None:
        kind = device.partition(":")[0]
        self._device = device
        self._module: Any = module or (getattr(torch, kind, None) if kind in ("cuda", "xpu") else None)
        self._before = self._free = 0
        self._input_bytes = 0
        self._per_byte = 0.0

    @property
    def is_told(self) -> bool:
        """Whether the device tells of its memory."""
        return self._module is not None

    @property
    def is_known(self) -> bool:
        """Whether a forward pass was seen."""
        return self._per_byte > 0

    def begin(self) -> None:
        """Begin to watch a forward pass."""
        if self._module is None:
            return
        try:
            self._module.reset_peak_memory_stats(self._device)
            self._before = int(self._module.memory_allocated(self._device))
        except (AttributeError, RuntimeError):  # a version of torch, or a driver, that does not tell
            self._module = None

    def end(self, input_bytes: int) -> None:
        """Take what the pass took at its peak, of inputs of so many bytes in all.

        The largest batch tells best: what a pass takes whatever its size (the workspace of a convolution) is shared by
        more images there.
        """
        if self._module is None:
            return
        if input_bytes < self._input_bytes:
            self._look()
            return
        peak = int(self._module.max_memory_allocated(self._device)) - self._before
        self._input_bytes, self._per_byte = input_bytes, max(1.0, peak / max(1, input_bytes))
        self._look()

    def _look(self) -> None:
        try:
            free = int(self._module.mem_get_info(self._device)[0])
        except (AttributeError, RuntimeError):
            self._module = None
            return
        # what torch holds and does not use is free as well
        held, used = self._module.memory_reserved(self._device), self._module.memory_allocated(self._device)
        self._free = free + int(held) - int(used)

    def fitting(self, input_bytes: int) -> int | None:
        """Return how many inputs of so many bytes each fit, at least 1; None where that is not known."""
        if self._module is None or not self.is_known:
            return None
        return max(1, int(self._free * _SHARE / (self._per_byte * max(1, input_bytes))))
