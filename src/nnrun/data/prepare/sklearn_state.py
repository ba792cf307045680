"""Fitted transformers of scikit-learn as JSON, and back, without pickle: nothing that a file holds is ever executed.

A value is plain JSON, or a mapping with one of these keys: `array`, `base64` (an array with more values), `list`,
`tuple`, `mapping`, `scalar`, `number` (`nan`, `inf`), `dtype`, `sparse`, `spline`, `estimator`. Classes come from the
catalog and a fixed table alone; the attributes of an estimator are data, and none of them replaces what its class
defines.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnrun.catalog import lookup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

#: Arrays with more values than this are written as base64.
_MOST_LISTED = 200
_DTYPES = re.compile(r"[<>|=]?[biufUS]\d{1,6}|bool|object")
_ATTRIBUTE = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*")
#: Estimators inside of transformers that are no steps themselves.
_INNER = {"KernelCenterer": "sklearn.preprocessing"}
#: Attributes that describe the training rows, or the machine, and that no transform reads.
_ONLY_FOR_FITTING: dict[str, tuple[str, ...]] = {
    "BernoulliRBM": ("h_samples_",),
    "CCA": ("x_scores_", "y_scores_", "_x_scores", "_y_scores"),
    "CountVectorizer": ("_stop_words_id",),
    "DictionaryLearning": ("error_",),
    "FactorAnalysis": ("loglike_",),
    "HashingVectorizer": ("_stop_words_id",),
    "KMeans": ("labels_", "_n_threads"),
    "MiniBatchDictionaryLearning": ("_A", "_B", "_ewa_cost", "_ewa_cost_min", "_no_improvement"),
    "MiniBatchKMeans": ("labels_", "_n_threads", "_counts"),
    "MiniBatchNMF": ("_components_numerator", "_components_denominator"),
    "PLSCanonical": ("x_scores_", "y_scores_", "_x_scores", "_y_scores"),
    "PLSRegression": ("x_scores_", "y_scores_", "_x_scores", "_y_scores"),
    "SparsePCA": ("error_",),
    "TfidfVectorizer": ("_stop_words_id",),
}


def estimator_class(name: str) -> Any:
    """Return the class of a transformer (imports scikit-learn).

    Raises:
        ValueError: Neither the catalog nor the table of inner estimators has it.
    """
    known = lookup.entry("preparation", name)
    module = _INNER.get(name) or ("" if known is None else known.module)
    if not module:
        raise ValueError(f"there is no transformer {name!r}")
    return getattr(import_module(module), name)


def fitted_attributes(estimator: Any) -> dict[str, Any]:
    """Return the attributes that a fit has set, as JSON."""
    parameters = estimator.get_params(deep=False)
    unused = _ONLY_FOR_FITTING.get(type(estimator).__name__, ())
    return {
        name: encode(value)
        for name, value in sorted(vars(estimator).items())
        if name not in parameters and name not in unused and not isinstance(value, np.random.RandomState)
    }


def restore_attributes(estimator: Any, attributes: Mapping[str, Any]) -> None:
    """Set the attributes of a fit on a new estimator.

    Raises:
        ValueError: An attribute is of another form, or would replace what the class defines.
    """
    parameters = estimator.get_params(deep=False)
    for name, value in attributes.items():
        if _ATTRIBUTE.fullmatch(name) is None or name in parameters or hasattr(type(estimator), name):
            raise ValueError(f"{type(estimator).__name__} learns no attribute {name!r}")
        setattr(estimator, name, decode(value))


def digest(state: object) -> str:
    """Return a SHA-256 digest of JSON data."""
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def encode(value: Any) -> Any:
    """Return a value as JSON.

    Raises:
        TypeError: It is of a kind that is not kept.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"number": str(value)}
    encoder = next((made for of, made in _ENCODERS if isinstance(value, of)), None)
    return encoder(value) if encoder is not None else _encode_by_form(value)


def _encode_by_form(value: Any) -> Any:
    """Return what is recognised without importing its library: a sparse matrix, a spline, an estimator."""
    if hasattr(value, "tocsr"):
        rows = value.tocsr()
        parts = {name: encode(np.asarray(getattr(rows, name))) for name in ("data", "indices", "indptr")}
        return {"sparse": parts, "shape": list(rows.shape)}
    if type(value).__name__ == "BSpline":
        degree, beyond = int(value.k), value.extrapolate
        return {"spline": {"t": encode(value.t), "c": encode(value.c), "k": degree, "extrapolate": beyond}}
    if hasattr(value, "get_params"):
        parameters = {name: encode(one) for name, one in sorted(value.get_params(deep=False).items())}
        return {"estimator": type(value).__name__, "parameters": parameters, "attributes": fitted_attributes(value)}
    raise TypeError(f"a {type(value).__name__} cannot be kept as JSON")


def _encode_array(array: np.ndarray) -> dict[str, Any]:
    if array.dtype == object:
        return {"array": [encode(one) for one in array.reshape(-1)], "dtype": "object", "shape": list(array.shape)}
    # The order of values in memory decides in which order products are summed, and so the last bit of results.
    order: Literal["C", "F"] = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    about = {"dtype": array.dtype.str, "shape": list(array.shape), **({"order": order} if order == "F" else {})}
    if array.size > _MOST_LISTED:
        return {"base64": base64.b64encode(array.tobytes(order)).decode("ascii"), **about}
    flat = array.reshape(-1, order=order).tolist()
    return {"array": [str(one) if isinstance(one, float) and not math.isfinite(one) else one for one in flat], **about}


