"""Which columns of a table are features, targets, weights and groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.data.columns import ColumnError, Columns, resolve_columns
from nnrun.data.dataset import Examples
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy as np

    from nnrun.data.csv.type_inference import Role
    from nnrun.errors import Path as ConfigPath


#: The places of the column that folds group rows by, and of the one that names the part of each row.
FOLD_GROUPS = ("data", "split", "k_fold", "groups")
SPLIT_BY = ("data", "split", "by")
#: By role: the roles that its columns may not have too, the reason, and the name of the finding.
_CONFLICTS = {
    "target": (["features"], "the model would be given the answer", "target-among-features"),
    "sample_weight": (["features", "target"], "a column of weights has no other role", "weight-among-columns"),
    "group": (
        ["features", "target", "sample_weight"],
        "the groups of new rows are unknown to the model",
        "group-among-columns",
    ),
    "time": (["target", "sample_weight"], "it is what orders the rows", "time-among-columns"),
}


@dataclass(frozen=True)
class ColumnSelection:
    """The columns that a config names for each role, by name or by index (negative: from the end).

    Attributes:
        features: The feature columns; None for all that have no other role.
        target: The target columns.
        weight: The column of the rows' weights, or None.
        group: The column whose rows of one value stay together, or None.
        fold_group: The column that `k_fold: {groups: ...}` names, or None. It is no feature, even if it is listed.
        left_out: Columns that are features only if they are listed.
        part: The column that `split: {by: ...}` names, or None. It is no feature, even if it is listed.
        time: The column of the rows' times, or None. It is a feature only if it is listed.
        is_windowed: Whether examples are windows of rows, which hold the past of the targets too.
    """

    features: Sequence[str | int] | None
    target: Sequence[str | int]
    weight: str | int | None = None
    group: str | int | None = None
    fold_group: str | int | None = None
    left_out: Collection[str] = ()
    part: str | int | None = None
    time: str | int | None = None
    is_windowed: bool = False

    @property
    def asked(self) -> list[str | int]:
        """All columns that are named for a role."""
        named = [column for columns in self._by_key.values() for column in columns]
        return [*named, *_listed(self.fold_group), *_listed(self.part)]

    def findings(self, names: Sequence[str], path: ConfigPath) -> list[Finding]:
        """Return the columns that do not exist or have two roles; `path` is the source's place in the config."""
        findings = [
            finding for key, columns in self._by_key.items() for finding in _unknown(columns, names, (*path, key))
        ]
        return findings or [
            *self._conflicts(names, path),
            *self._fold_group_findings(names),
            *self._part_findings(names),
        ]

    def roles(self, names: Sequence[str]) -> ColumnRoles:
        """Return the columns of each role by name; there must be no `findings`."""
        targets, weights = (resolve_columns(self._by_key[key], names) for key in ("target", "sample_weight"))
        groups = resolve_columns(self._by_key["group"] or _listed(self.fold_group), names)
        parts, times = resolve_columns(_listed(self.part), names), resolve_columns(self._by_key["time"], names)
        by_default = [name for name in names if name not in self.left_out and name not in times]
        features = resolve_columns(by_default if self.features is None else self.features, names)
        others = {*(() if self.is_windowed else targets), *weights, *groups, *parts}
        return ColumnRoles(
            tuple(name for name in features if name not in others),
            tuple(targets),
            weights[0] if weights else None,
            groups[0] if groups else None,
            parts[0] if parts else None,
            times[0] if times else None,
        )

    def needing_name(self, names: Sequence[str]) -> list[int]:
        """Return the columns without a name in the header that would be features, as no role is stated for them."""
        if self.features is not None:
            return []
        keys = ("target", "sample_weight", "group", "time")
        others = [*(column for key in keys for column in self._by_key[key]), self.fold_group, self.part]
        stated = {column % len(names) for column in others if isinstance(column, int)}
        return [index for index, name in enumerate(names) if not name and index not in stated]

    def _fold_group_findings(self, names: Sequence[str]) -> list[Finding]:
        """Return what is wrong with the column that the folds group rows by."""
        try:
            named = resolve_columns(_listed(self.fold_group), names)
        except ColumnError as error:
            return [Finding(FOLD_GROUPS, str(error), None, "impossible-split")]
        if not named:
            return []
        (name,), hint = named, None
        targets, groups = (resolve_columns(self._by_key[key], names) for key in ("target", "group"))
        if groups and groups != named:
            text = f"`groups` names the column {name!r}, but the source's `group` {groups[0]!r}"
            hint = "leave out one of the two"
        elif name in targets:
            text = f"`groups` names the target {name!r}: every fold would be tested on other targets than it learned"
        elif not self.roles(names).features:
            text = f"groups takes the only feature column {name!r}, so that no feature is left"
        else:
            return []
        return [Finding(FOLD_GROUPS, text, hint, "impossible-split")]

    def _part_findings(self, names: Sequence[str]) -> list[Finding]:
        """Return what is wrong with the column that names the part of each row."""
        try:
            named = resolve_columns(_listed(self.part), names)
        except ColumnError as error:
            return [Finding(SPLIT_BY, str(error), None, "impossible-split")]
        others = {"target": "target", "sample_weight": "column of weights", "group": "column of groups"}
        for key, what in others.items():
            if named and named == resolve_columns(self._by_key[key], names):
                text = f"`by` names the {what} {named[0]!r}"
                hint = "name a column that says train, validation or test in each row"
                return [Finding(SPLIT_BY, text, hint, "impossible-split")]
        return []

    @property
    def _by_key(self) -> dict[str, Sequence[str | int]]:
        """The named columns by the config's keys."""
        return {
            "features": self.features or [],
            "target": self.target,
            "sample_weight": _listed(self.weight),
            "group": _listed(self.group),
            "time": _listed(self.time),
        }

    def _conflicts(self, names: Sequence[str], path: ConfigPath) -> list[Finding]:
        """Return the columns that are named for two roles."""
        columns = {key: set(resolve_columns(named, names)) for key, named in self._by_key.items()}
        findings = []
        for role, (others, reason, code) in _CONFLICTS.items():
            for other in () if role == "target" and self.is_windowed else others:
                for name in sorted(columns[role] & columns[other]):
                    text = f"the column {name!r} is named as `{role}` and as `{other}`: {reason}"
                    blamed = role if other == "target" else other
                    hint = (
                        f"name another column as `{role}`" if other == "target" else f"remove {name!r} from `{other}`"
                    )
                    findings.append(Finding(self._place(blamed, name, names, path), text, hint, code))
        return findings

    def _place(self, key: str, name: str, names: Sequence[str], path: ConfigPath) -> ConfigPath:
        """Return the place of a column's name: in the list of a key, or the key's only value."""
        named = self._by_key[key]
        index = next((index for index, one in enumerate(named) if resolve_columns([one], names) == [name]), None)
        return (*path, key) if index is None or len(named) == 1 else (*path, key, index)


