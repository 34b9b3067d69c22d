"""Write grad_cam_reference.json with the library pytorch-grad-cam (``pip install grad-cam``), no code of ours.

Run as ``python -m tests.engine.make_grad_cam_reference`` in the checkout, where the library is installed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.engine import plain_weights
from torch.nn import functional

PLACE = Path(__file__).with_name("grad_cam_reference.json")
LAYERS = {
    "resnet18": "layer4",
    "densenet121": "features",
    "mobilenet_v2": "features",
    "efficientnet_b0": "features",
    "convnext_tiny": "features",
    "vgg11": "features",
    "swin_t": "norm",
    "vit_b_16": "encoder.layers.encoder_layer_11.ln_1",
}
MIDDLE = {"resnet18": "layer2.0", "mobilenet_v2": "features.7", "swin_t": "features.3", "vit_b_16": "conv_proj"}


def reshape(name: str, layer: str) -> Any:
    """Return what brings a transformer's values into the order of a convolution's, as the library asks for."""
    if name.startswith("swin"):
        return lambda values: values.permute(0, 3, 1, 2)
    if name.startswith("vit") and layer != "conv_proj":
        side = plain_weights.SIZES[name] // 16
        return lambda values: values[:, 1:].reshape(len(values), side, side, -1).permute(0, 3, 1, 2)
    return None


def library_heat(name: str, layer: str, index: int) -> dict[str, Any]:
    """Return the library's heat before it is scaled to 0..1 and to the picture."""
    from pytorch_grad_cam import GradCAM  # type: ignore[import-not-found]
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget  # type: ignore[import-not-found]

    model = plain_weights.plain_model(name)
    picture = np.asarray(plain_weights.plain_picture(plain_weights.SIZES[name]), np.float32) / 255
    pixels = torch.from_numpy((picture - 0.5) / 0.25).permute(2, 0, 1)[None]
    target, targets = model.get_submodule(layer), [ClassifierOutputTarget(index)]
    with GradCAM(model=model, target_layers=[target], reshape_transform=reshape(name, layer)) as cam:
        cam(input_tensor=pixels, targets=targets)
        held = cam.activations_and_grads
        heat = cam.get_cam_image(pixels, target, targets, held.activations[0].numpy(), held.gradients[0].numpy())[0]
    with torch.inference_mode():
        logits = model(pixels)[0]
    rows = [[float(f"{value:.8g}") for value in row] for row in np.maximum(heat, 0).tolist()]
    return {
        "architecture": name, "layer": layer, "index": index, "score": float(logits.softmax(0)[index]),
        "best": int(logits.argmax()), "heat": rows,
    }  # fmt: skip


def main() -> None:
    """Write the file."""
    # densenet works in place on what it gave to the library: its activations would be of another point of the
    # network than its gradients
    plain = functional.relu
    functional.relu = lambda input, inplace=False: plain(input)
    rows = [library_heat(name, layer, index) for name, layer in LAYERS.items() for index in (0, 7)]
    rows += [library_heat(name, layer, 3) for name, layer in MIDDLE.items()]
    PLACE.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
