"""A small house for delivery tests: an invented issue, its readers, and a clock that is told."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import insert, select

from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import Database
from newsletter.database.tables import issues, readers, subscriptions
from newsletter.delivery.letter import IssueMail, prepare_issue
from newsletter.model import Delivery, Letter, Rendered

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ISSUE = "daily-2026-05-04"
TAG = "Zq7mX2bV9cLk"


class Watch:
    """A clock that goes on only when somebody sleeps."""

    def __init__(self, now: datetime = NOON):
        self.now = now
        self.slept = 0.0

    def __call__(self) -> datetime:
        """The time it was told."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time go by without waiting."""
        self.slept += seconds
        self.now += timedelta(seconds=seconds)


def words(prefix: str = "w") -> Callable[[], str]:
    """Words that are never the same twice."""
    numbers = itertools.count()
    return lambda: f"{prefix}{next(numbers):06d}"


def rendered(variant: str = "", tag: str = TAG, subject: str = "Both sides, Monday") -> Rendered:
    """A short rendering with every token in both parts."""
    return Rendered(
        subject=subject,
        preheader="",
        html=(
            "<!doctype html><html><body><h1>Café opens; mayor says “finally”</h1>"
            f'<p>{tag}_because_ <a href="{tag}_preferences_">Preferences</a> '
            f'<a href="{tag}_unsubscribe_">Unsubscribe</a></p>' + "<p>long line </p>" * 40 + "\n"
            ".a line that begins with a dot\n</body></html>\n"
        ),
        text=(
            "Café opens\n==========\n.dot\n\n"
            f"{tag}_because_\nUnsubscribe: {tag}_unsubscribe_\nPreferences: {tag}_preferences_\n"
        ),
        tag=tag,
        variant=variant,
    )


def issue_mail(
    *variants: Rendered, base_url: str = "https://news.example.org", issue: str = ISSUE
) -> IssueMail:
    """The issue, ready to be written to readers."""
    return prepare_issue(
        issue,
        variants or (rendered(),),
        date=NOON,
        from_email="news@example.org",
        from_name="Both Sides Daily",
        reply_to="editor@example.org",
        base_url=base_url,
        edition="daily",
        edition_title="The daily issue",
    )


def delivery(number: int, *, email: str = "", variant: str = "") -> Delivery:
    """The claimed row of one invented reader."""
    return Delivery(
        id=number,
        key=f"key{number:06d}",
        issue=ISSUE,
        reader=number,
        email=email or f"reader{number}@example.org",
        name="",
        token=f"tok{number:05d}",
        segment="all",
        joined=NOON - timedelta(days=number % 300),
        variant=variant,
    )


def letters(count: int, mail: IssueMail | None = None) -> list[Letter]:
    """Letters to invented readers."""
    return (mail or issue_mail()).letters([delivery(number) for number in range(1, count + 1)])


def people(database: Database, count: int, *, issue: str = ISSUE) -> None:
    """Put an issue and active readers of its edition into a database."""
    with database.begin() as connection:
        connection.execute(
            insert(issues).values(
                id=issue,
                edition="daily",
                day=date(2026, 5, 4),
                state="approved",
                revision=1,
                created=NOON,
                approved_by="ed",
                approved_sha256="",
            )
        )
        rows = [
            {
                "id": number,
                "email": f"reader{number}@example.org",
                "address_key": f"reader{number}@example.org",
                "email_domain": "example.org",
                "name": "",
                "country": "",
                "language": "",
                "timezone": "",
                "state": "active",
                "token": f"tok{number:06d}",
                "joined": NOON - timedelta(days=40),
                "source": "test",
                "attributes": {},
            }
            for number in range(1, count + 1)
        ]
        if rows:
            connection.execute(insert(readers), rows)
            connection.execute(
                insert(subscriptions),
                [
                    {"reader": row["id"], "edition": "daily", "state": "active", "since": NOON}
                    for row in rows
                ],
            )


def freeze(ledger: DeliveryLedger, *, issue: str = ISSUE, chunk: int = 10_000) -> int:
    """Freeze everybody who is subscribed; how many letters the issue has."""
    everybody = select(subscriptions.c.reader, subscriptions.c.edition).where(
        subscriptions.c.edition == "daily"
    )
    ledger.freeze(issue, everybody, random_word=words("k"), now=NOON, chunk=chunk)
    return sum(ledger.states(issue).values())


def addresses(letters_: Sequence[Letter]) -> list[str]:
    """Where letters went, sorted."""
    return sorted(letter.to for letter in letters_)
