"""Sessions: who is signed in, how far, and until when.

The browser holds a random word; the database holds its hash, so a stolen backup opens nothing.
The word changes whenever somebody gets more rights than before (password, second factor), and all
words of a person end when the password or the role changes.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from newsletter.model import Session, Stage

MOST_CODES = 5
"""Wrong second-factor codes of one sign-in, after which the password is asked for again."""
SECOND_FACTOR_WITHIN = timedelta(minutes=10)
RECENT = timedelta(minutes=15)
"""How fresh a sign-in must be to change how one signs in."""


def hashed(word: str) -> str:
    """What is kept of a random word."""
    return hashlib.sha256(word.encode()).hexdigest()


def is_alive(session: Session, *, now: datetime, idle: timedelta, longest: timedelta) -> bool:
    """Whether a session still holds."""
    if session.stage is Stage.PASSWORD:
        return now - session.made < SECOND_FACTOR_WITHIN and session.tries < MOST_CODES
    return now - session.seen < idle and now - session.made < longest


def is_recent(session: Session, now: datetime) -> bool:
    """Whether somebody has just shown that it is them."""
    return session.stage is Stage.FULL and now - session.made < RECENT


def same(one: str, other: str) -> bool:
    """Compare two secrets in a time that says nothing about them."""
    return bool(one) and hmac.compare_digest(one.encode(), other.encode())


def wait_after(failures: int) -> timedelta:
    """How long an account takes no further try after so many wrong ones in a row.

    Nothing for the first four, for everybody mistypes; then doubling from 30 seconds to a quarter
    of an hour. Guessing a six-digit code at that pace takes decades.
    """
    if failures < 5:
        return timedelta(0)
    return min(timedelta(seconds=30 * 2 ** min(failures - 5, 10)), timedelta(minutes=15))
