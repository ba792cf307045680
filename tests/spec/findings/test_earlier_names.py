"""Steps by their earlier names are noted, with the name and the arguments that scikit-learn has for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnrun.config.document import parse
from nnrun.data.columns import Columns
from nnrun.data.prepare.registry import new_step
from nnrun.pipeline.check import examine
from nnrun.spec.experiment import validate

CONFIG = """
data: {source: {inline: {rows: [[a, 2, 0.5], [b, 4, 1.5], [a, 6, 2.5]], types: {0: category}}}, prepare: [STEPS]}
model: [{Dense: {units: 1}}]
training: {loss: mse, optimizer: Adam, batch_size: 1}
"""
NEW = {
    "Standardize": "StandardScaler",
    "{Standardize: [1]}": "StandardScaler: {columns: [1]}",
    "{Robust: [1]}": "RobustScaler: {columns: [1]}",
    "{MinMax: {low: -1}}": "MinMaxScaler: {feature_range: [-1, 1]}",
    "{MinMax: [1]}": "MinMaxScaler: {columns: [1]}",
    "{OneHot: {columns: [0], unseen: zeros}}": "OneHotEncoder: {columns: [0], handle_unknown: ignore}",
    "{Ordinal: [0]}": "OrdinalEncoder: {columns: [0]}",
    "{Impute: {strategy: constant, value: 3}}": "SimpleImputer: {strategy: constant, fill_value: 3}",
}


def _part(step: str):
    (part,) = validate(parse(CONFIG.replace("STEPS", step), "a.yaml")).data.prepare
    return part


@pytest.mark.parametrize("step", NEW)
def test_the_new_name_has_the_same_result(tmp_path: Path, step: str) -> None:
    """The note states what to write, and that gives the same numbers."""
    others = "" if step.startswith(("{OneHot", "{Ordinal")) else "{OneHotEncoder: [0]}, "
    (tmp_path / "x.yaml").write_text(CONFIG.replace("STEPS", others + step))
    (found,) = [one for one in examine(tmp_path / "x.yaml", (), None).problems if one.name == "earlier-name"]
    assert (found.severity, found.hint) == ("note", f"write {NEW[step]}")
    tables = []
    for text in (step, f"{{{NEW[step]}}}" if ":" in NEW[step] else NEW[step]):
        table = Columns({"0": np.array(["a", "b", "a"], dtype=object), "1": np.array([2.0, 4.0, 7.0])})
        table = table if others == "" else Columns({"0": np.array([1.0, 2.0, 4.0]), "1": table.values["1"]})
        made = new_step(_part(text))
        made.fit(table)
        tables.append(made.apply(table).matrix() if others else made.apply(table).values)
    assert all(np.array_equal(one, other) for one, other in zip(*map(list, tables), strict=True))


@pytest.mark.parametrize("step", ["StandardScaler", "{OneHot: target}", "{Rescale: {divide_by: 2}}"])
def test_other_steps_are_not_noted(tmp_path: Path, step: str) -> None:
    """scikit-learn's names, and steps that it does not have."""
    (tmp_path / "x.yaml").write_text(CONFIG.replace("STEPS", step))
    assert not [one for one in examine(tmp_path / "x.yaml", (), None).problems if one.name == "earlier-name"]


def test_other_arguments_are_looked_up(tmp_path: Path) -> None:
    """An order of categories is written in another form, which the page has."""
    (tmp_path / "x.yaml").write_text(CONFIG.replace("STEPS", "{Ordinal: {columns: [0], order: {0: [a, b]}}}"))
    (found,) = [one for one in examine(tmp_path / "x.yaml", (), None).problems if one.name == "earlier-name"]
    assert "docs/preparation.md" in found.hint
