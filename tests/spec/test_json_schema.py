"""The JSON Schema: it accepts what nnrun accepts, refuses what nnrun refuses, and the committed file is up to date."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from nnrun.catalog import lookup
from nnrun.catalog.describe import example_part, example_value
from nnrun.catalog.kinds import Numbers
from nnrun.config import document
from nnrun.config.files import shipped_configs, shipped_folder
from nnrun.errors import ConfigError
from nnrun.spec import json_schema
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.part import read_part

COMMITTED = shipped_folder() / "nnrun.schema.json"
CONFIGS = sorted(shipped_configs().items())
FIRST_LINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")

BASE: dict[str, Any] = {
    "name": "tiny",
    "seed": 7,
    "data": {
        "source": {"csv": {"file": "rows.csv", "target": "price"}},
        "prepare": [{"Rescale": {"divide_by": 16}}, {"Reshape": [64]}],
        "split": {"test": 0.2, "validation": 0.1, "stratify": True},
    },
    "model": [
        {"Dense": {"units": 8, "activation": "relu"}},
        {"Dropout": 0.2},
        {"residual": {"layers": [{"Dense": 8}], "shortcut": [{"Dense": 8}]}},
        {"repeat": {"times": 2, "layers": [{"Dense": 8}]}},
        {"Bidirectional": {"layer": {"LSTM": 8}, "name": "seen"}},
        {"Dense": {"units": "$classes", "activation": "softmax", "from": "seen"}},
    ],
    "training": {
        "loss": "sparse_categorical_crossentropy",
        "optimizer": {"Adam": {"learning_rate": 1e-3}},
        "metrics": ["accuracy"],
        "epochs": 5,
        "batch_size": 32,
        "callbacks": [{"EarlyStopping": {"monitor": "val_loss", "patience": 3}}],
    },
    "expect": {"test.error_percent": {"value": 1.1, "within": 0.3}},
}
GRAPH: dict[str, Any] = {
    "inputs": {"picture": "$image", "facts": ["age", "bmi"], "sex": None},
    "layers": [
        {"Dense": {"units": 8, "from": "facts", "name": "known"}},
        {
            "MultiHeadAttention": {
                "from": ["known", "known"],
                "num_heads": 2,
                "key_dim": 4,
                "call": {"use_causal_mask": True},
            }
        },
        {"Add": {"from": ["known", "picture.1"]}},
        {"Dense": {"units": 1, "name": "price"}},
    ],
    "outputs": {"price": {"loss": "mse", "weight": 0.5, "metrics": ["mae"]}},
}
DEFINED: dict[str, Any] = {
    **BASE,
    "define": {"block": [{"Dense": 8}, "Flatten"]},
    "model": [
        "block",
        {"block": {"share": True}},
        {"use": "block"},
        {"use": {"stack": "block", "name": "once"}},
        {"repeat": {"times": 2, "layers": ["block"]}},
        {"Dense": 1},
    ],
}


@cache
def validator(definition: str | None = None) -> Draft202012Validator:
    """Return the validator of whole configs, or of one definition."""
    whole = json_schema.schema()
    return Draft202012Validator(
        whole if definition is None else {"$ref": f"#/$defs/{definition}", "$defs": whole["$defs"]}
    )


def changed(config: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a config in which a path has another value; `...` removes the key."""
    made = copy.deepcopy(config)
    here: Any = made
    *way, last = (int(word) if word.isdigit() else word for word in path.split("/"))
    for key in way:
        here = here[key]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return made


def refused(config: dict[str, Any]) -> bool:
    """Return whether nnrun itself refuses a config."""
    try:
        validate(document.parse(json.dumps(config), "tiny.yaml"))
    except ConfigError:
        return True
    return False


@pytest.mark.slow
def test_it_is_a_schema_of_the_draft() -> None:
    """The schema is one of draft 2020-12, under 3 MB, and has no address that would be downloaded."""
    Draft202012Validator.check_schema(json_schema.schema())
    assert json_schema.schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json_schema.schema()["$id"].startswith("urn:")
    assert len(json_schema.text()) < 3_000_000


