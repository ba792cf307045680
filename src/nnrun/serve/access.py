"""Who may ask: names of this server (against DNS rebinding), pages of this server alone, and the token."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nnrun.serve.refusals import RefusedRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The paths that need no token: what watches a server must not have it.
_OPEN_PATHS = ("/health",)


@dataclass(frozen=True, repr=False)
class AccessRules:
    """Who may ask.

    Attributes:
        token: The token that requests have to bring; None: none.
        host_names: The names by which the server is called, in addition to `localhost` and addresses.
    """

    token: str | None = None
    host_names: frozenset[str] = frozenset()

    def check(self, path: str, headers: Mapping[str, str]) -> None:
        """Refuse a request that may not be answered.

        A page of somebody else whose name was made to lead here (DNS rebinding) sends its own name as `Host`; an
        address cannot be made to lead elsewhere. A page of another origin sends that as `Origin`.

        Args:
            path: The path of the request.
            headers: Its headers, by their names in small letters.

        Raises:
            RefusedRequestError: It may not.
        """
        host = headers.get("host", "")
        if not self._is_own_name(host):
            hint = "call the server by its address, or start it with --host-name NAME"
            raise RefusedRequestError(403, f"this server is not called {host[:100]!r}", hint=hint)
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise RefusedRequestError(403, "requests of pages of other origins are not answered")
        if self.token is not None and path not in _OPEN_PATHS and not self._has_token(headers.get("authorization", "")):
            challenge = 'Bearer realm="nnrun", Basic realm="nnrun (any name, the token as password)"'
            text = "expected the server's token" if headers.get("authorization") else "this server asks for a token"
            hint = "send the header Authorization: Bearer TOKEN"
            raise RefusedRequestError(401, text, hint=hint, headers={"WWW-Authenticate": challenge})

    def _is_own_name(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        try:
            ipaddress.ip_address(name.partition("%")[0])
        except ValueError:
            return name == "localhost" or name in self.host_names
        return True

    def _has_token(self, authorization: str) -> bool:
        """Return whether the header has the token, compared in constant time."""
        kind, _, value = authorization.partition(" ")
        given = value.strip().encode("utf-8", "surrogateescape")
        if kind.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                given = b""
        elif kind.lower() != "bearer":
            given = b""
        return hmac.compare_digest(given, (self.token or "").encode())
