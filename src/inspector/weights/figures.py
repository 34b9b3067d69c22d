"""What is known of a tensor once all of its values were seen."""

from __future__ import annotations

from dataclasses import dataclass

from inspector.weights.statistics import TensorStatistics


@dataclass(frozen=True, slots=True)
class TensorFigures:
    """The figures of one tensor in a survey of a checkpoint.

    Attributes
    ----------
    statistics
        Range, mean, spread, norm, and counts of zeros, NaN and Inf.
    low, high
        The range of the histogram, as `inspector.weights.histogram.histogram` chooses it.
    counts
        Finite values in bins of equal width, exactly; but of 32,768 and more elements of float32 and smaller floats,
        one that lies below an edge by less than 1/10,000 of a bin may be counted above it.
    dead
        Slices along the first dimension (filters, rows) that hold nothing but zeros; 0 below two dimensions.
    duplicates
        Slices along the first dimension that are no zeros and equal an earlier one, bit by bit; 0 below two dimensions.
    """

    statistics: TensorStatistics
    low: float
    high: float
    counts: tuple[int, ...]
    dead: int = 0
    duplicates: int = 0
