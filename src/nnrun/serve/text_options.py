"""The options of a request for a text: their types, their bounds, and how they are described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.serve.refusals import WrongValue, refused_values

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How many characters are written where a request does not say it.
USUAL_LENGTH = 200


@dataclass(frozen=True)
class TextOption:
    """An option of a text.

    Attributes:
        type: Its type in JSON Schema's words.
        about: What it is.
        least: The least value.
        most: The greatest value.
    """

    type: str
    about: str
    least: float = 0
    most: float = 0


_OPTIONS = {
    "seed_text": TextOption("string", "The text to continue."),
    "length": TextOption(
        "integer", f"The number of characters (words, bytes) to generate; default: {USUAL_LENGTH}.", 1
    ),
    "temperature": TextOption(
        "number", "0 takes the most probable character; else draws, below 1 more predictably.", 0, 100
    ),
    "top_k": TextOption("integer", "Draw from so many most probable characters.", 1, 1_000_000),
    "top_p": TextOption("number", "Draw from the most probable characters that reach this probability together.", 0, 1),
    "min_p": TextOption("number", "Draw from characters of at least this share of the highest probability.", 0, 1),
    "repetition_penalty": TextOption("number", "Above 1: characters of the last window become less probable.", 1, 100),
    "random_seed": TextOption("integer", "The seed of the draws: the same seed, the same text.", 0, 2**31 - 1),
    "stop": TextOption("array", "Texts before which the text ends."),
}


def text_options(body: Mapping[str, Any], longest: int) -> dict[str, Any]:
    """Return the options of a text, checked.

    Args:
        body: The body of a request.
        longest: The greatest length of a text.

    Raises:
        RefusedRequestError: One is unknown or wrong.
    """
    wrong = [WrongValue(None, name, "there is no such option") for name in body if name not in _OPTIONS]
    given = {"seed_text": None, "length": min(USUAL_LENGTH, longest), **body}
    for name in [name for name in given if name in _OPTIONS]:
        text = _wrong_value(name, given[name], longest)
        if text:
            wrong.append(WrongValue(None, name, text))
    if wrong:
        raise refused_values(wrong)
    return given


def text_schema(longest: int) -> dict[str, Any]:
    """Return the options as JSON Schema."""
    properties: dict[str, Any] = {}
    for name, option in _OPTIONS.items():
        properties[name] = {"type": option.type, "description": option.about}
        if option.type in ("integer", "number"):
            most = longest if name == "length" else option.most
            properties[name] |= {"minimum": option.least, "maximum": most}
    properties["stop"]["items"] = {"type": "string", "minLength": 1}
    return {"type": "object", "required": ["seed_text"], "properties": properties, "additionalProperties": False}


def _wrong_value(name: str, value: Any, longest: int) -> str:
    """Return what is wrong with the value of an option; empty for nothing."""
    option = _OPTIONS[name]
    if option.type == "string":
        return "" if isinstance(value, str) else "expected a text; it may be empty"
    if option.type == "array":
        is_right = isinstance(value, list) and all(isinstance(one, str) and one for one in value)
        return "" if is_right else "expected a list of texts"
    most = longest if name == "length" else option.most
    allowed = int if option.type == "integer" else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed) or not option.least <= value <= most:
        return f"expected {option.type} from {option.least:g} to {most:g}"
    return ""
