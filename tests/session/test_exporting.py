"""Results written to files: the whole table in turns, JSON as the command line's, pictures that replace nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inspector.export.predictions import document
from inspector.session import QueueLoop
from inspector.session.exporting import Exporting
from inspector.session.failure import Failure
from inspector.session.free_names import FreeNames
from inspector.session.image_results import accuracy_counts, image_result, results_of, true_classes
from inspector.session.prediction_state import ClassScore, Motion, Prediction
from inspector.session.prediction_words import headline
from inspector.session.results import row_of
from inspector.session.sources import NO_NEXT_IMAGE
from inspector.session.state import Attachment, EngineOptions, ImageItem, OpenCheckpoint, PicturesState
from inspector.session.store import Store
from inspector.session.true_classes import TrueClasses

READY = Attachment(phase="ready", architecture="resnet18", device="cpu")
DAMAGED = Failure("3.png is damaged.", "Take another.")


class Exported:
    """A store with predictions, and who exports them."""

    def __init__(self, count: int) -> None:
        self.store, self.loop = Store(), QueueLoop()
        self.checkpoint = self.store.next_id()
        self.store.checkpoints[self.checkpoint] = OpenCheckpoint(
            self.checkpoint, Path("/m.pth"), phase="ready", attachment=READY
        )
        self.notices: list[str] = []
        self.store.noticed.connect(lambda notice: self.notices.append(notice.text))
        self.saved: list[tuple[int, Path]] = []
        self.thresholds: list[float] = []
        self.failing: set[int] = set()
        self.exporting = Exporting(self.store, self.loop, self._save)
        self.images = [self.store.next_id() for _ in range(count)]
        for place, image in enumerate(self.images):
            self.store.images[image] = ImageItem(image, Path(f"/set/{place}.png"))
            scores = (ClassScore("cat", 0, 0.75), ClassScore("dog", 1, 0.25))
            self.store.predictions[self.checkpoint, image] = Prediction("ready", scores, 5.0, "cpu", width=8, height=6)

    def _save(
        self, image: int, checkpoint: int, out: Path, done: Callable[[Failure | None], None], *, threshold: float
    ) -> None:
        assert checkpoint == self.checkpoint
        self.thresholds.append(threshold)
        self.saved.append((image, out))
        done(DAMAGED if image in self.failing else None)

    def finish(self) -> None:
        count = len(self.notices)
        self.loop.run_until(lambda: len(self.notices) > count, 10)


def test_a_long_table_is_written_in_turns_and_put_in_place_whole(tmp_path: Path) -> None:
    made, out = Exported(1_000), tmp_path / "results.csv"
    out.write_text("old", encoding="utf-8")
    made.store.predictions[made.checkpoint, made.images[3]] = Prediction("failed", failure=DAMAGED)
    del made.store.predictions[made.checkpoint, made.images[4]]
    made.exporting.save_table(made.checkpoint, made.images, out, "csv")
    assert out.read_text(encoding="utf-8") == "old"
    made.finish()
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert len(rows) == 2 * 998 + 2
    assert [row["image"] for row in rows if row["rank"] in ("", "1")] == [f"/set/{n}.png" for n in range(1_000)]
    assert rows[6]["error"] == "3.png is damaged. Take another."
    assert rows[7]["error"] == "It has not been predicted."
    assert made.notices[-1].replace("\u202f", " ") == "The results of 1 000 images are in results.csv."
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]


@pytest.mark.parametrize("count", [0, 1, 151, 400])
def test_json_is_one_document_of_the_command_lines_shape(tmp_path: Path, count: int) -> None:
    made, out = Exported(count), tmp_path / "results.json"
    if count:
        nan = (ClassScore("cat", 0, float("nan")),)
        made.store.predictions[made.checkpoint, made.images[-1]] = Prediction("ready", nan, 5.0, "cpu")
    made.exporting.save_table(made.checkpoint, made.images, out, "json")
    made.finish()
    read = json.loads(out.read_text(encoding="utf-8"))
    assert (read["architecture"], read["task"], read["device"], read["eval_mode"]) == (
        "resnet18", "classification", "cpu", True,
    )  # fmt: skip
    assert [row["image"] for row in read["results"]] == [f"/set/{place}.png" for place in range(count)]
    if count:
        assert read["results"][-1]["predictions"][0]["score"] is None


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    made = Exported(2)
    made.exporting.save_table(made.checkpoint, made.images, tmp_path / "none" / "results.csv", "csv")
    assert made.notices == ["results.csv can't be written: No such file or directory. Choose another folder."]


def test_pictures_get_names_of_their_own_and_failures_are_counted(tmp_path: Path) -> None:
    made = Exported(4)
    (tmp_path / "1.png").write_bytes(b"old")
    made.failing = {made.images[2]}
    del made.store.predictions[made.checkpoint, made.images[3]]
    made.exporting.save_pictures(made.checkpoint, made.images, tmp_path)
    assert made.exporting.is_saving
    made.finish()
    assert [out.name for _, out in made.saved] == ["0.png", "1-2.png", "2.png"]
    said = f"2 of 3 pictures saved in {tmp_path.name}. 1 could not be: 3.png is damaged. Take another."
    assert made.notices[-1] == said
    assert not made.exporting.is_saving


def test_saving_pictures_can_be_cancelled(tmp_path: Path) -> None:
    made = Exported(50)
    told: list[PicturesState | None] = []
    made.store.pictures_changed.connect(lambda: told.append(made.store.pictures))
    made.exporting.save_pictures(made.checkpoint, made.images, tmp_path)
    made.loop.run_until(lambda: len(made.saved) == 5)
    made.exporting.cancel()
    made.finish()
    assert [state.done for state in told if state is not None] == list(range(len(made.saved) + 1))
    assert told[0] == PicturesState(tmp_path.name, 0, 50)
    assert told[-1] is None
    assert len(made.saved) < 10
    assert made.notices[-1].startswith(f"{len(made.saved)} of 50 pictures saved")


def test_names_that_differ_in_their_capitals_or_endings_do_not_meet(tmp_path: Path) -> None:
    names = FreeNames(tmp_path / "new")
    assert [names.take(stem).name for stem in ("x", "X", "x")] == ["x.png", "X-2.png", "x-3.png"]


def test_copies_of_files_with_long_names_can_be_written(tmp_path: Path) -> None:
    names = FreeNames(tmp_path, "-predicted")
    paths = [names.take(stem) for stem in ("x" * 251, "x" * 251, "é" * 125, "short")]
    for path in paths:
        path.touch(exist_ok=False)
    assert [path.name[-16:] for path in paths[:2]] == ["xx-predicted.png", "-predicted-2.png"]
    assert paths[2].name == "é" * 120 + "-predicted.png"
    assert paths[3].name == "short-predicted.png"


def test_a_name_in_the_folder_is_never_taken(tmp_path: Path) -> None:
    (tmp_path / "x-predicted.png").write_bytes(b"")
    (tmp_path / "X-Predicted-3.PNG").write_bytes(b"")
    names = FreeNames(tmp_path, "-predicted")
    assert [names.take("x").name for _ in range(3)] == ["x-predicted-2.png", "x-predicted-4.png", "x-predicted-5.png"]


def test_a_table_is_of_the_moment_it_was_asked_for(tmp_path: Path) -> None:
    made, out = Exported(400), tmp_path / "results.csv"
    made.exporting.save_table(made.checkpoint, made.images, out, "csv")
    made.store.drop_predictions(checkpoint=made.checkpoint)
    del made.store.checkpoints[made.checkpoint]
    made.finish()
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert len(rows) == 800
    assert not any(row["error"] for row in rows)


def test_nothing_half_written_is_left_at_the_end(tmp_path: Path) -> None:
    made = Exported(400)
    made.exporting.save_table(made.checkpoint, made.images, tmp_path / "results.csv", "csv")
    assert len(list(tmp_path.iterdir())) == 1
    made.exporting.close()
    assert list(tmp_path.iterdir()) == []


MOVES = Motion(1.5, 4.0, 1.0, -1.0)


def read_json(made: Exported, out: Path, threshold: float = 0.5) -> Any:
    made.exporting.save_table(made.checkpoint, made.images, out, "json", threshold=threshold)
    made.finish()
    return json.loads(out.read_text(encoding="utf-8"))


def attach(made: Exported, **changes: Any) -> None:
    made.store.change_checkpoint(made.checkpoint, attachment=replace(READY, **changes))


def test_the_windows_json_is_the_command_lines(tmp_path: Path) -> None:
    made = Exported(4)
    attach(made, labels=("cat", "dog"))
    for place, (image, folder) in enumerate(zip(made.images, ("cat", "cat", "dog", "else"), strict=True)):
        made.store.images[image] = ImageItem(image, Path(f"/set/{folder}/{place}.png"))
    read = read_json(made, tmp_path / "a.json")
    assert read["accuracy"] == {"known": 3, "right": 2, "among": 3, "top": 2}
    pairs = results_of(made.store, made.checkpoint, made.images)
    attachment, classes = made.store.checkpoints[made.checkpoint].attachment, TrueClasses(("cat", "dog"))
    results = [image_result(item, found, threshold=0.5, missing="-") for item, found in pairs]
    counts = accuracy_counts([row_of(item, found, classes) for item, found in pairs], true_classes(attachment))
    expected = document(attachment.architecture, attachment.task, attachment.device, results, counts)
    assert read == json.loads(json.dumps(expected))
    made.store.change_engine(options=EngineOptions("fp16", True))
    fast = read_json(made, tmp_path / "b.json")
    assert fast == read | {"autocast": "fp16", "compile": True}
    made.store.change_checkpoint(made.checkpoint, attachment=replace(attachment, trusted=True))  # computes as it is
    assert read_json(made, tmp_path / "c.json") == read


def test_objects_below_the_threshold_are_in_neither_form(tmp_path: Path) -> None:
    made = Exported(1)
    found = (ClassScore("cat", 0, 0.75, (0, 0, 1, 1)), ClassScore("dog", 1, 0.25, (0, 0, 1, 1)))
    made.store.predictions[made.checkpoint, made.images[0]] = Prediction("ready", found, task="detection")
    assert len(read_json(made, tmp_path / "a.json")["results"][0]["predictions"]) == 1
    assert len(read_json(made, tmp_path / "b.json", 0.2)["results"][0]["predictions"]) == 2
    made.exporting.save_pictures(made.checkpoint, made.images, tmp_path, threshold=0.2)
    made.finish()
    assert made.thresholds == [0.2]


def test_motion_is_in_both_forms_whether_its_grid_is_kept_or_not(tmp_path: Path) -> None:
    made = Exported(3)
    attach(made, task="optical_flow")
    moving = Prediction("ready", task="optical_flow", note="Moves.", motion=MOVES, rasters_dropped=True)
    for image in made.images[:2]:
        made.store.predictions[made.checkpoint, image] = moving
    alone = Failure("2.png is the last image.", "Add the next image.", NO_NEXT_IMAGE)
    made.store.predictions[made.checkpoint, made.images[2]] = Prediction("failed", failure=alone)
    read = read_json(made, tmp_path / "a.json")
    assert [row["motion"] for row in read["results"]] == [MOVES._asdict()] * 2
    made.exporting.save_table(made.checkpoint, made.images, tmp_path / "a.csv", "csv")
    made.finish()
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8"))))
    assert [(row["motion_mean"], row["motion_largest"], row["note"]) for row in rows] == [("1.5", "4.0", "Moves.")] * 2
    assert headline(moving) == ("moves 1.5\u202fpx", "at most 4.0\u202fpx")
