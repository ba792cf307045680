"""Tables that are drawn where they are needed: dates, orders, reviews, people, energy, beats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.all_sources import SOURCES
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.spec.data import Split

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths

#: Of each table: arguments, preparation of its text, and the form of its target.
TABLES = {
    "orders": (
        {"rows": 30, "features": ["size", "count"], "target": "price"},
        (("OneHotEncoder", {"columns": ["size"]}),),
        "number",
    ),
    "reviews": (
        {"rows": 40, "users": 9, "films": 7},
        (("OrdinalEncoder", {"columns": ["user", "film"]}),),
        "number",
    ),
    "people": (
        {"rows": 30},
        (("TextVectorization", {"columns": ["one", "other"], "output_sequence_length": 4}),),
        "binary",
    ),
    "energy": ({"days": 12, "buildings": 2, "window": 24}, (), "number"),
    "beats": ({"rows": 40, "samples": 16, "unusual": 0.25}, (), "integer"),
}


def _drawn(name: str, **arguments: object) -> dict[str, list]:
    drawn = SOURCES[name](**arguments).draw(np.random.default_rng(3))
    return {key: column.tolist() for key, column in drawn.items()}


@pytest.mark.parametrize("name", TABLES)
def test_every_fact_is_inferred_and_the_same_arguments_give_the_same_table(
    paths: DataPaths, listener, spec, name: str
) -> None:
    """Facts are those of the loaded table; the experiment's seed does not matter, the source's does."""
    arguments, prepare, form = TABLES[name]
    split = Split(test=0.3) if name == "energy" else None
    specs = [spec(name, prepare=prepare, split=split, **arguments, seed=seed) for seed in (0, 0, 1)]
    one, other, third = (load(each, form=form, seed=1, paths=paths, progress=listener) for each in specs)
    assert one.digests == other.digests != third.digests
    facts, findings = infer_facts(specs[0], form=form, paths=paths)
    assert [finding for finding in findings if finding.severity != "note"] == []
    known = {key: getattr(facts, key) for key in ("task", "target_names", "class_names", "targets")}
    assert known == {key: getattr(one.facts, key) for key in known}


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("orders", {"rows": 0}, "orders: rows expected a number of at least 1, received 0"),
        ("people", {"seed": -1}, "people: seed expected a number of at least 0, received -1"),
        ("reviews", {"rows": 7, "users": 2, "films": 3}, "at most users times films, 6, received 7"),
        ("energy", {"buildings": 9}, "buildings expected a number from 1 to 8, received 9"),
        ("beats", {"unusual": 1.5}, "a share of unusual beats from 0 to 1"),
        ("dates", {"formats": 6}, "1 to 5 formats"),
    ],
)
def test_arguments_are_checked(name: str, arguments: dict, text: str) -> None:
    """The message has the name of the source, and what it expects."""
    with pytest.raises(ValueError, match=text):
        SOURCES[name](**arguments)


def test_every_token_of_an_order_has_a_tag() -> None:
    """Tokens and tags are as many, and the toppings are those that are tagged as wanted."""
    drawn = _drawn("orders", rows=200)
    assert {tag for tags in drawn["tags"] for tag in tags.split()} >= {"B-TOPPING", "I-TOPPING", "B-NOT", "B-TIME", "O"}
    spelled = 0
    for text, tags, toppings in zip(drawn["text"], drawn["tags"], drawn["toppings"], strict=True):
        tokens, words = text.split(), tags.split()
        assert len(tokens) == len(words)
        found: list[str] = []
        for token, tag in zip(tokens, words, strict=True):
            if tag == "B-TOPPING":
                found.append(token)
            elif tag == "I-TOPPING":
                found[-1] += f" {token}"
        assert len(found) == len(toppings.split(";"))
        spelled += sorted(found) == toppings.split(";")
    assert 120 < spelled < 200


def test_an_order_costs_more_with_more_toppings() -> None:
    """Of two orders that differ in one topping, the one that has it is dearer."""
    drawn = _drawn("orders", rows=2000)
    prices = {}
    for size, count, toppings, price in zip(
        *(drawn[key] for key in ("size", "count", "toppings", "price")), strict=True
    ):
        prices[(size, count, frozenset(toppings.split(";")))] = price
    pairs = [
        (price, prices[more])
        for (size, count, toppings), price in prices.items()
        for more in [(size, count, toppings | {"ham"})]
        if more in prices and "ham" not in toppings
    ]
    assert len(pairs) > 20
    assert all(price < dearer for price, dearer in pairs)


def test_nobody_reviews_a_film_twice_and_words_go_with_stars() -> None:
    """Pairs are distinct, a film has the same genres in all rows, and good words stand in reviews with many stars."""
    drawn = _drawn("reviews", rows=500, users=40, films=20)
    assert len({*zip(drawn["user"], drawn["film"], strict=True)}) == 500
    assert len({*zip(drawn["film"], drawn["genres"], strict=True)}) == len({*drawn["film"]})
    liked = [review for review, liked in zip(drawn["review"], drawn["liked"], strict=True) if liked == "yes"]
    assert [like == "yes" for like in drawn["liked"]] == [stars >= 4 for stars in drawn["stars"]]
    assert sum("not dull" in one for one in liked) > sum("not good" in one for one in liked)


def test_half_of_the_pairs_are_of_two_people() -> None:
    """Records of one person share most letters, those of two people fewer."""
    drawn = _drawn("people", rows=300)
    shared: dict[float, list[float]] = {0.0: [], 1.0: []}
    for one, other, apart in zip(*drawn.values(), strict=True):
        letters = [{*text.lower()} for text in (one, other)]
        shared[apart].append(len(letters[0] & letters[1]) / len(letters[0] | letters[1]))
    assert len(shared[0]) == len(shared[1]) == 150
    assert np.mean(shared[0]) > np.mean(shared[1]) + 0.2


def test_cold_and_warm_hours_need_energy_in_every_building() -> None:
    """Each building is a series of its own, which uses more in the coldest and the warmest hours of rest."""
    drawn = {key: np.array(column) for key, column in _drawn("energy", days=60, buildings=3).items()}
    assert sorted({*drawn["building"]}) == ["office", "school", "shop"]
    for building in ("office", "school", "shop"):
        rows = drawn["building"] == building
        assert drawn["hour"][rows].tolist() == list(range(60 * 24))
        closed = rows & (drawn["open"] == 0)
        temperature, energy = drawn["temperature"][closed], drawn["energy"][closed]
        cold, mild, warm = (
            energy[(temperature > low) & (temperature < high)].mean() for low, high in ((-30, 3), (8, 11), (14, 50))
        )
        assert cold > mild < warm


def test_unusual_beats_are_as_many_as_stated() -> None:
    """They are further from the mean curve of the usual ones than these are."""
    drawn = _drawn("beats", rows=200, unusual=0.1, noise=0.0)
    kinds = np.array(drawn.pop("kind"))
    curves = np.column_stack(list(drawn.values()))
    assert (kinds == "unusual").sum() == 20
    distance = np.abs(curves - np.median(curves, axis=0)).sum(axis=1)
    assert np.median(distance[kinds == "unusual"]) > 1.3 * np.median(distance[kinds == "usual"])


def test_more_rows_come_from_a_csv_file(paths: DataPaths, listener, spec) -> None:
    """New rows are read by the names of the columns, and prepared as those that were drawn."""
    arguments, prepare, form = TABLES["people"]
    config = spec("people", prepare=prepare, **arguments)
    done = load(config, form=form, seed=1, paths=paths, progress=listener)
    (paths.config_dir / "new.csv").write_text("one,other\nNina Goldfeld,N. Goldfeld\n")
    new = load_new_data(config, done.fitted, file=paths.config_dir / "new.csv", facts=done.facts, with_target=False)
    assert new.x.shape == (1, 8)
