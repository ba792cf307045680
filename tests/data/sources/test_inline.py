"""Tables that stand in the config itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths

XOR = [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]


def test_a_truth_table_is_a_data_set(paths: DataPaths, listener, spec) -> None:
    """The last column is the target; everything is known before loading."""
    data = spec("inline", rows=XOR)
    done = load(data, form="binary", seed=1, paths=paths, progress=listener)
    assert done.train.x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert done.train.y.tolist() == [[0], [1], [1], [0]]
    assert infer_facts(data, form="binary", paths=paths) == (done.facts, ())


def test_columns_of_text_are_categories_and_classes(paths: DataPaths, listener, spec) -> None:
    """A column may hold text, as a feature or as a class; targets are selected by index."""
    data = spec(
        "inline",
        rows=[["no", 1, "red"], ["yes", 2, "blue"]],
        target=[0],
        prepare=(("OneHot", {"columns": [-1]}),),
    )
    done = load(data, form="integer", seed=1, paths=paths, progress=listener)
    assert (done.train.y.tolist(), done.facts.class_names) == ([0, 1], ("no", "yes"))
    assert done.facts.columns == ("1", "2=blue", "2=red")
    assert infer_facts(data, form="integer", paths=paths) == (done.facts, ())


def test_two_answers_of_a_half_adder(paths: DataPaths, listener, spec) -> None:
    """Several target columns can have one binary loss, or a loss each."""
    data = spec("inline", rows=[[0, 0, 0, 0], [0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 1]], target=[2, 3])
    assert load(data, form="binary", seed=1, paths=paths, progress=listener).train.y[3].tolist() == [0, 1]
    done = load(data, form={"2": "binary", "3": "integer"}, seed=1, paths=paths, progress=listener)
    assert (done.train.y["2"][3].tolist(), done.train.y["3"].tolist()) == ([0], [0, 0, 0, 1])
    assert infer_facts(data, form={"2": "binary", "3": "integer"}, paths=paths) == (done.facts, ())


def test_more_rows_come_from_a_csv(paths: DataPaths, listener, spec) -> None:
    """A file without a header has the columns in the order of the config; for predictions it needs no target."""
    data = spec("inline", rows=XOR)
    done = load(data, form="binary", seed=1, paths=paths, progress=listener)
    (paths.config_dir / "more.csv").write_text("1,0,1\n0,0,0\n")
    again = load_new_data(data, done.fitted, file=paths.config_dir / "more.csv", facts=done.facts, with_target=True)
    assert (again.x.tolist(), again.y.tolist()) == ([[1, 0], [0, 0]], [[1], [0]])
    (paths.config_dir / "less.csv").write_text("1,1\n")
    less = load_new_data(data, done.fitted, file=paths.config_dir / "less.csv", facts=done.facts, with_target=False)
    assert less.x.tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"rows": []}, "expected at least one row"),
        ({"rows": [[]]}, "expected at least one row"),
        ({"rows": [[0, 1], [0]]}, "row 1 has 1 fields, the rows before it 2"),
        ({"rows": [[0, 1], ["x", 1]]}, "column 0 holds both numbers and text"),
        ({"rows": [[0, 1]], "target": 5}, "there is no column 5"),
        ({"rows": [[0], [1]]}, "the targets leave no feature column"),
    ],
)
def test_rows_that_are_not_a_table_are_reported(paths: DataPaths, listener, spec, data: dict, text: str) -> None:
    """Ragged rows, mixed columns and missing targets are findings, and refused when loading."""
    _, findings = infer_facts(spec("inline", **data), form="binary", paths=paths)
    assert len(findings) == 1
    assert text in findings[0].text
    with pytest.raises(DataError, match="inline: "):
        load(spec("inline", **data), form="binary", seed=1, paths=paths, progress=listener)


def test_a_table_without_a_target_is_for_autoencoders_only(paths: DataPaths, listener, spec) -> None:
    """`target: []` makes every column a feature; only the input itself can then be the target."""
    data = spec("inline", rows=XOR, target=[])
    done = load(data, form={"$row": "number"}, seed=1, paths=paths, progress=listener)
    assert done.train.y["$row"].shape == (4, 3)
    assert infer_facts(data, form={"$row": "number"}, paths=paths) == (done.facts, ())
    _, findings = infer_facts(data, form="binary", paths=paths)
    assert [finding.name for finding in findings] == ["no-target"]
    with pytest.raises(DataError, match="has no target"):
        load(data, form="binary", seed=1, paths=paths, progress=listener)


def test_rows_in_order_may_be_a_series(paths: DataPaths, listener, spec, split) -> None:
    """Windows over the rows of the config are known before loading, and the latest ones are the test part."""
    data = spec("inline", rows=[[value] for value in range(12)], window=3, horizon=2, split=split(test=0.5))
    done = load(data, form="number", seed=1, paths=paths, progress=listener)
    assert np.asarray(done.train.x[:])[:, :, 0].tolist() == [[0, 1, 2], [1, 2, 3]]
    assert np.asarray(done.train.y).tolist() == [[3, 4], [4, 5]]
    assert np.asarray(done.test.y).tolist() == [[9, 10], [10, 11]]
    assert infer_facts(data, form="number", paths=paths) == (done.facts, ())


def test_times_out_of_order_are_found_in_the_config(paths: DataPaths, spec) -> None:
    """A series whose times do not rise is reported at the argument that names them."""
    data = spec("inline", rows=[[2, 5.0], [1, 6.0], [3, 7.0], [4, 8.0]], time=0, window=2)
    _, (finding,) = infer_facts(data, form="number", paths=paths)
    assert (finding.name, finding.path) == ("defective-data", ("data", "source", "inline", "time"))
