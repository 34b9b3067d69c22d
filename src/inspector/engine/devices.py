"""The devices that models can run on, and which one is best."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import torch

from inspector.engine.problems import DeviceError


@dataclass(frozen=True, slots=True)
class Device:
    """One device.

    Attributes
    ----------
    name
        As torch takes it: ``cpu``, ``cuda:0``, ``mps``.
    description
        For a person: ``CPU · 8 cores``.
    memory_total
        Bytes of its own memory, None where it shares the machine's.
    """

    name: str
    description: str
    memory_total: int | None


def list_devices() -> list[Device]:
    """Return the devices of this machine, the best first; the CPU is always the last."""
    devices = []
    for index in range(_cuda_count()):
        properties = torch.cuda.get_device_properties(index)
        gibibytes = properties.total_memory / 2**30
        devices.append(Device(f"cuda:{index}", f"{properties.name} · {gibibytes:.0f} GB", properties.total_memory))
    if torch.backends.mps.is_available():
        devices.append(Device("mps", "Apple GPU (MPS)", None))
    cores = _cores()
    return [*devices, Device("cpu", f"CPU · {cores} core{'s' if cores > 1 else ''}", None)]


def choose_device(request: str) -> str:
    """Turn what a person asks for into a device's name.

    Parameters
    ----------
    request
        ``auto`` (CUDA where there is one, else MPS, else the CPU), ``cpu``, ``cuda`` (the first),
        ``cuda:N`` or ``mps``.

    Raises
    ------
    DeviceError
        There is no such device here, or no such word.
    """
    names = [device.name for device in list_devices()]
    if request == "auto":
        return names[0]
    wanted = "cuda:0" if request == "cuda" else request
    if wanted in names:
        return wanted
    if re.fullmatch(r"cuda:\d+", wanted):
        count = _cuda_count()
        there = "has no CUDA GPU that torch can use" if not count else f"has {count} CUDA GPU{'s' * (count > 1)}"
        raise DeviceError(f"There is no device {request}: this machine {there}.", "Choose auto or cpu.")
    if wanted == "mps":
        raise DeviceError("There is no device mps: it needs a Mac with Apple silicon.", "Choose auto or cpu.")
    raise DeviceError(f"{request} is not a device.", "Choose auto, cpu, cuda, cuda:N or mps.")


def _cuda_count() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _cores() -> int:
    """Return the cores that this process may use, which containers make fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
