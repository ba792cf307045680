"""`explanations.json` and `explanations.npz` of a run folder: which parts of some pictures its predictions go by."""

from __future__ import annotations

import io
from dataclasses import dataclass
from hashlib import sha256
from os.path import lexists
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.runs.json_files import read_json
from nnrun.runs.mistakes import are_pictures, read_arrays
from nnrun.runs.schema import fields, figure, flag, list_of, or_null, text, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nnrun.runs.folder import RunFolder

#: What to type where they are damaged.
HINT = "nnrun explain-run RUN"
_input = fields(
    {
        "name": text,
        "size": list_of(whole(1), length=3),
        "patch": or_null(whole(1)),
        "stride": or_null(whole(1)),
        "layer": or_null(text),
    },
    required=("name", "size", "patch", "stride", "layer"),
)
_example = fields(
    {
        "row": whole(),
        "file": or_null(text),
        "right": or_null(flag),
        "predicted": or_null(text),
        "truth": or_null(text),
        "value": or_null(figure),
        "true_value": or_null(figure),
        "error": or_null(figure),
        "largest": list_of(figure),
    },
    required=("row", "file", "right", "predicted", "truth", "value", "true_value", "error", "largest"),
)
_output = fields(
    {"name": text, "quantity": text, "examples": list_of(_example, least=1)}, required=("name", "quantity", "examples")
)
_explanations = fields(
    {
        "checkpoint": text,
        "part": text,
        "rows": whole(),
        "method": text,
        "reason": text,
        "seed": whole(),
        "selection": text,
        "inputs": list_of(_input, least=1),
        "outputs": list_of(_output, least=1),
        "notes": list_of(text),
        "maps_sha256": text,
    },
    required=(
        *("checkpoint", "part", "rows", "method", "reason", "seed", "selection"),
        *("inputs", "outputs", "notes", "maps_sha256"),
    ),
)


@dataclass(frozen=True)
class Explanations:
    """Which parts of some pictures a run's predictions go by.

    Attributes:
        facts: What `explanations.json` holds.
        arrays: What `explanations.npz` holds, by the names of `array_names`.
    """

    facts: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


def pictures_name(number: int) -> str:
    """Return the name of the pictures of one input: uint8 of shape (examples, height, width, 1 or 3)."""
    return f"pictures_{number}"


def maps_name(number: int, output: int, *, of_truth: bool = False) -> str:
    """Return the name of the maps over the pictures of one input, for the prediction or the true class of one output.

    They are float32 of shape (examples, height, width), of their own resolution.
    """
    return f"{'true_' if of_truth else ''}maps_{number}_{output}"


def array_names(facts: Mapping[str, Any]) -> list[str]:
    """Return the names of all arrays of `explanations.npz`."""
    inputs, outputs = range(len(facts["inputs"])), range(len(facts["outputs"]))
    maps = [maps_name(one, output, of_truth=truth) for one in inputs for output in outputs for truth in (False, True)]
    return [*map(pictures_name, inputs), *maps]


def write_explanations(folder: RunFolder, found: Explanations) -> None:
    """Keep explanations in place of earlier ones; the figures name the digest of the pictures that they belong to.

    Raises:
        RunError: The disk refuses a file.
    """
    import numpy as np

    content = io.BytesIO()
    arrays: dict[str, Any] = dict(found.arrays)
    np.savez_compressed(content, **arrays)
    folder.write_bytes(folder.explanation_maps, content.getvalue())
    digest = sha256(content.getvalue()).hexdigest()
    folder.write_json(folder.explanations.name, {**found.facts, "maps_sha256": digest})


def read_explanations_if_any(folder: RunFolder) -> Explanations | None:
    """Read the explanations of a run; None where there are none.

    Raises:
        RunError: They are damaged.
    """
    if not lexists(folder.explanations):
        return None
    facts = read_json(folder.explanations, _explanations)
    names = array_names(facts)
    try:
        arrays = dict(zip(names, read_arrays(folder.explanation_maps, names), strict=True))
        digest = sha256(folder.explanation_maps.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise RunError(f"Cannot read {folder.explanation_maps}: there is no such file.", HINT) from error
    if digest != facts["maps_sha256"]:
        raise RunError(f"{folder.explanation_maps} is not the file that explanations.json was written with.", HINT)
    counts = {len(one["examples"]) for one in facts["outputs"]} | {
        len(one) if one.ndim else 0 for one in arrays.values()
    }
    pictures = [arrays[pictures_name(one)] for one in range(len(facts["inputs"]))]
    maps = [one for name, one in arrays.items() if "maps" in name]
    fits = (
        len(counts) == 1
        and all(are_pictures(one) for one in pictures)
        and all(one.dtype == "float32" and one.ndim == 3 and one.size for one in maps)
        and all(len(example["largest"]) == len(pictures) for one in facts["outputs"] for example in one["examples"])
    )
    if not fits:
        text = "expected as many pictures, and maps over them, as explanations.json has examples"
        raise RunError(f"Cannot read {folder.explanation_maps}: {text}.", HINT)
    return Explanations(facts, arrays)
