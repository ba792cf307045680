"""Batches and parts of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.case import Case


def batches(case: Case) -> Iterator[Finding]:
    """Find batches that are too large, and a test part that serves twice."""
    rows = case.facts.rows.get("train") if case.facts is not None else None
    size = case.training.batch_size
    if rows is not None and size > rows:
        yield Finding(
            ("training", "batch_size"),
            f"a batch of {size} is larger than the {rows} training rows, so that an epoch is one step",
            f"batch_size: {min(32, rows)}",
            "batch-larger-than-data",
            "warning",
        )
    split = case.experiment.data.split
    if split is not None and split.validation == "test":
        yield Finding(
            ("data", "split", "validation"),
            "the test part is used for validation, so that its figures are too good where they decide anything",
            "validation: 0.1 holds out training rows instead",
            "test-part-watched",
            "warning",
        )
