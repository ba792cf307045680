"""Run folders that were edited, damaged or made by somebody else: a message or a result, never a crash."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnrun.cli.main import nnrun
from nnrun.errors import RunError
from nnrun.runs import documents, metrics
from nnrun.runs.find import list_runs
from nnrun.runs.folder import RunFolder
from nnrun.runs.mistakes import read_mistakes
from nnrun.runs.predictions import read_predictions

FROZEN = Path(__file__).resolve().parent.parent / "frozen_runs" / "0.1.0"
KINDS = ("table", "pictures", "k_fold", "text", "graph")
#: Values that stand where others are expected.
VALUES: list[Any] = [None, True, 0, -1, 0.5, 1e308, -1e308, 10**30, 2**31, 2**62, "", "x", "nan", "-inf", "$classes"]
VALUES += [
    "\x1b[31m\u202e<script>",
    [],
    [1],
    ["a"],
    [None],
    [[1, 2], [3]],
    {},
    {"a": {}},
    {"a": 1},
    [1e308, -1e308],
    "9" * 400,
]
#: Contents that are no such document at all.
CONTENTS = [
    "",
    "[",
    "[" * 100_000,
    "{",
    "null",
    "[]",
    "1",
    "NaN",
    '{"a": NaN}',
    "\x00" * 10,
    '{"a":' * 3000,
    '{"epoch": 1e999}',
]
READERS: dict[str, Callable[[RunFolder], object]] = {
    "record.json": documents.read_record,
    "scores.json": documents.read_scores_if_any,
    "model.json": documents.read_model,
    "prepare.json": documents.read_preparation,
    "metrics.jsonl": lambda folder: (metrics.read(folder.metrics), metrics.read_last(folder.metrics)),
    "samples.jsonl": metrics.read_samples,
    "predictions.csv": lambda folder: read_predictions(folder.predictions),
    "mistakes.npz": read_mistakes,
}
slow_io = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def places(value: Any, keys: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the keys that lead to each value of a document; of a list only to the first items."""
    inner = value.items() if isinstance(value, dict) else enumerate(value[:4]) if isinstance(value, list) else ()
    return [keys, *(found for key, item in inner for found in places(item, (*keys, key)))]


def changed(value: Any, keys: tuple[Any, ...], new: Any, *, remove: bool) -> Any:
    """Return a document with one value replaced, or left out."""
    if not keys:
        return new
    inner = value
    for key in keys[:-1]:
        inner = inner[key]
    if remove:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = new
    return value


