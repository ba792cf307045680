"""What XLA gains and costs on a machine: measured once by `nnrun calibrate`, else low estimates of the sweep."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any

from nnrun.cores import usable_cores
from nnrun.errors import RunError

#: Names a profile other than the user's own; empty: none is used.
VARIABLE = "NNRUN_PROFILE"
_FORMAT = 1


@dataclass(frozen=True)
class Costs:
    """What the rule of XLA weighs.

    Attributes:
        layer: Microseconds that XLA saves a step for each layer with weights.
        weight: Microseconds that it saves a step for each weight that the optimizer moves.
        time: Microseconds that it saves a step for each time step of a recurrent layer.
        compiling: Seconds that compiling takes longer with XLA, at least.
        recurrent: Seconds more for each recurrent layer.
    """

    layer: float = 40.0
    weight: float = 0.0005
    time: float = 40.0
    compiling: float = 0.5
    recurrent: float = 1.5


@dataclass(frozen=True)
class Profile:
    """What was measured on a machine.

    Attributes:
        costs: What the rule weighs.
        bfloat16: How many times as fast a step is with `mixed_bfloat16`, by the kind of model; nothing chooses by it.
        machine: The processor, the cores and the TensorFlow it holds for.
        measured: When, in UTC.
    """

    costs: Costs
    bfloat16: dict[str, float]
    machine: dict[str, Any]
    measured: str

    @property
    def digest(self) -> str:
        """Eight letters of the digest of what the rule weighs: the same profile decides alike."""
        return hashlib.sha256(json.dumps(asdict(self.costs), sort_keys=True).encode()).hexdigest()[:8]

    def as_json(self) -> dict[str, Any]:
        """Plain data, as the file holds it."""
        return {"format": _FORMAT, **asdict(self)}


def place() -> Path | None:
    """Give the file of the profile that runs use; None where the variable says that none is used."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named).expanduser() if named else None
    from platformdirs import user_config_path

    return user_config_path("nnrun", appauthor=False) / "profile.json"


def read(file: Path) -> Profile | None:
    """Read a profile; None where there is no such file.

    Raises:
        RunError: The file cannot be read, or is no profile of this version.
    """
    hint = f"nnrun calibrate --profile {file}"
    try:
        held = json.loads(file.read_bytes())
        if held["format"] != _FORMAT:
            raise RunError(f"{file}: expected a profile of format {_FORMAT}, received {held['format']}", hint)
        costs = Costs(**{one.name: _number(held["costs"][one.name]) for one in fields(Costs)})
        return Profile(costs, dict(held["bfloat16"]), dict(held["machine"]), str(held["measured"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{file}: cannot read this profile: {error.strerror}", hint) from error
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file}: expected a profile of nnrun's, received {error!r}", hint) from error


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ValueError(value)
    return float(value)


def machine() -> dict[str, Any]:
    """Tell what a profile holds for: the kind of processor, the cores that may be used, and the TensorFlow."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": usable_cores(),
        "tensorflow": metadata.version("tensorflow"),
    }


def costs_here() -> tuple[Costs, str]:
    """Give what the rule weighs on this machine, and where it is from, for the record.

    Raises:
        RunError: There is a profile that cannot be read.
    """
    file = place()
    profile = None if file is None else read(file)
    if profile is None:
        return Costs(), "built-in estimates"
    if profile.machine != machine():
        return Costs(), f"built-in estimates: profile {profile.digest} is of other cores or another TensorFlow"
    return profile.costs, f"profile {profile.digest}"
