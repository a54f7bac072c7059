"""config.toml, the sources it names and subscribers/segments.toml, as one frozen object.

The file at the top of the project is the reference: it holds every key with a sentence. A key
this module does not know is refused, with the file, the key and the nearest known name, because
a mistyped key that is silently ignored sends the wrong mail to the right people.

Secrets never stand in a file: a key such as ``api_key_env`` names an environment variable.
"""

from __future__ import annotations

import difflib
import tomllib
import typing
from collections.abc import Mapping, Sequence
from datetime import date, time
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from newsletter.errors import ConfigError
from newsletter.model import Lean, Outlet, Paywall

CONFIG_FILE = "config.toml"
SEGMENTS_FILE = "segments.toml"

_T = typing.TypeVar("_T", bound=BaseModel)


def _zone(value: object) -> object:
    if isinstance(value, str) and value not in available_timezones():
        near = difflib.get_close_matches(value, sorted(available_timezones()), n=1)
        raise ValueError(f'"{value}" is not an IANA time zone' + _did_you_mean(near))
    return value


def _clock_time(value: object) -> object:
    if isinstance(value, str):
        try:
            return time.fromisoformat(value)
        except ValueError:
            raise ValueError(f'"{value}" is not a time such as "06:30"') from None
    return value


def _holiday(value: object) -> object:
    text = value if isinstance(value, str) else ""
    try:
        date.fromisoformat(text if text.count("-") == 2 else f"2024-{text}")
    except ValueError:
        raise ValueError(f'"{value}" is not a date such as "12-25" or "2026-11-26"') from None
    return value


