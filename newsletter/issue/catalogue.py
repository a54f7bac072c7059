"""The fixed words of the email and the pages, one file per language.

``strings/<language>.toml`` holds sentences by name; a sentence that depends on a number is a table
of plural forms. What a language leaves out is said in English. Dates, plural rules and writing
direction come from Babel, so a new language is one new file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from importlib import resources

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from newsletter.errors import IssueError
from newsletter.issue.clean import first_upper

_FALLBACK = "en"


class Catalogue:
    """The fixed words of one language; ``direction`` is ltr or rtl, ``start``, ``end`` follow."""

    def __init__(self, language: str, strings: Mapping[str, str | dict[str, str]], locale: Locale):
        self.language = language
        self.locale = locale
        self.direction = locale.text_direction
        self.start, self.end = ("left", "right") if self.direction == "ltr" else ("right", "left")
        self._strings = strings
        self._plain_digits = format_decimal(0, locale=locale) == "0"

    def __call__(self, name: str, /, **values: object) -> str:
        """The sentence of that name with its places filled in.

        A whole number passed as ``n`` chooses the plural form. Numbers are written as the
        language writes them.

        :raises IssueError: when there is no such sentence, or a place has no value.
        """
        entry = self._strings.get(name)
        if entry is None:
            raise IssueError(name, "is not a sentence of the catalogue")
        if isinstance(entry, dict):
            count = values.get("n", 0)
            form = self.locale.plural_form(count if isinstance(count, int) else 0)
            entry = entry.get(form) or entry["other"]
        shown = {
            key: self.number(value)
            if isinstance(value, int) and not isinstance(value, bool)
            else value
            for key, value in values.items()
        }
        try:
            return entry.format_map(shown)
        except KeyError as missing:
            raise IssueError(name, f"needs a value for {missing}") from None

    def has(self, name: str) -> bool:
        """Whether the catalogue knows a sentence of that name."""
        return name in self._strings

    @property
    def names(self) -> frozenset[str]:
        """The names of all sentences."""
        return frozenset(self._strings)

    def number(self, value: int) -> str:
        """A whole number with the language's separators."""
        if 0 <= value < 1000 and self._plain_digits:
            return str(value)  # Babel takes a thousand times as long for the same
        return str(format_decimal(value, locale=self.locale))

    def day(self, day: date, form: str = "long") -> str:
        """A date; the forms ``long``, ``short`` and ``history`` are patterns of the catalogue."""
        return str(format_date(day, self(f"date_{form}"), locale=self.locale))

    def moment(self, moment: datetime) -> str:
        """A time of day with its date, in the zone the moment carries."""
        return str(format_datetime(moment, self("date_moment"), locale=self.locale))

    def duration(self, seconds: int) -> str:
        """A reading time, to the nearest ten seconds."""
        minutes, rest = divmod(max(10, round(seconds / 10) * 10), 60)
        if not minutes:
            return self("duration_seconds", n=rest)
        if not rest:
            return self("duration_minutes", n=minutes)
        return self("duration", minutes=minutes, seconds=rest)

    def section(self, section: str) -> str:
        """A section's name: the language's word for a known one, else the word itself."""
        if not section:
            return self("section_general")
        key = f"section_{section.strip().lower().replace(' ', '_')}"
        return self(key) if self.has(key) else first_upper(section)

    def joined(self, parts: list[str]) -> str:
        """Words as a list in a sentence: "a, b and c"."""
        if len(parts) < 2:
            return "".join(parts)
        return self("list_last", first=", ".join(parts[:-1]), last=parts[-1])


@lru_cache(maxsize=16)
def catalogue(language: str = _FALLBACK) -> Catalogue:
    """The catalogue of a language tag such as ``en`` or ``es-MX``.

    :raises IssueError: when the tag names no language.
    """
    try:
        locale = Locale.parse(language, sep="-")
    except (ValueError, UnknownLocaleError):
        raise IssueError(
            language, "is not a language tag", hint='Use a tag such as "en" in [site] language.'
        ) from None
    strings = _read(_FALLBACK)
    if locale.language != _FALLBACK:
        strings = {**strings, **_read(locale.language)}
    return Catalogue(language, strings, locale)


def _read(language: str) -> dict[str, str | dict[str, str]]:
    entry = resources.files("newsletter") / "issue" / "strings" / f"{language}.toml"
    if not entry.is_file():
        return {}
    return dict(tomllib.loads(entry.read_text("utf-8")))
