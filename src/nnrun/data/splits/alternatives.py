"""Other splits than that of a config, as lines to write."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.spec.data import Split


def other_splits(split: Split | None, fewest: int = 0) -> Iterator[tuple[Split, str]]:
    """Yield splits that distribute classes better than `split`, the most similar first, each as a line to write.

    Args:
        split: The config's split.
        fewest: The number of rows of the rarest class that has to be in every fold; 0 where no class has to be.
    """
    if split is None or split.forward is not None:
        return
    if split.k_fold is None:
        changes: list[dict[str, Any]] = [{"shuffle": True}, {"stratify": True}]
        for change in changes:
            changed = replace(split, **{"shuffle": True, **change})
            if changed != split:
                yield changed, format_split(changed, change)
        return
    k_fold = split.k_fold
    inner: list[dict[str, Any]] = [{"shuffle": True}, {"stratify": True}, {"shuffle": True, "stratify": True}]
    if 2 <= fewest < k_fold.folds:
        inner.append({"folds": fewest, "stratify": True})
    validated = isinstance(split.validation, float)
    outers: list[dict[str, Any]] = [{}, {"shuffle": True, "stratify": True}] if validated else [{}]
    for outer in outers:
        for change in ({}, *inner):
            changed = replace(split, k_fold=replace(k_fold, **change), **outer)
            if changed != split:
                yield changed, format_split(changed, dict.fromkeys(outer, True), change)


def format_split(split: Split, stated: Mapping[str, Any], stated_in_folds: Mapping[str, Any] | None = None) -> str:
    """Return a split as a line of a config: what differs from the default, and what is stated.

    Args:
        split: The split.
        stated: Keys to write in any case.
        stated_in_folds: Keys to write inside `k_fold` in any case.
    """
    items = []
    for section, given in ((split.k_fold, stated_in_folds or {}), (split, stated)):
        if section is None:
            continue
        default = type(section)()
        names = [name for name in section.known_keys() if name != "k_fold"]
        written = [name for name in names if name in given or getattr(section, name) != getattr(default, name)]
        fields = [f"{name}: {_scalar(getattr(section, name))}" for name in written]
        if section is split.k_fold:
            items.append(f"k_fold: {{{', '.join(fields)}}}")
        else:
            items = [*fields, *items]
    return f"`split: {{{', '.join(items)}}}`"


def _scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
