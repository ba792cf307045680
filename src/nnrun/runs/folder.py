"""The folder of a run: where every file lies, made exclusively, written atomically."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nnrun.errors import RunError
from nnrun.runs.disk import disk_error, make_folder, write_file
from nnrun.runs.json_text import dumps

if TYPE_CHECKING:
    from pathlib import Path

#: The form of a run folder's name: UTC time, slug of the experiment's name, short id.
FOLDER_NAME = re.compile(r"(?P<time>\d{8}T\d{6}Z)_(?P<name>.+)_(?P<id>[0-9a-f]{6})")
_LONGEST_SLUG = 60
_ATTEMPTS = 50


def slug(name: str) -> str:
    """An experiment's name as part of a file name: ASCII letters, digits, dot, dash and underscore, 60 at most."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.-]+", "_", plain)[:_LONGEST_SLUG].strip("._-") or "run"


@dataclass(frozen=True)
class RunFolder:
    """A run's folder; each property is the path of one of its files, whether it is there or not.

    Attributes:
        path: The folder itself.
    """

    path: Path

    @classmethod
    def create(cls, runs_dir: Path, name: str, *, now: datetime | None = None) -> RunFolder:
        """Make a new folder that no other run has, `<UTC time>_<name>_<short id>`.

        Args:
            runs_dir: The folder of all runs; it is made where it is missing.
            name: The experiment's name.
            now: The time for the folder's name; the present by default.

        Raises:
            RunError: The disk is full or read-only, or a file is in the way.
        """
        make_folder(runs_dir)
        time = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        for _ in range(_ATTEMPTS):
            path = runs_dir / f"{time}_{slug(name)}_{secrets.token_hex(3)}"
            try:
                path.mkdir()
            except FileExistsError:
                continue
            except OSError as error:
                raise disk_error(error, path) from error
            return cls(path)
        raise RunError(f"No free name for a run in {runs_dir}: {_ATTEMPTS} ids were all taken.", "Try again.")

    @property
    def id(self) -> str:
        """The run's id: the folder's name."""
        return self.path.resolve().name

    @property
    def short_id(self) -> str:
        """The last six characters of the id; the whole id where the folder was renamed."""
        match = FOLDER_NAME.fullmatch(self.id)
        return match["id"] if match else self.id

    @property
    def config(self) -> Path:
        """The user's config, byte for byte."""
        return self.path / "config.yaml"

    @property
    def resolved(self) -> Path:
        """The config with everything said out."""
        return self.path / "resolved.yaml"

    @property
    def sources(self) -> Path:
        """The folder of the config's bases and the user's code."""
        return self.path / "sources"

    @property
    def record(self) -> Path:
        """What ran, where, from what, and how it ended."""
        return self.path / "record.json"

    @property
    def metrics(self) -> Path:
        """One line for each epoch."""
        return self.path / "metrics.jsonl"

    @property
    def scores(self) -> Path:
        """The scores of the model as training left it."""
        return self.path / "scores.json"

    @property
    def predictions(self) -> Path:
        """The test part: truth beside prediction."""
        return self.path / "predictions.csv"

    @property
    def mistakes(self) -> Path:
        """The pictures that the model was most wrong about."""
        return self.path / "mistakes.npz"

    @property
    def samples(self) -> Path:
        """What a model of a text wrote after an epoch, a line for each piece."""
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
        """The model as training left it."""
        return self.checkpoints / "last.keras"

    @property
    def state(self) -> Path:
        """The folder of what an exact resume needs."""
        return self.path / "state"

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
        """What the screen said."""
        return self.path / "log.txt"

    @property
    def report(self) -> Path:
        """The report for a browser."""
        return self.path / "report.html"

    @property
    def plots(self) -> Path:
        """The folder of pictures."""
        return self.path / "plots"

    @property
    def folds(self) -> Path:
        """The folder of a cross-validation's folds."""
        return self.path / "folds"

    def fold(self, number: int) -> RunFolder:
        """The folder of one fold, counted from 0, laid out like a run's."""
        return RunFolder(self.folds / f"{number:02d}")

    def begin_again(self) -> None:
        """Make the folder where it is missing, and remove what an earlier attempt wrote line after line.

        Raises:
            RunError: The disk refuses.
        """
        make_folder(self.path)
        try:
            self.metrics.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, self.metrics) from error

    def write_bytes(self, name: str | Path, content: bytes) -> Path:
        """Write a file of the folder atomically, and the folders it lies in.

        Args:
            name: A file's name inside the folder, or the path that one of the properties gives.
            content: The whole content.

        Raises:
            RunError: The disk is full or read-only, or the folder has vanished.
        """
        path = self.path / name if isinstance(name, str) else name
        if not self.path.is_dir():
            raise RunError(
                f"Cannot write {path}: the run's folder is not there.",
                "It was moved or removed meanwhile; start the run again.",
            )
        make_folder(path.parent)
        write_file(path, content)
        return path

    def write_text(self, name: str | Path, text: str) -> Path:
        """Write a text in UTF-8 atomically; see `write_bytes`."""
        return self.write_bytes(name, text.encode("utf-8"))

    def write_json(self, name: str | Path, value: object) -> Path:
        """Write plain data as JSON atomically; see `write_bytes` and `nnrun.runs.json_text.dumps`."""
        return self.write_text(name, dumps(value) + "\n")
