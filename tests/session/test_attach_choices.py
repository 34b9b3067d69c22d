"""What no key shows, the precision, and quantized weights: from the file to the engine."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torchvision import models

from inspector.session.attachment_choices import chosen_options

from .conftest import Driven, model, picture


def attached(driven: Driven, number: int) -> None:
    driven.session.attach(number)
    driven.until(lambda: driven.checkpoint(number).attachment.phase in ("ready", "failed"))
    assert driven.checkpoint(number).attachment.failure is None


def test_the_files_own_precision(shared_session: Driven, tmp_path: Path) -> None:
    torch.save(model().bfloat16().state_dict(), tmp_path / "net.pth")
    number = shared_session.attached(tmp_path / "net.pth")
    image = picture(tmp_path / "a.png")
    (widened,) = shared_session.predict(number, image)
    assert widened.failure is None
    choices = shared_session.checkpoint(number).choices
    shared_session.session.choose_match(number, replace(choices, dtype="keep"))
    assert shared_session.checkpoint(number).match_report is not None  # that depends on keys alone
    attached(shared_session, number)
    assert "bfloat16" in shared_session.checkpoint(number).attachment.precision
    (kept,) = shared_session.predict(number, picture(tmp_path / "b.png"))
    assert kept.failure is None
    assert [row.index for row in kept.classes][:1] == [row.index for row in widened.classes][:1]
    assert [row.score for row in kept.classes] != [row.score for row in widened.classes]


def test_options_that_no_key_shows_can_be_chosen(shared_session: Driven, tmp_path: Path) -> None:
    torch.save(models.googlenet(num_classes=3, aux_logits=False, init_weights=False).state_dict(), tmp_path / "net.pth")
    number = shared_session.open(tmp_path / "net.pth")
    found = shared_session.checkpoint(number)
    assert chosen_options(found) == {"transform_input": False}
    attached(shared_session, number)
    (before,) = shared_session.predict(number, picture(tmp_path / "a.png"))
    shared_session.session.choose_match(number, replace(found.choices, assumed=(("transform_input", True),)))
    assert chosen_options(shared_session.checkpoint(number)) == {"transform_input": True}
    attached(shared_session, number)
    (after,) = shared_session.predict(number, picture(tmp_path / "b.png"))
    assert [row.score for row in after.classes] != [row.score for row in before.classes]


def test_frozen_norms_are_assumed_to_be_those_of_the_official_weights(shared_session: Driven, tmp_path: Path) -> None:
    made = models.detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=4)
    frozen = {key: value for key, value in made.state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save(frozen, tmp_path / "frozen.pth")
    number = shared_session.open(tmp_path / "frozen.pth")
    assert chosen_options(shared_session.checkpoint(number)) == {"norm_eps": 0.0}
    torch.save(made.state_dict(), tmp_path / "batch.pth")
    number = shared_session.open(tmp_path / "batch.pth")
    assert chosen_options(shared_session.checkpoint(number)) == {}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_quantized_weights_attach_and_predict_as_torchvisions_model(shared_session: Driven, tmp_path: Path) -> None:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = models.quantization.shufflenet_v2_x0_5(quantize=True, num_classes=5).eval()
    torch.save(made.state_dict(), tmp_path / "net.pth")
    number = shared_session.open(tmp_path / "net.pth")
    report = shared_session.checkpoint(number).match_report
    assert report is not None
    assert (report.architecture, report.complete, report.num_classes) == ("quantized_shufflenet_v2_x0_5", True, 5)
    attached(shared_session, number)
    assert "8-bit" in shared_session.checkpoint(number).attachment.precision
    image = picture(tmp_path / "a.png")
    (prediction,) = shared_session.predict(number, image)
    assert prediction.failure is None
    from PIL import Image

    preset = models.ShuffleNet_V2_X0_5_Weights.DEFAULT.transforms()
    with torch.inference_mode():
        scores = made(preset(Image.open(image).convert("RGB"))[None]).softmax(1)[0]
    for row in prediction.classes:
        assert row.score == pytest.approx(float(scores[row.index]), abs=1e-4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("conv1.0.scale", torch.tensor(0.0), "conv1.0.scale is 0"),
        ("conv1.0.scale", torch.tensor(float("nan")), "conv1.0.scale is nan"),
        ("conv1.0.zero_point", torch.tensor(-5), "conv1.0.zero_point is -5"),
    ],
)
def test_quantized_weights_that_make_no_sense_are_refused_in_words(
    shared_session: Driven, tmp_path: Path, key: str, value: torch.Tensor, said: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        state_dict = models.quantization.shufflenet_v2_x0_5(quantize=True, num_classes=5).state_dict()
    assert key in state_dict
    torch.save({**state_dict, key: value}, tmp_path / "net.pth")
    number = shared_session.attached(tmp_path / "net.pth")
    failure = shared_session.checkpoint(number).attachment.failure
    assert failure is not None
    assert said in failure.message
