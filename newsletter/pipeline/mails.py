"""Single mails: posted into a lane of their own, and delivered from it.

This is the one way for a mail that is not an issue: confirmation, welcome, goodbye, preferences,
alert, reminder, correction, test. ``post_mail`` is quick and safe to repeat; ``deliver_mail``
sends what is due and is called after a post, by the scheduler every minute, and by
``newsletter mail``. Neither ever waits for an issue that is being sent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from newsletter.delivery import mails
from newsletter.delivery.letter import PreparedMail, prepare_issue
from newsletter.delivery.mails import MailReport
from newsletter.editors.sessions import hashed
from newsletter.model import Issue, Mail
from newsletter.newsroom import Newsroom
from newsletter.pipeline.letters import issue_mail, why

TEST = "test"
"""The name of test copies of an issue; they have no template of their own."""
INVITE = "invite"
"""The name of mails with a link to choose a password: it is made when they leave."""


def post_mail(
    room: Newsroom, name: str, to: str, values: Mapping[str, Any], key: str, *, reader: int = 0
) -> bool:
    """Put a single mail into the lane; False when a mail of this key was posted before.

    :param name: a folder of templates/email, such as ``confirm``, ``alert`` or ``reminder``.
    :param values: what the template takes, as plain JSON values; links stand in it ready made.
    :param key: the occasion, such as ``confirm-17`` or ``alert-late-daily-2026-11-22``. The same
        occasion is never mailed twice, so a call may be repeated after a crash.
    :param reader: the id of the reader it goes to, 0 for an editor or operator. A reader's mail
        gets the unsubscribe header, and is dropped when the reader is erased or suppressed.
    """
    mail = Mail(
        key=key, word=mails.word_of(key), name=name, to=to, values=dict(values), reader=reader
    )
    return room.mails.post(mail, now=room.clock())


def post_test(room: Newsroom, issue: Issue, addresses: Sequence[str]) -> int:
    """Post a test copy of an issue as it stands to each address, every time it is called."""
    occasion = room.tag()
    values = {"issue": issue.id, "revision": issue.revision}
    return sum(
        post_mail(room, TEST, address, values, f"test-{issue.id}-{occasion}-{number}")
        for number, address in enumerate(addresses)
    )


def testers(room: Newsroom, edition: str) -> list[str]:
    """Who gets test copies: the addresses saved for it, and :func:`test_readers`."""
    return list(dict.fromkeys([*room.people.testers(), *test_readers(room, edition)]))


def test_readers(room: Newsroom, edition: str) -> list[str]:
    """The addresses of the readers of a segment named "test", where there is one."""
    segment = room.config.segments.get(TEST)
    if segment is None:
        return []
    return room.ledger.addresses(room.readers.audience(edition, {TEST: segment}))


def deliver_mail(room: Newsroom) -> MailReport:
    """Send every single mail that is due; trouble is in the report and nothing is lost by it."""
    if not room.mails.states().keys() & {"queued", "deferred", "handed", "unknown"}:
        return MailReport(settled={}, waiting=0, unknown=0)
    transport = room.transport()
    try:
        return mails.deliver(
            room.mails,
            lane=room.ledger,
            transport=transport,
            write=lambda mail, batch: _written(room, mail, batch),
            clock=room.clock,
            sleep=time.sleep,
            owner=room.tag(),
            base_url=room.config.site.base_url,
            domain=room.config.delivery.from_email.rpartition("@")[2].lower() or "localhost",
            per_second=room.config.delivery.mails_per_second,
            why=lambda _, day: why(room)(room.renderer.words("this_newsletter"), day),
            message_key=room.message_key(None),
        )
    finally:
        transport.close()


def _written(room: Newsroom, mail: Mail, batch: str) -> PreparedMail:
    """The part that mails of one content share."""
    if mail.name == TEST:
        issue = room.issues.find(str(mail.values["issue"]))
        revision = room.issues.revision(issue)
        # A copy of everything but the tokens' values: those lead to nobody's preferences.
        prepared = issue_mail(room, issue, revision, subject_prefix="[Test] ")
        return prepared.prepared("", batch)
    site, delivery = room.config.site, room.config.delivery
    values = _with_link(room, mail.values) if "editor" in mail.values else mail.values
    prepared = prepare_issue(
        mail.name,
        [replace(room.renderer.render_mail(mail.name, values, tag=room.tag()), variant="")],
        date=room.clock(),
        from_email=delivery.from_email,
        from_name=delivery.from_name or site.name,
        reply_to=delivery.reply_to or site.contact,
        base_url=site.base_url,
        edition=mail.name,
        edition_title=site.name,
        single=True,
    )
    return prepared.prepared("", batch)


def new_link(
    room: Newsroom, editor: int, purpose: str, *, expires: datetime, beside: bool = False
) -> str:
    """Make an address where somebody of the desk chooses a password; only its hash is kept."""
    word = room.token() + room.token()
    room.people.add_link(
        editor,
        link_hash=hashed(word),
        purpose=purpose,
        now=room.clock(),
        expires=expires,
        beside=beside,
    )
    return f"/desk/join/{word}"


def _with_link(room: Newsroom, values: Mapping[str, Any]) -> dict[str, Any]:
    """An invitation that leaves now, with an address of its own.

    Inviting leaves a link. Where none is left, the person came in meanwhile, was let go, or the
    time is over: then a mail that waited makes no new one.
    """
    editor = int(values["editor"])
    link = "/desk/login"
    if room.people.has_link(editor, room.clock()):
        expires = datetime.fromisoformat(values["expires"])
        link = new_link(room, editor, INVITE, expires=expires, beside=True)
    return {**values, "link": f"{room.config.site.base_url.rstrip('/')}{link}"}
