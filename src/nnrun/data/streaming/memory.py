"""When examples stay on disk, and by which steps they can then be prepared; what `check` asks too, without NumPy."""

from __future__ import annotations

from nnrun.data.prepare.categories import Hash, OneHot, Ordinal
from nnrun.data.prepare.impute import Impute
from nnrun.data.prepare.scaling import Clip, Log, MinMax, Rescale, Robust, Standardize
from nnrun.data.prepare.shapes import Reshape

#: The memory that a source's examples may take before they stream by themselves, in GB.
DEFAULT_MEMORY_GB = 2.0
#: Steps that learn nothing of the examples.
LEARNING_NOTHING = (Rescale, Reshape, Hash, Clip)
#: Steps that look at one column after another.
BY_COLUMN = (OneHot, Ordinal, Impute)
#: What a stream can be prepared by.
STREAMED = (*LEARNING_NOTHING, *BY_COLUMN, Log, MinMax, Robust, Standardize)


def should_stream(stream: bool | None, needed: float, memory: float) -> bool:
    """Whether a source streams: as the config says, else where its arrays would need more than its memory.

    Args:
        stream: What the config says; None leaves it to the sizes.
        needed: The bytes that its arrays would need.
        memory: What the config allows, in GB.
    """
    return needed > memory * 1e9 if stream is None else stream


def check_memory_limit(source: str, memory: float) -> None:
    """Refuse a memory that holds nothing.

    Raises:
        ValueError: It is not above 0.
    """
    if memory <= 0:
        raise ValueError(f"{source}: memory expected a number of GB above 0, received {memory:g}")


def refusal(step: object, *, table: bool) -> str | None:
    """Why a step cannot prepare a stream, of a table or of pictures; None where it can."""
    if isinstance(step, Robust) and not table:
        return "Robust needs every value of a number at once, which a stream has of tables alone"
    if isinstance(step, STREAMED):
        return None
    names = ", ".join(sorted(kind.__name__ for kind in STREAMED))
    return f"{type(step).__name__} needs all examples at once, but these stream; a stream takes {names}"
