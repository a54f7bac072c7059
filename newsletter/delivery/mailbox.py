"""The mailbox that undeliverable letters come back to, read over IMAP with TLS."""

from __future__ import annotations

import imaplib
import logging
import ssl
from collections.abc import Callable
from typing import Any

from newsletter.errors import NewsletterError, TransportError

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Most messages of one visit; the next visit takes the next."""


def visit(
    take: Callable[[bytes], bool],
    *,
    host: str,
    port: int,
    username: str,
    password: str,
    folder: str,
    timeout: float,
    tls: ssl.SSLContext | None = None,
) -> tuple[int, int]:
    """Give each new message to ``take``; how many were understood, and how many were not.

    A message that ``take`` understands is marked as seen after it was taken in, so one that is
    interrupted comes again. Others are flagged for a person and stay unread.

    :param tls: a context for tests; by default certificates and names are verified.
    :raises TransportError: when the mailbox cannot be reached, opened or read.
    """
    understood = other = 0
    try:
        with imaplib.IMAP4_SSL(
            host, port, ssl_context=tls or ssl.create_default_context(), timeout=timeout
        ) as server:
            server.login(username, password)
            _good(server.select(f'"{folder}"'))
            for number in _new(server)[:AT_ONCE]:
                if _taken(take, _message(server, number)):
                    understood += 1
                    _good(server.store(number, "+FLAGS", "(\\Seen)"))
                else:
                    other += 1
                    _good(server.store(number, "+FLAGS", "(\\Flagged)"))
    except ssl.SSLCertVerificationError as error:
        raise TransportError(
            f"{host}:{port}",
            f"the mailbox's certificate is not trusted: {error.verify_message}",
            hint="Use the host name that the certificate is made out to.",
        ) from None
    except (OSError, imaplib.IMAP4.error) as error:
        raise TransportError(
            f"{host}:{port}",
            f"the mailbox cannot be read: {' '.join(str(error).split())[:200]}",
            hint="Check [delivery.bounces] host, port, folder and the two variables it names.",
            again=True,
        ) from None
    return understood, other


def _taken(take: Callable[[bytes], bool], raw: bytes) -> bool:
    """Whether a message was understood; one that cannot be read must not hold up the others."""
    try:
        return take(raw)
    except NewsletterError as error:
        if error.again:
            raise
        log.error("a message in the mailbox was passed over: %s", error)
    except Exception:
        log.exception("a message in the mailbox could not be read")
    return False


def _new(server: imaplib.IMAP4) -> list[str]:
    answer = _good(server.search(None, "UNSEEN", "UNFLAGGED"))
    return answer[0].decode("ascii").split() if answer and isinstance(answer[0], bytes) else []


def _message(server: imaplib.IMAP4, number: str) -> bytes:
    for one in _good(server.fetch(number, "(BODY.PEEK[])")):
        if isinstance(one, tuple):
            return bytes(one[1])
    return b""


def _good(answer: tuple[str, Any]) -> list[Any]:
    status, data = answer
    if status != "OK":
        raise imaplib.IMAP4.error(f"{status} {data}")
    return list(data)
