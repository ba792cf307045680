"""The published weights of backbones: which file Keras would download for which arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.shapes.backbones import known_backbones

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The folder of published weights inside the data folder.
FOLDER = "keras-applications"
#: The size of pictures whose weights Keras takes where there are none of the given size.
_DEFAULT_ROWS = 224
#: The weights of the widest variant (MobileNetV2 with alpha 1.4) are fewer than twice those of the default one.
_MOST_ALPHA = 2
_ROOM = 10_000_000


@dataclass(frozen=True)
class PublishedWeights:
    """A file of weights that Keras publishes.

    Attributes:
        name: The file's name.
        url: Its address.
        md5: Its MD5 as Keras states it; None where Keras states none.
        most: The most bytes that it can have: 4 for each weight, and room for the names.
    """

    name: str
    url: str
    md5: str | None
    most: int


def published_weights(
    name: str, arguments: Mapping[str, Any], spatial: Sequence[int | None]
) -> PublishedWeights | None:
    """Return the file that Keras would download for a backbone; None where there are no such weights.

    Args:
        name: A name of `keras.applications`.
        arguments: The arguments in the config.
        spatial: Height and width of its input.
    """
    entry = lookup.entry("layers", name)
    if entry is None:
        return None
    given = {**{key: one.default for key, one in entry.parameters.items()}, **arguments}
    rows = spatial[0] if len(set(spatial)) == 1 else None
    files = known_backbones()[name]["weights"]
    sizes = {file.get("rows") for file in files}
    given["rows"] = rows if rows in sizes else _DEFAULT_ROWS
    for file in files:
        if all(given[key] == value for key, value in file.items() if key not in ("file", "url", "hash")):
            weights = known_backbones()[name]["top_parameters"]
            return PublishedWeights(file["file"], file["url"], file["hash"], 4 * _MOST_ALPHA * weights + _ROOM)
    return None
