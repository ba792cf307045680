"""Check the rule of metrics over the whole product of losses, activations, targets and metrics of the catalog.

    python tools/check_metrics.py [--every N] [--kinds N]

Prints how many combinations are right, translated, warned of, refused and undecided. Then, in one process, every
accepted loss, activation and target is trained for one batch. Of those that differ in what metrics compute, one has
every metric that is accepted, and each figure is compared with scikit-learn's on the same predictions (where
scikit-learn has none: with the formula). `--every N` takes each N-th of the former, `--kinds N` of the latter. The exit
code is 1 if a figure differs, if Keras refuses what is accepted, or if `check` and the rule disagree.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from metric_references import OF_LARGEST, REFERENCES, Compared, tolerance

from nnrun.catalog import lookup
from nnrun.catalog.describe import example_part
from nnrun.config.document import parse
from nnrun.config.dump import dump_inline
from nnrun.pipeline.check import check_context
from nnrun.spec.compared_output import ComparedOutput, divides_at_zero
from nnrun.spec.experiment import validate
from nnrun.spec.facts import Facts
from nnrun.spec.findings.checks import check
from nnrun.spec.loss_rules import loss_verdict
from nnrun.spec.metric_rules import metric_verdict
from nnrun.spec.part import Part, read_part, required_arguments
from nnrun.spec.targets import loss_class, target_form

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.catalog.lookup import Entry
    from nnrun.config.document import Document
    from nnrun.spec.experiment import Experiment

ROWS, FEATURES = 64, 5
#: Values of metrics' arguments that change what they mean, besides those of the examples in the reference.
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "AUC": [
        {"num_thresholds": 20000},
        {"curve": "PR", "num_thresholds": 20000},
        {"from_logits": True, "num_thresholds": 20000},
        {"multi_label": True, "num_thresholds": 2000},
    ],
    "Precision": [{"thresholds": 0.4}, {"thresholds": [0.3, 0.6]}, {"top_k": 1}, {"class_id": 1}, {"thresholds": 0}],
    "Recall": [{"thresholds": 0.4}, {"top_k": 2}, {"class_id": 0}],
    "BinaryAccuracy": [{"threshold": 0.3}, {"threshold": 0}],
    "BinaryIoU": [{"target_class_ids": [1]}, {"threshold": 0.4}],
    "F1Score": [{"average": "macro"}, {"average": "micro"}, {"average": "weighted"}, {"threshold": 0.4}],
    "FBetaScore": [{"average": "macro", "beta": 2.0}],
    "BinaryCrossentropy": [{"from_logits": True}],
    "CategoricalCrossentropy": [{"from_logits": True}],
    "SparseCategoricalCrossentropy": [{"from_logits": True}],
    "TopKCategoricalAccuracy": [{"k": 2}, {"k": 1}],
    "SparseTopKCategoricalAccuracy": [{"k": 2}],
    "MeanIoU": [{"num_classes": 3, "sparse_y_pred": False}, {"num_classes": 2}],
    "IoU": [{"num_classes": 3, "target_class_ids": [0, 2]}],
    "SensitivityAtSpecificity": [{"specificity": 0.7, "num_thresholds": 20000}],
    "SpecificityAtSensitivity": [{"sensitivity": 0.7, "num_thresholds": 20000}],
    "PrecisionAtRecall": [{"recall": 0.6, "num_thresholds": 20000}],
    "RecallAtPrecision": [{"precision": 0.6, "num_thresholds": 20000}],
}


@dataclass(frozen=True)
class Target:
    """A target to compare with.

    Attributes:
        name: Its name.
        facts: What `check` knows of it.
        units: The outputs that it takes.
    """

    name: str
    facts: Facts
    units: int

    @property
    def positions(self) -> tuple[int, ...]:
        """The shape of one row's classes."""
        return self.facts.positions  # type: ignore[return-value]

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Draw the targets of all rows."""
        shape = (ROWS, *self.positions)
        if self.facts.form in ("integer", "one_hot"):
            classes = rng.integers(0, self.facts.classes, shape).astype("int32")
            return classes if self.facts.form == "integer" else np.eye(self.units, dtype="float32")[classes]
        if self.name in OTHER_TARGETS.values():
            return rng.integers(1, 3, (ROWS, self.facts.targets)).astype("float32")
        if self.facts.form == "number" and not self.facts.zero_one:
            return rng.gamma(2.0, 1.0, (*shape, self.units)).astype("float32") + 0.1
        if self.name == "rows of 0 and 1":
            return np.eye(self.units, dtype="float32")[rng.integers(0, self.units, shape)]
        return rng.integers(0, 2, (*shape, self.units)).astype("float32")


def _facts(form: str, classes: int | None, targets: int, *steps: int, zero_one: bool | None = None) -> Facts:
    task = "regression" if form == "number" else "classification"
    names = tuple(f"t{index}" for index in range(targets)) if form in ("binary", "number") else ("t0",)
    return Facts(
        task,  # type: ignore[arg-type]
        form,  # type: ignore[arg-type]
        (*steps, FEATURES),
        classes=classes,
        targets=targets,
        target_names=names,
        class_names=tuple("abcd"[: classes or 0]),
        positions=steps,
        zero_one=zero_one,
    )


TARGETS = (
    Target("class numbers", _facts("integer", 3, 1), 3),
    Target("a class number a step", _facts("integer", 3, 1, 4), 3),
    Target("one-hot rows", _facts("one_hot", 3, 3), 3),
    Target("one-hot rows of two", _facts("one_hot", 2, 2), 2),
    Target("a one-hot row a step", _facts("one_hot", 3, 3, 4), 3),
    Target("0 or 1", _facts("binary", 2, 1), 1),
    Target("0 or 1 a step", _facts("binary", 2, 1, 4), 1),
    Target("several labels", _facts("binary", None, 4), 4),
    Target("a number", _facts("number", None, 1, zero_one=False), 1),
    Target("several numbers", _facts("number", None, 3, zero_one=False), 3),
    Target("a number 0 or 1", _facts("number", None, 1, zero_one=True), 1),
    Target("rows of 0 and 1", _facts("number", None, 3, zero_one=True), 3),
    Target("labels of a sequence", replace(_facts("number", None, 2, zero_one=False), input_shape=(6, FEATURES)), 4),
    Target("a class to embed", _facts("number", None, 1, zero_one=False), 3),
)
#: The targets of losses that compare outputs with something of another shape.
OTHER_TARGETS = {"CTC": "labels of a sequence", "Circle": "a class to embed"}


def activations() -> Iterator[str]:
    """Yield every activation that a config can name."""
    for name in lookup.names("activations"):
        entry = lookup.entry("activations", name)
        # `check` refuses glu, of which Keras computes the wrong shape.
        if entry is not None and not required_arguments(entry) and name != "glu":
            yield name


def losses() -> Iterator[Part]:
    """Yield every loss that a config can name, those that take logits also with `from_logits: true`."""
    for entry, part in _example_parts("losses"):
        yield part
        if "from_logits" in entry.parameters and not entry.is_function:
            yield Part("losses", entry.name, {**part.arguments, "from_logits": True})


def metrics() -> Iterator[Part]:
    """Yield every metric that a config can name, with the arguments that change what it means."""
    for entry, part in _example_parts("metrics"):
        yield part
        for arguments in VARIANTS.get(entry.name, []):
            yield Part("metrics", entry.name, {**part.arguments, **arguments})


def _example_parts(category: str) -> Iterator[tuple[Entry, Part]]:
    """Yield every entry of a category with the part that its example makes."""
    for name in lookup.names(category):
        entry = lookup.entry(category, name)
        assert entry is not None, name  # noqa: S101
        part, errors = read_part(category, example_part(entry))
        if part is not None and not errors:
            yield entry, part


def suits(loss: Part, target: Target) -> bool:
    """Return whether nnrun would encode a target in this form for a loss; `OneHot: target` makes rows for any."""
    form = target_form(loss)
    if loss_class(loss.name) in OTHER_TARGETS:
        return target.name == OTHER_TARGETS[loss_class(loss.name)]
    if target.name in OTHER_TARGETS.values():
        return False
    return target.facts.form == form or (target.facts.form == "one_hot" and form in ("binary", "number"))


def outputs() -> Iterator[tuple[ComparedOutput, Target]]:
    """Yield every loss, activation and target."""
    for loss in losses():
        for activation in activations():
            for target in TARGETS:
                if suits(loss, target):
                    facts = target.facts
                    yield (
                        ComparedOutput(
                            loss,
                            facts.form,
                            activation,
                            target.units,
                            facts.classes,
                            len(facts.positions),
                            facts.zero_one,
                        ),
                        target,
                    )


@dataclass
class Report:
    """What the check found.

    Attributes:
        of_losses: The decisions on losses, activations and targets.
        of_metrics: The decisions on metrics where the loss is accepted.
        kinds: How many losses, activations and targets differ in what metrics compute.
        trained: The losses, activations and targets trained for a batch.
        compared: The figures compared with a reference.
        not_comparable: The figures of outputs that scikit-learn refuses.
        mismatches: What differs, a line each.
    """

    of_losses: Counter[str] = field(default_factory=Counter)
    of_metrics: Counter[str] = field(default_factory=Counter)
    kinds: int = 0
    trained: int = 0
    compared: int = 0
    not_comparable: int = 0
    mismatches: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the report as lines."""
        trained = f"trained for one batch: {self.trained}, of {self.kinds} kinds with all metrics"
        compared = f"figures compared: {self.compared} (scikit-learn refuses the outputs of {self.not_comparable})"
        return [
            f"losses x activations x targets: {self.of_losses.total()} {_shown(self.of_losses)}",
            f"... x metrics, where the loss is accepted: {self.of_metrics.total()} {_shown(self.of_metrics)}",
            f"{trained}; {compared}; mismatches: {len(self.mismatches)}",
            *self.mismatches,
        ]


