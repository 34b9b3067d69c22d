"""The views that plot: which tensors they suit. Their own modules are imported when they are first looked at."""

from __future__ import annotations

from inspector.gui.views.kinship import batch_norm_parts, optimizer_parts
from inspector.gui.views.registry import Subject, ViewKind, WeightView
from inspector.session import Session


def plot_kinds() -> list[ViewKind]:
    """Return the views."""
    return [
        ViewKind(
            "histogram", "Histogram", "How the values are distributed, with percentiles", _suits_histogram, _histogram
        ),
        ViewKind("plot", "Plot", "Values over their index, along one dimension", _suits_plot, _plot),
        ViewKind(
            "batch_norm", "Batch norm", "All parts of this batch norm, by channel", _suits_batch_norm, _batch_norm
        ),
        ViewKind("optimizer", "Optimizer", "This parameter beside its optimizer's state", _suits_optimizer, _optimizer),
    ]


def _suits_histogram(subject: Subject) -> int:
    """Below two values there is no distribution."""
    return 90 if subject.summary.numel(subject.tensor) > 1 else 0


def _suits_plot(subject: Subject) -> int:
    shape = subject.shape
    if max(shape, default=0) < 2 or 0 in shape:
        return 0
    return 95 if sum(size > 1 for size in shape) == 1 else 30


def _suits_batch_norm(subject: Subject) -> int:
    return 97 if batch_norm_parts(subject.summary, subject.tensor) else 0


def _suits_optimizer(subject: Subject) -> int:
    return 60 if optimizer_parts(subject.summary, subject.tensor) else 0


def _histogram(session: Session) -> WeightView:
    from inspector.gui.views.histogram_page import HistogramPage

    return HistogramPage(session)


def _plot(session: Session) -> WeightView:
    from inspector.gui.views.plot_view import PlotView

    return PlotView(session)


def _batch_norm(session: Session) -> WeightView:
    from inspector.gui.views.batch_norm_view import BatchNormView

    return BatchNormView(session)


def _optimizer(session: Session) -> WeightView:
    from inspector.gui.views.optimizer_view import OptimizerView

    return OptimizerView(session)
