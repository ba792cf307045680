"""A Keras model from a file of Keras 3 or 2: looked at before Keras reads it, and never executed."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.engine.backend.library_errors import library_message
from nnrun.engine.model.checkpoint_contents import read_config, require_plain_contents, require_plain_weights_file
from nnrun.engine.model.to_config.keras2 import MODELS, layers_of, translated
from nnrun.engine.model.to_config.parts import refused_code, refused_layer
from nnrun.errors import RunError
from nnrun.scratch import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path as FilePath
    from types import ModuleType

_HINT = "name a file that Keras' model.save has written: .keras, or .h5 of Keras 2"
_SAVED_MODEL = "load it with TensorFlow, and save the model as .keras; a ModelFile has no layers to write"
#: Classes in saved models that are no layers of the catalog, but can be taken over.
_KNOWN = MODELS | {"InputLayer", "Op"}


@dataclass(frozen=True)
class ModelFile:
    """A model from a file.

    Attributes:
        model: The model with its weights, not compiled.
        compiled: How it was compiled, as Keras writes it; None where it was not.
        version: The version of Keras that wrote it; empty if the file does not say.
    """

    model: Any
    compiled: Mapping[str, Any] | None
    version: str


def read_saved_model(keras: ModuleType, path: FilePath) -> ModelFile:
    """Read a model with its weights.

    Raises:
        RunError: There is no such file, it holds no model, is cut short, or has a layer that is code, which is named.
    """
    from nnrun.engine.model import layers  # noqa: F401 - registers nnrun's layers with Keras

    if path.is_dir():
        is_saved_model = (path / "saved_model.pb").is_file()
        text = f"{path}: expected a Keras file, received a {'ModelFile' if is_saved_model else 'folder'}"
        raise RunError(text, _SAVED_MODEL if is_saved_model else _HINT)
    if not path.is_file():
        raise RunError(f"{path}: there is no such file", _HINT)
    try:
        if zipfile.is_zipfile(path):
            return _read_archive(keras, path)
        with path.open("rb") as stream:
            is_hdf5 = stream.read(8) == b"\x89HDF\r\n\x1a\n"
        if is_hdf5:
            return _read_hdf5(keras, path)
    except RunError:
        raise
    except Exception as error:  # Keras, h5py, json and zipfile each raise their own
        raise RunError(f"{path}: Keras cannot read this model: {library_message(error)}", _HINT) from error
    what = "an empty file" if not path.stat().st_size else "a file that is cut short or of another kind"
    raise RunError(f"{path}: expected a Keras model, received {what}", _HINT)


def _read_archive(keras: ModuleType, path: FilePath) -> ModelFile:
    """Read a `.keras` file."""
    with zipfile.ZipFile(path) as archive:
        if "config.json" not in archive.namelist():
            raise RunError(f"{path}: this archive has no config.json, and so no model", _HINT)
        config = read_config(archive)
        metadata = json.loads(archive.read("metadata.json")) if "metadata.json" in archive.namelist() else {}
    _require_no_code(config)
    compiled = config.pop("compile_config", None)
    today = translated(config)
    version = str(metadata.get("keras_version", ""))
    require_plain_contents(path, today)
    if not version.startswith("2"):
        return ModelFile(keras.saving.load_model(path, compile=False, safe_mode=True), compiled, version)
    with scratch_folder("keras2") as folder:
        copy = folder / "model.keras"
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as written:
            for name in archive.namelist():
                written.writestr(name, json.dumps(today) if name == "config.json" else archive.read(name))
        return ModelFile(keras.saving.load_model(copy, compile=False, safe_mode=True), compiled, version)


def _read_hdf5(keras: ModuleType, path: FilePath) -> ModelFile:
    """Read a `.h5` file, the form of Keras 2."""
    import h5py

    require_plain_weights_file(path)
    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config")
        if text is None:
            what = "weights alone" if "layer_names" in file.attrs or "layers" in file else "no model"
            hint = "save the whole model: model.save('model.keras'); init_from: takes weights alone, too"
            raise RunError(f"{path}: expected a Keras model, received a file with {what}", hint)
        config, training = json.loads(text), file.attrs.get("training_config")
        version = _text(file.attrs.get("keras_version", ""))
        _require_no_code(config)
        internal = keras.src.legacy.saving
        with (
            keras.src.saving.serialization_lib.SafeModeScope(safe_mode=True),
            internal.saving_options.keras_option_scope(use_legacy_config=True),
        ):
            model = internal.saving_utils.model_from_config(translated(config))
            internal.legacy_h5_format.load_weights_from_hdf5_group(file["model_weights"], model)
    return ModelFile(model, _training_config(training), version)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _training_config(text: Any) -> dict[str, Any] | None:
    if text is None:
        return None
    config = json.loads(text)
    return {**config, "optimizer": config.get("optimizer_config")}


def _require_no_code(config: Any) -> None:
    """Refuse a model with layers that are Python code.

    Raises:
        RunError: It has; with the layer's name.
    """
    if not isinstance(config, dict) or "class_name" not in config:
        raise RunError("the file's config is that of no model", _HINT)
    for one in layers_of(config):
        name = str(one["class_name"]).rpartition(">")[2]
        inner = one.get("config")
        layer = str(inner.get("name", name)) if isinstance(inner, dict) else name
        module = str(one.get("module") or "")
        entry = lookup.entry("layers", name)
        is_own = name in _KNOWN or entry is not None or translated(one)["class_name"] != one["class_name"]
        if entry is not None and entry.refused is not None:
            raise refused_code(layer, name)
        if module.startswith("keras.") and one.get("registered_name") in (None, name) and (is_own or ".src." in module):
            continue
        if str(one.get("registered_name") or "").startswith("nnrun>") or (is_own and not module):
            continue
        if is_own and module in ("keras", "keras.layers") and not one.get("registered_name"):
            continue
        if not module and name in ("TFOpLambda", "SlicingOpLambda"):
            function = inner.get("function") if isinstance(inner, dict) else ""
            hint = "rebuild that part with Keras' own layers, or keras.ops, and save the model again"
            raise refused_layer(layer, name, f"calls {function} of TensorFlow, which a config cannot", hint)
        if not module and entry is None and ">" not in str(one["class_name"]) and _was_in_keras2(name):
            raise refused_layer(layer, name, "is no longer in Keras", "replace it by a layer of today's Keras")
        raise refused_code(layer, name)


def _was_in_keras2(name: str) -> bool:
    """Return whether a name is of a layer that Keras 2 had and Keras 3 has not."""
    return name in {"LocallyConnected1D", "LocallyConnected2D", "CuDNNLSTM", "CuDNNGRU", "RandomHeight", "RandomWidth",
                    "MaxoutDense", "Highway"}  # fmt: skip