def _shown(counts: Counter[str]) -> str:
    order = ("right", "translated", "warned", "refused", "undecided")
    return "(" + ", ".join(f"{name}: {counts[name]}" for name in order) + ")"


@dataclass(frozen=True)
class Combination:
    """An accepted loss, activation and target.

    Attributes:
        output: The output.
        target: Its target.
        accepted: The metrics that are accepted for it.
        kind: What the rule decides of all metrics; combinations of one kind compute the same things.
    """

    output: ComparedOutput
    target: Target
    accepted: list[Part]
    kind: tuple[object, ...]

    def __str__(self) -> str:
        """Return loss, activation and target in words."""
        loss = self.output.loss
        return f"{loss.name}{dict(loss.arguments) or ''}, {self.output.activation}, {self.target.name}"


def decide(report: Report) -> list[Combination]:
    """Decide on the whole product; return what is accepted."""
    accepted, all_metrics = [], list(metrics())
    for output, target in outputs():
        decision = loss_verdict(output).decision
        report.of_losses[decision] += 1
        if decision == "refused":
            continue
        verdicts = [metric_verdict(metric, output) for metric in all_metrics]
        report.of_metrics.update(verdict.decision for verdict in verdicts)
        pairs = zip(all_metrics, verdicts, strict=True)
        of_output = [metric for metric, verdict in pairs if verdict.decision != "refused"]
        decided = tuple((verdict.decision, repr(verdict.translation)) for verdict in verdicts)
        accepted.append(Combination(output, target, of_output, (target.name, output.range, output.reading, decided)))
    return accepted


