"""Tests of targets of text: sets of labels, tags of tokens, and texts to be written; in folds and new files too."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nnrun.data.cross_validation import load_folded
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.data.token_targets import restore_token_target
from nnrun.errors import DataError
from nnrun.spec.data import DataSpec, KFold, Split
from nnrun.spec.part import Part

FILMS = "plot,genres\nwar and love,drama;war\na kiss,love\nnothing,\na gun,war\n"
TAGS = "words,tags\nAnna sees Rome,PER O LOC\nBob sleeps,PER O\nit rains in Oslo,O O O LOC\nAnna,PER\n"
WORDS = ("TextVectorization", {"columns": ["words"], "standardize": None, "output_sequence_length": 4})
TAGGED = ("TextVectorization", {"standardize": None, "output_sequence_length": 4})


def config(
    target: str, prepare: list[tuple[str, dict]], of_target: list[tuple[str, dict]], **split: object
) -> DataSpec:
    """Return the `data:` of a table t.csv whose target is text."""
    parts = [
        tuple(
            Part("preparation", name, arguments, ("data", key, index)) for index, (name, arguments) in enumerate(steps)
        )
        for key, steps in (("prepare", prepare), ("prepare_target", of_target))
    ]
    source = Part("sources", "csv", {"file": "t.csv", "target": target}, ("data", "source"))
    return DataSpec(source, parts[0], Split(**split) if split else None, parts[1])


@pytest.fixture
def films(paths):
    """Return the config of a table with a column of sets as target."""
    (paths.config_dir / "t.csv").write_text(FILMS)
    plot = ("TextVectorization", {"columns": ["plot"], "output_sequence_length": 3})
    return config("genres", [plot], [("MultiLabelBinarizer", {"separator": ";"})])


@pytest.fixture
def tags(paths):
    """Return the config of a table with a tag for each token as target."""
    (paths.config_dir / "t.csv").write_text(TAGS)
    return config("tags", [WORDS], [TAGGED])


@pytest.fixture
def sums(paths):
    """Return the config of a table of additions, whose results are to be written."""
    rows = [f"{a}+{b},{a + b}" for a in range(3, 12) for b in range(4)]
    (paths.config_dir / "t.csv").write_text("\n".join(["sum,result", *rows]) + "\n")
    characters = {"split": "character", "standardize": None}
    read = ("TextVectorization", {"columns": ["sum"], **characters, "output_sequence_length": 4})
    write = ("TextVectorization", {**characters, "output_sequence_length": 2})
    return config("result", [read], [write, ("StartEndPacker", {})], test=0.25)


def test_labels_are_targets(films, paths, listener) -> None:
    """Each label is a target column of 0 and 1, known to `check` too; an empty cell is an empty set."""
    done = load(films, form="binary", seed=1, paths=paths, progress=listener)
    assert done.facts.target_names == ("drama", "love", "war")
    np.testing.assert_array_equal(done.train.y, [[1, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 1]])
    facts, findings = infer_facts(films, form="binary", paths=paths)
    assert facts is not None
    assert (facts.target_names, facts.targets, findings) == (done.facts.target_names, done.facts.targets, ())
    assert done.train.token_target.texts(done.train.y) == ["drama;war", "love", "", "war"]


def test_new_rows_have_the_same_labels(films, paths, listener, tmp_path) -> None:
    """Another file is encoded by the labels of the run; a label that it lacks is an error with its line."""
    done = load(films, form="binary", seed=1, paths=paths, progress=listener)
    fitted, file = json.loads(json.dumps(done.fitted)), tmp_path / "new.csv"
    file.write_text("plot,genres\na gun,war;love\n")
    part = load_new_data(films, fitted, file=file, facts=done.facts, with_target=True)
    np.testing.assert_array_equal(part.y, [[0, 1, 1]])
    file.write_text("plot,genres\na gun,war\na song,opera\n")
    with pytest.raises(DataError, match="expected labels of the training data, received 'opera'") as raised:
        load_new_data(films, fitted, file=file, facts=done.facts, with_target=True)
    assert (raised.value.row, raised.value.column) == (3, "genres")
    assert len(load_new_data(films, fitted, file=file, facts=done.facts, with_target=False).x) == 2


def test_tags_are_numbers_of_each_token(tags, paths, listener) -> None:
    """A tag for each token, filled up with 0, is a target of several positions; `check` knows their number."""
    done = load(tags, form="integer", seed=1, paths=paths, progress=listener)
    names = done.facts.class_names
    assert [[names[number] for number in row if number] for row in done.train.y] == [
        line.split(",")[1].split() for line in TAGS.splitlines()[1:]
    ]
    np.testing.assert_array_equal(done.train.y != 0, done.train.x != 0)
    facts, findings = infer_facts(tags, form="integer", paths=paths)
    assert facts is not None
    assert (facts.positions, facts.input_shape, findings) == ((4,), (4,), ())
    assert done.train.token_target.texts(done.train.y)[0] == "PER O LOC"


def test_a_row_with_other_tags_than_tokens_is_an_error(tags, paths, listener) -> None:
    """The message has the line, and how many of both there are."""
    (paths.config_dir / "t.csv").write_text(TAGS.replace("PER O LOC", "PER O"))
    with pytest.raises(DataError, match=r"a tag for each of 3 tokens of 'words', received 2 in line 2 \(train part\)"):
        load(tags, form="integer", seed=1, paths=paths, progress=listener)


@pytest.mark.parametrize("form", ["integer", "one_hot"])
def test_a_text_to_be_written_is_shifted(sums, paths, listener, form) -> None:
    """The target ends with [end]; the model's input by the target's name has [start], and what stands before."""
    done = load(sums, form=form, seed=1, paths=paths, progress=listener)
    target, part = done.test.token_target, done.test
    assert done.facts.columns == ("sum[0]", "sum[1]", "sum[2]", "sum[3]", "result[0]", "result[1]", "result[2]")
    y = part.y if form == "integer" else part.y.argmax(axis=-1)
    shifted = part.x[:, 4:].astype(int)
    assert (shifted[:, 0] == target.start).all()
    assert all(target.end in row for row in y.tolist())
    np.testing.assert_array_equal(np.where(y[:, :-1] == target.end, 0, y[:, :-1]), shifted[:, 1:])
    text = dict(line.split(",") for line in (paths.config_dir / "t.csv").read_text().splitlines()[1:])
    assert target.texts(y) == [list(text.values())[row] for row in part.rows]
    facts, findings = infer_facts(sums, form=form, paths=paths)
    assert facts is not None
    assert (facts.columns, facts.positions, findings) == (done.facts.columns, (3,), ())


def test_new_rows_begin_with_the_start(sums, paths, listener, tmp_path) -> None:
    """With their targets new rows give the same arrays; without, the decoder's input is the start alone."""
    done = load(sums, form="integer", seed=1, paths=paths, progress=listener)
    lines = (paths.config_dir / "t.csv").read_text().splitlines()
    file = tmp_path / "new.csv"
    file.write_text("\n".join([lines[0], *(lines[1 + row] for row in done.test.rows)]) + "\n")
    fitted = json.loads(json.dumps(done.fitted))
    again = load_new_data(sums, fitted, file=file, facts=done.facts, with_target=True)
    np.testing.assert_array_equal(again.x, done.test.x)
    np.testing.assert_array_equal(again.y, done.test.y)
    raw = load_new_data(sums, fitted, file=file, facts=done.facts, with_target=False)
    np.testing.assert_array_equal(raw.x[:, :4], done.test.x[:, :4])
    assert (raw.x[:, 4:] == [done.test.token_target.start, 0, 0]).all()


