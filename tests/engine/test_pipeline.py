"""Many images at once: the same answers as one by one, in bounded memory, given up at once, and with less memory."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import replace
from itertools import islice
from typing import cast

import pytest
import torch
from PIL import Image
from torch import nn

from inspector.engine import runner as runner_module
from inspector.engine.attach import Attachment, attach
from inspector.engine.folding import agree, folded_copy
from inspector.engine.pipeline import Job, Pipeline
from inspector.engine.predict import predict_image
from inspector.engine.problems import CancelledError, DeviceMemoryError, PredictionError
from inspector.engine.runner import Runner, RunOptions
from inspector.engine.tasks import Prepared
from inspector.engine.trusted import Classifier

Calibrated = Callable[..., nn.Module]


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    made = Pipeline(workers=2)
    yield made
    made.close()


@pytest.fixture
def attachment(calibrated: Calibrated) -> Attachment:
    state = calibrated("squeezenet1_0", num_classes=4).state_dict()
    return attach("squeezenet1_0", state, num_classes=4, device="cpu")


def job(runner: Runner, image: Image.Image, notes: list[str] | None = None) -> Job:
    told = notes if notes is not None else []
    return Job(runner, lambda: runner.task.prepare(runner.attachment, [image]), 4, told.append)


def pictures(photo: Image.Image, count: int) -> list[Image.Image]:
    return [photo.rotate(7 * place) for place in range(count)]


@pytest.mark.parametrize("architecture", ["resnet18", "mobilenet_v2"])
def test_answers_are_those_of_one_by_one(
    architecture: str, calibrated: Calibrated, photo: Image.Image, pipeline: Pipeline
) -> None:
    model = calibrated(architecture, num_classes=4)
    attachment = attach(architecture, model.state_dict(), num_classes=4, device="cpu")
    images = pictures(photo, 10)
    alone = [{p.index: p.score for p in predict_image(attachment, image).predictions} for image in images]
    runner = Runner(attachment)
    jobs = [job(runner, image) for image in images]
    for one in jobs:
        pipeline.put(one)
    for one, expected in zip(jobs, alone, strict=True):
        found = one.answer.result(60)
        assert {p.index: p.score for p in found.predictions} == pytest.approx(expected, abs=1e-5)
        assert found.milliseconds > 0
    assert runner.is_folded


class Held:
    """Lets a model's forward pass begin and end when a test says so, and counts the images of each."""

    def __init__(self, model: nn.Module) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.sizes: list[int] = []
        model.register_forward_pre_hook(self._hold)

    def _hold(self, _: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        self.sizes.append(len(inputs[0]))
        self.begun.release()
        assert self.go_on.acquire(timeout=30)


def test_cancelling_gives_up_all_but_what_is_computed(
    attachment: Attachment, photo: Image.Image, pipeline: Pipeline
) -> None:
    held, runner = Held(attachment.model), Runner(attachment)
    jobs = [job(runner, image) for image in pictures(photo, 12)]
    for one in jobs:
        pipeline.put(one)
    assert held.begun.acquire(timeout=30)
    dropped = pipeline.cancel()
    answers = [one.answer for one in jobs]
    given_up = set(islice(as_completed(answers, timeout=30), dropped))
    assert dropped == 12 - held.sizes[0] > 0
    assert all(isinstance(answer.exception(), CancelledError) for answer in given_up)
    computed = [answer for answer in answers if answer not in given_up]
    assert not any(answer.done() for answer in computed)
    held.go_on.release()
    assert all(answer.result(30).predictions for answer in computed)


def test_what_is_given_up_while_it_is_decoded_is_counted_once(attachment: Attachment, photo: Image.Image) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def prepare() -> Prepared:
        begun.set()
        assert go_on.wait(30)
        return runner.task.prepare(attachment, [photo])

    pipeline, runner = Pipeline(workers=1), Runner(attachment)
    slow = Job(runner, prepare, 4, lambda _: None)
    pipeline.put(slow)
    assert begun.wait(30)
    assert [pipeline.cancel(), pipeline.cancel()] == [1, 0]
    go_on.set()
    assert isinstance(slow.answer.exception(30), CancelledError)
    pipeline.close()


def test_closing_answers_all_that_was_put(attachment: Attachment, photo: Image.Image) -> None:
    held, runner, pipeline = Held(attachment.model), Runner(attachment), Pipeline(workers=1)
    jobs = [job(runner, photo) for _ in range(8)]
    for one in jobs:
        pipeline.put(one)
    assert held.begun.acquire(timeout=30)
    closing = threading.Thread(target=pipeline.close)
    closing.start()
    while not pipeline._is_closed:
        assert closing.is_alive()
    pipeline._threads[0].join(30)  # the only worker is gone before there is something to answer
    held.go_on.release(8)
    closing.join(30)
    assert all(one.answer.done() for one in jobs)
    assert sum(one.answer.exception() is None for one in jobs) == held.sizes[0]


def test_one_attachment_is_given_up_and_the_other_goes_on(
    attachment: Attachment, calibrated: Calibrated, photo: Image.Image, pipeline: Pipeline
) -> None:
    other = attach("squeezenet1_1", calibrated("squeezenet1_1", num_classes=3).state_dict(), num_classes=3)
    held, first, second = Held(attachment.model), Runner(attachment), Runner(other)
    begun = job(first, photo)
    pipeline.put(begun)
    assert held.begun.acquire(timeout=30)
    dropped, kept = job(first, photo), job(second, photo)
    pipeline.put(dropped)
    pipeline.put(kept)
    pipeline.cancel(first)
    assert isinstance(dropped.answer.exception(30), CancelledError)
    held.go_on.release()
    assert begun.answer.result(30).predictions
    assert len(kept.answer.result(30).predictions) == 3


def test_a_bad_image_is_its_own_failure(attachment: Attachment, photo: Image.Image, pipeline: Pipeline) -> None:
    runner = Runner(attachment)
    ribbon = Image.new("RGB", (60_000, 1))
    jobs = [job(runner, image) for image in (photo, ribbon, photo)]
    for one in jobs:
        pipeline.put(one)
    assert isinstance(jobs[1].answer.exception(30), PredictionError)
    assert jobs[0].answer.result(30).predictions == jobs[2].answer.result(30).predictions != ()


def test_scores_that_are_no_numbers_are_the_images_failure(
    attachment: Attachment, photo: Image.Image, pipeline: Pipeline
) -> None:
    with torch.no_grad():
        next(attachment.model.parameters()).fill_(float("nan"))
    asked = job(Runner(attachment), photo)
    pipeline.put(asked)
    with pytest.raises(PredictionError, match="not numbers"):
        asked.answer.result(60)


def fails_above(most: int, error: Exception) -> Callable[[nn.Module, tuple[torch.Tensor]], None]:
    """Make a hook that fails as a device does whose memory takes no more than so many images."""

    def hook(_: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        if len(inputs[0]) > most:
            raise error

    return hook


def test_a_full_memory_halves_the_batch_and_says_so(
    attachment: Attachment, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "_BATCH_BYTES", 1 << 40)
    attachment.model.register_forward_pre_hook(fails_above(1, torch.OutOfMemoryError("CUDA out of memory.")))
    pipeline, notes, runner = Pipeline(workers=1), list[str](), Runner(attachment)
    try:
        jobs = [job(runner, image, notes) for image in pictures(photo, 9)]
        for one in jobs:
            pipeline.put(one)
        assert all(one.answer.result(60).predictions for one in jobs)
    finally:
        pipeline.close()
    assert runner.largest_batch == 1
    assert notes[-1] == "The memory of cpu is full. From now on one image at a time is computed, not 2."


def test_what_a_batch_that_did_not_fit_held_is_free_before_the_next(
    attachment: Attachment, photo: Image.Image, pipeline: Pipeline
) -> None:
    held: list[weakref.ref[torch.Tensor]] = []
    alive: list[bool] = []

    class Full(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            alive.append(any(reference() is not None for reference in held))
            activation = images + 1
            held.append(weakref.ref(activation))
            if len(images) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return activation.mean((2, 3))

    runner = Runner(replace(attachment, model=Full().eval(), labels=("a", "b", "c")))
    prepared = runner.task.prepare(attachment, [photo])
    jobs = [Job(runner, lambda: prepared, 3, lambda _: None) for _ in range(4)]
    gc.disable()  # what lies in a cycle would wait for it
    try:
        for one in jobs:
            pipeline.put(one)
        assert all(one.answer.result(30).predictions for one in jobs)
    finally:
        gc.enable()
    assert len(alive) > 4
    assert not any(alive)


def test_one_image_that_does_not_fit_is_its_own_failure(
    attachment: Attachment, photo: Image.Image, pipeline: Pipeline
) -> None:
    full = RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory")
    hook = attachment.model.register_forward_pre_hook(fails_above(0, full))
    runner = Runner(attachment)
    first = job(runner, photo)
    pipeline.put(first)
    assert isinstance(first.answer.exception(30), DeviceMemoryError)
    hook.remove()
    second = job(runner, photo)
    pipeline.put(second)
    assert second.answer.result(30).predictions


def test_what_is_prepared_ahead_is_bounded(attachment: Attachment, photo: Image.Image, pipeline: Pipeline) -> None:
    held, runner, prepared = Held(attachment.model), Runner(attachment), list[int]()

    def prepare() -> Prepared:
        prepared.append(1)
        return runner.task.prepare(attachment, [photo])

    jobs = [Job(runner, prepare, 4, lambda _: None) for _ in range(60)]
    for one in jobs:
        pipeline.put(one)
    held.go_on.release(60)
    assert held.begun.acquire(timeout=30)
    assert all(one.answer.result(60).predictions for one in jobs)
    assert max(held.sizes) <= runner.largest_batch
    assert len(prepared) == 60


class TakesOne(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3)).view(1, 3)


class MixesUp(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3)) - images.mean()


class KeepsApart(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3))


