"""The named tables that are csv files: each is the source `csv` with its file and what its columns need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.named.datasets import named_data_set
from nnrun.data.named.named_source import download_note, find_files, require_files, verify_files
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.table_series import window_facts
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nnrun.data.csv.type_inference import ColumnType
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts, SourceData
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


class _NamedCsv(Csv):
    """A named csv file; a subclass has its `name`, and passes on the arguments of `csv` that the set needs."""

    def __init__(self, **arguments: Any) -> None:
        self.data_set = named_data_set(self.name)
        super().__init__(self.data_set.files[0].name, **arguments)

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:
        """Find or download the file, verify and read it."""
        self._use(require_files(self.data_set, paths, progress))
        return super().load(paths, progress)

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return the facts of the file; where it is still to be downloaded, those that are known of the set."""
        files = find_files(self.data_set, paths)
        if not files:
            return self._known_facts(paths, (*path, self.name))
        try:
            verify_files(self.data_set, files)
        except DataError as error:
            return None, [Finding((*path, self.name), error.text, error.hint, "defective-data")]
        self._use(files)
        return super().facts(paths, path)

    def load_targets(self, paths: DataPaths) -> SourceData | None:
        """Read the targets; None where the file is still to be downloaded."""
        files = find_files(self.data_set, paths)
        if not files:
            return None
        self._use(files)
        return super().load_targets(paths)

    def follows_dates(self, paths: DataPaths) -> bool:  # noqa: ARG002
        """Return whether the rows are in the order of times; no set has another column of dates."""
        return self.selection.time is not None

    def _use(self, files: Mapping[str, Path]) -> None:
        """Read the file from where it was found, whatever lies under its name in another folder."""
        (file,) = files.values()
        self.file = str(file.absolute())

    def _known_facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return what is known of the set without its file, and what is wrong with the columns that are named."""
        known = self.data_set.facts
        names = tuple(dict.fromkeys((*(known.columns or ()), *known.target_names, *self.types)))
        findings = self.column_findings(names, path)
        if findings:
            return None, findings
        roles = self.selection.roles(names)
        text = {
            *known.values,
            *known.text,
            *(name for name, kind in self.types.items() if kind in ("text", "category")),
        }
        numbers = frozenset(name for name in roles.targets if name not in text)
        values = {name: tuple(found) for name, found in known.values.items()}
        prose = frozenset(known.text)
        facts = self.table_facts(roles, known.rows, text, values=values, prose=prose, other_numbers=numbers)
        if self.windows is not None:
            facts, findings = window_facts(self.windows, facts, None, roles, self.date_formats, path)
        return facts, [*findings, *download_note(self.data_set, paths, path)]


class AirlinePassengers(_NamedCsv):
    """144 months (1949 to 1960) of international airline passengers, in thousands, as windows of months.

    Args:
        window: How many months an example has.
        horizon: How many months after a window are its targets.
        stride: How many months after one window the next one begins.
    """

    name = "airline_passengers"

    def __init__(self, window: int = 12, horizon: int = 1, stride: int = 1) -> None:
        time: dict[str, Any] = {"time": "Month", "types": {"Month": {"date": "%Y-%m"}}, "header": True}
        super().__init__(target="Passengers", window=window, horizon=horizon, stride=stride, **time)


class Insurance(_NamedCsv):
    """1,338 insured persons with age, sex, BMI, children, smoking and region, and what their treatment cost in a year.

    Args:
        features: The feature columns by name or index; default: all but the target.
        target: The target column by name or index, or a list of them; default: `charges`, in dollars.
        types: The types of columns that are not what most of their fields look like, as of a `csv`:
            `{children: category}`.
        group: The column, by name or index, whose rows of one value stay together, in one fold and in one part. It is
            not a feature.
    """

    name = "insurance"

    def __init__(
        self,
        features: list[str | int] | None = None,
        target: str | int | list[str | int] | None = None,
        types: dict[str, Literal["number", "text", "category", "date", "percent"] | dict[str, str]] | None = None,
        group: str | int | None = None,
    ) -> None:
        super().__init__(header=True, features=features, target=target, types=types, group=group)


class SmsSpam(_NamedCsv):
    """5,574 short messages in English, each spam or not (`ham`), as one column of text."""

    name = "sms_spam"

    def __init__(self) -> None:
        super().__init__(header=True, features=["text"], target="type")

    def free_text_types(self, features: Sequence[str], targets: Sequence[str] = ()) -> dict[str, ColumnType]:  # noqa: ARG002
        """Return that the messages are prose, whichever step takes them: a few hold invisible characters."""
        return dict.fromkeys(features, "free_text")


class Sonar(_NamedCsv):
    """208 sonar echoes as the energy in 60 frequency bands, from a metal cylinder (`M`, a mine) or a rock (`R`).

    Args:
        features: The frequency bands by index from 0, or by a name that is this index; default: all 60.
    """

    name = "sonar"

    def __init__(self, features: list[str | int] | None = None) -> None:
        super().__init__(header=False, features=features, target=-1)
