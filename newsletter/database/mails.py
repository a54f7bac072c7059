"""Single mails: a lane beside the issues, where nothing is sent twice and nothing is stuck.

::

    post ──> queued ──take──> handed ──settle──> accepted | rejected | skipped | unknown
                ^                │  └──settle──> deferred ──take──> handed ...
                │                └──recover──> unknown ──requeue──> queued
                └──────────────────────────────────────┘

Taking and handing over are one commit here, made before a byte leaves. The key of a mail is its
primary key, so the same occasion never makes two. Address and words go when a mail has ended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from newsletter.database import leases
from newsletter.database.engine import Database
from newsletter.database.facts import RESTORED
from newsletter.database.tables import mails, readers, settings
from newsletter.model import DeliveryState, Mail, Outcome, ReaderState

D = DeliveryState
MAX_REASON = 300
LONGEST = timedelta(hours=1)
"""Longer than a mail waits between two tries."""
_WAITING = (D.QUEUED.value, D.DEFERRED.value)


class Mails:
    """The lane of single mails."""

    def __init__(self, database: Database, *, holder: leases.Holder | None = None):
        self.database = database
        self.holder = holder or leases.this_process()

    def post(self, mail: Mail, *, now: datetime) -> bool:
        """Put a mail into the lane; False when its key was there before."""
        dialect: Any = postgresql if self.database.dialect == "postgresql" else sqlite
        row = {
            "key": mail.key,
            "word": mail.word,
            "name": mail.name,
            "to": mail.to,
            "reader": mail.reader,
            "content": _content(mail),
            "values": mail.values,
            "state": D.QUEUED.value,
            "reason": "",
            "attempt": 0,
            "batch": "",
            "owner": "",
            "transport": "",
            "provider_id": "",
            "made": now,
            "changed": now,
            "not_before": now,
        }
        with self.database.begin() as connection:
            statement = dialect.insert(mails).values(row).on_conflict_do_nothing()
            return connection.execute(statement.returning(mails.c.key)).first() is not None

    def open(self, owner: str, *, now: datetime, stale_seconds: float) -> None:
        """Begin to deliver under an owner's name, which nobody used before."""
        with self.database.begin() as connection:
            leases.take(
                connection, owner, self.holder, expires=now + timedelta(seconds=stale_seconds)
            )

    def close(self, owner: str) -> None:
        """End an owner."""
        with self.database.begin() as connection:
            leases.end(connection, owner)

    def take(
        self,
        owner: str,
        *,
        batch: str,
        transport: str,
        limit: int,
        now: datetime,
        stale_seconds: float,
    ) -> list[Mail]:
        """The next mails that are due, committed as handed over: they may leave now.

        All of them say the same (one template, one set of values), so they can travel in one
        request. Mails to readers who were erased or suppressed meanwhile are skipped; the answer
        is then empty although others may wait: ask again until :meth:`due` is 0.
        """
        due = _due(now)
        with self.database.begin() as connection:
            until = now + timedelta(seconds=stale_seconds)
            leases.renew(connection, owner, self.holder, expires=until)
            first = connection.execute(
                select(mails.c.content).where(due).order_by(mails.c.made, mails.c.key).limit(1)
            ).scalar()
            if first is None:
                return []
            found = connection.execute(
                select(
                    mails,
                    readers.c.token,
                    readers.c.joined,
                    readers.c.state.label("reader_state"),
                )
                .select_from(mails.outerjoin(readers, readers.c.id == mails.c.reader))
                .where(due, mails.c.content == first)
                .order_by(mails.c.made, mails.c.key)
                .limit(limit)
                .with_for_update(of=mails, skip_locked=True)
            ).all()
            taken: list[Mail] = []
            for row in found:
                if row.reader and row.reader_state in {None, ReaderState.SUPPRESSED.value}:
                    reason = "erased" if row.reader_state is None else "suppressed"
                    _end(connection, row.key, D.SKIPPED, f"the reader was {reason}", now)
                    continue
                taken.append(
                    Mail(
                        key=row.key,
                        word=row.word,
                        name=row.name,
                        to=row.to,
                        values=row.values,
                        reader=row.reader,
                        token=row.token or "",
                        joined=row.joined,
                        content=row.content,
                        attempt=row.attempt + 1,
                        made=row.made,
                    )
                )
            if taken:
                connection.execute(
                    update(mails)
                    .where(mails.c.key.in_([one.key for one in taken]))
                    .values(
                        state=D.HANDED.value,
                        attempt=mails.c.attempt + 1,
                        batch=batch,
                        owner=owner,
                        transport=transport,
                        changed=now,
                    )
                )
            return taken

    def settle(
        self, outcomes: Iterable[Outcome], *, batch: str, now: datetime, not_before: datetime
    ) -> None:
        """Write what became of mails of one batch; ``Outcome.key`` is the mail's word.

        :param not_before: when deferred mails may be tried again.
        """
        with self.database.begin() as connection:
            for one in outcomes:
                mine = and_(
                    mails.c.word == one.key,
                    mails.c.batch == batch,
                    mails.c.state.in_([D.HANDED.value, D.UNKNOWN.value]),
                )
                key = connection.execute(select(mails.c.key).where(mine)).scalar()
                if key is None:
                    continue
                if one.state in {D.ACCEPTED, D.REJECTED, D.SKIPPED}:
                    _end(connection, key, one.state, one.reason, now, provider=one.provider_id)
                    continue
                connection.execute(
                    update(mails)
                    .where(mails.c.key == key)
                    .values(
                        state=one.state.value,
                        reason=one.reason[:MAX_REASON],
                        owner="",
                        changed=now,
                        not_before=not_before,
                    )
                )

    def recover(self, *, now: datetime) -> int:
        """Put in doubt what a process that is gone had handed over; how many."""
        changed = 0
        held = mails.c.state == D.HANDED.value
        with self.database.reading() as connection:
            owners = list(connection.scalars(select(mails.c.owner).where(held).distinct()))
        if not owners:
            return 0
        with self.database.begin() as connection:
            for owner in owners:
                if leases.alive(connection, owner, now=now):
                    continue
                changed += connection.execute(
                    update(mails)
                    .where(held, mails.c.owner == owner)
                    .values(
                        state=D.UNKNOWN.value,
                        reason="the program stopped after handing it over and before the answer",
                        owner="",
                        changed=now,
                    )
                ).rowcount
                leases.end(connection, owner)
        return changed

    def doubt(self, *, reason: str, now: datetime) -> int:
        """Put everything that has not ended in doubt, after a backup was put back; how many.

        It has no batch from then on: not finding it anywhere proves nothing.
        """
        open_ = [*_WAITING, D.HANDED.value, D.UNKNOWN.value]
        with self.database.begin() as connection:
            return int(
                connection.execute(
                    update(mails)
                    .where(mails.c.state.in_(open_))
                    .values(state=D.UNKNOWN.value, reason=reason, batch="", owner="", changed=now)
                ).rowcount
            )

    def unknown(self) -> list[tuple[str, list[Mail]]]:
        """Mails in doubt, by the batch they were handed over in."""
        query = select(mails).where(mails.c.state == D.UNKNOWN.value).order_by(mails.c.made)
        batches: dict[str, list[Mail]] = {}
        with self.database.reading() as connection:
            for row in connection.execute(query):
                batches.setdefault(row.batch, []).append(
                    Mail(
                        key=row.key,
                        word=row.word,
                        name=row.name,
                        to=row.to,
                        values=row.values,
                        reader=row.reader,
                        made=row.made,
                    )
                )
        return list(batches.items())

    def requeue(
        self, keys: Sequence[str], *, now: datetime, handed_before: datetime | None = None
    ) -> int:
        """Let mails in doubt be sent again, by proof or by a person's decision; how many."""
        which = [mails.c.key.in_(list(keys)), mails.c.state == D.UNKNOWN.value]
        if handed_before is not None:
            which.append(mails.c.changed <= handed_before)
        with self.database.begin() as connection:
            return int(
                connection.execute(
                    update(mails)
                    .where(*which)
                    .values(state=D.QUEUED.value, reason="", changed=now, not_before=now)
                ).rowcount
            )

    def due(self, *, now: datetime) -> int:
        """How many mails may leave now."""
        query = select(func.count()).select_from(mails).where(_due(now))
        with self.database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def states(self) -> dict[str, int]:
        """How many mails are in each state; states without any are left out."""
        query = select(mails.c.state, func.count()).group_by(mails.c.state)
        with self.database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def rows(self, *, limit: int = 100) -> list[dict[str, Any]]:
        """The newest mails: key, name, to, state, reason, made; ended ones have no address."""
        query = (
            select(
                mails.c.key,
                mails.c.name,
                mails.c.to,
                mails.c.state,
                mails.c.reason,
                mails.c.made,
            )
            .order_by(mails.c.made.desc(), mails.c.key)
            .limit(limit)
        )
        with self.database.reading() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]


def _due(now: datetime) -> ColumnElement[bool]:
    """Whether a mail may leave: what goes to readers waits while a restored database does.

    One that is to wait for longer than anybody lets it was deferred by a wrong clock.
    """
    restored = exists().where(settings.c.name == RESTORED)
    return and_(
        mails.c.state.in_(_WAITING),
        or_(mails.c.not_before <= now, mails.c.not_before > now + LONGEST),
        or_(mails.c.reader == 0, ~restored),
    )


def _end(
    connection: Connection,
    key: str,
    state: DeliveryState,
    reason: str,
    now: datetime,
    *,
    provider: str = "",
) -> None:
    """Settle a mail for good and forget whom it went to and what it said."""
    connection.execute(
        update(mails)
        .where(mails.c.key == key)
        .values(
            state=state.value,
            reason=reason[:MAX_REASON],
            provider_id=provider,
            owner="",
            changed=now,
            to="",
            values={},
        )
    )


def _content(mail: Mail) -> str:
    """What two mails share that say the same."""
    said = json.dumps([mail.name, mail.values], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()[:40]
