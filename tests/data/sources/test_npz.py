"""Arrays in npz files: found by name, never unpickled, and refused where they do not pair up."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nnrun.data.cross_validation import load_folded
from nnrun.data.data_facts import infer_facts
from nnrun.data.files.npy import array_headers
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.data.sources.npz import Npz
from nnrun.errors import DataError
from nnrun.spec.data import KFold, Split

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths

X, Y = np.arange(12.0).reshape(3, 2, 2), np.array([0, 1, 0])


def _save(paths: DataPaths, **arrays: Any) -> Path:
    np.savez(paths.config_dir / "a.npz", **arrays)
    return paths.config_dir / "a.npz"


@pytest.mark.parametrize(
    ("names", "stated"),
    [
        ({"x": "x", "y": "y"}, None),
        ({"x": "X", "y": "Y"}, None),
        ({"x": "train_images", "y": "train_labels"}, None),
        ({"x": "pictures", "y": "kinds"}, {"x": "pictures", "y": "kinds"}),
    ],
)
def test_arrays_are_found_by_their_usual_or_stated_names(
    paths: DataPaths, listener, names: dict, stated: dict | None
) -> None:
    """The usual names are found; others are named in `arrays:`."""
    file = _save(paths, **{names["x"]: X, names["y"]: Y})
    data = Npz("a.npz", stated).load(paths, listener)
    assert data.train.x.tolist() == X.tolist()
    assert data.train.y.tolist() == Y.tolist()
    assert data.test is None
    assert data.files == {"a.npz": file}


def test_a_test_part_is_recognised(paths: DataPaths, listener) -> None:
    """x_test and y_test are the source's own test part."""
    _save(paths, x_train=X, y_train=Y, x_test=X[:1], y_test=Y[:1])
    data = Npz("a.npz").load(paths, listener)
    assert data.test is not None
    assert len(data.test) == 1


def test_types_and_shapes_come_from_the_headers(paths: DataPaths) -> None:
    """The headers of both versions of the format are read."""
    file = _save(paths, x=X.astype("float32"), y=np.array(["a", "b", "c"]))
    assert {name: (header.dtype.str, header.shape) for name, header in array_headers(file).items()} == {
        "x": ("<f4", (3, 2, 2)),
        "y": ("<U1", (3,)),
    }
    with zipfile.ZipFile(file, "w") as archive:
        stream = io.BytesIO()
        np.lib.format.write_array(stream, X, version=(2, 0))
        archive.writestr("x.npy", stream.getvalue())
    assert array_headers(file)["x"].shape == (3, 2, 2)


@pytest.mark.parametrize(
    ("arrays", "stated", "message"),
    [
        ({"x": X, "z": Y}, None, "there is no array for y; the file has: x, z"),
        ({"x": X, "y": Y}, {"x": "x", "y": "yy"}, "there is no array 'yy'; the file has: x, y"),
        ({"x": X, "y": Y[:2]}, None, "x has 3 examples, y has 2 targets"),
        ({"x": Y, "y": Y}, None, r"expected x of shape \[rows, ...\], received \[3\]"),
        ({"x": X[:0], "y": Y[:0]}, None, "expected examples in x"),
        ({"x": X, "y": Y, "x_test": X}, None, "a test part needs both"),
        ({"x": X, "y": Y, "x_test": X[:, :1], "y_test": Y}, None, r"shape \[2, 2\], one of x_test \[1, 2\]"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y[:1]}, None, "x_test has 3 examples, y_test has 1"),
        ({"x": X.astype("complex64"), "y": Y}, None, "values of type <c8"),
        ({"x": np.array([[1], [None], [2]], dtype=object), "y": Y}, None, "Python objects, which could run code"),
        ({"x": np.zeros(3, dtype=[("a", "f4")]), "y": Y}, None, "expected plain numbers"),
    ],
)
def test_arrays_that_cannot_be_used_are_refused(
    paths: DataPaths, listener, arrays: dict, stated: dict | None, message: str
) -> None:
    """Missing, unpaired, differing and unsafe arrays are named by loading and by `check` alike."""
    file = _save(paths, **arrays)
    with pytest.raises(DataError, match=message) as refused:
        Npz("a.npz", stated).load(paths, listener)
    assert str(file) in refused.value.text
    facts, findings = Npz("a.npz", stated).facts(paths, ("data", "source"))
    assert facts is None
    assert findings[0].text == refused.value.text
    assert findings[0].path[:3] == ("data", "source", "npz")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\3\4nonsense", None, "cut", "no header", "long header"])
