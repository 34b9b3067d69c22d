"""Other libraries' names for torchvision's tensors: the fixture holds what timm and transformers save."""

from __future__ import annotations

import re
from functools import cache, reduce
from pathlib import Path

import pytest

from inspector.architectures import adapted_signature, architecture, identify, match
from inspector.architectures.layouts import Shape, parse, sections
from inspector.architectures.spelling_tables import SPELLINGS
from inspector.architectures.spellings import spelled

# Whose outputs differ from torchvision's with the same tensors, or do so in some of timm's variants.
UNLIKE = ("efficientnet", "mobilenet_v3")
OWN_NAMES = ("densenet121", "inception_v3")
RESHAPED = {
    "convnext_tiny": 18,
    "mobilenet_v3_large": 1,
    "mobilenet_v3_small": 1,
    "vgg11": 2,
    "vgg16_bn": 2,
}


@cache
def fixtures() -> dict[str, dict[str, Shape]]:
    """Shapes by title, such as ``timm 1.0.31 vit_base_patch16_224 = vit_b_16``."""
    text = Path(__file__).with_name("other_spellings.txt").read_text(encoding="utf-8")
    return {
        title: {key: tensor.shape for key, tensor in parse(outline).tensors.items()}
        for title, outline in sections(text).items()
    }


def fixture(model: str) -> dict[str, Shape]:
    return next(tensors for title, tensors in fixtures().items() if model in title.split())


@pytest.mark.parametrize("wrapper", ["", "module.", "model.encoder."])
@pytest.mark.parametrize("title", list(fixtures()))
def test_other_libraries_names_are_recognised(title: str, wrapper: str) -> None:
    library, name = title.split()[0], title.split()[-1]
    tensors = fixtures()[title]
    found = identify({wrapper + key: shape for key, shape in tensors.items()})
    best = found.candidates[0]
    assert (best.architecture, best.wrapper, best.unexpected, best.mismatched) == (name, wrapper, (), ())
    assert best.library == ("" if name in OWN_NAMES else library)
    assert len(best.reshaped) == RESHAPED.get(name, 0)
    whole = "part" if name.startswith(UNLIKE) else "exact"
    backbone = "ResNetModel" in title
    assert found.match == ("part" if backbone else whole)
    assert best.missing == (("fc.weight", "fc.bias") if backbone else ())
    assert bool(best.caveat) == (whole == "part")


@pytest.mark.parametrize("title", [title for title in fixtures() if "ResNetModel" not in title])
def test_every_tensor_has_its_own_target(title: str) -> None:
    tensors = {f"net.{key}": shape for key, shape in fixtures()[title].items()}
    report = match(tensors, title.split()[-1])
    assert report.complete
    assert sorted(report.sources.values()) == sorted(tensors)
    signature = adapted_signature(report.architecture, report.num_classes, report.options)
    for key, source in report.sources.items():
        assert report.reshaped.get(key, signature[key]) == tensors[source]
        leaf = key.rpartition(".")[2]
        assert ("running" in leaf) == ("running" in source)
        assert leaf.endswith("bias") == source.endswith("bias")
    assert set(report.sources) == set(signature) - set(report.untracked)


@pytest.mark.parametrize(
    ("model", "source", "target"),
    [
        (
            "vit_base_patch16_224",
            "blocks.7.attn.qkv.weight",
            "encoder.layers.encoder_layer_7.self_attention.in_proj_weight",
        ),
        ("vit_base_patch16_224", "cls_token", "class_token"),
        ("convnext_tiny", "stages.2.blocks.8.gamma", "features.5.8.layer_scale"),
        ("convnext_tiny", "stages.3.downsample.1.weight", "features.6.1.weight"),
        ("swin_tiny_patch4_window7_224", "layers.1.downsample.norm.weight", "features.2.norm.weight"),
        ("efficientnet_b0", "blocks.1.0.se.conv_expand.bias", "features.2.0.block.2.fc2.bias"),
        ("efficientnetv2_s", "blocks.5.14.conv_pwl.weight", "features.6.14.block.3.0.weight"),
        ("mobilenetv2_100", "blocks.6.0.bn3.running_mean", "features.17.conv.3.running_mean"),
        ("mobilenetv3_large_100", "blocks.6.0.conv.weight", "features.16.0.weight"),
        ("mobilenetv3_large_100", "blocks.0.0.conv_pw.weight", "features.1.block.1.0.weight"),
        ("regnety_016", "s3.b17.se.fc2.bias", "trunk_output.block3.block3-16.f.se.fc2.bias"),
        ("ResNetForImageClassification", "classifier.1.bias", "fc.bias"),
    ],
)
def test_where_a_tensor_belongs(model: str, source: str, target: str) -> None:
    title = next(title for title in fixtures() if model in title.split())
    assert match(fixtures()[title], title.split()[-1]).sources[target] == source


