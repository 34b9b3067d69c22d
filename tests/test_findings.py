"""Findings cross a process border: what comes back is checked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inspector.findings import Finding

FINDING = Finding(
    "notable", "dead_filters", (3, 7), "Two weights hold dead filters.", "They do nothing.", ("3 of 64", "1")
)


def test_a_finding_survives_the_way() -> None:
    assert Finding.from_json(json.loads(json.dumps(FINDING.to_json())), tensors=8) == FINDING


@pytest.mark.parametrize(
    "change",
    [
        {"severity": "fatal"},
        {"severity": []},
        {"rule": "rumour"},
        {"tensors": []},
        {"tensors": [3, 8]},
        {"tensors": [-1, 2]},
        {"tensors": [True, 2]},
        {"tensors": "37"},
        {"title": None},
        {"explanation": 3},
        {"notes": ["one"]},
        {"notes": [1, 2]},
        {"more": -1},
        {"more": 8},
        {"more": "many"},
        {"tensors": [3] * 10_001, "notes": []},
    ],
)
def test_nonsense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a finding"):
        Finding.from_json(FINDING.to_json() | change, tensors=8)


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="a finding"):
        Finding.from_json([1], tensors=8)
