"""Weights of classes are for classes that there are, of a target with one class an example."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnrun.pipeline.check import examine

MODEL = "model: [{Dense: {units: 3, activation: softmax}}]"
TRAINING = "training: {loss: sparse_categorical_crossentropy, optimizer: Adam, batch_size: 2, class_weight: WEIGHTS}"


@pytest.fixture
def found(tmp_path: Path):
    """Return a function that checks a config, and returns its errors with the text at their places."""

    def check(source: str, weights: str, model: str = MODEL, training: str = TRAINING) -> list[tuple]:
        text = f"data: {{source: {source}}}\n{model}\n{training}\n".replace("WEIGHTS", weights)
        (tmp_path / "x.yaml").write_text(text)
        problems = examine(tmp_path / "x.yaml", (), None).problems
        return [
            (one.name, one.text, one.mark.text[one.mark.column - 1 :][: one.mark.length])
            for one in problems
            if one.severity == "error"
        ]

    return check


TWO_OUTPUTS = """
model:
  inputs: {row: $row}
  layers:
    - Dense: {from: row, units: 2, activation: softmax, name: kind}
    - Dense: {from: row, units: 2, activation: softmax, name: size}
  outputs: {kind: {}, size: {}}
"""
WORDS = "{inline: {rows: [[1, a], [2, b], [3, c]]}}"
NUMBERS = "{inline: {rows: [[1, 1], [2, 2], [3, 3]]}}"


@pytest.mark.parametrize(
    ("source", "weights"),
    [
        (WORDS, "{a: 1, b: 9}"),
        (WORDS, "{0: 1, 1: 9}"),
        (WORDS, "{'0': 1, '1': 9}"),
        (WORDS, "balanced"),
        (NUMBERS, "{1: 2, 3: 0.5}"),
        (NUMBERS, "{'1': 2}"),
    ],
)
def test_classes_by_name_and_by_number(found, source: str, weights: str) -> None:
    """Numbers are keys with and without quotes; classes that are not named weigh 1."""
    assert found(source, weights) == []


@pytest.mark.parametrize(
    ("source", "weights", "text", "place"),
    [
        (WORDS, "{a: 1, d: 9}", "there is no class 'd'", "d"),
        (WORDS, "{a: 1, 3: 9}", "there is no class '3'", "3"),
        (NUMBERS, "{0: 1, 1: 9}", "there is no class '0'", "0"),
        (WORDS, "{a: 1, 0: 9}", "names the class 'a' twice", "class_weight"),
        (WORDS, "{a: 0, b: 0, c: 0}", "all classes have the weight 0", "class_weight"),
    ],
)
def test_classes_that_there_are_not(found, source: str, weights: str, text: str, place: str) -> None:
    """The error stands at the key."""
    ((name, message, at),) = found(source, weights)
    assert (name, at) == ("class-weight-unknown", place)
    assert text in message


def test_classes_of_arrays_are_known(found, tmp_path: Path) -> None:
    """What `check` reads of an npz file are its classes too."""
    np.savez(tmp_path / "a.npz", x=np.zeros((9, 2)), y=np.arange(9) % 3)
    assert found("{npz: {file: a.npz}}", "{0: 1, 2: 3}") == []
    ((name, text, at),) = found("{npz: {file: a.npz}}", "{0: 1, 7: 3}")
    assert (name, text, at) == ("class-weight-unknown", "class_weight: there is no class '7'", "7")


@pytest.mark.parametrize(
    ("source", "model", "training", "text"),
    [
        (
            "{inline: {rows: [[1, 0.5], [2, 1.5]]}}",
            "model: [{Dense: 1}]",
            "training: {loss: mse, optimizer: Adam, batch_size: 2, class_weight: WEIGHTS}",
            "one class an example, and this one is a number",
        ),
        (
            "{inline: {rows: [[1, 0, 1], [2, 1, 1]], target: [1, 2]}}",
            "model: [{Dense: {units: 2, activation: sigmoid}}]",
            "training: {loss: binary_crossentropy, optimizer: Adam, batch_size: 2, class_weight: WEIGHTS}",
            "one class an example, and this one has several",
        ),
        (
            "{csv: {file: two.csv, target: [kind, size]}}",
            TWO_OUTPUTS,
            TRAINING,
            "suits a model with one output, but there are 2 (kind, size)",
        ),
    ],
)
@pytest.mark.parametrize("weights", ["balanced", "{0: 1, 1: 3}"])
def test_targets_without_one_class_an_example(found, tmp_path, source, model, training, text, weights) -> None:
    """Numbers, several labels and several outputs take no weights of classes."""
    (tmp_path / "two.csv").write_text("a,kind,size\n1,x,s\n2,y,t\n")
    ((name, message, at),) = found(source, weights, model, training)
    assert (name, at) == ("class-weight-unsuitable", "class_weight")
    assert text in message
