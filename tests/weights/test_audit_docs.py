"""The page about the audit tells the thresholds that the code has."""

from __future__ import annotations

import re
from pathlib import Path

from inspector.weights.audit import thresholds

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit.md"


def test_the_page_tells_every_threshold() -> None:
    page = PAGE.read_text(encoding="utf-8")
    told = {name: float(value) for name, value in re.findall(r"^\| `([A-Z0-9_]+)` \| ([-0-9.e]+) \|", page, re.M)}
    assert told == {name: float(value) for name, value in vars(thresholds).items() if name.isupper()}


def test_the_page_names_no_other_threshold() -> None:
    named = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", PAGE.read_text(encoding="utf-8")))
    assert named <= set(vars(thresholds))
