"""How long the server works on each page of the desk, on a day of 3,000 articles.

One process, SQLite, no network: the application is called directly, and the time is that of this
process's processor, so that a busy machine does not change it. Promise: every page in 100 ms or
less; what an editor does may take longer, since it makes the issue anew.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import httpx

from newsletter import pipeline
from newsletter.config import load, starter
from newsletter.database.engine import open_database
from newsletter.model import Article, Feed, Lean, Outlet, Role, Story
from newsletter.newsroom import Newsroom
from newsletter.web.app import create_app

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
ARTICLES, STORIES, OUTLETS = 3_000, 150, 60
PLACES = [
    "Ellery",
    "Linden",
    "Tamarack",
    "Hale",
    "Wexley",
    "Dunmore",
    "Corrin",
    "Astor",
    "Brunswick",
    "Kestrel",
]
THINGS = [
    "bridges",
    "hospitals",
    "schools",
    "harbours",
    "taxes",
    "forests",
    "courts",
    "railways",
    "pensions",
    "water",
]
ACTS = [
    "vote",
    "strike",
    "audit",
    "ruling",
    "inquiry",
    "budget",
    "merger",
    "repeal",
    "recall",
    "trial",
]
PASSWORD = "blue kettle on a hill"


def outlets() -> list[Outlet]:
    """Sixty invented outlets, of every lean."""
    leans = [Lean.LEFT, Lean.LEAN_LEFT, Lean.CENTER, Lean.LEAN_RIGHT, Lean.RIGHT, Lean.UNRATED]
    return [
        Outlet(id=f"o{n}", name=f"Paper {n}", family=f"f{n}", lean=leans[n % 6])
        for n in range(OUTLETS)
    ]


def articles(random: Random) -> Iterator[Article]:
    """Three thousand articles about 150 events."""
    for number in range(ARTICLES):
        event = random.randrange(STORIES)
        place, thing = PLACES[event % 10], THINGS[event // 10 % 10]
        act = ACTS[(event + event // 100) % 10]
        when = NOW - timedelta(minutes=random.randrange(20 * 60))
        said = random.choice(["officials", "residents", "critics", "supporters"])
        text = " ".join(
            f"The {act} over {thing} in {place} entered day {day + 1}, {said} of group "
            f"{number % 97} said on Saturday. It would cost {event + 3} million dollars and change "
            f"{day + number % 13 + 2} rules for {thing}."
            for day in range(4)
        )
        yield Article(
            id=f"a{number}",
            outlet=f"o{random.randrange(OUTLETS)}",
            url=f"https://news{number}.example.org/{event}",
            title=f"{place} {act} over {thing} number {event} goes on, {said} say {number % 23}",
            summary=text[:200],
            text=text,
            published=when,
            first_seen=when,
        )


def prepare(folder: Path) -> Newsroom:
    """A place with the day collected, grouped, written and drafted, and one admin."""
    import shutil

    (folder / "config.toml").write_text("[collect]\nsources = []\n[editions.daily]\nzone = 'UTC'\n")
    shutil.copytree(starter() / "templates", folder / "templates")
    config = load(folder / "config.toml")
    room = Newsroom(config=config, database=open_database(config.database_url), clock=lambda: NOW)
    known = {one.id: one for one in outlets()}
    room.__dict__["outlets"] = known
    feeds = [Feed(url=f"https://{one}.example.org/feed", outlet=one) for one in known]
    room.articles.sync_sources(known.values(), feeds)
    written = list(articles(Random(7)))
    room.articles.save_visits([(feeds[0], written)])
    # Grouping has a benchmark of its own; here each event is the story it was made for.
    events: dict[str, list[Article]] = {}
    for one in sorted(written, key=lambda one: (one.published, one.id)):
        events.setdefault(one.url.rpartition("/")[2], []).append(one)
    room.stories.save(
        [
            Story(
                id=f"s-{event}",
                slug=f"event-{event}",
                headline=told[0].title,
                articles=tuple(one.id for one in told),
                first_seen=told[0].published,
                updated=NOW,
            )
            for event, told in events.items()
        ],
        NOW,
    )
    pipeline.write(room)
    pipeline.compose(room)
    return room


async def measure(room: Newsroom) -> list[tuple[str, float, float]]:
    """Median and worst of several visits to each page, in milliseconds."""
    from newsletter.editors.passwords import Passwords

    passwords = Passwords()
    person = room.people.add("ada@example.org", name="Ada", role=Role.ADMIN, now=NOW)
    room.people.set_password(person.id, passwords.hash(PASSWORD))
    base = "http://127.0.0.1"
    transport = httpx.ASGITransport(create_app(room), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        form = (await client.get("/desk/login")).text
        [word] = re.findall(r'name="word" value="([^"]+)"', form)
        await client.post(
            "/desk/login",
            data={"email": person.email, "password": PASSWORD, "word": word, "next": "/desk"},
            headers={"Origin": base},
        )
        issue = room.issues.find("latest")
        story = room.issues.stories_of(issue)[0]
        here = f"/desk/issues/{issue.id}"
        pages = [
            "/desk", "/desk/issues", f"{here}/preview", f"{here}/preview?as=text",
            f"{here}/stories/{story}", f"{here}/stories/{story}/evidence?at=left-1",
            f"{here}/stories/{story}/articles", f"{here}/stories/{story}/versions",
            f"{here}/stories/{story}/history", f"{here}/stories/{story}/quotes?at=left-1",
            f"{here}/approve", f"/desk/sending/{issue.id}", "/desk/sources", "/desk/readers",
            "/desk/reports", "/desk/numbers", f"/desk/numbers/{issue.id}", "/desk/people",
            "/desk/audit", "/desk/account", "/desk/status", "/desk/again",
        ]  # fmt: skip
        found = []
        for page in pages:
            taken = []
            for _ in range(9):
                started = time.process_time()
                answer = await client.get(page)
                taken.append(1000 * (time.process_time() - started))
                assert answer.status_code == 200, (page, answer.status_code, answer.text[-400:])
            name = page.replace(issue.id, "ISSUE").replace(story, "STORY")
            found.append((name, statistics.median(taken), max(taken[1:])))
        csrf = re.findall(r'name="csrf" value="([^"]+)"', (await client.get("/desk")).text)[0]
        acts = [
            (f"POST {here}/arrange (down)", f"{here}/arrange", {"act": "down", "story": story}),
            ("POST check, as somebody types", f"{here}/stories/{story}/check",
             {"headline": "Ellery votes on bridges", "version": "1"}),
        ]  # fmt: skip
        for name, path, fields in acts:
            taken = []
            for seen in range(5):
                started = time.process_time()
                await client.post(
                    path,
                    data={**fields, "csrf": csrf, "seen": str(seen)},
                    headers={"Origin": base},
                )
                taken.append(1000 * (time.process_time() - started))
            found.append((name.replace(issue.id, "ISSUE"), statistics.median(taken), max(taken)))
        return found


def two_editors(seconds: float) -> None:
    """Let two editors, two approvers and the scheduler work on one issue at once, and count."""
    from newsletter.model import IssueState
    from tests.conftest import StillClock
    from tests.web.desk.at_once import work_at_once
    from tests.web.desk.day import NOON, copy_of
    from tests.web.desk.day import prepare as invented

    with tempfile.TemporaryDirectory() as folder:
        day = Path(folder) / "day"
        day.mkdir()
        config = invented(day)
        room = copy_of(day, config, Path(folder) / "place", StillClock(NOON))
        issue = room.issues.recent(1)[0]
        tally = work_at_once(room, issue.id, seconds=seconds)
        state = room.issues.find(issue.id).state
        room.close()
    print(f"two editors, two approvers and the scheduler on one issue for {seconds:.0f} s")
    for what, number in sorted(tally.told.items()):
        print(f"  {what:<20} {number:>6,}")
    print(f"  lost or doubled      {len(tally.wrong):>6,}   ends {IssueState(state).value}")
    for one in tally.wrong[:10]:
        print(f"    {one}")


def main(words: Sequence[str] = ()) -> None:
    """Print the table; ``--two-editors SECONDS`` prints what editors at once are told instead."""
    words = words or sys.argv[1:]
    if "--two-editors" in words:
        two_editors(float(words[words.index("--two-editors") + 1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        room = prepare(Path(folder))
        rows = asyncio.run(measure(room))
        articles_there = room.articles.count()
        room.close()
    print(f"desk pages on a day of {articles_there:,} articles, processor time in ms")
    print(f"{'page':<52} {'median':>8} {'worst':>8}")
    for name, median, worst in sorted(rows, key=lambda row: -row[1]):
        print(f"{name:<52} {median:>8.1f} {worst:>8.1f}")


if __name__ == "__main__":
    main()
