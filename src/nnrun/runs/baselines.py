"""`baselines.json` of a run folder: what simple models reach on the same rows, and how the run compares."""

from __future__ import annotations

from os.path import lexists
from typing import TYPE_CHECKING, Any

from nnrun.runs.json_files import as_number, read_json
from nnrun.runs.schema import fields, figure, list_of, mapping_of, or_null, text, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.runs.folder import RunFolder

#: The score that says which model is better, by task; the smaller, the better.
DECIDING = {"classification": "error_percent", "regression": "root_mean_squared_error"}

_baseline = fields(
    {
        "name": text,
        "model": text,
        "scores": fields({"interval": text, "error_percent_interval_95": list_of(figure, length=2)}, others=figure),
        "sd": mapping_of(figure),
        "seconds": figure,
    },
    required=("name", "model", "scores"),
)
_baselines = fields(
    {
        "task": text,
        "part": text,
        "rows": mapping_of(or_null(whole())),
        "baselines": list_of(_baseline, least=1),
        "notes": list_of(text),
    },
    required=("task", "part", "rows", "baselines"),
)


def read_baselines_if_any(folder: RunFolder) -> dict[str, Any]:
    """Read the baselines of a run; empty where there are none.

    Raises:
        RunError: They are damaged.
    """
    return read_json(folder.baselines, _baselines) if lexists(folder.baselines) else {}


def own_scores(baselines: Mapping[str, Any], scores: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the scores of a run on the part that its baselines are scored on; over folds their means.

    Args:
        baselines: The baselines, as in `baselines.json`.
        scores: The run's `scores.json`.
    """
    part = scores.get("cross_validation") if baselines["part"] == "folds" else scores.get(baselines["part"])
    found = part if isinstance(part, dict) else {}
    means = found.get("mean") if baselines["part"] == "folds" else found
    return means if isinstance(means, dict) else {}


def below_baseline(baselines: Mapping[str, Any], scores: Mapping[str, Any]) -> str | None:
    """Return a warning where a run is no better than the best of its baselines; None where it is, or is not known.

    The arguments are those of `own_scores`.
    """
    name = DECIDING.get(baselines["task"], "")
    value = as_number(own_scores(baselines, scores).get(name))
    known = [one for one in baselines["baselines"] if as_number(one["scores"].get(name)) is not None]
    if value is None or not known:
        return None
    best = min(known, key=lambda one: float(one["scores"][name]))
    if value < best["scores"][name]:
        return None
    unit, what = (" %", "error") if name == "error_percent" else ("", "root mean squared error")
    reached, model = best["scores"][name], best["model"]
    whose = f" (scikit-learn's {model})" if model else ""
    return (
        f"The network's {what} of {value:.4g}{unit} is not below that of {best['name']} on the same rows: "
        f"{reached:.4g}{unit}{whose}."
    )
