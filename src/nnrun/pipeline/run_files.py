"""What every run keeps of its model and of what it started from, one fold of many or the only one."""

from __future__ import annotations

import hashlib
import io
from math import isqrt
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.runs.find import find

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from nnrun.catalog.user_code import UserCode
    from nnrun.config.document import Document
    from nnrun.data.dataset import DataPart, Dataset
    from nnrun.engine.session import Session
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder


def save_model_files(folder: RunFolder, session: Session) -> None:
    """Keep the model's config, its table and its picture."""
    from nnrun.report.model_svg import draw_model

    config = session.architecture()
    folder.write_json(folder.model_json, config)
    folder.write_text(folder.summary, session.summary())
    folder.write_text(folder.model_svg, draw_model(config, session.layer_rows()))


def load_initial_weights(word: str, runs_dir: FilePath, session: Session, progress: Progress) -> dict[str, Any]:
    """Let training start from the best weights of another run; gives what the record says of it.

    Raises:
        RunError: Where there is no such run, or no layer of it fits.
    """
    other = find(runs_dir, word)
    taken, new = session.start_from(other.best)
    if not taken:
        text = f"init_from: no layer of {other.id} has the name and the shapes of a layer of this model"
        raise RunError(text, "give the layers to take over the same name: in both configs")
    digest = hashlib.sha256(other.best.read_bytes()).hexdigest()
    begun = f"; {', '.join(new)} begin anew" if new else ""
    progress.say(f"{len(taken)} layers start from {other.id}{begun}")
    return {"run": other.id, "sha256": digest, "layers": taken, "new": new}


def ensure_run_folder(folder: RunFolder) -> None:
    """Miss a folder that was removed; Keras' checkpoints make it anew without a word, with nothing else in it.

    Raises:
        RunError: The config is gone, and with it everything kept so far.
    """
    if not folder.config.is_file():
        text = f"{folder.path}: this run's folder was removed while it ran"
        raise RunError(text, "start the run again")


def named_parts(dataset: Dataset) -> dict[str, DataPart]:
    """Name the parts there are: test first, as the one that counts."""
    named = {"test": dataset.test, "validation": dataset.validation, "train": dataset.train}
    return {name: part for name, part in named.items() if part is not None}


def copy_sources(folder: RunFolder, file: FilePath, document: Document, codes: Sequence[UserCode] = ()) -> None:
    """Copy a config, the files that it extends and the user's code into a run folder, byte for byte.

    Raises:
        RunError: The disk refuses.
    """
    folder.write_bytes(folder.config, file.read_bytes())
    for name, source in _named([*document.sources, *codes]).items():
        content = source.read_bytes() if isinstance(source, FilePath) else source.content
        folder.write_bytes(folder.sources / name, content)


def code_records(folder: RunFolder, document: Document, codes: Sequence[UserCode]) -> list[dict[str, str]]:
    """Where `copy_sources` put each file of code in the run folder, and its SHA-256."""
    named = _named([*document.sources, *codes])
    return [
        {"file": f"{folder.sources.name}/{name}", "sha256": source.sha256}
        for name, source in named.items()
        if not isinstance(source, FilePath)
    ]


def digests(folder: RunFolder) -> dict[str, str]:
    """The SHA-256 digests of what a run folder was made from: `config`, `sources/base.yaml`, ..."""
    files = {"config": folder.config}
    files |= {f"{folder.sources.name}/{file.name}": file for file in sorted(folder.sources.glob("*"))}
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}


def _named(files: Sequence[FilePath | UserCode]) -> dict[str, FilePath | UserCode]:
    """Each file with a name that no other has: of two `base.yaml` from two folders the second is `base_2.yaml`."""
    named: dict[str, FilePath | UserCode] = {}
    for each in files:
        file = each if isinstance(each, FilePath) else FilePath(each.file)
        name, number = file.name, 1
        while name.lower() in {taken.lower() for taken in named}:
            number += 1
            name = f"{file.stem}_{number}{file.suffix}"
        named[name] = each
    return named


#: Sources of square pictures, which are still pictures where a step has flattened them.
_SQUARE = ("mnist", "fashion_mnist", "cifar10", "cifar100", "digits")
#: Sources of pictures, also where an example is rows and columns alone.
_PICTURES = (*_SQUARE, "images", "idx")
#: Smaller than this is no picture; a larger side than the second is told by every second, third, ... pixel.
_LEAST, _MOST = 4, 96


def save_mistakes(folder: RunFolder, dataset: Dataset, scores: Mapping[str, Any], source: str) -> None:
    """Keep the examples of the worst mistakes where they are pictures: 20 at most, some kilobytes.

    Args:
        folder: The run's folder.
        dataset: The data as the model took them.
        scores: What `scores.json` holds.
        source: The name of the data's source.

    Raises:
        RunError: The disk refuses.
    """
    name = "test" if dataset.test is not None else "validation"
    part, worst = dataset.part(name), scores.get(name, {}).get("worst")
    shape = image_shape(dataset.facts.input_shape, source)
    if part is None or not worst or shape is None or not hasattr(part.x, "ndim"):
        return
    import numpy as np

    rows = [one["row"] for one in worst]
    places = [int(np.flatnonzero(np.asarray(part.rows) == row)[0]) for row in rows]
    pictures = [_pixels(np.asarray(part.x[at], dtype=np.float64).reshape(shape)) for at in places]
    content = io.BytesIO()
    np.savez_compressed(content, rows=np.array(rows, dtype=np.int64), pictures=np.array(pictures))
    folder.write_bytes(folder.mistakes, content.getvalue())


def image_shape(shape: tuple[int | None, ...] | None, source: str) -> tuple[int, int, int] | None:
    """Height, width and channels (1 or 3) of examples that are pictures; None where they are none."""
    sizes = [size for size in shape or () if size is not None]
    if len(sizes) != len(shape or ()):
        return None
    if len(sizes) == 1 and source in _SQUARE:
        sides = {channels: isqrt(sizes[0] // channels) for channels in (1, 3)}
        sizes = next(([side, side, channels] for channels, side in sides.items() if side**2 * channels == sizes[0]), [])
    elif len(sizes) == 2 and source in _PICTURES:
        sizes = [*sizes, 1]
    if len(sizes) != 3 or sizes[2] not in (1, 3) or min(sizes[:2]) < _LEAST:
        return None
    return sizes[0], sizes[1], sizes[2]


def _pixels(example: np.ndarray) -> np.ndarray:
    """An example, whatever a step has made of it, from black for its smallest number to white for its largest."""
    step = -(-max(example.shape[:2]) // _MOST)
    example = example[::step, ::step]
    low, high = float(example.min()), float(example.max())
    scaled: np.ndarray = ((example - low) * (255 / (high - low or 1.0))).round().astype("uint8")
    return scaled
