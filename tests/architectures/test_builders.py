import math
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.architectures import (
    Architecture,
    UnknownArchitectureError,
    architecture,
    catalogue,
    imagenet_categories,
)
from inspector.architectures.collection import torchvision_version
from inspector.architectures.layouts import outline, parse, sections
from inspector.errors import InspectorError
from inspector.shipped import shipped_path

ROOT = Path(__file__).resolve().parents[2]


def test_every_builder_is_there_with_its_task() -> None:
    tasks = [entry.task for entry in catalogue().values()]
    assert len(tasks) == 121
    assert tasks.count("classification") == 80 + 12
    assert sum(tasks.count(task) for task in ("detection", "instance_segmentation", "keypoint_detection")) == 12
    assert tasks.count("semantic_segmentation") == 6
    assert tasks.count("video_classification") == 9
    assert tasks.count("optical_flow") == 2
    assert sum(entry.quantized for entry in catalogue().values()) == 12
    assert list(catalogue()) == sorted(catalogue())


def test_resnet18_is_as_torchvision_builds_it() -> None:
    resnet18 = architecture("resnet18")
    assert resnet18.parameters == 11_689_512
    assert resnet18.num_classes == 1000
    assert (resnet18.dropout_count, resnet18.batch_norm_count) == (0, 20)
    assert len(resnet18.signature) == 122
    assert list(resnet18.signature)[:3] == ["conv1.weight", "bn1.weight", "bn1.bias"]
    assert resnet18.signature["layer2.0.downsample.0.weight"] == (128, 64, 1, 1)
    assert resnet18.signature["bn1.num_batches_tracked"] == ()
    assert resnet18.roles_with({})["bn1.running_mean"] == "buffer"
    assert resnet18.dtypes_with({})["bn1.num_batches_tracked"] == "int64"
    assert resnet18.head_keys == ("fc.weight", "fc.bias")


@pytest.mark.parametrize("entry", catalogue().values(), ids=catalogue())
def test_parameters_add_up(entry: Architecture) -> None:
    signature, roles = entry.signature, entry.roles_with({})
    assert sum(math.prod(signature[key]) for key in signature if roles[key] == "parameter") == entry.parameters


@pytest.mark.parametrize("entry", catalogue().values(), ids=catalogue())
def test_heads_carry_the_default_number_of_classes(entry: Architecture) -> None:
    assert bool(entry.heads) == (entry.num_classes is not None)
    for key, head in entry.heads.items():
        assert entry.layout.tensors[key].shape[head.axis] == head.factor * (entry.num_classes or 0)


def test_heads_of_other_forms() -> None:
    assert architecture("squeezenet1_0").head_keys == ("classifier.1.weight", "classifier.1.bias")
    assert architecture("vit_b_16").head_keys == ("heads.head.weight", "heads.head.bias")
    assert architecture("maxvit_t").head_keys == ("classifier.5.weight",)
    assert architecture("retinanet_resnet50_fpn").heads["head.classification_head.cls_logits.bias"].factor == 9
    assert architecture("raft_large").head_keys == ()


def test_optional_modules_are_left_out_by_default_only_where_torchvision_does() -> None:
    assert "aux_classifier.0.weight" not in architecture("fcn_resnet50").signature
    assert "aux_classifier.0.weight" in architecture("fcn_resnet50").signature_with({"aux_loss": True})
    assert "AuxLogits.fc.weight" in architecture("inception_v3").signature
    assert "AuxLogits.fc.weight" not in architecture("inception_v3").signature_with({"aux_logits": False})


def test_frozen_batch_norm_has_no_counters_and_nothing_to_train() -> None:
    detector = architecture("fasterrcnn_resnet50_fpn")
    assert detector.roles_with({})["backbone.body.bn1.weight"] == "parameter"
    frozen = detector.roles_with({"frozen_batch_norm": True})
    assert "backbone.body.bn1.num_batches_tracked" not in frozen
    assert {frozen[f"backbone.body.bn1.{name}"] for name in ("weight", "bias", "running_mean")} == {"buffer"}
    assert frozen["backbone.body.conv1.weight"] == frozen["roi_heads.box_head.fc6.weight"] == "parameter"
    frozen_ones = [name for name, entry in catalogue().items() if entry.frozen_norms]
    assert len(frozen_ones) == 7
    assert not any("v2" in name for name in frozen_ones)


