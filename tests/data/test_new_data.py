"""Tests of new examples for a finished run, prepared as its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.files.idx import write_idx
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths

TABLE = "age,colour,kind\n" + "".join(
    f"{20 + index},{('red', 'blue')[index % 2]},{('a', 'b')[index % 2]}\n" for index in range(30)
)
PREPARE = (("OneHot", {"columns": ["colour"]}), ("Standardize", {}))


def _run(paths: DataPaths, listener, spec, split):
    (paths.config_dir / "t.csv").write_text(TABLE)
    config = spec("csv", file="t.csv", prepare=PREPARE, split=split(test=0.3))
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    return config, done, json.loads(json.dumps(done.fitted))


def test_the_test_rows_in_a_file_of_their_own_give_the_same_arrays(paths: DataPaths, listener, spec, split) -> None:
    """Reading the rows of the test part from another file gives the same numbers, without fitting."""
    config, done, fitted = _run(paths, listener, spec, split)
    lines = TABLE.splitlines()
    other = paths.config_dir / "other.csv"
    other.write_text("\n".join([lines[0], *(lines[1 + row] for row in done.test.rows)]) + "\n")
    again = load_new_data(config, fitted, file=other, facts=done.facts, with_target=True)
    assert np.array_equal(again.x, done.test.x)
    assert np.array_equal(again.y, done.test.y)


def test_targets_may_be_missing_for_predictions(paths: DataPaths, listener, spec, split) -> None:
    """Without a target the examples alone are read, and one row is enough."""
    config, done, fitted = _run(paths, listener, spec, split)
    other = paths.config_dir / "other.csv"
    other.write_text("colour,age\nred,33\n")
    again = load_new_data(config, fitted, file=other, facts=done.facts, with_target=False)
    assert again.x.shape == (1, 3)
    assert again.y.shape == (1, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no such data file"),
        ("age,colour,kind\n1,green,a\n", "other.csv, line 2, column colour: expected one of the categories"),
        ("age,colour,kind\n1,red,z\n", "other.csv, line 2: expected a class of the training data"),
        ("age,colour,kind\nold,red,a\n", "line 2, column age: expected a number, received 'old'"),
        ("age,kind\n1,a\n", "there is no column 'colour'"),
    ],
)
def test_a_file_that_does_not_suit_the_run_is_refused(
    paths: DataPaths, listener, spec, split, text: str | None, message: str
) -> None:
    """Missing files and columns, unseen categories and classes, and text among numbers are named."""
    config, done, fitted = _run(paths, listener, spec, split)
    other = paths.config_dir / "other.csv"
    if text is not None:
        other.write_text(text)
    with pytest.raises(DataError, match=message) as refused:
        load_new_data(config, fitted, file=other, facts=done.facts, with_target=True)
    assert refused.value.hint


@pytest.mark.parametrize("step", ["OneHot", "Ordinal"])
def test_an_unknown_category_is_named_with_its_line(paths: DataPaths, listener, spec, step: str) -> None:
    """The line counts headers, blank lines and quoted line ends; other rows with unseen categories are counted."""
    (paths.config_dir / "t.csv").write_text("town,age,kind\nUlm,1,0\nBonn,2,1\n")
    config = spec("csv", file="t.csv", prepare=((step, {"columns": ["town"]}),))
    done = load(config, form="binary", seed=1, paths=paths, progress=listener)
    other = paths.config_dir / "other.csv"
    other.write_text('town,age\nUlm,3\n\n"Bonn",4\nKiel,5\nUlm,6\nJena,7\nKiel,8\n')
    with pytest.raises(
        DataError, match=r"\(Bonn, Ulm\), received 'Kiel' \(2 more rows have unseen categories\)"
    ) as refused:
        load_new_data(config, done.fitted, file=other, facts=done.facts, with_target=False)
    assert (refused.value.file, refused.value.row, refused.value.column) == (other, 5, "town")
    assert "unseen: " in refused.value.hint


def test_an_unknown_category_of_another_format_is_named_with_its_row(paths: DataPaths, listener, spec) -> None:
    """A Parquet file has rows and no lines."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    (paths.config_dir / "t.csv").write_text("town,age,kind\nUlm,1,0\nBonn,2,1\n")
    config = spec("parquet", file="t.parquet", prepare=(("OneHot", {"columns": ["town"]}),))
    table = {"town": ["Ulm", "Bonn"], "age": [1, 2], "kind": [0, 1]}
    pq.write_table(pa.table(table), paths.config_dir / "t.parquet")
    done = load(config, form="binary", seed=1, paths=paths, progress=listener)
    other = paths.config_dir / "other.parquet"
    pq.write_table(pa.table({**table, "town": ["Ulm", "Kiel"]}), other)
    with pytest.raises(DataError, match=r"column town: expected .* received 'Kiel' in row 1 \(counted from 0\)"):
        load_new_data(config, done.fitted, file=other, facts=done.facts, with_target=False)


