"""Baselines: what simple models of scikit-learn reach on the same prepared rows or folds as a network."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.scoring import metrics, naive_models
from nnrun.engine.scoring.evaluate import error_scores
from nnrun.engine.scoring.outputs import is_multi_label, true_classes
from nnrun.errors import DataError
from nnrun.formatting import format_count
from nnrun.spec.facts import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nnrun.data.dataset import DataPart, Dataset
    from nnrun.progress import Progress
    from nnrun.spec.facts import Facts

#: Gradient boosting of more values, each counted for each class or target, takes minutes: these take 20 s on two cores.
_MOST_VALUES = 10_000_000
#: So many values are fitted in seconds by one thread.
_FOR_ONE_THREAD = 200_000
_FITTED = "The test part is the training part: the scores say how well a model fits, not how well it generalizes."
#: The columns of token numbers that TextVectorization makes.
_TOKEN_NUMBER = re.compile(r"(.*)\[\d+\]")
_WORDS = "Texts are given as the TF-IDF of their tokens; gradient boosting does not suit so many columns."
_POSITIONS = "A target with a class or a number at each position has naive baselines alone."


@dataclass(frozen=True)
class Baseline:
    """What one simple model reaches.

    Attributes:
        name: What it is, in words.
        model: Its class in scikit-learn; empty of a naive model, which is none of these.
        scores: Its scores on the part, as in `scores.json`; over folds their means.
        sd: Over folds the standard deviation of each score (ddof 0, as of the folds of a run); else empty.
        seconds: How long it was fitted, over all folds.
    """

    name: str
    model: str
    scores: Mapping[str, Any]
    sd: Mapping[str, float]
    seconds: float


@dataclass(frozen=True)
class BaselineResult:
    """The baselines of the data of an experiment.

    Attributes:
        task: `classification` or `regression`.
        part: The part that they are scored on: `test`, `validation` or `folds`.
        rows: The rows that they are fitted to, and those that they are scored on.
        baselines: The models, the simplest first.
        notes: Which models were not fitted and why, and what else the scores mean.
    """

    task: str
    part: str
    rows: tuple[int, int]
    baselines: tuple[Baseline, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints and a run folder keeps."""
        return {
            "task": self.task,
            "part": self.part,
            "rows": {"train": self.rows[0], self.part: self.rows[1]},
            "baselines": [
                {
                    "name": one.name,
                    "model": one.model,
                    "scores": dict(one.scores),
                    **({"sd": dict(one.sd)} if one.sd else {}),
                    "seconds": round(one.seconds, 3),
                }
                for one in self.baselines
            ],
            "notes": list(self.notes),
        }


def fit_baselines(datasets: Iterable[Dataset], *, seed: int, folds: int, progress: Progress) -> BaselineResult:
    """Fit and score the baselines on the prepared data of an experiment.

    Args:
        datasets: The data; of a cross-validation those of each fold.
        seed: The seed of gradient boosting.
        folds: The number of folds; 0 where it is no cross-validation.
        progress: Receives progress.

    Raises:
        DataError: The data are of a kind that these models do not take.
    """
    scores: dict[str, list[dict[str, Any]]] = {}
    seconds: dict[str, float] = {}
    rows, task, part, classes = (0, 0), "", "", dict[str, str]()
    notes: tuple[str, ...] = ()
    with progress.bar("Fitting baselines", max(folds, 1), "folds" if folds > 1 else "fold") as bar:
        for dataset in datasets:
            facts = dataset.facts
            part = "test" if dataset.test is not None else "validation"
            scored = dataset.test if dataset.test is not None else dataset.validation
            if scored is None:
                raise DataError(
                    "there is no part to score baselines on", hint="write a `split:` with `test` or `validation`"
                )
            _require_one_target(dataset)
            found, notes = _fit_all(_single(dataset.train), _single(scored), facts, seed)
            for name, one in found.items():
                seconds[name] = seconds.get(name, 0.0) + one.seconds
                scores.setdefault(name, []).append(one.scores)
                classes[name] = one.model
            if np.array_equal(scored.rows, dataset.train.rows):
                notes += (_FITTED,)
            rows, task = (len(dataset.train.rows), rows[1] + len(scored.rows)), facts.task
            bar.advance(1)
    baselines = [Baseline(name, classes[name], *_together(each), seconds[name]) for name, each in scores.items()]
    return BaselineResult(task, "folds" if folds else part, rows, tuple(baselines), notes)


