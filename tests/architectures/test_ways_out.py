"""What is proposed for keys of another shape."""

from __future__ import annotations

import pytest

from inspector.architectures.layouts import Shape
from inspector.architectures.ways_out import way_out


@pytest.mark.parametrize(
    ("key", "expected", "found", "proposed"),
    [
        ("fc.weight", (1000, 512), (7, 512), "take it from the file's head"),
        ("fc.bias", (1000,), (7,), "take it from the file's head"),
        ("fc.weight", (1000, 512), (7, 256), "Choose an architecture that fits"),
        ("conv1.weight", (64, 3, 7, 7), (64, 1, 7, 7), "For 1 input channel, not 3"),
        ("conv1.weight", (64, 3, 7, 7), (64, 3, 3, 3), "Another kernel size"),
        ("layer.weight", (4, 6), (6, 4), "transposed"),
        ("layer.weight", (4, 6), (24,), "laid out in another shape"),
        ("layer.weight", (64, 64), (128, 128), "another width"),
        ("layer.weight", (64, 64), (128, 32, 3), "Choose an architecture that fits"),
        ("layer.weight", (), (5,), "Choose an architecture that fits"),
        ("layer.weight", (0, 3), (4, 3), "Choose an architecture that fits"),
    ],
)
def test_ways_out(key: str, expected: Shape, found: Shape, proposed: str) -> None:
    assert proposed in way_out(key, expected, found, ("fc.weight", "fc.bias"))
