"""Keras 1 in the words of Keras 3: every row of the tables, with the exact hint."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nnrun.catalog import keras1, lookup
from nnrun.catalog.keras1 import Translation, split_part
from nnrun.config.document import parse

CASES = yaml.safe_load(Path(__file__).with_name("keras1.yaml").read_text(encoding="utf-8"))
TABLES = keras1.tables()
OLD = [case for case in CASES if case["hint"] is not None]


def _label(case: dict[str, Any]) -> str:
    return f"{case['category']}-{case['wrote']}"


def _translated(case: dict[str, Any]) -> Translation | None:
    return keras1.translate(case["category"], *split_part(case["wrote"]))


def _line(hint: str) -> str:
    """Return the text to paste: all behind `today:` or `today 2 parts:`."""
    return re.search(r"today(?: \d parts)?: (.*)", hint)[1]


@pytest.mark.parametrize("case", CASES, ids=_label)
def test_every_row_has_its_hint(case: dict[str, Any]) -> None:
    """A part of Keras 1 has exactly this hint; a part of Keras 3 has none."""
    found = _translated(case)
    assert (found.hint() if found else None) == case["hint"]


@pytest.mark.parametrize("case", [case for case in OLD if "Keras 1 syntax" in case["hint"]], ids=_label)
def test_the_line_can_be_pasted(case: dict[str, Any]) -> None:
    """The text behind `today:` is YAML: as an item of a list it reads as the same part."""
    found = _translated(case)
    line = _line(found.hint())
    pieces = [line] if len(found.parts) == 1 else line.split("; ", len(found.parts) - 1)
    text = "".join(f"  - {piece}\n" for piece in pieces)
    assert parse(f"model:\n{text}", "x.yaml").data["model"] == list(found.parts)


@pytest.mark.parametrize("case", [case for case in OLD if "today: " in case["hint"]], ids=_label)
def test_behind_a_key_the_part_keeps_its_braces(case: dict[str, Any]) -> None:
    """As a value (`kernel_regularizer: {L2: 0.01}`) the line reads as the same part too."""
    found = _translated(case)
    if found.parts:
        line = _line(found.hint(as_value=True))
        assert parse(f"at: {line}\n", "x.yaml").data["at"] == found.parts[0]


def test_the_line_may_stand_in_a_flow_list() -> None:
    """In `metrics: [accuracy, fmeasure]` the line replaces its word, and the rest of the list stays."""
    line = _line(keras1.translate("metrics", "fmeasure").hint())
    document = parse(f"metrics: [{line}, accuracy]\n", "x.yaml")
    assert document.data["metrics"] == [{"F1Score": {"average": "micro", "threshold": 0.5}}, "accuracy"]


@pytest.mark.parametrize("case", OLD, ids=_label)
def test_a_translation_is_not_old_itself(case: dict[str, Any]) -> None:
    """A translation needs no second one."""
    assert all(keras1.translate(case["category"], *split_part(part)) is None for part in _translated(case).parts)


def test_every_old_word_of_the_tables_has_a_row() -> None:
    """No name or argument is translated that no row shows."""
    shown = " ".join(str(case["wrote"]) for case in CASES)
    layers = TABLES["layers"]
    tables = (
        *TABLES["arguments"].values(),
        *TABLES["gone"].values(),
        layers["dropped"],
        layers["input"],
        layers["merge_modes"],
        TABLES["regularizers"]["functions"],
        TABLES["constraints"],
        TABLES["callbacks"],
        TABLES["initializers"]["scaled"],
        TABLES["optimizers"],
    )
    aliases = {"AtrousConv1D", "AtrousConv2D", "Deconvolution3D", "Deconv3D"}
    missing = {word for table in (*tables, set(layers["names"]) - aliases) for word in table if word not in shown}
    assert missing == {"input_dtype"}


def test_the_tables_name_only_what_there_is_today() -> None:
    """Layers, optimizers and arguments that are offered are in the catalog."""
    layers = TABLES["layers"]
    assert all(lookup.entry("layers", name) for name in layers["names"].values())
    assert all(lookup.entry("layers", name) for name in layers["merge_modes"].values())
    for name, arguments in TABLES["optimizers"].items():
        assert set(arguments) <= set(lookup.entry("optimizers", name).parameters)
    offered = {name for names in TABLES["arguments"]["layers"].values() for name in names}
    known = {name for layer in lookup.names("layers") for name in lookup.entry("layers", layer).parameters}
    assert offered <= known


@pytest.mark.parametrize("name", sorted(TABLES["layers"]["names"]))
def test_every_renamed_layer_is_translated(name: str) -> None:
    """Aliases of Keras 1's own names (`Deconv2D`) are known too."""
    found = keras1.translate("layers", name, {"name": "x"})
    ((today, arguments),) = found.parts[0].items()
    assert today == TABLES["layers"]["names"][name]
    assert arguments["name"] == "x"


