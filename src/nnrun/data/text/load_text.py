"""A text to a data set: windows that are views, parts that share no character."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.dataset import DataPart, Dataset
from nnrun.data.files.digests import array_sha256, file_sha256
from nnrun.data.splits.parts import shared
from nnrun.data.text.text_source import TARGET, TextSource
from nnrun.data.text.tokenizer import describe_unknown_tokens, encode_tokens, unknown_tokens
from nnrun.data.text.windows import Windows, split_ranges, window_starts
from nnrun.errors import DataError
from nnrun.spec.facts import FIELDS, Facts, TargetFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.progress import Progress
    from nnrun.spec.data import DataSpec
    from nnrun.spec.facts import TargetForm, TargetForms


#: Words for the one target of a text, beside its own name.
_NAMES = (TARGET, "target")


def load_text(
    source: TextSource, spec: DataSpec, *, form: TargetForms, paths: DataPaths, progress: Progress
) -> Dataset:
    """Read a text, cut it into parts by position, and lay windows over each.

    Args:
        source: The config's source.
        spec: The config's `data:`.
        form: How the loss takes targets; see `nnrun.data.load.load`.
        paths: Where files lie.
        progress: Who is told.

    Raises:
        DataError: The text cannot be read, is too short, or the config asks of it what a text has not.
    """
    _refuse_steps(spec)
    forms = _forms(form)
    file = source.fetch(paths, progress)
    text, encoding = source.read(file)
    if encoding not in ("utf-8", "bytes", "utf-8-sig", source.encoding):
        progress.warn(f"{file.name} is read as {encoding}; if that is wrong, state its `encoding`")
    tokens = source.tokenizer.tokenize(text)
    vocabulary = tuple(sorted(set(tokens)))
    coded = encode_tokens(tokens, vocabulary)
    del text, tokens
    twice = shared(spec.split)
    cut = {name: span for name, span in _spans(len(coded), spec).items() if name not in twice}
    parts = {name: part_of(source, coded, span, forms, len(vocabulary), name) for name, span in cut.items()}
    digests = {f"{name}.codes": array_sha256(coded[span.start : span.stop]) for name, span in cut.items()}
    files = {f"file:{name}": file_sha256(path) for name, path in source.files(paths, progress).items()}
    rows = {name: parts[twice.get(name, name)] for name in ("train", "validation", "test") if name in {*parts, *twice}}
    return Dataset(
        rows["train"],
        rows.get("validation"),
        rows.get("test"),
        facts_of(source, forms, vocabulary, {name: len(part) for name, part in rows.items()}),
        files | digests,
        ({"source": spec.source.name, "layout": {"encoding": encoding, "vocabulary": list(vocabulary)}},),
        twice,
    )


def load_new_text(source: TextSource, file: Path, facts: Facts) -> DataPart:
    """Lay a run's windows over another text.

    Raises:
        DataError: The file cannot be read, is too short, or has tokens that the run's text has not.
    """
    # As a text of the user's own, without what a named text checks.
    text, _ = TextSource.read(source, file)
    tokens, vocabulary = source.tokenizer.tokenize(text), facts.class_names
    unknown = unknown_tokens(tokens, vocabulary)
    if unknown:
        raise DataError(
            f"the run's text has no {describe_unknown_tokens(unknown, vocabulary)}", file=file, hint="take them out"
        )
    forms: TargetForms = {key: about.form for key, about in facts.by_target.items()} or facts.form
    return part_of(source, encode_tokens(tokens, vocabulary), range(len(tokens)), forms, len(vocabulary), file.name)


def part_of(
    source: TextSource, coded: np.ndarray, span: range, forms: TargetForms, vocabulary: int, name: str
) -> DataPart:
    """The windows over a part of a text; `rows` are the places in the text where they begin.

    Raises:
        DataError: There is no room for one.
    """
    try:
        places = window_starts(span, source.window, source.stride)
    except ValueError as error:
        raise DataError(f"the {name} part is too short: {error}", hint="write a smaller window") from None
    own = coded[span.start : span.stop]
    first = range(places.start - span.start, places.stop - span.start, places.step)
    x = Windows(own, first, source.window, source.encode, vocabulary)
    every = source.predict == "every"
    ahead = 1 if every else source.window
    after = range(first.start + ahead, first.stop + ahead, first.step)

    def target(form: TargetForm) -> Windows:
        width = source.window if every else None
        return Windows(own, after, width, "one_hot" if form == "one_hot" else "codes", vocabulary)

    y: Any = target(forms) if isinstance(forms, str) else {key: target(one) for key, one in forms.items()}
    return DataPart(x, y, places)  # type: ignore[arg-type]


def facts_of(source: TextSource, forms: TargetForms, vocabulary: Sequence[str], rows: Mapping[str, int]) -> Facts:
    """What a text teaches."""
    size = len(vocabulary)
    shape = tuple(size if one is None else one for one in source.shape)

    def about(form: TargetForm) -> TargetFacts:
        width = size if form == "one_hot" else 1
        return TargetFacts(form, "classification", size, width, tuple(vocabulary), source.positions)

    by_target = {} if isinstance(forms, str) else {key: about(one) for key, one in forms.items()}
    first = about(forms) if isinstance(forms, str) else next(iter(by_target.values()))
    return Facts(
        "classification",
        first.form,
        shape,
        classes=size,
        features=shape[-1],
        targets=first.targets,
        rows=rows,
        class_names=tuple(vocabulary),
        target_names=(TARGET,),
        vocabulary=size,
        window=source.window,
        positions=source.positions,
        by_target=by_target,
    )


def _spans(tokens: int, spec: DataSpec) -> dict[str, range]:
    try:
        return split_ranges(tokens, spec.split)
    except ValueError as error:
        raise DataError(f"split: {error}") from None


def _refuse_steps(spec: DataSpec) -> None:
    if spec.prepare:
        raise DataError(
            f"prepare: {spec.prepare[0].name}: the windows of a text are not prepared by steps",
            hint="say how codes are given with `encode: scaled`, `one_hot` or `codes` in the source",
        )


def _forms(form: TargetForms) -> TargetForms:
    """The forms of the targets, all of which must be the text's own classes."""
    for key, one in ({TARGET: form} if isinstance(form, str) else form).items():
        if key in FIELDS or key not in _NAMES:
            raise DataError(f"a text has no target {key!r}", hint=f"write `target: {TARGET}`")
        if one not in ("integer", "one_hot"):
            raise DataError(
                "the target of a text is one of many classes, but the loss compares numbers, or two classes",
                hint="write `loss: sparse_categorical_crossentropy`",
            )
    return form