def config_text(output: ComparedOutput, units: int, names: list[str]) -> str:
    """Return the config of a model of one layer."""
    loss = output.loss
    shown = dump_inline({loss.name: dict(loss.arguments)} if loss.arguments else loss.name)
    return (
        f"data: {{source: digits}}\nmodel: [{{Dense: {{units: {units}, activation: {output.activation}, "
        "kernel_initializer: {RandomNormal: {stddev: 0.4}}}}]\n"
        f"training:\n  loss: {shown}\n  optimizer: SGD\n  metrics: [{', '.join(names)}]\n"
    )


def _written(metric: Part, number: int) -> str:
    if metric.name.islower():
        return metric.name
    return dump_inline({metric.name: {**metric.arguments, "name": f"m{number}"}})


def train_one(keras: Any, combination: Combination, metrics_of: list[Part], report: Report) -> None:
    """Train one batch, and compare the figures of metrics with their references."""
    output, target = combination.output, combination.target
    names = [_written(metric, number) for number, metric in enumerate(metrics_of)]
    document = parse(config_text(output, target.units, names), "combination.yaml")
    experiment = validate(document)
    errors = (one for one in check(check_context(experiment, target.facts)) if one.severity == "error")
    refusals = [one.text for one in errors if _is_of_rule(one.name)]
    report.mismatches += [f"{combination}: check refuses what the rule accepts: {text}" for text in refusals]
    try:
        figures, y, made = _figures(keras, document, experiment, target)
    except Exception as error:  # noqa: BLE001 - whatever Keras raises is what is looked for
        report.mismatches.append(f"{combination}: {type(error).__name__}: {str(error).splitlines()[0]}")
        return
    report.trained += 1
    for metric, figure in zip(metrics_of, figures, strict=True):
        _compare(combination, metric, np.asarray(figure, "float64"), y, made, report)


