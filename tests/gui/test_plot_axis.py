"""An axis leads from values to places and back, and its figures are round, in order and apart."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inspector.gui.views.axis import Axis, Scale, fitting, tick_text

VALUES = st.floats(-1e300, 1e300, allow_nan=False)
POSITIVE = st.floats(1e-300, 1e300)


def axes() -> st.SearchStrategy[Axis]:
    return st.one_of(
        st.builds(lambda a, b: fitting(min(a, b), max(a, b)), VALUES, VALUES),
        st.builds(lambda a, b: fitting(min(a, b), max(a, b), "log"), POSITIVE, POSITIVE),
        st.builds(
            lambda a, b, t: fitting(min(a, b), max(a, b), "symlog", threshold=t), VALUES, VALUES, st.floats(1e-12, 1e3)
        ),
    )


@given(axes(), st.floats(0, 1))
def test_places_lead_back_to_values(axis: Axis, share: float) -> None:
    assert axis.place(axis.low) == pytest.approx(0, abs=1e-9)
    assert axis.place(axis.high) == pytest.approx(1, abs=1e-9)
    value = axis.value(share)
    assert axis.place(value) == pytest.approx(share, abs=1e-5)


@given(axes(), st.integers(2, 14))
def test_figures_are_in_order_and_say_what_differs(axis: Axis, count: int) -> None:
    ticks = axis.ticks(count)
    values, texts = [value for value, _ in ticks], [text for _, text in ticks]
    assert values == sorted(set(values))
    assert len(set(texts)) == len(texts)
    assert len(ticks) <= max(2 * count, 8)
    for value in values:
        assert -1e-6 <= axis.place(value) <= 1 + 1e-6


@given(axes(), st.floats(0.1, 10), st.floats(0, 1))
def test_zooming_keeps_what_is_under_the_mouse(axis: Axis, factor: float, at: float) -> None:
    zoomed = axis.zoomed(factor, at)
    assume(zoomed != axis)
    assert zoomed.place(axis.value(at)) == pytest.approx(at, abs=1e-4)


@given(axes(), st.floats(0.1, 0.9), st.floats(-3, 3))
def test_nothing_beyond_the_whole_is_shown(axis: Axis, width: float, share: float) -> None:
    part = axis.zoomed(1 / width, 0.5).moved(share).kept_within(axis)
    assert axis.place(part.low) >= -1e-6
    assert axis.place(part.high) <= 1 + 1e-6


@pytest.mark.parametrize(
    ("low", "high", "scale", "expected"),
    [
        (-1.0, 1.0, "linear", ["−1.0", "−0.5", "0", "0.5", "1.0"]),
        (0.0, 12_000.0, "linear", ["0", "5000", "10\u202f000"]),
        (0.0, 5e-5, "linear", ["0", "1e−5", "2e−5", "3e−5", "4e−5", "5e−5"]),
        (0.5, 20_000.0, "log", ["1", "10", "100", "1000", "10⁴"]),
        (1e-8, 1e2, "log", ["10⁻⁶", "10⁻³", "1"]),
        (15.0, 60.0, "log", ["20", "30", "40", "50", "60"]),
        (3.0, 60.0, "log", ["5", "10", "20", "50"]),
        (-1000.0, 1000.0, "symlog", ["−1000", "−10", "0", "10", "1000"]),
    ],
)
def test_figures(low: float, high: float, scale: Scale, expected: list[str]) -> None:
    assert [text for _, text in Axis(low, high, scale).ticks(5)] == expected


def test_a_range_of_one_value_has_room() -> None:
    assert fitting(4, 4) == Axis(2, 6)
    assert fitting(0, 0) == Axis(-0.5, 0.5)
    assert fitting(7, 7, "log").place(7) == pytest.approx(0.5)
    assert math.isnan(fitting(0, 1).place(math.nan))


def test_digits_follow_the_step() -> None:
    assert tick_text(0.25, 0.05) == "0.25"
    assert tick_text(-0.1 - 0.2 + 0.3, 0.1) == "0"
    assert tick_text(1_500_000, 500_000) == "1\u202f500\u202f000"
    assert tick_text(1.5e12, 5e11) == "1.5e12"
    assert tick_text(1_234_567.5, 0.5) == "1.2345675e6"
    assert tick_text(-2e-7, 1e-7) == "−2e−7"
