"""Hints for unknown words: which section or part knows them, and the line to write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nnrun.catalog import lookup
from nnrun.catalog.lookup import CATEGORIES
from nnrun.config import overrides
from nnrun.config.document import parse
from nnrun.errors import ConfigError, Problem
from nnrun.spec.experiment import all_keys, validate

CONFIG = """\
data:
  source: {csv: {file: rows.csv, target: price}}
  split: {test: 0.25}
model:
  - Dense: {units: 4, activation: relu}
  - Dropout: 0.2
  - Dense: 1
training:
  loss: mse
  optimizer: {Adam: {beta_1: 0.8}}
  metrics: [mae]
  batch_size: 8
  callbacks:
    - EarlyStopping: {monitor: loss, patience: 2}
"""


def problems(old: str, new: str, sets: tuple[str, ...] = ()) -> list[Problem]:
    """Return the problems of the config with one line changed."""
    assert old in CONFIG
    try:
        validate(overrides.apply(parse(CONFIG.replace(old, new, 1), "it.yaml"), sets))
    except ConfigError as error:
        return list(error.problems)
    return []


def hint_of(old: str, new: str) -> str:
    """Return the hint of the one problem of the config with one line changed."""
    (problem,) = problems(old, new)
    return str(problem.hint)


@pytest.mark.parametrize(
    ("line", "hint_part"),
    [
        ("  lr: 0.1", "under training: optimizer: {Adam: {beta_1: 0.8, learning_rate: 0.1}}"),
        ("  learning_rate: 0.1", "write optimizer: {Adam: {beta_1: 0.8, learning_rate: 0.1}}"),
        ("  momentum: 0.9", "under training: optimizer: {SGD: {momentum: 0.9}}"),
        ("  patience: 5", "the callback EarlyStopping: write there EarlyStopping: {monitor: loss, patience: 5}"),
        ("  early_stopping: 5", "write there EarlyStopping: {monitor: loss, patience: 5}"),
        ("  ReduceLROnPlateau: {patience: 3}", "write under training: callbacks: [{ReduceLROnPlateau: {patience: 3}}]"),
        ("  activation: tanh", "the layer Dense: write there Dense: {units: 4, activation: tanh}"),
        ("  dropout: 0.2", "Dropout is a layer: write among the layers of the model: Dropout: 0.2"),
        ("  monitor: val_loss", "'monitor' belongs to training.best: write here best: {monitor: val_loss}"),
        ("  prepare: [Standardize]", "'prepare' belongs to data: write there prepare: [Standardize]"),
        ("  folds: 5", "'folds' belongs to data.split.k_fold: write under data.split k_fold: {folds: 5}"),
        (
            "  validation_split: 0.2",
            "'validation_split' belongs to data.split, as 'validation': write there validation: 0.2",
        ),
        ("  seed: 3", "'seed' belongs to the top of the config: write at the top seed: 3"),
        ("  split: {test: 0.2}", "it has split: {test: 0.25} already; leave one of the two out"),
        ("  n_epochs: 20", "'n_epochs' is 'epochs' here: write epochs: 20"),
        ("  num_workers: 4", "leave it out, nnrun reads the data itself"),
        ("  sep: ;", "source: {csv: {file: rows.csv, target: price, separator: ';'}}"),
        ("  zzyzx: 1", "known here: rule, loss, optimizer, "),
    ],
)
def test_an_unknown_key_of_training_says_who_knows_it(line: str, hint_part: str) -> None:
    """A key in the wrong section has the line of the right one as its hint, with the user's value."""
    assert hint_part in hint_of("  batch_size: 8", line)


