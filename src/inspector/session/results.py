"""What one checkpoint says of all images, as rows: found, filtered and put in order without a look at the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from inspector.session import words
from inspector.session.drawing import THRESHOLD
from inspector.session.prediction_state import Prediction
from inspector.session.prediction_words import motion_headline, shown_rows
from inspector.session.state import ImageItem
from inspector.session.true_classes import TrueClasses

#: Tasks whose best class is the whole answer, which is right or wrong.
CLASSIFYING = ("classification", "video_classification")


class ResultRow(NamedTuple):
    """One image and what was predicted for it.

    Attributes
    ----------
    phase
        Of the prediction; ``"none"`` where none was asked for.
    best, label, score
        The best class, by number and name; -1, "" and None where there is none.
    second, second_score
        The next one, where there is one.
    figures
        What the task says beside: how many objects, how much of the image, how large a motion.
    amount
        The number that ``figures`` is about, for the order.
    truth, true_label
        The class that the image really is of, where that is known; -1 and "".
    ranks
        The classes as they were predicted, best first.
    error
        Why there is no prediction, as a sentence.
    """

    image: int
    file: str
    folder: str
    phase: str = "none"
    best: int = -1
    label: str = ""
    score: float | None = None
    second: str = ""
    second_score: float | None = None
    figures: str = ""
    amount: float = 0.0
    truth: int = -1
    true_label: str = ""
    ranks: tuple[int, ...] = ()
    milliseconds: float | None = None
    error: str = ""

    @property
    def right(self) -> bool | None:
        """Whether the best class is the true one; None where one of them is not known."""
        return self.best == self.truth if self.truth >= 0 and self.best >= 0 else None


def class_label(label: str, index: int) -> str:
    """Return a class's label; ``class 17`` where the label is but the class's number."""
    return f"class {index}" if label.strip() in ("", str(index)) else label


def row_of(
    item: ImageItem, prediction: Prediction | None, classes: TrueClasses | None, threshold: float = THRESHOLD
) -> ResultRow:
    """Return the row of an image.

    Parameters
    ----------
    prediction
        What the checkpoint predicts for it, if anything was asked.
    classes
        Finds the true class by the image's path; None where the task has no one class per image.
    threshold
        Objects with a smaller score are not counted.
    """
    folder = item.path.parent.parent if item.frames else item.path.parent
    row = ResultRow(item.id, item.name, folder.name)
    truth = classes.of(item.path) if classes is not None else None
    if truth is None and classes is not None and item.frames:  # a class's folder has one for each of its clips
        truth = classes.of(item.path.parent)
    if truth is not None and classes is not None:
        row = row._replace(truth=truth, true_label=class_label(classes.labels[truth], truth))
    if prediction is None:
        return row._replace(error=item.failure.sentence) if item.failure is not None else row
    if prediction.phase == "failed":
        return row._replace(phase="failed", error=prediction.failure.sentence if prediction.failure else "")
    if prediction.phase != "ready":
        return row._replace(phase=prediction.phase)
    return _answered(row, prediction, threshold)


def _answered(row: ResultRow, prediction: Prediction, threshold: float) -> ResultRow:
    figures, amount = _figures(prediction, threshold)
    row = row._replace(phase="ready", milliseconds=prediction.milliseconds, figures=figures, amount=amount)
    if prediction.classes:
        best, second = prediction.classes[0], next(iter(prediction.classes[1:]), None)
        row = row._replace(
            best=best.index,
            label=class_label(best.label, best.index),
            score=best.score,
            ranks=tuple(found.index for found in prediction.classes),
        )
        if second is not None:
            row = row._replace(second=class_label(second.label, second.index), second_score=second.score)
    return row


def _figures(prediction: Prediction, threshold: float) -> tuple[str, float]:
    """Return what a task tells of an image in a few words, and the number in it."""
    best = prediction.classes[0] if prediction.classes else None
    if prediction.task in CLASSIFYING:
        return prediction.note, 0.0
    if prediction.task == "semantic_segmentation" and best is not None and best.area is not None:
        return f"{words.percent(best.area)} of the image", best.area
    if prediction.task == "optical_flow":
        mean = prediction.motion.mean if prediction.motion is not None else 0.0
        return ", ".join(filter(None, motion_headline(prediction.motion))), mean
    objects = len(shown_rows(prediction, threshold))
    return words.plural(objects, "object"), float(objects)


class Filter(NamedTuple):
    """Which rows are shown.

    Attributes
    ----------
    text
        Words that all occur in a label, a true label or the file's name.
    least
        The least score of the best class, 0 to 1.
    cell
        The true and the predicted class of a confusion matrix's cell; -1 for any.
    """

    text: str = ""
    least: float = 0.0
    cell: tuple[int, int] | None = None

    @property
    def is_on(self) -> bool:
        """Whether it could hide a row."""
        return bool(self.text.split()) or self.least > 0 or self.cell is not None


def passing(chosen: Filter) -> Callable[[ResultRow], bool]:
    """Return what tells whether a row passes a filter."""
    wanted, least, cell = chosen.text.casefold().split(), chosen.least, chosen.cell

    def passes(row: ResultRow) -> bool:
        if least > 0 and (row.score is None or row.score < least):
            return False
        if cell is not None and (row.best < 0 or not _in_cell(row, *cell)):
            return False
        if not wanted:
            return True
        text = f"{row.label}\n{row.true_label}\n{row.file}\n{row.folder}\n{row.second}".casefold()
        return all(word in text for word in wanted)

    return passes


def _in_cell(row: ResultRow, truth: int, predicted: int) -> bool:
    return row.truth >= 0 and truth in (-1, row.truth) and predicted in (-1, row.best)


def settled(rows: Iterable[ResultRow]) -> tuple[int, int, int]:
    """Return how many rows are predicted, failed, and still wait."""
    ready = failed = waiting = 0
    for row in rows:
        ready += row.phase == "ready"
        failed += row.phase == "failed"
        waiting += row.phase in ("waiting", "running")
    return ready, failed, waiting
