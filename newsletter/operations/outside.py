"""The doctor on the outside: the provider, the public address, TLS, and the sending domain."""

from __future__ import annotations

import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from newsletter.config import SendGrid
from newsletter.newsroom import Newsroom
from newsletter.operations.findings import Finding, State, ok
from newsletter.operations.machine import CLOCK_SECONDS

CERTIFICATE_DAYS = 14
READS_LOG = {"email_activity.read", "messages.read"}
"""Either lets a key look letters up: its name changed with the provider's products."""
NEEDLESS = {"api_keys", "billing", "teammates", "user", "subusers"}
"""Rights over the account itself."""


@runtime_checkable
class HasRights(Protocol):
    """A transport whose key has rights."""

    def rights(self) -> frozenset[str]:
        """What the key may do, in the provider's words."""
        ...


def provider(room: Newsroom) -> Iterator[Finding]:
    """Whether the mail provider takes us: keys, scopes, connection."""
    if room.config.delivery.transport in {"folder", "recording"}:
        return
    transport = room.transport()
    rights: frozenset[str] | None = None
    try:
        says = transport.check()
        if isinstance(transport, HasRights):
            rights = transport.rights()
    finally:
        transport.close()
    yield ok("provider", f"{room.config.delivery.transport}: {says}")
    if rights is not None:
        yield from _rights(room.config.delivery.sendgrid, rights)


def _rights(grid: SendGrid, rights: frozenset[str]) -> Iterator[Finding]:
    """Whether the key may do the rest that the configuration asks for."""
    if not rights & READS_LOG:
        counts_on_it = grid.log_complete_after_seconds > 0
        yield Finding(
            name="key rights",
            state="fail" if counts_on_it else "warn",
            says="the key may not read the activity log, so reconcile cannot settle letters by it",
            hint="Give the key the right email_activity.read; without it only events settle doubts."
            if not counts_on_it
            else "Give the key the right email_activity.read, "
            "or set [delivery.sendgrid] log_complete_after_seconds = 0.",
        )
    needless = sorted({one.split(".")[0] for one in rights} & NEEDLESS)
    if needless:
        yield Finding(
            name="key rights",
            state="warn",
            says=f"the key may do more than this program needs: {', '.join(needless)}",
            hint="Make a key with mail.send and email_activity.read alone; a stolen one then "
            "harms less.",
        )
    if rights & READS_LOG and not needless:
        yield ok("key rights", "sending and the activity log, as needed")


def public_address(room: Newsroom) -> Iterator[Finding]:
    """Whether readers reach the pages, by TLS with a certificate that lasts; and the time there."""
    base = room.config.site.base_url.rstrip("/")
    url = urlsplit(base)
    if url.scheme != "https":
        yield Finding(
            name="public address",
            state="fail",
            says=f"{base} is not https",
            hint="One-click unsubscribe needs TLS; put a proxy with a certificate in front.",
        )
    try:
        with urllib.request.urlopen(f"{base}/healthz", timeout=10) as answer:  # noqa: S310
            body = answer.read(2000)
            served = answer.headers.get("Date", "")
    except urllib.error.HTTPError as error:
        body, served = b"", error.headers.get("Date", "")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        wrong = isinstance(reason, ssl.SSLError)
        if isinstance(reason, socket.gaierror):
            reason = "its name is not known"
        yield Finding(
            name="TLS" if wrong else "public address",
            state="fail",
            says=f"{base} does not answer: {reason}",
            hint="Renew the certificate." if wrong else "Is the proxy up, and the name in DNS?",
        )
        return
    if b'"version"' in body:
        yield ok("public address", f"{base} is this program")
    else:
        yield Finding(
            name="public address",
            state="fail",
            says=f"{base} answers, but it is not this program",
            hint="Pass everything under [site] base_url on to [web] host and port.",
        )
    yield from _time_there(room, served)
    if url.scheme == "https" and url.hostname:
        yield from _certificate(url.hostname, url.port or 443, room.clock())


def _time_there(room: Newsroom, served: str) -> Iterator[Finding]:
    try:
        there = parsedate_to_datetime(served)
    except (TypeError, ValueError):
        return
    off = abs((room.clock() - there).total_seconds())
    if off > CLOCK_SECONDS + 1:
        yield Finding(
            name="clock",
            state="warn",
            says=f"this machine and the public address differ by {off:.0f} s",
            hint="Run time synchronisation on both.",
        )


def _certificate(host: str, port: int, now: datetime) -> Iterator[Finding]:
    import socket  # noqa: PLC0415 - only online

    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=host) as secured,
    ):
        certificate = secured.getpeercert() or {}
    ends = datetime.fromtimestamp(
        ssl.cert_time_to_seconds(str(certificate.get("notAfter", "Jan  1 00:00:00 1970 GMT"))), UTC
    )
    left = (ends - now).days
    state: State = "ok" if left > CERTIFICATE_DAYS else "fail" if left < 1 else "warn"
    yield Finding(
        name="TLS",
        state=state,
        says=f"the certificate of {host} ends on {ends:%Y-%m-%d}, in {left} days",
        hint="" if state == "ok" else "Renew it; see to it that renewal runs by itself.",
    )


def names(room: Newsroom, *, selectors: Sequence[str] = ()) -> Iterator[Finding]:
    """SPF, DKIM, DMARC, MX and PTR of the sending domain, as receivers read them."""
    from newsletter.operations.names import look_up  # noqa: PLC0415 - an extra

    yield from look_up(room.config, selectors=selectors)
