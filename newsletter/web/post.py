"""Mail to one person: the confirmation of a sign-up, and the welcome after it.

It goes out through the transport of the issues, prepared as they are. A confirmation has nothing
to unsubscribe from yet; the one personal link in it, the address to confirm at, stands in the
place that an issue keeps for the unsubscribe link.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from newsletter.database.published import Listed
from newsletter.delivery.letter import message_id, prepare_issue
from newsletter.errors import NewsletterError
from newsletter.model import DeliveryState, Letter
from newsletter.newsroom import Newsroom

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Whom a mail is for. ``number`` is the line in the log of consents that caused it."""

    reader: int
    email: str
    token: str
    number: int


def send_confirmation(room: Newsroom, to: Addressee, *, url: str, edition: str) -> bool:
    """Ask whether the address is theirs; nothing in it was typed by whoever filled in the form."""
    tag = room.tag()
    values = {
        "edition": room.config.edition(edition).title,
        "confirm_url": f"{tag}_unsubscribe_",
    }
    return _send(room, "confirm", to, values=values, links={"unsubscribe": url}, tag=tag)


def send_welcome(room: Newsroom, to: Addressee, *, edition: str, latest: Listed | None) -> bool:
    """Welcome somebody who confirmed, with the latest issue if there is one."""
    tag = room.tag()
    base = room.config.site.base_url.rstrip("/")
    settings = room.config.edition(edition)
    values = {
        "edition": settings.title,
        "comes": room.renderer.words("edition_comes", time=settings.send_at.strftime("%H:%M")),
        "latest_url": f"{base}/issues/{latest.day}" if latest else "",
        "latest_subject": latest.subject if latest else "",
        "preferences_url": f"{tag}_preferences_",
        "unsubscribe_url": f"{tag}_unsubscribe_",
    }
    links = {"unsubscribe": f"{base}/u/{to.token}", "preferences": f"{base}/p/{to.token}"}
    return _send(room, "welcome", to, values=values, links=links, tag=tag)


def _send(
    room: Newsroom,
    kind: str,
    to: Addressee,
    *,
    values: dict[str, str],
    links: dict[str, str],
    tag: str,
) -> bool:
    """Send one mail; a failure is logged, because the visitor's answer must not depend on it."""
    try:
        return _sent(room, kind, to, values=values, links=links, tag=tag)
    except NewsletterError as error:
        log.error("the %s mail %s did not go out: %s", kind, to.number, error)
        return False


def _sent(
    room: Newsroom,
    kind: str,
    to: Addressee,
    *,
    values: dict[str, str],
    links: dict[str, str],
    tag: str,
) -> bool:
    site, delivery = room.config.site, room.config.delivery
    mail = prepare_issue(
        kind,
        [room.renderer.render_mail(kind, values, tag=tag)],
        date=room.clock(),
        from_email=delivery.from_email,
        from_name=delivery.from_name or site.name,
        reply_to=delivery.reply_to or site.contact,
        base_url=site.base_url,
        edition=kind,
        edition_title=site.name,
    )
    key = f"{kind}-{to.number}"
    letter = Letter(
        key=key,
        to=to.email,
        to_name="",
        message_id=message_id(key, to.reader, mail.domain),
        list_unsubscribe=f"<{mail.base_url}/u/{to.token}>",
        values=links,
    )
    transport = room.transport()
    try:
        [outcome] = transport.send([letter], mail.prepared("", key))
    finally:
        transport.close()
    if outcome.state is not DeliveryState.ACCEPTED:
        log.error("the %s mail %s was %s: %s", kind, to.number, outcome.state, outcome.reason)
    return outcome.state is DeliveryState.ACCEPTED
