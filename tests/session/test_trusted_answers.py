"""A trusted file's own code could write its answers: what is taken of them is bounded, and of the right kind."""

from __future__ import annotations

from typing import Any

import pytest

from inspector.session.trusted_run import prediction_of

GOOD: dict[str, Any] = {
    "predictions": [{"label": "cat", "index": 3, "score": 0.5}],
    "milliseconds": 2.0,
    "device": "cpu",
    "width": 30,
    "height": 20,
}
NOT_NUMBERS = [float("nan"), float("inf"), -1, "many", None, [], 10**400]


def test_a_good_answer_is_taken() -> None:
    assert prediction_of(GOOD | {"rasters": [{}], "note": "x", "more": 1}) == GOOD | {"rasters": [], "note": ""}


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=lambda value: str(value)[:9])
@pytest.mark.parametrize("key", ["milliseconds", "width", "height", "score", "index"])
def test_what_is_no_sensible_number_is_refused(key: str, value: Any) -> None:
    row = GOOD["predictions"][0]
    hostile = GOOD | {key: value} if key in GOOD else GOOD | {"predictions": [row | {key: value}]}
    assert prediction_of(hostile) is None


def test_what_is_too_long_is_cut() -> None:
    row = {"label": "x" * 9_999, "index": 0, "score": 0.0}
    found = prediction_of(GOOD | {"predictions": [row] * 9_999})
    assert found is not None
    assert len(found["predictions"]) == 1_000
    assert len(found["predictions"][0]["label"]) == 2_000


@pytest.mark.parametrize("change", [{"predictions": 3}, {"predictions": [4]}, {"device": 5}, {"predictions": None}])
def test_what_is_of_another_kind_is_refused(change: dict[str, Any]) -> None:
    assert prediction_of(GOOD | change) is None
