"""What each task says of an image, told by models whose answer is known beforehand."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from tests.engine.builders import calibrated, options_of
from tests.pictures.test_frames import needs_pyav, video
from torch import nn
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from inspector.engine.answers import Box, ImagePrediction, Raster
from inspector.engine.attach import Attachment, attach
from inspector.engine.evaluation import EvalReport
from inspector.engine.inputs import (
    ClipPreprocessing,
    DetectionPreprocessing,
    FlowPreprocessing,
    SegmentationPreprocessing,
)
from inspector.engine.items import prepare_item, seen_by_model
from inspector.engine.loading import LoadReport
from inspector.engine.predict import predict_batch, predict_image, predict_images, predict_prepared
from inspector.engine.preprocessing import InputPreprocessing
from inspector.engine.problems import NoNextImageError, PredictionError
from inspector.engine.tasks import task_named
from inspector.engine.tasks.masks import mask_raster
from inspector.pictures.budget import PixelBudget
from inspector.pictures.decode import decode_image
from inspector.session.sources import NO_NEXT_IMAGE

PLAIN: dict[str, Any] = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def attached(task: str, model: nn.Module, preprocessing: InputPreprocessing, labels: Sequence[str]) -> Attachment:
    return Attachment(
        model=model.eval(),
        architecture="known",
        task=task,
        device="cpu",
        num_classes=len(labels),
        options={},
        preprocessing=preprocessing,
        transform=preprocessing.transform(),
        labels=tuple(labels),
        eval_report=EvalReport(0, 0, 0),
        loading=LoadReport(0),
    )


def values(raster: Raster) -> npt.NDArray[Any]:
    kinds: dict[str, tuple[Any, int]] = {
        "classes": (np.uint8, 1),
        "mask": (np.uint8, 1),
        "picture": (np.uint8, 3),
        "motion": ("<f4", 2),
    }
    dtype, channels = kinds[raster.kind]
    cells: npt.NDArray[Any] = np.frombuffer(zlib.decompress(raster.data), dtype)
    return cells.reshape(raster.height, raster.width, channels).squeeze()


def grey(width: int, height: int, level: int = 0) -> Image.Image:
    return Image.new("RGB", (width, height), (level,) * 3)


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


# -- segmentation ------------------------------------------------------------------------------------------------


class ByColour(nn.Module):
    """Class 0 where nothing is bright; 1, 2, 3 where red, green or blue is; surer where it is brighter."""

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = torch.cat([torch.full_like(images[:, :1], 0.5), images], dim=1) * 8
        return {"out": logits, "aux": -logits}


def by_colour() -> Attachment:
    names = ["nothing", "red", "green", "blue"]
    return attached("segmentation", ByColour(), SegmentationPreprocessing(40, **PLAIN), names)


def test_segmentation_tells_each_class_with_its_share_and_its_map() -> None:
    image = grey(80, 40)
    image.paste((255, 0, 0), (0, 0, 20, 40))
    image.paste((0, 0, 255), (20, 0, 28, 20))
    found = predict_image(by_colour(), image)
    assert [(p.label, p.index) for p in found.predictions] == [("nothing", 0), ("red", 1), ("blue", 3)]
    assert [p.area for p in found.predictions] == pytest.approx([0.7, 0.25, 0.05])
    assert sum(p.area or 0 for p in found.predictions) == pytest.approx(1)
    red = float(torch.tensor([4.0, 8.0, 0.0, 0.0]).softmax(0)[1])
    assert found.predictions[1].score == pytest.approx(red, abs=1e-6)
    (raster,) = found.rasters
    assert (raster.kind, raster.width, raster.height, raster.place) == ("classes", 80, 40, (0, 0, 80, 40))
    cells = values(raster)
    assert (cells[:, :20] == 1).all()
    assert (cells[:20, 20:28] == 3).all()
    assert (cells[20:, 20:] == 0).all()


def test_a_map_is_as_large_as_what_the_network_gave_and_covers_the_image() -> None:
    (raster,) = predict_image(by_colour(), grey(400, 200)).rasters
    assert (raster.width, raster.height, raster.place) == (80, 40, (0, 0, 400, 200))


def test_segmentation_refuses_ribbons_and_what_is_not_a_number() -> None:
    attachment = by_colour()
    (found,) = predict_batch(replace(attachment, transform=lambda _: torch.full((3, 8, 8), torch.nan)), [grey(8, 8)])
    assert "not numbers" in found.problem
    assert found.rasters == ()
    wide = SegmentationPreprocessing(520, **PLAIN)
    with pytest.raises(PredictionError, match="too thin"):
        predict_image(replace(attachment, transform=wide.transform()), grey(4000, 10))


# -- detection ---------------------------------------------------------------------------------------------------


class BrightBox(nn.Module):
    """Finds the box around what is white, in pixels of the resized image, and gives NaN for an all-black one."""

    def __init__(self) -> None:
        super().__init__()
        self.transform = GeneralizedRCNNTransform(50, 100, [0.0] * 3, [1.0] * 3)
        self.head = nn.Identity()

    def forward(self, images: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        sizes = [(image.shape[-2], image.shape[-1]) for image in images]
        inside, _ = self.transform(images)
        found = []
        for image in inside.tensors:
            white = image[0] > 0.5
            self.head(torch.tensor(1.0 if white.any() else torch.nan))
            if not white.any():
                found.append({"boxes": torch.zeros(0, 4), "labels": torch.zeros(0).long(), "scores": torch.zeros(0)})
                continue
            ys, xs = white.nonzero().unbind(1)
            box = torch.stack([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]).float()
            found.append({"boxes": box[None], "labels": torch.tensor([1]), "scores": torch.tensor([0.9])})
        return list(self.transform.postprocess(found, inside.image_sizes, sizes))


def bright_box() -> Attachment:
    preprocessing = DetectionPreprocessing(**PLAIN, min_size=50, max_size=100)
    return attached("detection", BrightBox(), preprocessing, ["__background__", "thing"])


def with_box(width: int, height: int, box: tuple[int, int, int, int]) -> Image.Image:
    image = grey(width, height)
    image.paste((255, 255, 255), box)
    return image


def test_boxes_are_in_pixels_of_the_image() -> None:
    found = predict_image(bright_box(), with_box(200, 100, (40, 20, 80, 60)))
    (thing,) = found.predictions
    assert (thing.label, thing.index, thing.area, thing.keypoints) == ("thing", 1, None, ())
    assert thing.score == pytest.approx(0.9)
    assert thing.box == pytest.approx((40, 20, 80, 60), abs=2)
    assert (found.width, found.height) == (200, 100)


def test_a_detectors_nan_is_a_problem_not_an_empty_answer_and_no_neighbours() -> None:
    first, bad, last = predict_batch(bright_box(), [with_box(60, 50, (9, 9, 30, 30)), grey(60, 50), grey(60, 50, 255)])
    assert "not numbers" in bad.problem
    assert len(first.predictions) == len(last.predictions) == 1
    assert not first.problem + last.problem


def test_a_real_detectors_nan_is_a_problem() -> None:
    name = "fasterrcnn_mobilenet_v3_large_320_fpn"
    state = calibrated(name, "none").state_dict()
    state["backbone.fpn.inner_blocks.0.0.bias"][:] = torch.nan
    attachment = attach(name, state, num_classes=None, device="cpu", options=options_of(name))
    (found,) = predict_batch(attachment, [with_box(90, 70, (9, 9, 50, 50))])
    assert "not numbers" in found.problem


def test_only_so_many_objects_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 5
    output = {
        "boxes": torch.tensor([[0.0, 0.0, 9.0, 9.0]]).repeat(count, 1),
        "labels": torch.ones(count).long(),
        "scores": torch.linspace(1, 0, count),
        "finite": torch.tensor(True),
    }
    monkeypatch.setattr("inspector.engine.tasks.detection._MOST_OBJECTS", 3)
    attachment, task = bright_box(), task_named("detection")
    found = task.answer(attachment, task.prepare(attachment, [grey(60, 50)]), output, 5)
    assert [p.score for p in found.predictions] == [1, 0.75, 0.5]
    assert found.note == "The surest 3 of 5 objects."


def test_images_of_other_sizes_are_never_in_one_batch() -> None:
    attachment, task = bright_box(), task_named("detection")
    keys = [task.batch_key(task.prepare(attachment, [grey(*size)])) for size in ((60, 50), (50, 60), (60, 50))]
    assert keys[0] == keys[2] != keys[1]


def test_an_answer_does_not_depend_on_its_neighbours(photo: Image.Image) -> None:
    name = "fasterrcnn_mobilenet_v3_large_320_fpn"
    state = calibrated(name, "none").state_dict()
    state["roi_heads.box_predictor.cls_score.weight"] *= 0.01  # random, it is sure of the background
    attachment = attach(name, state, num_classes=None, device="cpu", options=options_of(name))
    images = [photo, photo.resize((120, 400)), photo.resize((400, 90))]
    alone = [predict_image(attachment, image).predictions for image in images]
    together = [found.predictions for found in predict_batch(attachment, images)]
    assert all(alone)
    assert [[(p.index, p.box) for p in found] for found in together] == [[(p.index, p.box) for p in a] for a in alone]
    # why: padded to one size, the same images give other boxes
    with torch.inference_mode():
        padded = attachment.model([attachment.transform(image) for image in images])
    moved = [[tuple(box) for box in found["boxes"].tolist()] for found in padded]
    assert moved != [[p.box for p in found] for found in alone]


def test_an_enormous_image_is_made_smaller_and_its_boxes_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.engine.tasks.detection._MOST_PIXELS", 5_000)
    found = predict_image(bright_box(), with_box(200, 100, (40, 20, 80, 60)))
    assert found.note == "Made smaller first, to 100 × 50 pixels."
    assert found.predictions[0].box == pytest.approx((40, 20, 80, 60), abs=2)


def test_a_detectors_resizing_is_shown_and_can_be_changed() -> None:
    name = "fasterrcnn_mobilenet_v3_large_320_fpn"
    state = calibrated(name, "none").state_dict()
    own = attach(name, state, num_classes=None, device="cpu")
    assert own.preprocessing.to_message() == {
        "min_size": 320,
        "max_size": 640,
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
        "source": "FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.COCO_V1",
    }
    keys = {"min_size": 64, "std": [0.5], "source": "person"}
    changed = attach(name, state, num_classes=None, device="cpu", preprocessing=keys)
    inside: Any = changed.model.get_submodule("transform")
    assert (inside.min_size, inside.max_size, inside.image_std) == ((64,), 640, [0.5] * 3)
    assert changed.preprocessing.source == "person"
    seen = seen_by_model(changed, ["a.png"], [png(grey(200, 100, 128))])
    assert (seen.width, seen.height) == (128, 64)
    assert set(seen.rgb) == {128}


# -- masks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("box", [(10.3, 20.7, 60.2, 90.1), (-0.4, -3.0, 31.0, 24.6), (70.0, 80.0, 99.9, 99.8)])
def test_a_mask_is_what_torchvision_pastes_into_the_image(box: Box) -> None:
    mask = torch.rand(28, 28, generator=torch.Generator().manual_seed(1))
    pasted = paste_masks_in_image(mask[None, None], torch.tensor([box]), (100, 100))[0, 0]
    raster, area = mask_raster(mask, box, (100, 100), 3)
    left, top, right, bottom = map(int, raster.place)
    inside = pasted[top:bottom, left:right]
    assert np.abs(values(raster) - inside.numpy() * 255).max() <= 0.51
    assert area == pytest.approx(float((inside > 0.5).sum()) / 10_000)
    assert raster.prediction == 3


@pytest.mark.parametrize("box", [(10.3, 20.7, 1900.2, 90.1), (0.0, 0.0, 2000.0, 1000.0), (5.0, 5.0, 5.0, 5.0)])
def test_a_mask_lies_within_its_box_and_has_at_most_256_cells_a_side(box: Box) -> None:
    raster, area = mask_raster(torch.ones(28, 28), box, (2000, 1000), 0)
    assert max(raster.width, raster.height) <= 256
    assert values(raster).size == raster.width * raster.height
    left, top, right, bottom = raster.place
    assert left >= box[0] - 1
    assert top >= box[1] - 1
    assert right <= box[2] + 1
    assert bottom <= box[3] + 1
    share = (box[2] - box[0]) * (box[3] - box[1]) / 2_000_000
    assert area == pytest.approx(share, rel=0.05, abs=1e-5)


def test_instances_have_masks_and_people_have_keypoints_within_the_image(photo: Image.Image) -> None:
    image = photo.resize((200, 150))
    for name, points in (("maskrcnn_resnet50_fpn", 0), ("keypointrcnn_resnet50_fpn", 17)):
        state = calibrated(name, "none").state_dict()
        for head in ("cls_score", "bbox_pred"):  # random, they are sure of the background, and make all boxes one
            state[f"roi_heads.box_predictor.{head}.weight"] *= 0.01
        attachment = attach(name, state, num_classes=None, device="cpu", options=options_of(name))
        found = predict_image(attachment, image)
        assert len(found.predictions) == 4, [p.box for p in found.predictions]
        assert [p.score for p in found.predictions] == sorted((p.score for p in found.predictions), reverse=True)
        assert {len(p.keypoints) for p in found.predictions} == {points}
        assert all(0 <= x <= 200 and 0 <= y <= 150 for p in found.predictions for x, y, _ in p.keypoints)
        assert [raster.prediction for raster in found.rasters] == ([] if points else [0, 1, 2, 3])
        assert len(attachment.keypoint_names) == points
        assert all((p.area is None) == bool(points) for p in found.predictions)


# -- clips -------------------------------------------------------------------------------------------------------


class Brightening(nn.Module):
    """Class 1 where a clip's last frame is brighter than its first, else class 0."""

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        change = clips[:, :, -1].mean((1, 2, 3)) - clips[:, :, 0].mean((1, 2, 3))
        return torch.stack([-change, change], dim=1) * 9


