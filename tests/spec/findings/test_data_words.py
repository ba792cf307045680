"""Words for facts of the data stand where the data have such a fact, and where something is built with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.config.document import parse
from nnrun.errors import ConfigError
from nnrun.pipeline.check import examine
from nnrun.spec.experiment import validate

CONFIG = """
data: {source: SOURCE}
model: [Flatten, {Dense: {units: 3}}]
training: {loss: mse, optimizer: Adam}
"""
TABLE = "{inline: {rows: [[1, 2, 0.5], [3, 4, 1.5], [5, 6, 2.5]]}}"
MULTI_LABEL = "{inline: {rows: [[1, 0, 1], [3, 1, 1], [5, 1, 0]], target: [1, 2]}}"


@pytest.fixture
def found(tmp_path: Path):
    """Return a function that checks a config with these changes, and returns its problems."""

    def check(source: str, *sets: str) -> list:
        (tmp_path / "x.yaml").write_text(CONFIG.replace("SOURCE", source))
        return [problem for problem in examine(tmp_path / "x.yaml", sets, None).problems if problem.severity == "error"]

    return check


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("$vocabulary", "model.0={Dense: WORD}"),
        ("$window", "model.0={Embedding: {input_dim: 9, output_dim: WORD}}"),
        ("$classes", "model.1.Dense.units=WORD"),
        (
            "$classes",
            "model.0={Dense: {units: 2, kernel_initializer: {Identity: {gain: 1}}, name: a}}|model.1.Dense.units=WORD",
        ),
        ("$classes", "training.metrics=[{TopKCategoricalAccuracy: {k: WORD}}]"),
        ("$vocabulary", "training.callbacks=[{EarlyStopping: {monitor: loss, patience: WORD}}]"),
        ("$window", "training.augment=[{RandomCrop: {height: WORD, width: 1}}]"),
        ("$vocabulary", "model=[{Bidirectional: {layer: {LSTM: WORD}}}, {Dense: 1}]"),
        ("$vocabulary", "model={layers: [Flatten, {Dense: WORD}], outputs: {a: {loss: mse, metrics: []}}}"),
    ],
)
def test_a_word_for_a_fact_that_the_data_lack(found, word: str, place: str) -> None:
    """It is an error at the word that lists what the data have, wherever a part has it."""
    sets = place.replace("WORD", word).split("|")
    problems = [one for one in found(TABLE, *sets) if one.name == "no-such-fact"]
    assert [one.text for one in problems] == [f"these data have no {word}"]
    assert problems[0].hint == "they have $features (2), $targets (1), $input_shape ([2]); or write a number"
    mark = problems[0].mark
    assert mark.text[mark.column - 1 :].startswith(word)


def test_several_labels_are_no_classes(found) -> None:
    """Of columns of 0 and 1 under a binary loss `$targets` is the number, and there is no `$classes`."""
    sets = ("training.loss=binary_crossentropy", "model.1.Dense.activation=sigmoid")
    assert [one.name for one in found(MULTI_LABEL, *sets, "model.1.Dense.units=$classes")] == ["no-such-fact"]
    assert found(MULTI_LABEL, *sets, "model.1.Dense.units=$targets") == []


def test_classes_that_are_not_known_yet_are_no_error(tmp_path: Path) -> None:
    """What only loading tells is no fact that the data lack."""
    import numpy as np

    rows = 1_000_001  # so many that check does not read them
    np.savez(tmp_path / "a.npz", x=np.zeros((rows, 1), "uint8"), y=np.arange(rows) % 4)
    text = CONFIG.replace("SOURCE", "{npz: {file: a.npz}}").replace("units: 3", "units: $classes, activation: softmax")
    (tmp_path / "x.yaml").write_text(text.replace("mse", "sparse_categorical_crossentropy"))
    names = [one.name for one in examine(tmp_path / "x.yaml", ("training.batch_size=2",), None).problems]
    assert names == ["undecided"]


@pytest.mark.parametrize(
    "change",
    [
        ("training", "epochs: $classes"),
        ("training", "batch_size: $features"),
        ("training", "samples: {every: $window}"),
        ("data", "split: {k_fold: {folds: $classes}}"),
        ("data", "prepare: [{Reshape: [$features, 1]}]"),
        ("data", "prepare: [{Reshape: {shape: [1, $features]}}]"),
        ("data", "prepare: [{PadSequences: $window}]"),
        ("data", "source: {repeats: {rows: $classes}}"),
    ],
)
def test_words_stand_only_in_what_keras_builds(change: tuple[str, str]) -> None:
    """Sections, sources and steps are read before the facts are known; the error says what to write."""
    section, line = change
    data = "source: digits" if "source" not in line else ""
    sections = {"data": data, "model": "[Flatten, {Dense: 10}]", "training": "loss: mse, optimizer: Adam"}
    sections[section] = ", ".join(filter(None, [sections[section], line]))
    text = f"data: {{{sections['data']}}}\nmodel: {sections['model']}\ntraining: {{{sections['training']}}}\n"
    with pytest.raises(ConfigError) as caught:
        validate(parse(text, "x.yaml"))
    (problem,) = caught.value.problems
    assert problem.hint == "write a number: such words stand in layers and other parts of Keras"


def test_a_misspelled_word_has_its_name_in_the_hint(found, tmp_path: Path) -> None:
    """`$clases` is `$classes`."""
    with pytest.raises(ConfigError) as caught:
        found(TABLE, "model.1.Dense.units=$clases")
    assert "$classes" in caught.value.problems[0].hint
