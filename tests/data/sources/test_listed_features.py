"""Pictures beside columns of the csv file that lists them, and several pictures in a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from nnrun.data.columns import Columns
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load, make_source, read_source
from nnrun.data.model_inputs import select, shapes
from nnrun.data.new_data import load_new_data
from nnrun.data.prepare.registry import new_step
from nnrun.data.prepare.table_arrays import apply_step, fit_step
from nnrun.data.quality import _digests
from nnrun.data.sources.images import Images
from nnrun.data.streaming.streams import Stream
from nnrun.data.streaming.table_arrays import side_by_side
from nnrun.errors import DataError
from nnrun.spec.data import KFold
from nnrun.spec.model import ModelInput
from nnrun.spec.part import Part

ROWS = """price,age,picture,town,other,note
10,20,a.png,Bern,b.png,old and small
20,,b.png,Chur,a.png,new

30,40,a.png,Bern,c.png,small
40,60,c.png,Chur,b.png,"new, large"
"""
PREPARE = [
    ("Rescale", {"divide_by": 10, "columns": ["picture"]}),
    ("SimpleImputer", {"columns": ["age"]}),
    ("StandardScaler", {"columns": ["age"]}),
    ("OneHotEncoder", {"columns": ["town"]}),
    ("TextVectorization", {"columns": ["note"], "max_tokens": 9, "output_sequence_length": 2}),
]
INPUTS = [ModelInput("photo", ("picture",)), ModelInput("facts", ("age", "town")), ModelInput("words", ("note",))]


@pytest.fixture
def folder(paths) -> Path:
    """Three pictures of 4 x 6 pixels, of the values 0, 40 and 80, and a csv file that names them in two columns."""
    for number, name in enumerate("abc"):
        Image.fromarray(np.full((4, 6), 40 * number, dtype="uint8")).save(paths.config_dir / f"{name}.png")
    (paths.config_dir / "list.csv").write_text(ROWS)
    return paths.config_dir


def _spec(spec, prepare=PREPARE, split=None, **options: object):
    source = {"file": "list.csv", "path_column": "picture", "colour": "grey", "target": "price"}
    return spec("images", prepare=prepare, split=split, **{**source, "features": ["age", "town", "note"], **options})


@pytest.mark.parametrize("stream", [False, True])
def test_inputs_take_pictures_and_columns_by_name(paths, listener, spec, folder, stream) -> None:
    """Each step prepares the columns that it names, also where pictures stream, and `check` knows the shapes before."""
    config = _spec(spec, stream=stream)
    facts, findings = infer_facts(config, form="number", paths=paths)
    done = load(config, form="number", seed=1, paths=paths, progress=listener)
    x = select(done.train.x, done.facts, INPUTS)
    assert findings == ()
    assert facts is not None
    assert (facts.arrays, facts.streamed, facts.rows) == ({"picture": (4, 6, 1)}, stream, {"train": 4})
    assert shapes(facts, INPUTS) == shapes(done.facts, INPUTS) == {"photo": (4, 6, 1), "facts": (3,), "words": (2,)}
    assert np.asarray(x["photo"])[:, 0, 0, 0].tolist() == [0, 4, 0, 8]
    assert np.asarray(x["photo"]).shape == (4, 4, 6, 1)
    facts_of_rows = np.asarray(x["facts"])
    assert facts_of_rows[:, 1:].tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]
    assert facts_of_rows[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert np.asarray(x["words"]).shape == (4, 2)
    assert done.train.y.tolist() == [[10], [20], [30], [40]]
    assert done.train.origin["line"].tolist() == [2, 3, 5, 6]
    assert done.train.origin["file"].tolist() == ["a.png", "b.png", "a.png", "c.png"]


def test_a_stream_has_the_numbers_of_memory(paths, listener, spec, folder) -> None:
    """Rows that are read from disk are those of memory, and their digest changes with a column."""
    memory, stream = (
        load(_spec(spec, stream=one), form="number", seed=1, paths=paths, progress=listener) for one in (False, True)
    )
    assert isinstance(stream.train.x, Stream)
    np.testing.assert_array_equal(np.asarray(stream.train.x), memory.train.x)
    (folder / "list.csv").write_text(ROWS.replace("60", "61"))
    other = load(_spec(spec, stream=True), form="number", seed=1, paths=paths, progress=listener)
    assert other.digests["train.stream"] != stream.digests["train.stream"]


def test_a_row_has_several_pictures(paths, listener, spec, folder) -> None:
    """Each column of `path_column` is an array of its own, alone or beside columns."""
    prepare = [("Rescale", {"divide_by": 10})]
    config = _spec(spec, prepare, path_column=["picture", "other"], features=None)
    facts, findings = infer_facts(config, form="number", paths=paths)
    done = load(config, form="number", seed=1, paths=paths, progress=listener)
    inputs = [ModelInput("left", ("other",)), ModelInput("right", ("picture",))]
    x = select(done.train.x, done.facts, inputs)
    assert (findings, facts.input_shape) == ((), done.facts.input_shape)
    assert x["left"][:, 0, 0, 0].tolist() == [4, 0, 8, 4]
    assert x["right"][:, 3, 5, 0].tolist() == [0, 4, 0, 8]


def test_parts_and_folds_follow_columns(paths, listener, spec, split, folder) -> None:
    """`split: {by: town}` takes a word of each row for its part, and folds keep a group of a column together."""
    words = ROWS.replace("Bern", "train").replace("Chur", "test")
    (folder / "list.csv").write_text(words.replace("20,,", "20,50,"))
    prepare = [("Rescale", {"divide_by": 10, "columns": ["picture"]})]
    config = _spec(spec, prepare, split(by="town"), features=["age"])
    done = load(config, form="number", seed=1, paths=paths, progress=listener)
    x = select(done.test.x, done.facts, [ModelInput("a", ("age",)), ModelInput("b", ("picture",))])
    assert (x["a"].tolist(), x["b"][:, 0, 0, 0].tolist()) == ([[50], [60]], [4, 8])
    groups = split(k_fold=KFold(folds=2, groups="town"))
    data = read_source(make_source(config.source, config.prepare, groups), groups, paths, listener)
    assert (data.groups.tolist(), data.train.x.names) == (["train", "test", "train", "test"], ("age",))
    facts, _ = infer_facts(_spec(spec, prepare, groups, features=["age", "town"]), form="number", paths=paths)
    assert facts.columns == ("age",)
    (folder / "new.csv").write_text("picture,age\nb.png,50\n")
    config = _spec(spec, prepare, groups, features=["age", "town"])
    new = load_new_data(config, [{"layout": data.layout}], file=folder / "new.csv", facts=facts, with_target=False)
    assert new.x[0].tolist()[:2] == [50, 40]


@pytest.mark.parametrize("with_target", [False, True])
def test_another_list_has_its_columns_in_any_order(paths, listener, spec, folder, with_target) -> None:
    """Raw rows of another csv file are prepared as the run's own, and need a target for scores alone."""
    config = _spec(spec)
    done = load(config, form="number", seed=1, paths=paths, progress=listener)
    rows = [line.split(",")[:4] for line in ROWS.splitlines()[1:3]]
    text = "\n".join(f"{price},old and small,../{picture},{town},{age}" for price, age, picture, town in rows)
    (folder / "new").mkdir()
    (folder / "new" / "list.csv").write_text(f"price,note,picture,town,age\n{text}\n")
    new = load_new_data(
        config, done.fitted, file=folder / "new" / "list.csv", facts=done.facts, with_target=with_target
    )
    np.testing.assert_array_equal(new.x[0], done.train.x[0])
    assert select(new.x, done.facts, INPUTS)["photo"][:, 0, 0, 0].tolist() == [0, 4]
    assert (new.y.tolist() == [[10], [20]]) is with_target
    with pytest.raises(DataError, match="a csv file that lists pictures with their columns") as error:
        load_new_data(config, done.fitted, file=folder, facts=done.facts, with_target=with_target)
    assert "(age, town, note" in str(error.value)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("b.png,Chur", "d.png,Chur"), "list.csv, line 3, column picture: there is no picture"),
        (("b.png,Chur", ",Chur"), "line 3, column picture: expected a value, received a missing one"),
        (("60", "many"), "line 6, column age: expected a number, received 'many'"),
        (("Bern,c.png", "Bern,e.png"), "list.csv, line 5, column other: there is no picture"),
    ],
)
def test_a_wrong_cell_is_named(paths, listener, spec, folder, change, place) -> None:
    """A missing picture, a name that is not there and a word among numbers have their line and column."""
    (folder / "list.csv").write_text(ROWS.replace(*change))
    config = _spec(spec, path_column=["picture", "other"], types={"age": "number"})
    with pytest.raises(DataError) as error:
        load(config, form="number", seed=1, paths=paths, progress=listener)
    assert place.rsplit("list.csv, ", maxsplit=1)[-1] in str(error.value)
    _, findings = infer_facts(config, form="number", paths=paths)
    assert any(one.severity == "error" for one in findings)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"folder": "pictures", "features": ["age"]}, "`features` names columns of a csv `file`"),
        ({"folder": "pictures", "path_column": ["a", "b"]}, "a list of path columns names columns of a csv `file`"),
        ({"file": "list.csv", "features": []}, "features expected one or more columns, received an empty list"),
        ({"file": "list.csv", "path_column": []}, "path_column expected one or more columns, received an empty list"),
        ({"file": "list.csv", "types": {"age": "number"}}, "types are those of `features`"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(arguments, text) -> None:
    """Columns are those of a csv file, and there is at least one."""
    with pytest.raises(ValueError, match=f"images: {text}"):
        Images(**arguments)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (("Rescale", {"divide_by": 255}), "write `Rescale: {columns: [picture], divide_by: 255}`"),
        (("StandardScaler", {"columns": ["picture"]}), "'picture' is one of pictures"),
        (("Reshape", {"shape": [1, 1]}), "makes arrays of columns that stand next to pictures"),
        (("Rescale", {"divide_by": 2, "columns": ["town"]}), "column 'town' holds text"),
        (("Rescale", {"divide_by": 2, "columns": ["pitcure"]}), "Did you mean 'picture'?"),
    ],
)
def test_steps_say_which_columns_they_take(paths, spec, folder, step, text) -> None:
    """A step of columns takes no picture, and one that would divide pictures and columns alike names its columns."""
    features = ["age"] if step[0] == "Reshape" else ["age", "town", "note"]
    _, findings = infer_facts(_spec(spec, [PREPARE[1], step], features=features), form="number", paths=paths)
    assert text in next(one.text for one in findings if one.name == "impossible-preparation")


