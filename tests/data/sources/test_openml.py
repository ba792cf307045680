"""OpenML: read from a file saved by hand or as scikit-learn fetches it, with a clear error without a network."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.error import URLError

import pandas as pd
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.sources.openml import OpenMl
from nnrun.errors import DataError

ARFF = """@relation small
@attribute width numeric
@attribute colour {red, blue}
@attribute kind {a, b}
@data
1.5,red,a
2.5,blue,b
?,red,a
"""


def test_a_file_by_hand_is_read_without_a_network(paths, listener, spec) -> None:
    """Numbers, categories and missing values of `openml-7.arff` are read."""
    (paths.cache_dir() / "openml-7.arff").write_text(ARFF)
    data = spec("openml", id=7, prepare=(("Impute", {}), ("OneHot", {"columns": ["colour"]})))
    assert infer_facts(data, form="integer", paths=paths) == (None, ())
    done = load(data, form="integer", seed=1, paths=paths, progress=listener)
    assert done.facts.class_names == ("a", "b")
    assert done.train.x.tolist() == [[1.5, 0, 1], [2.5, 1, 0], [2, 0, 1]]
    with pytest.raises(DataError, match="column width: openml 7: expected a value, received a missing one in row 2"):
        OpenMl(7).load(paths, listener)


def test_a_fetched_set_has_the_target_that_openml_states(paths, listener, monkeypatch) -> None:
    """The stated target may be any column; categories become text."""
    frame = pd.DataFrame({"y": pd.Categorical(["u", "v"]), "x": [1, 2], "on": [True, False]})
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda **_: SimpleNamespace(frame=frame, target_names=["y"]))
    raw = OpenMl(61).load(paths, listener)
    assert raw.target_names == ("y",)
    assert raw.train.x.names == ("x", "on")
    assert raw.train.y.tolist() == ["u", "v"]


def test_without_a_network_the_hint_names_the_file_to_save(paths, listener, spec, monkeypatch) -> None:
    """The hint names the file and its folder; `check` only reports the download to come."""

    def offline(**_: object) -> None:
        raise URLError("no route")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", offline)
    with pytest.raises(DataError, match=r"openml 61 could not be fetched: .*no route") as refused:
        OpenMl(61).load(paths, listener)
    assert "www.openml.org/d/61" in str(refused.value.hint)
    assert str(paths.cache_dir() / "openml-61.arff") in str(refused.value.hint)
    _, findings = infer_facts(spec("openml", id=61), form="integer", paths=paths)
    assert [(finding.name, finding.severity) for finding in findings] == [("download-to-come", "note")]


def test_what_cannot_be_read_is_refused(paths, listener) -> None:
    """A file of another kind, an unknown column, and an invalid number of a set are refused."""
    (paths.cache_dir() / "openml-7.arff").write_text("no arff\n")
    with pytest.raises(DataError, match=r"openml-7\.arff: expected an ARFF file"):
        OpenMl(7).load(paths, listener)
    (paths.cache_dir() / "openml-7.arff").write_text(ARFF)
    with pytest.raises(DataError, match="there is no column 'knd'"):
        OpenMl(7, target="knd").load(paths, listener)
    with pytest.raises(ValueError, match="id expected a positive integer"):
        OpenMl(0)
