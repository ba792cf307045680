"""What may differ where a run is resumed, and how that is said."""

from __future__ import annotations

import pytest

from nnrun.errors import RunError
from nnrun.pipeline.circumstances import config_differences, differences, is_free, refusal, require_same
from nnrun.progress import NullProgress


class Warned(NullProgress):
    """Records warnings."""

    def __init__(self) -> None:
        super().__init__()
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Record a warning."""
        self.warnings.append(text)


BEFORE = {"versions": {"keras": "3.15.1", "jax": None}, "threads": 2, "cpu": "one", "data": {"file:a.csv": "x"}}


def test_only_what_both_have_is_compared() -> None:
    """A circumstance that an older state does not know is no difference."""
    assert differences(BEFORE, {**BEFORE, "onednn": True}) == []
    assert differences({}, BEFORE) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"threads": 4}, "threads: 2 then, 4 now"),
        ({"versions": {"keras": "3.16.0", "jax": None}}, "keras: 3.15.1 then, 3.16.0 now"),
        ({"versions": {"keras": "3.15.1", "jax": None, "torch": "2.9"}}, "torch: none then, 2.9 now"),
        ({"data": {}}, "file:a.csv: x then, none now"),
    ],
)
def test_each_difference_says_what_it_means(change: dict, said: str) -> None:
    """A difference has the name, both values and its meaning; a value that is new or gone is one too."""
    (found,) = differences(BEFORE, {**BEFORE, **change})
    assert found.startswith(f"{said} (")
    assert found.endswith(")")


def test_a_difference_is_refused_or_warned_of() -> None:
    """A run goes on elsewhere only on request, and then says what differs."""
    now, seen = {**BEFORE, "threads": 4, "cpu": "two"}, Warned()
    with pytest.raises(RunError) as caught:
        require_same(BEFORE, now, seen, even_if_different=False)
    assert (caught.value.text, caught.value.hint) == refusal(differences(BEFORE, now))
    assert "--even-if-different" in str(caught.value.hint)
    require_same(BEFORE, now, seen, even_if_different=True)
    assert len(seen.warnings) == 2
    require_same(BEFORE, dict(BEFORE), seen, even_if_different=False)
    assert len(seen.warnings) == 2


def test_config_differences_are_named_by_their_paths() -> None:
    """Keys and items that differ have dotted paths and both values; lists of other lengths differ as a whole."""
    before = {"model": [{"Dense": {"units": 3}}, "Flatten"], "seed": 1, "name": "a"}
    now = {"model": [{"Dense": {"units": 4}}, "Flatten"], "seed": 1, "name": "b", "new": None}
    assert config_differences(before, now) == [("model.0.Dense.units", 3, 4), ("name", "a", "b")]
    assert config_differences(before, {**before, "model": []}) == [("model", before["model"], [])]
    assert config_differences(before, before) == []


@pytest.mark.parametrize(
    ("path", "free"),
    [
        ("training.epochs", True),
        ("training.save_every.steps", True),
        ("expect.test.loss", True),
        ("training.epochs_of_something", False),
        ("training.batch_size", False),
        ("training", False),
        ("data.source.csv.file", False),
        ("name", True),
    ],
)
def test_free_keys(path: str, *, free: bool) -> None:
    """Keys that change no bit of the epochs so far are free, with everything below them and nothing else."""
    assert is_free(path) == free
