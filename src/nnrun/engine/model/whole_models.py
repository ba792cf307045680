"""Whole models as layers of another: those of `keras.applications` and Keras Hub, and saved ones (`.keras`)."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager, nullcontext
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.shapes.names import snake_case
from nnrun.engine.backend.library_errors import library_message
from nnrun.engine.model import checkpoint
from nnrun.engine.model.checkpoint_contents import require_plain_contents, require_plain_weights_file
from nnrun.engine.model.fresh_names import fresh_names
from nnrun.engine.model.hub_models import hub_model
from nnrun.engine.model.trainability import freeze
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.engine.model.part_builder import PartBuilder
    from nnrun.spec.part import Part

#: Arguments of nnrun, not of Keras' functions.
_OWN_ARGUMENTS = ("weights", "preprocess", "freeze", "trainable", "name")


def make_model(
    builder: PartBuilder,
    part: Part,
    shape: Sequence[int | None] | None,
    inner: Sequence[str] = (),
    *,
    cut: bool = False,
) -> Any:
    """Make a model as a layer, with its weights, and with further outputs.

    Args:
        builder: Builds Keras objects from parts of the config.
        part: A model of `keras.applications` or Keras Hub, or `Model`.
        shape: The shape of one example; None: the model's own.
        inner: The names of inner layers whose outputs are further outputs.
        cut: Whether these are the only outputs.

    Raises:
        BuildError: Keras refuses an argument, there is no such inner layer, or the weights do not fit.
        MissingExtraError: It is a model of Keras Hub, which is not installed.
    """
    path = (*part.path, part.name)
    with fresh_names():
        source, output, known = _graph(builder, part, shape, inner)
    unknown = next((name for name in inner if name not in known), None)
    if unknown is not None:
        raise builder.error(path, f"{part.name} has no inner layer {unknown!r}", f"it has: {', '.join(known)}")
    outputs = [*([] if cut else [output]), *(known[name] for name in inner)]
    given = part.arguments.get("name")
    name = given or sys.modules["keras.src.utils.naming"].auto_name(snake_case(part.name))
    # A new model of the same layers: it has another name, and only the outputs that are taken.
    model = builder.keras.Model(source, outputs if len(outputs) > 1 else outputs[0], name=name)
    unmatched = freeze(model, part.arguments.get("freeze") or ())
    if unmatched:
        text = f"{part.name} has no inner layer whose name or class is like {unmatched[0]!r}"
        names = [layer.name for layer in model.layers if layer.weights]
        raise builder.error((*path, "freeze"), text, f"its layers are: {', '.join(names[:5])}, ...")
    if part.arguments.get("trainable") is False:
        model.trainable = False
    builder.made.append((model, part))
    return model


def _graph(
    builder: PartBuilder, part: Part, shape: Sequence[int | None] | None, inner: Sequence[str]
) -> tuple[Any, Any, dict[str, Any]]:
    """Return the input and the output of a whole model, and the outputs of its inner layers by their names."""
    entry = lookup.entry("layers", part.name)
    if entry is not None and entry.hub is not None:

        def load_file(model: Any, file: FilePath) -> None:
            _require_plain(builder, part, file)
            _load_weights(builder, part, model, file)

        found = hub_model(builder, part, shape, load_file)
        return found.input, found.output, dict(found.inner)
    whole = _saved_model(builder, part) if part.name == "Model" else _application(builder, part, shape)
    layers = {layer.name: layer for layer in whole.layers}
    # Only those that are taken: a layer that is applied twice has no single output.
    known = {name: layer.output if name in inner else None for name, layer in layers.items()}
    return whole.inputs[0], whole.outputs[0], known


def _application(builder: PartBuilder, part: Part, shape: Sequence[int | None] | None) -> Any:
    """Make a model of `keras.applications` with its weights; what it does to pixels first is inside it."""
    keras, entry = builder.keras, lookup.entry("layers", part.name)
    arguments = {key: builder.argument(part, key) for key in part.arguments if key not in _OWN_ARGUMENTS}
    placed: dict[str, Any] = {}
    if shape is not None:
        pixels = keras.Input(tuple(shape))
        module = getattr(keras.applications, str(entry.application if entry else None))
        prepares = "preprocess" in (entry.parameters if entry else {}) and part.arguments.get("preprocess", True)
        prepared = module.preprocess_input(pixels) if prepares else pixels
        placed = {"input_tensor": prepared, "input_shape": tuple(shape)}
    file = builder.weights_file(part, shape)
    is_published = file is not None and part.arguments.get("weights", "imagenet") == "imagenet"
    if file is not None:
        _require_plain(builder, part, file)
    try:
        with _given_file(file) if is_published else nullcontext():
            weights = "imagenet" if is_published else None
            made = getattr(keras.applications, part.name)(**arguments, weights=weights, **placed)
    except Exception as error:  # Keras raises whatever its layers raise
        raise builder.refusal(part, error) from error
    if file is not None and not is_published:
        _load_weights(builder, part, made, file)
    return made


@contextmanager
def _given_file(file: FilePath | None) -> Iterator[None]:
    """Let Keras take this file inside the `with` block where it would download one.

    With `weights="imagenet"` some models have other layers (EfficientNet scales its input once more), so that Keras
    must know that these are the published weights.
    """
    files: Any = sys.modules["keras.src.utils.file_utils"]
    before = files.get_file
    files.get_file = lambda *_, **__: str(file)
    try:
        with warnings.catch_warnings():
            # MobileNet warns where there are no weights of this size of pictures, and takes those of 224.
            warnings.filterwarnings("ignore", ".*Weights for input shape", UserWarning)
            yield
    finally:
        files.get_file = before


def _require_plain(builder: PartBuilder, part: Part, file: FilePath) -> None:
    """Refuse a file of weights that holds something else.

    Raises:
        BuildError: It does, or cannot be read.
    """
    try:
        if file.suffix == ".keras":
            require_plain_contents(file)
        else:
            require_plain_weights_file(file)
    except Exception as error:  # h5py and zipfile each raise their own
        text = f"{file} holds no weights that can be read: {error}"
        hint = "name a file that Keras' save_weights or save has written"
        raise builder.error((*part.path, part.name, "weights"), text, hint) from error


def _load_weights(builder: PartBuilder, part: Part, model: Any, file: FilePath) -> None:
    """Load weights into a model that is made.

    Raises:
        BuildError: The file is of another model; Keras' message names the layer.
    """
    path = (*part.path, part.name, "weights")
    try:
        model.load_weights(str(file))
    except Exception as error:  # Keras, h5py and zipfile each raise their own
        text = f"the weights in {file} are not those of this {part.name}: {library_message(error)}"
        hint = "name weights that were saved of a model of the same arguments and channels"
        raise builder.error(path, text, hint) from error


def _saved_model(builder: PartBuilder, part: Part) -> Any:
    """Load a saved model; code in it is never run.

    Raises:
        BuildError: It cannot be read, or takes several inputs.
    """
    path = (*part.path, part.name, "file")
    try:
        loaded = checkpoint.load(builder.keras, FilePath(part.arguments["file"]))
    except RunError as error:
        raise builder.error(path, error.text, "name a .keras file, or the folder of a run that is done") from error
    if len(loaded.inputs) != 1:
        text = f"expected a model with one input, received one with {len(loaded.inputs)}"
        raise builder.error(path, text, "save a model that takes one tensor")
    return loaded
