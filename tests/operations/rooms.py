"""Newsrooms with an issue, and ways of telling that remember."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert, update

from newsletter.audience.importing import read_rows
from newsletter.database.engine import Database
from newsletter.database.tables import feeds, outlets
from newsletter.errors import DeliveryError
from newsletter.model import Feed, Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.operations.tell import Notice
from tests.conftest import StillClock
from tests.schedule.rooms import approved, make_issue, room_on


@dataclass
class Heard:
    """A way of telling that remembers, and can be broken."""

    name: str = "heard"
    notices: list[Notice] = field(default_factory=list)
    broken: bool = False

    def tell(self, room: Newsroom, notices: Sequence[Notice]) -> None:
        """Remember all of it."""
        if self.broken:
            raise DeliveryError("heard", "is broken")
        self.notices += notices

    @property
    def said(self) -> list[tuple[str, bool]]:
        """What was told: its key, and whether it was its end."""
        return [(one.key, one.over) for one in self.notices]


def sent(room: Newsroom, issue: Issue, state: IssueState = IssueState.SENT) -> Issue:
    """An issue in a later state."""
    found = room.issues.find(issue.id)
    if found.state is IssueState.DRAFT:
        found = approved(room, found)
    after = replace(found, state=state, send_started=room.clock(), send_ended=room.clock())
    return room.issues.change(found, after)


def people(room: Newsroom, count: int, folder: Path, *, zone: str = "") -> None:
    """Some readers of the daily edition."""
    rows = "".join(f"reader{number}@example.org,{zone}\n" for number in range(count))
    room.readers.import_rows(
        read_rows(io.BytesIO(f"email,timezone\n{rows}".encode())),
        source="people.csv",
        consent="paper form",
        editions=("daily",),
        now=room.clock(),
        token=room.token,
        refusals=folder / "refused.csv",
    )


def sending(room: Newsroom, folder: Path, count: int = 4) -> Issue:
    """An issue of today that is being sent to some readers, all letters queued."""
    people(room, count, folder)
    issue = make_issue(room, "daily", room.local_day("daily"))
    issue = sent(room, issue, IssueState.SENDING)
    room.ledger.freeze(
        issue.id,
        room.readers.audience("daily", {}),
        random_word=room.tag,
        now=room.clock(),
    )
    return issue


def give_feeds(room: Newsroom, clock: StillClock, *, bad: int, days: float) -> Newsroom:
    """Ten feeds of which some fail and were last well some days ago."""
    asked = [Feed(url=f"https://a{number}.example/f", outlet="a") for number in range(10)]
    with room.database.begin() as connection:
        connection.execute(
            insert(outlets).values(
                id="a",
                name="A",
                domains=[],
                family="a",
                owner="",
                country="",
                lean="left",
                kind="news",
                paywall="no",
                provenance=[],
            )
        )
    room.articles.sync_sources([], asked)
    last = clock() - timedelta(days=days)
    with room.database.begin() as connection:
        connection.execute(update(feeds).values(last_visit=clock(), last_success=clock()))
        for feed in asked[:bad]:
            connection.execute(
                update(feeds)
                .where(feeds.c.url == feed.url)
                .values(failures=3, last_success=last, problem="no answer")
            )
    found = replace(room)
    object.__setattr__(found, "feeds", tuple(asked))
    return found


__all__ = [
    "Database",
    "Heard",
    "StillClock",
    "approved",
    "give_feeds",
    "make_issue",
    "people",
    "room_on",
    "sending",
    "sent",
]