@pytest.mark.parametrize(
    ("word", "value", "hint"),
    [
        ("nb_epoch", 10, "epochs: 10"),
        (
            "samples_per_epoch",
            60000,
            (
                "leave it out, an epoch is every training row once (Keras' steps_per_epoch counts batches: "
                "samples divided by batch_size)"
            ),
        ),
        (
            "nb_val_samples",
            100,
            (
                "leave it out, the whole validation part is scored (Keras' validation_steps counts batches: "
                "samples divided by batch_size)"
            ),
        ),
        (
            "val_samples",
            100,
            "leave it out, the whole part is scored (Keras' steps counts batches: samples divided by batch_size)",
        ),
        ("fit_generator", {}, "the section training: itself, run by nnrun train"),
        ("evaluate_generator", {}, "nnrun evaluate"),
        ("predict_generator", {}, "nnrun predict"),
        ("predict_classes", True, "nnrun predict, which names the class with the highest score"),
        ("nb_worker", 4, "leave it out, nnrun reads the data itself"),
        ("max_q_size", 10, "leave it out, nnrun reads the data itself"),
        ("pickle_safe", True, "leave it out, nnrun reads the data itself"),
        ("show_accuracy", True, "metrics: [accuracy]"),
        ("class_mode", "categorical", "leave it out, metrics: [accuracy] adapts to the loss"),
        ("validation_split", 0.1, "data: {split: {validation: 0.1}}"),
        ("image_dim_ordering", "th", "image_data_format: channels_first"),
        ("image_dim_ordering", "tf", "image_data_format: channels_last"),
        ("input", "picture", "inputs: picture"),
        ("output", ["a", "b"], "outputs: [a, b]"),
    ],
)
def test_keys_of_the_training_api_have_hints(word: str, value: object, hint: str) -> None:
    """Arguments of Keras 1's compile, fit and Model that are keys of a config have hints."""
    assert keras1.key_hint(word, value) == f"Keras 1 syntax; today: {hint}"


def test_keys_of_keras_3_have_no_hint() -> None:
    """Only keys of Keras 1 have such a hint."""
    assert keras1.key_hint("epochs", 3) is None
    assert keras1.key_hint("nb_epok", 3) is None


@pytest.mark.parametrize(
    ("category", "name", "word", "today"),
    [
        ("layers", "Dense", "output_dim", "units"),
        ("layers", "Dense", "units", None),
        ("layers", "Embedding", "output_dim", None),
        ("layers", "Embedding", "init", "embeddings_initializer"),
        ("layers", "Conv2D", "nb_row", "kernel_size"),
        ("layers", "Dense", "nb_row", None),
        ("layers", "ELU", "alpha", None),
        ("optimizers", "SGD", "lr", "learning_rate"),
        ("optimizers", "SGD", "learning_rate", None),
        ("callbacks", "ReduceLROnPlateau", "epsilon", "min_delta"),
        ("callbacks", "CSVLogger", "epsilon", None),
    ],
)
def test_an_old_argument_has_todays_name(category: str, name: str, word: str, today: str | None) -> None:
    """An argument is old only where the part does not have it and has its successor."""
    assert keras1.renamed_argument(lookup.entry(category, name), word) == today


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Conv2D", [32, 5]),
        ("Conv2D", [32, 5, "valid"]),
        ("Conv2D", [True, 5, 5]),
        ("Conv2D", []),
        ("Conv2D", 32),
        ("Dropout", 1.5),
        ("MaxPooling2D", [2, 2]),
        ("MaxoutDense", {"output_dim": "$classes"}),
        ("Merge", {"mode": ["sum"]}),
        ("Merge", [1]),
        ("Nonsense", {"output_dim": 3}),
        ("Lambda", {"p": 1}),
    ],
)
def test_ambiguous_parts_are_not_translated(name: str, arguments: object) -> None:
    """Lists of another length, unknown names and parts that need code are not translated."""
    assert keras1.translate("layers", name, arguments) is None


@pytest.mark.parametrize("scale", ["0.1", True, None, [0.1], {"l2": 0.1}])
def test_an_initializer_with_a_scale_that_is_no_number_is_not_translated(scale: object) -> None:
    """A scale that is no number is a mistake of its own, and no reason for an exception."""
    assert keras1.translate("initializers", "uniform", {"scale": scale}) is None


_WORDS = sorted(
    {
        key
        for case in CASES
        if isinstance(case["wrote"], dict)
        for inner in case["wrote"].values()
        if isinstance(inner, dict)
        for key in inner
    }
)
_NAMES = sorted({(case["category"], split_part(case["wrote"])[0]) for case in CASES})
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats(allow_nan=False) | st.sampled_from(["th", "full", "x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(_NAMES), _PLAIN | st.dictionaries(st.sampled_from(_WORDS), _PLAIN, max_size=5))
def test_nothing_that_a_config_can_hold_breaks_it(name: tuple[str, str], arguments: object) -> None:
    """Whatever the value of an old name is, there is a hint or none, and no exception."""
    found = keras1.translate(*name, arguments)
    assert found is None or "\n" not in found.hint()
