"""The values of a target that is the input itself: `check` reads and prepares small arrays as training does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nnrun.data.field_values import loaded_values, read_values
from nnrun.data.load import load

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths

FORMS: Any = {"$input": "number"}
DRAW = np.random.default_rng(0)


def sources(paths: DataPaths) -> dict[str, dict[str, Any]]:
    """Write the same numbers for each source of arrays, and return the arguments of each."""
    x, y = DRAW.integers(0, 200, (20, 3)).astype("uint8"), np.arange(20) % 2
    np.savez(paths.config_dir / "a.npz", x=x, y=y)
    rows = [[float(number) for number in row] for row in np.column_stack([x, y])]
    return {"npz": {"file": "a.npz"}, "inline": {"rows": rows}}


@pytest.mark.parametrize("steps", [[], [("Standardize", {})], [("Rescale", {"divide_by": 255})], [("MinMax", {})]])
@pytest.mark.parametrize("source", ["npz", "inline"])
def test_check_knows_the_values_that_training_loads(
    source: str, steps: list[Any], spec, split, paths, listener
) -> None:
    """After any steps, which are fitted to the training part alone."""
    config = spec(source, prepare=steps, split=split(test=0.3), **sources(paths)[source])
    known = read_values(config, ["$input"], form=FORMS, seed=4, paths=paths)
    dataset = load(config, form=FORMS, seed=4, paths=paths, progress=listener)
    assert known == loaded_values(dataset, ["$input"])
    assert known["$input"]["$input"].least < known["$input"]["$input"].most


def test_other_targets_large_arrays_and_tables_are_not_read(spec, paths) -> None:
    """A table would take packages that `check` does not import, and a large array time."""
    config = spec("npz", **sources(paths)["npz"])
    assert read_values(config, ["target"], form={"target": "number"}, seed=0, paths=paths) == {}
    np.savez(paths.config_dir / "a.npz", x=np.zeros((1001, 1000), "uint8"), y=np.zeros(1001))
    assert read_values(config, ["$input"], form=FORMS, seed=0, paths=paths) == {}
    (paths.config_dir / "t.csv").write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    assert read_values(spec("csv", file="t.csv"), ["$input"], form=FORMS, seed=0, paths=paths) == {}
    bad = spec("npz", prepare=[("OneHot", {"columns": ["a"]})], file="a.npz")
    np.savez(paths.config_dir / "a.npz", x=np.zeros((10, 2)), y=np.zeros(10))
    assert read_values(bad, ["$input"], form=FORMS, seed=0, paths=paths) == {}
