"""Which trials of a sweep one program can train, mapped over them: those that differ in its data alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.kinds import is_number
from nnrun.config.dotted import split_path

if TYPE_CHECKING:
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts
    from nnrun.spec.sweep import SweepSpec


#: The keys of the path of an optimizer's argument: `training.optimizer.SGD.momentum`.
_OPTIMIZER_KEYS = 4
#: The layers whose rate is an argument of mapped programs. Others compute with theirs in Python.
_LAYERS_WITH_RATES = frozenset({"Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"})


def is_traced_constant(category: str, name: str, argument: str, value: Any) -> bool:
    """Return whether a number is an argument of mapped programs, though Keras compiles it into its steps.

    Not where it decides what is computed: a rate or a momentum of 0, or a weight decay of None.

    Args:
        category: The catalog's category of the part that has it.
        name: The name of the part.
        argument: The name of the number.
        value: The number.
    """
    if not is_number(value):
        return False
    if category == "layers":
        return name in _LAYERS_WITH_RATES and argument == "rate" and 0 < value < 1
    if category == "optimizers":
        return argument == "weight_decay" or (name == "SGD" and argument == "momentum" and 0 < value < 1)
    return False


def is_program_data(path: str, value: Any) -> bool:
    """Return whether a value of a parameter is data of a mapped program, of which trials with other values have a lane.

    Data are initial weights, the learning rate, and what `is_traced_constant` accepts.

    Args:
        path: The parameter's path.
        value: The value.
    """
    keys = split_path(path)
    if keys[0] == "model" and any(one.endswith("initializer") for one in keys):
        return True
    if keys == ["seed"]:
        return True
    if keys[0] == "model":
        name, argument = keys[-2:] if keys[-1] == "rate" else (keys[-1], "rate")
        return is_traced_constant("layers", name, argument, value)
    if keys[:2] != ["training", "optimizer"] or len(keys) != _OPTIMIZER_KEYS or not is_number(value):
        return False
    return keys[3] == "learning_rate" or is_traced_constant("optimizers", keys[2], keys[3], value)


@dataclass(frozen=True)
class MappedParameters:
    """The parameters of a sweep, by what they change.

    Attributes:
        data: The paths of those whose values are data of one program.
        program: The paths of those with a program for each value.
    """

    data: tuple[str, ...]
    program: tuple[str, ...]

    @classmethod
    def of(cls, sweep: SweepSpec) -> MappedParameters:
        """Return those of a sweep."""
        found: dict[bool, list[str]] = {True: [], False: []}
        for path, values in (sweep.parameters or {}).items():
            listed = values if isinstance(values, list) else [1.0]
            found[all(is_program_data(path, one) for one in listed)].append(path)
        return cls(tuple(found[True]), tuple(found[False]))


def reason_not_mapped_trials(experiment: Experiment, facts: Facts | None) -> str | None:
    """Return why no two trials can be trained by one program; None if they can.

    Args:
        experiment: The experiment.
        facts: The facts of its data, if they are known.
    """
    split = experiment.data.split
    reasons = {
        f"programs are mapped on JAX, and the backend is {experiment.backend}": experiment.backend != "jax",
        "the perceptron's rule cannot be mapped over trials": experiment.training.is_perceptron,
        "augment: changes the examples of each trial separately": bool(experiment.training.augment),
        "training: is a list of phases, each with a program of its own": bool(experiment.training.phases),
        "distribution: divides each batch over several devices": experiment.distribution is not None,
        "the folds of a cross-validation are mapped already": split is not None and split.k_fold is not None,
        "code of your own may compute with what differs between trials": lookup.has_user_entries(),
        "batches of a text are taken in their own way": facts is not None and facts.window is not None,
        "data that stay on disk are trained by TensorFlow": facts is not None and facts.streamed,
    }
    return next((reason for reason, is_so in reasons.items() if is_so), None)