@dataclass(frozen=True)
class ColumnRoles:
    """A table's columns by their roles.

    Attributes:
        features: The feature columns.
        targets: The target columns.
        weight: The column of the rows' weights, or None.
        group: The column whose rows of one value stay together, or None.
        part: The column that names the part of each row, or None.
        time: The column of the rows' times, or None.
    """

    features: tuple[str, ...]
    targets: tuple[str, ...]
    weight: str | None = None
    group: str | None = None
    part: str | None = None
    time: str | None = None

    def by_column(self) -> dict[str, Role]:
        """Return the role of each column."""
        roles: dict[str | None, Role] = {
            self.time: "time",
            **dict.fromkeys(self.features, "feature"),
            **dict.fromkeys(self.targets, "target"),
            self.weight: "weight",
            self.group: "group",
            self.part: "group",
        }
        return {name: role for name, role in roles.items() if name is not None}

    @property
    def names(self) -> list[str]:
        """All columns that have a role."""
        return list(self.by_column())

    def examples(self, table: Mapping[str, np.ndarray]) -> Examples:
        """Return a table's examples: float64 columns for numbers, object for text."""
        return Examples(
            Columns({name: table[name] for name in self.features}),
            stack_targets({name: table[name] for name in self.targets}),
            None if self.weight is None else table[self.weight],
        )

    def layout(
        self,
        names: Sequence[str],
        table: Mapping[str, np.ndarray],
        *,
        header: bool,
        dates: Mapping[str, str],
        missing: Sequence[str],
    ) -> dict[str, Any]:
        """Return what is needed to read another file of the same columns, as JSON.

        Args:
            names: The names of all columns.
            table: The columns that have a role.
            header: Whether the file has a header.
            dates: The formats of the columns of dates.
            missing: The words for a missing value.
        """
        used = (*self.features, *self.targets)
        return {
            "names": list(names),
            "features": list(self.features),
            "targets": list(self.targets),
            "text": [name for name in used if table[name].dtype == object],
            "dates": {name: date_format for name, date_format in dates.items() if name in {*used, self.time}},
            "group": self.group,
            **({} if self.time is None else {"time": self.time}),
            "header": header,
            "missing": list(missing),
        }


def _listed(column: str | int | None) -> list[str | int]:
    return [] if column is None else [column]


def stack_targets(columns: Mapping[str, np.ndarray]) -> np.ndarray | Columns | None:
    """Return one target as it is, several as one array, or as columns if some hold text; None if there is none."""
    import numpy as np

    if len(columns) < 2:
        return next(iter(columns.values()), None)
    # Side by side with floats, integers beyond 2^53 would be rounded.
    if any(column.dtype.kind in "Oiu" for column in columns.values()):
        return Columns(columns)
    return np.column_stack(list(columns.values()))


def _unknown(columns: Sequence[str | int], names: Sequence[str], path: ConfigPath) -> list[Finding]:
    """Return the first column that does not exist or is named twice, with its place in a list of several."""
    try:
        resolve_columns(columns, names)
    except ColumnError as error:
        return [Finding((*path, error.index) if len(columns) > 1 else path, str(error), None, "unknown-column")]
    return []
