"""A first config for a folder with a folder of files for each class: pictures, recordings or texts."""

from __future__ import annotations

from dataclasses import replace
from math import log2
from typing import TYPE_CHECKING, Any

from nnrun.errors import DataError
from nnrun.formatting import format_count
from nnrun.pipeline.init.config_text import FirstConfig, ReasonedValue
from nnrun.pipeline.init.table_network import batch_size, class_output, early_stopping, word_layers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Pictures of more pixels a side are resized to so many.
_MOST_PIXELS, _RESIZED = 128, 64
#: Recordings are cut to so many seconds.
_MOST_SECONDS = 5
#: So many names of files tell what a folder holds.
_MOST_NAMES = 2_000


def folder_configs(found: Path, name: str, title: str) -> list[FirstConfig]:
    """Return first configs for a folder with a folder of files for each class, the one to prefer first.

    Raises:
        DataError: The folder holds no such files.
    """
    from nnrun.data.sources.audio import Audio
    from nnrun.data.sources.class_folders import read_parts
    from nnrun.data.sources.images import Images
    from nnrun.data.sources.texts import Texts

    kinds = {Images.kind: _pictures, Audio.kind: _recordings, Texts.kind: _texts}
    names = [path.name for path, _ in zip(found.rglob("*.*"), range(_MOST_NAMES), strict=False)]
    kind = next((one for one in kinds if any(map(one.matches, names))), Images.kind)
    parts = read_parts(found, kind)
    train = parts["train"]
    if len(set(train.classes)) < 2:
        text = f"expected a subfolder for each of two classes or more, received one: {train.classes[0]!r}"
        raise DataError(text, file=found, hint=f"put the {kind.noun}s of each class into a folder of its name")
    arguments, prepare, layers = kinds[kind](train.files)
    folder = ReasonedValue(name, f"a folder for each class: {', '.join(sorted(set(train.classes))[:6])}")
    classes, rows = len(set(train.classes)), len(train.files)
    split: dict[str, Any] = {} if "test" in parts else {"test": 0.2}
    split |= {} if "validation" in parts else {"validation": 0.1}
    why = "a fifth tests, a tenth of the rest validates" if len(split) == 2 else "the other parts have their folders"
    stratified = ReasonedValue({**split, "stratify": True}, f"{why}; classes in proportion")
    splits = [stratified, ReasonedValue(split, why)] if split else [None]
    files = f"{rows:,} {kind.noun}s"
    output, loss, metric = class_output(classes)
    first = FirstConfig(
        title,
        f"{format_count(classes, 'class', 'classes')} from the {files} of {name}, begun by nnrun init",
        kind.source,
        {"folder": folder, **arguments},
        prepare,
        None,
        [*layers, output],
        _training(loss, metric, rows),
        None,
        [early_stopping(8)],
    )
    return [replace(first, split=one) for one in splits]


_Parts = tuple[dict[str, ReasonedValue], list[ReasonedValue], list[ReasonedValue]]


def _pictures(files: Sequence[Path]) -> _Parts:
    """Return the arguments of the source, the preparation and the first layers for pictures."""
    from nnrun.data.files.pictures import picture_size

    sizes = {picture_size(file) for file in _some(files)}
    height, width = max(sizes)
    arguments = {}
    if len(sizes) > 1 or max(height, width) > _MOST_PIXELS:
        height, width = (min(_RESIZED, height), min(_RESIZED, width)) if len(sizes) == 1 else (_RESIZED, _RESIZED)
        arguments["size"] = ReasonedValue([height, width], "every picture is resized")
    rescale = ReasonedValue({"Rescale": {"divide_by": 255}}, "pixels from 0 to 1")
    return arguments, [rescale], picture_layers(min(height, width))


def _recordings(files: Sequence[Path]) -> _Parts:
    """Return the arguments of the source, the preparation and the first layers for recordings."""
    from nnrun.data.files.wav import wav_header

    headers = [wav_header(file) for file in _some(files)]
    rate = min(header.sample_rate for header in headers)
    lengths = sorted(header.samples / header.sample_rate for header in headers)
    seconds = float(f"{min(_MOST_SECONDS, lengths[len(lengths) * 9 // 10]):.3g}")
    arguments = {
        "sample_rate": ReasonedValue(rate, "the lowest rate of the recordings, in Hz"),
        "resample": ReasonedValue(value=True, why="recordings of other rates, if there are any"),
        "duration": ReasonedValue(seconds, "seconds; longer ones are cut, shorter ones filled up"),
    }
    # Frames of about 32 ms, each begun half of that after the one before; some of them must fit.
    frame = 2 ** max(4, int(log2(max(16, min(rate * 0.032, rate * seconds / 16)))))
    spectrogram = {"sampling_rate": "$sample_rate", "fft_length": frame, "sequence_stride": frame // 2}
    mel = {**spectrogram, "num_mel_bins": min(40, frame // 4), "top_db": 200}
    return (
        arguments,
        [],
        [
            ReasonedValue({"MelSpectrogram": mel}, f"frames of {1000 * frame / rate:.0f} ms"),
            ReasonedValue("BatchNormalization"),
            ReasonedValue({"Permute": [2, 1]}, "steps of time first"),
            ReasonedValue({"Conv1D": {"filters": 64, "kernel_size": 5, "activation": "relu"}}),
            ReasonedValue("GlobalMaxPooling1D"),
            ReasonedValue({"Dropout": 0.3}),
        ],
    )


def _texts(files: Sequence[Path]) -> _Parts:
    """Return the arguments of the source, the preparation and the first layers for texts."""
    lengths = sorted(len(file.read_bytes().split()) for file in _some(files))
    words = max(10, min(300, lengths[len(lengths) * 9 // 10]))
    step = {"columns": ["text"], "max_tokens": 5000, "output_sequence_length": words}
    return {}, [ReasonedValue({"TextVectorization": step}, f"{words} words hold nine of ten texts")], word_layers()


def _some(files: Sequence[Path]) -> Sequence[Path]:
    """Return some files of all classes."""
    return files[:: max(1, len(files) // 50)]


def picture_layers(side: int) -> list[ReasonedValue]:
    """Return the first layers of a small convolutional network for pictures of so many pixels a side."""
    blocks = [filters for filters, least in ((32, 4), (64, 16), (128, 32)) if side >= least]
    layers = []
    for filters in blocks:
        conv = {"filters": filters, "kernel_size": 3, "padding": "same", "activation": "relu"}
        layers += [ReasonedValue({"Conv2D": conv}), ReasonedValue("MaxPooling2D")]
    if blocks:
        layers[0] = ReasonedValue(layers[0].value, f"{len(blocks)} blocks for {side} pixels: each halves the side")
    return [
        *layers,
        ReasonedValue("Flatten"),
        ReasonedValue({"Dropout": 0.3}),
        ReasonedValue({"Dense": {"units": 64, "activation": "relu"}}),
    ]


def _training(loss: ReasonedValue, metric: str, rows: int) -> dict[str, ReasonedValue]:
    return {
        "loss": loss,
        "optimizer": ReasonedValue({"Adam": 0.001}),
        "metrics": ReasonedValue([metric]),
        "epochs": ReasonedValue(60 if rows < 20_000 else 30, "at most"),
        "batch_size": ReasonedValue(batch_size(rows), f"by the number of examples: {rows:,}"),
    }