def test_a_quantized_layer() -> None:
    quantized = architecture("quantized_resnet18")
    signature, dtypes = quantized.signature_with({"quantize": True}), quantized.dtypes_with({"quantize": True})
    assert list(signature)[:4] == ["conv1.weight", "conv1.bias", "conv1.scale", "conv1.zero_point"]
    assert signature["fc._packed_params._packed_params.0"] == (1000, 512)
    assert signature["fc._packed_params._packed_params.1"] == (1000,)
    assert "bn1.weight" not in signature
    assert (dtypes["conv1.weight"], dtypes["conv1.zero_point"]) == ("qint8", "int64")
    assert list(quantized.heads_with({"quantize": True})) == [f"fc._packed_params._packed_params.{i}" for i in (0, 1)]
    assert quantized.signature == architecture("resnet18").signature


def test_preprocessing_of_the_default_weights() -> None:
    resnet18 = architecture("resnet18").preprocessing_for({})
    assert resnet18 is not None
    assert (resnet18.resize_size, resnet18.crop_size, resnet18.interpolation) == (256, 224, "bilinear")
    assert resnet18.mean == (0.485, 0.456, 0.406)
    assert resnet18.std == (0.229, 0.224, 0.225)
    large = architecture("efficientnet_v2_l").preprocessing_for({})
    assert large is not None
    assert (large.crop_size, large.mean, large.interpolation) == (480, (0.5, 0.5, 0.5), "bicubic")
    assert architecture("fcn_resnet50").preprocessing_for({}) is None


@pytest.mark.parametrize(("size", "resize"), [(224, 224), (518, 518), (448, 448)])
def test_a_vision_transformers_image_size_decides_its_preprocessing(size: int, resize: int) -> None:
    found = architecture("vit_h_14").preprocessing_for({"image_size": size})
    assert found is not None
    assert (found.resize_size, found.crop_size) == (resize, size)


def test_the_builders_default_image_size_decides_without_options() -> None:
    found = architecture("vit_h_14").preprocessing_for({})
    assert found is not None
    assert found.crop_size == 224  # the default weights are for 518


def test_official_weights() -> None:
    weights = architecture("resnet50").weights
    assert [entry.full_name for entry in weights] == [
        "ResNet50_Weights.IMAGENET1K_V1",
        "ResNet50_Weights.IMAGENET1K_V2",
    ]
    assert architecture("resnet50").default_weights == weights[1].name == "IMAGENET1K_V2"
    assert (weights[0].file, weights[0].sha256_prefix) == ("resnet50-0676ba61.pth", "0676ba61")
    assert weights[0].metrics["ImageNet-1K"]["acc@1"] == 76.13
    entries = [entry for builder in catalogue().values() for entry in builder.weights]
    assert len(entries) == 166
    assert sum(len(entry.sha256_prefix) == 8 for entry in entries) == 158


def test_imagenet_categories() -> None:
    categories = imagenet_categories()
    assert len(categories) == 1000
    assert (categories[0], categories[258], categories[999]) == ("tench", "Samoyed", "toilet tissue")


def test_an_unknown_name_gets_near_ones() -> None:
    with pytest.raises(UnknownArchitectureError) as caught:
        architecture("ResNet-18")
    assert isinstance(caught.value, InspectorError)
    assert "resnet18" in caught.value.hint
    with pytest.raises(UnknownArchitectureError, match="no architecture named"):
        architecture("!" * 10_000)


def test_the_outline_is_written_as_it_is_read() -> None:
    shipped = sections(shipped_path("architectures/layouts.txt").read_text(encoding="utf-8"))
    # quantized builders in floating point and one detector share a section, quantized ones have one of their own
    assert len(shipped) == 121 - 12 - 1 + 12
    for name, text in shipped.items():
        assert outline(parse(text)) == text, name


def test_a_damaged_outline_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown template 'conv'"):
        parse("stem conv 3 3\n")


def test_shipped_data_is_small_plain_text() -> None:
    files = list(shipped_path("architectures").iterdir())
    assert sum(file.stat().st_size for file in files) < 400_000
    for file in files:
        assert file.read_text(encoding="utf-8").endswith("\n")
    assert torchvision_version().count(".") == 2


@pytest.mark.slow
def test_shipped_data_is_up_to_date() -> None:
    script = ROOT / "tools" / "make_catalogue.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_room_imports_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; from inspector.architectures import architecture, identify\n"
        "assert identify(architecture('resnet18').signature).match == 'exact'\n"
        "print(sorted({'torch', 'torchvision', 'numpy', 'PIL', 'PySide6'} & sys.modules.keys()))"
    )
    paths = [str(ROOT / "src")]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
