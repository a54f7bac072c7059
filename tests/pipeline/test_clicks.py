"""Clicks: counted of readers who allow it, on links that stand in the issue, and of nobody else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, func, select, update

from newsletter import pipeline
from newsletter.config import Segment
from newsletter.database.choosing import COUNTED
from newsletter.database.clicks import REMEMBERED
from newsletter.database.engine import open_database
from newsletter.database.figures import clicks_of, events_of
from newsletter.database.periods import drop_deliveries
from newsletter.database.reports import Report, Reports
from newsletter.database.rows import insert_new
from newsletter.database.signups import Choice
from newsletter.database.tables import clicks, deliveries, issues, metadata, readers
from newsletter.errors import DatabaseError
from newsletter.issue.followed import counted, links_of
from newsletter.model import Event, Issue
from newsletter.newsroom import Newsroom
from newsletter.pipeline.clicks import click_addresses, packed, read_click
from newsletter.pipeline.issues import renderings
from newsletter.web.app import create_app
from tests.conftest import StillClock
from tests.delivery.people import delivery
from tests.issue.content import content
from tests.pipeline.test_corrections import DAY, room, sent
from tests.web.serving import Client, served

__all__ = ["room"]

LINK = re.compile(r"https?://[^/\s\"]+(/l/[^\"\s]+)")
ON = Choice(tracking=True)


def allow(room: Newsroom, *names: str) -> None:
    """Let readers switch counting on, on their own page."""
    for name in names:
        reader = room.readers.by_email(f"{name}@example.org")
        assert reader
        assert room.signups.choose(reader.token, ON, now=room.clock())


def letter(room: Newsroom, issue: Issue, name: str) -> EmailMessage:
    """The letter of one reader, from the outbox."""
    folder: Path = room.config.path(room.config.paths.outbox) / issue.id
    for file in folder.glob("*.eml"):
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        if message["To"] == f"{name}@example.org":
            return message
    raise AssertionError(name)


def parts(message: EmailMessage) -> tuple[str, str]:
    """HTML and text of a letter."""
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    assert html
    assert text
    return str(html.get_content()), str(text.get_content())


def links(message: EmailMessage) -> list[str]:
    """The paths of the counted links of a letter, each once, in order."""
    return list(dict.fromkeys(LINK.findall(parts(message)[0])))


def trail(room: Newsroom) -> list[tuple[int, int | None]]:
    """Every click that is kept: link and reader."""
    with room.database.reading() as connection:
        query = select(clicks.c.link, clicks.c.reader).order_by(clicks.c.link)
        return [(row[0], row[1]) for row in connection.execute(query)]


def mentions(room: Newsroom, word: str) -> set[str]:
    """The tables in which a word stands, in any letter case."""
    with room.database.reading() as connection:
        return {
            table.name
            for table in metadata.sorted_tables
            if word.lower() in repr(connection.execute(select(table)).all()).lower()
        }


def last_click(room: Newsroom, name: str) -> str | None:
    """When a reader clicked last, as the reader is told."""
    found = (room.readers.show(f"{name}@example.org") or {})["last_click"]
    return None if found is None else str(found)


@pytest.fixture
def issue(room: Newsroom) -> Issue:
    """An issue that ada gets with counted links, and the others as it is."""
    allow(room, "ada")
    return sent(room)


def test_only_who_allows_it_gets_counted_links(room: Newsroom, issue: Issue) -> None:
    """Links to articles and story pages are exchanged, and nothing else in the letter is."""
    ada, bo = (parts(letter(room, issue, name)) for name in ("ada", "bo"))
    assert not LINK.search(bo[0] + bo[1])
    told = room.issues.revision(issue)
    base = room.config.site.base_url.rstrip("/")
    known = {f"/{one.number}": one.url for one in links_of(told.content, told.rendered, base)}
    assert len(known) > 20
    for mine, theirs in zip(ada, bo, strict=True):
        back = LINK.sub(lambda found: known["/" + found[1].rpartition("/")[2]], mine)
        tokens = [
            (one := room.readers.by_email(f"{n}@example.org")) and one.token for n in ("ada", "bo")
        ]
        assert back.replace(str(tokens[0]), str(tokens[1])) == theirs.replace("&amp;", "&")
        for path in ("/u/", "/p/", "/report", "/method", "/corrections"):
            assert mine.count(path) == theirs.count(path)
    with room.database.reading() as connection:
        query = select(deliveries.c.variant).order_by(deliveries.c.id)
        assert list(connection.scalars(query)) == ["clicks:", "", ""]


def test_a_counted_letter_keeps_within_the_budget(room: Newsroom) -> None:
    """The exchanged links make the HTML no longer than what the lint lets pass."""
    told = replace(content(), day=DAY)
    [whole] = renderings(room, told, room.tag())
    found = links_of(told, [whole], room.config.site.base_url)
    other = counted(whole, found)
    place = f"{room.config.site.base_url}/l/{'k' * 20}.{packed('daily-2026-11-22')}{'m' * 12}/"
    assert len(other.html.replace(f"{whole.tag}_click_", place)) < 1.1 * len(whole.html)
    assert counted(whole, ()) == whole


def test_a_click_leads_on_and_counts_once(room: Newsroom, issue: Issue, clock: StillClock) -> None:
    """By story and by side; HEAD, fetching ahead and the same link again count nothing."""
    paths = links(letter(room, issue, "ada"))
    article, page = paths[1], paths[0]
    with served(create_app(room)) as client:
        assert follow(client, page).startswith(f"{room.config.site.base_url}/stories/")
        url = follow(client, article)
        for _ in range(20):
            assert follow(client, article) == url
        for head in ({"Sec-Purpose": "prefetch"}, {"X-Purpose": "preview"}):
            assert client.ask("GET", paths[2], headers=head).status == 302
        assert client.ask("HEAD", paths[3]).status == 302
    numbers = [int(path.rpartition("/")[2]) for path in (page, article)]
    ada = room.readers.by_email("ada@example.org")
    assert ada
    assert trail(room) == [(number, ada.id) for number in numbers]
    figures = room.clicks.of_issue(issue.id)
    assert figures.total == 2
    assert sum(figures.sides.values()) == 1
    assert {n for n in figures.stories.values() if n} <= {1, 2}
    assert room.clicks.of_issue(issue.id).links[url] == 1
    sides = clicks_of(room.database, issue.id).values()
    assert sum(sum(one.values()) for one in sides) == room.clicks.totals([issue.id])[issue.id]
    assert events_of(room.database, [issue.id])[issue.id]["click"] == 2
    shown = room.readers.show("ada@example.org") or {}
    assert url in [one["url"] for one in shown["clicks"]]
    assert last_click(room, "ada") == clock().isoformat()
    engaged = Segment.model_validate({"where": [{"field": "engagement", "within_days": 30}]})
    assert room.readers.count_segment(engaged) == 1


def follow(client: Client, path: str) -> str:
    """Where a link leads."""
    answer = client.get(path)
    assert answer.status == 302, answer.text
    assert not answer.cookies
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    return answer.headers["location"]


def test_no_word_leads_where_the_issue_does_not(room: Newsroom, issue: Issue) -> None:
    """Forged, cut, borrowed and odd words get one neutral page, and an address asked for is none."""
    path = links(letter(room, issue, "ada"))[0]
    _, _, word, number = path.split("/")
    ada = room.readers.by_email("ada@example.org")
    assert ada
    key = word[:-12]
    borrowed = room.signer("confirm").sign({"r": 1}, expires=room.clock())
    bad = [
        f"/l/{word[:-1]}{'A' if word[-1] != 'A' else 'B'}/{number}",
        f"/l/{key}/{number}",
        f"/l/{ada.token}/{number}",
        f"/l/{borrowed}/{number}",
        f"/l/{room.mark('other').sign(key)}/{number}",
        f"/l/{room.mark('click').sign(key.partition('.')[0])}/{number}",
        f"/l/{room.mark('click').sign('no-such-delivery.' + packed('no-such-issue'))}/{number}",
        *(
            f"/l/{word}/{odd}"
            for odd in ("0", "999", "-1", "%31e9", "99999999999999999999", "%D9%A1")
        ),
        f"/l/{word}/https:%2F%2Fevil.example",
        f"/l/%00/{number}",
        f"/l/{'a' * 5000}/{number}",
    ]
    with served(create_app(room)) as client:
        answers = {(answer := client.get(one)).status: answer.text for one in bad}
        assert set(answers) == {404}
        assert follow(client, f"{path}?url=https://evil.example&u=//evil.example") == follow(
            client, path
        )
    assert len(trail(room)) == 1


def test_nothing_of_an_erased_reader_is_left(
    room: Newsroom, issue: Issue, clock: StillClock
) -> None:
    """No table names them any more; the figures stay, and links in the letter lead on uncounted."""
    pipeline.add_webhook(room, "crm", "https://crm.example.org/hooks", ())
    ada = room.readers.by_email("ada@example.org")
    assert ada
    assert pipeline.post_mail(
        room, "stay", ada.email, {"preferences_url": f"/p/{ada.token}"}, "stay-1", reader=ada.id
    )
    Reports(room.database).add(
        Report(
            number="abcdefghijkl",
            kind="wrong_quote",
            slug="ferry-subsidy",
            story="Ferry",
            details="She said four.",
            email="Ada@example.org",
            made=clock(),
        )
    )
    assert mentions(room, "ada@") >= {"readers", "mails", "reports"}
    paths = links(letter(room, issue, "ada"))
    with served(create_app(room)) as client:
        follow(client, paths[1])
    assert room.readers.forget("ada@example.org", now=room.clock())
    assert trail(room) == [(int(paths[1].rpartition("/")[2]), None)]
    # Other programs are told once, so that they erase the person too; then that is gone as well.
    assert mentions(room, "ada@") == {"webhook_messages"}
    [news] = room.webhooks.take(now=clock(), hold=REMEMBERED)
    assert json.loads(news.body)["data"]["reason"] == "erased"
    room.webhooks.settle(news.id, state="taken", answer="204", due=clock())
    assert mentions(room, "ada@") == mentions(room, ada.token) == set()
    with served(create_app(room)) as client:
        follow(client, paths[1])
        follow(client, paths[2])
    assert room.clicks.of_issue(issue.id).total == 1
    assert len(trail(room)) == 1


def test_switching_off_takes_the_trail_and_the_letters_on_their_way(
    room: Newsroom, clock: StillClock
) -> None:
    """What was counted loses its name, and a letter that has not left goes out with plain links."""
    allow(room, "ada", "bo")
    issue = sent(room)
    path = links(letter(room, issue, "ada"))[0]
    with served(create_app(room)) as client:
        follow(client, path)
    with room.database.begin() as connection:
        connection.execute(update(deliveries).values(state="queued"))
        connection.execute(update(issues).values(state="sending"))
    ada = room.readers.by_email("ada@example.org")
    assert ada
    assert room.signups.choose(ada.token, Choice(), now=clock())
    with served(create_app(room)) as client:
        follow(client, path)
    assert [reader for _, reader in trail(room)] == [None]
    assert last_click(room, "ada") is None
    with room.database.reading() as connection:
        query = select(deliveries.c.variant).order_by(deliveries.c.id)
        assert list(connection.scalars(query)) == ["", "clicks:", ""]


def test_nobody_switches_off_between_the_question_and_the_click(
    room: Newsroom, issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader is held while their click is written, so a switch comes before or after it."""
    key, number = next(iter(keys(room))), 1
    write = insert_new
    tried = []

    def write_held(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
        url = room.database.engine.url.render_as_string(hide_password=False)
        row = select(readers.c.id).where(readers.c.id == rows[0]["reader"])
        impatient = open_database(url, busy_seconds=0.1, upgrade=False)
        with pytest.raises(DatabaseError), impatient.begin() as other:
            other.execute(row.with_for_update(nowait=True))
        impatient.close()
        tried.append(True)
        return write(connection, table, rows)

    monkeypatch.setattr("newsletter.database.clicks.insert_new", write_held)
    assert room.clicks.note(key, number, at=room.clock())
    assert tried


def keys(room: Newsroom) -> list[str]:
    """The keys of all deliveries, in order."""
    with room.database.reading() as connection:
        return list(connection.scalars(select(deliveries.c.key).order_by(deliveries.c.id)))


def test_after_some_weeks_a_click_is_nobodys(
    room: Newsroom, issue: Issue, clock: StillClock
) -> None:
    """Who clicked is forgotten; that somebody did, and when the reader was last heard of, stays."""
    with served(create_app(room)) as client:
        follow(client, links(letter(room, issue, "ada"))[0])
    clock.pass_(seconds=REMEMBERED.total_seconds() + 1)
    pipeline.tidy_readers(room)
    assert [reader for _, reader in trail(room)] == [None]
    assert room.clicks.of_issue(issue.id).total == 1
    assert last_click(room, "ada") is not None


def test_the_word_names_any_issue(room: Newsroom) -> None:
    """Whatever an edition is called, its address is plain letters and reads back as it was."""
    for name in ("daily-2026-11-22", "Wöchentlich, früh/spät.-2026-11-22", "日報-2026-11-22", "a"):
        one = delivery(7)._replace(issue=name, variant=COUNTED)
        word = click_addresses(room)(one).split("/")[-2]
        assert re.fullmatch(r"[A-Za-z0-9_.-]+", word)
        assert read_click(room, word, "7") == (one.key, name, 7)


def test_the_rest_of_an_issue_has_the_numbers_of_its_beginning(
    room: Newsroom, issue: Issue
) -> None:
    """The site's address may change between: what a number means in letters that left stays."""
    before = room.clicks.kept(issue.id)
    told = room.issues.revision(issue)
    site = room.config.site.model_copy(update={"base_url": "https://moved.example"})
    moved = replace(room, config=room.config.model_copy(update={"site": site}))
    now = links_of(told.content, told.rendered, site.base_url)
    assert [one.url for one in now] != [one.url for one in before]
    moved.clicks.keep(issue.id, now)
    assert moved.clicks.kept(issue.id) == before
    html = pipeline.letters.issue_mail(moved, issue, told).variants[COUNTED].html
    assert {int(n) for n in re.findall(r"_click_(\d+)", html)} <= {one.number for one in before}
    assert f"_click_{before[-1].number}" in html


def test_links_lead_on_when_the_deliveries_are_gone(
    room: Newsroom, issue: Issue, clock: StillClock
) -> None:
    """Retention takes away who got an issue; its links lead where they led, and count nothing."""
    paths = links(letter(room, issue, "ada"))
    with served(create_app(room)) as client:
        before = [follow(client, path) for path in paths[:2]]
    counted_clicks = trail(room)
    assert drop_deliveries(room.database, issue.day + timedelta(days=1)) == 3
    with served(create_app(room)) as client:
        assert [follow(client, path) for path in paths[:2]] == before
        follow(client, paths[2])
    assert trail(room) == counted_clicks


def test_clicks_that_a_provider_reports_are_the_same_clicks(room: Newsroom, issue: Issue) -> None:
    """By the article's address or by ours, once a reader and link, and only of who allows it."""
    ada, bo, _ = keys(room)
    path = links(letter(room, issue, "ada"))[1]
    told = room.issues.revision(issue)
    every = links_of(told.content, told.rendered, room.config.site.base_url)
    url = next(one.url for one in every if one.number == int(path.rpartition("/")[2]))
    own = room.config.site.base_url + path
    events = [
        Event(key=key, kind="click", at=room.clock(), detail=detail)
        for key in (ada, bo)
        for detail in (url, own, "https://elsewhere.example/", "", "https://[broken")
    ]
    pipeline.take_events(room, [*events, *events])
    assert room.clicks.of_issue(issue.id).links[url] == 1
    assert len(trail(room)) == 1
    assert last_click(room, "bo") is None


def test_the_sunset_rule_asks_by_mail_and_a_click_answers(
    room: Newsroom, clock: StillClock
) -> None:
    """Of two who allow counting, the one who clicks stays and the silent one is let go."""
    config = room.config.model_copy(
        update={"audience": room.config.audience.model_copy(update={"sunset_months": 6})}
    )
    room = replace(room, config=config)
    allow(room, "ada", "bo")
    clock.pass_(days=200)
    assert set(pipeline.tidy_readers(room).sunset.asked) == {"ada@example.org", "bo@example.org"}
    assert pipeline.deliver_mail(room).settled == {"accepted": 2}
    outbox = room.config.path(room.config.paths.outbox)
    asked = [
        message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in outbox.glob("**/*.eml")
    ]
    mine = next(one for one in asked if one["To"] == "ada@example.org")
    ada = room.readers.by_email("ada@example.org")
    assert ada
    assert all(f"/p/{ada.token}/stay" in part for part in parts(mine))
    issue = sent(room, day=clock().date())
    with served(create_app(room)) as client:
        follow(client, links(letter(room, issue, "ada"))[0])
    clock.pass_(days=room.config.audience.sunset_grace_days)
    assert pipeline.tidy_readers(room).sunset.stopped == 1
    with room.database.reading() as connection:
        query = select(readers.c.state, func.count()).group_by(readers.c.state)
        found = {row[0]: row[1] for row in connection.execute(query)}
    assert found == {"active": 2, "unsubscribed": 1}
    stayed = room.readers.by_email("ada@example.org")
    assert stayed
    assert stayed.state == "active"
