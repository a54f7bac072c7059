"""Passwords: argon2id, and rules that ask for length and nothing else.

No rule about capitals or digits (NIST SP 800-63B, OWASP ASVS 5.0 V6.2): those make passwords that
are hard to remember and easy to guess. What is guessed soon is refused: zxcvbn counts the tries
from lists of common passwords, words and names, rows of keys, and from what is known about the
person. What has leaked is refused where the operator has a file of it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from newsletter.errors import ConfigError

SHORTEST = 12
LONGEST = 128
"""Characters; a limit at all, because hashing a megabyte is work for us and none for them."""
ENOUGH = 3
"""Of zxcvbn's scores 0 to 4: a hundred million tries and more, at a pace of a few in a minute."""

_LOOKED_AT = 72
"""Characters that are judged; what is hard to guess does not get easier by more of them."""
_LINE = 256
"""The longest line of a file of leaked passwords: 40 digits, perhaps a colon and a count."""


def why_not(password: str, *, about: Iterable[str] = (), breached: Path | None = None) -> str:
    """Why a password is refused, in one sentence; empty when it will do.

    :param about: words an attacker would try for this person: address, name, name of the site.
    :param breached: a file of leaked passwords, see :func:`has_leaked`.
    :raises ConfigError: when that file cannot be read.
    """
    plain = _normal(password)
    if len(plain) < SHORTEST:
        return f"A password needs {SHORTEST} characters or more; a few words in a row are fine."
    if len(plain) > LONGEST:
        return f"A password has {LONGEST} characters at most."
    own = {part for word in about for part in (word, *re.split(r"[@.\s_-]+", word))}
    rest = plain.casefold()
    for part in sorted(own, key=len, reverse=True):
        rest = rest.replace(part.casefold(), "") if len(part) >= 4 else rest
    if len(rest) < SHORTEST:
        return "This password is mostly your own name, your address or ours."
    # Its lists are a megabyte, which only somebody who chooses a password needs.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    if zxcvbn(plain[:_LOOKED_AT], user_inputs=sorted(own))["score"] < ENOUGH:
        return "This is one of the first passwords that are tried; take a few words of your own."
    if breached is not None and has_leaked(plain, breached):
        return "This password is in a list of leaked ones; take another."
    return ""


def has_leaked(password: str, file: Path) -> bool:
    """Whether a password is in a file of leaked ones: SHA-1 in hexadecimal, sorted, one a line.

    The lists that are passed around have this form, with a colon and a count after each; they
    have tens of gigabytes, so lines are found by halving and nothing is read in.

    :raises ConfigError: when the file cannot be read.
    """
    # Not a use of SHA-1 to protect anything: it is how the list is written.
    wanted = hashlib.sha1(_normal(password).encode(), usedforsecurity=False).hexdigest().upper()
    try:
        with file.open("rb") as lines:
            low, high = 0, lines.seek(0, 2)
            while low < high:
                middle = (low + high) // 2
                lines.seek(middle)
                if middle:
                    lines.readline(_LINE)  # the rest of a line that began before
                start = lines.tell()
                found = lines.readline(_LINE)[:40].decode("ascii", "replace").upper()
                if found == wanted:
                    return True
                if found and found < wanted:
                    low = start + 1
                else:
                    high = middle
    except OSError as error:
        raise ConfigError(
            "desk.breached_passwords",
            f"cannot be read ({error.strerror})",
            hint="Name a file of sorted SHA-1 hashes, or leave the key empty.",
        ) from None
    return False


class Passwords:
    """Makes and checks argon2id hashes.

    The parameters travel in each hash, so stronger ones can be set later: see :meth:`outdated`.
    """

    def __init__(self, hasher: PasswordHasher | None = None):
        # 64 MiB, 3 passes, 4 lanes: the second recommendation of RFC 9106.
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash("a password that belongs to nobody")

    def hash(self, password: str) -> str:
        """The hash to keep, with its salt and parameters."""
        return self._hasher.hash(_normal(password))

    def verify(self, kept: str, password: str) -> bool:
        """Whether a password is the one of a hash.

        Where there is no hash the same work is done, so that the time tells nothing about who has
        an account here.
        """
        usable = len(password) <= 4 * LONGEST
        try:
            self._hasher.verify(kept or self._nobody, _normal(password) if usable else "")
        except (VerificationError, InvalidHashError):
            return False
        return bool(kept) and usable

    def outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)


def _normal(password: str) -> str:
    """The same characters whatever keyboard composed them (RFC 8265 says NFC)."""
    return unicodedata.normalize("NFC", password)