@pytest.mark.parametrize(
    ("old", "new", "hint_part"),
    [
        ("data:", "epochs: 3\ndata:", "'epochs' belongs to training: write there epochs: 3"),
        ("data:", "optimizer: sgd\ndata:", "it has optimizer: {Adam: {beta_1: 0.8}} already"),
        ("data:", "random_state: 3\ndata:", "'random_state' is 'seed' here: write seed: 3"),
        ("data:", "units: 3\ndata:", "write there Dense: {units: 3, activation: relu}"),
        ("data:", "dataset:", "'dataset' is 'data' here"),
        ("training:", "fit:", "'fit' is 'training' here: rename it to training"),
        ("  split: {test: 0.25}", "  epochs: 3", "'epochs' belongs to training: write there epochs: 3"),
        ("  split: {test: 0.25}", "  target: age", "{csv: {file: rows.csv, target: age}}"),
        ("{test: 0.25}", "{test_size: 0.25}", "'test_size' is 'test' here: write test: 0.25"),
        ("{test: 0.25}", "{n_splits: 5}", "write here k_fold: {folds: 5}"),
        ("{test: 0.25}", "0.25", "write split: {test: 0.25}"),
        ("{units: 4, activation: relu}", "{units:4}", "write units: 4, with a space after the colon"),
        ("{units: 4, activation: relu}", "{units: 4, droput: 0.2}", "Dropout is a layer"),
        ("{units: 4, activation: relu}", "{units: 4, epochs: 3}", "'epochs' belongs to training"),
        ("{units: 4, activation: relu}", "{out_features: 4}", "'out_features' is 'units' here: write units: 4"),
        ("target: price", "label: price", "'label' is 'target' here: write target: price"),
        (
            "  callbacks:\n    - ",
            "  callbacks:\n    ",
            "write callbacks: [{EarlyStopping: {monitor: loss, patience: 2}}]",
        ),
        ("metrics: [mae]", "metrics: mae", "write metrics: [mae]"),
    ],
)
def test_an_unknown_key_anywhere_says_who_knows_it(old: str, new: str, hint_part: str) -> None:
    """One mistake is one problem, and its hint can be pasted."""
    assert hint_part in hint_of(old, new)


@pytest.mark.parametrize("path", ["training.lr=0.5", "lr=0.5"])
def test_the_hint_of_an_option_is_an_option(path: str) -> None:
    """A key that `--set` puts into the wrong section has the right option as its hint."""
    (problem,) = problems("data:", "data:", (path,))
    assert "write --set training.optimizer.Adam.learning_rate=0.5" in str(problem.hint)


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("training.optimizer.lr=0.1", "write --set training.optimizer.Adam.learning_rate=0.1"),
        ("training.optimizer.SGD.momentum=0.9", "--set 'training.optimizer={SGD: {momentum: 0.9}}' to replace Adam"),
        ("model.0.units=5", "write --set model.0.Dense.units=5"),
        ("data.split.val=0.2", "write --set data.split.validation=0.2"),
    ],
)
def test_an_option_beside_a_part_is_refused_at_the_option(option: str, hint: str) -> None:
    """An argument that `--set` puts next to a part's name is refused in the option, with the right option."""
    (problem,) = problems("data:", "data:", (option,))
    assert problem.mark is not None
    assert problem.mark.file == "--set"
    assert hint in str(problem.hint)


def test_every_key_of_every_section_is_found_from_everywhere() -> None:
    """Whatever key of a section stands under `training:` or at the top by mistake, its own section is named."""
    for key in all_keys():
        *section, name = map(str, key.path)
        for old, new, here in (
            ("data:", f"{name}: 1\ndata:", ()),
            ("  batch_size", f"  {name}: 1\n  batch_size", ("training",)),
        ):
            found = [one for one in problems(old, new) if one.text.endswith(f"has no key '{name}'")]
            if not found or section[:1] == ["model"]:
                continue
            others = [one.path[:-1] for one in all_keys() if one.path[-1] == name and one.path[:-1] != here]
            owners = {".".join(map(str, one)) or "the top of the config" for one in others}
            assert any(owner in str(found[0].hint) for owner in owners) or name == "learning_rate", (
                name,
                found[0].hint,
            )


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_name_is_found_in_other_letters(category: str) -> None:
    """A part's name in capitals, with a module or with hyphens leads to that name."""
    place = {
        "layers": ("Dropout: 0.2", "{}"),
        "optimizers": ("{Adam: {beta_1: 0.8}}", "{}"),
        "losses": ("loss: mse", "loss: {}"),
        "metrics": ("[mae]", "[{}]"),
        "activations": ("relu", "{}"),
        "sources": ("{csv: {file: rows.csv, target: price}}", "{}"),
        "preparation": ("  split: {test: 0.25}", "  prepare: [{}]"),
    }.get(category)
    if place is None:
        return
    for name in lookup.names(category):
        for written in (name.upper(), f"some.module.{name}"):
            if lookup.entry(category, written) is None:
                (problem, *_) = problems(place[0], place[1].format(written))
                assert name.lower() in str(problem.hint).lower(), (written, problem.hint)


