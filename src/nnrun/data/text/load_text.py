"""A text to a data set: windows that are views, parts that share no character."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.data.dataset import ALL_TARGETS, DataPart, Dataset, add_shared, as_data_error, build_facts
from nnrun.data.files.digests import array_sha256, file_sha256
from nnrun.data.splits.parts import shared_parts
from nnrun.data.text.text_source import TARGET, TextSource
from nnrun.data.text.tokenizer import describe_unknown_tokens, encode_tokens, unknown_tokens
from nnrun.data.text.windows import Windows, split_ranges, window_starts
from nnrun.errors import DataError
from nnrun.spec.facts import TargetFacts

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.text.windows import Encoding
    from nnrun.progress import Progress
    from nnrun.spec.data import DataSpec
    from nnrun.spec.facts import Facts, TargetForm, TargetForms


def load_text(
    source: TextSource, spec: DataSpec, *, form: TargetForms, paths: DataPaths, progress: Progress
) -> Dataset:
    """Read a text, split it by position, and return the windows over each part.

    Args:
        source: The source in the config.
        spec: The config's `data:`.
        form: The form in which the loss takes targets; see `nnrun.data.load.load`.
        paths: Where files are found.
        progress: Receives notes, warnings and progress.

    Raises:
        DataError: The text cannot be read or is too short, or the config demands what a text does not have.
    """
    _check_config(spec, form)
    file = source.fetch(paths, progress)
    text, encoding = source.read(file)
    if encoding not in ("utf-8", "bytes", "utf-8-sig", source.encoding):
        progress.warn(f"{file.name} is read as {encoding}; if that is wrong, write its `encoding`")
    tokens = source.tokenizer.tokenize(text)
    vocabulary = tuple(sorted(set(tokens)))
    token_ids = encode_tokens(tokens, vocabulary)
    del text, tokens
    shared = shared_parts(spec.split)
    with as_data_error("split"):
        ranges = {part: found for part, found in split_ranges(len(token_ids), spec.split).items() if part not in shared}
    parts = {name: _part(source, token_ids, found, form, len(vocabulary), name) for name, found in ranges.items()}
    files = {f"file:{name}": file_sha256(path) for name, path in source.files(paths, progress).items()}
    digests = {f"{name}.codes": array_sha256(token_ids[found.start : found.stop]) for name, found in ranges.items()}
    size = len(vocabulary)
    facts = build_facts(
        {
            ALL_TARGETS if isinstance(form, str) else key: TargetFacts(
                one, "classification", size, size if one == "one_hot" else 1, vocabulary, source.positions
            )
            for key, one in _forms(form).items()
        },
        tuple(size if one is None else one for one in source.shape),
        target_names=(TARGET,),
        rows=add_shared({name: len(part) for name, part in parts.items()}, shared),
        vocabulary=size,
    )
    layout = {"source": spec.source.name, "layout": {"encoding": encoding, "vocabulary": list(vocabulary)}}
    return Dataset.from_parts(parts, shared, facts=facts, digests=files | digests, fitted=(layout,))


def load_new_text(source: TextSource, file: Path, facts: Facts) -> DataPart:
    """Return a run's windows over another text.

    Raises:
        DataError: The file cannot be read, is too short, or has tokens that the run's text does not have.
    """
    # As a text of the user's own, without the checks of a named text.
    text, _ = TextSource.read(source, file)
    tokens, vocabulary = source.tokenizer.tokenize(text), facts.class_names
    unknown = unknown_tokens(tokens, vocabulary)
    if unknown:
        described = describe_unknown_tokens(unknown, vocabulary, source.tokenizer.level)
        raise DataError(f"the run's text does not have {described}", file=file, hint="take them out")
    form: TargetForms = {key: about.form for key, about in facts.by_target.items()} or facts.form
    token_ids = encode_tokens(tokens, vocabulary)
    return _part(source, token_ids, range(len(tokens)), form, len(vocabulary), file.name)


def _part(
    source: TextSource, token_ids: np.ndarray, tokens: range, form: TargetForms, vocabulary: int, name: str
) -> DataPart:
    """Return the windows over a part of a text; `rows` are the positions in the text where they begin."""
    try:
        rows = window_starts(tokens, source.window, source.stride)
    except ValueError as error:
        raise DataError(f"the {name} part is too short: {error}", hint="write a smaller window") from None
    own = token_ids[tokens.start : tokens.stop]
    starts = range(rows.start - tokens.start, rows.stop - tokens.start, rows.step)
    every = source.predict == "every"
    ahead = 1 if every else source.window
    next_starts = range(starts.start + ahead, starts.stop + ahead, starts.step)

    def target(one: TargetForm) -> Windows:
        encoding: Encoding = "one_hot" if one == "one_hot" else "codes"
        return Windows(own, next_starts, source.window if every else None, encoding, vocabulary)

    x = Windows(own, starts, source.window, source.encode, vocabulary)
    y = target(form) if isinstance(form, str) else {key: target(one) for key, one in form.items()}
    return DataPart(x, y, rows)  # type: ignore[arg-type]


def _forms(form: TargetForms) -> dict[str, TargetForm]:
    return {TARGET: form} if isinstance(form, str) else dict(form)


def _check_config(spec: DataSpec, form: TargetForms) -> None:
    """Refuse preparation steps, and losses that do not compare the text's own classes."""
    if spec.prepare:
        raise DataError(
            f"prepare: {spec.prepare[0].name}: the windows of a text are not prepared by steps",
            hint="write `encode: scaled`, `one_hot` or `codes` in the source",
        )
    for key, one in _forms(form).items():
        if key not in {TARGET, "target"}:
            raise DataError(f"a text has no target {key!r}", hint=f"write `target: {TARGET}`")
        if one not in {"integer", "one_hot"}:
            raise DataError(
                "the target of a text is one of many classes, but the loss compares numbers, or two classes",
                hint="write `loss: sparse_categorical_crossentropy`",
            )
