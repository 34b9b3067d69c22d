from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.architectures import adapted_signature, architecture, catalogue, identify, match
from inspector.architectures.builders import _layout
from inspector.architectures.layouts import Shape
from inspector.architectures.shared_names import known_names
from inspector.checkpoint import open_checkpoint

# Same keys and shapes as another builder, which comes first.
TWINS = {"fasterrcnn_mobilenet_v3_large_320_fpn": "fasterrcnn_mobilenet_v3_large_fpn"}
NAMES = tuple(catalogue())
WITH_CLASSES = tuple(name for name, entry in catalogue().items() if entry.num_classes is not None)

segments = st.sampled_from(["module", "_orig_mod", "model", "net"]) | st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
wrappers = st.lists(segments, max_size=4).map(lambda parts: "".join(f"{part}." for part in parts))


def first_of(name: str) -> str:
    return TWINS.get(name, name.removeprefix("quantized_"))


def wrapped(tensors: dict[str, Shape], wrapper: str) -> dict[str, Shape]:
    return {wrapper + key: shape for key, shape in tensors.items()}


def resnet20(blocks: int = 3) -> dict[str, Shape]:
    """The CIFAR network of many tutorials, of so many blocks a stage: torchvision's names, other widths and depths."""
    tensors: dict[str, Shape] = {"conv1.weight": (16, 3, 3, 3), "linear.weight": (10, 64), "linear.bias": (10,)}
    tensors |= {f"bn1.{part}": (16,) for part in ("weight", "bias", "running_mean", "running_var")}
    for stage, width in enumerate((16, 32, 64), start=1):
        for block in range(blocks):
            for conv in (1, 2):
                tensors[f"layer{stage}.{block}.conv{conv}.weight"] = (width, width, 3, 3)
                for part in ("weight", "bias", "running_mean", "running_var"):
                    tensors[f"layer{stage}.{block}.bn{conv}.{part}"] = (width,)
    return tensors


@pytest.mark.parametrize("name", NAMES)
def test_an_architectures_own_tensors_are_exact(name: str) -> None:
    found = identify(architecture(name).signature)
    best = found.candidates[0]
    assert (found.match, best.architecture, best.score) == ("exact", first_of(name), 1.0)
    assert (best.missing, best.unexpected, best.mismatched, best.wrapper) == ((), (), (), "")
    assert best.matched == len(architecture(name).signature)
    assert best.num_classes == architecture(name).num_classes
    assert found.official_weights is None


@pytest.mark.parametrize("name", WITH_CLASSES)
def test_another_number_of_classes_is_a_head(name: str) -> None:
    found = identify(wrapped(adapted_signature(name, 7), "module."))
    best = found.candidates[0]
    assert (found.match, best.architecture, best.num_classes) == ("head", first_of(name), 7)
    assert (best.missing, best.unexpected, best.mismatched, best.wrapper) == ((), (), (), "module.")


def test_quantized_twins_come_after_their_float_builders() -> None:
    names = [candidate.architecture for candidate in identify(architecture("quantized_resnet18").signature).candidates]
    assert names[:2] == ["resnet18", "quantized_resnet18"]


@settings(deadline=None)  # the first one reads the catalogue
@given(name=st.sampled_from(["resnet18", "mobilenet_v2", "vgg11", "vit_b_32", "squeezenet1_1"]), wrapper=wrappers)
def test_any_wrapper_is_found(name: str, wrapper: str) -> None:
    found = identify(wrapped(adapted_signature(name, 5), wrapper), limit=1)
    assert (found.match, found.candidates[0].architecture) == ("head", name)
    assert (found.candidates[0].wrapper, found.candidates[0].num_classes) == (wrapper, 5)


def test_a_cifar_resnet_is_only_a_resemblance() -> None:
    found = identify(wrapped(resnet20(), "module."))
    assert found.match == "none"
    assert found.candidates[0].architecture.startswith("resnet")
    assert found.candidates[0].score < 0.5
    assert found.candidates[0].wrapper == "module."


def test_a_backbone_is_a_part() -> None:
    tensors = {key: shape for key, shape in architecture("resnet50").signature.items() if not key.startswith("fc.")}
    found = identify(wrapped(tensors, "encoder.") | {f"decoder.{i}.weight": (8, 8) for i in range(500)})
    best = found.candidates[0]
    assert (found.match, best.architecture, best.wrapper) == ("part", "resnet50", "encoder.")
    assert best.missing == ("fc.weight", "fc.bias")
    assert best.num_classes is None
    assert len(best.unexpected) == 500


def test_one_of_two_models_in_a_file_is_a_part() -> None:
    signature = adapted_signature("resnet18", None)
    found = identify(wrapped(signature, "online.") | wrapped(signature, "target."))
    assert found.match == "part"
    assert found.candidates[0].architecture == "resnet18"
    assert (found.candidates[0].matched, len(found.candidates[0].unexpected)) == (122, 122)


def test_foreign_tensors_have_no_candidates() -> None:
    foreign = {f"model.layers.{i // 8}.block.{i % 8}.weight": (4, 4) for i in range(20_000)}
    assert identify(foreign).candidates == ()
    assert identify(foreign).match == "none"
    assert identify({}).match == "none"


