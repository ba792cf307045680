"""Write `src/nnrun/catalog/catalog.json` from the installed Keras and from nnrun's own parts.

Run it from the root of a checkout: `python tools/generate_catalog.py`. A parameter without `default` is required.
Tuples are written as lists, as YAML has them; a default that JSON cannot hold is an error.
"""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.catalog import docstrings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE = Path(__file__).parents[1] / "src" / "nnrun" / "catalog" / "catalog.json"
BACKBONES = FILE.with_name("backbones.json")
COMMAND = "python tools/generate_catalog.py"

#: The public module of each category, and the module with the strings that Keras resolves to objects of it.
MODULES = {
    "layers": ("keras.layers", None),
    "optimizers": ("keras.optimizers", "keras.src.optimizers"),
    "schedules": ("keras.optimizers.schedules", None),
    "losses": ("keras.losses", "keras.src.losses"),
    "metrics": ("keras.metrics", "keras.src.metrics"),
    "callbacks": ("keras.callbacks", None),
    "initializers": ("keras.initializers", "keras.src.initializers"),
    "regularizers": ("keras.regularizers", "keras.src.regularizers"),
    "constraints": ("keras.constraints", "keras.src.constraints"),
    "activations": ("keras.activations", "keras.src.activations"),
}

#: nnrun's own categories: the module, and its table from names to classes.
OWN_TABLES = {"sources": ("nnrun.data.all_sources", "SOURCES"), "preparation": ("nnrun.data.prepare.registry", "STEPS")}

#: Arguments of `keras.ops` that are tensors, by name; the operations of `_LISTED` take a list of them.
_TENSORS = """a b array attn_bias bias condition data gamma beta indices inputs kernel key mask mean offset operands
    output predictions pred query scale segment_ids sorted_sequence source target targets tensor updates value values
    variable variance x x1 x2 xs y abs_ angle depthwise_kernel pointwise_kernel weights lengths target_length
    output_length sequence_lengths"""
#: Arguments with such names that are plain values after all.
_NO_TENSORS = {
    ("dot_product_attention", "scale"),
    ("moveaxis", "source"),
    ("diagonal", "offset"),
    ("trace", "offset"),
    ("squareplus", "b"),
}
_LISTED = {"concatenate", "stack", "hstack", "vstack", "dstack", "einsum", "fft", "fft2", "ifft2", "irfft", "istft"}
#: Operations that a config cannot use, by the reason for the user.
_REFUSED_OPS = {
    "It takes a Python function, which a config cannot contain.": """associative_scan cond custom_gradient fori_loop jvp
        map scan switch vectorize vectorized_map while_loop""",
    "It makes a tensor of nothing: write the numbers as the constant of another operation.": """arange array bartlett
        blackman convert_to_tensor empty eye full geomspace hamming hanning identity kaiser linspace logspace meshgrid
        ones tri zeros""",
    "Its result is no tensor of one shape for each example.": """convert_to_numpy dtype get_item is_tensor lstsq ndim
        nonzero scatter select shape size slice_update scatter_update unique unravel_index""",
}

#: Arguments of every whole model as a layer.
_OF_WHOLE_MODELS = {
    "freeze": {"default": [], "summary": "Patterns of inner layers that are not trained: names or classes."},
    "trainable": {"default": True, "summary": "Whether its weights are trained."},
    "name": {"default": None, "summary": "String name of the layer."},
}

