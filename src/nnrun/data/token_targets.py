"""Targets of text: sets of labels, a tag for each token, or a text that a model writes token by token.

`prepare_target` says which: `MultiLabelBinarizer`; `TextVectorization`; `TextVectorization` and `StartEndPacker`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.dataset import ALL_TARGETS
from nnrun.data.prepare.cells import CellError
from nnrun.data.prepare.label_sets import MultiLabelBinarizer
from nnrun.data.prepare.registry import fitted_json, new_step, restore
from nnrun.data.prepare.start_end import StartEndPacker
from nnrun.data.prepare.step import ExampleError, naming_step
from nnrun.data.prepare.text_vectorization import TextVectorization
from nnrun.data.target_encoding import TargetEncoder, forms_by_target
from nnrun.data.token_facts import decoder_columns, makes_tokens, wrong_steps
from nnrun.errors import DataError
from nnrun.spec.facts import TargetFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nnrun.data.dataset import Examples, SourceData
    from nnrun.data.prepare.step import Step
    from nnrun.progress import Progress
    from nnrun.spec.facts import Facts, TargetForms
    from nnrun.spec.part import Part

#: The key of an entry of `prepare.json` that is a step of a target of text.
_KEY = "token_target"


@dataclass(frozen=True)
class TokenTarget:
    """How a target of text is encoded.

    Attributes:
        column: The name of the target's column.
        step: The step that encodes it.
        packer: The step that gives it a beginning and an end, or None.
    """

    column: str
    step: TextVectorization | MultiLabelBinarizer
    packer: StartEndPacker | None = None

    @property
    def is_label_set(self) -> bool:
        """Whether the target is a set of labels."""
        return isinstance(self.step, MultiLabelBinarizer)

    @property
    def is_written(self) -> bool:
        """Whether a model writes the target token by token, each after those before it."""
        return self.packer is not None

    @property
    def vocabulary(self) -> list[str]:
        """The labels in order, or the tokens by number: the padding, the unknown one, the others, start and end."""
        if isinstance(self.step, MultiLabelBinarizer):
            return self.step.classes[self.column]
        return self.step.vocabulary if self.packer is None else self.packer.vocabulary(self.step.vocabulary)

    @property
    def length(self) -> int:
        """The number of positions of a target that is a sequence."""
        assert isinstance(self.step, TextVectorization), "sets have no positions"  # noqa: S101
        return (self.step.length or 0) + (self.packer is not None)

    @property
    def start(self) -> int:
        """The number of the token with which a decoder begins."""
        return len(self.vocabulary) - 2

    @property
    def end(self) -> int:
        """The number of the token with which a written text ends."""
        return len(self.vocabulary) - 1

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return targets as arrays.

        Args:
            y: The texts, shape (rows,) or (rows, 1).

        Returns:
            0 and 1 of shape (rows, labels), float64; or token numbers of shape (rows, length), int32, filled up with 0.

        Raises:
            CellError: A cell holds no list, or a label that is not known.
            ValueError: The target holds numbers, or a text is missing.
        """
        texts = y.reshape(len(y))
        if isinstance(self.step, MultiLabelBinarizer):
            sets = self.step.items(self.column, texts)
            self._require_known(sets)
            return self.step.encode(sets, self.vocabulary)
        numbers = self.step.token_numbers(self.step.cells(self.column, texts))
        return numbers.astype("int32") if self.packer is None else self.packer.pack(numbers, self.end)

    def _require_known(self, sets: Sequence[Sequence[str]]) -> None:
        known = set(self.vocabulary)
        for row, items in enumerate(sets):
            unknown = next((item for item in items if item not in known), None)
            if unknown is not None:
                text = f"expected labels of the training data, received {unknown!r}"
                raise CellError(text, row=row, column=self.column, hint="is it the right target column?")

    def with_decoder_input(self, x: Any, y: Any) -> Any:
        """Return prepared examples, with what a decoder sees of the encoded targets where the model writes them.

        Raises:
            DataError: The examples are no table in memory.
        """
        if not self.is_written:
            return x
        if not isinstance(x, Columns):
            raise DataError("StartEndPacker needs a table in memory", hint="leave out `stream: true`")
        shifted = self.decoder_input(len(x), y)
        columns = {name: shifted[:, at] for at, name in enumerate(self.decoder_columns)}
        return replace(x, values={**x.values, **columns})

    def decoder_input(self, rows: int, y: np.ndarray | None) -> np.ndarray:
        """Return what a decoder sees before each token of the target, int32 of shape (rows, length).

        Args:
            rows: The number of rows.
            y: The encoded targets; None where they are not known: the start alone.
        """
        assert self.packer is not None, "for targets that are written"  # noqa: S101
        known = np.zeros((rows, self.length), dtype="int32") if y is None else y
        return self.packer.shift(known, self.start, self.end)

    @property
    def decoder_columns(self) -> list[str]:
        """The names of the columns of a decoder's input; none where the model writes nothing."""
        return decoder_columns(self.column, self.length) if self.packer is not None else []

    def texts(self, encoded: np.ndarray) -> list[str]:
        """Return encoded targets, or predictions, as texts.

        Args:
            encoded: 0 and 1 of shape (rows, labels), or token numbers of shape (rows, length); a text ends before the
                padding, and before the end.
        """
        vocabulary = self.vocabulary
        if isinstance(self.step, MultiLabelBinarizer):
            separator = ";" if self.step.separator is None else self.step.separator
            rows = [[vocabulary[at] for at in np.flatnonzero(row)] for row in encoded]
            return [separator.join(row) for row in rows]
        stops = {0} if self.packer is None else {0, self.end}
        found = []
        for row in encoded.tolist():
            length = next((at for at, number in enumerate(row) if number in stops), len(row))
            found.append(self.step.detokenize([vocabulary[int(number)] for number in row[:length]]))
        return found

    def encoder(self, names: Sequence[str], form: TargetForms) -> TargetEncoder | None:
        """Return the encoder of targets that are sequences, which are encoded already; None for sets of labels."""
        if self.is_label_set:
            return None
        classes = tuple(self.vocabulary)
        facts = {
            key: TargetFacts(
                one, "classification", len(classes), len(classes) if one == "one_hot" else 1, classes, (self.length,)
            )
            for key, one in forms_by_target(form).items()
        }
        return _SequenceEncoder(tuple(names), facts)

    def state(self, parts: Sequence[Part]) -> list[dict[str, Any]]:
        """Return the entries of the steps in `prepare.json`."""
        steps: list[Step] = [self.step, *([] if self.packer is None else [self.packer])]
        entries = [fitted_json(part, step) for part, step in zip(parts, steps, strict=True)]
        return [{_KEY: entry.pop("step"), **entry, "column": self.column} for entry in entries]


