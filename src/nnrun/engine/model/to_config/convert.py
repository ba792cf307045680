"""A Keras model as the sections of a config that compile to it, and the proof that they do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnrun.engine.model.build import Builder
from nnrun.engine.model.compile import compile_model
from nnrun.engine.model.to_config.calls import model_calls
from nnrun.engine.model.to_config.compare import ModelComparison, compare
from nnrun.engine.model.to_config.compile_settings import compile_settings
from nnrun.engine.model.to_config.layout import Writer
from nnrun.engine.model.to_config.parts import automatic_name
from nnrun.engine.model.to_config.text_inputs import TextInput, take_out_texts
from nnrun.spec.facts import Facts, TargetFacts
from nnrun.spec.model import INPUT
from nnrun.spec.targets import target_forms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    from nnrun.errors import Mark, Path
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import TargetForm, Task


@dataclass(frozen=True)
class ConvertedModel:
    """A model in the language of configs.

    Attributes:
        sections: The keys at the top of a config: `model`, and `define`, `precision` and `keras` where needed.
        training: Keys of `training:`; without a loss where the model was not compiled.
        notes: What a config cannot say, one sentence each.
        inputs: The shapes of one example at the inputs, by their names.
        outputs: The names of the outputs.
        last: The activation of the layer before each output, or None.
        layers: The layers in the order in which the config's are made.
        texts: The inputs that are texts, by their names; the config has a step of `prepare:` for each.
    """

    sections: Mapping[str, Any]
    training: Mapping[str, Any]
    notes: Sequence[str]
    inputs: Mapping[str, tuple[int | None, ...]]
    outputs: Sequence[str]
    last: Sequence[str | None]
    layers: Sequence[Any] = field(repr=False)
    texts: Mapping[str, TextInput] = field(default_factory=dict)

    @property
    def prepare(self) -> list[dict[str, Any]]:
        """The steps of `prepare:`."""
        return [{"TextVectorization": {"columns": [name], **one.arguments}} for name, one in self.texts.items()]


def convert(keras: ModuleType, model: Any, compiled: Mapping[str, Any] | None) -> ConvertedModel:
    """Write a model in the language of configs.

    Args:
        keras: The started Keras.
        model: The model.
        compiled: How it was compiled, as Keras saves it; None where it was not.

    Raises:
        RunError: A layer has no counterpart in a config; with its name.
    """
    calls, texts, notes = take_out_texts(keras, model_calls(keras, model))
    policies = Counter(str(layer.dtype_policy.name) for layer in model.layers)
    policy = policies.most_common(1)[0][0] if policies else "float32"
    layout = Writer(keras.config.image_data_format(), policy).layout(calls, states_input=not texts)
    ranks = [len(one.shape) for one in keras.tree.flatten(model.outputs)]
    floatx = "float32" if policy.startswith("mixed_") else policy
    settings = compile_settings(compiled, calls.output_names, layout.outputs, ranks=ranks, floatx=floatx)
    sections: dict[str, Any] = {}
    if policy in ("mixed_float16", "mixed_bfloat16"):
        sections["precision"] = policy
    elif policy != "float32":
        sections["keras"] = {"floatx": policy}
    if layout.define:
        sections["define"] = layout.define
    if isinstance(layout.model, dict):
        outputs = layout.model["outputs"]
        for name, keys in settings.outputs.items():
            if keys:
                outputs[name] = {**(outputs[name] or {}), **keys}
        if not any(outputs.values()):
            layout.model["outputs"] = list(outputs)
        inputs = {name: tuple(one.shape[1:]) for name, one in zip(layout.model["inputs"], calls.inputs, strict=True)}
    else:
        inputs = {_text_name(calls.input_names[0]) if texts else "input": tuple(calls.inputs[0].shape[1:])}
    sections["model"] = layout.model
    last = [_activation(calls.calls[ref.call].layer) if ref.call >= 0 else None for ref in calls.outputs]
    names = [*inputs]
    by_name = {names[index]: one for index, one in texts.items()}
    notes += settings.notes
    return ConvertedModel(sections, settings.training, notes, inputs, layout.outputs, last, layout.layers, by_name)


def _text_name(name: str) -> str:
    """Return the name of the column of the only input, which Keras may have made of its class."""
    return "text" if automatic_name(name, "InputLayer") or not name.isidentifier() else name


def _activation(layer: Any) -> str | None:
    activation = getattr(layer, "activation", None)
    return getattr(activation, "__name__", None)


def prove(
    keras: ModuleType, model: Any, converted: ConvertedModel, experiment: Experiment, mark_of: Callable[[Path], Mark]
) -> ModelComparison:
    """Compile a config by nnrun's own compiler, and compare what it makes with the model.

    Args:
        keras: The started Keras.
        model: The model.
        converted: What was made of it.
        experiment: The config with it.
        mark_of: Finds the place of a path in the config.

    Raises:
        BuildError: Keras refuses a part.
        RunError: The two have other layers.
    """
    forms = target_forms(experiment)
    several = forms if not isinstance(forms, str) else {}
    form = forms if isinstance(forms, str) else next(iter(forms.values()))
    shape = next(iter(converted.inputs.values()))
    by_target = {name: TargetFacts(one, _task(one)) for name, one in several.items()}
    facts = Facts(_task(form), form, shape, by_target=by_target)
    builder = Builder(keras, facts, mark_of)
    columns = len(converted.inputs) > 1
    shapes = {name: _flat(one) if columns else one for name, one in converted.inputs.items()}
    if experiment.graph.chain:
        shapes = {INPUT: shape}
    copy = compile_model(builder, experiment, shapes)
    texts = {index: converted.texts[name] for index, name in enumerate(converted.inputs) if name in converted.texts}
    return compare(keras, model, converted.layers, copy, made_layers(builder, experiment), texts)


def made_layers(builder: Builder, experiment: Experiment) -> list[Any]:
    """Return the layers of a compiled config in the order in which they were made, without those inside of others."""
    paths = {node.part.path for node in experiment.graph.nodes}
    return [one for one, part in builder.made if part.category == "layers" and part.path in paths]


def _task(form: TargetForm) -> Task:
    return "regression" if form == "number" else "classification"


def _flat(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Return the shape of a tensor as columns side by side."""
    if len(shape) < 2:
        return shape
    size = 1
    for one in shape:
        size *= one or 1
    return (size,)