@pytest.mark.parametrize(
    ("old", "new", "hint_part"),
    [
        ("{Adam: {beta_1: 0.8}}", "{name: adam, lr: 0.01}", "write optimizer: {Adam: {learning_rate: 0.01}}"),
        ("{Adam: {beta_1: 0.8}}", "{type: Adam}", "write optimizer: Adam"),
        (
            "{Adam: {beta_1: 0.8}}",
            "{class_name: keras.optimizers.SGD, config: {momentum: 0.9}}",
            "write optimizer: {SGD: {momentum: 0.9}}",
        ),
        ("{Adam: {beta_1: 0.8}}", "{_target_: torch.optim.Adam, eps: 0.1}", "write optimizer: {Adam: {epsilon: 0.1}}"),
        ("{Adam: {beta_1: 0.8}}", "Adam(learning_rate=0.1)", "write optimizer: {Adam: {learning_rate: 0.1}}"),
        ("{Adam: {beta_1: 0.8}}", "[Adam, 0.1]", "write {Adam: {learning_rate: 0.1}}"),
        ("Dropout: 0.2", "type: Dense\n    units: 8", "write Dense: {units: 8}"),
        ("Dropout: 0.2", "Dropout 0.2", "write Dropout: 0.2, with a colon and a space"),
        ("Dropout: 0.2", "Dropout(0.2)", "write Dropout: {rate: 0.2}"),
        ("Dropout: 0.2", "droput: 0.2", "Did you mean 'Dropout'?"),
        ("Dropout: 0.2", "Linear: {in_features: 2, out_features: 8}", "write Dense: {units: 8}"),
        ("Dropout: 0.2", "BatchNorm2d: 8", "Did you mean 'BatchNormalization'?"),
        ("Dropout: 0.2", "Adam", "Adam is an optimizer; write under training: optimizer: Adam"),
        ("Dropout: 0.2", "MyLayer", "if it is your own, name the file that defines it: --code my_code.py"),
        ("Dropout: 0.2", "epochs: 3", "'epochs' belongs to training"),
        ("loss: mse", "loss: BCEWithLogitsLoss", "write loss: {BinaryCrossentropy: {from_logits: true}}"),
        ("loss: mse", "loss: rmse", "Did you mean"),
        ("[mae]", "[f1]", "Did you mean 'F1Score'?"),
        ("[mae]", "[rmse]", "Did you mean 'RootMeanSquaredError'?"),
        ("{csv: {file: rows.csv, target: price}}", "rows.csv", "write source: {csv: {file: rows.csv}}"),
        (
            "{csv: {file: rows.csv, target: price}}",
            "{csv: rows.csv, target: price}",
            "write source: {csv: {file: rows.csv, target: price}}",
        ),
        (
            "{csv: {file: rows.csv, target: price}}",
            "{file: rows.csv, target: price}",
            "write source: {csv: {file: rows.csv, target: price}}",
        ),
        ("{csv: {file: rows.csv, target: price}}", "{excel: {file: a.xlsx}}", "save the table as csv or parquet"),
        ("Dropout: 0.2", "Dense: {units: 4, kernel_regularizer: 0.01}", "write {L2: 0.01}"),
        ("Dropout: 0.2", "Conv2D: [4, 3]", "write Conv2D: {filters: 4, kernel_size: 3}"),
        ("Dropout: 0.2", "Dense: {units: 4, name: -7}", "write layer_7"),
        ("Dropout: 0.2", "Dense: 4, relu", "write Dense: {units: 4, activation: relu}"),
        ("Dropout: 0.2", "Bidirectional: {LSTM: 4}", "write Bidirectional: {layer: {LSTM: 4}}"),
        ("Dropout: 0.2", "Dense(4, activation='relu')", "write Dense: {units: 4, activation: relu}"),
        ("loss: mse", "loss: {huber: {delta: 2.0}}", "write Huber: {delta: 2.0}"),
        ("loss: mse", "criterion: mse", "'criterion' is 'loss' here: write loss: mse"),
        ("[mae]", "[mae mse]", "put ',' between them: mae, mse"),
        ("metrics: [mae]", "metrics: mae, mse", "write metrics: [mae, mse]"),
        ("  batch_size: 8", "  scheduler: CosineDecay", "learning_rate: {CosineDecay:"),
        ("{test: 0.25}", "{train: 0.75}", "leave it out, the training part is what remains"),
        ("target: price}", "target: price, types: {a: float}}", "write number"),
    ],
)
def test_an_unknown_part_has_the_line_to_write(old: str, new: str, hint_part: str) -> None:
    """Names of other libraries, calls and mappings with a name inside are one problem, with the line of today."""
    assert hint_part in hint_of(old, new)


