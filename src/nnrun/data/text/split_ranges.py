"""Where the windows of a text lie: the arithmetic alone, for `check` and for the cut itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.data.splits.split_sizes import count, shared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.spec.data import Split


def split_ranges(tokens: int, split: Split | None) -> dict[str, range]:
    """The tokens of each part: the test part is the end of the text, the validation part the end of what is left.

    Parts are cut by position, whatever `shuffle` says: windows dealt out at random would share their characters.

    Raises:
        ValueError: The split cannot be made; the reason.
    """
    if split is not None and split.stratify:
        raise ValueError("a text is cut by position, so `stratify: true` cannot be; leave it out")
    if split is not None and split.k_fold is not None:
        raise ValueError("a text is cut by position, so `k_fold` cannot be; write shares such as `test: 0.1`")
    if split is not None and split.validation == "test" and split.test is None:
        raise ValueError("`validation: test` needs a test part: add a share such as `test: 0.1`")
    end, parts = tokens, {}
    for part in ("test", "validation"):
        share = getattr(split, part, None)
        if isinstance(share, float):
            start = end - count(end, share)
            parts[part], end = range(start, end), start
    parts["train"] = range(end)
    for part, other in shared(split).items():
        parts[part] = parts[other]
    return parts


def window_starts(span: range, window: int, stride: int) -> range:
    """Where windows begin that lie in a span with the token after them.

    Raises:
        ValueError: There is no room for one.
    """
    if len(span) <= window:
        raise ValueError(f"a window of {window} and the token after it need {window + 1} tokens, there are {len(span)}")
    return range(span.start, span.stop - window, stride)


def window_counts(tokens: int, split: Split | None, window: int, stride: int) -> Mapping[str, int]:
    """How many windows each part has.

    Raises:
        ValueError: The split cannot be made, or leaves a part without room for a window; the reason.
    """
    rows = {}
    for part, span in split_ranges(tokens, split).items():
        try:
            rows[part] = len(window_starts(span, window, stride))
        except ValueError as error:
            raise ValueError(f"the {part} part is too short: {error}") from None
    return {part: rows[part] for part in ("train", "validation", "test") if part in rows}
