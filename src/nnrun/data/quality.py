"""What `nnrun data check` finds in data that can be loaded: leakage, columns that teach nothing, or too much."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnrun.data.columns import Columns, label
from nnrun.data.load import make_source, split_parts
from nnrun.data.named.datasets import data_set, data_set_names
from nnrun.data.prepare.columnwise import missing
from nnrun.data.streaming.fit import StreamColumns
from nnrun.data.streaming.streams import Stream
from nnrun.data.text.text_source import TextSource
from nnrun.errors import DataError, DefectsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Examples, Source, SourceData
    from nnrun.data.prepare.step import ArrayOrTable
    from nnrun.progress import Progress
    from nnrun.spec.data import DataSpec


#: A column this closely related to the target most likely is the target under another name.
SUSPICIOUS = 0.99
#: More classes than this are not listed one by one.
_MOST_CLASSES = 100
#: The share of the rarest class below which accuracy says little.
_RARE = 0.1


@dataclass(frozen=True)
class QualityReport:
    """What was found.

    Attributes:
        rows: How many examples each part has.
        columns: Each column of a table by name: its type, missing and distinct values, range and relation to the
            target; empty for other data.
        classes: How many examples of each class each part has; empty where the target is numbers.
        remarks: What to look at, the worst first.
    """

    rows: Mapping[str, int]
    columns: Mapping[str, Mapping[str, Any]]
    classes: Mapping[str, Mapping[str, int]]
    remarks: tuple[Remark, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return asdict(self)


def check_quality(spec: DataSpec, *, seed: int, paths: DataPaths, progress: Progress, classes: bool) -> QualityReport:
    """Load and deal out the data of a config, and look at them before any preparation.

    Args:
        spec: The config's `data:`.
        seed: The experiment's seed, for the split.
        paths: Where files lie.
        progress: Who is told.
        classes: Whether the loss compares classes.

    Raises:
        DataError: The data cannot be used.
    """
    source = make_source(spec.source, spec.prepare)
    if isinstance(source, TextSource):
        raise DataError("`data check` looks at tables, pictures and sequences, not at texts", hint="nnrun check CONFIG")
    # Gaps are part of what is looked for, so that they do not end the look.
    if hasattr(source, "missing_allowed"):
        source.missing_allowed = True
    raw = _loaded(source, spec, paths, progress)
    parts, _ = split_parts(raw, spec.split, seed)
    columns = _columns(parts["train"])
    counts = {name: _counts(part) for name, part in parts.items()} if classes else {}
    remarks = [
        *_leaks(parts),
        *_teachers(parts["train"], columns),
        *_balance(counts),
        *_ranges(counts),
        *(look_alikes("the classes", {name for there in counts.values() for name in there})),
        *(() if classes else cut_off(parts["train"].y, raw.target_names)),
        *(Remark("caveat", "note", text) for text in _caveats(spec.source.name)),
    ]
    order = ("error", "warning", "note")
    return QualityReport(
        {name: len(part) for name, part in parts.items()},
        columns,
        counts,
        tuple(sorted(remarks, key=lambda remark: order.index(remark.severity))),
    )


def _loaded(source: Source, spec: DataSpec, paths: DataPaths, progress: Progress) -> SourceData:
    try:
        return source.load(paths, progress)
    except DefectsError:
        # Where there are defects, gaps that no step fills in are told beside them.
        make_source(spec.source, spec.prepare).load(paths, progress)
        raise


def _leaks(parts: Mapping[str, Examples]) -> Iterator[Remark]:
    """Examples that stand in several parts, or several times in one."""
    seen = {name: _digests(part) for name, part in parts.items()}
    train = set(seen["train"])
    for name, digests in seen.items():
        if name != "train" and (both := sum(digest in train for digest in digests)):
            share = 100 * both / len(digests)
            text = f"{both:,} of {len(digests):,} {name} examples ({share:.1f} %) also stand in the training part"
            yield Remark("duplicates-across-parts", "error" if share >= 1 else "warning", text)
    again = len(seen["train"]) - len(train)
    if again:
        text = f"{again:,} of {len(seen['train']):,} training examples repeat another; a split would deal them apart"
        yield Remark("duplicates-in-training", "note", text)


def _digests(part: Examples) -> list[bytes]:
    """One digest an example, of its features alone: the same example with another label is a leak too."""
    blocks = part.x.blocks() if isinstance(part.x, Stream) else [part.x]
    return [hashlib.blake2b(row, digest_size=16).digest() for block in blocks for row in _rows(block)]


def _rows(block: ArrayOrTable) -> Iterator[bytes]:
    if isinstance(block, Columns):
        columns = [column.tolist() for column in block.values.values()]
        return (repr(row).encode() for row in zip(*columns, strict=True))
    return (np.ascontiguousarray(row).tobytes() for row in block)


def _table(part: Examples) -> Columns | None:
    """The features by column; None where they are no table."""
    if isinstance(part.x, Stream):
        return StreamColumns(part.x) if part.x.names else None
    return part.x if isinstance(part.x, Columns) else None


def _columns(part: Examples) -> dict[str, dict[str, Any]]:
    """What each feature column of the training part holds; nothing where it is no table."""
    table = _table(part)
    if table is None:
        return {}
    return {name: _column(column, _related(column, part.y)) for name, column in table.values.items()}


def _column(column: np.ndarray, related: float | None) -> dict[str, Any]:
    gaps = missing(column)
    known = column[~gaps]
    text = column.dtype == object
    return {
        "type": "text" if text else "number",
        "missing": int(gaps.sum()),
        "distinct": len(set(known.tolist())),
        "least": None if text or not len(known) else float(known.min()),
        "most": None if text or not len(known) else float(known.max()),
        "correlation": related,
    }


def _related(column: np.ndarray, y: Any) -> float | None:
    """Pearson's correlation of a column of numbers with a single target; None where there is none."""
    if column.dtype == object or not isinstance(y, np.ndarray) or y.size != len(column):
        return None
    truth = y.reshape(-1)
    if truth.dtype.kind not in "biuf":
        kinds, truth = np.unique(truth.astype(str), return_inverse=True)
        if len(kinds) > 2:
            return None
    there = ~missing(column)
    a, b = column[there].astype("float64"), truth[there].astype("float64")
    if len(a) < 3 or not np.ptp(a) or not np.ptp(b):
        return None
    return round(float(np.corrcoef(a, b)[0, 1]), 6)


