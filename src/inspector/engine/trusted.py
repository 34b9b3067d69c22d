"""A model that the person trusts, run as it is: loaded by torch from a private copy, in a process of its own.

This is the one place that unpickles. It is reached only by the role of trusted files, after the person has seen what
the file names and has agreed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal

import torch
from torch import nn

from inspector.engine.activations import Wrapper
from inspector.engine.attach import Attachment
from inspector.engine.choosing import class_labels
from inspector.engine.devices import choose_device
from inspector.engine.evaluation import EvalReport, set_eval
from inspector.engine.loading import LoadReport
from inspector.engine.preprocessing import Preprocessing
from inspector.engine.problems import DeviceError, EngineError, PredictionError
from inspector.engine.trusted_code import NameFinder, add_source, pickle_module, reason

Kind = Literal["pickled", "torchscript"]

#: What torchvision's classification models take; what a private model takes, its file does not tell.
ASSUMED = Preprocessing(256, 224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), source="assumed")

#: How far from 1 the sum of a row of probabilities may be, also where they were computed in half precision.
_SUM_TOLERANCE = 5e-3


class TrustedModelError(EngineError):
    """A trusted file holds no model that can be run, or the model does not work."""


class Classifier(Wrapper):
    """A stranger's model whose every output is either scores for each class or an error in plain words."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return scores of shape (images, classes) whose softmax are the probabilities.

        Raises
        ------
        PredictionError
            The model raises an error, or gives something other than scores.
        """
        try:
            output = self.inner(images)
        except torch.OutOfMemoryError:
            raise
        except (Exception, SystemExit) as error:  # whatever its code raises is an answer, not an end
            size = " × ".join(map(str, images.shape[2:]))
            raise PredictionError(
                f"The model can't take images of {size} pixels: {reason(error)}.",
                "It may want another size, or something other than images.",
            ) from error
        return _scores(output, len(images))


def _scores(output: object, images: int) -> torch.Tensor:
    """Return a model's output as scores; probabilities, which some models give, as their logarithms."""
    if not isinstance(output, torch.Tensor):
        raise PredictionError(
            f"The model gives {_named(output)} for an image, which Inspector does not understand yet.",
            "Models that give one tensor of scores for the classes can be run.",
        )
    if output.ndim != 2 or output.shape[0] != images or output.shape[1] < 2 or not output.is_floating_point():
        shape = " × ".join(map(str, output.shape)) or "a single number"
        raise PredictionError(
            f"The model gives {shape} for {images} image{'s' * (images > 1)}, not a score for each class.",
            "Models that give one tensor of scores for the classes can be run.",
        )
    scores = output.float()
    sums = scores.sum(dim=1)
    if bool((scores >= 0).all()) and bool(((sums - 1).abs() < _SUM_TOLERANCE).all()):
        return scores.log()
    return scores


def _named(output: object) -> str:
    if isinstance(output, Mapping):
        return f"a dictionary ({', '.join(map(str, list(output)[:4]))})"
    if isinstance(output, tuple | list):
        return f"a {type(output).__name__} of {len(output)}"
    return f"a {type(output).__name__}"


