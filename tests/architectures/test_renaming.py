"""Keys renamed by patterns."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.architectures.renaming import Rename, RenameError, renamed


@pytest.mark.parametrize(
    ("name", "pattern", "replacement", "expected"),
    [
        ("encoder.block1.conv.weight", "encoder.block*.conv.*", "layer*.conv.*", "layer1.conv.weight"),
        ("model.fc.weight", "model.*", "*", "fc.weight"),
        ("fc.weight", "fc.weight", "head.weight", "head.weight"),
        ("fc.weight", "fc", "head", "fc.weight"),
        ("a.b.c", "*.c", "*.d", "a.b.d"),
        ("a.b.c", "a.*.c", "x", "x"),
        ("ab", "ab*b", "x*", "ab"),
        ("a.a.a", "*.*", "*-*", "a-a.a"),
        ("abc", "*", "x.*", "x.abc"),
        ("a.b", "*.*", "*", "a"),
        (r"a\\1", "a*", r"\\g*", r"\\g\\1"),
    ],
)
def test_a_rule(name: str, pattern: str, replacement: str, expected: str) -> None:
    assert renamed([name], [Rename(pattern, replacement)]) == [expected]


def test_rules_follow_one_another() -> None:
    rules = [Rename("net.*", "*"), Rename("block*", "layer*")]
    assert renamed(["net.block1.w", "block2.w", "net.fc"], rules) == ["layer1.w", "layer2.w", "fc"]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([("", "a")], "empty"),
        ([("*" * 5, "a")], "more than 4 stars"),
        ([("a*", "**")], "more stars than"),
        ([("a", "b" * 501)], "too long"),
        ([("a*", "b")], "would both be called b"),
        ([("*", "")], "empty name"),
        ([("x", "y")] * 51, "more than 50 rules"),
        ([("*", "*" + "x" * 499)] * 50, "far too long"),
    ],
)
def test_rules_that_can_t_be_used(rules: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(RenameError, match=message):
        renamed(["a1", "a2"], [Rename(*rule) for rule in rules])


@given(st.text("ab.", max_size=12), st.lists(st.text("ab.", max_size=3), min_size=1, max_size=5))
def test_what_fits_is_what_a_regular_expression_says(name: str, pieces: list[str]) -> None:
    pattern = "*".join(pieces)
    fits = pattern != "" and re.fullmatch("(.*?)".join(map(re.escape, pieces)), name) is not None
    if pattern and name:
        assert (renamed([name], [Rename(pattern, "new")]) == ["new"]) == (fits or name == "new")
