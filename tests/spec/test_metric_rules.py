"""The rule of metrics decides every metric of the catalog, and the decisions that matter most."""

from __future__ import annotations

import pytest

from nnrun.catalog import lookup
from nnrun.spec.compared_output import ComparedOutput
from nnrun.spec.metric_rules import RULES, metric_verdict
from nnrun.spec.part import Part, read_part


def metric(value: object) -> Part:
    """Read a metric as a config writes it."""
    part, errors = read_part("metrics", value)
    assert part is not None, errors
    return part


def output(loss: str, activation: str | None, form: str, units: int = 1, **known: object) -> ComparedOutput:
    """Return an output of a loss; `loss+logits` is one with `from_logits: true`."""
    name, _, logits = loss.partition("+")
    arguments = {"from_logits": True} if logits else {}
    return ComparedOutput(Part("losses", name, arguments), form, activation, units, **known)  # type: ignore[arg-type]


SPARSE = output("sparse_categorical_crossentropy", "softmax", "integer", 3, classes=3)
ROWS = output("categorical_crossentropy", "softmax", "one_hot", 3, classes=3)
ROWS_LOGITS = output("CategoricalCrossentropy+logits", "linear", "one_hot", 3, classes=3)
SIGMOID = output("binary_crossentropy", "sigmoid", "binary")
LOGIT = output("BinaryCrossentropy+logits", "linear", "binary")
MARGIN = output("hinge", "tanh", "binary")
LABELS = output("binary_crossentropy", "sigmoid", "binary", 4)
PRICES = output("mean_squared_error", "linear", "number", zero_one=False)
ANY_NUMBERS = output("mean_squared_error", "linear", "number")
ZERO_ONE = output("mean_squared_error", "sigmoid", "number", zero_one=True)


def test_every_metric_of_the_catalog_has_a_rule() -> None:
    """A new metric of Keras must be decided on before a config can name it."""
    assert set(RULES) == set(lookup.names("metrics"))


@pytest.mark.parametrize(
    ("name", "of", "decision"),
    [
        ("accuracy", SPARSE, "right"),
        ("accuracy", SIGMOID, "right"),
        ("accuracy", LOGIT, "translated"),
        ("accuracy", MARGIN, "translated"),
        ("accuracy", LABELS, "translated"),
        ("accuracy", PRICES, "refused"),
        ("accuracy", ANY_NUMBERS, "undecided"),
        ("accuracy", ZERO_ONE, "right"),
        ("Precision", SPARSE, "refused"),
        ("Precision", ROWS, "right"),
        ("Precision", ROWS_LOGITS, "translated"),
        ("Precision", LOGIT, "translated"),
        ("AUC", MARGIN, "translated"),
        ({"AUC": {"from_logits": True}}, LOGIT, "right"),
        ({"AUC": {"from_logits": True}}, SIGMOID, "refused"),
        ({"OneHotIoU": {"num_classes": 3, "target_class_ids": [0], "sparse_y_pred": True}}, ROWS, "refused"),
        ({"OneHotMeanIoU": {"num_classes": 3, "sparse_y_pred": True}}, ROWS, "refused"),
        ({"OneHotMeanIoU": {"num_classes": 3, "sparse_y_pred": False}}, ROWS, "right"),
        ({"AUC": {"multi_label": True, "thresholds": [0.2, 0.7]}}, LABELS, "refused"),
        ({"AUC": {"multi_label": True, "thresholds": [1, 1.0]}}, LABELS, "refused"),
        ({"AUC": {"multi_label": True, "thresholds": [0.75, 0.25, 0.5]}}, LABELS, "right"),
        ({"AUC": {"thresholds": [0.2, 0.7]}}, LABELS, "right"),
        ({"AUC": {"label_weights": [0.2, 0.8]}}, ROWS, "refused"),
        ({"AUC": {"label_weights": [0, 0, 0]}}, ROWS, "refused"),
        ({"AUC": {"label_weights": [0.2, 0.8, 0]}}, ROWS, "right"),
        ({"AUC": {"label_weights": [1, 2, 3], "multi_label": True}}, LABELS, "refused"),
        ({"AUC": {"label_weights": [1, 2, 3, 0], "multi_label": True}}, LABELS, "right"),
        ({"AUC": {"label_weights": [1]}}, SIGMOID, "right"),
        ({"BinaryAccuracy": {"threshold": 0}}, LOGIT, "right"),
        ({"BinaryAccuracy": {"threshold": 0.3}}, LOGIT, "translated"),
        ("binary_accuracy", ROWS, "warned"),
        ("Accuracy", SIGMOID, "refused"),
        ("categorical_accuracy", SPARSE, "refused"),
        ("sparse_categorical_accuracy", ROWS, "refused"),
        ("categorical_accuracy", SIGMOID, "refused"),
        ("TopKCategoricalAccuracy", ROWS, "refused"),
        ({"TopKCategoricalAccuracy": {"k": 2}}, ROWS, "right"),
        ("F1Score", SIGMOID, "translated"),
        ("mse", SPARSE, "refused"),
        ("mse", LOGIT, "translated"),
        ("mse", PRICES, "right"),
        ("mape", SIGMOID, "refused"),
        ({"MeanIoU": {"num_classes": 3}}, SPARSE, "translated"),
        ({"MeanIoU": {"num_classes": 2}}, SPARSE, "refused"),
        ("Hinge", SIGMOID, "refused"),
        ("Hinge", MARGIN, "right"),
        ("CosineSimilarity", PRICES, "refused"),
    ],
)
def test_a_metric_is_right_translated_warned_of_or_refused(name: object, of: ComparedOutput, decision: str) -> None:
    """Each of these was computed on other values than its name says, or is what it says and stays."""
    verdict = metric_verdict(metric(name), of)
    assert verdict.decision == decision
    assert bool(verdict.text) == (decision in ("warned", "refused"))
    assert decision != "translated" or verdict.translation is not None


def test_precision_of_class_numbers_names_the_loss_to_write() -> None:
    """The hint keeps what the user's own loss says."""
    logits = output("SparseCategoricalCrossentropy+logits", "linear", "integer", 3, classes=3)
    hints = [metric_verdict(metric("Precision"), one).hint for one in (SPARSE, logits)]
    assert hints == [
        "write loss: categorical_crossentropy, which makes one-hot rows",
        "write loss: {CategoricalCrossentropy: {from_logits: true}}, which makes one-hot rows",
    ]
