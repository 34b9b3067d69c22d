"""Rows of results, the true classes that paths tell, accuracy, confusion, and two checkpoints beside each other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.architectures.official import imagenet_categories
from inspector.natural_order import natural_key
from inspector.session.accuracy import OTHERS, accuracy
from inspector.session.comparing import agreement, sentence
from inspector.session.failure import Failure
from inspector.session.prediction_state import ClassScore, Motion, Prediction
from inspector.session.results import Filter, ResultRow, passing, row_of, settled
from inspector.session.state import ImageItem
from inspector.session.true_classes import TrueClasses, wordnet_classes

PETS = TrueClasses(("cat", "Great_Dane", "border collie"))


def item(path: str, number: int = 1) -> ImageItem:
    return ImageItem(number, Path(path))


def predicted(*classes: tuple[str, int, float], task: str = "classification", area: float | None = None) -> Prediction:
    scores = tuple(ClassScore(label, index, score, area=area) for label, index, score in classes)
    return Prediction("ready", scores, 12.0, "cpu", task=task)


def row(image: int, best: int, truth: int = -1, *, ranks: tuple[int, ...] = (), label: str = "") -> ResultRow:
    said = label or (f"class {best}" if best >= 0 else "")
    return ResultRow(image, f"{image}.png", "", best=best, label=said, score=0.5, truth=truth, ranks=ranks or (best,))


def test_a_clip_that_is_a_folder_is_called_like_it() -> None:
    frames = (Path("/clips/walk/frame_1.png"), Path("/clips/walk/frame_2.png"))
    clip = row_of(ImageItem(1, frames[0], frames=frames), None, None)
    assert (clip.file, clip.folder) == ("walk", "clips")
    still = row_of(item("/clips/walk/frame_1.png"), None, None)
    assert (still.file, still.folder) == ("frame_1.png", "walk")


# -- true classes --------------------------------------------------------------------------------------------------


def test_wordnet_ids_are_those_of_imagenets_classes_in_order() -> None:
    names, ids = imagenet_categories(), wordnet_classes()
    assert len(ids) == len(names) == 1_000
    assert list(ids) == sorted(ids)
    assert {names[ids[known]] for known in ("n01440764", "n02111889", "n15075141")} == {
        "tench", "Samoyed", "toilet tissue",
    }  # fmt: skip


def test_the_ids_are_in_the_order_of_the_list_beside_the_real_images(shared_data: Path) -> None:
    lines = (shared_data / "imagenet_classes.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in lines] == list(wordnet_classes())


@pytest.mark.parametrize(
    ("path", "index"),
    [
        ("/set/cat/1.png", 0),
        ("/set/Great_Dane/1.png", 1),
        ("/set/great dane/1.png", 1),
        ("/set/Border-Collie/1.png", 2),
        ("/set/dog/1.png", None),
        ("/cat/set/1.png", None),
        ("/set/cats/cat.png", None),
    ],
)
def test_a_folder_that_is_called_like_a_class_tells_it(path: str, index: int | None) -> None:
    assert PETS.of(Path(path)) == index


def test_the_folder_of_a_clip_lies_in_that_of_its_class() -> None:
    def truth(*frames: str) -> int:
        paths = tuple(map(Path, frames))
        return row_of(ImageItem(1, paths[0], frames=paths), None, PETS).truth

    assert truth("/set/great dane/clip 7/1.png", "/set/great dane/clip 7/2.png") == 1
    assert truth("/set/cat/1.png", "/set/cat/2.png") == 0  # one clip, and a folder that is called like its class
    assert truth("/set/dog/clip/1.png", "/set/dog/clip/2.png") == -1
    assert row_of(item("/cat/set/1.png"), None, PETS).truth == -1


def test_a_name_that_two_classes_share_tells_neither() -> None:
    classes = TrueClasses(("crane", "Crane", "crane ", "tench"))
    assert classes.of(Path("/set/CRANE/1.png")) is None
    assert classes.of(Path("/set/crane/1.png")) == 0  # just as one of them is written
    assert TrueClasses(("crane", "crane")).of(Path("/set/crane/1.png")) is None


def test_wordnet_ids_begin_the_name_or_are_the_folder() -> None:
    classes = TrueClasses(imagenet_categories())
    assert classes.of(Path("/any/n02111889_17.JPEG")) == 258
    assert classes.of(Path("/n02111889/17.JPEG")) == 258
    assert classes.of(Path("/any/n021118890.JPEG")) is None
    assert classes.of(Path("/any/17_n02111889.JPEG")) is None
    assert classes.of(Path("/any/n99999999_17.JPEG")) is None
    # Both cranes have an id of their own, though their names are one.
    assert [classes.of(Path(f"/any/{known}_1.JPEG")) for known in ("n02012849", "n03126707")] == [134, 517]


def test_wordnet_ids_are_looked_up_by_name_in_models_with_other_classes() -> None:
    few = TrueClasses(("Samoyed", "tench", "crane"))
    assert few.of(Path("/any/n02111889_17.JPEG")) == 0
    assert few.of(Path("/any/n01440764_17.JPEG")) == 1
    assert few.of(Path("/any/n02012849_17.JPEG")) is None  # which of the two cranes?
    assert TrueClasses(("n01440764", "n02111889")).of(Path("/any/n02111889_17.JPEG")) == 1
    thousand = TrueClasses([f"thing {number}" for number in range(1_000)])
    assert thousand.of(Path("/any/n02111889_17.JPEG")) is None  # a thousand other classes
    assert TrueClasses([str(number) for number in range(1_000)]).of(Path("/any/n02111889_17.JPEG")) == 258


# -- rows ----------------------------------------------------------------------------------------------------------


def test_a_row_says_what_was_predicted() -> None:
    made = row_of(item("/set/cat/7.png"), predicted(("Great_Dane", 1, 0.7), ("cat", 0, 0.2)), PETS)
    assert (made.file, made.folder, made.label, made.score) == ("7.png", "cat", "Great_Dane", 0.7)
    assert (made.second, made.second_score, made.ranks, made.milliseconds) == ("cat", 0.2, (1, 0), 12.0)
    assert (made.true_label, made.right) == ("cat", False)


@pytest.mark.parametrize(
    ("prediction", "figures", "amount"),
    [
        (predicted(("sky", 2, 0.9), task="semantic_segmentation", area=0.412), "41.2\u202f% of the image", 0.412),
        (predicted(("dog", 2, 0.9), ("dog", 2, 0.4), task="detection"), "1 object", 1.0),
        (predicted(task="detection"), "0 objects", 0.0),
        (
            Prediction(
                "ready", task="optical_flow", note="Mean motion 1.23e+03 pixels.", motion=Motion(1234.4, 2e3, 0, 0)
            ),
            "moves 1\u202f234\u202fpx, at most 2\u202f000\u202fpx",
            1234.4,
        ),
        (predicted(("dog", 2, 0.9)), "", 0.0),
    ],
)
def test_each_task_has_its_figures(prediction: Prediction, figures: str, amount: float) -> None:
    made = row_of(item("/a.png"), prediction, None)
    assert (made.figures, made.amount) == (figures, amount)


def test_an_image_without_prediction_says_why() -> None:
    broken = Failure("7.png is damaged.", "Take another one.")
    assert row_of(item("/7.png"), None, None).phase == "none"
    assert row_of(item("/7.png"), Prediction("running"), None).phase == "running"
    failed = row_of(item("/7.png"), Prediction("failed", failure=broken), PETS)
    assert (failed.phase, failed.error, failed.score) == ("failed", "7.png is damaged. Take another one.", None)
    assert row_of(ImageItem(1, Path("/7.png"), failure=broken), None, None).error.startswith("7.png is damaged.")
    assert settled([failed, row(1, 2)._replace(phase="ready"), row_of(item("/a"), Prediction(), None)]) == (1, 1, 1)


def test_rows_are_filtered_by_words_score_and_cell() -> None:
    rows = [
        ResultRow(1, "a.png", "x", best=3, label="Great Dane", score=0.9, truth=3, true_label="Great Dane"),
        ResultRow(2, "b.png", "x", best=4, label="great white shark", score=0.3, truth=3, true_label="Great Dane"),
        ResultRow(3, "c.png", "x"),
    ]

    def shown(chosen: Filter) -> list[int]:
        return [found.image for found in filter(passing(chosen), rows)]

    assert shown(Filter()) == [1, 2, 3]
    assert shown(Filter("GREAT dane")) == [1, 2]
    assert shown(Filter("shark great")) == [2]
    assert shown(Filter(least=0.5)) == [1]
    assert shown(Filter(least=0.3)) == [1, 2]
    assert shown(Filter(cell=(3, 4))) == [2]
    assert shown(Filter(cell=(3, -1))) == [1, 2]
    assert shown(Filter(cell=(-1, 3))) == [1]
    assert not Filter("  ").is_on


@given(st.lists(st.text(alphabet="ab01２٣²", max_size=6)))
def test_the_natural_order_is_an_order(names: list[str]) -> None:
    ordered = sorted(names, key=natural_key)
    assert Counter(ordered) == Counter(names)
    assert sorted(["b10", "B2", "a"], key=natural_key) == ["a", "B2", "b10"]
    assert sorted(["1" * 5_000, "2", "a" + "9" * 5_000], key=natural_key)[0] == "2"  # more digits than int() takes


def test_objects_below_the_chosen_threshold_are_not_counted() -> None:
    prediction = predicted(("dog", 2, 0.9), ("dog", 2, 0.4), task="detection")
    assert row_of(item("/a.png"), prediction, None, 0.3).figures == "2 objects"
    assert row_of(item("/a.png"), prediction, None, 0.95).figures == "0 objects"


# -- accuracy ------------------------------------------------------------------------------------------------------


def test_accuracy_counts_what_is_known() -> None:
    rows = [row(1, 0, 0, ranks=(0, 1)), row(2, 1, 0, ranks=(1, 0)), row(3, 2, 0, ranks=(2, 1)), row(4, 1, 1), row(5, 1)]
    rows.append(ResultRow(6, "6.png", "", truth=2))
    found = accuracy(rows, ("cat", "dog", "2"))
    assert (found.images, found.known, found.right, found.among, found.k) == (6, 4, 2, 3, 2)
    assert [(one.label, one.images, one.right, one.mistake, one.mistakes) for one in found.classes] == [
        ("cat", 3, 1, "dog", 1),
        ("dog", 1, 1, "", 0),
    ]
    assert found.counts == {(0, 0): 1, (0, 1): 1, (0, 2): 1, (1, 1): 1}
    assert found.shown == (0, 1, 2)
    assert found.labels == {0: "cat", 1: "dog", 2: "class 2"}


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20))), st.integers(2, 12))
def test_a_bounded_confusion_matrix_loses_no_image(pairs: list[tuple[int, int]], most: int) -> None:
    found = accuracy([row(n, best, truth) for n, (truth, best) in enumerate(pairs)], [str(n) for n in range(21)], most)
    assert sum(found.counts.values()) == len(pairs) == found.known
    assert len(found.shown) <= most
    assert {index for pair in found.counts for index in pair} <= set(found.shown)
    seen = {index for pair in pairs for index in pair}
    assert (OTHERS in found.shown) == (len(seen) > most)
    assert sum(one.right for one in found.classes) == found.right


# -- two checkpoints -----------------------------------------------------------------------------------------------


def test_two_checkpoints_agree_by_name_where_their_classes_differ() -> None:
    first = [row(1, 0, 0, label="cat"), row(2, 1, 1, label="great_dane"), row(3, 0, label="cat"), ResultRow(4, "", "")]
    second = [row(1, 5, 5, label="Cat"), row(2, 6, 9, label="wolf"), row(3, 6, label="wolf"), row(4, 5, label="Cat")]
    found = agreement(first, second, (("cat", "great_dane"), ("x",)))
    assert (found.compared, found.agreed, found.unfinished) == (3, 1, 1)
    assert (found.known, found.first_right, found.second_right) == (2, 2, 1)
    assert [(one.image, one.right) for one in found.differences] == [(2, "first"), (3, "")]
    said = sentence(found, "a.pth", "b.pth").replace("\u202f", " ")
    assert said == (
        "They agree on 1 of 3 images (33.3 %). "
        "a.pth is right on 100.0 %, b.pth on 50.0 % on the 2 images with a known class."
    )


def test_equal_classes_are_compared_by_number() -> None:
    labels = ("crane", "crane")  # the bird and the machine
    found = agreement([row(1, 0, label="crane")], [row(1, 1, label="crane")], (labels, labels))
    assert (found.compared, found.agreed) == (1, 0)
    assert sentence(agreement([], [], (labels, labels)), "a", "b") == "No image has been answered by both yet."
