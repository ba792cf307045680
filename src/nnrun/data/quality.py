"""What `nnrun data check` finds in data that can be loaded: leakage, useless or suspicious columns, odd values."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns, label
from nnrun.data.data_facts import examine_loaded_numbers, examine_loaded_targets
from nnrun.data.dataset import as_data_error
from nnrun.data.load import make_source, split_parts
from nnrun.data.missing_targets import dropped_note
from nnrun.data.named.datasets import data_set_names, named_data_set
from nnrun.data.prepare.registry import allow_missing
from nnrun.data.prepare.step import missing_mask
from nnrun.data.series.reference import target_matrix
from nnrun.data.splits.groups import separate_groups
from nnrun.data.streaming.streams import Stream
from nnrun.data.target_encoding import forms_by_target
from nnrun.data.text.text_source import TextSource
from nnrun.errors import DataError, DefectsError
from nnrun.formatting import format_count, format_names
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Examples, Source, SourceData
    from nnrun.data.prepare.step import ArrayOrTable
    from nnrun.errors import Severity
    from nnrun.progress import Progress
    from nnrun.spec.data import DataSpec
    from nnrun.spec.facts import TargetForms


#: A column with a larger correlation with the target probably is the target under another name.
_SUSPICIOUS_CORRELATION = 0.99
#: More classes than this are not counted one by one.
_MOST_CLASSES = 100
#: The ratio of the rarest to the largest class below which accuracy is misleading.
_RARE = 0.1
#: The percentage of duplicated test examples from which scores are meaningless.
_LEAKED = 1
#: Numbers that people write for a value that they do not have.
_PLACEHOLDERS = (0.0, *(sign * float("9" * digits) for sign in (1, -1) for digits in range(1, 6)), -1.0)
#: A placeholder is this many times farther from the other values than these usually are from each other.
_APART = 5
#: Such a placeholder is also as far from them as this share of their range, or this share of all values.
_WIDE, _FREQUENT = 0.05, 0.02
#: Fewer different values than this do not show how far they usually are apart.
_FEW = 10
#: The share of targets at the largest value from which they look capped.
_CAPPED = 0.01


@dataclass(frozen=True)
class QualityReport:
    """What was found in the data of a config.

    Attributes:
        rows: The number of examples of each part.
        columns: The statistics of each column of a table by name: its type, missing and distinct values, range and
            correlation with the target; empty for other data.
        classes: The number of examples of each class in each part; empty where the target is numbers.
        findings: What to look at, errors first.
        baseline: What the most frequent class, or the mean, of the training part is worth on another part; empty where
            the target is no single class or number.
    """

    rows: Mapping[str, int]
    columns: Mapping[str, Mapping[str, Any]]
    classes: Mapping[str, Mapping[str, int]]
    findings: tuple[Finding, ...]
    baseline: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        remarks = [{"name": one.name, "severity": one.severity, "text": one.text} for one in self.findings]
        about = {"rows": self.rows, "columns": self.columns, "classes": self.classes}
        return {**about, "remarks": remarks, "baseline": self.baseline}


def check_quality(
    spec: DataSpec, *, seed: int, paths: DataPaths, progress: Progress, form: TargetForms
) -> QualityReport:
    """Load and split the data of a config, and examine them before any preparation.

    Args:
        spec: The config's `data:`.
        seed: The seed of the experiment, for the split.
        paths: Where files are found.
        progress: Receives notes, warnings and progress.
        form: The form in which the loss takes targets, or one for each target.

    Raises:
        DataError: The data cannot be used.
    """
    source = make_source(spec.source, spec.prepare, spec.split, spec.prepare_target)
    if isinstance(source, TextSource):
        raise DataError("`data check` is for tables, pictures and sequences, not for texts", hint="nnrun check CONFIG")
    # Missing values are a finding here, not an error.
    if hasattr(source, "missing_allowed"):
        source.missing_allowed = True
    data = _load(source, spec, paths, progress)
    parts = split_parts(data, spec.split, seed)
    classes = all(one != "number" for one in forms_by_target(form).values())
    train = parts["train"]
    table = _table(train)
    # The rows of windows repeat each other rightly, and a target stands among the features as its own past.
    y = train.y if data.windows is None else None
    columns = {name: _statistics(column, y) for name, column in table.values.items()} if table is not None else {}
    counts = {name: _class_counts(part) for name, part in parts.items()} if classes else {}
    caveats = named_data_set(spec.source.name).caveats if spec.source.name in data_set_names() else ()
    findings = [
        *(_check_leakage(parts) if data.windows is None else ()),
        *(_check_columns(table, columns, data.written.columns) if table is not None else ()),
        *_check_precision(data, spec, form),
        *_check_written(data),
        *_check_targets(data, spec, form, seed, paths),
        *_check_classes(counts),
        *(_finding("missing-target", dropped_note(name, count), "note") for name, count in data.dropped.items()),
        *(() if classes else check_capped_target(train.y, data.target_names)),
        *(_finding("caveat", text, "note") for text in caveats),
    ]
    order = ("error", "warning", "note")
    rows = {name: len(part) for name, part in parts.items()}
    findings.sort(key=lambda one: order.index(one.severity))
    baseline = _constant_baseline(parts, counts, data) if data.windows is None else {}
    return QualityReport(rows, columns, counts, tuple(findings), baseline)


def _constant_baseline(
    parts: Mapping[str, Examples], counts: Mapping[str, Mapping[str, int]], data: SourceData
) -> dict[str, Any]:
    """Return what the best constant answer is worth on the test part, else on the validation part."""
    part = next((name for name in ("test", "validation") if name in parts), None)
    if part is None:
        return {}
    if counts:
        train, scored = counts["train"], counts[part]
        if not train or not scored:
            return {}
        most = max(train, key=lambda name: train[name])
        named = data.class_names[int(most)] if data.class_names and most.isdigit() else most
        percent = 100 * (1 - scored.get(most, 0) / sum(scored.values()))
        return {"part": part, "answer": named, "error_percent": percent}
    y, truth = (target_matrix(parts[name].y) for name in ("train", part))
    if y is None or truth is None or y.shape[1] != 1 or not (np.isfinite(y).all() and np.isfinite(truth).all()):
        return {}
    errors = truth - y.mean()
    root = float(np.sqrt((errors**2).mean()))
    found = {"root_mean_squared_error": root, "mean_absolute_error": float(np.abs(errors).mean())}
    return {"part": part, "answer": float(y.mean()), **found}


def _check_precision(data: SourceData, spec: DataSpec, form: TargetForms) -> Iterator[Finding]:
    """Find numbers that become equal in float32 after the preparation."""
    for one in examine_loaded_numbers(data, spec, form):
        yield replace(one, text=f"{one.text}; {one.hint}")


def _finding(name: str, text: str, severity: Severity = "warning") -> Finding:
    return Finding((), text, None, name, severity)


def _load(source: Source, spec: DataSpec, paths: DataPaths, progress: Progress) -> SourceData:
    try:
        return source.load(paths, progress)
    except DefectsError:
        # Where there are other defects, missing values that no step fills in are listed with them.
        allow_missing(source, spec.prepare)
        source.load(paths, progress)
        raise


def _check_leakage(parts: Mapping[str, Examples]) -> Iterator[Finding]:
    """Find examples that are in several parts, or several times in one."""
    digests = {name: _digests(part) for name, part in parts.items()}
    rows, train = len(digests["train"]), set(digests.pop("train"))
    for name, found in digests.items():
        if both := sum(digest in train for digest in found):
            percent = 100 * both / len(found)
            text = f"{both:,} of {len(found):,} {name} examples ({percent:.1f} %) are also in the training part"
            yield _finding("duplicates-across-parts", text, "error" if percent >= _LEAKED else "warning")
    if repeated := rows - len(train):
        text = f"{repeated:,} of {rows:,} training examples repeat another; a split could put them into two parts"
        yield _finding("duplicates-in-training", text, "note")


def _digests(part: Examples) -> list[bytes]:
    """Return one digest an example, of its features alone: the same example with another label is a leak too."""
    if isinstance(part.x, Columns) and part.x.arrays:
        blocks_of = [*([Columns(part.x.values)] if part.x.values else ()), *part.x.arrays.values()]
        digests = [_digests(replace(part, x=one)) for one in blocks_of]
        return [b"".join(one) for one in zip(*digests, strict=True)]
    blocks = part.x.blocks() if isinstance(part.x, Stream) else [part.x]
    return [hashlib.blake2b(row, digest_size=16).digest() for block in blocks for row in _row_bytes(block)]


def _row_bytes(block: ArrayOrTable) -> Iterator[bytes]:
    if isinstance(block, Columns):
        columns = [column.tolist() for column in block.values.values()]
        return (repr(row).encode() for row in zip(*columns, strict=True))
    return (np.ascontiguousarray(row).tobytes() for row in block)


def _table(part: Examples) -> Columns | None:
    """Return the features by column; None where they are no table."""
    if isinstance(part.x, Stream):
        return part.x.table() if part.x.names else None
    return part.x if isinstance(part.x, Columns) else None


def _statistics(column: np.ndarray, y: Any) -> dict[str, Any]:
    missing = missing_mask(column)
    known = column[~missing]
    text = column.dtype == object
    return {
        "type": "text" if text else "number",
        "missing": int(missing.sum()),
        "distinct": len(set(known.tolist())),
        "least": None if text or not len(known) else float(known.min()),
        "most": None if text or not len(known) else float(known.max()),
        "correlation": _correlation(column, y),
    }


def _correlation(column: np.ndarray, y: Any) -> float | None:
    """Return Pearson's correlation of a column of numbers with a single target; None where there is none."""
    if column.dtype == object or not isinstance(y, np.ndarray) or y.size != len(column):
        return None
    target = y.reshape(-1)
    if target.dtype.kind not in "biuf":
        names, target = np.unique(target.astype(str), return_inverse=True)
        if len(names) > 2:
            return None
    known = ~missing_mask(column)
    a, b = column[known].astype("float64"), target[known].astype("float64")
    if len(a) < 3 or not np.ptp(a) or not np.ptp(b):
        return None
    return round(float(np.corrcoef(a, b)[0, 1]), 6)


