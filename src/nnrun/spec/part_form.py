"""The form of parts in a config: keys of layers that are not Keras' own, required arguments, categories of a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog.kinds import AnyOf, PartOf

if TYPE_CHECKING:
    from nnrun.catalog.kinds import Kind
    from nnrun.catalog.lookup import Entry

#: The argument that says where a callback writes, and its default inside the run folder.
OUTPUT_PATHS = {
    "CSVLogger": ("filename", "epochs.csv"),
    "TensorBoard": ("log_dir", "tensorboard"),
    "BackupAndRestore": ("backup_dir", "backup"),
    "ModelCheckpoint": ("filepath", "checkpoints/epoch-{epoch:02d}.keras"),
    "OrbaxCheckpoint": ("directory", "checkpoints/orbax"),
}
#: Required arguments that nnrun sets where the config does not: paths inside the run folder.
FILLED_IN = frozenset((name, argument) for name, (argument, _) in OUTPUT_PATHS.items())
#: Keys among a layer's arguments in a config that are not arguments of Keras' layer.
LAYER_KEYS = ("from", "call")


def split_layer_keys(value: object) -> tuple[object, dict[str, Any]]:
    """Split a layer of a config into Keras' own layer and its `from` and `call`."""
    if not isinstance(value, dict) or len(value) != 1:
        return value, {}
    ((word, inner),) = value.items()
    if not isinstance(inner, dict):
        return value, {}
    own = {key: item for key, item in inner.items() if key not in LAYER_KEYS}
    return {word: own}, {key: inner[key] for key in LAYER_KEYS if key in inner}


def goes_by_name(entry: Entry) -> bool:
    """Return whether Keras takes an entry by its name alone: a function could not be saved with its arguments."""
    return entry.category == "activations" or (entry.is_function and entry.category in ("losses", "metrics"))


def required_arguments(entry: Entry) -> list[str]:
    """Return the arguments that a config must give an entry."""
    parameters = entry.parameters.values()
    return [one.name for one in parameters if one.required and (entry.name, one.name) not in FILLED_IN]


def part_categories(kind: Kind) -> tuple[str, ...]:
    """Return the categories of the parts that a kind accepts; empty where it accepts none."""
    if isinstance(kind, AnyOf):
        return tuple(category for one in kind.kinds for category in part_categories(one))
    return kind.categories if isinstance(kind, PartOf) else ()
