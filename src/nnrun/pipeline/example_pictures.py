"""Predictions that are pictures: some of them kept in a run folder, and those of new pictures as files."""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.pipeline.run_files import image_shape, to_pixels
from nnrun.runs.disk import make_folder
from nnrun.runs.example_pictures import ARRAYS
from nnrun.runs.output_file import write_output

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.dataset import DataPart, Dataset
    from nnrun.engine.scoring.evaluate import Evaluation
    from nnrun.engine.scoring.predictions import Predictions
    from nnrun.runs.folder import RunFolder

#: Pictures that are kept, and the longest side; of larger ones every second, third, ... pixel is kept.
_COUNT, _MAX_SIDE = 9, 160
#: Outputs up to this size are taken for numbers from 0 to 1.
_MOST_OF_SHARES = 2.0


def save_pictures(folder: RunFolder, dataset: Dataset, evaluations: Mapping[str, Evaluation], source: str) -> None:
    """Save some predictions that are pictures with their inputs, from the worst to the best; nothing where none are.

    They are those of the test part, else of the validation part, at evenly spaced ranks of their scores.

    Args:
        folder: The run's folder.
        dataset: The data as the model takes them.
        evaluations: The evaluation of each part.
        source: The name of the data's source.

    Raises:
        RunError: A file cannot be written.
    """
    import numpy as np

    from nnrun.engine.scoring.pictures import row_scores

    name = "test" if dataset.test is not None else "validation"
    part, shape = dataset.part(name), image_shape(dataset.facts.input_shape, source)
    found = (
        next((one for one in evaluations[name].predictions if _is_drawn(one)), None) if name in evaluations else None
    )
    if part is None or shape is None or found is None or found.truth is None:
        return
    score_names = row_scores(found)
    scores = score_names.get("psnr", next(iter(score_names.values())))
    is_error = "mean_squared_error" in score_names and "psnr" not in score_names
    order = np.argsort(-scores if is_error else scores, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, _COUNT).round().astype(int))]
    inputs = [to_pixels(one, _MAX_SIDE) for one in _inputs(part, chosen, shape)]
    truth, predicted = _targets(found, chosen)
    values = (np.asarray(part.rows)[chosen].astype(np.int64), scores[chosen], np.array(inputs), truth, predicted)
    content = io.BytesIO()
    np.savez_compressed(content, **dict(zip(ARRAYS, values, strict=True)))
    folder.write_bytes(folder.pictures, content.getvalue())


def _is_drawn(one: Predictions) -> bool:
    from nnrun.engine.scoring.pictures import are_masks, are_pictures

    if one.truth is None or one.predicted is None:
        return False
    return (are_masks(one) and one.predicted.ndim == 3 and len(one.facts.class_names) < 256) or are_pictures(one)


def _inputs(part: DataPart, chosen: np.ndarray, shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
    import numpy as np

    x: Any = part.x
    block = x.read(chosen) if hasattr(x, "read") else x[chosen]
    return (np.asarray(one, dtype=np.float64).reshape(shape) for one in block)


def _targets(one: Predictions, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and predictions as uint8, every few pixels of large ones."""
    assert one.truth is not None, "pictures are kept with their truth"  # noqa: S101
    step = -(-max(one.truth.shape[1:3]) // _MAX_SIDE)
    taken = [values[chosen][:, ::step, ::step] for values in (one.truth, _values(one).reshape(one.truth.shape))]
    if one.facts.task == "classification":
        return taken[0].astype("uint8"), taken[1].astype("uint8")
    low, high = float(taken[0].min()), float(taken[0].max())
    scaled = [((values - low) * (255 / (high - low or 1.0))).clip(0, 255).round().astype("uint8") for values in taken]
    return scaled[0], scaled[1]


def _values(one: Predictions) -> np.ndarray:
    import numpy as np

    assert one.predicted is not None, "pictures are predictions"  # noqa: S101
    return np.asarray(one.predicted)


def write_predicted_pictures(
    predictions: Sequence[Predictions], origin: Mapping[str, Any], folder: Path, values: Sequence[int]
) -> int:
    """Write each prediction that is a picture as a PNG file; return their number.

    The file of `a/1.jpg` is `a/1.png`, that of an example without a file `0.png` by its row; of several outputs each
    has a folder of its own. Masks have the values of the run's own masks and a palette; other pictures are those of the
    outputs, which are scaled from 0 to 1 to 255 where none is larger than 2.

    Args:
        predictions: The predictions of every output.
        origin: Where each example comes from, as of `DataPart`.
        folder: The folder to write into; it is made where it does not exist.
        values: The value of a pixel of each class.

    Raises:
        RunError: No output is a picture, or a file cannot be written.
    """
    from nnrun.engine.scoring.pictures import are_masks, are_pictures

    drawn = [one for one in predictions if (are_masks(one) and one.outputs.ndim == 4) or are_pictures(one)]
    if not drawn:
        raise RunError("--pictures: the outputs of this run's model are no pictures", "leave out --pictures")
    make_folder(folder)
    for one in drawn:
        root = folder / one.name if one.name else folder
        names = _file_names(origin.get("file"), len(one.outputs))
        for name, pixels in zip(names, _values(one), strict=True):
            file = root / name
            make_folder(file.parent)
            write_output(file, _png(pixels, values if are_masks(one) else None))
    return sum(len(one.outputs) for one in drawn)


def _file_names(files: np.ndarray | None, count: int) -> list[str]:
    """Return the path of each picture below the folder: never outside of it, whatever a csv file lists."""
    if files is None:
        return [f"{row}.png" for row in range(count)]
    paths = [
        PurePosixPath(*[part for part in PurePosixPath(str(name)).parts if part not in ("..", "/")]) for name in files
    ]
    stems = [path.with_suffix(".png").as_posix() for path in paths]
    return [stem if stems.count(stem) == 1 else f"{path}.png" for stem, path in zip(stems, paths, strict=True)]


def _png(pixels: np.ndarray, values: Sequence[int] | None) -> bytes:
    import numpy as np
    from PIL import Image

    from nnrun.report.elements import png_bytes
    from nnrun.report.pictures import COLOURS

    if values is None:
        scaled = pixels * 255 if np.abs(pixels).max() <= _MOST_OF_SHARES else pixels
        return png_bytes(np.nan_to_num(scaled).clip(0, 255).round().astype("uint8"))
    table = np.arange(max(int(pixels.max()) + 1, len(values)), dtype=int)
    table[: len(values)] = values
    picture = Image.fromarray(table[pixels].astype("uint8"), mode="P")
    palette = ((0, 0, 0), *COLOURS)
    colours = [[0, 0, 0] for _ in range(256)]
    for number, value in enumerate(table.tolist()):
        colours[value % 256] = list(palette[number % len(palette)])
    picture.putpalette([channel for colour in colours for channel in colour])
    content = io.BytesIO()
    picture.save(content, format="png")
    return content.getvalue()
