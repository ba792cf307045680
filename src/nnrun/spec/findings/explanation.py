"""The explanations' class under its former place."""

from nnrun.spec.findings.explanations import EXAMPLE_SECTIONS as BASE
from nnrun.spec.findings.explanations import Explanation

__all__ = ["BASE", "Explanation"]
