"""Write `src/nnrun/catalog/sklearn/MAJOR.MINOR.json` from the installed scikit-learn: its transformers of tables.

Run it from the root of a checkout: `python tools/generate_sklearn_catalog.py`, once with each supported release. Every
public transformer is either usable, with the parameters that a config can give, or left out with the reason.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from sklearn import __version__
from sklearn.base import ClassNamePrefixFeaturesOutMixin, OneToOneFeatureMixin
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.utils import _param_validation as validation
from sklearn.utils.discovery import all_estimators

from nnrun.catalog.docstrings import first_sentence
from nnrun.data.prepare.functions import ELEMENTWISE, POOLING, SCORES

FOLDER = Path(__file__).parents[1] / "src" / "nnrun" / "catalog" / "sklearn"
COMMAND = "python tools/generate_sklearn_catalog.py"

_ESTIMATOR = "It is made of other estimators, which a config cannot contain; list the steps one after the other."
_ENCODES = "It encodes targets, which nnrun does itself as the loss needs them."
_NO_NEW_ROWS = "It has no transform for new rows, so that nothing could be predicted."
_NEIGHBOURS = "It keeps a search tree over the training rows, which cannot be kept without pickle."
_TREE = "It keeps trees, which cannot be kept without pickle."
_ROWS = "Its output has a column for each training row: a graph of neighbours, which no layer takes."

#: Transformers that a config cannot use, with the reason for the user.
REFUSED: dict[str, str] = {
    "Birch": "It keeps a tree of clusters, which cannot be kept without pickle; KMeans gives distances to clusters.",
    "BisectingKMeans": "It keeps a tree of clusters, which cannot be kept without pickle; KMeans is similar.",
    "ClassicalMDS": _NO_NEW_ROWS,
    "ColumnTransformer": "Write a step for each group of columns, with `columns: [...]`.",
    "DictVectorizer": "It takes dictionaries, and a table has columns; OneHotEncoder does the same with columns.",
    "FeatureUnion": _ESTIMATOR,
    "IsotonicRegression": "It is a regression of one number, no preparation.",
    "Isomap": _NEIGHBOURS,
    "IterativeImputer": (
        "scikit-learn calls it experimental and may change it without notice, so that a run could not be used later; "
        "KNNImputer also fills in from the other columns."
    ),
    "KNeighborsTransformer": _ROWS,
    "KernelCenterer": "It takes a kernel matrix, not a table; KernelPCA centers its own.",
    "LabelBinarizer": _ENCODES,
    "LabelEncoder": _ENCODES,
    "LocallyLinearEmbedding": _NEIGHBOURS,
    "MDS": _NO_NEW_ROWS,
    "MultiLabelBinarizer": "nnrun has a step of that name, which reads sets from the cells of a table.",
    "PatchExtractor": "It takes pictures and gives patches, not a row for each row.",
    "Pipeline": _ESTIMATOR,
    "RFE": _ESTIMATOR,
    "RFECV": _ESTIMATOR,
    "RadiusNeighborsTransformer": _ROWS,
    "RandomTreesEmbedding": _TREE,
    "SelectFromModel": _ESTIMATOR,
    "SequentialFeatureSelector": _ESTIMATOR,
    "SparseCoder": "It needs a dictionary as an array; DictionaryLearning learns one.",
    "SpectralEmbedding": _NO_NEW_ROWS,
    "StackingClassifier": _ESTIMATOR,
    "StackingRegressor": _ESTIMATOR,
    "TSNE": _NO_NEW_ROWS,
    "VotingClassifier": _ESTIMATOR,
    "VotingRegressor": _ESTIMATOR,
}

#: Parameters that a config does not have: how fast and how loud the fit is, and the form of the result.
_LEFT_OUT = """accept_sparse callback check_inverse copy copy_X copy_x compute_distances compute_inverse_components
    decode_error dense_output dtype encoding feature_name_combiner feature_names_out fit_inverse_transform input
    input_type inv_kw_args kernel_params kw_args memory n_jobs order sparse sparse_output store_covariance validate
    verbose warm_start"""
LEFT_OUT = frozenset(_LEFT_OUT.split())

_TEXTS = {"list": ["text"]}
_NUMBERS = {"list": ["number"]}
_VALUES = {"list": ["number", "text"]}
_PAIR = {"tuple": ["number"], "length": 2}
#: What a parameter takes where scikit-learn's own constraint says less: by parameter, or by class and parameter.
CONSTRAINTS: dict[str, list[Any]] = {
    "categories": [{"choice": ["auto"]}, {"list": [_VALUES]}],
    "encoded_missing_value": ["integer", None],
    "feature_range": [_PAIR],
    "fill_value": ["number", "text", None],
    "fun_args": [{"mapping": ["number"]}, None],
    "func": [{"choice": sorted(ELEMENTWISE)}],
    "inverse_func": [{"choice": sorted(ELEMENTWISE)}, None],
    "missing_values": ["number", "text", None],
    "ngram_range": [{"tuple": [{"integer": [1, None]}], "length": 2}],
    "pooling_func": [{"choice": sorted(POOLING)}],
    "quantile_range": [{"tuple": [{"number": [0, 100, "both"]}], "length": 2}],
    "score_func": [{"choice": sorted(SCORES)}],
    "stop_words": [{"choice": ["english"]}, _TEXTS, None],
    "unknown_value": ["integer", None],
    "vocabulary": [_TEXTS, None],
    "FeatureAgglomeration.metric": [{"choice": ["cosine", "euclidean", "l1", "l2", "manhattan"]}],
    "KBinsDiscretizer.n_bins": [{"integer": [2, None]}, {"list": [{"integer": [2, None]}]}],
    "LinearDiscriminantAnalysis.priors": [_NUMBERS, None],
    "OneHotEncoder.drop": [{"choice": ["first", "if_binary"]}, _VALUES, None],
    "PolynomialFeatures.degree": [{"integer": [0, None]}, {"tuple": [{"integer": [0, None]}], "length": 2}],
    "SplineTransformer.knots": [{"choice": ["uniform", "quantile"]}, {"list": [_NUMBERS]}],
    "TargetEncoder.random_state": [{"integer": [0, None]}, None],
    "TargetEncoder.shuffle": ["boolean"],
}
#: Defaults that are another value than scikit-learn's signature has.
DEFAULTS: dict[str, Any] = {
    "FunctionTransformer.func": inspect.Parameter.empty,
    "TargetEncoder.random_state": None,
    "TargetEncoder.shuffle": True,
}
#: The parameter of nnrun's own that says which columns a step treats, by what the step takes.
COLUMNS = {
    "numbers": "The columns to treat, by name or index; all columns of numbers where not given.",
    "categories": "The columns to treat, by name or index; all columns of text where not given.",
    "values": "The columns to treat, by name or index; all that the strategy suits where not given.",
    "text": "The one column of text to treat, by name or index; the only one where not given.",
}
_PARAMETER = re.compile(r"^(?P<names>\w+(?:\s*,\s*\w+)*)\s*:")


def generate() -> dict[str, Any]:
    """Return the whole catalog of the installed release as plain data."""
    transformers = dict(all_estimators(type_filter="transformer"))
    # scikit-learn does not count these two, whose input is texts, and no matrix.
    transformers |= {"CountVectorizer": CountVectorizer, "TfidfVectorizer": TfidfVectorizer}
    found = {name: _entry(name, thing) for name, thing in transformers.items()}
    # Imported only by those who enable it.
    found.setdefault("IterativeImputer", _refused("IterativeImputer", "Fills in values from all other columns."))
    found.setdefault("Pipeline", _refused("Pipeline", "A sequence of transformers, and an estimator at its end."))
    for name in ("ClassicalMDS", "MDS", "SpectralEmbedding"):
        found.setdefault(name, _refused(name, "Places the training rows in a space of few dimensions."))
    return {"generated_by": COMMAND, "scikit-learn": __version__, "entries": dict(sorted(found.items()))}


def _refused(name: str, summary: str) -> dict[str, Any]:
    return {**_described(summary), "parameters": {}, "refused": REFUSED[name]}


def _described(summary: str) -> dict[str, Any]:
    return {"origin": "sklearn", "function": False, "aliases": [], "summary": summary}


def _entry(name: str, thing: type[Any]) -> dict[str, Any]:
    paragraphs = inspect.cleandoc(thing.__doc__ or "").split("\n\n")
    summary = _cleaned(first_sentence(paragraphs[0]))
    if name in REFUSED:
        return _refused(name, summary)
    traits = _traits(name, thing)
    named = {"list": ["text", "integer"]}
    columns = {"default": None, "summary": COLUMNS[traits["input"]], "constraints": [named, None]}
    signature = inspect.signature(thing)
    texts = _parameter_texts(thing)
    parameters = {
        key: _parameter(name, thing, one, texts.get(key, ""))
        for key, one in signature.parameters.items()
        if key not in LEFT_OUT
    }
    first = next(iter(signature.parameters.values()), None)
    is_positional = first is not None and first.kind is first.POSITIONAL_OR_KEYWORD and first.name in parameters
    # `TargetEncoder: [town]` names columns, as with the other encoders, whose `categories` is a keyword.
    is_positional = is_positional and name != "TargetEncoder"
    ordered = {**parameters, "columns": columns} if is_positional else {"columns": columns, **parameters}
    module = ".".join(part for part in thing.__module__.split(".") if not part.startswith("_"))
    return {**_described(summary), "module": module, "parameters": ordered, "traits": traits}


def _traits(name: str, thing: type[Any]) -> dict[str, Any]:
    tags = (thing(func=abs) if name == "FunctionTransformer" else thing()).__sklearn_tags__()
    takes = "numbers"
    if tags.input_tags.categorical:
        takes = "categories"
    if name in ("SimpleImputer", "MissingIndicator"):
        takes = "values"
    if name == "FeatureHasher":
        takes = "categories"
    if name.endswith("Vectorizer"):
        takes = "text"
    names = "same" if issubclass(thing, OneToOneFeatureMixin) or name == "FunctionTransformer" else None
    if issubclass(thing, ClassNamePrefixFeaturesOutMixin):
        names = "prefix"
    return {
        "input": takes,
        "names": names,
        "target": bool(tags.target_tags.required)
        or name.startswith("Select")
        or "cross_decomposition" in thing.__module__,
        "missing": bool(tags.input_tags.allow_nan),
        "fills": name in ("SimpleImputer", "KNNImputer", "MissingIndicator"),
        "streams": hasattr(thing, "partial_fit") or not tags.requires_fit,
        "inverse": hasattr(thing, "inverse_transform"),
        "random": "random_state" in inspect.signature(thing).parameters,
    }


def _parameter_texts(thing: type[Any]) -> dict[str, str]:
    """Return the first sentence about each parameter of a docstring in numpydoc's form."""
    lines = inspect.cleandoc(thing.__doc__ or "").splitlines()
    if "Parameters" not in lines:
        return {}
    start = lines.index("Parameters") + 2
    end = next((at for at in range(start, len(lines) - 1) if set(lines[at + 1]) == {"-"}), len(lines))
    texts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines[start:end]:
        heading = _PARAMETER.match(line)
        if heading is not None:
            current = []
            for name in re.findall(r"\w+", heading["names"]):
                texts[name] = current
        elif line.startswith(" "):
            current.append(line.strip())
        elif current:
            current.append("")
    return {name: _cleaned(first_sentence(" ".join(_first_paragraph(text)))) for name, text in texts.items()}