@st.composite
def damages(draw: st.DrawFn, names: tuple[str, ...] = tuple(READERS)) -> tuple[str, str, bytes]:
    """A kind of run, one of its files, and another content of it."""
    kind = draw(st.sampled_from(KINDS))
    root = FROZEN / kind
    files = sorted(path for path in root.rglob("*") if path.name in names)
    file = draw(st.sampled_from(files))
    content = file.read_bytes()
    how = draw(st.sampled_from(("value", "value", "value", "bytes", "content")))
    if how == "content":
        content = draw(st.sampled_from(CONTENTS)).encode()
    elif how == "value" and file.suffix == ".json":
        document = json.loads(content)
        keys = draw(st.sampled_from(places(document)))
        document = changed(document, keys, draw(st.sampled_from(VALUES)), remove=bool(keys) and draw(st.booleans()))
        content = json.dumps(document).encode()
    elif how == "value" and file.suffix in (".jsonl", ".csv"):
        lines = content.split(b"\n")
        number = draw(st.integers(0, len(lines) - 1))
        word = json.dumps(draw(st.sampled_from(VALUES))).encode()
        separator = b":" if file.suffix == ".jsonl" else b","
        words = lines[number].split(separator)
        words[draw(st.integers(0, len(words) - 1))] = word
        lines[number] = separator.join(words)
        content = b"\n".join(lines)
    else:
        flipped = bytearray(content)
        for at in draw(st.lists(st.integers(0, max(0, len(content) - 1)), max_size=20)):
            flipped[at] = draw(st.integers(0, 255))
        content = bytes(flipped[: draw(st.integers(0, len(flipped)))]) if draw(st.booleans()) else bytes(flipped)
    return kind, file.relative_to(root).as_posix(), content


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with a copy of a frozen run of each kind."""
    return Path(shutil.copytree(FROZEN, tmp_path / "runs", ignore=shutil.ignore_patterns("*.keras", "own_code")))


def invoke(*words: object) -> Result:
    """Run a command; whatever lies in a folder, it ends with a result or a message."""
    result = CliRunner().invoke(nnrun, [*map(str, words)])
    assert result.exit_code in (0, 1), (words, result.output)
    return result


@given(damage=damages())
@slow_io
def test_every_reader_returns_or_refuses(runs: Path, damage: tuple[str, str, bytes]) -> None:
    """A file of a run folder is read, or an error names it; nothing else is ever raised."""
    kind, name, content = damage
    path = runs / kind / name
    kept = path.read_bytes()
    path.write_bytes(content)
    reason = path.name
    try:
        READERS[path.name](RunFolder(path.parent))
        if path.name == "record.json" and path.parent.parent.name == "folds":
            documents.read_finished_fold(RunFolder(path.parent))
    except RunError as refused:
        reason = refused.text
    finally:
        path.write_bytes(kept)
    assert path.name in reason


@given(damage=damages())
@slow_io
def test_a_damaged_run_never_breaks_a_list(runs: Path, damage: tuple[str, str, bytes]) -> None:
    """`runs list` shows the others, and a run that cannot be used as broken, with the reason."""
    kind, name, content = damage
    path = runs / kind / name
    kept = path.read_bytes()
    path.write_bytes(content)
    try:
        rows = {row.folder.path.name: row for row in list_runs(runs)}
        assert set(rows) == set(KINDS)
        assert all(rows[other].status == "done" for other in KINDS if other != kind)
        assert (rows[kind].status == "broken") == (rows[kind].problem is not None)
        invoke("runs", "list", "--runs-dir", runs)
        invoke("runs", "show", runs / kind)
        invoke("runs", "show", runs / kind, "--json")
    finally:
        path.write_bytes(kept)


@given(damage=damages(("record.json", "scores.json", "predictions.csv")))
@slow_io
def test_a_damaged_run_is_compared_or_refused(
    runs: Path, tmp_path_factory: pytest.TempPathFactory, damage: tuple[str, str, bytes]
) -> None:
    """`compare` with a damaged run, on either side, is a result or a message."""
    kind, name, content = damage
    path, other = runs / kind / name, FROZEN / kind
    kept = path.read_bytes()
    path.write_bytes(content)
    try:
        invoke("compare", runs / kind, other)
        invoke("compare", other, runs / kind)
    finally:
        path.write_bytes(kept)


@pytest.mark.slow
@given(damage=damages(("record.json", "scores.json", "predictions.csv", "metrics.jsonl", "mistakes.npz")))
@settings(slow_io, max_examples=12)
def test_a_damaged_run_has_a_report_or_a_message(runs: Path, damage: tuple[str, str, bytes]) -> None:
    """`report` shows what can be shown, and says what could not be read."""
    kind, name, content = damage
    path = runs / kind / name
    kept = path.read_bytes()
    path.write_bytes(content)
    try:
        invoke("report", runs / kind)
    finally:
        path.write_bytes(kept)


@pytest.mark.keras
@given(damage=damages(("record.json", "prepare.json", "model.json")))
@settings(slow_io, max_examples=8)
def test_a_damaged_run_is_used_or_refused(
    tmp_path_factory: pytest.TempPathFactory, damage: tuple[str, str, bytes]
) -> None:
    """`eval`, `predict` and `generate-text` with a damaged run end with a result or a message."""
    kind, name, content = damage
    copies = Path(shutil.copytree(FROZEN, tmp_path_factory.mktemp("foreign") / "runs"))
    (copies / kind / name).write_bytes(content)
    data = ("--data-dir", copies / "made_from")
    new = {"table": "new_houses.csv", "pictures": "new_digits.csv", "k_fold": "new_patients.csv"}
    new |= {"text": "new_story.txt", "graph": "new_flowers.csv"}
    invoke("eval", copies / kind, *data)
    invoke("predict", copies / kind, copies / "made_from" / new[kind], *data)
    if kind == "text":
        invoke("generate-text", copies / kind, "--length", 3, *data)


@pytest.mark.parametrize(
    "name", ["record.json", "scores.json", "metrics.jsonl", "log.txt", "predictions.csv", "config.yaml"]
)
def test_a_link_in_a_run_folder_is_neither_shown_nor_written(runs: Path, tmp_path: Path, name: str) -> None:
    """A report of a run with a link in it names the link, and shows and changes nothing of where it leads."""
    (tmp_path / "secret").write_text("precious")
    path = runs / "table" / name
    path.unlink()
    path.symlink_to("../../secret")
    result = invoke("report", runs / "table")
    assert result.exit_code == 1
    assert f"{name} is a symbolic link" in result.output
    assert "precious" not in result.output
    assert not (runs / "table" / "report.html").exists()
    assert (tmp_path / "secret").read_text() == "precious"


@pytest.mark.slow
def test_plots_are_not_written_through_a_link(runs: Path, tmp_path: Path) -> None:
    """A folder `plots` that is a link to another one stays empty."""
    (tmp_path / "outside").mkdir()
    shutil.rmtree(runs / "table" / "plots", ignore_errors=True)
    (runs / "table" / "plots").symlink_to("../../outside")
    result = invoke("report", runs / "table")
    assert "plots is a symbolic link to ../../outside" in result.output
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_later_format_is_refused_with_what_to_do(runs: Path) -> None:
    """A folder of a later version is named as such, even if nothing else in its record is known."""
    (runs / "table" / "record.json").write_text('{"format": 99, "versions": {"nnrun": "9.0"}, "argv": {}}')
    for command in ("runs show", "report", "eval"):
        result = invoke(*command.split(), runs / "table")
        assert "later version of nnrun, 9.0" in result.output
        assert "pip install --upgrade nnrun" in result.output
    row = next(row for row in list_runs(runs) if row.folder.path.name == "table")
    assert "format 99" in (row.problem or "")


def test_a_header_that_claims_petabytes_is_refused(tmp_path: Path) -> None:
    """The arrays of mistakes are bounded by their sizes, whatever their headers say."""
    folder = RunFolder(tmp_path)
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2000000000, 1000, 1000, 3), }".ljust(117) + "\n"
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    for content in (array, array.replace(b"(2000000000, 1000, 1000, 3)", b"(" * 27), b"\x93NUMPY"):
        with zipfile.ZipFile(folder.mistakes, "w") as archive:
            archive.writestr("rows.npy", content)
            archive.writestr("pictures.npy", content)
        with pytest.raises(RunError, match=r"mistakes\.npz"):
            read_mistakes(folder)
    with zipfile.ZipFile(folder.mistakes, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.npy", bytes(64 * 1024 * 1024))
    with pytest.raises(RunError, match="at most"):
        read_mistakes(folder)
