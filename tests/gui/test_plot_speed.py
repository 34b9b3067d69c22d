"""Plots of as many values as a view asks for are painted at once: Qt strokes lines that cross ever more slowly."""

from __future__ import annotations

import random
import time
from array import array
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from inspector.gui import theme
from inspector.gui.views.axis import Axis
from inspector.gui.views.plot import Curve, Plot
from inspector.gui.views.plot_canvas import PlotCanvas

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints", extend=True)

_COUNT = 4_096
#: Some 15 ms on a quiet machine; strokes as wide as sparse lines have took 6 s, filled outlines 17 s.
_SECONDS = 0.7


@pytest.mark.parametrize("kind", ["line", "band", "bars", "points"])
def test_dense_curves_are_painted_at_once(qtbot: Any, qapp: QApplication, kind: Any) -> None:
    theme.apply(qapp, "light")
    noise = random.Random(0)
    x = array("d", range(_COUNT))
    high, low = (array("d", (noise.gauss(mean, 0.4) for _ in x)) for mean in (1, -1))
    edges = array("d", (place - 0.5 for place in range(_COUNT + 1)))
    curve = Curve(kind, edges if kind == "bars" else x, high, low=low if kind == "band" else None)
    canvas = PlotCanvas("Noise")
    qtbot.addWidget(canvas)
    canvas.resize(1_200, 700)
    canvas.show_plot(Plot(Axis(-0.5, _COUNT - 0.5), (curve,)))
    begun = time.perf_counter()
    canvas.grab()
    assert time.perf_counter() - begun < _SECONDS
