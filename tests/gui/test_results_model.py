"""The results' model: a proper table that keeps up with predictions, without a reset, in order and filtered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt

from inspector.gui.results_model import HEADER, Column, ResultsModel
from inspector.session.failure import Failure
from inspector.session.prediction_state import ClassScore, Prediction
from inspector.session.results import Filter
from inspector.session.state import Attachment, ImageItem, OpenCheckpoint
from inspector.session.store import Store

READY = Attachment(phase="ready", architecture="resnet18", labels=("cat", "dog", "eel"))
DESCENDING = Qt.SortOrder.DescendingOrder


def predicted(best: int, score: float) -> Prediction:
    classes = (ClassScore(READY.labels[best], best, score), ClassScore("other", (best + 1) % 3, 1 - score))
    return Prediction("ready", classes, 38.0, "cpu")


class Shown:
    """A model over a store of its own."""

    def __init__(self, qtbot: Any, names: list[str]) -> None:
        self.qtbot, self.store = qtbot, Store()
        self.checkpoint = self.store.next_id()
        self.store.checkpoints[self.checkpoint] = OpenCheckpoint(
            self.checkpoint, Path("/files/model.pth"), phase="ready", attachment=READY
        )
        self.ids = self.add(names)
        self.model = ResultsModel(self.store)
        self.model.take_checkpoint(self.checkpoint)
        self.settle()

    def add(self, names: list[str]) -> list[int]:
        items = [ImageItem(self.store.next_id(), Path(name)) for name in names]
        self.store.images.update((item.id, item) for item in items)
        return [item.id for item in items]

    def predict(self, image: int, prediction: Prediction) -> None:
        self.store.predictions[self.checkpoint, image] = prediction
        self.model.take([image])

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.model.is_busy)

    def column(self, column: Column) -> list[str]:
        return [self.model.index(row, column).data() for row in range(self.model.rowCount())]


@pytest.fixture
def shown(qtbot: Any) -> Shown:
    return Shown(qtbot, ["/set/cat/p10.png", "/set/cat/p2.png", "/set/dog/p1.png"])


def test_the_model_is_a_proper_item_model(shown: Shown, qtmodeltester: Any) -> None:
    qtmodeltester.check(shown.model)
    for image, score in zip(shown.ids, (0.5, 0.9, 0.7), strict=True):
        shown.predict(image, predicted(0, score))
    shown.model.sort(Column.SCORE)
    shown.settle()
    qtmodeltester.check(shown.model)
    shown.model.set_filter(Filter(least=0.6))
    qtmodeltester.check(shown.model)
    del shown.store.images[shown.ids[1]]
    shown.add(["/set/eel/p7.png"])
    shown.model.take_images()
    shown.settle()
    qtmodeltester.check(shown.model)
    assert shown.column(Column.FILE) == ["p1.png"]


def test_cells_say_what_is_known(shown: Shown) -> None:
    shown.predict(shown.ids[0], predicted(1, 0.75))
    shown.predict(shown.ids[1], Prediction("running"))
    shown.predict(shown.ids[2], Prediction("failed", failure=Failure("It is damaged.")))
    shown.settle()
    cells = [[shown.model.index(row, column).data() for column in range(len(HEADER))] for row in range(3)]
    assert cells == [
        ["p10.png", "dog", "75.0\u202f%", "cat", "", "other 25.0\u202f%", "cat", "38\u202fms", ""],
        ["p2.png", "predicting…", "", "cat", "", "", "cat", "", ""],
        ["p1.png", "not predicted", "", "dog", "", "", "dog", "", "It is damaged."],
    ]


def test_rows_are_sorted_naturally_and_those_without_a_value_come_last(shown: Shown) -> None:
    shown.model.sort(Column.FILE)
    assert shown.column(Column.FILE) == ["p1.png", "p2.png", "p10.png"]
    shown.predict(shown.ids[0], predicted(0, 0.5))
    shown.predict(shown.ids[2], predicted(0, 0.9))
    shown.settle()
    for order, wanted in ((DESCENDING, ["p1.png", "p10.png", "p2.png"]), (None, ["p10.png", "p1.png", "p2.png"])):
        shown.model.sort(Column.SCORE, order or Qt.SortOrder.AscendingOrder)
        assert shown.column(Column.FILE) == wanted
    shown.model.sort(-1)
    assert shown.column(Column.FILE) == ["p10.png", "p2.png", "p1.png"]


def test_what_comes_in_finds_its_place_and_the_selection_goes_with_it(shown: Shown) -> None:
    resets: list[bool] = []
    shown.model.modelReset.connect(lambda: resets.append(True))
    shown.model.sort(Column.SCORE, DESCENDING)
    kept = QPersistentModelIndex(shown.model.index_of(shown.ids[0]))
    for image, score in zip(shown.ids, (0.2, 0.9, 0.7), strict=True):
        shown.predict(image, predicted(0, score))
        shown.settle()
    assert shown.column(Column.FILE) == ["p2.png", "p1.png", "p10.png"]
    assert kept.row() == 2
    assert shown.model.row_at(kept).image == shown.ids[0]  # type: ignore[union-attr]
    shown.model.set_filter(Filter(least=0.5))
    resets.clear()
    shown.predict(shown.ids[0], predicted(0, 0.8))
    shown.predict(shown.ids[1], predicted(0, 0.1))
    shown.settle()
    assert shown.column(Column.FILE) == ["p10.png", "p1.png"]
    assert not resets


def test_other_classes_find_other_truths(shown: Shown) -> None:
    assert shown.column(Column.TRUTH) == ["cat", "cat", "dog"]
    other = Attachment(phase="ready", labels=("kitten", "dog"))
    shown.store.change_checkpoint(shown.checkpoint, attachment=other)
    shown.model.take_checkpoint(shown.checkpoint)
    shown.settle()
    assert shown.column(Column.TRUTH) == ["", "", "dog"]
    detector = Attachment(phase="ready", labels=("cat", "dog"), task="detection")
    shown.store.change_checkpoint(shown.checkpoint, attachment=detector)
    shown.model.take_checkpoint(shown.checkpoint)
    shown.settle()
    assert shown.column(Column.TRUTH) == ["", "", ""]


def test_ten_thousand_results_come_in_without_a_reset_and_in_few_steps(qtbot: Any) -> None:
    shown = Shown(qtbot, [f"/set/cat/{number}.png" for number in range(10_000)])
    resets: list[bool] = []
    changes: list[int] = []
    shown.model.modelReset.connect(lambda: resets.append(True))
    shown.model.dataChanged.connect(lambda *_: changes.append(1))
    shown.model.sort(Column.SCORE)
    for place, image in enumerate(shown.ids):
        shown.predict(image, predicted(place % 3, (place * 7_919 % 10_007) / 10_007))
    shown.settle()
    scores = [row.score for row in shown.model.shown]
    assert scores == sorted(score for score in scores if score is not None)
    assert not resets
    assert len(changes) < 500