def _cleaned(text: str) -> str:
    """Return a text of a docstring without the marks of reStructuredText."""
    return re.sub(r"`+", "`", re.sub(r":[a-z]+:(?=`)", "", text)).removesuffix(":")


def _first_paragraph(lines: list[str]) -> list[str]:
    end = next((at for at, line in enumerate(lines) if not line or line.startswith((".. ", "- "))), len(lines))
    return lines[:end]


def _parameter(name: str, thing: type[Any], parameter: inspect.Parameter, text: str) -> dict[str, Any]:
    key = parameter.name
    given = CONSTRAINTS.get(f"{name}.{key}") or CONSTRAINTS.get(key)
    constraints = given or _constraints(thing._parameter_constraints[key], key)  # noqa: SLF001
    default = DEFAULTS.get(f"{name}.{key}", parameter.default)
    shown = {} if default is parameter.empty else {"default": _plain(default, f"{name}.{key}")}
    if shown.get("default", ...) is None and None not in constraints:
        constraints = [*constraints, None]
    return {**shown, "summary": text, "constraints": constraints}


def _constraints(constraints: Any, key: str) -> list[Any]:
    found = [one for constraint in constraints if (one := _constraint(constraint, key)) != "skip"]
    usable = [one for one in found if not (isinstance(one, dict) and "python" in one)]
    plain = [one for one in usable if one is not None]
    return usable if plain else [*found]


