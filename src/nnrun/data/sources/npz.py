"""The source `npz`: arrays in numpy's own files."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from nnrun.data.dataset import DataFacts, Examples, SourceData, TargetArray, as_data_error, row_numbers
from nnrun.data.files.npy import (
    ArrayHeader,
    array_header,
    array_headers,
    no_array,
    read_npy,
    read_npz,
    require_plain_type,
)
from nnrun.data.sources.part_files import part_column_facts
from nnrun.data.splits.by_column import separate_parts
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


#: `check` reads targets of up to so many values.
_MAX_TARGET_VALUES = 1_000_000
#: Usual names of the four arrays, the most usual first.
_USUAL_NAMES = {
    "x": ("x_train", "X_train", "x", "X", "train_images", "train_data", "data", "images"),
    "y": ("y_train", "Y_train", "y", "Y", "train_labels", "train_targets", "target", "labels"),
    "x_test": ("x_test", "X_test", "test_images", "test_data"),
    "y_test": ("y_test", "Y_test", "test_labels", "test_targets"),
}
#: Arrays of one value an example, with the examples that they belong to; they have no usual names.
_VALUES_OF = {"sample_weight": "x", "sample_weight_test": "x_test", "group": "x", "part": "x"}


class Npz:
    """Arrays in an npz file, or each in an npy file: examples and targets, and a test part where there is one.

    The first dimension counts examples. Nothing is ever unpickled: arrays of objects are refused.

    Args:
        file: The npz file, relative to the config or to the data folder.
        arrays: Which array is which: `{x: ..., y: ...}`, and `x_test`, `y_test` for a test part; default: the usual
            names, such as `x_train`, `y_train`, `x_test`, `y_test`, or `x` and `y`. `sample_weight` (and
            `sample_weight_test`) names the array that says how much each example counts: numbers of at least 0;
            `group` the one whose examples of one value stay together. Without `file` the names are those of npy files.
            `split: {by: NAME}` names an array that says the part of each example.
    """

    #: The array that `split: {by: ...}` names, or None.
    part_column: str | int | None = None

    def __init__(self, file: str | None = None, arrays: dict[str, str] | None = None) -> None:
        # Examples and targets stand first: the first file is the one that errors name.
        self.arrays = dict(sorted((arrays or {}).items(), key=lambda item: item[0] in _VALUES_OF))
        self.file = file
        roles = (*_USUAL_NAMES, *(role for role in _VALUES_OF if role != "part"))
        unknown = sorted(self.arrays.keys() - {*roles})
        if unknown:
            raise ValueError(f"npz: arrays expected the keys {', '.join(roles)}, received {unknown[0]!r}")
        if file is None and not {"x", "y"} <= self.arrays.keys():
            raise ValueError("npz: expected a `file`, or `arrays: {x: NAME.npy, y: NAME.npy}`, received neither")

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Read the arrays."""
        files = self._files(paths)
        headers, names = self._headers(files)
        if self.file:
            by_name = read_npz(files[self.file], tuple(names.values()))
        else:
            by_name = {name: read_npy(file) for name, file in files.items()}
        arrays = {role: by_name[name] for role, name in names.items()}
        weights = {role: arrays[role].astype("float64") for role in arrays if role.startswith("sample_weight")}
        test = None
        if "x_test" in arrays:
            test = Examples(arrays["x_test"], arrays["y_test"], weights.get("sample_weight_test"))
        data = SourceData(
            Examples(arrays["x"], arrays["y"], weights.get("sample_weight")),
            test,
            target_names=_target_names(headers["y"]),
            files={path.name: path for path in files.values()},
            groups=arrays.get("group"),
            group=self.arrays.get("group"),
        )
        return self._with_parts(data, arrays)

    def _with_parts(self, data: SourceData, arrays: Mapping[str, np.ndarray]) -> SourceData:
        if "part" not in arrays:
            return data
        with as_data_error("split: by"):
            return separate_parts(data, arrays["part"], str(self.part_column))

    def load_targets(self, paths: DataPaths) -> SourceData | None:
        """Read the arrays of targets and groups; None where they have more than a million values."""
        files = self._files(paths)
        headers, names = self._headers(files)
        wanted = {role: name for role, name in names.items() if role in ("y", "y_test", "group", "part")}
        if any(prod(headers[role].shape) > _MAX_TARGET_VALUES for role in wanted):
            return None
        if self.file:
            by_name = read_npz(files[self.file], tuple(wanted.values()))
        else:
            by_name = {name: read_npy(files[name]) for name in wanted.values()}
        found = {role: by_name[name] for role, name in wanted.items()}
        train, *test = (Examples(row_numbers(found[role]), found[role]) for role in ("y", "y_test") if role in found)
        data = SourceData(
            train,
            test[0] if test else None,
            target_names=_target_names(headers["y"]),
            groups=found.get("group"),
            group=self.arrays.get("group"),
        )
        return self._with_parts(data, found)

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read `x`, and `y` if targets are asked for, of another npz file, by the config's names or the usual ones.

        Without targets, an npy file of examples is read too.
        """
        if file.suffix == ".npy" and not with_target:
            return Examples(read_npy(file), None)
        return read_examples(file, self.arrays, with_target=with_target)

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return names, shapes and rows from the headers of the arrays."""
        below = (*path, "npz")
        try:
            files = self._files(paths)
        except DataError as error:
            key = "file" if self.file else "arrays"
            return None, [Finding((*below, key), error.text, error.hint, "missing-file")]
        try:
            headers, names = self._headers(files)
        except DataError as error:
            key = "arrays" if self._named_examples() else "file"
            return None, [Finding((*below, key), error.text, error.hint, "defective-data")]
        facts = DataFacts(
            headers["x"].shape[1:],
            headers["x"].shape[0],
            headers["x_test"].shape[0] if "x_test" in headers else 0,
            target_names=_target_names(headers["y"]),
            group=self.arrays.get("group"),
            target=self._target(paths, headers["y"]),
        )
        if "part" in headers:
            name = names["part"]
            words = read_npz(files[self.file], (name,))[name] if self.file else read_npy(files[name])
            return part_column_facts(facts, words, name)
        return facts, []

    def _target(self, paths: DataPaths, header: ArrayHeader) -> TargetArray:
        """Return what is known of the targets, with their values where they are quickly read."""
        try:
            data = self.load_targets(paths)
        except DataError:
            data = None  # the array of parts names none, which is a finding of its own
        parts = () if data is None else tuple(part.y for part in (data.train, data.test) if part is not None)
        return TargetArray(header.shape[1:], header.dtype.kind, parts)  # type: ignore[arg-type]  # they are arrays

    def _named_examples(self) -> bool:
        """Return whether the config names arrays of examples or targets, in place of the usual names."""
        return not _USUAL_NAMES.keys().isdisjoint(self.arrays)

    def _files(self, paths: DataPaths) -> dict[str, Path]:
        """Return the npz file, or each npy file, by the name in the config.

        Raises:
            DataError: One does not exist.
        """
        names = [*self.arrays.values(), *([] if self.part_column is None else [str(self.part_column)])]
        return {name: paths.require(name) for name in ([self.file] if self.file else names)}

    def _headers(self, files: Mapping[str, Path]) -> tuple[dict[str, ArrayHeader], dict[str, str]]:
        """Return the header and the name of each array by its role.

        Raises:
            DataError: The arrays cannot be examples and targets.
        """
        file = next(iter(files.values()))
        headers = array_headers(file) if self.file else {name: array_header(npy) for name, npy in files.items()}
        names = {}
        for role in (*_USUAL_NAMES, *_VALUES_OF):
            use_usual = role in _USUAL_NAMES and not self._named_examples()
            named = str(self.part_column) if role == "part" and self.part_column is not None else self.arrays.get(role)
            name = _usual_name(role, headers) if use_usual else named
            if name is not None:
                if name not in headers:
                    raise no_array(file, name, headers)
                names[role] = name
            elif role in ("x", "y"):
                hint = "name the arrays: `arrays: {x: NAME, y: NAME}`"
                raise DataError(_no_role(role, headers), file=file, hint=hint)
        by_role = {role: headers[name] for role, name in names.items()}
        _require_matching(file, by_role)
        return by_role, names