@pytest.mark.parametrize(("inner", "together"), [(TakesOne, False), (MixesUp, False), (KeepsApart, True)])
def test_a_strangers_model_answers_each_image_as_if_it_were_alone(
    inner: type[nn.Module], together: bool, attachment: Attachment, photo: Image.Image, pipeline: Pipeline
) -> None:
    theirs = replace(attachment, model=Classifier(inner()).eval(), labels=("a", "b", "c"))
    images = [Image.new("RGB", (300, 260), (40 * place, 90, 200 - 30 * place)) for place in range(6)]
    alone = [predict_image(theirs, image).predictions for image in images]
    runner = Runner(theirs)
    jobs = [job(runner, image) for image in images]
    for one in jobs:
        pipeline.put(one)
    for one, expected in zip(jobs, alone, strict=True):
        found = one.answer.result(30).predictions
        assert [p.index for p in found] == [p.index for p in expected]
        assert [p.score for p in found] == pytest.approx([p.score for p in expected], abs=1e-5)
    assert (runner.largest_batch > 1) == together


def test_a_copy_that_says_something_else_is_not_used() -> None:
    ours: Sequence[dict[str, torch.Tensor]] = [{"logits": torch.tensor([0.0, 1.0, 3.0])}]
    assert agree(ours, [{"logits": torch.tensor([0.0, 1.0, 3.0 + 2e-4])}])
    assert not agree(ours, [{"logits": torch.tensor([0.0, 1.0, 3.0 + 4e-4])}])
    assert not agree(ours, [{"logits": torch.tensor([0.0, 1.0, float("nan")])}])
    assert not agree(ours, [{"logits": torch.tensor([0.0, 1.0])}])


