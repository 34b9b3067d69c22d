from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inspector.command_line.output import Page, prepare_streams, print_json, printable

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.text(st.characters()))
def test_printable_leaves_nothing_that_acts(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in shown)
    assert printable(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – 11\u202f689 × 権", "plain – 11\u202f689 × 権"),
        ("\x1b[31mred\n", "\\x1b[31mred\\n"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("\udc80", "\\udc80"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_json_is_strict(capsys: pytest.CaptureFixture[str]) -> None:
    prepare_streams()  # as for every verb: a lone surrogate is escaped by the stream

    @given(_VALUES)
    @example("\ud800")
    def check(value: Any) -> None:
        capsys.readouterr()
        print_json({"value": value})

        def refuse(name: str) -> None:
            raise ValueError(name)

        assert json.loads(capsys.readouterr().out, parse_constant=refuse)["value"] == _without_nan(value)

    check()


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return [_without_nan(item) for item in value] if isinstance(value, list) else value


def test_table_is_aligned_and_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    Page().table(("Name", "Size"), [("a" * 300, "1"), ("権", "1000")], right=(1,))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "a" * 300 + "     1"
    assert lines[2] == "権" + " " * 298 + "  1000"
    assert lines[0].startswith("Name")
    assert lines[0].endswith("Size")


def test_table_without_rows_is_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    Page().table(("Name", "Size"), [])
    assert capsys.readouterr().out == "Name  Size\n"
