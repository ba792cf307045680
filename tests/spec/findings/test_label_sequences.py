"""The loss CTC against the shapes of outputs and targets."""

from __future__ import annotations

import pytest

from nnrun.spec.facts import Facts

SEQUENCES = Facts("regression", "number", (6, 3), targets=3, target_names=("a", "b", "c"), rows={"train": 99})
STEPS = "- SimpleRNN: {units: 3, return_sequences: true}\n"


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (f"{STEPS}- Dense: 4", None),
        ("- SimpleRNN: 3\n- Dense: 4", "expects scores of each label at each step, received outputs of [4]"),
        (f"{STEPS}- Dense: 1", "expects a score of the blank (0) and of each label, received one output a step"),
        (
            f"- MaxPooling1D: 3\n{STEPS}- Dense: 4",
            "expects at least as many steps as labels, received 2 steps, 3 labels",
        ),
    ],
)
def test_outputs_and_targets_must_be_alignable(found, model: str, text: str | None) -> None:
    """There is a score of the blank and of each label at each step, and a step for each label."""
    findings = found(SEQUENCES, model=model, training="loss: CTC\noptimizer: Adam")
    assert [one.text for one in findings] == ([] if text is None else [f"CTC {text}"])
    assert {one.path for one in findings} <= {("training", "loss", "CTC")}


@pytest.mark.parametrize("path", ["test.error_percent", "test.label_error_rate", "test.loss"])
def test_its_scores_are_known(found, path: str) -> None:
    """A run with CTC counts wrong rows and labels, and has no errors of numbers."""
    facts = Facts(**{**SEQUENCES.__dict__, "rows": {"train": 99, "test": 9}})
    common = {"model": f"{STEPS}- Dense: 4", "training": "loss: CTC\noptimizer: Adam"}
    assert found(facts, expect=f"{{{path}: {{at_most: 1}}}}", **common) == ()
    (one,) = found(facts, expect="{test.r2: {at_most: 1}}", **common)
    assert one.name == "expect-path-unknown"


def test_embeddings_have_no_scores_but_loss_and_metrics(found) -> None:
    """With the loss Circle outputs are points in a space, and no predictions."""
    facts = Facts("classification", "integer", (4,), classes=3, targets=1, rows={"train": 99, "test": 9})
    model = "- Dense: 2\n- UnitNormalization"
    (one,) = found(facts, model=model, training="loss: Circle\noptimizer: Adam", expect="{test.errors: {at_most: 1}}")
    assert one.name == "expect-path-unknown"
