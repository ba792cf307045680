"""Generated sequences to tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.data.sources.repeats import tags
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths


@given(st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_code_is_tagged_where_it_occurred_before(rows: list[list[int]]) -> None:
    """The tags agree with the definition, step by step; padding is never a repetition."""
    plain = [[int(code != 0 and code in row[:step]) for step, code in enumerate(row)] for row in rows]
    assert tags(np.array(rows)).tolist() == plain


@pytest.mark.parametrize("form", ["integer", "one_hot", "binary", "number", {"repeated": "integer"}])
@pytest.mark.parametrize("arguments", [{}, {"rows": 3, "steps": 2, "codes": 1}, {"rows": 2, "steps": 1, "codes": 9}])
def test_every_fact_is_inferred(paths: DataPaths, listener, spec, form, arguments: dict) -> None:
    """Vocabulary, window, classes and positions are known without drawing, and codes stay integers."""
    done = load(spec("repeats", **arguments), form=form, seed=1, paths=paths, progress=listener)
    facts, findings = infer_facts(spec("repeats", **arguments), form=form, paths=paths)
    assert facts == done.facts
    assert [finding.name for finding in findings] == (["class-scored-as-number"] if form == "number" else [])
    steps, codes = arguments.get("steps", 20), arguments.get("codes", 15)
    assert (facts.vocabulary, facts.window) == (codes + 1, steps)
    assert (done.train.x.dtype, done.train.x.shape) == ("int32", (arguments.get("rows", 2000), steps))
    assert 0 <= done.train.x.min() <= done.train.x.max() <= codes
    y = done.train.y["repeated"] if isinstance(form, dict) else done.train.y
    more = {"one_hot": (2,), "binary": (1,)}.get(form if isinstance(form, str) else "", ())
    assert y.shape == (*done.train.x.shape, *more)


def test_the_same_arguments_give_the_same_sequences(paths: DataPaths, listener, spec) -> None:
    """The experiment's seed does not matter, the source's does; the shortest sequences are half as long."""
    one, other, third = (
        load(spec("repeats", seed=seed), form="integer", seed=run, paths=paths, progress=listener)
        for seed, run in ((0, 1), (0, 2), (1, 1))
    )
    assert one.digests == other.digests != third.digests
    lengths = (one.train.x != 0).sum(axis=1)
    assert (lengths.min(), lengths.max()) == (10, 20)
    assert 0.2 < one.train.y.mean() < 0.5


def test_more_sequences_come_from_a_file(paths: DataPaths, listener, spec) -> None:
    """An npz holds codes and tags, a csv only codes; another code is refused, as no embedding has a row for it."""
    config = spec("repeats", rows=5, steps=3, codes=4)
    done = load(config, form="one_hot", seed=1, paths=paths, progress=listener)
    folder = paths.config_dir
    np.savez(folder / "a.npz", x=np.array([[1, 1, 0]]), y=np.array([[0, 1, 0]]))
    new = load_new_data(config, done.fitted, file=folder / "a.npz", facts=done.facts, with_target=True)
    assert (new.x.dtype, new.y.argmax(axis=-1).tolist()) == ("int32", [[0, 1, 0]])
    (folder / "b.csv").write_text("1,2,0\n3,3,3\n")
    assert load_new_data(
        config, done.fitted, file=folder / "b.csv", facts=done.facts, with_target=False
    ).x.tolist() == [
        [1, 2, 0],
        [3, 3, 3],
    ]
    (folder / "c.csv").write_text("1,2,5\n")
    with pytest.raises(DataError, match="expected integer codes from 0 to 4"):
        load_new_data(config, done.fitted, file=folder / "c.csv", facts=done.facts, with_target=False)


@pytest.mark.parametrize("arguments", [{"rows": 0}, {"steps": 0}, {"codes": 0}, {"seed": -1}])
def test_arguments_of_no_sequences_are_reported(paths: DataPaths, spec, arguments: dict) -> None:
    """There must be rows, steps and codes."""
    _, findings = infer_facts(spec("repeats", **arguments), form="integer", paths=paths)
    assert [finding.name for finding in findings] == ["unusable-arguments"]
    assert next(iter(arguments)) in findings[0].text
