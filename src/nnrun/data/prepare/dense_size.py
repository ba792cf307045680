"""Whether a table of mostly zeros (counts of words, categories) fits into memory as an array."""

from __future__ import annotations

from nnrun.formatting import format_bytes

#: A dense result may take this share of the free memory.
_SHARE_OF_MEMORY = 0.5


class TooLargeError(ValueError):
    """A result that would take too much memory as an array."""


def check_dense_size(name: str, rows: int, columns: int, arguments: str) -> None:
    """Refuse a float32 array that would take more than half of the free memory.

    Args:
        name: The step that makes it.
        rows: Its rows.
        columns: Its columns.
        arguments: The arguments that make it smaller, in words.

    Raises:
        TooLargeError: It is too large.
    """
    import psutil

    needed, free = rows * columns * 4, psutil.virtual_memory().available
    if needed > _SHARE_OF_MEMORY * free:
        raise TooLargeError(
            f"{name} makes {columns:,} columns, which take {format_bytes(needed)} of memory for {rows:,} rows, and "
            f"{format_bytes(free)} are free; write a smaller {arguments}"
        )
