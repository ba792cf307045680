"""How many columns a transformer of scikit-learn makes, where its arguments decide that before anything is fitted."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    _Width: TypeAlias = Callable[[Mapping[str, Any], int], int | None]


def output_width(name: str, arguments: Mapping[str, Any], columns: int) -> int | None:
    """Return the number of columns that a transformer makes of `columns`; None if it is known only after the fit.

    Args:
        name: The transformer.
        arguments: All its arguments, defaults included.
        columns: The number of columns that it treats, at least 1.

    Raises:
        ValueError: The arguments do not suit so few columns.
    """
    rule = _WIDTHS.get(name)
    return None if rule is None else rule(arguments, columns)


def _components(arguments: Mapping[str, Any], columns: int) -> int | None:  # noqa: ARG001 - as the others
    wanted = arguments["n_components"]
    return wanted if isinstance(wanted, int) else None


def _at_most_columns(arguments: Mapping[str, Any], columns: int) -> int | None:
    wanted = arguments["n_components"]
    if isinstance(wanted, int) and wanted > columns:
        raise ValueError(f"n_components: expected at most {columns}, the number of columns, received {wanted}")
    return wanted if isinstance(wanted, int) and wanted > 0 else None


def _components_or_all(arguments: Mapping[str, Any], columns: int) -> int | None:
    wanted = arguments["n_components"]
    return columns if wanted is None else _components(arguments, columns)


def _components_up_to_columns(arguments: Mapping[str, Any], columns: int) -> int | None:
    wanted = _components(arguments, columns)
    return None if wanted is None else min(wanted, columns)


def _clusters(arguments: Mapping[str, Any], columns: int) -> int | None:  # noqa: ARG001 - as the others
    wanted = arguments["n_clusters"]
    return wanted if isinstance(wanted, int) else None


def _feature_clusters(arguments: Mapping[str, Any], columns: int) -> int | None:
    wanted = _clusters(arguments, columns)
    if wanted is not None and wanted > columns:
        raise ValueError(f"n_clusters: expected at most {columns}, the number of columns, received {wanted}")
    return wanted


def _polynomial(arguments: Mapping[str, Any], columns: int) -> int:
    degree = arguments["degree"]
    low, high = (0, degree) if isinstance(degree, int) else degree
    if low > high:
        raise ValueError(f"degree: expected the lower degree first, received [{low}, {high}]")
    only, bias = arguments["interaction_only"], arguments["include_bias"]

    def of_degree(one: int) -> int:
        return comb(columns, one) if only else comb(columns + one - 1, one)

    return sum(of_degree(one) for one in range(max(low, 1), high + 1)) + int(bias and low == 0)


def _spline(arguments: Mapping[str, Any], columns: int) -> int:
    knots = arguments["knots"]
    count = len(knots) if isinstance(knots, list) else arguments["n_knots"]
    splines = count - 1 if arguments["extrapolation"] == "periodic" else count + arguments["degree"] - 1
    return columns * (splines - int(not arguments["include_bias"]))


def _bins(arguments: Mapping[str, Any], columns: int) -> int | None:
    if arguments["encode"] == "ordinal":
        return columns
    # Other strategies leave out bins that are too narrow.
    if arguments["strategy"] != "uniform":
        return None
    bins = arguments["n_bins"]
    return columns * bins if isinstance(bins, int) else sum(bins)


def _best(arguments: Mapping[str, Any], columns: int) -> int:
    wanted = arguments["k"]
    if wanted != "all" and wanted > columns:
        raise ValueError(f"k: expected at most {columns}, the number of columns, or 'all', received {wanted}")
    return columns if wanted == "all" else wanted


def _filled(arguments: Mapping[str, Any], columns: int) -> int | None:
    return None if arguments["add_indicator"] else columns


def _always(arguments: Mapping[str, Any], columns: int) -> int:  # noqa: ARG001 - as the others
    return columns


def _hashed(arguments: Mapping[str, Any], columns: int) -> int:  # noqa: ARG001 - as the others
    return int(arguments["n_features"])


def _indicators(arguments: Mapping[str, Any], columns: int) -> int | None:
    return columns if arguments["features"] == "all" else None


def _sampled(arguments: Mapping[str, Any], columns: int) -> int:
    return columns * (2 * int(arguments["sample_steps"]) - 1)


#: The transformers of each rule that several share.
_SHARED: dict[_Width, str] = {
    _always: """Binarizer FunctionTransformer MaxAbsScaler MinMaxScaler Normalizer OrdinalEncoder PowerTransformer
        QuantileTransformer RobustScaler StandardScaler TfidfTransformer""",
    _components: """BernoulliRBM CCA GaussianRandomProjection KernelPCA LatentDirichletAllocation MiniBatchNMF NMF
        PLSCanonical PLSRegression PLSSVD PolynomialCountSketch RBFSampler SkewedChi2Sampler SparseRandomProjection""",
    _components_or_all: """DictionaryLearning MiniBatchDictionaryLearning MiniBatchSparsePCA
        NeighborhoodComponentsAnalysis SparsePCA""",
    _components_up_to_columns: "FactorAnalysis FastICA",
    _at_most_columns: "IncrementalPCA PCA TruncatedSVD",
}
_WIDTHS: dict[str, _Width] = {
    **{name: rule for rule, names in _SHARED.items() for name in names.split()},
    "AdditiveChi2Sampler": _sampled,
    "FeatureAgglomeration": _feature_clusters,
    "FeatureHasher": _hashed,
    "HashingVectorizer": _hashed,
    "KBinsDiscretizer": _bins,
    "KMeans": _clusters,
    "KNNImputer": _filled,
    "MiniBatchKMeans": _clusters,
    "MissingIndicator": _indicators,
    "PolynomialFeatures": _polynomial,
    "SelectKBest": _best,
    "SimpleImputer": _filled,
    "SplineTransformer": _spline,
}
