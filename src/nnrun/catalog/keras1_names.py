"""What Keras 1 (2015 to 2017, read at 1.2.2) called things, as data; `keras1` makes sentences of it."""

from __future__ import annotations

from typing import Any

#: Layers under another name today. Conv1D, Conv2D, ... were aliases in Keras 1 already.
LAYERS = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConv1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "AtrousConv2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconv2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "Deconv3D": "Conv3DTranspose",
    "LocallyConnected1D": "Conv1D",
    "LocallyConnected2D": "Conv2D",
    "ThresholdedReLU": "ReLU",
    "SReLU": "PReLU",
    "ParametricSoftplus": "Activation",
}

#: The arguments that Keras 1 took by position and people wrote so: `Convolution2D(32, 5, 5)`.
POSITIONAL = {
    "Conv1D": ("nb_filter", "filter_length"),
    "Conv2D": ("nb_filter", "nb_row", "nb_col"),
    "Conv3D": ("nb_filter", "kernel_dim1", "kernel_dim2", "kernel_dim3"),
    "Conv2DTranspose": ("nb_filter", "nb_row", "nb_col"),
    "SeparableConv2D": ("nb_filter", "nb_row", "nb_col"),
    "ConvLSTM2D": ("nb_filter", "nb_row", "nb_col"),
    "Embedding": ("input_dim", "output_dim"),
    "ThresholdedReLU": ("theta",),
    "ParametricSoftplus": ("alpha_init", "beta_init"),
    "TimeDistributedDense": ("output_dim",),
    "MaxoutDense": ("output_dim", "nb_feature"),
    "Merge": ("mode",),
    "merge": ("mode",),
}

#: Old arguments of layers with what they may be today: those count that the layer has.
ARGUMENTS = {
    "output_dim": ("units",),
    "nb_filter": ("filters",),
    "filter_length": ("kernel_size",),
    "border_mode": ("padding",),
    "subsample": ("strides",),
    "subsample_length": ("strides",),
    "stride": ("strides",),
    "pool_length": ("pool_size",),
    "length": ("size",),
    "atrous_rate": ("dilation_rate",),
    "dim_ordering": ("data_format",),
    "bias": ("use_bias",),
    "p": ("rate",),
    "sigma": ("stddev",),
    "alpha": ("negative_slope",),
    "theta": ("threshold",),
    "concat_axis": ("axis",),
    "dot_axes": ("axes",),
    "init": (
        "kernel_initializer",
        "embeddings_initializer",
        "alpha_initializer",
        "depthwise_initializer",
        "pointwise_initializer",
    ),
    "inner_init": ("recurrent_initializer",),
    "beta_init": ("beta_initializer",),
    "gamma_init": ("gamma_initializer",),
    "forget_bias_init": ("unit_forget_bias",),
    "inner_activation": ("recurrent_activation",),
    "W_regularizer": ("kernel_regularizer", "embeddings_regularizer"),
    "U_regularizer": ("recurrent_regularizer",),
    "b_regularizer": ("bias_regularizer",),
    "W_constraint": ("kernel_constraint", "embeddings_constraint"),
    "b_constraint": ("bias_constraint",),
    "dropout_W": ("dropout",),
    "dropout_U": ("recurrent_dropout",),
}

#: Old arguments that together are one list today.
JOINED = {"kernel_size": (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))}

#: Old arguments that say the shape of what enters, which a config says in its data or in `Input`.
INPUT = frozenset({"input_shape", "batch_input_shape", "input_dim", "input_length"})

#: Old arguments of layers that have no place today: of which layers (none named: of all), and why, if it needs words.
DROPPED: dict[str, tuple[frozenset[str], str]] = {
    "weights": (frozenset(), "weights cannot be written into a config"),
    "input_dtype": (frozenset(), ""),
    "consume_less": (frozenset({"LSTM", "GRU", "SimpleRNN", "ConvLSTM2D"}), ""),
    "output_shape": (
        frozenset({"Conv2DTranspose", "Conv3DTranspose"}),
        "output_shape follows from the input, output_padding adjusts it",
    ),
    "mode": (frozenset({"BatchNormalization"}), ""),
    **{key: (frozenset({"PReLU"}), "") for key in ("t_left_init", "a_left_init", "t_right_init", "a_right_init")},
    **{key: (frozenset({"Activation"}), "") for key in ("alpha_init", "beta_init", "shared_axes")},
}

#: The two extra modes of BatchNormalization.
BATCH_MODES = {
    "1": "mode 1 is gone: LayerNormalization normalises each row by itself",
    "2": "mode 2 is gone: the batch counts in training, moving averages afterwards",
}

#: Modes of Merge.
MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "concat": "Concatenate",
    "ave": "Average",
    "max": "Maximum",
    "dot": "Dot",
    "cos": "Dot",
}

#: What stands in for a layer that is gone does not do quite the same.
NEAREST = {
    "LocallyConnected1D": "nearest: Conv1D shares its weights between places, a layer of your own (--code) need not",
    "LocallyConnected2D": "nearest: Conv2D shares its weights between places, a layer of your own (--code) need not",
    "SReLU": "nearest: PReLU learns one slope, SReLU learnt two and two thresholds",
    "ParametricSoftplus": "nearest: softplus learns nothing, alpha and beta need a layer of your own (--code)",
}

