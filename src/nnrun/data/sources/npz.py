"""The source `npz`: arrays in numpy's own files, never unpickled."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from nnrun.config.hints import did_you_mean
from nnrun.data.dataset import DataFacts, Examples, SourceData
from nnrun.data.files.npy import Header, header, headers, unreadable
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


#: Names that files in the wild use for the four arrays, the usual ones first.
_USUAL = {
    "x": ("x_train", "X_train", "x", "X", "train_images", "train_data", "data", "images"),
    "y": ("y_train", "Y_train", "y", "Y", "train_labels", "train_targets", "target", "labels"),
    "x_test": ("x_test", "X_test", "test_images", "test_data"),
    "y_test": ("y_test", "Y_test", "test_labels", "test_targets"),
}
#: Arrays of one value an example, each beside those of `x`; only those that the config names count.
_BESIDE = {"sample_weight": "x", "sample_weight_test": "x_test", "group": "x"}


class Npz:
    """Arrays in an npz file, or each in an npy file: examples and targets, and a test part where there is one.

    The first dimension counts examples. Nothing is ever unpickled: arrays of objects are refused.

    Args:
        file: The npz file, relative to the config or to the data folder.
        arrays: Which array is which: `{x: ..., y: ...}`, and `x_test`, `y_test` for a test part; default: the usual
            names, such as `x_train`, `y_train`, `x_test`, `y_test`, or `x` and `y`. `sample_weight` (and
            `sample_weight_test`) names the array that says how much each example counts: numbers of at least 0;
            `group` the one whose examples of one value stay together. Without `file` the names are those of npy files.
    """

    def __init__(self, file: str | None = None, arrays: dict[str, str] | None = None) -> None:
        strange = sorted(set(arrays or {}) - {*_USUAL, *_BESIDE})
        if strange:
            raise ValueError(f"npz: arrays expected the keys {', '.join((*_USUAL, *_BESIDE))}, received {strange[0]!r}")
        if file is None and not {"x", "y"} <= set(arrays or {}):
            raise ValueError("npz: expected a `file`, or `arrays: {x: NAME.npy, y: NAME.npy}`, received neither")
        self.file = file
        self.arrays = {role: name for role, name in (arrays or {}).items() if role in _USUAL} or None
        self.beside = {role: name for role, name in (arrays or {}).items() if role in _BESIDE}

    def load(self, places: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Read the arrays."""
        files = self._files(places)
        file = next(iter(files.values()))
        known = self._known(files)
        names = self._names(file, known)
        _refuse_shapes(file, {role: known[name] for role, name in names.items()})
        found = read_npz(file, tuple(names.values())) if self.file else {name: read_npy(files[name]) for name in files}
        arrays = {role: found[name] for role, name in names.items()}
        weight = {role: arrays[role].astype("float64") for role in self.beside if role != "group"}
        test = None
        if "x_test" in arrays:
            test = Examples(arrays["x_test"], arrays["y_test"], weight.get("sample_weight_test"))
        return SourceData(
            Examples(arrays["x"], arrays["y"], weight.get("sample_weight")),
            test,
            target_names=_target_names(known[names["y"]]),
            files={path.name: path for path in files.values()},
            groups=arrays.get("group"),
            group=self.beside.get("group"),
        )

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read another npz file: `x` and, where it is asked for, `y`, by the config's names or the usual ones.

        Where no truth is asked for, an npy file of examples will do.
        """
        if file.suffix == ".npy" and not with_target:
            return Examples(read_npy(file), None)
        return read_examples(file, self.arrays or {}, with_target=with_target)

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Read the arrays' headers: names, shapes and rows."""
        below = (*path, "npz")
        try:
            files = self._files(places)
        except DataError as error:
            key = "file" if self.file else "arrays"
            return None, [Finding((*below, key), error.text, error.hint, "missing-file")]
        try:
            known = self._known(files)
            file = next(iter(files.values()))
            names = self._names(file, known)
            found = {role: known[name] for role, name in names.items()}
            _refuse_shapes(file, found)
        except DataError as error:
            return None, [
                Finding((*below, "arrays" if self.arrays else "file"), error.text, error.hint, "defective-data")
            ]
        test_rows = found["x_test"].shape[0] if "x_test" in found else 0
        outline = DataFacts(
            found["x"].shape[1:],
            found["x"].shape[0],
            test_rows,
            target_names=_target_names(found["y"]),
            group=self.beside.get("group"),
        )
        return outline, []

    def _files(self, places: DataPaths) -> dict[str, Path]:
        """The npz file, or each npy file, by the name that the config says.

        Raises:
            DataError: One is not there.
        """
        names = [self.file] if self.file else dict.fromkeys([*(self.arrays or {}).values(), *self.beside.values()])
        return {name: places.require(name) for name in names}

    def _known(self, files: Mapping[str, Path]) -> dict[str, Header]:
        """The arrays by name."""
        return headers(files[self.file]) if self.file else {name: header(file) for name, file in files.items()}

    def _names(self, file: Path, known: Mapping[str, Header]) -> dict[str, str]:
        """Which array is which."""
        names = {role: name for role in _USUAL if (name := _name(file, known, role, self.arrays))}
        for role in ("x", "y"):
            if role not in names:
                raise DataError(
                    f"no array looks like {role}; the file has: {', '.join(known) or 'none'}",
                    file=file,
                    hint="say which is which: `arrays: {x: NAME, y: NAME}`",
                )
        if ("x_test" in names) != ("y_test" in names):
            raise DataError(
                "a test part needs both x_test and y_test", file=file, hint="say both in `arrays:`, or neither"
            )
        beside = {role: str(_name(file, known, role, self.beside)) for role in self.beside}
        return {**names, **beside}


