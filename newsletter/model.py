"""The words of the trade, as frozen data.

Everything that travels between two stages is one of these. They hold no behaviour beyond what
follows from their own fields, import nothing but the standard library, and never change: a new
version is a new object. Times are aware UTC. Identifiers are plain strings and stable over runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

# --------------------------------------------------------------------------- sources


class Side(StrEnum):
    """Where a reader would place an outlet, folded to three. Center is a place, not the truth."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


class Lean(StrEnum):
    """The rating of an outlet. ``UNRATED`` is the honest default; nothing is center by default."""

    LEFT = "left"
    LEAN_LEFT = "lean-left"
    CENTER = "center"
    LEAN_RIGHT = "lean-right"
    RIGHT = "right"
    UNRATED = "unrated"

    @property
    def side(self) -> Side | None:
        """The side this lean counts for; None when unrated."""
        return _SIDE_OF_LEAN[self]


_SIDE_OF_LEAN: dict[Lean, Side | None] = {
    Lean.LEFT: Side.LEFT,
    Lean.LEAN_LEFT: Side.LEFT,
    Lean.CENTER: Side.CENTER,
    Lean.LEAN_RIGHT: Side.RIGHT,
    Lean.RIGHT: Side.RIGHT,
    Lean.UNRATED: None,
}


class Kind(StrEnum):
    """What sort of text an article is."""

    NEWS = "news"
    OPINION = "opinion"
    ANALYSIS = "analysis"
    LIVE = "live"
    WIRE = "wire"
    PRESS_RELEASE = "press-release"


class Paywall(StrEnum):
    """Whether a reader who follows a link will be asked to pay."""

    NONE = "none"
    METERED = "metered"
    SUBSCRIPTION = "subscription"
    UNKNOWN = "unknown"


class Dated(StrEnum):
    """How an article came by its date."""

    STATED = "stated"
    """The feed says it, with a zone."""
    ASSUMED = "assumed"
    """The feed says it without a zone or in an ambiguous form; UTC or day-first was assumed."""
    ABSENT = "absent"
    """The feed says nothing usable; the time of first sight stands in."""
    FUTURE = "future"
    """The feed says a time that has not come yet; the time of first sight stands in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """A publisher's title as readers know it: a newspaper, a site, a broadcaster.

    ``family`` is the publisher family: outlets of one family count once in coverage.
    ``provenance`` says where the lean comes from, one sentence an entry.
    """

    id: str
    name: str
    domains: tuple[str, ...] = ()
    family: str = ""
    owner: str = ""
    country: str = ""
    lean: Lean = Lean.UNRATED
    kind: str = "news"
    paywall: Paywall = Paywall.UNKNOWN
    provenance: tuple[str, ...] = ()


class FeedState(StrEnum):
    """Whether a feed is asked, and if not, why not."""

    ACTIVE = "active"
    PARKED = "parked"
    """Failed so often that a person should look; tried rarely."""
    RETIRED = "retired"
    """The server said 410 Gone, or an operator retired it; never asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One address of an outlet, and what is known about asking it.

    ``interval`` is seconds between two visits. ``etag``, ``modified`` and ``body_hash`` are the
    validators of the last good answer. ``problem`` is the last failure in one sentence.
    """

    url: str
    outlet: str
    section: str = ""
    state: FeedState = FeedState.ACTIVE
    etag: str = ""
    modified: str = ""
    body_hash: str = ""
    interval: int = 900
    next_visit: datetime | None = None
    last_visit: datetime | None = None
    last_success: datetime | None = None
    last_change: datetime | None = None
    failures: int = 0
    problem: str = ""
    moved_to: str = ""
    page_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One piece by one outlet, cleaned: plain text everywhere, an http(s) link, a UTC time.

    ``id`` is stable over re-fetches. ``same_as`` names the article this one is a near-identical
    copy of (wire copy); a copy is shown, but adds no voice to coverage.
    """

    id: str
    outlet: str
    url: str
    title: str
    summary: str = ""
    text: str = ""
    author: str = ""
    published: datetime
    dated: Dated = Dated.STATED
    first_seen: datetime
    lang: str = "en"
    kind: Kind = Kind.NEWS
    section: str = ""
    feed: str = ""
    same_as: str = ""

    @property
    def words(self) -> str:
        """The longest text there is of this article, without its title."""
        return self.text if len(self.text) >= len(self.summary) else self.summary