def test_another_number_of_classes_is_a_head() -> None:
    tensors = fixture("vit_base_patch16_224") | {"head.weight": (7, 768), "head.bias": (7,)}
    found = identify(tensors)
    assert (found.match, found.candidates[0].num_classes) == ("head", 7)


def test_a_backbone_without_its_head_is_a_part() -> None:
    tensors = {key: shape for key, shape in fixture("vit_base_patch16_224").items() if not key.startswith("head.")}
    found = identify(tensors | {f"decoder.{place}.weight": (4, 4) for place in range(2_000)})
    best = found.candidates[0]
    assert (found.match, best.architecture, best.missing) == (
        "part",
        "vit_b_16",
        ("heads.head.weight", "heads.head.bias"),
    )


def test_convnext_in_its_authors_names() -> None:
    changes = {
        r"^stem\.": "downsample_layers.0.",
        r"^stages\.(\d)\.downsample\.": r"downsample_layers.\1.",
        r"\.blocks\.": ".",
        r"\.conv_dw\.": ".dwconv.",
        r"\.mlp\.fc(\d)\.": r".pwconv\1.",
        r"^head\.norm\.": "norm.",
        r"^head\.fc\.": "head.",
    }
    tensors, sources = {}, match(fixture("convnext_tiny"), "convnext_tiny").sources
    renamed = {}
    for key, shape in fixture("convnext_tiny").items():
        new = reduce(lambda name, change: re.sub(change[0], change[1], name), changes.items(), key)
        tensors[new], renamed[key] = shape, new
    found = identify(tensors)
    assert (found.match, found.candidates[0].library) == ("exact", "its authors' code")
    assert match(tensors, "convnext_tiny").sources == {key: renamed[source] for key, source in sources.items()}


def test_swin_in_its_authors_names() -> None:
    """They merge patches at the end of a stage, and save the tables of positions."""
    tensors = {}
    for key, shape in fixture("swin_tiny_patch4_window7_224").items():
        stage = int(key.split(".")[1]) if ".downsample." in key else 0
        tensors[
            key.replace(f"layers.{stage}.downsample", f"layers.{stage - 1}.downsample").replace("head.fc", "head")
        ] = shape
        if key.endswith("relative_position_bias_table"):
            tensors[key.replace("bias_table", "index")] = (49, 49)
    best = identify(tensors).candidates[0]
    assert (best.architecture, best.library, best.missing) == ("swin_t", "its authors' code", ())
    assert (len(best.reshaped), best.mismatched) == (12, ())  # their tables have two dimensions, torchvision's one


@pytest.mark.parametrize(
    ("name", "children"),
    [
        ("resnet50", {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}),
        ("squeezenet1_1", {"features": "0"}),
        ("densenet121", {"features": "0"}),
        ("mobilenet_v2", {"features": "0"}),
        ("mobilenet_v3_large", {"features": "0"}),
        ("efficientnet_b0", {"features": "0"}),
    ],
)
def test_a_sequential_of_a_model_s_children_is_a_part(name: str, children: dict[str, str]) -> None:
    tops = {key: key.partition(".") for key in architecture(name).signature}
    tensors = {
        f"net.{children[top]}.{rest}": architecture(name).signature[key]
        for key, (top, _, rest) in tops.items()
        if top in children
    }
    found = identify(tensors | {"head.weight": (3, 9)})
    best = found.candidates[0]
    assert (found.match, best.architecture, best.wrapper) == ("part", name, "net.")
    assert best.matched == len(tensors)
    assert best.unexpected == ("head.weight",)


def test_names_without_a_tell_tale_have_no_spelling() -> None:
    names = {
        key: ()
        for name in ("resnet50", "vit_b_16", "swin_t", "fasterrcnn_resnet50_fpn")
        for key in architecture(name).signature
    }
    blob = "".join(f"{name}\n" for name in names)
    assert list(spelled(names, blob, SPELLINGS)) == []


def test_an_anchor_is_a_whole_name() -> None:
    names = {"xpre_logits.fc1.weight": (), "pre_logits.fc1.weight_g": (), "a.pre_logits.fc1.weight": ()}
    found = list(spelled(names, "".join(f"{name}\n" for name in names), SPELLINGS))
    assert [wrapper for wrapper, _ in found] == ["a."]


def test_odd_names_beside_a_spelling_are_unexpected() -> None:
    odd = {
        "blocks.x.attn.qkv.weight": (1,),
        "blocks.99999999999999999999.norm1.weight": (1,),
        "blocks.0": (1,),
        "": (1,),
    }
    best = identify(fixture("vit_base_patch16_224") | odd).candidates[0]
    assert best.architecture == "vit_b_16"
    assert len(best.unexpected) == len(odd)
