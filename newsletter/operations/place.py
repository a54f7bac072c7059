"""The doctor on what stands in the place to work: configuration, alerts, templates, transport."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

from newsletter.config import Config
from newsletter.errors import ConfigError
from newsletter.newsroom import Newsroom
from newsletter.operations.findings import Finding, State, ok
from newsletter.timetable import SEND, next_of


def configuration(room: Newsroom) -> Iterator[Finding]:
    """The file, and values that are understood but cannot be meant."""
    config = room.config
    feeds = sum(len(source.addresses) for source in config.sources)
    yield ok("configuration", f"{config.file.name}, {feeds} feeds, {_editions(config)}")
    if not feeds:
        yield Finding(
            name="configuration",
            state="warn",
            says="there is no source",
            hint="Name some in [collect] sources or [[source]].",
        )
    for name, edition in config.editions.items():
        if not next_of(edition, name, SEND, room.clock()):
            yield Finding(
                name="configuration",
                state="warn",
                says=f"the edition {name} never appears",
                hint="Look at its days and holidays.",
            )
        elif edition.draft_at == edition.send_at:
            yield Finding(
                name="configuration",
                state="fail",
                says=f"the edition {name} is sent at {edition.send_at:%H:%M}, as it is drafted",
                hint="Put draft_at before send_at, with time to read between them.",
            )
    yield from _examples(config)
    if urlsplit(config.site.base_url).scheme != "https":
        yield Finding(
            name="configuration",
            state="warn" if config.delivery.transport in {"folder", "recording"} else "fail",
            says=f"[site] base_url is {config.site.base_url}, which is not https",
            hint="One-click unsubscribe needs TLS; put a proxy with a certificate in front.",
        )


def _examples(config: Config) -> Iterator[Finding]:
    samples = (
        ("[site] base_url", config.site.base_url, "example.org"),
        ("[site] postal_address", config.site.postal_address, "Sampleton"),
        ("[site] contact", config.site.contact, "example.org"),
        ("[delivery] from_email", config.delivery.from_email, "example.org"),
    )
    left = [name for name, value, sample in samples if sample in value]
    if left:
        state: State = "warn" if config.delivery.transport in {"folder", "recording"} else "fail"
        yield Finding(
            name="configuration",
            state=state,
            says=f"still the sample values: {', '.join(left)}",
            hint="Put your own in before real people get mail.",
        )


def alerts(room: Newsroom) -> Iterator[Finding]:
    """Whether anybody would hear of trouble."""
    settings = room.config.alerts
    ways = []
    if settings.email:
        ways.append(f"mail to {settings.email}")
    if settings.webhook_env:
        if os.environ.get(settings.webhook_env):
            ways.append("webhook")
        else:
            yield Finding(
                name="alerts",
                state="fail",
                says=f"[alerts] webhook_env names {settings.webhook_env}, which is not set",
                hint="Set it where the service starts, or empty the key.",
            )
    if settings.command:
        if shutil.which(settings.command[0]) or (room.config.root / settings.command[0]).exists():
            ways.append(f"command {settings.command[0]}")
        else:
            yield Finding(
                name="alerts",
                state="fail",
                says=f"the program {settings.command[0]} is not there",
                hint="Give its whole path in [alerts] command.",
            )
    if ways:
        yield ok("alerts", ", ".join(ways))
    else:
        yield Finding(
            name="alerts",
            state="warn",
            says="nobody is told when the issue does not go out",
            hint="Set [alerts] email, webhook_env or command; newsletter doctor --alert tries it.",
        )


def templates(room: Newsroom) -> Iterator[Finding]:
    """Whether every template compiles."""
    number = room.renderer.templates.check()
    yield ok("templates", f"{number} compile")


def sending(room: Newsroom) -> Iterator[Finding]:
    """The transport's own settings and secrets, without asking it anything."""
    delivery = room.config.delivery
    room.transport().close()
    if delivery.transport in {"folder", "recording"}:
        yield Finding(
            name="transport",
            state="warn",
            says=f"{delivery.transport}: letters are written to files, nobody gets mail",
            hint='Set [delivery] transport to "smtp" or "sendgrid" when you are ready.',
        )
    else:
        yield ok("transport", f"{delivery.transport}, from {delivery.from_email}")
    if delivery.transport == "sendgrid":
        yield from _webhook_key(room.config)


def _webhook_key(config: Config) -> Iterator[Finding]:
    """The public key that SendGrid's signed events are checked with, as the hook reads it."""
    grid = config.delivery.sendgrid
    if not (grid.webhook_public_key_env or grid.webhook_public_key_file):
        yield Finding(
            name="webhook",
            state="warn",
            says="no public key is set, so bounces and complaints are not heard of",
            hint="Put the key of SendGrid's signed event webhook into a file and name it.",
        )
        return
    from newsletter.delivery.events import verification_key  # noqa: PLC0415 - its library is large

    if verification_key(public_key(config)) is None:
        yield Finding(
            name="webhook",
            state="fail",
            says="the key of the event webhook is not a public key",
            hint="Copy the verification key from SendGrid's settings again.",
        )
        return
    yield ok("webhook", "events are checked with a key that can be read")


def public_key(config: Config) -> str:
    """The key that SendGrid signs with, from the environment or from its file.

    :raises ConfigError: when neither is named, or what is named is not there.
    """
    grid = config.delivery.sendgrid
    if grid.webhook_public_key_env:
        found = os.environ.get(grid.webhook_public_key_env, "").strip()
        if found:
            return found
        raise ConfigError(
            "delivery.sendgrid.webhook_public_key_env",
            f'names the environment variable "{grid.webhook_public_key_env}", which is not set',
        )
    if not grid.webhook_public_key_file:
        raise ConfigError(
            "delivery.sendgrid.webhook_public_key_file",
            "is empty, so no event can be believed",
            hint="Copy the key from SendGrid's Signed Event Webhook settings into a file.",
        )
    try:
        return config.path(grid.webhook_public_key_file).read_text("ascii").strip()
    except (OSError, UnicodeError):
        raise ConfigError(
            "delivery.sendgrid.webhook_public_key_file",
            "cannot be read",
            hint="It holds one line of letters and digits.",
        ) from None


def _editions(config: Config) -> str:
    number = len(config.editions)
    return f"{number} edition{'s' if number != 1 else ''}"
