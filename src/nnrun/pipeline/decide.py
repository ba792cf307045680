"""Choose, on the validation part, how the probabilities of a finished run become decisions; `predict` then uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.pipeline.evaluate import load_session, open_run_with_code, parts_of
from nnrun.runs.decision import read_decision, write_decision

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.engine.scoring.decision import Goal
    from nnrun.pipeline.evaluate import EvaluateRequest, LoadedRun
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder


@dataclass(frozen=True)
class DecisionResult:
    """What was chosen.

    Attributes:
        folder: The run's folder.
        decision: What `decision.json` holds.
        parts: What it does, by part: the validation part that it is chosen on, and the test part if there is one.
        notes: What to know about it.
    """

    folder: RunFolder
    decision: dict[str, Any]
    parts: dict[str, dict[str, Any]]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints, after the fields of the run."""
        return {"decision": self.decision, "parts": self.parts, "notes": list(self.notes)}


#: Below this many rows of the rarer class a threshold is mostly chance, and the result says so.
_FEW_ROWS = 50


def calibrate(request: EvaluateRequest, progress: Progress) -> DecisionResult:
    """Choose the temperature with the least log loss on the validation part; a threshold is chosen again with it.

    Raises:
        RunError: The run has no validation part, or its outputs are no probabilities of classes.
        DataError: Its data cannot be used.
    """
    from nnrun.engine.scoring.decision import HIGHEST, LOWEST, at_temperature, calibration, fit_temperature

    with open_run_with_code(request) as loaded:
        known = _validated_parts(loaded, request, progress)
    before = {name: calibration(probabilities, truth) for name, (probabilities, truth) in known.items()}
    temperature = fit_temperature(*known["validation"])
    after = {name: calibration(at_temperature(one, temperature), truth) for name, (one, truth) in known.items()}
    parts = {name: {"rows": len(known[name][1]), "before": before[name], "after": after[name]} for name in known}
    notes = []
    if not LOWEST * 1.01 < temperature < HIGHEST / 1.01:
        notes.append(f"the temperature is at the edge of what is tried ({LOWEST:g} to {HIGHEST:g}): no calibration")
    if "test" in after and after["test"]["log_loss"] > before["test"]["log_loss"]:
        notes.append(
            "on the test part the log loss is no better: the validation part may be too small, or another kind of data"
        )
    decision = _decision(loaded, request) | {"temperature": temperature, "calibration": parts}
    if decision["tuning"] is not None:
        goal = _goal_of(decision["tuning"]["goal"])
        decision |= _tuned(known, goal, temperature)
        notes.append("the threshold is chosen again, with the same goal")
    decision["rows"] = len(known["validation"][1])
    write_decision(loaded.model, decision)
    return DecisionResult(loaded.folder, decision, parts, tuple(notes))


def tune_threshold(request: EvaluateRequest, goal: Goal, progress: Progress) -> DecisionResult:
    """Choose the probability from which on the second of two classes is predicted.

    Raises:
        RunError: The run has no validation part, or its outputs are no probabilities of two classes.
        DataError: Its data cannot be used.
    """
    with open_run_with_code(request) as loaded:
        known = _validated_parts(loaded, request, progress)
    classes = known["validation"][0].shape[1]
    if classes != 2:
        raise RunError(
            f"{loaded.folder.id} has {classes} classes; a threshold tells two apart", "nnrun calibrate-probabilities"
        )
    decision = _decision(loaded, request)
    decision |= _tuned(known, goal, decision["temperature"])
    names = loaded.facts.class_names
    decision["positive"] = names[1] if len(names) == 2 else None
    decision["rows"] = len(known["validation"][1])
    rarer = int(min((known["validation"][1] == 1).sum(), (known["validation"][1] == 0).sum()))
    notes = []
    if rarer < _FEW_ROWS:
        notes.append(
            f"the rarer class has {rarer} rows of the validation part: another part would give another threshold"
        )
    test = decision["tuning"]["parts"].get("test")
    if test is not None and test["interval_95"][0] <= 0 <= test["interval_95"][1]:
        notes.append("on the test part the difference to .5 is no more than chance would make")
    write_decision(loaded.model, decision)
    return DecisionResult(loaded.folder, decision, decision["tuning"]["parts"], tuple(notes))


