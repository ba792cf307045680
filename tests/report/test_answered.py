"""The sections of answers and of written texts."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from nnrun.report.answered import answers, samples
from nnrun.report.contents import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder


def test_classes_have_all_their_plots_and_tables(finished: Callable[..., RunFolder]) -> None:
    """Confusion, thresholds, calibration, classes; and tables of classes, confusions and mistakes."""
    folder = finished(names=("a", "b", "c"))
    (section,) = answers(read(folder))
    assert {plot.name for plot in section.plots} == {
        "confusion_matrix",
        "per_class",
        "error_rates",
        "roc",
        "precision_recall",
        "calibration",
    }
    classes, confusions, mistakes = section.tables
    assert [row[0] for row in classes.rows] == ["a", "b", "c"]
    worst = json.loads(folder.scores.read_bytes())["test"]["worst"]
    assert [row[:3] for row in mistakes.rows] == [(str(one["row"]), one["truth"], one["prediction"]) for one in worst]
    assert sum(int(row[2]) for row in confusions.rows) == json.loads(folder.scores.read_bytes())["test"]["errors"]


def test_many_classes_have_no_curves_on_top_of_each_other(finished: Callable[..., RunFolder]) -> None:
    """Curves are drawn for a few classes only."""
    (section,) = answers(read(finished(names=tuple(f"c{at}" for at in range(12)))))
    assert not {"roc", "precision_recall"} & {plot.name for plot in section.plots}
    assert "calibration" in {plot.name for plot in section.plots}


def test_the_mistakes_of_folds_are_found_in_the_predictions(crossed: Callable[..., RunFolder]) -> None:
    """A cross-validation lists its most confident mistakes too, the most confident first."""
    (section,) = answers(read(crossed()))
    table = next(table for table in section.tables if table.caption.startswith("The worst"))
    confidences = [float(row[3]) for row in table.rows]
    assert confidences
    assert confidences == sorted(confidences, reverse=True)
    assert all(row[1] != row[2] for row in table.rows)


def test_numbers_have_their_plots_and_the_largest_residuals(finished: Callable[..., RunFolder]) -> None:
    """Of a regression: the three plots, and the rows that are furthest off."""
    (section,) = answers(read(finished(names=())))
    assert [plot.name for plot in section.plots] == ["predicted_true", "residuals", "residual_histogram"]
    (table,) = section.tables
    sizes = [abs(float(row[3])) for row in table.rows]
    assert len(sizes) == 20
    assert sizes == sorted(sizes, reverse=True)


def test_a_run_without_predictions_has_no_answers(finished: Callable[..., RunFolder]) -> None:
    """There is no section where there is nothing to say."""
    assert answers(read(finished())) == []


def test_written_texts_are_shown_with_what_they_go_on_from(finished: Callable[..., RunFolder]) -> None:
    """The first and the last pieces are shown as they were written, each under its epoch."""
    folder = finished()
    assert samples(read(folder)).is_empty
    lines = [{"epoch": epoch, "seed_text": "Once ", "text": f"<b>{epoch}\n"} for epoch in range(1, 21)]
    folder.write_text(folder.samples, "".join(json.dumps(line) + "\n" for line in lines) + '{"epoch": 21, "te')
    section = samples(read(folder))
    assert [text.title for text in section.texts] == [
        f"After epoch {epoch}" for epoch in (1, 2, 3, 14, 15, 16, 17, 18, 19, 20)
    ]
    assert section.texts[0].content == "Once <b>1\n"
    assert section.notes == ("10 of 20 pieces: the first and the last.",)


def test_the_worst_mistakes_are_seen_where_they_are_kept(finished: Callable[..., RunFolder]) -> None:
    """Each kept picture is in the page pixel by pixel, under what it is and what it was taken for."""
    folder = finished(names=("a", "b"))
    worst = json.loads(folder.scores.read_bytes())["test"]["worst"]
    kept = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)
    with folder.mistakes.open("wb") as file:
        np.savez_compressed(file, rows=[worst[1]["row"], 9999], pictures=kept)
    (section,) = answers(read(folder))
    (picture,) = section.pictures
    assert picture.alt == f"Row {worst[1]['row']}: {worst[1]['truth']}, taken for {worst[1]['prediction']}"
    shown = Image.open(io.BytesIO(base64.b64decode(picture.source.partition(",")[2])))
    assert np.array_equal(np.asarray(shown), kept[0])


@pytest.mark.parametrize("content", [b"no archive", b"PK\x03\x04torn"])
def test_a_damaged_file_of_pictures_is_said(content: bytes, finished: Callable[..., RunFolder]) -> None:
    """A page is made without the pictures, and says what is wrong with their file."""
    folder = finished(names=("a", "b"))
    folder.mistakes.write_bytes(content)
    contents = read(folder)
    assert "mistakes.npz is damaged" in contents.notes[0]
    assert answers(contents)[0].pictures == ()


def test_a_file_of_something_else_is_no_picture(finished: Callable[..., RunFolder]) -> None:
    """Arrays of another kind are not drawn."""
    folder = finished(names=("a", "b"))
    with folder.mistakes.open("wb") as file:
        np.savez_compressed(file, rows=[1], pictures=np.zeros((1, 8, 8)))
    assert read(folder).notes == ("mistakes.npz holds no pictures",)
