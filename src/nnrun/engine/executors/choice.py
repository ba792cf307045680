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
    from nnrun.engine.executors.jax.lanes import Lane
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
    model: Any, experiment: Experiment, facts: Facts, planned_epochs: int | None, lane: Lane | None
) -> ExecutorChoice:
    """Choose how a compiled model is trained; all folds of a cross-validation share one choice and one program.

    Args:
        model: The model.
        experiment: The experiment.
        facts: The facts of its data.
        planned_epochs: The epochs that the choice supposes; None: those of the experiment.
        lane: The place of this training in programs that are mapped over several; None: it has its own.

    Raises:
        RunError: The backend cannot stream data that stay on disk.
    """
    training, tf = experiment.training, tensor_library(experiment.backend)
    if facts.streamed and experiment.backend != "tensorflow":
        text = f"data that stay on disk are streamed by TensorFlow, but the backend is {experiment.backend}"
        raise RunError(text, "write `backend: tensorflow`, or `stream: false` in the source")
    labels = figure_labels(experiment, facts)
    jax_steps = _jax_steps(tf, model, experiment, facts, lane) if experiment.backend == "jax" else None
    if training.is_perceptron:
        from nnrun.engine.executors.perceptron import PerceptronExecutor

        reason = "the perceptron's rule takes a row at a time, and needs no gradient"
        perceptron = PerceptronExecutor(tf, model, training.batch_size, training.step_size, jax_steps, labels=labels)
        return ExecutorChoice(perceptron, training.rule, reason, jax_steps)
    from nnrun.engine.executors.resident import ResidentExecutor

    if jax_steps is not None:
        from nnrun.engine.backend.devices import agreement

        executor = ResidentExecutor(
            tf,
            model,
            training.batch_size,
            steps=jax_steps,
            labels=labels,
            agree=agreement(),
            in_lane=jax_steps.is_mapped,
        )
        reason = "the data fit in memory; JAX compiles everything with XLA"
        if lane is not None and jax_steps.is_mapped:
            reason += f", mapped over {lane.lanes.size} trainings"
            return ExecutorChoice(executor, "resident+jax+vmap", reason, jax_steps)
        if experiment.distribution is not None:
            reason += f", and divides each batch over {experiment.distribution.data_parallel} devices"
        return ExecutorChoice(executor, "resident+jax", reason, jax_steps)
    devices = _devices(tf, model, experiment)
    decision, split_layers = _xla_or_split(model, experiment, facts, planned_epochs or training.epochs)
    if devices:
        number, kind = len(devices), devices[0].split(":")[-2]
        decision = XlaDecision(False, f"each training batch is divided over {number} devices ({kind}), without XLA")
        split_layers = []
    executor = ResidentExecutor(
        tf, model, training.batch_size, xla=decision.use_xla, split_layers=split_layers, devices=devices, labels=labels
    )
    # Streamed data run the same compiled steps, a chunk of steps at a time.
    kind, data = ("streamed", "the data stay on disk") if facts.streamed else ("resident", "the data fit in memory")
    return ExecutorChoice(executor, kind + ("+xla" if decision.use_xla else ""), f"{data}; {decision.reason}")


def _devices(tf: Any, model: Any, experiment: Experiment) -> list[str]:
    """Return the devices that TensorFlow divides training batches over; none where it uses one.

    Raises:
        RunError: There are not so many, or a layer needs the whole batch.
    """
    if experiment.distribution is None:
        return []
    from nnrun.engine.backend.tensorflow_devices import devices_of
    from nnrun.engine.executors.divided_batches import layer_of_whole_batches

    layer = layer_of_whole_batches(model)
    if layer is not None:
        text = f"distribution: the layer '{layer.name}' ({type(layer).__name__}) needs the whole batch on one device"
        raise RunError(text, "leave out distribution, write backend: jax, or freeze the layer with trainable: false")
    return devices_of(tf, experiment.distribution.data_parallel)


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


def _jax_steps(names: Any, model: Any, experiment: Experiment, facts: Facts, lane: Lane | None) -> JaxSteps:
    from nnrun.engine.executors.jax.compiled_steps import JaxSteps
    from nnrun.engine.executors.jax.constants import ProgramConstants
    from nnrun.engine.executors.jax.programs import program_identity

    size = experiment.training.batch_size
    if lane is None:
        # Alone a model has programs with its own numbers in them: they compute what they always have.
        return JaxSteps(names, model, size, program_identity(experiment, facts))
    constants = ProgramConstants(model)
    return JaxSteps(names, model, size, program_identity(experiment, facts, constants.numbers), lane, constants)


def _total_steps(experiment: Experiment, facts: Facts, epochs: int) -> int:
    """Return the number of steps that training takes at most, those of all folds together."""
    training, rows, split = experiment.training, facts.rows, experiment.data.split
    folds = None if split is None else split.cross_validation
    train_rows = rows.get("train", 0) if folds is None else sum(rows.values()) * folds.folds
    return epochs * -(-train_rows // training.batch_size)
