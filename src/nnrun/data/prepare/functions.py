"""Functions that a config names for scikit-learn's transformers: of one number, of scores, and of columns together."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: Functions of one number, by name, each as `module:name`.
ELEMENTWISE = {
    "abs": "numpy:absolute",
    "arcsinh": "numpy:arcsinh",
    "cbrt": "numpy:cbrt",
    "exp": "numpy:exp",
    "expit": "scipy.special:expit",
    "expm1": "numpy:expm1",
    "log": "numpy:log",
    "log10": "numpy:log10",
    "log1p": "numpy:log1p",
    "log2": "numpy:log2",
    "logit": "scipy.special:logit",
    "reciprocal": "numpy:reciprocal",
    "sign": "numpy:sign",
    "sqrt": "numpy:sqrt",
    "square": "numpy:square",
}
#: The inverse of each function that has one.
INVERSES = {
    "arcsinh": "sinh",
    "cbrt": "cube",
    "exp": "log",
    "expit": "logit",
    "expm1": "log1p",
    "log": "exp",
    "log10": "exp10",
    "log1p": "expm1",
    "log2": "exp2",
    "logit": "expit",
    "reciprocal": "reciprocal",
    "sqrt": "square",
}
#: Inverses that are no functions of a config themselves.
_INVERSES_ONLY = {
    "cube": "nnrun.data.prepare.functions:cube",
    "exp10": "scipy.special:exp10",
    "exp2": "numpy:exp2",
    "sinh": "numpy:sinh",
}
#: Functions that score columns by the target, by name.
SCORES = {
    name: f"sklearn.feature_selection:{name}"
    for name in ("chi2", "f_classif", "f_regression", "mutual_info_classif", "mutual_info_regression", "r_regression")
}
#: Functions that make one column of several, by name.
POOLING = {"max": "numpy:max", "mean": "numpy:mean", "median": "numpy:median", "min": "numpy:min"}

_BY_PARAMETER = {
    "func": ELEMENTWISE,
    "inverse_func": {**ELEMENTWISE, **_INVERSES_ONLY},
    "score_func": SCORES,
    "pooling_func": POOLING,
}


def cube(x: Any) -> Any:
    """Return the third power of each number, the inverse of `cbrt`."""
    return x * x * x


def named_function(parameter: str, name: str, seed: int | None) -> Callable[..., Any]:
    """Return the function that a parameter of a transformer names.

    Args:
        parameter: The parameter: `func`, `inverse_func`, `score_func` or `pooling_func`.
        name: The name in the config.
        seed: The seed of functions that are random: scores by mutual information.
    """
    module, _, attribute = _BY_PARAMETER[parameter][name].partition(":")
    found: Callable[..., Any] = getattr(import_module(module), attribute)
    return partial(found, random_state=seed) if name.startswith("mutual_info") else found


def takes_functions(parameter: str) -> bool:
    """Return whether a parameter of a transformer takes a function by name."""
    return parameter in _BY_PARAMETER
