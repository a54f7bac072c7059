"""The cells of an import file: what each may hold and how it is written down.

Every function returns the clean value or raises :class:`CellRefused` with one sentence. They are
pure and their answers repeat (a million people live in two hundred countries), so those that cost
something remember a few thousand answers.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import available_timezones

MAX_NAME = 120
MAX_TAG = 64
MAX_TAGS = 50
MAX_VALUE = 200
_SHOWN = 80

_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")
_COUNTRY_NICKNAMES = {
    "uk": "GB",
    "great britain": "GB",
    "united kingdom": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "usa": "US",
    "u.s.": "US",
    "u.s.a.": "US",
    "united states of america": "US",
    "south korea": "KR",
    "korea": "KR",
    "czechia": "CZ",
    "holland": "NL",
    "the netherlands": "NL",
    "ivory coast": "CI",
    "bosnia and herzegovina": "BA",
}


class CellRefused(ValueError):
    """A cell does not hold what its column promises; the text says why."""


def visible(text: str) -> str:
    """A value made safe to show: no control or direction characters, not longer than a line."""
    shown = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text[:200])
    shown = " ".join(shown.split())
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"


def name(text: str) -> str:
    """A person's name: NFC, one line, without control and direction characters."""
    if text.isascii() and text.isprintable() and "  " not in text:
        clean = text.strip()
    else:
        clean = _single_line(text)
    if len(clean) > MAX_NAME:
        raise CellRefused(f"a name has at most {MAX_NAME} characters")
    return clean


@lru_cache(maxsize=4096)
def country(text: str) -> str:
    """A country as its two letters (ISO 3166-1), from the letters or the English name."""
    word = _single_line(text).casefold()
    if not word:
        return ""
    if word in _COUNTRY_NICKNAMES:
        return _COUNTRY_NICKNAMES[word]
    codes = _countries()
    if word in codes:
        return codes[word]
    raise CellRefused("is not a country; write its two letters, such as GB")


@lru_cache(maxsize=4096)
def timezone(text: str) -> str:
    """An IANA time zone, spelled as the database spells it."""
    word = text.strip()
    if not word:
        return ""
    found = _zones().get(word.casefold().replace(" ", "_"))
    if found is None:
        raise CellRefused("is not an IANA time zone; write it as Europe/London")
    return found


@lru_cache(maxsize=4096)
def language(text: str) -> str:
    """A language tag in its usual letter case: ``en``, ``pt-BR``, ``zh-Hant-TW`` (BCP 47)."""
    word = text.strip()
    if not word:
        return ""
    match = _LANGUAGE.fullmatch(word)
    if match is None:
        raise CellRefused("is not a language tag; write it as en or pt-BR")
    primary, script, region = match.groups()
    parts = [primary.lower()]
    if script:
        parts.append(script.title())
    if region:
        parts.append(region.upper())
    return "-".join(parts)


@lru_cache(maxsize=8192)
def tags(text: str) -> tuple[str, ...]:
    """Topics or lists, separated by semicolon, bar or comma: lower case, each once, in order."""
    # Mailchimp writes each tag in quotation marks of its own.
    words = (_single_line(word).strip('"').casefold() for word in re.split(r"[;|,]", text))
    found = tuple(dict.fromkeys(word for word in words if word))
    for word in found:
        if len(word) > MAX_TAG:
            raise CellRefused(f"a topic or list has at most {MAX_TAG} characters")
    if len(found) > MAX_TAGS:
        raise CellRefused(f"at most {MAX_TAGS} topics or lists fit a person")
    return found


def attribute_name(text: str) -> str:
    """The name of an attribute: small letters, digits, - and _, as a rule writes it."""
    name = re.sub(r"[\s.]+", "_", _single_line(text).casefold())
    if not re.fullmatch(r"[\w-]{1,64}", name):
        raise CellRefused("is no name for an attribute; use letters, digits, - and _")
    return name


def attribute_value(text: str) -> str:
    """The value of an attribute: one line."""
    value = _single_line(text)
    if len(value) > MAX_VALUE:
        raise CellRefused(f"the value of an attribute has at most {MAX_VALUE} characters")
    return value


@lru_cache(maxsize=4096)
def moment(text: str) -> str:
    """A day as 2026-11-22, from an ISO time; empty where it cannot be read."""
    found = re.match(r"\s*(\d{4}-\d{2}-\d{2})(?:[T ]|\s*$)", text)
    try:
        return date.fromisoformat(found[1]).isoformat() if found else ""
    except ValueError:
        return ""


def _single_line(text: str) -> str:
    clean = unicodedata.normalize("NFC", text)
    # Joiners (Cf) belong to names in some scripts; direction marks and the rest do not.
    kept = "".join(
        char
        if char in "\u200c\u200d"
        else " "
        if unicodedata.category(char) in {"Cc", "Zl", "Zp"}
        else ""
        if unicodedata.category(char) in {"Cf", "Cs", "Co", "Cn"}
        else char
        for char in clean
    )
    return " ".join(kept.split())


@cache
def _countries() -> dict[str, str]:
    """Codes and English names to codes, as the time zone database lists them."""
    table = resources.files("tzdata") / "zoneinfo" / "iso3166.tab"
    found: dict[str, str] = {}
    for line in table.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            code, english = line.split("\t")[:2]
            found[code.casefold()] = code
            found[english.casefold()] = code
    return found


@cache
def _zones() -> dict[str, str]:
    return {zone.casefold(): zone for zone in available_timezones()}