def read_examples(file: Path, arrays: Mapping[str, str], *, with_target: bool) -> Examples:
    """Read the examples of an npz file, and their targets if they are asked for.

    Args:
        file: The npz file.
        arrays: The names of `x` and `y` to look for before the usual ones.
        with_target: Whether targets are read.

    Raises:
        DataError: An array does not exist or cannot be used.
    """
    headers = array_headers(file)
    names = {}
    for role in ("x", "y") if with_target else ("x",):
        name = arrays[role] if arrays.get(role) in headers else _usual_name(role, headers)
        if name is None:
            hint = f"save the array under the name {role!r}"
            raise DataError(_no_role(role, headers), file=file, hint=hint)
        names[role] = name
    _require_matching(file, {role: headers[name] for role, name in names.items()})
    found = read_npz(file, tuple(names.values()))
    others = [f"{role} from the array {name!r}" for role, name in names.items() if name != arrays.get(role, name)]
    text = f"{file.name} has no arrays of the config's names: {' and '.join(others)}."
    findings = (Finding((), text, None, None, "warning"),) if others else ()
    return Examples(found[names["x"]], found[names["y"]] if with_target else None, findings=findings)


def _usual_name(role: str, headers: Mapping[str, ArrayHeader]) -> str | None:
    return next((name for name in _USUAL_NAMES[role] if name in headers), None)


