"""What the forecasts of a part are compared with, however the part was made, against loops over the rows."""

from __future__ import annotations

import numpy as np
import pytest

from nnrun.data.columns import label
from nnrun.data.load import load
from nnrun.spec.data import Forward, Split

SEASON = 3
#: The days of each part of each store.
DAYS = {"train": range(12), "validation": range(12, 20), "test": range(20, 30)}


def _table(name: str, rows: list[tuple[int, str, str, float]]) -> str:
    lines = [f"{np.datetime64('2026-01-01') + day},{store},{part},{value}" for day, store, part, value in rows]
    return "\n".join(["day,store,part,sales", *lines]) + "\n"


@pytest.mark.parametrize("stores", [("a",), ("2", "10", "7")])
@pytest.mark.parametrize("made_by", ["shares", "column", "files", "forward"])
def test_naive_forecasts_and_their_scale_are_those_of_the_series(paths, listener, spec, made_by, stores) -> None:
    """Forecasts look back in the file of their part, and the scale is that of the training rows of the same series."""
    random = np.random.default_rng(3).normal(size=(30, len(stores))).round(3)
    rows = [
        (day, store, part, random[day, at])
        for part, days in DAYS.items()
        for day in days
        for at, store in enumerate(stores)
    ]
    split, arguments, files = Split(test=10 / 30, validation=8 / 20), {}, {"t.csv": rows}
    if made_by == "forward":
        split = Split(forward=Forward(n_splits=1, test_size=10), validation=8 / 20)
    if made_by == "column":
        split = Split(by="part")
    if made_by == "files":
        split = None
        # Other rows come first there, so that rows have other numbers.
        files = {f"{part}.csv": sorted(one for one in rows if one[2] == part) for part in DAYS}
        files["test.csv"].sort(key=lambda row: row[1], reverse=True)
        arguments = {"file": "train.csv", "test_file": "test.csv", "validation_file": "validation.csv"}
    for name, of_file in files.items():
        (paths.config_dir / name).write_text(_table(name, of_file), encoding="utf-8")
    given = {"file": "t.csv", "time": "day", "target": "sales", "features": ["sales"], "group": "store"} | arguments
    data = spec("csv", split=split, window=2, horizon=2, season=SEASON, **given)
    dataset = load(data, form="number", seed=1, paths=paths, progress=listener)
    for name in ("validation", "test"):
        part = dataset.part(name)
        assert len(part) == len(stores) * (len(DAYS[name]) - 3)
        last, seasonal = part.reference.forecasts(None), part.reference.forecasts(SEASON)
        scale = part.reference.scale(SEASON)
        first = min(DAYS[name]) if made_by == "files" else 0
        for at in range(len(part)):
            store = stores.index(label(part.origin["group"][at]))
            day = int((np.datetime64(np.asarray(part.origin["time"])[at]) - np.datetime64("2026-01-01")).astype(int))
            values = random[:, store]
            assert np.asarray(part.y)[at] == pytest.approx(values[day : day + 2], rel=1e-6)
            assert last[at, :, 0].tolist() == [values[day - 1]] * 2
            known = [values[one - SEASON] if one - SEASON >= first else np.nan for one in (day, day + 1)]
            assert seasonal[at, :, 0] == pytest.approx(known, nan_ok=True)
            trained = values[: len(DAYS["train"])]
            assert scale[at, 0] == pytest.approx(np.abs(trained[SEASON:] - trained[:-SEASON]).mean())
