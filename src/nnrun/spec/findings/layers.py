"""Checks of layers: their shapes, and inputs, layers and stacks that no output needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.catalog.shapes.layer_call import format_shape
from nnrun.catalog.shapes.recurrent import MissingSequenceError
from nnrun.spec.embeddings import embedded_inputs
from nnrun.spec.finding import Finding
from nnrun.spec.findings.backbones import states_weights
from nnrun.spec.graph import holds_layers
from nnrun.spec.model import used_stacks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.spec.embeddings import EmbeddedInput
    from nnrun.spec.facts import Facts
    from nnrun.spec.findings.context import CheckContext


#: Layers whose inputs are words.
_OF_TEXT = ("StringLookup", "TextVectorization")


def check_layers(context: CheckContext) -> Iterator[Finding]:
    """Find impossible shapes, and where shapes are no longer known."""
    yield from _inputs(context)
    for row in context.rows:
        error = row.error
        if error is not None:
            name = "return-sequences-missing" if isinstance(error, MissingSequenceError) else "shape-impossible"
            blamed = getattr(error, "blamed", None)
            path = row.path if blamed is None else (*blamed.path, blamed.name)
            yield Finding(path, error.text.rstrip("."), error.hint and error.hint.rstrip("."), name)
    yield from _dense_on_picture(context)
    yield from _embeddings(context)
    yield from _layers_of_text(context)
    yield from _undecided(context)


def _inputs(context: CheckContext) -> Iterator[Finding]:
    """Find an `Input` with another shape than the data."""
    for one in context.graph.inputs:
        stated, given = context.input_shapes[one.name], context.given.get(one.name)
        if one.part is None or stated is None or given is None:
            continue
        same = len(stated) == len(given) and all(
            None in (left, right) or left == right for left, right in zip(stated, given, strict=True)
        )
        if not same:
            text = f"Input has the shape {format_shape(stated)}, but one example of the data has {format_shape(given)}"
            hint = (
                f"write Input: {{shape: {format_shape(given)}}}, or put Reshape: {format_shape(stated)} under prepare"
            )
            yield Finding((*one.part.path, one.part.name, "shape"), text, hint, "input-shape-mismatch")


def _dense_on_picture(context: CheckContext) -> Iterator[Finding]:
    for row in context.rows:
        if row.class_name == "Dense" and row.error is None and row.inputs and len(row.inputs[0]) > 2:
            text = f"Dense takes a picture of {format_shape(row.inputs[0])}: it acts on the last dimension alone"
            hint = "put Flatten (or GlobalAveragePooling2D) before it"
            yield Finding(row.path, text, hint, "dense-on-picture", "warning")
            return  # the layers after it have a picture only because this one has


def _embeddings(context: CheckContext) -> Iterator[Finding]:
    """Find embeddings of other than token ids, or with fewer rows than there are token ids or categories."""
    facts = context.facts
    if facts is None or facts.input_shape is None:
        return
    columns = {one.name: facts.columns if one.columns is None else one.columns for one in context.graph.inputs}
    steps = [step for step in context.experiment.data.prepare if step.name == "TextVectorization"]
    texts = {str(name) for step in steps for name in step.arguments.get("columns") or ()}
    for one in embedded_inputs(context.graph, facts):
        if facts.columns:
            yield from _embedded_columns(one, columns[one.input], facts)
        elif facts.vocabulary is None or (columns[one.input] and texts.isdisjoint(map(str, columns[one.input]))):
            continue
        elif len(facts.input_shape) > 1:
            text = f"{one.layer} expects token ids, but one example has the shape {format_shape(facts.input_shape)}"
            yield Finding(
                one.path, text, f"write encode: codes in the source, or remove {one.layer}", "embedding-of-numbers"
            )
        elif one.size < facts.vocabulary:
            text = f"{one.layer} has {one.size} rows (`{one.argument}`), but token ids go up to {facts.vocabulary - 1}"
            hint = f"write {one.argument}: $vocabulary, which is {facts.vocabulary}"
            yield Finding(one.size_path, text, hint, "embedding-too-small")


def _layers_of_text(context: CheckContext) -> Iterator[Finding]:
    """Find layers that look words up: what a model receives is numbers, as text is encoded before."""
    for node in context.graph.nodes:
        if node.part.name in _OF_TEXT:
            text = f"{node.part.name} expects text, and a model of nnrun receives numbers"
            hint = "leave it out; under prepare, OneHotEncoder encodes categories, and TextVectorization text"
            yield Finding(node.path, text, hint, "layer-of-text")


def _embedded_columns(one: EmbeddedInput, columns: Sequence[str], facts: Facts) -> Iterator[Finding]:
    name = max(columns, key=lambda column: facts.categories.get(column, 0))
    if one.size < (count := facts.categories.get(name, 0)):
        text = f"{one.layer} has {one.size} rows (`{one.argument}`), but the column '{name}' has {count} categories"
        yield Finding(one.size_path, text, f"write {one.argument}: {count}", "embedding-too-small")


def _undecided(context: CheckContext) -> Iterator[Finding]:
    row = next((row for row in context.rows if row.undecided is not None), None)
    # Where nothing at all is known of the data, there is a finding about them already.
    if row is not None and context.facts is not None:
        text = f"shapes are unknown from {row.name} on: {row.undecided}"
        yield Finding(row.path, text, "nnrun check --build computes them with Keras", "undecided", "note")


def check_frozen(context: CheckContext) -> Iterator[Finding]:
    """Find layers that are not trained and have random weights, where no run is named to load weights from."""
    if context.experiment.init_from is not None:
        return
    for row in context.rows:
        entry, given = lookup.entry("layers", row.class_name), row.part.arguments
        # Weights that are computed or adapted: the filters of a Fourier transform, means and variances.
        is_random = entry is not None and entry.origin != "user"
        is_random = is_random and not any(kind in row.class_name for kind in ("Normalization", "Spectrogram"))
        is_stated = any(name.endswith("initializer") for name in given)
        # Whole models have weights of their own, but for `weights: null`.
        is_stated = is_stated or (holds_layers(row.part.name) and states_weights(row.part))
        has_weights = row.parameters or (entry is not None and entry.hub is not None)
        if is_random and has_weights and row.first and given.get("trainable") is False and not is_stated:
            text = f"'{row.name}' is not trained, and no weights are loaded into it: it stays random"
            hint = "add init_from: with the run whose weights it is to have, or leave out trainable: false"
            yield Finding((*row.path, "trainable"), text, hint, "frozen-layer-random", "warning")


def check_unused(context: CheckContext) -> Iterator[Finding]:
    """Find inputs, layers and stacks that no output needs."""
    used = context.graph.used_names()
    for one in context.graph.inputs:
        if one.name not in used:
            text = f"no output of the model depends on the input '{one.name}'"
            yield Finding(one.path, text, "name it in a layer's from:, or remove it", "unused-input", at_key=True)
    # The layers of a stack that is used several times have one place in the file.
    known = {node.part.path for node in context.graph.nodes if node.name in used}
    for node in context.graph.nodes:
        if node.part.path not in known:
            known.add(node.part.path)
            text = f"no output of the model depends on this {node.part.name}, so Keras leaves it out"
            yield Finding(node.path, text, "name it in a layer's from:, or remove it", "unused-node", "warning")
    yield from _unused_stacks(context)


def _unused_stacks(context: CheckContext) -> Iterator[Finding]:
    model = context.experiment.model
    waiting, used = used_stacks(model.layers), set[str]()
    while waiting:
        name = waiting.pop()
        used.add(name)
        waiting |= used_stacks(model.stacks.get(name, ())) - used
    for name in model.stacks:
        if name not in used:
            text = f"the model does not use the stack '{name}'"
            hint = f"write - {name} among the layers"
            yield Finding(("define", name), text, hint, "unused-define", "warning", at_key=True)
