"""The devices that models can run on, which one is best, and what it means when one does not do its work."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from types import ModuleType

import torch

from inspector.engine.problems import DeviceError, DeviceLostError, DeviceMemoryError


@dataclass(frozen=True, slots=True)
class Device:
    """One device.

    Attributes
    ----------
    name
        As torch takes it: ``cpu``, ``cuda:0``, ``xpu:0``, ``mps``.
    description
        For a person: ``CPU · 8 cores``.
    memory_total
        Bytes of its own memory, None where it shares the machine's.
    memory_free
        Bytes of it that are free now; None where that is not told, and of a card that this process does not use:
        to ask one takes some of its memory.
    """

    name: str
    description: str
    memory_total: int | None = None
    memory_free: int | None = None


def list_devices() -> list[Device]:
    """Return the devices of this machine, the best first; the CPU is always the last."""
    devices = [*_cards("cuda", torch.cuda), *_cards("xpu", _xpu())]
    if torch.backends.mps.is_available():
        devices.append(Device("mps", "Apple GPU (MPS)"))
    cores = usable_cores()
    return [*devices, Device("cpu", f"CPU · {cores} core{'s' if cores > 1 else ''}")]


def choose_device(request: str) -> str:
    """Turn what a person asks for into a device's name.

    Parameters
    ----------
    request
        ``auto`` (the first of `list_devices`), ``cpu``, ``cuda`` (the first), ``cuda:N``, ``xpu``, ``xpu:N`` or
        ``mps``.

    Raises
    ------
    DeviceError
        There is no such device here, or no such word.
    """
    names = [device.name for device in list_devices()]
    if request == "auto":
        return names[0]
    wanted = f"{request}:0" if request in ("cuda", "xpu") else request
    if wanted in names:
        return wanted
    kind = wanted.partition(":")[0]
    if re.fullmatch(r"(cuda|xpu):\d+", wanted):
        count = sum(name.startswith(kind) for name in names)
        word = f"{kind.upper()} GPU"
        there = f"has no {word} that torch can use" if not count else f"has {count} {word}{'s' * (count > 1)}"
        raise DeviceError(f"There is no device {request}: this machine {there}.", "Choose auto or cpu.")
    if wanted == "mps":
        raise DeviceError("There is no device mps: it needs a Mac with Apple silicon.", "Choose auto or cpu.")
    raise DeviceError(f"{request} is not a device.", "Choose auto, cpu, cuda, cuda:N, xpu, xpu:N or mps.")


def free_memory(device: str) -> int | None:
    """Return the bytes that are free on a device, None where that is not told."""
    return next((found.memory_free for found in list_devices() if found.name == device), None)


def wait_for(device: str) -> None:
    """Wait until a device has done what it was given; what went wrong there is raised here."""
    kind = device.partition(":")[0]
    if kind == "cuda":
        torch.cuda.synchronize(device)
    elif kind == "xpu":
        torch.xpu.synchronize(device)
    elif kind == "mps":
        torch.mps.synchronize()


def device_trouble(error: BaseException, device: str) -> DeviceError | None:
    """Return what an error of torch tells about the device, None where it tells nothing about it.

    Some come with a type of their own (``torch.OutOfMemoryError``; ``torch.AcceleratorError`` from torch 2.8 on), the
    rest, such as a full memory of the CPU, are RuntimeErrors with words that torch's sources fix.
    """
    words = str(error)
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or any(mark in words for mark in _FULL):
        return DeviceMemoryError(
            f"The memory of {device} is full.",
            "Close other programs that use it, or choose another device."
            if device != "cpu"
            else "Close other programs.",
        )
    accelerator_error = getattr(torch, "AcceleratorError", None)
    if device != "cpu" and (
        (accelerator_error is not None and isinstance(error, accelerator_error)) or any(mark in words for mark in _LOST)
    ):
        reason = words.strip().split("\n")[0][:200].rstrip(".")
        return DeviceLostError(f"The device {device} stopped working: {reason}.", "The CPU can be used instead.")
    return None


#: c10/core/impl/alloc_cpu.cpp and CPUAllocator.cpp; the caching allocators of CUDA and XPU; MPSAllocator.mm
_FULL = ("DefaultCPUAllocator: ", "out of memory")

#: c10/cuda/CUDAException.cpp, aten's cuBLAS and cuDNN checks, HIP's, XPU's (SYCL) and Metal's own.
_LOST = (
    "CUDA error",
    "CUBLAS_STATUS",
    "cuDNN error",
    "CUDNN_STATUS",
    "HIP error",
    "UR_RESULT_ERROR",
    "MPS backend",
    "NVIDIA driver",
)


def usable_cores() -> int:
    """Return the cores that this process may use, which containers make fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _xpu() -> ModuleType | None:
    return getattr(torch, "xpu", None)


def _cards(kind: str, module: ModuleType | None) -> list[Device]:
    """Return the cards of a kind, as ``torch.cuda`` and ``torch.xpu`` tell them alike."""
    if module is None or not module.is_available():
        return []
    devices = []
    for index in range(module.device_count()):
        properties = module.get_device_properties(index)
        total = int(properties.total_memory)
        description = f"{properties.name} · {total / 2**30:.0f} GB"
        devices.append(Device(f"{kind}:{index}", description, total, _free(module, index)))
    return devices


def _free(module: ModuleType, index: int) -> int | None:
    try:
        return int(module.mem_get_info(index)[0]) if module.memory_reserved(index) else None
    except (RuntimeError, AttributeError):  # a driver or a version of torch that does not tell
        return None
