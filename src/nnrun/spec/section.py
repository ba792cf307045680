"""What all sections of a config share: they are frozen, know their keys, and hold parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from nnrun.config.render import show
from nnrun.spec.part import Part
from nnrun.spec.parts import placed, read_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.errors import Path

SectionT = TypeVar("SectionT", bound="Section")


class Section(BaseModel):
    """One mapping of a config whose keys are all known; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, strict=True)


def refusal(text: str, hint: str | None = None) -> PydanticCustomError:
    """Make the error that a section's own validator raises: one sentence, and what to type next."""
    # The text travels as a value, since pydantic reads braces in the template itself.
    return PydanticCustomError("nnrun", "{text}", {"text": text, "hint": hint, "at_key": False})


def part_field(category: str) -> Any:
    """Annotation of a field that holds one part of `category`."""
    return Annotated[Any, PlainValidator(_part_validator(category))]


def parts_field(category: str) -> Any:
    """Annotation of a field that holds a list of parts of `category`."""
    item = part_field(category)
    return Annotated[tuple[item, ...], BeforeValidator(_as_tuple)]  # type: ignore[valid-type]


def place_parts(section: SectionT, prefix: Path = ()) -> SectionT:
    """Copy `section` with every part inside it knowing its path from the file's root."""
    changed: dict[str, Any] = {}
    for key in type(section).model_fields:
        value, path = getattr(section, key), (*prefix, key)
        if isinstance(value, Section):
            changed[key] = place_parts(value, path)
        elif isinstance(value, Part):
            changed[key] = placed(value, path)
        elif isinstance(value, tuple) and any(isinstance(item, Part) for item in value):
            changed[key] = tuple(placed(item, (*path, index)) for index, item in enumerate(value))
    return section.model_copy(update=changed)


def _part_validator(category: str) -> Callable[[object], Part]:
    def validate(value: object) -> Part:
        part, complaints = read_part(category, value)
        if complaints or part is None:
            # pydantic puts these below the field's own location, which makes each location a path of the file.
            raise ValidationError.from_exception_data(
                category,
                [
                    InitErrorDetails(
                        type=PydanticCustomError(
                            "nnrun",
                            "{text}",
                            {"text": complaint.text, "hint": complaint.hint, "at_key": complaint.at_key},
                        ),
                        loc=complaint.path,
                        input=value,
                    )
                    for complaint in complaints
                ],
            )
        return part

    return validate


def _as_tuple(value: object) -> tuple[object, ...]:
    if not isinstance(value, list):
        text = f"expected a list, received {show(value)}"
        raise refusal(text, "start each item on its own line with '- '")
    return tuple(value)
