"""Hints for configs in the words of Keras 1 (2015 to 2017): the same part in the words of Keras 3.

Books and tutorials of that time are still read. The words are data (`keras1.yaml`), read only where a config names
something that Keras 3 does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.kinds import PartOf, is_integer
from nnrun.catalog.rules import ENDINGS
from nnrun.config.dump import dump_inline
from nnrun.config.files import load_package_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.catalog.lookup import Entry

#: A part as a config writes it: a word, or a mapping with one key.
PlainPart = str | dict[str, Any]


@dataclass(frozen=True)
class Translation:
    """A part of Keras 1 in the words of Keras 3.

    Attributes:
        parts: What to write, one part after another; empty where no part of Keras 3 replaces it.
        notes: What has changed apart from the words, or what to do where there is no part.
    """

    parts: tuple[PlainPart, ...]
    notes: tuple[str, ...] = ()

    def hint(self, *, as_value: bool = False) -> str:
        """Return the notes, then the line to paste (a comment behind it would swallow the rest of `[a, b]`).

        Args:
            as_value: Whether the part is the value of a key and so needs its braces.
        """
        if not self.parts:
            return f"gone since Keras 1; today: {'; '.join(self.notes)}"
        lines = [
            dump_inline(part) if as_value or isinstance(part, str) else dump_inline(part)[1:-1] for part in self.parts
        ]
        start = "today" if len(lines) == 1 else f"today {len(lines)} parts"
        return "; ".join(["Keras 1 syntax", *self.notes, f"{start}: {'; '.join(lines)}"])


@cache
def tables() -> dict[str, Any]:
    """Return the tables of `keras1.yaml`."""
    return load_package_data(Path(__file__).with_name("keras1.yaml"))


def translate(category: str, name: str, arguments: Any = None) -> Translation | None:
    """Translate a part of Keras 1; None where nothing in it is of Keras 1.

    Args:
        category: One of the catalog's categories.
        name: The part's name, old or new, with or without the module that Keras 1 had it in.
        arguments: Its arguments as a mapping, its lone value (a list: arguments by position), or None.
    """
    instead = tables()["gone"].get(category, {}).get(name.rpartition(".")[2])
    if instead is not None:
        return Translation((), (instead,))
    translator = _TRANSLATORS.get(category)
    return None if translator is None else translator(name, arguments)


def key_hint(key: str, value: object) -> str | None:
    """Return the hint for a key of a config that is Keras 1's; None where it is not."""
    line = tables()["keys"].get(key)
    if line is None:
        return None
    if key == "image_dim_ordering":
        value = _new_value("data_format", value)
    return f"Keras 1 syntax; today: {line.replace('{}', dump_inline(value))}"


def renamed_argument(entry: Entry, key: str) -> str | None:
    """Return the new name of an argument of Keras 1; None where it is not old or has no successor in `entry`."""
    return next(iter(_new_names(entry, key)), None)


def _new_names(entry: Entry, key: str) -> list[str]:
    names = tables()["arguments"].get(entry.category, {}).get(key, ())
    return [] if key in entry.parameters else [name for name in names if name in entry.parameters]


def split_part(value: object) -> tuple[str, Any] | None:
    """Return the name and the arguments (or lone value) of a part; None where `value` is not one."""
    if isinstance(value, str):
        return value, None
    if isinstance(value, dict) and len(value) == 1:
        ((name, arguments),) = value.items()
        return (name, arguments) if isinstance(name, str) else None
    return None


def _make_part(name: str, arguments: dict[str, Any]) -> PlainPart:
    return {name: arguments} if arguments else name


def _add_note(notes: list[str], text: str) -> None:
    if text and text not in notes:
        notes.append(text)


# Values -------------------------------------------------------------------------------------------------------------


def _new_value(key: str, value: Any) -> Any:
    return tables()["values"][key].get(value, value) if isinstance(value, str) else value


def _translate_nested(category: str, value: Any) -> Any:
    """Translate a part that is the value of an argument; return it unchanged where it is not of Keras 1."""
    found = split_part(value)
    translation = translate(category, *found) if found else None
    return translation.parts[0] if translation and len(translation.parts) == 1 else value


def _value_of_old_argument(key: str, value: Any, notes: list[str]) -> Any:
    """Translate the value of an argument that is now called `key`."""
    if key in tables()["values"]:
        return _new_value(key, value)
    if key.endswith("_initializer"):
        return _initializer_of_layer(value, notes)
    if key.endswith("_regularizer"):
        _add_note(notes, "val_loss includes the penalty today")
        found = split_part(value)
        translation = _regularizer(*found, in_old_argument=True) if found else None
        return translation.parts[0] if translation else value
    return _translate_nested("constraints", value) if key.endswith("_constraint") else value


def _initializer_of_layer(value: Any, notes: list[str]) -> Any:
    table = tables()["initializers"]
    if isinstance(value, str):
        _add_note(notes, table["notes"].get(value, ""))
        return table["values"].get(value, value)
    name, scale = split_part(value) or ("", None)
    if name in table["scaled"] and isinstance(scale, int | float):
        value = {name: {"scale": scale}}
    return _translate_nested("initializers", value)


def _initializer(name: str, arguments: Any) -> Translation | None:
    scaled = tables()["initializers"]["scaled"].get(name)
    scale = arguments.get("scale") if isinstance(arguments, dict) and set(arguments) == {"scale"} else None
    if scaled is None or not isinstance(scale, int | float) or isinstance(scale, bool):
        return None
    ((new_name, factors),) = scaled.items()
    return Translation(({new_name: {key: factor * scale for key, factor in factors.items()}},))


def _regularizer(name: str, arguments: Any, *, in_old_argument: bool = False) -> Translation | None:
    """Translate a regularizer; one in an old argument of a layer is old even where its name is still known."""
    table = tables()["regularizers"]
    if name in table["classes"] and isinstance(arguments, dict):
        return Translation((_make_part("L1L2", arguments),))
    is_mapping = isinstance(arguments, dict)
    is_todays = is_mapping if name == "l1l2" else name in {"l1", "l2"} and not (is_mapping and "l" in arguments)
    if name not in table["functions"] or (is_todays and not in_old_argument):
        return None
    ((new_name, keys),) = table["functions"][name].items()
    if is_mapping:
        weights = {(keys[0] if key == "l" else key): value for key, value in arguments.items()}
    else:
        weights = dict(zip(keys, arguments if isinstance(arguments, list) else [arguments], strict=False))
    # A weight left out was 0.01 in Keras 1; L1L2's are 0 today, so that the bare word would do nothing.
    missing = {key: 0.01 for key in keys if weights.get(key) is None}
    weights = {**{key: value for key, value in weights.items() if value is not None}, **missing}
    return Translation(({new_name: weights if len(weights) > 1 else next(iter(weights.values()))},))


# Parts other than layers --------------------------------------------------------------------------------------------


def _renamer(category: str) -> Callable[[str, Any], Translation | None]:
    """Return the translator of a category whose table has new names of parts and arguments."""

    def translator(name: str, arguments: Any) -> Translation | None:
        rule = tables()[category].get(name)
        if rule is None:
            return None
        new_name, renamed, dropped = rule.get("name", name), rule.get("arguments", {}), rule.get("dropped", ())
        given: dict[str, Any] = arguments if isinstance(arguments, dict) else {}
        if new_name == name and not set(given) & {*renamed, *dropped}:
            return None
        if arguments is not None and not isinstance(arguments, dict):
            return Translation(({new_name: arguments},))
        translated = {renamed.get(key, key): value for key, value in given.items() if key not in dropped}
        return Translation((_make_part(new_name, translated) if translated else rule.get("word", new_name),))

    return translator


def _replacer(category: str) -> Callable[[str, Any], Translation | None]:
    """Return the translator of a category whose table has a whole part for each word."""

    def translator(name: str, arguments: Any) -> Translation | None:
        rule = tables()[category].get(name)
        if rule is None or arguments not in (None, {}):
            return None
        return Translation((rule["part"],), (rule["note"],) if "note" in rule else ())

    return translator


