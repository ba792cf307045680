"""Tables that stream: converted once, kept, and the same data set as the table in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnrun.data.cross_validation import load_folded
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.quality import check_quality
from nnrun.data.streaming.streams import Stream
from nnrun.errors import DataError

PREPARE = (
    ("Impute", {"strategy": "median", "columns": ["age"]}),
    ("OneHot", {"columns": ["town"]}),
    ("Standardize", {"columns": ["age", "pay"]}),
)


def rows(count: int = 300) -> list[tuple[str, ...]]:
    """Draw rows of numbers with missing values, text, weights and classes."""
    rng = np.random.default_rng(3)
    return [
        (
            "" if index % 17 == 5 else str(rng.integers(18, 90)),
            f"{rng.normal(3e3, 500):.2f}",
            str(rng.choice(["Ulm", "Bonn", "Mainz"])),
            str(1 + index % 3),
            str(rng.integers(0, 9)),
            str(rng.choice(["yes", "no"])),
        )
        for index in range(count)
    ]


@pytest.fixture
def file(paths) -> Path:
    """A csv file of 300 rows."""
    lines = ["age,pay,town,weight,house,buys", *(",".join(row) for row in rows())]
    (paths.config_dir / "t.csv").write_text("\n".join(lines) + "\n")
    return paths.config_dir / "t.csv"


def require_equal(ours, theirs) -> None:
    """Require two data sets to be equal bit by bit."""
    assert ours.fitted == theirs.fitted
    assert ours.facts.columns == theirs.facts.columns
    for part in ("train", "validation", "test"):
        one, other = ours.part(part), theirs.part(part)
        if other is None:
            continue
        assert isinstance(one.x, Stream)
        assert (np.asarray(one.x) == other.x).all()
        assert (one.y == other.y).all()
        assert (one.rows == other.rows).all()
        assert (one.sample_weight == other.sample_weight).all()


def test_a_streamed_csv_is_the_table_in_memory(paths, listener, spec, split, file) -> None:
    """Parts, weights, groups, fitted steps and every number are equal, and the inferred facts are those of the data."""
    done = {}
    for stream in (False, True):
        data = spec(
            "csv",
            file="t.csv",
            sample_weight="weight",
            group="house",
            stream=stream,
            memory=2e-6,
            prepare=PREPARE,
            split=split(test=0.2, validation=0.2),
        )
        done[stream] = load(data, form="binary", seed=1, paths=paths, progress=listener)
    require_equal(done[True], done[False])
    facts, findings = infer_facts(data, form="binary", paths=paths)
    assert findings == ()
    assert facts.streamed is done[True].facts.streamed is True
    assert not list(paths.cache_dir().glob("streams/*.part"))


def test_a_streamed_parquet_is_the_table_in_memory(paths, listener, spec, split) -> None:
    """A Parquet file that is read in batches is equal to the one in memory."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    columns = dict(zip(("age", "pay", "town", "weight", "house", "buys"), zip(*rows(), strict=True), strict=True))
    ages = [int(age) if age else None for age in columns["age"]]
    numbers = {name: [float(one) for one in columns[name]] for name in ("pay", "weight", "house")}
    pq.write_table(pa.table({**columns, "age": ages, **numbers}), paths.config_dir / "t.parquet")
    done = {}
    for stream in (False, True):
        data = spec(
            "parquet",
            file="t.parquet",
            sample_weight="weight",
            group="house",
            stream=stream,
            memory=5e-6,
            prepare=PREPARE,
            split=split(test=0.2, validation=0.2),
        )
        done[stream] = load(data, form="binary", seed=1, paths=paths, progress=listener)
    require_equal(done[True], done[False])
    assert infer_facts(data, form="binary", paths=paths)[0].streamed


def test_a_table_is_converted_once(paths, listener, spec, file) -> None:
    """A second run uses it; another file, or other columns, give another table. Its size is reported."""
    for features in (["pay"], ["pay"], ["pay", "house"]):
        data = spec("csv", file="t.csv", features=features, stream=True)
        load(data, form="binary", seed=1, paths=paths, progress=listener)
    assert len([one for one in (paths.cache_dir() / "streams").iterdir() if one.is_dir()]) == 2
    reported = [text for text in listener.notes if "is converted" in text]
    assert len(reported) == 2
    assert "kB in" in reported[0]


