"""Which columns of a table a config asks for: the features, the targets, the weights and the groups of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.data.columns import Columns, resolve
from nnrun.data.dataset import Examples
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from nnrun.data.csv.type_inference import Role
    from nnrun.errors import Path as ConfigPath


@dataclass(frozen=True)
class Asked:
    """What a config says about a table's columns, by name or by index (negative: from the end).

    Attributes:
        features: The feature columns; None takes all that are nothing else.
        target: The target columns.
        weight: The column of the rows' weights, or None.
        group: The column whose rows of one value stay together, or None.
    """

    features: Sequence[str | int] | None
    target: Sequence[str | int]
    weight: str | int | None = None
    group: str | int | None = None

    def wrong(self, names: Sequence[str], below: ConfigPath) -> list[Finding]:
        """Columns that do not exist, and those that are asked for twice; `below` is the source's place."""
        roles = {
            "features": self.features or [],
            "target": self.target,
            "sample_weight": self._weights,
            "group": self._groups,
        }
        findings = [finding for key, asked in roles.items() for finding in _unknown(asked, names, (*below, key))]
        return findings or [*self._told(names, below), *self._weighed(names, below), *self._grouped(names, below)]

    def choose(self, names: Sequence[str]) -> Chosen:
        """The columns by name; only where nothing is `wrong`."""
        targets, weights, groups = (resolve(asked, names) for asked in (self.target, self._weights, self._groups))
        asked = names if self.features is None else self.features
        taken = {*targets, *weights, *groups}
        features = tuple(name for name in resolve(asked, names) if name not in taken)
        return Chosen(features, tuple(targets), *(next(iter(found), None) for found in (weights, groups)))

    def nameless(self, names: Sequence[str]) -> list[int]:
        """The columns without a name that would be features: those of which nothing is said."""
        if self.features is not None:
            return []
        said = {one % len(names) for one in (*self.target, *self._weights, *self._groups) if isinstance(one, int)}
        return [index for index, name in enumerate(names) if not name and index not in said]

    @property
    def _weights(self) -> list[str | int]:
        return [] if self.weight is None else [self.weight]

    @property
    def _groups(self) -> list[str | int]:
        return [] if self.group is None else [self.group]

    def _told(self, names: Sequence[str], below: ConfigPath) -> list[Finding]:
        """Targets that stand among the features."""
        both = set(resolve(self.features or [], names)) & set(resolve(self.target, names))
        return [
            Finding(
                (*below, "features"),
                f"the target {name!r} also stands among the features: the model would be told the answer",
                f"take {name!r} out of `features`",
                "target-among-features",
            )
            for name in sorted(both)
        ]

    def _weighed(self, names: Sequence[str], below: ConfigPath) -> list[Finding]:
        """A column of weights that is a feature or a target too."""
        weights = set(resolve(self._weights, names))
        return [
            Finding(
                (*below, "sample_weight"),
                f"the column {name!r} weighs the rows and also stands in `{key}`",
                f"take {name!r} out of `{key}`",
                "weight-among-columns",
            )
            for key, asked in (("features", self.features or []), ("target", self.target))
            for name in sorted(weights & set(resolve(asked, names)))
        ]

    def _grouped(self, names: Sequence[str], below: ConfigPath) -> list[Finding]:
        """A column of groups that is something else too."""
        groups = set(resolve(self._groups, names))
        others = {"features": self.features or [], "target": self.target, "sample_weight": self._weights}
        return [
            Finding(
                (*below, "group"),
                f"the column {name!r} groups the rows and also stands in `{key}`",
                f"take {name!r} out of `{key}`: of the groups that the model meets later it knows nothing",
                "group-among-columns",
            )
            for key, asked in others.items()
            for name in sorted(groups & set(resolve(asked, names)))
        ]


@dataclass(frozen=True)
class Chosen:
    """A table's columns by what they are for.

    Attributes:
        features: The feature columns.
        targets: The target columns.
        weight: The column of the rows' weights, or None.
        group: The column whose rows of one value stay together, or None.
    """

    features: tuple[str, ...]
    targets: tuple[str, ...]
    weight: str | None = None
    group: str | None = None

    @property
    def roles(self) -> dict[str, Role]:
        """What each of them is for."""
        alone: dict[str | None, Role] = {self.weight: "weight", self.group: "group"}
        return {
            **dict.fromkeys(self.features, "feature"),
            **dict.fromkeys(self.targets, "target"),
            **{name: role for name, role in alone.items() if name is not None},
        }

    @property
    def names(self) -> list[str]:
        """All of them."""
        return list(self.roles)

    def examples(self, table: Mapping[str, np.ndarray]) -> Examples:
        """The examples of a table: float64 columns for numbers, object for text."""
        return Examples(
            Columns({name: table[name] for name in self.features}),
            side_by_side({name: table[name] for name in self.targets}),
            None if self.weight is None else table[self.weight],
        )

    def layout(
        self,
        names: Sequence[str],
        table: Mapping[str, np.ndarray],
        *,
        header: bool,
        dates: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """What `Csv.again` needs to read another file like this table, as JSON; `dates` are columns and their forms."""
        return {
            "names": list(names),
            "features": list(self.features),
            "targets": list(self.targets),
            "text": [name for name in (*self.features, *self.targets) if table[name].dtype == object],
            "dates": {name: form for name, form in (dates or {}).items() if name in {*self.features, *self.targets}},
            "group": self.group,
            "header": header,
        }


def _unknown(asked: Sequence[str | int], names: Sequence[str], path: ConfigPath) -> list[Finding]:
    """The first column that does not exist or is named twice, at its place in a list of several."""
    try:
        resolve(asked, names)
    except ValueError as error:
        where = (*path, _first_wrong(asked, names)) if len(asked) > 1 else path
        return [Finding(where, str(error), None, "unknown-column")]
    return []


def _first_wrong(asked: Sequence[str | int], names: Sequence[str]) -> int:
    """The index of the first column that does not exist or was named before."""
    seen: set[str] = set()
    for index, column in enumerate(asked):
        try:
            (name,) = resolve([column], names)
        except ValueError:
            return index
        if name in seen:
            return index
        seen.add(name)
    raise AssertionError("only called where a column is refused")


def no_features(path: ConfigPath) -> Finding:
    """What to say where targets leave no column to learn from."""
    return Finding(path, "no feature column is left beside the target", "name fewer targets", "no-features")


def side_by_side(columns: Mapping[str, np.ndarray]) -> np.ndarray | Columns | None:
    """One target as it is, several as one array, or as columns where some hold text; None where there is none."""
    import numpy as np

    if len(columns) < 2:
        return next(iter(columns.values()), None)
    if any(column.dtype == object for column in columns.values()):
        return Columns(columns)
    return np.column_stack(list(columns.values()))
