"""Asking why: answers reach the state, stale ones don't, and what can't be told is told as a sentence."""

from __future__ import annotations

import os
import signal
import zlib
from pathlib import Path

import pytest
import torch
from torchvision.models import shufflenet_v2_x0_5

from inspector.session.explaining import explanation_from, feature_maps_from
from inspector.session.explanation_state import Explanation, FeatureMaps
from inspector.session.layers import layer_of

from .conftest import Driven, picture, saved


def explained(driven: Driven) -> Explanation:
    driven.until(lambda: driven.store.explanation is not None and driven.store.explanation.phase != "running")
    assert driven.store.explanation is not None
    return driven.store.explanation


def mapped(driven: Driven) -> FeatureMaps:
    driven.until(lambda: driven.store.feature_maps is not None and driven.store.feature_maps.phase != "running")
    assert driven.store.feature_maps is not None
    return driven.store.feature_maps


def test_the_whole_way(driven: Driven, tmp_path: Path) -> None:
    number = driven.attached(saved(tmp_path / "a.pth"))
    (prediction,) = driven.predict(number, picture(tmp_path / "a.png"))
    (image,) = driven.store.images
    told: list[str] = []
    driven.store.explanation_changed.connect(lambda: told.append("why"))
    explaining = driven.session.explaining

    explaining.explain(number, image)
    best = explained(driven)
    assert (best.phase, best.index, best.label) == ("ready", prediction.classes[0].index, prediction.classes[0].label)
    assert best.score == pytest.approx(prediction.classes[0].score, abs=1e-5)
    assert len(best.heat) == best.rows * best.columns > 1
    assert best.layer == "features"
    assert told == ["why", "why"]

    explaining.explain(number, image, prediction.classes[1].index)  # a stale question: the next one comes at once
    explaining.explain(number, image, prediction.classes[2].index)
    other = explained(driven)
    assert other.index == prediction.classes[2].index
    assert other.heat != best.heat

    explaining.explain(number, image, 77)
    failed = explained(driven)
    assert failed.failure is not None
    assert "no class 77" in failed.failure.sentence

    found = driven.checkpoint(number)
    assert found.summary is not None
    paths = {layer_of(found, node) for node in range(len(found.summary.kinds))}
    assert {"", "features", "features.3.squeeze"} <= paths
    explaining.show_feature_maps(number, image, "features.3.squeeze")
    maps = mapped(driven)
    assert (maps.kind, maps.count, maps.module) == ("maps", 16, "features.3.squeeze")
    assert len(maps.grey) == 16 * maps.rows * maps.columns
    assert all(low <= high for low, high in zip(maps.low, maps.high, strict=True))
    explaining.show_feature_maps(number, image, "nothing")
    failure = mapped(driven).failure
    assert failure is not None
    assert "no layer nothing" in failure.sentence

    explaining.explain(number, image)
    driven.session.remove_image(image)
    assert driven.store.explanation is None
    assert driven.predict(number, picture(tmp_path / "b.png", 1))[0].phase == "ready"
    assert driven.store.explanation is None, "an answer that nobody waits for any more"


def test_a_layer_is_found_where_modules_share_a_row_with_what_they_hold(driven: Driven, tmp_path: Path) -> None:
    wrapped = {f"module.{name}": tensor for name, tensor in shufflenet_v2_x0_5(num_classes=3).state_dict().items()}
    torch.save(wrapped, tmp_path / "a.pth")
    found = driven.checkpoint(driven.open(tmp_path / "a.pth"))
    summary = found.summary
    assert summary is not None
    layers = {}
    for node in range(1, len(summary.kinds)):
        names, at = [], node
        while at > 0:
            names.append(summary.labels[at])
            at = summary.parents[at]
        layers[".".join(reversed(names))] = layer_of(found, node)
    assert layers["module"] == ""
    assert layers["module.stage2"] == "stage2"
    assert layers["module.stage2.0.branch2"] == "stage2.0.branch2"
    assert layers["module.stage2.0.branch2.0.weight"] == "stage2.0.branch2.0"
    assert layers["module.fc"] == "fc"
    assert layers["module.fc.bias"] == "fc"


def test_without_an_attachment_and_with_a_dead_engine(driven: Driven, tmp_path: Path) -> None:
    number = driven.attached(saved(tmp_path / "a.pth"))
    driven.predict(number, picture(tmp_path / "a.png"))
    (image,) = driven.store.images
    explaining = driven.session.explaining
    pid = driven.session.engine.process_id
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # it must not have answered before it dies
    explaining.explain(number, image)
    os.kill(pid, signal.SIGKILL)
    driven.until(lambda: driven.store.explanation is None or driven.store.explanation.phase == "failed")
    driven.until(lambda: driven.checkpoint(number).attachment.phase == "ready")
    explaining.explain(number, image)
    assert explained(driven).phase == "ready"
    driven.session.detach(number)
    assert driven.store.explanation is None
    explaining.explain(number, image)
    failure = explained(driven).failure
    assert failure is not None
    assert "Nothing is attached" in failure.sentence


def test_answers_that_do_not_hold_together_are_none() -> None:
    asked = Explanation(1, 2)
    good = {
        "place": [0, 0, 9, 9], "rows": 2, "columns": 3, "index": 0, "label": "a", "score": 0.5, "layer": "b",
        "note": "",
    }  # fmt: skip
    heat = zlib.compress(bytes(6))
    made = explanation_from(asked, good, [heat])
    assert made is not None
    assert made.heat == bytes(6)
    for wrong in ({"rows": 3}, {"rows": 0}, {"place": [1, 2]}, {"score": None}, {"columns": 10**9}):
        assert explanation_from(asked, {**good, **wrong}, [heat]) is None
    assert explanation_from(asked, good, [b"nonsense"]) is None
    assert explanation_from(asked, good, []) is None
    maps = {
        "kind": "maps", "shape": [1, 2, 2, 2], "channels": 2, "first": 0, "count": 2, "height": 2, "width": 2,
        "rows": 2, "columns": 2, "note": "",
    }  # fmt: skip
    buffers = [zlib.compress(bytes(8)), bytes(8), bytes(8)]
    assert feature_maps_from(FeatureMaps(1, 2, "a"), maps, buffers) is not None
    for other in ({"kind": "movie"}, {"count": 3}, {"rows": 10**6}, {"shape": None}):
        assert feature_maps_from(FeatureMaps(1, 2, "a"), {**maps, **other}, buffers) is None
    assert feature_maps_from(FeatureMaps(1, 2, "a"), maps, [buffers[0], bytes(4), bytes(8)]) is None
