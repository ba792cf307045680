"""The page of a served run: what it takes and predicts, and a form to try it; no request leads elsewhere."""

from __future__ import annotations

import json
import secrets
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnrun.serve.openapi import ServedRun


def page(run: ServedRun) -> tuple[str, str]:
    """Return the page as HTML, and the policy that lets it load nothing and ask nobody but its own server."""
    nonce = secrets.token_urlsafe(16)
    example = json.dumps(run.example(), indent=2, ensure_ascii=False)
    html: str = _template().render(run=run, example=example, nonce=nonce)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    )
    return html, policy


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    # Names of columns and classes come from data: everything that is filled in is escaped.
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string((Path(__file__).parent / "page.html.j2").read_text(encoding="utf-8"))
