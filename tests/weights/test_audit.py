"""The audit's rules: each tells of what it is for, and says nothing of healthy weights."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from tests.weights.audited import audit_tensor, audited, figures, trained

from inspector.findings import Finding
from inspector.weights.audit import AuditTensor, audit
from inspector.weights.chunks import Array

MODEL = trained()
NAMES = list(MODEL)


def only(findings: list[Finding]) -> Finding:
    """Return the one finding that there is."""
    assert len(findings) == 1, [finding.title for finding in findings]
    return findings[0]


def names_of(finding: Finding, model: dict[str, Array] | None = None) -> list[str]:
    """Return the names of the tensors that a finding is about."""
    names = list(model or MODEL)
    return [names[number] for number in finding.tensors]


def changed(name: str, change: Array) -> list[Finding]:
    """Audit the healthy model with one tensor changed."""
    return audited(MODEL | {name: change})


def with_values(name: str, **places: float) -> Array:
    """Return a copy of a tensor with its first elements set."""
    array = MODEL[name].copy()
    array.flat[: len(places)] = list(places.values())
    return array


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_wrong_with_a_healthy_model(seed: int) -> None:
    assert audited(trained(seed)) == []


def test_nothing_is_wrong_with_nothing() -> None:
    assert audit([], {}) == []


def test_a_tensor_that_could_not_be_read_is_passed_over() -> None:
    tensors = [audit_tensor(name, array) for name, array in MODEL.items()]
    assert audit(tensors, {1: figures(MODEL["bn1.weight"])}) == []


@pytest.mark.parametrize(("value", "rule"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "inf")])
@pytest.mark.parametrize("name", ["conv1.weight", "fc.bias", "bn1.running_mean"])
def test_what_is_not_finite_is_serious(name: str, value: float, rule: str) -> None:
    finding = only(changed(name, with_values(name, a=value, b=value)))
    assert (finding.severity, finding.rule) == ("serious", rule)
    assert names_of(finding) == [name]
    assert finding.notes[0].startswith("2 of ")


def test_nan_in_an_optimizer_is_told_apart() -> None:
    momentum = {"optimizer": np.full((4, 4), np.nan, np.float32)}
    finding = only(audited(MODEL | momentum, optimizer={"role": "optimizer", "model": None}))
    assert (finding.severity, finding.rule) == ("notable", "nan")
    assert "beside" in finding.explanation or "does not use" in finding.explanation


@pytest.mark.parametrize("name", ["text.causal_mask", "alibi_slopes", "attention.attn_mask"])
def test_masks_may_hold_infinity_whatever_they_look_like(name: str) -> None:
    mask = {name: np.triu(np.full((8, 8), -np.inf, np.float32), 1)}
    assert audited(MODEL | mask, **{name.replace(".", "_"): {"role": "parameter"}}) == []


def test_a_best_value_that_waits_at_infinity_is_healthy() -> None:
    best = {"best": np.array(np.inf, np.float32)}
    assert audited(MODEL | best, best={"role": "other", "model": None}) == []


def test_many_tensors_make_one_finding() -> None:
    bad = {name: with_values(name, a=np.nan) for name in ("conv1.weight", "conv2.weight", "fc.weight")}
    finding = only(audited(MODEL | bad))
    assert finding.title == "3 tensors of the model hold NaN."
    assert names_of(finding) == list(bad)
    assert len(finding.notes) == 3


def test_of_very_many_tensors_the_first_are_listed_and_all_are_counted() -> None:
    one = figures(np.full((2, 2), np.nan, np.float32))
    tensors = [AuditTensor(f"layer{place}.weight", (2, 2), "float32", "parameter", 16) for place in range(12_000)]
    finding = only(audit(tensors, dict.fromkeys(range(12_000), one)))
    assert finding.title == "12\u202f000 tensors of the model hold NaN."
    assert (len(finding.tensors), finding.more, finding.count) == (10_000, 2_000, 12_000)
    assert Finding.from_json(finding.to_json(), 12_000) == finding


def test_a_weight_of_zeros_is_serious() -> None:
    finding = only(changed("conv2.weight", np.zeros_like(MODEL["conv2.weight"])))
    assert (finding.severity, finding.rule, names_of(finding)) == ("serious", "zero", ["conv2.weight"])
    assert finding.title == "conv2.weight is all zeros."


def test_a_scale_of_zeros_is_notable() -> None:
    finding = only(changed("bn2.weight", np.zeros(64, np.float32)))
    assert (finding.severity, finding.rule, names_of(finding)) == ("notable", "zero", ["bn2.weight"])


def test_a_constant_weight_is_notable() -> None:
    finding = only(changed("fc.weight", np.full((10, 64), 0.25, np.float32)))
    assert (finding.severity, finding.rule) == ("notable", "constant")
    assert finding.title == "Every element of fc.weight is 0.25."


def test_a_small_kernel_of_ones_is_healthy() -> None:
    assert audited(MODEL | {"blur.weight": np.ones((1, 1, 3, 3), np.float32)}) == []


@pytest.mark.parametrize("dead", [1, 3, 31])
def test_dead_filters(dead: int) -> None:
    weight = MODEL["conv1.weight"].copy()
    weight[:dead] = 0
    finding = only(changed("conv1.weight", weight))
    assert (finding.severity, finding.rule) == ("notable", "dead_filters")
    verb = "is" if dead == 1 else "are"
    assert finding.title == f"{dead} of 32 filters of conv1.weight {verb} all zeros."


def test_a_row_of_zeros_is_an_embeddings_padding_and_a_matrix_dead_row() -> None:
    weight = MODEL["fc.weight"].copy()
    weight[3] = 0
    assert only(changed("fc.weight", weight)).title == "1 of 10 rows of fc.weight is all zeros."
    embedding = MODEL["token_embedding.weight"].copy()
    embedding[:2] = 0
    assert only(changed("token_embedding.weight", embedding)).rule == "dead_filters"


def test_rows_that_fill_up_a_vocabulary_and_shared_vectors_are_no_alarm() -> None:
    table = np.random.default_rng(5).laplace(0, 0.05, (2_000, 32)).astype(np.float32)
    table[-20:] = 0
    assert audited(MODEL | {"wte.weight": table}) == []
    table[-21:] = table[0]
    finding = only(audited(MODEL | {"wte.weight": table}))
    assert (finding.severity, finding.rule) == ("info", "duplicate_filters")
    assert finding.title == "21 of 2\u202f000 rows of wte.weight repeat another one."
    table[-30:] = 0
    assert only(audited(MODEL | {"wte.weight": table})).rule == "dead_filters"


def test_duplicate_filters() -> None:
    weight = MODEL["conv2.weight"].copy()
    weight[5] = weight[40]
    weight[6] = weight[40]
    finding = only(changed("conv2.weight", weight))
    assert (finding.severity, finding.rule) == ("notable", "duplicate_filters")
    assert finding.title == "2 of 64 filters of conv2.weight repeat another one."


def test_a_few_equal_small_filters_are_information() -> None:
    weight = np.random.default_rng(1).laplace(0, 0.3, (200, 1, 3, 3)).astype(np.float32)
    weight[7] = weight[8]
    assert only(audited(MODEL | {"depthwise.weight": weight})).severity == "info"
    weight[20:60] = weight[8]
    assert only(audited(MODEL | {"depthwise.weight": weight})).severity == "notable"


def test_a_blur_for_each_channel_is_information() -> None:
    kernel = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16
    finding = only(audited(MODEL | {"down.kernel": np.tile(kernel, (64, 1, 1, 1))}))
    assert (finding.severity, finding.rule) == ("info", "duplicate_filters")
    assert finding.title == "All 64 filters of down.kernel are the same."


def test_fixed_transforms_are_no_filters_that_learned() -> None:
    angles = 2 * np.pi * np.outer(np.arange(65), np.arange(128)) / 128
    basis = np.concatenate([np.cos(angles), np.round(np.sin(angles), 12)]).astype(np.float32)[:, None]
    assert figures(basis).dead == 2
    assert audited(MODEL | {"stft_conv.weight": basis}) == []
    assert only(audited(MODEL | {"conv3.weight": basis})).rule == "dead_filters"


def test_slices_of_few_values_may_be_equal() -> None:
    assert audited(MODEL | {"scale.weight": np.repeat(MODEL["fc.weight"][:, :1], 4, 0)}) == []


@pytest.mark.parametrize(
    ("values", "severity", "words"),
    [
        ({"a": -0.5}, "serious", "below zero"),
        ({"a": 3e12}, "serious", "exploded"),
        ({"a": 5e6}, "notable", "very large"),
    ],
)
def test_odd_running_variances(values: dict[str, float], severity: str, words: str) -> None:
    finding = only(changed("bn1.running_var", with_values("bn1.running_var", **values)))
    assert (finding.severity, finding.rule) == (severity, "batch_norm_variance")
    assert words in finding.title
    assert names_of(finding) == ["bn1.running_var"]


def test_a_variance_unlike_the_models_others() -> None:
    small = {f"bn{place}.running_var": np.full(8, 0.02, np.float32) + MODEL["bn1.bias"][:8] ** 2 for place in (3, 4, 5)}
    means = {f"bn{place}.running_mean": MODEL["bn1.bias"][:8] for place in (3, 4, 5)}
    model = MODEL | small | means
    assert audited(model) == []
    large = {"bn4.running_var": np.linspace(1, 9e5, 8, dtype=np.float32)}
    assert only(audited(model | large)).rule == "batch_norm_variance"


@pytest.mark.parametrize("value", ["tiny", "zeros"])
def test_collapsed_running_variances(value: str) -> None:
    variance = MODEL["bn1.running_var"].copy()
    if value == "tiny":
        variance *= np.float32(1e-12)
    else:
        variance[:16] = 0
    finding = only(changed("bn1.running_var", variance))
    assert (finding.severity, finding.rule) == ("notable", "batch_norm_variance")
    assert "collapsed" in finding.title


def test_a_few_channels_of_no_variance_are_healthy() -> None:
    assert changed("bn1.running_var", with_values("bn1.running_var", a=0, b=0, c=1e-30)) == []


def folded(model: dict[str, Array], epsilon: float = 0.0) -> dict[str, Array]:
    """Return a model whose batch norms' statistics were folded."""
    means = {name: np.zeros_like(array) for name, array in model.items() if name.endswith("running_mean")}
    ones = {name: np.full_like(array, 1 - epsilon) for name, array in model.items() if name.endswith("running_var")}
    return model | means | ones