def test_damaged_files_are_refused(paths: DataPaths, listener, content: bytes | str | None) -> None:
    """Empty, foreign and truncated files, wrong headers and folders are errors with a hint."""
    file = paths.config_dir / "a.npz"
    if content is None:
        file.mkdir()
    elif content == "cut":
        whole = _save(paths, x=X, y=Y).read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
    elif isinstance(content, str):
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("x.npy", b"nothing" if content == "no header" else b"\x93NUMPY\2\0\xff\xff\xff\x7f{}")
    else:
        file.write_bytes(content)
    with pytest.raises(DataError, match=r"expected (an npz|a data) file") as refused:
        Npz("a.npz").load(paths, listener)
    assert refused.value.hint


def test_values_that_are_cut_inside_the_archive_are_refused(paths: DataPaths, listener) -> None:
    """A whole zip file whose array is shorter than its header states is refused when its values are read."""
    stream = io.BytesIO()
    np.save(stream, X)
    with zipfile.ZipFile(paths.config_dir / "a.npz", "w") as archive:
        archive.writestr("x.npy", stream.getvalue()[:-8])
        stream = io.BytesIO()
        np.save(stream, Y)
        archive.writestr("y.npy", stream.getvalue())
    with pytest.raises(DataError, match="cannot be read"):
        Npz("a.npz").load(paths, listener)


def test_an_unknown_key_of_arrays_is_refused() -> None:
    """A key that is not the role of an array is named."""
    with pytest.raises(ValueError, match="received 'xs'"):
        Npz("a.npz", {"xs": "x"})


def test_arrays_have_groups_too(paths, listener, spec) -> None:
    """`arrays: {group: ...}` keeps examples of one value together; it must have one value for each example."""
    np.savez(paths.config_dir / "a.npz", x=np.arange(12.0).reshape(6, 2), y=[0, 1] * 3, who=list("aabbcc"), bad=[1, 2])
    data = spec("npz", file="a.npz", arrays={"x": "x", "y": "y", "group": "who"}, split=Split(k_fold=KFold(folds=3)))
    facts, findings = infer_facts(data, form="binary", paths=paths)
    assert findings == ()
    assert facts.rows == {}
    folds = load_folded(data, form="binary", seed=7, paths=paths, progress=listener).folds
    assert sorted(fold.test.tolist() for fold in folds) == [[0, 1], [2, 3], [4, 5]]
    data = spec("npz", file="a.npz", arrays={"x": "x", "y": "y", "group": "bad"})
    with pytest.raises(DataError, match="expected group to be 6 values, one an example"):
        load(data, form="binary", seed=7, paths=paths, progress=listener)


def test_arrays_may_lie_in_npy_files(paths, listener, spec) -> None:
    """Without `file` the arrays are npy files, whose headers `check` reads; new examples may be one, too."""
    x, y = np.arange(12.0).reshape(6, 2), np.array([0, 1] * 3)
    np.save(paths.config_dir / "x.npy", x)
    np.save(paths.config_dir / "y.npy", y)
    data = spec("npz", arrays={"x": "x.npy", "y": "y.npy"})
    facts, findings = infer_facts(data, form="binary", paths=paths)
    done = load(data, form="binary", seed=1, paths=paths, progress=listener)
    assert findings == ()
    assert (facts.input_shape, facts.rows) == (done.facts.input_shape, done.facts.rows) == ((2,), {"train": 6})
    assert sorted(name for name in done.digests if name.startswith("file:")) == ["file:x.npy", "file:y.npy"]
    file = paths.config_dir / "x.npy"
    assert load_new_data(data, done.fitted, file=file, facts=done.facts, with_target=False).x.tolist() == x.tolist()
    (paths.config_dir / "y.npy").write_bytes(b"\x93NUMPY broken")
    assert [finding.name for finding in infer_facts(data, form="binary", paths=paths)[1]] == ["defective-data"]
    (paths.config_dir / "y.npy").unlink()
    assert [finding.name for finding in infer_facts(data, form="binary", paths=paths)[1]] == ["missing-file"]
    _, findings = infer_facts(spec("npz", arrays={"x": "x.npy"}), form="binary", paths=paths)
    assert "expected a `file`, or `arrays: {x: NAME.npy, y: NAME.npy}`" in findings[0].text


def test_an_npy_file_of_objects_is_never_unpickled(paths, listener, spec) -> None:
    """An npy file of Python objects, which could run code, is refused."""
    np.save(paths.config_dir / "x.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    np.save(paths.config_dir / "y.npy", np.array([0, 1]))
    with pytest.raises(DataError, match="holds Python objects, which could run code when read"):
        load(spec("npz", arrays={"x": "x.npy", "y": "y.npy"}), form="binary", seed=1, paths=paths, progress=listener)
