"""The source idx: pictures and labels in two files, or four."""

from __future__ import annotations

import numpy as np
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.files.idx import write_idx
from nnrun.data.load import load
from nnrun.data.sources.idx import Idx
from nnrun.errors import DataError


@pytest.fixture
def files(paths) -> dict[str, str]:
    """Four IDX files, two of them gzipped."""
    arrays = {
        "images": np.arange(36, dtype="uint8").reshape(4, 3, 3),
        "labels": np.array([0, 1, 0, 1], dtype="uint8"),
        "test_images": np.zeros((2, 3, 3), dtype="uint8"),
        "test_labels": np.array([1, 0], dtype="uint8"),
    }
    names = {"images": "a.gz", "labels": "b", "test_images": "c", "test_labels": "d.gz"}
    for key, array in arrays.items():
        write_idx(paths.config_dir / names[key], array)
    return names


def test_pictures_and_labels_are_read(paths, listener, spec, files) -> None:
    """Shape and rows come from the headers; the test part is the set's own."""
    facts, findings = infer_facts(spec("idx", **files), form="integer", paths=paths)
    done = load(spec("idx", **files), form="integer", seed=1, paths=paths, progress=listener)
    assert findings == ()
    assert (facts.input_shape, facts.rows) == ((3, 3), {"train": 4, "test": 2})
    assert (facts.input_shape, facts.rows) == (done.facts.input_shape, done.facts.rows)
    assert done.test.y.tolist() == [1, 0]


def test_labels_of_another_set_are_refused(paths, listener, files) -> None:
    """Another number of labels than pictures is refused with the file's name."""
    with pytest.raises(DataError, match=r"expected as many labels as examples \(4 in a\.gz\), received 2"):
        Idx("a.gz", "d.gz").load(paths, listener)


@pytest.mark.parametrize(
    ("key", "content", "name"), [("labels", None, "missing-file"), ("images", b"no", "unreadable-data")]
)
def test_a_wrong_file_is_reported_at_its_key(paths, spec, files, key: str, content, name: str) -> None:
    """`check` points at the argument that names the file."""
    (paths.config_dir / files[key]).unlink()
    if content is not None:
        (paths.config_dir / files[key]).write_bytes(content)
    _, findings = infer_facts(spec("idx", **files), form="integer", paths=paths)
    assert [(finding.path[-1], finding.name) for finding in findings] == [(key, name)]


def test_half_a_test_part_is_refused() -> None:
    """Pictures without labels are not a test part."""
    with pytest.raises(ValueError, match="needs both test_images and test_labels"):
        Idx("a", "b", test_images="c")