def test_pictures_come_from_npz_idx_and_csv(paths: DataPaths, listener, spec) -> None:
    """A named set of pictures takes its kind from any of the three formats, flattened or not."""
    config = spec("digits", prepare=(("Rescale", {"divide_by": 16}), ("Reshape", {"shape": [8, 8, 1]})))
    done = load(config, form="one_hot", seed=1, paths=paths, progress=listener)
    x = np.random.default_rng(0).integers(0, 17, (3, 8, 8)).astype("uint8")
    folder = paths.config_dir
    np.savez(folder / "a.npz", x=x.reshape(3, 64), y=np.array([3, 1, 4]))
    write_idx(folder / "b-idx3-ubyte.gz", x)
    (folder / "c.csv").write_text(
        "\n".join(",".join(str(value) for value in row) for row in x.reshape(3, 64).tolist()) + "\n"
    )
    (folder / "d.csv").write_text(
        "\n".join(",".join(str(value) for value in [*row, 7]) for row in x.reshape(3, 64).tolist()) + "\n"
    )
    for name in ("a.npz", "b-idx3-ubyte.gz", "c.csv"):
        again = load_new_data(config, done.fitted, file=folder / name, facts=done.facts, with_target=False)
        assert np.array_equal(again.x, x.astype("float32").reshape(3, 8, 8, 1) / 16)
    with_truth = load_new_data(config, done.fitted, file=folder / "d.csv", facts=done.facts, with_target=True)
    assert with_truth.y.argmax(axis=1).tolist() == [7, 7, 7]
    assert load_new_data(config, done.fitted, file=folder / "a.npz", facts=done.facts, with_target=True).y.argmax(
        axis=1
    ).tolist() == [3, 1, 4]


@pytest.mark.parametrize("text", ["1,2,3,4,setosa\n5,6,7,8,virginica\n", "1,2,3,4,0\n5,6,7,8,2\n"])
def test_a_bundled_table_takes_classes_by_name_or_number(paths: DataPaths, listener, spec, text: str) -> None:
    """Iris' species may be written out or numbered."""
    config = spec("iris", prepare=(("Standardize", {}),))
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    (paths.config_dir / "f.csv").write_text(text)
    assert load_new_data(
        config, done.fitted, file=paths.config_dir / "f.csv", facts=done.facts, with_target=True
    ).y.tolist() == [0, 2]


@pytest.mark.parametrize(("name", "content"), [("a.npz", None), ("a.txt", "1,2"), ("a-idx3", b"\0\0\x08\3")])
def test_pictures_of_another_shape_or_kind_are_refused(
    paths: DataPaths, listener, spec, name: str, content: str | bytes | None
) -> None:
    """A file of another kind, a truncated one, and pictures of another size are named."""
    config = spec("digits")
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    file = paths.config_dir / name
    if content is None:
        np.savez(file, x=np.zeros((2, 9, 9)))
    else:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError, match=r"expected|cut short") as refused:
        load_new_data(config, done.fitted, file=file, facts=done.facts, with_target=False)
    assert refused.value.hint


def test_arrays_of_another_shape_than_the_model_s_are_refused(paths: DataPaths, listener, spec) -> None:
    """An npz run does not take examples with another number of features."""
    np.savez(paths.config_dir / "a.npz", x=np.zeros((4, 3)), y=np.array([0, 1, 0, 1]))
    np.savez(paths.config_dir / "b.npz", x=np.zeros((4, 5)))
    config = spec("npz", file="a.npz")
    done = load(config, form="binary", seed=1, paths=paths, progress=listener)
    with pytest.raises(DataError, match=r"takes examples of shape \[3\], the file has \[5\]"):
        load_new_data(config, done.fitted, file=paths.config_dir / "b.npz", facts=done.facts, with_target=False)


