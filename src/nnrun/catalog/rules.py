"""What each parameter takes, by its name: tighter than Keras where Keras accepts nonsense in silence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from nnrun.catalog.annotations import kind_from
from nnrun.catalog.kinds import PythonOnly, one_or_list, or_null
from nnrun.catalog.rules_by_entry import BY_ENTRY
from nnrun.catalog.rules_by_name import BY_NAME, COUNT, ENDINGS, MARGIN, SIZES

if TYPE_CHECKING:
    from nnrun.catalog.kinds import Kind

#: Stands for the default of a parameter that has none.
REQUIRED: Final = object()

#: Parameters that only Python code can fill, and what they take.
OPEN: dict[tuple[str, str, str], str] = {
    ("layers", "Bidirectional", "weights"): "arrays of weights",
    ("layers", "Dense", "quantization_config"): "a Keras quantization object",
    ("layers", "Embedding", "weights"): "an array of weights",
    ("layers", "EinsumDense", "quantization_config"): "a Keras quantization object",
    ("layers", "Embedding", "quantization_config"): "a Keras quantization object",
    ("layers", "FlaxLayer", "method"): "a Python function",
    ("layers", "FlaxLayer", "module"): "a Flax module",
    ("layers", "FlaxLayer", "variables"): "arrays of weights",
    ("layers", "Input", "tensor"): "a tensor",
    ("layers", "InputLayer", "input_tensor"): "a tensor",
    ("layers", "JaxLayer", "call_fn"): "a Python function",
    ("layers", "JaxLayer", "init_fn"): "a Python function",
    ("layers", "JaxLayer", "native_serialization_platforms"): "what a Jax function was compiled for",
    ("layers", "JaxLayer", "params"): "arrays of weights",
    ("layers", "JaxLayer", "state"): "arrays of weights",
    ("layers", "Lambda", "arguments"): "arguments of a Python function",
    ("layers", "Lambda", "function"): "a Python function",
    ("layers", "Lambda", "mask"): "a Python function",
    ("layers", "TorchModuleWrapper", "module"): "a PyTorch module",
    ("optimizers", "MultiOptimizer", "optimizer_map"): "Python objects",
    ("optimizers", "OptimizerMap", "default_optimizer"): "Python objects",
    ("optimizers", "OptimizerMap", "optimizer_map"): "Python objects",
    ("losses", "circle", "ref_embeddings"): "a tensor",
    ("losses", "circle", "ref_labels"): "a tensor",
    ("metrics", "MeanMetricWrapper", "fn"): "a Python function",
    ("callbacks", "CallbackList", "add_history"): "what Keras itself decides",
    ("callbacks", "CallbackList", "add_progbar"): "what Keras itself decides",
    ("callbacks", "CallbackList", "callbacks"): "Python objects",
    ("callbacks", "CallbackList", "model"): "a Keras model",
    ("callbacks", "LambdaCallback", "on_epoch_begin"): "a Python function",
    ("callbacks", "LambdaCallback", "on_epoch_end"): "a Python function",
    ("callbacks", "LambdaCallback", "on_train_batch_begin"): "a Python function",
    ("callbacks", "LambdaCallback", "on_train_batch_end"): "a Python function",
    ("callbacks", "LambdaCallback", "on_train_begin"): "a Python function",
    ("callbacks", "LambdaCallback", "on_train_end"): "a Python function",
    ("callbacks", "LearningRateScheduler", "schedule"): "a Python function",
}

#: Layers for which Keras documents that an initializer of None is its own default.
_CONVOLUTION = re.compile(r"(Depthwise|Separable)?Conv\dD(Transpose)?")
#: Layers for which Keras documents that an activation of None is the identity.
_RECURRENT = re.compile(r"(ConvLSTM\dD|(LSTM|GRU|SimpleRNN)(Cell)?)")


def kind_of(category: str, entry_name: str, parameter_name: str, default: object, annotation: str | None) -> Kind:
    """The kind of value that a parameter takes.

    Args:
        category: The catalog's category.
        entry_name: The canonical name of the part.
        parameter_name: The parameter's name.
        default: Its default; `REQUIRED` where it has none. A default of None makes null a value.
        annotation: What Python says of it, for nnrun's own parts; None for Keras'.

    Raises:
        LookupError: There is no rule for it.
    """
    if annotation is not None:
        return kind_from(annotation)
    reason = OPEN.get((category, entry_name, parameter_name))
    if reason is not None:
        return PythonOnly(reason, None, required=True) if default is REQUIRED else PythonOnly(reason, default)
    kind = _exception(category, entry_name, parameter_name) or _by_name(entry_name, parameter_name)
    if kind is None:
        raise LookupError(f"no rule says what '{parameter_name}' of {entry_name} ({category}) takes")
    return or_null(kind) if default is None or _null_is_documented(category, entry_name, parameter_name) else kind


def _exception(category: str, entry_name: str, parameter_name: str) -> Kind | None:
    return BY_ENTRY.get((category, entry_name, parameter_name)) or BY_ENTRY.get((category, "*", parameter_name))


def _by_name(entry_name: str, parameter_name: str) -> Kind | None:
    if parameter_name in SIZES:
        return one_or_list(COUNT, _dimensions(entry_name))
    if parameter_name == "output_padding":
        return one_or_list(MARGIN, _dimensions(entry_name))
    ending = next((kind for ending, kind in ENDINGS.items() if parameter_name.endswith(ending)), None)
    return ending or BY_NAME.get(parameter_name)


def _dimensions(entry_name: str) -> int | None:
    """How many dimensions a layer works along: 2 for `Conv2DTranspose`."""
    found = re.search(r"([123])D", entry_name)
    return int(found[1]) if found else None


def _null_is_documented(category: str, entry_name: str, parameter_name: str) -> bool:
    if category != "layers":
        return False
    convolution = parameter_name.endswith("_initializer") and _CONVOLUTION.fullmatch(entry_name)
    recurrent = parameter_name in {"activation", "recurrent_activation"} and _RECURRENT.fullmatch(entry_name)
    return bool(convolution or recurrent)