def brightening(frames: int = 4) -> Attachment:
    preprocessing = ClipPreprocessing(frames, (8,), (8, 8), **PLAIN)
    return attached("video classification", Brightening(), preprocessing, ["darker", "brighter"])


def animation(levels: Sequence[int], size: tuple[int, int] = (12, 10)) -> bytes:
    frames = [grey(*size, level) for level in levels]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def test_a_clips_frames_keep_their_order_from_a_file_and_from_a_folder() -> None:
    attachment = brightening()
    levels = list(range(0, 250, 25))
    for files in ([animation(levels)], [png(grey(12, 10, level)) for level in levels]):
        names = [f"{place}.png" for place in range(len(files))]
        up = predict_prepared(attachment, prepare_item(attachment, names, files))
        assert up.predictions[0].label == "brighter"
        assert up.note == "4 of 10 frames, evenly spaced."
        assert (up.width, up.height) == (12, 10)
    down = predict_prepared(attachment, prepare_item(attachment, ["a.gif"], [animation(levels[::-1])]))
    assert down.predictions[0].label == "darker"


def test_of_how_many_frames_those_of_a_folder_were_taken_is_told_by_who_took_them() -> None:
    frames = [png(grey(12, 10, level)) for level in (0, 60, 120, 180)]
    whole = prepare_item(brightening(), list("abcd"), frames)
    assert whole.note == "All 4 frames."
    taken = prepare_item(brightening(), list("abcd"), frames, 4_200)
    assert taken.note == "4 of 4,200 frames, evenly spaced."
    assert torch.equal(taken.inputs[0], whole.inputs[0])
    assert "1 of 4,200 frames" in prepare_item(brightening(1), ["a"], frames[:1], 4_200).note
    assert "4 of 4,200 frames" in seen_by_model(brightening(), list("abcd"), frames, 4_200).caption