def _teachers(part: Examples, columns: Mapping[str, Mapping[str, Any]]) -> Iterator[Remark]:
    """Columns that teach nothing, the same as another, too much, or with gaps."""
    for name, about in columns.items():
        if about["missing"]:
            share = 100 * about["missing"] / len(part)
            text = f"column {name!r} lacks {about['missing']:,} of {len(part):,} values ({share:.1f} %)"
            yield Remark("missing-values", "warning", text)
        if about["distinct"] < 2:
            yield Remark("constant-column", "warning", f"column {name!r} never changes in the training part")
        if about["correlation"] is not None and abs(about["correlation"]) > SUSPICIOUS:
            text = f"column {name!r} nearly is the target (r = {about['correlation']:.4f}): is it known beforehand?"
            yield Remark("tells-the-target", "error", text)
        yield from identifier(name, about, len(part))
    table = _table(part)
    for name, column in table.values.items() if table is not None else ():
        if column.dtype == object:
            kinds = {text for text in column.tolist() if text is not None}
            yield from look_alikes(f"column {name!r}:", kinds if len(kinds) <= len(part) / 2 else ())
        else:
            yield from fillers(name, column)
            yield from too_large(name, column)
    yield from _twins(part)


def _twins(part: Examples) -> Iterator[Remark]:
    """Columns that are the same as an earlier one."""
    first: dict[str, str] = {}
    table = _table(part)
    for name, column in table.values.items() if table is not None else ():
        digest = repr(column.tolist())
        if digest in first:
            yield Remark("duplicate-column", "warning", f"column {name!r} is the same as {first[digest]!r}")
        first.setdefault(digest, name)


def _counts(part: Examples) -> dict[str, int]:
    """How many examples of each class there are; empty where the target is no single class."""
    if not isinstance(part.y, np.ndarray) or part.y.size != len(part):
        return {}
    values, counts = np.unique(part.y.reshape(-1), return_counts=True)
    if len(values) > _MOST_CLASSES:
        return {}
    return {label(value): count for value, count in zip(values.tolist(), counts.tolist(), strict=True)}


def _balance(counts: Mapping[str, Mapping[str, int]]) -> Iterator[Remark]:
    """Classes that are rare, or that a part lacks."""
    train = counts.get("train", {})
    if not train:
        return
    rarest, most = min(train, key=lambda name: train[name]), max(train.values())
    if train[rarest] < _RARE * most:
        text = f"class {rarest!r} has {train[rarest]:,} training examples, the largest class {most:,}"
        yield Remark("unbalanced-classes", "warning", f"{text}; accuracy says little, see recall and class weights")
    for part, there in counts.items():
        lacking = sorted(set(train) - set(there))
        if lacking:
            yield Remark("class-not-in-part", "warning", f"the {part} part has no example of {', '.join(lacking[:8])}")
        strange = sorted(set(there) - set(train))
        if strange:
            yield Remark("class-not-in-training", "error", f"only the {part} part has {', '.join(strange[:8])}")


