"""Words that stand for a person in a link.

Three kinds. The **short word** of a reader's own links (unsubscribe, preferences) is random, kept
in the database and never expires; it is short because a List-Unsubscribe address of 75 characters
or more is folded into encoded words, which mail programs ignore. The **signed word** of a
confirmation carries its own contents and an end; it is bound to one purpose, so that a word made
for one page is worthless on another, and it is checked against every key that was ever in use, so
that a new key breaks no link that is already in somebody's mailbox. The **marked word**
(:class:`Mark`) of a link that is counted names a delivery in the open, with a short signature
behind it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

SHORT_WORD = re.compile(r"[A-Za-z0-9_-]{16,32}")
"""What a short word looks like: at least 96 random bits, letters that are safe in an address."""

MAX_SIGNED = 1_000
"""The longest signed word that is looked at."""


def is_short_word(text: str) -> bool:
    """Whether this can be a reader's word at all; anything else is not even looked up."""
    return SHORT_WORD.fullmatch(text) is not None


def same_word(one: str, other: str) -> bool:
    """Compare two words in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


class Mark:
    """Puts a short mark behind something that stands in the open, and checks it: 72 bits.

    For addresses of which a letter has many. They never expire, as the letter does not.

    :param keys: secrets, oldest first; the last one signs, all of them are accepted.
    :param purpose: what the word is for; a word of another purpose does not pass.
    """

    LENGTH = 12

    def __init__(self, keys: Sequence[str], purpose: str):
        if not keys:
            raise ValueError("a mark needs at least one key")
        name = f"newsletter.mark.{purpose}".encode()
        self._keys = [hmac.digest(key.encode(), name, "sha256") for key in keys]

    def sign(self, text: str) -> str:
        """The text with its mark behind it."""
        return text + self._mark(self._keys[-1], text)

    def read(self, word: str) -> str | None:
        """The text of a word; None when it is forged, or for another purpose."""
        text, mark = word[: -self.LENGTH], word[-self.LENGTH :]
        if not text or len(word) > MAX_SIGNED or not word.isascii():
            return None
        made = [same_word(self._mark(key, text), mark) for key in self._keys]
        return text if any(made) else None

    def _mark(self, key: bytes, text: str) -> str:
        digest = hmac.digest(key, text.encode(), "sha256")
        return base64.urlsafe_b64encode(digest)[: self.LENGTH].decode()


class Signer:
    """Makes and reads signed words of one purpose.

    :param keys: secrets, oldest first; the last one signs, all of them are accepted.
    :param purpose: what the word is for, such as "confirm"; another purpose does not accept it.
    """

    def __init__(self, keys: Sequence[str], purpose: str):
        if not keys:
            raise ValueError("a signer needs at least one key")
        self._serializer = URLSafeSerializer(
            list(keys),
            salt=f"newsletter.{purpose}",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def sign(self, contents: dict[str, Any], *, expires: datetime) -> str:
        """Make a word that carries some contents until a moment."""
        return str(self._serializer.dumps({**contents, "exp": int(expires.timestamp())}))

    def read(self, word: str, *, now: datetime) -> dict[str, Any] | None:
        """The contents of a word; None when it is forged, for another purpose, or over.

        One answer for all three, because a page must not tell them apart either.
        """
        if len(word) > MAX_SIGNED:
            return None
        try:
            body = self._serializer.loads(word)
        except (BadData, ValueError, RecursionError):
            return None
        if not isinstance(body, dict):
            return None
        end = body.pop("exp", None)
        if not isinstance(end, int) or now > datetime.fromtimestamp(end, UTC):
            return None
        return body
