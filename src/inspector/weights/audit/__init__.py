"""The audit: what is worth knowing about the weights of a checkpoint, told from figures that are known anyway.

Pure: no file is read, and no tensor looked at again. Each rule is a function of a `Subject`; `thresholds` says from
where on one tells, `docs/audit.md` says why. Rules that explain a tensor whole (a model that was never trained) run
first and settle it, so that nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from inspector.findings import RULES, SEVERITIES, Finding
from inspector.weights.audit.broken_values import not_finite, one_value
from inspector.weights.audit.filters import filters
from inspector.weights.audit.initial import initial_distribution
from inspector.weights.audit.norms import norms
from inspector.weights.audit.odd_values import dtypes, outliers
from inspector.weights.audit.sizes import sizes
from inspector.weights.audit.subject import AuditTensor, Initial, Subject
from inspector.weights.audit.tensors import audit_tensors
from inspector.weights.audit.untrained import untrained
from inspector.weights.figures import TensorFigures

__all__ = ["Audit", "AuditTensor", "audit", "audit_tensors"]

_RULES = (not_finite, untrained, one_value, filters, norms, outliers, dtypes, sizes)


class Audit:
    """An audit that takes each tensor's figures as they come, and keeps little of them.

    Parameters
    ----------
    tensors
        All tensors, in the checkpoint's order.
    """

    def __init__(self, tensors: Sequence[AuditTensor]) -> None:
        self._tensors = tensors
        self._figures: dict[int, TensorFigures] = {}
        self._initials: dict[int, Initial] = {}

    def take(self, number: int, figures: TensorFigures) -> None:
        """Take the figures of a tensor; those that could not be read are left out."""
        tensor = self._tensors[number]
        if tensor.is_weight and (found := initial_distribution(tensor, figures)) is not None:
            self._initials[number] = found
        # a histogram of 256 bins for each of 200,000 tensors would be gigabytes of Python's integers
        self._figures[number] = replace(figures, counts=())

    def findings(self) -> list[Finding]:
        """Return what is worth knowing, the worst first."""
        subject = Subject(self._tensors, self._figures, self._initials)
        found = [finding for rule in _RULES for finding in rule(subject)]
        return sorted(found, key=lambda finding: (SEVERITIES.index(finding.severity), RULES.index(finding.rule)))


def audit(tensors: Sequence[AuditTensor], figures: Mapping[int, TensorFigures]) -> list[Finding]:
    """Return what is worth knowing about the weights of a checkpoint, the worst first.

    Parameters
    ----------
    tensors
        All tensors, in the checkpoint's order.
    figures
        By tensor number; those that could not be read are missing.
    """
    whole = Audit(tensors)
    for number, found in figures.items():
        whole.take(number, found)
    return whole.findings()
