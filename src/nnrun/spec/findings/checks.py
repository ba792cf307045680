"""All checks of an experiment across its sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.findings.backbones import check_backbones, check_presets
from nnrun.spec.findings.callbacks import check_callbacks
from nnrun.spec.findings.cells import check_cells
from nnrun.spec.findings.class_weights import check_class_weights
from nnrun.spec.findings.combinations import check_combinations
from nnrun.spec.findings.data_words import check_data_words
from nnrun.spec.findings.distribution import check_distribution
from nnrun.spec.findings.earlier_names import check_earlier_names
from nnrun.spec.findings.feature_selection import check_feature_selection
from nnrun.spec.findings.label_sequences import check_label_sequences
from nnrun.spec.findings.layers import check_frozen, check_layers, check_unused
from nnrun.spec.findings.losses import check_losses
from nnrun.spec.findings.mapped_trials import check_mapped_trials
from nnrun.spec.findings.metric_meaning import check_metrics
from nnrun.spec.findings.metrics import check_chosen_score, check_expectations
from nnrun.spec.findings.spectrograms import check_spectrograms
from nnrun.spec.findings.target_values import check_target_values
from nnrun.spec.findings.tensorflow_limits import check_tensorflow_limits
from nnrun.spec.findings.training import check_augment, check_backend, check_batches, check_perceptron, check_samples
from nnrun.spec.findings.written_targets import check_written_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.spec.finding import Finding
    from nnrun.spec.findings.context import CheckContext

_CHECKS = (
    check_perceptron,
    check_augment,
    check_samples,
    check_backend,
    check_distribution,
    check_mapped_trials,
    check_callbacks,
    check_batches,
    check_layers,
    check_backbones,
    check_presets,
    check_spectrograms,
    check_feature_selection,
    check_earlier_names,
    check_losses,
    check_combinations,
    check_tensorflow_limits,
    check_cells,
    check_metrics,
    check_label_sequences,
    check_written_targets,
    check_target_values,
    check_class_weights,
    check_frozen,
    check_unused,
    check_expectations,
    check_chosen_score,
)
#: Findings after which outputs are not compared with the target: it does not exist, or is of another type.
_NO_TARGET = frozenset({"loss-target-mismatch", "no-target", "unknown-target"})
#: Findings that compare outputs with the target.
_OF_LOSS = frozenset(
    {
        "loss-activation-mismatch",
        "loss-activation-unusual",
        "metric-mismatch",
        "metric-unusual",
        "too-few-outputs",
        "output-shape-mismatch",
        "target-out-of-range",
        "target-partly-out-of-range",
        "target-scale",
    }
)


def check(context: CheckContext, earlier: Sequence[Finding] = ()) -> tuple[Finding, ...]:
    """Return the findings of all checks, without those that only follow from `earlier` ones."""
    words = tuple(check_data_words(context))
    if any(one.name == "loss-target-mismatch" for one in earlier):
        # With another loss the target has classes.
        words = tuple(one for one in words if "$classes" not in one.text)
    hidden = {"undecided"} if any(one.severity == "error" for one in (*earlier, *words)) else set[str]()
    if any(one.name in _NO_TARGET for one in earlier):
        hidden |= _OF_LOSS
    found = (finding for one in _CHECKS for finding in one(context))
    return (*words, *(finding for finding in found if finding.name not in hidden))
