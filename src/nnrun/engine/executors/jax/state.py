"""The values of all that training changes, out of Keras' variables and back, and Keras' steps from values to values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.engine.executors.compiled_steps import hearing

if TYPE_CHECKING:
    from nnrun.engine.model.augmentation import Augmentation


#: Values in the order that Keras' own training step takes them in, and those of the random layers before the model.
Values = tuple[list[Any], list[Any], list[Any], list[Any], list[Any]]


class State:
    """The state of one compiled model on JAX.

    Args:
        names: JAX under TensorFlow's names.
        model: The model.
    """

    def __init__(self, names: Any, model: Any) -> None:
        self._names, self._jax, self._model = names, names.jax, model
        self._fresh: list[Any] | None = None
        self.augmentation: Augmentation | None = None

    @property
    def begun(self) -> bool:
        """Whether optimizer and metrics are there."""
        return self._fresh is not None

    @property
    def fresh(self) -> list[Any]:
        """The values of metrics as an epoch begins."""
        return self._fresh or []

    def begin(self) -> None:
        """Note down what metrics begin each epoch with."""
        self._model.reset_metrics()
        self._fresh = [variable.value for variable in self._model.metrics_variables]

    def values(self, *, fresh: bool = False) -> Values:
        """Take the values out of the variables; those of metrics as an epoch begins, where `fresh`."""
        told = tuple([variable.value for variable in group] for group in self._groups())
        if fresh and self._fresh is not None:
            return told[0], told[1], told[2], self._fresh, told[4]
        return told  # type: ignore[return-value]

    def afresh(self, values: Values) -> Values:
        """Give the same values, but for metrics, which begin an epoch."""
        return values[0], values[1], values[2], self.fresh, values[4]

    def learning_rate(self, values: Values) -> Any:
        """Give the learning rate of the step that comes next."""
        with self._holding(self._model.optimizer.variables, values[2]):
            rate = self._model.optimizer.learning_rate
            return rate.value if hasattr(rate, "value") else rate

    def put(self, values: Values) -> None:
        """Put values into the variables."""
        for group, news in zip(self._groups(), values, strict=True):
            for variable, new in zip(group, news, strict=True):
                # Shape and type are the variable's own; `assign` would check both again, a hundred times an epoch.
                variable._direct_assign(new)  # noqa: SLF001

    def train(self, values: Values, batch: Any) -> Values:
        """Take Keras' training step."""
        *own, random = values
        if self.augmentation is not None:
            x, *rest = batch
            variables = self.augmentation.variables
            with self._holding(variables, random) as scope:
                x = self.augmentation(x)
            random, batch = [scope.get_current_value(one) for one in variables], (x, *rest)
        _, own = self._model.train_step(tuple(own), batch)
        return self._alike((*own, random), values)

    def step(self, kind: str, values: Values, batch: Any) -> tuple[Values, Any]:
        """Take a step of any kind; gives the outputs too, where the kind is for them."""
        weights, others, optimizer, metrics, random = values
        if kind == "train":
            return self.train(values, batch), ()
        if kind == "predict":
            outputs, others = self._model.predict_step((weights, others), batch)
        elif kind == "test":
            outputs, (weights, others, metrics) = (), self._model.test_step((weights, others, metrics), batch)[1]
        else:
            with hearing(self._model) as heard:
                _, (weights, others, metrics) = self._model.test_step((weights, others, metrics), batch)
            outputs = heard[-1]
        return self._alike((weights, others, optimizer, metrics, random), values), outputs

    def figures(self, values: Values) -> dict[str, Any]:
        """Give loss and metrics as the values of metrics have them."""
        with self._holding(self._model.metrics_variables, values[3]):
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

    def _holding(self, variables: list[Any], values: list[Any]) -> Any:
        """Let variables have these values inside a `with` block, and none of what happens there outside."""
        return self._names.scope(state_mapping=list(zip(variables, values, strict=True)))

    def _alike(self, values: Values, as_before: Values) -> Values:
        """Give values the types that a loop began with: it takes no others."""
        alike: Values = self._jax.tree.map(lambda new, old: new.astype(old.dtype), values, as_before)
        return alike
