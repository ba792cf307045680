"""Configs in the words of Keras 1: one error for each part, with the line to paste."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nnrun.catalog import keras1, lookup
from nnrun.catalog.keras1 import split_part
from nnrun.catalog.kinds import to_keras
from nnrun.config.document import parse
from nnrun.spec.part import Part, PartReader, read_part
from nnrun.spec.part_form import split_layer_keys

_FILE = Path(__file__).parents[1] / "catalog" / "keras1.yaml"
CASES = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
OLD = [case for case in CASES if case["hint"] is not None]


def _is_absent(case: dict[str, Any]) -> bool:
    """Whether the translation is a source or a step of preparation that nnrun does not have."""
    parts = keras1.translate(case["category"], *split_part(case["wrote"])).parts
    return any(lookup.entry(case["category"], split_part(part)[0]) is None for part in parts)


OFFERED = [case for case in OLD if not _is_absent(case)]

Refused = Callable[..., list[tuple[str, str, str | None]]]


def _label(case: dict[str, Any]) -> str:
    return f"{case['category']}-{case['wrote']}"


def _read(case: dict[str, Any]) -> PartReader:
    """Read a part of Keras 1 as the reader of models does: `from` and `call` apart."""
    reader = PartReader()
    own, layer_keys = split_layer_keys(case["wrote"])
    reader.part((case["category"],), own, (), layer_keys)
    return reader


def _today(case: dict[str, Any]) -> list[Part]:
    """Read the parts that a translation offers."""
    found = []
    for value in keras1.translate(case["category"], *split_part(case["wrote"])).parts:
        part, errors = read_part(case["category"], split_layer_keys(value)[0])
        assert errors == ()
        found.append(part)
    return found


@pytest.mark.parametrize("case", OFFERED, ids=_label)
def test_each_part_of_keras_1_is_one_error_with_its_line(case: dict[str, Any]) -> None:
    """However many of its arguments are old, a part has one error, and the hint is the whole line."""
    assert [one.hint for one in _read(case).errors] == [case["hint"]]


@pytest.mark.parametrize("case", [case for case in OFFERED if "Keras 1 syntax" in case["hint"]], ids=_label)
def test_what_is_offered_is_valid(case: dict[str, Any]) -> None:
    """Every line that is offered is valid."""
    assert _today(case)


@pytest.mark.parametrize("case", [case for case in CASES if case["hint"] is None], ids=_label)
def test_what_is_still_valid_has_no_such_hint(case: dict[str, Any]) -> None:
    """Names and arguments that Keras 3 still has are no errors, or errors for another reason."""
    assert not any("Keras 1" in (one.hint or "") for one in _read(case).errors)


@pytest.mark.parametrize("case", [case for case in OLD if _is_absent(case)], ids=_label)
def test_what_nnrun_does_not_have_is_not_offered(case: dict[str, Any]) -> None:
    """A translation into a part that nnrun lacks is not offered."""
    assert not any("Keras 1" in (one.hint or "") for one in _read(case).errors)


_KEYS = [
    "output_dim",
    "init",
    "W_regularizer",
    "border_mode",
    "nb_filter",
    "nb_row",
    "nb_col",
    "p",
    "lr",
    "decay",
    "dim_ordering",
    "input_dim",
    "units",
    "filters",
    "weights",
    "mode",
    "activation",
    "name",
]
_VALUES = st.sampled_from(
    [8, 0.5, True, None, "8", "full", "th", "same", "l1l2", "maxnorm", "x", [3, 3], {"l2": 0.1}, {"l": 1}, [], {}]
)


@given(
    st.sampled_from(sorted({(case["category"], split_part(case["wrote"])[0]) for case in OFFERED})),
    st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=5),
)
def test_no_line_is_offered_that_has_a_mistake(name: tuple[str, str], arguments: dict[str, Any]) -> None:
    """Whatever else is in an old part, a line is offered only where it is valid."""
    category, word = name
    for one in read_part(category, {word: arguments})[1]:
        for value in _pasted(one.hint or ""):
            if lookup.entry(category, split_part(value)[0]) is not None:
                assert read_part(category, value)[1] == ()


def _pasted(hint: str) -> list[Any]:
    """Return the parts of a hint that a user would paste, each as an item of a list."""
    found = re.fullmatch(r"Keras 1 syntax; (?:.*; )?today(?: (\d) parts)?: (.*)", hint)
    if found is None:
        return []
    pieces = found[2].split("; ", int(found[1]) - 1) if found[1] else [found[2]]
    text = "".join(f"- {piece}\n" for piece in pieces)
    return parse(f"model:\n{text}", "x.yaml").data["model"]


def test_a_whole_network_of_2016(refused: Refused) -> None:
    """Each line of an old network is one error, with the line of today as hint."""
    problems = refused(
        model="""
        - Convolution2D: {nb_filter: 32, nb_row: 5, nb_col: 5, border_mode: same, subsample: [2, 2]}
        - Dropout: {p: 0.2}
        - Dense: {output_dim: 8, init: uniform, W_regularizer: {l2: 0.01}, W_constraint: maxnorm}
        - MaxoutDense: {output_dim: 16, name: wide}
        - Highway
        """,
        training="""
        loss: cosine_proximity
        optimizer: {SGD: {lr: 0.1, decay: 1e-4, momentum: 0.9}}
        metrics: [accuracy, fmeasure]
        nb_epoch: 10
        callbacks: [BaseLogger, {ReduceLROnPlateau: {epsilon: 0.1}}]
        """,
    )
    assert [(word, (hint or "").removeprefix("Keras 1 syntax; ")) for word, _, hint in problems] == [
        ("nb_filter", "today: Conv2D: {filters: 32, kernel_size: [5, 5], padding: same, strides: [2, 2]}"),
        ("p", "today: Dropout: {rate: 0.2}"),
        (
            "output_dim",
            (
                "val_loss includes the penalty today; today: Dense: {units: 8, kernel_initializer: uniform, "
                "kernel_regularizer: {L2: 0.01}, kernel_constraint: max_norm}"
            ),
        ),
        (
            "MaxoutDense",
            "today 3 parts: Dense: {units: 64}; Reshape: {target_shape: [4, 16]}; GlobalMaxPooling1D: {name: wide}",
        ),
        (
            "Highway",
            (
                "gone since Keras 1; today: write a layer of your own and name its file with --code; "
                "residual: {layers: [...]} is the nearest without one"
            ),
        ),
        (
            "cosine_proximity",
            "it took the mean over the outputs, cosine_similarity takes the sum; today: cosine_similarity",
        ),
        (
            "lr",
            (
                "today: SGD: {learning_rate: {InverseTimeDecay: {initial_learning_rate: 0.1, decay_steps: 1, "
                "decay_rate: 0.0001}}, momentum: 0.9}"
            ),
        ),
        ("fmeasure", "it took the mean over batches; today: F1Score: {average: micro, threshold: 0.5}"),
        ("nb_epoch", "today: epochs: 10"),
        ("BaseLogger", "gone since Keras 1; today: leave it out, metrics are means over the epoch by themselves"),
        ("epsilon", "today: ReduceLROnPlateau: {min_delta: 0.1}"),
    ]


def test_the_lines_make_a_valid_config(experiment: Callable[..., Any]) -> None:
    """The lines of such hints, pasted, are a valid config."""
    found = experiment(
        model="""
        - Dense: {units: 8, kernel_initializer: uniform, kernel_regularizer: {L2: 0.01}}
        - Dense: {units: 64}
        - Reshape: {target_shape: [4, 16]}
        - GlobalMaxPooling1D: {name: wide}
        - Dense: {units: 10, activation: softmax}
        """,
        training="""
        loss: sparse_categorical_crossentropy
        optimizer: {SGD: {learning_rate: {InverseTimeDecay: {initial_learning_rate: 0.1, decay_steps: 1,
                                                             decay_rate: 0.0001}}, momentum: 0.9}}
        epochs: 10
        """,
    )
    assert found.training.epochs == 10


@pytest.mark.parametrize(
    ("layer", "word", "hint"),
    [
        ("Dense: {units: 8, kernel_constraint: maxnorm}", "maxnorm", "max_norm"),
        ("Dense: {units: 8, kernel_constraint: {maxnorm: {m: 3}}}", "maxnorm", "MaxNorm: {max_value: 3}"),
        ("Dense: {units: 8, kernel_regularizer: activity_l2}", "activity_l2", "{L2: 0.01}"),
        ("Dense: {units: 8, kernel_regularizer: {activity_l2: 0.1}}", "activity_l2", "L2: 0.1"),
        ("Dense: {units: 8, kernel_regularizer: l1l2}", "l1l2", "{L1L2: {l1: 0.01, l2: 0.01}}"),
        ("Dense: {units: 8, kernel_initializer: {normal: {scale: 0.1}}}", "scale", "RandomNormal: {stddev: 0.1}"),
        ("TimeDistributed: {layer: {Dense: {output_dim: 8}}}", "output_dim", "Dense: {units: 8}"),
    ],
)
def test_an_old_part_inside_a_part_is_translated_alone(refused: Refused, layer: str, word: str, hint: str) -> None:
    """Where only a value inside a layer is old, the line replaces that value and nothing else."""
    problems = refused(model=f"- {layer}\n- Flatten\n- Dense: {{units: 10, activation: softmax}}")
    assert [(at, what) for at, _, what in problems] == [(word, f"Keras 1 syntax; today: {hint}")]


def test_l1l2_alone_is_refused_because_it_has_no_effect(refused: Refused) -> None:
    """The weights of `l1l2` were 0.01 in Keras 1; Keras 3 accepts the word with weights of 0."""
    problems = refused(model="- Dense: {units: 10, activation: softmax, bias_regularizer: l1l2}")
    assert problems[0][1] == "l1l2 alone has no effect: both its weights are 0 by default"


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (
            'Dense: {output_dim: "8", init: uniform}',
            [
                ("output_dim", "Keras 1 syntax; today: units"),
                ('"8"', "write 8 without quotes"),
                ("init", "Keras 1 syntax; today: kernel_initializer"),
            ],
        ),
        (
            "Dense: {output_dim: 8, actvation: relu}",
            [("output_dim", "Keras 1 syntax; today: units"), ("actvation", "Did you mean 'activation'?")],
        ),
        (
            "Conv2D: {nb_filter: 8, nb_row: 3, nb_col: 3, padding: sme}",
            [
                ("nb_filter", "Keras 1 syntax; today: filters"),
                ("nb_row", "Keras 1 syntax; today: kernel_size"),
                ("nb_col", "Keras 1 syntax; today: kernel_size"),
                ("sme", "Did you mean 'same'?"),
            ],
        ),
        (
            "TimeDistributed: {layer: {Convolution1D: {nb_filter: 8, filter_length: 3, border_mode: full}}}",
            [
                ("nb_filter", "Keras 1 syntax; today: filters"),
                ("filter_length", "Keras 1 syntax; today: kernel_size"),
                ("border_mode", "Keras 1 syntax; today: padding"),
                ("full", None),
            ],
        ),
    ],
)
def test_with_another_mistake_each_old_argument_has_its_new_name(
    refused: Refused, layer: str, expected: list[tuple[str, str | None]]
) -> None:
    """A part with another mistake too has no line; each of its arguments has its own error."""
    problems = refused(model=f"- {layer}\n- Dense: {{units: 10, activation: softmax}}")
    assert [(word, hint) for word, _, hint in problems] == expected


def test_from_stays_in_the_line(refused: Refused) -> None:
    """In a graph, the line keeps the tensors that the layer takes."""
    problems = refused(
        model="""
        - Dense: {units: 4, name: a}
        - Dense: {units: 4, name: b}
        - Merge: {mode: concat, concat_axis: 1, from: [a, b], name: both}
        - Dense: {units: 10, activation: softmax}
        """
    )
    assert [hint for _, _, hint in problems] == [
        "Keras 1 syntax; today: Concatenate: {name: both, from: [a, b], axis: 1}"
    ]


def _made(keras: Any, part: Part) -> Any:
    """The Keras object of a part."""
    home = keras.optimizers.schedules if part.category == "schedules" else getattr(keras, part.category)
    entry = lookup.entry(part.category, part.name)
    facts = {"$classes": 10}
    given = {
        key: _made(keras, value)
        if isinstance(value, Part)
        else to_keras(entry.parameters[key].kind, facts.get(value, value) if isinstance(value, str) else value)
        for key, value in part.arguments.items()
    }
    return getattr(home, part.name) if entry.is_function else getattr(home, part.name)(**given)


@pytest.mark.keras
def test_keras_takes_every_line() -> None:
    """Every part that is offered can be made with the installed Keras: layers, optimizers, losses and all others."""
    keras = pytest.importorskip("keras")
    offered = [part for case in OFFERED if "Keras 1 syntax" in case["hint"] for part in _today(case)]
    made = [_made(keras, part) for part in offered if part.category not in ("sources", "preparation")]
    assert len(made) > 150
    assert all(callable(one) or isinstance(one, (keras.callbacks.Callback, keras.optimizers.Optimizer)) for one in made)


@pytest.mark.keras
def test_decay_falls_as_in_keras_1() -> None:
    """`decay` divided the rate by 1 + decay * updates; the schedule that is offered does the same."""
    keras = pytest.importorskip("keras")
    part, _ = read_part("optimizers", keras1.translate("optimizers", "SGD", {"lr": 0.1, "decay": 0.5}).parts[0])
    schedule = _made(keras, part.arguments["learning_rate"])
    assert [float(schedule(step)) for step in range(4)] == pytest.approx([0.1 / (1 + 0.5 * step) for step in range(4)])


@pytest.mark.keras
def test_full_padding_is_the_full_convolution() -> None:
    """The two parts offered for `border_mode: full` give every place at which kernel and picture meet."""
    keras = pytest.importorskip("keras")
    arguments = {"nb_filter": 1, "nb_row": 3, "nb_col": 2, "border_mode": "full", "init": "one", "bias": False}
    found = keras1.translate("layers", "Convolution2D", arguments)
    model = keras.Sequential([_made(keras, read_part("layers", value)[0]) for value in found.parts])
    picture = np.arange(12, dtype="float32").reshape(1, 3, 4, 1)
    full = np.zeros((5, 5))
    for row in range(3):
        for column in range(2):
            full[row : row + 3, column : column + 4] += picture[0, :, :, 0]
    assert np.allclose(model(picture)[0, :, :, 0], full)


@pytest.mark.keras
def test_maxout_is_the_largest_of_its_features() -> None:
    """The three parts offered for MaxoutDense give the largest of each unit's features, as Keras 1 reckoned it."""
    keras = pytest.importorskip("keras")
    found = keras1.translate("layers", "MaxoutDense", {"output_dim": 3, "nb_feature": 2})
    layers = [_made(keras, read_part("layers", value)[0]) for value in found.parts]
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    kept = np.asarray(keras.Sequential(layers)(x))
    weights = np.asarray(layers[0].kernel).reshape(4, 2, 3)
    assert np.allclose(kept, np.einsum("ni,ifo->nfo", x, weights).max(axis=1), atol=1e-5)


@pytest.mark.keras
def test_thresholded_relu_is_relu_with_a_threshold() -> None:
    """`theta` became `threshold`: what lies above passes as it is, the rest is 0."""
    keras = pytest.importorskip("keras")
    part, _ = read_part("layers", keras1.translate("layers", "ThresholdedReLU", {"theta": 0.5}).parts[0])
    assert np.asarray(_made(keras, part)(np.array([-1.0, 0.4, 0.6, 2.0]))).tolist() == pytest.approx([0, 0, 0.6, 2.0])