@pytest.mark.parametrize("epsilon", [0.0, 1e-5, 1e-3])
def test_folded_batch_norms_are_recognised(epsilon: float) -> None:
    finding = only(audited(folded(MODEL, epsilon)))
    assert (finding.severity, finding.rule) == ("info", "folded_batch_norm")
    assert finding.title == "2 batch norms were folded."
    assert names_of(finding) == ["bn1.running_var", "bn2.running_var"]


def test_batch_norms_that_do_nothing_are_told_apart_from_folded_ones() -> None:
    idle = {
        f"{norm}.{key}": np.full_like(MODEL[f"{norm}.{key}"], value)
        for norm in ("bn1", "bn2")
        for key, value in (("weight", 1), ("bias", 0), ("num_batches_tracked", 0))
    }
    finding = only(audited(folded(MODEL) | idle))
    assert (finding.severity, finding.rule) == ("info", "folded_batch_norm")
    assert finding.title == "2 batch norms pass on what comes in."


def test_a_batch_norm_without_data_among_others_was_not_trained() -> None:
    new = {
        "head.weight": np.ones(64, np.float32),
        "head.bias": np.zeros(64, np.float32),
        "head.running_mean": np.zeros(64, np.float32),
        "head.running_var": np.ones(64, np.float32),
        "head.num_batches_tracked": np.array(0),
    }
    finding = only(audited(MODEL | new))
    assert (finding.severity, finding.rule) == ("notable", "untrained")
    assert finding.title == "The batch norm head has never seen data."


