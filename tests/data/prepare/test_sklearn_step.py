"""Transformers of scikit-learn as steps: columns, names, seeds, memory, streams, and nnrun's own versions."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from nnrun.data.columns import Columns
from nnrun.data.prepare.registry import STEPS, new_step, restore, stream_error
from nnrun.data.prepare.sklearn_fast import FAST_NAMES, StandardScaler
from nnrun.data.prepare.sklearn_step import SklearnStep
from nnrun.data.prepare.step import ExampleSpec
from nnrun.spec.part import Part, read_part

RNG = np.random.default_rng(3)
NUMBERS = Columns({key: RNG.normal(size=30) for key in "abcd"})
TEXT = np.array(["a river", "old house", "new road"] * 10, dtype=object)


def _step(name: str, seed: int | None = 1, **arguments: Any) -> Any:
    part, errors = read_part("preparation", {name: arguments} if arguments else name)
    assert part is not None, errors
    assert not errors
    return new_step(part, seed)


def test_new_columns_stand_where_the_first_old_one_stood_and_others_keep_their_names() -> None:
    """A step treats its columns alone, and a name that another column has is numbered."""
    step = _step("PCA", n_components=2, columns=["b", "d"])
    table = Columns({**NUMBERS.values, "pca1": np.zeros(30)})
    step.fit(table)
    assert step.apply(table).names == ("a", "pca0", "pca1_2", "c", "pca1")


def test_tokens_carry_the_name_of_their_column() -> None:
    """`inputs: {words: [text]}` finds all columns of tokens by the name of the text."""
    step = _step("CountVectorizer")
    table = Columns({"n": np.arange(30.0), "text": TEXT})
    step.fit(table)
    assert step.apply(table).names == ("n", "text=house", "text=new", "text=old", "text=river", "text=road")


@pytest.mark.parametrize(
    ("name", "arguments", "table", "message"),
    [
        ("PCA", {"columns": ["text"]}, {"text": TEXT}, "PCA takes numbers, but column 'text' holds text"),
        ("PCA", {}, {"text": TEXT}, "PCA takes columns of numbers, and there are none"),
        ("TargetEncoder", {}, {"n": np.arange(30.0)}, "TargetEncoder takes columns of text, and there are none"),
        ("TfidfVectorizer", {}, {"one": TEXT, "two": TEXT}, "takes one column of text, received 'one', 'two'"),
        ("PCA", {"n_components": 3}, {"n": np.arange(30.0)}, "PCA: scikit-learn: n_components=3 must be between"),
        ("PCA", {}, {"n": np.array([1.0, np.nan])}, "put a SimpleImputer step before PCA"),
        ("SelectKBest", {}, {"n": np.arange(30.0)}, "SelectKBest needs a target, and these data have none"),
        ("VarianceThreshold", {}, {"n": np.ones(30)}, "VarianceThreshold: scikit-learn: No feature"),
        ("SimpleImputer", {"strategy": "mean", "add_indicator": True, "columns": ["text"]}, {"text": TEXT}, "text"),
    ],
)
def test_what_a_transformer_cannot_take_is_refused_in_words(
    name: str, arguments: dict[str, Any], table: dict[str, np.ndarray], message: str
) -> None:
    """The message names the step and the column, or has scikit-learn's own words."""
    with pytest.raises(ValueError, match=message):
        _step(name, **arguments).fit(Columns(table))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("PCA", {"n_components": 9}, "n_components: expected at most 4"),
        ("SelectKBest", {"k": 9}, "k: expected at most 4"),
        ("PolynomialFeatures", {"degree": [3, 2]}, "degree: expected the lower degree first"),
        ("PCA", {"columns": ["z"]}, "there is no column 'z'"),
    ],
)
def test_what_cannot_fit_is_found_before_the_data_are_loaded(name: str, arguments: dict, message: str) -> None:
    """`check` needs the number of columns alone."""
    with pytest.raises(ValueError, match=message):
        _step(name, **arguments).compute_output_spec(ExampleSpec((4,), NUMBERS.names))


def test_pictures_are_refused_by_scikit_learns_classes_and_scaled_by_nnruns_own() -> None:
    """PCA takes a table; StandardScaler treats every pixel, as Standardize does."""
    pictures = RNG.normal(size=(5, 3, 2)).astype("float32")
    with pytest.raises(ValueError, match=r"PCA takes a table, but an example has the shape \[3, 2\]"):
        _step("PCA").fit(pictures)
    step = _step("StandardScaler")
    step.fit(pictures)
    assert np.allclose(step.apply(pictures).mean(axis=0), 0, atol=1e-6)


def test_a_random_transformer_follows_the_seed_of_the_experiment() -> None:
    """Two fits with one seed are equal, another seed is another result, and a seed of its own counts more."""
    seeds = [(1, {}), (1, {}), (2, {}), (2, {"random_state": 1})]
    first, again, other, own = (_step("RBFSampler", seed, n_components=3, **more) for seed, more in seeds)
    results = []
    for step in (first, again, other, own):
        step.fit(NUMBERS)
        results.append(step.apply(NUMBERS).matrix())
    assert (results[0] == results[1]).all()
    assert (results[0] == results[3]).all()
    assert not (results[0] == results[2]).all()
    assert first.state()["random_state"] == 1


def test_the_training_rows_of_a_target_encoder_are_encoded_without_their_own_targets() -> None:
    """A category of each row's own would otherwise give its target away: cross-fitting does not."""
    town = np.array([f"t{index}" for index in range(30)], dtype=object)
    y = RNG.normal(size=30)
    step = _step("TargetEncoder", smooth=0.0)
    table = Columns({"town": town})
    step.fit(table, y)
    assert np.allclose(step.apply(table).values["town"], y)
    step.fit(table, y)
    assert abs(np.corrcoef(step.apply_to_training(table).values["town"], y)[0, 1]) < 0.9


