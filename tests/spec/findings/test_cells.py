"""Cells that Keras cannot run inside of the loop over steps are refused."""

from __future__ import annotations

import pytest

from nnrun.spec.facts import Facts

STEPS = Facts("classification", "integer", (6, 3), classes=10, targets=1, rows={"train": 100})
LAST = "- Dense: {units: 10, activation: softmax}"


@pytest.mark.parametrize(
    ("layer", "path"),
    [
        ("RNN: {cell: {GRUCell: {units: 3, activity_regularizer: L2}}}", ("cell", "GRUCell")),
        ("RNN: {cell: [{GRUCell: 3}, {SimpleRNNCell: {units: 3, activity_regularizer: L1}}]}", ("SimpleRNNCell",)),
        (
            "Bidirectional: {layer: {RNN: {cell: {LSTMCell: {units: 3, activity_regularizer: L2}}}}}",
            ("cell", "LSTMCell"),
        ),
    ],
)
def test_the_output_of_a_cell_is_not_regularized(found, layer: str, path: tuple[str, ...]) -> None:
    """It exists inside of the loop over steps alone; that of the whole layer may be regularized."""
    facts = Facts("classification", "integer", (6, 3), classes=10, targets=1, rows={"train": 100})
    (one,) = [each for each in found(facts, model=f"- {layer}\n{LAST}") if each.name == "cannot-combine"]
    assert (one.path[-len(path) - 1 : -1], one.path[-1]) == (path, "activity_regularizer")
    assert found(facts, model=f"- GRU: {{units: 3, activity_regularizer: L2}}\n{LAST}") == ()


@pytest.mark.parametrize("stacked", [True, False])
@pytest.mark.parametrize("cells", ["GRUCell: 3", "LSTMCell: 3", "GRUCell: 3, GRUCell: 2", "LSTMCell: 3, LSTMCell: 2"])
@pytest.mark.parametrize("unroll", [True, False])
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_stack_has_more_than_one_cell(found, backend: str, unroll: bool, cells: str, stacked: bool) -> None:
    """Keras packs the state of one cell in another way; a cell without a stack runs everywhere."""
    inner = "[" + ", ".join(f"{{{cell}}}" for cell in cells.split(", ")) + "]"
    cell = f"{{StackedRNNCells: {{cells: {inner}}}}}" if stacked else inner
    model = f"- RNN: {{cell: {cell}, unroll: {str(unroll).lower()}}}\n{LAST}"
    refused = "," not in cells and (backend == "jax" or (unroll and "LSTM" in cells))
    findings = found(STEPS, model=model, backend=backend)
    assert [one.name for one in findings] == ["cannot-combine"] * refused
    assert not refused or findings[0].path[-1] == "cell"
