"""Figures and words as a report shows them."""

from __future__ import annotations

import re

from nnrun.formatting import format_number
from nnrun.report.contents import number

#: What XML 1.0 cannot hold, escaped or not, and HTML should not.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAMES = {
    "error_percent": "error in %",
    "error_rate": "error rate",
    "roc_auc": "area under the ROC curve",
    "pr_auc": "average precision",
    "r2": "R²",
    "expected_calibration_error": "calibration error (ECE)",
    "bits_per_character": "bits per character",
    "nats_per_character": "nats per character",
    "f1": "F1",
}


def writable(text: str) -> str:
    """The text with what no document could hold, control characters above all, replaced by a sign for that."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def words(name: str) -> str:
    """A figure's name in words: `mean_squared_error` as `mean squared error`."""
    return _NAMES.get(name, name.replace("_", " "))


def title(name: str) -> str:
    """The same at the beginning of a line: the first letter large, and no other touched."""
    told = words(name)
    return told[:1].upper() + told[1:]


def figure(value: object) -> str:
    """A number of a run folder as text, `"nan"` and `"inf"` included."""
    known = number(value)
    return format_number(value if known is None or isinstance(value, int) else known)


def short(value: float) -> str:
    """A figure for a sentence: three digits."""
    return f"{value:.3g}"


def percent(share: float) -> str:
    """A share in per cent, with as many digits as tell something."""
    return f"{100 * share:.2f} %" if share < 0.1 else f"{100 * share:.1f} %"
