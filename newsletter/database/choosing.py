"""Choosing who gets an issue: the segments, what each reader chose, and nobody twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)

from newsletter.config import Segment
from newsletter.database import standing
from newsletter.database.tables import reader_attributes, reader_tags, readers, subscriptions
from newsletter.database.variants import TOPIC, topic_variant
from newsletter.model import ReaderState

DAILY, WEEKDAYS, WEEKLY = FREQUENCIES = ("daily", "weekdays", "weekly")
FORMATS = ("html", "text")
TEXT_VARIANT = "text"
"""The rendering that readers get who want no HTML, where an issue has it."""
COUNTED = "clicks:"
"""What the name of a reader's variant begins with who lets us count clicks: the same rendering,
with links that lead through our own site."""


InWords = Callable[[str, Sequence[str]], ColumnElement[bool] | None]


def _no_words(_kind: str, _tags: Sequence[str]) -> None:
    return None


@dataclass(frozen=True, slots=True)
class ReaderColumns:
    """Where a segment's rules look: the columns of a reader, and the tables beside them.

    ``tags`` has the columns ``reader``, ``kind`` ("topic" or "list") and ``tag``; ``attributes``
    has ``reader``, ``name`` and ``value``. ``last_click`` is empty for whoever never clicked, or
    does not let us count clicks.
    """

    id: Column[Any]
    country: Column[Any]
    language: Column[Any]
    timezone: Column[Any]
    source: Column[Any]
    email_domain: Column[Any]
    joined: Column[Any]
    last_click: Column[Any]
    tags: Table
    attributes: Table
    in_words: InWords = _no_words
    """A quicker way to ask for any of some topics, where there is one."""


COLUMNS = ReaderColumns(
    id=readers.c.id,
    country=readers.c.country,
    language=readers.c.language,
    timezone=readers.c.timezone,
    source=readers.c.source,
    email_domain=readers.c.email_domain,
    joined=readers.c.joined,
    last_click=readers.c.last_click,
    tags=reader_tags,
    attributes=reader_attributes,
)

CompileSegment = Callable[[Segment, ReaderColumns, datetime], ColumnElement[bool]]
"""Turns a segment's rules into an SQL condition; ``newsletter.audience.segments.condition``."""

Compiled = Callable[[Segment, ReaderColumns], ColumnElement[bool]]

MOST_WORDS = 2_000
"""More words of topics than these are not asked for one by one."""


def receives(edition: str) -> ColumnElement[bool]:
    """Who gets an edition at all: active, and subscribed to it."""
    return and_(
        readers.c.state == ReaderState.ACTIVE,
        subscriptions.c.edition == edition,
        subscriptions.c.state == "active",
    )


def wants(day: date | None, *, digest: bool) -> ColumnElement[bool]:
    """Whose chosen frequency an issue of a local date fits; any without a date.

    A digest goes to those who chose one letter a week, an issue of a day to the others, and on
    Saturday and Sunday not to those who chose weekdays.
    """
    if digest:
        return readers.c.frequency == WEEKLY
    if day is None:
        return true()
    if day.weekday() >= 5:
        return readers.c.frequency == DAILY
    return readers.c.frequency != WEEKLY


def plain(segment: Segment) -> bool:
    """Whether a segment has no condition, so that everybody fits."""
    return not segment.where and not segment.exclude


