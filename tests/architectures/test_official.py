import hashlib
import json
import math
from collections import Counter
from pathlib import Path

import pytest

from inspector.architectures import (
    OfficialWeights,
    UnknownArchitectureError,
    WeightsListError,
    adapted_signature,
    architecture,
    builder_arguments,
    catalogue,
)
from inspector.architectures.official import category_lists

FEATURES = "VGG16_Weights.IMAGENET1K_FEATURES"  # has a classifier of NaN: nothing to classify, nothing to measure
ENTRIES = [(builder, entry) for builder, entry in catalogue().entries()]


def entry_of(full_name: str) -> OfficialWeights:
    found = catalogue().entry(full_name)
    assert found is not None
    return found


def test_every_entry_says_what_it_was_made_and_measured_with() -> None:
    assert len(ENTRIES) == len({entry.full_name for _, entry in ENTRIES}) == 166
    for _, entry in ENTRIES:
        assert entry.recipe.startswith("https://"), entry.full_name
        assert bool(entry.metrics) == (entry.full_name != FEATURES)
        assert all(math.isfinite(value) for figures in entry.metrics.values() for value in figures.values())
        assert entry.file.endswith(".pth"), entry.full_name
        assert entry.file_size is not None
        assert entry.num_params is not None
    raft = entry_of("Raft_Large_Weights.C_T_V1")
    assert raft.metrics["Kitti-Train"]["fl_all"] == 17.4506
    assert set(raft.metrics) == {"Sintel-Train-Cleanpass", "Sintel-Train-Finalpass", "Kitti-Train"}
    assert entry_of("ViT_H_14_Weights.IMAGENET1K_SWAG_E2E_V1").license.endswith("SWAG/blob/main/LICENSE")


@pytest.mark.parametrize(
    ("full_name", "count", "index", "category"),
    [
        ("ResNet50_Weights.IMAGENET1K_V2", 1000, 258, "Samoyed"),
        ("FasterRCNN_ResNet50_FPN_Weights.COCO_V1", 91, 1, "person"),
        ("KeypointRCNN_ResNet50_FPN_Weights.COCO_V1", 2, 1, "person"),
        ("LRASPP_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1", 21, 0, "__background__"),
        ("R3D_18_Weights.KINETICS400_V1", 400, 1, "air drumming"),
        ("ResNet18_QuantizedWeights.IMAGENET1K_FBGEMM_V1", 1000, 0, "tench"),
    ],
)
def test_categories(full_name: str, count: int, index: int, category: str) -> None:
    categories = entry_of(full_name).categories
    assert (len(categories), categories[index]) == (count, category)


def test_categories_are_as_many_as_the_classes_that_the_official_build_has() -> None:
    for builder, entry in ENTRIES:
        expected = 0 if entry.full_name == FEATURES else builder.num_classes or 0
        assert len(entry.categories) == expected, entry.full_name
    assert len(category_lists()) == 6
    assert entry_of("Raft_Small_Weights.C_T_V2").categories == ()


def test_keypoint_names() -> None:
    names = entry_of("KeypointRCNN_ResNet50_FPN_Weights.COCO_LEGACY").keypoint_names
    assert (len(names), names[0], names[-1]) == (17, "nose", "right_ankle")
    assert architecture("keypointrcnn_resnet50_fpn").num_keypoints == 17
    assert entry_of("MaskRCNN_ResNet50_FPN_Weights.COCO_V1").keypoint_names == ()


def test_published_parameters_are_those_of_the_shipped_tensors() -> None:
    for builder, entry in ENTRIES:
        if builder.quantized:
            continue  # they publish those of the float model
        shapes, roles = adapted_signature(builder.name, None, entry.options), builder.roles_with(entry.options)
        trained = sum(math.prod(shape) for key, shape in shapes.items() if roles[key] == "parameter")
        assert trained == entry.num_params, entry.full_name


def test_quantized_entries_name_the_entry_that_they_were_made_from() -> None:
    for builder, entry in ENTRIES:
        assert bool(entry.unquantized) == builder.quantized
        if entry.unquantized:
            float_entry = entry_of(entry.unquantized)
            assert float_entry in architecture(builder.name.removeprefix("quantized_")).weights
            assert float_entry.num_params == entry.num_params


def test_what_the_official_build_sets() -> None:
    told = Counter(name for _, entry in ENTRIES for name in entry.options)
    assert told == {
        "quantize": 14,
        "backend": 14,
        "frozen_batch_norm": 8,
        "aux_loss": 5,
        "norm_eps": 4,
        "transform_input": 4,
        "aux_logits": 3,
        "image_size": 3,
    }
    assert entry_of("ViT_H_14_Weights.IMAGENET1K_SWAG_E2E_V1").options == {"image_size": 518}
    detector = entry_of("RetinaNet_ResNet50_FPN_Weights.COCO_V1")
    assert detector.options == {"frozen_batch_norm": True, "norm_eps": 0.0}
    assert builder_arguments(detector.options) == {}
    assert builder_arguments({"aux_loss": True, "norm_eps": 0.0}) == {"aux_loss": True}


