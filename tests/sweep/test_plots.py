"""Names and labels of a sweep's plots are short, and tell what they stand for from each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from nnrun.sweep.plots import short_names, tick_labels

WORDS = some.lists(some.sampled_from(["model", "0", "1", "Dense", "units", "training", "rate"]), min_size=1, max_size=4)


def test_the_last_word_of_a_path_is_its_name() -> None:
    """Or as many words as it takes; a number alone says nothing."""
    paths = ["training.batch_size", "model.0.Dense.units", "model.1.Dense.units", "model.2"]
    assert list(short_names(paths).values()) == ["batch_size", "0.Dense.units", "1.Dense.units", "model.2"]


@given(some.lists(WORDS.map(".".join), unique=True, max_size=6))
def test_no_two_paths_have_one_name(paths: list[str]) -> None:
    """Each name is an end of its path."""
    names = short_names(paths)
    assert len(set(names.values())) == len(paths)
    assert all(path.endswith(name) for path, name in names.items())


def test_layers_that_begin_alike_are_labelled_by_their_ends() -> None:
    """Others by their beginnings, without the braces."""
    assert tick_labels(["{Dropout: {rate: 0.2}}", "BatchNormalization"]) == [
        "Dropout: {rate: 0.2}",
        "BatchNormalization",
    ]
    texts = [f"{{Dense: {{units: 4, activation: {one}}}}}" for one in ("relu", "tanh")]
    assert tick_labels(texts) == ["\u2026 4, activation: relu}", "\u2026 4, activation: tanh}"]