@pytest.mark.parametrize(
    ("old", "new", "hint_part"),
    [
        ("batch_size: 8", "batch_size: 1_000", "write 1000"),
        ("batch_size: 8", 'batch_size: "8"', "write 8 without quotes"),
        ("batch_size: 8", "batch_size: 8.0", "write 8"),
        ("batch_size: 8", "batch_size: [8]", "write 8"),
        ("batch_size: 8", "batch_size: None", "leave it out, or write an integer from 1 to 2147483647"),
        ("batch_size: 8", "shuffle: 'False'", "write false without quotes"),
        ("batch_size: 8", "shuffle: yes", "write true"),
        ("batch_size: 8", "class_weight: balance", "write balanced"),
        ("{Adam: {beta_1: 0.8}}", '{Adam: {learning_rate: "1e-3"}}', "write 0.001 without quotes"),
        ("{Adam: {beta_1: 0.8}}", "{Adam: {learning_rate: 1/1000}}", "write 0.001"),
        ("{test: 0.25}", "{test: 25%}", "write 0.25"),
        ("{test: 0.25}", "{test: 25}", "write 0.25"),
        ("Dense: 1", "Dense: n_classes", "write $classes"),
        ("Dense: 1", "Dense: $klasses", "Did you mean '$classes'?"),
        ("Dropout: 0.2", "Conv1D: {filters: 2, kernel_size: '(3)'}", "write 3"),
        ("Dropout: 0.2", "Conv2D: {filters: 2, kernel_size: 3x3}", "write [3, 3]"),
    ],
)
def test_a_value_of_the_wrong_kind_has_the_value_to_write(old: str, new: str, hint_part: str) -> None:
    """The hint is the value that was meant, as the language writes it."""
    assert hint_part in hint_of(old, new)


def test_a_number_is_expected_first_where_it_is_usual() -> None:
    """Text in place of a learning rate is refused as no number, not as the name of no schedule."""
    (problem,) = problems("data:", "data:", ("training.optimizer.Adam.learning_rate=0.1,0.01",))
    assert problem.text.startswith("expected a positive number or a schedule for 'learning_rate'")
    assert problem.hint == "write 0.1"


def test_the_config_of_a_run_names_the_code_that_it_kept(tmp_path) -> None:
    """A name that nobody knows, in a config beside the copies of a run's code, leads to those copies."""
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "mine.py").write_text("")
    document = replace(parse(CONFIG.replace("Dropout: 0.2", "Mine"), "it.yaml"), file=tmp_path / "resolved.yaml")
    with pytest.raises(ConfigError) as caught:
        validate(document)
    assert f"--code {tmp_path / 'sources' / 'mine.py'}" in str(caught.value.problems[0].hint)


GRAPH = """\
data: {source: {inline: {rows: [[1, 2, 0], [2, 3, 1]]}}}
model:
  inputs: {left: ["0"], right: ["1"]}
  layers:
    - Dense: {from: left, units: 4, name: a}
    - Dense: {from: right, units: 4, name: b}
    - Concatenate: {from: [a, b], name: both}
    - Dense: {from: both, units: 1, name: price}
  outputs: {price: {loss: mse, weight: 0.5}}
training: {optimizer: Adam}
"""


@pytest.mark.parametrize(
    ("old", "new", "hint_part"),
    [
        ("from: left", "input: left", "'input' is 'from' here: write from: left"),
        ("from: [a, b]", "from: a, b", "write from: [a, b]"),
        ("from: [a, b]", "from: [a b]", "write [a, b]"),
        ("from: left", "form: left", "Did you mean 'from'?"),
        ("units: 1, name: price", "units: 1, id: price", "'id' is 'name' here: write name: price"),
        ("weight: 0.5", "loss_weight: 0.5", "'loss_weight' is 'weight' here: write weight: 0.5"),
        ("weight: 0.5", "weight: 50%", "write 0.5"),
        ("  outputs:", "  output:", "Did you mean 'outputs'?"),
        ("  layers:", "  nodes:", "'nodes' is 'layers' here"),
        ("optimizer: Adam", "optimizer: Adam, loss: {price: mse}", "write under model.outputs price: {loss: mse}"),
        ("optimizer: Adam", "optimizer: Adam, loss_weights: {price: 0.5}", "outputs: {price: {weight: 0.5}}"),
        ('left: ["0"]', "left: 0", "write left: ['0']"),
        (
            "Concatenate: {from: [a, b]",
            "MultiHeadAttention: {num_heads: 2, key_dim: 2, causal: true, from: [a, b]",
            "write call: {use_causal_mask: true}",
        ),
    ],
)
def test_an_unknown_word_of_a_graph_says_what_to_write(old: str, new: str, hint_part: str) -> None:
    """Keys of layers, outputs and inputs have other names elsewhere, too, and one mistake is one problem."""
    assert old in GRAPH
    with pytest.raises(ConfigError) as caught:
        validate(parse(GRAPH.replace(old, new, 1), "it.yaml"))
    (problem,) = caught.value.problems
    assert hint_part in str(problem.hint)