Zone = Annotated[str, BeforeValidator(_zone)]
Holiday = Annotated[str, BeforeValidator(_holiday)]
TimeOfDay = Annotated[time, BeforeValidator(_clock_time)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
EVERY_DAY: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class _Table(BaseModel):
    """A table of the file: frozen, and every key known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Color = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class ThemeColors(_Table):
    """The colours of the site's own, by day and by night; each needs 4.5 : 1 on its paper."""

    logo: str = Field(default="", max_length=60)
    link: Color = "#1f4e79"
    left: Color = "#2f5d8a"
    center: Color = "#6b7280"
    right: Color = "#a4433a"
    link_night: Color = "#9cc4ee"
    left_night: Color = "#7fb0e0"
    center_night: Color = "#a3a9b3"
    right_night: Color = "#e08d83"


class Site(_Table):
    """Who publishes, as readers see it."""

    name: str = "Both Sides Daily"
    base_url: str = "https://news.example.org"
    language: str = "en"
    postal_address: str = "1 Example Street, Sampleton"
    contact: str = "editor@example.org"
    theme: ThemeColors = ThemeColors()


class Database(_Table):
    """Where everything is kept."""

    url: str = "sqlite:///data/newsletter.sqlite"
    busy_seconds: float = Field(default=10, ge=0, le=600)


class Collect(_Table):
    """How feeds are pulled."""

    sources: tuple[str, ...] = ("us",)
    allow_hosts: tuple[str, ...] = ()
    user_agent: str = ""
    at_once: int = Field(default=32, ge=1, le=512)
    interval_minutes: int = Field(default=15, ge=1, le=1440)
    connect_seconds: float = Field(default=5, gt=0, le=60)
    first_byte_seconds: float = Field(default=10, gt=0, le=120)
    total_seconds: float = Field(default=30, gt=0, le=600)
    wire_bytes: int = Field(default=5_000_000, ge=10_000)
    decoded_bytes: int = Field(default=10_000_000, ge=10_000)
    items: int = Field(default=500, ge=1, le=10_000)
    field_bytes: int = Field(default=262_144, ge=1_000)
    parse_seconds: float = Field(default=10, gt=0, le=120)
    parse_memory_mb: int = Field(default=512, ge=128)
    parsers: int = Field(default=2, ge=1, le=64)
    use_proxy_environment: bool = False


Weight = Annotated[float, Field(ge=0, le=10)]


class SectionWeights(_Table):
    """What the stories of each section weigh in the ranking; these are all the sections."""

    politics: Weight = 1
    world: Weight = 1
    business: Weight = 1
    technology: Weight = 1
    science: Weight = 1
    health: Weight = 1
    sport: Weight = 1
    culture: Weight = 1
    local: Weight = 1


class Stories(_Table):
    """How articles become stories and which stories count."""

    window_days: float = Field(default=3, gt=0, le=30)
    coarseness: float = Field(default=0.08, ge=0.02, le=0.5)
    embedding: str = ""
    related_days: int = Field(default=60, ge=0, le=3650)
    blindspot_families: int = Field(default=5, ge=2)
    blindspot_gap: float = Field(default=0.75, gt=0.5, le=1)
    blindspot_floor: int = Field(default=3, ge=1)
    floor_families: int = Field(default=2, ge=1)
    floor_score: float = Field(default=1.0, ge=0)
    section_weights: SectionWeights = SectionWeights()


class BriefModel(_Table):
    """The optional language model, its price, and what it may cost an issue.

    ``name`` is a provider and a model, such as ``openai:NAME`` or ``anthropic:NAME``; with
    ``base_url`` any server that speaks the provider's protocol is asked instead.
    """

    name: str = ""
    base_url: str = ""
    api_key_env: str = ""
    candidates: int = Field(default=2, ge=1, le=3)
    timeout: float = Field(default=45, gt=0, le=600)
    answer_tokens: int = Field(default=1500, ge=200, le=20000)
    issue_tokens: int = Field(default=400_000, ge=0)
    issue_dollars: float = Field(default=1.0, ge=0)
    dollars_per_million_in: float = Field(default=0, ge=0)
    dollars_per_million_out: float = Field(default=0, ge=0)


class BriefSettings(_Table):
    """How stories are written."""

    writer: Literal["extract", "model"] = "extract"
    bullets: int = Field(default=3, ge=1, le=3)
    bullet_words: int = Field(default=35, ge=10, le=60)
    overview_words: int = Field(default=95, ge=30, le=200)
    headline_words: int = Field(default=12, ge=5, le=25)
    deck_words: int = Field(default=26, ge=8, le=60)
    model: BriefModel = Field(default_factory=BriefModel)


class EditionSettings(_Table):
    """One publication: its zone, its hours, its size."""

    title: str = "The daily issue"
    zone: Zone = "America/New_York"
    days: tuple[Weekday, ...] = EVERY_DAY
    collect_minutes: int = Field(default=0, ge=0, le=1440)
    draft_at: TimeOfDay = time(5, 30)
    send_at: TimeOfDay = time(6, 30)
    holidays: tuple[Holiday, ...] = ()
    remind_minutes: int = Field(default=20, ge=0, le=1440)
    send_in: Literal["edition", "reader"] = "edition"
    unattended: Literal["hold", "send"] = "hold"
    late: Literal["", "skip", "ask", "send"] = ""
    covers_days: int = Field(default=1, ge=1, le=31)
    minutes: float = Field(default=5, gt=0, le=60)
    digest_of: str = ""
    words_a_minute: int = Field(default=238, ge=80, le=600)
    top_stories: int = Field(default=5, ge=1, le=20)
    short_stories: int = Field(default=4, ge=0, le=20)
    one_sided_stories: int = Field(default=2, ge=0, le=10)


DomainLimit = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+=[0-9]+(\.[0-9]+)?$")]


class Smtp(_Table):
    """An SMTP server to hand letters to."""

    host: str = "127.0.0.1"
    port: int = Field(default=25, ge=0, le=65535)
    security: Literal["none", "starttls", "tls"] = "none"
    username_env: str = ""
    password_env: str = ""
    timeout_seconds: float = Field(default=60, gt=0, le=600)
    batch_size: int = Field(default=50, ge=1, le=1000)
    connections: int = Field(default=1, ge=1, le=64)
    domain_connections: int = Field(default=0, ge=0, le=64)
    domain_per_second: float = Field(default=0, ge=0)
    domain_limits: tuple[DomainLimit, ...] = ()


class SendGrid(_Table):
    """The SendGrid v3 API."""

    api_key_env: str = "SENDGRID_API_KEY"
    api_url: str = "https://api.sendgrid.com"
    batch_size: int = Field(default=1000, ge=1, le=1000)
    timeout_seconds: float = Field(default=30, gt=0, le=600)
    requests_at_once: int = Field(default=1, ge=1, le=16)
    log_complete_after_seconds: float = Field(default=0, ge=0)
    sandbox: bool = False
    webhook_public_key_file: str = ""
    webhook_public_key_env: str = ""


class Bounces(_Table):
    """The mailbox that undeliverable SMTP letters come back to."""

    host: str = ""
    port: int = Field(default=993, ge=1, le=65535)
    username_env: str = ""
    password_env: str = ""
    folder: str = "INBOX"
    timeout_seconds: float = Field(default=30, gt=0, le=600)


class Delivery(_Table):
    """How letters leave."""

    transport: Literal["folder", "smtp", "sendgrid", "recording"] = "folder"
    from_email: str = "news@example.org"
    from_name: str = ""
    reply_to: str = ""
    on_unknown: Literal["hold", "resend"] = "hold"
    batch_size: int = Field(default=500, ge=1, le=10_000)
    stale_seconds: float = Field(default=120, ge=1)
    deadline_hours: float = Field(default=12, gt=0)
    letters_per_second: float = Field(default=0, ge=0)
    letters_per_hour: int = Field(default=0, ge=0)
    letters_per_day: int = Field(default=0, ge=0)
    mails_per_second: float = Field(default=0, ge=0)
    fallback: Literal["", "folder", "smtp", "sendgrid", "recording"] = ""
    growth_limit: float = Field(default=0.5, ge=0)
    bounce_limit: float = Field(default=0.05, ge=0, le=1)
    complaint_limit: float = Field(default=0.003, ge=0, le=1)
    judge_after: int = Field(default=200, ge=1)
    smtp: Smtp = Smtp()
    sendgrid: SendGrid = SendGrid()
    bounces: Bounces = Bounces()

    @model_validator(mode="before")
    @classmethod
    def _without_testers(cls, data: Any) -> Any:
        # Every file that "init" of an earlier release wrote has this line; it says nothing.
        if isinstance(data, Mapping) and data.get("testers") == []:
            return {key: value for key, value in data.items() if key != "testers"}
        return data


class Schedule(_Table):
    """When the bells ring."""

    enabled: bool = True
    collect_minutes: int = Field(default=15, ge=1, le=1440)
    late: Literal["skip", "ask", "send"] = "ask"
    late_minutes: int = Field(default=150, ge=0)
    lease_seconds: float = Field(default=30, ge=3, le=600)


class Web(_Table):
    """Where the web pages are served."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    metrics_token_env: str = ""
    allow_plain_http: bool = False


class Oidc(_Table):
    """Signing in to the desk with an account that people have elsewhere (OpenID Connect)."""

    issuer: str = ""
    client_id: str = ""
    client_secret_env: str = ""
    client_secret_file: str = ""
    name: str = "single sign-on"
    second_factor: Literal["desk", "provider"] = "desk"

    @field_validator("issuer")
    @classmethod
    def _over_tls(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        here = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}
        if issuer and not (parts.scheme == "https" and parts.hostname) and not here:
            raise ValueError("must be the https address that the provider gives as its issuer")
        return issuer

    @model_validator(mode="after")
    def _with_a_client(self) -> Self:
        if self.issuer and not self.client_id:
            raise ValueError("an issuer needs a client_id, which the provider gave this desk")
        if self.client_secret_env and self.client_secret_file:
            raise ValueError("name client_secret_env or client_secret_file, not both")
        return self


class Desk(_Table):
    """The editors' desk."""

    two_person: bool = False
    second_factor: Literal["optional", "required"] = "optional"
    session_hours: float = Field(default=12, gt=0, le=168)
    idle_minutes: int = Field(default=60, ge=1, le=1440)
    breached_passwords: str = ""
    oidc: Oidc = Oidc()


class Audience(_Table):
    """How people join and leave."""

    form_seconds: float = Field(default=2, ge=0, le=60)
    disposable_domains: str = ""
    unsubscribe_mailto: str = ""
    soft_bounces: int = Field(default=5, ge=1, le=100)
    sunset_months: int = Field(default=0, ge=0, le=120)
    sunset_grace_days: int = Field(default=14, ge=1, le=180)
    webhook_allow_hosts: tuple[str, ...] = ()


class Alerts(_Table):
    """Who is told when something needs a person."""

    email: str = ""
    webhook_env: str = ""
    webhook_style: Literal["plain", "slack"] = "plain"
    command: tuple[str, ...] = ()
    not_approved_minutes: int = Field(default=15, ge=0, le=1440)
    not_sent_minutes: int = Field(default=45, ge=1, le=1440)
    source_days: float = Field(default=2, gt=0, le=60)
    withheld_percent: float = Field(default=50, gt=0, le=100)
    bounce_percent: float = Field(default=5, gt=0, le=100)
    complaint_percent: float = Field(default=0.3, gt=0, le=100)
    disk_free_mb: int = Field(default=500, ge=0)
    backup_hours: float = Field(default=36, ge=0)


class Backup(_Table):
    """Copies of the database."""

    enabled: bool = True
    folder: str = "data/backups"
    every_hours: float = Field(default=24, gt=0, le=744)
    keep_daily: int = Field(default=7, ge=1, le=366)
    keep_weekly: int = Field(default=4, ge=0, le=520)


class Retention(_Table):
    """How long things are kept, in days; 0 keeps them for ever."""

    articles_days: int = Field(default=120, ge=0)
    answers_days: int = Field(default=30, ge=0)
    events_days: int = Field(default=180, ge=0)
    deliveries_days: int = Field(default=730, ge=0)
    former_readers_days: int = Field(default=1095, ge=0)
    reports_days: int = Field(default=365, ge=0)
    audit_days: int = Field(default=1095, ge=0)
    logs_days: int = Field(default=30, ge=1, le=3650)


class Logging(_Table):
    """What the parts that stay up write about their work."""

    format: Literal["plain", "json"] = "plain"
    level: Literal["debug", "info", "warning", "error"] = "info"
    file: str = ""


class Paths(_Table):
    """Folders and files beside the configuration."""

    templates: str = "templates"
    subscribers: str = "subscribers"
    outbox: str = "outbox"
    previews: str = "data/previews"


class Source(_Table):
    """One outlet and one of its feeds, as a ``[[source]]`` table says it."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    name: str = Field(min_length=1, max_length=120)
    feed: str = ""
    feeds: tuple[str, ...] = ()
    lean: Lean = Lean.UNRATED
    family: str = ""
    kind: str = "news"
    section: str = ""
    domains: tuple[str, ...] = ()
    owner: str = ""
    country: str = ""
    paywall: Paywall = Paywall.UNKNOWN
    provenance: tuple[str, ...] = ()
    page_text: bool = False

    @property
    def outlet(self) -> Outlet:
        """The outlet this table describes; its family is its own id unless one is named."""
        return Outlet(
            id=self.id,
            name=self.name,
            domains=self.domains,
            family=self.family or self.id,
            owner=self.owner,
            country=self.country,
            lean=self.lean,
            kind=self.kind,
            paywall=self.paywall,
            provenance=self.provenance,
        )

    @property
    def addresses(self) -> tuple[str, ...]:
        """All feed addresses of this table."""
        return tuple(dict.fromkeys([*([self.feed] if self.feed else []), *self.feeds]))


READER_FIELDS = (
    "country",
    "language",
    "timezone",
    "topics",
    "lists",
    "source",
    "email_domain",
    "joined",
    "engagement",
)
_DATED = ("joined", "engagement")
_ATTRIBUTE = "attributes."


def _reader_field(value: str) -> str:
    if value in READER_FIELDS or (value.startswith(_ATTRIBUTE) and len(value) > len(_ATTRIBUTE)):
        return value
    raise ValueError(
        f'"{value}" is not a field of a reader; fields: {", ".join(READER_FIELDS)}, '
        "attributes.NAME" + _did_you_mean(_nearest(value, READER_FIELDS))
    )


def _words_or_rules(value: object) -> str:
    first = value[0] if isinstance(value, list | tuple) and value else None
    return "rules" if isinstance(first, dict | Condition) else "words"


_Some = (
    Annotated[
        Annotated[tuple[str, ...], Tag("words")] | Annotated[tuple["Condition", ...], Tag("rules")],
        Discriminator(_words_or_rules),
    ]
    | None
)


class Condition(_Table):
    """One condition on one field of a reader, or any, all or none of several conditions.

    With ``field`` the rules are words: ``in``, ``any``, ``all``, ``none``; of ``joined`` and
    ``engagement`` (the last click) they are ``before``, ``after``, ``within_days``,
    ``not_within_days``. Without ``field`` one of ``any``, ``all``, ``none`` holds conditions.
    """

    field: Annotated[str, AfterValidator(_reader_field)] | None = None
    in_: tuple[str, ...] | None = Field(default=None, alias="in")
    any: _Some = None
    all: _Some = None
    none: _Some = None
    before: date | None = None
    after: date | None = None
    within_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    not_within_days: Annotated[int, Field(ge=1, le=36_500)] | None = None


class Segment(_Table):
    """A part of an edition's readers: every condition holds, and no excluded list.

    A ``test`` segment is for trying things out: no issue is sent to it as an audience.
    """

    title: str = ""
    edition: str = "daily"
    where: tuple[Condition, ...] = ()
    exclude: tuple[str, ...] = ()
    test: bool = False


class _File(_Table):
    """config.toml as a whole."""

    site: Site = Site()
    database: Database = Database()
    collect: Collect = Collect()
    stories: Stories = Stories()
    brief: BriefSettings = BriefSettings()
    editions: dict[str, EditionSettings] = Field(
        default_factory=lambda: {"daily": EditionSettings()}
    )
    delivery: Delivery = Delivery()
    schedule: Schedule = Schedule()
    web: Web = Web()
    audience: Audience = Audience()
    desk: Desk = Desk()
    alerts: Alerts = Alerts()
    backup: Backup = Backup()
    retention: Retention = Retention()
    logging: Logging = Logging()
    paths: Paths = Paths()
    source: tuple[Source, ...] = ()


class _SegmentsFile(_Table):
    segments: dict[str, Segment] = Field(default_factory=dict)


class _SourcesFile(_Table):
    source: tuple[Source, ...] = ()


class Config(_File):
    """The whole configuration, with its sources and segments read in.

    ``root`` is the folder of the file; relative paths are relative to it (:meth:`path`).
    ``sources`` joins the catalogues that ``[collect] sources`` names with the ``[[source]]``
    tables; a table replaces a catalogue's entry of the same id.
    """

    root: Path
    file: Path
    sources: tuple[Source, ...] = ()
    segments: dict[str, Segment] = Field(default_factory=dict)

    def path(self, name: str) -> Path:
        """A path of the file made absolute."""
        return (self.root / name).resolve()

    @property
    def database_url(self) -> str:
        """The database address with a relative SQLite file made absolute."""
        prefix = "sqlite:///"
        rest = self.database.url.removeprefix(prefix)
        if rest == self.database.url or rest in {"", ":memory:"}:
            return self.database.url
        return prefix + str(self.path(rest))

    @property
    def breached_passwords(self) -> Path | None:
        """The file of leaked passwords, where there is one."""
        name = self.desk.breached_passwords
        return self.path(name) if name else None

    @property
    def collect_minutes(self) -> int:
        """How often the collect bell rings: as often as the most eager edition wants it.

        Editions share their sources, so one round serves them all.
        """
        wanted = [
            one.collect_minutes or self.schedule.collect_minutes for one in self.editions.values()
        ]
        return min(wanted, default=self.schedule.collect_minutes)

    @property
    def ratings_file(self) -> Path:
        """Where imported ratings are kept: beside the data, never in a file that travels."""
        return self.path("data/ratings.toml")

    def edition(self, name: str) -> EditionSettings:
        """The settings of one edition.

        :raises ConfigError: when there is no such edition.
        """
        if name not in self.editions:
            raise ConfigError(
                str(self.file),
                f'there is no edition "{name}"' + _did_you_mean(_nearest(name, self.editions)),
                hint="Editions are tables such as [editions.daily].",
            )
        return self.editions[name]

    def zone(self, edition: str) -> ZoneInfo:
        """The time zone of one edition."""
        return ZoneInfo(self.edition(edition).zone)


def load(file: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration file with its sources and segments.

    :param overrides: ``section.key=value`` words that replace single values for this run; the
        value is read as TOML, and as a plain string where it is not TOML.
    :raises ConfigError: when a file is missing, is not TOML, or holds a key or value that is
        not known.
    """
    file = file.resolve()
    if not file.is_file():
        raise ConfigError(
            str(file),
            "there is no such configuration file",
            hint='Run "newsletter init DIR" to make a place to work, or name one with --config.',
        )
    data = read_toml(file)
    for word in overrides:
        override(data, word)
    top = _checked(_File, data, file)
    sources: dict[str, Source] = {}
    for name in top.collect.sources:
        for source in _catalogue(name, file):
            sources[source.id] = source
    for source in top.source:
        sources[source.id] = source
    segments_file = file.parent / top.paths.subscribers / SEGMENTS_FILE
    segments: dict[str, Segment] = {}
    if segments_file.is_file():
        segments = _checked(_SegmentsFile, read_toml(segments_file), segments_file).segments
    for name, segment in segments.items():
        _check_segment(name, segment, top, segments_file)
    values = {name: getattr(top, name) for name in type(top).model_fields}
    return Config.model_construct(
        **values,
        root=file.parent,
        file=file,
        sources=tuple(sources.values()),
        segments=segments,
    )


def override(data: dict[str, Any], word: str) -> None:
    """Put one ``section.key=value`` word into parsed TOML data."""
    name, equals, text = word.partition("=")
    keys = [key.strip() for key in name.split(".")]
    if not equals or not all(keys) or len(keys) < 2:
        raise ConfigError(
            word, "is not of the form section.key=value", hint="For example --set web.port=8080."
        )
    try:
        value: Any = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    table = data
    for key in keys[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise ConfigError(word, f'"{key}" is a value, not a table')
    table[keys[-1]] = value


def starter() -> Path:
    """The folder that ``newsletter init`` copies from: in the wheel, or the project's own top."""
    package = Path(str(resources.files("newsletter")))
    bundled = package / "starter"
    return bundled if bundled.is_dir() else package.parent


def catalogues() -> tuple[str, ...]:
    """The names of the bundled outlet catalogues."""
    folder = resources.files("newsletter") / "feeds" / "outlets"
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def _catalogue(name: str, file: Path) -> tuple[Source, ...]:
    if name.endswith(".toml") or "/" in name:
        path = (file.parent / name).resolve()
        if not path.is_file():
            raise ConfigError(
                str(file),
                f'[collect] sources names "{name}", which is not there',
                hint="Paths are relative to the configuration file.",
            )
        return _checked(_SourcesFile, read_toml(path), path).source
    if name not in catalogues():
        raise ConfigError(
            str(file),
            f'[collect] sources names "{name}", which is not a bundled catalogue'
            + _did_you_mean(_nearest(name, catalogues())),
            hint=f"Bundled: {', '.join(catalogues())}. A path must end in .toml.",
        )
    entry = resources.files("newsletter") / "feeds" / "outlets" / f"{name}.toml"
    return _checked(_SourcesFile, tomllib.loads(entry.read_text("utf-8")), Path(entry.name)).source


def read_toml(file: Path) -> dict[str, Any]:
    """Parse a TOML file.

    :raises ConfigError: when it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(file), f"is not valid TOML: {error}") from None
    except UnicodeDecodeError:
        raise ConfigError(str(file), "is not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(str(file), f"cannot be read: {error.strerror}") from None


def _check_segment(name: str, segment: Segment, top: _File, file: Path) -> None:
    where = f"[segments.{name}]"
    if segment.edition not in top.editions:
        raise ConfigError(
            str(file),
            f'{where} names the edition "{segment.edition}", which config.toml does not have'
            + _did_you_mean(_nearest(segment.edition, top.editions)),
        )
    for condition in segment.where:
        _check_condition(condition, where, file)


def _check_condition(condition: Condition, where: str, file: Path) -> None:
    words = {
        "in": condition.in_,
        "any": condition.any,
        "all": condition.all,
        "none": condition.none,
    }
    given = [name for name, value in words.items() if value is not None]
    times = [
        name
        for name in ("before", "after", "within_days", "not_within_days")
        if getattr(condition, name) is not None
    ]
    if condition.field is None:
        if len(given) != 1 or given == ["in"] or times:
            raise ConfigError(
                str(file),
                f"{where} has a condition without a field and without exactly one of any, all, "
                "none",
                hint='For example {any = [{field = "country", in = ["GB"]}, ...]}.',
            )
        inner = words[given[0]] or ()
        if not inner or any(isinstance(one, str) for one in inner):
            raise ConfigError(
                str(file),
                f'{where} has words under "{given[0]}" and no field they could be compared with',
                hint='Add field = "topics", or put conditions there.',
            )
        for one in inner:
            if isinstance(one, Condition):
                _check_condition(one, where, file)
        return
    if condition.field in _DATED:
        if given or len(times) != 1:
            raise ConfigError(
                str(file),
                f'{where} has a condition on "{condition.field}" without exactly one of before, '
                "after, within_days, not_within_days",
                hint='For example {field = "joined", within_days = 30}.',
            )
        return
    nested = any(isinstance(one, Condition) for name in given for one in words[name] or ())
    if len(given) != 1 or times or nested:
        raise ConfigError(
            str(file),
            f'{where} has a condition on "{condition.field}" without exactly one of '
            "in, any, all, none",
            hint='For example {field = "country", in = ["GB", "IE"]}.',
        )


_MOVED = {
    "delivery.testers": "Take it out; testers are saved with "
    '"newsletter editors testers --add ADDRESS".',
}
"""Keys of earlier releases: an upgrade says where each went."""


def _checked(model: type[_T], data: Mapping[str, Any], file: Path) -> _T:
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _explain(model, first["loc"], first["type"], first["msg"], file) from None


def _explain(
    model: type[BaseModel], loc: tuple[int | str, ...], kind: str, message: str, file: Path
) -> ConfigError:
    """Turn one finding of pydantic into a sentence with the key and the nearest known name."""
    loc = tuple(part for part in loc if part not in {"words", "rules"})
    key = ".".join(str(part) for part in loc)
    if key in _MOVED:
        return ConfigError(str(file), f'the key "{key}" is no longer one', hint=_MOVED[key])
    if kind == "extra_forbidden":
        known = _known_keys(model, loc[:-1])
        near = _nearest(str(loc[-1]), known)
        hint = f"Known keys there: {', '.join(sorted(known))}." if known else ""
        return ConfigError(str(file), f'unknown key "{key}"' + _did_you_mean(near), hint=hint)
    plain = message.removeprefix("Value error, ")
    return ConfigError(
        str(file),
        f'the key "{key}" is wrong: {plain[:1].lower()}{plain[1:]}',
        hint="The reference config.toml shows every key with a sentence.",
    )


def _known_keys(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """The keys of the table at a path such as ("delivery", "smtp") or ("editions", "daily")."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = current.model_fields
            found = fields.get(str(part)) or next(
                (field for field in fields.values() if field.alias == part), None
            )
            current = found.annotation if found else None
        else:
            arguments = typing.get_args(current)
            current = next(
                (a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)), None
            )
    if isinstance(current, type) and issubclass(current, BaseModel):
        return [field.alias or name for name, field in current.model_fields.items()]
    return []


def _nearest(name: str, known: typing.Iterable[str]) -> list[str]:
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)


def _did_you_mean(near: Sequence[str]) -> str:
    return f'; did you mean "{near[0]}"?' if near else ""