def _check_columns(
    table: Columns, columns: Mapping[str, Mapping[str, Any]], written: Collection[str]
) -> Iterator[Finding]:
    """Find columns that are useless, suspicious, or hold odd values; those in `written` are no identifiers."""
    rows = len(table)
    for name, statistics in columns.items():
        if count := statistics["missing"]:
            text = f"column {name!r} has {count:,} missing of {rows:,} training values ({100 * count / rows:.1f} %)"
            yield _finding("missing-values", text)
        if statistics["distinct"] < 2:
            yield _finding("constant-column", f"column {name!r} never changes in the training part")
        if statistics["correlation"] is not None and abs(statistics["correlation"]) > _SUSPICIOUS_CORRELATION:
            text = f"column {name!r} is almost the target (r = {statistics['correlation']:.4f})"
            yield _finding("tells-the-target", f"{text}: is it known before the target is?", "error")
        if name not in written:
            yield from check_identifier(name, statistics, rows)
    first: dict[str, str] = {}
    duplicates = []
    for name, column in table.values.items():
        if column.dtype == object:
            texts = {text for text in column.tolist() if text is not None}
            yield from check_similar_names(f"column {name!r}:", texts if len(texts) <= rows / 2 else ())
        same = first.setdefault(repr(column.tolist()), name)
        if same != name:
            duplicates.append(_finding("duplicate-column", f"column {name!r} is the same as {same!r}"))
    yield from check_placeholders({name: column for name, column in table.values.items() if column.dtype != object})
    yield from duplicates


