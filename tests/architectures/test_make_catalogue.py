"""The script that makes the catalogue: what it builds, what it notices, and that it never downloads."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from inspector.shipped import shipped_path


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_options: Any) -> None:
        raise AssertionError("a download was tried")

    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


@pytest.mark.parametrize("name", ["googlenet", "keypointrcnn_resnet50_fpn", "regnet_y_400mf", "vit_l_16"])
def test_the_shipped_record_is_what_the_installed_torchvision_gives(name: str) -> None:
    from tools.make_catalogue import record_of

    shipped = json.loads(shipped_path("architectures/catalogue.json").read_text(encoding="utf-8"))
    assert json.loads(json.dumps(record_of(name)[0])) == shipped["architectures"][name]


def test_what_an_entry_changes_unknown_to_the_script_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from tools import official_entries, torchvision_builders
    from torchvision import models

    entry = models.Inception_V3_Weights.IMAGENET1K_V1
    assert official_entries.entry_options("inception_v3", entry, {}, ()) == {"transform_input": True}

    def surprising(name: str, **options: Any) -> Any:
        model: Any = torchvision_builders.build(name, **options)
        model.Mixed_5b.branch1x1.bn.eps = 0.5 if options.get("weights") else 0.001
        return model

    monkeypatch.setattr(official_entries, "build", surprising)
    with pytest.raises(SystemExit, match=r"IMAGENET1K_V1 sets something on inception_v3"):
        official_entries.entry_options("inception_v3", entry, {}, ())


def test_torchvision_is_left_as_it_was() -> None:
    from tools.torchvision_builders import build
    from torch import nn
    from torchvision.models import regnet
    from torchvision.models._api import WeightsEnum

    before = (WeightsEnum.get_state_dict, nn.Module.load_state_dict, regnet.BlockParams.from_init_params)
    model = build("regnet_x_400mf", weights="DEFAULT")
    assert all(parameter.is_meta for parameter in model.parameters())
    assert (WeightsEnum.get_state_dict, nn.Module.load_state_dict, regnet.BlockParams.from_init_params) == before


def test_another_number_of_classes_is_for_the_moment_of_building() -> None:
    from tools.torchvision_builders import build, other_counts
    from torchvision import models

    entry = models.ResNet18_Weights.IMAGENET1K_V1
    with other_counts(entry, 7, 5):
        assert build("resnet18", weights=entry).get_parameter("fc.bias").shape == (7,)
    assert len(entry.meta["categories"]) == 1000
    assert "keypoint_names" not in entry.meta


def test_attributes_are_numbers_and_lists_of_them_but_no_tensors() -> None:
    from tools.torchvision_builders import attributes_of, build

    model: Any = build("retinanet_resnet50_fpn")
    found = attributes_of(model)
    assert found["transform"]["image_mean"] == [0.485, 0.456, 0.406]
    assert found["anchor_generator"]["aspect_ratios"][1] == (0.5, 1.0, 2.0)
    assert len(model.anchor_generator.cell_anchors) == 5
    assert "cell_anchors" not in found["anchor_generator"]
    assert found["backbone.body.conv1"]["class"] == "Conv2d"
