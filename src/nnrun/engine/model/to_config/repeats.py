"""Layers that stand several times in a row, written once with how often they are repeated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnrun.engine.model.to_config.calls import Ref

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Blocks of more layers than this are not looked for.
_LONGEST_BLOCK = 80


@dataclass(frozen=True)
class WrittenLayer:
    """One layer of the model that is written.

    Attributes:
        index: The number of its call.
        word: The layer, or `use`.
        arguments: Its arguments.
        sources: The tensors that it takes.
        call: Further arguments of its call.
        name: The name to keep; None: Keras may number it.
    """

    index: int
    word: str
    arguments: Mapping[str, Any]
    sources: tuple[Ref, ...]
    call: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None

    def refs(self) -> list[Ref]:
        """Return all tensors that it takes."""
        others = [one for value in self.call.values() for one in (value if isinstance(value, list) else [value])]
        return [*self.sources, *(one for one in others if isinstance(one, Ref))]


@dataclass(frozen=True)
class Block:
    """Items that stand several times in a row, the first time of them.

    Attributes:
        times: How many times.
        items: The first time.
        count: The calls of all times.
    """

    times: int
    items: Sequence[WrittenLayer | Block]
    count: int


def fold(
    items: Sequence[WrittenLayer], users: Mapping[int, Sequence[int]], *, nested: bool = False
) -> list[WrittenLayer | Block]:
    """Fold what repeats itself.

    Args:
        items: Layers one after the other, numbered without gaps.
        users: The calls that take the output of each call, by its number; the outputs of the model are calls after the
            last.
        nested: Whether this is inside of a block, where the name `input` is taken.
    """
    found: list[WrittenLayer | Block] = []
    at = 0
    while at < len(items):
        block = _block(items, at, users, nested=nested)
        if block is None:
            found.append(items[at])
            at += 1
        else:
            found.append(block)
            at += block.count
    return found


def _block(items: Sequence[WrittenLayer], at: int, users: Mapping[int, Sequence[int]], *, nested: bool) -> Block | None:
    """Return the block that begins here and saves the most lines, if there is one."""
    best: tuple[int, int, int] | None = None
    for length in range(1, min(_LONGEST_BLOCK, (len(items) - at) // 2) + 1):
        if nested and any(ref.call < items[at].index - 1 for one in items[at : at + length] for ref in one.refs()):
            continue
        times = _times(items, at, length, users)
        saved = length * (times - 1) - 1
        if times > 1 and saved > 0 and (best is None or saved > best[0]):
            best = saved, length, times
    if best is None:
        return None
    _, length, times = best
    return Block(times, fold(items[at : at + length], users, nested=True), length * times)


def _times(items: Sequence[WrittenLayer], at: int, length: int, users: Mapping[int, Sequence[int]]) -> int:
    """Return how many times a block of this length stands here."""
    first = _normal(items, at, length)
    times = 1
    while first is not None and at + (times + 1) * length <= len(items):
        if _normal(items, at + times * length, length) != first:
            break
        times += 1
    while times > 1 and not _closed(items, at, length, times, users):
        times -= 1
    return times


def _normal(items: Sequence[WrittenLayer], start: int, length: int) -> list[Any] | None:
    """Return a block with tensors named by where they are in it; None where a layer has a name of its own."""
    base = items[start].index

    def place(value: Any) -> Any:
        if isinstance(value, list):
            return [place(one) for one in value]
        if not isinstance(value, Ref):
            return value
        if value.call >= base:
            return ("inside", value.call - base, value.output)
        return ("before", value.output) if value.call == base - 1 else ("outside", value.call, value.output)

    block = items[start : start + length]
    if any(one.name is not None for one in block):
        return None
    return [
        (one.word, one.arguments, [place(ref) for ref in one.sources], {k: place(v) for k, v in one.call.items()})
        for one in block
    ]


def _closed(
    items: Sequence[WrittenLayer], at: int, length: int, times: int, users: Mapping[int, Sequence[int]]
) -> bool:
    """Return whether nothing but the next time takes what is inside of a time."""
    base = items[at].index
    for time in range(times):
        start = base + time * length
        end = start + length
        for call in range(start, end):
            last = call == end - 1
            limit = end + length if last and time < times - 1 else end
            if any(user >= limit for user in users.get(call, ())) and not (last and time == times - 1):
                return False
    # The first time takes the output before it, as all others do.
    refs = [ref for one in items[at : at + length] for ref in one.refs()]
    return base > 0 or all(ref.call >= base or ref == Ref(base - 1) for ref in refs)