def check_identifier(name: str, statistics: Mapping[str, Any], rows: int) -> Iterator[Finding]:
    """Find a column of text that has another text in almost every row."""
    if statistics["type"] == "text" and rows >= _FEW and statistics["distinct"] > rows / 2:
        distinct = f"{statistics['distinct']:,} different texts in {rows:,} training rows"
        text = f"column {name!r} has {distinct}: is it an identifier?"
        yield _finding("identifier", text)


def check_placeholders(columns: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    """Find zeros, numbers of nines and the like that are far from all other values; one finding for each number."""
    by_value: dict[float, list[tuple[str, str, str]]] = {}
    for name, column in columns.items():
        known = column[~missing_mask(column)]
        values, counts = np.unique(known, return_counts=True)
        for end, neighbor, side in ((0, 1, "and more"), (-1, -2, "and less")):
            if _is_placeholder(values, counts, end, neighbor):
                count = f"{counts[end]:,} of {len(known):,}"
                by_value.setdefault(float(values[end]), []).append((name, count, f"{values[neighbor]:g} {side}"))
    for value, found in by_value.items():
        name, count, others = found[0]
        text = f"{count} values of column {name!r} are {value:g}, far from the others ({others})"
        if len(found) > 1:
            listed = format_names([f"{name!r} ({count})" for name, count, _ in found])
            text = f"{value:g} is far from all other values of {len(found)} columns: {listed}"
        yield _finding("filler", f"{text}: does it stand for a missing value?")


def _is_placeholder(values: np.ndarray, counts: np.ndarray, end: int, neighbor: int) -> bool:
    """Return whether the least or largest value is a placeholder: far from the others, and not only by chance.

    Values of measurements may be a few steps apart at their ends: a gap counts if it is large against the range of
    the other values, or if the value is frequent.
    """
    if len(values) < _FEW or values[end] not in _PLACEHOLDERS:
        return False
    gap = abs(values[end] - values[neighbor])
    others = np.delete(values, end)
    is_frequent = counts[end] >= max(2, _FREQUENT * counts.sum())
    return bool(
        gap >= _APART * float(np.median(np.diff(values[1:-1])))
        and (gap >= _WIDE * float(np.ptp(others)) or is_frequent)
    )


def _check_targets(
    data: SourceData, spec: DataSpec, form: TargetForms, seed: int, paths: DataPaths
) -> Iterator[Finding]:
    """Find classes that a part or fold lacks, a single class, and rows in the order of the target."""
    with as_data_error("split"):
        data = separate_groups(data, spec.split)
    for one in examine_loaded_targets(data, spec, form=form, seed=seed, paths=paths).findings:
        yield replace(one, text=f"{one.text}; {one.hint}" if one.hint else one.text)


def _check_written(data: SourceData) -> Iterator[Finding]:
    """Find columns of text that hold numbers or dates."""
    for one in data.written.findings(data.written.columns, ()):
        yield _finding(one.name or "", f"{one.text}; {one.hint}")


def _class_counts(part: Examples) -> dict[str, int]:
    """Return the number of examples of each class; empty where the target is no single class."""
    if not isinstance(part.y, np.ndarray) or part.y.size != len(part):
        return {}
    values, counts = np.unique(part.y.reshape(-1), return_counts=True)
    if len(values) > _MOST_CLASSES:
        return {}
    return {label(value): count for value, count in zip(values.tolist(), counts.tolist(), strict=True)}


def _check_classes(counts: Mapping[str, Mapping[str, int]]) -> Iterator[Finding]:
    """Find classes that are rare, or probably no classes."""
    if train := counts.get("train", {}):
        rarest, most = min(train, key=lambda name: train[name]), max(train.values())
        if train[rarest] < _RARE * most:
            text = f"class {rarest!r} has {format_count(train[rarest], 'training example')}, the largest class {most:,}"
            yield _finding("unbalanced-classes", f"{text}; accuracy is misleading, see recall and class weights")
    names = {name for found in counts.values() for name in found}
    if names and all(name.lstrip("-").isdigit() for name in names):
        numbers = sorted(map(int, names))
        if numbers[0] < 0 or numbers[-1] - numbers[0] >= 2 * len(numbers):
            text = f"labels run from {numbers[0]} to {numbers[-1]}, but there are only {len(numbers)}"
            yield _finding("label-range", f"{text}: does one stand for a missing value?")
    yield from check_similar_names("the classes", names)


def check_capped_target(y: Any, names: Sequence[str]) -> Iterator[Finding]:
    """Find targets of numbers that pile up at their largest value."""
    if not isinstance(y, np.ndarray) or y.size != len(y) or y.dtype.kind not in "iuf":
        return
    values, counts = np.unique(y.reshape(-1), return_counts=True)
    if len(values) >= 2 * _FEW and counts[-1] >= max(_CAPPED * y.size, _APART * np.median(counts)):
        name = names[0] if len(names) == 1 else "target"
        text = f"{counts[-1]:,} of {y.size:,} targets {name!r} are {values[-1]:g}, the largest value"
        yield _finding("cut-off-target", f"{text}: were larger ones capped?", "note")


def check_similar_names(what: str, texts: Iterable[str]) -> Iterator[Finding]:
    """Find names that differ only in case, blanks or invisible letters."""
    by_look: dict[str, list[str]] = {}
    for text in sorted(set(texts)):
        folded = unicodedata.normalize("NFKC", text).casefold()
        visible = "".join(letter for letter in folded if unicodedata.category(letter) != "Cf")
        by_look.setdefault(" ".join(visible.split()), []).append(text)
    for alike in by_look.values():
        if len(alike) > 1:
            yield _finding("look-alikes", f"{what} {' and '.join(map(repr, alike))} look alike: are they the same?")
