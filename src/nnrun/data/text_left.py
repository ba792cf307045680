"""What to do with columns of text that a model would receive: encode them, in their order if they have one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nnrun.config.dump import dump_inline
from nnrun.data.columns import text_left
from nnrun.formatting import format_names
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from nnrun.data.dataset import DataFacts

#: More categories than this would be as many new columns of zeros and ones.
_MANY = 50
#: Texts that are steps of a scale: a range, a bound, an ordinal number, a number with a plus or a letter behind it.
_STEP = re.compile(
    r"(?:[<>≤≥=~]+ ?|under |over |up to )?(?P<number>\d+(?:\.\d+)?)"
    r"(?: ?(?:-|\N{EN DASH}|to|bis) ?\d+(?:\.\d+)?| ?\+|st|nd|rd|th)?(?: ?[a-z]+)?",
    re.IGNORECASE,
)
_BELOW = re.compile(r"<|≤|under|up to|less", re.IGNORECASE)


def text_left_finding(names: Sequence[str], data: DataFacts) -> Finding:
    """Return the finding for columns of text that are left after the preparation.

    Args:
        names: The columns.
        data: What is known about the data.
    """
    steps: list[Any] = []
    prose = [name for name in names if name in data.prose]
    many = [name for name in names if name not in prose and _has_many(data.values.get(name), data.rows)]
    ordered = {name: order for name in names if name not in many and (order := scale(data.values.get(name, ())))}
    if one_hot := [name for name in names if name not in (*ordered, *many, *prose)]:
        steps.append({"OneHotEncoder": one_hot})
    if ordered:
        steps.append({"OrdinalEncoder": {"columns": list(ordered), "categories": list(ordered.values())}})
    if prose:
        tokens = {"columns": prose, "max_tokens": 10_000, "output_sequence_length": 100}
        steps.append({"TextVectorization": tokens})
    lines = [f"`{dump_inline(step)[1:-1]}`" for step in steps]
    hint = f"add to `prepare`: {' and '.join(lines)}" if lines else ""
    if many:
        rest = [name for name in data.columns or () if name not in many]
        counts = format_names(f"{name!r} has {len(data.values[name]):,}" for name in many)
        left_out = f"leave out what has nearly as many texts as rows: `features: {dump_inline(rest)}` ({counts})"
        hint = "; ".join(filter(None, [hint, f"{left_out}, or add `{dump_inline({'Hash': _hash(many)})[1:-1]}`"]))
    return Finding(("data", "prepare"), text_left(names), hint, "text-left")


def scale(texts: Collection[str]) -> list[str]:
    """Return texts that are steps of a scale from the lowest to the highest; none if they are no such texts."""
    found = [(_STEP.fullmatch(text), text) for text in texts]
    if len(found) < 2 or any(step is None or text == step["number"] for step, text in found):
        return []
    # What is below 18 comes before 18 to 25, and what is above 60 behind 60.
    return [
        text
        for *_, text in sorted(
            (float(step["number"]), -1 if _BELOW.match(text) else 1 if text[-1] == "+" or ">" in text else 0, text)
            for step, text in found
            if step is not None
        )
    ]


def _has_many(values: Collection[str] | None, rows: int | None) -> bool:
    """Return whether a column has too many different texts for a column of zeros and ones each."""
    if values is None:
        return False
    return len(values) > _MANY and (rows is None or len(values) > rows / 10)


def _hash(names: Sequence[str]) -> dict[str, Any]:
    return {"columns": list(names), "buckets": 32}
