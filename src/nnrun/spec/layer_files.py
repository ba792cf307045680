"""The files that layers name: saved models, weights of backbones, and folders of presets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnrun.catalog.hub_presets import given_preset, preset_files, published_class
from nnrun.spec.model import Layer, Repeat, Residual
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.errors import Path
    from nnrun.spec.model import ModelSpec, StackItem


#: The initializer that reads vectors of words.
WORD_VECTORS = "WordVectors"


@dataclass(frozen=True)
class LayerFile:
    """A file that a layer names.

    Attributes:
        name: The file, as the config has it.
        sha256: The digest that it must have; None where the config does not say.
        layer: The layer.
        path: The place of the name in the config.
        files: The files that count of a folder, the preset of a backbone of Keras Hub; empty for a file.
    """

    name: str
    sha256: str | None
    layer: str
    path: Path
    files: Sequence[str] = ()


def file_of(part: Part) -> LayerFile | None:
    """Return the file that a part names, or None; published weights, such as `imagenet`, are none."""
    inside = (*part.path, part.name)
    if part.name in ("Model", WORD_VECTORS):
        return LayerFile(str(part.arguments["file"]), part.arguments.get("sha256"), part.name, (*inside, "file"))
    preset = given_preset(part.arguments)
    key, files = ("weights", ()) if preset is None else ("preset", preset_files(part.name, part.arguments))
    value = part.arguments.get(key)
    if isinstance(value, dict):
        return LayerFile(str(value["file"]), value.get("sha256"), part.name, (*inside, key, "file"), files)
    is_published = value == "imagenet" if preset is None else published_class(preset) is not None
    if isinstance(value, str) and not is_published:
        return LayerFile(value, None, part.name, (*inside, key), files)
    return None


def layer_files(model: ModelSpec) -> Iterator[LayerFile]:
    """Yield the files that the layers of a model name, each place once."""
    for part in _parts([*model.layers, *(item for items in model.stacks.values() for item in items)]):
        for one in (part, *part.inner("initializers")) if part.category == "layers" else ():
            found = file_of(one) if one is part or one.name == WORD_VECTORS else None
            if found is not None:
                yield found


def word_vectors(model: ModelSpec) -> Iterator[tuple[Part, Part]]:
    """Yield the layers that begin with vectors of words from a file, each with that initializer."""
    for part in _parts([*model.layers, *(item for items in model.stacks.values() for item in items)]):
        yield from ((part, one) for one in part.inner("initializers") if one.name == WORD_VECTORS)


def with_files(model: ModelSpec, found: Mapping[Path, tuple[str, str]]) -> ModelSpec:
    """Return the model with other names of files and their digests.

    Args:
        model: The model.
        found: The name and the SHA-256 of files, by the places of their names in the config.
    """
    if not found:
        return model
    stacks = {name: _replaced(items, found) for name, items in model.stacks.items()}
    return replace(model, layers=_replaced(model.layers, found), stacks=stacks)


def _parts(items: Sequence[StackItem]) -> Iterator[Part]:
    for item in items:
        if isinstance(item, Layer):
            yield item.part
            yield from item.part.inner("layers")
        elif isinstance(item, Repeat):
            yield from _parts(item.layers)
        elif isinstance(item, Residual):
            yield from _parts((*item.layers, *item.shortcut))


def _replaced(items: Sequence[StackItem], found: Mapping[Path, tuple[str, str]]) -> tuple[StackItem, ...]:
    replaced: list[StackItem] = []
    for item in items:
        if isinstance(item, Layer):
            replaced.append(replace(item, part=_with_file(item.part, found)))
        elif isinstance(item, Repeat):
            replaced.append(replace(item, layers=_replaced(item.layers, found)))
        elif isinstance(item, Residual):
            inner, shortcut = _replaced(item.layers, found), _replaced(item.shortcut, found)
            replaced.append(replace(item, layers=inner, shortcut=shortcut))
        else:
            replaced.append(item)
    return tuple(replaced)


def _with_file(part: Part, found: Mapping[Path, tuple[str, str]]) -> Part:
    arguments = {key: _value_with_file(value, found) for key, value in part.arguments.items()}
    file = file_of(part) if part.category == "layers" or part.name == WORD_VECTORS else None
    if file is not None and file.path in found:
        name, sha256 = found[file.path]
        both = {"file": name, "sha256": sha256}
        # After the part's own place and name: `file`, `weights` or `preset`.
        key = str(file.path[len(part.path) + 1])
        arguments |= both if key == "file" else {key: both}
    return replace(part, arguments=arguments)


def _value_with_file(value: Any, found: Mapping[Path, tuple[str, str]]) -> Any:
    if isinstance(value, Part):
        return _with_file(value, found)
    return [_value_with_file(one, found) for one in value] if isinstance(value, list) else value