def test_examples_repeat_each_other_only_with_the_same_picture(paths, spec, folder, listener) -> None:
    """Rows of the same columns with another picture are no duplicates in `nnrun data check`."""
    (folder / "list.csv").write_text("picture,age,price\na.png,1,1\nb.png,1,2\na.png,1,3\n")
    for stream in (False, True):
        data = Images(file="list.csv", features=["age"], colour="grey", stream=stream).load(paths, listener)
        digests = _digests(data.train)
        assert (digests[0] == digests[2], digests[0] == digests[1]) == (True, False)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=6),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.lists(st.integers(0, 5), min_size=1, max_size=6),
)
def test_columns_and_arrays_are_taken_together(numbers, size, rows) -> None:
    """Whatever rows are taken, every column and array has those of the others, before and after a step of columns."""
    rows = [row % len(numbers) for row in rows]
    array = np.arange(len(numbers) * size[0] * size[1], dtype="float32").reshape(len(numbers), *size)
    table = Columns({"a": np.array(numbers, dtype="float64")}, {"p": array})
    step = new_step(Part("preparation", "MinMax", {}, ()))
    fit_step(step, table, None)
    flat = np.asarray(side_by_side(apply_step(step, table)))
    taken = np.asarray(side_by_side(apply_step(step, table[np.array(rows)])))
    np.testing.assert_array_equal(taken, flat[rows])
    np.testing.assert_array_equal(flat[:, 1:].reshape(array.shape), array)
