"""Versions of packages that are known to have holes, by published advisories; looked up without importing a package."""

from __future__ import annotations

import re
from importlib import metadata
from typing import NamedTuple


class Hole(NamedTuple):
    """A published hole in a package.

    Attributes:
        package: The package.
        advisory: The advisory.
        what: What an attacker can do, in a phrase.
        fixed: The first version without it.
    """

    package: str
    advisory: str
    what: str
    fixed: str


#: Advisories of Keras, the oldest first; https://github.com/keras-team/keras/security/advisories
HOLES = (
    Hole("keras", "CVE-2025-1550", "a saved model runs code while it is loaded", "3.9.0"),
    Hole("keras", "CVE-2025-8747", "a saved model runs code while it is loaded", "3.11.0"),
    Hole("keras", "CVE-2025-9906", "a saved model switches its own safe mode off", "3.11.0"),
    Hole("keras", "CVE-2025-9905", "safe mode is ignored for .h5 files", "3.11.3"),
    Hole("keras", "CVE-2025-49655", "a saved model runs code while it is loaded", "3.11.3"),
    Hole("keras", "CVE-2025-12058", "a saved model reads files and addresses while it is loaded", "3.12.0"),
    Hole("keras", "CVE-2025-12060", "an archive that is downloaded writes outside of its folder", "3.12.0"),
    Hole("keras", "CVE-2026-0897", "a weights file takes all memory", "3.13.2"),
    Hole("keras", "CVE-2026-1462", "a saved model with TFSMLayer runs code", "3.13.2"),
    Hole("keras", "CVE-2026-1669", "a weights file reads other files", "3.13.2"),
    Hole("keras", "GHSA-hqp4-2352-xf5r", "an archive writes outside of its folder", "3.14.0"),
    Hole("keras", "CVE-2026-12479", "a saved model writes outside of its folder", "3.15.1"),
)
#: What nnrun needs: a package, the first version, and the first that is too new (None: there is no limit).
NEEDED = (("keras", "3.15.1", "3.16"), ("tensorflow", "2.21", None), ("numpy", "1.26", None))


def installed(package: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    names = (package, "tensorflow-cpu") if package == "tensorflow" else (package,)
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def is_before(version: str, other: str) -> bool:
    """Return whether a version is before another one, by its numbers: 3.9.2 is before 3.13."""
    return _numbers(version) < _numbers(other)


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(one) for one in release[0].split(".")] if release else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def holes_in(package: str, version: str) -> list[Hole]:
    """Return the known holes of a version."""
    return [hole for hole in HOLES if hole.package == package and is_before(version, hole.fixed)]