class _SequenceEncoder(TargetEncoder):
    """Gives losses the token numbers that a target of text has become."""

    def encode(self, y: np.ndarray | Columns | None, x: np.ndarray) -> np.ndarray | dict[str, np.ndarray]:  # noqa: ARG002
        """Return token numbers as the losses take them: int32 of shape (rows, length), or one-hot float32."""
        assert isinstance(y, np.ndarray), "encoded before"  # noqa: S101
        found = {key: _in_form(y, about) for key, about in self.facts.items()}
        return found.get(ALL_TARGETS, found)


def _in_form(y: np.ndarray, about: TargetFacts) -> np.ndarray:
    if about.form != "one_hot":
        return y
    one_hot = np.zeros((*y.shape, about.classes or 0), dtype="float32")
    np.put_along_axis(one_hot, y[..., None], 1, axis=-1)
    return one_hot


def fit_token_target(
    parts: Sequence[Part],
    data: SourceData,
    examples: Mapping[str, Examples],
    feature_steps: Sequence[Step],
    progress: Progress,
) -> tuple[TokenTarget | None, SourceData, Mapping[str, Examples]]:
    """Learn labels of all parts, or tokens of the training part, and encode the targets of all parts.

    Args:
        parts: The steps of the target in the config.
        data: The data of the source.
        examples: Its parts.
        feature_steps: The steps of the features.
        progress: Receives notes.

    Returns:
        How targets are encoded, data and parts; None and both as they are where the target is no text.

    Raises:
        DataError: The target does not suit the steps.
    """
    if not makes_tokens(parts):
        return None, data, examples
    target = learn_token_target(parts, data, examples, progress)
    _check_lengths(target, feature_steps, examples)
    return target, *_encoded(target, data, examples)


def learn_token_target(
    parts: Sequence[Part], data: SourceData, examples: Mapping[str, Examples], progress: Progress
) -> TokenTarget:
    """Learn labels of all parts, or tokens of the training part; the arguments are those of `fit_token_target`.

    Raises:
        DataError: The target does not suit the steps, of which one is for texts.
    """
    steps = [new_step(part, 0) for part in parts]
    wrong = wrong_steps(parts, data.target_names)
    if wrong is not None:
        raise DataError(f"prepare_target: {wrong.text}", hint=wrong.hint)
    (column,) = data.target_names
    step, packer = steps[0], steps[1] if len(steps) > 1 else None
    texts = {name: target_texts(one, column) for name, one in examples.items()}
    for name, one in texts.items():
        _require_lists(step, column, one, examples[name], name)
    with naming_step(step.name):
        if isinstance(step, MultiLabelBinarizer):
            step.classes = {column: step.learn(column, list(texts.values()))}
            progress.say(f"prepare_target: {len(step.classes[column]):,} labels in {column!r}.")
        elif isinstance(step, TextVectorization):
            for note in step.learn({column: step.cells(column, texts["train"])}):
                progress.say(f"prepare_target: {note}")
    assert isinstance(step, TextVectorization | MultiLabelBinarizer), "refused before"  # noqa: S101
    assert packer is None or isinstance(packer, StartEndPacker), "refused before"  # noqa: S101
    found = TokenTarget(column, step, packer)
    with naming_step("StartEndPacker"):
        found.vocabulary  # noqa: B018 - a token of the texts may be a start or an end
    return found


