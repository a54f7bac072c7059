"""A newsroom whose issues are made and sent in no time, for tests that live through years."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from newsletter.config import Config
from newsletter.database.engine import Database
from newsletter.issue.approve import digest
from newsletter.model import Issue, IssueContent, IssueState, Rendered
from newsletter.newsroom import Newsroom
from newsletter.schedule import Arrows
from tests.conftest import StillClock


def room_on(database: Database, clock: StillClock, folder: Path, **edition: object) -> Newsroom:
    """A newsroom with one edition of the given settings."""
    config = Config.model_validate(
        {"root": folder, "file": folder / "config.toml", "editions": {"daily": edition}}
    )
    return Newsroom(config=config, database=database, clock=clock)


def configured(room: Newsroom, **sections: dict[str, object]) -> Newsroom:
    """The same newsroom with some keys of some sections changed."""
    changed = {
        name: getattr(room.config, name).model_copy(update=keys) for name, keys in sections.items()
    }
    return replace(room, config=room.config.model_copy(update=changed))


@dataclass
class Days:
    """What was made and sent, by local date."""

    drafted: Counter[date] = field(default_factory=Counter)
    sent: Counter[date] = field(default_factory=Counter)
    moments: dict[date, datetime] = field(default_factory=dict)

    def draft(self, room: Newsroom, edition: str, day: date) -> None:
        """Make an approved issue of nothing."""
        self.drafted[day] += 1
        make_issue(room, edition, day)

    def send(self, room: Newsroom, issue: Issue, _stop: Callable[[], bool]) -> None:
        """Send it at once."""
        self.sent[issue.day] += 1
        self.moments[issue.day] = room.clock()
        sent = replace(
            issue, state=IssueState.SENT, send_started=room.clock(), send_ended=room.clock()
        )
        room.issues.change(issue, sent)

    @property
    def arrows(self) -> Arrows:
        """What the bells set off."""
        return Arrows(draft=self.draft, approve=approved, send=self.send)


def make_issue(room: Newsroom, edition: str, day: date) -> Issue:
    """A draft without stories."""
    content = IssueContent(edition=edition, day=day, stories=(), articles=0, outlets=0, seconds=0)
    rendered = Rendered(
        subject="S",
        preheader="",
        html="<p>a1b2c3d4_unsubscribe_</p>",
        text="a1b2c3d4_unsubscribe_",
        tag="a1b2c3d4",
    )
    return room.issues.save_draft(
        content, (rendered,), sha256=digest((rendered,)), made=room.clock()
    )


def approved(room: Newsroom, issue: Issue) -> Issue:
    """Approve without looking."""
    after = replace(
        issue,
        state=IssueState.APPROVED,
        approved_by="policy",
        approved_at=room.clock(),
        approved_sha256=room.issues.revision(issue).sha256,
    )
    return room.issues.change(issue, after)


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
