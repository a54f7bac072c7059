"""Email addresses: which are fit to be written to, and when two of them are the same.

Two ways lead to the same answer. Nearly every address of a real list is plain ASCII of the
obvious shape, which one pattern recognises in about a microsecond; everything else goes to
email-validator (some forty times slower), which knows the standards and words its refusals. The
pattern takes only what email-validator takes without changing anything but letter case; a test
holds the two together. No DNS is asked: whether a domain takes mail is found out by mailing it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

_PLAIN = re.compile(
    r"(?=[^@]{1,64}@.{4,189}\Z)"
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*"
    r"@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63})",
    re.ASCII,
)
# Names that never lead to a mailbox (RFC 6761), left to email-validator to refuse in its words.
_SPECIAL = (".arpa", ".invalid", ".local", ".localhost", ".onion", ".test")


@dataclass(frozen=True, slots=True)
class Address:
    """An address that may be written to.

    :param email: what to write to: the domain in lower case and, where the part before the @ is
        ASCII, in its ASCII form, which every mail server understands.
    :param key: what to compare: case folded, domain in its ASCII form.
    :param domain: the domain in its ASCII form.
    """

    email: str
    key: str
    domain: str


def read_address(text: str) -> Address | str:
    """Check an address; the answer is either the address or one sentence why it is none.

    The reserved domains example.org, .example and .test are taken, because invented people live
    there; other special-use domains are refused.
    """
    text = text.strip()
    low = text.lower()
    match = _PLAIN.fullmatch(low)
    if match and text.isascii() and "--" not in low and not low.endswith(_SPECIAL):
        domain = match[1]
        return Address(email=text[: -len(domain)] + domain, key=low, domain=domain)
    return _validated(text)


def _validated(text: str) -> Address | str:
    if not text:
        return "there is no address"
    if len(text) > 320:
        return "an address has at most 254 characters"
    at_test = text.lower().endswith(".test")
    try:
        found = validate_email(
            text, check_deliverability=False, test_environment=at_test, strict=True
        )
    except EmailNotValidError as error:
        return _lowered(str(error))
    except (ValueError, UnicodeError):
        return "is not an email address"
    domain = found.ascii_domain or found.domain
    email = found.ascii_email or found.normalized
    return Address(email=email, key=f"{found.local_part.casefold()}@{domain}", domain=domain)


def _lowered(sentence: str) -> str:
    """A library's sentence as the second half of one of ours: small first letter, no stop."""
    sentence = sentence.strip().rstrip(".")
    return sentence[:1].lower() + sentence[1:]
