"""Bounces of the SMTP path: notifications in files or in a mailbox become events."""

from __future__ import annotations

import os
from dataclasses import dataclass

from newsletter.database.readers import address_key
from newsletter.delivery.bounces import read_notices
from newsletter.delivery.letter import message_id
from newsletter.delivery.mailbox import visit
from newsletter.errors import ConfigError
from newsletter.model import Event
from newsletter.newsroom import Newsroom
from newsletter.pipeline.events import take_events


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceReport:
    """How many messages told of one of our letters, and how many did not."""

    taken: int
    passed_over: int


def take_notice(room: Newsroom, raw: bytes) -> bool:
    """Take in one message; whether it is a notification about a letter of ours.

    It is believed when it carries the Message-ID of a letter or single mail that we sent to the
    very address.
    """
    events = []
    for notice in read_notices(raw, now=room.clock()):
        domain = notice.message_id.strip("<>").rpartition("@")[2]
        for key, issue, reader, began in room.ledger.letters_to(address_key(notice.recipient)):
            secret = room.message_key(began)
            if message_id(issue, reader, domain, secret) == notice.message_id:
                events.append(
                    Event(key=key, kind=notice.kind, at=notice.at, detail=notice.detail[:250])
                )
    if not events:
        return False
    take_events(room, events)
    return True


def read_mailbox(room: Newsroom) -> BounceReport:
    """Take in what is new in the mailbox that ``[delivery.bounces]`` names.

    :raises ConfigError: when there is none, or its name and password are not in the environment.
    :raises TransportError: when it cannot be read.
    """
    box = room.config.delivery.bounces
    if not box.host:
        raise ConfigError(
            "delivery.bounces.host",
            "is empty, so there is no mailbox to read",
            hint="Name the IMAP server, or read files: newsletter bounces --dsn FILE.",
        )
    taken, passed_over = visit(
        lambda raw: take_notice(room, raw),
        host=box.host,
        port=box.port,
        username=_secret(box.username_env, "delivery.bounces.username_env"),
        password=_secret(box.password_env, "delivery.bounces.password_env"),
        folder=box.folder,
        timeout=box.timeout_seconds,
    )
    return BounceReport(taken=taken, passed_over=passed_over)


def _secret(variable: str, key: str) -> str:
    found = os.environ.get(variable, "") if variable else ""
    if not found:
        raise ConfigError(
            key,
            "names no environment variable that is set",
            hint="Set it before you start the program; secrets never stand in a file.",
        )
    return found
