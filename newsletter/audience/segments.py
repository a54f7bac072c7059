"""Segments: the rules of subscribers/segments.toml as SQL expressions with bound values.

Every condition of a segment must hold. Of a field with one value (country, language, timezone,
source, email_domain, attributes.NAME) ``in`` and ``any`` mean "is one of", ``none`` "is none of",
``all`` "is each of", which only a single value can be. Of a field with many (topics, lists) ``in``
and ``any`` mean "has at least one of", ``all`` "has every one of", ``none`` "has none of". Of a
time (joined, engagement) ``before`` and ``after`` name a date, ``within_days`` and
``not_within_days`` a number of days up to now. Engagement is the last click of a reader who lets
us count clicks; opens are never counted. A condition without a field joins others: ``any``, ``all``
or ``none`` of them hold. ``exclude`` names lists whose members are left out. Values are compared
in the form in which an import stores them: countries in capitals, topics, lists and domains in
small letters; "en" also means "en-GB".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Protocol

import idna
from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    and_,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
)

from newsletter.config import Condition, Segment

_KINDS = {"topics": "topic", "lists": "list"}
_ATTRIBUTE = "attributes."


class ReaderColumns(Protocol):
    """What a rule looks at: a reader's columns, and the tables beside them.

    ``tags`` has the columns ``reader``, ``kind`` ("topic" or "list") and ``tag``; ``attributes``
    has ``reader``, ``name`` and ``value``. ``in_words`` may know a quicker condition for "has any
    of these tags"; None where it does not.
    """

    @property
    def id(self) -> Column[Any]: ...  # noqa: D102 - the class says it
    @property
    def country(self) -> Column[Any]: ...  # noqa: D102
    @property
    def language(self) -> Column[Any]: ...  # noqa: D102
    @property
    def timezone(self) -> Column[Any]: ...  # noqa: D102
    @property
    def source(self) -> Column[Any]: ...  # noqa: D102
    @property
    def email_domain(self) -> Column[Any]: ...  # noqa: D102
    @property
    def joined(self) -> Column[Any]: ...  # noqa: D102
    @property
    def last_click(self) -> Column[Any]: ...  # noqa: D102
    @property
    def tags(self) -> Table: ...  # noqa: D102
    @property
    def attributes(self) -> Table: ...  # noqa: D102
    def in_words(self, kind: str, tags: Sequence[str], /) -> ColumnElement[bool] | None: ...  # noqa: D102


def condition(segment: Segment, columns: ReaderColumns, now: datetime) -> ColumnElement[bool]:
    """The readers of a segment, as a condition on the readers table.

    :param now: what numbers of days are counted from.
    """
    # Where a country narrows the readers down, looking each of them up is five times as fast as
    # listing everybody who has a topic; where nothing does, it is the other way round.
    probe = any(one.field == "country" and one.none is None for one in segment.where)
    rules = _Rules(columns, now, probe=probe)
    parts = [rules.of(one) for one in segment.where]
    if segment.exclude:
        parts.append(not_(rules.has_any("list", _folded(segment.exclude))))
    return and_(true(), *parts)


class _Rules:
    """Compiles the conditions of one segment; ``probe`` looks topics up reader by reader."""

    def __init__(self, columns: ReaderColumns, now: datetime, *, probe: bool):
        self._columns = columns
        self._now = now
        self._probe = probe

    def of(self, rule: Condition) -> ColumnElement[bool]:
        """One condition, with those inside it."""
        if rule.field is None:
            return self._nested(rule)
        if rule.field in {"joined", "engagement"}:
            joined = rule.field == "joined"
            column = self._columns.joined if joined else self._columns.last_click
            return _when(rule, column, self._now)
        return self._compared(rule, rule.field)

    def has_any(self, kind: str, tags: Sequence[str]) -> ColumnElement[bool]:
        """Has at least one of these topics or lists."""
        if not tags:
            return false()
        quicker = self._columns.in_words(kind, tags)
        if quicker is not None:
            return quicker
        table = self._columns.tags.c
        wanted = (table.kind == kind, table.tag.in_(tags))
        if self._probe:
            return exists().where(table.reader == self._columns.id, *wanted)
        return self._columns.id.in_(select(table.reader).where(*wanted))

    def _compared(self, rule: Condition, field: str) -> ColumnElement[bool]:
        """A field compared with words; of one value or of many makes no difference here."""
        kind = _KINDS.get(field)

        def has_any(words: Sequence[str]) -> ColumnElement[bool]:
            if kind is None:
                return _is_any(field, words, self._columns)
            return self.has_any(kind, _folded(words))

        some = rule.in_ if rule.in_ is not None else _words(rule.any)
        if some is not None:
            return has_any(some)
        every = _words(rule.all)
        if every is not None:
            return and_(true(), *(has_any((word,)) for word in every))
        return not_(has_any(_words(rule.none) or ()))

    def _nested(self, rule: Condition) -> ColumnElement[bool]:
        def parts(given: Sequence[str | Condition] | None) -> list[ColumnElement[bool]]:
            return [self.of(one) for one in given or () if isinstance(one, Condition)]

        if rule.any is not None:
            return or_(false(), *parts(rule.any))
        if rule.all is not None:
            return and_(true(), *parts(rule.all))
        return not_(or_(false(), *parts(rule.none)))


def _words(given: Sequence[str | Condition] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(one for one in given if isinstance(one, str))


def _when(rule: Condition, column: Column[Any], now: datetime) -> ColumnElement[bool]:
    if rule.before is not None:
        start = datetime.combine(rule.before, time(0), UTC)
        return and_(column.is_not(None), column < start)
    if rule.after is not None:
        end = datetime.combine(rule.after, time(0), UTC) + timedelta(days=1)
        return and_(column.is_not(None), column >= end)
    if rule.within_days is not None:
        # Said in full, so that "none of" finds those who never clicked.
        return and_(column.is_not(None), column > now - timedelta(days=rule.within_days))
    days = timedelta(days=rule.not_within_days or 0)
    return or_(column.is_(None), column <= now - days)


def _is_any(field: str, values: Sequence[str], columns: ReaderColumns) -> ColumnElement[bool]:
    if not values:
        return false()
    if field.startswith(_ATTRIBUTE):
        table = columns.attributes.c
        name = field.removeprefix(_ATTRIBUTE).strip().casefold()
        wanted = [value.strip() for value in values]
        return columns.id.in_(
            select(table.reader).where(table.name == name, table.value.in_(wanted))
        )
    if field == "language":
        return or_(*(_speaks(value.strip(), columns.language) for value in values))
    compared: dict[str, tuple[Column[Any], Callable[[str], str]]] = {
        "country": (columns.country, lambda value: value.strip().upper()),
        "timezone": (columns.timezone, str.strip),
        "email_domain": (columns.email_domain, _stored_domain),
        "source": (columns.source, str),
    }
    column, stored = compared[field]
    return column.in_([stored(value) for value in values])


def _speaks(language: str, column: Column[Any]) -> ColumnElement[bool]:
    """Basic filtering of RFC 4647: a tag means itself and everything more particular."""
    low = func.lower(column)
    word = language.lower().replace("_", "-")
    return or_(low == word, low.startswith(f"{word}-", autoescape=True))


def _folded(tags: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(" ".join(tag.split()).casefold() for tag in tags))


def _stored_domain(value: str) -> str:
    domain = value.strip().removeprefix("@").casefold()
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain
