"""Samples of a named set: counted classes, and a sheet of pictures that Pillow can read."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from nnrun.data.all_sources import SOURCES
from nnrun.data.named.samples import count_classes, write_sheet
from nnrun.errors import DataError


def test_classes_are_counted_by_name_where_the_files_are_there(paths) -> None:
    """Iris has fifty of each; a set of numbers, or one that is not there, has no counts."""
    assert count_classes("iris", SOURCES["iris"](), paths) == {"setosa": 50, "versicolor": 50, "virginica": 50}
    assert count_classes("diabetes", SOURCES["diabetes"](), paths) == {}
    assert count_classes("cifar10", SOURCES["cifar10"](), paths) == {}
    assert count_classes("metamorphosis", SOURCES["metamorphosis"](), paths) == {}


def test_the_sheet_is_a_picture_with_a_row_for_each_class(paths) -> None:
    """Digits give ten rows of ten: a picture taller than one row and not empty."""
    file = paths.config_dir / "sheet.png"
    write_sheet("digits", SOURCES["digits"](), paths, file)
    with Image.open(file) as picture:
        assert min(picture.size) > 300
        assert len(np.unique(np.asarray(picture.convert("L")))) > 10


def test_a_sheet_that_cannot_be_drawn_is_refused(paths) -> None:
    """No pictures, no files, no such format."""
    with pytest.raises(DataError, match="iris has no pictures"):
        write_sheet("iris", SOURCES["iris"](), paths, paths.config_dir / "a.png")
    with pytest.raises(DataError, match="cifar10 is not on this machine"):
        write_sheet("cifar10", SOURCES["cifar10"](), paths, paths.config_dir / "a.png")
    with pytest.raises(DataError, match="the sheet cannot be written"):
        write_sheet("digits", SOURCES["digits"](), paths, paths.config_dir / "a.nothing")
