"""The function that an exported file computes: raw rows to results, or prepared inputs to the model's outputs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.export.preparation import interpret, prepare
from nnrun.export.tensor_preparation import TensorPreparation, interpret_tensors, tensor_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from nnrun.data.prepare.step import ArrayOrTable
    from nnrun.export.operations import ExportedPreparation

#: Examples that Keras computes at a time.
_BATCH = 128


@dataclass(frozen=True)
class ExportedModel:
    """A model and all that an export needs to know of it.

    Attributes:
        keras: The started Keras.
        tf: TensorFlow.
        model: The model in its form for inference.
        preparation: What turns raw rows into its inputs.
        outputs: What its outputs mean.
        inputs: Prepared inputs by name, for dtypes and shapes.
        next_token: For a model of text, a function of token ids (rows, window) and a temperature; else None.
    """

    keras: ModuleType
    tf: Any
    model: Any
    preparation: ExportedPreparation
    outputs: list[dict[str, Any]]
    inputs: Mapping[str, np.ndarray]
    next_token: Callable[[Any, Any], dict[str, Any]] | None = None

    def takes_rows(self, *, text: bool) -> bool:
        """Return whether raw rows can be given to a file that computes with text, or with numbers alone."""
        return not self.preparation.outside and (text or self.preparation.is_numeric)

    def rows_signature(self, *, text: bool) -> dict[str, Any]:
        """Return the types of raw rows by the names of the file's inputs."""
        return self._preparing(text=text).signature()

    def prepared_signature(self) -> dict[str, Any]:
        """Return the types of prepared inputs by name."""
        tf, names = self.tf, tensor_names(list(self.inputs))
        shapes = self._input_shapes()
        return {
            names[name]: tf.TensorSpec((None, *shapes[name]), array.dtype, name=names[name])
            for name, array in self.inputs.items()
        }

    def _input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        """Return the shape of one example of each input, as the model has it."""
        own = self.model.input
        tensors = own if isinstance(own, dict) else dict(zip(self.inputs, self.keras.tree.flatten(own), strict=True))
        return {name: tuple(tensors[name].shape[1:]) for name in self.inputs}

    @property
    def tables(self) -> list[Any]:
        """The tables of words that a file of text and numbers looks up."""
        return list(self._with_text.tables.values())

    def from_rows(self, rows: Mapping[str, Any], *, text: bool) -> dict[str, Any]:
        """Compute results of tensors of raw rows."""
        outputs = self.outputs_of(self._preparing(text=text).apply(rows))
        return interpret_tensors(self.tf, outputs, self.outputs, text=text)

    def from_prepared(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Compute the model's outputs of tensors of prepared inputs."""
        names = tensor_names(list(self.inputs))
        return self.outputs_of({name: inputs[names[name]] for name in self.inputs})

    def outputs_of(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the outputs of the model by name, without dropout and other noise of training."""
        takes_names = isinstance(self.model.input, dict)
        found = self.model(dict(inputs) if takes_names else next(iter(inputs.values())), training=False)
        return dict(found) if isinstance(found, dict) else {self.outputs[0]["name"]: found}

    def keras_outputs(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute the model's outputs by Keras itself, in batches."""
        rows = len(next(iter(inputs.values())))
        batches = [
            self.outputs_of({name: array[start : start + _BATCH] for name, array in inputs.items()})
            for start in range(0, rows, _BATCH)
        ]
        return {name: np.concatenate([np.asarray(one[name], "float32") for one in batches]) for name in batches[0]}

    def file_inputs(self, raw: ArrayOrTable, *, text: bool) -> dict[str, np.ndarray]:
        """Return raw rows as a file takes them."""
        spec = self.rows_signature(text=text)
        if isinstance(raw, np.ndarray):
            return {"x": raw.astype(spec["x"].dtype.as_numpy_dtype)}
        names = tensor_names(self.preparation.names)
        return {names[name]: _column(one, spec[names[name]]) for name, one in {**raw.values, **raw.arrays}.items()}

    def prepared(self, raw: ArrayOrTable) -> dict[str, np.ndarray]:
        """Prepare raw rows as the `preparation.py` of an export does."""
        rows = raw if isinstance(raw, np.ndarray) else {**raw.values, **raw.arrays}
        return prepare(rows, self.preparation.as_json())

    def meaning(self, outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Interpret outputs as the `preparation.py` of an export does."""
        return interpret(outputs, {"outputs": self.outputs})

    def _preparing(self, *, text: bool) -> TensorPreparation:
        return self._with_text if text else TensorPreparation(self.tf, self.preparation, "float32")

    @cached_property
    def _with_text(self) -> TensorPreparation:
        return TensorPreparation(self.tf, self.preparation, "float64")


def _column(column: np.ndarray, spec: Any) -> np.ndarray:
    """Return a column as a tensor has it: a missing text is an empty one."""
    if column.dtype != object:
        return column.astype(spec.dtype.as_numpy_dtype)
    return np.array(["" if value is None else value for value in column], dtype=object)