def _ranges(counts: Mapping[str, Mapping[str, int]]) -> Iterator[Remark]:
    """Class numbers that leave some out, as a missing value written as -1 or 99 does."""
    names = {name for there in counts.values() for name in there}
    if not names or not all(name.lstrip("-").isdigit() for name in names):
        return
    numbers = sorted(map(int, names))
    if numbers[0] < 0 or numbers[-1] - numbers[0] >= 2 * len(numbers):
        text = f"labels run from {numbers[0]} to {numbers[-1]}, but there are only {len(numbers)}: is one a filler?"
        yield Remark("label-range", "warning", text)


#: Numbers that people write for a value that they do not have.
_FILLERS = (0.0, *(sign * float("9" * digits) for sign in (1, -1) for digits in range(1, 6)), -1.0)
#: A filler lies this many times farther from the other values than these lie from each other.
_APART = 5
#: Fewer different values than this say nothing of how they usually lie.
_FEW = 10
#: The share of targets at the very largest value from which on it looks cut off.
_CUT_OFF = 0.01
#: float32 tells whole numbers apart up to 2^24.
_LARGEST = 2.0**24


def fillers(name: str, column: np.ndarray) -> Iterator[Remark]:
    """Zeros, nines and the like that lie alone far from all other values."""
    known = column[~missing(column)]
    values, counts = np.unique(known, return_counts=True)
    if len(values) < _FEW:
        return
    usual = float(np.median(np.diff(values[1:-1])))
    for at, beside, side in ((0, 1, "and more"), (-1, -2, "and less")):
        if values[at] in _FILLERS and abs(values[at] - values[beside]) >= _APART * usual:
            text = (
                f"{counts[at]:,} of {len(known):,} values of column {name!r} are {values[at]:g}, far from the others "
                f"({values[beside]:g} {side}): does it stand for a missing value?"
            )
            yield Remark("filler", "warning", text)


def too_large(name: str, column: np.ndarray) -> Iterator[Remark]:
    """Whole numbers that float32, in which models calculate, cannot tell apart."""
    known = column[~missing(column)]
    large = known[(np.abs(known) >= _LARGEST) & (known == np.floor(known))]
    lost = len(np.unique(large)) - len(np.unique(large.astype("float32")))
    if lost:
        text = f"{lost:,} values of column {name!r} become the same as another in float32: is it an identifier?"
        yield Remark("large-numbers", "warning", text)


def identifier(name: str, about: Mapping[str, Any], rows: int) -> Iterator[Remark]:
    """Texts of which nearly each row has its own."""
    if about["type"] == "text" and rows >= _FEW and about["distinct"] > rows / 2:
        text = f"column {name!r} has {about['distinct']:,} different texts in {rows:,} rows: is it an identifier?"
        yield Remark("identifier", "warning", text)


def cut_off(y: Any, names: Sequence[str]) -> Iterator[Remark]:
    """Targets of numbers that pile up at their largest value."""
    if not isinstance(y, np.ndarray) or y.size != len(y) or y.dtype.kind not in "iuf":
        return
    values, counts = np.unique(y.reshape(-1), return_counts=True)
    if len(values) >= 2 * _FEW and counts[-1] >= max(_CUT_OFF * y.size, _APART * np.median(counts)):
        name = names[0] if len(names) == 1 else "target"
        text = f"{counts[-1]:,} of {y.size:,} targets {name!r} are {values[-1]:g}, the largest value"
        yield Remark("cut-off-target", "note", f"{text}: were they cut off?")


def look_alikes(what: str, texts: Iterable[str]) -> Iterator[Remark]:
    """Names that differ only in case, blanks or letters that look the same."""
    by_look: dict[str, list[str]] = {}
    for text in sorted(set(texts)):
        by_look.setdefault(_look(text), []).append(text)
    for alike in by_look.values():
        if len(alike) > 1:
            said = " and ".join(map(repr, alike))
            yield Remark("look-alikes", "warning", f"{what} {said} look alike: are they one?")


def _look(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(letter for letter in plain if unicodedata.category(letter) != "Cf").split())


@dataclass(frozen=True)
class Remark:
    """One thing that a reader of the data should know.

    Attributes:
        name: What it is, such as `duplicates-across-parts`.
        severity: `error` makes figures meaningless, `warning` most likely does, `note` informs.
        text: One sentence with the figures.
    """

    name: str
    severity: Literal["error", "warning", "note"]
    text: str


def _caveats(name: str) -> tuple[str, ...]:
    """Return the caveats of a named data set; none of another source."""
    return data_set(name).caveats if name in data_set_names() else ()
