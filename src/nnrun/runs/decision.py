"""`decision.json` of a run folder: how the probabilities of a model become decisions."""

from __future__ import annotations

from os.path import lexists
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.runs.json_files import read_json
from nnrun.runs.schema import fields, finite, mapping, or_null, text, whole

if TYPE_CHECKING:
    from nnrun.runs.folder import RunFolder

_decision = fields(
    {
        "checkpoint": text,
        "temperature": finite(least=0),
        "threshold": or_null(finite(least=0)),
        "positive": or_null(text),
        "rows": whole(),
        "calibration": or_null(mapping),
        "tuning": or_null(mapping),
    },
    required=("checkpoint", "temperature", "threshold"),
)


def read_decision(folder: RunFolder, checkpoint: str) -> dict[str, Any] | None:
    """Read the decision of a model; None where there is none for this checkpoint.

    Raises:
        RunError: It is damaged.
    """
    if not lexists(folder.decision):
        return None
    found: dict[str, Any] = read_json(folder.decision, _decision)
    if not found["temperature"]:
        raise RunError(f"{folder.decision}: temperature: expected more than 0, received 0", f"rm {folder.decision}")
    return found if found["checkpoint"] == checkpoint else None


def write_decision(folder: RunFolder, fields: dict[str, Any]) -> None:
    """Keep the decision of a model; one of another checkpoint is replaced.

    Raises:
        RunError: The disk refuses the file.
    """
    folder.write_json(folder.decision.name, fields)


def describe_decision(decision: dict[str, Any]) -> str:
    """Return what a decision does, as words."""
    words = []
    if decision["temperature"] != 1:
        words.append(f"probabilities at temperature {decision['temperature']:.3g}")
    if decision["threshold"] is not None:
        words.append(f"{decision.get('positive') or 'the second class'} from {decision['threshold']:.3g} on")
    return " and ".join(words)