def test_a_few_matching_tensors_prove_nothing() -> None:
    found = identify({"conv1.weight": (64, 3, 7, 7), "bn1.weight": (64,), "bn1.bias": (64,)})
    assert found.match == "none"


def small(*modules: str, size: int = 8) -> dict[str, Shape]:
    return {f"{name}.{part}": (size, size)[: 1 + (part == "weight")] for name in modules for part in ("weight", "bias")}


@pytest.mark.parametrize(
    "tensors",
    [
        small("conv1", "conv2", "fc1", "fc2", "fc3"),
        small("conv", "bn", "fc"),
        small("conv1", "bn1", "conv2", "bn2", "fc"),
        small("classifier.1"),
        small("classifier.0", "classifier.3", "classifier.6"),
    ],
    ids=["LeNet", "one convolution", "two convolutions", "a classifier", "three linear layers"],
)
def test_names_that_everybody_gives_are_no_resemblance(tensors: dict[str, Shape]) -> None:
    assert identify(tensors).candidates == ()


def test_what_is_none_is_told_with_the_nearest() -> None:
    tensors = resnet20() | {f"extra.{place}": (1,) for place in range(3)}
    found = identify(tensors)
    assert found.nearest is not None
    assert found.nearest == found.candidates[0]
    names = architecture(found.nearest.architecture).signature
    assert found.nearest.named == len(tensors.keys() & names.keys()) == len(tensors) - 5
    assert found.tensors == len(tensors)
    assert identify(architecture("resnet18").signature).nearest is None
    assert identify({"mine.weight": (3,)}).nearest is None


@pytest.mark.parametrize("blocks", [1, 2, 3, 5, 7, 9, 18])
def test_resnets_for_cifar_resemble_torchvision_s(blocks: int) -> None:
    """Of 8 to 110 layers: the same names, and not one shape that fits."""
    found = identify(resnet20(blocks))
    best = found.candidates[0]
    assert (found.match, best.matched) == ("none", 0)
    assert best.architecture.startswith("resnet")
    assert len(best.mismatched) >= 35


def test_limit() -> None:
    signature = architecture("resnet50").signature
    assert len(identify(signature).candidates) == 8
    assert len(identify(signature, limit=30).candidates) == 30
    assert identify(signature, limit=1).candidates == identify(signature).candidates[:1]


def test_files_from_before_the_batch_counters_are_exact() -> None:
    signature = architecture("densenet121").signature
    old = {key: shape for key, shape in signature.items() if not key.endswith("num_batches_tracked")}
    found = identify(old)
    assert (found.match, found.candidates[0].missing) == ("exact", ())
    assert found.candidates[0].matched == len(old) < len(signature)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("googlenet", {"aux_logits": False}),
        ("inception_v3", {"aux_logits": True}),
        ("fcn_resnet50", {"aux_loss": True}),
        ("deeplabv3_mobilenet_v3_large", {"aux_loss": False}),
        ("vit_b_16", {"image_size": 384}),
        ("vit_h_14", {"image_size": 518}),
        ("retinanet_resnet50_fpn", {"frozen_batch_norm": True}),
        ("fasterrcnn_mobilenet_v3_large_fpn", {"frozen_batch_norm": False}),
        ("keypointrcnn_resnet50_fpn", {"num_keypoints": 21, "frozen_batch_norm": True}),
        ("quantized_resnet50", {"quantize": True}),
        ("quantized_inception_v3", {"quantize": True, "aux_logits": False}),
    ],
)
def test_builder_options_are_read_off_the_file(name: str, options: dict[str, bool | int]) -> None:
    found = identify(adapted_signature(name, None, options))
    best = found.candidates[0]
    assert (found.match, best.architecture, best.options) == ("exact", name, options)


def test_a_detector_without_its_backbone_says_nothing_of_frozen_norms() -> None:
    tensors = {
        key: shape for key, shape in architecture("fasterrcnn_resnet50_fpn").signature.items() if "body" not in key
    }
    best = identify(tensors).candidates[0]
    assert best.architecture == "fasterrcnn_resnet50_fpn"
    assert "frozen_batch_norm" not in best.options


def test_one_batch_counter_in_the_backbone_means_that_nothing_is_frozen() -> None:
    tensors = adapted_signature("fcos_resnet50_fpn", None, {"frozen_batch_norm": True})
    report = match(tensors | {"backbone.body.bn1.num_batches_tracked": ()}, "fcos_resnet50_fpn")
    assert report.options == {"frozen_batch_norm": False}
    assert (report.complete, len(report.untracked)) == (True, 52)


def test_detectors_that_no_file_tells_apart_are_offered_together() -> None:
    names = ["fasterrcnn_mobilenet_v3_large_fpn", "fasterrcnn_mobilenet_v3_large_320_fpn"]
    for frozen in (True, False):
        found = identify(adapted_signature(names[1], 3, {"frozen_batch_norm": frozen}))
        assert [candidate.architecture for candidate in found.candidates[:2]] == names
        assert [candidate.score for candidate in found.candidates[:2]] == [1, 1]
        assert found.candidates[2].score < 1
    assert catalogue().twins(names[0]) == (names[1],)
    assert [candidate.twins for candidate in found.candidates[:2]] == [(names[1],), (names[0],)]


