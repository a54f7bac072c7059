"""The words of the trade, as frozen data.

Everything that travels between two stages is one of these. They hold no behaviour beyond what
follows from their own fields, import nothing but the standard library, and never change: a new
version is a new object. Times are aware UTC. Identifiers are plain strings and stable over runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

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
    CORRECTED = "corrected"
    """An editor says it."""


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
    ``since`` is when the trouble it is in began, None without any. ``seconds`` is how long the
    last answer took to fetch.
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
    since: datetime | None = None
    seconds: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One piece by one outlet, cleaned: plain text everywhere, an http(s) link, a UTC time.

    ``id`` is stable over re-fetches. ``same_as`` names the article this one is a near-identical
    copy of (wire copy); a copy is shown, but adds no voice to coverage. ``paywall`` is what the
    article's own page says; unknown where it says nothing or was not read.
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
    paywall: Paywall = Paywall.UNKNOWN

    @property
    def words(self) -> str:
        """The longest text there is of this article, without its title."""
        return self.text if len(self.text) >= len(self.summary) else self.summary


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleCorrection:
    """What an editor knows better about an article than its feed; None leaves the feed's word."""

    article: str
    kind: Kind | None = None
    published: datetime | None = None


# --------------------------------------------------------------------------- stories


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Articles about one event. The id and slug come from its first headline and stay.

    ``articles`` are article ids, oldest first. ``headline`` is the title of the most typical
    article, to speak of the story before a brief is written. ``far`` are those of ``articles``
    that look out of place, for an editor to look at.
    """

    id: str
    slug: str
    headline: str
    articles: tuple[str, ...]
    section: str = ""
    first_seen: datetime
    updated: datetime
    mailed: datetime | None = None
    far: tuple[str, ...] = ()


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
    is the story merged away, moved from or split off, and ``came`` are those of ``articles`` that
    came from it. ``title`` is the headline a rename gives, else the one that ``story``
    had until then. ``id`` is 0 until the lock is stored.
    """

    id: int = 0
    kind: LockKind
    story: str
    articles: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    other: str = ""
    came: tuple[str, ...] = ()
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
    ``writer`` is the program's writer; ``edited_by`` is the person whose version it is, if any.
    ``news`` is what is new since the story was mailed, set when it comes back in an issue.
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
    edited_by: str = ""
    news: Sentence | None = None

    def of(self, side: Side) -> SideBrief:
        """What one side says."""
        return {Side.LEFT: self.left, Side.CENTER: self.center, Side.RIGHT: self.right}[side]


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefEdit:
    """What a person changes in a brief. None, or a side that is not named, stays as it is.

    An empty deck is taken away; so is a side's lead given as None. Of sentences and bullets only
    text and citations are read: quotations and evidence are found again in the cited articles.
    """

    headline: str | None = None
    deck: str | None = None
    overview: tuple[Sentence, ...] | None = None
    bullets: dict[Side, tuple[Bullet, ...]] = field(default_factory=dict)
    leads: dict[Side, str | None] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefVersion:
    """One stored version of a story's text: who or what made it, when, from what.

    ``by`` is a person, empty where the program wrote it. ``model`` and ``prompt`` (a hash) are
    empty for text that no language model wrote. ``base`` is the version it was made from, 0 for
    none. ``shown`` marks the one version that readers get. ``held`` means that it is a person's
    and no later run replaces it; ``offered`` that it was written while a person's was held.
    ``sources`` is the hash of the articles and settings it was written from.
    """

    story: str
    version: int
    made: datetime
    writer: str
    model: str = ""
    prompt: str = ""
    by: str = ""
    note: str = ""
    base: int = 0
    shown: bool = False
    held: bool = False
    offered: bool = False
    sources: str = ""
    withheld: str = ""
    brief: Brief


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotable:
    """A passage that could stand in a brief, ready to be taken over, with what it is worth.

    ``bullet`` is it as a point of its side; for the overview ``sentence`` is it as a sentence.
    ``used`` tells that the brief says it already. ``value`` compares within one list only.
    """

    article: str
    outlet: str
    opinion: bool
    value: float
    used: bool
    evidence: Evidence
    bullet: Bullet | None = None
    sentence: Sentence | None = None


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
class Correction:
    """What a person put right in a story that readers have: who, when, and what it says now.

    ``sentence`` says what was wrong. ``before`` and ``after`` are words of the story as they
    stood and as they stand; both are empty when no single wording was at fault. ``headline`` and
    ``section`` are the story's when it was told.
    """

    id: str
    story: str
    slug: str
    headline: str
    section: str = ""
    sentence: str
    before: str = ""
    after: str = ""
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueContent:
    """Everything an issue says, before it is rendered."""

    edition: str
    day: date
    stories: tuple[IssueStory, ...]
    articles: int
    outlets: int
    seconds: int
    corrections: tuple[Correction, ...] = ()


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
class IssueLink:
    """A link of an issue to an article or to a story page, by its number in the issue.

    ``story`` is the id of the story it stands in. ``side`` is the side of the article ("left",
    "center", "right"), "unrated" where its outlet has none, and empty for a story page.
    """

    number: int
    url: str
    story: str
    side: str


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
    """An edition on a local date. ``approved_sha256`` binds the approval to the bytes.

    ``corrects`` names the issue whose readers get this one, when it is no issue of its own but a
    correction notice to one; its ``edition`` is then "daily#..." so that a date can have several.
    """

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
    corrects: str = ""

    @property
    def publication(self) -> str:
        """The edition whose readers get this, also for a correction notice."""
        return self.edition.partition("#")[0]


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


