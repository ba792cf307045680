"""What is said of columns of text that a model would receive."""

from __future__ import annotations

import pytest

from nnrun.config.document import parse
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.text_left import scale


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (("18-25", "<18", "60+", "26-60"), ["<18", "18-25", "26-60", "60+"]),
        (("100-200", "0-10", "10-20"), ["0-10", "10-20", "100-200"]),
        (("10th", "1st", "3rd", "2nd"), ["1st", "2nd", "3rd", "10th"]),
        (("2 bedrooms", "1 bedroom", "10 bedrooms"), ["1 bedroom", "2 bedrooms", "10 bedrooms"]),
        (("80+", "70-79"), ["70-79", "80+"]),
        (("a", "b"), []),
        (("5", "7"), []),
        (("18-25",), []),
        (("18-25", "old"), []),
    ],
)
def test_texts_with_an_order_are_put_in_it(texts: tuple[str, ...], order: list[str]) -> None:
    """Ranges, bounds and ordinal numbers are sorted by their first number."""
    assert scale(texts) == order


def test_the_hint_is_lines_that_make_numbers_of_all(paths, listener, spec) -> None:
    """Categories, a scale and names each have their line; with these lines the data are loaded."""
    ages, towns = ("<18", "18-25", "60+"), ("Ulm", "Bonn")
    rows = [f"{ages[index % 3]},{towns[index % 2]},name {index}!,{index * 7 % 5}" for index in range(60)]
    (paths.config_dir / "t.csv").write_text("\n".join(["age,town,who,y", *rows]) + "\n")
    _, (found,) = infer_facts(spec("csv", file="t.csv"), form="number", paths=paths)
    assert found.text == "the model takes numbers, but columns 'age', 'town', 'who' hold text"
    one_hot, ordinal, features, hashed = (parse(f"{{{line}}}", "hint").data for line in found.hint.split("`")[3::2])
    prepare = (("OneHotEncoder", {"columns": one_hot["OneHotEncoder"]}), ("OrdinalEncoder", ordinal["OrdinalEncoder"]))
    config = spec("csv", file="t.csv", prepare=prepare, **features)
    assert infer_facts(config, form="number", paths=paths)[1] == ()
    x = load(config, form="number", seed=1, paths=paths, progress=listener).train.x
    assert x[:3].tolist() == [[0, 0, 1], [1, 1, 0], [2, 0, 1]]
    config = spec("csv", file="t.csv", prepare=(*prepare, ("Hash", hashed["Hash"])))
    assert infer_facts(config, form="number", paths=paths)[1] == ()
