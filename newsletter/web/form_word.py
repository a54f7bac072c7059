"""The word in the sign-up form that says when it was shown, put in as the page leaves.

Pages are kept and given out many times (newsletter.web.shelf), so a page holds a place for the
word, and this puts a fresh one there. Both have the same length, so nothing else changes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.audience.tokens import Signer
from newsletter.newsroom import Newsroom

FORM_FOR = timedelta(days=2)
"""How long a form that was shown may be sent back."""
_PATHS = frozenset({"/", "/subscribe"})
_START = "the-word-of-this-form-goes-here-"


def form_word(signer: Signer, now: datetime) -> str:
    """A word that says when a form was shown; all of them have the same length."""
    return signer.sign({"at": int(now.timestamp())}, expires=now + FORM_FOR)


def place(room: Newsroom) -> str:
    """What stands in a page until it leaves."""
    return _START.ljust(len(form_word(room.signer("form"), room.clock())), "x")


def shown_at(room: Newsroom, word: str, now: datetime) -> datetime | None:
    """When a form was shown; None for a word that is not ours, or is over."""
    held = room.signer("form").read(word, now=now)
    at = (held or {}).get("at")
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int) else None


class FreshWord:
    """ASGI middleware, outside of whatever keeps pages."""

    def __init__(self, app: ASGIApp, room: Newsroom):
        self._app = app
        self._room = room
        self._place = place(room).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put a fresh word into pages with the form."""
        if scope["type"] != "http" or scope["path"] not in _PATHS:
            await self._app(scope, receive, send)
            return

        async def fresh(message: Message) -> None:
            if message["type"] == "http.response.body" and self._place in message.get("body", b""):
                word = form_word(self._room.signer("form"), self._room.clock()).encode()
                message = {**message, "body": message["body"].replace(self._place, word)}
            await send(message)

        await self._app(scope, receive, fresh)