#: Parts without a public class or function: words that Keras' `compile` resolves, and nnrun's own layers.
OWN: dict[str, dict[str, dict[str, Any]]] = {
    "layers": {
        "PositionEmbedding": {
            "origin": "nnrun",
            "function": False,
            "aliases": [],
            "call": {},
            "takes_layer_parameters": True,
            "summary": "Adds a learned vector for each position to an input of shape (steps, features).",
            "parameters": {
                "sequence_length": {"summary": "The maximum number of steps of an input."},
                "initializer": {"default": "uniform", "summary": "The initializer of the vectors."},
            },
        },
        "Op": {
            "origin": "nnrun",
            "function": False,
            "aliases": [],
            "call": {},
            "takes_layer_parameters": True,
            "summary": "Applies an operation of `keras.ops` to one tensor or several.",
            "parameters": {"op": {"summary": "The operation, with its arguments."}},
        },
        "Sampling": {
            "origin": "nnrun",
            "function": False,
            "aliases": [],
            "call": {"training": "Whether a point is drawn; otherwise the mean is returned."},
            "takes_layer_parameters": True,
            "summary": "Draws a point from a normal distribution, given its mean and the logarithm of its variance.",
            "parameters": {
                "beta": {"default": 1.0, "summary": "The weight of the Kullback-Leibler divergence in the loss."},
                "seed": {"default": None, "summary": "Random seed; with null, a random one."},
            },
        },
        "Model": {
            "origin": "nnrun",
            "function": False,
            "aliases": [],
            "call": {"training": "Whether the layers behave as in training, not as in inference."},
            "takes_layer_parameters": False,
            "summary": "A saved model (`.keras`) as a layer, with its weights; `from: NAME.LAYER` takes an inner layer's output.",  # noqa: E501
            "parameters": {
                "file": {"summary": "The `.keras` file, or the folder of a run: its best model."},
                "sha256": {"default": None, "summary": "The SHA-256 that the file must have."},
                **_OF_WHOLE_MODELS,
            },
        },
        "Sequential": {
            "origin": "nnrun",
            "function": False,
            "aliases": [],
            "call": {},
            "takes_layer_parameters": False,
            "summary": "A model inside the model: layers one after the other, used as one layer, for example inside a wrapper.",  # noqa: E501
            "parameters": {
                "layers": {"summary": "The layers, in order."},
                "name": {"default": None, "summary": "String name of the model."},
            },
        },
    },
    "initializers": {
        "WordVectors": {
            "origin": "nnrun",
            "function": False,
            "aliases": [],
            "summary": "Vectors of words from a file of GloVe or word2vec (text), for an Embedding of the vocabulary of a text column.",  # noqa: E501
            "parameters": {
                "file": {"summary": "The file: in each line a word and its numbers, between blanks."},
                "sha256": {"default": None, "summary": "The SHA-256 that the file must have."},
                "oov": {
                    "default": "uniform",
                    "summary": "The initializer of tokens that the file lacks; the padding's vector is 0.",
                },
            },
        }
    },
    "metrics": {
        "accuracy": {
            "origin": "keras",
            "function": True,
            "aliases": ["acc"],
            "parameters": {},
            "summary": "The accuracy for the outputs and targets: binary, categorical or sparse categorical.",
        }
    },
    "losses": {
        "Contrastive": {
            "origin": "nnrun",
            "function": False,
            "aliases": [],
            "summary": "Contrastive loss of the distance of a pair: 0 where the target is 0, at least `margin` where it is 1.",  # noqa: E501
            "parameters": {
                "margin": {"default": 1.0, "summary": "The distance from which a pair that differs costs nothing."},
                "reduction": {"default": "sum_over_batch_size", "summary": "How the losses of a batch are reduced."},
                "name": {"default": "contrastive", "summary": "The loss's name."},
                "dtype": {"default": None, "summary": "The dtype of the loss's computations."},
            },
        },
        "crossentropy": {
            "origin": "keras",
            "function": True,
            "aliases": ["ce"],
            "parameters": {},
            "summary": "The crossentropy for the outputs and targets: binary, categorical or sparse categorical.",
        },
    },
    "activations": {
        "binary_step": {
            "origin": "nnrun",
            "function": True,
            "aliases": [],
            "parameters": {},
            "summary": "1 where the input is at least 0, else 0, as in Rosenblatt's perceptron.",
        }
    },
}

_BASE = "A base class for classes of your own; it does nothing by itself."
_CODE = "It wraps Python code, which a config cannot contain; write a class of your own and name its file with --code."

