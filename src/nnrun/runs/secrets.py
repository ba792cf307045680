"""Secrets in texts that a run keeps: values that look like passwords, keys or tokens are left out."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

#: Stands for a value that is left out.
LEFT_OUT = "[left out]"
#: Files that usually hold secrets, as patterns for a name or for a path with its folder, in lower case.
_FILES = (
    *(".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".npmrc", ".pypirc", ".git-credentials", ".htpasswd"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.asc", "*.gpg", "*.tfvars"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*credential*", "*secret*", "*password*", "kaggle.json"),
    *("*service-account*", "*service_account*", ".aws/*", ".ssh/*", ".kube/*", ".docker/*", ".streamlit/secrets*"),
)
#: Names whose values are secrets. `tokens` and `max_tokens` are words of text models, and `token` alone may be.
_SURE = r"pass(?:word|wd|phrase)|secret|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?token|access[_-]?token"
_SURE_KEY = rf"(?:{_SURE}|authorization|credentials?|(?<![A-Za-z])pwd)"
_SECRET_NAME = re.compile(rf"{_SURE_KEY}(?:[_-]?\d+)?$|(?<![A-Za-z])token$|secret|passw", re.IGNORECASE)
_BETWEEN = r"[\"']?[ \t]{0,8}[:=][ \t]{0,8}"
_QUOTED = r"(?:\"[^\"\n]{4,}\"|'[^'\n]{4,}')"
#: A value without quotes that is no call and no list.
_BARE = r"(?:(?:Bearer|Basic)[ \t]+)?[^\s\"'(){}\[\],;#<>]{6,}+(?![(\[])"
_SURE_VALUE = re.compile(rf"({_SURE_KEY}{_BETWEEN})({_QUOTED}|{_BARE})", re.IGNORECASE)
#: `token: x` is a secret where it is quoted, or long and has digits.
_TOKEN_VALUE = re.compile(
    rf"((?<![A-Za-z])token{_BETWEEN})(\"[^\"\s]{{8,}}\"|'[^'\s]{{8,}}'|(?=[\w.+/=-]{{0,200}}\d)[\w.+/=-]{{16,}})",
    re.IGNORECASE,
)
#: What is a secret by its form, whatever stands before it: keys of usual services, JSON web tokens, private keys,
#: the name and password of an address, and signatures in one.
_BY_FORM = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|xox[abeprs]-[\w-]{10,}|sk-[\w-]{20,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{35}|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{4,})"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)"
    r"|(?<=://)[^\s/:@\"']{0,200}:[^\s/@\"']{1,200}(?=@)"
    r"|(?<=[?&])(?:key|sig|signature|x-amz-signature|token|access_token|api_key)=[^&\s\"']{6,}",
    re.IGNORECASE,
)
#: Shorter values of the environment are too likely to stand in a text by chance.
_SHORTEST = 8


#: Secrets of the command line of this process.
_given: set[str] = set()


def leave_out_values(values: Iterable[str]) -> None:
    """Let `without_secrets` leave these values out from now on, as those of the environment's secret variables."""
    _given.update(value for value in values if len(value) >= _SHORTEST)


def has_secret_name(name: str) -> bool:
    """Return whether the value of a key or option of this name is a secret."""
    return _SECRET_NAME.search(name.strip()) is not None


def find_by_form(text: str) -> list[str]:
    """Return the parts of a text that are secrets by their form, or are values of secret variables."""
    return [found.group() for found in _BY_FORM.finditer(text)] + [one for one in _known_values() if one in text]


def is_secret_file(path: str) -> bool:
    """Return whether a file usually holds secrets, by its path with `/` between folders."""
    lower = path.lower()
    name = lower.rpartition("/")[2]
    return any(fnmatch(name, one) or fnmatch(lower, f"*{one}" if "/" in one else one) for one in _FILES)


def without_secrets(text: str) -> tuple[str, int]:
    """Return a text in which what looks like a secret is left out, and how many values were.

    Left out are values of names such as `password`, keys and tokens of usual forms, names and passwords in addresses,
    the value of each variable of the environment whose name is that of a secret, and those of `leave_out_values`.
    """
    count = 0
    for value in _known_values():
        count += text.count(value)
        text = text.replace(value, LEFT_OUT)
    for pattern, kept in ((_BY_FORM, ""), (_SURE_VALUE, r"\1"), (_TOKEN_VALUE, r"\1")):
        text, found = pattern.subn(f"{kept}{LEFT_OUT}", text)
        count += found
    return text, count


def arguments_without_secrets(words: Sequence[str]) -> list[str]:
    """Return a command line in which what looks like a secret is left out.

    Left out is the value of an option or of a `--set` key whose name is that of a secret, and what `without_secrets`
    leaves out of each word.
    """
    kept: list[str] = []
    is_value = False
    for word in words:
        name, equals, value = _split_option(word)
        is_secret = has_secret_name(name)
        if is_value or (equals and value and is_secret):
            kept.append(LEFT_OUT if is_value else f"{name}={LEFT_OUT}")
        else:
            kept.append(without_secrets(word)[0])
        is_value = not equals and word.startswith("-") and is_secret
    return kept


def _split_option(word: str) -> tuple[str, str, str]:
    """Split `key=value` and `--option=value`, and `--set=key=value` at its second sign."""
    option, equals, rest = word.partition("=")
    if option.startswith("-") and "=" in rest:
        key, _, value = rest.partition("=")
        return f"{option}={key}", "=", value
    return option, equals, rest


def _known_values() -> Iterator[str]:
    """Yield the values of secret variables and of the command line, the longest first: one may contain another."""
    found = _given | {
        value for name, value in os.environ.items() if len(value) >= _SHORTEST and _SECRET_NAME.search(name)
    }
    yield from sorted(found, key=lambda value: (-len(value), value))