def test_the_text_is_the_schema() -> None:
    """The text is the schema as JSON, with one definition a line."""
    assert json.loads(json_schema.text()) == json.loads(json.dumps(json_schema.schema()))
    assert json_schema.text().count("\n") > len(json_schema.schema()["$defs"])


def test_every_reference_has_a_definition() -> None:
    """No reference names a missing definition, and no definition is unused."""
    whole = json_schema.schema()
    used = set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json.dumps(whole)))
    assert used == set(whole["$defs"])


def test_the_committed_file_is_up_to_date() -> None:
    """`nnrun schema --out configs/nnrun.schema.json` would change nothing."""
    assert COMMITTED.read_text(encoding="utf-8") == json_schema.text()
    assert "nnrun schema --out" in json.loads(COMMITTED.read_text(encoding="utf-8"))["$comment"]


def test_the_package_contains_it_next_to_the_configs() -> None:
    """A wheel contains the whole folder of configs, so that their first lines lead to the schema there too."""
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"] == {"configs": "nnrun/configs"}
    assert COMMITTED.parent.name == "configs"


@pytest.mark.parametrize(("name", "path"), CONFIGS, ids=[name for name, _ in CONFIGS])
def test_shipped_configs_validate(name: str, path: Path) -> None:
    """An editor finds no error in the configs that come with nnrun."""
    data = document.read(path).data
    assert [error.message for error in validator().iter_errors(data)] == [], name


@pytest.mark.parametrize(("name", "path"), CONFIGS, ids=[name for name, _ in CONFIGS])
def test_the_first_line_names_the_schema(name: str, path: Path) -> None:
    """The first line of every shipped config leads an editor to the committed schema, by a relative path."""
    found = FIRST_LINE.fullmatch(path.read_text(encoding="utf-8").splitlines()[0])
    assert found is not None, name
    assert (path.parent / found[1]).resolve() == COMMITTED.resolve()


@pytest.mark.parametrize(
    "config",
    [
        BASE,
        {**BASE, "model": GRAPH},
        DEFINED,
        changed(BASE, "name", ...),
        changed(BASE, "expect/test.error_percent", {"at_most": 3}),
        changed(BASE, "training/class_weight", {"a": 1, "b": 2.5}),
        changed(BASE, "training/optimizer", "adam"),
        changed(BASE, "silence", ["test-part-watched"]),
        changed(BASE, "training/loss", {"Huber": {"delta": 2}}),
        {**changed(BASE, "training/loss", ...), "model": GRAPH},
    ],
    ids=range(10),
)
def test_what_nnrun_accepts_the_schema_accepts(config: dict[str, Any]) -> None:
    """Chains, graphs, stacks with names, and every form of a part are fine with both."""
    assert [error.message for error in validator().iter_errors(config)] == []
    if isinstance(config["model"], list) and "define" not in config:
        assert not refused(config)


@pytest.mark.parametrize(
    "config",
    [
        {"extends": "base.yaml"},
        {"extends": ["a.yaml", "b.yaml"], "training": {"epochs": 3}},
        {"extends": "base", "data": {"split": {"test": 0.1}}, "expect": None, "training": {"callbacks": None}},
        {"extends": "base", "training": {"optimizer": {"Adam": {"beta_1": None}}}},
        {"extends": "base", "model": ["block", {"Dense": 1}]},
    ],
)
def test_a_config_that_extends_may_contain_only_what_differs(config: dict[str, Any]) -> None:
    """With `extends:` nothing is required, and null removes."""
    assert [error.message for error in validator().iter_errors(config)] == []


@pytest.mark.parametrize(
    "config",
    [
        {"extends": 3},
        {"extends": []},
        {"extends": "base", "trainin": {}},
        {"extends": "base", "training": {"epoch": 1}},
        {"extends": "base", "training": {"optimizer": {"Adom": None}}},
        {"extends": "base", "training": {"epochs": "3"}},
        {"extends": "base", "model": [{"Dens": 1, "Dense": 2}]},
    ],
)
def test_a_config_that_extends_is_still_checked(config: dict[str, Any]) -> None:
    """Keys, names and values are those of the language."""
    assert not validator().is_valid(config)