def _figures(
    keras: Any, document: Document, experiment: Experiment, target: Target
) -> tuple[list[Any], np.ndarray, np.ndarray]:
    """Train one batch; return the figures of all metrics over two others, the targets and the outputs."""
    from nnrun.engine.model.build import Builder
    from nnrun.engine.model.compile import compile_model

    keras.utils.set_random_seed(3)
    shapes = {one.name: target.facts.input_shape for one in experiment.graph.inputs}
    model = compile_model(Builder(keras, target.facts, document.key_mark), experiment, shapes)
    model.run_eagerly = True
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(ROWS, *target.facts.input_shape)).astype("float32"), target.draw(rng)  # type: ignore[misc]
    model.train_on_batch(x[:8], y[:8])
    model.reset_metrics()
    for rows in (slice(0, 40), slice(40, ROWS)):
        model.test_step(tuple(map(keras.ops.convert_to_tensor, (x[rows], y[rows]))))
    figures = list(model.get_metrics_result().values())[1:]
    return figures, y, np.asarray(model(x), "float64")


def _is_of_rule(name: str | None) -> bool:
    return name is not None and (name.startswith("metric-") or name == "loss-activation-mismatch")


def _compare(
    combination: Combination, metric: Part, figure: np.ndarray, y: np.ndarray, made: np.ndarray, report: Report
) -> None:
    output = combination.output
    rows = made.reshape(-1, made.shape[-1])
    truth = y.reshape(-1) if output.form == "integer" else y.reshape(-1, y.shape[-1])
    seen = rows
    own_logits = metric.arguments.get("from_logits") is True and metric.name != "AUC"
    if own_logits and output.reading != "logits":
        seen = _softmax(rows) if metric.name == "CategoricalCrossentropy" else 1 / (1 + np.exp(-rows))
    elif output.reading == "logits":
        seen = 1 / (1 + np.exp(-rows)) if output.to_probabilities == "sigmoid" else _softmax(rows)
    threshold = 0.0 if output.reading == "margins" else 0.5
    if divides_at_zero(output.loss) and output.reading == "logits":
        threshold = 0.5
    arguments = {key: value for key, value in metric.arguments.items() if key != "name"}
    compared = Compared(output.form, truth, rows, seen, threshold, arguments)
    if metric.name in OF_LARGEST and _has_ties(rows):
        report.not_comparable += 1
        return
    try:
        with np.errstate(all="ignore"):
            expected = np.asarray(REFERENCES[metric.name](compared), "float64")
    except ValueError:
        # scikit-learn refuses what a warning is about, such as negative outputs of a Poisson distribution.
        report.not_comparable += 1
        return
    report.compared += 1
    near = tolerance(metric.name, arguments)
    if expected.shape != figure.shape or not np.allclose(figure, expected, rtol=near, atol=near, equal_nan=True):
        report.mismatches.append(f"{combination}: {metric.name} {arguments or ''} is {figure}, expected {expected}")


def _has_ties(rows: np.ndarray) -> bool:
    """Return whether two outputs of a row are equal, so that nothing says which is the larger."""
    return any(len(np.unique(row)) < len(row) for row in rows)


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def run(every: int = 1, every_kind: int = 1) -> Report:
    """Decide on the whole product, and train each `every`-th of what is accepted, and each `every_kind`-th kind."""
    from nnrun.engine.backend.start import BackendSettings, start_keras

    report = Report()
    accepted = decide(report)
    keras = start_keras(BackendSettings(3))
    first_of_kind: dict[object, int] = {}
    for number, one in enumerate(accepted):
        first_of_kind.setdefault(one.kind, number)
    with_all = set(list(first_of_kind.values())[::every_kind])
    for number, one in enumerate(accepted):
        if number % every == 0 or number in with_all:
            # What a metric computes depends on the kind alone; the others are trained with one metric.
            few = [metric for metric in one.accepted if metric.name == "accuracy"]
            train_one(keras, one, one.accepted if number in with_all else few, report)
    report.kinds = len(with_all)
    return report


def main() -> int:
    """Print the report; return 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="train each N-th combination only")
    parser.add_argument("--kinds", type=int, default=1, help="train each N-th kind with all metrics only")
    arguments = parser.parse_args()
    report = run(arguments.every, arguments.kinds)
    print("\n".join(report.lines()))
    return 1 if report.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
