"""Events of providers, kept once each and folded into the ledger.

Each step only lifts rows from lighter states (:data:`GRAVER`), so the end does not depend on the
order in which events come, nor on how often.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    DateTime,
    String,
    and_,
    any_,
    case,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from newsletter.database.batches import standing, stands
from newsletter.database.engine import Database
from newsletter.database.ledger_part import WRITTEN_OFF
from newsletter.database.tables import deliveries, events, mails
from newsletter.model import DeliveryState, Event

D = DeliveryState

GRAVER = (D.ACCEPTED, D.DELIVERED, D.REJECTED, D.BOUNCED, D.UNSUBSCRIBED, D.COMPLAINED)
"""States that events lead to, the gravest last; a letter never goes back to a lighter one."""

NOT_YET = (D.QUEUED, D.CLAIMED, D.HANDED, D.DEFERRED, D.UNKNOWN)
"""States that any event overtakes: the provider has the letter, whatever we remember.

That a queued row is among them keeps a database restored from a backup from sending twice.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorbed:
    """What some events changed.

    ``changed``: rows by new state. ``farewells``: events that end or may end a reader's mail, each
    with its reader. ``delivered``: readers whose mailbox took a letter. ``issues_hurt``: issues
    with a letter that now is bounced or complained about.
    """

    changed: Mapping[str, int]
    farewells: Sequence[tuple[Event, int]] = ()
    delivered: Sequence[int] = ()
    issues_hurt: Sequence[str] = ()


def absorb(
    database: Database,
    reported: Sequence[Event],
    *,
    states: Mapping[str, DeliveryState],
    farewells: frozenset[str],
    now: datetime,
) -> Absorbed:
    """Keep events and fold them into their deliveries, in one transaction.

    Events about deliveries and mails that are not ours are dropped. Doing the same again changes
    nothing.

    :param states: which state each kind of event leads to.
    :param farewells: the kinds after which a reader may have to get no more letters; the answer
        names the readers, and it is the caller's part to let them go.
    """
    unique = {(one.key, one.kind, one.at): one for one in reported if one.kind in states}
    if not unique:
        return Absorbed(changed={})
    ids: dict[DeliveryState, dict[str, str]] = {}
    partings: list[Event] = []
    for one in unique.values():
        ids.setdefault(states[one.kind], {})[one.key] = one.detail
        if one.kind in farewells:
            partings.append(one)
    changed: dict[str, int] = {}
    with database.begin() as connection:
        connection.execute(_insert_once(database, list(unique.values()), now))
        for rank, state in enumerate(GRAVER):
            if state not in ids:
                continue
            lighter = or_(stands(*NOT_YET, *GRAVER[:rank]), _given_up())
            details = {key: detail for key, detail in ids[state].items() if detail}
            plain = {key: "" for key in ids[state] if key not in details}
            for said in filter(None, (plain, *_slices(details))):
                reason = case(said, value=deliveries.c.key) if any(said.values()) else literal("")
                result = connection.execute(
                    update(deliveries)
                    .where(_among(database, list(said)), lighter)
                    .values(
                        state=state.value,
                        reason=reason,
                        changed=now,
                        owner="",
                        # What was its batch's is its own from now on.
                        **{name: standing(name) for name in ("attempt", "transport")},
                    )
                )
                if result.rowcount:
                    changed[state.value] = changed.get(state.value, 0) + int(result.rowcount)
        concerned = {one.key for one in partings} | set(ids.get(D.DELIVERED, {}))
        whose = {
            row.key: (row.reader, row.issue)
            for row in connection.execute(
                select(deliveries.c.key, deliveries.c.reader, deliveries.c.issue).where(
                    _among(database, sorted(concerned))
                )
            )
        }
        # What was said of a single mail is no part of the ledger, but it may end a reader's mail.
        single = select(mails.c.word, mails.c.reader).where(
            mails.c.reader != 0, _among(database, sorted(concerned), mails.c.word)
        )
        whose |= {row.word: (row.reader, "") for row in connection.execute(single)}
    hurt = {*ids.get(D.BOUNCED, {}), *ids.get(D.COMPLAINED, {})}
    return Absorbed(
        changed=changed,
        farewells=[(one, whose[one.key][0]) for one in partings if one.key in whose],
        delivered=sorted({whose[key][0] for key in ids.get(D.DELIVERED, {}) if key in whose}),
        issues_hurt=sorted({whose[key][1] for key in hurt if key in whose} - {""}),
    )


def _given_up() -> ColumnElement[bool]:
    """Letters that a person wrote off: any event knows more than that."""
    return and_(stands(D.REJECTED), deliveries.c.reason.startswith(WRITTEN_OFF))


def _slices(details: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Reasons in numbers that a statement can name one by one."""
    rest = iter(details.items())
    while part := dict(islice(rest, 200)):
        yield part


def _among(
    database: Database, keys: list[str], column: ColumnElement[str] = deliveries.c.key
) -> ColumnElement[bool]:
    """``key IN (keys)`` with one parameter."""
    if database.dialect == "postgresql":
        return column == any_(literal(keys, ARRAY(String())))
    listed = func.json_each(literal(keys, JSON)).table_valued("value")
    return column.in_(select(listed.c.value))


def _insert_once(database: Database, rows: Sequence[Event], now: datetime) -> Any:
    """Insert events of deliveries that exist and that are not there yet."""
    names = ["delivery_key", "kind", "at", "detail"]
    dialect: Any
    columns: list[ColumnElement[Any]]
    if database.dialect == "postgresql":
        dialect = postgresql
        given = (
            func.unnest(
                literal([one.key for one in rows], ARRAY(String())),
                literal([one.kind for one in rows], ARRAY(String())),
                literal([one.at for one in rows], ARRAY(DateTime(timezone=True))),
                literal([one.detail for one in rows], ARRAY(String())),
            )
            .table_valued(*names)
            .render_derived()
        )
        columns = [given.c[name] for name in names]
    else:
        dialect = sqlite
        values = [
            # The form in which SQLAlchemy keeps a time in SQLite.
            (one.key, one.kind, one.at.strftime("%Y-%m-%d %H:%M:%S.%f"), one.detail)
            for one in rows
        ]
        given = func.json_each(literal(values, JSON)).table_valued("value")
        columns = [func.json_extract(given.c.value, f"$[{index}]") for index in range(4)]
    query = (
        select(*columns, literal(now, events.c.received.type))
        .select_from(given)
        .where(columns[0].in_(select(deliveries.c.key).where(deliveries.c.key == columns[0])))
    )
    return (
        dialect.insert(events)
        .from_select([*names, "received"], query)
        .on_conflict_do_nothing(index_elements=["delivery_key", "kind", "at"])
    )