@pytest.mark.parametrize("sign", [-1, 1])
def test_an_extreme_outlier(sign: int) -> None:
    finding = only(changed("conv2.weight", with_values("conv2.weight", a=sign * 40.0)))
    assert (finding.severity, finding.rule, names_of(finding)) == ("info", "outliers", ["conv2.weight"])
    assert f"{sign * 40}, " in finding.title


def test_one_value_that_outweighs_a_matrix() -> None:
    assert only(audited(MODEL | {"m.weight": with_values("token_embedding.weight", a=9.0)})).rule == "outliers"


def test_huge_values() -> None:
    finding = only(changed("fc.weight", MODEL["fc.weight"] * 1e5))
    assert (finding.severity, finding.rule) == ("notable", "outliers")
    assert "huge" in finding.title


def test_float16_near_its_end_is_notable() -> None:
    half = {name: array.astype(np.float16) if array.dtype == np.float32 else array for name, array in MODEL.items()}
    assert audited(half) == []
    half["bn1.running_var"][0] = 40_000
    finding = [found for found in audited(half) if found.rule == "dtype"]
    assert [found.severity for found in finding] == ["notable"]


def test_what_would_not_fit_float16_is_information() -> None:
    finding = only(changed("fc.bias", with_values("fc.bias", a=1e5)))
    assert (finding.severity, finding.rule) == ("info", "dtype")