def _encode_mapping(mapping: Mapping[Any, Any]) -> dict[str, Any]:
    return {"mapping": [[encode(key), encode(value)] for key, value in mapping.items()]}


_ENCODERS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (np.ndarray, _encode_array),
    (np.generic, lambda value: {"scalar": encode(value.item()), "dtype": value.dtype.str}),
    (np.dtype, lambda value: {"dtype": value.str}),
    (tuple, lambda value: {"tuple": [encode(one) for one in value]}),
    (list, lambda value: {"list": [encode(one) for one in value]}),
    (dict, _encode_mapping),
    (type, lambda value: {"dtype": np.dtype(value).str}),
)


def decode(value: Any) -> Any:
    """Return the value of its JSON.

    Raises:
        ValueError: It has none of the forms that `encode` writes.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if not isinstance(value, dict):
        text = f"expected a value of the preparation, received a {type(value).__name__}"
        raise ValueError(text)  # noqa: TRY004 - the file was changed
    decoder = next((made for key, made in _DECODERS.items() if key in value), None)
    if decoder is None:
        raise ValueError(f"expected a value of the preparation, received a mapping of {', '.join(map(str, value))}")
    try:
        return decoder(value)
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error, MemoryError) as error:
        raise ValueError(f"a value of the preparation cannot be read: {error}") from error


def _dtype(value: Mapping[str, Any]) -> np.dtype[Any]:
    name = value["dtype"]
    if not isinstance(name, str) or _DTYPES.fullmatch(name) is None:
        raise ValueError(f"expected the type of an array, received {name!r}")
    return np.dtype(name)


def _shape(value: Mapping[str, Any]) -> tuple[int, ...]:
    sizes = value["shape"]
    if not isinstance(sizes, list) or not all(isinstance(size, int) and size >= 0 for size in sizes):
        raise ValueError(f"expected the shape of an array, received {sizes!r}")
    return tuple(sizes)


def _order(value: Mapping[str, Any]) -> Literal["C", "F"]:
    return "F" if value.get("order") == "F" else "C"


def _decode_array(value: Mapping[str, Any]) -> np.ndarray:
    dtype, shape, items = _dtype(value), _shape(value), value["array"]
    if not isinstance(items, list) or len(items) != math.prod(shape):
        raise ValueError(f"expected the {math.prod(shape)} values of an array")
    if dtype.kind == "O":
        found = np.empty(len(items), dtype=object)
        for index, item in enumerate(items):
            found[index] = decode(item)
        return found.reshape(shape)
    if dtype.kind == "f":
        items = [float(item) for item in items]
    return np.array(items, dtype=dtype).reshape(shape, order=_order(value))


def _decode_bytes(value: Mapping[str, Any]) -> np.ndarray:
    dtype, shape = _dtype(value), _shape(value)
    if dtype.kind == "O":
        raise ValueError("an array of objects cannot be written as base64")
    flat = np.frombuffer(base64.b64decode(value["base64"], validate=True), dtype=dtype).copy()
    return flat.reshape(shape, order=_order(value))


def _decode_sparse(value: Mapping[str, Any]) -> Any:
    from scipy.sparse import csr_matrix

    parts = [decode(value["sparse"][name]) for name in ("data", "indices", "indptr")]
    matrix = csr_matrix(tuple(parts), shape=_shape(value))
    # A wrong index would otherwise be read outside of the arrays.
    matrix.check_format(full_check=True)
    return matrix


def _decode_spline(value: Mapping[str, Any]) -> Any:
    from scipy.interpolate import BSpline

    given = value["spline"]
    return BSpline(decode(given["t"]), decode(given["c"]), int(given["k"]), extrapolate=decode(given["extrapolate"]))


def _decode_estimator(value: Mapping[str, Any]) -> Any:
    parameters = {name: decode(one) for name, one in value["parameters"].items()}
    estimator = estimator_class(value["estimator"])(**parameters)
    restore_attributes(estimator, value["attributes"])
    return estimator


def _decode_number(value: Mapping[str, Any]) -> float:
    if value["number"] not in ("nan", "inf", "-inf"):
        raise ValueError(f"expected a number, received {value['number']!r}")
    return float(value["number"])


def _items(values: Iterable[Any]) -> list[Any]:
    if not isinstance(values, list):
        raise TypeError("expected a list")
    return [decode(one) for one in values]


_DECODERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "array": _decode_array,
    "base64": _decode_bytes,
    "sparse": _decode_sparse,
    "spline": _decode_spline,
    "estimator": _decode_estimator,
    "scalar": lambda value: _dtype(value).type(decode(value["scalar"])),
    "number": _decode_number,
    "tuple": lambda value: tuple(_items(value["tuple"])),
    "list": lambda value: _items(value["list"]),
    "mapping": lambda value: dict(zip(*_pairs(value["mapping"]), strict=True)),
    "dtype": _dtype,
}


def _pairs(pairs: Any) -> tuple[list[Any], list[Any]]:
    return _items([key for key, _ in pairs]), _items([one for _, one in pairs])