#: Entries that a config cannot use, with the reason for the user.
REFUSED: dict[tuple[str, str], str] = {
    ("layers", "Layer"): _BASE,
    ("layers", "Wrapper"): _BASE,
    ("layers", "FlaxLayer"): _CODE,
    ("layers", "JaxLayer"): _CODE,
    ("layers", "Lambda"): _CODE,
    ("layers", "TFSMLayer"): (
        "It runs the program that a SavedModel is, which no command line names; write a layer of your own in a file of "
        "--code."
    ),
    ("layers", "TorchModuleWrapper"): _CODE,
    ("optimizers", "Optimizer"): _BASE,
    ("optimizers", "MultiOptimizer"): "It maps Python layer objects to optimizers, which a config cannot contain.",
    ("optimizers", "OptimizerMap"): "It maps Python layer objects to optimizers, which a config cannot contain.",
    ("schedules", "LearningRateSchedule"): _BASE,
    ("losses", "Loss"): _BASE,
    ("metrics", "Metric"): _BASE,
    ("metrics", "MeanMetricWrapper"): "It wraps a Python function; name the metric itself.",
    ("metrics", "Mean"): "It averages single values, not predictions against targets; name a metric of the outputs.",
    ("metrics", "Sum"): "It adds up single values, not predictions against targets; name a metric of the outputs.",
    ("callbacks", "Callback"): _BASE,
    ("callbacks", "CallbackList"): "Keras makes it from `callbacks:` itself; list the callbacks.",
    ("callbacks", "LambdaCallback"): _CODE,
    (
        "callbacks",
        "LearningRateScheduler",
    ): "It calls a Python function; give the optimizer a schedule: `learning_rate: {ExponentialDecay: {...}}`.",
    ("initializers", "Initializer"): _BASE,
    ("regularizers", "Regularizer"): _BASE,
    ("constraints", "Constraint"): _BASE,
}

#: Arguments that are required although the signature has a default.
REQUIRED = {("layers", "CategoryEncoding"): {"num_tokens"}}
#: Arguments of every layer that these layers refuse, or (InputLayer) ignore.
UNSUPPORTED = {
    "ActivityRegularization": ["activity_regularizer"],
    "InputLayer": ["activity_regularizer", "trainable", "autocast"],
    "IntegerLookup": ["activity_regularizer", "autocast"],
    "StringLookup": ["activity_regularizer", "autocast"],
}

#: Arguments of functions that Keras passes, not the config.
_PASSED_BY_KERAS = {"losses": ("y_true", "y_pred"), "metrics": ("y_true", "y_pred"), "activations": ("x",)}
#: Arguments of a layer's call that are its inputs: a config gives them with `from:`, not with `call:`.
_INPUTS = {"self", "inputs", "query", "value", "key", "x", "data", "images", "sequence", "sequences", "states"}
#: Descriptions of arguments that Keras' docstrings lack.
_DESCRIPTIONS = {
    "activity_regularizer": "Regularizer of the layer's output.",
    "autocast": "Whether inputs are cast to the layer's own dtype.",
    "data_format": "Whether the channels come last or first; null for Keras' own setting.",
    "dtype": "The data type of computations and weights.",
    "mask": "The steps or examples that count.",
    "name": "The name, unique in the model.",
    "seed": "Random seed; with null, a random one.",
    "training": "Whether the layer behaves as in training, not as in inference.",
    "value_range": "The smallest and the largest value that a pixel can have.",
    "weight_decay": "If set, weight decay is applied.",
    "clipnorm": "The norm to which each weight's gradient is clipped.",
    "clipvalue": "The value to which each gradient is clipped.",
    "global_clipnorm": "The norm to which all gradients together are clipped.",
    "use_ema": "Whether a moving average of the weights is kept.",
    "ema_momentum": "The momentum of the moving average of the weights.",
    "ema_overwrite_frequency": "The number of steps after which the weights are replaced by their moving average.",
    "loss_scale_factor": "The factor of the loss before gradients are computed.",
    "gradient_accumulation_steps": "The number of steps that share one update.",
    "shape": "The shape of one example, without the batch.",
    "batch_shape": "The shape of a batch.",
    "batch_size": "The size of every batch, where it is fixed.",
}
_FACTORIES = {"serialize", "deserialize", "get"}


def generate() -> dict[str, Any]:
    """Return the whole catalog as plain data (imports Keras)."""
    keras = importlib.import_module("keras")
    entries = {category: _keras_entries(category, *places) for category, places in MODULES.items()}
    for category, places in OWN_TABLES.items():
        entries[category] = _own_entries(*places)
    entries["ops"] = _op_entries(importlib.import_module("keras").ops)
    for category, own in OWN.items():
        _add(entries[category], own)
    entries["layers"] |= _applications()
    _correct(entries)
    base = _parameters(keras.layers.Layer.__init__, [keras.layers.Layer], ("self",))
    return {
        "generated_by": COMMAND,
        "keras": keras.__version__,
        "layer_parameters": base,
        "entries": {category: dict(sorted(found.items())) for category, found in entries.items()},
    }


def _add(entries: dict[str, dict[str, Any]], own: Mapping[str, dict[str, Any]]) -> None:
    """Add entries, and remove their names from other entries' aliases (`accuracy` is not Keras' class Accuracy)."""
    names = {*own, *(alias for entry in own.values() for alias in entry["aliases"])}
    for entry in entries.values():
        entry["aliases"] = [alias for alias in entry["aliases"] if alias not in names]
    entries.update(own)


def _correct(entries: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Add what signatures do not show: unusable entries, required arguments and unsupported ones."""
    for (category, name), reason in REFUSED.items():
        entries[category][name]["refused"] = reason
    for (category, name), required in REQUIRED.items():
        for parameter in required:
            del entries[category][name]["parameters"][parameter]["default"]
    for name, parameters in UNSUPPORTED.items():
        entries["layers"][name]["layer_parameters_not_taken"] = parameters


def _keras_entries(category: str, public: str, registry: str | None) -> dict[str, dict[str, Any]]:
    module = importlib.import_module(public)
    objects = {name: thing for name, thing in vars(module).items() if _belongs(category, name, thing)}
    public_objects = set(objects.values())
    strings = importlib.import_module(registry).ALL_OBJECTS_DICT if registry else {}
    # A string means what Keras resolves it to: in `metrics`, `mean_squared_error` is the class, not the function.
    by_name = {**objects, **{name: thing for name, thing in strings.items() if thing in public_objects}}
    names: dict[Any, list[str]] = {}
    for name, thing in by_name.items():
        names.setdefault(thing, []).append(name)
    return dict(_named_entry(category, thing, found) for thing, found in names.items())


def _op_entries(ops: Any) -> dict[str, dict[str, Any]]:
    """Describe the functions of `keras.ops`: their plain arguments first, then the tensors, which `from:` gives."""
    found = {}
    refused = {name: reason for reason, names in _REFUSED_OPS.items() for name in names.split()}
    functions = {name: thing for name, thing in vars(ops).items() if not name.startswith("_") and callable(thing)}
    for name, function in functions.items():
        described = {"origin": "keras", "function": True, "summary": docstrings.summary(function.__doc__)}
        if name in refused:
            found[name] = {**described, "parameters": {}, "aliases": [], "refused": refused[name]}
            continue
        parameters, signature = _parameters(function, [function], ("operands",)), inspect.signature(function).parameters
        tensors = [key for key in signature if key in _TENSORS.split() and (name, key) not in _NO_TENSORS]
        plain = {key: item for key, item in parameters.items() if key not in tensors}
        constants = {
            key: {"default": None, "summary": parameters[key]["summary"]} for key in tensors if key in parameters
        }
        described["tensors"] = [key for key in tensors if signature[key].default is inspect.Parameter.empty]
        described["optional_tensors"] = [key for key in tensors if key not in described["tensors"]]
        described |= {"parameters": {**plain, **constants}, "aliases": []}
        found[name] = {**described, "listed": True} if name in _LISTED else described
    return found


def _belongs(category: str, name: str, thing: object) -> bool:
    if name.startswith("_") or name in _FACTORIES or inspect.ismodule(thing):
        return False
    if category == "layers":
        base = importlib.import_module("keras").layers.Layer
        return name == "Input" or (inspect.isclass(thing) and issubclass(thing, base))
    return callable(thing)


def _named_entry(category: str, thing: Any, names: list[str]) -> tuple[str, dict[str, Any]]:
    name = _canonical_name(thing, names)
    return name, {"origin": "keras", **_describe(category, thing), "aliases": sorted(set(names) - {name})}


def _canonical_name(thing: object, names: list[str]) -> str:
    """Return the name under which Keras exports the thing, if it is one of `names`, else the first in order."""
    exported = importlib.import_module("keras.src.api_export").get_name_from_symbol(thing) or ""
    name = exported.rpartition(".")[2]
    return name if name in names else min(names)


def _describe(category: str, thing: Any) -> dict[str, Any]:
    function = not inspect.isclass(thing)
    classes = [thing] if function else inspect.getmro(thing)[:-1]
    described = {
        "function": function,
        "summary": docstrings.summary(thing.__doc__),
        "parameters": _parameters(thing, classes, _PASSED_BY_KERAS.get(category, ()) if function else ()),
    }
    if category == "layers" and not function:
        described["call"] = _call_arguments(thing, classes)
        described["takes_layer_parameters"] = _accepts_kwargs(thing)
    return described


def _accepts_kwargs(thing: Callable[..., object]) -> bool:
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in inspect.signature(thing).parameters.values())


def _parameters(thing: Callable[..., object], classes: Any, skip: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    texts = _texts(classes, "Args", "Arguments")
    return {
        name: _parameter(parameter, texts.get(name) or _DESCRIPTIONS.get(name, ""))
        for name, parameter in inspect.signature(thing).parameters.items()
        if name not in skip and parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
    }


def _texts(classes: Any, *headings: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for holder in reversed(classes):
        for method in (holder, vars(holder).get("__init__")):
            texts.update(docstrings.arguments(getattr(method, "__doc__", None), *headings))
    return texts


def _parameter(parameter: inspect.Parameter, text: str) -> dict[str, Any]:
    if parameter.default is parameter.empty:
        return {"summary": text}
    return {"default": _plain(parameter.default, parameter.name), "summary": text}


def _plain(default: object, name: str) -> object:
    """Return the default as JSON holds it (tuples become lists)."""
    if isinstance(default, (list, tuple)):
        return [_plain(item, name) for item in default]
    if default is None or isinstance(default, (bool, int, float, str)):
        return default
    raise TypeError(f"JSON cannot hold the default of '{name}': {default!r}")


def _call_arguments(layer: Any, classes: Any) -> dict[str, str]:
    texts = _texts(classes, "Call arguments", "Call Args")
    signature = inspect.signature(layer.call).parameters
    named = [
        name
        for name, parameter in signature.items()
        if parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
    ]
    return {name: texts.get(name) or _DESCRIPTIONS.get(name, "") for name in named if name not in _INPUTS}


#: Arguments of the models of `keras.applications` that the place in the config's model decides.
_DECIDED_BY_PLACE = ("input_tensor", "input_shape", "name")
_PREPROCESS = {
    "preprocess": {
        "default": True,
        "summary": "Whether it prepares pixels from 0 to 255 itself, by its own `preprocess_input`.",
    }
}


def _applications() -> dict[str, dict[str, Any]]:
    """Describe the models of `keras.applications`, which are functions, as layers."""
    module, known = importlib.import_module("keras.applications"), json.loads(BACKBONES.read_text(encoding="utf-8"))
    functions = {name: found for name, found in vars(module).items() if inspect.isfunction(found)}
    return {name: _application(found, known[name]) for name, found in functions.items()}


def _application(function: Callable[..., Any], known: Mapping[str, Any]) -> dict[str, Any]:
    described = _describe("applications", function)
    own = {key: value for key, value in described["parameters"].items() if key not in _DECIDED_BY_PLACE}
    more = {**({} if known["preprocessing"] is None else _PREPROCESS), **_OF_WHOLE_MODELS}
    return {
        "origin": "keras",
        **described,
        "aliases": [],
        "call": {"training": _DESCRIPTIONS["training"]},
        "takes_layer_parameters": False,
        "application": known["module"],
        "parameters": {**own, **more},
    }


def _own_entries(module: str, table: str) -> dict[str, dict[str, Any]]:
    """Describe nnrun's own parts from the classes that implement them."""
    classes: Mapping[str, type] = getattr(importlib.import_module(module), table)
    return {name: _own_entry(part) for name, part in classes.items()}


def _own_entry(part: type) -> dict[str, Any]:
    described = _describe("nnrun", part)
    for name, parameter in described["parameters"].items():
        parameter["annotation"] = str(inspect.signature(part).parameters[name].annotation)
    return {"origin": "nnrun", **described, "aliases": []}


def to_text(catalog: Mapping[str, Any]) -> str:
    """Return the text of the committed file: one fact a line, so that a diff shows what changed."""
    return json.dumps(catalog, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the committed file."""
    FILE.write_text(to_text(generate()), encoding="utf-8")


if __name__ == "__main__":
    main()
