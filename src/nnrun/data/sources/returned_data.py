"""What a data source of the user's own returns, as examples: arrays, tables, dicts of fields, tuples and lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.config.hints import did_you_mean
from nnrun.data.columns import Columns
from nnrun.data.dataset import Examples, SourceData
from nnrun.data.returned_values import (
    RETURNS,
    ReturnedArrays,
    advice,
    columns_of,
    described,
    is_missing,
    is_ragged,
    is_table,
    kind_of_values,
    plain_item,
)
from nnrun.formatting import format_names

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The column of examples that are one text each.
TEXT_COLUMN = "text"
_FIELDS = ("x", "y", "sample_weight", "x_test", "y_test", "sample_weight_test", "group")
#: Columns of a table that are the target.
_TARGETS = ("y", "target")


def read_returned(returned: object, who: str) -> SourceData:
    """Turn what a source of the user's own returned into examples.

    Args:
        returned: What it returned.
        who: The source with its place, for messages: `my_code.py:12: read_points`.

    Raises:
        DataError: It is no examples; with what was expected and received.
    """
    return _Returned(who).source_data(returned)


class _Returned(ReturnedArrays):
    """Reads what one source returned."""

    def source_data(self, returned: object) -> SourceData:
        """Return the examples, and the test part where there is one."""
        fields = self._fields(returned)
        train, names = self._examples(fields, "")
        test = None
        if fields.get("x_test") is not None or fields.get("y_test") is not None:
            test, _ = self._examples(fields, "_test")
            self._require_alike(train, test)
        groups = None if fields.get("group") is None else self._values(fields["group"], "group", len(train))
        return SourceData(
            train,
            test,
            target_names=names,
            layout=_layout(train, names),
            groups=groups,
            group=None if groups is None else "group",
        )

    # Which value is which ------------------------------------------------------------------------------------------

    def _fields(self, returned: object) -> dict[str, Any]:
        if isinstance(returned, Mapping):
            return self._fields_of_mapping(returned)
        if is_table(returned):
            return self._fields_of_mapping(columns_of(returned), last_is_target=True)
        if isinstance(returned, tuple | list) and len(returned) in (2, 3):
            if len(returned) == 2 and all(_is_part(part) for part in returned):
                return self._by_position(returned[0], "") | self._by_position(returned[1], "_test")
            return self._by_position(returned, "")
        raise self.error(f"expected examples with targets, received {described(returned)}", advice(returned))

    @staticmethod
    def _by_position(values: Sequence[Any], ending: str) -> dict[str, Any]:
        return {f"{name}{ending}": value for name, value in zip(("x", "y", "sample_weight"), values, strict=False)}

    def _fields_of_mapping(self, returned: Mapping[Any, Any], *, last_is_target: bool = False) -> dict[str, Any]:
        """Return the fields `x` and `y` of a mapping; of the columns of a table the target and the rest."""
        names = [str(name) for name in returned]
        if "x" in names and not last_is_target:
            unknown = next((name for name in names if name not in _FIELDS), None)
            if unknown is not None:
                hint = did_you_mean(unknown, _FIELDS) or f"the keys are: {', '.join(_FIELDS)}"
                raise self.error(f"the dict that was returned has the key {unknown!r}, which is no field", hint)
            return {str(name): value for name, value in returned.items()}
        target = next((name for name in _TARGETS if name in names), names[-1] if last_is_target and names else None)
        if target is None or len(names) < 2:
            shown = format_names(names) or "no keys"
            hint = "name the fields x and y, or, of a table, the target's column y"
            raise self.error(f"expected a dict with the keys x and y, received {shown}", hint)
        columns = {str(name): value for name, value in returned.items()}
        return {"y": columns.pop(target), "x": columns}

    # Values ----------------------------------------------------------------------------------------------------------

    def _examples(self, fields: Mapping[str, Any], ending: str) -> tuple[Examples, tuple[str, ...]]:
        role = f"x{ending}"
        x = self._x(fields.get(role), role)
        y, names = self._y(fields.get(f"y{ending}"), f"y{ending}")
        if not len(x):
            raise self.error(f"expected at least one example, received none in {role}", "is the file empty?")
        if y is not None and len(y) != len(x):
            text = f"{role} has {len(x)} examples, y{ending} has {len(y)} targets"
            raise self.error(text, "each example needs one target")
        weight = fields.get(f"sample_weight{ending}")
        if weight is not None:
            weight = self.numbers(self._values(weight, "the weights", len(x)), "the weights").astype("float64")
        return Examples(x, y, weight), names

    def _x(self, value: Any, role: str) -> np.ndarray | Columns:
        if value is None:
            raise self.error(f"expected examples, received nothing for {role}", RETURNS)
        if isinstance(value, Mapping) or is_table(value):
            return self.table(columns_of(value), role)
        array = self.array(value, role)
        if array.dtype.names:
            return self.table({name: array[name] for name in array.dtype.names}, role)
        if is_ragged(array):
            return array
        if array.ndim == 1 and array.dtype.kind in "USO":
            return self.table({TEXT_COLUMN: array}, role)
        array = self.numbers(array, role)
        if array.ndim < 2:
            text = f"expected {role} of shape [examples, ...], received {list(array.shape)}"
            raise self.error(text, f"return one row an example: {role}.reshape(-1, 1)")
        return array

    def _y(self, value: Any, role: str) -> tuple[np.ndarray | Columns | None, tuple[str, ...]]:
        if value is None:
            return None, ()
        if isinstance(value, Mapping) or is_table(value):
            table = self.table(columns_of(value), role)
            names = table.names
            if len(names) == 1:
                return table.values[names[0]], names
            return (table if table.text() else table.matrix().astype("float64")), names
        array = self.array(value, role)
        if array.dtype.kind in "SUO":
            array = self._texts(array, role)
        if array.dtype.kind not in "biufO":
            raise self.error(
                f"expected numbers or names of classes in {role}, received {kind_of_values(array)}", RETURNS
            )
        width = array.shape[1] if array.ndim == 2 else 1
        return array, ("target",) if width == 1 else tuple(f"target_{index}" for index in range(width))

    def _texts(self, array: np.ndarray, role: str) -> np.ndarray:
        """Return classes that are given as text, or as Python objects, as objects of text or as numbers."""
        items = array.reshape(-1).tolist()
        missing = next((index for index, item in enumerate(items) if is_missing(item)), None)
        if missing is not None:
            raise self.error(f"{role} has no value for example {missing}", "leave out the examples without a target")
        plain = [plain_item(item) for item in items]
        wrong = next((item for item in plain if not isinstance(item, str | int | float)), None)
        if wrong is not None:
            text = f"expected numbers or names of classes in {role}, received {described(wrong)}"
            raise self.error(text, "return one number or one text an example")
        if all(isinstance(item, int | float) for item in plain):
            return np.array(plain).reshape(array.shape)
        return np.array([str(item) for item in plain], dtype=object).reshape(array.shape)

    def _values(self, value: Any, role: str, rows: int) -> np.ndarray:
        """Return one value an example."""
        array = self.array(value, role)
        if array.shape not in ((rows,), (rows, 1)):
            text = f"expected one value an example for {role}, {rows} in all, received the shape {list(array.shape)}"
            raise self.error(text, "return an array of one dimension, as long as x")
        return array.reshape(rows)

    def _require_alike(self, train: Examples, test: Examples) -> None:
        if train.y is not None and test.y is None:
            raise self.error("x_test is given without y_test", "a test part needs both")
        one, other = (each.x.names if isinstance(each.x, Columns) else each.x.shape[1:] for each in (train, test))
        if one != other:
            shapes = " and ".join(str(list(each)) for each in (one, other))
            raise self.error(f"examples of the training and the test part differ: {shapes}", "give both one shape")


def _layout(train: Examples, names: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(train.x, Columns):
        columns = list(train.x.names)
        table = {"columns": columns, "text": list(train.x.text())}
        return {"shape": [len(columns)], "targets": list(names), **table}
    return {"shape": list(train.x.shape[1:]), "targets": list(names)}


def _is_part(value: object) -> bool:
    """Return whether a value is (x, y) or (x, y, weights) of one part, and not x alone."""
    if not isinstance(value, tuple | list) or len(value) not in (2, 3):
        return False
    x = value[0]
    if isinstance(x, Mapping) or is_table(x):
        return True
    return _depth(x) > 1


def _depth(value: object) -> int:
    """Return the number of dimensions of an array, or how deeply lists are nested along their first items."""
    if isinstance(value, tuple | list):
        return 1 + (_depth(value[0]) if value else 0)
    return len(getattr(value, "shape", ()))
