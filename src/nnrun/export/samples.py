"""The examples with which an export is checked: those of the run's data, or generated ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.load import apply_steps, load, make_source, read_source
from nnrun.data.model_inputs import select
from nnrun.data.prepare.registry import restore
from nnrun.data.streaming.streams import Stream
from nnrun.data.streaming.table_arrays import in_memory
from nnrun.data.text.text_source import TextSource
from nnrun.errors import DataError
from nnrun.progress import NullProgress
from nnrun.spec.targets import target_forms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Source
    from nnrun.data.prepare.step import ArrayOrTable
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts


@dataclass(frozen=True)
class Samples:
    """Examples, raw and prepared.

    Attributes:
        raw: The examples as the source has them; None where nnrun does more with them than the steps.
        inputs: What each input of the model receives of them, prepared by nnrun.
        why: Why raw examples are not those of the model: windows of a series, tokens of a text, ...; or empty.
        missing: Why the examples are generated instead of read from the run's data; None where they are not.
    """

    raw: ArrayOrTable | None
    inputs: Mapping[str, np.ndarray]
    why: str = ""
    missing: str | None = None


def read_samples(
    experiment: Experiment, facts: Facts, fitted: Sequence[Mapping[str, Any]], places: DataPaths, count: int
) -> Samples:
    """Return examples of the run's data, evenly spaced: of its source's own test part, else of all.

    Raises:
        DataError: The data cannot be read.
    """
    spec = experiment.data
    source = make_source(spec.source, spec.prepare, spec.split, spec.prepare_target)
    why = _why_prepared(source, spec.prepare_target)
    if why:
        dataset = load(spec, form=target_forms(experiment), seed=experiment.seed, paths=places, progress=NullProgress())
        x = (dataset.test or dataset.validation or dataset.train).x
        rows = _spaced(len(x), count)
        array = x.read(rows) if isinstance(x, Stream) else np.asarray(x[rows])
        return Samples(None, _inputs(array, experiment, facts), why)
    assert not isinstance(source, TextSource), "which are prepared"  # noqa: S101
    data = read_source(source, spec.split, places, NullProgress())
    examples = (data.test or data.train).x
    rows = _spaced(len(examples), count)
    raw = in_memory(examples[rows])
    array = apply_steps(raw, restore(fitted), keep_integers=facts.vocabulary is not None)
    is_ragged = isinstance(raw, np.ndarray) and raw.dtype == object
    why = "bringing sequences to one length" if is_ragged else ""
    return Samples(None if is_ragged else raw, _inputs(array, experiment, facts), why)


def _why_prepared(source: Source | TextSource, prepare_target: Sequence[Any]) -> str:
    if isinstance(source, TextSource):
        return "making tokens of a text"
    if getattr(source, "windows", None) is not None:
        return "making windows of the rows of a table"
    if any(one.name == "StartEndPacker" for one in prepare_target):
        return "giving the model the tokens that it has written"
    return ""


def _spaced(rows: int, count: int) -> np.ndarray:
    return np.linspace(0, rows - 1, min(rows, count)).astype(int)


def _inputs(array: np.ndarray, experiment: Experiment, facts: Facts) -> dict[str, np.ndarray]:
    chosen = select(array, facts, experiment.graph.inputs)
    return chosen if isinstance(chosen, dict) else {experiment.graph.inputs[0].name: chosen}


def generate_samples(
    experiment: Experiment, facts: Facts, fitted: Sequence[Mapping[str, Any]], count: int, missing: str
) -> Samples:
    """Return examples that are drawn where those of the training part were: raw ones of tables, else prepared ones.

    Raises:
        DataError: The shape of an example is not fixed.
    """
    generator = np.random.default_rng(0)
    raw = _raw_table(fitted, facts.arrays, generator, count)
    if raw is not None:
        array = apply_steps(raw, restore(fitted), keep_integers=facts.vocabulary is not None)
        return Samples(raw, _inputs(array, experiment, facts), missing=missing)
    shape = facts.input_shape
    if shape is None or None in shape:
        raise DataError("the export cannot be checked: the data are absent, and examples have no fixed shape")
    sizes = (count, *(size or 1 for size in shape))
    array = generator.random(sizes, dtype="float32")
    if facts.vocabulary is not None:
        array = generator.integers(0, facts.vocabulary, sizes, dtype="int32")
    return Samples(None, _inputs(array, experiment, facts), "reading the data, which are absent", missing)


def _raw_table(
    fitted: Sequence[Mapping[str, Any]],
    shapes: Mapping[str, tuple[int, ...]],
    generator: np.random.Generator,
    count: int,
) -> Columns | None:
    """Return rows with the numbers and categories that steps have learned; None where these are not known.

    Args:
        fitted: The fitted steps, and the layout of the run's own data.
        shapes: The shapes of the pictures next to columns, whose pixels are drawn.
        generator: Draws the rows.
        count: How many.
    """
    layout: Mapping[str, Any] = next((entry["layout"] for entry in fitted if "layout" in entry), {})
    layout = layout.get("list", layout)
    names, text = [name for name in layout.get("features", ()) if name not in shapes], layout.get("text", ())
    if not (names or shapes):
        return None
    categories: dict[str, list[Any]] = {}
    ranges: dict[str, tuple[float, float]] = {}
    for entry in fitted:
        learned = entry.get("learned", {}) if "step" in entry else {}
        if isinstance(learned.get("categories"), dict):
            categories |= learned["categories"]
        centre = learned.get("mean", learned.get("median", learned.get("least")))
        width = learned.get("scale", learned.get("span"))
        numeric = entry.get("arguments", {}).get("columns") or [name for name in names if name not in text]
        if isinstance(centre, list) and isinstance(width, list) and len(numeric) == len(centre):
            ranges |= dict(zip(numeric, zip(centre, width, strict=True), strict=True))
    if any(name not in categories for name in names if name in text):
        return None
    drawn = {}
    for name in names:
        if name in categories:
            chosen = [categories[name][at] for at in generator.integers(len(categories[name]), size=count)]
            drawn[name] = np.array(chosen, dtype=object if name in text else "float64")
        else:
            centre, width = ranges.get(name, (0.0, 1.0))
            drawn[name] = centre + width * generator.random(count)
    arrays = {name: generator.integers(0, 256, (count, *shape), dtype="uint8") for name, shape in shapes.items()}
    return Columns(drawn, arrays)