#: What no single part of Keras 3 does, and what to do instead.
GONE = {
    ("layers", "Highway"): "write a layer of your own and name its file with --code; "
    "residual: {layers: [...]} is the nearest without one",
    ("metrics", "matthews_correlation"): "write a metric of your own and name its file with --code; "
    "on two classes PearsonCorrelation is the nearest",
    ("callbacks", "BaseLogger"): "leave it out, metrics are means over the epoch by themselves",
    ("regularizers", "EigenvalueRegularizer"): "write a regularizer of your own and name its file with --code; "
    "SpectralNormalization bounds the largest singular value",
    ("preparation", "to_categorical"): "leave it out, class targets are encoded to suit the loss",
    ("preparation", "Tokenizer"): "the layer TextVectorization: {vocabulary: words.txt} numbers words",
    ("preparation", "text_to_word_sequence"): "the layer TextVectorization: {vocabulary: words.txt} splits text into "
    "words",
    ("preparation", "ImageDataGenerator"): "training: {augment: [...]}, a list of RandomFlip, RandomRotation, "
    "RandomTranslation, RandomZoom, RandomShear and their like",
}

#: The default learning rate, and all that differs from today's defaults.
OPTIMIZERS: dict[str, dict[str, float]] = {
    "SGD": {"learning_rate": 0.01},
    "RMSprop": {"learning_rate": 0.001, "epsilon": 1e-8},
    "Adagrad": {"learning_rate": 0.01, "initial_accumulator_value": 0.0, "epsilon": 1e-8},
    "Adadelta": {"learning_rate": 1.0, "epsilon": 1e-8},
    "Adam": {"learning_rate": 0.001, "epsilon": 1e-8},
    "Adamax": {"learning_rate": 0.002, "epsilon": 1e-8},
    "Nadam": {"learning_rate": 0.002, "epsilon": 1e-8},
}
#: Optimizers whose learning rate Keras has lowered since.
SLOWER = frozenset({"Adagrad", "Adadelta", "Adamax", "Nadam"})

_COSINE = "it took the mean over the outputs, cosine_similarity takes the sum"
LOSSES: dict[str, tuple[str | dict[str, Any], str]] = {
    "cosine_proximity": ("cosine_similarity", _COSINE),
    "cosine": ("cosine_similarity", _COSINE),
    "kullback_leibler_divergence": ("kl_divergence", ""),
}

_BATCHES = "it took the mean over batches"
_F1: tuple[dict[str, Any], str] = ({"F1Score": {"average": "micro", "threshold": 0.5}}, _BATCHES)
_SIMILARITY = "it was the mean over the outputs and below 0, today's is the sum and above"
METRICS: dict[str, tuple[str | dict[str, Any], str]] = {
    "cosine_proximity": ("cosine_similarity", _SIMILARITY),
    "cosine": ("cosine_similarity", _SIMILARITY),
    "kullback_leibler_divergence": ("kl_divergence", ""),
    "fmeasure": _F1,
    "fscore": _F1,
    "f1score": _F1,
    "fbeta_score": ({"FBetaScore": {"average": "micro", "beta": 1.0, "threshold": 0.5}}, _BATCHES),
}

#: Old names of regularizers: the arguments they took, in order, and what they are today.
REGULARIZERS = {
    "l1": (("l1",), "L1"),
    "l2": (("l2",), "L2"),
    "l1l2": (("l1", "l2"), "L1L2"),
    "activity_l1": (("l1",), "L1"),
    "activity_l2": (("l2",), "L2"),
    "activity_l1l2": (("l1", "l2"), "L1L2"),
}
#: Classes whose weights were 0 where not said.
REGULARIZER_CLASSES = frozenset({"WeightRegularizer", "ActivityRegularizer", "L1L2Regularizer"})

#: Old names of constraints: what they are today, and their arguments.
CONSTRAINTS: dict[str, tuple[str, dict[str, str]]] = {
    "maxnorm": ("MaxNorm", {"m": "max_value"}),
    "MaxNorm": ("MaxNorm", {"m": "max_value"}),
    "nonneg": ("NonNeg", {}),
    "unitnorm": ("UnitNorm", {}),
    "MinMaxNorm": ("MinMaxNorm", {"low": "min_value", "high": "max_value"}),
}
CONSTRAINT_WORDS = {"MaxNorm": "max_norm", "NonNeg": "non_neg", "UnitNorm": "unit_norm"}

#: Old names of initializers that took a scale.
SCALED = {"uniform": "RandomUniform", "normal": "RandomNormal", "orthogonal": "Orthogonal", "identity": "Identity"}

#: Keys of a config with the whole line that says it today; `{}` stands for the value.
KEYS = {
    "nb_epoch": "epochs: {}",
    "image_dim_ordering": "image_data_format: {}",
    "input": "inputs: {}",
    "output": "outputs: {}",
    "validation_split": "data: {{split: {{validation: {}}}}}",
}
#: Keys that have no place today, and what to do instead.
GONE_KEYS = {
    "samples_per_epoch": "leave it out, an epoch is every training row once (Keras' steps_per_epoch counts batches: "
    "samples divided by batch_size)",
    "nb_val_samples": "leave it out, the whole validation part is scored (Keras' validation_steps counts batches: "
    "samples divided by batch_size)",
    "val_samples": "leave it out, the whole part is scored (Keras' steps counts batches: samples divided by "
    "batch_size)",
    "show_accuracy": "metrics: [accuracy]",
    "class_mode": "leave it out, metrics: [accuracy] suits itself to the loss",
    "nb_worker": "leave it out, nnrun reads the data itself",
    "max_q_size": "leave it out, nnrun reads the data itself",
    "pickle_safe": "leave it out, nnrun reads the data itself",
    "fit_generator": "the section training: itself, run by nnrun train",
    "evaluate_generator": "nnrun evaluate",
    "predict_generator": "nnrun predict",
    "predict_classes": "nnrun predict, which names the class with the highest score",
}