WRONG: list[tuple[str, Any]] = [
    ("seed", "7"),
    ("seed", -1),
    ("seed", True),
    ("name", "my name"),
    ("name", ""),
    ("backend", "torch"),
    ("keras", {"floatx": "float31"}),
    ("keras", {"epsilon": 0}),
    ("precision", "mixed"),
    ("sead", 3),
    ("silence", ["monitor-unknown"]),
    ("silence", ["no-such-finding"]),
    ("silence", "test-part-watched"),
    ("data", ...),
    ("data/source", ...),
    ("data/source", "minst"),
    ("data/source", {"csv": {}}),
    ("data/sorce", "x"),
    ("data/source", {"csv": {"file": "a.csv", "headers": True}}),
    ("data/prepare", {"Rescale": 2}),
    ("data/prepare/0", {"Rescal": 2}),
    ("data/split/test", 1.5),
    ("data/split/validation", "train"),
    ("data/split", {"stratify": True, "shuffle": False}),
    ("data/split/stratify", "yes"),
    ("model", ...),
    ("model", []),
    ("model", "Dense"),
    ("model/0", "Dens"),
    ("model/0", "Dense"),
    ("model/0", None),
    ("model/0/Dense/units", "8"),
    ("model/0/Dense/units", True),
    ("model/0/Dense/units", 0),
    ("model/0/Dense/activation", "rleu"),
    ("model/0/Dense/activaton", "relu"),
    ("model/1/Dropout", 1.5),
    ("model/1/Dropout", None),
    ("model/0", {"Dense": 8, "Dropout": 0.2}),
    ("model/0", {}),
    ("model/0", "$classes"),
    ("model/2/residual", {}),
    ("model/2/residual/layer", []),
    ("model/2/residual/layers", []),
    ("model/3/repeat/times", 0),
    ("model/3/repeat/times", "$classes"),
    ("model/3/repeat/layers", ...),
    ("model/4/Bidirectional/layer", {"LSTM": {"units": 8, "from": "seen"}}),
    ("model/4/Bidirectional/layer", ...),
    ("model/4/Bidirectional/name", "two words"),
    ("model/5/Dense/from", []),
    ("model/5/Dense/from", 3),
    ("model/5/Dense/call", {"trainin": 1}),
    ("model/5/Dense/call", "training"),
    ("model/0", {"use": "block"}),
    ("model", {"layers": [{"Dense": 1}], "input": {}}),
    ("model", {"inputs": {"a": None}}),
    ("model", {"inputs": {"a b": None}, "layers": [{"Dense": 1}]}),
    ("model", {"inputs": {"a": 3}, "layers": [{"Dense": 1}]}),
    ("model", {"layers": [{"Dense": 1}], "outputs": {"a": {"loss": "msee"}}}),
    ("model", {"layers": [{"Dense": 1}], "outputs": {"a": {"weight": -1}}}),
    ("model", {"layers": [{"Dense": 1}], "outputs": {"a": {"metrics": "mae"}}}),
    ("define", {"Dense": [{"Dense": 1}]}),
    ("define", {"a b": [{"Dense": 1}]}),
    ("define", {"a": "Dense"}),
    ("training/loss", ...),
    ("training/loss", "crossentrupy"),
    ("training/loss", {"mean_squared_error": {"x": 1}}),
    ("training/optimizer", ...),
    ("training/optimizer", "Adom"),
    ("training/optimizer", {"Adam": {"lr": 1}}),
    ("training/optimizer/Adam/learning_rate", 0),
    ("training/optimizer/Adam/learning_rate", "0.1"),
    ("training/optimizer/Adam/learning_rate", {"ExponentialDecay": {"decay_steps": 3}}),
    ("training/epochs", 0),
    ("training/epochs", 2.5),
    ("training/batch_size", "32"),
    ("training/metrics", "accuracy"),
    ("training/metrics/0", "acuracy"),
    ("training/callbacks/0/EarlyStopping/patience", -1),
    ("training/class_weight", "balance"),
    ("training/class_weight", {"a": -1}),
    ("training/best", {"mode": "less"}),
    ("expect/test.error_percent", {"value": 1}),
    ("expect/test.error_percent", {"at_most": 1, "at_least": 0}),
    ("expect/test.error_percent", 3),
    ("expect", [1]),
]


