"""The sections of model, config and run."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from nnrun.report.run_contents import read_run
from nnrun.report.run_info import config_section, date_and_duration, model_section, run_section, warnings

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder


def test_the_run_is_described_by_its_record(finished: Callable[..., RunFolder]) -> None:
    """Command, seed, executor with its reason, versions, machine and durations are those of the record."""
    folder = finished()
    record = json.loads(folder.record.read_bytes())
    folder.write_json(folder.record, {**record, "seconds": {"load": 0.5, "train": 75.0}, "digests": {"config": "ab12"}})
    section = run_section(read_run(folder))
    terms = dict(section.terms)
    assert terms["command"] == "nnrun train made --set seed=7"
    assert terms["seed"] == "7"
    assert terms["executor"] == "resident: the data fit in memory"
    assert f"NumPy {record['versions']['numpy']}" in terms["versions"]
    assert record["host"] in terms["machine"]
    seconds, digests, files = section.tables
    assert seconds.rows == (("load", "500 ms"), ("train", "1 min 15 s"))
    assert digests.rows == (("config", "ab12"),)
    assert "record.json" in [row[0] for row in files.rows]


def test_the_config_is_shown_as_written(finished: Callable[..., RunFolder]) -> None:
    """The user's text is open, the resolved one collapsed, and the changes of the command line are listed."""
    folder = finished()
    section = config_section(read_run(folder))
    written, resolved = section.texts
    assert written.content == folder.config.read_text(encoding="utf-8")
    assert (written.collapsed, resolved.collapsed) == (False, True)
    assert section.notes == ("Changed on the command line: seed=7",)


def test_the_drawing_of_the_model_is_an_image(finished: Callable[..., RunFolder]) -> None:
    """The drawing is embedded as an image; the table of layers is a text."""
    folder = finished()
    assert model_section(read_run(folder)).is_empty
    folder.write_text(folder.model_svg, "<svg/>")
    folder.write_text(folder.summary, "Model\n Total params: 47,850 (186.91 KB)\n")
    section = model_section(read_run(folder))
    head, _, content = section.images[0].source.partition(",")
    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(content) == b"<svg/>"
    assert section.terms == (("parameters", "47,850"),)


def test_a_record_edited_by_hand_is_no_error(finished: Callable[..., RunFolder]) -> None:
    """Fields that are missing are skipped, and so is a time that is none."""
    folder = finished()
    folder.write_json(folder.record, {"status": "done", "start": "yesterday"})
    contents = read_run(folder)
    assert "seed" in dict(run_section(contents).terms)
    assert date_and_duration(contents) == ""
    assert warnings(contents) == ()


def test_date_and_duration(finished: Callable[..., RunFolder]) -> None:
    """A finished run has a start and a duration, a running one only a start."""
    folder = finished()
    record = json.loads(folder.record.read_bytes())
    times = {"start": "2026-11-25T08:02:48.553+00:00", "end": "2026-11-25T08:02:55.653+00:00"}
    folder.write_json(folder.record, {**record, **times})
    assert date_and_duration(read_run(folder)) == "2026-11-25 08:02 UTC, took 7.1 s"
    folder.write_json(folder.record, {**record, **times, "end": None})
    assert date_and_duration(read_run(folder)) == "2026-11-25 08:02 UTC"
    # The clock was set back.
    folder.write_json(folder.record, {**record, **times, "end": "2026-11-25T08:02:47.000+00:00"})
    assert date_and_duration(read_run(folder)) == "2026-11-25 08:02 UTC"
