"""Check of preparation steps by their earlier names: the name and the arguments that scikit-learn has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.config.dump import dump_inline
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.spec.findings.context import CheckContext

#: The names of scikit-learn by nnrun's earlier ones.
_NAMES = {
    "Standardize": "StandardScaler",
    "MinMax": "MinMaxScaler",
    "Robust": "RobustScaler",
    "OneHot": "OneHotEncoder",
    "Ordinal": "OrdinalEncoder",
    "Impute": "SimpleImputer",
}


def check_earlier_names(context: CheckContext) -> Iterator[Finding]:
    """Find steps by their earlier names, which stay accepted with the same result."""
    data = context.experiment.data
    for step in (*data.prepare, *data.prepare_target):
        if step.name in _NAMES and step.arguments.get("columns") != "target":
            name, arguments = _NAMES[step.name], _renamed(step.name, step.arguments)
            text = f"{step.name} is the earlier name of scikit-learn's {name}, and stays accepted"
            if arguments is None:
                hint = f"docs/preparation.md has its arguments for {name}"
            else:
                hint = f"write {dump_inline({name: arguments})[1:-1]}" if arguments else f"write {name}"
            yield Finding((*step.path, step.name), text, hint, "earlier-name", "note", at_key=True)


def _renamed(name: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the arguments of a step for its new name; None where they are not the same ones."""
    found = {key: value for key, value in arguments.items() if key in ("columns", "strategy")}
    if "value" in arguments:
        found["fill_value"] = arguments["value"]
    if name == "MinMax" and {"low", "high"} & {*arguments}:
        found["feature_range"] = [arguments.get("low", 0), arguments.get("high", 1)]
    if arguments.get("unseen", "error") != "error" and name == "OneHot":
        found["handle_unknown"] = "ignore"
    elif arguments.get("unseen", "error") != "error" or "order" in arguments:
        return None
    return found
