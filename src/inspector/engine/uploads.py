"""Prepared inputs on their way to a CUDA device, on a stream of their own, while the model computes on another.

JPEGs are decoded on the CPU: see `docs/decisions/0010`. Not measured on a GPU by this project's own tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch

from inspector.engine.tasks import Prepared


class Uploads:
    """Copies of inputs from pinned memory, which the processor does not wait for.

    Parameters
    ----------
    device
        A CUDA device; of any other nothing is copied ahead.
    cuda
        ``torch.cuda``, or what stands in for it.
    """

    def __init__(self, device: str, cuda: Any = torch.cuda) -> None:
        self._device = device
        self._cuda = cuda
        self._stream: Any = None
        if device.startswith("cuda"):
            with suppress(RuntimeError):  # the device is lost: the forward pass meets that, and says so
                self._stream = cuda.Stream(device)

    def send(self, prepared: Prepared) -> Prepared:
        """Begin to copy an input, on any thread; what does not fit on the device stays where it is, for later.

        Returns
        -------
        Prepared
            To be computed after `arrive`.
        """
        if self._stream is None:
            return prepared
        try:
            with self._cuda.stream(self._stream):
                inputs = [tensor.pin_memory().to(self._device, non_blocking=True) for tensor in prepared.inputs]
        except RuntimeError:  # full, or lost: the forward pass meets that too, and says so
            return prepared
        return replace(prepared, inputs=tuple(inputs))

    def arrive(self, batch: Sequence[Prepared]) -> None:
        """Let the computing stream wait until inputs have arrived, and keep their memory for it until it is done."""
        if self._stream is None:
            return
        computing = self._cuda.current_stream(self._device)
        computing.wait_stream(self._stream)
        for prepared in batch:
            for tensor in prepared.inputs:
                if tensor.device.type != "cpu":
                    tensor.record_stream(computing)
