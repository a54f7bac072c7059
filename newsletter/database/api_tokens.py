"""Programs that may ask the API: each has a word of its own with the things it may do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, insert, select, update

from newsletter.database.engine import Database
from newsletter.database.tables import api_tokens
from newsletter.errors import AudienceError, NotFound

SCOPES = (
    "readers:read",
    "readers:write",
    "segments:read",
    "issues:read",
    "stories:read",
    "deliveries:read",
    "events:read",
)
PREFIX = "nlt_"
"""What every word begins with, so that one that leaked is recognised by scanners."""
_NOTED_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A program's permission; its word is known to the program only."""

    name: str
    scopes: tuple[str, ...]
    made: datetime
    used: datetime | None
    revoked: datetime | None


class ApiTokens:
    """The list of permissions."""

    def __init__(self, database: Database):
        self._database = database

    def add(
        self, name: str, scopes: Sequence[str], *, secret: Callable[[], str], now: datetime
    ) -> str:
        """Give a permission and return its word, which is shown this once and kept as a hash.

        :raises AudienceError: for a scope that is not known, none at all, or a name in use.
        """
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise AudienceError(
                unknown[0] if unknown else name,
                "is not a scope" if unknown else "needs at least one scope",
                hint=f"Scopes: {', '.join(SCOPES)}.",
            )
        if not 0 < len(name) <= 64 or not name.isprintable():
            raise AudienceError(name[:64], "is no name for a token; use up to 64 characters")
        word = PREFIX + secret()
        with self._database.begin() as connection:
            there = select(api_tokens.c.name).where(api_tokens.c.name == name)
            if connection.execute(there).first() is not None:
                raise AudienceError(
                    name, "is the name of a token already", hint="Choose another name."
                )
            connection.execute(
                insert(api_tokens).values(
                    name=name, hash=_hash(word), scopes=sorted(set(scopes)), made=now
                )
            )
        return word

    def listed(self) -> list[ApiToken]:
        """All of them, the revoked too, by name."""
        with self._database.reading() as connection:
            return [
                _token(row)
                for row in connection.execute(select(api_tokens).order_by(api_tokens.c.name))
            ]

    def revoke(self, name: str, *, now: datetime) -> None:
        """End a permission at once; the line stays, so that the log can be read later.

        :raises NotFound: when there is no token of this name that still works.
        """
        with self._database.begin() as connection:
            changed = connection.execute(
                update(api_tokens)
                .where(api_tokens.c.name == name, api_tokens.c.revoked.is_(None))
                .values(revoked=now)
            ).rowcount
        if not changed:
            raise NotFound(name, "is not a token that works")

    def check(self, word: str, *, now: datetime) -> ApiToken | None:
        """The permission that a word stands for; None when it stands for none, or was revoked."""
        if not word.startswith(PREFIX) or len(word) > 200:
            return None
        with self._database.reading() as connection:
            row = connection.execute(
                select(api_tokens).where(
                    api_tokens.c.hash == _hash(word), api_tokens.c.revoked.is_(None)
                )
            ).one_or_none()
        if row is None:
            return None
        if row.used is None or now - row.used > _NOTED_EVERY:
            with self._database.begin() as connection:
                connection.execute(
                    update(api_tokens).where(api_tokens.c.name == row.name).values(used=now)
                )
        return _token(row)


def _token(row: Row[*tuple[object, ...]]) -> ApiToken:
    return ApiToken(
        name=row.name,
        scopes=tuple(row.scopes),
        made=row.made,
        used=row.used,
        revoked=row.revoked,
    )


def _hash(word: str) -> str:
    """A plain hash: the word has 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()
