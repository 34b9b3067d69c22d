"""Devices are chosen as asked, and what is not there is refused in plain words."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from inspector.engine.devices import choose_device, list_devices
from inspector.engine.problems import DeviceError
from inspector.engine.report import engine_versions


@pytest.fixture
def cpu_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
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
