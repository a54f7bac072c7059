"""The composition root: a configuration becomes a newsroom with everything in its place.

Nothing below this module knows which database, writer or transport is in use; nothing above it
makes one.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from newsletter.audience.segments import condition
from newsletter.audience.tokens import Mark, Signer
from newsletter.clock import Clock, system_clock
from newsletter.config import BriefSettings, Config, read_toml
from newsletter.database.alerts import Alerts
from newsletter.database.answers import Answers
from newsletter.database.api_tokens import ApiTokens
from newsletter.database.arrangements import Arrangements
from newsletter.database.article_corrections import ArticleCorrections
from newsletter.database.articles import Articles
from newsletter.database.audit import Audit
from newsletter.database.briefs import Briefs
from newsletter.database.clicks import Clicks
from newsletter.database.corrections import Corrections
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import Database, open_database
from newsletter.database.event_posts import EventPosts
from newsletter.database.farewell_journal import FarewellJournal
from newsletter.database.fenced import FencedLedger
from newsletter.database.issues import Issues
from newsletter.database.keys import KEYED_SINCE, kept, signing_keys
from newsletter.database.knocks import Knocks
from newsletter.database.leaders import Fence, Leaders
from newsletter.database.mails import Mails
from newsletter.database.people import People
from newsletter.database.plans import Plans
from newsletter.database.readers import Readers
from newsletter.database.related_stories import RelatedStories
from newsletter.database.signups import SignUps
from newsletter.database.stories import Stories
from newsletter.database.story_locks import StoryLocks
from newsletter.database.sunset import Sunset
from newsletter.database.switches import Switches
from newsletter.database.template_files import TemplateFiles, fingerprint, read_folder
from newsletter.database.webhooks import Webhooks
from newsletter.errors import ConfigError
from newsletter.model import Article, Brief, Coverage, Feed, Outlet, Story

if TYPE_CHECKING:
    from newsletter.delivery.transport import Transport
    from newsletter.editors.sign_on import Provider
    from newsletter.issue.render import Renderer
    from newsletter.stories.embedding import Embedding

log = logging.getLogger(__name__)


class Writer(Protocol):
    """Writes one story from both sides; every writer's words pass the same gates."""

    def __call__(
        self,
        story: Story,
        articles: Sequence[Article],
        outlets: Mapping[str, Outlet],
        coverage: Coverage,
        settings: BriefSettings,
        *,
        furniture: frozenset[str] = frozenset(),
    ) -> Brief:
        """Write the brief of one story."""
        ...


def new_token() -> str:
    """Make a short random word for a reader's links: 128 bits, URL-safe, 22 characters."""
    return secrets.token_urlsafe(16)


def new_tag() -> str:
    """Make an issue's random marker: letters and digits that no article can foresee."""
    return secrets.token_hex(6)


