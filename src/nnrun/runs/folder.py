"""The folder of a run: the path of every file; created exclusively, written atomically."""

from __future__ import annotations

import os
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nnrun import atomic_files
from nnrun.atomic_files import sync_folder, sync_tree
from nnrun.errors import RunError
from nnrun.regular_files import require_folders, require_inside
from nnrun.runs.disk import disk_error, make_folder, write_file
from nnrun.runs.json_files import dumps

#: The form of a run folder's name: UTC time, slug of the experiment's name, short id.
FOLDER_NAME = re.compile(r"(?P<time>\d{8}T\d{6}Z)_(?P<name>.+)_(?P<id>[0-9a-f]{6})")
_TIME = "%Y%m%dT%H%M%SZ"
_LONGEST_SLUG = 60
_ATTEMPTS = 50
#: Files that are on disk when they have their name: `write_bytes` and the saving of models see to that. A callback of
#: the user's may write any other one.
_ATOMIC = {
    "config.yaml",
    "resolved.yaml",
    "record.json",
    "scores.json",
    "baselines.json",
    "decision.json",
    "importance.json",
    "explanations.json",
    "explanations.npz",
    "predictions.csv",
    "samples.jsonl",
    "mistakes.npz",
    "pictures.npz",
    "prepare.json",
    "model.json",
    "summary.txt",
    "report.html",
    "MODEL_CARD.md",
    "best.keras",
    "last.keras",
}


def _is_on_disk(file: Path) -> bool:
    """Return whether a file is on disk since it has its name; hidden ones are no results."""
    return file.name in _ATOMIC or file.name.startswith(".")


def default_runs_dir() -> Path:
    """Return the folder of runs where no option names one."""
    return Path(os.environ.get("NNRUN_RUNS_DIR") or "runs")


