"""A state whose digest is right may still have been made by anybody: its document is checked before it is used."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nnrun.engine.state.saver import position_of
from nnrun.engine.state.state_file import State, read_state, write_state
from nnrun.errors import RunError
from nnrun.pipeline.run_state import lane_of, parse_run_state, read_run_state

FROZEN = Path(__file__).resolve().parents[1] / "frozen_runs" / "state_1"
STATES = [FROZEN / "interrupted/state/last.safetensors", FROZEN / "k_fold/folds/00/state/last.safetensors"]
WRONG = (None, [], {}, "x\x1b[31m", -1, 1.5, 1e308, 2**70, True, [[None]], {"a": [1]}, "nan")
#: The keys of the document that nnrun reads itself; what a callback has saved is the callback's.
READ = ("position", "files", "context")
#: What holds a wrong value without being wrong: numbers where there are any, and what may be missing.
NUMBERS = ("learning_rate", "seconds", "loss", "accuracy", "val_loss", "val_accuracy")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of a document and of everything in it that is read."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if path or key in READ:
            yield from places(item, (*path, key))


def changed(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return the document with another value at a place."""
    document = copy.deepcopy(document)
    here: Any = document
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    return document


@pytest.mark.parametrize("file", STATES, ids=lambda path: path.parts[-3])
def test_a_value_of_another_type_is_refused_with_its_key(file: Path, tmp_path: Path) -> None:
    """Whatever stands in place of any value that is read, the state is refused with the key, or it is such a value."""
    state, path = read_state(file), tmp_path / "last.safetensors"
    assert read_run_state(file).sha256 == parse_run_state(file, file.read_bytes()).sha256 == state.sha256
    refused = 0
    for place in places(state.document):
        for wrong in WRONG:
            write_state(path, changed(state.document, place, wrong), {})
            found = read_or_error(path)
            if isinstance(found, str):
                assert str(place[0]) in found
                assert "\x1b" not in found
                refused += 1
                continue
            position = position_of(found)
            assert isinstance(position.epoch, int)
            assert isinstance(position.step, int)
            assert place[-1] in NUMBERS or isinstance(wrong, type(_at(state.document, place))) or wrong is None
    assert refused > 100


def read_or_error(path: Path) -> State | str:
    """Read a state; return the text of the error instead if it is refused."""
    try:
        return read_run_state(path)
    except RunError as error:
        return error.text


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


@pytest.mark.parametrize("key", ["position", "callbacks", "context"])
def test_a_missing_key_is_refused(tmp_path: Path, key: str) -> None:
    """A state without one of its parts is refused with the name of the part."""
    document = dict(read_state(STATES[0]).document)
    del document[key]
    path = tmp_path / "last.safetensors"
    write_state(path, document, {})
    with pytest.raises(RunError, match=f"expected a value for '{key}'"):
        read_run_state(path)


@pytest.mark.parametrize(
    "mapped",
    [
        {"lanes": 8},
        {"lanes": 8, "lane": 8},
        {"lanes": 8, "lane": -1},
        {"lanes": 10**9, "lane": 0},
        {"lanes": "8", "lane": 0},
        {"lanes": 8.0, "lane": 0},
        [8, 0],
        "8",
    ],
)
def test_a_record_that_names_no_lane_is_refused(mapped: Any) -> None:
    """A record may come from anywhere: so many lanes as it likes would fill the memory."""
    with pytest.raises(RunError, match="names no lane of a mapped program"):
        lane_of({"mapped": mapped})


def test_a_run_keeps_its_lane() -> None:
    """Resumed or reproduced alone, it has the place that its record names; without one it has none."""
    found = lane_of({"mapped": {"lanes": 8, "lane": 3}})
    assert found is not None
    assert (found.lanes.size, found.number) == (8, 3)
    assert lane_of({}) is None
