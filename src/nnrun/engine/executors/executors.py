"""Which executor trains a model on its backend, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.engine.backend.start import library, on_gpu
from nnrun.engine.executors.split_rnn_batch import halvable, wants_halves
from nnrun.errors import RunError

if TYPE_CHECKING:
    from nnrun.engine.executors.choice import Choice
    from nnrun.engine.executors.jax.compiled_steps import JaxPrograms
    from nnrun.engine.executors.resident import ResidentExecutor
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts


@dataclass(frozen=True)
class Chosen:
    """An executor.

    Attributes:
        executor: It.
        name: What the record calls it.
        why: Why it was chosen, for the record.
        on_jax: Its programs where they are JAX's.
    """

    executor: ResidentExecutor
    name: str
    why: str
    on_jax: JaxPrograms | None = None


def executor_for(model: Any, experiment: Experiment, facts: Facts) -> Chosen:
    """Choose how a compiled model is trained; all folds of a cross-validation share one program, and choose alike.

    Raises:
        RunError: The backend cannot stream data that stay on disk.
    """
    training, tf = experiment.training, library(experiment.backend)
    if facts.streamed and experiment.backend != "tensorflow":
        text = f"data that stay on disk are streamed by TensorFlow, but the backend is {experiment.backend}"
        raise RunError(text, "write `backend: tensorflow`, or `stream: false` in the source")
    programs = _programs(tf, model, training.batch_size) if experiment.backend == "jax" else None
    if training.is_perceptron:
        from nnrun.engine.executors.perceptron import PerceptronExecutor

        why = "the perceptron's rule takes a row at a time, and needs no gradient"
        rule = PerceptronExecutor(tf, model, training.batch_size, training.step_size, programs)
        return Chosen(rule, training.rule, why, programs)
    from nnrun.engine.executors.resident import ResidentExecutor

    if programs is not None:
        executor = ResidentExecutor(tf, model, training.batch_size, programs=programs)
        return Chosen(executor, "resident+jax", "the data fit in memory; JAX compiles everything with XLA", programs)
    choice, halves = _choice(model, experiment, facts)
    resident = ResidentExecutor(tf, model, training.batch_size, xla=choice.xla, halves=halves)
    if facts.streamed:
        # The same programs, a chunk of steps at a time.
        return Chosen(resident, choice.name.replace("resident", "streamed"), f"the data stay on disk; {choice.why}")
    return Chosen(resident, choice.name, f"the data fit in memory; {choice.why}")


def _choice(model: Any, experiment: Experiment, facts: Facts) -> tuple[Choice, list[Any]]:
    """Choose whether XLA compiles the steps, and which layers take their batch in halves."""
    from nnrun.engine.executors.choice import Choice, choose
    from nnrun.engine.executors.shuffle import LONGEST
    from nnrun.engine.executors.xla_rule import costs_here

    training = experiment.training
    halves = halvable(model, training.batch_size) if wants_halves(experiment) and not on_gpu() else []
    if halves:
        names = ", ".join(layer.name for layer in halves)
        return Choice(False, f"no XLA: halves of a batch side by side gain more, in {names}"), halves
    choice = choose(
        model,
        _steps(experiment, facts),
        batch=training.batch_size,
        cpu=not on_gpu(),
        augmented=bool(training.augment),
        in_pieces=not facts.streamed and facts.rows.get("train", 0) > LONGEST,
        wanted=training.execution.xla,
        costs=costs_here(),
    )
    return choice, []


def _programs(names: Any, model: Any, batch_size: int) -> JaxPrograms:
    from nnrun.engine.executors.jax.compiled_steps import JaxPrograms

    return JaxPrograms(names, model, batch_size)


def _steps(experiment: Experiment, facts: Facts) -> int:
    """Count the steps that training takes at most, those of all folds together."""
    training, rows, split = experiment.training, facts.rows, experiment.data.split
    k_fold = None if split is None else split.k_fold
    seen = rows.get("train", 0) if k_fold is None else sum(rows.values()) * k_fold.folds
    return training.epochs * -(-seen // training.batch_size)