class Delivery(NamedTuple):
    """One reader's copy of one issue, claimed for sending.

    It, :class:`Letter` and :class:`Outcome` are made a million times in a send; a named tuple is
    as frozen as the other words here, and made three times as fast.

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
    transport: str = ""


class Letter(NamedTuple):
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
class Mail:
    """A single mail to one person: a confirmation, an alert, a test. Not part of an issue's send.

    ``key`` names the occasion, such as ``confirm-123``: a second mail of the same key is never
    made. ``word`` is the opaque name it travels under. ``name`` is its template and ``values`` are
    what that takes. ``reader`` is 0 and ``token`` empty when it goes to nobody on the list.
    """

    key: str
    word: str
    name: str
    to: str
    values: dict[str, Any]
    reader: int = 0
    token: str = ""
    joined: datetime | None = None
    content: str = ""
    attempt: int = 0
    made: datetime | None = None


class Outcome(NamedTuple):
    """What a transport says of one letter.

    ``state`` is one of accepted, rejected, deferred, skipped, unknown. ``reason`` is one
    sentence. ``wait`` is how many seconds the provider asks for before it is given more;
    ``later`` how many seconds this letter alone should wait.
    """

    key: str
    state: DeliveryState
    reason: str = ""
    provider_id: str = ""
    wait: float = 0.0
    later: float = 0.0


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


# --------------------------------------------------------------------------- the desk


class Role(StrEnum):
    """What a person is on the desk; :mod:`newsletter.editors.roles` says what each may do."""

    EDITOR = "editor"
    PUBLISHER = "publisher"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor:
    """A person of the desk.

    ``password`` is a hash, empty until an invitation is taken up. ``totp`` is the secret of the
    second factor, empty without one; ``totp_pending`` is one that no code was shown for yet, and
    ``totp_last`` the step of time of the newest code used. ``failures`` in a row make the account
    wait. ``subject`` is who they are at the provider of single sign-on, empty until they came in by
    it once.
    """

    id: int
    email: str
    name: str
    role: Role
    password: str = ""
    subject: str = ""
    totp: str = ""
    totp_pending: str = ""
    totp_last: int = 0
    made: datetime
    removed: datetime | None = None
    failures: int = 0
    failed: datetime | None = None

    @property
    def shown(self) -> str:
        """The name, or the address where there is none."""
        return self.name or self.email


class Stage(StrEnum):
    """How far somebody who signs in has come."""

    PASSWORD = "password"  # noqa: S105 - a word for a stage, not a secret
    """The password was right; the second factor is still to come. Opens no page."""
    FULL = "full"


class Proof(StrEnum):
    """What somebody showed of themselves when they signed in, before any code of ours."""

    PASSWORD = "password"  # noqa: S105 - a word for a way in, not a secret
    PROVIDER = "provider"
    TWO_FACTORS = "two factors"
    """The provider of single sign-on asked for a second factor, and its word counts here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser of one person. ``seen`` is the last sign of life, to a minute.

    ``hash`` stands for the random word that the browser holds; the word itself is kept nowhere.
    """

    hash: str
    editor: int
    stage: Stage
    csrf: str
    made: datetime
    seen: datetime
    origin: str = ""
    agent: str = ""
    tries: int = 0
    proof: Proof = Proof.PASSWORD


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """What an editor decided about the stories of one issue; the rest follows the ranking.

    ``order`` are story ids as they are to stand, the others after them. ``pinned`` are
    taken before all others. ``dropped`` are out today; ``held`` are out today and pinned
    tomorrow. ``number`` rises by one with every change, 0 means untouched.
    """

    edition: str
    day: date
    number: int = 0
    order: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    held: tuple[str, ...] = ()

    @property
    def out(self) -> frozenset[str]:
        """The stories that may not stand in the issue."""
        return frozenset((*self.dropped, *self.held))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of an arrangement, in one sentence."""

    number: int
    by: str
    at: datetime
    sentence: str
