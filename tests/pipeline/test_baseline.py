"""Baselines: simple models of scikit-learn on the same rows, folds and preparation as the network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from nnrun.cli.main import nnrun
from nnrun.config.files import find_config
from nnrun.data.data_paths import DataPaths
from nnrun.engine.scoring import baselines
from nnrun.errors import DataError
from nnrun.pipeline.baseline import baselines_of_config
from nnrun.pipeline.check import examine
from nnrun.pipeline.loaded_data import load_data
from nnrun.progress import NullProgress
from nnrun.runs.baselines import below_baseline, read_baselines_if_any
from nnrun.runs.folder import RunFolder

CONFIG = """
name: {name}
seed: 3
data:
  source: {source}
  prepare: [Standardize]
  split: {split}
model: [{{Dense: {{units: {units}, activation: {activation}}}}}]
training: {{loss: {loss}, optimizer: Adam, epochs: 1, batch_size: 16}}
"""


def _config(folder: Path, name: str, **changes: str) -> Path:
    given = {
        "source": "iris",
        "split": "{test: 0.3, stratify: true}",
        "units": "$classes",
        "activation": "softmax",
        "loss": "sparse_categorical_crossentropy",
    }
    file = folder / f"{name}.yaml"
    file.write_text(CONFIG.format(name=name, **{**given, **changes}))
    return file


def test_models_of_classes_are_scikit_learns_own(tmp_path: Path) -> None:
    """Every score is that of scikit-learn's model on the same prepared rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    file = _config(tmp_path, "iris")
    found = baselines_of_config(file, (), None, NullProgress())
    examined = examine(file, (), None)
    data = load_data(examined.experiment, DataPaths(tmp_path, None), NullProgress())
    train, test = data.train, data.part("test")
    assert (found.task, found.part, found.rows) == ("classification", "test", (105, 45))
    models = {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "gradient boosting": HistGradientBoostingClassifier(random_state=3),
    }
    by_name = {one.name: one for one in found.baselines}
    assert list(by_name) == ["most frequent class", *models]
    assert by_name["most frequent class"].scores["error_percent"] == pytest.approx(200 / 3)
    for name, model in models.items():
        model.fit(train.x, train.y.reshape(-1))
        errors = int((model.predict(test.x) != test.y.reshape(-1)).sum())
        assert by_name[name].scores["errors"] == errors
        expected = log_loss(test.y.reshape(-1), model.predict_proba(test.x), labels=[0, 1, 2])
        assert by_name[name].scores["log_loss"] == pytest.approx(expected)


def test_folds_are_those_of_the_config(tmp_path: Path) -> None:
    """Over folds there are the mean and the standard deviation of each score, of numbers too."""
    changes = {"units": "1", "activation": "linear", "loss": "mse", "source": "diabetes"}
    file = _config(tmp_path, "diabetes", **changes, split="{k_fold: {folds: 3, shuffle: true}}")
    found = baselines_of_config(file, (), None, NullProgress())
    assert found.part == "folds"
    assert found.rows[1] == 442
    mean, ridge, boosting = found.baselines
    assert mean.scores["r2"] < 0.05
    assert ridge.scores["r2"] > 0.4
    assert 0 < ridge.sd["root_mean_squared_error"] < ridge.scores["root_mean_squared_error"] < 60
    assert boosting.model == "HistGradientBoostingRegressor"


def test_labels_have_a_model_each(tmp_path: Path) -> None:
    """Several labels of one example are counted label by label."""
    x = np.random.default_rng(1).normal(size=(120, 3))
    rows = [[*row.round(3).tolist(), int(row[0] > 0), int(row[1] > row[2])] for row in x]
    (tmp_path / "t.csv").write_text("a,b,c,p,q\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n")
    source = "{csv: {file: t.csv, target: [p, q]}}"
    changes = {"units": "2", "activation": "sigmoid", "loss": "binary_crossentropy", "split": "{test: 0.25}"}
    found = baselines_of_config(_config(tmp_path, "labels", source=source, **changes), (), None, NullProgress())
    scores = {one.name: one.scores for one in found.baselines}
    assert scores["logistic regression"]["error_percent"] < 15
    assert scores["most frequent class"]["error_percent"] > 30


