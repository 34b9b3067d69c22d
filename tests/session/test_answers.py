"""Any answer of a process is a prediction or an error in words: never another exception, and never a wild number."""

from __future__ import annotations

import math
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.session.answers import AnswerError, prediction_from
from inspector.session.explaining import explanation_from, feature_maps_from
from inspector.session.explanation_state import Explanation, FeatureMaps
from inspector.session.looking import _model_input
from inspector.session.prediction_state import Motion, Prediction

ROW: dict[str, Any] = {"label": "cat", "index": 3, "score": 0.5, "box": [0, 0, 4, 4], "area": 0.25, "keypoints": []}
MASK: dict[str, Any] = {"kind": "mask", "width": 2, "height": 2, "place": [0, 0, 2, 2], "prediction": 0}
GOOD: dict[str, Any] = {
    "predictions": [ROW], "rasters": [MASK], "milliseconds": 2.0, "device": "cpu", "width": 8, "height": 6, "note": "",
}  # fmt: skip
DATA = [zlib.compress(bytes(4))]
HUGE = 10**400

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(HUGE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


def refused(change: dict[str, Any], buffers: list[bytes] = DATA) -> bool:
    try:
        prediction_from(GOOD | change, buffers, "detection")
    except AnswerError:
        return True
    return False


def test_a_good_answer_is_a_prediction() -> None:
    made = prediction_from(GOOD, DATA, "detection")
    assert (made.phase, made.width, made.height, made.classes[0].label) == ("ready", 8, 6, "cat")


@pytest.mark.parametrize("key", ["width", "height"])
@pytest.mark.parametrize("value", [math.inf, math.nan, 0, -3, 2**31, HUGE, "8", None, [], {}])
def test_a_picture_has_a_size(key: str, value: Any) -> None:
    assert refused({key: value})


@pytest.mark.parametrize("value", [math.inf, math.nan, -1, HUGE, "2", None])
def test_a_time_is_a_time(value: Any) -> None:
    assert refused({"milliseconds": value})


@pytest.mark.parametrize(
    "change",
    [
        {"score": math.nan}, {"score": HUGE}, {"index": 10**30}, {"index": -1}, {"index": 2.5}, {"label": 5},
        {"box": [0, 0, math.nan, 1]}, {"box": [0, 0, HUGE, 1]}, {"box": 3}, {"area": math.inf}, {"area": -1},
        {"keypoints": [[1, 2]]}, {"keypoints": [[1, 2, math.inf]]}, {"keypoints": [[0, 0, 0]] * 2_000},
    ],
)  # fmt: skip
def test_rows_hold_finite_numbers(change: dict[str, Any]) -> None:
    assert refused({"predictions": [ROW | change]})


def test_rows_are_bounded() -> None:
    assert refused({"predictions": [ROW] * 70_000})
    assert refused({"predictions": ["cat"]})
    assert refused({"predictions": {"label": 1}})
    made = prediction_from(GOOD | {"predictions": [ROW | {"label": "x" * 100_000}]}, DATA, "detection")
    assert len(made.classes[0].label) == 2_000


@pytest.mark.parametrize(
    "change",
    [{"kind": "heat"}, {"kind": ["mask"]}, {"width": 0}, {"width": 5_000}, {"place": [0, 0, math.inf, 1]},
     {"prediction": 1}, {"prediction": -2}, {"kind": "motion", "width": 65}],
)  # fmt: skip
def test_rasters_fit(change: dict[str, Any]) -> None:
    assert refused({"rasters": [MASK | change]})
    assert refused({}, [])


def test_the_figures_of_a_motion_are_kept_as_numbers() -> None:
    assert prediction_from(GOOD, DATA, "detection").motion is None
    made = prediction_from(GOOD | {"motion": [3.0, 5.0, -2.0, 2]}, DATA, "optical_flow")
    assert made.motion == Motion(mean=3.0, largest=5.0, right=-2.0, down=2.0)


@pytest.mark.parametrize(
    "told", [[], [1.0, 2.0, 3.0], [-1.0, 2.0, 0.0, 0.0], [1.0, math.inf, 0.0, 0.0], "four", 3, [[]] * 4]
)
def test_figures_of_a_motion_that_make_no_sense_are_refused(told: Any) -> None:
    assert refused({"motion": told})


@settings(max_examples=300)
@given(st.sampled_from([*GOOD, *ROW, *MASK]), _JSON)
def test_any_value_gives_a_prediction_or_an_answer_error(key: str, value: Any) -> None:
    for change in (
        {key: value},
        {"predictions": [ROW | {key: value}]},
        {"rasters": [MASK | {key: value}]},
        {"predictions": value},
        {"rasters": value},
    ):
        try:
            made = prediction_from(GOOD | change, DATA, "detection")
        except AnswerError:
            continue
        assert isinstance(made, Prediction)
        numbers = [made.milliseconds, *(n for row in made.classes for n in (row.score, row.index, *(row.box or ())))]
        assert all(map(math.isfinite, numbers))
        assert min(made.width, made.height) > 0


@given(_JSON)
def test_any_answer_gives_a_prediction_or_an_answer_error(answer: Any) -> None:
    with pytest.raises(AnswerError):
        prediction_from(answer, DATA, "detection")


HEAT: dict[str, Any] = {
    "place": [0, 0, 2, 2], "rows": 2, "columns": 2, "index": 1, "label": "cat", "score": 0.5, "layer": "a", "note": "",
}  # fmt: skip
MAPS: dict[str, Any] = {
    "kind": "maps", "shape": [1, 1, 2, 2], "channels": 1, "first": 0, "count": 1, "height": 2, "width": 2, "rows": 2,
    "columns": 2, "note": "",
}  # fmt: skip


@given(st.sampled_from([*HEAT, *MAPS, "caption"]), _JSON)
def test_any_value_gives_an_explanation_or_none(key: str, value: Any) -> None:
    explanation_from(Explanation(1, 2, 0), HEAT | {key: value}, DATA)
    feature_maps_from(FeatureMaps(1, 2, "a"), MAPS | {key: value}, [*DATA, bytes(4), bytes(4)])
    _model_input({"width": 1, "height": 1, "caption": "", key: value}, [bytearray(3)])


@pytest.mark.parametrize("value", [math.inf, math.nan, HUGE, -1, "x", None])
def test_an_explanation_holds_finite_numbers(value: Any) -> None:
    assert explanation_from(Explanation(1, 2, 0), HEAT, DATA) is not None
    assert explanation_from(Explanation(1, 2, 0), HEAT | {"rows": value}, DATA) is None
    assert explanation_from(Explanation(1, 2, 0), HEAT | {"index": value}, DATA) is None
    assert _model_input({"width": value, "height": 1, "caption": ""}, [bytearray(3)]) is None
    if value != -1:
        assert explanation_from(Explanation(1, 2, 0), HEAT | {"score": value}, DATA) is None
