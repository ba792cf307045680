"""The backbones of Keras Hub as layers: from arguments or from a preset, with what prepares their input inside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.hub_presets import CONFIG, CONVERTER, WEIGHTS, given_preset, preset_folder, published_class
from nnrun.catalog.hub_presets import read_settings as read_preset
from nnrun.engine.backend.hub import load_hub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nnrun.engine.model.part_builder import PartBuilder
    from nnrun.spec.part import Part

#: Arguments of nnrun, not of Keras Hub's classes.
_OWN_ARGUMENTS = ("preset", "load_weights", "weights", "preprocess", "pad_token_id", "freeze", "trainable", "name")
#: Arguments of a preset that the config or the place in the model decides.
_NOT_OF_PRESET = ("name", "trainable", "dtype", "data_format")
#: The output of a model of text that has a vector for each token, where it has several outputs.
_SEQUENCE = "sequence_output"


@dataclass(frozen=True)
class HubModel:
    """A backbone as a graph of Keras.

    Attributes:
        input: Its one input: pictures, or numbers of tokens.
        output: Its output.
        inner: The outputs that `from: NAME.OUTPUT` takes: those of inner layers, and further outputs, by name.
    """

    input: Any
    output: Any
    inner: Mapping[str, Any]


def hub_model(
    builder: PartBuilder,
    part: Part,
    shape: Sequence[int | None] | None,
    load_file: Callable[[Any, FilePath], None],
) -> HubModel:
    """Make a backbone with its weights.

    Args:
        builder: Builds Keras objects from parts of the config.
        part: A backbone of Keras Hub.
        shape: The shape of one example; None: it is not known.
        load_file: Loads a file of weights into the model, or refuses it.

    Raises:
        MissingExtraError: Keras Hub is not installed.
        BuildError: Keras Hub refuses an argument, or the preset is not there.
    """
    hub, keras, path = load_hub(part.name), builder.keras, (*part.path, part.name)
    entry = lookup.entry("layers", part.name)
    known = entry.hub if entry is not None and entry.hub is not None else {}
    if shape is None:
        text, hint = f"{part.name} cannot stand inside another layer", "write it as a layer of the model itself"
        raise builder.error(path, text, hint)
    folder = _folder(builder, part)
    arguments = {key: builder.argument(part, key) for key in part.arguments if key not in _OWN_ARGUMENTS}
    settings = {} if folder is None else _settings(builder, part, folder, CONFIG)
    settings = {key: value for key, value in settings.items() if key not in _NOT_OF_PRESET}
    placed = {known["shape_argument"]: tuple(shape)} if known["shape_argument"] else {}
    try:
        whole = getattr(hub.models, part.name)(**{**settings, **arguments, **placed})
    except Exception as error:  # Keras Hub raises whatever its layers raise
        raise builder.refusal(part, error) from error
    file = _weights(builder, part, folder)
    if file is not None:
        load_file(whole, file)
    source = keras.Input(tuple(shape))
    prepared = _pixels(builder, part, source, folder) if placed else _tokens(keras, part, source, whole)
    return _connected(source, prepared, whole, as_whole=known["whole"])


def _folder(builder: PartBuilder, part: Part) -> FilePath | None:
    """Return the folder of the preset of a backbone; None without one.

    Raises:
        BuildError: It is a published one that is not downloaded.
    """
    preset = given_preset(part.arguments)
    if preset is None:
        return None
    if published_class(preset) is None:
        return FilePath(preset)
    path = (*part.path, part.name, "preset")
    if builder.weights_dir is None:
        raise builder.error(path, f"{preset} is not downloaded by a check", "train from the config, which downloads it")
    folder = preset_folder(preset, builder.weights_dir.parent)
    if not (folder / CONFIG).is_file():
        raise builder.error(path, f"{folder / CONFIG} is not there", "train from the config, which downloads it")
    return folder


def _settings(builder: PartBuilder, part: Part, folder: FilePath, file: str) -> dict[str, Any]:
    try:
        return read_preset(folder, file)[1]
    except (OSError, ValueError) as error:
        path = (*part.path, part.name, "preset")
        raise builder.error(path, f"the preset cannot be read: {error}", "restore its files") from error


def _weights(builder: PartBuilder, part: Part, folder: FilePath | None) -> FilePath | None:
    """Return the file of the weights: the one that is named, else that of the preset; None: they stay random."""
    named = part.arguments.get("weights")
    if named is not None:
        return FilePath(named["file"] if isinstance(named, dict) else named)
    loads = folder is not None and part.arguments.get("load_weights", True) and builder.weights_dir is not None
    return folder / WEIGHTS if folder is not None and loads else None


def _pixels(builder: PartBuilder, part: Part, source: Any, folder: FilePath | None) -> list[Any]:
    """Scale pixels as the image converter of the preset does; the size of pictures follows from the place."""
    if folder is None or not part.arguments.get("preprocess", True):
        return [source]
    settings = _settings(builder, part, folder, CONVERTER)
    scale, offset = settings.get("scale"), settings.get("offset")
    if "mean" in settings and "variance" in settings:
        # The arguments of earlier releases: (scale * pixel - mean) / sqrt(variance).
        spread = [float(one) ** 0.5 for one in settings["variance"]]
        factor, scale = 1.0 if scale is None else float(scale), [1 / one for one in spread]
        scale = [factor * one for one in scale]
        offset = [-float(mean) / one for mean, one in zip(settings["mean"], spread, strict=True)]
    if scale is None and offset is None:
        return [source]
    of_channels = builder.keras.config.image_data_format() == "channels_first"
    factors = [_of_channels(one) if of_channels else one for one in (1.0 if scale is None else scale, offset or 0.0)]
    return [builder.keras.layers.Rescaling(*factors)(source)]


def _of_channels(value: Any) -> Any:
    return [[[one]] for one in value] if isinstance(value, list) else value


def _tokens(keras: Any, part: Part, source: Any, whole: Any) -> list[Any]:
    """Return what a model of text takes: numbers of tokens, which of them count, and that they are one segment."""
    numbers = keras.ops.cast(source, "int32")
    mask = keras.ops.not_equal(numbers, part.arguments.get("pad_token_id", 0))
    known = {
        "token_ids": lambda: numbers,
        "padding_mask": lambda: keras.ops.cast(mask, "int32"),
        "segment_ids": lambda: keras.ops.zeros_like(numbers),
    }
    return [known[one.name]() for one in whole.inputs]


def _connected(source: Any, prepared: Sequence[Any], whole: Any, *, as_whole: bool) -> HubModel:
    """Apply a backbone to its prepared input: as one layer, or layer by layer."""
    if as_whole:
        names = [one.name for one in whole.inputs]
        outputs = whole(dict(zip(names, prepared, strict=True)) if isinstance(whole.input, dict) else prepared[0])
        return HubModel(source, _main(outputs), {})
    produced: dict[str, Any] = {}

    def recorded(operation: Any) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            produced[operation.name] = operation(*arguments, **named)
            return produced[operation.name]

        return call

    outputs = whole._run_through_graph(prepared, operation_fn=recorded)  # noqa: SLF001 - there is no public way
    more = outputs if isinstance(outputs, dict) else {}
    pyramid = {name: produced[layer] for name, layer in _pyramid(whole).items() if layer in produced}
    return HubModel(source, _main(outputs), {**produced, **pyramid, **more})


def _main(outputs: Any) -> Any:
    return outputs[_SEQUENCE] if isinstance(outputs, dict) else outputs


def _pyramid(whole: Any) -> dict[str, str]:
    """Return the names of the layers of a model's stages (`P3` is the last one of 1/8 of the size), by their names."""
    found = getattr(whole, "pyramid_outputs", None) or {}
    return {name: tensor._keras_history.operation.name for name, tensor in found.items()}  # noqa: SLF001