def test_folding_leaves_the_model_as_it_was(calibrated: Calibrated) -> None:
    model = calibrated("resnet18")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    copied = folded_copy(model)
    assert copied is not None
    assert not any(isinstance(module, nn.BatchNorm2d) for module in copied.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert folded_copy(calibrated("squeezenet1_0")) is None


def test_a_compiler_that_is_not_there_is_said_and_done_without(
    attachment: Attachment, photo: Image.Image, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(model: nn.Module, **_: object) -> nn.Module:
        return Broken()

    monkeypatch.setattr(torch, "compile", broken)
    notes: list[str] = []
    found = job(Runner(attachment, RunOptions(compile=True)), photo, notes)
    pipeline.put(found)
    assert found.answer.result(30).predictions == predict_image(attachment, photo).predictions
    assert "torch.compile does not work here" in notes[0]
    assert "no compiler" in notes[0]


class Broken(nn.Module):
    def forward(self, _: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("there is no compiler")


def test_a_compiled_model_answers_as_the_model_does(
    attachment: Attachment, photo: Image.Image, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[nn.Module] = []
    compiler = torch.compile

    def quickly(model: nn.Module, *, dynamic: bool) -> nn.Module:
        """Compile without a C++ compiler, which takes a minute; what comes of it is of the same class."""
        made.append(cast(nn.Module, compiler(model, backend="eager", dynamic=dynamic)))
        return made[-1]

    monkeypatch.setattr(torch, "compile", quickly)
    plain, fast = job(Runner(attachment), photo), job(Runner(attachment, RunOptions(compile=True)), photo)
    for one in (plain, fast):
        pipeline.put(one)
    expected = {row.index: row.score for row in plain.answer.result(60).predictions}
    assert {row.index: row.score for row in fast.answer.result(60).predictions} == pytest.approx(expected, abs=1e-5)
    assert len(made) == 1
