"""Layers of Keras 1 in today's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog import keras1_names as names
from nnrun.catalog import lookup
from nnrun.catalog.keras1_values import Translation, nested, note, old_value, part, split
from nnrun.config.dump import flow

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.catalog.keras1_values import PlainPart
    from nnrun.catalog.lookup import Entry


def layer(name: str, arguments: Any) -> Translation | None:
    """A layer with an old name or old arguments in today's words; None where it is today's already.

    Args:
        name: The layer's name, also with the module that Keras 1 had it in.
        arguments: Its arguments, its lone value (a list: arguments by position), or None.
    """
    word = name.rpartition(".")[2]
    if word in _ALONE:
        given = _by_position(word, word, arguments)
        return None if given is None else _ALONE[word](given)
    today = names.LAYERS.get(word, word)
    entry = lookup.entry("layers", today)
    if entry is None or entry.refused:
        return None
    given = _padding(entry, _by_position(word, entry.name, arguments), arguments)
    if given is None:
        return None
    turned, notes = _arguments(entry, given)
    is_old = lookup.entry("layers", name) is None or isinstance(arguments, list) or _is_old_padding(entry, arguments)
    return _finished(word, entry, turned, notes, given) if is_old or set(turned) != set(given) else None


def today(entry: Entry, key: str) -> str | None:
    """What an old argument of a layer is called today, where it is one argument still; None where it is not old."""
    found = _today(entry, key)
    return found[0] if found else None


def _today(entry: Entry, key: str) -> tuple[str, ...]:
    if key in entry.parameters:
        return ()
    joined = next((new for new, olds in names.JOINED.items() if any(key in old for old in olds)), None)
    candidates = names.ARGUMENTS.get(key, ()) if joined is None else (joined,)
    return tuple(new for new in candidates if new in entry.parameters)


def _by_position(word: str, name: str, arguments: Any) -> dict[str, Any] | None:
    """The arguments as a mapping; None where it cannot be told what they are."""
    if arguments is None or isinstance(arguments, dict):
        return arguments or {}
    keys = names.POSITIONAL.get(word, names.POSITIONAL.get(name, ()))
    if not isinstance(arguments, list):
        return {keys[0]: arguments} if keys and lookup.entry("layers", word) is None else None
    last = arguments[-1] if arguments else None
    values, further = (arguments[:-1], last) if isinstance(last, dict) else (arguments, {})
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    return {**dict(zip(keys, values, strict=True)), **further} if keys and whole and len(values) == len(keys) else None


def _arguments(entry: Entry, given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    turned: dict[str, Any] = {}
    notes: list[str] = []
    for key, value in given.items():
        found = _today(entry, key)
        if key in names.INPUT and key not in entry.parameters:
            note(notes, _entrance(entry, given))
        elif any(key in old for olds in names.JOINED.values() for old in olds) and found:
            _join(turned, found[0], given)
        elif found:
            _renamed(turned, found, value, notes)
        elif _is_dropped(entry, key):
            reason = names.BATCH_MODES.get(flow(value), "") if key == "mode" else names.DROPPED[key][1]
            note(notes, reason if value is not None else "")
        elif key != "dropout" or entry.name != "Embedding":
            turned[key] = _inside(key, value)
    return turned, notes


def _renamed(turned: dict[str, Any], found: tuple[str, ...], value: Any, notes: list[str]) -> None:
    if value == "default" and found == ("data_format",):
        return
    for new in found:
        turned[new] = old_value(new, value, notes)


def _join(turned: dict[str, Any], new: str, given: dict[str, Any]) -> None:
    keys = next((keys for keys in names.JOINED[new] if all(key in given for key in keys)), ())
    if keys:
        turned[new] = [given[key] for key in keys]


def _is_dropped(entry: Entry, key: str) -> bool:
    if key not in names.DROPPED or key in entry.parameters:
        return False
    layers, _ = names.DROPPED[key]
    return not layers or entry.name in layers


def _inside(key: str, value: Any) -> Any:
    """The value of an argument with today's name: a part inside the layer may be Keras 1's still."""
    found = split(value) if key == "layer" else None
    if found is not None:
        turned = layer(*found)
        return turned.parts[0] if turned and len(turned.parts) == 1 else value
    endings = ("initializer", "regularizer", "constraint")
    return nested(next((f"{ending}s" for ending in endings if key.endswith(f"_{ending}")), ""), value)


def _entrance(entry: Entry, given: dict[str, Any]) -> str:
    """What to do about the shape of what enters, which the data say in a config."""
    if "batch_input_shape" in given:
        said: dict[str, Any] = {"batch_shape": given["batch_input_shape"]}
    elif "input_shape" in given:
        said = {"shape": given["input_shape"]}
    elif entry.name == "Embedding":
        said = {"shape": [given["input_length"]]}
    elif "input_length" in given or "return_sequences" in entry.parameters or entry.name.endswith("Conv1D"):
        said = {"shape": [given.get("input_length"), given.get("input_dim")]}
    else:
        said = {"shape": [given["input_dim"]]}
    return f"the data say what enters (where they do not, Input: {flow(said)} stands first)"


def _finished(word: str, entry: Entry, turned: dict[str, Any], notes: list[str], given: dict[str, Any]) -> Translation:
    before, after = _around(entry, turned, given)
    if word == "ThresholdedReLU":
        turned.setdefault("threshold", 1.0)
    if word == "ParametricSoftplus":
        turned = {"activation": "softplus", **turned}
    if entry.name.startswith("AveragePooling"):
        turned.setdefault("pool_size", 2 if entry.name.endswith("1D") else [2] * int(entry.name[-2]))
    _gates(entry, turned, notes)
    note(notes, names.NEAREST.get(word, ""))
    return Translation(_in_line([*before, part(entry.name, turned), *after]), tuple(notes))


def _in_line(parts: list[PlainPart]) -> tuple[PlainPart, ...]:
    """Parts that stand for one: what it took (`from`) enters the first, and the last bears its name."""
    if len(parts) == 1:
        return tuple(parts)
    every = [_spelt(one) for one in parts]
    for key, end in (("from", 0), ("name", -1)):
        found = next((arguments.pop(key) for _, arguments in every if key in arguments), None)
        if found is not None:
            every[end][1][key] = found
    return tuple(part(name, arguments) for name, arguments in every)


def _spelt(said: PlainPart) -> tuple[str, dict[str, Any]]:
    """The name and the arguments of a part, a lone value with its key."""
    name, arguments = split(said) or ("", None)
    entry = lookup.entry("layers", name)
    if arguments is None or isinstance(arguments, dict) or entry is None:
        return name, dict(arguments or {})
    return name, {str(entry.lone): arguments}


def _gates(entry: Entry, turned: dict[str, Any], notes: list[str]) -> None:
    if "reset_after" in entry.parameters:
        turned.setdefault("reset_after", False)
    if "hard_sigmoid" in (turned.get("activation"), turned.get("recurrent_activation")):
        note(notes, "hard_sigmoid is relu6(x + 3) / 6 today, it was clip(0.2 x + 0.5, 0, 1)")
    elif "recurrent_activation" in entry.parameters and "recurrent_activation" not in turned:
        note(notes, "gates are sigmoid by default today, they were hard_sigmoid")


def _around(entry: Entry, turned: dict[str, Any], given: dict[str, Any]) -> tuple[list[PlainPart], list[PlainPart]]:
    """The parts that must stand before and after a layer, for what it did itself in Keras 1."""
    if entry.name == "Embedding" and given.get("dropout"):
        return [], [{"SpatialDropout1D": given["dropout"]}]
    if turned.get("padding") != "full" or entry.name not in {"Conv1D", "Conv2D", "Conv3D"}:
        return [], []
    dimensions = int(entry.name[4])
    kernel, dilation = (_sizes(turned.get(key, 1), dimensions) for key in ("kernel_size", "dilation_rate"))
    margins = [(size - 1) * step for size, step in zip(kernel, dilation, strict=False)]
    turned["padding"] = "valid"
    padding = margins if dimensions > 1 else sum(margins)
    form = {key: turned[key] for key in ("data_format",) if key in turned}
    return [{f"ZeroPadding{dimensions}D": {"padding": padding, **form} if form else padding}], []


def _sizes(value: Any, dimensions: int) -> list[int]:
    """One size for each dimension; none where the config says something else than sizes."""
    sizes = value if isinstance(value, list) else [value] * dimensions
    return sizes if all(isinstance(size, int) for size in sizes) else []


_SIDES = ("top_pad", "bottom_pad", "left_pad", "right_pad")


def _is_old_padding(entry: Entry, arguments: Any) -> bool:
    """Whether a ZeroPadding has its margins by name, or four of them in one list."""
    padding = arguments.get("padding", arguments) if isinstance(arguments, dict) else arguments
    if isinstance(padding, dict):
        return entry.name in {"ZeroPadding1D", "ZeroPadding2D"} and bool(padding) and set(padding) <= set(_SIDES)
    return entry.name == "ZeroPadding2D" and isinstance(padding, list) and len(padding) == 4


def _padding(entry: Entry, given: dict[str, Any] | None, arguments: Any) -> dict[str, Any] | None:
    """The arguments of a layer, a ZeroPadding's margins in today's form."""
    if not _is_old_padding(entry, arguments):
        return given
    named = isinstance(arguments, dict) and "padding" in arguments
    said = arguments["padding"] if named else arguments
    margins = [said.get(side, 0) for side in _SIDES] if isinstance(said, dict) else said
    today = [margins[:2], margins[2:]] if entry.name == "ZeroPadding2D" else margins[2:]
    return {**(arguments if named else {}), "padding": today}


#: What belongs to the place of a layer, whatever the layer is.
_OUTSIDE = ("name", "from", "call")


def _time_distributed_dense(given: dict[str, Any]) -> Translation | None:
    entry = lookup.entry("layers", "Dense")
    if entry is None:
        return None
    turned, notes = _arguments(entry, {key: value for key, value in given.items() if key not in _OUTSIDE})
    outside = {key: given[key] for key in _OUTSIDE if key in given}
    return Translation(({"TimeDistributed": {"layer": {"Dense": turned}, **outside}},), tuple(notes))


def _maxout(given: dict[str, Any]) -> Translation | None:
    """A Dense of all features of all units, of which the largest of each unit goes on."""
    entry = lookup.entry("layers", "Dense")
    features = given.get("nb_feature", 4)
    if entry is None or not (isinstance(features, int) and isinstance(given.get("output_dim"), int)):
        return None
    turned, notes = _arguments(entry, {key: value for key, value in given.items() if key != "nb_feature"})
    units = turned["units"]
    dense = {"Dense": {**turned, "units": units * features}}
    return Translation(_in_line([dense, {"Reshape": [features, units]}, "GlobalMaxPooling1D"]), tuple(notes))


def _merge(given: dict[str, Any]) -> Translation | None:
    mode = given.get("mode", "sum")
    if not isinstance(mode, str) or mode not in names.MERGES:
        return None
    name = names.MERGES[mode]
    turned = {key: given[key] for key in _OUTSIDE if key in given}
    if name == "Concatenate" and given.get("concat_axis", -1) != -1:
        turned["axis"] = given["concat_axis"]
    if name == "Dot":
        turned["axes"] = given.get("dot_axes", -1)
    if mode == "cos":
        turned["normalize"] = True
    notes = ("from: [...] names the layers that it takes",) if "layers" in given else ()
    return Translation((part(name, turned),), notes)


_ALONE: dict[str, Callable[[dict[str, Any]], Translation | None]] = {
    "TimeDistributedDense": _time_distributed_dense,
    "MaxoutDense": _maxout,
    "Merge": _merge,
    "merge": _merge,
}
