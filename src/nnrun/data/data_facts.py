"""What is known about the data of a config without loading them, and what is wrong with its `data:`."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.config.hints import did_you_mean_or_list
from nnrun.data import lost_precision
from nnrun.data.all_sources import new_source
from nnrun.data.columns import parse_number
from nnrun.data.dataset import ALL_TARGETS, Examples, SourceData, build_facts
from nnrun.data.learned_tokens import examine_text_target
from nnrun.data.model_inputs import fields
from nnrun.data.part_targets import TargetReport, examine_targets
from nnrun.data.prepare.registry import allow_missing, new_step, stream_error
from nnrun.data.prepare.step import RAGGED_EXAMPLES, ExampleSpec
from nnrun.data.prepare.table_arrays import output_spec
from nnrun.data.sources.column_roles import SPLIT_BY
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.npz import Npz
from nnrun.data.sources.parquet import Parquet
from nnrun.data.sources.table import TableSource, note_named_columns
from nnrun.data.splits.groups import facts_without_groups, separate_groups
from nnrun.data.splits.parts import STRATIFIED_GROUPS, STRATIFIED_NUMBERS, STRATIFIED_TARGETS, split_sizes
from nnrun.data.target_encoding import (
    CLASS_LOSS,
    MANY_CLASSES_LOSS,
    NUMBER_LOSS,
    WHOLE_TARGET,
    array_form,
    binary_error,
    binary_names,
    class_positions,
    encoded_forms,
    fit_target_encoder,
    forms_by_target,
    fractions_error,
    infer_positions,
    learn_classes,
    loss_place,
    text_error,
    values_error,
)
from nnrun.data.target_preparation import target_step_findings
from nnrun.data.text.text_source import TextSource
from nnrun.data.text_left import text_left_finding
from nnrun.data.token_facts import makes_tokens, with_token_target, wrong_value
from nnrun.data.wrong_source import wrong_source_findings
from nnrun.errors import DataError
from nnrun.spec.facts import FIELDS, TargetFacts
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts, Source
    from nnrun.data.prepare.step import Step
    from nnrun.data.target_encoding import LossPlaces
    from nnrun.errors import Path
    from nnrun.spec.data import DataSpec, Split
    from nnrun.spec.facts import Facts, TargetForm, TargetForms
    from nnrun.spec.part import Part

#: `check` assigns up to so many rows to folds (0.7 s at most).
_MOST_FOLD_ROWS = 10_000_000
#: Of fewer rows than this, each may have a class of its own.
_FEW_ROWS = 20
#: The number of rows for which a split is checked where it is not known.
_MANY_ROWS = 10**9
#: What else to do where numbers that are written in a way of their own became categories.
_NO_CATEGORIES = "leave it out of the steps that make categories"


def infer_facts(
    spec: DataSpec, *, form: TargetForms, paths: DataPaths, places: LossPlaces = MappingProxyType({})
) -> tuple[Facts | None, tuple[Finding, ...]]:
    """Return the facts of a config's data, as far as they are known without loading, and what is wrong with `data:`.

    Args:
        spec: The config's `data:`.
        form: The form in which the loss takes targets, or one for each target, as of `nnrun.data.load.load`.
        paths: Where files are found.
        places: Where the loss of each target and its name are written, as of `nnrun.spec.targets.target_places`.

    Returns:
        The facts (None where nothing is known; unknown ones are None), and all findings.
    """
    findings: list[Finding] = []
    source = _created(new_source, spec.source, findings)
    created = [(part, _created(new_step, part, findings)) for part in spec.prepare]
    steps: list[tuple[Part, Step]] = [(part, step) for part, step in created if step is not None]
    if source is None:
        return None, tuple(findings)
    allow_missing(source, spec.prepare)
    try:
        note_named_columns(source, spec.prepare, spec.split, spec.prepare_target)
    except ValueError as error:
        findings.append(Finding(SPLIT_BY, str(error), None, "impossible-split"))
    findings += wrong_source_findings(spec.source, paths)
    if any(one.name == "wrong-source" for one in findings):
        return None, tuple(findings)
    data, found = source.facts(paths, spec.source.path)
    findings += found
    if data is None:
        return None, tuple(findings)
    try:
        data = facts_without_groups(data, spec.split)
    except ValueError as error:
        findings.append(Finding(("data", "split", "k_fold", "groups"), str(error), None, "impossible-split"))
    prepared = _prepared_spec(data, created, (*spec.source.path, spec.source.name), findings)
    of_target = [(part, _created(new_step, part, findings)) for part in spec.prepare_target]
    if any(step is None for _, step in (*created, *of_target)):
        return None, tuple(findings)  # without it the others make errors that do not exist
    data, prepared = _check_target_steps(of_target, data, prepared, form, places, findings)
    encoded = encoded_forms(form, [step for _, step in steps])
    targets = _Targets(spec.source, data, forms_by_target(form), forms_by_target(encoded), places)
    facts = build_facts(
        targets.facts(prepared),
        prepared.flat_shape if prepared else None,
        columns=(prepared.columns or ()) if prepared else (),
        arrays=data.arrays,
        target_names=data.target_names,
        rows=_split_rows(spec.split, data, form, findings),
        vocabulary=prepared.vocabulary if prepared and prepared.tokens else data.vocabulary,
        streamed=data.streamed,
        categories=prepared.categories if prepared else {},
        learns_vocabulary=prepared.tokens if prepared else False,
        windows=data.windows,
        sample_rate=data.sample_rate,
    )
    findings += _lost_precision(data, [step for _, step in steps], form, spec.source.path)
    return facts, (*findings, *targets.findings(facts))


def _check_target_steps(
    steps: Sequence[tuple[Part, Step]],
    data: DataFacts,
    prepared: ExampleSpec | None,
    form: TargetForms,
    places: LossPlaces,
    findings: list[Finding],
) -> tuple[DataFacts, ExampleSpec | None]:
    """Add what is wrong with the steps of the target; return what is known with a target that they make of text."""
    if makes_tokens([part for part, _ in steps]):
        data, prepared, found = with_token_target(steps, data, prepared, form, places)
        findings += found
        return data, prepared
    is_array = data.target is not None and len(data.target.shape) > 1
    findings += target_step_findings(steps, data.target_names, form, is_array=is_array)
    return data, prepared


def _lost_precision(data: DataFacts, steps: Sequence[Step], form: TargetForms, path: Path) -> Iterator[Finding]:
    """Yield a warning for each column of numbers that become equal in float32."""
    names = data.columns or ()
    known = frozenset(names)
    features = {name: column for name, column in data.numbers.items() if name in known}
    targets = {name: data.numbers[name] for name in data.target_names if name in data.numbers and form == "number"}
    yield from lost_precision.column_findings(features, steps, path, names=names, among=data.numbers_among)
    yield from lost_precision.target_findings(targets, path)


def examine_loaded_numbers(data: SourceData, spec: DataSpec, form: TargetForms) -> Iterator[Finding]:
    """Yield the same of all examples of a source."""
    steps = [new_step(part) for part in spec.prepare]
    yield from lost_precision.source_findings(data.train.x, steps, spec.source.path)
    y, names = data.train.y, data.target_names
    if form == "number" and len(names) == 1 and isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "iuf":
        yield from lost_precision.target_findings({names[0]: y}, spec.source.path)


def check_targets(
    spec: DataSpec, *, form: TargetForms, seed: int, paths: DataPaths
) -> tuple[TargetReport, tuple[Finding, ...]]:
    """Examine the targets of every part and fold, where they are quickly read.

    Args:
        spec: The config's `data:`, in which `infer_facts` found no error.
        form: The form in which the loss takes targets, or one for each target.
        seed: The seed of the experiment.
        paths: Where files are found.

    Returns:
        What was found, and a note where the targets would take long to read.
    """
    source = new_source(spec.source)
    if isinstance(source, TextSource):
        return TargetReport(), ()
    note_named_columns(source, spec.prepare, spec.split, spec.prepare_target)
    try:
        data = source.load_targets(paths)
        data = None if data is None else separate_groups(data, spec.split)
    except (DataError, ValueError):
        return TargetReport(), ()  # what training reports once it reads the whole data
    if makes_tokens(spec.prepare_target):
        return TargetReport() if data is None else examine_text_target(data, spec, forms=form, seed=seed), ()
    k_fold = spec.split.cross_validation if spec.split is not None else None
    folds = 1 if k_fold is None else k_fold.folds * k_fold.repeats
    if data is None or len(data.train) * folds > _MOST_FOLD_ROWS:
        has_classes = any(one != "number" for one in (form.values() if not isinstance(form, str) else (form,)))
        return TargetReport(), tuple(_not_examined(spec, source, paths)) if has_classes else ()
    return examine_loaded_targets(data, spec, form=form, seed=seed, paths=paths), ()


def examine_loaded_targets(
    data: SourceData, spec: DataSpec, *, form: TargetForms, seed: int, paths: DataPaths
) -> TargetReport:
    """Examine the targets of every part and fold of data whose column of groups is apart.

    Args:
        data: The data of the source, or their targets alone.
        spec: The config's `data:`.
        form: The form in which the loss takes targets, or one for each target.
        seed: The seed of the experiment.
        paths: Where files are found.
    """
    if makes_tokens(spec.prepare_target):
        return TargetReport()  # labels and tokens are no classes of rows
    source = new_source(spec.source)
    note_named_columns(source, spec.prepare, spec.split, spec.prepare_target)
    forms = encoded_forms(form, [new_step(part) for part in spec.prepare])
    follows_dates = partial(source.follows_dates, paths) if isinstance(source, TableSource) else lambda: False
    return examine_targets(data, spec, forms=forms, seed=seed, follows_dates=follows_dates)


def _not_examined(spec: DataSpec, source: Source, paths: DataPaths) -> Iterator[Finding]:
    """Yield a note where a file has so many targets that `check` does not read them."""
    if spec.split is None or not isinstance(source, Csv | Parquet | Npz):
        return
    if source.file is None or paths.find(source.file) is not None:
        text = f"{source.file} has more targets than check reads, so classes that a part or fold lacks are not found"
        hint = "nnrun data check reads all of them, and so does training before it begins"
        yield Finding((*spec.source.path, spec.source.name, "file"), text, hint, None, "note")


def _created(create: Callable[[Part], Any], part: Part, findings: list[Finding]) -> Any:
    """Return the source or step that a part names; None and a finding where its arguments are wrong."""
    try:
        return create(part)
    except (TypeError, ValueError) as error:
        findings.append(Finding(part.path, str(error), None, "unusable-arguments"))
        return None


def _prepared_spec(
    data: DataFacts, steps: Sequence[tuple[Part, Step | None]], source_path: Path, findings: list[Finding]
) -> ExampleSpec | None:
    """Return the spec of prepared examples; None from the first step that is impossible, None or of unknown output."""
    if data.streamed and not data.arrays:
        for part, step in steps:
            if step is not None and (error := stream_error(part.name, step, table=data.columns is not None)):
                findings.append(Finding(part.path, error, "leave it out", "impossible-preparation"))
    if data.shape is None:
        return None
    known = ExampleSpec(data.shape, data.columns, data.values, data.text, data.ragged, arrays=data.arrays)
    spec: ExampleSpec | None = known
    for part, step in steps:
        if step is None:
            return None
        try:
            spec = output_spec(part, step, spec) if spec is not None else None
        except ValueError as error:
            # What a step refuses may be a text that is a number.
            written = list(data.written.findings(sorted(spec.text if spec else ()), source_path))
            impossible = wrong_value(error, part.path, data, "impossible-preparation")
            findings += written or [impossible]
            return None
    text = spec.text if spec is not None else frozenset()
    findings += data.written.findings(sorted(text), source_path)
    findings += data.written.findings(sorted(data.text - text), source_path, _NO_CATEGORIES)
    if left := sorted(text - data.written.columns.keys()):
        findings.append(text_left_finding(left, data))
    elif spec is not None and spec.ragged:
        hint = "add a step: `PadSequences: 100`"
        findings.append(Finding(("data", "prepare"), RAGGED_EXAMPLES, hint, "impossible-preparation"))
    return spec


def _split_rows(split: Split | None, data: DataFacts, form: TargetForms, findings: list[Finding]) -> Mapping[str, int]:
    """Return the number of rows of each part, as far as they are known."""
    try:
        if data.split_sizes is not None:
            return data.split_sizes(split)
        rows = split_sizes(_MANY_ROWS if data.rows is None else data.rows, data.test_rows, split, data.validation_rows)
        _check_stratify(split, data, form)
    except ValueError as error:
        findings.append(Finding(_place_in_split(split, str(error)), str(error), None, "impossible-split"))
        return {}
    # The sizes of groups are known only once they are read.
    known = data.rows is not None and (data.group is None or set(rows) <= {"train"})
    return rows if known else {}


def _place_in_split(split: Split | None, error: str) -> Path:
    """Return the place of the key of `split:` that an error is about, as far as it names one."""
    path: Path = ("data", "split")
    if split is not None and split.forward is not None:
        return split.path
    if split is not None and split.k_fold is not None and "stratif" in error and split.k_fold.stratify:
        return (*path, "k_fold", "stratify")
    given = [key for key in ("test", "validation") if split is not None and getattr(split, key) is not None]
    named = [key for key in given if f"`{key}: " in error] or given
    return (*path, named[0]) if len(named) == 1 and (split is None or split.k_fold is None) else path


def _check_stratify(split: Split | None, data: DataFacts, form: TargetForms) -> None:
    if data.group is not None and split is not None and split.forward is not None:
        raise ValueError("`forward` cuts rows by time, which separates rows of one group; leave out `group`")
    if split is not None and split.k_fold is not None and split.k_fold.stratify:
        if len(data.target_names) > 1:
            raise ValueError(STRATIFIED_TARGETS)
        if data.task == "regression" or (data.task is None and form == "number"):
            raise ValueError(STRATIFIED_NUMBERS)
    if data.group is not None and split is not None and split.stratify:
        raise ValueError(STRATIFIED_GROUPS)


class _Targets:
    """The targets of a config, as far as they are known without loading.

    Args:
        source: The source in the config.
        data: What is known about it.
        forms: The form of each target that its loss takes.
        encoded: The form of each target after the preparation.
        places: Where the loss of each target and its name are written; None is all targets together.
    """

    def __init__(
        self,
        source: Part,
        data: DataFacts,
        forms: Mapping[str, TargetForm],
        encoded: Mapping[str, TargetForm],
        places: LossPlaces,
    ) -> None:
        self._source, self._data, self._forms, self._encoded = source, data, forms, encoded
        self._places = places

    def facts(self, prepared: ExampleSpec | None) -> dict[str, TargetFacts]:
        """Return the facts of each target that exists."""
        width = prepared.shape[-1] if prepared and prepared.shape else None
        return {
            key: TargetFacts("number", "regression", targets=width) if key in FIELDS else self._facts(key)
            for key in self._forms
            if key in {ALL_TARGETS, WHOLE_TARGET, *FIELDS, *self._data.target_names}
        }

    def _facts(self, key: str) -> TargetFacts:
        data, form = self._data, self._encoded[key]
        columns = len(data.target_names) if self._is_whole(key) else 1
        array = data.target if self._is_whole(key) or len(data.target_names) == 1 else None
        positions: tuple[int | None, ...] = data.positions
        if array is not None:
            form, positions = array_form(form, array.shape, array.kind)
            positions = positions or class_positions(array, form)
        if form == "number":
            horizon = 1 if data.windows is None else data.windows.horizon
            size: int | None = array.shape[-1] if array is not None and positions else columns * horizon
            if array is None and positions:
                size, positions = positions[-1], ()
            return TargetFacts(form, "regression", targets=size, positions=positions, zero_one=self._is_zero_one(key))
        names = binary_names(self._class_names(key)) if form == "binary" else self._class_names(key)
        several = None if data.open_targets else columns
        width = (len(names) or None) if form == "one_hot" else several if form == "binary" and not positions else 1
        return TargetFacts(form, "classification", len(names) or None, width, names, positions)

    def _is_zero_one(self, key: str) -> bool | None:
        """Return whether a target holds nothing but 0 and 1; None where its values are not known."""
        array = self._data.target
        if array is not None and array.parts and array.kind in "biuf":
            return all(bool(((part == 0) | (part == 1)).all()) for part in array.parts)
        names = self._data.target_names if self._is_whole(key) else (key,)
        if self._data.task == "regression" or not self._data.other_numbers.isdisjoint(names):
            return False
        values = [tuple(self._data.values.get(name, ())) for name in names]
        if len(values) == 1 and not values[0]:
            values = [self._class_names(key)]
        return {parse_number(one) for column in values for one in column} <= {0, 1} if all(values) else None

    def findings(self, facts: Facts) -> Iterator[Finding]:
        """Yield a finding for each target that does not exist or does not suit its loss."""
        known = self._data.target_names
        for key in self._forms:
            path = self._places.get(key, ((), ("model", "outputs", key)))[1]
            if key in FIELDS:
                if fields(facts) and key not in fields(facts):
                    text = f"the target {key} is no field of these data"
                    yield Finding(path, text, f"they have: {', '.join(fields(facts))}", "unknown-field")
            elif not known:
                hint = "name a target in `source`, or make the input itself the target of an output: `$input`"
                path = (*self._source.path, self._source.name, "target")
                yield Finding(path, f"{self._source.name} has no target", hint, "no-target")
            elif key not in {ALL_TARGETS, WHOLE_TARGET, *known}:
                hint = did_you_mean_or_list(key, [*known, *FIELDS], 99)
                yield Finding(path, f"the data have no target {key!r}", hint, "unknown-target")
            elif mismatch := next(self._mismatches(key), None):
                yield mismatch

    def _mismatches(self, key: str) -> Iterator[Finding]:
        """Yield findings where a target does not suit its loss; only the first of them matters."""
        data, source, form, encoded = self._data, self._source.name, self._forms[key], self._encoded[key]
        columns = data.target_names if self._is_whole(key) else (key,)
        place = (*self._source.path, source)
        yield from data.written.findings(columns, place, "" if encoded == "number" else NUMBER_LOSS)
        several = data.target_names if self._is_whole(key) and len(data.target_names) > 1 else ()
        for column in several:
            if any(parse_number(value) is None for value in data.values.get(column, ())):
                text = f"target columns that one loss compares must all hold numbers, but {column!r} holds text"
                hint = "name one target, encode the text as numbers, or give each target an output of its own"
                path = (*self._source.path, self._source.name, "target")
                yield Finding(path, text, hint, "loss-target-mismatch")
        yield from self._array_mismatch(key)
        if data.task == "regression" and encoded != "number":
            yield self._mismatch(key, f"{source}'s target is a number, but the loss compares classes", NUMBER_LOSS)
        if form == "integer" and encoded == "one_hot":
            text = "OneHot: target makes one-hot rows, but the loss compares class numbers"
            yield self._mismatch(key, text, "take the step out, or write `loss: categorical_crossentropy`")
        if data.task == "classification" and encoded == "number":
            text = f"{source}'s target is a class, but the loss compares numbers"
            hint = "write `loss: sparse_categorical_crossentropy`"
            if source == "images" and "file" in self._source.arguments:
                column = self._source.arguments.get("target", -1)
                hint += f", or `target: [{column}]` in the source where that column holds numbers"
            yield Finding(loss_place(self._places, key), text, hint, "class-scored-as-number", "warning")
        yield from self._value_mismatches(key, self._class_names(key), encoded)

    def _value_mismatches(self, key: str, names: Sequence[str], encoded: TargetForm) -> Iterator[Finding]:
        """Yield findings where the values of a target do not suit its loss."""
        for name in names:
            value = parse_number(name)
            if encoded == "number" and value is None:
                yield self._mismatch(key, text_error(name), CLASS_LOSS)
            # The words of a text are classes, whatever they look like.
            if encoded != "number" and self._data.task is None and value is not None and not value.is_integer():
                yield self._mismatch(key, fractions_error(name), NUMBER_LOSS)
        if encoded != "number" and self._are_values(names):
            yield self._mismatch(key, values_error(len(names), self._data.rows or 0), NUMBER_LOSS)
        if encoded == "binary" and len(names) > 2:
            yield self._mismatch(key, binary_error(len(names)), MANY_CLASSES_LOSS)

    def _are_values(self, names: Sequence[str]) -> bool:
        """Return whether most rows have a number of their own, so that the target cannot be classes."""
        rows = self._data.rows or 0
        is_most = rows >= _FEW_ROWS and 2 * len(names) > rows
        return is_most and self._data.task is None and all(parse_number(name) is not None for name in names)

    def _classes_of_array(self, key: str) -> tuple[str, ...]:
        """Return the classes of a target's array; none where its loss compares numbers that it does hold."""
        array = self._data.target
        if array is None or not array.parts:
            return ()
        form, dimensions = array_form(self._encoded[key], array.shape, array.kind)
        if form == "number" and array.kind in "biuf":
            return ()
        form = "integer" if form == "number" else form
        try:
            positions = dimensions or infer_positions(array.parts, form)
            return learn_classes(array.parts, form, self._data.target_names, positions)
        except DataError:
            return ()  # found by `_mismatches`

    def _array_mismatch(self, key: str) -> Iterator[Finding]:
        """Yield a finding where the values of a target's array are no classes, or no shares."""
        array = self._data.target
        if array is None or not array.parts:
            return
        try:
            fit_target_encoder(
                SourceData(Examples(array.parts[0], array.parts[0]), target_names=self._data.target_names),
                array.parts,
                {key: self._encoded[key]},
                (),
            )
        except DataError as error:
            yield self._mismatch(key, error.text, error.hint or CLASS_LOSS)

    def _mismatch(self, key: str, text: str, hint: str) -> Finding:
        return Finding(loss_place(self._places, key), text, hint, "loss-target-mismatch")

    def _is_whole(self, key: str) -> bool:
        """Return whether the key stands for all target columns together."""
        return key in {ALL_TARGETS, WHOLE_TARGET}

    def _class_names(self, key: str) -> tuple[str, ...]:
        """Return the classes of a target, where they are known."""
        if self._is_whole(key) or len(self._data.target_names) == 1:
            return self._data.class_names or self._classes_of_array(key)
        return tuple(self._data.values.get(key, ()))
