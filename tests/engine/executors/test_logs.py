"""Loss and metrics become plain numbers, one for each figure."""

from __future__ import annotations

import numpy as np
import pytest

from nnrun.engine.executors.logs import scalar_logs, split_figures


def test_numbers_stay_as_they_are() -> None:
    """Single numbers keep their names and their shortest digits; booleans of a user's metric are 0 and 1."""
    logs = scalar_logs({"loss": np.float32(0.1), "a": 3, "b": np.bool_(True)}, {})
    assert logs == {"loss": 0.1, "a": 3.0, "b": 1.0}


def test_arrays_are_split_by_their_labels() -> None:
    """Each figure of an array has a label or a number, arrays of one number the metric's own name."""
    results = {"f1": np.array([0.25, 0.5]), "r2": np.array([0.75]), "m": np.zeros((2, 2)), "f1_lo": 1.0}
    logs = scalar_logs(results, {"f1": ("hi", "lo"), "m": ("only",)})
    figures = {"f1_hi": 0.25, "f1_lo_1": 0.5, "r2": 0.75, "m_0": 0, "m_1": 0, "m_2": 0, "m_3": 0, "f1_lo": 1.0}
    assert logs == figures
    assert list(logs)[:3] == ["f1_hi", "f1_lo_1", "r2"]


def test_mappings_of_a_users_metric_are_split() -> None:
    """A metric of the user's own may return several figures by name, as Keras allows."""
    assert scalar_logs({"mine": {"low": 1, "deep": {"er": [2.0, 3.0]}}}, {}) == {
        "mine_low": 1,
        "mine_deep_er_0": 2,
        "mine_deep_er_1": 3,
    }


def test_folds_stay_the_first_dimension() -> None:
    """Of several folds trained as one, each figure is an array with the number of each fold."""
    figures = split_figures({"loss": np.ones(3), "f1": np.arange(6).reshape(3, 2)}, {"f1": ("a", "b")}, folds=True)
    assert {name: value.tolist() for name, value in figures.items()} == {
        "loss": [1, 1, 1],
        "f1_a": [0, 2, 4],
        "f1_b": [1, 3, 5],
    }


@pytest.mark.parametrize("value", [[0.5, 0.25], (0.5, 0.25)])
def test_lists_are_arrays(value: object) -> None:
    """A user's metric may return a plain list."""
    assert scalar_logs({"m": value}, {}) == {"m_0": 0.5, "m_1": 0.25}
