"""The values of everything that training changes, out of Keras' variables and back, and Keras' steps on values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.engine.executors.compiled_steps import record_outputs

if TYPE_CHECKING:
    from nnrun.engine.executors.compiled_steps import StepKind
    from nnrun.engine.model.augmentation import Augmentation


#: The values of trainable, non-trainable, optimizer and metrics variables, as Keras' own training step takes them, and
#: of the variables of the augmentation.
Values = tuple[list[Any], list[Any], list[Any], list[Any], list[Any]]


class JaxState:
    """The state of one compiled model on JAX.

    Args:
        names: JAX under TensorFlow's names.
        model: The model.

    Attributes:
        augmentation: Random layers in front of the training step, or None.
    """

    def __init__(self, names: Any, model: Any) -> None:
        self._names, self._jax, self._model = names, names.jax, model
        self._initial_metrics: list[Any] | None = None
        self.augmentation: Augmentation | None = None

    @property
    def is_built(self) -> bool:
        """Whether optimizer and metrics have their variables."""
        return self._initial_metrics is not None

    @property
    def initial_metrics(self) -> list[Any]:
        """The values of metrics at the start of an epoch."""
        return self._initial_metrics or []

    def record_initial_metrics(self) -> None:
        """Record the values of metrics at the start of an epoch."""
        self._model.reset_metrics()
        self._initial_metrics = [variable.value for variable in self._model.metrics_variables]

    def values(self, *, reset_metrics: bool = False) -> Values:
        """Return the values of the variables; with `reset_metrics`, those of metrics at the start of an epoch."""
        values = tuple([variable.value for variable in group] for group in self._groups())
        if reset_metrics and self._initial_metrics is not None:
            return values[0], values[1], values[2], self._initial_metrics, values[4]
        return values  # type: ignore[return-value]

    def learning_rate(self, values: Values) -> Any:
        """Return the learning rate of the next step."""
        with self._scope(self._model.optimizer.variables, values[2]):
            rate = self._model.optimizer.learning_rate
            return rate.value if hasattr(rate, "value") else rate

    def assign(self, values: Values) -> None:
        """Assign values to the variables."""
        for group, new_values in zip(self._groups(), values, strict=True):
            for variable, new in zip(group, new_values, strict=True):
                # Shape and type are the variable's own; `assign` would check both again, a hundred times an epoch.
                variable._direct_assign(new)  # noqa: SLF001

    def train_step(self, values: Values, batch: Any) -> Values:
        """Take Keras' training step."""
        *own, random = values
        if self.augmentation is not None:
            variables = self.augmentation.variables
            with self._scope(variables, random) as scope:
                batch = self.augmentation(batch)
            random = [scope.get_current_value(one) for one in variables]
        _, own = self._model.train_step(tuple(own), batch)
        return self._cast_like((*own, random), values)

    def step(self, kind: StepKind, values: Values, batch: Any) -> tuple[Values, Any]:
        """Take a step of any kind; return the new values, and the outputs if the kind has some, else ()."""
        weights, others, optimizer, metrics, random = values
        if kind == "train":
            return self.train_step(values, batch), ()
        if kind == "predict":
            outputs, others = self._model.predict_step((weights, others), batch)
        elif kind == "test":
            outputs, (weights, others, metrics) = (), self._model.test_step((weights, others, metrics), batch)[1]
        else:
            with record_outputs(self._model) as recorded:
                _, (weights, others, metrics) = self._model.test_step((weights, others, metrics), batch)
            outputs = recorded[-1]
        return self._cast_like((weights, others, optimizer, metrics, random), values), outputs

    def logs(self, values: Values) -> dict[str, Any]:
        """Return loss and metrics from the values of metrics."""
        with self._scope(self._model.metrics_variables, values[3]):
            return dict(self._model.get_metrics_result())

    def _groups(self) -> tuple[list[Any], ...]:
        model, augmentation = self._model, self.augmentation
        optimizer = [] if model.optimizer is None else model.optimizer.variables
        random = [] if augmentation is None else augmentation.variables
        return (
            model.trainable_variables,
            model.non_trainable_variables,
            optimizer,
            model.metrics_variables,
            random,
        )

    def _scope(self, variables: list[Any], values: list[Any]) -> Any:
        """Let variables have these values inside a `with` block, without a change outside of it."""
        return self._names.scope(state_mapping=list(zip(variables, values, strict=True)))

    def _cast_like(self, values: Values, like: Values) -> Values:
        """Cast values to the types that a loop started with: it takes no others."""
        cast: Values = self._jax.tree.map(lambda new, old: new.astype(old.dtype), values, like)
        return cast
