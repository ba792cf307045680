"""How a model was compiled, as keys of `training:` and of outputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.engine.model.to_config.parts import automatic_name, part_value
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Arguments that Keras saves only where they were given, or by which nothing else is computed.
_SAVED_IF_GIVEN = frozenset({("AUC", "thresholds")})
_NEVER_MISSED = frozenset({"dtype", "name", "reduction"})


@dataclass
class CompileSettings:
    """How a model was compiled.

    Attributes:
        training: Keys of `training:`.
        outputs: Keys of each output that differ from those.
        notes: What a config cannot say, one sentence each.
    """

    training: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def compile_settings(
    config: Mapping[str, Any] | None,
    keras_names: Sequence[str],
    names: Sequence[str],
    *,
    ranks: Sequence[int] | None = None,
    floatx: str = "float32",
) -> CompileSettings:
    """Return how a model was compiled; without a loss where it was not.

    Args:
        config: What Keras saves of it.
        keras_names: The names of the outputs in Keras.
        names: Their names in the config.
        ranks: The numbers of dimensions of the outputs, the examples among them; None: 2 each.
        floatx: The default type of numbers of the model.
    """
    found = CompileSettings()
    if not config:
        return found
    optimizer = _part(found, "optimizers", _optimizer(config.get("optimizer")), "the optimizer")
    if optimizer is not None:
        found.training["optimizer"] = optimizer
    losses = _by_output(config.get("loss"), keras_names)
    metrics = _by_output(config.get("metrics"), keras_names, lists=True)
    weights = _by_output(config.get("loss_weights"), keras_names)
    for keras_name, name, rank in zip(keras_names, names, ranks or [2] * len(names), strict=True):
        output: dict[str, Any] = {}
        loss = _part(found, "losses", losses.get(keras_name), "the loss", rank)
        if loss is not None:
            output["loss"] = loss
        if isinstance(weights.get(keras_name), (int, float)) and weights[keras_name] != 1:
            output["weight"] = weights[keras_name]
        given = metrics.get(keras_name)
        parts = [_metric(found, one, rank, floatx) for one in (given if isinstance(given, list) else [given])]
        output["metrics"] = [one for one in parts if one is not None]
        found.outputs[name] = {key: value for key, value in output.items() if value != []}
    if len(names) == 1:
        only = found.outputs[names[0]]
        found.training |= {key: only[key] for key in ("loss", "metrics") if key in only}
        found.outputs = {names[0]: {}}
    if _flat(config.get("weighted_metrics")):
        found.notes.append("weighted_metrics are left out: nnrun weighs the loss alone")
    return found


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict) and "class_name" not in value:
        return [one for item in value.values() for one in _flat(item)]
    return [one for item in value for one in _flat(item)] if isinstance(value, list) else [value] if value else []


def _part(found: CompileSettings, category: str, value: Any, what: str, rank: int = 2) -> Any:
    """Return a part, or None with a note where a config cannot have it."""
    if value is None:
        return None
    try:
        part = part_value(category, _without_names(value), what)
    except RunError as error:
        found.notes.append(f"{what} is left out: {error.text}")
        return None
    found.notes += [one for one in _unsaved(category, value, rank) if one not in found.notes]
    return part


def _metric(found: CompileSettings, value: Any, rank: int, floatx: str) -> Any:
    """Return a metric with its name and its type, where these are its own."""
    part = _part(found, "metrics", value, "a metric", rank)
    if part is None:
        return None
    word, arguments = next(iter(part.items())) if isinstance(part, dict) else (part, {})
    (name, config), entry = _name_and_config(value), lookup.entry("metrics", word)
    if entry is None or entry.is_function:
        return part
    own = {"name": config.get("name"), "dtype": _dtype(config.get("dtype"))}
    if own["name"] == entry.parameters["name"].default or automatic_name(str(own["name"]), name):
        del own["name"]
    # Counts of classes are whole numbers whatever the type of the model.
    if own["dtype"] == floatx or "float" not in str(own["dtype"]):
        del own["dtype"]
    own = {key: one for key, one in own.items() if one is not None}
    return {word: {**arguments, **own}} if own else part


def _dtype(value: Any) -> str | None:
    """Return the name of a type, or of a serialized policy."""
    if isinstance(value, dict):
        return str(value["config"]["name"])
    return None if value is None else str(value)


def _unsaved(category: str, value: Any, rank: int) -> list[str]:
    """Return what Keras does not save of an object: its own value of that is not known.

    The axis of an output that has only one is known all the same.
    """
    name, config = _name_and_config(value)
    entry = lookup.entry(category, name)
    if category == "optimizers" or entry is None or entry.is_function or not config:
        return []
    missing = [
        key
        for key in entry.parameters
        if key not in config and key not in _NEVER_MISSED and (entry.name, key) not in _SAVED_IF_GIVEN
    ]
    return [
        f"Keras does not save {key} of {entry.name}: the config has its default, {entry.parameters[key].default}"
        for key in missing
        if not (key == "axis" and rank <= 2)
    ]


def _name_and_config(value: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the class of a serialized object, and what was saved of it; nothing of a function."""
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        return str(value["class_name"]).rpartition(">")[2], value["config"]
    return "", {}


def _without_names(value: Any) -> Any:
    """Return a serialized object without what Keras makes up: names, and what Keras 2 wrote."""
    if not isinstance(value, dict) or not isinstance(value.get("config"), dict):
        return value
    wrapped = "fn" in value["config"]
    config = {key: item for key, item in value["config"].items() if key != "dtype" and (wrapped or key != "name")}
    if config.get("reduction") in ("auto", "AUTO"):
        del config["reduction"]
    return {**value, "class_name": str(value["class_name"]).rpartition(">")[2], "config": config}


def _optimizer(value: Any) -> Any:
    """Return a serialized optimizer with the arguments of today's Keras."""
    if not isinstance(value, dict) or not isinstance(value.get("config"), dict):
        return value
    config = dict(value["config"])
    for old, new in (("lr", "learning_rate"), ("decay", None)):
        before = config.pop(old, None)
        if new is not None and before is not None:
            config.setdefault(new, before)
    if not config.get("weight_decay"):
        config.pop("weight_decay", None)
    if not config.get("use_ema"):
        config.pop("ema_overwrite_frequency", None)
    # Optimizers for lower precision wrap another, which nnrun does by itself.
    inner = config.get("inner_optimizer")
    if value["class_name"] == "LossScaleOptimizer" and isinstance(inner, dict):
        return _optimizer(inner)
    name = str(value["class_name"]).rpartition(">")[2]
    entry = lookup.entry("optimizers", name)
    known = config if entry is None else {key: item for key, item in config.items() if key in entry.parameters}
    return {**value, "class_name": name, "config": known}


def _by_output(value: Any, names: Sequence[str], *, lists: bool = False) -> dict[str, Any]:
    """Return what each output has: Keras takes one for all, a list in their order, or a dict by name."""
    if value is None:
        return {}
    if isinstance(value, dict) and "class_name" not in value:
        return {name: value.get(name) for name in names}
    if not isinstance(value, list):
        return dict.fromkeys(names, value)
    if not lists:
        return dict(zip(names, value, strict=False))
    nested = any(isinstance(one, list) for one in value)
    if len(names) == 1:
        return {names[0]: value[0] if nested and value else value}
    return dict(zip(names, value, strict=False)) if nested or len(value) == len(names) else dict.fromkeys(names, value)