def remove_decision(request: EvaluateRequest) -> RunFolder:
    """Let `predict` decide as the model does.

    Raises:
        RunError: The run has no decision.
    """
    with open_run_with_code(request) as loaded:
        pass
    try:
        loaded.model.decision.unlink()
    except FileNotFoundError:
        raise RunError(f"{loaded.folder.id} has no threshold or temperature", "nnrun tune-threshold") from None
    return loaded.folder


def _decision(loaded: LoadedRun, request: EvaluateRequest) -> dict[str, Any]:
    """Return the decision of the model so far; that of another checkpoint counts no more."""
    new = {"checkpoint": request.checkpoint, "temperature": 1.0, "threshold": None, "positive": None, "rows": 0}
    return new | {"calibration": None, "tuning": None} | (read_decision(loaded.model, request.checkpoint) or {})


def _validated_parts(
    loaded: LoadedRun, request: EvaluateRequest, progress: Progress
) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """Return probabilities and true classes of the validation part and, if there is one, the test part.

    Raises:
        RunError: There is no validation part, or the outputs are no probabilities of classes.
    """
    from nnrun.engine.scoring.decision import probabilities_of

    if request.checkpoint not in ("last", "best"):
        raise RunError("a decision is kept for the last or the best model of a run", "--checkpoint last")
    if "validation" not in loaded.facts.rows:
        text = f"{loaded.folder.id} has no validation part, and what is chosen on the test part says nothing about it"
        raise RunError(text, "train with data: split: {validation: 0.2}")
    found: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {}
    with load_session(loaded, request.checkpoint) as session:
        parts = parts_of(loaded, progress)
        for name in ("validation", "test"):
            if name not in parts:
                continue
            (one, *others) = session.evaluate(parts[name], detailed=False).predictions
            (loss, *_) = loaded.experiment.losses.values()
            probabilities = None if others else probabilities_of(one, loss)
            if probabilities is None or one.truth is None:
                text = f"the outputs of {loaded.folder.id} are no probabilities of one class of several for each row"
                raise RunError(text, "thresholds and temperatures are for classifiers with one output")
            found[name] = (probabilities, one.truth.reshape(-1))
    return found


def _tuned(known: dict[str, tuple[NDArray[Any], NDArray[Any]]], goal: Goal, temperature: float) -> dict[str, Any]:
    """Return the fields of a decision that a threshold gives."""
    from nnrun.engine.scoring.decision import at_temperature, best_threshold, counts, gain_interval

    positive = {name: (at_temperature(one, temperature)[:, 1], truth) for name, (one, truth) in known.items()}
    threshold = best_threshold(*positive["validation"], goal)
    parts = {}
    for name, (one, truth) in positive.items():
        tables = {"at_half": counts(one, truth, 0.5), "at_threshold": counts(one, truth, threshold)}
        values = {
            f"{goal.name}_{key}": float(goal.value(*(table[n] for n in ("tp", "fp", "fn", "tn"))))
            for key, table in tables.items()
        }
        interval = list(gain_interval(one, truth, goal, (0.5, threshold)))
        parts[name] = {"rows": len(truth), **values, "interval_95": interval, **tables}
    about = {"name": goal.name, "false_positive": goal.false_positive, "false_negative": goal.false_negative}
    return {"threshold": threshold, "tuning": {"goal": about, "parts": parts}}


def _goal_of(fields: dict[str, Any]) -> Goal:
    from nnrun.engine.scoring.decision import Goal

    return Goal(fields["name"], fields["false_positive"], fields["false_negative"])
