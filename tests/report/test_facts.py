"""The sections of model, config and run."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from nnrun.report import facts
from nnrun.report.contents import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder


def test_the_run_is_told_by_its_record(finished: Callable[..., RunFolder]) -> None:
    """Command, seed, executor with its reason, versions, machine and phases are those of the record."""
    folder = finished()
    record = json.loads(folder.record.read_bytes())
    folder.write_json(folder.record, {**record, "seconds": {"load": 0.5, "train": 75.0}, "digests": {"config": "ab12"}})
    section = facts.run(read(folder))
    told = dict(section.terms.pairs)
    assert told["command"] == "nnrun train made --set seed=7"
    assert told["seed"] == "7"
    assert told["executor"] == "resident: the data fit in memory"
    assert f"NumPy {record['versions']['numpy']}" in told["versions"]
    assert record["host"] in told["machine"]
    seconds, digests, files = section.tables
    assert seconds.rows == (("load", "500 ms"), ("train", "1 min 15 s"))
    assert digests.rows == (("config", "ab12"),)
    assert "record.json" in [row[0] for row in files.rows]


def test_the_config_is_shown_as_written(finished: Callable[..., RunFolder]) -> None:
    """The user's text stands open, the resolved one closed, and what the command line changed is said."""
    folder = finished()
    section = facts.config(read(folder))
    written, resolved = section.texts
    assert written.content == folder.config.read_text(encoding="utf-8")
    assert (written.folded, resolved.folded) == (False, True)
    assert section.notes == ("Changed on the command line: seed=7",)


def test_the_picture_of_the_model_is_in_the_page(finished: Callable[..., RunFolder]) -> None:
    """The drawing is carried as a picture, the table beside it as text."""
    folder = finished()
    assert facts.model(read(folder)).is_empty
    folder.write_text(folder.model_svg, "<svg/>")
    folder.write_text(folder.summary, "Model\n Total params: 47,850 (186.91 KB)\n")
    section = facts.model(read(folder))
    head, _, content = section.pictures[0].source.partition(",")
    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(content) == b"<svg/>"
    assert section.terms.pairs == (("parameters", "47,850"),)


def test_a_record_changed_by_hand_makes_no_trouble(finished: Callable[..., RunFolder]) -> None:
    """Fields that are missing or of another kind are passed over."""
    folder = finished()
    fields = {"status": "done", "argv": "x", "seconds": [], "facts": {"input_shape": 3}, "git": 1}
    folder.write_json(folder.record, {**fields, "start": "yesterday", "warnings": "none", "digests": None})
    contents = read(folder)
    assert "seed" in dict(facts.run(contents).terms.pairs)
    assert facts.when(contents) == ""
    assert facts.warnings(contents) == ()


def test_when_and_how_long(finished: Callable[..., RunFolder]) -> None:
    """A run that is over says how long it took, and one that goes on when it began."""
    folder = finished()
    record = json.loads(folder.record.read_bytes())
    times = {"start": "2026-11-25T08:02:48.553+00:00", "end": "2026-11-25T08:02:55.653+00:00"}
    folder.write_json(folder.record, {**record, **times})
    assert facts.when(read(folder)) == "2026-11-25 08:02 UTC, took 7.1 s"
    folder.write_json(folder.record, {**record, **times, "end": None})
    assert facts.when(read(folder)) == "2026-11-25 08:02 UTC"