def _constraint(constraint: Any, key: str) -> Any:  # noqa: C901, PLR0911, PLR0912 - one line for each kind
    if constraint is None:
        return None
    if isinstance(constraint, validation.Hidden):
        return "skip"
    if isinstance(constraint, validation.Interval):
        return _interval(constraint)
    if isinstance(constraint, validation.Options):
        return _options(constraint)
    if constraint in ("boolean", bool):
        return "boolean"
    if constraint == "random_state":
        return {"integer": [0, None]}
    if constraint == "cv_object":
        return {"integer": [2, None]}
    if constraint in (Integral, int):
        return "integer"
    if constraint in (Real, float):
        return "number"
    if constraint is str:
        return "text"
    if constraint == "sparse matrix":
        return "skip"
    if constraint is callable:
        return {"python": "a Python function"}
    if isinstance(constraint, validation.HasMethods) or (
        inspect.isclass(constraint) and "Mixin" in constraint.__name__
    ):
        return {"python": "another estimator"}
    if constraint == "array-like" or getattr(constraint, "__name__", "") == "ndarray":
        return {"python": "an array"}
    raise TypeError(f"no rule for the constraint {constraint!r} of {key}")


def _interval(interval: Any) -> dict[str, Any]:
    left, right = (_finite(bound) for bound in (interval.left, interval.right))
    if interval.type is Integral:
        low = left + 1 if left is not None and interval.closed in ("right", "neither") else left
        high = right - 1 if right is not None and interval.closed in ("left", "neither") else right
        return {"integer": [None if low is None else int(low), None if high is None else int(high)]}
    return {"number": [left, right, interval.closed]}


