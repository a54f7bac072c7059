"""Which topics readers chose, as one number a reader: what decides which variant they get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, String, case, func, literal, select

from newsletter.database.engine import Database
from newsletter.database.tables import reader_tags, readers, subscriptions
from newsletter.model import ReaderState

TOPIC = "topic"


def topic_variant(
    sections: Sequence[str], variants: Sequence[str], others: ColumnElement[str]
) -> ColumnElement[str]:
    """The variant a reader gets: that of exactly the issue's topics they chose, if there is one.

    :param sections: the topics of the issue, casefolded.
    :param variants: names such as ``politics+world``; what names no such topics is passed over.
    :param others: what everybody else gets.
    """
    bits = {section: 1 << at for at, section in enumerate(sections)}
    named = {
        sum(bits[part] for part in name.split("+")): literal(name, String)
        for name in variants
        if name and set(name.split("+")) <= set(bits)
    }
    return case(named, value=_chosen(sections), else_=others) if named else others


def chosen_topics(
    database: Database, edition: str, sections: Sequence[str]
) -> dict[frozenset[str], int]:
    """How many readers of an edition chose which of these topics; none chosen is an empty set."""
    mask = _chosen(sections) if sections else literal(0)
    each = (
        select(mask.label("mask"))
        .select_from(readers)
        .join(subscriptions, subscriptions.c.reader == readers.c.id)
        .where(
            readers.c.state == ReaderState.ACTIVE.value,
            subscriptions.c.edition == edition,
            subscriptions.c.state == "active",
        )
        .subquery()
    )
    query = select(each.c.mask, func.count()).group_by(each.c.mask)
    with database.reading() as connection:
        return {
            frozenset(name for at, name in enumerate(sections) if int(row[0]) >> at & 1): row[1]
            for row in connection.execute(query)
        }


def want_text(database: Database, edition: str) -> bool:
    """Whether any reader of an edition asked for letters without HTML."""
    query = (
        select(readers.c.id)
        .join(subscriptions, subscriptions.c.reader == readers.c.id)
        .where(readers.c.format == "text", subscriptions.c.edition == edition)
        .limit(1)
    )
    with database.reading() as connection:
        return connection.execute(query).first() is not None


def _chosen(sections: Sequence[str]) -> ScalarSelect[Any]:
    """The topics of a reader among these, one bit each."""
    bit = case(
        {section: 1 << at for at, section in enumerate(sections)},
        value=reader_tags.c.tag,
        else_=0,
    )
    return (
        select(func.coalesce(func.sum(bit), 0))
        .where(
            reader_tags.c.reader == readers.c.id,
            reader_tags.c.kind == TOPIC,
            reader_tags.c.tag.in_(list(sections)),
        )
        .correlate(readers)
        .scalar_subquery()
    )