# --------------------------------------------------------------------------- stories


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Articles about one event. The id and slug come from its first headline and stay.

    ``articles`` are article ids, oldest first. ``headline`` is the title of the most typical
    article, to speak of the story before a brief is written.
    """

    id: str
    slug: str
    headline: str
    articles: tuple[str, ...]
    section: str = ""
    first_seen: datetime
    updated: datetime
    mailed: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SideCoverage:
    """How much of one side covers a story."""

    articles: int = 0
    families: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Who covers a story, counted in publisher families; the unrated are shown, not hidden.

    ``blindspot`` is the side that (nearly) does not cover a story that others cover widely.
    """

    left: SideCoverage = field(default_factory=SideCoverage)
    center: SideCoverage = field(default_factory=SideCoverage)
    right: SideCoverage = field(default_factory=SideCoverage)
    unrated: SideCoverage = field(default_factory=SideCoverage)
    outlets: int = 0
    blindspot: Side | None = None

    def of(self, side: Side | None) -> SideCoverage:
        """The counts of one side; None asks for the unrated."""
        if side is None:
            return self.unrated
        return {Side.LEFT: self.left, Side.CENTER: self.center, Side.RIGHT: self.right}[side]

    @property
    def rated_families(self) -> int:
        """Families with a known lean."""
        return self.left.families + self.center.families + self.right.families

    @property
    def families(self) -> int:
        """All families, rated or not."""
        return self.rated_families + self.unrated.families

    @property
    def articles(self) -> int:
        """All articles, rated or not."""
        return (
            self.left.articles + self.center.articles + self.right.articles + self.unrated.articles
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One day in the life of a story: how many articles came, and the title that was new."""

    day: date
    articles: int
    headline: str


class When(StrEnum):
    """Where a related story lies in time."""

    EARLIER = "earlier"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedStory:
    """Another story about the same matter, before or after: linked, not merged.

    ``day`` is the UTC date the other story was first seen on. ``likeness`` runs from 0 to 1.
    """

    story: str
    slug: str
    headline: str
    when: When
    day: date
    likeness: float = 0.0


class LockKind(StrEnum):
    """What an editor decided about a story."""

    MERGE = "merge"
    SPLIT = "split"
    MOVE = "move"
    RENAME = "rename"
    PIN = "pin"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLock:
    """One decision of an editor, which holds against every later run of grouping.

    ``articles`` stay in one story, and none of them shares it with one of ``apart``. ``story`` is
    the story that keeps its id: the one merged into, moved to, split, renamed or pinned. ``other``
    is the story merged away, moved from or split off. ``title`` belongs to a rename. ``id`` is 0
    until the lock is stored.
    """

    id: int = 0
    kind: LockKind
    story: str
    articles: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    other: str = ""
    title: str = ""
    by: str
    at: datetime


# --------------------------------------------------------------------------- briefs


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A verbatim span of an article that a sentence of ours rests on.

    ``start`` and ``end`` are character offsets into the article's text (``Article.words``).
    """

    article: str
    text: str
    start: int = 0
    end: int = 0
    speaker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of the overview with the articles it rests on."""

    text: str
    citations: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullet:
    """One point of one side: text, the verbatim quotations in it, and the articles cited."""

    text: str
    quotes: tuple[str, ...]
    citations: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()


class SideStatus(StrEnum):
    """Why a side has bullets or has none."""

    OK = "ok"
    NO_COVERAGE = "no_coverage"
    TOO_THIN = "too_thin"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBrief:
    """What one side says about a story. ``lead`` is the article to read from this side."""

    status: SideStatus
    bullets: tuple[Bullet, ...] = ()
    lead: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberClaim:
    """One figure and the articles that give it."""

    value: str
    citations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersDiffer:
    """Where sources disagree about one quantity, side by side."""

    about: str
    claims: tuple[NumberClaim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFinding:
    """One check that one block of a brief did not pass, in one sentence."""

    gate: str
    block: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """One version of a story's text, with everything it rests on.

    ``findings`` are the gates that failed on the way (and what was done about it is in the
    text: a failing block was replaced). ``withheld`` says why a story may not be shown at all.
    """

    story: str
    headline: str
    deck: str
    overview: tuple[Sentence, ...]
    left: SideBrief
    center: SideBrief
    right: SideBrief
    highlights: dict[str, str | None] = field(default_factory=dict)
    coverage: Coverage = field(default_factory=Coverage)
    differ: tuple[NumbersDiffer, ...] = ()
    only: dict[Side, str] = field(default_factory=dict)
    writer: str = "extract"
    findings: tuple[GateFinding, ...] = ()
    withheld: str = ""
    version: int = 0

    def of(self, side: Side) -> SideBrief:
        """What one side says."""
        return {Side.LEFT: self.left, Side.CENTER: self.center, Side.RIGHT: self.right}[side]


# --------------------------------------------------------------------------- issues


class IssueState(StrEnum):
    """Where an issue is on its way."""

    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    PARTLY_SENT = "partly_sent"
    CANCELLED = "cancelled"


class Place(StrEnum):
    """How a story stands in an issue."""

    TOP = "top"
    SHORT = "short"
    ONE_SIDED = "one_sided"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """An article as an issue names it: who, what, where, and what to expect there."""

    article: str
    outlet: str
    title: str
    url: str
    side: Side | None
    kind: Kind
    paywall: Paywall
    published: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueStory:
    """One story as it stands in an issue: the brief and every source it names."""

    story: str
    slug: str
    place: Place
    section: str
    brief: Brief
    sources: dict[str, SourceLine]
    history: tuple[HistoryEntry, ...] = ()
    related: tuple[RelatedStory, ...] = ()
    update: bool = False
    seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueContent:
    """Everything an issue says, before it is rendered."""

    edition: str
    day: date
    stories: tuple[IssueStory, ...]
    articles: int
    outlets: int
    seconds: int
    corrections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """An issue as bytes to be: subject, HTML and text with reader tags still in place.

    ``tag`` is this issue's random marker; ``{tag}name`` tokens are the only places where a
    reader's own words and links are joined in (see :mod:`newsletter.delivery.letter`).
    """

    subject: str
    preheader: str
    html: str
    text: str
    tag: str
    variant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One saved state of an issue. ``sha256`` covers all that would be sent."""

    issue: str
    number: int
    made: datetime
    content: IssueContent
    rendered: tuple[Rendered, ...]
    sha256: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An edition on a local date. ``approved_sha256`` binds the approval to the bytes."""

    id: str
    edition: str
    day: date
    state: IssueState
    revision: int
    created: datetime
    approved_by: str = ""
    approved_at: datetime | None = None
    approved_sha256: str = ""
    send_started: datetime | None = None
    send_ended: datetime | None = None


# --------------------------------------------------------------------------- readers


class ReaderState(StrEnum):
    """Whether a person gets mail."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A subscriber. ``token`` is the short random word in this reader's own links."""

    id: int
    email: str
    state: ReaderState
    token: str
    name: str = ""
    country: str = ""
    language: str = ""
    timezone: str = ""
    topics: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    joined: datetime
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One person of an import file, checked and cleaned, on their way to the database.

    ``line`` is the line of the file the row begins on. ``email`` is the address to write to;
    ``address_key`` is the address as it is compared: case folded, domain in its ASCII form.
    An empty word means that the file says nothing about it. ``attributes`` are (name, value) of
    columns the operator asked to keep. ``since`` is the day a person agreed elsewhere.
    """

    line: int
    email: str
    address_key: str
    email_domain: str
    name: str = ""
    country: str = ""
    language: str = ""
    timezone: str = ""
    topics: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    since: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A row of an import file that was not taken, and why.

    ``value`` is the offending cell, shortened and without characters that could harm a terminal.
    """

    line: int
    column: str
    value: str
    reason: str


# --------------------------------------------------------------------------- delivery


class DeliveryState(StrEnum):
    """Where one reader's copy of an issue is. Only forward; see docs/operating.md."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    HANDED = "handed"
    DEFERRED = "deferred"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One reader's copy of one issue, claimed for sending.

    ``key`` is the opaque id that travels to the provider and back; it says nothing about the
    reader. ``variant`` names which rendering this reader gets.
    """

    id: int
    key: str
    issue: str
    reader: int
    email: str
    name: str
    token: str
    segment: str
    joined: datetime
    variant: str = ""
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a transport gets: one message for one reader.

    ``values`` are the reader's own words and links by token name; transports that join on their
    side (SendGrid) send them, the others find them already joined in by ``letter.join``.
    """

    key: str
    to: str
    to_name: str
    message_id: str
    list_unsubscribe: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a transport says of one letter.

    ``state`` is one of accepted, rejected, deferred, skipped, unknown. ``reason`` is one
    sentence. ``wait`` is how many seconds the provider asks for before it is given more.
    """

    key: str
    state: DeliveryState
    reason: str = ""
    provider_id: str = ""
    wait: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something a provider reported later about one delivery."""

    key: str
    kind: str
    at: datetime
    detail: str = ""


# --------------------------------------------------------------------------- events about people


class FarewellKind(StrEnum):
    """What ends, or may end, a reader's mail."""

    HARD_BOUNCE = "hard-bounce"
    """The mailbox is gone; never written to again."""
    SOFT_BOUNCE = "soft-bounce"
    """The mailbox did not take one letter; counted, and suppressed after a limit."""
    COMPLAINT = "complaint"
    """The reader marked a letter as spam; never written to again."""
    UNSUBSCRIBE = "unsubscribe"
    """The reader left, by a link of the provider or by mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """Word from outside about one person's mail, by the reader's number or by address.

    ``at`` is when it happened, ``detail`` what was said, such as the answer of a mail server;
    both stand in the reader's history.
    """

    kind: FarewellKind
    at: datetime
    reader: int = 0
    email: str = ""
    detail: str = ""
