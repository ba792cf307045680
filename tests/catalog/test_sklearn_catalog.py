"""The committed catalog of scikit-learn's transformers and the installed release agree, and the page says the same."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import sklearn
from sklearn.utils.discovery import all_estimators

from nnrun.catalog import lookup
from nnrun.catalog.constraints import kind_from_constraints
from nnrun.catalog.kinds import PythonOnly
from nnrun.spec.part import read_part

ROOT = Path(__file__).parents[2]


def _generator() -> Any:
    spec = importlib.util.spec_from_file_location("sklearn_catalog", ROOT / "tools" / "generate_sklearn_catalog.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_catalog_is_what_the_installed_release_offers() -> None:
    """The file of the installed release equals what the generator writes."""
    generator = _generator()
    file = generator.FOLDER / generator.file_name()
    if not file.is_file() or json.loads(file.read_text(encoding="utf-8"))["scikit-learn"] != sklearn.__version__:
        pytest.skip(f"there is no catalog of scikit-learn {sklearn.__version__}")
    assert file.read_text(encoding="utf-8") == generator.to_text(generator.generate()), f"stale: {generator.COMMAND}"


def test_every_transformer_is_usable_or_left_out_with_its_reason() -> None:
    """No transformer of the installed release is forgotten."""
    for name, _ in all_estimators(type_filter="transformer"):
        entry = lookup.entry("preparation", name)
        assert entry is not None, name
        assert entry.refused is None or entry.refused.endswith("."), name


def test_the_page_lists_what_was_left_out() -> None:
    """`docs/preparation.md` has the same names and reasons as the catalog."""
    text = (ROOT / "docs" / "preparation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (.+) \|$", text.partition("What was left out")[2], re.MULTILINE)
    listed = {name: reason for names, reason in rows for name in re.findall(r"`(\w+)`", names)}
    entries = lookup.sklearn_catalog()["entries"]
    assert listed == {name: raw["refused"] for name, raw in entries.items() if "refused" in raw}
    usable = sum("refused" not in raw for raw in entries.values())
    assert f"{usable} transformers of scikit-learn" in text


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"PCA": {"n_componnts": 3}}, "PCA has no argument 'n_componnts'"),
        ({"PCA": {"n_components": -1}}, "expected an integer of at least 0 or a number in (0, 1) or 'mle' or null"),
        ({"KBinsDiscretizer": {"n_bins": 1}}, "expected an integer of at least 2"),
        ({"PolynomialFeatures": {"degree": [1, 2, 3]}}, "for 'degree', received [1, 2, 3]"),
        ({"TfidfVectorizer": {"tokenizer": "mine"}}, "it takes a Python function, which a config cannot contain"),
        ({"FastICA": {"w_init": [[1.0]]}}, "it takes an array, which a config cannot contain"),
        ({"SelectKBest": {"score_func": "mine"}}, "expected one of 'chi2', 'f_classif'"),
        ({"TSNE": {}}, "It has no transform for new rows"),
        ({"MinMaxScaler": ["age"]}, "for 'feature_range'"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_refused_by_scikit_learns_own_constraints(part: dict[str, Any], message: str) -> None:
    """Names, kinds and ranges are known without importing scikit-learn."""
    _, errors = read_part("preparation", part)
    assert message in errors[0].text


def test_a_lone_list_of_columns_has_the_argument_as_its_hint() -> None:
    """Where scikit-learn's first argument is another one, the hint names `columns`."""
    _, errors = read_part("preparation", {"MinMaxScaler": ["age", "bmi"]})
    assert errors[0].hint == "write MinMaxScaler: {columns: [age, bmi]}"


@pytest.mark.parametrize("entry", lookup.names("preparation"))
def test_every_default_is_of_its_kind(entry: str) -> None:
    """A config may write every default out, as the resolved one does."""
    known = lookup.entry("preparation", entry)
    assert known is not None
    for parameter in known.parameters.values():
        assert parameter.required or parameter.kind.accepts(parameter.default), parameter.name


def test_constraints_are_kinds() -> None:
    """Alternatives are joined; null alone makes what only Python can give accept nothing else."""
    assert kind_from_constraints([{"number": [0, 1, "right"]}]).expects == "a number in (0, 1]"
    assert kind_from_constraints(["boolean", {"choice": ["a"]}]).accepts("a")
    assert isinstance(kind_from_constraints([{"python": "an array"}, None]), PythonOnly)
    with pytest.raises(ValueError, match="no kind of value"):
        kind_from_constraints([{"colour": 1}])
