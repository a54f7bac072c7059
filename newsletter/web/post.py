"""Mail to one person: the confirmation of a sign-up, and the welcome after it.

Both go into the lane of single mails (newsletter.pipeline.mails) and out at once if that is
possible. A mail that cannot leave now waits there; the visitor's answer does not depend on it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from newsletter import pipeline
from newsletter.database.published import Listed
from newsletter.errors import NewsletterError
from newsletter.newsroom import Newsroom

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Whom a mail is for. ``number`` is the line in the log of consents that caused it."""

    reader: int
    email: str
    token: str
    number: int


def send_confirmation(room: Newsroom, to: Addressee, *, url: str, edition: str) -> None:
    """Ask whether the address is theirs; nothing in it was typed by whoever filled in the form."""
    values = {"edition": room.config.edition(edition).title, "confirm_url": url}
    _send(room, "confirm", to, values)


def send_welcome(room: Newsroom, to: Addressee, *, edition: str, latest: Listed | None) -> None:
    """Welcome somebody who confirmed, with the latest issue if there is one."""
    base = room.config.site.base_url.rstrip("/")
    settings = room.config.edition(edition)
    values = {
        "edition": settings.title,
        "comes": room.renderer.words("edition_comes", time=settings.send_at.strftime("%H:%M")),
        "latest_url": f"{base}/issues/{latest.day}" if latest else "",
        "latest_subject": latest.subject if latest else "",
        "preferences_url": f"{base}/p/{to.token}",
        "unsubscribe_url": f"{base}/u/{to.token}",
    }
    _send(room, "welcome", to, values)


def _send(room: Newsroom, kind: str, to: Addressee, values: dict[str, Any]) -> None:
    """Post one mail and deliver what is due; a failure is logged, and the mail waits."""
    try:
        pipeline.post_mail(room, kind, to.email, values, f"{kind}-{to.number}", reader=to.reader)
        report = pipeline.deliver_mail(room)
    except NewsletterError as error:
        log.error("the %s mail %s did not go out: %s", kind, to.number, error)
        return
    if report.problem:
        log.error("the %s mail %s did not go out and waits: %s", kind, to.number, report.problem)
