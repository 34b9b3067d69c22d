"""Devices are chosen as asked, and what is not there is refused in plain words."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from inspector.engine.devices import choose_device, device_trouble, list_devices
from inspector.engine.problems import DeviceError, DeviceLostError, DeviceMemoryError
from inspector.engine.report import engine_versions


@pytest.fixture
def cpu_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda index: index)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (5 * 2**30, 24 * 2**30))
    card = SimpleNamespace(name="Fast Card", total_memory=24 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: card)


@pytest.mark.usefixtures("cpu_only")
def test_without_a_gpu_it_is_the_cpu() -> None:
    assert choose_device("auto") == choose_device("cpu") == "cpu"
    (cpu,) = list_devices()
    assert cpu.description.startswith("CPU · ")
    for request in ("cuda", "cuda:0", "mps", "tpu", ""):
        with pytest.raises(DeviceError) as caught:
            choose_device(request)
        assert "auto" in caught.value.hint


@pytest.mark.usefixtures("two_gpus")
def test_with_gpus_the_first_is_best_and_each_can_be_named() -> None:
    assert choose_device("auto") == choose_device("cuda") == "cuda:0"
    assert choose_device("cuda:1") == "cuda:1"
    assert choose_device("cpu") == "cpu"
    assert [device.description for device in list_devices()][:2] == ["Fast Card · 24 GB"] * 2
    assert list_devices()[-1].name == "cpu"
    with pytest.raises(DeviceError, match="has 2 CUDA GPUs"):
        choose_device("cuda:2")


@pytest.mark.usefixtures("cpu_only")
def test_apples_gpu_comes_before_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("mps") == "mps"


@pytest.mark.usefixtures("cpu_only")
def test_the_report_names_versions_and_devices() -> None:
    report = engine_versions()
    assert report["torch"] == str(torch.__version__)
    assert {"python", "torchvision", "cuda"} <= report.keys()
    assert [device["name"] for device in report["devices"]] == ["cpu"]


@pytest.mark.usefixtures("two_gpus")
def test_free_memory_is_told_of_the_cards_in_use_alone() -> None:
    assert [device.memory_free for device in list_devices()[:2]] == [None, 5 * 2**30]
    assert [device.memory_total for device in list_devices()[:2]] == [24 * 2**30] * 2


@pytest.mark.usefixtures("cpu_only")
def test_an_intel_gpu_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    card = SimpleNamespace(name="Arc", total_memory=16 * 2**30)
    xpu = SimpleNamespace(
        is_available=lambda: True,
        device_count=lambda: 1,
        get_device_properties=lambda index: card,
        memory_reserved=lambda index: 0,
    )
    monkeypatch.setattr(torch, "xpu", xpu)
    assert list_devices()[0].description == "Arc · 16 GB"
    assert choose_device("auto") == choose_device("xpu") == choose_device("xpu:0") == "xpu:0"


accelerator_error = getattr(torch, "AcceleratorError", RuntimeError)


@pytest.mark.parametrize(
    ("error", "device", "kind"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."), "cuda:0", DeviceMemoryError),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "cpu", DeviceMemoryError),
        (RuntimeError("MPS backend out of memory (allocated: 9 GB)"), "mps", DeviceMemoryError),
        (MemoryError(), "cpu", DeviceMemoryError),
        (accelerator_error("CUDA error: unspecified launch failure\nmore"), "cuda:0", DeviceLostError),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"), "cuda:1", DeviceLostError),
        (RuntimeError("Found no NVIDIA driver on your system."), "cuda:0", DeviceLostError),
        (RuntimeError("Given groups=1, expected input to have 3 channels"), "cuda:0", type(None)),
        (RuntimeError("CUDA error: words of a model's own"), "cpu", type(None)),
    ],
)
def test_what_an_error_tells_of_the_device(error: Exception, device: str, kind: type[object]) -> None:
    found = device_trouble(error, device)
    assert type(found) is kind
    if found is not None:
        assert device in found.message
        assert "\n" not in found.sentence
        assert found.hint
