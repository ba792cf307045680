"""Low-rank adaptation: two small trained matrices beside a frozen kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog.shapes.call import count

if TYPE_CHECKING:
    from nnrun.catalog.shapes.call import Call


def with_lora(call: Call, kernel: tuple[int, ...]) -> tuple[int, int]:
    """How many trained and how many frozen parameters a kernel of this shape brings, `lora_rank` considered."""
    rank = call.get("lora_rank")
    if not rank:
        return count(kernel), 0
    return count(kernel[:-1]) * rank + rank * kernel[-1], count(kernel)
