"""What every part of the readers needs: the database, one person, the hash of an address."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property

import idna
from sqlalchemy import ColumnElement, Connection, select

from newsletter.clock import Clock, system_clock
from newsletter.database.bulk import matching
from newsletter.database.choosing import CompileSegment
from newsletter.database.engine import Database
from newsletter.database.farewell_journal import FarewellJournal
from newsletter.database.farewells import SOFT_LIMIT
from newsletter.database.keys import SUPPRESSION, kept
from newsletter.database.reader_import import LIST, TOPIC, AddressHash
from newsletter.database.tables import reader_tags, readers
from newsletter.model import Reader, ReaderState


def address_key(email: str) -> str:
    """An address as it is compared: case folded, domain in its ASCII form."""
    local, _, domain = email.strip().rpartition("@")
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        ascii_domain = domain.lower()
    return f"{local.casefold()}@{ascii_domain}"


class ReaderPart:
    """The readers of one database, and how a person is found.

    :param compile_segment: how a segment's rules become SQL; needed by :meth:`audience` and
        :meth:`count_segment` where segments have rules.
    :param secret: makes the key of this installation's suppression hashes, once.
    :param clock: what "in the last 30 days" in a segment's rule is counted from.
    :param journal: where those who leave are written down beside the database.
    """

    def __init__(
        self,
        database: Database,
        *,
        compile_segment: CompileSegment | None = None,
        secret: Callable[[], str] = secrets.token_hex,
        clock: Clock = system_clock,
        journal: FarewellJournal | None = None,
        soft_limit: int = SOFT_LIMIT,
    ):
        self._database = database
        self._compile = compile_segment
        self._secret = secret
        self._clock = clock
        self.journal = journal
        self._soft_limit = soft_limit

    def by_token(self, token: str) -> Reader | None:
        """The person whose links carry this word."""
        return self._one(readers.c.token == token)

    def by_email(self, email: str) -> Reader | None:
        """The person with this address, in any letter case."""
        return self._one(readers.c.address_key == address_key(email))

    @property
    def address_hash(self) -> AddressHash:
        """What turns an address (:func:`address_key`) into what the suppression list keeps of it.

        HMAC-SHA256 with a key of this installation, so that the list survives the erasure of a
        person without saying who they were, and cannot be compared with another installation's.
        The key is made when it is first asked for, so ask outside of any transaction.
        """
        key = self._hash_key

        def hashed(address: str) -> str:
            return hmac.digest(key, address.encode(), "sha256").hex()

        return hashed

    def _write_down(
        self, connection: Connection, hashes: Sequence[str], reason: str, now: datetime
    ) -> None:
        if self.journal is not None:
            self.journal.add(connection, hashes, reason, now)

    @cached_property
    def _hash_key(self) -> bytes:
        return kept(self._database, SUPPRESSION, self._secret).encode()

    def _one(self, condition: ColumnElement[bool]) -> Reader | None:
        with self._database.reading() as connection:
            row = connection.execute(select(readers).where(condition)).one_or_none()
            if row is None:
                return None
            own = tags_of(connection, [row.id]).get(row.id, {})
        return Reader(
            id=row.id,
            email=row.email,
            state=ReaderState(row.state),
            token=row.token,
            name=row.name,
            country=row.country,
            language=row.language,
            timezone=row.timezone,
            topics=tuple(own.get(TOPIC, ())),
            lists=tuple(own.get(LIST, ())),
            joined=row.joined,
            source=row.source,
        )


def tags_of(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, list[str]]]:
    """Topics and lists of some readers, by kind, in order."""
    query = (
        select(reader_tags.c.reader, reader_tags.c.kind, reader_tags.c.tag)
        .where(matching(connection, reader_tags.c.reader, ids))
        .order_by(reader_tags.c.reader, reader_tags.c.kind, reader_tags.c.tag)
    )
    found: dict[int, dict[str, list[str]]] = {}
    for reader, kind, tag in connection.execute(query):
        found.setdefault(reader, {}).setdefault(kind, []).append(tag)
    return found
