"""A whole config: its sections, its defaults, and every mistake at once."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest


def test_the_smallest_config_gets_keras_defaults(experiment) -> None:
    """Epochs, batch size and shuffling are Keras' own by default; the name is the file's."""
    smallest = experiment()
    assert smallest.name == "x"
    assert (smallest.seed, smallest.training.epochs, smallest.training.batch_size, smallest.training.shuffle) == (
        0,
        1,
        32,
        True,
    )
    assert smallest.training.metrics == ()


def test_an_experiment_is_frozen(experiment) -> None:
    """Nothing can change an experiment once it is validated."""
    with pytest.raises(FrozenInstanceError):
        experiment().seed = 8


def test_parts_have_their_paths_from_the_root(experiment) -> None:
    """Every part's path leads to it from the top of the file."""
    found = experiment(training="loss: mse\noptimizer: {SGD: {learning_rate: 0.1}}\nmetrics: [accuracy, mae]")
    assert found.model.layers[0].path == ("model", 0)
    assert found.model.layers[0].part.arguments["activation"].path == ("model", 0, "Dense", "activation")
    assert found.training.optimizer.path == ("training", "optimizer")
    assert found.training.metrics[1].path == ("training", "metrics", 1)
    assert found.data.source.path == ("data", "source")


@pytest.mark.parametrize(
    ("sections", "word", "text", "hint"),
    [
        ({"traning": "1"}, "traning", "the config has no key 'traning'", "Did you mean 'training'?"),
        (
            {"training": "loss: mse\noptimizer: Adam\nepoch: 3"},
            "epoch",
            "'training' has no key 'epoch'",
            "Did you mean 'epochs'?",
        ),
        (
            {"training": "loss: mse\noptimizer: Adam\nepochs: '3'"},
            "'3'",
            "expected a positive integer for 'epochs', received \"3\" (text)",
            "write 3 without quotes",
        ),
        (
            {"training": "loss: mse\noptimizer: Adam\nepochs: 0"},
            "0",
            "expected a positive integer for 'epochs', received 0",
            None,
        ),
        (
            {"training": "loss: mse\noptimizer: Adam\nepochs: true"},
            "true",
            "expected a positive integer for 'epochs', received true",
            None,
        ),
        (
            {"training": "loss: mse\noptimizer: Adam\nshuffle: no"},
            "no",
            "expected true or false for 'shuffle', received \"no\" (text)",
            "write false",
        ),
        (
            {"training": "loss: mse"},
            "training",
            "'training' needs 'optimizer', which is missing",
            "add a line 'optimizer: ...'",
        ),
        (
            {"training": "loss: mse\noptimiser: Adam"},
            "optimiser",
            "'training' has no key 'optimiser'",
            "'optimiser' is 'optimizer' here: write optimizer: Adam",
        ),
        ({"seed": "-1"}, "-1", "expected an integer from 0 to 4294967295 for 'seed', received -1", None),
        (
            {"seed": "4294967296"},
            "4294967296",
            "expected an integer from 0 to 4294967295 for 'seed', received 4294967296",
            None,
        ),
        (
            {"name": "a/b"},
            "a/b",
            "expected a name of letters, digits, '.', '_' and '-' (80 at most), received \"a/b\" (text)",
            "write a_b",
        ),
        (
            {"backend": "torch"},
            "torch",
            "expected one of 'tensorflow', 'jax' for 'backend', received \"torch\" (text)",
            None,
        ),
        (
            {"keras": "{floatx: float23}"},
            "float23",
            "expected one of 'float16', 'bfloat16', 'float32', 'float64' for 'floatx', received \"float23\" (text)",
            "Did you mean 'float32'?",
        ),
        (
            {"model": "Dense: 3"},
            "Dense",
            "expected a list of layers for 'model', received {Dense: 3} (a mapping of 1)",
            "start each layer on its own line with '- '",
        ),
        (
            {"expect": "{test.loss: {value: 3}}"},
            "{value: 3}",
            "expected value and within, or at_most, or at_least; received value",
            "write {value: 1.10, within: 0.35} or {at_most: 1.4}",
        ),
        ({"expect": "{test.loss: {at_most: .nan}}"}, ".nan", "expected a number for 'at_most', received .nan", None),
        (
            {"data": "source: digits\nsplit: {test: 1.5}"},
            "1.5",
            "expected a number in (0, 1) or 'train' for 'test', received 1.5",
            None,
        ),
        (
            {"data": "source: digits\nsplit: {test: 0.2, stratify: true, shuffle: false}"},
            "stratify",
            "stratify: true assigns rows by class, which cannot keep the file's order (shuffle: false)",
            "leave out one of the two",
        ),
        (
            {"data": "source: digit"},
            "digit",
            'expected the name of a data source, received "digit"',
            "Did you mean 'digits'?",
        ),
        (
            {"training": "loss: mse\noptimizer: Adam\nbatch_size: 2.5"},
            "2.5",
            "expected an integer from 1 to 2147483647 for 'batch_size', received 2.5",
            None,
        ),
        ({"training": "3"}, "3", "expected a mapping for 'training', received 3", None),
    ],
)
def test_each_mistake_is_reported_at_its_word(
    refused, sections: dict[str, str], word: str, text: str, hint: str | None
) -> None:
    """The caret is under the word to blame, and the message states what was expected and received."""
    assert (word, text, hint) in refused(**sections)


def test_eight_mistakes_are_eight_messages_at_once(refused) -> None:
    """A config with eight different mistakes gets eight messages, by place."""
    problems = refused(
        seed="seven",
        data="source: digitz\nsplit: {tset: 0.2}",
        model="- Dens: 8\n- Dropout: 1.5\n- Dense: {units: $class, activation: sofmax}",
        training="loss: mse\noptimizer: Adam\nepochs: 0",
    )
    assert [word for word, _, _ in problems] == ["digitz", "tset", "Dens", "1.5", "$class", "sofmax", "0", "seven"]
