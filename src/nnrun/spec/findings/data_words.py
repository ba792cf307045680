"""Check of the words for facts of the data: that the data have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog.kinds import FACTS
from nnrun.spec.finding import Finding
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.errors import Path
    from nnrun.spec.findings.context import CheckContext


def check_data_words(context: CheckContext) -> Iterator[Finding]:
    """Find words such as `$vocabulary` for which these data have no value, wherever a part has them."""
    facts = context.facts
    if facts is None:
        return
    # A stack that is used twice has one place.
    for path, word, target in dict.fromkeys(_words(context)):
        if facts.lacks(word, target):
            known = [f"{one} ({_shown(facts.value(one, target))})" for one in FACTS if facts.value(one, target)]
            text = f"these data have no {word}"
            yield Finding(path, text, f"they have {', '.join(known)}; or write a number", "no-such-fact")


def _shown(value: object) -> str:
    return str(value).replace("None", "null")


def _words(context: CheckContext) -> Iterator[tuple[Path, str, str | None]]:
    """Yield the place of every word, the word, and the target whose facts are meant."""
    graph, training = context.graph, context.training
    for node in graph.nodes:
        yield from _words_in(node.part, graph.target_of(node))
    parts: list[Part | None] = [one.part for one in graph.inputs]
    parts += [*context.experiment.losses.values(), *training.metrics, training.optimizer]
    parts += [metric for one in graph.outputs for metric in one.metrics or ()]
    parts += [*training.augment, *training.callbacks]
    for part in parts:
        if part is not None:
            yield from _words_in(part, None)


def _words_in(part: Part, target: str | None) -> Iterator[tuple[Path, str, str | None]]:
    for key, value in part.arguments.items():
        for path, word in _words_of(value, (*part.path, part.name, key)):
            yield path, word, target


def _words_of(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, Part):
        yield from ((place, word) for place, word, _ in _words_in(value, None))
    elif isinstance(value, list | dict):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _words_of(item, (*path, key))
    elif isinstance(value, str) and value in FACTS:
        yield path, value