def test_a_network_below_its_baseline_is_named() -> None:
    """The warning names the best baseline, both figures and what they are."""
    each = [
        {"name": "mean", "model": "DummyRegressor", "scores": {"root_mean_squared_error": 9.0}},
        {"name": "ridge regression", "model": "Ridge", "scores": {"root_mean_squared_error": 5.0}},
    ]
    baselines = {"task": "regression", "part": "test", "rows": {"train": 1, "test": 1}, "baselines": each}
    assert below_baseline(baselines, {"test": {"root_mean_squared_error": 4.9}}) is None
    assert below_baseline(baselines, {}) is None
    assert below_baseline(baselines, {"test": {"root_mean_squared_error": 5.0}}) == (
        "The network's root mean squared error of 5 is not below that of ridge regression on the same rows: 5 "
        "(scikit-learn's Ridge)."
    )
    folds = {**baselines, "part": "folds"}
    assert below_baseline(folds, {"cross_validation": {"mean": {"root_mean_squared_error": 6.0}}}) is not None


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ("smoke/dates", "the model writes a text token by token"),
        ("smoke/metamorphosis_fast", "the model learns to write a text"),
        ("smoke/unet", r"a target of the model is its own input \(\$image\)"),
        ("unusual_beats", r"its own input \(\$row\)"),
    ],
)
def test_data_of_another_kind_are_refused(config: str, text: str) -> None:
    """The message says why there are no baselines."""
    with pytest.raises(DataError, match=text):
        baselines_of_config(find_config(config), (), None, NullProgress())


def test_rows_on_disk_are_refused(tmp_path: Path) -> None:
    """The hint says what to write where they fit into memory."""
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{n},{n % 2}\n" for n in range(20)))
    source = "{csv: {file: t.csv, stream: true}}"
    file = _config(tmp_path, "other", source=source, split="{test: 0.5}")
    with pytest.raises(DataError, match="the rows stay on disk") as caught:
        baselines_of_config(file, ("data.prepare=[]",), tmp_path, NullProgress())
    assert "stream: false" in (caught.value.hint or "")


def test_texts_are_given_as_tf_idf_of_their_tokens(tmp_path: Path) -> None:
    """Token numbers mean nothing as numbers: the logistic regression is scikit-learn's own on their TF-IDF."""
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression

    sets = ("data.source.reviews.rows=300",)
    found = baselines_of_config(find_config("film_reviews"), sets, None, NullProgress())
    assert [one.name for one in found.baselines] == ["most frequent class", "logistic regression"]
    assert "TF-IDF" in found.notes[0]
    data = load_data(examine(find_config("film_reviews"), sets, None).experiment, DataPaths(tmp_path), NullProgress())
    counts = [
        sparse.csr_matrix(np.stack([np.bincount(row[row > 0], minlength=200) for row in part.x.astype(int)]))
        for part in (data.train, data.test)
    ]
    weights = TfidfTransformer().fit(counts[0])
    model = LogisticRegression(max_iter=1000).fit(weights.transform(counts[0]), data.train.y.reshape(-1))
    errors = int((model.predict(weights.transform(counts[1])) != data.test.y.reshape(-1)).sum())
    assert found.baselines[1].scores["errors"] == errors


