"""Each task's preprocessing is its weights entry's, can be changed by keys, and never claims to be what it is not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models
from torchvision.transforms import functional

from inspector.engine.building import task_of
from inspector.engine.choosing import (
    choose_preprocessing,
    class_labels,
    entries_of,
    entry_preprocessings,
    keypoint_names,
)
from inspector.engine.inputs import ClipPreprocessing, SegmentationPreprocessing
from inspector.engine.problems import LabelsError, PreprocessingError
from inspector.processes.roles.engine import Engine

NO_MODEL = nn.Module()
OTHERS = [name for name in models.list_models() if task_of(name) in ("segmentation", "video classification")]


@pytest.mark.parametrize("name", OTHERS)
def test_the_numbers_give_what_the_weights_entrys_transform_gives(name: str, photo: Image.Image) -> None:
    for entry, ours in zip(entries_of(name), entry_preprocessings(name, task_of(name), NO_MODEL), strict=True):
        assert ours.source == str(entry)
        if isinstance(ours, ClipPreprocessing):
            frames = [photo, photo.rotate(90)]
            expected = entry.transforms()(torch.stack([functional.pil_to_tensor(frame) for frame in frames]))
            assert ours.transform()(frames).equal(expected)
        else:
            assert ours.transform()(photo).equal(entry.transforms()(photo))


def test_clips_are_as_long_as_the_published_accuracies_took_them() -> None:
    """The lengths stand in the descriptions of torchvision's weights."""
    for name in models.list_models(module=models.video):
        (ours, *_) = entry_preprocessings(name, "video classification", NO_MODEL)
        assert f"`clip_len={ours.to_message()['frames']}`" in entries_of(name)[0].meta["_docs"]


def test_what_is_not_given_stays_and_what_means_nothing_is_refused() -> None:
    own, known = choose_preprocessing("r3d_18", "video classification", NO_MODEL, {"frames": 8}, None)
    message = own.to_message()
    assert (message["frames"], message["resize_size"], message["source"]) == (8, (128, 171), "checkpoint")
    assert known[0].to_message()["frames"] == 16
    with pytest.raises(PreprocessingError, match="unknown key min_size"):
        choose_preprocessing("r3d_18", "video classification", NO_MODEL, {"min_size": 8}, None)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"frames": 0}, "frames that is not a whole number from 1 to 256"),
        ({"resize_size": [128, 171, 3]}, "neither one number nor a pair"),
        ({"resize_size": [128, 1e9]}, "resize_size"),
        ({"frames": 200, "crop_size": 2000}, "200 frames of 2000 × 2000 pixels, more than fit"),
        ({"crop_size": "big"}, "crop_size"),
        ({"mean": [float("inf")]}, "mean"),
        ({"std": [0]}, "not positive"),
        ({"interpolation": "lanczos"}, "interpolation"),
    ],
)
def test_numbers_that_can_not_be_are_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(PreprocessingError, match=words):
        choose_preprocessing("s3d", "video classification", NO_MODEL, keys, None)


def test_every_message_can_be_given_back() -> None:
    for name, task in (("r3d_18", "video classification"), ("fcn_resnet50", "segmentation"), ("resnet50", "")):
        for entry in entry_preprocessings(name, task or "classification", NO_MODEL):
            message = {"name": entry.source, **entry.to_message()}  # as the engine offers it
            again, _ = choose_preprocessing(name, task or "classification", NO_MODEL, message, None)
            assert again == entry


def test_a_sources_name_is_believed_only_where_the_numbers_are_its() -> None:
    v2 = entry_preprocessings("resnet50", "classification", NO_MODEL)[0].to_message()
    assert v2["source"] == "ResNet50_Weights.IMAGENET1K_V2"
    lying = v2 | {"crop_size": 100}
    found = [
        choose_preprocessing("resnet50", "classification", NO_MODEL, keys, None)[0].source
        for keys in (v2, lying, lying | {"source": "person"}, lying | {"source": "Somebody's"})
    ]
    assert found == ["ResNet50_Weights.IMAGENET1K_V2", "checkpoint", "person", "checkpoint"]


