"""The files of a run folder as plain data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnrun.errors import RunError
from nnrun.report.page import make_report, prediction_sections
from nnrun.report.run_contents import as_mapping, read_run
from nnrun.runs.json_files import as_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder

# Drawing plots imports matplotlib and scikit-learn, which takes 2 s.
pytestmark = pytest.mark.slow

VALUES = st.one_of(
    st.floats(), st.integers(-5, 10**6), st.sampled_from(["nan", "inf", "-inf", "no number"]), st.none(), st.booleans()
)
ROWS = st.dictionaries(
    st.sampled_from(["epoch", "fold", "loss", "val_loss", "accuracy", "learning_rate", "seconds", "a<b"]), VALUES
)


def test_every_file_is_read(finished: Callable[..., RunFolder]) -> None:
    """The texts, scores, predictions and files of a folder are returned unchanged."""
    folder = finished(names=("a", "b"))
    folder.write_text(folder.log, "one\ntwo\n")
    contents = read_run(folder)
    assert contents.config == folder.config.read_text(encoding="utf-8")
    assert contents.log == "one\ntwo\n"
    assert contents.scores == json.loads(folder.scores.read_bytes())
    assert len(contents.predictions) == 61
    assert dict(contents.files)["log.txt"] == 8
    assert contents.damaged == ()


def test_a_report_does_not_list_its_own_files(finished: Callable[..., RunFolder]) -> None:
    """The files of an earlier report are not listed, so that a second report equals the first."""
    folder = finished(names=("a", "b"))
    before = read_run(folder).files
    folder.write_text(folder.report, "old")
    folder.write_text(folder.plots / "old.svg", "old")
    assert read_run(folder).files == before


def test_a_folder_without_a_record_is_refused(tmp_path: Any, finished: Callable[..., RunFolder]) -> None:
    """A folder without a record is not a run."""
    folder = finished()
    folder.record.unlink()
    with pytest.raises(RunError, match=r"has no record\.json"):
        read_run(folder)


@pytest.mark.parametrize("name", ["scores", "predictions", "metrics"])
def test_a_damaged_file_is_reported_and_the_rest_is_read(name: str, finished: Callable[..., RunFolder]) -> None:
    """A file that cannot be read is left out and named on the page."""
    folder = finished(names=("a", "b"))
    getattr(folder, name).write_bytes(b"{\xff\n" + b'{"epoch": 1, "loss": 1.0}\n' + b"\x00" * 5 + b"\n")
    contents = read_run(folder)
    assert len(contents.damaged) == 1
    assert name in contents.damaged[0]
    assert contents.damaged[0].partition("\n")[0].split(":")[0] in make_report(folder).page


def test_a_missing_file_is_not_damaged(finished: Callable[..., RunFolder]) -> None:
    """A run that ended without scores has none, without a warning."""
    contents = read_run(finished(status="failed", error="no data"))
    assert contents.damaged == ()
    assert contents.scores == {}
    assert contents.predictions == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(rows=st.lists(ROWS, max_size=6), incomplete=st.sampled_from(["", '{"epoch": 9, "lo', "\x00\x00", "[1, 2"]))
def test_any_metrics_make_a_page(
    rows: list[dict[str, Any]], incomplete: str, finished: Callable[..., RunFolder], page: Callable[[RunFolder], Any]
) -> None:
    """A metrics file with texts for numbers, missing keys or an incomplete end gives a complete page."""
    folder = finished()
    folder.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows) + incomplete, encoding="utf-8")
    assert page(folder).find(".//h1").text == "made"


@given(value=st.floats())
def test_a_number_is_read_as_it_was_written(value: float) -> None:
    """A number is parsed from the form that a run folder keeps it in, NaN and infinities included."""
    from nnrun.runs.json_files import to_plain

    back = as_number(to_plain(value))
    assert back == value or (back != back and value != value)  # noqa: PLR0124 - NaN is not itself


@pytest.mark.parametrize("value", ["1.0", True, None, [1], {}])
def test_anything_else_is_not_a_number(value: object) -> None:
    """Texts, booleans and lists are not numbers."""
    assert as_number(value) is None


def test_anything_but_a_mapping_is_an_empty_one() -> None:
    """A value of another type than a mapping counts as an empty mapping."""
    assert as_mapping({"a": 1}) == {"a": 1}
    assert as_mapping([1]) == {}


@pytest.mark.parametrize("content", [b"no archive", b"PK\x03\x04torn"])
def test_a_damaged_file_of_images_is_reported(content: bytes, finished: Callable[..., RunFolder]) -> None:
    """A report is made without the images of a damaged file, and states what is wrong with it."""
    folder = finished(names=("a", "b"))
    folder.mistakes.write_bytes(content)
    contents = read_run(folder)
    assert "mistakes.npz: File is not a zip file" in contents.damaged[0]
    assert prediction_sections(contents)[0].images == ()


def test_a_file_of_other_arrays_has_no_images(finished: Callable[..., RunFolder]) -> None:
    """Arrays of another shape or type are not drawn."""
    folder = finished(names=("a", "b"))
    with folder.mistakes.open("wb") as file:
        np.savez_compressed(file, rows=[1], pictures=np.zeros((1, 8, 8)))
    (text,) = read_run(folder).damaged
    assert "mistakes.npz: expected whole numbers as rows, and uint8 pictures of shape (height, width, 1 or 3)" in text
