"""Many images: in flight together, answered as they come, cancelled at once, with the pace told."""

from __future__ import annotations

import os
import signal
import struct
import time
import zlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from torchvision.models.segmentation import lraspp_mobilenet_v3_large

from inspector.processes import image_files
from inspector.processes.image_files import read_image
from inspector.session import QueueLoop, predicting, raster_memory
from inspector.session.failure import Failure
from inspector.session.pace import Pace, sparing
from inspector.session.prediction_state import Prediction, Progress, Raster
from inspector.session.raster_memory import RasterMemory
from inspector.session.state import Attachment, EngineOptions, ImageItem, OpenCheckpoint
from inspector.session.store import Store

from .conftest import Driven, picture, saved
from .test_deaths import slow


def pictures(folder: Path, count: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [picture(folder / f"{place:03}.png", place, (64, 48)) for place in range(count)]


def test_many_images_with_bad_ones_among_them(driven: Driven, tmp_path: Path) -> None:
    images = pictures(tmp_path / "images", 40)
    images[3].write_bytes(b"not an image")
    images[17].write_bytes(images[17].read_bytes()[:200])
    images[20].write_bytes(huge_png())
    number = driven.attached(saved(tmp_path / "a.pth"))
    driven.session.add_images([tmp_path / "images"])
    driven.until(lambda: len(driven.store.images) == 40)
    images[39].unlink()
    found = driven.predict(number, *images[:39])
    driven.until(lambda: driven.session.unfinished_predictions == 0)
    failed = {place: prediction.failure for place, prediction in enumerate(found) if prediction.failure is not None}
    assert set(failed) == {3, 17, 20}
    assert "more pixels than can be read" in failed[20].message
    gone = next(item.id for item in driven.store.images.values() if item.path == images[39])
    last = driven.store.predictions[number, gone]
    assert last.failure is not None
    assert "There is no image 039.png" in last.failure.message
    assert driven.store.progress is None


def huge_png() -> bytes:
    """Return a small PNG that says it has 10^9 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 40_000, 25_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1_000)))


def test_progress_counts_up_and_ends(driven: Driven, tmp_path: Path) -> None:
    told: list[Progress] = []
    driven.store.progress_changed.connect(
        lambda: told.append(driven.store.progress) if driven.store.progress is not None else None
    )
    images = pictures(tmp_path / "images", 30)
    number = driven.attached(saved(tmp_path / "a.pth"))
    driven.predict(number, *images)
    assert driven.store.progress is None
    assert told[0].done == 0
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert {one.total for one in told} == {30}


def test_cancelling_takes_effect_within_a_fifth_of_a_second(driven: Driven, tmp_path: Path) -> None:
    images = pictures(tmp_path / "images", 60)
    driven.attached(slow(tmp_path / "a.pth"))
    driven.session.add_images([tmp_path / "images"])
    driven.until(lambda: any(found.phase == "running" for found in driven.store.predictions.values()))
    begun = time.monotonic()
    driven.session.cancel_predictions()
    assert driven.session.unfinished_predictions == 0
    driven.until(lambda: not any(found.phase in ("waiting", "running") for found in driven.store.predictions.values()))
    assert time.monotonic() - begun < 0.2
    assert driven.store.progress is None
    assert "Cancelled" in driven.texts()
    assert len(images) == len(driven.store.images)


def test_cancelling_a_hundred_times_in_any_phase(driven: Driven, tmp_path: Path) -> None:
    pictures(tmp_path / "images", 20)
    number = driven.attached(saved(tmp_path / "a.pth"))
    driven.session.add_images([tmp_path / "images"])
    driven.until(lambda: driven.session.unfinished_predictions == 20)
    kept: set[int] = set()
    for turn in range(100):
        signals: list[int] = []
        end = driven.store.prediction_changed.connect(lambda *_, seen=signals: seen.append(1))
        driven.until(lambda turn=turn, seen=signals: len(seen) > turn % 9 or all_ready(driven))  # type: ignore[misc]
        end()
        driven.session.cancel_predictions()
        assert driven.session.unfinished_predictions == 0
        ready = {key[1] for key, found in driven.store.predictions.items() if found.phase == "ready"}
        assert kept <= ready
        kept = ready
        driven.session.show(number)  # predicts what has no prediction
    driven.until(lambda: driven.session.unfinished_predictions == 0)
    driven.session.show(number)
    driven.until(lambda: all_ready(driven))
    assert len(driven.store.predictions) == 20


def all_ready(driven: Driven) -> bool:
    found = driven.store.predictions
    return len(found) == len(driven.store.images) and all(one.phase == "ready" for one in found.values())


def test_an_engine_that_hangs_is_ended_and_said(
    driven: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = pictures(tmp_path / "images", 3)
    number = driven.attached(slow(tmp_path / "a.pth"))
    monkeypatch.setattr("inspector.processes.client.BEATS", 2)
    driven.session.add_images([tmp_path / "images"])
    driven.until(lambda: any(found.phase == "running" for found in driven.store.predictions.values()))
    pid = driven.session.engine.process_id
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    assert [found.phase for found in driven.predict(number, *images)] == ["ready"] * 3
    assert "did not answer" in driven.texts()
    assert driven.session.engine.process_id != pid


def stop_engine(driven: Driven) -> int:
    """Stop the engine, so that it answers nothing, and return its process id."""
    pid = driven.session.engine.process_id
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_an_engine_that_hangs_while_it_attaches_or_tells_why_is_ended_and_said(
    driven: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = driven.attached(saved(tmp_path / "a.pth"))
    driven.predict(number, picture(tmp_path / "a.png"))
    (image,) = driven.store.images
    monkeypatch.setattr("inspector.processes.client.BEATS", 2)
    first = stop_engine(driven)
    driven.session.explaining.explain(number, image)
    driven.until(lambda: driven.session.engine.process_id not in (None, first))
    assert "did not answer" in driven.texts()
    driven.until(lambda: driven.checkpoint(number).attachment.phase == "ready")
    second = stop_engine(driven)
    driven.session.attach(number)
    driven.until(lambda: driven.session.engine.process_id not in (None, second))
    driven.until(lambda: driven.checkpoint(number).attachment.phase == "ready")
    assert driven.texts().count("did not answer") == 2
    assert driven.predict(number, picture(tmp_path / "b.png"))[0].phase == "ready"


@pytest.mark.parametrize(("asked", "is_told"), [({"predict", "cancel"}, True), ({"predict", "attach"}, False)])
def test_of_a_model_that_takes_a_minute_the_restart_is_offered(
    driven: Driven, monkeypatch: pytest.MonkeyPatch, asked: set[str], is_told: bool
) -> None:
    made: list[Any] = []

    class Fake:
        def __init__(self, role: str, **options: Any) -> None:
            made.append(options)
            self.alive = True

        def request(self, *_: Any, **__: Any) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr("inspector.session.engine_life.ProcessClient", Fake)
    driven.session.engine.start()
    made[0]["on_silence"](frozenset(asked))
    done: list[bool] = []
    driven.loop.post(lambda: done.append(True))
    driven.until(lambda: bool(done))
    assert [notice.action for notice in driven.notices] == (["restart_engine"] if is_told else [])


def test_files_that_wait_are_not_looked_at_while_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """This is asked at every event, of a clip with thousands of files perhaps."""
    store, loop = Store(), QueueLoop()
    looked: list[Path] = []

    def size(path: Path) -> int:
        looked.append(path)
        return 10

    monkeypatch.setattr(predicting, "_size", size)
    made = predicting.Predicting(store, loop)
    made.link = SimpleNamespace(process_id=1, request=lambda *_, **__: None)  # type: ignore[assignment]
    store.checkpoints[1] = OpenCheckpoint(1, Path("a.pth"), attachment=Attachment(phase="ready", device="cpu"))
    store.images.update({number: ImageItem(number, Path(f"{number}.png")) for number in range(20)})
    made.predict(1, range(20))
    assert len(looked) == predicting._IN_FLIGHT
    made.predict_all(1)
    assert len(looked) == predicting._IN_FLIGHT


def test_the_pace_is_that_of_the_last_seconds() -> None:
    store, now = Store(), [100.0]
    pace = Pace(store, lambda: now[0])
    pace.count(100, finished=False)
    assert store.progress == Progress(0, 100)
    for left in range(99, 49, -1):
        now[0] += 0.5
        pace.count(left, finished=True)
    told = store.progress
    assert told is not None
    assert (told.done, told.total) == (50, 100)
    assert told.rate == pytest.approx(2.0)
    assert told.remaining == pytest.approx(25.0)
    pace.count(0, finished=True)
    assert store.progress is None


def test_only_so_many_bytes_of_masks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster_memory, "MOST_BYTES", 250)
    store = Store()
    memory = RasterMemory(store)
    made = Prediction("ready", rasters=(Raster("classes", 1, 1, (0, 0, 1, 1), bytes(100)),))
    for image in range(5):
        store.set_prediction(1, image, made)
        memory.keep((1, image), made)
    kept = [len(store.predictions[1, image].rasters) for image in range(5)]
    assert kept == [0, 0, 0, 1, 1]
    assert [store.predictions[1, image].rasters_dropped for image in range(5)] == [True, True, True, False, False]


def test_a_lost_device_is_said_and_the_cpu_is_used_once_that_is_agreed_to(driven: Driven, tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png")
    number = driven.attached(saved(tmp_path / "a.pth"))
    lost = Failure("The device cuda:0 stopped working: CUDA error.", "The CPU can be used instead.", "DeviceLostError")
    ask, pid = driven.session.engine.request, driven.session.engine.process_id

    def fail(method: str, params: Any, buffers: Any, done: Any, failed: Any, progress: Any = None) -> None:
        driven.loop.post(lambda: failed(lost))

    driven.session.engine.request = fail  # type: ignore[method-assign]
    driven.session.add_images([image])
    driven.until(lambda: driven.store.engine.fallback is not None)
    assert driven.checkpoint(number).attachment.failure == lost
    assert [(notice.action, notice.level) for notice in driven.notices] == [("use_cpu", "error")]
    driven.until(lambda: driven.store.predictions == {})
    driven.session.engine.request = ask  # type: ignore[method-assign]
    driven.session.fall_back_to_cpu()
    driven.until(lambda: any(found.phase == "ready" for found in driven.store.predictions.values()))
    assert driven.store.engine.device == "cpu"
    assert driven.store.engine.fallback is None
    assert driven.session.engine.process_id != pid


def test_an_image_that_does_not_fit_on_a_gpu_fails_alone_and_the_cpu_is_offered_once(
    driven: Driven, tmp_path: Path
) -> None:
    images = [picture(tmp_path / f"{name}.png") for name in "abc"]
    number = driven.attached(saved(tmp_path / "a.pth"))
    full = Failure("The memory of cuda:0 is full.", "Choose another device.", "DeviceMemoryError")
    ask = driven.session.engine.request
    on_gpu = replace(driven.checkpoint(number).attachment, device="cuda:0")
    driven.store.change_checkpoint(number, attachment=on_gpu)

    def fail(method: str, params: Any, buffers: Any, done: Any, failed: Any, progress: Any = None) -> None:
        driven.loop.post(lambda: failed(full))

    driven.session.engine.request = fail  # type: ignore[method-assign]
    driven.session.add_images(images)
    driven.until(lambda: [found.phase for found in driven.store.predictions.values()] == ["failed"] * 3)
    assert driven.checkpoint(number).attachment.phase == "ready"  # other images may fit
    assert driven.store.engine.fallback == full
    assert [(notice.action, notice.level) for notice in driven.notices] == [("use_cpu", "error")]
    driven.session.engine.request = ask  # type: ignore[method-assign]
    driven.session.fall_back_to_cpu()
    driven.until(lambda: [found.phase for found in driven.store.predictions.values()] == ["ready"] * 3)
    assert driven.store.engine.fallback is None


def test_autocast_changes_the_scores_a_little_and_is_off_by_default(driven: Driven, tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png")
    number = driven.attached(saved(tmp_path / "a.pth"))
    plain = {row.index: row.score for row in driven.predict(number, image)[0].classes}
    driven.session.choose_engine_options(EngineOptions(autocast="bf16"))
    driven.until(lambda: any(found.phase == "ready" for found in driven.store.predictions.values()))
    (found,) = driven.store.predictions.values()
    fast = {row.index: row.score for row in found.classes}
    assert fast != plain
    assert fast == pytest.approx(plain, abs=0.05)


def test_a_share_that_grows_is_told_sparingly_but_to_its_end() -> None:
    now, told = [0.0], list[float]()
    tell = sparing(told.append, lambda: now[0])
    for step in range(1, 1_001):
        now[0] += 0.0001
        tell(step / 1_000)
    assert told[0] == 0.001
    assert told[-1] == 1.0
    assert len(told) <= 4


def test_attaching_a_model_of_many_tensors_changes_the_state_a_few_times(driven: Driven, tmp_path: Path) -> None:
    number = driven.open(saved(tmp_path / "a.pth"))
    shares: list[float] = []
    driven.store.checkpoint_changed.connect(
        lambda changed: shares.append(driven.checkpoint(changed).attachment.progress)
    )
    driven.session.attach(number)
    driven.until(lambda: driven.checkpoint(number).attachment.phase == "ready")
    tensors = len(driven.checkpoint(number).summary or ())
    assert tensors > 50
    assert len(shares) < tensors / 2  # each has the whole window shown anew
    assert shares[-1] == 1.0


def test_images_that_failed_or_were_cancelled_are_predicted_when_that_is_asked_for(
    driven: Driven, tmp_path: Path
) -> None:
    images = pictures(tmp_path / "images", 4)
    good = images[1].read_bytes()
    images[1].write_bytes(b"no picture")
    number = driven.attached(saved(tmp_path / "a.pth"))
    driven.session.show_thumbnails("test", [])
    predictions = driven.predict(number, *images)
    assert [found.phase for found in predictions] == ["ready", "failed", "ready", "ready"]
    assert driven.session.missing_predictions == 1
    broken = next(item.id for item in driven.store.images.values() if item.path == images[1])
    driven.session.show_thumbnails("test", [broken])
    driven.until(lambda: driven.store.images[broken].failure is not None)
    images[1].write_bytes(good)
    late = pictures(tmp_path / "late", 3)
    driven.session.add_images(late)
    driven.until(lambda: len(driven.store.images) == 7)
    driven.session.cancel_predictions()
    driven.until(lambda: driven.session.missing_predictions >= 1)
    driven.session.predict_missing()
    driven.until(lambda: all_ready(driven))
    driven.until(lambda: driven.store.images[broken].thumbnail is not None)  # and it is seen again
    assert driven.store.images[broken].failure is None
    assert driven.session.missing_predictions == 0


def test_an_image_predicted_again_takes_the_new_file_and_not_the_answer_for_the_old(
    driven: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def noted(path: Path) -> bytes:
        data = read_image(path)
        driven.loop.post(lambda: read.append(path))
        return data

    monkeypatch.setattr(image_files, "read_image", noted)
    image, other = pictures(tmp_path / "images", 2)
    number = driven.attached(slow(tmp_path / "a.pth"))
    (expected,) = driven.predict(number, other)
    driven.session.add_images([image])
    driven.until(lambda: image in read)
    key = next(key for key, found in driven.store.predictions.items() if found.phase == "running")
    image.write_bytes(other.read_bytes())  # while the old one is computed
    driven.session.predict_again([key[1]])
    assert driven.session.unfinished_predictions == 1
    driven.until(lambda: driven.session.unfinished_predictions == 0)
    assert driven.store.predictions[key].classes == expected.classes


def segmenter(path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21).state_dict(), path)
    return path


def test_masks_that_were_let_go_come_back_beside_the_result(
    driven: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raster_memory, "MOST_BYTES", 1)
    number = driven.attached(segmenter(tmp_path / "a.pth"))
    images = pictures(tmp_path / "images", 3)
    driven.predict(number, *images)
    dropped = [image for (_, image), found in driven.store.predictions.items() if found.rasters_dropped]
    assert len(dropped) == 2
    first, second = dropped
    seen: list[str] = []
    driven.store.prediction_changed.connect(lambda *key: seen.append(driven.store.predictions[key].phase))

    driven.session.select_image(first)
    assert driven.store.predictions[number, first].phase == "ready"
    assert driven.session.unfinished_predictions == 0
    driven.session.cancel_predictions()
    assert driven.store.predictions[number, first].phase == "ready"
    driven.session.select_image(second)
    driven.until(lambda: bool(driven.store.predictions[number, second].rasters))
    assert set(seen) == {"ready"}

    saved_pictures: list[Failure | None] = []
    places = []
    for image in driven.store.images:
        out = tmp_path / f"{image}.png"
        driven.session.save_picture(image, number, out, saved_pictures.append)
        places.append(out)
    driven.until(lambda: len(saved_pictures) == 3)
    assert saved_pictures == [None] * 3
    for out in places:
        with Image.open(out) as made:
            assert made.height > 1.1 * made.width * 48 / 64  # the legend


def test_masks_of_an_attachment_that_failed_are_not_waited_for(
    driven: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = driven.attached(saved(tmp_path / "a.pth"))
    (made,) = driven.predict(number, *pictures(tmp_path / "images", 1))
    (image,) = driven.store.images
    dropped = replace(made, task="semantic_segmentation", rasters_dropped=True)
    driven.store.set_prediction(number, image, dropped)
    attachment = driven.store.checkpoints[number].attachment
    driven.store.change_checkpoint(number, attachment=replace(attachment, phase="failed"))
    driven.session.select_image(image)
    assert driven.store.predictions[number, image] is dropped
    assert driven.session.unfinished_predictions == 0
    told: list[Failure | None] = []
    driven.session.save_picture(image, number, tmp_path / "out.png", told.append)
    assert told[0] is not None
    assert "masks were let go" in told[0].sentence
    assert not (tmp_path / "out.png").exists()
