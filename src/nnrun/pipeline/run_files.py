"""The files that a run keeps of its model, its sources, its scores and its most confident mistakes."""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from math import isqrt
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.formatting import csv_text
from nnrun.runs.documents import read_preparation
from nnrun.runs.json_files import to_plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from nnrun.catalog.user_code import UserCode
    from nnrun.config.document import Document
    from nnrun.data.dataset import DataPart, Dataset
    from nnrun.engine.scoring.evaluate import Evaluation
    from nnrun.engine.session import Session
    from nnrun.runs.folder import RunFolder


def save_model_files(folder: RunFolder, session: Session) -> None:
    """Save the model's config, its table and its drawing."""
    from nnrun.report.model_svg import draw_model

    config = session.architecture()
    folder.write_json(folder.model_json, config)
    folder.write_text(folder.summary, session.summary())
    folder.write_text(folder.model_svg, draw_model(config, session.layer_rows()))


def save_preparation(folder: RunFolder, dataset: Dataset) -> None:
    """Save the fitted preparation, unless the file has it: what is unchanged where a run goes on stays byte for byte.

    The arguments alone do not count: a run goes on with its resolved config, which has every default, and so with the
    same arguments, more of them written out.
    """
    fitted = to_plain(list(dataset.fitted))
    with suppress(RunError):
        if _without_arguments(read_preparation(folder)) == _without_arguments(fitted):
            return
    folder.write_json(folder.prepare, fitted)


def _without_arguments(fitted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in entry.items() if key != "arguments"} for entry in fitted]


def ensure_run_folder(folder: RunFolder) -> None:
    """Check that the folder was not removed meanwhile: Keras' checkpoints would create it again, otherwise empty.

    Raises:
        RunError: The config, and so everything saved before, is gone.
    """
    if not folder.config.is_file():
        text = f"{folder.path}: this run's folder was removed while it ran"
        raise RunError(text, "start the run again")


def named_parts(dataset: Dataset) -> dict[str, DataPart]:
    """Return the existing parts by name, test first."""
    named = {"test": dataset.test, "validation": dataset.validation, "train": dataset.train}
    return {name: part for name, part in named.items() if part is not None}


def executor_fields(session: Session) -> dict[str, Any]:
    """Return what the record states about the executor of a session."""
    return {"executor": session.executor_name, "executor_why": session.executor_why}


def score_parts(
    session: Session, dataset: Dataset, known: Mapping[str, Evaluation] | None = None, *, train_details: bool = True
) -> dict[str, Evaluation]:
    """Score the session's model on every part of a data set; a part with two names is scored once.

    Args:
        session: The model.
        dataset: The data set.
        known: The evaluations of parts that are scored already.
        train_details: Whether the training part is scored with all details, as the others are.
    """
    known, parts = known or {}, named_parts(dataset)
    by_part = {id(parts[name]): evaluation for name, evaluation in known.items()}
    for name, part in parts.items():
        if id(part) not in by_part:
            by_part[id(part)] = session.evaluate(part, detailed=train_details or name != "train")
    return {name: by_part[id(part)] for name, part in parts.items()}


def scores_json(dataset: Dataset, evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Return the content of `scores.json` for the last model."""
    scores = {name: evaluation.scores for name, evaluation in evaluations.items()}
    task = next(iter(evaluations.values())).task(dataset.facts)
    return {"task": task, "checkpoint": "last", **scores}


def save_scores(folder: RunFolder, dataset: Dataset, evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Write `predictions.csv` of the test part, or else of the validation part, and `scores.json`; return its content.

    What was chosen or explained by earlier weights of the run, such as a threshold, is removed.

    Raises:
        RunError: A file cannot be written.
    """
    from nnrun.engine.scoring.predictions_table import predictions_table

    part = dataset.validation if dataset.test is None else dataset.test
    if part is not None:
        predictions = evaluations["validation" if dataset.test is None else "test"].predictions
        folder.write_text(folder.predictions, csv_text(*predictions_table(predictions, part.rows, part.origin)))
    scores = scores_json(dataset, evaluations)
    folder.write_json(folder.scores, scores)
    folder.remove_files_by_weights()
    return scores


def copy_sources(folder: RunFolder, file: FilePath, document: Document, codes: Sequence[UserCode] = ()) -> None:
    """Copy a config, the files that it extends and the user's code into a run folder, byte for byte.

    Raises:
        RunError: A file cannot be written.
    """
    folder.write_bytes(folder.config, file.read_bytes())
    for name, source in _unique_names([*document.sources, *codes]).items():
        content = source.read_bytes() if isinstance(source, FilePath) else source.content
        folder.write_bytes(folder.sources / name, content)


def code_records(folder: RunFolder, document: Document, codes: Sequence[UserCode]) -> list[dict[str, str]]:
    """Return the path in the run folder and the SHA-256 of each file of code that `copy_sources` copies."""
    named = _unique_names([*document.sources, *codes])
    return [
        {"file": f"{folder.sources.name}/{name}", "sha256": source.sha256}
        for name, source in named.items()
        if not isinstance(source, FilePath)
    ]


def source_digests(folder: RunFolder) -> dict[str, str]:
    """Return the SHA-256 digests of `config`, `sources/base.yaml`, ... in a run folder."""
    files = {"config": folder.config}
    files |= {f"{folder.sources.name}/{file.name}": file for file in sorted(folder.sources.glob("*"))}
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}


