"""Export a run's model to a file that others use without nnrun, and check that it computes the same."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.atomic_files import make_folder, sync_folder, sync_tree, temporary_path
from nnrun.data.load import make_source
from nnrun.data.target_preparation import restore_target_preparation
from nnrun.errors import DataError, NnrunError, RunError
from nnrun.export.all_formats import FORMATS
from nnrun.export.check import compare, keras_reference, write_documents
from nnrun.export.formats import require_packages
from nnrun.export.operations import exported_preparation
from nnrun.export.signature import describe_outputs
from nnrun.export.text_step import next_token_function
from nnrun.pipeline.evaluate import EvaluateRequest, load_session, open_run_with_code
from nnrun.pipeline.given_secrets import require_given
from nnrun.pipeline.text_samples import text_model_spec
from nnrun.runs.decision import read_decision
from nnrun.runs.disk import disk_error
from nnrun.runs.documents import read_preparation
from nnrun.runs.find import find, unfinished
from nnrun.runs.folder import slug
from nnrun.runs.record import read as read_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.data.target_preparation import TargetPreparation
    from nnrun.engine.session import Session
    from nnrun.export.comparison import OutputDifference
    from nnrun.export.samples import Samples
    from nnrun.export.serving import ExportedModel
    from nnrun.pipeline.evaluate import LoadedRun
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder

#: What float32 rounds: sums of thousands of products in another order differ by some 1e-6, those of many layers by
#: 1e-5; a wrong axis, activation or step of the preparation by 1e-2 and more.
TOLERANCE = 1e-4
#: The examples with which an export is checked.
CHECKED_ROWS = 256
#: The file by which a folder is known for an export.
_SIGNATURE = "signature.json"


@dataclass(frozen=True)
class ExportRequest:
    """What is exported to where.

    Attributes:
        model: The run, its checkpoint, fold and code. The checkpoint is empty for the last one of a run that is done.
        form: The format.
        out: The folder to write; None: named after the run and the format, in the current folder.
        force: Whether a folder that is there is replaced.
        check: Whether outputs are compared with Keras'.
        tolerance: How far they may differ.
        rows: How many examples they are compared on.
    """

    model: EvaluateRequest
    form: str
    out: Path | None = None
    force: bool = False
    check: bool = True
    tolerance: float = TOLERANCE
    rows: int = CHECKED_ROWS


@dataclass(frozen=True)
class ExportResult:
    """What was exported.

    Attributes:
        folder: The run's folder.
        out: The folder that was written.
        files: Its files, relative to it.
        inside: Whether the preparation is inside the model's file.
        needs_nnrun: What nnrun does with raw rows that `preparation.json` does not say.
        checked: How many examples outputs were compared on; 0 without a check.
        generated: Why these were generated; None where they are those of the run's data.
        difference: The greatest difference; None without a check.
        differences: That of each result.
        mixed: The mixed precision of the training, and the greatest difference between its outputs and those of the
            exported float32; None without.
    """

    folder: RunFolder
    out: Path
    files: tuple[str, ...]
    inside: bool
    needs_nnrun: tuple[str, ...]
    checked: int = 0
    generated: str | None = None
    difference: float | None = None
    differences: tuple[tuple[str, float], ...] = ()
    mixed: tuple[str, float] | None = None

    def lines(self) -> list[str]:
        """Return what was exported and how far it is from Keras, in words."""
        lines = ["It takes raw rows: the preparation is inside." if self.inside else self._separate()]
        if self.difference is not None:
            kind = "examples of the run's data" if self.generated is None else "generated examples"
            worst = max(self.differences, key=lambda one: one[1])[0]
            lines.append(f"Greatest difference from Keras on {self.checked:,} {kind}: {self.difference:.2g} ({worst}).")
        if self.mixed is not None:
            lines.append(f"It computes in float32; the run's {self.mixed[0]} differs from that by {self.mixed[1]:.2g}.")
        return lines

    def _separate(self) -> str:
        if self.needs_nnrun:
            return f"It takes prepared inputs, and nnrun is needed for {', '.join(self.needs_nnrun)}."
        return "It takes prepared inputs: preparation.py makes them of raw rows."

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints, without the run's own fields."""
        mixed = None if self.mixed is None else {"policy": self.mixed[0], "difference": self.mixed[1]}
        return {
            "out": str(self.out),
            "files": list(self.files),
            "preparation": "inside" if self.inside else "separate",
            "needs_nnrun": list(self.needs_nnrun),
            "checked": self.checked,
            "generated": self.generated,
            "difference": self.difference,
            "differences": dict(self.differences),
            "mixed_precision": mixed,
        }


