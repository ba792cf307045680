"""Kinds of parameters, by name: stricter than Keras where Keras accepts invalid values silently.

Where Keras documents a range, it is Keras' own; elsewhere it is the usual range of such a parameter (a decay rate lies
in [0, 1)).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from nnrun.catalog.annotations import kind_from
from nnrun.catalog.kinds import (
    AnyOf,
    Boolean,
    Choice,
    FileOf,
    Integer,
    ListOf,
    MappingOf,
    Null,
    Number,
    Numbers,
    PartOf,
    PythonOnly,
    String,
    TensorShape,
    one_or_list,
    or_null,
)

if TYPE_CHECKING:
    from nnrun.catalog.kinds import Kind

#: Stands for the default of a parameter that has none.
REQUIRED: Final = object()


def _one_of(options: str) -> Choice:
    return Choice(tuple(options.split()))


def _list_of(kind: Kind) -> ListOf:
    return ListOf(kind, min_length=1)


_NUMBER = Number()
_POSITIVE = Number(0, exclusive_minimum=True)
_NOT_NEGATIVE = Number(0)
_FRACTION = Number(0, 1)
#: A dropout of 1 keeps nothing, a decay rate of 1 never forgets.
_BELOW_ONE = Number(0, 1, exclusive_maximum=True)
_BETWEEN_ZERO_AND_ONE = Number(0, 1, exclusive_minimum=True, exclusive_maximum=True)
_INTEGER = Integer()
_COUNT = Integer(1)
_INDEX = Integer(0)
_STRING = String()
_LAYER = PartOf(("layers",))
_AXES = one_or_list(_INTEGER, None)
_PAIR = ListOf(Integer(0), 2)
_SPECTRUM_SCALING = or_null(_one_of("density spectrum"))
_WINDOW = AnyOf((_STRING, _list_of(_NUMBER), Null()))
#: Numbers in place of a tensor.
_CONSTANT = Numbers()
#: One alpha for all classes, or one for each.
_FOCAL_ALPHA = AnyOf((_FRACTION, _list_of(_NOT_NEGATIVE)))
_WEIGHTS_FILE = String("a file name that ends with .h5 or .keras", r".*\.(h5|keras)")
_PRESET = String("the name of a preset, or the folder of one")
_SHA256 = String("a SHA-256 of 64 hexadecimal digits", "[0-9a-f]{64}")
_CHECKPOINT_FILE = String("a file name that ends with .keras or .weights.h5", r".*(\.keras|\.weights\.h5)")
_DTYPES = (
    "mixed_b?float16|b?float16|float32|float64|float8_e4m3fn|float8_e5m2|u?int8|u?int16|u?int32|u?int64|bool"
    r"|string|complex64|complex128|(int8|int4|float8|gptq|awq)\S*_from_\w+"
)

#: The names that layers may have, as a pattern for the whole name: `from:` refers to them.
LAYER_NAME = "[A-Za-z_][A-Za-z0-9_-]*"

#: Kinds with the names of parameters that have them in every entry.
_KINDS: dict[Kind, str] = {
    Boolean(): """all_ops amsgrad antialias append apply_class_balancing approximate autocast center centered
        crop_to_aspect_ratio cycle delete_checkpoint double_checkpoint exclude_embeddings expand_dims
        flash_attention from_logits from_sorted_ids go_backwards include_preprocessing include_top invert keepdims
        mask_zero minimalistic multi_label
        nesterov normalize optional pad_to_aspect_ratio pad_to_max_tokens periodic power_to_db preprocess ragged
        raise_error relative_step remove_diagonal renorm reset_after restore_best_weights return_sequences
        return_state save_best_only save_on_background save_weights_only scale send_as_json sparse
        sparse_y_pred sparse_y_true staircase stateful swap_on_epoch synchronized tie_weights trainable
        unit_forget_bias unroll use_bias use_ema use_gate use_scale write_graph write_images
        write_steps_per_second zero_output_for_mask""",
    _COUNT: """batch_size bins chain_depth classes decay_steps depth_multiplier dynamic_growth_steps
        ema_overwrite_frequency fft_length filters first_decay_steps frame_length frame_step
        gptq_unpacked_column_size groups head_dim height input_dim k key_dim lora_rank max_number
        n ns_steps num_bins num_chains num_classes num_heads num_key_value_heads
        num_labels num_mel_bins num_ops num_query_heads num_tokens output_dim output_sequence_length
        power_iterations sampling_rate sequence_length sequence_stride sliding_window top_k units value_dim
        width""",
    _INDEX: """class_id cooldown embeddings_freq histogram_freq num_oov_indices num_regressors patience seed
        start_from_epoch warmup_steps""",
    _NUMBER: """baseline default_value fill_value gain initial_value_threshold mask_value maxval mean
        minval muon_a muon_b muon_c threshold value""",
    _POSITIVE: """adam_lr_ratio clip_limit clip_threshold clipnorm clipvalue delta global_clipnorm initial_scale
        logit_soft_cap lora_alpha loss_scale_factor mag_exp max_freq max_value min_power ref_power
        t_mul top_db warmup_target""",
    _NOT_NEGATIVE: """adam_weight_decay b beta decay_rate end_learning_rate epsilon epsilon_1 epsilon_2 gamma
        initial_accumulator_value initial_learning_rate l1 l1_regularization_strength l2
        l2_regularization_strength l2_shrinkage_regularization_strength m_mul margin min_delta min_freq
        min_lr min_value negative_slope power stddev weight_decay""",
    _FRACTION: "ema_momentum label_smoothing momentum precision recall renorm_momentum sensitivity specificity",
    _BELOW_ONE: "adam_beta_1 adam_beta_2 beta_1 beta_2 dropout dropout_rate rate recurrent_dropout rho",
    _STRING: """backup_dir call_endpoint call_training_endpoint directory encoding field filename filepath log_dir
        monitor path root""",
    String("text without '/'", r"[^/]+"): "name",
    # A pattern rather than a choice: a message with two dozen types would hide the mistake.
    String("a data type such as 'float32', 'mixed_float16' or 'int32'", _DTYPES): "dtype reverse_dtype",
    PartOf(("activations",)): "activation classifier_activation recurrent_activation",
    AnyOf((_one_of("imagenet"), _WEIGHTS_FILE, FileOf(_WEIGHTS_FILE))): "weights",
    or_null(_SHA256): "sha256",
    or_null(_one_of("avg max")): "pooling",
    _LAYER: "backward_layer layer",
    _list_of(_LAYER): "layers",
    PartOf(("initializers",)): "initializer",
    _AXES: "attention_axes shared_axes",
    _INTEGER: "axis ignore_class",
    Integer(2): "gradient_accumulation_steps max_tokens num_thresholds",
    ListOf(_NUMBER, 2): "value_range",
    _list_of(_INTEGER): "input_axes output_axes",
    _list_of(_NOT_NEGATIVE): "idf_weights label_weights values",
    _list_of(_NUMBER): "bin_boundaries boundaries",
    ListOf(_STRING): "exclude_layers freeze",
    _list_of(_INDEX): "target_class_ids",
    one_or_list(_FRACTION, None): "thresholds",
    one_or_list(_INDEX, 2): "salt",
    TensorShape(): "shape batch_shape",
    AnyOf((_COUNT, TensorShape())): "output_shape",
    _one_of("channels_last channels_first"): "data_format",
    _one_of("auto min max"): "mode",
    Choice((0, 1)): "verbose",
    Choice(("valid", "same"), ignore_case=True): "padding",
    _one_of("nearest bilinear"): "interpolation",
    _one_of("constant nearest wrap reflect"): "fill_mode",
    AnyOf((_one_of("epoch"), _COUNT)): "save_freq",
    MappingOf(_STRING): "headers",
    AnyOf((_POSITIVE, PartOf(("schedules",)))): "learning_rate",
}
#: Kinds that entries name in place of a parameter's own rule.
KINDS_OF_FILES: dict[str, Kind] = {
    "preset": or_null(AnyOf((_PRESET, FileOf(_PRESET)))),
    "weights_file": or_null(AnyOf((_WEIGHTS_FILE, FileOf(_WEIGHTS_FILE)))),
}
BY_NAME: dict[str, Kind] = {name: kind for kind, names in _KINDS.items() for name in names.split()}

#: Parameters that are one positive integer for all dimensions, or a list with one for each.
SIZES = frozenset({"kernel_size", "pool_size", "strides", "dilation_rate", "size", "output_size"})

#: Kinds by the ending of the parameter's name.
ENDINGS: dict[str, Kind] = {f"_{name}": PartOf((f"{name}s",)) for name in ("initializer", "regularizer", "constraint")}

#: Exceptions by category: kinds with `Entry.parameter`; `*` stands for every entry.
_EXCEPTIONS: dict[str, dict[Kind, str]] = {
    "layers": {
        # Core
        PartOf(("ops",)): "Op.op",
        String("a name of letters, digits, '_' and '-'", LAYER_NAME): "*.name",
        String("an equation such as 'ab,bc->ac'", r"[a-zA-Z.]+,[a-zA-Z.]+->[a-zA-Z.]+"): "EinsumDense.equation",
        String("letters of the equation's output", r"[a-zA-Z]+"): "EinsumDense.bias_axes",
        ListOf(AnyOf((Choice((-1,)), _COUNT))): "Reshape.target_shape",
        _list_of(_COUNT): "Permute.dims",
        one_or_list(_INTEGER, 2): "Dot.axes",
        _list_of(_LAYER): "Pipeline.layers StackedRNNCells.cells",
        # Convolution, pooling, padding
        Choice(("valid", "same", "causal"), ignore_case=True): "Conv1D.padding",
        _COUNT: "UpSampling1D.size",
        _one_of("bilinear nearest bicubic lanczos3 lanczos5"): "UpSampling2D.interpolation Resizing.interpolation",
        AnyOf((_INDEX, _PAIR)): "ZeroPadding1D.padding Cropping1D.cropping",
        AnyOf((_INDEX, _PAIR, ListOf(_PAIR, 2))): "ZeroPadding2D.padding Cropping2D.cropping",
        AnyOf((_INDEX, ListOf(_INDEX, 3), ListOf(_PAIR, 3))): "ZeroPadding3D.padding Cropping3D.cropping",
        # Recurrent
        or_null(_one_of("sum mul concat ave")): "Bidirectional.merge_mode",
        AnyOf((_LAYER, _list_of(_LAYER))): "RNN.cell",
        AnyOf((Boolean(), _one_of("auto"))): "LSTM.use_cudnn GRU.use_cudnn",
        # Attention, normalization, regularization
        _one_of("dot concat"): "Attention.score_mode",
        MappingOf(_NOT_NEGATIVE): "BatchNormalization.renorm_clipping",
        _AXES: "Softmax.axis GroupNormalization.axis LayerNormalization.axis UnitNormalization.axis",
        _list_of(or_null(_COUNT)): "Dropout.noise_shape AlphaDropout.noise_shape",
        _FRACTION: "GaussianNoise.stddev MixUp.alpha RandomGrayscale.factor RandomPerspective.scale",
        _NOT_NEGATIVE: "ReLU.max_value ReLU.threshold",
        _NUMBER: "ELU.alpha",
        # Preparation of tables and text
        or_null(_AXES): "Normalization.axis",
        AnyOf((_NUMBER, _list_of(_NUMBER))): "Normalization.mean Rescaling.scale Rescaling.offset",
        AnyOf((_NOT_NEGATIVE, _list_of(_NOT_NEGATIVE))): "Normalization.variance",
        _one_of("one_hot multi_hot count"): "CategoryEncoding.output_mode",
        _one_of("int one_hot multi_hot count"): "Discretization.output_mode Hashing.output_mode",
        _one_of("int one_hot"): "HashedCrossing.output_mode",
        _one_of("int one_hot multi_hot count tf_idf"): "IntegerLookup.output_mode StringLookup.output_mode",
        _one_of("int multi_hot count tf_idf"): "TextVectorization.output_mode",
        AnyOf((_COUNT, ListOf(_COUNT, min_length=1, as_tuple=True))): "TextVectorization.ngrams",
        or_null(_one_of("whitespace character")): "TextVectorization.split",
        or_null(_one_of("lower_and_strip_punctuation lower strip_punctuation")): "TextVectorization.standardize",
        AnyOf((_STRING, _INTEGER)): "Hashing.mask_value",
        _INTEGER: "IntegerLookup.mask_token IntegerLookup.oov_token",
        _one_of("floormod farmhash"): "IntegerLookup.oov_method",
        ListOf(_INTEGER): "IntegerLookup.vocabulary",
        _one_of("int64"): "IntegerLookup.vocabulary_dtype",
        _STRING: "StringLookup.mask_token StringLookup.oov_token",
        ListOf(_STRING): "StringLookup.vocabulary TextVectorization.vocabulary",
        # Whole models
        _POSITIVE: "AugMix.alpha MobileNet.alpha MobileNetV2.alpha MobileNetV3Large.alpha MobileNetV3Small.alpha",
        String("a .keras file, or the folder of a run"): "Model.file",
        # Audio
        _one_of("log magnitude psd real imag angle stft"): "STFTSpectrogram.mode",
        _one_of("valid same"): "STFTSpectrogram.padding",
        _SPECTRUM_SCALING: "STFTSpectrogram.scaling",
        _WINDOW: "STFTSpectrogram.window",
        AnyOf((_one_of("hann hamming"), _list_of(_NUMBER), Null())): "MelSpectrogram.window",
        # Images: a number, or the two ends of a range from which one is drawn for every example
        one_or_list(_FRACTION, 2): """AugMix.factor CutMix.factor RandAugment.factor RandomColorDegeneration.factor
            RandomColorJitter.contrast_factor RandomColorJitter.saturation_factor RandomColorJitter.hue_factor
            RandomContrast.factor RandomElasticTransform.factor RandomElasticTransform.scale RandomErasing.factor
            RandomErasing.scale RandomGaussianBlur.factor RandomGaussianBlur.sigma RandomHue.factor
            RandomInvert.factor RandomPerspective.factor RandomSaturation.factor RandomSharpness.factor
            RandomShear.x_factor RandomShear.y_factor Solarization.addition_factor Solarization.threshold_factor""",
        one_or_list(Number(-1, 1), 2): """RandomBrightness.factor RandomColorJitter.brightness_factor
            RandomRotation.factor RandomTranslation.height_factor RandomTranslation.width_factor""",
        # Keras refuses -1: nothing of the picture would be left.
        one_or_list(Number(-1, 1, exclusive_minimum=True), 2): "RandomZoom.height_factor RandomZoom.width_factor",
        _one_of("horizontal vertical horizontal_and_vertical"): "RandomFlip.mode",
        one_or_list(_COUNT, 2): "RandomGaussianBlur.kernel_size",
        Integer(1, 8): "RandomPosterization.factor",
        _one_of("constant"): "Resizing.fill_mode",
        ListOf(_COUNT, 2): "ContrastLimitedAdaptiveHistogramEqualization.tile_grid_size",
    },
    "optimizers": {
        _BETWEEN_ZERO_AND_ONE: "Lion.beta_1",
        Number(maximum=0): "Ftrl.learning_rate_power Adafactor.beta_2_decay",
        PartOf(("optimizers",)): "LossScaleOptimizer.inner_optimizer",
        or_null(_POSITIVE): "Muon.rms_rate",
    },
    "schedules": {_FRACTION: "*.alpha"},
    "losses": {
        or_null(_one_of("sum_over_batch_size sum mean mean_with_sample_weight none")): "*.reduction",
        _FRACTION: "*.alpha",
        _BETWEEN_ZERO_AND_ONE: "*.q",
        _POSITIVE: "Circle.gamma circle.gamma",
        _FOCAL_ALPHA: "CategoricalFocalCrossentropy.alpha categorical_focal_crossentropy.alpha",
        _NOT_NEGATIVE: "Tversky.alpha tversky.alpha",
        _AXES: "Dice.axis dice.axis Tversky.axis tversky.axis",
    },
    "metrics": {
        _FRACTION: "*.alpha",
        _FOCAL_ALPHA: "categorical_focal_crossentropy.alpha",
        _one_of("micro macro weighted"): "*.average",
        Number(0, 1, exclusive_minimum=True): "F1Score.threshold FBetaScore.threshold",
        _POSITIVE: "FBetaScore.beta",
        or_null(_one_of("uniform_average variance_weighted_average")): "R2Score.class_aggregation",
        _list_of(Integer(0, 1)): "BinaryIoU.target_class_ids",
        _one_of("ROC PR"): "AUC.curve",
        _one_of("interpolation minoring majoring"): "AUC.summation_method",
        _list_of(_FRACTION): "AUC.thresholds",
    },
    "callbacks": {
        _CHECKPOINT_FILE: "ModelCheckpoint.filepath",
        or_null(_COUNT): "OrbaxCheckpoint.max_to_keep",
        String("one character", r"."): "CSVLogger.separator",
        _BELOW_ONE: "ReduceLROnPlateau.factor",
        AnyOf((_one_of("batch epoch"), _COUNT)): "TensorBoard.update_freq",
        AnyOf((_INDEX, ListOf(_COUNT, 2))): "TensorBoard.profile_batch",
        AnyOf((_STRING, MappingOf(_STRING))): "TensorBoard.embeddings_metadata",
    },
    "initializers": {
        _POSITIVE: "VarianceScaling.scale",
        _STRING: "WordVectors.file",
        PartOf(("initializers",)): "WordVectors.oov",
        _one_of("fan_in fan_out fan_avg"): "VarianceScaling.mode",
        _one_of("truncated_normal untruncated_normal uniform"): "VarianceScaling.distribution",
        _one_of("real imag"): "STFT.side",
        _WINDOW: "STFT.window",
        _SPECTRUM_SCALING: "STFT.scaling",
    },
    "regularizers": {
        _NOT_NEGATIVE: "OrthogonalRegularizer.factor",
        _one_of("rows columns"): "OrthogonalRegularizer.mode",
    },
    "constraints": {_AXES: "*.axis", _FRACTION: "MinMaxNorm.rate"},
    "activations": {_NUMBER: "*.alpha *.negative_slope"},
    "ops": {
        # Tensors: `from:` gives them, a config may have numbers in their place.
        _CONSTANT: """solve.b solve_triangular.b *.a *.abs_ *.angle *.array *.beta *.bias *.condition *.data
            *.depthwise_kernel *.gamma *.indices
            *.inputs *.kernel *.key *.mask *.mean *.offset *.output *.output_length *.pointwise_kernel *.predictions
            *.query *.scale *.segment_ids *.sequence_lengths *.sorted_sequence *.target *.target_length *.targets
            *.tensor *.value *.values *.variable *.variance *.weights *.x *.x1 *.x2 *.xs *.y""",
        _AXES: """*.axes *.axis *.shift *.repeats *.source *.destination *.indices_or_sections *.newshape""",
        _INTEGER: """*.axis1 *.axis2 *.axisa *.axisb *.axisc *.decimals *.k diagonal.offset trace.offset
            *.kth *.mask_index""",
        _COUNT: """in_top_k.k top_k.k *.N *.beam_width *.block_size *.bins *.length *.num *.num_segments *.order
            *.top_paths""",
        _INDEX: "*.minlength",
        Boolean(): """*.assume_unique *.compute_uv *.equal_nan *.flash_attention *.full_matrices *.increasing
            *.is_causal *.lower *.merge_repeated *.sorted *.upper""",
        _NUMBER: """*.alpha *.attn_logits_soft_cap *.constant_values *.dx *.initial *.max_val *.nan *.neginf *.posinf
            *.x_max *.x_min dot_product_attention.scale squareplus.b""",
        _NOT_NEGATIVE: "*.atol *.rcond *.rtol *.tol",
        AnyOf((_NUMBER, _list_of(_NUMBER))): "*.q digitize.bins",
        AnyOf((_INDEX, _list_of(_PAIR), _list_of(_INDEX))): "*.pad_width",
        ListOf(_INTEGER): "*.shape *.start_indices rot90.axes",
        AnyOf((_COUNT, _list_of(_COUNT))): """*.dilation *.kernel_size *.pool_size *.stride *.strides
            *.dilation_rate *.output_size""",
        AnyOf((_INDEX, _list_of(_INDEX))): "fold.padding unfold.padding *.output_padding",
        ListOf(_NUMBER, 2): "*.range",
        AnyOf((_NUMBER, _one_of("fro nuc"))): "*.ord",
        _one_of("linear lower higher midpoint nearest"): "*.method",
        _one_of("constant reflect symmetric"): "pad.mode",
        _one_of("valid same full"): "correlate.mode",
        _one_of("reduced complete"): "qr.mode",
        _one_of("left right"): "*.side",
        _one_of("greedy beam_search"): "*.strategy",
        _STRING: "*.pattern *.subscripts",
        _WINDOW: "*.window",
    },
}
BY_ENTRY: dict[tuple[str, str, str], Kind] = {
    (category, *place.split(".")): kind  # type: ignore[misc]
    for category, kinds in _EXCEPTIONS.items()
    for kind, places in kinds.items()
    for place in places.split()
}

#: What only Python code can give, with the parameters that take it.
_PYTHON_ONLY: dict[str, str] = {
    "a Python function": """layers.FlaxLayer.method layers.JaxLayer.call_fn layers.JaxLayer.init_fn
        layers.Lambda.function layers.Lambda.mask metrics.MeanMetricWrapper.fn
        callbacks.LambdaCallback.on_epoch_begin callbacks.LambdaCallback.on_epoch_end
        callbacks.LambdaCallback.on_train_batch_begin callbacks.LambdaCallback.on_train_batch_end
        callbacks.LambdaCallback.on_train_begin callbacks.LambdaCallback.on_train_end
        callbacks.LearningRateScheduler.schedule""",
    "arguments of a Python function": "layers.Lambda.arguments",
    "Python objects": """optimizers.MultiOptimizer.optimizer_map optimizers.OptimizerMap.default_optimizer
        optimizers.OptimizerMap.optimizer_map callbacks.CallbackList.callbacks""",
    "a Keras quantization object": """layers.Dense.quantization_config layers.EinsumDense.quantization_config
        layers.Embedding.quantization_config""",
    "a Keras model": "callbacks.CallbackList.model",
    "a value that Keras sets": "callbacks.CallbackList.add_history callbacks.CallbackList.add_progbar",
    "a Flax module": "layers.FlaxLayer.module",
    "a PyTorch module": "layers.TorchModuleWrapper.module",
    "the platforms that a JAX function was compiled for": "layers.JaxLayer.native_serialization_platforms",
    "an array of weights": "layers.Embedding.weights",
    "arrays of weights": """layers.Bidirectional.weights layers.FlaxLayer.variables layers.JaxLayer.params
        layers.JaxLayer.state""",
    "a tensor": """layers.Input.tensor layers.InputLayer.input_tensor losses.circle.ref_embeddings
        losses.circle.ref_labels""",
}
PYTHON_ONLY: dict[tuple[str, str, str], str] = {
    tuple(place.split(".")): reason  # type: ignore[misc]
    for reason, places in _PYTHON_ONLY.items()
    for place in places.split()
}

#: Layers for which Keras documents that an initializer of None is its own default.
_CONVOLUTION = re.compile(r"(Depthwise|Separable)?Conv\dD(Transpose)?")
#: Layers for which Keras documents that an activation of None is the identity.
_RECURRENT = re.compile(r"(ConvLSTM\dD|(LSTM|GRU|SimpleRNN)(Cell)?)")


def kind_of(category: str, entry_name: str, parameter_name: str, default: object, annotation: str | None) -> Kind:
    """Return the kind of a parameter's values.

    Args:
        category: The catalog's category.
        entry_name: The canonical name of the entry.
        parameter_name: The parameter's name.
        default: Its default; `REQUIRED` where it has none. With a default of None, null is accepted.
        annotation: Its annotation, for nnrun's own parts; None for Keras'.

    Raises:
        LookupError: There is no rule for it.
    """
    if annotation is not None:
        return kind_from(annotation)
    key = (category, entry_name, parameter_name)
    reason = PYTHON_ONLY.get(key)
    if reason is not None:
        return PythonOnly(reason, None, required=True) if default is REQUIRED else PythonOnly(reason, default)
    kind = BY_ENTRY.get(key) or BY_ENTRY.get((category, "*", parameter_name)) or _by_name(entry_name, parameter_name)
    if kind is None:
        raise LookupError(f"no rule for the values of '{parameter_name}' of {entry_name} ({category})")
    return or_null(kind) if default is None or _documents_null(*key) else kind


def _by_name(entry_name: str, parameter_name: str) -> Kind | None:
    if parameter_name in SIZES:
        return one_or_list(_COUNT, _dimensions(entry_name))
    if parameter_name == "output_padding":
        return one_or_list(_INDEX, _dimensions(entry_name))
    ending = next((kind for ending, kind in ENDINGS.items() if parameter_name.endswith(ending)), None)
    return ending or BY_NAME.get(parameter_name)


def _dimensions(entry_name: str) -> int | None:
    """Return the number of dimensions along which a layer works: 2 for `Conv2DTranspose`."""
    found = re.search(r"([123])D", entry_name)
    return int(found[1]) if found else None


def _documents_null(category: str, entry_name: str, parameter_name: str) -> bool:
    """Return whether Keras documents None as a value of a parameter that has another default."""
    if category != "layers":
        return False
    if parameter_name in ("weights", "classifier_activation"):
        return True
    convolution = parameter_name.endswith("_initializer") and _CONVOLUTION.fullmatch(entry_name)
    recurrent = parameter_name in {"activation", "recurrent_activation"} and _RECURRENT.fullmatch(entry_name)
    return bool(convolution or recurrent)
