"""The audit: what is worth knowing about the weights of a checkpoint, told from figures that are known anyway.

Pure: no file is read, and no tensor looked at again. Each rule is a function of a `Subject`; `thresholds` says from
where on one tells, `docs/audit.md` says why. Rules that explain a tensor whole (a model that was never trained) run
first and settle it, so that nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspector.findings import RULES, SEVERITIES, Finding
from inspector.weights.audit.broken_values import not_finite, one_value
from inspector.weights.audit.filters import filters
from inspector.weights.audit.norms import norms
from inspector.weights.audit.odd_values import dtypes, outliers
from inspector.weights.audit.sizes import sizes
from inspector.weights.audit.subject import AuditTensor, Subject
from inspector.weights.audit.untrained import untrained
from inspector.weights.figures import TensorFigures

__all__ = ["AuditTensor", "audit"]

_RULES = (not_finite, untrained, one_value, filters, norms, outliers, dtypes, sizes)


def audit(tensors: Sequence[AuditTensor], figures: Mapping[int, TensorFigures]) -> list[Finding]:
    """Return what is worth knowing about the weights of a checkpoint, the worst first.

    Parameters
    ----------
    tensors
        All tensors, in the checkpoint's order.
    figures
        By tensor number; those that could not be read are missing.
    """
    subject = Subject(tensors, figures)
    found = [finding for rule in _RULES for finding in rule(subject)]
    return sorted(found, key=lambda finding: (SEVERITIES.index(finding.severity), RULES.index(finding.rule)))
