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
        "crossentropy": {
            "origin": "keras",
            "function": True,
            "aliases": ["ce"],
            "parameters": {},
            "summary": "The crossentropy for the outputs and targets: binary, categorical or sparse categorical.",
        }
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
    for category, own in OWN.items():
        _add(entries[category], own)
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
