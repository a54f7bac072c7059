"""Passwords: argon2id, and rules that ask for length and nothing else.

No rule about capitals or digits (NIST SP 800-63B, OWASP ASVS 5.0 V6.2): those make passwords that
are hard to remember and easy to guess. What everybody guesses first is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 128
"""Characters; a limit at all, because hashing a megabyte is work for us and none for them."""

_ROWS = ("qwertyuiopasdfghjklzxcvbnm", "abcdefghijklmnopqrstuvwxyz", "12345678901234567890")
_COMMON = re.compile(
    r"password|passwort|passw0rd|letmein|welcome|iloveyou|administrator|changeme|trustno1"
    r"|newsletter|sunshine|football|baseball|princess|superman|starwars|default",
    re.IGNORECASE,
)


def why_not(password: str, *, about: Iterable[str] = ()) -> str:
    """Why a password is refused, in one sentence; empty when it will do.

    :param about: words an attacker would try for this person: address, name, name of the site.
    """
    plain = _normal(password)
    if len(plain) < SHORTEST:
        return f"A password needs {SHORTEST} characters or more; a few words in a row are fine."
    if len(plain) > LONGEST:
        return f"A password has {LONGEST} characters at most."
    if len(set(plain)) < 5:
        return "This password repeats itself; take a few different words."
    low = plain.casefold()
    for word in about:
        for part in (word, *re.split(r"[@.\s_-]+", word)):
            if len(part) >= 4 and part.casefold() in low and len(low) - len(part) < SHORTEST:
                return "This password is mostly your own name, your address or ours."
    rest = _COMMON.sub("", low)
    for row in _ROWS:
        for length in range(len(row), 3, -1):
            for start in range(len(row) - length + 1):
                piece = row[start : start + length]
                rest = rest.replace(piece, "").replace(piece[::-1], "")
    if len(rest) < SHORTEST // 2:
        return "This is one of the first passwords that are tried; take a few words of your own."
    return ""


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
