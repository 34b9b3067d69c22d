import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.architectures import (
    Mismatch,
    UnknownArchitectureError,
    adapted_signature,
    architecture,
    catalogue,
    head_classes,
    match,
)

WITH_CLASSES = [name for name, entry in catalogue().items() if entry.num_classes is not None]


def test_a_complete_match() -> None:
    report = match({f"net.{key}": shape for key, shape in adapted_signature("resnet18", 3).items()}, "resnet18")
    assert report.complete
    assert report.adapted
    assert (report.wrapper, report.num_classes, report.score) == ("net.", 3, 1.0)
    assert report.matched == tuple(architecture("resnet18").signature)
    assert report.sources["fc.weight"] == "net.fc.weight"


def test_what_is_missing_unexpected_and_mismatched() -> None:
    tensors = adapted_signature("resnet18", None) | {"head.weight": (1,)}
    del tensors["fc.bias"]
    tensors["conv1.weight"] = (64, 1, 7, 7)
    report = match(tensors, "resnet18")
    assert not report.complete
    assert (report.missing, report.unexpected) == (("fc.bias",), ("head.weight",))
    assert report.mismatched == (Mismatch("conv1.weight", (64, 3, 7, 7), (64, 1, 7, 7)),)
    assert len(report.matched) == 120
    assert report.partial
    assert set(report.sources) == {*report.matched, "conv1.weight"}


def test_the_number_of_classes_can_be_given() -> None:
    report = match(adapted_signature("resnet18", 3), "resnet18", num_classes=10)
    assert report.num_classes == 10
    assert [mismatch.name for mismatch in report.mismatched] == ["fc.weight", "fc.bias"]
    assert report.mismatched[0] == Mismatch("fc.weight", (10, 512), (3, 512))


def test_the_wrapper_can_be_given() -> None:
    tensors = {f"module.{key}": shape for key, shape in adapted_signature("vgg11", None).items()}
    assert match(tensors, "vgg11", wrapper="module.").complete
    report = match(tensors, "vgg11", wrapper="")
    assert (report.wrapper, report.matched) == ("", ())
    assert report.unexpected == tuple(tensors)


def test_names_outside_the_wrapper_are_unexpected() -> None:
    tensors = {f"model.{key}": shape for key, shape in adapted_signature("vgg11", None).items()}
    report = match(tensors | {"model.extra": (1,), "criterion.weight": (1000,)}, "vgg11")
    assert (report.wrapper, report.unexpected) == ("model.", ("extra", "criterion.weight"))


def test_two_names_for_one_tensor_are_not_hidden() -> None:
    tensors = adapted_signature("vgg11", None) | {"features.module.0.weight": (64, 3, 3, 3)}
    report = match(tensors, "vgg11")
    assert report.sources["features.0.weight"] == "features.0.weight"
    assert report.unexpected == ("features.module.0.weight",)
    assert not report.complete


def test_absent_batch_counters_are_told_but_not_missing() -> None:
    tensors = adapted_signature("resnet18", None)
    del tensors["bn1.num_batches_tracked"]
    report = match(tensors, "resnet18")
    assert report.complete
    assert report.untracked == ("bn1.num_batches_tracked",)
    assert report.score == 1.0


def test_a_mismatched_batch_counter_is_a_mismatch() -> None:
    report = match(adapted_signature("resnet18", None) | {"bn1.num_batches_tracked": (1,)}, "resnet18")
    assert [mismatch.name for mismatch in report.mismatched] == ["bn1.num_batches_tracked"]


def test_another_architecture_can_be_picked() -> None:
    report = match(architecture("resnet50").signature, "vgg16")
    assert report.matched == ()
    assert (len(report.missing), len(report.unexpected)) == (32, 320)
    assert report.num_classes is None
    assert not report.adapted
    report = match({f"module.{key}": shape for key, shape in architecture("resnet50").signature.items()}, "raft_small")
    assert (report.wrapper, report.matched) == ("", ())


def test_an_empty_state_dict_matches_nothing() -> None:
    report = match({}, "resnet18")
    assert (report.score, report.partial, report.complete) == (0.0, False, False)


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(UnknownArchitectureError):
        match({}, "resnet19")


@given(name=st.sampled_from(WITH_CLASSES), classes=st.integers(1, 30_000))
def test_classes_come_back_from_an_adapted_signature(name: str, classes: int) -> None:
    signature = adapted_signature(name, classes)
    assert head_classes(signature, name) == classes
    assert match(signature, name).complete


def test_a_replaced_main_head_decides_over_the_auxiliary_one() -> None:
    tensors = adapted_signature("inception_v3", None) | {"fc.weight": (5, 2048), "fc.bias": (5,)}
    report = match(tensors, "inception_v3")
    assert report.num_classes == 5
    assert [mismatch.name for mismatch in report.mismatched] == ["AuxLogits.fc.weight", "AuxLogits.fc.bias"]


def test_heads_of_other_forms_have_no_classes() -> None:
    assert head_classes({}, "resnet18") is None
    assert head_classes({"fc.weight": (7,), "fc.bias": (7, 1)}, "resnet18") is None
    assert head_classes({"fc.weight": (0, 512)}, "resnet18") is None
    assert head_classes({"head.classification_head.cls_logits.bias": (10,)}, "retinanet_resnet50_fpn") is None
    assert head_classes(architecture("raft_small").signature, "raft_small") is None


@given(st.dictionaries(st.text(max_size=30), st.lists(st.integers(-1, 2**63), max_size=4).map(tuple), max_size=20))
def test_any_names_and_shapes_are_taken(tensors: dict[str, tuple[int, ...]]) -> None:
    report = match(tensors, "vit_b_16")
    assert len(report.matched) + len(report.mismatched) + len(report.unexpected) == len(tensors)
