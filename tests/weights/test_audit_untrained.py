"""The audit knows what was never trained, and takes nothing trained for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
import torchvision
from tests.weights.audited import audit_tensor, audited, figures, trained
from torch import nn

from inspector.findings import Finding
from inspector.weights.audit import AuditTensor, audit
from inspector.weights.audit.initial import initial_distribution
from inspector.weights.chunks import Array
from inspector.weights.figures import TensorFigures


def arrays(model: nn.Module) -> dict[str, Array]:
    """Return a module's state_dict."""
    return {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}


@cache
def made(builder: str) -> dict[str, Array]:
    """Return what torchvision makes without weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return arrays(torchvision.models.get_model(builder, weights=None))


@pytest.mark.parametrize(
    ("builder", "weights"), [("resnet18", 21), ("vgg11", 11), ("mobilenet_v3_small", 54), ("vit_b_16", 52)]
)
def test_what_torchvision_makes_was_never_trained(builder: str, weights: int) -> None:
    findings = audited(made(builder))
    assert [(finding.severity, finding.rule) for finding in findings] == [("serious", "untrained")]
    assert findings[0].title == f"This model was never trained: {weights} of {weights} weights are as they were made."
    assert "normal" in "".join(findings[0].notes)


def test_folding_is_not_told_of_batch_norms_that_were_just_made() -> None:
    assert "20 batch norms" in audited(made("resnet18"))[0].explanation


@pytest.mark.slow
@pytest.mark.parametrize(
    "builder",
    "alexnet convnext_tiny densenet121 efficientnet_b0 mnasnet1_0 mobilenet_v2 regnet_y_400mf shufflenet_v2_x1_0 "
    "squeezenet1_0 swin_t swin_v2_t".split(),
)
def test_more_of_what_torchvision_makes(builder: str) -> None:
    assert [(found.severity, found.rule) for found in audited(made(builder))] == [("serious", "untrained")]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_it_is_known_in_half_precision_too(dtype: torch.dtype) -> None:
    tensors, known = [], {}
    for number, (name, array) in enumerate(made("resnet18").items()):
        half = torch.from_numpy(array)
        half = half.to(dtype).float() if half.is_floating_point() else half
        kind = str(dtype).removeprefix("torch.") if array.dtype == np.float32 else array.dtype.name
        tensors.append(audit_tensor(name, array, dtype=kind))
        known[number] = figures(half.numpy())
    assert audit(tensors, known)[0].title == ("This model was never trained: 21 of 21 weights are as they were made.")


INITIALS: dict[str, tuple[nn.Module, str]] = {
    "linear": (nn.Linear(300, 40), "weight"),
    "convolution": (nn.Conv2d(16, 32, 3), "weight"),
    "transposed convolution": (nn.ConvTranspose2d(16, 32, 3), "weight"),
    "depthwise convolution": (nn.Conv2d(64, 64, 3, groups=64), "weight"),
    "LSTM": (nn.LSTM(20, 30), "weight_ih_l0"),
    "GRU": (nn.GRU(20, 30), "weight_hh_l0"),
    "RNN": (nn.RNN(20, 30), "weight_hh_l0"),
    "embedding": (nn.Embedding(500, 20), "weight"),
    "attention": (nn.MultiheadAttention(64, 4), "in_proj_weight"),
}


def of_one(name: str, array: Array) -> tuple[AuditTensor, TensorFigures]:
    """Return a tensor and its figures."""
    return audit_tensor(name, array), figures(array)


@pytest.mark.parametrize("layer", INITIALS)
def test_layers_as_torch_makes_them(layer: str) -> None:
    module, key = INITIALS[layer]
    array = arrays(module)[key]
    assert initial_distribution(*of_one(f"layer.{key}", array)) is not None


def of_values(make: Callable[[np.random.Generator], Array]) -> Array:
    return make(np.random.default_rng(3)).astype(np.float32)


BOUND = 1 / np.sqrt(100)


@pytest.mark.parametrize(
    "make",
    [
        lambda random: random.uniform(-BOUND, BOUND, (50, 100)) * 1.01,
        lambda random: random.uniform(-BOUND, BOUND, (50, 100)) * 0.97,
        lambda random: random.uniform(-BOUND, BOUND, (50, 100)) + 0.002,
        lambda random: np.clip(random.normal(0, BOUND / 1.7, (50, 100)), -BOUND, BOUND),
        lambda random: random.laplace(0, 0.02 / np.sqrt(2), (50, 100)),
        lambda random: random.standard_t(5, (200, 100)) * 0.02 * np.sqrt(3 / 5),
        lambda random: random.normal(0.002, 0.02, (200, 100)),
        lambda random: random.normal(0, 0.0215, (200, 100)),
        lambda random: random.normal(0, 0.02, (5, 10)),
        lambda random: random.uniform(-BOUND, BOUND, (50, 100)) * (random.random((50, 100)) > 0.1),
    ],
    ids=["wide", "narrow", "shifted", "clipped", "laplace", "heavy tails", "off", "spread", "few", "pruned"],
)
def test_other_distributions_are_no_initial_ones(make: Callable[[np.random.Generator], Array]) -> None:
    assert initial_distribution(*of_one("layer.weight", of_values(make))) is None


def test_a_new_head_on_trained_weights_is_notable() -> None:
    torch.manual_seed(1)
    head = arrays(nn.Linear(64, 10))
    finding = audited(trained() | {"fc.weight": head["weight"], "fc.bias": head["bias"]})
    assert [(found.severity, found.rule, found.title) for found in finding] == [
        ("notable", "untrained", "fc.weight was never trained.")
    ]
    assert finding[0].notes == ("uniform within ±1/√fan in (PyTorch's default)",)


def test_a_new_head_of_zeros_is_told_of_as_zeros() -> None:
    findings = audited(trained() | {"fc.weight": np.zeros((10, 64), np.float32)})
    assert [(found.severity, found.rule) for found in findings] == [("serious", "zero")]


def test_an_embedding_of_which_few_rows_were_met_is_not_called_untrained() -> None:
    torch.manual_seed(4)
    table = arrays(nn.Embedding(2_000, 64))["weight"]
    learned = {name: array for name, array in trained().items() if "norm" not in name and "bn" not in name}
    assert audited(learned | {"embedding.weight": table}) == []
    assert audited(learned | {"projection.weight": table})[0].title == "projection.weight was never trained."
    lone = audited({"embedding.weight": table, "fc.weight": arrays(nn.Linear(64, 5))["weight"]})
    assert lone[0].title == "This model was never trained: 2 of 2 weights are as they were made."


def test_one_of_two_models_untrained() -> None:
    torch.manual_seed(2)
    other = arrays(nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64)))
    tensors = [audit_tensor(name, array, model="good") for name, array in trained().items()]
    tensors += [audit_tensor(f"ema.{name}", array, model="ema") for name, array in other.items()]
    everything = enumerate((*trained().values(), *other.values()))
    finding = audit(tensors, {number: figures(array) for number, array in everything})
    assert [found.title for found in finding] == [
        "The model in ema was never trained: 2 of 2 weights are as they were made."
    ]


def build(initial: str) -> nn.Module:
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.BatchNorm2d(64), nn.ReLU(),
        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(1024, 100), nn.ReLU(), nn.Linear(100, 5),
    )  # fmt: skip
    if initial == "normal":
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                module.register_parameter("bias", nn.Parameter(torch.zeros(len(module.weight))))
    return model


@pytest.mark.parametrize("initial", ["uniform", "normal"])
@pytest.mark.parametrize("steps", [2, 30])
def test_a_model_that_learned_for_a_while_is_not_called_untrained(initial: str, steps: int) -> None:
    model = build(initial)
    assert [finding.severity for finding in audited(arrays(model))] == ["serious"]
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    images, classes = torch.randn(40, 3, 16, 16), torch.arange(40) % 5
    for _ in range(steps):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(model(images), classes))
        optimizer.step()
    assert audited(arrays(model)) == []


@pytest.mark.parametrize("number", range(3))
def test_the_figures_of_few_bins_tell_as_well(number: int) -> None:
    array = next(iter(arrays(build("uniform")).values()))
    assert initial_distribution(audit_tensor("0.weight", array), figures(array, bins=(16, 64, 256)[number])) is not None


def found_in(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings}


@pytest.mark.parametrize("builder", ["resnet18", "mobilenet_v3_small"])
def test_broken_copies_are_found(builder: str) -> None:
    """What is wrong is told whether or not the model was trained."""
    model = dict(made(builder))
    weight = next(name for name, array in model.items() if array.ndim == 4)
    last = [name for name, array in model.items() if array.ndim == 2][-1]
    variances = [name for name in model if name.endswith("running_var")]
    broken = {name: model[name].copy() for name in (weight, last, variances[0], variances[1])}
    broken[weight][0, 0, 0, 0] = np.nan
    broken[last][1] = broken[last][2]
    broken[variances[0]][0] = 1e13
    broken[variances[1]][:] = 1e-20
    findings = audited(model | broken)
    assert {"nan", "duplicate_filters", "batch_norm_variance", "untrained"} <= found_in(findings)
    by_rule = {finding.rule: finding for finding in findings if finding.rule != "batch_norm_variance"}
    names = list(model)
    assert [names[number] for number in by_rule["nan"].tensors] == [weight]
    assert [names[number] for number in by_rule["duplicate_filters"].tensors] == [last]
