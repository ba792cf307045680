"""Preparation steps of the user's own: what they get of a table, what they return, and the state that they keep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nnrun.data.columns import Columns
from nnrun.data.prepare.user_code import UserStep, with_user_objects
from nnrun.errors import DataError


class Shares:
    """Replaces words by their share among the training rows."""

    def fit(self, x: Any) -> None:
        """Count words."""
        names, counts = np.unique(x["word"], return_counts=True)
        self.shares = dict(zip(names, counts / counts.sum(), strict=True))

    def apply(self, x: Any) -> Any:
        """Return the columns with shares in place of words."""
        return {**x, "word": [self.shares.get(word, 0.0) for word in x["word"]]}

    def get_state(self) -> dict[str, Any]:
        """Return the shares, with NumPy's numbers and an array."""
        return {"shares": self.shares, "unused": np.arange(3)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take the shares."""
        self.shares = state["shares"]


class Upper:
    """Returns texts."""

    takes = "columns"

    def apply(self, x: Any) -> Any:
        """Return one text an example, and one that is missing."""
        return {"shown": [f"{age:g}" for age in x["age"][:-1]] + [None]}


class Sum:
    """Adds the columns of a table of numbers, which comes as an array; its methods have earlier names."""

    def fit(self, x: Any) -> None:
        """Keep the mean."""
        self.mean = x.mean()

    def apply(self, x: Any) -> Any:
        """Return a matrix for each row."""
        return np.stack([x, x + self.mean], axis=-1)

    def state(self) -> dict[str, Any]:
        """Return the mean."""
        return {"mean": self.mean}

    def restore(self, state: dict[str, Any]) -> None:
        """Take the mean."""
        self.mean = state["mean"]


class Wrong(Shares):
    """Has a state that is no data."""

    def get_state(self) -> dict[str, Any]:
        """Return an object."""
        return {"shares": object()}


@pytest.fixture(autouse=True)
def objects() -> Iterator[None]:
    """Let the classes of this file be those of the user."""
    with with_user_objects({("preparation", one.__name__): one for one in (Shares, Upper, Sum, Wrong)}):
        yield


TABLE = Columns({"word": np.array(["a", "b", "a", "c"], dtype=object), "age": np.array([1.0, 2.0, 3.0, 4.0])})
NUMBERS = Columns({"age": TABLE.values["age"], "size": TABLE.values["age"] * 2})


def test_a_table_with_text_comes_and_goes_as_columns() -> None:
    """Strings are values like others, before and after the step."""
    step = UserStep("Shares", {})
    step.fit(TABLE)
    done = step.apply(TABLE)
    assert isinstance(done, Columns)
    assert done.values["word"].tolist() == [0.5, 0.25, 0.5, 0.25]
    shown = UserStep("Upper", {}).apply(NUMBERS)
    assert isinstance(shown, Columns)
    assert shown.values["shown"].tolist() == ["1", "2", "3", None]


@pytest.mark.parametrize(("name", "table"), [("Shares", TABLE), ("Sum", NUMBERS)])
def test_a_step_that_is_restored_prepares_new_rows_alike(name: str, table: Columns) -> None:
    """From what JSON has of its state, under both names of the methods; arrays are lists there."""
    fitted, again = UserStep(name, {}), UserStep(name, {})
    fitted.fit(table)
    again.restore(json.loads(json.dumps(fitted.state())))
    one, other = (step.apply(table[np.array([3, 0])]) for step in (fitted, again))
    values = [list(each.values.values()) if isinstance(each, Columns) else [each] for each in (one, other)]
    for left, right in zip(*values, strict=True):
        assert np.array_equal(left, right)


def test_a_state_that_is_no_data_is_refused() -> None:
    """With the class, and what to return instead."""
    step = UserStep("Wrong", {})
    step.fit(TABLE)
    with pytest.raises(DataError, match="expected a dict that can be kept as JSON") as caught:
        step.state()
    assert "numbers, text, arrays" in str(caught.value.hint)
