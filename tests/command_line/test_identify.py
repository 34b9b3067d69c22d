from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import resnet18, squeezenet1_1

from inspector.architectures.layouts import parse, sections

Inspector = Any

_KEYS = "architecture score matched missing unexpected mismatched num_classes wrapper options".split()


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("identify") / "exact.pth"
    torch.save({f"_orig_mod.{key}": value for key, value in squeezenet1_1().state_dict().items()}, path)
    return path


def test_exact(inspector: Inspector, exact: Path) -> None:
    found = inspector("identify", exact.name, "--json", cwd=exact.parent).json()
    assert (found["file"], found["match"], found["official_weights"]) == (exact.name, "exact", None)
    best = found["candidates"][0]
    assert list(best)[: len(_KEYS)] == _KEYS
    assert (best["twins"], best["library"], best["reshaped"], best["caveat"]) == ([], "", 0, "")
    assert (best["architecture"], best["score"], best["matched"]) == ("squeezenet1_1", 1.0, 52)
    assert (best["missing"], best["unexpected"], best["mismatched"]) == ([], [], [])
    assert (best["num_classes"], best["wrapper"], best["options"]) == (1_000, "_orig_mod.", {})
    other = next(row for row in found["candidates"] if row["architecture"] == "squeezenet1_0")
    assert other["mismatched"][0].keys() == {"name", "expected", "found"}
    assert [row["score"] for row in found["candidates"]] == sorted(
        (row["score"] for row in found["candidates"]), reverse=True
    )


def test_head_and_state_dict(inspector: Inspector, squeezenet: Path) -> None:
    found = inspector("identify", squeezenet, "--json").json()
    assert (found["match"], found["state_dict"]) == ("head", "model")
    assert found["candidates"][0]["num_classes"] == 7
    found = inspector("identify", squeezenet, "--state-dict", "ema", "--json").json()
    assert (found["match"], found["state_dict"]) == ("head", "ema")
    assert found["candidates"][0]["wrapper"] == "module."


def test_page(inspector: Inspector, squeezenet: Path, demo: Path) -> None:
    page = inspector("identify", squeezenet)
    assert page.out.splitlines()[0] == "It is squeezenet1_1 with a head of 7 classes. All 52 tensors fit."
    assert "shufflenet_v2_x0_5" in inspector("identify", demo / "digits.pth").out


def test_what_it_is_not(inspector: Inspector, tmp_path: Path) -> None:
    path = tmp_path / "own.pth"
    torch.save({"mine.weight": torch.zeros(3)}, path)
    found = inspector("identify", path, "--json").json()
    assert (found["match"], found["candidates"]) == ("none", [])
    assert inspector("identify", path).out == "This isn't a torchvision architecture; nothing in it resembles one.\n"


def test_what_it_merely_resembles_is_told_with_counts(inspector: Inspector, tmp_path: Path) -> None:
    norm = ("weight", "bias", "running_mean", "running_var")
    state = {
        f"layer{stage}.{block}.bn1.{part}": torch.zeros(8) for stage in (1, 2, 3, 4) for block in "01" for part in norm
    }
    torch.save(state | {f"own.{place}": torch.zeros(1) for place in range(10)}, tmp_path / "own.pth")
    page = inspector("identify", tmp_path / "own.pth")
    assert page.out.splitlines()[0] == (
        "This isn't a torchvision architecture. It resembles resnet18: 32 of 42 keys have its names, "
        "none of them with its shape."
    )


def test_twins_and_other_spellings_are_told(inspector: Inspector, tmp_path: Path) -> None:
    state = {
        key.replace("conv1", "0", 1) if key.startswith("conv1") else key: value
        for key, value in resnet18().state_dict().items()
    }
    tops = {"bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7", "fc": "9"}
    state = {
        ".".join((tops.get(top, top), rest)): value
        for (top, _, rest), value in ((key.partition("."), value) for key, value in state.items())
    }
    torch.save(state, tmp_path / "sequential.pth")
    assert inspector("identify", tmp_path / "sequential.pth").out.splitlines()[0] == (
        "It is resnet18 or quantized_resnet18. All 122 tensors fit (named as in a Sequential)."
    )


