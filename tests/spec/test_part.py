"""Parts: words, one-key mappings and values of the first argument, and the errors of wrong ones."""

from __future__ import annotations

import pytest

from nnrun.catalog import lookup
from nnrun.spec.part import Part, read_part
from nnrun.spec.part_form import FILLED_IN


def test_a_bare_word_is_a_part_without_arguments() -> None:
    """`Flatten` alone names the layer."""
    assert read_part("layers", "Flatten") == (Part("layers", "Flatten", {}), ())


def test_an_alias_becomes_the_name_of_the_catalog() -> None:
    """`adam` and `Adam` are one optimizer."""
    part, errors = read_part("optimizers", "adam")
    assert part == Part("optimizers", "Adam", {})
    assert errors == ()


def test_a_single_value_is_the_first_argument() -> None:
    """`Dropout: 0.2`, `Dense: 64` and `Reshape: [7, 7]` set the first parameter of Keras' signature."""
    assert read_part("layers", {"Dropout": 0.2})[0] == Part("layers", "Dropout", {"rate": 0.2})
    assert read_part("layers", {"Dense": 64})[0] == Part("layers", "Dense", {"units": 64})
    assert read_part("layers", {"Reshape": [7, 7]})[0] == Part("layers", "Reshape", {"target_shape": [7, 7]})


def test_parts_nest() -> None:
    """A regularizer, a schedule and a wrapped layer are parts inside other parts, with their own paths."""
    part, errors = read_part(
        "layers", {"Bidirectional": {"layer": {"LSTM": {"units": 8, "kernel_regularizer": {"L2": 0.01}}}}}
    )
    assert errors == ()
    lstm = part.arguments["layer"]
    assert lstm.name == "LSTM"
    assert lstm.path == ("Bidirectional", "layer")
    assert lstm.arguments["kernel_regularizer"] == Part("regularizers", "L2", {"l2": 0.01})
    adam, errors = read_part(
        "optimizers",
        {
            "Adam": {
                "learning_rate": {
                    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 100, "decay_rate": 0.9}
                }
            }
        },
    )
    assert errors == ()
    assert adam.arguments["learning_rate"].category == "schedules"


@pytest.mark.parametrize(
    ("value", "path", "at_key", "words"),
    [
        ("Dens", (), False, "expected the name of a layer, received"),
        ({"Dens": {"units": 8}}, ("Dens",), True, "expected the name of a layer, received"),
        ({"Dense": {"units": "8"}}, ("Dense", "units"), False, "expected a positive integer for 'units', received"),
        ({"Dense": {"units": True}}, ("Dense", "units"), False, "expected a positive integer"),
        (
            {"Dense": {"units": 8, "actvation": "relu"}},
            ("Dense", "actvation"),
            True,
            "Dense has no argument 'actvation'",
        ),
        (
            {"Dense": {"units": 8, "activation": "rleu"}},
            ("Dense", "activation"),
            False,
            "expected the name of an activation, received",
        ),
        ({"Dense": {}}, ("Dense",), True, "Dense needs 'units' (a positive integer), which is missing"),
        ("Dense", (), False, "Dense needs 'units'"),
        ({"Dropout": 1.5}, ("Dropout",), False, "for 'rate', received 1.5"),
        ({"Conv2D": {"filters": 8, "kernel_size": [3, 3, 3]}}, ("Conv2D", "kernel_size"), False, "for 'kernel_size'"),
        ({"Dense": 8, "activation": "relu"}, (), False, "as a mapping with one key"),
        ({"StackedRNNCells": []}, ("StackedRNNCells",), False, "expected a list of at least 1, each a layer"),
        ({"RNN": {"cell": []}}, ("RNN", "cell"), False, "expected a layer or a list of at least 1"),
        (7, (), False, "expected a layer, received 7"),
        (None, (), False, "expected a layer, received null"),
        ([1], (), False, "expected a layer, received"),
        ({}, (), False, "expected a layer, received"),
        (
            {"LSTM": {"units": 4, "kernel_regularizer": {"L3": 0.1}}},
            ("LSTM", "kernel_regularizer", "L3"),
            True,
            "expected the name of a regularizer",
        ),
        ({"Adam": {}}, ("Adam",), True, "expected the name of a layer"),
    ],
)
def test_a_mistake_is_reported_at_its_place(
    value: object, path: tuple[str | int, ...], at_key: bool, words: str
) -> None:
    """Each mistake is one error, at the key or value to blame."""
    _, errors = read_part("layers", value)
    assert [(one.path, one.at_key) for one in errors] == [(path, at_key)]
    assert words in errors[0].text


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("Dens", "Did you mean 'Dense'?"),
        ({"Dense": {"units": "8"}}, "write 8 without quotes"),
        ({"Dense": {"units": 8, "actvation": "relu"}}, "Did you mean 'activation'?"),
        ({"Dense": {"units": "$clases"}}, "Did you mean '$classes'?"),
        ({"Dense": 8, "activation": "relu"}, "write Dense: {units: 8, activation: relu}"),
        ({"Adam": {}}, "Adam is an optimizer; write under training: optimizer: Adam"),
        ("Dense", "write Dense: {units: 64}"),
        ({"Conv2D": {"filters": 3, "kernel_size": 3, "padding": "sme"}}, "Did you mean 'same'?"),
    ],
)
def test_hints_can_be_typed(value: object, hint: str) -> None:
    """A hint states what to type next."""
    _, errors = read_part("layers", value)
    assert errors[0].hint == hint


def test_all_mistakes_of_a_part_are_found_at_once() -> None:
    """Three mistakes in one layer are three errors; a misspelled argument is not missing as well."""
    _, errors = read_part("layers", {"Conv2D": {"filters": 0, "kernal_size": 3, "padding": "sme"}})
    assert {one.path for one in errors} == {
        ("Conv2D", "filters"),
        ("Conv2D", "kernal_size"),
        ("Conv2D", "padding"),
    }


def test_an_abstract_class_is_refused_with_the_reason() -> None:
    """The error of a class that no config can use gives the reason."""
    abstract = lookup.entry("layers", "Layer")
    assert abstract.refused
    _, errors = read_part(abstract.category, abstract.name)
    assert abstract.refused in errors[0].text


def test_filled_in_arguments_exist_in_keras() -> None:
    """The table of filled-in arguments names existing arguments, and configs need not give them."""
    for name, parameter in FILLED_IN:
        assert parameter in lookup.entry("callbacks", name).parameters
    assert read_part("callbacks", "ModelCheckpoint")[1] == ()
    assert read_part("callbacks", "CSVLogger")[1] == ()


def test_a_function_with_arguments_names_its_class() -> None:
    """Keras compiles functions by name, so arguments need the class: the hint names it."""
    _, errors = read_part("losses", {"huber": {"delta": 2.0}})
    assert errors[0].hint == "write Huber: {delta: 2.0}"
    _, errors = read_part("activations", {"leaky_relu": 0.2})
    assert errors[0].hint == "write LeakyReLU: {...} as a layer of its own"