@pytest.mark.parametrize(
    ("name", "assumed", "full_name", "official"),
    [
        ("inception_v3", {"transform_input": False}, "Inception_V3_Weights.IMAGENET1K_V1", {"transform_input": True}),
        ("maskrcnn_resnet50_fpn", {"norm_eps": 1e-5}, "MaskRCNN_ResNet50_FPN_Weights.COCO_V1", {"norm_eps": 0.0}),
        (
            "keypointrcnn_resnet50_fpn",
            {"norm_eps": 1e-5},
            "KeypointRCNN_ResNet50_FPN_Weights.COCO_LEGACY",
            {"norm_eps": 1e-5},
        ),
        (
            "quantized_googlenet",
            {"transform_input": False, "backend": "fbgemm"},
            "GoogLeNet_QuantizedWeights.IMAGENET1K_FBGEMM_V1",
            {"transform_input": True, "backend": "fbgemm"},
        ),
        ("vit_h_14", {}, "ViT_H_14_Weights.IMAGENET1K_SWAG_E2E_V1", {}),
    ],
)
def test_options_that_no_key_shows_follow_the_official_entry(
    name: str, assumed: dict[str, object], full_name: str, official: dict[str, object]
) -> None:
    assert architecture(name).assumed_options() == assumed
    assert architecture(name).assumed_options(entry_of(full_name)) == official


def test_sizes_are_compared_to_their_published_digits() -> None:
    entry = entry_of("ResNet50_Weights.IMAGENET1K_V1")
    assert entry.file_size == 97.781
    assert entry.can_have_size(102_530_333)
    assert not entry.can_have_size(102_530_333 + 4096)
    assert OfficialWeights("Ours.V1", "ours.pth", "").can_have_size(1)


def test_official_file_names_are_known_also_when_downloaded_twice() -> None:
    for file_name in ("resnet50-0676ba61.pth", "resnet50-0676ba61 (1).pth", "resnet50-0676ba61 copy 2.pth"):
        found = catalogue().entries_named(file_name)
        assert [entry.full_name for _, entry in found] == ["ResNet50_Weights.IMAGENET1K_V1"]
    assert catalogue().entries_named("resnet50.pth") == ()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ours.pth"
    path.write_bytes(b"weights of our own")
    return path


def test_an_entry_of_ones_own_is_recognised_by_size_and_checksum(file: Path) -> None:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    ours = OfficialWeights("Ours_Weights.V1", file.name, digest[:8], options={"transform_input": True})
    extended = catalogue().with_entry("googlenet", ours)
    assert extended.entries_with(("resnet18", "googlenet"), len(content), digest.upper()) == (ours,)
    assert extended.entries_with(("resnet18",), len(content), digest) == ()
    assert extended.entries_with(("googlenet",), len(content), "0" * 64) == ()
    assert catalogue().entries_with(("googlenet",), len(content), digest) == ()
    assert extended.find("googlenet").assumed_options(ours) == {"transform_input": True}
    assert [entry.full_name for _, entry in extended.entries_named("ours.pth")] == ["Ours_Weights.V1"]
    assert len(extended) == len(catalogue()) == 121


def test_an_entry_without_a_checksum_is_never_recognised() -> None:
    ours = OfficialWeights("Ours_Weights.V1", "ours.pth", "")
    assert catalogue().with_entry("resnet18", ours).entries_with(("resnet18",), 5, "0" * 64) == ()


def test_an_entry_takes_the_place_of_one_of_the_same_name() -> None:
    ours = OfficialWeights("ResNet18_Weights.IMAGENET1K_V1", "ours.pth", "0a1b2c3d")
    extended = catalogue().with_entry("resnet18", ours)
    assert extended["resnet18"].weights == (ours,)
    assert extended.entry("ResNet18_Weights.IMAGENET1K_V1") == ours
    with pytest.raises(UnknownArchitectureError):
        catalogue().with_entry("resnet19", ours)


def test_entries_are_read_from_a_file_of_the_shipped_form(tmp_path: Path) -> None:
    path = tmp_path / "ours.json"
    record = {"name": "Ours_Weights.V1", "file": "ours.pth", "sha256": "0a1b2c3d", "categories": "COCO"}
    path.write_text(json.dumps({"architectures": {"resnet18": {"weights": [record]}}}))
    entry = catalogue().with_entries_of(path).entry("Ours_Weights.V1")
    assert entry == OfficialWeights("Ours_Weights.V1", "ours.pth", "0a1b2c3d", category_list="COCO")
    assert len(entry.categories) == 91


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"architectures": []}',
        '{"architectures": {"resnet18": {"weights": [{}]}}}',
        '{"architectures": {"resnet18": {"weights": [{"name": "A.B", "file": "a", "sha256": "", "wings": 2}]}}}',
        '{"architectures": {"resnet18": {"weights": [{"name": 1, "file": "a", "sha256": ""}]}}}',
        '{"architectures": {"resnet18": {"weights": [{"name": "A.B", "file": "a", "sha256": "xyz"}]}}}',
        "[" * 100_000,
        " " * (2 << 20),
    ],
)
def test_another_file_is_no_list_of_entries(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ours.json"
    path.write_text(text)
    with pytest.raises(WeightsListError, match=r"ours\.json is"):
        catalogue().with_entries_of(path)
    with pytest.raises(WeightsListError, match=r"none\.json can't be read"):
        catalogue().with_entries_of(tmp_path / "none.json")
