"""Ways of telling a person: mail, a web address, a program. Each is tried by itself."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from newsletter.delivery.letter import message_id, prepare_issue
from newsletter.errors import DeliveryError, NewsletterError
from newsletter.model import DeliveryState, Letter
from newsletter.newsroom import Newsroom

log = logging.getLogger(__name__)

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
    """A mail through the transport of the issues; it needs no database."""

    name = "mail"

    def tell(self, room: Newsroom, notices: Sequence[Notice]) -> None:
        """Send one mail to everybody whom ``[alerts] email`` names."""
        config, now = room.config, room.clock()
        base = config.site.base_url.rstrip("/")
        hints = list(dict.fromkeys(one.hint for one in notices if one.hint and not one.over))
        values = {
            "what": summary(notices),
            "at": f"{now:%Y-%m-%d %H:%M} UTC",
            "hint": hints[0] if hints else "",
            "facts": [
                (
                    "Over" if one.over else "Needs you",
                    f"{one.sentence} (since {one.since:%Y-%m-%d %H:%M} UTC)"
                    + (f" {one.hint}" if one.hint not in hints[:1] and not one.over else ""),
                )
                for one in notices
            ],
            "desk_url": f"{base}/desk",
        }
        rendered = room.renderer.render_mail("alert", values, tag=room.tag())
        mail = prepare_issue(
            "alert",
            [rendered],
            date=now,
            from_email=config.delivery.from_email,
            from_name=config.delivery.from_name or config.site.name,
            reply_to=config.delivery.reply_to or config.site.contact,
            base_url=config.site.base_url,
            edition="alert",
            edition_title=config.site.name,
        )
        word = room.tag()
        letters = [
            Letter(
                key=f"alert-{word}-{number}",
                to=address,
                to_name="",
                message_id=message_id(f"alert-{word}", number, mail.domain),
                list_unsubscribe=f"<mailto:{config.site.contact}>",
                values={},
            )
            for number, address in enumerate(_addresses(config.alerts.email))
        ]
        transport = room.transport()
        try:
            outcomes = transport.send(letters, mail.prepared("", f"alert-{word}"))
        finally:
            transport.close()
        if not any(one.state is DeliveryState.ACCEPTED for one in outcomes):
            raise DeliveryError(
                config.alerts.email, f"did not get the alert: {outcomes[0].reason}", again=True
            )


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
        except (OSError, ValueError) as error:
            # The address is a secret of its own: it stands in no log.
            reason = getattr(error, "code", None) or type(error).__name__
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
        return False
    return True


def _addresses(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]