def test_a_library_that_computes_otherwise_is_never_exact(inspector: Inspector, tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "architectures/other_spellings.txt").read_text(encoding="utf-8")
    outline = next(outline for title, outline in sections(text).items() if title.endswith("mobilenet_v3_small"))
    shapes = {key: tensor.shape for key, tensor in parse(outline).tensors.items()}
    torch.save({key: torch.zeros(shape) for key, shape in shapes.items()}, tmp_path / "timm.pth")
    found = inspector("identify", tmp_path / "timm.pth", "--json").json()
    best = found["candidates"][0]
    assert (found["match"], best["architecture"], best["library"], best["reshaped"]) == (
        "part",
        "mobilenet_v3_small",
        "timm",
        1,
    )
    sentence = inspector("identify", tmp_path / "timm.pth").out.splitlines()[0]
    assert sentence.startswith(
        "It has the tensors of mobilenet_v3_small. All 244 tensors fit (named as in timm). timm "
    )
    assert sentence.endswith("so predictions differ.")


def test_state_dict_must_be_there(inspector: Inspector, squeezenet: Path, tmp_path: Path) -> None:
    sentence = inspector("identify", squeezenet, "--state-dict", "optimizer").error(3)
    assert "no state_dict at 'optimizer'" in sentence
    assert "'model', 'ema'" in sentence
    path = tmp_path / "plain.pth"
    torch.save({"epoch": 3}, path)
    assert "holds no state_dict" in inspector("identify", path).error(3)


def test_official_weights_are_known_by_their_hash(
    inspector: Inspector, exact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256(exact.read_bytes()).hexdigest()
    entries: list[dict[str, Any]] = [
        {"name": "Other.V0", "file": "other.pth", "sha256": ""},
        {"name": "Wrong.V1", "file": "wrong.pth", "sha256": "0" * 8},
        {"name": "Right.V2", "file": "right.pth", "sha256": digest[:8]},
    ]
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"architectures": {"squeezenet1_1": {"weights": entries}}}), encoding="utf-8")
    assert inspector("identify", exact, "--json").json()["official_weights"] is None
    monkeypatch.setenv("INSPECTOR_WEIGHTS_LIST", str(own))
    assert inspector("identify", exact, "--json").json()["official_weights"] == "Right.V2"
    named = exact.with_name("wrong.pth")
    named.write_bytes(exact.read_bytes())
    entries[1]["file_size"] = 1.0
    own.write_text(json.dumps({"architectures": {"squeezenet1_1": {"weights": entries[:2]}}}), encoding="utf-8")
    answer = inspector("identify", named, "--json").json()
    assert (answer["official_weights"], answer["named_like"]) == (None, "Wrong.V1")
    assert "called like torchvision's Wrong.V1, but with another checksum" in inspector("identify", named).out


def test_a_broken_list_of_weights_is_said(
    inspector: Inspector, exact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.json").write_text("[]", encoding="utf-8")
    monkeypatch.setenv("INSPECTOR_WEIGHTS_LIST", str(tmp_path / "own.json"))
    assert "own.json is no list of weights entries" in inspector("identify", exact).error(3)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("facebookresearch__kill-the-bits__resnet18_small_blocks.decoded.pth", "resnet18"),
        ("pytorch__ios-demo-app__mobilenet_quantized.decoded.pth", "mobilenet_v2"),
    ],
)
def test_real_checkpoints(inspector: Inspector, shared_data: Path, name: str, architecture: str) -> None:
    found = inspector("identify", shared_data / "checkpoints/imagenet" / name, "--json").json()
    best = found["candidates"][0]
    assert (best["architecture"], best["missing"], best["unexpected"], best["mismatched"]) == (architecture, [], [], [])
