"""The ways a letter can leave: folder, SMTP, SendGrid, and a recording for tests."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from newsletter.clock import Clock
from newsletter.config import Config, Smtp
from newsletter.delivery.domains import DomainLane, DomainPace
from newsletter.delivery.transport.contract import Transport
from newsletter.delivery.transport.folder import FolderTransport
from newsletter.delivery.transport.recording import RecordingTransport
from newsletter.delivery.transport.smtp import SmtpTransport
from newsletter.errors import ConfigError

__all__ = ["FolderTransport", "RecordingTransport", "SmtpTransport", "Transport", "make_transport"]


def make_transport(
    config: Config,
    name: str = "",
    *,
    lane: DomainLane,
    clock: Clock,
    sleep: Callable[[float], None] = time.sleep,
) -> Transport:
    """The transport that ``[delivery] transport`` names, or another one by its name.

    :param lane: where the limits of receiving domains are kept for all processes.
    :raises ConfigError: when a secret it needs is not in the environment.
    """
    delivery = config.delivery
    match name or delivery.transport:
        case "folder":
            return FolderTransport(config.path(config.paths.outbox))
        case "recording":
            return RecordingTransport()
        case "smtp":
            smtp = delivery.smtp
            return SmtpTransport(
                host=smtp.host,
                port=smtp.port,
                security=smtp.security,
                username=_secret(smtp.username_env, "delivery.smtp.username_env"),
                password=_secret(smtp.password_env, "delivery.smtp.password_env"),
                timeout=smtp.timeout_seconds,
                connections=smtp.connections,
                letters_per_connection=smtp.batch_size,
                domains=_domains(smtp, lane, clock, sleep),
            )
        case "sendgrid":
            # Imported late: the library costs start-up time that the other transports need not pay.
            from newsletter.delivery.transport.sendgrid import (  # noqa: PLC0415
                SendGridTransport,
            )

            grid = delivery.sendgrid
            return SendGridTransport(
                api_key=_secret(grid.api_key_env, "delivery.sendgrid.api_key_env"),
                api_url=grid.api_url,
                batch_size=grid.batch_size,
                timeout=grid.timeout_seconds,
                workers=grid.requests_at_once,
                sandbox=grid.sandbox,
                settles_after=grid.log_complete_after_seconds or None,
            )
    raise ConfigError("delivery.transport", f'"{name}" is not a transport')


def _domains(
    smtp: Smtp, lane: DomainLane, clock: Clock, sleep: Callable[[float], None]
) -> DomainPace | None:
    """The limits of receiving domains, where there are any."""
    if not (smtp.domain_per_second or smtp.domain_limits or smtp.domain_connections):
        return None
    return DomainPace(
        lane,
        clock=clock,
        sleep=sleep,
        per_second=smtp.domain_per_second,
        limits=dict(_domain_limit(one) for one in smtp.domain_limits),
        connections=smtp.domain_connections,
        # A letter needs four answers of the server at most, and usually none of them is late.
        lease=2 * smtp.timeout_seconds + 10,
    )


def _domain_limit(words: str) -> tuple[str, float]:
    """A limit such as ``example.com=2.5``."""
    domain, _, number = words.partition("=")
    return domain.lower(), float(number)


def _secret(variable: str, key: str) -> str:
    """The value of an environment variable; empty when none is named."""
    if not variable:
        return ""
    value = os.environ.get(variable, "").strip()
    if not value:
        raise ConfigError(
            key,
            f'names the environment variable "{variable}", which is not set',
            hint=f"Set {variable} before you start the program; secrets never stand in a file.",
        )
    return value
