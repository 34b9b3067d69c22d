"""Tensors are paired by their names, whatever the way of saving put before them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.weights.pairing import pair

PLAIN = ["stem.weight", "layer1.0.conv.weight", "layer1.0.bn.running_mean", "fc.weight", "fc.bias"]
EVERY = [(name, number, number) for number, name in enumerate(PLAIN)]


def pairs_of(a: list[str], b: list[str]) -> list[tuple[str, int, int]]:
    found = pair(a, b)
    assert not found.only_a
    assert not found.only_b
    return list(found.pairs)


def test_wrappers_of_either_side_or_both() -> None:
    wrappers = (
        "",
        "module.",
        "_orig_mod.",
        "model.",
        "module._orig_mod.",
        "module.model.",
        "net.",
        "encoder.backbone.",
    )
    for one in wrappers:
        for other in wrappers:
            found = pairs_of([one + name for name in PLAIN], [other + name for name in PLAIN])
            assert [pair[1:] for pair in found] == [pair[1:] for pair in EVERY]
            if one in wrappers[:6] or other in wrappers[:6]:
                assert found == EVERY


def test_single_modules_that_were_wrapped() -> None:
    inner = [name.replace("layer1.", "layer1.module.").replace("0.bn", "0._orig_mod.bn") for name in PLAIN]
    assert pairs_of(PLAIN, inner) == EVERY


def test_the_counter_of_averaged_weights_does_not_hide_their_wrapper() -> None:
    found = pair(PLAIN, ["n_averaged", *(f"module.{name}" for name in PLAIN)])
    assert [(name, a, b - 1) for name, a, b in found.pairs] == EVERY
    assert found.only_b == (("n_averaged", 0),)


def test_a_backbone_beside_the_whole() -> None:
    whole = ["rpn.head.weight", *(f"backbone.body.{name}" for name in PLAIN), "roi.head.weight"]
    found = pair(PLAIN, whole)
    assert [name for name, _, _ in found.pairs] == PLAIN
    assert [name for name, _ in found.only_b] == ["rpn.head.weight", "roi.head.weight"]


def test_a_prefix_that_helps_little_stays() -> None:
    a = [*PLAIN, *(f"extra.{name}" for name in PLAIN)]
    found = pair(a, PLAIN)
    assert list(found.pairs) == EVERY
    assert len(found.only_a) == 5


def test_no_names_nothing_in_common_and_one_name_twice() -> None:
    assert pair([], []).pairs == ()
    assert [name for name, _ in pair(["a.b"], ["c.d"]).only_b] == ["c.d"]
    twice = pair(["module.a.w", "a.w"], ["a.w"])
    assert len(twice.pairs) == 1
    assert len(twice.only_a) == 1


names = st.lists(st.from_regex(r"(module\.|_orig_mod\.)?[a-c](\.(module\.)?[a-c]){0,3}", fullmatch=True), max_size=12)


@given(names, names)
def test_every_tensor_is_told_of_once(a: list[str], b: list[str]) -> None:
    found = pair(a, b)
    assert sorted([i for _, i, _ in found.pairs] + [i for _, i in found.only_a]) == list(range(len(a)))
    assert sorted([j for _, _, j in found.pairs] + [j for _, j in found.only_b]) == list(range(len(b)))
    assert pair(a, a).only_a == () or len(set(a)) < len(a)