def test_a_sparse_result_that_does_not_fit_into_memory_is_refused() -> None:
    """The message says how much it would take, and what to write."""
    step = _step("HashingVectorizer", n_features=2**30)
    with pytest.raises(ValueError, match=r"makes 1,073,741,824 columns, which take 1\d\d\.\d GB .* `n_features`"):
        step.fit(Columns({"text": TEXT}))


def test_warnings_of_scikit_learn_are_notes() -> None:
    """What scikit-learn warns of while it fits is said to the user, with the name of the step."""
    notes = _step("FastICA", n_components=3, max_iter=1).fit(NUMBERS)
    assert any(note.startswith("FastICA: FastICA did not converge") for note in notes)


def test_steps_that_cannot_be_fitted_in_parts_are_refused_for_data_on_disk() -> None:
    """The message lists the steps that can."""
    error = stream_error("PCA", _step("PCA"), table=True)
    assert error is not None
    assert "IncrementalPCA" in error
    assert "StandardScaler" in error
    assert stream_error("IncrementalPCA", _step("IncrementalPCA"), table=True) is None


@pytest.mark.parametrize("name", ["IncrementalPCA", "MaxAbsScaler", "Normalizer"])
def test_a_transformer_with_partial_fit_is_fitted_block_by_block(name: str) -> None:
    """Two blocks give what partial_fit gives for them."""

    class Two:
        head = NUMBERS

        def __len__(self) -> int:
            return 30

        def blocks(self) -> Any:
            yield NUMBERS[np.arange(15)]
            yield NUMBERS[np.arange(15, 30)]

    step = _step(name)
    step.fit_blocks(Two())
    import sklearn.decomposition
    import sklearn.preprocessing

    own = getattr(sklearn.preprocessing, name, None) or getattr(sklearn.decomposition, name)
    estimator, matrix = own(), np.stack(list(NUMBERS.values.values()), axis=1)
    for half in (matrix[:15], matrix[15:]):
        getattr(estimator, "partial_fit", estimator.fit)(half)
    assert np.allclose(step.apply(NUMBERS).matrix(), estimator.transform(matrix), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "arguments", "fast"),
    [
        ("StandardScaler", {}, True),
        ("OneHotEncoder", {"handle_unknown": "ignore"}, True),
        ("OneHotEncoder", {"drop": "first"}, False),
        ("OrdinalEncoder", {"handle_unknown": "use_encoded_value", "unknown_value": -1}, True),
        ("OrdinalEncoder", {"handle_unknown": "use_encoded_value", "unknown_value": 9}, False),
        ("SimpleImputer", {"strategy": "constant", "fill_value": 3}, True),
        ("SimpleImputer", {"add_indicator": True}, False),
        ("SimpleImputer", {"missing_values": 0}, False),
    ],
)
def test_nnruns_own_version_is_used_where_it_takes_the_arguments(name: str, arguments: dict, *, fast: bool) -> None:
    """The rest goes to scikit-learn's class of the same name, defaults written out or not."""
    from nnrun.catalog import lookup

    entry = lookup.entry("preparation", name)
    assert entry is not None
    defaults = {key: one.default for key, one in entry.parameters.items()}
    for given in (arguments, {**defaults, **arguments}):
        assert isinstance(new_step(Part("preparation", name, given, ())), SklearnStep) != fast
    assert not FAST_NAMES & STEPS.keys()


@pytest.mark.parametrize("name", ["StandardScaler", "MinMaxScaler", "RobustScaler"])
def test_missing_values_stay_missing_and_do_not_count(name: str) -> None:
    """As in scikit-learn, so that KNNImputer can fill in what is scaled already."""
    import sklearn.preprocessing

    matrix = RNG.normal(size=(20, 2))
    matrix[3, 0] = matrix[5, 1] = np.nan
    step = _step(name)
    step.fit(Columns({"a": matrix[:, 0], "b": matrix[:, 1]}))
    done = step.apply(Columns({"a": matrix[:, 0], "b": matrix[:, 1]}))
    expected = getattr(sklearn.preprocessing, name)().fit_transform(matrix)
    assert np.allclose(np.stack(list(done.values.values()), axis=1), expected, equal_nan=True)


def test_a_step_that_is_refused_in_a_config_is_refused_in_a_run_folder() -> None:
    """`prepare.json` cannot name what the catalog leaves out."""
    from nnrun.errors import DataError

    with pytest.raises(DataError, match="a step 'TSNE'"):
        restore([{"step": "TSNE", "arguments": {}, "learned": {}}])


def test_a_config_is_read_and_its_steps_created_without_importing_scikit_learn() -> None:
    """`check` and small runs do not pay for the import."""
    script = (
        "import sys\n"
        "from nnrun.data.prepare.registry import new_step\n"
        "from nnrun.data.prepare.step import ExampleSpec\n"
        "from nnrun.spec.part import read_part\n"
        "for given in ({'PCA': 1}, {'StandardScaler': ['a']}, {'TfidfVectorizer': {'max_features': 3}}):\n"
        "    part, errors = read_part('preparation', given)\n"
        "    assert not errors\n"
        "    new_step(part, 1).compute_output_spec(ExampleSpec((2,), ('a', 'b'), text=frozenset({'b'})))\n"
        "assert 'sklearn' not in sys.modules, 'imported'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert StandardScaler().name == "StandardScaler"
