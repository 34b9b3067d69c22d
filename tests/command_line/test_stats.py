from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

# ``conftest`` is no module to import from: its fixtures are typed here by what they are.
Inspector = Any


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    filters = torch.randn(6, 3, 3, 3)
    filters[1] = 0
    filters[4] = filters[2]
    state = {
        "layer1.conv.weight": filters,
        "layer1.conv.bias": torch.tensor([1.0, math.nan, -math.inf, 0.0]),
        "layer2.fc.weight": torch.randn(10, 20).bfloat16(),
        "steps": torch.tensor(7),
        "none": torch.empty(0),
        "gone": torch.empty(3, device="meta"),
        "a[0]": torch.ones(2),
    }
    path = tmp_path_factory.mktemp("stats") / "mixed.pth"
    torch.save(state, path)
    return path


def test_json_has_the_documented_keys_and_numpys_figures(inspector: Inspector, mixed: Path) -> None:
    told = inspector("stats", mixed.name, "--json", cwd=mixed.parent).json()
    assert list(told) == ["file", "complete", "tensors"]
    assert told["file"] == mixed.name
    state = torch.load(mixed, weights_only=True)
    assert [found["name"] for found in told["tensors"]] == list(state)
    for found in told["tensors"]:
        assert list(found) == ("name min max mean std norm zeros nan inf dead duplicates histogram problem".split())
        if found["name"] == "gone":
            continue
        values = state[found["name"]].double().numpy()
        finite = values[np.isfinite(values)]
        if not finite.size:
            assert (found["min"], found["mean"], found["std"], found["norm"]) == (None, None, None, 0)
            continue
        assert (found["min"], found["max"]) == (finite.min(), finite.max())
        assert found["mean"] == pytest.approx(finite.mean(), rel=1e-12, abs=1e-15)
        assert found["std"] == pytest.approx(finite.std(), rel=1e-9, abs=1e-15)
        assert found["norm"] == pytest.approx(np.linalg.norm(finite), rel=1e-12)
        counts, edges = np.histogram(finite, np.array(found["histogram"]["edges"]))
        assert len(edges) == 257
        assert found["histogram"]["counts"] == counts.tolist()
    by_name = {found["name"]: found for found in told["tensors"]}
    bias, conv = by_name["layer1.conv.bias"], by_name["layer1.conv.weight"]
    assert (bias["zeros"], bias["nan"], bias["inf"]) == (1, 1, 1)
    assert (conv["zeros"], conv["dead"], conv["duplicates"]) == (27, 1, 1)
    assert type(by_name["steps"]["min"]) is int
    gone = by_name["gone"]
    assert (gone["min"], gone["nan"], gone["histogram"]) == (None, None, None)
    assert "meta" in gone["problem"]


def test_names_and_patterns_choose(inspector: Inspector, mixed: Path) -> None:
    def names(*given: str) -> list[str]:
        told = inspector("stats", mixed, *given, "--json").json()
        return [found["name"] for found in told["tensors"]]

    assert names("steps", "layer1.conv.bias") == ["layer1.conv.bias", "steps"]
    assert names("layer?.*.weight") == ["layer1.conv.weight", "layer2.fc.weight"]
    assert names("a[0]") == ["a[0]"]  # a name, though it looks like a pattern


def test_an_unknown_name_is_told_in_a_sentence(inspector: Inspector, mixed: Path) -> None:
    told = inspector("stats", mixed.name, "layer1.conv.wieght", cwd=mixed.parent).error(3)
    assert told == "mixed.pth holds no tensor called 'layer1.conv.wieght'. Did you mean 'layer1.conv.weight'?"
    assert "inspector show" in inspector("stats", mixed, "nothing.like.it.*").error(3)


def test_only_the_file_is_required(inspector: Inspector) -> None:
    told = inspector("stats").error(2)
    assert told == "stats: the following arguments are required: FILE. Try inspector stats --help."


def test_the_page_is_a_table(inspector: Inspector, mixed: Path) -> None:
    shown = inspector("stats", mixed, env={"PYTHONIOENCODING": "utf-8"})
    assert (shown.code, shown.err) == (0, "")
    lines = shown.out.splitlines()
    assert lines[0].split() == ("Name Shape Dtype Min Max Mean Std Norm Zeros NaN Inf Dead Equal Distribution".split())
    bias = next(line for line in lines if line.startswith("layer1.conv.bias"))
    assert bias.split()[1:] == ["4", "float32", "0.0000", "1.0000", *bias.split()[5:]]
    assert "█" in bias
    assert next(line for line in lines if line.startswith("gone")).count("–") == 10


def test_a_terminal_without_unicode_gets_no_bars(inspector: Inspector, mixed: Path) -> None:
    shown = inspector("stats", mixed, "steps", env={"PYTHONIOENCODING": "ascii"})
    assert shown.code == 0
    assert "\\u258" not in shown.out


def test_a_file_without_tensors(inspector: Inspector, tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "plain.pth")
    assert inspector("stats", tmp_path / "plain.pth").out == "It holds no tensors.\n"
    assert inspector("stats", tmp_path / "plain.pth", "--json").json()["tensors"] == []
    assert "There is no file" in inspector("stats", tmp_path / "missing.pth").error(3)


def test_the_demo(inspector: Inspector, demo: Path) -> None:
    told = inspector("stats", demo / "digits.pth", "--json").json()
    state = torch.load(demo / "digits.pth", weights_only=True)
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    assert len(told["tensors"]) >= 100
    assert all(sum(found["histogram"]["counts"]) > 0 for found in told["tensors"])
