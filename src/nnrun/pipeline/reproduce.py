"""Reproduce a run: train its resolved config again, and compare both runs bit for bit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.config import document as documents
from nnrun.config import extends
from nnrun.errors import RunError
from nnrun.pipeline import user_code
from nnrun.pipeline.circumstances import differences
from nnrun.pipeline.given_secrets import give_again
from nnrun.pipeline.same_bits import first_difference
from nnrun.pipeline.train import train
from nnrun.regular_files import require_regular_tree
from nnrun.runs import metrics
from nnrun.runs import record as records
from nnrun.runs.find import find, run_as_json, unfinished

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.pipeline.same_bits import Difference
    from nnrun.pipeline.train import TrainRequest
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder

#: The characters of a digest that are shown.
_SHOWN_DIGEST = 12


@dataclass(frozen=True)
class ReproduceRequest:
    """The arguments of `nnrun reproduce`.

    Attributes:
        run: The run's path, a prefix of its id, its name, or `last`.
        options: Everything else that `train` has too; its config and jobs are not used, and `--set` only gives
            secrets again which the run folder does not keep.
        trust_run: Whether the copy of the user's code in the run folder is run.
    """

    run: str
    options: TrainRequest
    trust_run: bool = False


@dataclass(frozen=True)
class Reproduction:
    """A run and its repetition.

    Attributes:
        run: The run.
        repetition: The run that was trained again.
        difference: The first difference; None if they are identical.
        circumstances: What differs around the two runs, a sentence each.
    """

    run: RunFolder
    repetition: RunFolder
    difference: Difference | None
    circumstances: tuple[str, ...]

    @property
    def epochs(self) -> int:
        """The number of epochs of the run; those of all folds together."""
        return len(metrics.read(self.run.metrics))

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            **run_as_json(self.run),
            "identical": self.difference is None,
            "epochs": self.epochs,
            "difference": None if self.difference is None else self.difference.as_json(),
            "circumstances": list(self.circumstances),
            "repetition": run_as_json(self.repetition),
        }


def reproduce(request: ReproduceRequest, progress: Progress) -> Reproduction:
    """Train the resolved config of a run again with its threads and processes, and compare.

    Raises:
        RunError: The run is not done, or needs what is not there.
        NnrunError: The training failed.
    """
    options = request.options
    folder = find(options.runs_dir, request.run)
    require_regular_tree(folder.path)
    fields = records.read(folder)
    _require_done(folder, fields)
    if fields.get("lineage"):
        from nnrun.pipeline.fork import repeat_fork

        options = replace(options, given_fields={"reproduces": folder.id})
        repetition = repeat_fork(folder, fields, options, progress, trust_run=request.trust_run)
    else:
        repetition = train(_training(folder, fields, request), progress)
    found = _circumstances(folder, fields, repetition.folder)
    return Reproduction(folder, repetition.folder, first_difference(folder, repetition.folder), tuple(found))


def _require_done(folder: RunFolder, fields: Mapping[str, Any]) -> None:
    text = unfinished(folder, fields)
    if text is not None:
        raise RunError(f"{text} Only a run that is done can be compared.", f"nnrun resume {folder.short_id}")


def _training(folder: RunFolder, fields: Mapping[str, Any], request: ReproduceRequest) -> TrainRequest:
    """Return how the run is trained again: with the code that it used, its number of threads and of processes."""
    options = request.options
    with user_code.register_run_code(folder, fields, options.code, trust=request.trust_run):
        give_again(extends.read(folder.resolved), options.sets)
        copies = tuple(folder.sources / FilePath(one["file"]).name for one in fields.get("code") or ())
    jobs = fields.get("jobs", 1)
    given: dict[str, Any] = {"reproduces": folder.id}
    if fields.get("threads"):
        # The record of a run with several processes has the threads of each of them.
        given["threads"] = fields["threads"] * jobs
    given |= {name: fields[name] for name in ("planned_epochs", "mapped") if fields.get(name)}
    code = options.code or copies
    return replace(options, config=str(folder.resolved), code=code, jobs=jobs, given_fields=given)


def _circumstances(folder: RunFolder, fields: Mapping[str, Any], repetition: RunFolder) -> list[str]:
    """Return what differs around two runs."""
    # Read as text: the code that a config may need is not registered here.
    backends = [str(documents.read(one.resolved).data.get("backend")) for one in (folder, repetition)]
    before, now = (
        _around(one, backend) for one, backend in zip((fields, records.read(repetition)), backends, strict=True)
    )
    return differences({name: before[name] for name in now if before[name] not in (None, {})}, now)


def _around(fields: Mapping[str, Any], backend: str) -> dict[str, Any]:
    digests = fields.get("digests") or {}
    return {
        **{name: fields.get(name) for name in ("versions", "cpu", "onednn", "threads", "executor")},
        "backend": backend,
        "data": {
            name: digest[:_SHOWN_DIGEST]
            for name, digest in digests.items()
            if name != "config" and not name.startswith("sources/")
        },
        "code": [digest[:_SHOWN_DIGEST] for digest in records.code_digests(fields)],
    }
