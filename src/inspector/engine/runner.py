"""How an attachment's model is run when many images come: how many at once, laid out how, in which copy of it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import nn

from inspector.engine.activations import Wrapper
from inspector.engine.attach import Attachment
from inspector.engine.devices import usable_cores
from inspector.engine.folding import agree, folded_copy, weight_bytes
from inspector.engine.gpu_memory import GpuMemory
from inspector.engine.predict import run_forward
from inspector.engine.problems import PredictionError
from inspector.engine.tasks import Output, Prepared, task_named
from inspector.engine.uploads import Uploads

#: Images at once on the CPU. Fixed: of resnet50, four and eight take the same processor time per image, and two
#: and sixteen cost some percent more; a measurement of the first batches would tell what else the machine does.
_FEWEST_ON_CPU, _MOST_ON_CPU = 4, 16
#: On a GPU, where the memory does not ask for fewer: two such batches are on their way to the engine at a time.
_MOST_ON_GPU = 64

#: Bytes of inputs in one batch on the CPU: large pictures go in fewer at a time.
_BATCH_BYTES = 16 << 20


#: Images from which on a folded copy is used: making it takes as long as computing some.
MANY = 8

#: Bytes of weights that are not copied for speed alone.
_MOST_COPIED = 1 << 30


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What changes the numbers a little for speed; off unless the person asks for it.

    Attributes
    ----------
    autocast
        ``bf16`` or ``fp16``: convolutions and matrix products in that precision; empty for none.
    compile
        ``torch.compile``: the operations of the model are fused, and add up in another order.
    """

    autocast: Literal["", "bf16", "fp16"] = ""
    compile: bool = False


_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Runner:
    """One attachment as it is run.

    Parameters
    ----------
    attachment
        Its model's convolutions are laid out channels-last; their values stay.
    options
        What the person asked for.
    """

    def __init__(self, attachment: Attachment, options: RunOptions | None = None) -> None:
        self.options = options or RunOptions()
        self._compiled: nn.Module | None = None
        self._was_compiled = False
        self.attachment = attachment
        self.task = task_named(attachment.task)
        self._on_cpu = attachment.device == "cpu"
        self._most = max(_FEWEST_ON_CPU, min(_MOST_ON_CPU, usable_cores())) if self._on_cpu else _MOST_ON_GPU
        self._memory = GpuMemory(attachment.device)
        self.uploads = Uploads(attachment.device)
        self._keeps_apart = not self.is_strangers
        self._lock = threading.Lock()
        self._notes: list[str] = []
        self._is_laid_out = False
        self._was_folded = False
        self._folded: nn.Module | None = None

    @property
    def largest_batch(self) -> int:
        """Images at once at the most."""
        return self._most

    @property
    def is_strangers(self) -> bool:
        """Whether the model is no architecture of torchvision's: it may take one image alone, or mix up several."""
        return isinstance(self.attachment.model, Wrapper)

    @property
    def is_folded(self) -> bool:
        """Whether there is a folded copy for many images."""
        return self._folded is not None

    def batch_size(self, prepared: Prepared) -> int:
        """Return how many inputs like this one are computed at once.

        On a GPU the first goes alone: what it takes tells how many fit.
        """
        nbytes = _nbytes(prepared)
        if self._on_cpu:
            return max(1, min(self._most, _BATCH_BYTES // max(1, nbytes)))
        if self._memory.is_told and not self._memory.is_known:
            return 1
        return min(self._most, self._memory.fitting(nbytes) or self._most)

    def halve(self, tried: int) -> int:
        """Compute fewer at once from now on, since so many did not fit; return how many."""
        self._most = max(1, min(self._most, tried) // 2)
        return self._most

    def take_notes(self) -> list[str]:
        """Return what there is to tell the person, once."""
        with self._lock:
            notes, self._notes = self._notes, []
        return notes

    def run(self, batch: Sequence[Prepared], *, waiting: int) -> list[Output]:
        """Compute one batch, and wait for it.

        Parameters
        ----------
        waiting
            How many images there are to do in all: what is worth it for many is not for one.

        Raises
        ------
        DeviceMemoryError, DeviceLostError, PredictionError
            As in `run_forward`; of a stranger's model also where it does not say of an image what it says of it alone.
        """
        if not self._is_laid_out:
            lay_out_channels_last(self.attachment.model)
            self._is_laid_out = True
        self.uploads.arrive(batch)
        self._memory.begin()
        outputs = self._run(batch, waiting)
        self._require_apart(batch, outputs)
        self._memory.end(sum(map(_nbytes, batch)))
        return outputs

    def _require_apart(self, batch: Sequence[Prepared], outputs: Sequence[Output]) -> None:
        """Refuse the first batch of a stranger's model if its first image is answered otherwise than alone."""
        if self._keeps_apart or len(batch) == 1:
            return
        if not agree(run_forward(self.attachment, self.task, batch[:1]), outputs[:1]):
            raise PredictionError("The model's answer for an image depends on the others beside it.")
        self._keeps_apart = True

    def _run(self, batch: Sequence[Prepared], waiting: int) -> list[Output]:
        if self.options != RunOptions():
            return self._run_with_options(batch)
        if waiting >= MANY and not self._was_folded:
            self._was_folded = True
            return self._run_and_fold(batch)
        return run_forward(self.attachment, self.task, batch, self._folded if waiting >= MANY else None)

    def _run_with_options(self, batch: Sequence[Prepared]) -> list[Output]:
        kind = self.attachment.device.partition(":")[0]
        dtype = _AUTOCAST.get(self.options.autocast)
        with torch.autocast(kind, dtype=dtype, enabled=dtype is not None):
            if self.options.compile and not self._was_compiled:
                self._was_compiled = True
                outputs = self._run_and_compile(batch)
                if outputs is not None:
                    return outputs
            return run_forward(self.attachment, self.task, batch, self._compiled)

    def _run_and_compile(self, batch: Sequence[Prepared]) -> list[Output] | None:
        """Compile the model by its first batch; where that fails, say so and go on without: None."""
        compiled = cast(nn.Module, torch.compile(self.attachment.model, dynamic=True))
        try:
            outputs = run_forward(self.attachment, self.task, batch, compiled)
        except PredictionError as error:  # what the compiler raises are RuntimeErrors, as those of a model
            with self._lock:
                self._notes.append(f"torch.compile does not work here, so it is not used: {error.message}")
            return None
        self._compiled = compiled
        return outputs

    def _run_and_fold(self, batch: Sequence[Prepared]) -> list[Output]:
        """Compute with the model itself, and keep a folded copy for the next batches if it says the same."""
        outputs = run_forward(self.attachment, self.task, batch)
        model = self.attachment.model
        is_torchvisions = type(model).__module__.startswith("torchvision.models.")
        if self.task.name == "classification" and is_torchvisions and weight_bytes(model) <= _MOST_COPIED:
            copied = folded_copy(model)
            if copied is not None:
                lay_out_channels_last(copied)
                if agree(outputs, run_forward(self.attachment, self.task, batch, copied)):
                    self._folded = copied
        return outputs


def _nbytes(prepared: Prepared) -> int:
    return sum(tensor.nbytes for tensor in prepared.inputs)


@torch.no_grad()
def lay_out_channels_last(model: nn.Module) -> None:
    """Lay the weights of all 2-d convolutions out channels-last, after which they compute so: 1.3 times as fast."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and isinstance(module.weight, nn.Parameter):
            module.weight.data = module.weight.data.to(memory_format=torch.channels_last)
