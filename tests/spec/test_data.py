"""The section `data:`: what contradicts a cross-validation is refused, all else is in the resolved config."""

from __future__ import annotations

import pytest

from nnrun.config.document import parse
from nnrun.errors import ConfigError
from nnrun.spec.data import KFold
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.resolve import resolved


def experiment(split: str) -> Experiment:
    """Validate a config with this split."""
    text = f"""data: {{source: iris, split: {split}}}
model: [{{Dense: {{units: $classes, activation: softmax}}}}]
training: {{loss: sparse_categorical_crossentropy, optimizer: Adam}}
"""
    return validate(parse(text, "x.yaml"))


def test_folds_have_defaults() -> None:
    """Ten folds in the order of the file, once, without a final model."""
    assert experiment("{k_fold: {}}").data.split.k_fold == KFold(10, False, 1, False, None, False)


def test_the_resolved_config_has_every_setting_of_the_folds() -> None:
    """The resolved config contains the defaults of the folds too."""
    made = resolved(experiment("{k_fold: {folds: 3, shuffle: true, repeats: 2}, validation: 0.1}"), str)
    assert made["data"]["split"]["k_fold"] == {
        "folds": 3,
        "shuffle": True,
        "repeats": 2,
        "stratify": False,
        "final_fit": False,
    }
    assert made["data"]["split"]["validation"] == 0.1


@pytest.mark.parametrize(
    ("split", "text"),
    [
        ("{k_fold: {folds: 1}}", "expected an integer of at least 2"),
        ("{k_fold: {folds: 3, repeats: 2}}", "repeats: 2 would use the same folds each time"),
        (
            "{k_fold: {folds: 3}, test: 0.2}",
            "with k_fold every fold has its own test part, so test: 0.2 cannot be given",
        ),
        ("{k_fold: {final_fit: true}, validation: test}", "there is no test part for validation: test"),
        ("{k_fold: {folds: 3}, stratify: true}", "'stratify' next to k_fold is about the validation part"),
        ("{k_fold: {folds: 3}, shuffle: false}", "'shuffle' next to k_fold is about the validation part"),
        ("{k_fold: 10}", "expected a mapping for 'k_fold'"),
        ("{k_fold: {fold: 10}}", "has no key 'fold'"),
    ],
)
def test_contradictions_are_refused(split: str, text: str) -> None:
    """The message states which settings contradict each other."""
    with pytest.raises(ConfigError, match=text):
        experiment(split)


@pytest.mark.parametrize("split", ["{k_fold: {}, validation: test}", "{k_fold: {}, validation: 0.1, stratify: true}"])
def test_a_validation_part_can_be_combined_with_folds(split: str) -> None:
    """A validation part may be a fraction of each fold's training rows, stratified or not, or its test part."""
    assert experiment(split).data.split.k_fold is not None
