"""`nnrun init` in this process: a first config for data of every kind, copied configs, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.config import document as documents
from nnrun.config.files import shipped_configs
from nnrun.errors import NnrunError, RunError
from nnrun.pipeline.check import examine
from nnrun.pipeline.init.begin import Begun, begin
from nnrun.pipeline.init.config_text import MOST_LINES
from nnrun.pipeline.init.request import InitRequest, Question

pytestmark = pytest.mark.usefixtures("folder")


def _begun(word: str, **request: Any) -> tuple[dict[str, Any], Begun]:
    begun = begin(InitRequest(word, **request), None)
    return documents.read(begun.file).data, begun


@pytest.mark.parametrize(
    "word", ["houses.csv", "sales.csv", "mail.csv", "book.txt", "arrays.npz", "digits.npz", "pets", "sounds", "letters"]
)
def test_every_kind_of_data_gives_a_config_that_checks(word: str) -> None:
    """A config has at most 30 lines, nearly all with a reason, and `check` has no error or warning about it."""
    _, begun = _begun(word)
    lines = begun.file.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES
    assert sum(" # " in line for line in lines) >= 5
    assert [problem for problem in begun.problems if problem.severity != "note"] == []
    assert tuple(begun.problems) == examine(begun.file, (), None).problems
    assert begun.file == Path(f"{word.split('.', maxsplit=1)[0]}.yaml")


def test_a_table_of_numbers_and_categories() -> None:
    """Identifiers are left out, gaps filled in, numbers scaled, categories encoded, and the target is scaled."""
    config, _ = _begun("houses.csv", targets=["price"])
    source = config["data"]["source"]["csv"]
    assert source == {"file": "houses.csv", "target": "price", "features": ["town", "area", "built", "rooms"]}
    steps = [step if isinstance(step, str) else next(iter(step)) for step in config["data"]["prepare"]]
    assert steps == ["SimpleImputer", "StandardScaler", "OneHotEncoder"]
    assert config["data"]["prepare_target"] == ["StandardScaler"]
    assert config["training"]["loss"] == "mean_squared_error"
    assert "id: another text in most rows" in Path("houses.yaml").read_text(encoding="utf-8")


def test_few_rows_are_tested_in_folds_with_the_classes_in_proportion() -> None:
    """Of 300 rows each tests once, and a model of all rows is there to predict with."""
    config, _ = _begun("houses.csv", targets=["town"])
    k_fold = {"folds": 5, "shuffle": True, "final_fit": True, "stratify": True}
    assert config["data"]["split"]["k_fold"] == k_fold
    assert config["model"][-1] == {"Dense": {"units": "$classes", "activation": "softmax"}}


@pytest.mark.parametrize(("rows_of_smallest", "folds"), [(2, 2), (4, 4), (6, 5)])
def test_each_fold_tests_every_class(rows_of_smallest: int, folds: int) -> None:
    """A class of fewer than 5 rows makes fewer folds, of which `check` has no warning."""
    kinds = ["rare"] * rows_of_smallest + ["usual", "other"] * 40
    rows = [f"{at * 7 % 31},{at * 3 % 17},{kind}" for at, kind in enumerate(kinds)]
    Path("rare.csv").write_text("\n".join(["size,weight,kind", *rows]), encoding="utf-8")
    config, begun = _begun("rare.csv", targets=["kind"])
    assert config["data"]["split"]["k_fold"]["folds"] == folds
    assert [problem for problem in begun.problems if problem.severity != "note"] == []


def test_a_series_is_predicted_from_its_past() -> None:
    """A column of times and one of numbers are windows of rows, and the latest rows test."""
    config, _ = _begun("sales.csv")
    source = config["data"]["source"]["csv"]
    assert (source["time"], source["window"], source["types"]) == ("month", 12, {"month": {"date": "%Y-%m"}})
    assert "shuffle" not in config["data"]["split"]


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y%m%d", "%d.%m.%Y"])
def test_a_series_with_gaps_checks(form: str) -> None:
    """However its dates are written, as whole numbers too; weeks without a value are left out."""
    weeks = [date(1990, 1, 6) + timedelta(weeks=at) for at in range(120)]
    rows = [f"{day:{form}},{'' if at % 40 == 7 else at % 13 + 0.5}" for at, day in enumerate(weeks)]
    Path("weeks.csv").write_text("\n".join(["day,level", *rows]) + "\n", encoding="utf-8")
    config, begun = _begun("weeks.csv")
    source = config["data"]["source"]["csv"]
    assert begun.problems == ()
    assert (source["time"], source["window"], source["drop_missing"]) == ("day", 20, True)


def test_rows_in_the_order_of_time_are_split_forward() -> None:
    """Where other columns are given, too, the time orders the rows, and the latest test."""
    rows = [f"2020-01-{at + 1:02d},{at * 7 % 5},{at % 3}" for at in range(30)]
    Path("days.csv").write_text("\n".join(["day,a,b", *rows]) + "\n", encoding="utf-8")
    config, begun = _begun("days.csv", targets=["b"], task="number")
    assert config["data"]["split"]["forward"] == {"n_splits": 1, "test_size": 0.2}
    assert (config["data"]["source"]["csv"]["time"], begun.assumed) == ("day", ())


def test_several_targets_are_numbers() -> None:
    """Several columns are predicted at once."""
    config, _ = _begun("houses.csv", targets=["price", "area"])
    assert config["data"]["source"]["csv"]["target"] == ["price", "area"]
    assert config["model"][-1] == {"Dense": "$targets"}


def test_messages_are_read_as_words() -> None:
    """A single column of prose is a sequence of words for an Embedding."""
    config, _ = _begun("mail.csv")
    assert config["data"]["source"]["csv"]["target"] == "kind"
    assert "TextVectorization" in config["data"]["prepare"][0]
    assert "Embedding" in config["model"][0]


def test_what_is_not_sure_is_asked() -> None:
    """The column to predict and what whole numbers are is asked for; the answers stand in the config."""
    asked: list[Question] = []

    def answer(question: Question) -> str:
        asked.append(question)
        return "rooms" if "column" in question.text else "number"

    begun = begin(InitRequest("houses.csv"), answer)
    config = documents.read(begun.file).data
    assert [question.default for question in asked] == ["rooms", "classes"]
    assert (config["data"]["source"]["csv"]["target"], config["model"][-1]) == ("rooms", {"Dense": 1})
    assert begun.assumed == ()


def test_defaults_are_stated_where_nobody_is_asked() -> None:
    """Without a terminal the likely answer is taken, and said with the option that says otherwise."""
    _, begun = _begun("houses.csv")
    assert [(answer, question.option) for question, answer in begun.assumed] == [
        ("rooms", "--target rooms"),
        ("classes", "--task classes"),
    ]


@pytest.mark.parametrize("name", ["mnist_cnn", "shakespeare_gru", "smoke/mnist_cnn", "iris"])
def test_a_copied_config_is_the_same_experiment(name: str) -> None:
    """A config that comes with nnrun checks as there, without the files that it extends."""
    begun = begin(InitRequest(name), None)
    there, here = examine(shipped_configs()[name], (), None), examine(begun.file, (), None)
    assert here.experiment == there.experiment
    assert "extends" not in here.document.data
    text = begun.file.read_text(encoding="utf-8")
    assert f"nnrun train {begun.file}" in text
    assert "$schema" not in text


def test_a_copied_config_names_the_schema_next_to_it() -> None:
    """Where the schema lies in the folder, the first line connects editors with it."""
    Path("nnrun.schema.json").write_text("{}", encoding="utf-8")
    begun = begin(InitRequest("iris", Path("flowers.yaml")), None)
    assert begun.file.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=./nnrun.schema.json\n")


def test_a_file_of_another_folder_is_named_from_the_config() -> None:
    """Paths in the config are relative to where it is written."""
    Path("configs").mkdir()
    config, begun = _begun("houses.csv", out=Path("configs/first.yaml"), targets=["price"])
    assert config["data"]["source"]["csv"]["file"] == "../houses.csv"
    assert not begun.problems


@pytest.mark.parametrize(
    ("word", "content", "message", "hint"),
    [
        ("empty.csv", b"", "empty file", "right file"),
        ("zeros.csv", bytes(500), "binary", "csv, parquet"),
        ("noise.csv", np.random.default_rng(1).bytes(900), "binary", "right file"),
        ("one.csv", b"a\n1\n2\n", "at least two columns", "separator"),
        ("row.csv", b"a,b\n1,2\n", "at least 10 rows", "collect"),
        ("counts.csv", b"150,4,a\n" + b"1,2,3,4,5\n" * 20, "rows of 3 fields, as in line 1, received 5", "first line"),
        ("same.csv", b"a,b\n" + b"1,2\n" * 20, "single value", "--target"),
        ("short.txt", b"Hello, world.\nNothing else\n", "at least 2,000 characters", "longer"),
        ("sheet.xls", b"\xd0\xcf\x11\xe0" + bytes(90), "received a xls file", "save the sheet as csv"),
        ("broken.npz", b"PK\x03\x04" + bytes(90), "", ""),
        ("old.yaml", b"name: old\n", "is a config already", "nnrun check old.yaml"),
        ("iris.csv", None, "no data file", "Did you mean 'iris'?"),
        ("house.csv", None, "no data file", "Did you mean 'houses.csv'?"),
    ],
)
def test_data_that_cannot_be_used_are_refused(word: str, content: bytes | None, message: str, hint: str) -> None:
    """Each is a message with what to do, and no config is written."""
    if content is not None:
        Path(word).write_bytes(content)
    before = set(Path().iterdir())
    with pytest.raises(NnrunError) as caught:
        begin(InitRequest(word), None)
    assert message in caught.value.text
    assert hint in (caught.value.hint or "")
    assert set(Path().iterdir()) == before


def test_an_absent_target_is_told_with_the_nearest_name() -> None:
    """A misspelled column is answered by the one that was probably meant."""
    with pytest.raises(RunError, match="no such column") as caught:
        begin(InitRequest("houses.csv", targets=["prize"]), None)
    assert caught.value.hint == "Did you mean 'price'?"


@pytest.mark.parametrize("quote", ["'", "`", " "])
def test_a_target_is_named_without_the_quotes_of_its_header(quote: str) -> None:
    """`--target vote` names the column 'vote' of a header in quotes that csv does not know; twice named is once."""
    header = "\t".join(f"{quote}{name}{quote}" for name in ("age", "vote"))
    Path("polls.csv").write_text(
        "\n".join([header, *(f"{at * 7 % 20}\t{at % 2}" for at in range(40))]), encoding="utf-8"
    )
    config, begun = _begun("polls.csv", targets=["vote", "vote"])
    assert config["data"]["source"]["csv"]["target"].strip(quote) == "vote"
    assert not begun.problems


def test_a_config_is_named_in_ascii_letters() -> None:
    """The name of a file with accents gives a name that `check` accepts, of at most 80 letters."""
    text = Path("houses.csv").read_text(encoding="utf-8")
    for name, expected in (("año 1.csv", "ano-1"), ("猫.csv", "first"), (f"{'x' * 90}.csv", "x" * 80)):
        Path(name).write_text(text, encoding="utf-8")
        config, begun = _begun(name, targets=["price"])
        assert (config["name"], begun.file, begun.problems) == (expected, Path(f"{expected}.yaml"), ())


def test_a_column_that_tells_the_class_by_itself_is_told() -> None:
    """A column of which each value goes with one class is a note, and stands in a list that it can be taken out of."""
    rows = [f"{at % 7},{'yes' if at % 3 else 'no'},{at % 3},{at % 3 > 0}" for at in range(63)]
    Path("loans.csv").write_text("\n".join(["size,granted,action,paid", *rows]), encoding="utf-8")
    config, begun = _begun("loans.csv", targets=["granted"])
    (note,) = begun.notes
    assert note.startswith("action, paid tell, each alone, granted in every row")
    assert f"# {note}" in begun.file.read_text(encoding="utf-8")
    assert config["data"]["source"]["csv"]["features"] == ["size", "action", "paid"]
    assert _begun("houses.csv", targets=["price"])[1].notes == []


def test_words_for_a_missing_value_are_stated() -> None:
    """`NA` in a column of text is stated to be missing, so that `check` has no question about it."""
    rows = [f"{at % 7},{('a', 'NA', 'b')[at % 3]},{at * 7 % 50}" for at in range(60)]
    Path("gaps.csv").write_text("\n".join(["size,kind,price", *rows]), encoding="utf-8")
    config, begun = _begun("gaps.csv", targets=["price"])
    assert (config["data"]["source"]["csv"]["missing"], begun.problems) == (["NA"], ())


def test_a_nameless_column_is_left_out() -> None:
    """A column without a name in the header cannot be named by a user, and is no feature."""
    Path("gap.csv").write_text(
        "\n".join(["a,,b", *(f"{at % 9},{at % 5},{at % 7}" for at in range(60))]), encoding="utf-8"
    )
    config, begun = _begun("gap.csv", targets=["b"], task="number")
    assert (config["data"]["source"]["csv"]["features"], begun.problems) == (["a"], ())


def test_a_folder_of_one_class_is_refused() -> None:
    """A folder with pictures of a single class, or with pictures in no folder, is a message and no config."""
    Path("pets/dog").rename("others")
    for word, received in (("pets", "received one: 'cat'"), ("others", "received none")):
        with pytest.raises(NnrunError, match=received) as caught:
            begin(InitRequest(word), None)
        assert "into a folder of its name" in str(caught.value.hint)
        assert not Path(f"{word}.yaml").exists()


@pytest.mark.parametrize(("word", "out"), [("houses.csv", None), ("iris", None), ("houses.csv", Path("kept.yaml"))])
def test_nothing_is_overwritten(word: str, out: Path | None) -> None:
    """An existing file stays as it is, whatever its name comes from."""
    file = out or Path(f"{word.split('.', maxsplit=1)[0]}.yaml")
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="not overwritten") as caught:
        begin(InitRequest(word, out), None)
    assert "--out" in str(caught.value.hint)
    assert file.read_text(encoding="utf-8") == "mine"
