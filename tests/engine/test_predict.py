"""Predictions equal those of torchvision's own model and transforms, and real weights give the right answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models

from inspector.engine.attach import attach
from inspector.engine.predict import ImagePrediction, predict_batch, predict_image
from inspector.engine.problems import EngineError, PredictionError, UnsupportedTaskError
from inspector.pictures.decode import decode_image

Calibrated = Callable[..., nn.Module]
EMBEDDED = {"resize_size": 64, "crop_size": 64, "mean": [0.5], "std": [0.25]}
QUICK = [
    ("resnet18", 1000),
    ("mobilenet_v2", 1000),
    ("squeezenet1_0", 4),
    ("regnet_y_400mf", 10),
    ("swin_t", 3),
    ("densenet121", 5),
    ("vit_b_32", 6),
]
RESNET18 = "checkpoints/imagenet/facebookresearch__kill-the-bits__resnet18_small_blocks.decoded.pth"


def scores(prediction: ImagePrediction) -> dict[int, float]:
    return {p.index: p.score for p in prediction.predictions}


def check_against_torchvision(name: str, model: nn.Module, classes: int, photo: Image.Image) -> None:
    entry = models.get_model_weights(name).DEFAULT
    with torch.inference_mode():
        expected = model(entry.transforms()(photo)[None]).softmax(1)[0]
    found = scores(predict_image(attach(name, model.state_dict(), num_classes=classes, device="cpu"), photo, classes))
    assert len(found) == classes
    assert max(abs(found[i] - expected[i].item()) for i in range(classes)) < 1e-5
    assert expected.std() > 0, "a model that says the same of everything proves nothing"


@pytest.mark.parametrize(("name", "classes"), QUICK)
def test_scores_equal_torchvisions(name: str, classes: int, calibrated: Calibrated, photo: Image.Image) -> None:
    check_against_torchvision(name, calibrated(name, num_classes=classes), classes, photo)


CLASSIFIERS = [name for name in models.list_models(module=models) if name not in dict(QUICK)]


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_scores_equal_torchvisions_for_every_classifier(name: str, calibrated: Calibrated, photo: Image.Image) -> None:
    size = {"image_size": 518} if name == "vit_h_14" else {}  # its default weights entry has no other
    check_against_torchvision(name, calibrated(name, num_classes=11, **size), 11, photo)


def test_another_preprocessing_is_seen_in_the_scores(calibrated: Calibrated, photo: Image.Image) -> None:
    state = calibrated("resnet18").state_dict()
    own = attach("resnet18", state, num_classes=None, device="cpu")
    other = attach("resnet18", state, num_classes=None, device="cpu", preprocessing=EMBEDDED)
    a, b = (scores(predict_image(attachment, photo, 1000)) for attachment in (own, other))
    assert max(abs(a[i] - b[i]) for i in a) > 1e-3


def test_training_mode_would_be_seen_and_is_refused(calibrated: Calibrated, photo: Image.Image) -> None:
    attachment = attach("resnet18", calibrated("resnet18").state_dict(), num_classes=None, device="cpu")
    attachment.model.get_submodule("layer2.0.bn1").train()
    with pytest.raises(EngineError, match=r"layer2\.0\.bn1 is not in eval mode"):
        predict_image(attachment, photo)


def test_a_batch_equals_one_by_one(calibrated: Calibrated, photo: Image.Image) -> None:
    state = calibrated("resnet18", num_classes=6).state_dict()
    attachment = attach("resnet18", state, num_classes=6, device="cpu")
    images = [photo, photo.transpose(Image.Transpose.ROTATE_90), photo.convert("L"), photo.resize((90, 700))]
    together = predict_batch(attachment, images, top=6)
    for image, prediction in zip(images, together, strict=True):
        alone = scores(predict_image(attachment, image, top=6))
        assert scores(prediction) == pytest.approx(alone, abs=1e-6)
        assert prediction.milliseconds > 0
    assert predict_batch(attachment, []) == []


def test_the_best_come_first_with_their_labels(calibrated: Calibrated, photo: Image.Image) -> None:
    state = calibrated("squeezenet1_0", num_classes=4).state_dict()
    attachment = attach("squeezenet1_0", state, num_classes=4, device="cpu", labels=["ant", "bee", "cat", "dog"])
    three, all_four = predict_image(attachment, photo, 3).predictions, predict_image(attachment, photo, 99).predictions
    assert [p.score for p in all_four] == sorted((p.score for p in all_four), reverse=True)
    assert sum(p.score for p in all_four) == pytest.approx(1)
    assert three == all_four[:3]
    assert all(p.label == ["ant", "bee", "cat", "dog"][p.index] for p in all_four)
    with pytest.raises(ValueError, match="0 likeliest"):
        predict_image(attachment, photo, 0)


def test_scores_that_are_not_numbers_are_a_problem_and_no_answer(calibrated: Calibrated, photo: Image.Image) -> None:
    state = calibrated("squeezenet1_0", num_classes=4).state_dict()
    state["classifier.1.bias"][2] = float("nan")
    attachment = attach("squeezenet1_0", state, num_classes=4, device="cpu")
    (found,) = predict_batch(attachment, [photo])
    assert found.predictions == ()
    assert "not numbers" in found.problem
    with pytest.raises(PredictionError, match="not numbers"):
        predict_image(attachment, photo)


def test_one_bad_image_is_a_problem_of_its_own(calibrated: Calibrated, photo: Image.Image) -> None:
    state = calibrated("squeezenet1_0", num_classes=4).state_dict()
    attachment = attach("squeezenet1_0", state, num_classes=4, device="cpu")
    ribbon = Image.fromarray(np.zeros((1, 60_000, 3), np.uint8))
    first, bad, last = predict_batch(attachment, [photo, ribbon, photo])
    assert "too thin" in bad.problem
    assert first.predictions == last.predictions != ()


def test_images_that_the_model_can_not_take_are_told(photo: Image.Image) -> None:
    state = models.alexnet(num_classes=2).state_dict()
    tiny = {**EMBEDDED, "resize_size": 8, "crop_size": 8}
    attachment = attach("alexnet", state, num_classes=2, device="cpu", preprocessing=tiny)
    with pytest.raises(PredictionError, match="can't take images of 8 × 8 pixels"):
        predict_image(attachment, photo)


def test_tasks_without_predictions_say_so(calibrated: Calibrated, photo: Image.Image) -> None:
    state = calibrated("squeezenet1_0", num_classes=4).state_dict()
    attachment = replace(attach("squeezenet1_0", state, num_classes=4, device="cpu"), task="dreaming")
    with pytest.raises(UnsupportedTaskError, match="Predictions for dreaming are not available yet"):
        predict_image(attachment, photo)


@pytest.mark.shared_data
def test_a_real_resnet18_knows_a_samoyed(shared_data: Path) -> None:
    state = torch.load(shared_data / RESNET18, weights_only=True)
    path = shared_data / "images" / "misc" / "pytorch__ios-demo-app__dog.jpg"
    found = predict_image(
        attach("resnet18", state, num_classes=1000, device="cpu"), decode_image(path.read_bytes(), name=path.name)
    )
    assert found.predictions[0].label == "Samoyed"
    assert found.predictions[0].score == pytest.approx(0.814, abs=0.002)


@pytest.mark.shared_data
def test_a_real_resnet18_is_right_on_140_of_175(shared_data: Path) -> None:
    state = torch.load(shared_data / RESNET18, weights_only=True)
    attachment = attach("resnet18", state, num_classes=1000, device="cpu")
    ids = [line.split()[0] for line in (shared_data / "imagenet_classes.txt").read_text().splitlines()]
    paths = sorted((shared_data / "images" / "imagenet").iterdir())
    right = 0
    for start in range(0, len(paths), 25):
        batch = paths[start : start + 25]
        images = [decode_image(path.read_bytes(), name=path.name) for path in batch]
        for path, found in zip(batch, predict_batch(attachment, images, 1), strict=True):
            right += ids[found.predictions[0].index] == path.name.split("_")[0]
    assert (right, len(paths)) == (140, 175)
