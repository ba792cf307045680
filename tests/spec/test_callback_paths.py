"""Paths that callbacks write: inside the run folder, and never over files of the run's own."""

from __future__ import annotations

from inspect import getmembers
from math import inf, nan
from pathlib import Path, PurePosixPath
from posixpath import normpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.catalog import lookup
from nnrun.runs.folder import RunFolder
from nnrun.spec.callback_paths import output_path, problem, shared
from nnrun.spec.part import Part
from nnrun.spec.part_form import OUTPUT_PATHS

#: Callbacks with a text that is no path of the run folder.
NOT_WRITTEN = {
    ("RemoteMonitor", "root"),
    ("RemoteMonitor", "path"),
    ("TensorBoard", "embeddings_metadata"),
    ("TensorBoard", "profile_batch"),
}


def made(name: str, value: object = None, **arguments: object):
    """Return the output path of a callback whose path argument has this value."""
    given = {} if value is None else {OUTPUT_PATHS[name][0]: value}
    return output_path(Part("callbacks", name, {**given, **arguments}, ("training", "callbacks", 0)))


def own_paths() -> list[str]:
    """Return every path of a run that nnrun itself writes, relative to the run folder."""
    folder = RunFolder(Path("run"))
    paths = [value for _, value in getmembers(folder) if isinstance(value, Path) and value != folder.path]
    return [path.relative_to(folder.path).as_posix() for path in paths]


def test_every_callback_that_writes_has_a_rule() -> None:
    """Each argument of a callback that names a file or folder is known, with a default that is accepted."""
    words = ("file", "dir", "path", "root", "metadata")
    written = {
        (name, argument)
        for name in lookup.names("callbacks")
        for argument in lookup.entry("callbacks", name).parameters
        if any(word in argument for word in words)
    }
    assert written - NOT_WRITTEN == {(name, argument) for name, (argument, _) in OUTPUT_PATHS.items()}
    assert [problem(made(name)) for name in OUTPUT_PATHS] == [None] * len(OUTPUT_PATHS)


@pytest.mark.parametrize("own", [*own_paths(), "scores_last_test.json", "folds/00/record.json", ".lock", "STATE/x"])
@pytest.mark.parametrize("name", OUTPUT_PATHS)
def test_no_callback_may_write_what_is_the_runs_own(name: str, own: str) -> None:
    """Each file and folder of a run is refused, however it is written, and what lies inside its folders."""
    for written in (own, f"./{own}", f"a/../{own}", own.upper()):
        found = problem(made(name, written))
        assert found is not None, written
        assert found[1].startswith(f"write {OUTPUT_PATHS[name][0]}: ")
    if own in ("sources", "state", "plots", "folds"):
        assert problem(made(name, f"{own}/mine/file.keras")) is not None


@pytest.mark.parametrize("name", OUTPUT_PATHS)
@pytest.mark.parametrize(
    "written",
    [
        ".",
        "",
        "..",
        "../x",
        "a/../../x",
        "/etc/x",
        "//x",
        "C:/x",
        "c:x",
        "..\\x",
        "checkpoints",
        "checkpoints/..",
        "a\0b",
        "a\nb",
    ],
)
def test_no_callback_leaves_the_run_folder(name: str, written: str) -> None:
    """The run folder itself, its parents, other disks and names with control characters are refused."""
    assert problem(made(name, written)) is not None


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("CSVLogger", "logs/epochs.csv"),
        ("CSVLogger", "{epoch:c}.csv"),
        ("CSVLogger", "..hidden.csv"[2:]),
        ("TensorBoard", "tb/first"),
        ("BackupAndRestore", "checkpoints/backup"),
        ("ModelCheckpoint", "checkpoints/{epoch:03d}-{val_loss:.4f}.keras"),
        ("ModelCheckpoint", "{epoch}/{val_accuracy:.2%}.weights.h5"),
        ("ModelCheckpoint", "بهترین-{epoch:>4}.keras"),
        ("ModelCheckpoint", "best.keras"),
    ],
)
def test_usual_paths_are_accepted(name: str, written: str) -> None:
    """Folders and patterns of figures of one's own are accepted; only a checkpoint's path is a pattern."""
    assert problem(made(name, written)) is None


@pytest.mark.parametrize(
    "field",
    [
        "{epoch:c}",
        "{epoch!s:.0}",
        "{epoch!r}",
        "{epoch:.>4}",
        "{epoch:/>9}",
        "{epoch:{batch}c}",
        "{epoch:0300d}",
        "{epoch:.2s}",
        "{val_loss:02d}",
        "{epoch.real}",
        "{epoch[0]}",
        "{epoch:%Y}",
    ],
)
def test_a_field_can_only_become_a_number(field: str) -> None:
    """Formats that make other characters of a number, fill it up or fail after the first epoch are refused."""
    found = problem(made("ModelCheckpoint", f"checkpoints/{field}.keras"))
    assert found is not None
    assert field in found[0]


_SPECS = st.text("c.<>=^ +-#0123456789,_bdeEfFgGnoxX%s/!", max_size=5)
_FIELDS = st.builds(
    "{{{}{}{}}}".format,
    st.sampled_from(["epoch", "loss"]),
    st.sampled_from(["", "!s", "!r"]),
    _SPECS.map(lambda spec: f":{spec}" if spec else ""),
)
_PIECES = st.sampled_from(["..", ".", "/", "a", "checkpoints", "best", "last", "state", "config.yaml", "\\", ":"])


@given(
    st.lists(st.one_of(_FIELDS, _PIECES), max_size=6),
    st.integers(1, 1_200_000),
    st.sampled_from([0.5, -1e-9, nan, inf, 46.0]),
)
def test_an_accepted_pattern_stays_inside_whatever_an_epoch_has(pieces: list[str], epoch: int, loss: float) -> None:
    """With any figures of an epoch, an accepted path is inside the run folder and none of the run's own."""
    written = f"{''.join(pieces)}.keras"
    output = made("ModelCheckpoint", written)
    if problem(output) is not None:
        return
    place = normpath(written.format(epoch=epoch, loss=loss))
    assert not PurePosixPath(place).is_absolute()
    assert ".." not in PurePosixPath(place).parts
    own = own_paths()
    assert place not in own
    assert not any(path != "checkpoints" and PurePosixPath(place).is_relative_to(path) for path in own)


def test_two_callbacks_do_not_write_to_one_place() -> None:
    """The same path twice, and a path inside of what another callback removes at its end, are found."""
    logger, other = made("CSVLogger", "a/x.csv"), made("CSVLogger", "b.csv")
    backup = made("BackupAndRestore", "a")
    assert list(shared([logger, other])) == []
    assert [other for _, other in shared([logger, made("CSVLogger", "./A/x.csv")])] == [logger]
    assert list(shared([logger, backup])) == [(backup, logger)]
    assert list(shared([backup, logger])) == [(logger, backup)]


def test_a_checkpoint_that_asks_for_the_best_model_writes_nothing_of_its_own() -> None:
    """Its model is the run's own `best.keras`."""
    assert made("ModelCheckpoint", save_best_only=True) is None