@dataclass(frozen=True)
class Newsroom:
    """Everything one run of the program works with.

    Time and randomness stand here so that a test can put its own in.
    """

    config: Config
    database: Database
    clock: Clock = system_clock
    random: random.Random = field(default_factory=random.SystemRandom)
    token: Callable[[], str] = new_token
    tag: Callable[[], str] = new_tag
    fence: Fence | None = None
    """Set for the work of a scheduler: it ends when another process has taken over."""

    @cached_property
    def articles(self) -> Articles:
        """Outlets, feeds and articles."""
        return Articles(self.database)

    @cached_property
    def article_corrections(self) -> ArticleCorrections:
        """What editors corrected about articles."""
        return ArticleCorrections(self.database)

    @cached_property
    def stories(self) -> Stories:
        """Stories and their versions."""
        return Stories(self.database)

    @cached_property
    def embedding(self) -> Embedding | None:
        """The second opinion on how near articles are, where one is configured.

        :raises StoryError: when its folder holds no model, or the extra is not installed.
        """
        if not self.config.stories.embedding:
            return None
        from newsletter.stories.embedding import embedding_of  # noqa: PLC0415 - rarely there

        return embedding_of(self.config.stories.embedding, self.config.root)

    @cached_property
    def related_stories(self) -> RelatedStories:
        """Which stories are about the same matter."""
        return RelatedStories(self.database)

    @cached_property
    def story_locks(self) -> StoryLocks:
        """What editors decided about stories."""
        return StoryLocks(self.database)

    @cached_property
    def briefs(self) -> Briefs:
        """What was written about the stories."""
        return Briefs(self.database)

    @cached_property
    def issues(self) -> Issues:
        """Issues and revisions."""
        return Issues(self.database, fence=self.fence)

    @cached_property
    def corrections(self) -> Corrections:
        """What was put right in stories that readers have."""
        return Corrections(self.database)

    @cached_property
    def readers(self) -> Readers:
        """The people who read."""
        return Readers(
            self.database,
            compile_segment=condition,
            clock=self.clock,
            journal=FarewellJournal(self.config.path("data") / "farewells.jsonl"),
            soft_limit=self.config.audience.soft_bounces,
        )

    @cached_property
    def signups(self) -> SignUps:
        """People on their way in, and what they change about themselves."""
        return SignUps(
            self.database, address_hash=self.readers.address_hash, journal=self.readers.journal
        )

    @cached_property
    def knocks(self) -> Knocks:
        """How often somebody may knock, counted for all processes together."""
        return Knocks(self.database, lambda: signing_keys(self.database, self.token)[0])

    @cached_property
    def api_tokens(self) -> ApiTokens:
        """Programs that may ask the API."""
        return ApiTokens(self.database)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Where news of readers and issues is posted to."""
        return Webhooks(self.database)

    @cached_property
    def sunset(self) -> Sunset:
        """The rule about readers who were not heard of for long."""
        return Sunset(
            self.database, address_hash=self.readers.address_hash, journal=self.readers.journal
        )

    def signer(self, purpose: str) -> Signer:
        """What signs links of one purpose and reads them again, also after a new key was added."""
        return Signer(signing_keys(self.database, self.token), purpose)

    def mark(self, purpose: str) -> Mark:
        """What marks short words of one purpose, and reads them again."""
        return Mark(signing_keys(self.database, self.token), purpose)

    def message_key(self, began: datetime | None) -> str:
        """What the Message-IDs of an issue are made with, by when its sending began.

        An issue that began before this program had a key keeps the older form to its end, so that
        its bounces are known and a second copy of a letter carries the ID of the first.
        """
        since, key = self._message_keys
        return "" if began is not None and began < since else key

    @cached_property
    def _message_keys(self) -> tuple[datetime, str]:
        since = kept(self.database, KEYED_SINCE, lambda: self.clock().isoformat())
        # The first key, because it is the one that never changes.
        return datetime.fromisoformat(since), signing_keys(self.database, self.token)[0]

    @cached_property
    def clicks(self) -> Clicks:
        """Which links readers followed who let us count."""
        return Clicks(self.database)

    @cached_property
    def ledger(self) -> DeliveryLedger:
        """One row per reader and issue."""
        if self.fence is not None:
            return FencedLedger(
                self.database, address_hash=self.readers.address_hash, fence=self.fence
            )
        return DeliveryLedger(self.database, address_hash=self.readers.address_hash)

    @cached_property
    def event_posts(self) -> EventPosts:
        """What the provider reported and nobody has read yet."""
        return EventPosts(self.database)

    @cached_property
    def arrangements(self) -> Arrangements:
        """What editors decided about the order of issues."""
        return Arrangements(self.database)

    @cached_property
    def leaders(self) -> Leaders:
        """Who rings the bells, when several processes could."""
        return Leaders(self.database)

    @cached_property
    def plans(self) -> Plans:
        """Sendings that a person set for a moment of their own."""
        return Plans(self.database)

    @cached_property
    def alerts(self) -> Alerts:
        """What needs a person now."""
        return Alerts(self.database)

    @cached_property
    def mails(self) -> Mails:
        """Single mails: confirmations, alerts, tests."""
        return Mails(self.database)

    @cached_property
    def switches(self) -> Switches:
        """What stops sending at once."""
        return Switches(self.database)

    @cached_property
    def people(self) -> People:
        """Who works on the desk."""
        return People(self.database)

    @cached_property
    def sign_on(self) -> Provider | None:
        """The provider whose accounts may sign in to the desk, where there is one.

        :raises ConfigError: when its secret or the extra for it is missing.
        """
        settings = self.config.desk.oidc
        if not settings.issuer:
            return None
        try:
            from newsletter.editors.sign_on import provider_of  # noqa: PLC0415 - an extra
        except ImportError:
            raise ConfigError(
                "desk.oidc",
                "is set, but the extra for it is not installed",
                hint='Install "both-sides-newsletter[oidc]", or leave issuer empty.',
            ) from None
        return provider_of(
            settings,
            root=self.config.root,
            base_url=self.config.site.base_url,
            clock=self.clock,
        )

    @cached_property
    def audit(self) -> Audit:
        """Who did what."""
        return Audit(self.database, self.clock)

    @cached_property
    def renderer(self) -> Renderer:
        """The one rendering path of preview, page and send."""
        from newsletter.issue.render import Renderer  # noqa: PLC0415 - Jinja and catalogues

        return Renderer(self.templates, self.config.site)

    @cached_property
    def template_files(self) -> TemplateFiles:
        """Templates that were pushed to all machines."""
        return TemplateFiles(self.database)

    @cached_property
    def templates(self) -> Path:
        """The folder that letters and pages are made from.

        It is this machine's own, unless other templates were pushed to all machines.

        :raises TemplateError: when what was pushed cannot be laid out here.
        """
        own = self.config.path(self.config.paths.templates)
        pushed = self.template_files.current()
        if not pushed or pushed == fingerprint(read_folder(own)):
            return own
        log.warning(
            "the templates in %s differ from those that were pushed (%s), which are used; "
            'compare with "newsletter templates show"',
            own,
            pushed[:12],
        )
        return self.template_files.lay_out(self.config.path("data"))

    @cached_property
    def outlets(self) -> dict[str, Outlet]:
        """The configured outlets by id, with the operator's imported ratings laid over them.

        :raises ConfigError: when the file of ratings is not one that an import wrote.
        """
        outlets = {source.id: source.outlet for source in self.config.sources}
        file = self.config.ratings_file
        if not file.is_file():
            return outlets
        from newsletter.feeds.ratings import with_overlay  # noqa: PLC0415 - rarely there

        return with_overlay(outlets, read_toml(file), str(file))

    @cached_property
    def ratings_attribution(self) -> str:
        """What the licence of the imported ratings asks to be shown; empty without any."""
        file = self.config.ratings_file
        return str(read_toml(file).get("attribution", "")) if file.is_file() else ""

    @cached_property
    def feeds(self) -> tuple[Feed, ...]:
        """The configured feeds, as yet unvisited."""
        return tuple(
            Feed(
                url=url,
                outlet=source.id,
                section=source.section,
                interval=self.config.collect.interval_minutes * 60,
                page_text=source.page_text,
            )
            for source in self.config.sources
            for url in source.addresses
        )

    def writer(self, name: str = "") -> Writer:
        """Make the configured writer, or the named one, with a fresh budget for one issue.

        :raises BriefError: when the model's extra, name or key is missing.
        """
        from newsletter.brief import extract  # noqa: PLC0415 - half a second that few commands need

        if (name or self.config.brief.writer) == "extract":
            return extract.write
        from newsletter.brief.compose_with_model import Budget, ModelWriter  # noqa: PLC0415
        from newsletter.brief.drafts import connect  # noqa: PLC0415

        model = self.config.brief.model
        ask = connect(model, lambda name: os.environ.get(name, ""))
        return ModelWriter(ask, model, Answers(self.database, self.clock), Budget(model)).write

    def transport(self) -> Transport:
        """Make the configured way out; the caller closes it.

        :raises ConfigError: when a key that the transport needs is not in the environment.
        """
        from newsletter.delivery.transport import make_transport  # noqa: PLC0415 - its libraries

        return make_transport(self.config, lane=self.ledger, clock=self.clock)

    def fallback(self) -> Transport | None:
        """Make the second way out, if there is one; the caller closes it.

        :raises ConfigError: when a key that it needs is not in the environment.
        """
        from newsletter.delivery.transport import make_transport  # noqa: PLC0415 - as above

        name = self.config.delivery.fallback
        if not name:
            return None
        return make_transport(self.config, name, lane=self.ledger, clock=self.clock)

    def local_day(self, edition: str, moment: datetime | None = None) -> date:
        """The date it is (or was) in an edition's zone."""
        return (moment or self.clock()).astimezone(self.config.zone(edition)).date()

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


def open_newsroom(config: Config, *, clock: Clock = system_clock) -> Newsroom:
    """Open the database, upgrade it, and put a newsroom together.

    :raises DatabaseError: when the database cannot be opened or upgraded.
    """
    database = open_database(config.database_url, busy_seconds=config.database.busy_seconds)
    room = Newsroom(config=config, database=database, clock=clock)
    # After a backup was put back, those who left since then leave again before anything is sent.
    room.readers.take_in_journal()
    return room
