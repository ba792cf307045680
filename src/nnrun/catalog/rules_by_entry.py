"""What single parameters take where the rule for their name does not fit: `(category, entry, parameter)`.

`*` as the entry stands for every entry of the category.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog.kinds import (
    AnyOf,
    Boolean,
    Choice,
    Integer,
    ListOf,
    MappingOf,
    Null,
    Number,
    PartOf,
    String,
    one_or_list,
    or_null,
)
from nnrun.catalog.rules_by_name import (
    AXES,
    COUNT,
    LAYER,
    MARGIN,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    RESIZING,
    SHARE,
    TEXT,
    VOCABULARY_OUTPUT,
    between,
)

if TYPE_CHECKING:
    from nnrun.catalog.kinds import Kind

_REDUCTION = Choice(("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"))
_ENDS = ListOf(MARGIN, 2)
_HASHED = Choice(("int", "one_hot", "multi_hot", "count"))
_ZERO_TO_ONE = Number(0, 1, exclusive_minimum=True, exclusive_maximum=True)
_FACTOR = between(0, 1)
_SIGNED_FACTOR = between(-1, 1)
#: Keras refuses -1 itself: the picture would vanish.
_ZOOM = one_or_list(Number(-1, 1, exclusive_minimum=True), 2)
_NUMBERS = AnyOf((NUMBER, ListOf(NUMBER, min_length=1)))

BY_ENTRY: dict[tuple[str, str, str], Kind] = {
    # -- layers: the core
    ("layers", "EinsumDense", "equation"): String(
        "an equation such as 'ab,bc->ac'", r"[a-zA-Z.]+,[a-zA-Z.]+->[a-zA-Z.]+"
    ),
    ("layers", "EinsumDense", "bias_axes"): String("letters of the equation's output", r"[a-zA-Z]+"),
    ("layers", "Reshape", "target_shape"): ListOf(AnyOf((Choice((-1,)), COUNT))),
    ("layers", "Permute", "dims"): ListOf(COUNT, min_length=1),
    ("layers", "Dot", "axes"): one_or_list(Integer(), 2),
    ("layers", "Pipeline", "layers"): ListOf(LAYER, min_length=1),
    ("layers", "Softmax", "axis"): AXES,
    # -- layers: convolution, pooling, padding
    ("layers", "Conv1D", "padding"): Choice(("valid", "same", "causal"), ignore_case=True),
    ("layers", "UpSampling1D", "size"): COUNT,
    ("layers", "UpSampling2D", "interpolation"): RESIZING,
    ("layers", "ZeroPadding1D", "padding"): AnyOf((MARGIN, _ENDS)),
    ("layers", "ZeroPadding2D", "padding"): AnyOf((MARGIN, _ENDS, ListOf(_ENDS, 2))),
    ("layers", "ZeroPadding3D", "padding"): AnyOf((MARGIN, ListOf(MARGIN, 3), ListOf(_ENDS, 3))),
    ("layers", "Cropping1D", "cropping"): AnyOf((MARGIN, _ENDS)),
    ("layers", "Cropping2D", "cropping"): AnyOf((MARGIN, _ENDS, ListOf(_ENDS, 2))),
    ("layers", "Cropping3D", "cropping"): AnyOf((MARGIN, ListOf(MARGIN, 3), ListOf(_ENDS, 3))),
    # -- layers: recurrent
    ("layers", "Bidirectional", "merge_mode"): or_null(Choice(("sum", "mul", "concat", "ave"))),
    ("layers", "RNN", "cell"): AnyOf((LAYER, ListOf(LAYER, min_length=1))),
    ("layers", "StackedRNNCells", "cells"): ListOf(LAYER, min_length=1),
    ("layers", "LSTM", "use_cudnn"): AnyOf((Boolean(), Choice(("auto",)))),
    ("layers", "GRU", "use_cudnn"): AnyOf((Boolean(), Choice(("auto",)))),
    # -- layers: attention, normalization, regularization
    ("layers", "Attention", "score_mode"): Choice(("dot", "concat")),
    ("layers", "BatchNormalization", "renorm_clipping"): MappingOf(NOT_NEGATIVE),
    ("layers", "GroupNormalization", "axis"): AXES,
    ("layers", "LayerNormalization", "axis"): AXES,
    ("layers", "UnitNormalization", "axis"): AXES,
    ("layers", "Dropout", "noise_shape"): ListOf(or_null(COUNT), min_length=1),
    ("layers", "AlphaDropout", "noise_shape"): ListOf(or_null(COUNT), min_length=1),
    ("layers", "GaussianNoise", "stddev"): SHARE,
    ("layers", "ReLU", "max_value"): NOT_NEGATIVE,
    ("layers", "ReLU", "threshold"): NOT_NEGATIVE,
    ("layers", "ELU", "alpha"): NUMBER,
    # -- layers: preparation of tables and text
    ("layers", "Normalization", "axis"): or_null(AXES),
    ("layers", "Normalization", "mean"): _NUMBERS,
    ("layers", "Normalization", "variance"): AnyOf((NOT_NEGATIVE, ListOf(NOT_NEGATIVE, min_length=1))),
    ("layers", "Rescaling", "scale"): _NUMBERS,
    ("layers", "Rescaling", "offset"): _NUMBERS,
    ("layers", "CategoryEncoding", "output_mode"): Choice(("one_hot", "multi_hot", "count")),
    ("layers", "Discretization", "output_mode"): _HASHED,
    ("layers", "Hashing", "output_mode"): _HASHED,
    ("layers", "HashedCrossing", "output_mode"): Choice(("int", "one_hot")),
    ("layers", "IntegerLookup", "output_mode"): VOCABULARY_OUTPUT,
    ("layers", "StringLookup", "output_mode"): VOCABULARY_OUTPUT,
    ("layers", "TextVectorization", "output_mode"): Choice(("int", "multi_hot", "count", "tf_idf")),
    ("layers", "TextVectorization", "ngrams"): AnyOf((COUNT, ListOf(COUNT, min_length=1, as_tuple=True))),
    ("layers", "TextVectorization", "split"): or_null(Choice(("whitespace", "character"))),
    ("layers", "TextVectorization", "standardize"): or_null(
        Choice(("lower_and_strip_punctuation", "lower", "strip_punctuation"))
    ),
    ("layers", "Hashing", "mask_value"): AnyOf((TEXT, Integer())),
    ("layers", "IntegerLookup", "mask_token"): Integer(),
    ("layers", "IntegerLookup", "oov_token"): Integer(),
    ("layers", "IntegerLookup", "oov_method"): Choice(("floormod", "farmhash")),
    ("layers", "IntegerLookup", "vocabulary"): AnyOf((TEXT, ListOf(Integer()))),
    ("layers", "IntegerLookup", "vocabulary_dtype"): Choice(("int64",)),
    ("layers", "StringLookup", "mask_token"): TEXT,
    ("layers", "StringLookup", "oov_token"): TEXT,
    ("layers", "StringLookup", "vocabulary"): AnyOf((TEXT, ListOf(TEXT))),
    ("layers", "TextVectorization", "vocabulary"): AnyOf((TEXT, ListOf(TEXT))),
    # -- layers: sound
    ("layers", "STFTSpectrogram", "mode"): Choice(("log", "magnitude", "psd", "real", "imag", "angle", "stft")),
    ("layers", "STFTSpectrogram", "padding"): Choice(("valid", "same")),
    ("layers", "STFTSpectrogram", "scaling"): or_null(Choice(("density", "spectrum"))),
    ("layers", "STFTSpectrogram", "window"): AnyOf((TEXT, ListOf(NUMBER, min_length=1), Null())),
    ("layers", "MelSpectrogram", "window"): AnyOf((Choice(("hann", "hamming")), ListOf(NUMBER, min_length=1), Null())),
    # -- layers: pictures
    ("layers", "AugMix", "factor"): _FACTOR,
    ("layers", "AugMix", "alpha"): POSITIVE,
    ("layers", "CutMix", "factor"): _FACTOR,
    ("layers", "MixUp", "alpha"): SHARE,
    ("layers", "RandAugment", "factor"): _FACTOR,
    ("layers", "RandomBrightness", "factor"): _SIGNED_FACTOR,
    ("layers", "RandomColorDegeneration", "factor"): _FACTOR,
    ("layers", "RandomColorJitter", "brightness_factor"): _SIGNED_FACTOR,
    ("layers", "RandomColorJitter", "contrast_factor"): _FACTOR,
    ("layers", "RandomColorJitter", "saturation_factor"): _FACTOR,
    ("layers", "RandomColorJitter", "hue_factor"): _FACTOR,
    ("layers", "RandomContrast", "factor"): _FACTOR,
    ("layers", "RandomElasticTransform", "factor"): _FACTOR,
    ("layers", "RandomElasticTransform", "scale"): _FACTOR,
    ("layers", "RandomErasing", "factor"): _FACTOR,
    ("layers", "RandomErasing", "scale"): _FACTOR,
    ("layers", "RandomFlip", "mode"): Choice(("horizontal", "vertical", "horizontal_and_vertical")),
    ("layers", "RandomGaussianBlur", "factor"): _FACTOR,
    ("layers", "RandomGaussianBlur", "kernel_size"): one_or_list(COUNT, 2),
    ("layers", "RandomGaussianBlur", "sigma"): _FACTOR,
    ("layers", "RandomGrayscale", "factor"): SHARE,
    ("layers", "RandomHue", "factor"): _FACTOR,
    ("layers", "RandomInvert", "factor"): _FACTOR,
    ("layers", "RandomPerspective", "factor"): _FACTOR,
    ("layers", "RandomPerspective", "scale"): SHARE,
    ("layers", "RandomPosterization", "factor"): Integer(1, 8),
    ("layers", "RandomRotation", "factor"): _SIGNED_FACTOR,
    ("layers", "RandomSaturation", "factor"): _FACTOR,
    ("layers", "RandomSharpness", "factor"): _FACTOR,
    ("layers", "RandomShear", "x_factor"): _FACTOR,
    ("layers", "RandomShear", "y_factor"): _FACTOR,
    ("layers", "RandomTranslation", "height_factor"): _SIGNED_FACTOR,
    ("layers", "RandomTranslation", "width_factor"): _SIGNED_FACTOR,
    ("layers", "RandomZoom", "height_factor"): _ZOOM,
    ("layers", "RandomZoom", "width_factor"): _ZOOM,
    ("layers", "Resizing", "fill_mode"): Choice(("constant",)),
    ("layers", "Resizing", "interpolation"): RESIZING,
    ("layers", "Solarization", "addition_factor"): _FACTOR,
    ("layers", "Solarization", "threshold_factor"): _FACTOR,
    ("layers", "ContrastLimitedAdaptiveHistogramEqualization", "tile_grid_size"): ListOf(COUNT, 2),
    # -- optimizers and schedules
    ("optimizers", "Lion", "beta_1"): _ZERO_TO_ONE,
    ("optimizers", "Ftrl", "learning_rate_power"): Number(maximum=0),
    ("optimizers", "LossScaleOptimizer", "inner_optimizer"): PartOf(("optimizers",)),
    ("optimizers", "Muon", "rms_rate"): or_null(POSITIVE),
    ("schedules", "*", "alpha"): SHARE,
    # -- losses and metrics
    ("losses", "*", "reduction"): or_null(_REDUCTION),
    ("losses", "*", "alpha"): SHARE,
    ("losses", "*", "q"): _ZERO_TO_ONE,
    ("losses", "Circle", "gamma"): POSITIVE,
    ("losses", "circle", "gamma"): POSITIVE,
    ("losses", "CategoricalFocalCrossentropy", "alpha"): AnyOf((SHARE, ListOf(NOT_NEGATIVE, min_length=1))),
    ("losses", "categorical_focal_crossentropy", "alpha"): AnyOf((SHARE, ListOf(NOT_NEGATIVE, min_length=1))),
    ("losses", "Tversky", "alpha"): NOT_NEGATIVE,
    ("losses", "tversky", "alpha"): NOT_NEGATIVE,
    ("losses", "Dice", "axis"): AXES,
    ("losses", "dice", "axis"): AXES,
    ("losses", "Tversky", "axis"): AXES,
    ("losses", "tversky", "axis"): AXES,
    ("metrics", "*", "alpha"): SHARE,
    ("metrics", "categorical_focal_crossentropy", "alpha"): AnyOf((SHARE, ListOf(NOT_NEGATIVE, min_length=1))),
    ("metrics", "*", "average"): Choice(("micro", "macro", "weighted")),
    ("metrics", "F1Score", "threshold"): Number(0, 1, exclusive_minimum=True),
    ("metrics", "FBetaScore", "threshold"): Number(0, 1, exclusive_minimum=True),
    ("metrics", "FBetaScore", "beta"): POSITIVE,
    ("metrics", "R2Score", "class_aggregation"): or_null(Choice(("uniform_average", "variance_weighted_average"))),
    ("metrics", "BinaryIoU", "target_class_ids"): ListOf(Integer(0, 1), min_length=1),
    ("metrics", "AUC", "curve"): Choice(("ROC", "PR")),
    ("metrics", "AUC", "summation_method"): Choice(("interpolation", "minoring", "majoring")),
    ("metrics", "AUC", "thresholds"): ListOf(SHARE, min_length=1),
    # -- callbacks
    ("callbacks", "ModelCheckpoint", "filepath"): String(
        "a file name that ends with .keras or .weights.h5", r".*(\.keras|\.weights\.h5)"
    ),
    ("callbacks", "OrbaxCheckpoint", "max_to_keep"): or_null(COUNT),
    ("callbacks", "CSVLogger", "separator"): String("one character", r"."),
    ("callbacks", "ReduceLROnPlateau", "factor"): Number(0, 1, exclusive_maximum=True),
    ("callbacks", "TensorBoard", "update_freq"): AnyOf((Choice(("batch", "epoch")), COUNT)),
    ("callbacks", "TensorBoard", "profile_batch"): AnyOf((Integer(0), ListOf(COUNT, 2))),
    ("callbacks", "TensorBoard", "embeddings_metadata"): AnyOf((TEXT, MappingOf(TEXT))),
    # -- initializers, regularizers, constraints, activations
    ("initializers", "VarianceScaling", "scale"): POSITIVE,
    ("initializers", "VarianceScaling", "mode"): Choice(("fan_in", "fan_out", "fan_avg")),
    ("initializers", "VarianceScaling", "distribution"): Choice(("truncated_normal", "untruncated_normal", "uniform")),
    ("initializers", "STFT", "side"): Choice(("real", "imag")),
    ("initializers", "STFT", "window"): AnyOf((TEXT, ListOf(NUMBER, min_length=1), Null())),
    ("initializers", "STFT", "scaling"): or_null(Choice(("density", "spectrum"))),
    ("regularizers", "OrthogonalRegularizer", "factor"): NOT_NEGATIVE,
    ("regularizers", "OrthogonalRegularizer", "mode"): Choice(("rows", "columns")),
    ("constraints", "*", "axis"): AXES,
    ("constraints", "MinMaxNorm", "rate"): SHARE,
    ("activations", "*", "alpha"): NUMBER,
    ("activations", "*", "negative_slope"): NUMBER,
}
