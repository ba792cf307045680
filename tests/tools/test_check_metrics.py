"""The rule of metrics over the product of losses, activations, targets and metrics: a covering sample of the script."""

from __future__ import annotations

from types import ModuleType

import pytest
from tool_scripts import load_script

from nnrun.catalog import lookup


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Load the script."""
    return load_script("check_metrics")


def test_the_whole_product_is_decided(script) -> None:
    """Every metric of the catalog is decided for every accepted loss, activation and target, and has a reference."""
    report = script.Report()
    accepted = script.decide(report)
    used = {metric.name for one in accepted for metric in one.accepted}
    # Exact equality suits steps alone, which no gradient trains.
    assert used | {"Accuracy"} == set(lookup.names("metrics")) == set(script.REFERENCES)
    assert all(report.of_metrics[one] for one in ("right", "translated", "warned", "refused", "undecided"))
    assert report.of_losses.total() > 7000
    assert report.of_metrics.total() > 300_000


@pytest.mark.keras
def test_figures_of_a_sample_are_those_of_scikit_learn(script) -> None:
    """Of a sample of all combinations Keras trains what the rule accepts, and the figures are those of scikit-learn."""
    report = script.run(every=1500, every_kind=29)
    assert report.mismatches == []
    assert report.compared > 80
