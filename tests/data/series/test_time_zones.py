"""Times that have a zone, in files of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from pandas import DataFrame, Timedelta, Timestamp, date_range

from nnrun.data.load import load
from nnrun.data.new_data import load_new_data


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("zone", "first", "following"),
    [
        (None, "2024-03-30T22:00:00", "2024-03-31T18:00:00"),
        ("UTC", "2024-03-30T22:00:00", "2024-03-31T18:00:00Z"),
        # The clock is put forward on that night; hours go on evenly.
        ("Europe/Berlin", "2024-03-30T22:00:00", "2024-03-31T17:00:00Z"),
        ("Asia/Kolkata", "2024-03-30T22:00:00", "2024-03-31T12:30:00Z"),
    ],
)
def test_times_with_a_zone_go_on_as_times_of_utc(paths, listener, spec, suffix, zone, first, following) -> None:
    """A file is read again by the run whatever its kind, and no time without a zone stands for one that has another."""
    times = date_range(first, periods=20, freq="h", tz=zone)
    table = DataFrame({"day": times, "sales": np.arange(20.0), "store": "a"})
    file = paths.config_dir / f"t.{suffix}"
    if suffix == "csv":
        table.assign(day=[time.isoformat() for time in times]).to_csv(file, index=False)
    else:
        pytest.importorskip("pyarrow.parquet")
        table.to_parquet(file)
    given = {"file": file.name, "time": "day", "target": "sales", "window": 3, "group": "store"}
    data = spec(suffix, split=None, **given)
    dataset = load(data, form="number", seed=1, paths=paths, progress=listener)
    known = {"file": file, "facts": dataset.facts}
    every = load_new_data(data, dataset.fitted, with_target=True, **known)
    assert np.array_equal(np.asarray(every.y), np.asarray(dataset.train.y))
    assert np.asarray(every.origin["time"]).tolist() == np.asarray(dataset.train.origin["time"]).tolist()
    last = load_new_data(data, dataset.fitted, with_target=False, **known)
    assert last.origin["next"].tolist() == [[following]]
    assert Timestamp(following) == times[-1] + Timedelta(hours=1)
