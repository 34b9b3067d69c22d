"""Tables as text."""

from __future__ import annotations

import csv
import io

from inspector.export.tables import csv_text, tab_text

HEADER = ("Key", "Shape")


def test_csv_is_read_back() -> None:
    rows = [("a,b", 'say "x"'), ("two\nlines", "ü")]
    assert list(csv.reader(io.StringIO(csv_text(HEADER, rows)))) == [list(HEADER), *map(list, rows)]


def test_a_name_never_becomes_a_formula() -> None:
    rows = [("=HYPERLINK(1)", "+1"), ("@a", "-1"), ("\tx", "plain")]
    lines = list(csv.reader(io.StringIO(csv_text(HEADER, rows))))
    assert lines[1:] == [["'=HYPERLINK(1)", "'+1"], ["'@a", "'-1"], ["'\tx", "plain"]]


def test_fields_of_the_clipboard_stay_on_their_line() -> None:
    assert tab_text(HEADER, [("a\tb", "c\nd"), ("=x", 3)]) == "Key\tShape\na b\tc d\n'=x\t3\n"