def load_trusted(
    file: BinaryIO,
    kind: Kind,
    *,
    name: str,
    inside: str = "",
    listed: Collection[str] = (),
    source: Path | None = None,
    device: str = "auto",
    preprocessing: Mapping[str, Any] | None = None,
    labels: Sequence[str] | None = None,
    own_labels: Sequence[str] = (),
) -> Attachment:
    """Load a whole model, running its code, and make it ready to predict.

    Parameters
    ----------
    file
        The private copy, open for reading at its start.
    kind
        ``pickled`` or ``torchscript``.
    name
        What the file is called in a sentence.
    inside
        The dotted path of the model within the file; empty for all of it.
    listed
        The dotted names that the person saw; a pickle that asks for another one is refused.
    source
        A folder that holds the code of its classes.
    device
        As :func:`inspector.engine.devices.choose_device`.
    preprocessing
        The keys of :meth:`Preprocessing.from_checkpoint`; else `ASSUMED`.
    labels
        One per class.
    own_labels
        The file's own, used where they are as many as the classes; else ImageNet's for 1,000 classes, else numbers.

    Raises
    ------
    TrustedCodeError, UnlistedNameError
        The code is missing, does not work, or is not what was shown.
    TrustedModelError
        There is no model, or it can't be run on images.
    DeviceError, PreprocessingError, LabelsError, PredictionError
        As in :func:`inspector.engine.attach.attach`.
    """
    target = choose_device(device)
    chosen = Preprocessing.from_checkpoint(preprocessing) if preprocessing is not None else ASSUMED
    if source is not None:
        add_source(source)
    inner = _script(file, name) if kind == "torchscript" else _unpickled(file, name, inside, NameFinder(listed, source))
    model = Classifier(inner)
    report = _set_eval(model, kind)
    _move(model, target)
    classes = _try_out(model, chosen, target)
    return Attachment(
        model=model,
        architecture=_class_name(inner),
        task="classification",
        device=target,
        num_classes=classes,
        options={},
        preprocessing=chosen,
        transform=chosen.transform(),
        labels=class_labels(labels or (own_labels if len(own_labels) == classes else None), classes),
        eval_report=report,
        loading=LoadReport(len(inner.state_dict())),
    )


def _script(file: BinaryIO, name: str) -> nn.Module:
    try:
        loaded: nn.Module = torch.jit.load(file, map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise TrustedModelError(
            f"{name} can't be loaded by torch {torch.__version__}: {reason(error)}.",
            "It may need operators of a library that is not installed, or another version of torch.",
        ) from error
    return loaded


def _unpickled(file: BinaryIO, name: str, inside: str, finder: NameFinder) -> nn.Module:
    try:
        root = torch.load(file, map_location="cpu", weights_only=False, pickle_module=pickle_module(finder))
        for part in inside.split(".") if inside else ():
            root = root[part] if isinstance(root, Mapping) else getattr(root, part)
        if isinstance(root, nn.Module):
            root.requires_grad_(False)
            return root.float()  # a model saved in half precision need not run on every device
    except EngineError:
        raise
    except (Exception, SystemExit) as error:  # its own code ran, and may raise anything
        raise TrustedModelError(
            f"{name} can't be loaded: {reason(error)}.", "Its code may be of another version than the file."
        ) from error
    raise TrustedModelError(
        f"{name} holds a {type(root).__name__} and no model that can be run.", "Attach its weights instead."
    )


def _set_eval(model: Classifier, kind: Kind) -> EvalReport:
    try:
        report = set_eval(model)
    except EngineError:
        raise
    except (Exception, SystemExit) as error:  # a class may define eval and train itself
        raise TrustedModelError(f"The model can't be set to eval mode: {reason(error)}.") from error
    if kind != "torchscript":
        return report
    # A scripted module keeps the name of its class, not the class.
    names = [str(getattr(module, "original_name", "")) for module in model.modules()]
    return EvalReport(
        dropout=sum("Dropout" in found for found in names),
        stochastic_depth=names.count("StochasticDepth"),
        batch_norm=sum("BatchNorm" in found for found in names),
    )


def _move(model: Classifier, device: str) -> None:
    try:
        model.to(device)
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            f"The memory of {device} is full.", "Close other programs that use it, or choose cpu."
        ) from error
    except (Exception, SystemExit) as error:  # a class may define how it moves
        raise TrustedModelError(f"The model can't be moved to {device}: {reason(error)}.", "Choose cpu.") from error


@torch.inference_mode()
def _try_out(model: Classifier, preprocessing: Preprocessing, device: str) -> int:
    """Run the model on one grey image; return how many classes it gives scores for."""
    side = preprocessing.crop_size
    scores = model(torch.zeros(1, 3, side, side, device=device))
    return int(scores.shape[1])


def _class_name(inner: nn.Module) -> str:
    scripted = getattr(inner, "original_name", None)
    if isinstance(scripted, str):
        return scripted
    kind = type(inner)
    module = kind.__module__.removeprefix("trusted_main_")
    return f"{module}.{kind.__qualname__}"