def export(request: ExportRequest, progress: Progress) -> ExportResult:
    """Export a run's model, and check it.

    Raises:
        MissingExtraError: The format needs packages that are not installed.
        RunError: The run has no such model, the format cannot hold it, the folder exists, or the check fails.
    """
    form = FORMATS[request.form]
    require_packages(form)
    folder = find(request.model.runs_dir, request.model.run)
    model = replace(request.model, checkpoint=_checkpoint(folder, request.model.checkpoint))
    out = request.out or Path(f"{slug(str(read_record(folder).get('name', 'model')))}_{form.name}")
    _require_free(out, force=request.force)
    with open_run_with_code(model) as opened:
        # A saved model is of no backend, and every format is written by way of TensorFlow.
        loaded = replace(opened, experiment=replace(opened.experiment, backend="tensorflow"))
        samples = _samples(loaded, request.rows, progress)
        with load_session(loaded, model.checkpoint) as session, _new_folder(out, force=request.force) as new:
            result = _write(new, request, loaded, session, samples, model.checkpoint, progress)
    return replace(result, out=out)


def _checkpoint(folder: RunFolder, checkpoint: str) -> str:
    """Return the checkpoint to export.

    Raises:
        RunError: The run is not done, and none is named.
    """
    if checkpoint:
        return checkpoint
    state = unfinished(folder, read_record(folder))
    if state is not None:
        raise RunError(f"{state} It is exported with an explicit checkpoint only.", "--checkpoint last, or best")
    return "last"


def _require_free(out: Path, *, force: bool) -> None:
    """Refuse a folder that exists, and one whose folder does not.

    Raises:
        RunError: It does.
    """
    if not out.absolute().parent.is_dir():
        raise RunError(f"{out}: there is no folder {out.parent}", f"mkdir -p {out.parent}")
    if not lexists(out):
        return
    if not force:
        raise RunError(
            f"{out} exists already, and is not replaced", "choose another folder with --out, or write --force"
        )
    if out.is_symlink() or not (out / _SIGNATURE).is_file():
        raise RunError(f"{out} is no export of nnrun, so that --force does not replace it", "choose another with --out")


@contextmanager
def _new_folder(out: Path, *, force: bool) -> Iterator[Path]:
    """Give a folder under a temporary name, which gets its own one when the `with` block ends without an error.

    Raises:
        RunError: The disk refuses, or somebody else has made the folder meanwhile.
    """
    new = temporary_path(out, ".tmp")
    try:
        make_folder(new)
        yield new
        sync_tree(new)
        if force and out.is_dir():
            old = temporary_path(out, ".tmp")
            out.rename(old)
            new.rename(out)
            shutil.rmtree(old, ignore_errors=True)
        else:
            new.rename(out)
        sync_folder(out.absolute().parent)
    except OSError as error:
        raise disk_error(error, out) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _samples(loaded: LoadedRun, count: int, progress: Progress) -> Samples:
    """Return examples of the run's data; generated ones where these are absent."""
    from nnrun.export.samples import generate_samples, read_samples

    fitted = read_preparation(loaded.model)
    about = (loaded.experiment, loaded.facts, fitted)
    try:
        require_given(loaded.document)
        samples = read_samples(*about, loaded.places, count)
    except (DataError, RunError) as error:
        samples = generate_samples(*about, count, str(error))
        progress.warn(f"The run's data cannot be read ({error}): the export is checked on generated examples.")
    return samples


