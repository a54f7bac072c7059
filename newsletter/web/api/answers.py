"""What the API says: the shapes of its answers, as its description lists them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, Field

# A NUL in a value is refused here, because PostgreSQL cannot take one.
Word = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Number = Annotated[int, Path(ge=1, le=2**62, description="The number of the thing.")]
Name = Annotated[
    str, Path(max_length=120, pattern=r"^[^\x00-\x1f\x7f/]+$", description="The id of the thing.")
]
Limit = Annotated[int, Query(ge=1, le=500, description="The most items on a page.")]
AfterNumber = Annotated[
    int, Query(ge=0, le=2**62, description="The `next` of the page before, or 0.")
]
AfterName = Annotated[
    str,
    Query(
        max_length=120,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="The `next` of the page before, or empty.",
    ),
]
Choice = Annotated[
    str, Query(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$", description="Only those; empty: all.")
]


class Problem(BaseModel):
    """An error (RFC 9457)."""

    title: str
    status: int
    detail: str = ""


class Subscription(BaseModel):
    """One edition a reader gets, got, or asked for."""

    edition: str
    state: str
    since: datetime


class ReaderOut(BaseModel):
    """A reader."""

    id: int
    email: str
    name: str
    country: str
    language: str
    timezone: str
    state: str
    joined: datetime
    source: str
    frequency: str
    format: str
    send_at: str
    tracking: bool
    paused_until: datetime | None
    last_click: datetime | None
    topics: list[str]
    lists: list[str]
    attributes: dict[str, str]
    subscriptions: list[Subscription]


class Readers(BaseModel):
    """A page of readers."""

    items: list[ReaderOut]
    next: str | None = None


class IssueOut(BaseModel):
    """An issue, without its text."""

    id: str
    edition: str
    day: date
    state: str
    revision: int
    created: datetime
    approved_by: str
    approved_at: datetime | None
    send_started: datetime | None
    send_ended: datetime | None


class Issues(BaseModel):
    """A page of issues."""

    items: list[IssueOut]
    next: str | None = None


class StoryOut(BaseModel):
    """A story."""

    id: str
    slug: str
    headline: str
    section: str
    first_seen: datetime
    updated: datetime
    mailed: datetime | None


class Stories(BaseModel):
    """A page of stories."""

    items: list[StoryOut]
    next: str | None = None


class DeliveryOut(BaseModel):
    """One reader's copy of an issue."""

    id: int
    issue: str
    reader: int
    segment: str
    variant: str
    state: str
    reason: str
    attempt: int
    changed: datetime


class Deliveries(BaseModel):
    """A page of deliveries."""

    items: list[DeliveryOut]
    next: str | None = None


class EventOut(BaseModel):
    """Something a provider reported about a delivery."""

    id: int
    issue: str
    reader: int
    kind: str
    at: datetime
    received: datetime
    detail: str


class Events(BaseModel):
    """A page of events."""

    items: list[EventOut]
    next: str | None = None


class SegmentOut(BaseModel):
    """A segment and how many readers it has now."""

    name: str
    title: str
    edition: str
    test: bool
    where: list[dict[str, Any]]
    exclude: list[str]
    readers: int


class Segments(BaseModel):
    """All segments; there are few, so they come on one page."""

    items: list[SegmentOut]
    next: str | None = None


class Accepted(BaseModel):
    """The answer to a sign-up; it is the same for every address."""

    status: str = "accepted"
    sentence: str


class SignUpIn(BaseModel):
    """A sign-up."""

    email: Annotated[str, Field(max_length=320)]
    edition: Word = ""
    topics: Annotated[list[Word], Field(max_length=50)] = []
    language: Word = ""
    source: Word = "API"


class ReaderChange(BaseModel):
    """What may be changed about a reader; what is left out stays as it is."""

    name: Word | None = None
    country: Word | None = None
    language: Word | None = None
    timezone: Word | None = None
    topics: Annotated[list[Word], Field(max_length=50)] | None = None
    lists: Annotated[list[Word], Field(max_length=50)] | None = None
    attributes: Annotated[dict[Word, Word], Field(max_length=50)] | None = None
