"""`cache_frozen`: the parts of the data that training reads, with the frozen layers of the model computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.engine.executors.frozen_features import NothingFrozenError, feature_bytes, frozen_part
from nnrun.formatting import format_bytes, format_names

if TYPE_CHECKING:
    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.model.build import Builder
    from nnrun.errors import Path
    from nnrun.progress import Progress


def cache_frozen(
    tf: Any,
    model: Any,
    builder: Builder,
    path: Path,
    train: Tensors,
    validation: Tensors | None,
    batch_size: int,
    progress: Progress,
) -> tuple[Tensors, Tensors | None, str]:
    """Return the parts with what the model's frozen layers make of their examples, and words for the record.

    Args:
        tf: The TensorFlow module.
        model: The compiled model, its layers frozen as the phase wants them.
        builder: Knows the places of the config.
        path: The place of `cache_frozen` in it.
        train: The training part.
        validation: The validation part, or None.
        batch_size: Rows that are computed at once.
        progress: Receives what was computed.

    Raises:
        BuildError: There are no frozen layers that could be computed once.
    """
    try:
        part = frozen_part(tf, model, train)
    except NothingFrozenError as error:
        text = f"cache_frozen keeps what frozen layers at the model's beginning compute, but {error}"
        raise builder.error(path, text, "leave out cache_frozen, or freeze these layers") from None
    parts = [part.replace_examples(one, batch_size) for one in (train, validation) if one is not None]
    names = format_names(part.layers)
    progress.say(f"Computed once: {names}, {format_bytes(sum(map(feature_bytes, parts)))} kept")
    return parts[0], parts[1] if validation is not None else None, f"; frozen layers are computed once ({names})"
