"""Values of Keras 1 in today's words: initializers, regularizers, constraints, and what else stands in arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.catalog import keras1_names as names
from nnrun.config.dump import flow

if TYPE_CHECKING:
    from collections.abc import Callable

#: A part as a config says it: a word, or a mapping with one key.
PlainPart = str | dict[str, Any]


@dataclass(frozen=True)
class Translation:
    """What Keras 1 said, in Keras 3's words.

    Attributes:
        parts: What to write, one part after another; empty where no part says it today.
        notes: What has changed besides the words, or what to do where there is no part.
    """

    parts: tuple[PlainPart, ...]
    notes: tuple[str, ...] = ()

    def hint(self, *, as_value: bool = False) -> str:
        """The notes, then the line to paste: a comment behind it would swallow what follows in `[a, b]`.

        Args:
            as_value: Whether the part stands behind a key and so needs its braces.
        """
        if not self.parts:
            return f"Keras 1 had it; today: {'; '.join(self.notes)}"
        lines = [flow(part) if as_value or isinstance(part, str) else flow(part)[1:-1] for part in self.parts]
        start = "today" if len(lines) == 1 else f"today {len(lines)} parts"
        return "; ".join(["Keras 1 wrote it so", *self.notes, f"{start}: {'; '.join(lines)}"])


def part(name: str, arguments: dict[str, Any]) -> PlainPart:
    """A part as a person writes it: a bare word where there are no arguments."""
    return {name: arguments} if arguments else name


def split(value: object) -> tuple[str, Any] | None:
    """The name and the arguments (or lone value) of a part; None where `value` is not one."""
    if isinstance(value, str):
        return value, None
    if isinstance(value, dict) and len(value) == 1:
        ((name, arguments),) = value.items()
        return (name, arguments) if isinstance(name, str) else None
    return None


def initializer(name: str, arguments: Any) -> Translation | None:
    """An initializer with Keras 1's `scale`; None where it has none."""
    scale = arguments.get("scale") if isinstance(arguments, dict) and set(arguments) == {"scale"} else None
    if name not in names.SCALED or scale is None or isinstance(scale, (str, bool)):
        return None
    today = {"uniform": {"minval": -scale, "maxval": scale}, "normal": {"stddev": scale}}.get(name, {"gain": scale})
    return Translation(({names.SCALED[name]: today},))


def regularizer(name: str, arguments: Any, *, is_old: bool = False) -> Translation | None:
    """A regularizer of Keras 1, whose weights of 0.01 are written out; None where it is today's already.

    Args:
        name: Its name.
        arguments: Its arguments, its lone value, or None.
        is_old: Whether it is known to be Keras 1's, for the argument it stands in is.
    """
    if name in names.REGULARIZER_CLASSES and isinstance(arguments, dict):
        return Translation((part("L1L2", arguments),))
    if name not in names.REGULARIZERS or (not is_old and _is_todays_regularizer(name, arguments)):
        return None
    keys, today = names.REGULARIZERS[name]
    if isinstance(arguments, dict):
        given = {(keys[0] if key == "l" else key): value for key, value in arguments.items()}
    else:
        given = dict(zip(keys, arguments if isinstance(arguments, list) else [arguments], strict=False))
    # A weight left out was 0.01 in Keras 1; L1L2's are 0 today, so that the bare word does nothing.
    filled = {key: 0.01 for key in keys if given.get(key) is None}
    every = {**{key: value for key, value in given.items() if value is not None}, **filled}
    return Translation(({today: every if len(every) > 1 else next(iter(every.values()))},))


def _is_todays_regularizer(name: str, arguments: Any) -> bool:
    if name == "l1l2":
        return isinstance(arguments, dict)
    return name in {"l1", "l2"} and not (isinstance(arguments, dict) and "l" in arguments)


def constraint(name: str, arguments: Any) -> Translation | None:
    """A constraint of Keras 1; None where it is today's already."""
    if name not in names.CONSTRAINTS:
        return None
    today, renamed = names.CONSTRAINTS[name]
    given: dict[str, Any] = arguments if isinstance(arguments, dict) else {}
    if name == today and not set(given) & set(renamed):
        return None
    if arguments is not None and not isinstance(arguments, dict):
        return Translation(({today: arguments},))
    turned: dict[str, Any] = {renamed.get(key, key): value for key, value in given.items()}
    return Translation((part(today, turned) if turned else names.CONSTRAINT_WORDS[today],))


_PARTS: dict[str, Callable[[str, Any], Translation | None]] = {
    "initializers": initializer,
    "regularizers": regularizer,
    "constraints": constraint,
}


def nested(category: str, value: Any) -> Any:
    """A part inside another in today's words, as it was where it is today's already."""
    found = split(value)
    turned = _PARTS[category](*found) if found and category in _PARTS else None
    return turned.parts[0] if turned and turned.parts else value


def old_value(key: str, value: Any, notes: list[str]) -> Any:
    """The value of an argument with an old name, whose today's name is `key`; what has changed goes to `notes`."""
    if key == "data_format":
        return {"tf": "channels_last", "th": "channels_first"}.get(value, value) if isinstance(value, str) else value
    if key == "unit_forget_bias":
        return {"one": True, "zero": False}.get(value, value) if isinstance(value, str) else value
    if key.endswith("_initializer"):
        return _old_initializer(value, notes)
    if key.endswith("_regularizer"):
        note(notes, "val_loss includes the penalty today")
        found = split(value)
        turned = regularizer(*found, is_old=True) if found else None
        return turned.parts[0] if turned else value
    return nested("constraints", value) if key.endswith("_constraint") else value


def note(notes: list[str], text: str) -> None:
    """Add a note once; an empty one says nothing."""
    if text and text not in notes:
        notes.append(text)


def _old_initializer(value: Any, notes: list[str]) -> Any:
    if value == "orthogonal":
        return {"Orthogonal": {"gain": 1.1}}
    if value in ("glorot_normal", "he_normal"):
        note(notes, f"{value} is cut off at two deviations today")
    found = split(value)
    if found and found[0] in names.SCALED and isinstance(found[1], (int, float)):
        value = {found[0]: {"scale": found[1]}}
    return nested("initializers", value)