def test_a_quantized_file_is_no_float_model() -> None:
    found = identify(wrapped(adapted_signature("quantized_mobilenet_v2", 7, {"quantize": True}), "net."))
    best, second = found.candidates[:2]
    assert (found.match, best.architecture, best.num_classes, best.wrapper) == (
        "head",
        "quantized_mobilenet_v2",
        7,
        "net.",
    )
    assert best.options == {"quantize": True}
    assert second.score < 0.6
    assert best.twins == ()


def test_a_float_file_is_offered_as_a_float_model_and_as_one_to_be_quantized() -> None:
    first, second = identify(architecture("mobilenet_v2").signature).candidates[:2]
    assert (first.architecture, first.options) == ("mobilenet_v2", {})
    assert (second.architecture, second.options, second.score) == ("quantized_mobilenet_v2", {"quantize": False}, 1)
    assert catalogue().twins("mobilenet_v2") == ("quantized_mobilenet_v2",)
    assert (first.twins, second.twins) == (("quantized_mobilenet_v2",), ("mobilenet_v2",))


def test_quantized_layouts_are_read_for_quantized_files_alone() -> None:
    _layout.cache_clear()
    known_names.cache_clear()
    identify(architecture("quantized_resnet18").signature)
    read = _layout.cache_info().currsize
    assert read <= 121 - 12 - 1
    identify(adapted_signature("quantized_resnet18", None, {"quantize": True}))
    assert read < _layout.cache_info().currsize <= read + 12


def test_an_odd_position_embedding_is_a_mismatch() -> None:
    tensors = adapted_signature("vit_b_16", None) | {"encoder.pos_embedding": (1, 200, 768)}
    best = identify(tensors).candidates[0]
    assert (best.architecture, best.options) == ("vit_b_16", {})
    assert [(m.name, m.expected, m.found) for m in best.mismatched] == [
        ("encoder.pos_embedding", (1, 197, 768), (1, 200, 768))
    ]


@pytest.mark.parametrize(
    ("name", "today", "old"),
    [
        ("densenet121", ".norm1.", ".norm.1."),
        ("densenet121", ".conv2.", ".conv.2."),
        ("vit_b_16", ".mlp.0.", ".mlp.linear_1."),
        ("vit_b_16", ".mlp.3.", ".mlp.linear_2."),
        ("vgg16", "features.", "features.module."),
        ("resnet18", "layer1.", "layer1._orig_mod."),
    ],
)
def test_spellings_that_torch_understands_are_exact(name: str, today: str, old: str) -> None:
    tensors = {key.replace(today, old): shape for key, shape in architecture(name).signature.items()}
    assert tensors.keys() != architecture(name).signature.keys()
    found = identify(wrapped(tensors, "module."))
    assert (found.match, found.candidates[0].architecture) == ("exact", name)
    assert found.candidates[0].wrapper == "module."


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("file", "match", "name", "classes"),
    [
        ("imagenet/facebookresearch__kill-the-bits__resnet18_small_blocks.decoded.pth", "exact", "resnet18", 1000),
        ("imagenet/pytorch__ios-demo-app__mobilenet_quantized.decoded.pth", "exact", "mobilenet_v2", 1000),
        ("state_dicts/Notralles__Leaforia__squeezenet.pth", "head", "squeezenet1_0", 4),
        ("pickled_models/robertpreda__proiectIC__squeeze__epochs_20.pth", "head", "squeezenet1_1", 7),
        ("pickled_models/robertpreda__proiectIC__squeezenet__1_1__4_classes.pth", "part", "squeezenet1_1", None),
        ("state_dicts/akamaster__pytorch_resnet_cifar10__resnet20-12fca82f.th", "none", "resnet34", None),
    ],
)
def test_real_files(shared_data: Path, file: str, match: str, name: str, classes: int | None) -> None:
    with open_checkpoint(shared_data / "checkpoints" / file) as checkpoint:
        found = identify({tensor.key: tuple(tensor.shape) for tensor in checkpoint.tensors})
    best = found.candidates[0]
    assert (found.match, best.architecture, best.num_classes) == (match, name, classes)
    if match in ("exact", "head"):
        assert (best.missing, best.unexpected, best.mismatched) == ((), (), ())


@pytest.mark.parametrize(
    ("class_name", "first", "twins"),
    [
        ("", "resnet18", ("quantized_resnet18",)),
        ("my_net.ResNet", "resnet18", ("quantized_resnet18",)),
        ("torchvision.models.resnet.ResNet", "resnet18", ()),
        ("torchvision.models.quantization.resnet.QuantizableResNet", "quantized_resnet18", ()),
    ],
)
def test_the_class_of_a_pickled_model_tells_twins_apart(class_name: str, first: str, twins: tuple[str, ...]) -> None:
    found = identify(architecture("resnet18").signature, class_name=class_name)
    assert found.match == "exact"
    assert (found.candidates[0].architecture, found.candidates[0].twins) == (first, twins)
