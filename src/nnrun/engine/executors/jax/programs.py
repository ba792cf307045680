"""Compiled programs that the trainings of a process share.

To compile the steps of a small model takes longer than to train it. Two models whose parts are equal have equal
programs: weights, states of random numbers and the learning rate are their arguments. So the second training of a
process calls those of the first one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.spec.mapped_trials import is_traced_constant
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable

    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts

#: So many models have their programs kept: each keeps its weights in memory too.
_MOST_MODELS = 8
#: The sections of `training:` that are no part of a program.
#: What stands for a number that is an argument.
_TRACED = "traced"
_NOT_IN_PROGRAMS = ("epochs", "callbacks", "best", "save_every", "samples", "on_nan", "shuffle")


def program_identity(experiment: Experiment, facts: Facts, traced: Collection[float] = ()) -> str | None:
    """Return a text that is equal for two models with equal programs; None where nothing is known of them.

    Args:
        experiment: The experiment.
        facts: The facts of its data.
        traced: The numbers of the model that are arguments of its programs; see `ProgramConstants`.
    """
    training = experiment.training
    # Code of the user's may do anything, and batches of a text or of a stream are taken in their own ways.
    is_plain = facts.window is None and not facts.streamed and not lookup.has_user_entries()
    if not is_plain or experiment.distribution is not None or training.is_perceptron or training.augment:
        return None
    kept = {one.name: getattr(training, one.name) for one in fields(training) if one.name not in _NOT_IN_PROGRAMS}
    graph = experiment.graph
    model = (graph.inputs, graph.nodes, graph.outputs, experiment.losses)
    settings = (experiment.keras, experiment.precision, replace(facts, rows={}))
    return repr(_without_data((model, kept, settings), traced))


def _without_data(value: Any, traced: Collection[float]) -> Any:
    """Return a value without what is an argument of programs: initial weights, the learning rate, and `traced`."""
    if isinstance(value, Part):
        return value.category, value.name, _arguments(value, traced)
    if is_dataclass(value) and not isinstance(value, type):
        kept = [(one.name, _without_data(getattr(value, one.name), traced)) for one in fields(value)]
        return type(value).__name__, kept
    if isinstance(value, Mapping):
        return {name: _without_data(one, traced) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_data(one, traced) for one in value]
    return value


def _arguments(part: Part, traced: Collection[float]) -> dict[str, Any]:
    arguments = {
        name: _TRACED
        if is_traced_constant(part.category, part.name, name, one) and one in traced
        else _without_data(one, traced)
        for name, one in part.arguments.items()
        if not name.endswith("initializer")
    }
    if part.category == "optimizers" and isinstance(arguments.get("learning_rate", 0.0), int | float):
        arguments.pop("learning_rate", None)
    return arguments


class SharedPrograms:
    """The programs of the models that a process trained last."""

    def __init__(self) -> None:
        self._models: OrderedDict[str, dict[Hashable, Any]] = OrderedDict()

    def get(self, identity: str | None, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return the program of a model with a key; `make` makes it if there is none, or the model shares none."""
        if identity is None:
            return make()
        programs = self._models.setdefault(identity, {})
        self._models.move_to_end(identity)
        while len(self._models) > _MOST_MODELS:
            self._models.popitem(last=False)
        if key not in programs:
            programs[key] = make()
        return programs[key]


#: Those of this process.
shared_programs = SharedPrograms()
