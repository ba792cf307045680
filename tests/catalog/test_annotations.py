"""Annotations of nnrun's own parts, as kinds."""

from __future__ import annotations

import pytest

from nnrun.catalog import kinds, lookup
from nnrun.catalog.annotations import kind_from


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        ("int", kinds.Integer()),
        ("float", kinds.Number()),
        ("str", kinds.String()),
        ("bool", kinds.Boolean()),
        ("list[int]", kinds.ListOf(kinds.Integer())),
        ("dict[str, str]", kinds.MappingOf(kinds.String())),
        ("list[list[float]]", kinds.ListOf(kinds.ListOf(kinds.Number()))),
        ("Literal['.', ',']", kinds.Choice((".", ","))),
        ("typing.Literal['a', 2]", kinds.Choice(("a", 2))),
        ("int | None", kinds.AnyOf((kinds.Integer(), kinds.Null()))),
        (
            "str | int | list[str | int] | None",
            kinds.AnyOf(
                (
                    kinds.String(),
                    kinds.Integer(),
                    kinds.ListOf(kinds.AnyOf((kinds.String(), kinds.Integer()))),
                    kinds.Null(),
                )
            ),
        ),
    ],
)
def test_an_annotation_is_a_kind(annotation: str, kind: kinds.Kind) -> None:
    """An annotation defines the values that a config may write."""
    assert kind_from(annotation) == kind


@pytest.mark.parametrize(
    "annotation", ["object", "Path", "dict[int, str]", "set[int]", "int + str", "list[int, str]", "3"]
)
def test_an_annotation_without_a_kind_is_refused(annotation: str) -> None:
    """A part of nnrun's own with arguments that a config cannot write is an error when the catalog is read."""
    with pytest.raises(ValueError, match="no kind of value is known"):
        kind_from(annotation)


def test_nnruns_own_parts_are_in_the_catalog() -> None:
    """Sources and preparation steps are entries like any other, marked as nnrun's own or as scikit-learn's."""
    for category, origins in {"sources": {"nnrun"}, "preparation": {"nnrun", "sklearn"}}.items():
        assert lookup.names(category)
        assert {lookup.entry(category, name).origin for name in lookup.names(category)} == origins  # type: ignore[union-attr]
    rescale = lookup.entry("preparation", "Rescale")
    assert rescale is not None
    assert rescale.parameters["divide_by"].kind.accepts(255)
    assert not rescale.parameters["divide_by"].kind.accepts("255")
