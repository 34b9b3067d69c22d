"""Two checkpoints compared, whatever their containers, dtypes and strides; and what that means in a sentence."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.errors import FileChangedError
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.unusual_bytes import read_values
from inspector.weights import paired_pieces
from inspector.weights.comparison import TensorDifference, compare_arrays
from inspector.weights.differences import Row, Side, compare_checkpoints
from inspector.weights.fine_tuning import fine_tuning_sentence


def side(path: Path, state_dict: str | None = None) -> Side:
    with open_checkpoint(path) as checkpoint:
        summary = CheckpointSummary(*encode(checkpoint))
    paths = [found.path for found in summary.state_dicts]
    return Side(summary, summary.model if state_dict is None else paths.index(state_dict))


def rows_of(a: Side, b: Side) -> dict[str, Row]:
    told: list[tuple[int, int]] = []
    found = compare_checkpoints(a, b, lambda done, total: told.append((done, total)))
    assert max(told)[0] == told[0][1]  # all of it was counted
    assert {total for _, total in told} == {told[0][1]}
    return {row.name: row for row in found}


def model() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "conv.weight": torch.randn(8, 3, 5, 5, generator=generator),
        "bn.running_mean": torch.randn(8, generator=generator),
        "bn.num_batches_tracked": torch.tensor(7),
        "fc.weight": torch.randn(10, 40, generator=generator),
        "none": torch.zeros(0, 3),
    }


def test_across_containers_wrappers_and_strides(tmp_path: Path) -> None:
    before = model()
    after = {name: tensor.clone() for name, tensor in before.items()}
    after["fc.weight"] += 0.1
    after["bn.num_batches_tracked"] += 5
    torch.save(before, tmp_path / "a.pth")
    nested = {f"module.{name}": tensor for name, tensor in after.items()}
    nested["module.conv.weight"] = after["conv.weight"].to(memory_format=torch.channels_last)
    torch.save({"state_dict": nested, "epoch": 3}, tmp_path / "zip.pth")
    torch.save(nested, tmp_path / "legacy.pth", _use_new_zipfile_serialization=False)
    save_file(after, tmp_path / "b.safetensors")
    wide = before["fc.weight"].double(), after["fc.weight"].double()
    for name in ("zip.pth", "legacy.pth", "b.safetensors"):
        found = rows_of(side(tmp_path / "a.pth"), side(tmp_path / name))
        kinds = {key: row.kind for key, row in found.items()}
        assert kinds == dict.fromkeys(before, "equal") | {"fc.weight": "changed", "bn.num_batches_tracked": "changed"}
        fc = found["fc.weight"].difference
        assert fc is not None
        assert fc.max_abs == (wide[1] - wide[0]).abs().max().item()
        assert fc.relative_l2 == pytest.approx(((wide[1] - wide[0]).norm() / wide[0].norm()).item(), rel=1e-12)


def test_across_dtypes(tmp_path: Path) -> None:
    before = model()
    torch.save(before, tmp_path / "a.pth")
    for dtype in (torch.float64, torch.bfloat16, torch.float16):
        save_file({name: t.to(dtype) if t.is_floating_point() else t for name, t in before.items()}, tmp_path / "b")
        (tmp_path / "b").rename(tmp_path / "b.safetensors")
        found = rows_of(side(tmp_path / "a.pth"), side(tmp_path / "b.safetensors"))
        for name, row in found.items():
            there = before[name].to(dtype).double() if before[name].is_floating_point() else before[name].double()
            expected = compare_arrays(before[name].double().numpy(), there.numpy())
            assert row.difference is not None
            assert (row.difference.max_abs, row.difference.equal) == (expected.max_abs, expected.equal)
            assert row.difference.rounded == (not expected.equal)


def test_only_in_one_other_shapes_and_what_cannot_be_read(tmp_path: Path) -> None:
    before = model()
    after = {**before, "fc.weight": torch.zeros(4, 40), "head.bias": torch.ones(2)}
    del after["bn.running_mean"]
    torch.save({**before, "far": torch.empty(3, device="meta")}, tmp_path / "a.pth")
    torch.save({**after, "far": torch.ones(3)}, tmp_path / "b.pth")
    a, b = side(tmp_path / "a.pth"), side(tmp_path / "b.pth")
    found = rows_of(a, b)
    assert {name: row.kind for name, row in found.items() if row.kind != "equal"} == {
        "fc.weight": "shape",
        "head.bias": "only_b",
        "bn.running_mean": "only_a",
        "far": "unread",
    }
    assert "meta" in found["far"].problem
    assert a.summary.names[found["bn.running_mean"].tensor_a] == "bn.running_mean"
    assert b.summary.names[found["head.bias"].tensor_b] == "head.bias"


def test_two_state_dicts_of_one_file_and_shared_tensors(tmp_path: Path) -> None:
    weight = torch.randn(30, 4)
    first = {"in.weight": weight, "out.weight": weight}
    torch.save({"model": first, "ema": {"in.weight": weight + 1, "out.weight": weight}}, tmp_path / "a.pth")
    found = rows_of(side(tmp_path / "a.pth", "model"), side(tmp_path / "a.pth", "ema"))
    assert [row.kind for row in found.values()] == ["changed", "equal"]
    same = rows_of(side(tmp_path / "a.pth"), side(tmp_path / "a.pth"))
    assert all(row.kind == "equal" for row in same.values())


def test_tensors_larger_than_a_piece_are_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired_pieces, "PIECE", 1_000)
    a = torch.randn(100, 77)
    b = a.clone()
    b[99, 76] += 2
    torch.save({"w": a, "t": a.t()}, tmp_path / "a.pth")
    torch.save({"w": b, "t": b.t().contiguous()}, tmp_path / "b.pth")
    found = rows_of(side(tmp_path / "a.pth"), side(tmp_path / "b.pth"))
    expected = compare_arrays(a.numpy(), b.numpy())
    for row in found.values():
        assert row.difference is not None
        assert row.difference.max_abs == expected.max_abs
        assert row.difference.cosine == pytest.approx(expected.cosine, rel=1e-12)


def test_a_file_that_changed_is_not_compared(tmp_path: Path) -> None:
    torch.save(model(), tmp_path / "a.pth")
    torch.save(model(), tmp_path / "b.pth")
    a, b = side(tmp_path / "a.pth"), side(tmp_path / "b.pth")
    torch.save({**model(), "more": torch.ones(1)}, tmp_path / "b.pth")
    with pytest.raises(FileChangedError):
        compare_checkpoints(a, b, lambda *_: None)


# -- sentences --------------------------------------------------------------------------------------------------------


def row(name: str, relative: float | None, *, rounded: bool = False, cosine: float = 0.9) -> Row:
    found = TensorDifference(True) if relative is None else TensorDifference(False, 1, relative, cosine, 0, rounded)
    return Row("equal" if relative is None else "changed", name, 0, 0, found)


def said(rows: list[Row], dtypes: tuple[str, str] = ("float32", "float32")) -> str:
    return fine_tuning_sentence(rows, ["running" in found.name for found in rows], dtypes)


def resnet(**changed: float) -> list[Row]:
    names = ["conv1.weight", "bn1.weight", "bn1.running_mean"]
    names += [f"layer{n}.{m}.{what}" for n in (1, 2, 3, 4) for m in (0, 1) for what in ("conv1.weight", "bn1.bias")]
    return [row(name, changed.get(name.partition(".")[0])) for name in [*names, "fc.weight", "fc.bias"]]


def test_which_layers_were_trained_and_which_frozen() -> None:
    assert said(resnet()) == "Every tensor is identical."
    assert said(resnet(fc=0.5)) == "Only fc was changed: conv1, bn1 and layer1–layer4 are identical (frozen)."
    assert said(resnet(fc=0.2, layer4=0.1)) == (
        "Only layer4 and fc were changed, the most in fc: conv1, bn1 and layer1–layer3 are identical (frozen)."
    )
    most = dict.fromkeys(("conv1", "layer1", "layer2", "layer3", "layer4"), 0.1)
    assert said(resnet(**most, bn1=0.1, fc=0.3)) == "Everything changed, the most in fc."
    assert said(resnet(**most, fc=0.3)) == ("bn1 is identical (frozen); everything else was changed, the most in fc.")


def test_layers_that_are_too_many_to_be_named_are_counted() -> None:
    def every_second(changed: int) -> list[Row]:
        return [row(f"part{chr(97 + n)}.weight", 0.1 if n % 2 and n < 2 * changed else None) for n in range(14)]

    assert said(every_second(6)) == (
        "Only 6 layers were changed, the most in partb: the other 8 layers are identical (frozen)."
    )
    more = [*every_second(7), row("x.weight", 0.2), row("y.weight", 0.1)]
    assert said(more) == "7 layers are identical (frozen); everything else was changed, the most in x."


def test_frozen_layers_whose_statistics_went_on() -> None:
    rows = resnet(fc=0.5)
    rows[2] = row("bn1.running_mean", 0.1)
    assert said(rows) == "Only fc was changed: conv1, bn1 and layer1–layer4 are frozen but for their buffers."
    only = resnet()
    only[2] = row("bn1.running_mean", 0.1)
    assert said(only) == "Only buffers changed, such as batch-norm statistics: every parameter is identical."


def test_a_model_within_one_attribute_and_what_stands_alone() -> None:
    rows = [row(f"encoder.layers.{n}.weight", 0.1 if n == 11 else None) for n in range(12)] + [row("token", None)]
    assert said(rows) == (
        "Only encoder.layers.11 was changed: encoder.layers.0–encoder.layers.10 and token are identical (frozen)."
    )
    alone = [*resnet(), Row("only_a", "aux.weight", 3), Row("only_b", "head.weight", -1, 4), Row("unread", "odd", 1, 1)]
    assert said(alone) == (
        "The 21 tensors of both are identical. 1 tensor only in A and 1 tensor only in B. 1 tensor could not be "
        "compared."
    )
    assert said([Row("only_a", "x", 0)]) == "They have no tensor in common that can be compared."
    assert said([]) == "Neither holds a tensor."
    shape = [*resnet()[:-2], Row("shape", "fc.weight", 0, 0), Row("shape", "fc.bias", 0, 0)]
    assert said(shape).startswith("Only fc was changed: conv1")


def test_rounding_and_two_separate_trainings() -> None:
    rounded = [row("a.weight", 1e-4, rounded=True), row("b.weight", None)]
    assert said(rounded, ("float32", "bfloat16")) == "The same numbers, rounded to bfloat16: nothing else changed."
    apart = [row(f"layer{n}.weight", 1.4, cosine=0.02) for n in range(5)]
    assert said(apart) == "They look trained apart: their weights have little in common (median cosine 0.02)."


def test_values_that_are_no_numbers_are_said() -> None:
    broken = Row("changed", "fc.weight", 0, 0, TensorDifference(False, math.nan, math.nan, math.nan, 3))
    assert said([*resnet()[:-2], broken]).endswith("fc.weight has NaN or infinite values in one of them alone.")
    assert said([broken, broken]).endswith("2 tensors have NaN or infinite values in one of them alone.")


def test_odd_names_and_figures_end_in_a_sentence() -> None:
    names = ["", ".", "a.", ".a", "a..b", "ä.ü", "a"]
    assert said([row(name, math.inf) for name in names]).endswith(".")
    assert said([row(name, math.nan, cosine=math.nan) for name in names]).endswith(".")


def test_real_files(shared_data: Path, tmp_path: Path) -> None:
    real = next((shared_data / "checkpoints" / "imagenet").glob("*resnet18*.decoded.pth"))
    before: dict[str, Any] = torch.load(real, map_location="cpu", weights_only=True)
    before = before.get("model", before)
    tuned = {name: tensor.clone() for name, tensor in before.items()}
    for name in tuned:
        if name.startswith("fc."):
            tuned[name] += 0.01 * torch.randn(tuned[name].shape, generator=torch.Generator().manual_seed(0))
    training = {"state_dict": {f"module.{name}": tensor for name, tensor in tuned.items()}, "optimizer": {}, "epoch": 9}
    torch.save(training, tmp_path / "training.pth")
    save_file({name: tensor.contiguous() for name, tensor in before.items()}, tmp_path / "same.safetensors")
    a, b = side(real), side(tmp_path / "training.pth")
    found = compare_checkpoints(a, b, lambda *_: None)
    assert {row.name for row in found if row.kind != "equal"} == {"fc.weight", "fc.bias"}
    assert said(found).startswith("Only fc was changed: conv1, bn1 and layer1–layer4 are identical")
    for one in found:
        x, y = before[one.name].double().numpy(), tuned[one.name].double().numpy()
        assert one.difference is not None
        assert one.difference.max_abs == np.abs(y - x).max()
    same = compare_checkpoints(a, side(tmp_path / "same.safetensors"), lambda *_: None)
    assert said(same) == "Every tensor is identical."


@pytest.mark.parametrize("numel", [40, 400])
def test_numbers_of_four_bits_beside_others_do_not_end_a_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numel: int
) -> None:
    monkeypatch.setattr(paired_pieces, "PIECE", 100)
    packed = torch.zeros(numel, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    torch.save({"packed": packed, "plain": torch.ones(3)}, tmp_path / "a.pth")
    torch.save({"packed": torch.zeros(numel), "plain": torch.ones(3)}, tmp_path / "b.pth")
    rows = rows_of(side(tmp_path / "a.pth"), side(tmp_path / "b.pth"))
    assert (rows["packed"].kind, rows["plain"].kind) == ("unread", "equal")
    assert rows["packed"].problem == "The two tensors hold different numbers of values."


def test_a_tensor_that_there_is_no_memory_for_does_not_end_a_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_memory(files: Any, place: Any) -> Any:
        if place.shape == (4, 5):
            raise MemoryError
        return read_values(files, place)

    monkeypatch.setattr("inspector.weights.paired_pieces.read_values", without_memory)
    torch.save({"large": torch.ones(4, 5), "plain": torch.ones(3)}, tmp_path / "a.pth")
    torch.save({"large": torch.zeros(4, 5), "plain": torch.ones(3)}, tmp_path / "b.pth")
    rows = rows_of(side(tmp_path / "a.pth"), side(tmp_path / "b.pth"))
    assert (rows["large"].kind, rows["plain"].kind) == ("unread", "equal")
    assert rows["large"].problem == "There is not enough memory to compare it."


def test_a_file_that_changed_ends_a_comparison_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.pth", "b.pth"):
        torch.save({f"t{index}": torch.ones(index % 5 + 1) for index in range(3_000)}, tmp_path / name)
    compared: list[int] = []

    def changed(*_: Any) -> Any:
        compared.append(1)
        raise FileChangedError("a.pth has changed.")

    def counted(*arguments: Any) -> Any:
        return changed() if not compared else read(*arguments)

    read = paired_pieces.paired_pieces
    monkeypatch.setattr("inspector.weights.differences.paired_pieces", counted)
    sides = side(tmp_path / "a.pth"), side(tmp_path / "b.pth")
    last: list[tuple[int, int]] = []
    with pytest.raises(FileChangedError):
        compare_checkpoints(*sides, lambda done, total: last.append((done, total)))
    assert max(last)[0] < last[0][1], "the rest was left alone"
