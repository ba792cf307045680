"""The section `sweep:`: every mistake has its place in the config, before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.errors import ConfigError, Problem
from nnrun.pipeline.check import examine

CONFIG = """name: swept
data:
  source: digits
  prepare: [{Rescale: {divide_by: 16}}, {Reshape: [64]}]
  split: {test: 0.2, validation: 0.2}
model:
  - Dense: {units: 8, activation: relu}
  - Dropout: 0.1
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
sweep:
"""
FIRST_LINE = CONFIG.count("\n") + 1


def problems(folder: Path, lines: str) -> list[Problem]:
    """Return the errors of a config with these lines in its section `sweep:`."""
    file = folder / "swept.yaml"
    file.write_text(CONFIG + "".join(f"  {line}\n" for line in lines.splitlines()))
    try:
        found = examine(file, (), None).problems
    except ConfigError as error:
        found = error.problems
    return [problem for problem in found if problem.severity == "error"]


@pytest.mark.parametrize(
    "lines",
    [
        "seeds: 5",
        "seeds: [7, 11]",
        "parameters: {training.batch_size: [16, 32]}",
        "parameters: {training.optimizer: [Adam, {SGD: {momentum: 0.9}}]}",
        "parameters: {model.1: [{Dropout: 0.2}, BatchNormalization]}",
        "method: random\ntrials: 9\nparameters: {training.optimizer.Adam.epsilon: {low: 1e-9, high: 1, log: true}}",
        "parameters: {model.0.Dense.units: {low: 8, high: 64, step: 8}}\nchoose_by: validation.loss\nmode: min",
        "parameters: {data.prepare: [[{Reshape: [64]}], [Standardize, {Reshape: [64]}]]}",
        "method: tpe\ntrials: 9\nparameters: {training.epochs: {low: 1, high: 9}}\npruning: median",
        "method: qmc\ntrials: 9\nparameters: {training.epochs: {low: 1, high: 9}}\npruning: {hyperband: {}}",
        (
            "method: cmaes\ntrials: 9\n"
            "parameters: {training.epochs: {low: 1, high: 2}, model.1.Dropout: {low: 0, high: 0.5}}"
        ),
        "parameters: {training.optimizer: [Adam, SGD], training.optimizer.SGD.momentum: [0, 0.9]}",
        "parameters: {model.1: [{Dropout: 0.2}, BatchNormalization], model.1.Dropout: [0.1, 0.5]}",
    ],
)
def test_values_of_any_section_may_vary(tmp_path: Path, lines: str) -> None:
    """Numbers, whole layers, optimizers and steps of the preparation."""
    assert problems(tmp_path, lines) == []


@pytest.mark.parametrize(
    ("lines", "place", "text"),
    [
        ("parameters: {training.batch_sise: [16]}", (1, 16), "'training' has no key 'batch_sise'"),
        ("parameters: {training.batch_size: [16, 0]}", (1, 42), "expected an integer from 1 to 2147483647"),
        ("parameters: {training.batch_size: [16, many]}", (1, 42), "expected an integer from 1 to 2147483647"),
        ("parameters: {model.9: [Flatten]}", (1, 16), "'model' has no item 9"),
        ("parameters: {model.1: [Flatten, Flaten]}", (1, 35), 'expected the name of a layer, received "Flaten"'),
        ("parameters: {training.epochs: {low: 0, high: 9}}", (1, 39), "expected a positive integer for 'epochs'"),
        ("parameters: {training.epochs: {low: 9, high: 1}}", (1, 42), "expected low below high, received low: 9"),
        ("parameters: {x: {low: 0, high: 1, log: true}}", (1, 20), "a range with log: true begins above 0"),
        ("parameters: {x: {low: 1, high: 2, step: 5}}", (1, 37), "the step 5 is larger than the range from 1 to 2"),
        ("parameters: {x: {low: 1, hig: 2}}", (1, 28), "has no key 'hig'"),
        ("parameters: {x: []}", (1, 19), "expected values for 'x', received an empty list"),
        ("parameters: {x: 3}", (1, 19), "expected a list of values or a range for 'x', received 3"),
        ("parameters: {x: [1, 2, 1]}", (1, 26), "1 stands twice"),
        ("parameters: {seed: [1, 2]}", (1, 16), "'seed' cannot be varied by a sweep"),
        ("parameters: [1]", (1, 15), "expected a mapping of paths to values"),
        ("seeds: 0", (1, 10), "expected a positive integer"),
        ("seeds: [1, 1]", (1, 3), "a seed stands twice in [1, 1]"),
        ("method: random", (1, 3), "method: random needs the number of trials"),
        ("trials: 3", (1, 3), "a grid has all combinations, so trials cannot be given"),
        ("metod: grid", (1, 3), "'sweep' has no key 'metod'"),
        ("method: tpe", (1, 3), "method: tpe needs the number of trials"),
        ("method: tpe\ntrials: 3", (1, 3), "method: tpe needs parameters"),
        ("method: bayes\ntrials: 3", (1, 11), "expected one of 'grid', 'random', 'qmc', 'tpe', 'cmaes'"),
        ("method: cmaes\ntrials: 3\nparameters: {training.epochs: [1, 2]}", (1, 3), "CMA-ES needs two ranges"),
        ("pruning: medain", (1, 12), "expected median or hyperband for 'pruning', received \"medain\""),
        ("pruning: [median]", (1, 12), "expected median or hyperband for 'pruning'"),
        ("pruning: {mean: {}}", (1, 13), "expected median or hyperband for 'pruning', received 'mean'"),
        ("pruning: {median: {}, hyperband: {}}", (1, 12), "expected median or hyperband alone"),
        ("pruning: {median: {warmup: 3}}", (1, 22), "'sweep.pruning.median' has no key 'warmup'"),
        ("pruning: {hyperband: {reduction_factor: 1}}", (1, 43), "expected an integer of at least 2"),
        ("pruning: {hyperband: {min_resource: 9, max_resource: 3}}", (1, 42), "max_resource is 3, less than"),
        (
            "pruning: {median: {monitor: val_acc}}",
            (1, 31),
            "'val_acc' is monitored, but no epoch will have this metric",
        ),
        (
            "parameters:\n  training.optimizer: [Adam, RMSprop]\n  training.optimizer.SGD.momentum: [0, 0.9]",
            (3, 5),
            "no value of 'training.optimizer' is 'SGD', so no trial has 'training.optimizer.SGD.momentum'",
        ),
        (
            "parameters:\n  training.optimizer: [Adam, SGD]\n  training.optimizer.SGD.momentun: [0, 0.9]",
            (3, 5),
            "has no argument 'momentun'",
        ),
        (
            "parameters:\n  training.optimizer.SGD.momentum: [0, -1]\n  training.optimizer: [Adam, SGD]",
            (2, 42),
            "momentum",
        ),
        (
            "parameters:\n  model.1: [{Dropout: 0.2}, BatchNormalization]\n  model.1.Dropout.rate: [0.1, 0.5]",
            (3, 5),
            "'model.1.Dropout' is a single value, so there is no 'rate' inside it",
        ),
    ],
)
def test_a_mistake_has_its_place(tmp_path: Path, lines: str, place: tuple[int, int], text: str) -> None:
    """Line and column are those of the key or value that must be edited."""
    (problem, *_) = problems(tmp_path, lines)
    assert text in problem.text
    assert problem.mark is not None
    assert (problem.mark.line - FIRST_LINE + 1, problem.mark.column) == place


def test_a_parameter_of_a_wrong_choice_is_not_shown_too(tmp_path: Path) -> None:
    """The error is that of the choice."""
    lines = "parameters: {training.optimizer: [Adam, {SDG: {}}], training.optimizer.SDG.momentum: [0, 0.9]}"
    (problem,) = problems(tmp_path, lines)
    assert "SDG" in problem.text


def test_a_wrong_path_is_shown_once(tmp_path: Path) -> None:
    """However many values it has; a wrong value of a right path is shown for each."""
    assert len(problems(tmp_path, "parameters: {training.batch_sise: [16, 32, 64]}")) == 1
    assert len(problems(tmp_path, "parameters: {training.batch_size: [-1, 32, -2]}")) == 2


def test_a_value_that_makes_another_section_wrong_is_named(tmp_path: Path) -> None:
    """The error stands at the value, and says where the other section is."""
    (problem,) = problems(tmp_path, "parameters: {training.rule: [gradient, perceptron]}")
    assert problem.mark is not None
    assert problem.mark.line == FIRST_LINE
    assert "training.rule=perceptron: rule: perceptron takes no loss" in problem.text