def test_folds_learn_their_own_tokens(tags, paths, listener) -> None:
    """In a cross-validation the tags of the training rows alone are known."""
    folded = DataSpec(tags.source, tags.prepare, Split(k_fold=KFold(4)), tags.prepare_target)
    data = load_folded(folded, form="integer", seed=1, paths=paths, progress=listener)
    known = [data.dataset(fold, listener).facts.class_names for fold in range(4)]
    assert {name for names in known for name in names} == {"", "[UNK]", "PER", "O", "LOC"}
    assert all("LOC" in names for names in known)


@pytest.mark.parametrize(
    ("steps", "form", "text"),
    [
        ([("StartEndPacker", {})], "integer", "received StartEndPacker, which make no target"),
        ([TAGGED, TAGGED], "integer", "received TextVectorization, TextVectorization, which make no target"),
        ([TAGGED], "binary", "the loss does not compare sequences of tokens"),
        ([("MultiLabelBinarizer", {"separator": " "})], "integer", "the loss does not compare sets of labels"),
        ([("MultiLabelBinarizer", {"columns": ["tags"]})], "binary", "takes the whole target here"),
        ([("MultiLabelBinarizer", {})], "binary", "column tags: expected a list such as"),
        ([("TextVectorization", {"output_mode": "count"})], "integer", "a target is token numbers"),
    ],
)
def test_check_refuses_steps_that_make_no_target(tags, paths, steps, form, text) -> None:
    """`check` says what is wrong before anything is loaded."""
    wrong = config("tags", [WORDS], steps)
    _, findings = infer_facts(wrong, form=form, paths=paths)
    assert text in "\n".join(one.text for one in findings if one.severity == "error")


@pytest.mark.parametrize(
    "change", [{"column": 3}, {"token_target": "StandardScaler"}, {"column": "other"}, {"learned": {}}]
)
def test_a_changed_preparation_is_refused(films, paths, listener, change) -> None:
    """A `prepare.json` of others holds steps of text and their labels, or is an error."""
    done = load(films, form="binary", seed=1, paths=paths, progress=listener)
    entries = [{**one, **change} if "token_target" in one else one for one in json.loads(json.dumps(done.fitted))]
    with pytest.raises(DataError, match=r"prepare\.json"):
        restore_token_target(entries)
