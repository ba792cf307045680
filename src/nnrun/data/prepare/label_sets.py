"""The step `MultiLabelBinarizer`: sets of labels in a cell become a column of 0 and 1 for each label."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns, labels, resolve_columns
from nnrun.data.prepare.cells import check_cells, split_column
from nnrun.data.prepare.step import ExampleSpec, Step, as_table, check_table, text_left_of
from nnrun.errors import DataError
from nnrun.formatting import format_count, format_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.data.prepare.step import ArrayOrTable, Blocks


class MultiLabelBinarizer(Step):
    """Replace a column of sets (`drama;crime`) by one column of 0 and 1 for each label, as scikit-learn's of that name.

    Labels are sorted, and the new columns are named `genres=drama`. An empty cell is an empty set. Of features, the
    labels of the training part count, and other labels are left out; of a target (`prepare_target`), labels of all
    parts are the model's targets, and predictions are sets of labels.

    Args:
        columns: The columns to treat, by name or index; not for a target, which is treated as a whole.
        separator: What stands between labels, such as `;`, or a blank for any white space; None: each cell is a list
            literal, such as `["drama", "crime"]`.
        classes: The labels in the order of their columns; None: all labels that are found, sorted.
    """

    streams = False

    def __init__(
        self,
        columns: list[str | int] | None = None,
        separator: str | None = None,
        classes: list[str] | None = None,
    ) -> None:
        if separator == "":
            raise ValueError("MultiLabelBinarizer: separator expected a text such as ';', received an empty one")
        if classes is not None and (not classes or len(set(classes)) < len(classes)):
            raise ValueError(f"MultiLabelBinarizer: classes expected labels, each once, received {classes}")
        self.columns, self.separator, self.given = columns, separator, classes
        self.classes: dict[str, list[str]] = {}

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Learn the labels of each column."""
        table = data.table()
        for name in resolve_columns(self._named(), table.names):
            self.classes[name] = self.learn(name, [_texts(name, table.values[name])])
        counts = [f"{format_count(len(found), 'label')} in {name!r}" for name, found in self.classes.items()]
        return [f"MultiLabelBinarizer: {format_names(counts)}."]

    def learn(self, name: str, columns: Sequence[np.ndarray]) -> list[str]:
        """Return the labels of a column of sets, of all parts of it that are given.

        Raises:
            CellError: A cell holds no list.
            ValueError: There is no label.
        """
        if self.given is not None:
            return list(self.given)
        found = labels(item for column in columns for items in self.items(name, column) for item in items)
        if not found:
            raise ValueError(f"MultiLabelBinarizer: no cell of {name!r} has a label")
        return list(found)

    def items(self, name: str, column: np.ndarray) -> list[list[str]]:
        """Return the labels of each cell.

        Raises:
            CellError: A cell holds no list.
        """
        return split_column(column, self.separator, name)

    def _named(self) -> list[str | int]:
        if self.columns is None:
            raise ValueError("MultiLabelBinarizer: name the `columns` of sets; without, it is for `prepare_target`")
        return self.columns

    def state(self) -> dict[str, Any]:
        """Return the labels of each column, as JSON."""
        return {"classes": self.classes}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the labels.

        Raises:
            KeyError: They are missing.
            ValueError: They are no lists of labels.
        """
        classes = state["classes"]
        if not isinstance(classes, dict) or not all(map(_are_labels, classes.values())):
            raise ValueError("classes: expected a list of labels for each column")
        self.classes = {str(name): list(found) for name, found in classes.items()}

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the table with a column of 0 and 1 for each label."""
        wide: dict[str, np.ndarray] = {}
        for name, column in as_table(x).values.items():
            if name not in self.classes:
                wide[name] = column
                continue
            encoded = self.encode(self.items(name, _texts(name, column)), self.classes[name])
            wide.update({f"{name}={one}": encoded[:, at] for at, one in enumerate(self.classes[name])})
        return Columns(wide)

    @staticmethod
    def encode(sets: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
        """Return which labels each set has: 0 and 1 as float64 of shape (rows, labels); other labels are left out."""
        places = {name: at for at, name in enumerate(classes)}
        encoded = np.zeros((len(sets), len(classes)))
        for row, items in enumerate(sets):
            for item in items:
                if item in places:
                    encoded[row, places[item]] = 1
        return encoded

    def compute_output_spec(self, spec: ExampleSpec) -> ExampleSpec:
        """Return a table with a column for each label, where the config states them."""
        check_table(spec, self)
        if spec.columns is None:
            return text_left_of(spec, self._named())
        treated = resolve_columns(self._named(), spec.columns)
        for name in treated:
            if name not in spec.text:
                raise ValueError(f"MultiLabelBinarizer takes text, but column {name!r} holds numbers")
            check_cells(name, spec.values.get(name, ()), self.separator)
        left = replace(spec, text=spec.text - set(treated))
        if self.given is None:
            return replace(left, shape=(None,), columns=None)
        names = tuple(
            new
            for name in spec.columns
            for new in ([f"{name}={one}" for one in self.given] if name in treated else [name])
        )
        return replace(left, shape=(len(names),), columns=names)


def _are_labels(found: object) -> bool:
    return isinstance(found, list) and bool(found) and all(isinstance(one, str) for one in found)


def _texts(name: str, column: np.ndarray) -> np.ndarray:
    if column.dtype != object:
        raise DataError(f"MultiLabelBinarizer takes text, but column {name!r} holds numbers")
    return column