def query(
    edition: str,
    segments: Mapping[str, Segment],
    compiled: Compiled,
    *,
    day: date | None = None,
    digest_of: str = "",
    variants: tuple[str, ...] = (),
    sections: tuple[str, ...] = (),
    counted: bool = False,
) -> Select[Any]:
    """Who gets an edition: (reader id, segment name, variant), each reader once.

    A reader who fits several segments comes under the first in the order given; one CASE
    expression decides that in a single pass. Where the edition has no segment, everybody who
    subscribes comes under "". Segments of other editions, and those for tests, are passed over.

    :param day: the local date of the issue, which decides about those who chose weekdays.
    :param digest_of: the edition whose weekly digest this is: its subscribers who chose one
        letter a week get it, and nobody else does.
    :param variants: the renderings there are beside the usual one; only those are given out.
    :param sections: the issue's topics; a variant is named by those of them a reader chose.
    :param counted: give readers who let us count clicks their variant under :data:`COUNTED`.
    """
    own = {
        name: segment
        for name, segment in segments.items()
        if segment.edition == edition and not segment.test
    }
    whens: list[tuple[ColumnElement[bool], ColumnElement[str]]] = []
    everyone: str | None = None if own else ""
    for name, segment in own.items():
        if plain(segment):
            # Nobody is left for the segments after one without a condition.
            everyone = name
            break
        whens.append((compiled(segment, COLUMNS), literal(name, String)))
    column: ColumnElement[str]
    if everyone is None:
        column = case(*whens)
        fits: ColumnElement[bool] = or_(*(condition for condition, _ in whens))
    else:
        rest = literal(everyone, String)
        column = case(*whens, else_=rest) if whens else rest
        fits = true()
    variant = topic_variant(sections, variants, literal("", String))
    if TEXT_VARIANT in variants:
        variant = case(
            (readers.c.format == "text", literal(TEXT_VARIANT, String)),
            else_=variant,
        )
    if counted:
        variant = case((readers.c.tracking, literal(COUNTED, String) + variant), else_=variant)
    return (
        select(readers.c.id, column.label("segment"), variant.label("variant"))
        .join(subscriptions, subscriptions.c.reader == readers.c.id)
        .where(receives(digest_of or edition), wants(day, digest=bool(digest_of)), fits)
    )


def count(connection: Connection, segment: Segment, compiled: Compiled) -> int:
    """How many readers would get the segment's edition if it went to this segment alone.

    Counted from the words beside each reader (:mod:`newsletter.database.standing`): topics are
    asked for as the words that hold them, so that an index answers without touching a row.
    """
    fits = true() if plain(segment) else compiled(segment, COLUMNS)
    everybody = standing.words(connection)
    named = [one for one in everybody if segment.edition in one.split()]
    if not named:
        return 0
    gets = readers.c.receives.in_(named)
    if plain(segment):
        # The engines count all rows faster than some, and most people get something.
        others = readers.c.receives.in_([one for one in everybody if one not in named])
        return _number(connection, true()) - _number(connection, others)
    known = set[str]()
    for one in named:
        held = standing.topic_words(connection, one, most=MOST_WORDS - len(known))
        if held is None:
            return _number(connection, and_(gets, fits))
        known.update(held)
    columns = replace(COLUMNS, in_words=partial(_in_words, known))
    return _number(connection, and_(gets, compiled(segment, columns)))


def _in_words(known: set[str], kind: str, tags: Sequence[str]) -> ColumnElement[bool] | None:
    """Has any of these topics, asked of the readers' words; None for what has no words."""
    if kind != TOPIC:
        return None
    wanted = set(tags)
    holding = readers.c.topics.in_(
        [one for one in known if not wanted.isdisjoint(one.split(standing.BETWEEN))]
    )
    if standing.LOOK not in known:
        return holding
    table = reader_tags.c
    own = exists().where(table.reader == readers.c.id, table.kind == kind, table.tag.in_(tags))
    return or_(holding, and_(readers.c.topics == standing.LOOK, own))


def _number(connection: Connection, which: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(readers).where(which)
    return int(connection.execute(query).scalar_one())


def members(segment: Segment, compiled: Compiled) -> Select[Any]:
    """The readers of a segment, in order of address."""
    condition = true() if plain(segment) else compiled(segment, COLUMNS)
    return (
        select(readers.c.id, readers.c.email, readers.c.token, readers.c.joined, readers.c.name)
        .join(subscriptions, subscriptions.c.reader == readers.c.id)
        .where(receives(segment.edition), condition)
        .order_by(readers.c.address_key)
    )