def test_a_segmentation_can_be_changed(photo: Image.Image) -> None:
    own, _ = choose_preprocessing("fcn_resnet50", "segmentation", NO_MODEL, {"resize_size": 65}, None)
    assert isinstance(own, SegmentationPreprocessing)
    assert own.transform()(photo).shape == (3, 65, 75)


@pytest.mark.parametrize(
    ("architecture", "classes", "some"),
    [
        ("fasterrcnn_resnet50_fpn", 91, {0: "__background__", 18: "dog"}),
        ("keypointrcnn_resnet50_fpn", 2, {0: "no person", 1: "person"}),
        ("fcn_resnet50", 21, {12: "dog"}),
        ("r3d_18", 400, {0: "abseiling"}),
        ("resnet18", 1000, {258: "Samoyed"}),
        ("", 1000, {258: "Samoyed"}),
        ("fcn_resnet50", 4, {3: "3"}),
        ("unknown", 400, {3: "3"}),
    ],
)
def test_labels_are_those_of_fitting_weights_else_numbers(
    architecture: str, classes: int, some: dict[int, str]
) -> None:
    labels = class_labels(None, classes, architecture)
    assert len(labels) == classes
    assert {index: labels[index] for index in some} == some


def test_a_detectors_own_names_may_leave_the_background_out() -> None:
    assert class_labels(["cat", "dog"], 3, "fasterrcnn_resnet50_fpn") == ("__background__", "cat", "dog")
    assert class_labels(["void", "cat", "dog"], 3, "fasterrcnn_resnet50_fpn") == ("void", "cat", "dog")
    with pytest.raises(LabelsError, match="2 class names, but the model has 3 classes"):
        class_labels(["cat", "dog"], 3, "resnet18")


def test_keypoints_have_names_where_there_are_as_many() -> None:
    assert keypoint_names("keypointrcnn_resnet50_fpn", None)[0] == "nose"
    assert len(keypoint_names("keypointrcnn_resnet50_fpn", 17)) == 17
    assert keypoint_names("keypointrcnn_resnet50_fpn", 5) == ()
    assert keypoint_names("resnet18", None) == ()


def test_the_engine_tells_the_entries_and_the_picture_as_the_model_sees_it(photo: Image.Image) -> None:
    import io

    from inspector.engine.attach import attach

    engine = Engine()
    state = models.squeezenet1_1(num_classes=3).state_dict()
    message = engine.hold(attach("squeezenet1_1", state, num_classes=3, device="cpu"), 0.0)
    (entry,) = message["preprocessings"]
    assert entry["name"] == entry["source"] == "SqueezeNet1_1_Weights.IMAGENET1K_V1"
    assert entry == {"name": entry["name"], **message["preprocessing"]}
    file = io.BytesIO()
    photo.save(file, "PNG")
    params = {"attachment": message["attachment"], "names": ["a.png"]}
    told, (rgb,) = engine.model_input(params, [bytearray(file.getvalue())], lambda _: None)
    assert (told["width"], told["height"], len(rgb)) == (224, 224, 224 * 224 * 3)
    assert told["caption"].startswith("224 × 224 pixels, from 300 × 260; then minus the mean 0.485, 0.456, 0.406,")
    seen = Image.frombytes("RGB", (224, 224), bytes(rgb))
    by_hand = functional.center_crop(functional.resize(photo, [256], antialias=True), [224])
    difference = functional.pil_to_tensor(seen).int() - functional.pil_to_tensor(by_hand).int()
    assert int(difference.abs().max()) <= 1


@pytest.mark.parametrize("architecture", models.list_models())
def test_the_labels_of_every_architecture_are_its_default_entry_s(architecture: str) -> None:
    # asks all entries: of VGG16's features alone torchvision keeps no categories
    categories = models.get_model_weights(architecture).DEFAULT.meta.get("categories") or ()
    assert (task_of(architecture) == "optical flow") == (not categories)
    assert class_labels(None, len(categories), architecture) == tuple(categories)
