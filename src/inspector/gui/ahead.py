"""Builds what a person will want next while nothing else is to do, in steps that no one notices."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QAbstractScrollArea

#: Milliseconds before the first step, and between two: what the person does comes first.
_AFTER, _BETWEEN = 200, 5

#: What the panels, the strip and the results import, each after what it imports itself: a module a step.
_TENSOR = ("histogram_view", "picture_view", "scale_legend", "statistics_tiles", "tensor_figures", "tensor_header")
_MODEL = (
    *("architecture_combo", "attach_words", "attach_panel", "key_rows", "key_list", "overlays.of_task", "photo_view"),
    *("score_bars", "why_bar", "prediction_panel", "overlays.heat", "model_panel"),
)
_STRIP = ("icons", "image_strip_model", "thumbnails", "image_tile", "image_strip_view", "prediction_progress")
_RESULTS = ("results_model", "results_filter", "empty_page", "results_table", "results_table_page", "results_page")

#: And the page of the whole model.
_PAGE = (
    "slices", "row_histogram", "model_page.rows", "model_page.table_model", "model_page.name_column",
    "model_page.table_view", "model_page.table_part", "model_page.survey_bar", "model_page.page",
)  # fmt: skip

#: And the views of a tensor.
_VIEWS = (
    "views.axis", "views.plot", "views.plot_range", "views.plot_curves", "views.plot_drawing", "views.plot_canvas",
    "views.question", "views.plot_page", "views.histogram_page", "views.filters_canvas", "views.filters_view",
    "views.raster_viewport", "views.raster_tiles", "views.raster_painting", "views.raster_canvas", "views.heatmap_view",
    "views.long_page", "views.spectrum_view", "views.plot_view", "views.batch_norm_view", "views.values_view",
    "views.projection_view",
)  # fmt: skip


def imports(names: Iterable[str]) -> list[Callable[[], object]]:
    """Return a step for each module of this room."""
    return [partial(import_module, f"inspector.gui.{name}") for name in names]


def tensor_imports() -> list[Callable[[], object]]:
    """Return the steps that import the panel of a tensor."""
    return imports((*_TENSOR, "tensor_panel"))


def model_imports() -> list[Callable[[], object]]:
    """Return the steps that import the right panel."""
    return imports((*_MODEL, "why"))


def view_imports() -> list[Callable[[], object]]:
    """Return the steps that import the views of a tensor."""
    return imports(_VIEWS)


def strip_imports() -> list[Callable[[], object]]:
    """Return the steps that import the strip of images."""
    return imports((*_STRIP, "image_strip"))


def results_imports() -> list[Callable[[], object]]:
    """Return the steps that import the page of results."""
    return imports(_RESULTS)


def model_page_imports() -> list[Callable[[], object]]:
    """Return the steps that import the page of the whole model."""
    return imports(_PAGE)


def meet_widgets() -> None:
    """Have Python's classes of all widgets made: they are, in 7 ms, when Qt first hands out one that it made itself."""
    QAbstractScrollArea().viewport()


def take_turns(owner: QObject, *steps: Callable[[], object]) -> None:
    """Take steps as soon as possible, each in a turn of the event loop of its own; none once ``owner`` is gone."""

    def take() -> None:
        steps[0]()
        if steps[1:]:
            take_turns(owner, *steps[1:])

    QTimer.singleShot(0, owner, take)


class Ahead(QObject):
    """Takes steps, each in a turn of the event loop of its own.

    Attributes
    ----------
    is_done
        Whether all have been taken.
    """

    def __init__(self, steps: Iterable[Callable[[], object]], parent: QObject) -> None:
        super().__init__(parent)
        self._steps = deque(steps)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._take)

    @property
    def is_done(self) -> bool:
        """Whether all steps have been taken."""
        return not self._steps

    def begin(self) -> None:
        """Take the first step soon."""
        self._timer.start(_AFTER)

    def _take(self) -> None:
        self._steps.popleft()()
        if self._steps:
            self._timer.start(_BETWEEN)
