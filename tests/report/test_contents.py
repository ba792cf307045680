"""Reading a run folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnrun.errors import RunError
from nnrun.report.contents import mapping, number, read
from nnrun.report.page import report

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder

VALUES = st.one_of(
    st.floats(), st.integers(-5, 10**6), st.sampled_from(["nan", "inf", "-inf", "no number"]), st.none(), st.booleans()
)
ROWS = st.dictionaries(
    st.sampled_from(["epoch", "fold", "loss", "val_loss", "accuracy", "learning_rate", "seconds", "a<b"]), VALUES
)


def test_everything_there_is_read(finished: Callable[..., RunFolder]) -> None:
    """The texts, scores, predictions and files of a folder come back as they lie there."""
    folder = finished(names=("a", "b"))
    folder.write_text(folder.log, "one\ntwo\n")
    contents = read(folder)
    assert contents.config == folder.config.read_text(encoding="utf-8")
    assert contents.log == "one\ntwo\n"
    assert contents.scores == json.loads(folder.scores.read_bytes())
    assert len(contents.predictions) == 61
    assert dict(contents.files)["log.txt"] == 8
    assert contents.notes == ()


def test_a_report_lists_no_file_of_its_own(finished: Callable[..., RunFolder]) -> None:
    """A second report says the same as the first: what the first wrote is no part of the run."""
    folder = finished(names=("a", "b"))
    before = read(folder).files
    folder.write_text(folder.report, "old")
    folder.write_text(folder.plots / "old.svg", "old")
    assert read(folder).files == before


def test_no_record_no_run(tmp_path: Any, finished: Callable[..., RunFolder]) -> None:
    """A folder without a record is refused as no run."""
    folder = finished()
    folder.record.unlink()
    with pytest.raises(RunError, match=r"has no record\.json"):
        read(folder)


@pytest.mark.parametrize("name", ["scores", "predictions", "metrics"])
def test_a_damaged_file_is_said_and_the_rest_is_read(name: str, finished: Callable[..., RunFolder]) -> None:
    """What cannot be read is left out and named; the page is made all the same."""
    folder = finished(names=("a", "b"))
    getattr(folder, name).write_bytes(b"{\xff\n" + b'{"epoch": 1, "loss": 1.0}\n' + b"\x00" * 5 + b"\n")
    contents = read(folder)
    assert len(contents.notes) == 1
    assert name in contents.notes[0]
    assert contents.notes[0].partition("\n")[0].split(":")[0] in report(folder).page


def test_a_missing_file_is_no_damage(finished: Callable[..., RunFolder]) -> None:
    """A run that came to no scores has none, without a note."""
    contents = read(finished(status="failed", error="no data"))
    assert contents.notes == ()
    assert contents.scores == {}
    assert contents.predictions == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(rows=st.lists(ROWS, max_size=6), torn=st.sampled_from(["", '{"epoch": 9, "lo', "\x00\x00", "[1, 2"]))
def test_any_metrics_make_a_page(
    rows: list[dict[str, Any]], torn: str, finished: Callable[..., RunFolder], page: Callable[[RunFolder], Any]
) -> None:
    """Whatever a metrics file holds, words for numbers, missing keys or a torn end: there is a whole page."""
    folder = finished()
    folder.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows) + torn, encoding="utf-8")
    assert page(folder).find(".//h1").text == "made"


@given(value=st.floats())
def test_a_number_is_read_as_it_was_written(value: float) -> None:
    """A figure comes back from the form that a run folder keeps it in, NaN and the infinities included."""
    from nnrun.runs.json_text import plain

    back = number(plain(value))
    assert back == value or (back != back and value != value)  # noqa: PLR0124 - NaN is not itself


@pytest.mark.parametrize("value", ["1.0", True, None, [1], {}])
def test_anything_else_is_no_number(value: object) -> None:
    """Text, truth values and lists are no figures."""
    assert number(value) is None


def test_only_a_mapping_is_a_mapping() -> None:
    """Where a mapping is expected, anything else counts as an empty one."""
    assert mapping({"a": 1}) == {"a": 1}
    assert mapping([1]) == {}