def _finite(bound: Any) -> Any:
    return None if bound is None or math.isinf(bound) else bound


def _options(options: Any) -> Any:
    words = options.options - options.deprecated - {"deprecated", "warn"}
    if words == {False}:
        return "boolean"
    plain = sorted(word for word in words if isinstance(word, str | int) and word != "precomputed")
    return {"choice": plain} if plain else "skip"


def _plain(default: Any, place: str) -> Any:
    """Return a default as JSON holds it: tuples as lists, functions by name, NaN as null."""
    if isinstance(default, tuple):
        return [_plain(item, place) for item in default]
    if callable(default):
        name: str = default.__name__
        return name
    if isinstance(default, float) and math.isnan(default):
        return None
    if default is None or isinstance(default, bool | int | float | str):
        return default
    raise TypeError(f"JSON cannot hold the default of {place}: {default!r}")


def to_text(catalog: dict[str, Any]) -> str:
    """Return the text of the committed file."""
    return json.dumps(catalog, indent=1, ensure_ascii=False) + "\n"


def file_name() -> str:
    """Return the name of the installed release's file."""
    return f"{'.'.join(__version__.split('.')[:2])}.json"


def main() -> None:
    """Write the committed file of the installed release."""
    (FOLDER / file_name()).write_text(to_text(generate()), encoding="utf-8")


if __name__ == "__main__":
    main()