def _optimizer(name: str, arguments: Any) -> Translation | None:
    entry = lookup.entry("optimizers", name)
    given: dict[str, Any] = arguments if isinstance(arguments, dict) else {}
    if entry is None or not (set(given) - set(entry.parameters)) & {"lr", "decay", "schedule_decay"}:
        return None
    defaults = tables()["optimizers"].get(entry.name, {})
    default = defaults.get("learning_rate", getattr(entry.parameters.get("learning_rate"), "default", None))
    rate = given.get("lr", given.get("learning_rate", default))
    if given.get("decay"):
        # Keras 1 divided the rate by 1 + decay * steps.
        rate = {"InverseTimeDecay": {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": given["decay"]}}
    translated: dict[str, Any] = {}
    for key, value in given.items():
        if key in {"lr", "learning_rate", "decay"}:
            translated["learning_rate"] = rate
        elif key != "schedule_decay":
            translated[key] = value
    is_lower = entry.name in tables()["lowered_learning_rate"]
    added = [key for key in defaults if key not in translated and (key != "learning_rate" or is_lower)]
    notes = [f"its default of {' and '.join(added)} is written out"] if added else []
    if "schedule_decay" in given:
        notes.append("schedule_decay is gone: today it is always 1, then it was 0.004")
    translated |= {key: defaults[key] for key in added}
    return Translation((_make_part(entry.name, translated),), tuple(notes))


def _callback(name: str, arguments: Any) -> Translation | None:
    if name != "ModelCheckpoint":
        return _renamer("callbacks")(name, arguments)
    given = arguments if isinstance(arguments, dict) else {"filepath": arguments}
    file, period = given.get("filepath"), given.get("period")
    is_old_file = isinstance(file, str) and file.endswith((".h5", ".hdf5")) and not file.endswith(".weights.h5")
    if not is_old_file and period is None:
        return None
    translated = {key: value for key, value in given.items() if key != "period"}
    if isinstance(file, str) and is_old_file:
        ending = ".weights.h5" if given.get("save_weights_only") is True else ".keras"
        translated["filepath"] = file.rpartition(".")[0] + ending
    notes = ("period is gone: every epoch, or save_freq: a number of steps",) if period not in (None, 1) else ()
    return Translation((_make_part(name, translated),), notes)


def _preparation(name: str, arguments: Any) -> Translation | None:
    function, given = name.rpartition(".")[2], arguments if isinstance(arguments, dict) else {}
    if function == "pad_sequences" and "maxlen" in given:
        others = {key: value for key, value in given.items() if key != "maxlen" and value != "pre"}
        return Translation(({"PadSequences": {"maxlen": given["maxlen"], **others} if others else given["maxlen"]},))
    if function == "one_hot" and "n" in given:
        return Translation((), ("the layer Hashing: {num_bins: N} hashes words, the same in every process",))
    return None


# Layers -------------------------------------------------------------------------------------------------------------

#: Keys of any layer that are not arguments of its class.
_LAYER_KEYS = ("name", "from", "call")
_PADDING_SIDES = ("top_pad", "bottom_pad", "left_pad", "right_pad")


def _layer(name: str, arguments: Any) -> Translation | None:
    old_name = name.rpartition(".")[2]
    if old_name in _REWRITTEN_LAYERS:
        given = _by_name(old_name, old_name, arguments)
        return None if given is None else _REWRITTEN_LAYERS[old_name](given)
    entry = lookup.entry("layers", tables()["layers"]["names"].get(old_name, old_name))
    if entry is None or entry.refused:
        return None
    is_old_padding = _is_old_padding(entry, arguments)
    given = _new_padding(entry, arguments) if is_old_padding else _by_name(old_name, entry.name, arguments)
    if given is None:
        return None
    translated, notes = _translate_arguments(entry, given)
    is_old = lookup.entry("layers", name) is None or isinstance(arguments, list) or is_old_padding
    if not is_old and set(translated) == set(given):
        return None
    before, after = _neighbours(entry, translated, given)
    defaults = tables()["layers"]["defaults"]
    for key, value in {**defaults.get(old_name, {}), **defaults.get(entry.name, {})}.items():
        translated.setdefault(key, value)
    _note_gates(entry, translated, notes)
    _add_note(notes, tables()["layers"]["notes"].get(old_name, ""))
    return Translation(_chain([*before, _make_part(entry.name, translated), *after]), tuple(notes))


def _by_name(old_name: str, new_name: str, arguments: Any) -> dict[str, Any] | None:
    """Return the arguments as a mapping; None where it is unclear which arguments they are."""
    if arguments is None or isinstance(arguments, dict):
        return arguments or {}
    positional = tables()["layers"]["positional"]
    keys = positional.get(old_name, positional.get(new_name, ()))
    if not isinstance(arguments, list):
        return {keys[0]: arguments} if keys and lookup.entry("layers", old_name) is None else None
    has_named = bool(arguments) and isinstance(arguments[-1], dict)
    values, named = (arguments[:-1], arguments[-1]) if has_named else (arguments, {})
    if not keys or len(values) != len(keys) or not all(is_integer(value) for value in values):
        return None
    return {**dict(zip(keys, values, strict=True)), **named}


def _translate_arguments(entry: Entry, given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a layer's arguments in the words of Keras 3, and notes."""
    table = tables()["layers"]
    translated: dict[str, Any] = {}
    notes: list[str] = []
    for key, value in given.items():
        new_names = _new_names(entry, key)
        joined = next((keys for keys in table["joined"] if key in keys), None)
        dropped = table["dropped"].get(key) if key not in entry.parameters else None
        if key in table["input"] and key not in entry.parameters:
            _add_note(notes, _input_note(entry, given))
        elif joined and new_names:
            if all(each in given for each in joined):
                translated[new_names[0]] = [given[each] for each in joined]
        elif new_names:
            if value != "default" or new_names != ["data_format"]:
                translated |= {name: _value_of_old_argument(name, value, notes) for name in new_names}
        elif dropped is not None and entry.name in dropped.get("layers", [entry.name]):
            note = dropped.get("note", "") if value is not None else ""
            _add_note(notes, note.get(dump_inline(value), "") if isinstance(note, dict) else note)
        else:
            translated[key] = _value_of_argument(key, value)
    return translated, notes


def _value_of_argument(key: str, value: Any) -> Any:
    """Translate the value of an argument whose name is the same today: a part in it may be of Keras 1."""
    if key == "layer":
        return _translate_nested("layers", value)
    kind = next((kind for ending, kind in ENDINGS.items() if key.endswith(ending)), None)
    return _translate_nested(kind.categories[0], value) if isinstance(kind, PartOf) else value


def _input_note(entry: Entry, given: dict[str, Any]) -> str:
    if "batch_input_shape" in given:
        arguments: dict[str, Any] = {"batch_shape": given["batch_input_shape"]}
    elif "input_shape" in given:
        arguments = {"shape": given["input_shape"]}
    elif entry.name == "Embedding":
        arguments = {"shape": [given["input_length"]]}
    elif "input_length" in given or "return_sequences" in entry.parameters or entry.name.endswith("Conv1D"):
        arguments = {"shape": [given.get("input_length"), given.get("input_dim")]}
    else:
        arguments = {"shape": [given["input_dim"]]}
    return f"the data give the input shape (where they do not, put Input: {dump_inline(arguments)} first)"


def _note_gates(entry: Entry, translated: dict[str, Any], notes: list[str]) -> None:
    if "hard_sigmoid" in (translated.get("activation"), translated.get("recurrent_activation")):
        _add_note(notes, "hard_sigmoid is relu6(x + 3) / 6 today, it was clip(0.2 x + 0.5, 0, 1)")
    elif "recurrent_activation" in entry.parameters and "recurrent_activation" not in translated:
        _add_note(notes, "gates are sigmoid by default today, they were hard_sigmoid")


def _neighbours(
    entry: Entry, translated: dict[str, Any], given: dict[str, Any]
) -> tuple[list[PlainPart], list[PlainPart]]:
    """Return the layers before and after a layer that do what it did itself in Keras 1."""
    if entry.name == "Embedding" and given.get("dropout"):
        return [], [{"SpatialDropout1D": given["dropout"]}]
    if translated.get("padding") != "full" or entry.name not in {"Conv1D", "Conv2D", "Conv3D"}:
        return [], []
    dimensions = int(entry.name[4])
    kernel, dilation = (_sizes(translated.get(key, 1), dimensions) for key in ("kernel_size", "dilation_rate"))
    margins = [(size - 1) * step for size, step in zip(kernel, dilation, strict=False)]
    translated["padding"] = "valid"
    padding = margins if dimensions > 1 else sum(margins)
    layout = {key: translated[key] for key in ("data_format",) if key in translated}
    return [{f"ZeroPadding{dimensions}D": {"padding": padding, **layout} if layout else padding}], []


def _sizes(value: Any, dimensions: int) -> list[int]:
    sizes = value if isinstance(value, list) else [value] * dimensions
    return sizes if all(isinstance(size, int) for size in sizes) else []


def _chain(parts: list[PlainPart]) -> tuple[PlainPart, ...]:
    """Return layers that replace one: the first has its `from`, the last its `name`."""
    if len(parts) == 1:
        return tuple(parts)
    spelled_out = [_spell_out(part) for part in parts]
    for key, end in (("from", 0), ("name", -1)):
        value = next((arguments.pop(key) for _, arguments in spelled_out if key in arguments), None)
        if value is not None:
            spelled_out[end][1][key] = value
    return tuple(_make_part(name, arguments) for name, arguments in spelled_out)


def _spell_out(part: PlainPart) -> tuple[str, dict[str, Any]]:
    """Return the name and the arguments of a layer, a lone value with its key."""
    name, arguments = split_part(part) or ("", None)
    entry = lookup.entry("layers", name)
    if arguments is None or isinstance(arguments, dict) or entry is None:
        return name, dict(arguments or {})
    return name, {str(entry.positional): arguments}


def _is_old_padding(entry: Entry, arguments: Any) -> bool:
    """Whether a ZeroPadding has its margins by name, or four of them in one list."""
    padding = arguments.get("padding", arguments) if isinstance(arguments, dict) else arguments
    if isinstance(padding, dict):
        has_sides = bool(padding) and set(padding) <= set(_PADDING_SIDES)
        return has_sides and entry.name in {"ZeroPadding1D", "ZeroPadding2D"}
    return entry.name == "ZeroPadding2D" and isinstance(padding, list) and len(padding) == 4


def _new_padding(entry: Entry, arguments: Any) -> dict[str, Any]:
    has_key = isinstance(arguments, dict) and "padding" in arguments
    padding = arguments["padding"] if has_key else arguments
    margins = [padding.get(side, 0) for side in _PADDING_SIDES] if isinstance(padding, dict) else padding
    pairs = [margins[:2], margins[2:]] if entry.name == "ZeroPadding2D" else margins[2:]
    return {**(arguments if has_key else {}), "padding": pairs}


def _translate_dense(given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    dense = lookup.entry("layers", "Dense")
    return _translate_arguments(dense, given) if dense else (given, [])


def _time_distributed_dense(given: dict[str, Any]) -> Translation | None:
    translated, notes = _translate_dense({key: given[key] for key in given if key not in _LAYER_KEYS})
    outside = {key: given[key] for key in _LAYER_KEYS if key in given}
    return Translation(({"TimeDistributed": {"layer": {"Dense": translated}, **outside}},), tuple(notes))


def _maxout_dense(given: dict[str, Any]) -> Translation | None:
    """Translate into a Dense with `nb_feature` times the units, and the maximum over the features of each unit."""
    features = given.get("nb_feature", 4)
    if not isinstance(features, int) or not isinstance(given.get("output_dim"), int):
        return None
    translated, notes = _translate_dense({key: given[key] for key in given if key != "nb_feature"})
    units = translated["units"]
    wide = {"Dense": {**translated, "units": units * features}}
    return Translation(_chain([wide, {"Reshape": [features, units]}, "GlobalMaxPooling1D"]), tuple(notes))


def _merge(given: dict[str, Any]) -> Translation | None:
    mode = given.get("mode", "sum")
    if not isinstance(mode, str) or mode not in tables()["layers"]["merge_modes"]:
        return None
    name = tables()["layers"]["merge_modes"][mode]
    translated = {key: given[key] for key in _LAYER_KEYS if key in given}
    if name == "Concatenate" and given.get("concat_axis", -1) != -1:
        translated["axis"] = given["concat_axis"]
    if name == "Dot":
        translated["axes"] = given.get("dot_axes", -1)
    if mode == "cos":
        translated["normalize"] = True
    notes = ("from: [...] names the layers that it takes",) if "layers" in given else ()
    return Translation((_make_part(name, translated),), notes)


#: Layers that become something else than one layer with other arguments.
_REWRITTEN_LAYERS: dict[str, Callable[[dict[str, Any]], Translation | None]] = {
    "TimeDistributedDense": _time_distributed_dense,
    "MaxoutDense": _maxout_dense,
    "Merge": _merge,
    "merge": _merge,
}

_TRANSLATORS: dict[str, Callable[[str, Any], Translation | None]] = {
    "layers": _layer,
    "optimizers": _optimizer,
    "losses": _replacer("losses"),
    "metrics": _replacer("metrics"),
    "callbacks": _callback,
    "initializers": _initializer,
    "regularizers": _regularizer,
    "constraints": _renamer("constraints"),
    "sources": _renamer("sources"),
    "preparation": _preparation,
}
