"""The explanations under their former name."""

from nnrun.spec.findings.explanations import EXPLANATIONS as FINDINGS
from nnrun.spec.findings.explanations import silenceable

__all__ = ["FINDINGS", "silenceable"]
