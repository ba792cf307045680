"""What a parameter of this name takes wherever it stands; `rules_by_entry` holds the exceptions.

Where Keras documents a range, it is Keras' own; where it documents none, the range is what the field means by the word
(a rate of forgetting lies in [0, 1)), because Keras accepts the rest in silence.
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
    Number,
    PartOf,
    String,
    TensorShape,
    one_or_list,
)

if TYPE_CHECKING:
    from nnrun.catalog.kinds import Kind

NUMBER = Number()
POSITIVE = Number(0, exclusive_minimum=True)
NOT_NEGATIVE = Number(0)
SHARE = Number(0, 1)
#: A share that may not be the whole: a dropout of 1 keeps nothing, a decay rate of 1 never forgets.
BELOW_ONE = Number(0, 1, exclusive_maximum=True)
COUNT = Integer(1)
INDEX = Integer(0)
TEXT = String()
TRUTH = Boolean()
ACTIVATION = PartOf(("activations",))
LAYER = PartOf(("layers",))
MARGIN = Integer(0)

_QUANTIZED = r"(int8|int4|float8|gptq|awq)\S*_from_\w+"
_DTYPES = (
    "mixed_b?float16|b?float16|float32|float64|float8_e4m3fn|float8_e5m2|u?int8|u?int16|u?int32|u?int64|bool"
    f"|string|complex64|complex128|{_QUANTIZED}"
)
#: A pattern rather than a choice: a message that lists two dozen types hides what is wrong.
DTYPE = String("a data type such as 'float32', 'mixed_float16' or 'int32'", _DTYPES)
NAME = String("text without '/'", r"[^/]+")
AXES = AnyOf((Integer(), ListOf(Integer(), min_length=1)))
PIXEL_RANGE = ListOf(NUMBER, 2)
RESIZING = Choice(("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"))
VOCABULARY_OUTPUT = Choice(("int", "one_hot", "multi_hot", "count", "tf_idf"))
PADDING = Choice(("valid", "same"), ignore_case=True)


def between(least: float, most: float) -> Kind:
    """A number in a range, or the two ends from which one is drawn for every example."""
    return one_or_list(Number(least, most), 2)


#: Parameters that are one positive integer for all dimensions, or a list with one for each.
SIZES = frozenset({"kernel_size", "pool_size", "strides", "dilation_rate", "size", "output_size"})

#: Endings that say what a parameter takes.
ENDINGS: dict[str, Kind] = {
    "_initializer": PartOf(("initializers",)),
    "_regularizer": PartOf(("regularizers",)),
    "_constraint": PartOf(("constraints",)),
}

_KINDS: dict[Kind, str] = {
    TRUTH: """all_ops amsgrad antialias append apply_class_balancing approximate autocast center centered
        crop_to_aspect_ratio cycle delete_checkpoint double_checkpoint exclude_embeddings expand_dims
        flash_attention from_logits from_sorted_ids go_backwards invert keepdims mask_zero multi_label
        nesterov normalize optional pad_to_aspect_ratio pad_to_max_tokens periodic power_to_db ragged
        raise_error relative_step remove_diagonal renorm reset_after restore_best_weights return_sequences
        return_state save_best_only save_on_background save_weights_only scale send_as_json sparse
        sparse_y_pred sparse_y_true staircase stateful swap_on_epoch synchronized tie_weights trainable
        unit_forget_bias unroll use_bias use_ema use_gate use_scale write_graph write_images
        write_steps_per_second zero_output_for_mask""",
    COUNT: """batch_size bins chain_depth decay_steps depth_multiplier dynamic_growth_steps
        ema_overwrite_frequency fft_length filters first_decay_steps frame_length frame_step
        gptq_unpacked_column_size groups head_dim height input_dim k key_dim lora_rank max_number
        n ns_steps num_bins num_chains num_classes num_heads num_key_value_heads
        num_labels num_mel_bins num_ops num_query_heads num_tokens output_dim output_sequence_length
        power_iterations sampling_rate sequence_length sequence_stride sliding_window top_k units value_dim
        width""",
    INDEX: """class_id cooldown embeddings_freq histogram_freq num_oov_indices num_regressors patience seed
        start_from_epoch warmup_steps""",
    NUMBER: """baseline beta_2_decay default_value fill_value gain initial_value_threshold mask_value maxval mean
        minval muon_a muon_b muon_c threshold value""",
    POSITIVE: """adam_lr_ratio clip_limit clip_threshold clipnorm clipvalue delta global_clipnorm initial_scale
        logit_soft_cap lora_alpha loss_scale_factor mag_exp max_freq max_value min_power ref_power
        t_mul top_db warmup_target""",
    NOT_NEGATIVE: """adam_weight_decay b beta decay_rate end_learning_rate epsilon epsilon_1 epsilon_2 gamma
        initial_accumulator_value initial_learning_rate l1 l1_regularization_strength l2
        l2_regularization_strength l2_shrinkage_regularization_strength m_mul margin min_delta min_freq
        min_lr min_value negative_slope power stddev weight_decay""",
    SHARE: "ema_momentum label_smoothing momentum precision recall renorm_momentum sensitivity specificity",
    BELOW_ONE: "adam_beta_1 adam_beta_2 beta_1 beta_2 dropout rate recurrent_dropout rho",
    TEXT: """backup_dir call_endpoint call_training_endpoint directory encoding field filename filepath log_dir
        monitor path root""",
    NAME: "name",
    DTYPE: "dtype reverse_dtype",
    ACTIVATION: "activation recurrent_activation",
    LAYER: "backward_layer layer",
    ListOf(LAYER, min_length=1): "layers",
    PartOf(("initializers",)): "initializer",
    AXES: "attention_axes shared_axes",
    Integer(): "axis ignore_class",
    Integer(2): "gradient_accumulation_steps max_tokens num_thresholds",
    PIXEL_RANGE: "value_range",
    ListOf(Integer(), min_length=1): "input_axes output_axes",
    ListOf(NOT_NEGATIVE, min_length=1): "idf_weights label_weights values",
    ListOf(NUMBER, min_length=1): "bin_boundaries boundaries",
    ListOf(TEXT): "exclude_layers",
    ListOf(INDEX, min_length=1): "target_class_ids",
    one_or_list(SHARE, None): "thresholds",
    one_or_list(Integer(0), 2): "salt",
    TensorShape(): "shape batch_shape",
    AnyOf((COUNT, TensorShape())): "output_shape",
    Choice(("channels_last", "channels_first")): "data_format",
    Choice(("auto", "min", "max")): "mode",
    Choice((0, 1)): "verbose",
    PADDING: "padding",
    Choice(("nearest", "bilinear")): "interpolation",
    Choice(("constant", "nearest", "wrap", "reflect")): "fill_mode",
    AnyOf((Choice(("epoch",)), COUNT)): "save_freq",
    MappingOf(TEXT): "headers",
    AnyOf((POSITIVE, PartOf(("schedules",)))): "learning_rate",
}

BY_NAME: dict[str, Kind] = {name: kind for kind, names in _KINDS.items() for name in names.split()}