def test_idx_labels_are_read_from_the_file_next_to_the_pictures(paths: DataPaths, listener, spec) -> None:
    """As MNIST names them, gzipped or not; where they are missing, the expected name is in the message."""
    config = spec("digits")
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    x = np.random.default_rng(0).integers(0, 17, (3, 8, 8)).astype("uint8")
    file = paths.config_dir / "mine-images-idx3-ubyte.gz"
    write_idx(file, x)
    with pytest.raises(
        DataError, match=r"expected its labels in the same folder, in mine-labels-idx1-ubyte\.gz"
    ) as refused:
        load_new_data(config, done.fitted, file=file, facts=done.facts, with_target=True)
    assert refused.value.hint
    write_idx(paths.config_dir / "mine-labels-idx1-ubyte", np.array([3, 1, 4], dtype="uint8"))
    again = load_new_data(config, done.fitted, file=file, facts=done.facts, with_target=True)
    assert np.array_equal(again.x, x.astype("float32"))
    assert again.y.tolist() == [3, 1, 4]
    write_idx(paths.config_dir / "mine-labels-idx1-ubyte", np.array([3, 1], dtype="uint8"))
    with pytest.raises(DataError, match="expected as many labels as examples"):
        load_new_data(config, done.fitted, file=file, facts=done.facts, with_target=True)


def test_a_run_on_idx_files_takes_others(paths: DataPaths, listener, spec) -> None:
    """The same of the reader `idx` itself."""
    folder = paths.config_dir
    x = np.arange(36, dtype="uint8").reshape(4, 3, 3)
    for name in ("a", "b"):
        write_idx(folder / f"{name}-images-idx3-ubyte", x)
        write_idx(folder / f"{name}-labels-idx1-ubyte", np.array([0, 1, 0, 1], dtype="uint8"))
    config = spec("idx", images="a-images-idx3-ubyte", labels="a-labels-idx1-ubyte")
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    again = load_new_data(config, done.fitted, file=folder / "b-images-idx3-ubyte", facts=done.facts, with_target=True)
    assert np.array_equal(again.x, done.train.x)
    assert np.array_equal(again.y, done.train.y)


def test_a_run_on_pictures_takes_a_folder(paths: DataPaths, listener, spec) -> None:
    """Subfolders name the classes; without targets the pictures of any folder are read in the order of their paths."""
    from PIL import Image

    folder = paths.config_dir
    for part, classes in (("train", "cat dog"), ("new", "dog cat")):
        for number, name in enumerate(classes.split() * 2):
            file = folder / part / name / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((4, 4), 40 * number + 7, dtype="uint8")).save(file)
    config = spec("images", folder="train", colour="grey")
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    again = load_new_data(config, done.fitted, file=folder / "new", facts=done.facts, with_target=True)
    assert again.y.tolist() == [0, 0, 1, 1]
    assert again.x[:, 0, 0, 0].tolist() == [47, 127, 7, 87]
    bare = load_new_data(config, done.fitted, file=folder / "new" / "cat", facts=done.facts, with_target=False)
    assert bare.x[:, 0, 0, 0].tolist() == [47, 127]
    (folder / "empty").mkdir()
    for truth in (True, False):
        with pytest.raises(DataError, match=r"expected a (subfolder|folder) .*pictures"):
            load_new_data(config, done.fitted, file=folder / "empty", facts=done.facts, with_target=truth)


def test_a_run_on_a_csv_takes_a_parquet_file(paths: DataPaths, listener, spec) -> None:
    """The same columns from a typed table: dates and numbers that are names are read as the csv's."""
    pa = pytest.importorskip("pyarrow")
    import datetime as dt

    import pyarrow.parquet as pq

    text = "when,zip,kind\n1970-01-03,1067,a\n1970-01-05,9999,b\n1970-02-01,1067,a\n"
    (paths.config_dir / "t.csv").write_text(text)
    config = spec("csv", file="t.csv", types={"zip": "category"}, prepare=(("OneHot", {"columns": ["zip"]}),))
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    file = paths.config_dir / "new.parquet"
    pq.write_table(pa.table({"when": [dt.date(1970, 1, 5)], "zip": [9999], "kind": ["b"]}), file)
    again = load_new_data(config, done.fitted, file=file, facts=done.facts, with_target=True)
    assert again.x.tolist() == done.train.x[1:2].tolist() == [[4, 0, 1]]
    assert again.y.tolist() == [1]


def test_only_pictures_come_in_folders(paths: DataPaths, listener, spec, split) -> None:
    """A run on a table refuses a folder."""
    config, done, fitted = _run(paths, listener, spec, split)
    with pytest.raises(DataError, match="expected a data file, received a folder"):
        load_new_data(config, fitted, file=paths.config_dir, facts=done.facts, with_target=True)
