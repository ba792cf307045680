"""Which executor trains a model on its backend, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.engine.backend.start import on_gpu, tensor_library
from nnrun.engine.executors.split_rnn_batch import splits_rnn_batch, splittable_layers
from nnrun.engine.executors.xla_rule import XlaDecision, decide_xla
from nnrun.errors import RunError
from nnrun.spec.figures import figure_labels

if TYPE_CHECKING:
    from nnrun.engine.executors.jax.compiled_steps import JaxSteps
    from nnrun.engine.executors.resident import ResidentExecutor
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts


@dataclass(frozen=True)
class ExecutorChoice:
    """The executor of a model.

    Attributes:
        executor: The executor.
        name: Its name in the record.
        reason: Why it was chosen, for the record.
        jax_steps: The model's compiled steps if they are JAX's, else None.
    """

    executor: ResidentExecutor
    name: str
    reason: str
    jax_steps: JaxSteps | None = None


def choose_executor(
    model: Any, experiment: Experiment, facts: Facts, planned_epochs: int | None = None
) -> ExecutorChoice:
    """Choose how a compiled model is trained; all folds of a cross-validation share one choice and one program.

    Args:
        model: The model.
        experiment: The experiment.
        facts: The facts of its data.
        planned_epochs: The epochs that the choice supposes; None: those of the experiment.

    Raises:
        RunError: The backend cannot stream data that stay on disk.
    """
    training, tf = experiment.training, tensor_library(experiment.backend)
    if facts.streamed and experiment.backend != "tensorflow":
        text = f"data that stay on disk are streamed by TensorFlow, but the backend is {experiment.backend}"
        raise RunError(text, "write `backend: tensorflow`, or `stream: false` in the source")
    labels = figure_labels(experiment, facts)
    jax_steps = _jax_steps(tf, model, training.batch_size) if experiment.backend == "jax" else None
    if training.is_perceptron:
        from nnrun.engine.executors.perceptron import PerceptronExecutor

        reason = "the perceptron's rule takes a row at a time, and needs no gradient"
        perceptron = PerceptronExecutor(tf, model, training.batch_size, training.step_size, jax_steps, labels=labels)
        return ExecutorChoice(perceptron, training.rule, reason, jax_steps)
    from nnrun.engine.executors.resident import ResidentExecutor

    if jax_steps is not None:
        from nnrun.engine.backend.devices import agreement

        executor = ResidentExecutor(tf, model, training.batch_size, steps=jax_steps, labels=labels, agree=agreement())
        reason = "the data fit in memory; JAX compiles everything with XLA"
        if experiment.distribution is not None:
            reason += f", and divides each batch over {experiment.distribution.data_parallel} devices"
        return ExecutorChoice(executor, "resident+jax", reason, jax_steps)
    decision, split_layers = _xla_or_split(model, experiment, facts, planned_epochs or training.epochs)
    executor = ResidentExecutor(
        tf, model, training.batch_size, xla=decision.use_xla, split_layers=split_layers, labels=labels
    )
    # Streamed data run the same compiled steps, a chunk of steps at a time.
    kind, data = ("streamed", "the data stay on disk") if facts.streamed else ("resident", "the data fit in memory")
    return ExecutorChoice(executor, kind + ("+xla" if decision.use_xla else ""), f"{data}; {decision.reason}")


def _xla_or_split(model: Any, experiment: Experiment, facts: Facts, epochs: int) -> tuple[XlaDecision, list[Any]]:
    """Decide whether XLA compiles the steps, and which layers take their batch in two halves."""
    from nnrun.engine.executors.shuffle import MAX_ARRAY_ROWS

    training = experiment.training
    split_layers = (
        splittable_layers(model, training.batch_size) if splits_rnn_batch(experiment) and not on_gpu() else []
    )
    if split_layers:
        names = ", ".join(layer.name for layer in split_layers)
        return XlaDecision(False, f"no XLA: two halves of a batch in parallel gain more, in {names}"), split_layers
    decision = decide_xla(
        model,
        _total_steps(experiment, facts, epochs),
        batch_size=training.batch_size,
        on_cpu=not on_gpu(),
        augmented=bool(training.augment),
        long_order=not facts.streamed and facts.rows.get("train", 0) > MAX_ARRAY_ROWS,
        requested=training.execution.xla,
    )
    return decision, []


def _jax_steps(names: Any, model: Any, batch_size: int) -> JaxSteps:
    from nnrun.engine.executors.jax.compiled_steps import JaxSteps

    return JaxSteps(names, model, batch_size)


def _total_steps(experiment: Experiment, facts: Facts, epochs: int) -> int:
    """Return the number of steps that training takes at most, those of all folds together."""
    training, rows, split = experiment.training, facts.rows, experiment.data.split
    k_fold = None if split is None else split.k_fold
    train_rows = rows.get("train", 0) if k_fold is None else sum(rows.values()) * k_fold.folds
    return epochs * -(-train_rows // training.batch_size)
