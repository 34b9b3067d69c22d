"""Predictions for other programs: what is written is what was predicted, and no name becomes a formula."""

from __future__ import annotations

import csv
import io
import json

from inspector.export.predictions import HEADER, ImageResult, document, table
from inspector.session.prediction_state import ClassScore

DOG = ClassScore("dog", 18, 0.75, box=(-1.5, 2.0, 30.25, 40.0), area=0.25, keypoints=((3.0, 4.0, 0.5),))
RESULTS = [
    ImageResult(
        "a, b.jpg", (DOG, ClassScore('"cat"', 17, 0.5)), milliseconds=12.5, width=64, height=48, note="A note."
    ),
    ImageResult("=cmd().jpg", error="It is no image."),
    ImageResult("empty.jpg", milliseconds=3.0),
]


def test_the_document_holds_every_key_for_every_prediction() -> None:
    made = json.loads(json.dumps(document("some_net", "detection", "cpu", RESULTS)))
    assert {key: made[key] for key in ("architecture", "task", "device", "eval_mode")} == {
        "architecture": "some_net", "task": "detection", "device": "cpu", "eval_mode": True,
    }  # fmt: skip
    first, broken, empty = made["results"]
    assert (first["image"], first["width"], first["height"], first["note"]) == ("a, b.jpg", 64, 48, "A note.")
    assert first["predictions"] == [
        {"label": "dog", "index": 18, "score": 0.75, "box": [-1.5, 2.0, 30.25, 40.0], "area": 0.25,
         "keypoints": [[3.0, 4.0, 0.5]]},
        {"label": '"cat"', "index": 17, "score": 0.5, "box": None, "area": None, "keypoints": []},
    ]  # fmt: skip
    assert (broken["error"], broken["predictions"], broken["width"]) == ("It is no image.", [], None)
    assert (empty["error"], empty["milliseconds"]) == (None, 3.0)


def test_the_table_has_a_row_for_each_prediction_and_each_image_without() -> None:
    rows = list(csv.DictReader(io.StringIO(table(RESULTS))))
    assert tuple(rows[0]) == HEADER
    assert [(row["image"], row["rank"], row["label"], row["error"]) for row in rows] == [
        ("a, b.jpg", "1", "dog", ""),
        ("a, b.jpg", "2", '"cat"', ""),
        ("'=cmd().jpg", "", "", "It is no image."),  # else a spreadsheet would run it
        ("empty.jpg", "", "", ""),
    ]
    assert (rows[0]["left"], rows[0]["area"], rows[0]["milliseconds"]) == (
        "-1.5",
        "0.25",
        "12.5",
    )  # numbers stay numbers
    assert (rows[1]["left"], rows[1]["area"]) == ("", "")