def _write(
    folder: Path,
    request: ExportRequest,
    loaded: LoadedRun,
    session: Session,
    samples: Samples,
    checkpoint: str,
    progress: Progress,
) -> ExportResult:
    """Write the files of an export into a new folder, and check them.

    Raises:
        RunError: The format cannot hold the model, or what it computes differs.
    """
    form = FORMATS[request.form]
    served = _served(loaded, session, samples, checkpoint)
    reference = keras_reference(served, loaded.experiment, loaded.facts, _target(loaded))
    inside = form.holds_preparation and served.takes_rows(text=form.text)
    progress.say(f"Writing {form.name} ...")
    try:
        form.write(folder, served, inside=inside)
    except NnrunError:
        raise
    except Exception as error:  # converters raise whatever they raise
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        hint = f"choose another format; what its converter says is in {loaded.folder.log}"
        raise RunError(f"{form.name} cannot hold this model: {first[:500]}", hint) from error
    write_documents(folder, form, served, loaded.folder.id, inside=inside)
    outside = served.preparation.outside
    result = ExportResult(loaded.folder, folder, (), inside, outside, generated=samples.missing, mixed=reference.mixed)
    if request.check:
        progress.say("Comparing its outputs with those of Keras ...")
        found = compare(folder, form, served, samples, reference, inside=inside, tolerance=request.tolerance)
        _require_equal(found, request.tolerance, form.name)
        greatest = max((one.value for one in found), default=0.0)
        rows = len(next(iter(samples.inputs.values())))
        named = tuple((one.name, one.value) for one in found)
        result = replace(result, checked=rows, difference=greatest, differences=named)
    files = sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())
    return replace(result, files=tuple(files))


def _require_equal(found: Sequence[OutputDifference], tolerance: float, form: str) -> None:
    """Refuse an export whose outputs differ.

    Raises:
        RunError: One does.
    """
    wrong = [one for one in found if one.exceeds(tolerance)]
    if wrong:
        worst = max(wrong, key=lambda one: one.value)
        text = (
            f"the {form} file computes other outputs than Keras: {worst.name} differs by {worst.value:.3g}, "
            f"and at most {tolerance:g} is allowed; nothing was kept"
        )
        raise RunError(text, "choose another format, or a larger --tolerance if that is precise enough for you")


def _served(loaded: LoadedRun, session: Session, samples: Samples, checkpoint: str) -> ExportedModel:
    """Return a loaded model and all that an export needs to know of it."""
    from nnrun.data.text.text_source import TextSource
    from nnrun.engine.backend.start import tensorflow
    from nnrun.export.serving import ExportedModel

    experiment, facts, model = loaded.experiment, loaded.facts, session.model
    keras, tf = sys.modules["keras"], tensorflow()
    names = [one.name for one in experiment.graph.outputs]
    tensors = model.output if isinstance(model.output, dict) else {names[0]: model.output}
    units = {name: tensors[name].shape[-1] for name in names}
    outside = [samples.why] if samples.why else []
    preparation = exported_preparation(
        read_preparation(loaded.model), samples.raw, facts, experiment.graph.inputs, outside
    )
    outputs = describe_outputs(experiment, facts, _target(loaded), units)
    decision = read_decision(loaded.model, checkpoint)
    if decision is not None and len(outputs) == 1:
        threshold = decision["threshold"] if len(outputs[0]["class_names"]) == 2 else None
        outputs[0] |= {"temperature": decision["temperature"], "decision_threshold": threshold}
    served = ExportedModel(keras, tf, model, preparation, outputs, samples.inputs)
    source = make_source(experiment.data.source)
    if isinstance(source, TextSource):
        spec = text_model_spec(experiment, facts, source)
        served = replace(served, next_token=next_token_function(tf, model, spec))
    return served


def _target(loaded: LoadedRun) -> TargetPreparation | None:
    return restore_target_preparation(read_preparation(loaded.model))
