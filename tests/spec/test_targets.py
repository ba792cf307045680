"""How targets are encoded to suit a loss."""

from __future__ import annotations

import pytest

from nnrun.catalog import lookup
from nnrun.spec.part import read_part
from nnrun.spec.targets import target_form


@pytest.mark.parametrize(
    ("loss", "form"),
    [
        ("categorical_crossentropy", "one_hot"),
        ("CategoricalCrossentropy", "one_hot"),
        ("sparse_categorical_crossentropy", "integer"),
        ("SparseCategoricalCrossentropy", "integer"),
        ("binary_crossentropy", "binary"),
        ({"BinaryFocalCrossentropy": {"gamma": 2.0}}, "binary"),
        ("hinge", "binary"),
        ("squared_hinge", "binary"),
        ("categorical_hinge", "one_hot"),
        ("kld", "one_hot"),
        ("mse", "number"),
        ("Huber", "number"),
    ],
)
def test_the_loss_decides_the_encoding_of_targets(loss: object, form: str) -> None:
    """Sparse losses take class numbers, categorical ones one-hot rows, binary ones 0 or 1, all others numbers."""
    part, errors = read_part("losses", loss)
    assert errors == ()
    assert target_form(part) == form


def test_every_loss_of_keras_has_an_encoding() -> None:
    """No loss of the catalog is left out."""
    for name in lookup.names("losses"):
        part, _ = read_part("losses", name)
        assert part is None or target_form(part) in ("integer", "one_hot", "binary", "number")
