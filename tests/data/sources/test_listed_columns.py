"""Pictures listed in a csv file whose columns are their targets: numbers, and classes of several outputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.data.sources.images import Images
from nnrun.errors import DataError
from nnrun.spec.part import Part

ROWS = "part,y,picture,x,kind\ntrain,4,a.png,1.5,dim\n\ntrain,5,b.png,2.5,bright\ntest,6,a.png,-3,dim\n"


@pytest.fixture
def folder(paths) -> Path:
    """Two pictures and a csv file with a row for each, one of them twice."""
    for number, name in enumerate(("a", "b")):
        Image.fromarray(np.full((4, 6), 40 * number, dtype="uint8")).save(paths.config_dir / f"{name}.png")
    (paths.config_dir / "list.csv").write_text(ROWS)
    return paths.config_dir


def _spec(spec, *target: str | int, **options: object):
    return spec("images", file="list.csv", path_column="picture", colour="grey", target=list(target), **options)


@pytest.mark.parametrize("stream", [False, True])
def test_columns_of_numbers_are_targets(paths, listener, spec, folder, stream) -> None:
    """They stand in the order of the config, in memory also where pictures stream, and `check` knows their facts."""
    config = _spec(spec, "x", "y", stream=stream)
    facts, findings = infer_facts(config, form="number", paths=paths)
    done = load(config, form="number", seed=1, paths=paths, progress=listener)
    assert findings == ()
    assert facts == done.facts
    assert (facts.targets, facts.target_names, facts.task) == (2, ("x", "y"), "regression")
    assert done.train.y.tolist() == [[1.5, 4], [2.5, 5], [-3, 6]]
    assert done.train.origin["line"].tolist() == [2, 4, 5]
    assert done.train.origin["file"].tolist() == ["a.png", "b.png", "a.png"]
    assert len(done.train.x) == 3


def test_a_list_of_one_column_is_a_target_of_numbers(paths, listener, spec, folder) -> None:
    """`target: [x]` leaves to the loss what the column is, while `target: x` is a class."""
    done = load(_spec(spec, "x"), form="number", seed=1, paths=paths, progress=listener)
    assert done.train.y.tolist() == [[1.5], [2.5], [-3]]
    facts, (finding,) = infer_facts(
        spec("images", file="list.csv", path_column="picture", target="x"), form="number", paths=paths
    )
    assert facts is not None
    assert "`target: [x]`" in str(finding.hint)


def test_each_output_has_a_target_of_its_own_kind(paths, listener, spec, folder) -> None:
    """One loss compares a column of classes, and another one of numbers."""
    config, forms = _spec(spec, "x", "kind"), {"x": "number", "kind": "integer"}
    facts, findings = infer_facts(config, form=forms, paths=paths)
    done = load(config, form=forms, seed=1, paths=paths, progress=listener)
    assert findings == ()
    assert facts == done.facts
    assert facts.by_target["kind"].class_names == ("bright", "dim")
    assert done.train.y["kind"].tolist() == [1, 0, 1]
    assert done.train.y["x"].tolist() == [[1.5], [2.5], [-3]]


def test_a_column_names_the_parts(paths, listener, spec, split, folder) -> None:
    """`split: {by: part}` takes rows with their pictures and targets."""
    done = load(_spec(spec, "x", split=split(by="part")), form="number", seed=1, paths=paths, progress=listener)
    assert (done.train.y.tolist(), done.test.y.tolist()) == ([[1.5], [2.5]], [[-3]])
    assert (done.train.x[:, 0, 0, 0].tolist(), done.test.x[:, 0, 0, 0].tolist()) == ([0, 40], [0])
    assert done.test.rows.tolist() == [2]


def test_another_list_is_read_by_the_names_of_columns(paths, listener, spec, folder) -> None:
    """The pictures lie next to the new file; targets are prepared and undone as the run's own, and may be absent."""
    step = Part("preparation", "StandardScaler", {}, ("data", "prepare_target", 0))
    config = replace(_spec(spec, "x", "y"), prepare_target=(step,))
    done = load(config, form="number", seed=1, paths=paths, progress=listener)
    (folder / "new").mkdir()
    Image.fromarray(np.full((8, 8), 90, dtype="uint8")).save(folder / "new" / "c.png")
    (folder / "new" / "other.csv").write_text("y,note,picture,x\n7,good,c.png,2\n")
    known = {"fitted": done.fitted, "facts": done.facts}
    new = load_new_data(config, file=folder / "new" / "other.csv", with_target=True, **known)
    assert (new.x.shape, new.own_y.tolist()) == ((1, 4, 6, 1), [[2, 7]])
    assert new.target_preparation.invert("", new.y) == pytest.approx(np.array([[2, 7]]))
    (folder / "new" / "names.csv").write_text("picture\nc.png\nnone.png\n")
    with pytest.raises(DataError, match=r"names\.csv, line 3, column picture: there is no picture .*none\.png"):
        load_new_data(config, file=folder / "new" / "names.csv", with_target=False, **known)
    for file in ("new", "new/c.png"):
        assert len(load_new_data(config, file=folder / file, with_target=False, **known)) == 1
    with pytest.raises(DataError, match=r"expected a csv file that lists pictures with their targets \(x, y\)"):
        load_new_data(config, file=folder / "new", with_target=True, **known)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("2.5", "", "line 4, column x: expected a value, received a missing one"),
        ("2.5", "far", "line 4, column x: expected a number, received 'far'"),
        ("2.5,", "", "line 4, column kind: expected 5 fields, received 4"),
        ("b.png", "c.png", "line 4, column picture: there is no picture"),
        ("b.png", "", "line 4, column picture: expected a value, received a missing one"),
        (",x,", ",z,", "there is no column 'x'"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named(paths, listener, spec, folder, old, new, text) -> None:
    """`check` and training name its line and column, with what is done about it in this source."""
    (folder / "list.csv").write_text(ROWS.replace(old, new))
    _, findings = infer_facts(_spec(spec, "x", "y"), form="number", paths=paths)
    assert any(text in one.text for one in findings)
    assert not any("drop_missing" in str(one.hint) for one in findings)
    with pytest.raises(DataError, match=text):
        load(_spec(spec, "x", "y"), form="number", seed=1, paths=paths, progress=listener)


@pytest.mark.parametrize("target", ["kind", ["kind"]])
def test_an_empty_cell_is_a_set_without_a_tag(paths, listener, spec, folder, target) -> None:
    """Where `MultiLabelBinarizer` reads a target, an empty cell has no tag, as in a csv file of source `csv`."""
    (folder / "list.csv").write_text(ROWS.replace("bright", "").replace("6,a.png,-3,dim", "6,a.png,-3,dim;dark"))
    step = Part("preparation", "MultiLabelBinarizer", {"separator": ";"}, ("data", "prepare_target", 0))
    config = replace(_spec(spec, "kind"), prepare_target=(step,))
    config = replace(config, source=replace(config.source, arguments={**config.source.arguments, "target": target}))
    facts, findings = infer_facts(config, form="binary", paths=paths)
    done = load(config, form="binary", seed=1, paths=paths, progress=listener)
    assert (findings, facts.target_names) == ((), done.facts.target_names)
    assert done.train.y.tolist() == [[0, 1], [0, 0], [1, 1]]


def test_a_list_of_targets_needs_a_csv_file() -> None:
    """A folder has no columns, and an empty list names none."""
    with pytest.raises(ValueError, match="names columns of a csv `file`, and a `folder` is given"):
        Images("photos", target=["x"])
    with pytest.raises(ValueError, match="expected one or more columns"):
        Images(file="list.csv", target=[])


NUMBERS = st.lists(st.tuples(st.floats(-1e6, 1e6, width=32), st.integers(-99, 99)), min_size=2, max_size=6)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NUMBERS, st.booleans())
def test_numbers_are_read_as_they_are_written(paths, listener, folder, rows, has_header) -> None:
    """Each row keeps its targets, with a header or without."""
    lines = [*(["picture,x,y"] if has_header else []), *(f"a.png,{x!r},{y}" for x, y in rows)]
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    y = Images(file="list.csv", target=[1, 2]).load(paths, listener).train.y
    assert y.tolist() == [[x, y] for x, y in rows]