def test_a_tag_for_each_token_has_that_of_its_token(tmp_path: Path) -> None:
    """The most frequent tag of each token in the training part; padding is not counted."""
    words, tags = ["a b c", "b b", "c a a a"], ["X Y Z", "Y Y", "Z X X Y"]
    rows = "\n".join(f"{word},{tag}" for word, tag in zip(words * 8, tags * 8, strict=True))
    (tmp_path / "t.csv").write_text(f"words,tags\n{rows}\n")
    step = "TextVectorization: {standardize: null, output_sequence_length: 5"
    sets = (f"data.prepare=[{{{step}, columns: [words]}}}}]", f"data.prepare_target=[{{{step}}}}}]")
    source = "{csv: {file: t.csv, target: tags}}"
    file = _config(tmp_path, "tags", source=source, split="{test: 0.25, shuffle: false}")
    layers = "model=[{Embedding: {input_dim: $vocabulary, output_dim: 2, mask_zero: true}}, {Dense: $classes}]"
    loss = "training.loss={SparseCategoricalCrossentropy: {from_logits: true}}"
    found = baselines_of_config(file, (*sets, layers, loss), None, NullProgress())
    most, of_token = found.baselines
    # Of the six test rows, two of each kind: of 18 tokens 8 are tagged Y, and one `a` in four is a Y, too.
    assert (most.scores["errors"], most.scores["error_rate"]) == (10, 10 / 18)
    assert of_token.name == "most frequent class of each token"
    assert of_token.scores["errors"] == 2


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ("smoke/shape_masks", ["most frequent class", "most frequent class at each position"]),
        ("shape_denoising", ["mean at each position", "the input itself"]),
        ("shape_enlarging", ["mean at each position", "the input, enlarged"]),
    ],
)
def test_pictures_have_naive_baselines(config: str, names: list[str]) -> None:
    """The mean picture or the most frequent class, and what the input itself is as an answer."""
    found = baselines_of_config(find_config(config), ("data.source.shapes.rows=60",), None, NullProgress())
    first, second = found.baselines
    assert [first.name, second.name] == names
    (key,) = {"error_percent", "root_mean_squared_error"} & first.scores.keys()
    assert second.scores[key] <= first.scores[key]
    assert first.model == second.model == ""
    if config == "shape_denoising":
        # The noise, of which a little is cut off at 0 and 255.
        assert second.scores[key] == pytest.approx(40, abs=6)


def test_windows_have_naive_forecasts() -> None:
    """The last value and the seasonal naive forecast stand beside scikit-learn's models, on the same windows."""
    found = baselines_of_config(find_config("smoke/airline_passengers"), (), None, NullProgress())
    scores = {one.name: one.scores["root_mean_squared_error"] for one in found.baselines}
    assert list(scores) == ["mean", "ridge regression", "gradient boosting", "last value", "seasonal naive"]
    assert scores["seasonal naive"] == pytest.approx(18.8, abs=0.1)


def test_exactly_one_of_config_and_run_is_expected(tmp_path: Path) -> None:
    """Neither and both are refused."""
    assert CliRunner().invoke(nnrun, ["baseline"]).exit_code == 2
    assert CliRunner().invoke(nnrun, ["baseline", "iris", "--run", "last"]).exit_code == 2


@pytest.mark.keras
def test_a_run_keeps_its_baselines_and_its_report_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--run` writes baselines.json, prints the run's own scores below them, and the report shows table and warning."""
    monkeypatch.chdir(tmp_path)
    file = _config(tmp_path, "iris")
    assert CliRunner().invoke(nnrun, ["train", str(file), "--quiet"]).exit_code == 0
    done = CliRunner().invoke(nnrun, ["baseline", "--run", "last"])
    assert done.exit_code == 0, done.output
    assert "this run" in done.output
    assert "is not below that of" in done.output
    (folder,) = map(RunFolder, Path("runs").glob("*_iris_*"))
    kept = read_baselines_if_any(folder)
    as_json = json.loads(CliRunner().invoke(nnrun, ["baseline", "--run", "last", "--json"]).output)
    assert [one["scores"] for one in as_json["baselines"]] == [one["scores"] for one in kept["baselines"]]
    assert CliRunner().invoke(nnrun, ["report", "last"]).exit_code == 0
    page = folder.report.read_text(encoding="utf-8")
    assert page.count("is not below that of") == 1
    assert "logistic regression" in page


@pytest.mark.parametrize(("rows", "is_one"), [(1_000, True), (30_000, False)])
def test_few_rows_are_fitted_by_one_thread(rows: int, is_one: bool) -> None:
    """Threads that wait for each other on a busy machine make the fit of a small table take minutes."""
    import sklearn.ensemble  # noqa: F401 - its library of threads is loaded
    from threadpoolctl import threadpool_info, threadpool_limits

    class Recorder:
        def fit(self, *_: object) -> None:
            self.threads = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "openmp"]

    model = Recorder()
    with threadpool_limits(2, user_api="openmp"):
        baselines._fit_model(model, np.zeros((rows, 10)), np.zeros(rows), None)
    assert set(model.threads) == ({1} if is_one else {2})