def _require_lists(step: Step, column: str, texts: np.ndarray, examples: Examples, part: str) -> None:
    """Refuse cells that hold no lists, with their place in the part."""
    try:
        if isinstance(step, MultiLabelBinarizer):
            step.items(column, texts)
        elif isinstance(step, TextVectorization) and step.split == "list":
            step.cells(column, texts)
    except ExampleError as error:
        raise error.at(examples.place(error.example, part)) from None


def _encoded(
    target: TokenTarget, data: SourceData, examples: Mapping[str, Examples]
) -> tuple[SourceData, dict[str, Examples]]:
    """Return data and parts with encoded targets; labels are target columns of their own.

    Raises:
        DataError: A cell holds no list, or a label that `classes` does not have.
    """
    encoded = {}
    for name, one in examples.items():
        try:
            with naming_step(target.step.name):
                encoded[name] = replace(one, y=target.encode(target_texts(one, target.column)))
        except ExampleError as error:
            raise error.at(one.place(error.example, name)) from None
    if target.is_label_set:
        return replace(data, target_names=tuple(target.vocabulary), class_names=(), task=None), encoded
    return replace(data, task="classification"), encoded


def _check_lengths(target: TokenTarget, steps: Sequence[Step], examples: Mapping[str, Examples]) -> None:
    """Refuse rows whose tags are more or fewer than their tokens.

    The tokens are those of the first step that makes token numbers of a single column; without one nothing is checked.

    Raises:
        DataError: A row has another number of tags than of tokens.
    """
    tokens = next((step for step in steps if _makes_tokens(step)), None)
    if target.is_label_set or target.packer is not None or not isinstance(tokens, TextVectorization):
        return
    assert isinstance(target.step, TextVectorization), "no label set"  # noqa: S101
    for name, one in examples.items():
        (column,) = tokens.columns or [""]
        if not isinstance(one.x, Columns) or one.x.values.get(str(column)) is None:
            return
        words = tokens.tokenized(tokens.cells(str(column), one.x.values[str(column)]))
        tags = target.step.tokenized(target.step.cells(target.column, target_texts(one, target.column)))
        for row, (of_text, of_tags) in enumerate(zip(words, tags, strict=True)):
            if len(of_text) != len(of_tags):
                text = f"expected a tag for each of {len(of_text)} tokens of {column!r}, received {len(of_tags)}"
                hint = "correct the row; TextVectorization's `standardize` removes tokens that are punctuation alone"
                error = ExampleError(text, example=row, column=target.column, hint=hint)
                raise error.at(one.place(row, name))


def _makes_tokens(step: Step) -> bool:
    is_text = isinstance(step, TextVectorization) and step.output_mode == "int" and len(step.columns or ()) == 1
    return is_text and step.ngrams == (1,)  # type: ignore[attr-defined]


def target_texts(examples: Examples, column: str) -> np.ndarray:
    """Return the texts of the target.

    Raises:
        DataError: It holds numbers.
    """
    y = examples.y.values[column] if isinstance(examples.y, Columns) else examples.y
    if y is None or y.dtype != object:
        received = "no target" if y is None else "numbers"
        raise DataError(f"prepare_target takes text, but {column!r} holds {received}", hint="name another target")
    return y.reshape(len(y))


def restore_token_target(fitted: Iterable[Mapping[str, Any]]) -> TokenTarget | None:
    """Return how a finished run encodes its target of text; None where its target is none.

    Raises:
        DataError: The run's `prepare.json` was changed.
    """
    entries = [entry for entry in fitted if _KEY in entry]
    if not entries:
        return None
    steps = restore([{**entry, "step": entry[_KEY]} for entry in entries])
    column, packer = entries[0].get("column"), steps[1] if len(steps) > 1 else None
    is_known = isinstance(steps[0], TextVectorization | MultiLabelBinarizer) and isinstance(column, str)
    if not is_known or not (packer is None or isinstance(packer, StartEndPacker)) or len(steps) > 2:
        text = "the run's preparation (prepare.json) cannot be used: its steps of the target are none"
        raise DataError(text, hint="the file was changed: train the run again")
    found = TokenTarget(str(column), steps[0], packer)  # type: ignore[arg-type]
    if isinstance(found.step, MultiLabelBinarizer) and column not in found.step.classes:
        text = f"the run's preparation (prepare.json) cannot be used: it has no labels of {column!r}"
        raise DataError(text, hint="the file was changed: train the run again")
    return found


def facts_encoder(facts: Facts, target: TokenTarget | None) -> TargetEncoder:
    """Return the encoder of a finished run's targets."""
    plain = TargetEncoder.from_facts(facts)
    if target is None or target.is_label_set:
        return plain
    return _SequenceEncoder(plain.names, plain.facts)
