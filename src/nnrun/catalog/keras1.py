"""What Keras 1 wrote (2015 to 2017), in Keras 3's words: names, arguments and values.

Books and tutorials of that time are still read; a hint that can be pasted spares their readers the detour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog import keras1_layers, lookup
from nnrun.catalog import keras1_names as names
from nnrun.catalog.keras1_values import Translation, constraint, initializer, part, regularizer
from nnrun.config.dump import flow

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.catalog.lookup import Entry


def translate(category: str, name: str, arguments: Any = None) -> Translation | None:
    """Say in Keras 3's words what Keras 1 wrote; None where there is nothing of Keras 1's in it.

    Args:
        category: One of the catalog's categories.
        name: The part's name, old or new.
        arguments: Its arguments as a mapping, its lone value, or None.
    """
    gone = names.GONE.get((category, name.rpartition(".")[2]))
    if gone is not None:
        return Translation((), (gone,))
    say = _CATEGORIES.get(category)
    return None if say is None else say(name, arguments)


def key(word: str, value: object) -> str | None:
    """The hint for a key of a config that is Keras 1's; None where it is not."""
    if word in names.GONE_KEYS:
        return f"Keras 1 wrote it so; today: {names.GONE_KEYS[word]}"
    if word not in names.KEYS:
        return None
    if word == "image_dim_ordering" and isinstance(value, str):
        value = {"tf": "channels_last", "th": "channels_first"}.get(value, value)
    return f"Keras 1 wrote it so; today: {names.KEYS[word].format(flow(value))}"


def argument(entry: Entry, word: str) -> str | None:
    """Today's name of an old argument of `entry`; None where it is not Keras 1's."""
    if entry.category == "layers":
        return keras1_layers.today(entry, word)
    today = _ARGUMENTS.get((entry.category, word))
    return today if word not in entry.parameters and today in entry.parameters else None


_ARGUMENTS = {
    ("optimizers", "lr"): "learning_rate",
    ("callbacks", "epsilon"): "min_delta",
    ("sources", "nb_words"): "num_words",
}


def _optimizer(name: str, arguments: Any) -> Translation | None:
    entry = lookup.entry("optimizers", name)
    given = arguments if isinstance(arguments, dict) else {}
    if entry is None or not (set(given) - set(entry.parameters)) & {"lr", "decay", "schedule_decay"}:
        return None
    old = names.OPTIMIZERS.get(entry.name, {})
    default = old.get("learning_rate", entry.parameters["learning_rate"].default)
    rate = given.get("lr", given.get("learning_rate", default))
    turned: dict[str, Any] = {}
    for word, value in given.items():
        if word in {"lr", "learning_rate", "decay"}:
            turned["learning_rate"] = _rate(rate, given.get("decay"))
        elif word != "schedule_decay":
            turned[word] = value
    # Where Keras has changed a default since, the old one is written out.
    left = [word for word in old if word not in turned and (word != "learning_rate" or entry.name in names.SLOWER)]
    notes = [f"its default of {' and '.join(left)} is written out"] if left else []
    if "schedule_decay" in given:
        notes.append("schedule_decay is gone: today it is always 1, then it was 0.004")
    return Translation((part(entry.name, {**turned, **{word: old[word] for word in left}}),), tuple(notes))


def _rate(rate: Any, decay: Any) -> Any:
    """Keras 1 divided the rate by 1 + decay * steps; Keras 3 says that as a schedule."""
    if not decay:
        return rate
    return {"InverseTimeDecay": {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay}}


def _word_of(table: dict[str, tuple[Any, str]]) -> Callable[[str, Any], Translation | None]:
    def say(name: str, arguments: Any) -> Translation | None:
        if name not in table or arguments not in (None, {}):
            return None
        today, note = table[name]
        return Translation((today,), (note,) if note else ())

    return say


def _callback(name: str, arguments: Any) -> Translation | None:
    given = arguments if isinstance(arguments, dict) else {}
    if name == "ProgbarLogger" and set(given) == {"count_mode"}:
        return Translation((name,))
    if name == "ReduceLROnPlateau" and "epsilon" in given:
        return Translation(
            (part(name, {("min_delta" if word == "epsilon" else word): value for word, value in given.items()}),)
        )
    return (
        _checkpoint(given if isinstance(arguments, dict) else {"filepath": arguments})
        if name == "ModelCheckpoint"
        else None
    )


def _checkpoint(given: dict[str, Any]) -> Translation | None:
    file, period = given.get("filepath"), given.get("period")
    old_file = isinstance(file, str) and file.endswith((".h5", ".hdf5")) and not file.endswith(".weights.h5")
    if not old_file and period is None:
        return None
    turned = {word: value for word, value in given.items() if word != "period"}
    if isinstance(file, str) and old_file:
        ending = ".weights.h5" if given.get("save_weights_only") is True else ".keras"
        turned["filepath"] = file.rpartition(".")[0] + ending
    notes = ("period is gone: every epoch, or save_freq: a number of steps",) if period not in (None, 1) else ()
    return Translation((part("ModelCheckpoint", turned),), notes)


def _source(name: str, arguments: Any) -> Translation | None:
    if not isinstance(arguments, dict) or "nb_words" not in arguments:
        return None
    return Translation(
        ({name: {("num_words" if word == "nb_words" else word): value for word, value in arguments.items()}},)
    )


def _preparation(name: str, arguments: Any) -> Translation | None:
    word, given = name.rpartition(".")[2], arguments if isinstance(arguments, dict) else {}
    if word == "pad_sequences" and "maxlen" in given:
        others = {key: value for key, value in given.items() if key != "maxlen" and value != "pre"}
        return Translation(({"PadSequences": {"maxlen": given["maxlen"], **others} if others else given["maxlen"]},))
    if word == "one_hot" and "n" in given:
        return Translation((), ("the layer Hashing: {num_bins: N} hashes words, alike in every process",))
    return None


_CATEGORIES: dict[str, Callable[[str, Any], Translation | None]] = {
    "layers": keras1_layers.layer,
    "optimizers": _optimizer,
    "losses": _word_of(names.LOSSES),
    "metrics": _word_of(names.METRICS),
    "callbacks": _callback,
    "initializers": initializer,
    "regularizers": regularizer,
    "constraints": constraint,
    "sources": _source,
    "preparation": _preparation,
}
