"""The tokens of a target of text, learned for `check` as training learns them: from its training part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.data.load import split_parts
from nnrun.data.part_targets import TargetReport
from nnrun.data.prepare.text_vectorization import TextVectorization
from nnrun.data.target_encoding import forms_by_target
from nnrun.data.token_targets import learn_token_target, target_texts
from nnrun.errors import DataError, MissingExtraError
from nnrun.formatting import format_count
from nnrun.progress import NullProgress
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.data.dataset import Examples, SourceData
    from nnrun.data.token_targets import TokenTarget
    from nnrun.spec.data import DataSpec
    from nnrun.spec.facts import TargetForms


#: Of more rows `check` learns no tokens: byte pair encoding of 20,000 texts of 12 words takes 1.3 s, and is done again
#: in training. A Parquet file's targets are read up to a million rows.
_MOST_ROWS = 50_000


def examine_text_target(data: SourceData, spec: DataSpec, *, forms: TargetForms, seed: int) -> TargetReport:
    """Return the tokens that a target of text has in training, and which of its texts are cut.

    Args:
        data: The data of the source; of the features only their number is used.
        spec: The config's `data:`, whose `prepare_target` makes tokens or labels.
        forms: The form in which each loss takes its target.
        seed: The seed of the experiment.

    Returns:
        Nothing where the target is a set of labels, where each fold learns its own tokens, where there are very many
        texts, and where tokens cannot be learned: training says why.
    """
    has_folds = spec.split is not None and spec.split.cross_validation is not None
    if has_folds or len(data.train) > _MOST_ROWS:
        return TargetReport()
    try:
        parts = split_parts(data, spec.split, seed)
        target = learn_token_target(spec.prepare_target, data, parts, NullProgress())
        findings = tuple(_cut_texts(spec, target, parts))
    except (DataError, MissingExtraError, ValueError):
        return TargetReport()
    if target.is_label_set:
        return TargetReport()
    classes = {key: tuple(target.vocabulary) for key in forms_by_target(forms)}
    return TargetReport(findings, classes=classes)


def _cut_texts(spec: DataSpec, target: TokenTarget, parts: Mapping[str, Examples]) -> Iterator[Finding]:
    """Yield a warning where texts of a target have more tokens than the config's length."""
    step, part = target.step, spec.prepare_target[0]
    if not isinstance(step, TextVectorization) or step.length is None:
        return
    texts = (step.cells(target.column, target_texts(one, target.column)) for one in parts.values())
    lengths = [len(tokens) for one in texts for tokens in step.tokenized(one)]
    cut = sum(length > step.length for length in lengths)
    if cut:
        text = (
            f"{cut:,} of {format_count(len(lengths), 'target text')} {'is' if cut == 1 else 'are'} longer than "
            f"{format_count(step.length, 'token')}, and what follows is neither learned nor scored"
        )
        hint = f"write output_sequence_length: {max(lengths)}, as many as the longest has"
        place = (*part.path, part.name, "output_sequence_length")
        yield Finding(place, text, hint, "target-text-cut", "warning")
