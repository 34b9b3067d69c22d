"""The tables of other libraries' names, one per family; the notation is `inspector.architectures.spellings`'.

Each was compared with the library itself: its state_dict, loaded through the table, gives torchvision's model the
same outputs, batch norms calibrated, unless a caveat says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

from inspector.architectures.spellings import Block, Spelling


def _inside(prefix: str, rules: str) -> dict[str, str]:
    """Read rules from pairs of words, the right one below ``prefix``."""
    words = rules.split()
    return {old: prefix + new for old, new in zip(words[::2], words[1::2], strict=True)}


def _kind(has: str, prefix: str, rules: str) -> Block:
    return Block(frozenset(has.split()), _inside(prefix, rules))


_VIT = Spelling(
    library="timm",
    families=("vit_",),
    anchor="patch_embed.proj.weight",
    signs=("blocks.0.attn.qkv.weight",),
    rules={
        "cls_token": "class_token",
        "pos_embed": "encoder.pos_embedding",
        "patch_embed.proj": "conv_proj",
        "norm": "encoder.ln",
        "head": "heads.head",
    }
    | _inside(
        "encoder.layers.encoder_layer_{a}.",
        """
        blocks.#.norm1 ln_1
        blocks.#.norm2 ln_2
        blocks.#.attn.qkv.weight self_attention.in_proj_weight
        blocks.#.attn.qkv.bias self_attention.in_proj_bias
        blocks.#.attn.proj self_attention.out_proj
        blocks.#.mlp.fc1 mlp.0
        blocks.#.mlp.fc2 mlp.3
        """,
    ),
)

_SWIN_BLOCK = _inside(
    "features.{2a+1}.{b}.",
    """
    layers.#.blocks.#.norm1 norm1
    layers.#.blocks.#.norm2 norm2
    layers.#.blocks.#.attn attn
    layers.#.blocks.#.attn.qkv attn.qkv
    layers.#.blocks.#.attn.proj attn.proj
    layers.#.blocks.#.mlp.fc1 mlp.0
    layers.#.blocks.#.mlp.fc2 mlp.3
    """,
) | {
    "patch_embed.proj": "features.0.0",
    "patch_embed.norm": "features.0.2",
    "head": "head",
    "head.fc": "head",
}


def _swin(library: str, first: int, place: str) -> Spelling:
    """Return Swin's spelling, whose patches are merged at a stage's beginning (timm's) or its end."""
    return Spelling(
        library=library,
        families=("swin_t", "swin_s", "swin_b"),
        anchor="patch_embed.proj.weight",
        signs=(f"layers.{first}.downsample.reduction.weight", f"layers.{first + 2}.downsample.reduction.weight"),
        rules=_SWIN_BLOCK
        | {f"layers.#.downsample.{part}": f"features.{place}.{part}" for part in ("norm", "reduction")},
        reshaped=(".relative_position_index",),
    )


_CONVNEXT_BLOCK = {
    "dwconv": "block.0",
    "norm": "block.2",
    "pwconv1": "block.3",
    "pwconv2": "block.5",
    "gamma": "layer_scale",
}


def _convnext(library: str, anchor: str, block: str, names: Mapping[str, str], rules: str, inner: str = "") -> Spelling:
    """Return ConvNeXt's spelling; ``names`` are the library's for its authors' names inside a block."""
    return Spelling(
        library=library,
        families=("convnext_",),
        anchor=anchor,
        rules=_inside("", rules)
        | {block + names.get(old, old): f"features.{{2a+1}}.{{b}}.{new}" for old, new in _CONVNEXT_BLOCK.items()},
        inner=inner,
        reshaped=(".layer_scale",),
    )


_CONVNEXTS = (
    _convnext(
        "timm",
        "stem.0.weight",
        "stages.#.blocks.#.",
        {"dwconv": "conv_dw", "pwconv1": "mlp.fc1", "pwconv2": "mlp.fc2"},
        """
        stem.# features.0.{a}
        stages.#.downsample.# features.{2a}.{b}
        head.norm classifier.0
        head.fc classifier.2
        """,
    ),
    _convnext(
        "its authors' code",
        "downsample_layers.0.0.weight",
        "stages.#.#.",
        {},
        """
        downsample_layers.#.# features.{2a}.{b}
        norm classifier.0
        head classifier.2
        """,
    ),
    _convnext(
        "transformers",
        "embeddings.patch_embeddings.weight",
        "encoder.stages.#.layers.#.",
        {"norm": "layernorm", "gamma": "layer_scale_parameter"},
        """
        embeddings.patch_embeddings features.0.0
        embeddings.layernorm features.0.1
        encoder.stages.#.downsampling_layer.# features.{2a}.{b}
        layernorm classifier.0
        classifier classifier.2
        """,
        inner="convnext.",
    ),
)

_EFFICIENT = "features.{a+1}.{b}.block."
_EXPANDED = "conv_pw 0.0 bn1 0.1 conv_dw 1.0 bn2 1.1 "
_SQUEEZED = "se.conv_reduce {0}.fc1 se.conv_expand {0}.fc2 "


def _mobile_kinds(prefix: str) -> tuple[Block, ...]:
    """Return the kinds of blocks of EfficientNets and MobileNetV3."""
    return (
        _kind("conv_pwl se", prefix, f"{_EXPANDED}{_SQUEEZED.replace('{0}', '2')} conv_pwl 3.0 bn3 3.1"),
        _kind("conv_pwl conv_pw", prefix, f"{_EXPANDED} conv_pwl 2.0 bn3 2.1"),
        _kind("conv_exp", prefix, "conv_exp 0.0 bn1 0.1 conv_pwl 1.0 bn2 1.1"),
        _kind("conv_dw se", prefix, f"conv_dw 0.0 bn1 0.1 {_SQUEEZED.replace('{0}', '1')} conv_pw 2.0 bn2 2.1"),
        _kind("conv_dw", prefix, "conv_dw 0.0 bn1 0.1 conv_pw 1.0 bn2 1.1"),
    )


_PADDED = "timm's models called tf_… have the same tensors but pad otherwise: only the others predict the same here."
_OTHER_EPSILON = (
    "timm computes otherwise with them (another epsilon in batch norms, and other padding in models called tf_…), "
    "so predictions differ."
)

_EFFICIENTNET = Spelling(
    library="timm",
    families=("efficientnet_",),
    anchor="conv_stem.weight",
    signs=("blocks.2.0.conv_pwl.weight", "conv_head.weight"),
    rules=_inside(
        "",
        """
        conv_stem features.0.0
        bn1 features.0.1
        conv_head features.{m+2}.0
        bn2 features.{m+2}.1
        classifier classifier.1
        """,
    ),
    block="blocks.#.#.",
    kinds=(*_mobile_kinds(_EFFICIENT), _kind("conv", _EFFICIENT, "conv 0.0 bn1 0.1")),
    caveats={f"efficientnet_b{size}": _PADDED for size in range(5)} | {"efficientnet_": _OTHER_EPSILON},
)

_MOBILENET_V2 = Spelling(
    library="timm",
    families=("mobilenet_v2",),
    anchor="conv_stem.weight",
    signs=("blocks.6.0.conv_pwl.weight", "bn2.weight"),
    rules=_inside(
        "",
        """
        conv_stem features.0.0
        bn1 features.0.1
        conv_head features.18.0
        bn2 features.18.1
        classifier classifier.1
        """,
    ),
    block="blocks.#.#.",
    kinds=(
        _kind("conv_pwl", "features.{n+1}.conv.", "conv_pw 0.0 bn1 0.1 conv_dw 1.0 bn2 1.1 conv_pwl 2 bn3 3"),
        _kind("conv_dw", "features.{n+1}.conv.", "conv_dw 0.0 bn1 0.1 conv_pw 1 bn2 2"),
    ),
)

_MOBILENET_V3 = Spelling(
    library="timm",
    families=("mobilenet_v3_",),
    anchor="conv_stem.weight",
    signs=("blocks.2.0.conv_pwl.weight", "conv_head.bias"),
    rules=_inside(
        "",
        """
        conv_stem features.0.0
        bn1 features.0.1
        conv_head classifier.0
        classifier classifier.3
        """,
    ),
    block="blocks.#.#.",
    kinds=(*_mobile_kinds("features.{n+1}.block."), _kind("conv", "features.{n+1}.", "conv 0 bn1 1")),
    reshaped=("classifier.0.weight",),
    caveats={"mobilenet_v3_": _OTHER_EPSILON},
)

_MNASNET = Spelling(
    library="timm",
    families=("mnasnet",),
    anchor="conv_stem.weight",
    signs=("blocks.6.0.conv_pwl.weight", "bn2.weight"),
    rules=_inside(
        "",
        """
        conv_stem layers.0
        bn1 layers.1
        conv_head layers.14
        bn2 layers.15
        classifier classifier.1
        """,
    ),
    block="blocks.#.#.",
    kinds=(
        _kind("conv_pwl", "layers.{a+7}.{b}.layers.", "conv_pw 0 bn1 1 conv_dw 3 bn2 4 conv_pwl 6 bn3 7"),
        _kind("conv_dw", "layers.", "conv_dw 3 bn1 4 conv_pw 6 bn2 7"),
    ),
)

_REGNET = Spelling(
    library="timm",
    families=("regnet_",),
    anchor="stem.conv.weight",
    signs=("s1.b1.conv1.conv.weight", "s1.b1.conv3.conv.weight"),
    rules={"stem.conv": "stem.0", "stem.bn": "stem.1", "head.fc": "fc"}
    | _inside(
        "trunk_output.block{a}.block{a}-{b-1}.",
        """
        s#.b#.conv1.conv f.a.0
        s#.b#.conv1.bn f.a.1
        s#.b#.conv2.conv f.b.0
        s#.b#.conv2.bn f.b.1
        s#.b#.se.fc1 f.se.fc1
        s#.b#.se.fc2 f.se.fc2
        s#.b#.conv3.conv f.c.0
        s#.b#.conv3.bn f.c.1
        s#.b#.downsample.conv proj.0
        s#.b#.downsample.bn proj.1
        """,
    ),
    numbers=r"(?:(?<=^s)|(?<=\.b))(\d+)(?=\.)",
)

_VGG = Spelling(
    library="timm",
    families=("vgg",),
    anchor="pre_logits.fc1.weight",
    rules={"pre_logits.fc1": "classifier.0", "pre_logits.fc2": "classifier.3", "head.fc": "classifier.6"},
    reshaped=("classifier.0.weight", "classifier.3.weight"),
)

_RESNET_STAGE = "encoder.stages.#.layers.#."
_RESNET = Spelling(
    library="transformers",
    families=("resnet",),
    anchor="embedder.embedder.convolution.weight",
    signs=("encoder.stages.0.layers.0.layer.0.convolution.weight",),
    rules={
        "embedder.embedder.convolution": "conv1",
        "embedder.embedder.normalization": "bn1",
        f"{_RESNET_STAGE}layer.#.convolution": "layer{a+1}.{b}.conv{c+1}",
        f"{_RESNET_STAGE}layer.#.normalization": "layer{a+1}.{b}.bn{c+1}",
        f"{_RESNET_STAGE}shortcut.convolution": "layer{a+1}.{b}.downsample.0",
        f"{_RESNET_STAGE}shortcut.normalization": "layer{a+1}.{b}.downsample.1",
        "classifier.#": "fc",
    },
    inner="resnet.",
)


def _sequential(families: tuple[str, ...], anchor: str, tops: str) -> Spelling:
    """Return the names of ``Sequential(*model.children())``, often without the head: children by their place."""
    return Spelling(library="a Sequential", families=families, anchor=anchor, rules={}, tops=_inside("", tops))


_SEQUENTIALS = (
    _sequential(
        ("resnet", "resnext", "wide_resnet"),
        "4.0.conv1.weight",
        "0 conv1 1 bn1 4 layer1 5 layer2 6 layer3 7 layer4 9 fc",
    ),
    _sequential(("squeezenet",), "0.3.squeeze.weight", "0 features 1 classifier"),
    _sequential(("densenet",), "0.denseblock1.denselayer1.norm1.weight", "0 features 1 classifier"),
    _sequential(("mobilenet_v2",), "0.1.conv.0.0.weight", "0 features 1 classifier"),
    _sequential(("mobilenet_v3_",), "0.1.block.0.0.weight", "0 features 2 classifier"),
    _sequential(("efficientnet_",), "0.1.0.block.0.0.weight", "0 features 2 classifier"),
)

#: Every spelling that is known.
SPELLINGS = (
    _VIT,
    _swin("timm", 1, "{2a}"),
    _swin("its authors' code", 0, "{2a+2}"),
    *_CONVNEXTS,
    _EFFICIENTNET,
    _MOBILENET_V2,
    _MOBILENET_V3,
    _MNASNET,
    _REGNET,
    _VGG,
    _RESNET,
    *_SEQUENTIALS,
)
