"""Who may ask what: a bearer token and its scopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from newsletter.database.api_tokens import ApiToken
from newsletter.newsroom import Newsroom

_BEARER = HTTPBearer(
    auto_error=False, description='From "newsletter api-tokens add"; begins with nlt_.'
)


class Permission:
    """Checks the token of a request."""

    def __init__(self, room: Newsroom):
        self._room = room

    def needs(self, scope: str) -> dict[str, Any]:
        """What a route says to be open only to tokens with a scope."""
        return {
            "dependencies": [Depends(self._check(scope))],
            "openapi_extra": {"x-scope": scope},
        }

    def held(self, request: Request) -> ApiToken | None:
        """The token of a request that may also come without one; None where none works."""
        kind, _, word = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        return self._room.api_tokens.check(word.strip(), now=self._room.clock())

    def note(self, request: Request, action: str, subject: str, detail: str = "") -> None:
        """Write down what a program did, under the name of its token."""
        name = request.state.token.name
        self._room.audit.note(f"api:{name}", action, subject, detail)

    def _check(self, scope: str) -> Callable[..., None]:
        def check(
            request: Request,
            _shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
        ) -> None:
            token = self.held(request)
            if token is None:
                raise HTTPException(
                    401, "A token that works is needed", {"WWW-Authenticate": "Bearer"}
                )
            if scope not in token.scopes:
                raise HTTPException(403, f"The token lacks the scope {scope}")
            request.state.token = token

        return check