def test_a_converted_table_is_on_disk_before_it_has_its_name(paths, listener, spec, file, monkeypatch) -> None:
    """A power cut leaves no table of zeros under a name that is taken for a whole one."""
    synced: set[int] = set()
    fsync, replace = os.fsync, Path.replace

    def record_sync(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def check_rename(self: Path, target: Path) -> Path:
        assert self.stat().st_ino in synced
        assert {inside.stat().st_ino for inside in self.iterdir()} <= synced
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(Path, "replace", check_rename)
    data = spec("csv", file="t.csv", features=["pay"], stream=True)
    load(data, form="binary", seed=1, paths=paths, progress=listener)
    (folder,) = (paths.cache_dir() / "streams").iterdir()
    assert folder.parent.stat().st_ino in synced


def test_folds_of_a_stream_are_folds_of_the_table(paths, listener, spec, split, file) -> None:
    """Each fold is prepared with its own rows."""

    class Folds:
        folds, shuffle, repeats, stratify, groups, final_fit = 3, True, 1, False, None, False

    made = {}
    for stream in (False, True):
        data = spec(
            "csv",
            file="t.csv",
            sample_weight="weight",
            features=["age", "pay", "town"],
            stream=stream,
            prepare=PREPARE,
            split=split(k_fold=Folds()),
        )
        made[stream] = load_folded(data, form="binary", seed=1, paths=paths, progress=listener)
    assert made[True].digest == made[False].digest
    require_equal(made[True].dataset(1, listener), made[False].dataset(1, listener))


def test_a_defective_row_leaves_no_table(paths, listener, spec, file) -> None:
    """The row is reported with its column, and no converted table is kept."""
    with file.open("a") as stream:
        stream.write("30,much,Ulm,1,2,yes\n")
    with pytest.raises(DataError, match=r"(?s)302.*column pay|column pay.*302"):
        load(
            spec("csv", file="t.csv", stream=True, missing=["NA"], features=["pay"]),
            form="binary",
            seed=1,
            paths=paths,
            progress=listener,
        )
    assert [one for one in (paths.cache_dir() / "streams").iterdir() if one.is_dir()] == []


def test_quality_checks_of_a_streamed_table(paths, listener, spec, split, file) -> None:
    """The findings about columns and duplicates are those of the table in memory."""
    found = [
        check_quality(
            spec("csv", file="t.csv", stream=stream, split=split(test=0.2)),
            seed=1,
            paths=paths,
            progress=listener,
            form="integer",
        )
        for stream in (False, True)
    ]
    assert found[0] == found[1]


MEASURED = """
import resource, sys
from pathlib import Path
from types import SimpleNamespace
import numpy as np, pandas
from nnrun.data.load import load
from nnrun.data.data_paths import DataPaths
from nnrun.progress import NullProgress
from nnrun.spec.part import Part
folder = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
source = Part("sources", "csv", {"file": "big.csv", "stream": True, "memory": 0.1}, ("data", "source"))
step = Part("preparation", "Standardize", {}, ("data", "prepare", 0))
spec = SimpleNamespace(source=source, prepare=(step,), prepare_target=(), split=None)
data = load(spec, form="number", seed=1, paths=DataPaths(folder, folder), progress=NullProgress())
order = np.random.default_rng(0).permutation(len(data.train))
for start in range(0, len(order), 20000):
    data.train.x.read(order[start:start + 20000])
print(len(data.train), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kilobytes of ru_maxrss are Linux's")
def test_memory_does_not_grow_with_the_size_of_the_file(tmp_path) -> None:
    """A csv of 300 MB (its table 250 MB) is converted, fitted and read in random order in less than 100 MB more."""
    rng = np.random.default_rng(0)
    block = "\n".join(",".join(f"{value:.7f}" for value in row) for row in rng.normal(size=(2000, 30))) + "\n"
    with (tmp_path / "big.csv").open("w") as stream:
        stream.write(",".join(f"c{index}" for index in range(30)) + "\n")
        for _ in range(520):
            stream.write(block)
    done = subprocess.run([sys.executable, "-c", MEASURED, str(tmp_path)], capture_output=True, text=True, check=True)
    count, megabytes = map(int, done.stdout.split())
    assert count == 520 * 2000
    assert megabytes < 100