def test_float64_weights_are_information() -> None:
    double = {name: array.astype(np.float64) if array.dtype == np.float32 else array for name, array in MODEL.items()}
    finding = only(audited(double))
    assert (finding.severity, finding.rule) == ("info", "dtype")
    assert len(finding.tensors) == sum(
        array.ndim > 1 and array.dtype == np.float64 and "mask" not in name for name, array in double.items()
    )


def test_mixed_types_are_information() -> None:
    model = MODEL | {
        name: MODEL[name].astype(ml_dtypes.bfloat16) for name in ("conv1.weight", "conv2.weight", "fc.weight")
    }
    finding = only(audited(model))
    assert (finding.severity, finding.rule) == ("info", "dtype")
    assert "conv1.weight" not in names_of(finding)
    assert "bn1.weight" in names_of(finding)


def test_two_models_may_be_of_different_types() -> None:
    other = {f"ema.{name}": array.astype(np.float16) for name, array in MODEL.items() if array.dtype == np.float32}
    tensors = [audit_tensor(name, array) for name, array in MODEL.items()]
    tensors += [audit_tensor(name, array, model="ema") for name, array in other.items()]
    everything = {number: figures(array) for number, array in enumerate((*MODEL.values(), *other.values()))}
    assert audit(tensors, everything) == []


def test_integers_for_weights_are_notable_unless_scaled() -> None:
    integers = {"q.weight": (MODEL["fc.weight"] * 100).astype(np.int8)}
    finding = only(audited(MODEL | integers))
    assert (finding.severity, finding.rule) == ("notable", "dtype")
    assert finding.title == "q.weight is int8, where weights are floating point."
    assert audited(MODEL | integers | {"q.scale": np.ones(10, np.float32)}) == []
    assert audited(MODEL | integers | {"q.weight.absmax": np.ones(10, np.float32)}) == []


def test_a_view_of_a_far_larger_storage_is_notable() -> None:
    finding = only(audited(MODEL, fc_weight={"storage": 7, "storage_nbytes": 50_000_000}))
    assert (finding.severity, finding.rule, names_of(finding)) == ("notable", "size", ["fc.weight"])
    parts = {"storage": 7, "storage_nbytes": MODEL["fc.weight"].nbytes + MODEL["conv2.weight"].nbytes}
    assert audited(MODEL, fc_weight=parts, conv2_weight=parts) == []


def test_a_huge_tensor_of_one_value_is_information() -> None:
    finding = only(audited(MODEL | {"cache_mask": np.ones((4_096, 5_000), np.bool_)}))
    assert (finding.severity, finding.rule) == ("info", "size")
    assert finding.title == "cache_mask takes 20.5\u202fMB for one value."


def test_one_buffer_that_is_most_of_the_file_is_information_and_a_classifier_is_not() -> None:
    big = np.random.default_rng(0).laplace(0, 0.1, (4_000, 1_000)).astype(np.float32)
    assert audited(MODEL | {"classifier.weight": big}) == []
    finding = only(audited(MODEL | {"seen_images": big}, seen_images={"role": "buffer"}))
    assert (finding.severity, finding.rule) == ("info", "size")


def test_the_worst_comes_first() -> None:
    weight = MODEL["conv1.weight"].copy()
    weight[0] = 0
    model = folded(MODEL) | {"conv1.weight": weight, "fc.bias": with_values("fc.bias", a=np.nan)}
    assert [finding.severity for finding in audited(model)] == ["serious", "notable", "info"]


def test_explanations_are_sentences() -> None:
    weight = MODEL["conv1.weight"].copy()
    weight[0] = 0
    for finding in audited(folded(MODEL) | {"conv1.weight": weight}):
        assert finding.title.endswith(".")
        assert finding.explanation.endswith(".")
        assert finding.title[0].isupper() or finding.title[0].isdigit()
