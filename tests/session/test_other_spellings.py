"""A file with timm's names, one tensor of which it lays out otherwise, gives the scores of torchvision's model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.models import MobileNet_V3_Small_Weights, mobilenet_v3_small

from inspector.architectures import match
from inspector.architectures.layouts import parse, sections

from .conftest import Driven, picture

FIXTURE = Path(__file__).parents[1] / "architectures" / "other_spellings.txt"
CONVOLUTION = "conv_head.weight"  # of 1 x 1, where torchvision has a linear layer


def calibrated() -> torch.nn.Module:
    torch.manual_seed(3)
    model: torch.nn.Module = mobilenet_v3_small(num_classes=1000)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        model(torch.randn(8, 3, 96, 96))
    return model.eval()


def with_timm_names(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    text = sections(FIXTURE.read_text(encoding="utf-8"))
    outline = next(text for title, text in text.items() if title.endswith("mobilenet_v3_small"))
    shapes = {key: tensor.shape for key, tensor in parse(outline).tensors.items()}
    sources = match(shapes, "mobilenet_v3_small").sources
    return {sources[key]: value.reshape(shapes[sources[key]]) for key, value in model.state_dict().items()}


def test_timm_s_names_attach_and_predict_as_torchvision_does(shared_session: Driven, tmp_path: Path) -> None:
    model = calibrated()
    state = with_timm_names(model)
    assert state[CONVOLUTION].ndim == 4
    torch.save({f"module.{key}": value for key, value in state.items()}, tmp_path / "timm.pth")
    number = shared_session.attached(tmp_path / "timm.pth")
    report = shared_session.checkpoint(number).match_report
    assert report is not None
    assert (report.complete, report.reshaped) == (True, {"classifier.0.weight": (1024, 576)})
    assert shared_session.checkpoint(number).attachment.failure is None
    image = picture(tmp_path / "a.png")
    (prediction,) = shared_session.predict(number, image)
    preset = MobileNet_V3_Small_Weights.IMAGENET1K_V1.transforms()
    with torch.inference_mode():
        scores = model(preset(Image.open(image).convert("RGB"))[None]).softmax(1)[0]
    assert [row.index for row in prediction.classes] == scores.topk(5).indices.tolist()
    for row in prediction.classes:
        assert row.score == pytest.approx(float(scores[row.index]), rel=1e-4)


def test_what_cannot_be_reshaped_is_a_sentence(shared_session: Driven, tmp_path: Path) -> None:
    state = with_timm_names(calibrated())
    state[CONVOLUTION] = state[CONVOLUTION].transpose(0, 1).contiguous().transpose(0, 1)
    torch.save(state, tmp_path / "transposed.pth")
    failure = shared_session.checkpoint(shared_session.attached(tmp_path / "transposed.pth")).attachment.failure
    assert failure is not None
    assert "classifier.0.weight has another shape in the file, 1024 × 576 × 1 × 1, and isn't contiguous" in str(failure)
