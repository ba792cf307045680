"""From an experiment and the facts of its data to a compiled Keras model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.engine.model.metrics import make_metrics
from nnrun.engine.model.output_losses import count_rows_of_output_losses
from nnrun.engine.model.row_weights import weigh_every_position
from nnrun.engine.model.trainability import require_patterns, set_trainability
from nnrun.engine.model.word_vectors import keep_fallbacks
from nnrun.spec.facts import substitute_facts
from nnrun.spec.graph import TensorRef, holds_layers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.engine.model.build import Builder
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.graph import Graph, ModelOutput, Node
    from nnrun.spec.model import ModelInput


Shape = tuple[int | None, ...]


def compile_model(builder: Builder, experiment: Experiment, shapes: Mapping[str, Shape | None]) -> Any:
    """Build the model that `experiment` describes and compile it with its loss, optimizer and metrics.

    Args:
        builder: Builds Keras objects from parts of the config.
        experiment: The experiment.
        shapes: The shape of one example for each input of the model.

    Raises:
        BuildError: Keras refuses a part, at the part's place in the config.
    """
    # Without mixed precision layers compute in Keras' own default type.
    mixed = experiment.precision.startswith("mixed")
    builder.keras.config.set_dtype_policy(experiment.precision if mixed else experiment.keras.floatx)
    model = _functional(builder, experiment, shapes)
    require_patterns(builder.error, model, experiment.training)
    experiment = experiment.in_phase(0)
    set_trainability(model, experiment.training)
    compile_training(model, builder, experiment)
    return model


def compile_training(model: Any, builder: Builder, experiment: Experiment, *, refuse: bool = True) -> None:
    """Compile `model` with the experiment's losses, optimizer and metrics.

    Args:
        model: The model.
        builder: Builds Keras objects from parts of the config.
        experiment: The experiment.
        refuse: Whether metrics that cannot mean what they say are refused; see `make_metrics`.

    Raises:
        BuildError: A part is refused, at its place in the config.
    """
    training, outputs = experiment.training, experiment.graph.outputs
    losses = {name: builder.make(loss) for name, loss in experiment.losses.items()}
    metrics = {
        one.name: make_metrics(builder, experiment, one, _shape(model, one.name), refuse=refuse) for one in outputs
    }
    weights = {one.name: one.weight for one in outputs}
    single = outputs[0].name if experiment.graph.chain else None
    # XLA is chosen by nnrun's executors, not by Keras: on CPU it makes convolutions ten times slower.
    model.compile(
        optimizer=None if training.optimizer is None else builder.make(training.optimizer),
        loss=losses[single] if single else losses,
        metrics=metrics[single] if single else metrics,
        loss_weights=None if single else weights,
        jit_compile=False,
    )
    weigh_every_position(builder.keras, model)
    if len(outputs) > 1:
        count_rows_of_output_losses(builder.keras, model)


def _shape(model: Any, name: str) -> Shape:
    """Return the shape of one example at an output."""
    output = model.output[name] if isinstance(model.output, dict) else model.output
    return tuple(output.shape[1:])


def _functional(builder: Builder, experiment: Experiment, shapes: Mapping[str, Shape | None]) -> Any:
    graph = experiment.graph
    inputs = {one.name: _input(builder, one, shapes.get(one.name), graph) for one in graph.inputs}
    tensors: dict[str, tuple[Any, ...]] = {name: (tensor,) for name, tensor in inputs.items()}
    # All layers are made before the first is applied, so that Keras numbers its names as its own scripts do.
    layers: dict[str, Any] = {}
    for node in graph.nodes:
        # A whole model is made for the shape of what it takes.
        if node.layer not in layers and not holds_layers(node.part.name):
            layers[node.layer] = builder.make(substitute_facts(node.part, builder.facts, graph.target_of(node)))
    for node in graph.nodes:
        if node.layer not in layers:
            layers[node.layer] = _whole_model(builder, node, tensors)
        made = _apply(builder, layers[node.layer], node, tensors)
        # Its own output is the first, also where nothing takes it and it was left out.
        tensors[node.name] = (None, *made) if node.cut else made
    builder.notes += keep_fallbacks(builder.made)
    outputs = {one.name: _output_tensor(builder, one, tensors) for one in graph.outputs}
    _require_examples(builder, graph, inputs, outputs)
    name = experiment.name.replace(".", "_").replace("-", "_")
    if graph.chain:
        return builder.keras.Model(next(iter(inputs.values())), next(iter(outputs.values())), name=name)
    return builder.keras.Model(inputs, outputs, name=name)


def _input(builder: Builder, model_input: ModelInput, shape: Shape | None, graph: Graph) -> Any:
    if model_input.part is not None:
        return builder.make(model_input.part)
    if shape is None:
        text = "the shape of one example is not known from these data"
        raise builder.error(model_input.path, text, "start the model with 'Input: {shape: [...]}'")
    return builder.keras.Input(tuple(shape), name=None if graph.chain else model_input.name)


def _whole_model(builder: Builder, node: Node, tensors: Mapping[str, tuple[Any, ...]]) -> Any:
    from nnrun.engine.model.whole_models import make_model

    part, shape = substitute_facts(node.part, builder.facts, None), _tensor_of(tensors, node.sources[0]).shape
    return make_model(builder, part, shape[1:], node.inner, cut=node.cut)


def _apply(builder: Builder, layer: Any, node: Node, tensors: Mapping[str, tuple[Any, ...]]) -> tuple[Any, ...]:
    try:
        inputs = [_tensor_of(tensors, source) for source in node.sources]
        call = {key: _resolve(value, tensors) for key, value in node.call.items()}
        outputs = layer(inputs, **call) if node.listed else layer(*inputs, **call)
    except Exception as error:  # Keras raises whatever its layers raise
        raise builder.refusal(node.part, error) from error
    flat = tuple(builder.keras.tree.flatten(outputs))
    if any(output is None for output in flat):
        text = f"{node.part.name}{builder.user_place(node.part)} returned nothing (None), expected a tensor"
        raise builder.error(node.path, text, "end its call(self, x) with: return ...")
    return flat


def _resolve(value: Any, tensors: Mapping[str, tuple[Any, ...]]) -> Any:
    if isinstance(value, TensorRef):
        return _tensor_of(tensors, value)
    if isinstance(value, list):
        return [_resolve(item, tensors) for item in value]
    return value


def _tensor_of(tensors: Mapping[str, tuple[Any, ...]], ref: TensorRef) -> Any:
    found = tensors[ref.name]
    if ref.output >= len(found):
        text = f"expected one of {len(found)} outputs, counted from 0, received '.{ref.output}'"
        raise ValueError(text)
    return found[ref.output]


def _output_tensor(builder: Builder, output: ModelOutput, tensors: Mapping[str, tuple[Any, ...]]) -> Any:
    try:
        return _tensor_of(tensors, output.source)
    except ValueError as error:
        raise builder.error(output.path, str(error), "count the layer's outputs from 0") from error


def _require_examples(builder: Builder, graph: Graph, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
    """Check that outputs have a row for each example: a loss might compare one row with every target.

    Raises:
        BuildError: An output has as many rows for every batch, at its place or that of the layer that gives it.
    """
    batches = {tensor.shape[0] for tensor in inputs.values()}
    for one in graph.outputs:
        shape = tuple(outputs[one.name].shape)
        if not shape or shape[0] not in batches:
            text = f"expected outputs with a row for each example, received the shape {list(shape)} for any batch"
            hint = "axis 0 is the batch: let no operation before it, such as mean or sum, go over it"
            place = next((node.path for node in graph.nodes if node.name == one.source.name), one.path)
            raise builder.error(place, text, hint)