def _no_role(role: str, headers: Mapping[str, ArrayHeader]) -> str:
    return f"there is no array for {role}; the file has: {', '.join(headers) or 'none'}"


def _require_matching(file: Path, headers: Mapping[str, ArrayHeader]) -> None:
    """Refuse arrays, by role, that do not pair up, and a test part of another shape than the training part."""
    for role, header in headers.items():
        _require_examples(file, role, header)
    shapes = {role: header.shape for role, header in headers.items()}
    if len(shapes["x"]) < 2:
        raise DataError(
            f"expected x of shape [rows, ...], received {list(shapes['x'])}",
            file=file,
            hint="save it with one row an example: x.reshape(-1, 1)",
        )
    if ("x_test" in shapes) != ("y_test" in shapes):
        hint = "name both in `arrays:`, or neither"
        raise DataError("a test part needs both x_test and y_test", file=file, hint=hint)
    for x, y in (("x", "y"), ("x_test", "y_test")):
        if y in shapes and shapes[x][0] != shapes[y][0]:
            raise DataError(
                f"{x} has {shapes[x][0]} examples, {y} has {shapes[y][0]} targets",
                file=file,
                hint="each example needs one target",
            )
    for role, x in _VALUES_OF.items():
        if role in headers:
            _require_values(file, role, headers[role], headers.get(x))
    if "x_test" in shapes and shapes["x"][1:] != shapes["x_test"][1:]:
        raise DataError(
            f"an example of x has the shape {list(shapes['x'][1:])}, one of x_test {list(shapes['x_test'][1:])}",
            file=file,
            hint="the examples of both parts need one shape",
        )


def _require_examples(file: Path, role: str, header: ArrayHeader) -> None:
    """Refuse an array that has no rows, or examples that are no numbers."""
    require_plain_type(file, role, header)
    if not header.shape or not header.shape[0]:
        raise DataError(
            f"expected examples in {role}, received an array of shape {list(header.shape)}",
            file=file,
            hint="the first dimension counts examples",
        )
    if role in ("x", "x_test") and header.dtype.kind in "US":
        hint = "save numbers, or a table of text as csv, whose columns a step such as OneHotEncoder takes"
        raise DataError(f"expected numbers in {role}, received text", file=file, hint=hint)


def _require_values(file: Path, role: str, header: ArrayHeader, examples: ArrayHeader | None) -> None:
    """Refuse weights or groups that are not one value an example."""
    if examples is None:
        text = f"{role} is given, but the file has no {_VALUES_OF[role]}"
        raise DataError(text, file=file, hint=f"leave {role} out")
    kind, value = ("values", role) if role in ("group", "part") else ("numbers", "weight")
    if header.shape != examples.shape[:1] or (kind == "numbers" and header.dtype.kind in "US"):
        raise DataError(
            f"expected {role} to be {examples.shape[0]} {kind}, one an example, "
            f"received {header.dtype.str} of shape {list(header.shape)}",
            file=file,
            hint=f"save one {value} an example",
        )


def _target_names(header: ArrayHeader) -> tuple[str, ...]:
    count = header.shape[1] if len(header.shape) == 2 else 1
    return ("target",) if count == 1 else tuple(f"target {index}" for index in range(count))