@pytest.mark.parametrize(("path", "value"), WRONG, ids=[f"{number}-{path}" for number, (path, _) in enumerate(WRONG)])
def test_what_the_schema_refuses_nnrun_refuses(path: str, value: Any) -> None:
    """Each of these mistakes is one for the editor and for `nnrun check` alike."""
    config = changed(BASE, path, value)
    assert not validator().is_valid(config)
    assert refused(config)


def test_every_key_of_every_section_is_described() -> None:
    """An editor shows of each key the description in the section's docstring."""
    whole = json_schema.schema()["$defs"]
    for name in ("Experiment", "DataSpec", "Split", "TrainingSpec", "Expectation"):
        for key, value in whole[name]["properties"].items():
            assert value["description"], (name, key)
    assert set(whole["Experiment"]["properties"]) == set(Experiment.known_keys())


ENTRIES = [
    entry
    for category in lookup.CATEGORIES
    for name in lookup.names(category)
    if (entry := lookup.entry(category, name)) and not read_part(category, example_part(entry))[1]
]
WORDS = [
    "relu",
    "same",
    "VALID",
    "zeros",
    "l2",
    "l1l2",
    "adam",
    "auto",
    "$classes",
    "$input_shape",
    "int",
    "float32",
    "a/b",
    "x.keras",
    "ab,bc->ac",
    "mean",
]
PLAIN = (
    st.none() | st.booleans() | st.integers(-3, 40) | st.sampled_from([0.5, -0.5, 1.5, 1e-3]) | st.sampled_from(WORDS)
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["L2", "LSTM", "Dense", "Constant", "layer", "units", "a"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)


@st.composite
def parts(draw: st.DrawFn) -> tuple[str, Any]:
    """Draw a category and a value that is nearly one of its parts: some arguments right, some wrong, some unknown."""
    entry = draw(st.sampled_from(ENTRIES))
    form = draw(st.sampled_from(["word", "single", "example", "mapping", "mapping", "mapping"]))
    if form == "word":
        return entry.category, entry.name
    if form == "single":
        return entry.category, {entry.name: draw(VALUES)}
    if form == "example":
        return entry.category, example_part(entry)
    given_too = draw(st.sets(st.sampled_from([*entry.parameters, "unknown", "from"]), max_size=2))
    arguments = {name: example_value(entry, one) for name, one in entry.parameters.items() if one.required}
    arguments |= {name: draw(VALUES) for name in sorted(given_too)}
    return entry.category, {entry.name: arguments}


@given(parts())
@settings(max_examples=300)
@pytest.mark.slow
def test_reading_a_part_and_the_schema_agree(part: tuple[str, Any]) -> None:
    """Nnrun and the schema accept and refuse the same parts."""
    category, value = part
    # That lists of numbers have equal lengths is what a schema cannot say.
    assume(category != "ops" or not _is_ragged(value))
    assert (read_part(category, value)[1] == ()) == validator(category).is_valid(value)


def _is_ragged(value: Any) -> bool:
    """Return whether a value has lists of numbers inside it that are no array."""
    if isinstance(value, dict):
        return any(_is_ragged(inner) for inner in value.values())
    return isinstance(value, list) and not Numbers().accepts(value) and validator("numbers").is_valid(value)


@pytest.mark.parametrize("value", [[None], ["a"], [[1, None]], [{}], [[1, 2], ["b"]]])
def test_what_stands_for_a_tensor_is_numbers_in_nnrun_and_in_the_schema(value: list[Any]) -> None:
    """Lists in place of a tensor have numbers in them, at any depth."""
    assert read_part("ops", {"copy": [value]})[1] != ()
    assert not validator("ops").is_valid({"copy": value})
    assert validator("ops").is_valid({"copy": [[1, 2.5], [True, 3]]})


def test_every_example_is_valid() -> None:
    """The example that `nnrun explain` shows of a part is one that the schema accepts."""
    for entry in ENTRIES:
        assert validator(entry.category).is_valid(example_part(entry)), entry.name
    assert len(ENTRIES) > 300
