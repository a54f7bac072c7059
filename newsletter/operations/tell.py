"""Ways of telling a person: mail, a web address, a program. Each is tried by itself."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from typing import Any, Protocol

from newsletter import pipeline
from newsletter.delivery.letter import message_id, prepare_issue
from newsletter.errors import DatabaseError, DeliveryError, NewsletterError
from newsletter.issue.lint import lint
from newsletter.model import DeliveryState, Letter
from newsletter.newsroom import Newsroom
from newsletter.timetable import send_moment

log = logging.getLogger(__name__)

WAITS_FOR_APPROVAL = "approve:"
"""The scope of reminders; they have a template of their own."""
PATIENCE_SECONDS = 15
"""The longest a way of telling may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell: a trouble that began, or one that is over."""

    key: str
    sentence: str
    hint: str
    since: datetime
    over: bool = False


class Way(Protocol):
    """A way of telling; ``name`` is kept with what it took."""

    name: str

    def tell(self, room: Newsroom, notices: Sequence[Notice]) -> None:
        """Tell all of it at once.

        :raises NewsletterError: when it was not taken; it is tried again.
        """
        ...


def ways(room: Newsroom, environment: Mapping[str, str] | None = None) -> list[Way]:
    """The ways of telling that ``[alerts]`` names."""
    settings = room.config.alerts
    found: list[Way] = []
    if settings.email:
        found.append(ByMail())
    if settings.webhook_env:
        address = (os.environ if environment is None else environment).get(settings.webhook_env, "")
        if address:
            found.append(ByWebhook(address, slack=settings.webhook_style == "slack"))
        else:
            log.warning("[alerts] webhook_env names %s, which is not set", settings.webhook_env)
    if settings.command:
        found.append(ByCommand(settings.command))
    return found


def summary(notices: Sequence[Notice]) -> str:
    """One sentence for a subject or a screen."""
    begun = [one for one in notices if not one.over]
    if len(notices) == 1:
        [one] = notices
        return f"Over: {one.sentence}" if one.over else one.sentence
    if not begun:
        return f"{len(notices)} troubles are over"
    return f"{len(begun)} things need you: {begun[0].sentence}"


def as_words(room: Newsroom, notices: Sequence[Notice]) -> str:
    """All notices as lines of plain text."""
    lines = []
    for one in notices:
        lines.append(f"{'OVER' if one.over else 'TROUBLE'} {one.sentence}")
        if one.hint and not one.over:
            lines.append(f"  {one.hint}")
        lines.append(f"  since {one.since:%Y-%m-%d %H:%M} UTC")
    return "\n".join([f"{room.config.site.name}: {summary(notices)}", *lines])


def as_facts(room: Newsroom, notices: Sequence[Notice]) -> dict[str, Any]:
    """All notices as plain values, for a program."""
    return {
        "site": room.config.site.name,
        "at": room.clock().isoformat(),
        "summary": summary(notices),
        "alerts": [
            {
                "key": one.key,
                "state": "over" if one.over else "trouble",
                "sentence": one.sentence,
                "hint": one.hint,
                "since": one.since.isoformat(),
            }
            for one in notices
        ],
    }


class ByMail:
    """A mail to everybody whom ``[alerts] email`` names.

    It goes through the lane of single mails, which sends it once and tries again by itself. Only
    when the database is the trouble does it go straight to the transport.
    """

    name = "mail"

    def tell(self, room: Newsroom, notices: Sequence[Notice]) -> None:
        """Post one mail a person, and deliver what is due."""
        try:
            for name, values, key in _mails(room, notices):
                for number, address in enumerate(_addresses(room.config.alerts.email)):
                    pipeline.post_mail(room, name, address, values, f"{key}-{number}")
            pipeline.deliver_mail(room)
        except DatabaseError:
            _mail_directly(room, notices)


def _mails(room: Newsroom, notices: Sequence[Notice]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The mails that say some notices: the template of each, its values and its occasion."""
    rest = []
    for one in notices:
        issue = one.key.removeprefix(WAITS_FOR_APPROVAL)
        if issue == one.key or one.over:
            rest.append(one)
            continue
        try:
            values = _reminder(room, issue)
        except DatabaseError:
            raise
        except NewsletterError:
            rest.append(one)  # Its edition is configured no longer: the plain words say enough.
        else:
            yield "reminder", values, f"reminder-{issue}"
    if rest:
        words = "".join(f"{one.key} {one.since} {one.over}" for one in rest)
        yield (
            "alert",
            _values(room, rest),
            f"alert-{hashlib.sha256(words.encode()).hexdigest()[:24]}",
        )


