"""`nnrun data check`: a config's data, loaded and looked at before any preparation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.data.quality import QualityReport, check_quality
from nnrun.pipeline.check import examine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nnrun.progress import Progress


def check_data(file: Path, sets: Sequence[str], data_dir: Path | None, progress: Progress) -> QualityReport:
    """Load the data of a config and say what to look at.

    Raises:
        ConfigError: The language is broken.
        DataError: The data cannot be used.
    """
    examined = examine(file, sets, data_dir)
    forms = [examined.form] if isinstance(examined.form, str) else list(examined.form.values())
    return check_quality(
        examined.experiment.data,
        seed=examined.experiment.seed,
        paths=examined.places,
        progress=progress,
        classes=all(form != "number" for form in forms),
    )
