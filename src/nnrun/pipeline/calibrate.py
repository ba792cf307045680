"""Measuring a machine once, and what becomes of it: a profile that the choice of XLA goes by."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.engine.executors.xla_rule import Profile


def place_of(asked: Path | None) -> Path:
    """Find the file of the profile.

    Args:
        asked: The file that the user named; None: the one that runs use.

    Raises:
        RunError: The variable says that no profile is used.
    """
    from nnrun.engine.executors.xla_rule import VARIABLE, place

    found = asked or place()
    if found is None:
        raise RunError(f"{VARIABLE} is empty, so that runs use no profile", "nnrun calibrate --profile FILE")
    return found


def calibrate(file: Path, tell: Callable[[str], None]) -> Profile:
    """Measure this machine and keep the profile in `file`.

    Raises:
        RunError: The disk refuses.
    """
    from nnrun.engine.backend.redirect_output import quiet
    from nnrun.engine.calibrate import calibrate as measure
    from nnrun.runs.disk import make_folder, write_file

    make_folder(file.parent)
    with quiet(Path(os.devnull)):
        profile = measure(tell)
    write_file(file, (json.dumps(profile.as_json(), indent=1) + "\n").encode())
    return profile


def known(file: Path) -> Profile:
    """Read the profile.

    Raises:
        RunError: There is none, or it cannot be read.
    """
    from nnrun.engine.executors.xla_rule import read

    profile = read(file)
    if profile is None:
        raise RunError(f"{file}: there is no profile yet", "nnrun calibrate")
    return profile


def forget(file: Path) -> bool:
    """Remove the profile; gives whether there was one.

    Raises:
        RunError: The disk refuses.
    """
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise RunError(f"{file}: cannot remove this profile: {error.strerror}", "remove it by hand") from error
    return True