def _require_one_target(dataset: Dataset) -> None:
    """Refuse data for which there are no simple models.

    Raises:
        DataError: With the reason.
    """
    facts, y, tokens = dataset.facts, dataset.train.y, dataset.train.token_target
    reason, hint = None, None
    if facts.streamed:
        reason, hint = "the rows stay on disk", "write `stream: false` in the source where they fit into memory"
    elif isinstance(y, dict) and (inputs := sorted({*y} & {*FIELDS})):
        reason = f"a target of the model is its own input ({', '.join(inputs)}), which it is to restore"
    elif isinstance(y, dict) and len(y) > 1:
        reason = f"the model has several targets with a loss each ({', '.join(y)})"
        hint = "write a config with one of them as `target:` for its baseline"
    elif tokens is not None and tokens.is_written:
        reason = "the model writes a text token by token, which no simple model does"
    elif facts.vocabulary and not facts.columns and facts.classes == facts.vocabulary:
        reason = "the model learns to write a text, which no simple model does"
    if reason is not None:
        raise DataError(f"there are no baselines: {reason}", hint=hint)


def _single(part: DataPart) -> DataPart:
    """Return a part whose targets are those of its only output that is compared with any."""
    own = part.own_y
    return replace(
        part,
        y=next(iter(part.y.values())) if isinstance(part.y, dict) else part.y,
        own_y=next(iter(own.values())) if isinstance(own, dict) else own,
    )


@dataclass(frozen=True)
class _Fitted:
    """The scores of a model that was fitted, its class in scikit-learn (empty: none), and how long it took."""

    scores: dict[str, Any]
    model: str = ""
    seconds: float = 0.0


def _fit_all(train: DataPart, scored: DataPart, facts: Facts, seed: int) -> tuple[dict[str, _Fitted], tuple[str, ...]]:
    """Fit the models that suit the data, and return them by name, and notes."""
    if naive_models.has_positions(train, facts):
        naive = naive_models.of_positions(train, scored, facts)
        return {one.name: _Fitted(_naive_scores(one, facts)) for one in naive}, (_POSITIONS,)
    found = {}
    x, x_scored, are_words = _features(train, scored, facts)
    y, truth = _targets(train, facts), _targets(scored, facts)
    models, notes = _models(facts, x, seed, are_words=are_words)
    for name, model in models.items():
        begin = perf_counter()
        _fit_model(model, x, y, train.sample_weight)
        seconds = perf_counter() - begin
        class_name = type(model[-1] if hasattr(model, "steps") else model).__name__
        found[name] = _Fitted(_scores(model, x_scored, truth, facts), class_name, seconds)
    for one in naive_models.forecasts(scored, facts):
        found[one.name] = _Fitted(_naive_scores(one, facts))
    return found, notes


def _naive_scores(one: naive_models.NaivePredictions, facts: Facts) -> dict[str, Any]:
    if facts.task == "classification":
        return error_scores(int(np.sum(one.predicted != one.truth)), int(one.truth.size))
    shape = (len(one.truth), -1)
    return _number_scores(one.predicted.reshape(shape), one.truth.reshape(shape))


def _number_scores(predicted: Any, truth: Any) -> dict[str, Any]:
    scores = metrics.regression_scores(predicted, truth)
    return {name: value for name, value in scores.items() if name != "residual_quantiles" and value is not None}


def _features(train: DataPart, scored: DataPart, facts: Facts) -> tuple[Any, Any, bool]:
    """Return the examples as simple models take them, and whether they are words.

    Columns of token numbers become the TF-IDF of the tokens, in sparse matrices; everything else is a row of numbers.
    """
    x, x_scored = (np.asarray(part.x).reshape(len(part.x), -1) for part in (train, scored))
    columns = [_TOKEN_NUMBER.fullmatch(name) for name in facts.columns]
    texts: dict[str, list[int]] = {}
    for at, found in enumerate(columns if facts.columns else [None] * x.shape[1]):
        if found is not None or (facts.vocabulary and not facts.columns):
            texts.setdefault("" if found is None else found[1], []).append(at)
    tokens = [at for each in texts.values() for at in each]
    if not texts or not (np.floor(x) == x).all(axis=0)[tokens].all():
        return x, x_scored, False
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.preprocessing import StandardScaler

    others = [at for at in range(x.shape[1]) if at not in {*tokens}]
    blocks = []
    for each in texts.values():
        size = int(max(x[:, each].max(), x_scored[:, each].max())) + 1
        counts = [_token_counts(rows[:, each], size) for rows in (x, x_scored)]
        weights = TfidfTransformer().fit(counts[0])
        blocks.append([weights.transform(one) for one in counts])
    if others:
        scaler = StandardScaler().fit(x[:, others])
        blocks.append([sparse.csr_matrix(scaler.transform(rows[:, others])) for rows in (x, x_scored)])
    joined = [sparse.hstack([block[at] for block in blocks], format="csr") for at in (0, 1)]
    return joined[0], joined[1], True


