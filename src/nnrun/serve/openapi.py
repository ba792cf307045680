"""The description of a served run: an OpenAPI document with the run's own columns, classes and targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnrun import __version__
from nnrun.serve.text_options import USUAL_LENGTH, text_schema

if TYPE_CHECKING:
    from nnrun.serve.bodies import ServeLimits
    from nnrun.serve.inputs import InputColumn, ServedInput


@dataclass(frozen=True)
class ServedOutput:
    """What a run predicts.

    Attributes:
        name: The name of the output; empty if it is the only one.
        targets: The names of the targets.
        classes: The names of the classes; none for numbers.
    """

    name: str
    targets: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServedRun:
    """A run that is served.

    Attributes:
        id: The id of the run.
        name: Its name.
        checkpoint: The served model: `last`, `best`, or the name of a file.
        fold: Its fold, of a cross-validation.
        input: What examples are.
        outputs: What is predicted.
        asks_for_token: Whether requests need a token.
    """

    id: str
    name: str
    checkpoint: str
    fold: int | None
    input: ServedInput
    outputs: tuple[ServedOutput, ...] = field(default=())
    asks_for_token: bool = False

    @property
    def about(self) -> dict[str, Any]:
        """What each answer says about the model."""
        fold = {} if self.fold is None else {"fold": self.fold}
        return {"run": self.id, "checkpoint": self.checkpoint, **fold}

    @property
    def path(self) -> str:
        """The path that answers."""
        return "/generate" if self.input.kind == "text" else "/predict"

    def example(self) -> dict[str, Any]:
        """Return a body that shows the form of a request."""
        served = self.input
        if served.kind == "text":
            return {"seed_text": "", "length": USUAL_LENGTH}
        if served.kind == "rows":
            values = {"number": 1.5, "text": "text", "date": "2026-01-31", "picture": "Base64 of a picture"}
            return {"rows": [{one.name: values[one.kind] for one in served.columns}]}
        if served.kind == "arrays":
            return {"arrays": []}
        return {served.kind: ["Base64 of a file"]}

    def openapi(self, limits: ServeLimits) -> dict[str, Any]:
        """Return the document."""
        paths: dict[str, Any] = {
            self.path: {"post": self._operation(limits)},
            "/health": {"get": _simple("Whether the server answers; needs no token.", "application/json")},
            "/metrics": {"get": _simple("Figures for Prometheus.", "text/plain")},
            "/openapi.json": {"get": _simple("This document.", "application/json")},
        }
        document: dict[str, Any] = {
            "openapi": "3.1.0",
            "info": {
                "title": self.name,
                "version": self.id,
                "description": f"The model of the run {self.id}, served by nnrun {__version__}.",
            },
            "paths": paths,
            "components": {"schemas": {"Error": _ERROR}},
        }
        if self.asks_for_token:
            document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"token": []}]
            paths["/health"]["get"]["security"] = []
        return document

    def _operation(self, limits: ServeLimits) -> dict[str, Any]:
        refusals = {
            "400": "The body is no JSON, or a broken form.",
            "408": f"The body did not come within {limits.client_seconds:g} s.",
            "413": f"More than {limits.rows} examples, or than {limits.body_bytes} bytes.",
            "415": "The body is of another type.",
            "422": "Examples are wrong: the row and column of each.",
            "503": f"More than {limits.requests} requests at the same time, or the model took too long.",
        }
        if self.asks_for_token:
            refusals["401"] = "The token is missing or wrong."
        answers = {status: {"description": text, "content": _ERRORS} for status, text in sorted(refusals.items())}
        if self.input.kind == "text":
            content: dict[str, Any] = {
                one: {"schema": {"type": "string"}} for one in ("text/plain", "text/event-stream")
            }
            body = {"application/json": {"schema": text_schema(limits.characters), "example": self.example()}}
            about = "Continue a text; characters are sent as they are written"
        else:
            content = {"application/json": {"schema": self._answer()}}
            body = self._bodies(limits)
            about = "Predict examples, raw as the run's own data are"
        return {
            "summary": about,
            "operationId": self.path.strip("/"),
            "requestBody": {"required": True, "content": body},
            "responses": {"200": {"description": "The answer.", "content": content}, **answers},
        }

    def _bodies(self, limits: ServeLimits) -> dict[str, Any]:
        """Return the types of bodies that are taken."""
        served = self.input
        schemas = []
        for word in served.words:
            items: dict[str, Any] = {"type": "string", "contentEncoding": "base64"}
            if word == "rows":
                items = _row_schema(served.columns)
            elif word == "arrays":
                shape = "" if served.shape is None else f" of shape {list(served.shape)}"
                items = {"type": "array", "description": f"Numbers{shape}, before any preparation."}
            listed = {"type": "array", "items": items, "minItems": 1, "maxItems": limits.rows}
            schemas.append(
                {"type": "object", "required": [word], "additionalProperties": False, "properties": {word: listed}}
            )
        schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
        found: dict[str, Any] = {"application/json": {"schema": schema, "example": self.example()}}
        file = {"type": "string", "contentMediaType": "application/octet-stream"}
        if served.pictures:
            about = f"The rows in JSON, in which {', '.join(served.pictures)} are names of files of the form."
            fields = {"rows": {"type": "string", "description": about}, "files": {"type": "array", "items": file}}
            found |= {"multipart/form-data": {"schema": {"type": "object", "properties": fields, "required": ["rows"]}}}
        elif served.takes_files:
            form = {"type": "object", "properties": {served.words[0]: {"type": "array", "items": file}}}
            found |= {"multipart/form-data": {"schema": form}}
            found |= {"image/*" if served.words[0] == "pictures" else "audio/wav": {"schema": file}}
        return found

    def _answer(self) -> dict[str, Any]:
        row = {"row": {"type": "integer", "description": "The example, counted from 0."}}
        if len(self.outputs) == 1:
            one: dict[str, Any] = {**row, **_output_schema(self.outputs[0])}
        else:
            outputs = {out.name: {"type": "object", "properties": _output_schema(out)} for out in self.outputs}
            one = {**row, "outputs": {"type": "object", "properties": outputs}}
        predictions = {"type": "array", "items": {"type": "object", "properties": one}}
        about = {name: {"type": "integer" if name == "fold" else "string"} for name in self.about}
        properties = {**about, "predictions": predictions}
        return {"type": "object", "required": list(properties), "properties": properties}


_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "request_id"],
            "properties": {
                "message": {"type": "string"},
                "hint": {"type": "string"},
                "request_id": {"type": "string"},
                "more": {"type": "integer"},
                "details": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "row": {"type": ["integer", "null"]},
                            "column": {"type": ["string", "null"]},
                            "message": {"type": "string"},
                        },
                    },
                },
            },
        }
    },
}
_ERRORS = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


def _simple(about: str, media_type: str) -> dict[str, Any]:
    return {"summary": about, "responses": {"200": {"description": about, "content": {media_type: {}}}}}


def _row_schema(columns: tuple[InputColumn, ...]) -> dict[str, Any]:
    properties = {one.name: column_schema(one) for one in columns}
    required = [one.name for one in columns if not one.may_be_missing]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def column_schema(column: InputColumn) -> dict[str, Any]:
    """Return the schema of a column."""
    if column.kind == "date":
        text = f"Format {column.date_format}." if column.date_format else "ISO 8601."
        found: dict[str, Any] = {"type": "string", "description": f"A date. {text}"}
    elif column.kind == "picture":
        found = {"type": "string", "contentEncoding": "base64", "description": "A picture, of any size."}
    else:
        found = {"type": "number" if column.kind == "number" else "string"}
    return {**found, "type": [found["type"], "null"]} if column.may_be_missing else found


def _output_schema(output: ServedOutput) -> dict[str, Any]:
    about = f"Of {', '.join(output.targets)}." if output.targets else ""
    if not output.classes:
        return {"prediction": {"type": "number", "description": f"{about} In the target's own unit.".strip()}}
    probabilities = {name: {"type": "number", "minimum": 0, "maximum": 1} for name in output.classes}
    return {
        "prediction": {"enum": list(output.classes), "description": about},
        "probabilities": {"type": "object", "properties": probabilities},
    }