def _unique_names(files: Sequence[FilePath | UserCode]) -> dict[str, FilePath | UserCode]:
    """Give each file a unique name: of two `base.yaml` from two folders the second is `base_2.yaml`."""
    named: dict[str, FilePath | UserCode] = {}
    for each in files:
        file = each if isinstance(each, FilePath) else FilePath(each.file)
        name, number = file.name, 1
        while name.lower() in {taken.lower() for taken in named}:
            number += 1
            name = f"{file.stem}_{number}{file.suffix}"
        named[name] = each
    return named


#: Sources of square images, which are still images after a step has flattened them.
_SQUARE_SOURCES = ("mnist", "fashion_mnist", "cifar10", "cifar100", "digits")
#: Sources of images, also if an example has no dimension of channels.
_IMAGE_SOURCES = (*_SQUARE_SOURCES, "images", "idx")
#: The shortest side of an image, and the longest side that is kept; larger images keep every second, third, ... pixel.
_MIN_SIDE, _MAX_SIDE = 4, 96
#: The samples of a frame of a spectrogram.
_FRAME = 128


def save_mistakes(folder: RunFolder, dataset: Dataset, scores: Mapping[str, Any], source: str) -> None:
    """Save the images of the most confident mistakes, of recordings their spectrograms: 20 at most, some kilobytes.

    Nothing is saved if examples are neither.

    Args:
        folder: The run's folder.
        dataset: The data as the model takes them.
        scores: The content of `scores.json`.
        source: The name of the data's source.

    Raises:
        RunError: A file cannot be written.
    """
    name = "test" if dataset.test is not None else "validation"
    part, worst = dataset.part(name), scores.get(name, {}).get("worst")
    facts = dataset.facts
    # Of pictures next to columns, the first.
    array = next(iter(facts.arrays), None)
    shape = image_shape(facts.input_shape if array is None else facts.arrays[array], source)
    place = slice(None) if array is None else slice(*facts.array_place(array))
    is_sound = source == "audio" and len(facts.input_shape or ()) in (1, 2)
    if part is None or not worst or not (shape or is_sound) or not hasattr(part.x, "ndim"):
        return
    import numpy as np

    rows = [one["row"] for one in worst]
    indices = [int(np.flatnonzero(np.asarray(part.rows) == row)[0]) for row in rows]
    examples = [np.asarray(part.x[index], dtype=np.float64)[place] for index in indices]
    images = [to_pixels(spectrogram(one) if is_sound else one.reshape(shape), _MAX_SIDE) for one in examples]
    content = io.BytesIO()
    np.savez_compressed(content, rows=np.array(rows, dtype=np.int64), pictures=np.array(images))
    folder.write_bytes(folder.mistakes, content.getvalue())


def image_shape(shape: tuple[int | None, ...] | None, source: str) -> tuple[int, int, int] | None:
    """Return height, width and channels (1 or 3) of examples that are images; None if they are none."""
    sizes = [size for size in shape or () if size is not None]
    if len(sizes) != len(shape or ()):
        return None
    if len(sizes) == 1 and source in _SQUARE_SOURCES:
        sides = {channels: isqrt(sizes[0] // channels) for channels in (1, 3)}
        sizes = next(([side, side, channels] for channels, side in sides.items() if side**2 * channels == sizes[0]), [])
    elif len(sizes) == 2 and source in _IMAGE_SOURCES:
        sizes = [*sizes, 1]
    if len(sizes) != 3 or sizes[2] not in (1, 3) or min(sizes[:2]) < _MIN_SIDE:
        return None
    return sizes[0], sizes[1], sizes[2]


def spectrogram(samples: np.ndarray) -> np.ndarray:
    """Return a picture of a recording: decibels of shape (64 frequencies, times, 1), high frequencies above.

    Frames of 128 samples, evenly spread over the recording, 96 at most, are weighted by a Hann window; what is 80 dB
    below the loudest is cut off.

    Args:
        samples: Shape (samples,) or (samples, channels); channels are averaged.
    """
    import numpy as np

    sound = samples if samples.ndim == 1 else samples.mean(axis=1)
    sound = np.pad(sound, (0, max(0, _FRAME - len(sound))))
    starts = np.unique(np.linspace(0, len(sound) - _FRAME, _MAX_SIDE).astype(np.int64))
    frames = sound[starts[:, None] + np.arange(_FRAME)] * np.hanning(_FRAME)
    power = np.abs(np.fft.rfft(frames)[:, 1:]) ** 2
    decibels: np.ndarray = 10 * np.log10(np.maximum(power, power.max() * 1e-8 or 1.0))
    return decibels.T[::-1, :, None]


def to_pixels(example: np.ndarray, longest: int) -> np.ndarray:
    """Scale an example (prepared, so of any range) from black for its smallest number to white for its largest.

    Of a picture with a side of more pixels than `longest` every second, third, ... pixel is kept.
    """
    step = -(-max(example.shape[:2]) // longest)
    example = example[::step, ::step]
    low, high = float(example.min()), float(example.max())
    scaled: np.ndarray = ((example - low) * (255 / (high - low or 1.0))).round().astype("uint8")
    return scaled
