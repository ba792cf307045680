"""A file of one kind that is given to the source of another."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.files.file_kinds import file_kind

PNG, PARQUET, IDX = b"\x89PNG\r\n\x1a\n\0\0", b"PAR1\0\0\0\0PAR1", b"\0\0\x08\x03\0\0\0\1"


@pytest.fixture
def files(paths):
    """Write one file of each kind."""
    folder = paths.config_dir
    np.savez(folder / "a.npz", x=np.zeros((3, 2)), y=np.zeros(3))
    with zipfile.ZipFile(folder / "a.xlsx", "w") as sheet:
        sheet.writestr("xl/workbook.xml", "")
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("a.csv", "a,y\n1,2\n")
    for name, content in {"a.png": PNG, "a.parquet": PARQUET, "a.idx": IDX, "a.json": b'[{"a": 1}]'}.items():
        (folder / name).write_bytes(content)
    for name in ("a.csv", "a.txt", "a.data"):
        (folder / name).write_text("BM,y\n1,2\n3,5\n")
    return folder


def test_files_are_known_by_their_first_bytes(files) -> None:
    """A name counts only where any text would do."""
    kinds = {file.name: file_kind(file) for file in files.glob("a.*")}
    assert {name: kind for name, kind in kinds.items() if kind != name.partition(".")[2]} == {
        "a.png": "picture",
        "a.txt": None,
        "a.data": None,
    }
    (files / "a.parquet").rename(files / "b.csv")
    assert file_kind(files / "b.csv") == "parquet"


@pytest.mark.parametrize(
    ("source", "file", "hint"),
    [
        ("csv", "a.npz", "write `source: {npz: {file: a.npz}}`"),
        ("csv", "a.parquet", "write `source: {parquet: {file: a.parquet}}`"),
        ("csv", "a.xlsx", "save the sheet as csv"),
        ("csv", "a.json", "write it as csv"),
        ("csv", "a.png", "give a folder with one folder for each class"),
        ("csv", "a.idx", "write `source: {idx: {images: a.idx, labels: LABELS}}`"),
        ("npz", "a.csv", "write `source: {csv: {file: a.csv}}`"),
        ("npz", "a.zip", "unpack it"),
        ("parquet", "a.csv", "write `source: {csv: {file: a.csv}}`"),
        ("text", "a.npz", "write `source: {npz: {file: a.npz}}`"),
    ],
)
def test_the_source_that_reads_a_file_is_named(files, paths, spec, source: str, file: str, hint: str) -> None:
    """The finding says what the file is, and gives the line of the source that reads it, or how to convert it."""
    _, (found,) = infer_facts(spec(source, file=file), form="number", paths=paths)
    assert (found.name, found.path) == ("wrong-source", ("data", "source", source, "file"))
    assert hint in found.hint


def test_a_table_read_as_text_is_a_warning(files, paths, spec) -> None:
    """Its letters can be learned, but are probably not meant; words that look like numbers are words."""
    (files / "a.csv").write_text("a,b\n" + "1.5,nan\n" * 60)
    for level in ("character", "word"):
        config = spec("text", file="a.csv", window=5, level=level)
        _, found = infer_facts(config, form="integer", paths=paths)
        assert [(one.name, one.severity) for one in found] == [("table-as-text", "warning")]
        assert found[0].hint == "write `source: {csv: {file: a.csv}}`"


@pytest.mark.parametrize(("source", "file"), [("csv", "a.csv"), ("csv", "a.data"), ("text", "a.txt"), ("npz", "a.npz")])
def test_a_file_of_the_right_kind_is_read(files, paths, spec, source: str, file: str) -> None:
    """Nothing is said of it."""
    options = {"window": 2} if source == "text" else {}
    form = "integer" if source == "text" else "number"
    _, found = infer_facts(spec(source, file=file, **options), form=form, paths=paths)
    assert not {one.name for one in found} & {"wrong-source", "table-as-text"}
