"""Layers that cannot take what they are given, or take it otherwise than meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog.shapes.call import show
from nnrun.catalog.shapes.stack import SwallowedSequence
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.case import Case


def layers(case: Case) -> Iterator[Finding]:
    """Find shapes that cannot be, and say where shapes are no longer known."""
    yield from _inputs(case)
    for row in case.rows:
        error = row.row.error
        if error is not None:
            name = "return-sequences-missing" if isinstance(error, SwallowedSequence) else "shape-impossible"
            yield Finding(row.path, error.text.rstrip("."), error.hint and error.hint.rstrip("."), name)
    yield from _dense_on_picture(case)
    yield from _undecided(case)


def _inputs(case: Case) -> Iterator[Finding]:
    """Find an `Input` that states another shape than the data have."""
    for one in case.graph.inputs:
        stated, given = case.entered[one.name], case.given.get(one.name)
        if one.part is None or stated is None or given is None:
            continue
        same = len(stated) == len(given) and all(
            None in (side, size) or side == size for side, size in zip(stated, given, strict=True)
        )
        if not same:
            text = f"Input states the shape {show(stated)}, but one example of the data has {show(given)}"
            hint = f"write Input: {{shape: {show(given)}}}, or put Reshape: {show(stated)} under prepare"
            yield Finding((*one.part.path, one.part.name), text, hint, "input-shape-mismatch")


def _dense_on_picture(case: Case) -> Iterator[Finding]:
    for row in case.rows:
        if row.row.class_name == "Dense" and row.row.error is None and len(row.inputs[0] if row.inputs else ()) > 2:
            shape = row.inputs[0]
            yield Finding(
                row.path,
                f"Dense takes a picture of {show(shape)}: it acts on the last dimension alone, place by place",
                "put Flatten (or GlobalAveragePooling2D) before it",
                "dense-on-picture",
                "warning",
            )
            return  # the layers after it have a picture only because this one has


def _undecided(case: Case) -> Iterator[Finding]:
    row = next((row for row in case.rows if row.row.undecided is not None), None)
    # Where nothing at all is known of the data, that is said of them already.
    if row is not None and case.facts is not None:
        text = f"shapes are undecided from {row.row.name} on: {row.row.undecided}"
        yield Finding(row.path, text, "nnrun check --build lets Keras decide", "undecided", "note")
