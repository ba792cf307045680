"""What a fork changes of its parent: which keys of the config may change, and what begins afresh because of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nnrun.config.dump import dump_inline
from nnrun.errors import RunError
from nnrun.pipeline.circumstances import config_differences, differences, is_below, is_free

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.engine.state.forking import Changes
    from nnrun.engine.state.state_file import State
    from nnrun.pipeline.check import Examined
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.spec.part import Part

#: What may begin afresh, in `lineage.afresh` of a record; all other words there are classes of callbacks.
OPTIMIZER, BEST = "optimizer", "best model"
#: With these keys the figures of later epochs are of other rows or another loss: no best one so far can be compared.
_FIGURES = ("data", "seed", "training.loss", "model.outputs")
#: What may change where the state lies within an epoch, in addition to what may change in any run.
_WITHIN_EPOCH = tuple(f"training.{key}" for key in ("optimizer", "learning_rate", "callbacks", "best", "samples"))
#: Keras' callbacks that remember the best value of a figure.
_WATCHERS = ("EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint")
_LEARNING_RATE = re.compile(r"training\.optimizer\.\w+\.learning_rate(\..*)?")
_OPTIMIZER = re.compile(r"training\.optimizer(\.\w+)?")
#: The circumstances that follow from keys of the config, and are no surprise where these change.
_FOLLOWS = {
    "data": ("data", "seed"),
    "backend": ("backend",),
    "executor": ("training", "model", "backend", "precision"),
}


def make_lineage(
    parent: RunFolder, state: State, before: Examined, now: Examined, resolved: Sequence[Any]
) -> dict[str, Any]:
    """Return the lineage of a child for its record.

    Args:
        parent: The run that is forked.
        state: The state with which the child begins.
        before: The parent's config.
        now: The child's config.
        resolved: Both configs, resolved.

    Raises:
        RunError: What changes cannot change in a fork.
    """
    changed = {key: (one, other) for key, one, other in config_differences(*resolved)}
    position = state.document["position"]
    _require_same_weights(parent, before, now)
    _require_possible(parent, position, changed, now)
    texts = {key: {"before": _text(one), "now": _text(other)} for key, (one, other) in changed.items()}
    return {
        "run": parent.id,
        "folder": str(parent.path.resolve()),
        "epoch": position["epoch"],
        "step": position["step"],
        "sha256": state.sha256,
        "changed": texts,
        "afresh": _afresh(changed, before, now),
    }


def is_of_parent(fields: Mapping[str, Any], sha256: str) -> bool:
    """Return whether a state is that of a run's parent, by its digest."""
    return bool(fields.get("lineage", {}).get("sha256") == sha256)


def changed_keys(fields: Mapping[str, Any]) -> list[str]:
    """Return the keys that a run has changed of its parent's config."""
    return list(fields["lineage"]["changed"])


def changes_of(fields: Mapping[str, Any], progress: Progress) -> Changes:
    """Return what a run changes of its parent's training."""
    from nnrun.engine.state.forking import Changes

    keys, afresh = changed_keys(fields), fields["lineage"]["afresh"]
    return Changes(
        parent=fields["lineage"]["run"],
        optimizer=OPTIMIZER in afresh,
        learning_rate=any(_LEARNING_RATE.fullmatch(key) for key in keys),
        callbacks=any(is_below(key, "training.callbacks") for key in keys),
        restarted=frozenset(afresh) - {OPTIMIZER, BEST},
        best=BEST in afresh,
        say=progress.say,
    )


def warn_of_differences(
    before: Mapping[str, Any], now: Mapping[str, Any], changed: Sequence[str], progress: Progress
) -> None:
    """Warn of circumstances that are others than the parent's, except where the config has changed them."""
    expected = {name for name, keys in _FOLLOWS.items() for key in keys for one in changed if is_below(one, key)}
    kept = {name: value for name, value in now.items() if name not in {*expected, "epochs"}}
    for one in differences(before, kept):
        progress.warn(f"Since the parent's state was saved this differs: {one}.")


def _text(value: Any) -> str:
    return "nothing" if value is None else dump_inline(value)


def _require_same_weights(parent: RunFolder, before: Examined, now: Examined) -> None:
    """Refuse another model before a folder is made; what is undecided here is compared when it is built."""
    one, other = _weights(before), _weights(now)
    if one is None or other is None or [size for _, size in one] == [size for _, size in other]:
        return
    at = next((index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0][1] != pair[1][1]), None)
    if at is None:
        differs = f"it has {len(other)} layers with weights, and the parent {len(one)}"
    else:
        differs = f"{other[at][0]} has {other[at][1]:,} weights, and in the parent {one[at][0]} has {one[at][1]:,}"
    text = f"a fork goes on with its parent's weights, and this is another model: {differs}"
    raise RunError(text, f"begin a run with the weights that fit: init_from: {{run: {parent.short_id}}}")


def _weights(examined: Examined) -> list[tuple[str, int]] | None:
    rows = [row for row in examined.context.rows if row.used and row.first]
    if any(row.parameters is None for row in rows):
        return None
    return [(row.name, row.parameters) for row in rows if row.parameters]


def _require_possible(
    parent: RunFolder, position: Mapping[str, Any], changed: Mapping[str, Any], now: Examined
) -> None:
    """Refuse fewer epochs than the state has, and within an epoch what changes the epoch itself.

    Raises:
        RunError: One of them is the case.
    """
    epoch, step, epochs = position["epoch"], position["step"], now.experiment.training.epochs
    if epochs < epoch + bool(step):
        text = f"the state of {parent.short_id} is after epoch {epoch}, and training.epochs is {epochs}"
        raise RunError(text, f"write more: --set training.epochs={2 * epoch + 1}")
    within = [key for key in changed if not is_free(key) and not any(is_below(key, one) for one in _WITHIN_EPOCH)]
    if step and within:
        text = f"the state of {parent.short_id} is within epoch {epoch + 1}, after step {step}"
        hint = f"nnrun resume {parent.short_id}, or begin at an epoch whose state was kept: --at-epoch {epoch}"
        raise RunError(f"{text}: {within[0]} can change only between two epochs", hint)


def _afresh(changed: Mapping[str, Any], before: Examined, now: Examined) -> list[str]:
    """Return what begins afresh in a child: a memory of figures that cannot be compared with its own is none."""
    from nnrun.engine.training.callbacks import best_epoch_rule

    found = [OPTIMIZER] if any(_OPTIMIZER.fullmatch(key) for key in changed) else []
    others = any(is_below(key, one) for key in changed for one in _FIGURES)
    if others or best_epoch_rule(before.experiment, has_validation=True) != best_epoch_rule(
        now.experiment, has_validation=True
    ):
        found.append(BEST)
    one, other = _watching(before.experiment.training.callbacks), _watching(now.experiment.training.callbacks)
    names = [name for name in other if others or (name in one and one[name] != other[name])]
    return [*found, *names]


def _watching(callbacks: Sequence[Part]) -> dict[str, list[tuple[Any, Any]]]:
    """Return which figures the callbacks of each class watch, and which direction is the better one."""
    found: dict[str, list[tuple[Any, Any]]] = {}
    for part in callbacks:
        if part.name in _WATCHERS:
            watched = part.arguments.get("monitor", "val_loss"), part.arguments.get("mode", "auto")
            found.setdefault(part.name, []).append(watched)
    return found