def slug(name: str) -> str:
    """Turn an experiment's name into a part of a file name: ASCII letters, digits, `.`, `-` and `_`, 60 at most."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.-]+", "_", plain)[:_LONGEST_SLUG].strip("._-") or "run"


def _time_of_next(runs_dir: Path) -> str:
    """Return the time for the name of a run that begins now, not before that of any other run."""
    now = datetime.now(UTC).strftime(_TIME)
    names = (FOLDER_NAME.fullmatch(path.name) for path in runs_dir.iterdir())
    latest = max((match["time"] for match in names if match), default=now)
    if latest <= now:
        return now
    try:
        return (datetime.strptime(latest, _TIME).replace(tzinfo=UTC) + timedelta(seconds=1)).strftime(_TIME)
    except (ValueError, OverflowError):  # no time at all
        return now


def new_path(runs_dir: Path, name: str, *, now: datetime | None = None) -> Path:
    """Return the path of a new run folder, which is not created; the arguments are those of `RunFolder.create`.

    Raises:
        RunError: The folder of runs cannot be made.
    """
    make_folder(runs_dir)
    time = _time_of_next(runs_dir) if now is None else now.astimezone(UTC).strftime(_TIME)
    return runs_dir / f"{time}_{slug(name)}_{secrets.token_hex(3)}"


@dataclass(frozen=True)
class RunFolder:
    """A run's folder; each property is the path of one of its files, whether it exists or not.

    Attributes:
        path: The folder itself.
    """

    path: Path

    @classmethod
    def create(cls, runs_dir: Path, name: str, *, now: datetime | None = None) -> RunFolder:
        """Create a new folder, `<UTC time>_<name>_<short id>`.

        Args:
            runs_dir: The folder of all runs, created if it is missing.
            name: The experiment's name.
            now: The time for the folder's name; by default the present, or the second after the latest run in
                `runs_dir`, where the clock was set back: the order of names is that in which runs began.

        Raises:
            RunError: The folder cannot be made.
        """
        for _ in range(_ATTEMPTS):
            path = new_path(runs_dir, name, now=now)
            try:
                atomic_files.make_folder(path, parents=False, exist_ok=False)
            except FileExistsError:
                continue
            except OSError as error:
                raise disk_error(error, path) from error
            return cls(path)
        raise RunError(f"No free name for a run in {runs_dir}: {_ATTEMPTS} ids were all taken.", "Try again.")

    @classmethod
    def create_at(cls, path: Path) -> RunFolder:
        """Create a new folder of a given name.

        Raises:
            RunError: The folder cannot be made, or exists.
        """
        make_folder(path.parent)
        try:
            atomic_files.make_folder(path, parents=False, exist_ok=False)
        except OSError as error:
            raise disk_error(error, path) from error
        return cls(path)

    @property
    def id(self) -> str:
        """The run's id: the folder's name."""
        return self.path.resolve().name

    @property
    def short_id(self) -> str:
        """The last six characters of the id; the whole id if the folder was renamed."""
        match = FOLDER_NAME.fullmatch(self.id)
        return match["id"] if match else self.id

    @property
    def config(self) -> Path:
        """The user's config, byte for byte."""
        return self.path / "config.yaml"

    @property
    def resolved(self) -> Path:
        """The resolved config, with every default written out."""
        return self.path / "resolved.yaml"

    @property
    def sources(self) -> Path:
        """The folder of the config's bases and the user's code."""
        return self.path / "sources"

    @property
    def record(self) -> Path:
        """The record: what ran, where, and how it ended."""
        return self.path / "record.json"

    @property
    def metrics(self) -> Path:
        """The metrics, one line for each epoch."""
        return self.path / "metrics.jsonl"

    @property
    def scores(self) -> Path:
        """The scores of the model after training."""
        return self.path / "scores.json"

    @property
    def baselines(self) -> Path:
        """The scores of simple models on the same rows."""
        return self.path / "baselines.json"

    @property
    def decision(self) -> Path:
        """How probabilities become decisions: a temperature and a threshold, if they were chosen."""
        return self.path / "decision.json"

    @property
    def importance(self) -> Path:
        """How much worse predictions are without what a column says, if it was computed."""
        return self.path / "importance.json"

    @property
    def explanations(self) -> Path:
        """Which parts of some pictures the predictions go by, if it was computed."""
        return self.path / "explanations.json"

    @property
    def explanation_maps(self) -> Path:
        """These pictures, and a map over each."""
        return self.path / "explanations.npz"

    @property
    def predictions(self) -> Path:
        """Truth and prediction of the test part."""
        return self.path / "predictions.csv"

    @property
    def mistakes(self) -> Path:
        """The pictures of the most confident mistakes."""
        return self.path / "mistakes.npz"

    @property
    def pictures(self) -> Path:
        """Some predictions that are pictures, from the worst to the best."""
        return self.path / "pictures.npz"

    @property
    def samples(self) -> Path:
        """Texts generated during training, one line each."""
        return self.path / "samples.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of whole models."""
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        """The model of the best epoch."""
        return self.checkpoints / "best.keras"

    @property
    def last(self) -> Path:
        """The model after training."""
        return self.checkpoints / "last.keras"

    @property
    def state(self) -> Path:
        """The folder of the state that an exact resume needs."""
        return self.path / "state"

    @property
    def final_fit_metrics(self) -> Path:
        """The metrics of a cross-validation's final fit, as far as its state goes; the run's metrics have them too."""
        return self.state / "final_fit.jsonl"

    @property
    def lock(self) -> Path:
        """The file that the process which trains the run holds locked."""
        return self.path / ".lock"

    @property
    def prepare(self) -> Path:
        """The fitted parameters of the preparation steps."""
        return self.path / "prepare.json"

    @property
    def model_json(self) -> Path:
        """The model as Keras' config."""
        return self.path / "model.json"

    @property
    def model_svg(self) -> Path:
        """The model as a picture."""
        return self.path / "model.svg"

    @property
    def summary(self) -> Path:
        """The model as a table."""
        return self.path / "summary.txt"

    @property
    def log(self) -> Path:
        """The log."""
        return self.path / "log.txt"

    @property
    def report(self) -> Path:
        """The report for a browser."""
        return self.path / "report.html"

    @property
    def card(self) -> Path:
        """The model card."""
        return self.path / "MODEL_CARD.md"

    @property
    def plots(self) -> Path:
        """The folder of pictures."""
        return self.path / "plots"

    @property
    def folds(self) -> Path:
        """The folder of a cross-validation's folds."""
        return self.path / "folds"

    def fold(self, number: int) -> RunFolder:
        """Return the folder of one fold, counted from 0, with the layout of a run's.

        Raises:
            RunError: It, or the folder of all folds, is a link or a file.
        """
        fold = RunFolder(self.folds / f"{number:02d}")
        require_folders(self.path, fold.path)
        return fold

    def fold_numbers(self) -> list[int]:
        """List the numbers of the folds that have a folder."""
        names = [path.name for path in self.folds.iterdir()] if self.folds.is_dir() else []
        numbers = (int(name) for name in names if re.fullmatch(r"[0-9]{1,9}", name))
        return sorted(number for number in numbers if f"{number:02d}" in names)

    def files(self) -> list[Path]:
        """List the files of the folder and of those in it, sorted; hidden names, which are no results, are left out."""
        paths = [path for path in self.path.rglob("*") if path.is_file() and not path.is_symlink()]
        return sorted(path for path in paths if not any(part[0] == "." for part in path.relative_to(self.path).parts))

    def sync(self) -> None:
        """Bring to disk what was not written atomically, before a record says that it is there.

        That is what is appended, what callbacks of Keras' write, and all names up to that of the folder of runs: a
        process that was killed may have made a folder whose name it did not bring to disk any more.

        Raises:
            RunError: The disk fails.
        """
        try:
            sync_tree(self.path, lambda file: not _is_on_disk(file))
            for above in (self.path.parent, self.path.parent.parent):
                sync_folder(above)
        except OSError as error:
            raise disk_error(error, self.path) from error

    def restart(self) -> None:
        """Create the folder if it is missing, and remove the states and metrics of an earlier attempt.

        Raises:
            RunError: The disk is full or read-only.
        """
        # Not with all parents: a run folder that was removed meanwhile stays removed.
        for path in (self.path.parent, self.path):
            make_folder(path, parents=False)
        self.remove_states()
        self._remove(self.metrics)

    def files_by_weights(self) -> list[Path]:
        """Return the files that somebody asked for and that hold for the weights of the models as they are."""
        files = (self.decision, self.importance, self.explanations, self.explanation_maps)
        return [file for file in files if file.is_file()]

    def remove_files_by_weights(self) -> None:
        """Remove what was chosen or computed by weights that are replaced.

        Raises:
            RunError: The disk is read-only.
        """
        for file in self.files_by_weights():
            self._remove(file)

    def remove_states(self) -> None:
        """Remove what an earlier attempt has saved to go on from.

        Raises:
            RunError: The disk is read-only.
        """
        for file in sorted(self.state.glob("*")):
            self._remove(file)

    def _remove(self, file: Path) -> None:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, file) from error

    def write_bytes(self, name: str | Path, content: bytes) -> Path:
        """Write a file of the folder atomically, and make the folders it lies in.

        Args:
            name: A file's name inside the folder, or the path from one of the properties.
            content: The file's content.

        Raises:
            RunError: The disk is full or read-only, the folder has vanished, or a link stands in the way.
        """
        path = self.path / name if isinstance(name, str) else name
        if not self.path.is_dir():
            raise RunError(
                f"Cannot write {path}: the run's folder does not exist any more.",
                "It was moved or removed meanwhile; start the run again.",
            )
        require_inside(self.path, path)
        make_folder(path.parent)
        write_file(path, content)
        return path

    def write_text(self, name: str | Path, text: str) -> Path:
        """Write a text in UTF-8 atomically; see `write_bytes`."""
        return self.write_bytes(name, text.encode("utf-8", "backslashreplace"))

    def write_json(self, name: str | Path, value: object) -> Path:
        """Write plain data as JSON atomically; see `write_bytes` and `nnrun.runs.json_files.dumps`."""
        return self.write_text(name, dumps(value) + "\n")
