"""Files with the weights of a model alone: what Keras' `save_weights` has written, of Keras 3 and of Keras 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.engine.backend.library_errors import library_message
from nnrun.engine.model.checkpoint_contents import require_plain_weights_file
from nnrun.errors import RunError

if TYPE_CHECKING:
    from pathlib import Path as FilePath
    from types import ModuleType

#: How Keras 3 names such a file, and by which it knows it.
SUFFIX = ".weights.h5"


def holds_weights_alone(saved: FilePath) -> bool:
    """Return whether a file holds weights without a model; False for what cannot be read, too."""
    import h5py

    if saved.suffix != ".h5":
        return False
    try:
        with h5py.File(saved, "r") as file:
            return "model_config" not in file.attrs and ("layer_names" in file.attrs or "layers" in file)
    except OSError:
        return False


def load_weights_file(keras: ModuleType, model: Any, saved: FilePath) -> list[str]:
    """Load a file of weights into a model, which must have the layers that it was saved of, in their order.

    Returns:
        The names of the layers that have weights.

    Raises:
        RunError: The file is of another model, or leads elsewhere.
    """
    # Layers are shared; without the optimizer, whose state the file of a compiled model has, too.
    bare = keras.Model(model.inputs, model.outputs)
    try:
        require_plain_weights_file(saved)
        if saved.name.endswith(SUFFIX):
            bare.load_weights(str(saved))
        else:
            _load_of_keras_2(keras, bare, saved)
        _require_no_more(bare, saved)
    except Exception as error:  # Keras and h5py each raise their own
        text = f"init_from: the weights in {saved.name} are not those of this model: {library_message(error)}"
        hint = "write the layers as they were then; or save the whole model: model.save('model.keras')"
        raise RunError(text, hint) from error
    return [layer.name for layer in bare.layers if layer.weights]


def _load_of_keras_2(keras: ModuleType, model: Any, saved: FilePath) -> None:
    import h5py

    with h5py.File(saved, "r") as file:
        keras.src.legacy.saving.legacy_h5_format.load_weights_from_hdf5_group(file, model)


def _require_no_more(model: Any, saved: FilePath) -> None:
    """Refuse a file that has layers which the model lacks: Keras 3 leaves them out without a word.

    Raises:
        ValueError: It has.
    """
    import h5py

    found: list[str] = []
    with h5py.File(saved, "r") as file:
        if "layers" in file:
            file["layers"].visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    if len(found) > len(model.variables):
        raise ValueError(f"the file has {len(found)} arrays, and the model {len(model.variables)}")
