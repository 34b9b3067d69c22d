"""Attach: build an architecture, put the weights into it, eval mode, on a device, ready to predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from torch import nn
from torchvision import models

from inspector.engine.building import build_model, task_of
from inspector.engine.choosing import choose_preprocessing, class_labels, keypoint_names
from inspector.engine.devices import choose_device, device_trouble
from inspector.engine.evaluation import EvalReport, set_eval
from inspector.engine.inputs import DetectionPreprocessing
from inspector.engine.loading import LoadReport
from inspector.engine.options import GOOGLE, WITHOUT_EPSILON, StateDict, quantization_of
from inspector.engine.precision import Choice
from inspector.engine.preprocessing import InputPreprocessing, Transform
from inspector.engine.problems import AttachError, DeviceError

#: Of the builders that have a number of classes, where none was found.
_USUAL_CLASSES = {"classification": 1000, "detection": 91, "segmentation": 21, "video classification": 400}
_TORCH_EPSILON = 1e-5  # of FrozenBatchNorm2d


@dataclass(frozen=True, slots=True, eq=False)
class Attachment:
    """A model that holds a checkpoint's weights, ready to predict.

    Attributes
    ----------
    model
        In eval mode, on `device`, without gradients.
    architecture, task, device
        The builder's name; ``classification``, ``detection`` ...; torch's name of the device.
    num_classes
        Outputs of the head, a detector's background counted; None where the task has no classes.
    options
        What the model was built with beside its number of classes, derived or given: ``aux_logits``, ``image_size``,
        ``quantize`` and so on. ``transform_input`` and ``norm_eps`` no weights tell: they are assumed.
    preprocessing
        The one in use.
    transform
        The function that applies it.
    labels
        One per class; empty where the task has no classes.
    eval_report
        What eval mode holds still.
    loading
        What became of the weights: untrained layers, keys left out, shared parameters, the dtype computed in.
    known_preprocessings
        Those of the architecture's weights entries, which can be chosen instead.
    keypoint_names
        Of the points that a keypoint detector finds on a person; empty where they are unknown.
    """

    model: nn.Module
    architecture: str
    task: str
    device: str
    num_classes: int | None
    options: Mapping[str, Any]
    preprocessing: InputPreprocessing
    transform: Transform
    labels: tuple[str, ...]
    eval_report: EvalReport
    loading: LoadReport
    known_preprocessings: tuple[InputPreprocessing, ...] = ()
    keypoint_names: tuple[str, ...] = ()


def attach(
    architecture: str,
    state_dict: StateDict,
    *,
    num_classes: int | None,
    device: str = "auto",
    partial: bool = False,
    dtype: Choice = "float32",
    preprocessing: Mapping[str, Any] | None = None,
    labels: Sequence[str] | None = None,
    official_weights: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Attachment:
    """Attach a state_dict to a torchvision architecture.

    Parameters
    ----------
    architecture
        A builder's name in ``torchvision.models.list_models()``.
    state_dict
        With the architecture's own keys. Its memory is used, not copied, where it is of the right dtype and the
        device is the CPU. Quantized weights (qint8 tensors; packed layers as pairs, or as ``<layer>._packed_params.
        _packed_params.0`` and ``.1``) attach to the ``quantized_`` builders, and compute on the CPU.
    num_classes
        Outputs of the head, a detector's background counted; None for as many as the weights have.
    device
        As :func:`inspector.engine.devices.choose_device`.
    partial
        False: every key of the model and of the weights must match. True: what matches is loaded; the parameters
        that are missing, or whose shape differs, are initialised as torchvision does, and ``loading`` lists them and
        what was left out. Quantized weights attach whole or not at all.
    dtype
        ``"float32"``: weights of any dtype are widened (or narrowed) to it. ``"keep"``: the model computes in the
        floating point dtype that most of its weights have, and casts its inputs; integer buffers stay, and so do
        batch norms that the file holds in float32 among half-precision weights. Where that can't be (float8,
        detection in half precision, RAFT), it is float32 all the same. ``loading.precision`` says what was done.
    preprocessing
        Its keys, as :func:`inspector.engine.choosing.choose_preprocessing` takes them, where the checkpoint carries
        or the person gives them. Else that of `official_weights`, else that of the architecture's default weights
        entry.
    labels
        One per class. Else those of the weights entries (ImageNet's, COCO's, VOC's, Kinetics') where there are as many
        classes, else numbers.
    official_weights
        A weights entry such as ``ResNet18_Weights.IMAGENET1K_V1``, where the file is known to be that.
    options
        Further arguments of the builder, and those of :func:`inspector.engine.building.build_model`; what the
        keys and shapes tell needs not be given.

    Raises
    ------
    AttachError, DeviceError, PreprocessingError, LabelsError
        The weights don't fit, the device is not there, full or no place for quantized weights, the preprocessing
        or the labels can't be used.
    """
    if dtype not in get_args(Choice):
        raise ValueError(f"dtype is one of {get_args(Choice)}, not {dtype!r}")
    target = _device_for(device, state_dict)
    task = task_of(architecture)
    entry = _weights_entry(official_weights)
    given = {**_official_options(architecture, entry), **(options or {})}
    built = build_model(architecture, state_dict, num_classes=num_classes, options=given, partial=partial, dtype=dtype)
    classes = built.num_classes or _USUAL_CLASSES.get(task)
    chosen, known = choose_preprocessing(architecture, task, built.model, preprocessing, entry)
    if isinstance(chosen, DetectionPreprocessing):
        chosen.put_into(built.model)
    names = class_labels(labels, classes, architecture, entry) if classes else ()
    model = _move(built.model, target)
    return Attachment(
        model=model,
        architecture=architecture,
        task=task,
        device=target,
        num_classes=classes,
        options=built.options,
        preprocessing=chosen,
        transform=chosen.transform(),
        labels=names,
        eval_report=set_eval(model),
        loading=built.report,
        known_preprocessings=known,
        keypoint_names=keypoint_names(architecture, built.options.get("num_keypoints")),
    )


def _device_for(request: str, state_dict: StateDict) -> str:
    """Choose the device; torch computes with quantized weights on the CPU only."""
    if not quantization_of(state_dict):
        return choose_device(request)
    if request not in ("auto", "cpu"):
        raise DeviceError(
            f"Quantized weights can't be used on {request}: torch has them on the CPU only.", "Choose cpu."
        )
    return "cpu"


def _weights_entry(official_weights: str | None) -> Any:
    """Return torchvision's weights entry of that name, None where there is no such entry."""
    if official_weights is None:
        return None
    try:
        return models.get_weight(official_weights)
    except (ValueError, KeyError) as error:
        raise AttachError(f"torchvision has no weights entry {official_weights}.") from error


def _official_options(architecture: str, entry: Any) -> dict[str, Any]:
    """Return what torchvision sets when it loads its own weights, and no state_dict tells."""
    if architecture.removeprefix("quantized_") in GOOGLE:
        return {"transform_input": entry is not None}
    if entry is not None and architecture in WITHOUT_EPSILON:
        return {"norm_eps": 0.0 if entry.name == "COCO_V1" else _TORCH_EPSILON}
    return {}


def _move(model: nn.Module, device: str) -> nn.Module:
    try:
        return model.to(device)
    except RuntimeError as error:
        trouble = device_trouble(error, device)
        if trouble is None:
            raise
        raise trouble from error