def read_npy(file: Path) -> np.ndarray:
    """The array of an npy file, never unpickled.

    Raises:
        DataError: The file is damaged, or holds Python objects.
    """
    import numpy as np

    _refuse_type(file, file.name, header(file))
    try:
        found: np.ndarray = np.load(file, allow_pickle=False)
    except (EOFError, OSError, ValueError) as error:
        raise unreadable(file, error) from None
    except MemoryError:
        raise _too_large(file) from None
    return found


def read_examples(file: Path, arrays: Mapping[str, str], *, with_target: bool) -> Examples:
    """The examples of an npz file, and their targets where they are asked for.

    Raises:
        DataError: An array is not there or cannot be used.
    """
    known = headers(file)
    wanted = {
        role: _name(file, known, role, {role: arrays[role]} if arrays.get(role) in known else None)
        for role in (("x", "y") if with_target else ("x",))
    }
    for role, name in wanted.items():
        if name is None:
            raise DataError(
                f"no array looks like {role}; the file has: {', '.join(known) or 'none'}",
                file=file,
                hint=f"save the array under the name {role!r}",
            )
    names = {role: str(name) for role, name in wanted.items()}
    _refuse_shapes(file, {role: known[name] for role, name in names.items()})
    found = read_npz(file, tuple(names.values()))
    return Examples(found[names["x"]], found[names["y"]] if with_target else None)


def read_npz(file: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """These arrays of an npz file, never unpickled.

    Raises:
        DataError: The file is damaged, an array is not there or holds Python objects.
    """
    import numpy as np

    known = headers(file)
    for name in names:
        if name not in known:
            raise DataError(
                f"there is no array {name!r}; the file has: {', '.join(known) or 'none'}",
                file=file,
                hint=did_you_mean(name, known),
            )
        _refuse_type(file, name, known[name])
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError) as error:
        raise unreadable(file, error) from None
    except MemoryError:
        raise _too_large(file) from None


def _too_large(file: Path) -> DataError:
    return DataError("its arrays do not fit into the memory of this machine", file=file, hint="use a smaller file")


def _name(file: Path, known: Mapping[str, Header], role: str, stated: Mapping[str, str] | None) -> str | None:
    """The name of the array that plays this role: the stated one, else the first usual one that the file has."""
    if stated is None:
        return next((name for name in _USUAL[role] if name in known), None)
    if role in stated and stated[role] not in known:
        raise DataError(
            f"there is no array {stated[role]!r}; the file has: {', '.join(known) or 'none'}",
            file=file,
            hint=did_you_mean(stated[role], known),
        )
    return stated.get(role)


def _refuse_type(file: Path, name: str, header: Header) -> None:
    """Only plain numbers, truth values and text can be examples or targets; a list of fields is a structured array."""
    if header.dtype.lstrip("<>|=")[:1] not in set("?bBiuf" + "US"):
        what = (
            "Python objects, which could run code when read"
            if header.dtype.lstrip("|") == "O"
            else f"values of type {header.dtype}"
        )
        raise DataError(
            f"the array {name!r} holds {what}; expected plain numbers",
            file=file,
            hint="save it as a plain array: numpy.asarray(values, dtype='float32')",
        )


def _refuse_shapes(file: Path, arrays: Mapping[str, Header]) -> None:
    """Examples and targets must pair up, and the test part must look like the training part."""
    for role, about in arrays.items():
        _refuse_type(file, role, about)
        if not about.shape or not about.shape[0]:
            raise DataError(
                f"expected examples in {role}, received an array of shape {list(about.shape)}",
                file=file,
                hint="the first dimension counts examples",
            )
    if len(arrays["x"].shape) < 2:
        raise DataError(
            f"expected x of shape [rows, ...], received {list(arrays['x'].shape)}",
            file=file,
            hint="save it with one row an example: x.reshape(-1, 1)",
        )
    for x, y in (("x", "y"), ("x_test", "y_test")):
        if y in arrays and arrays[x].shape[0] != arrays[y].shape[0]:
            raise DataError(
                f"{x} has {arrays[x].shape[0]} examples, {y} has {arrays[y].shape[0]} targets",
                file=file,
                hint="each example needs one target",
            )
    _refuse_beside(file, arrays)
    if "x_test" in arrays and arrays["x"].shape[1:] != arrays["x_test"].shape[1:]:
        raise DataError(
            f"an example of x has the shape {list(arrays['x'].shape[1:])}, "
            f"one of x_test {list(arrays['x_test'].shape[1:])}",
            file=file,
            hint="both parts must look alike",
        )


def _refuse_beside(file: Path, arrays: Mapping[str, Header]) -> None:
    """There must be one weight and one group an example."""
    for role, x in _BESIDE.items():
        if role not in arrays:
            continue
        if x not in arrays:
            raise DataError(f"{role} weighs a test part, which the file does not have", file=file, hint="leave it out")
        words = role != "group" and arrays[role].dtype.lstrip("<>|=")[:1] in "US"
        if arrays[role].shape != arrays[x].shape[:1] or words:
            raise DataError(
                f"expected {role} to be {arrays[x].shape[0]} {'numbers' if role != 'group' else 'values'}, one an "
                f"example, received {arrays[role].dtype} of shape {list(arrays[role].shape)}",
                file=file,
                hint=f"save one {'group' if role == 'group' else 'weight'} an example",
            )


def _target_names(header: Header) -> tuple[str, ...]:
    count = header.shape[1] if len(header.shape) == 2 else 1
    return ("target",) if count == 1 else tuple(f"target {index}" for index in range(count))