def _values(room: Newsroom, notices: Sequence[Notice]) -> dict[str, Any]:
    hints = list(dict.fromkeys(one.hint for one in notices if one.hint and not one.over))
    return {
        "what": summary(notices),
        "at": f"{room.clock():%Y-%m-%d %H:%M} UTC",
        "hint": hints[0] if hints else "",
        "facts": [
            (
                "Over" if one.over else "Needs you",
                f"{one.sentence} (since {one.since:%Y-%m-%d %H:%M} UTC)"
                + (f" {one.hint}" if one.hint not in hints[:1] and not one.over else ""),
            )
            for one in notices
        ],
        "desk_url": f"{room.config.site.base_url.rstrip('/')}/desk",
    }


def _reminder(room: Newsroom, name: str) -> dict[str, Any]:
    """What an editor needs to decide: the stories, what the checks say, and until when."""
    issue = room.issues.find(name)
    settings = room.config.edition(issue.publication)
    revision = room.issues.revision(issue)
    sends = send_moment(settings, issue.day).astimezone(room.config.zone(issue.publication))
    return {
        "edition": settings.title,
        "day": f"{issue.day.day} {issue.day:%B %Y}",
        "deadline": f"{sends:%H:%M %Z}",
        "desk_url": f"{room.config.site.base_url.rstrip('/')}/desk",
        "headlines": [item.brief.headline for item in revision.content.stories],
        "findings": [
            finding.sentence
            for rendered in revision.rendered
            for finding in lint(rendered, room.config.site)
            if finding.severity == "error"
        ],
    }


def _mail_directly(room: Newsroom, notices: Sequence[Notice]) -> None:
    """One mail past the database: it may be told twice, which is better than never."""
    config = room.config
    mail = prepare_issue(
        "alert",
        [room.renderer.render_mail("alert", _values(room, notices), tag=room.tag())],
        date=room.clock(),
        from_email=config.delivery.from_email,
        from_name=config.delivery.from_name or config.site.name,
        reply_to=config.delivery.reply_to or config.site.contact,
        base_url=config.site.base_url,
        edition="alert",
        edition_title=config.site.name,
        single=True,
    )
    word = f"alert-{room.tag()}"
    letters = [
        Letter(
            key=f"{word}-{number}",
            to=address,
            to_name="",
            message_id=message_id(word, number, mail.domain, ""),
            list_unsubscribe="",
            values={},
        )
        for number, address in enumerate(_addresses(config.alerts.email))
    ]
    transport = room.transport()
    try:
        outcomes = transport.send(letters, mail.prepared("", word))
    finally:
        transport.close()
    if not any(one.state is DeliveryState.ACCEPTED for one in outcomes):
        reason = outcomes[0].reason if outcomes else "nobody is named"
        raise DeliveryError(config.alerts.email, f"did not get the alert: {reason}", again=True)


class ByWebhook:
    """A POST to a web address: every fact as JSON, or the form that Slack and its like read."""

    name = "webhook"

    def __init__(self, address: str, *, slack: bool = False):
        self._address = address
        self._slack = slack

    def tell(self, room: Newsroom, notices: Sequence[Notice]) -> None:
        """Post once."""
        body = {"text": as_words(room, notices)} if self._slack else as_facts(room, notices)
        request = urllib.request.Request(  # noqa: S310 - the operator's own address
            self._address,
            data=json.dumps(body, ensure_ascii=False).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "newsletter"},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310
                answer.read(1024)
        except (OSError, ValueError, HTTPException) as error:
            # The address is a secret of its own: it stands in no log.
            reason = str(getattr(error, "code", type(error).__name__))
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            raise DeliveryError(
                "[alerts] webhook_env", f"the web address did not take the alert ({reason})"
            ) from None


class ByCommand:
    """A program that gets every fact as JSON on its input."""

    name = "command"

    def __init__(self, words: Sequence[str]):
        self._words = list(words)

    def tell(self, room: Newsroom, notices: Sequence[Notice]) -> None:
        """Run it once, without a shell."""
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own words
                self._words,
                input=json.dumps(as_facts(room, notices), ensure_ascii=False).encode(),
                capture_output=True,
                timeout=PATIENCE_SECONDS,
                check=False,
                cwd=room.config.root,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DeliveryError(
                self._words[0], f"the alert command did not run: {type(error).__name__}"
            ) from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()[:200]
            raise DeliveryError(
                self._words[0], f"the alert command ended with {done.returncode}: {said}"
            )


def tell(room: Newsroom, way: Way, notices: Sequence[Notice]) -> bool:
    """Tell by one way; False when it was not taken, which the log says."""
    try:
        way.tell(room, notices)
    except NewsletterError as error:
        log.error("an alert could not be told by %s: %s", way.name, error)
    except Exception:
        # Whatever is wrong with one way, the others have their turn.
        log.exception("an alert could not be told by %s", way.name)
    else:
        return True
    return False


def _addresses(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]
