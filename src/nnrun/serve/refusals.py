"""Requests that are refused: an HTTP status, a message, and the rows and columns that are wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: A request with thousands of wrong values is answered with so many of them.
MAX_DETAILS = 20


@dataclass(frozen=True)
class WrongValue:
    """What is wrong with one example of a request.

    Attributes:
        row: The example, counted from 0; None for all of them.
        column: The name of its column, or of an option of the request; None for the example as a whole.
        message: What was expected and what was received.
    """

    row: int | None
    column: str | None
    message: str

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"row": self.row, "column": self.column, "message": self.message}


class RefusedRequestError(Exception):
    """A request that is not answered.

    Args:
        status: The HTTP status.
        message: What was expected and what was received.
        details: What is wrong with which example.
        hint: What to send instead.
        headers: Headers of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        details: Sequence[WrongValue] = (),
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.details, self.hint = status, message, tuple(details), hint
        self.headers = dict(headers or {})

    def as_json(self, request_id: str) -> dict[str, Any]:
        """Return the body of the answer."""
        error: dict[str, Any] = {"message": self.message}
        if self.hint is not None:
            error["hint"] = self.hint
        if self.details:
            error["details"] = [one.as_json() for one in self.details[:MAX_DETAILS]]
        if len(self.details) > MAX_DETAILS:
            error["more"] = len(self.details) - MAX_DETAILS
        return {"error": {**error, "request_id": request_id}}


def refused_values(wrong: Sequence[WrongValue]) -> RefusedRequestError:
    """Return the refusal of examples with wrong values, the first of which is its message."""
    first = wrong[0]
    places = [f"row {first.row}"] if first.row is not None else []
    places += [f"column {first.column!r}" if places else repr(first.column)] if first.column is not None else []
    text = f"{', '.join(places)}: {first.message}" if places else first.message
    return RefusedRequestError(422, text + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""), wrong)
