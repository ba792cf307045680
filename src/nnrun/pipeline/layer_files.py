"""The files that layers name: found as data files are, compared with their digests, and downloaded where published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.backbone_weights import FOLDER, PublishedWeights, published_weights
from nnrun.data.files.digests import file_sha256
from nnrun.data.files.download import RemoteFile, download
from nnrun.data.files.word_vectors import check_word_vectors
from nnrun.errors import DataError
from nnrun.pipeline import hub_presets
from nnrun.runs.folder import RunFolder
from nnrun.spec.finding import Finding
from nnrun.spec.layer_files import LayerFile, layer_files, with_files, word_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.catalog.shapes.layer_call import Shape
    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path
    from nnrun.progress import Progress
    from nnrun.runs.record import Record
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.findings.context import CheckContext
    from nnrun.spec.model import ModelSpec
    from nnrun.spec.shapes import NodeShape

_HINT = "put the file there, or name it relative to the config or to the data folder"


def locate(experiment: Experiment, places: DataPaths) -> tuple[Experiment, list[Finding]]:
    """Return the experiment with absolute paths and digests of the files that its layers name, and what is wrong.

    The digests belong to the resolved config: a run that goes on, and every trial of a sweep, refuses another content.
    """
    found: dict[Path, tuple[str, str]] = {}
    findings: list[Finding] = []
    for one in layer_files(experiment.model):
        path = _find(one, places)
        if one.files:
            problem = hub_presets.folder_problem(one, path)
            if problem is not None:
                findings.append(problem)
                continue
        if path is None:
            text = (
                f"there is no file {one.name!r} for {one.layer}; looked in {' and '.join(map(str, places.folders()))}"
            )
            findings.append(Finding(one.path, text, _HINT, "layer-file-missing"))
            continue
        sha256 = hub_presets.preset_sha256(path, one.files) if one.files else file_sha256(path)
        if one.sha256 not in (None, sha256):
            text = f"{path} is another file than expected: its SHA-256 is {sha256}, not {one.sha256}"
            hint = "restore the file; or write the new digest, if this is the file that is meant"
            findings.append(Finding(one.path, text, hint, "layer-file-changed"))
            continue
        found[one.path] = str(path.resolve()), sha256
    experiment = replace(experiment, model=with_files(experiment.model, found))
    return experiment, [*findings, *_vector_findings(experiment.model)]


def _vector_findings(model: ModelSpec) -> Iterator[Finding]:
    """Find vectors of words of another width than their layer has, and files that hold none."""
    for layer, initializer in word_vectors(model):
        file, width = FilePath(str(initializer.arguments["file"])), layer.arguments.get("output_dim")
        place = (*initializer.path, initializer.name, "file")
        if not file.is_file():
            continue
        try:
            found = check_word_vectors(file)
        except DataError as error:
            where = file.name if error.row is None else f"{file.name}, line {error.row}"
            yield Finding(place, f"{where}: {error.text}", error.hint, "word-vectors")
            continue
        except OSError as error:
            yield Finding(place, f"{file.name}: {error}", "name a text file of GloVe or word2vec", "word-vectors")
            continue
        if isinstance(width, int) and width != found:
            text = f"{file.name} has vectors of {found} numbers, but output_dim is {width}"
            yield Finding(place, text, f"write output_dim: {found}", "word-vectors")


def _find(one: LayerFile, places: DataPaths) -> FilePath | None:
    """Return the path of a file; of a folder of a run, its best model; of a preset, the folder."""
    path = places.find(one.name)
    if one.files:
        return path if path is not None and path.is_dir() else None
    if path is not None and path.is_dir():
        path = RunFolder(path).best
    return path if path is not None and path.is_file() else None


def published(context: CheckContext) -> Iterator[tuple[NodeShape, PublishedWeights]]:
    """Yield the backbones of a model with `weights: imagenet`, each with the file of its weights."""
    for row in context.rows:
        entry = lookup.entry("layers", row.part.name)
        if entry is None or entry.application is None or not row.first or not row.inputs:
            continue
        if row.part.arguments.get("weights", "imagenet") == "imagenet":
            file = published_weights(row.part.name, row.part.arguments, _spatial(row.inputs[0], context.experiment))
            if file is not None:
                yield row, file


def findings(context: CheckContext, places: DataPaths) -> Iterator[Finding]:
    """Find published weights that are still to be downloaded."""
    for row, file in published(context):
        folder = weights_dir(places)
        if not (folder / file.name).is_file():
            text = f"{file.name} is not in {folder} yet: training downloads it"
            hint = f"without a network, put it there by hand: {file.url}"
            yield Finding(row.path, text, hint, "weights-to-come", "note")
    yield from hub_presets.findings(context, places)


def weights_dir(places: DataPaths) -> FilePath:
    """Return the folder of published weights."""
    return places.cache_dir() / FOLDER


def fetch_and_record(context: CheckContext, places: DataPaths, record: Record, progress: Progress) -> FilePath:
    """Download published weights that are not there yet, and record the files of all layers; return their folder.

    Raises:
        DataError: A file cannot be downloaded, or has another digest than Keras states.
    """
    folder = weights_dir(places)
    for _, file in published(context):
        urls = hub_presets.with_mirror(file.name, file.url)
        download(RemoteFile(file.name, None, None, urls, file.md5, file.most), folder, progress)
    hub_presets.fetch(context, places, progress)
    files = [*_records(context, folder), *hub_presets.records(context, places)]
    if files:
        record.update(layer_files=files)
    return folder


def _records(context: CheckContext, folder: FilePath) -> list[dict[str, Any]]:
    """Return what the record of a run keeps of the files of its layers: each with its layer and SHA-256."""
    named = [(one.layer, one.name, one.sha256) for one in layer_files(context.experiment.model)]
    named += [(row.part.name, file.name, file_sha256(folder / file.name)) for row, file in published(context)]
    return [{"layer": layer, "file": FilePath(name).name, "sha256": sha256} for layer, name, sha256 in named]


def _spatial(shape: Shape, experiment: Experiment) -> Shape:
    return shape[1:] if experiment.keras.image_data_format == "channels_first" else shape[:-1]
