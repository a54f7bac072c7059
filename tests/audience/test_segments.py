"""Rules as SQL say the same as rules read aloud."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from newsletter.audience.segments import condition
from newsletter.config import Condition, Segment, load
from newsletter.database.choosing import COLUMNS
from newsletter.database.engine import Database, open_database
from newsletter.database.tables import reader_attributes, reader_tags, readers

ROOT = Path(__file__).resolve().parent.parent.parent
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

Person = dict[str, str | tuple[str, ...] | datetime | None]

COUNTRIES = ("GB", "US", "")
LANGUAGES = ("en", "en-GB", "eng", "pt-BR", "")
ZONES = ("Europe/London", "")
DOMAINS = ("example.org", "xn--bcher-kva.example")
TAGS = ("politics", "world", "staff", "50%_off")


def _people() -> list[Person]:
    """A person for each of many combinations of what rules look at."""
    people: list[Person] = []
    for number in range(120):
        topics = tuple(tag for bit, tag in enumerate(TAGS) if number >> bit & 1)
        lists = tuple(tag for bit, tag in enumerate(TAGS) if number // 3 >> bit & 1)
        people.append(
            {
                "country": COUNTRIES[number % 3],
                "language": LANGUAGES[number % 5],
                "timezone": ZONES[number % 2],
                "source": "form" if number % 7 else "a.csv",
                "email_domain": DOMAINS[number % 2],
                "topics": topics,
                "lists": lists,
                "attributes.plan": ("gold", "free", "")[number % 3],
                "joined": NOW - timedelta(days=number),
                "engagement": NOW - timedelta(days=number % 90) if number % 4 else None,
            }
        )
    return people


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """All of them in a database, numbered from 0."""
    folder = tmp_path_factory.mktemp("crowd")
    database = open_database(f"sqlite:///{folder}/crowd.sqlite")
    store(database)
    yield database
    database.close()


def store(database: Database) -> None:
    """Put the people into a database."""
    with database.begin() as connection:
        for number, person in enumerate(_people()):
            connection.execute(
                insert(readers).values(
                    id=number + 1,
                    email=f"r{number}@example.org",
                    address_key=f"r{number}@example.org",
                    name="",
                    state="active",
                    token=f"word-{number}",
                    joined=person["joined"],
                    last_click=person["engagement"],
                    attributes={},
                    **{
                        name: value
                        for name, value in person.items()
                        if isinstance(value, str) and "." not in name
                    },
                )
            )
            if person["attributes.plan"]:
                connection.execute(
                    insert(reader_attributes).values(
                        reader=number + 1, name="plan", value=person["attributes.plan"]
                    )
                )
            for kind, field in (("topic", "topics"), ("list", "lists")):
                for tag in _words(person[field]):
                    connection.execute(
                        insert(reader_tags).values(reader=number + 1, kind=kind, tag=tag)
                    )


def chosen(database: Database, segment: Segment) -> set[int]:
    """The numbers of the people in a segment, by SQL."""
    query = select(readers.c.id).where(condition(segment, COLUMNS, NOW))
    with database.reading() as connection:
        return {number - 1 for number in connection.execute(query).scalars()}


def aloud(segment: Segment) -> set[int]:
    """The same, by reading the rules to each person."""
    return {
        number
        for number, person in enumerate(_people())
        if all(_holds(rule, person) for rule in segment.where)
        and not set(segment.exclude) & set(_words(person["lists"]))
    }


def _words(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def _holds(rule: Condition, person: Person) -> bool:
    if rule.field is None:
        for given, joined in ((rule.any, any), (rule.all, all)):
            if given is not None:
                return joined(_holds(one, person) for one in given if isinstance(one, Condition))
        return not any(_holds(one, person) for one in rule.none or () if isinstance(one, Condition))
    if rule.field in {"joined", "engagement"}:
        return _holds_then(rule, person[rule.field])
    own = set(_words(person[rule.field]))

    def fits(wanted: object) -> bool:
        if rule.field == "language":
            return any(one == wanted or one.startswith(f"{wanted}-") for one in own)
        return wanted in own

    some = rule.in_ if rule.in_ is not None else rule.any
    if some is not None:
        return any(fits(one) for one in some)
    if rule.all is not None:
        return all(fits(one) for one in rule.all)
    return not any(fits(one) for one in rule.none or ())


def _holds_then(rule: Condition, moment: object) -> bool:
    then = moment if isinstance(moment, datetime) else None
    if rule.not_within_days is not None:
        return then is None or then <= NOW - timedelta(days=rule.not_within_days)
    if then is None:
        return False
    if rule.before is not None:
        return then.date() < rule.before
    if rule.after is not None:
        return then.date() > rule.after
    return then > NOW - timedelta(days=rule.within_days or 0)


_VALUES = {
    "country": COUNTRIES,
    "language": LANGUAGES[:4],
    "timezone": ZONES,
    "source": ("form", "a.csv", "' OR 1=1 --"),
    "email_domain": DOMAINS,
    "topics": TAGS,
    "lists": TAGS,
    "attributes.plan": ("gold", "free", "silver"),
}


@st.composite
def _word_rules(draw: st.DrawFn) -> dict[str, object]:
    field = draw(st.sampled_from(sorted(_VALUES)))
    values = draw(st.lists(st.sampled_from(_VALUES[field]), max_size=3))
    return {"field": field, draw(st.sampled_from(["in", "any", "all", "none"])): values}


_TIME_RULES = st.builds(
    lambda field, rule: {"field": field, rule[0]: rule[1]},
    st.sampled_from(["joined", "engagement"]),
    st.one_of(
        st.tuples(
            st.sampled_from(["before", "after"]),
            st.dates(date(2026, 7, 1), date(2026, 12, 1)),
        ),
        st.tuples(st.sampled_from(["within_days", "not_within_days"]), st.integers(1, 130)),
    ),
)
_RULES = st.recursive(
    st.one_of(_word_rules(), _TIME_RULES),
    lambda inner: st.builds(
        lambda how, rules: {how: rules},
        st.sampled_from(["any", "all", "none"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
).map(Condition.model_validate)


@given(
    where=st.lists(_RULES, max_size=3),
    exclude=st.lists(st.sampled_from(TAGS), max_size=2),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_rules_mean_what_they_say(
    crowd: Database, where: list[Condition], exclude: list[str]
) -> None:
    """Whatever the rules, SQL chooses the people that reading them aloud would choose."""
    segment = Segment(where=tuple(where), exclude=tuple(exclude))
    assert chosen(crowd, segment) == aloud(segment)


def test_rules_mean_the_same_on_both_engines(database: Database) -> None:
    """One segment with every field chooses the same people on SQLite and on PostgreSQL."""
    store(database)
    segment = Segment.model_validate(
        {
            "where": [
                {"field": "country", "in": ["GB", "US"]},
                {"field": "language", "any": ["en"]},
                {"field": "timezone", "none": ["Asia/Tokyo"]},
                {"field": "topics", "any": ["politics", "50%_off"]},
                {"field": "topics", "all": ["world"]},
                {"field": "source", "none": ["a.csv"]},
                {"field": "email_domain", "in": ["example.org", "bücher.example"]},
                {"field": "joined", "before": "2026-11-20"},
                {
                    "any": [
                        {"field": "attributes.plan", "in": ["gold"]},
                        {"none": [{"field": "engagement", "within_days": 60}]},
                        {"all": [{"field": "engagement", "not_within_days": 30}]},
                    ]
                },
            ],
            "exclude": ["staff"],
        }
    )
    assert chosen(database, segment) == aloud_folded(segment)
    assert chosen(database, segment)


def aloud_folded(segment: Segment) -> set[int]:
    """Read the rules aloud with the one domain in its stored form."""
    where = tuple(
        Condition.model_validate({"field": "email_domain", "in": DOMAINS})
        if rule.field == "email_domain"
        else rule
        for rule in segment.where
    )
    return aloud(Segment(where=where, exclude=segment.exclude))


def test_letter_case_and_spaces_of_rules_do_not_matter(crowd: Database) -> None:
    """Rules are compared in the form in which people are stored."""
    loose = Segment.model_validate(
        {
            "where": [
                {"field": "country", "in": [" gb "]},
                {"field": "topics", "any": ["Politics"]},
                {"field": "language", "in": ["EN_gb"]},
                {"field": "email_domain", "in": ["@EXAMPLE.org"]},
            ],
            "exclude": ["STAFF"],
        }
    )
    strict = Segment.model_validate(
        {
            "where": [
                {"field": "country", "in": ["GB"]},
                {"field": "topics", "any": ["politics"]},
                {"field": "language", "in": ["en-GB"]},
                {"field": "email_domain", "in": ["example.org"]},
            ],
            "exclude": ["staff"],
        }
    )
    assert chosen(crowd, loose) == chosen(crowd, strict) == aloud(strict)


def test_values_never_become_sql_text(crowd: Database) -> None:
    """A value with quotation marks is a value; it stands nowhere in the statement."""
    segment = Segment.model_validate(
        {"where": [{"field": "source", "in": ["x'; DROP TABLE readers; --"]}]}
    )
    assert "DROP" not in str(condition(segment, COLUMNS, NOW))
    assert chosen(crowd, segment) == set()
    assert chosen(crowd, Segment()) == set(range(120))


def test_the_segments_we_hand_out_end_with_everyone() -> None:
    """The starter file has four segments for the daily edition, the last without a condition."""
    segments = load(ROOT / "config.toml").segments
    assert list(segments) == ["uk-mornings", "us-politics", "business", "everyone"]
    assert {segment.edition for segment in segments.values()} == {"daily"}
    assert not segments["everyone"].where
    assert not segments["everyone"].exclude