def test_frames_of_a_folder_are_made_smaller_where_all_are_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [png(grey(40, 30, level)) for level in (10, 60, 120)]
    monkeypatch.setattr("inspector.pictures.frames.MOST_KEPT_PIXELS", 900)
    found = prepare_item(brightening(), list("abc"), frames)
    assert found.note.endswith("Its frames were made smaller first, to 20 × 15 pixels.")


def test_the_pixels_of_an_item_are_held_while_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    budget, held = PixelBudget(10_000), list[int]()

    def decoded(data: bytes, *, name: str) -> Image.Image:
        held.append(budget.held)
        return decode_image(data, name=name)

    monkeypatch.setattr("inspector.engine.items.BUDGET", budget)
    monkeypatch.setattr("inspector.engine.items.decode_first", decoded)
    prepare_item(by_trying(), ["a", "b"], [png(grey(40, 30, 10)), png(grey(20, 10, 10))])
    assert held == [1_400, 1_400]
    assert budget.held == 0


def test_short_clips_and_still_pictures_say_that_frames_come_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    attachment = brightening()
    short = prepare_item(attachment, ["a.gif"], [animation([0, 200])])
    assert short.note == "Its 2 frames, some of them several times to make 4."
    assert short.inputs[0].shape == (3, 4, 8, 8)
    assert short.inputs[0][0, :, 0, 0].tolist() == pytest.approx([0, 0, 200 / 255, 200 / 255])
    monkeypatch.setattr("inspector.pictures.frames.MOST_KEPT_PIXELS", 60)
    small = prepare_item(attachment, ["a.gif"], [animation([0, 200])])
    assert small.note == f"{short.note} Its frames were made smaller first, to 6 × 5 pixels."
    still = prepare_item(attachment, ["a.png"], [png(grey(12, 10))])
    assert still.note.startswith("A single picture, shown to the model as 4 equal frames.")


def test_a_clip_is_shown_as_its_frames_in_rows_of_four() -> None:
    seen = seen_by_model(brightening(6), ["a.gif"], [animation([0, 50, 100, 150, 200, 250])])
    assert (seen.width, seen.height, len(seen.rgb)) == (32, 16, 32 * 16 * 3)
    assert seen.caption.startswith("6 frames of 8 × 8 pixels, from 12 × 10; then minus the mean 0, 0, 0, divided by 1")


# -- optical flow ------------------------------------------------------------------------------------------------


class ByTrying(nn.Module):
    """Tries which shift of the second image gives the first, and says it everywhere."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> list[torch.Tensor]:
        assert first.shape[-1] % 8 == first.shape[-2] % 8 == 0
        assert min(first.shape[-2:]) >= 128
        shifts = [(dx, dy) for dx in range(-5, 6) for dy in range(-5, 6)]
        errors = [float((second.roll((-dy, -dx), (2, 3)) - first).abs().mean()) for dx, dy in shifts]
        found = torch.tensor(shifts[errors.index(min(errors))], dtype=torch.float32)
        flow = found[None, :, None, None].expand(len(first), 2, *first.shape[-2:])
        return [torch.zeros_like(flow), flow]


def by_trying(max_size: int = 960) -> Attachment:
    return attached("optical flow", ByTrying(), FlowPreprocessing(max_size), [])


def moved(photo: Image.Image, dx: int, dy: int) -> Image.Image:
    return Image.fromarray(np.roll(np.asarray(photo), (dy, dx), (0, 1)))


def motion_of(found: ImagePrediction) -> npt.NDArray[Any]:
    return values(next(raster for raster in found.rasters if raster.kind == "motion"))


@pytest.mark.parametrize("far", [1e31, torch.inf, torch.nan])
def test_a_motion_beyond_all_numbers_is_a_problem(far: float, photo: Image.Image) -> None:
    attachment, task = by_trying(), task_named("optical flow")
    prepared = task.prepare(attachment, [photo, photo])
    flow = torch.zeros(2, *prepared.inputs[0].shape[-2:])
    flow[0, 5, 5] = far
    with pytest.raises(PredictionError, match="not numbers"):
        task.answer(attachment, prepared, {"flow": flow}, 5)


def test_flow_says_where_things_go_from_the_first_image_to_the_second(photo: Image.Image) -> None:
    found = predict_images(by_trying(), [photo, moved(photo, 3, -2)])
    assert motion_of(found).reshape(-1, 2).mean(0) == pytest.approx((3, -2))
    assert found.predictions == ()
    assert found.note.startswith("Moves 3.61 pixels on average, 3.61 at most.")
    assert found.motion == pytest.approx((13**0.5, 13**0.5, 3, -2))
    assert "Its edges were repeated to 304 × 264 pixels, and cut off again." in found.note
    picture = found.rasters[0]
    assert (picture.kind, picture.width, picture.height, picture.place) == ("picture", 300, 260, (0, 0, 300, 260))
    assert len(np.unique(values(picture).reshape(-1, 3), axis=0)) == 1
    motion = found.rasters[1]
    assert max(motion.width, motion.height) == 64


def test_the_figures_of_a_motion_are_the_pixels_and_not_the_grids(photo: Image.Image) -> None:
    attachment = by_trying()
    task = task_named("optical flow")
    prepared = task.prepare(attachment, [photo, photo])
    flow = torch.zeros(2, *prepared.inputs[0].shape[-2:])
    flow[0, 5, 5] = 1_234.0
    found = task.answer(attachment, prepared, {"flow": flow}, 5)
    pixels = photo.width * photo.height
    assert found.motion == pytest.approx((1_234 / pixels, 1_234, 1_234 / pixels, 0))
    assert found.note.startswith("Moves 0.0158 pixels on average, 1234 at most.")


def test_flow_of_a_smaller_copy_is_told_in_pixels_of_the_image(photo: Image.Image) -> None:
    large = photo.resize((600, 520))
    found = predict_images(by_trying(max_size=300), [large, moved(large, 6, -4)])
    assert motion_of(found).reshape(-1, 2).mean(0) == pytest.approx((6, -4))
    assert "Computed at 300 × 260 pixels." in found.note


def test_flow_takes_an_animations_first_frames_and_refuses_one_image(photo: Image.Image) -> None:
    attachment = by_trying()
    file = io.BytesIO()
    moved_once, moved_twice = moved(photo, 1, 0), moved(photo, 4, 4)
    photo.save(file, "WEBP", save_all=True, append_images=[moved_once, moved_twice], lossless=True)
    prepared = prepare_item(attachment, ["a.webp"], [file.getvalue()])
    assert motion_of(predict_prepared(attachment, prepared)).reshape(-1, 2).mean(0) == pytest.approx((1, 0))
    with pytest.raises(NoNextImageError, match=r"a\.png is one image: optical flow needs two") as found:
        prepare_item(attachment, ["a.png"], [png(photo)])
    assert type(found.value).__name__ == NO_NEXT_IMAGE
    with pytest.raises(PredictionError, match="There are 3 images where optical flow takes 2"):
        prepare_item(attachment, list("abc"), [png(photo)] * 3)


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "GIF"])
def test_flow_of_a_clip_is_its_own_whatever_it_is_called_and_whatever_comes_next(photo: Image.Image, kind: str) -> None:
    attachment, file = by_trying(), io.BytesIO()
    lossless = {"lossless": True} if kind == "WEBP" else {}
    photo.save(file, kind, save_all=True, append_images=[moved(photo, 1, 0), moved(photo, 9, 9)], **lossless)
    for files in ([file.getvalue()], [file.getvalue(), png(moved(photo, 30, 30))]):
        prepared = prepare_item(attachment, ["a.png", "b.png"][: len(files)], files)
        found = predict_prepared(attachment, prepared)
        assert found.own_frames
        assert found.note.endswith("From its first frame to its second.")
        assert motion_of(found).reshape(-1, 2).mean(0) == pytest.approx((1, 0), abs=0.5)
    pair = prepare_item(attachment, ["a.gif", "b.png"], [png(photo), file.getvalue()])
    assert not predict_prepared(attachment, pair).own_frames
    assert pair.inputs[1].equal(prepare_item(attachment, ["a", "b"], [png(photo)] * 2).inputs[1]) or kind == "GIF"


@needs_pyav
def test_of_a_video_a_model_of_stills_sees_the_first_frame() -> None:
    attachment = by_colour()
    seen = prepare_item(attachment, ["a.mp4"], [video([200, 90, 30])])
    assert (seen.width, seen.height) == (64, 48)
    assert float(seen.inputs[0].mean()) == pytest.approx(200 / 255, abs=0.02)


def test_clips_in_a_folder_of_frames_count_as_one_frame_and_that_is_said() -> None:
    files = [png(grey(12, 10, 10)), animation([90, 200]), png(grey(12, 10, 120))]
    found = prepare_item(brightening(), ["1.png", "2.png", "3.png"], files)
    assert found.note.endswith("Of 2.png only the first frame was taken.")


def test_a_second_image_of_another_size_is_resized_and_that_is_said(photo: Image.Image) -> None:
    found = predict_images(by_trying(), [photo, photo.resize((150, 130))])
    assert "The second image was resized to 300 × 260 pixels." in found.note


def test_small_images_become_as_large_as_raft_needs() -> None:
    prepared = prepare_item(by_trying(), ["a.png", "b.png"], [png(grey(20, 30)), png(grey(20, 30))])
    assert prepared.inputs[0].shape == (3, 128, 128)
    assert prepared.valid == (20, 30)


def test_flow_that_is_not_a_number_is_a_problem(photo: Image.Image) -> None:
    class Broken(nn.Module):
        def forward(self, first: torch.Tensor, second: torch.Tensor) -> list[torch.Tensor]:
            return [torch.full_like(first[:, :2], torch.inf)]

    with pytest.raises(PredictionError, match="not numbers"):
        predict_images(replace(by_trying(), model=Broken().eval()), [photo, photo])


def test_motion_is_little_endian_float32(photo: Image.Image) -> None:
    raster = predict_images(by_trying(), [photo, moved(photo, 2, 1)]).rasters[1]
    assert struct.unpack_from("<2f", zlib.decompress(raster.data)) == (2.0, 1.0)
