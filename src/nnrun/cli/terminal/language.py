"""The language of the screen: English, or the one that the environment variable NNRUN_LANG names.

Everything else is English whatever it names: JSON documents, logs, run folders, exceptions of the Python API.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nnrun.errors import RunError

if TYPE_CHECKING:
    from nnrun.cli.terminal.translations import Translations

VARIABLE = "NNRUN_LANG"
_ENGLISH = "en"
#: The languages by their codes in ISO 639-1.
LANGUAGES = {_ENGLISH: "English", "es": "español"}


def check_language() -> None:
    """Refuse a language that nnrun does not speak.

    Raises:
        RunError: NNRUN_LANG names another one.
    """
    word = os.environ.get(VARIABLE, "")
    if word and _code(word) not in LANGUAGES:
        known = ", ".join(f"{code} ({name})" for code, name in LANGUAGES.items())
        raise RunError(f"{VARIABLE} expected one of {known}, received '{word}'", f"export {VARIABLE}=es")


def translated(text: str) -> str:
    """Return a text in the language of the screen, as far as its messages are known; names in it stay."""
    translations = _translations()
    return text if translations is None else translations.text(text)


def translated_help(text: str) -> str:
    """Return the help of a command in the language of the screen."""
    translations = _translations()
    return text if translations is None else translations.help(text)


def label(word: str) -> str:
    """Return a heading, a term or a unit in the language of the screen."""
    translations = _translations()
    return word if translations is None else translations.label(word)


def is_english() -> bool:
    """Return whether the screen is in English."""
    return _translations() is None


def _code(word: str) -> str:
    """Return the language of a locale's name such as `es_ES.UTF-8`."""
    return re.split(r"[_.@-]", word)[0].lower()


def _translations() -> Translations | None:
    """Return the translations of the language of the screen; None for English."""
    word = os.environ.get(VARIABLE)
    if not word or (code := _code(word)) == _ENGLISH or code not in LANGUAGES:
        return None
    return _load(code)


@cache
def _load(code: str) -> Translations:
    from nnrun.cli.terminal.translations import Translations

    return Translations(Path(__file__).parents[2] / "locale" / code / "LC_MESSAGES" / "nnrun.mo")