def _token_counts(tokens: Any, size: int) -> Any:
    """Return how often each token occurs in each row, without the padding 0: a sparse matrix of shape (rows, size)."""
    from scipy import sparse

    rows, columns = np.nonzero(tokens)
    ones = np.ones(len(rows))
    return sparse.csr_matrix((ones, (rows, tokens[rows, columns].astype(np.int64))), shape=(len(tokens), size))


def _targets(part: DataPart, facts: Facts) -> Any:
    """Return class numbers of shape (rows,), labels or numbers of shape (rows, targets)."""
    y = np.asarray(part.y if part.own_y is None else part.own_y)
    return true_classes(y, facts) if facts.task == "classification" else y.reshape(len(y), -1).astype("float64")


def _models(facts: Facts, x: Any, seed: int, *, are_words: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the models by name, and which are left out."""
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor

    models: dict[str, Any]
    if facts.task == "classification":
        many = MultiOutputClassifier if is_multi_label(facts) else _itself
        models = {
            "most frequent class": DummyClassifier(strategy="prior"),
            "logistic regression": _scaled(many(LogisticRegression(max_iter=1000)), are_words),
            "gradient boosting": many(HistGradientBoostingClassifier(random_state=seed)),
        }
    else:
        several = MultiOutputRegressor if (facts.targets or 1) > 1 else _itself
        models = {
            "mean": DummyRegressor(),
            "ridge regression": _scaled(Ridge(), are_words),
            "gradient boosting": several(HistGradientBoostingRegressor(random_state=seed)),
        }
    if are_words:
        del models["gradient boosting"]
        return models, (_WORDS,)
    if x.size * (facts.classes or facts.targets or 1) > _MOST_VALUES:
        del models["gradient boosting"]
        size = format_count(x.size, "value")
        return models, (f"Gradient boosting is left out: of {size}{_of_several(facts)} it would take minutes.",)
    return models, ()


def _scaled(model: Any, are_words: bool) -> Any:
    """Return a model that standardizes its input first, unless that is words with their weights."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return model if are_words else make_pipeline(StandardScaler(), model)


def _of_several(facts: Facts) -> str:
    if facts.task == "regression":
        return f" for {facts.targets} targets" if (facts.targets or 0) > 1 else ""
    return f" in {facts.classes} classes" if (facts.classes or 0) > 2 else ""


def _itself(model: Any) -> Any:
    return model


def _fit_model(model: Any, x: Any, y: Any, weight: Any) -> None:
    """Fit a model; its warnings (a logistic regression that has not converged) are no mistakes of the user's."""
    import warnings

    from threadpoolctl import threadpool_limits

    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    last = f"{model.steps[-1][0]}__sample_weight" if hasattr(model, "steps") else "sample_weight"
    # On a machine at work, threads that wait for each other took a hundred times as long as one.
    threads = threadpool_limits(1 if x.shape[0] * x.shape[1] < _FOR_ONE_THREAD else None, user_api="openmp")
    with warnings.catch_warnings(), threads:
        warnings.simplefilter("ignore")
        model.fit(x, y, **({} if weight is None else {last: weight}))


def _scores(model: Any, x: Any, y: Any, facts: Facts) -> dict[str, Any]:
    predicted = np.asarray(model.predict(x))
    if facts.task == "regression":
        return _number_scores(predicted, y)
    scores = error_scores(int(np.sum(predicted.reshape(y.shape) != y)), int(y.size))
    if y.ndim == 1:
        probabilities = _probabilities(model, x, facts)
        scores["log_loss"] = metrics.log_loss(y, probabilities)
        second = probabilities[:, 1:2] if probabilities.shape[1] == 2 else None
        is_class = y[:, None] == (1 if second is not None else np.arange(probabilities.shape[1]))
        scores |= metrics.areas_under_curves(is_class, probabilities if second is None else second)
    return {name: value for name, value in scores.items() if value is not None}


def _probabilities(model: Any, x: Any, facts: Facts) -> Any:
    """Return the probability of each class, shape (rows, classes); 0 for a class that the training rows lack."""
    found = model.predict_proba(x)
    whole = np.zeros((x.shape[0], max(facts.classes or 0, int(model.classes_.max()) + 1)))
    whole[:, model.classes_] = found
    return whole


def _together(each: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the scores of one part, or the mean and the standard deviation over folds."""
    if len(each) == 1:
        return dict(each[0]), {}
    names = [name for name, value in each[0].items() if isinstance(value, float) and all(name in one for one in each)]
    values = {name: [one[name] for one in each] for name in names}
    return (
        {name: float(np.mean(column)) for name, column in values.items()},
        {name: float(np.std(column)) for name, column in values.items()},
    )
