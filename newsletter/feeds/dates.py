"""Times as feeds write them, read without guessing in silence.

RFC 822 and ISO 8601 with all the ways they go wrong. The zone names are those that newsrooms
use; feed libraries commonly read BST as GMT, which is an hour wrong all summer.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from newsletter.model import Dated

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Where dates before computers kept them end up: old, and harmless to reckon with."""
EARLY_BY = timedelta(minutes=15)
"""Clocks of publishers run ahead by this much without it meaning anything."""
LONGEST = 80

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
# Hours from UTC. IST is read as India's: Ireland's newsrooms write GMT and +0100.
_ZONES = {
    "gmt": 0, "ut": 0, "utc": 0, "z": 0, "wet": 0, "bst": 1, "west": 1, "cet": 1,
    "met": 1, "cest": 2, "mest": 2, "eet": 2, "sast": 2, "eest": 3, "msk": 3, "ist": 5.5,
    "pkt": 5, "sgt": 8, "hkt": 8, "awst": 8, "jst": 9, "kst": 9, "acst": 9.5, "acdt": 10.5,
    "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13, "nst": -3.5, "ndt": -2.5, "ast": -4,
    "adt": -3, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7,
    "mdt": -6, "pst": -8, "pdt": -7, "akst": -9, "akdt": -8, "hst": -10,
}  # fmt: skip
# Names that leave open whether summer time holds; the place decides.
_PLACES = {
    "et": "America/New_York", "ct": "America/Chicago", "mt": "America/Denver",
    "pt": "America/Los_Angeles",
}  # fmt: skip
_TIME = (
    r"(?:(?: - |[T ,]+)(?:at )?(?P<hour>\d{1,2})[:.](?P<minute>\d{2})"
    r"(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?\s*(?P<half>[ap]\.?m\.?)?)?"
)
_ZONE = (
    r"\s*\(?(?P<zone>[A-Za-z]{1,5}|(?:GMT|UTC)?\s*[+-]\d{1,2}(?::?\d{2})?|)\)?(?:\s*\([^()]*\))?"
)
_DAY_NAME = r"(?:[A-Za-z]{2,9}\.?,?\s+)?"
_FORMS = tuple(
    re.compile(pattern + _TIME + _ZONE + r"\s*$", re.IGNORECASE)
    for pattern in (
        r"^(?P<year>\d{4})-?(?P<month>\d{2})-?(?P<day>\d{2})",
        rf"^{_DAY_NAME}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[\s-]+(?P<word>[A-Za-z]{{3,9}})\.?,?[\s-]+(?P<year>\d{{4}}|\d{{2}})",
        rf"^{_DAY_NAME}(?P<word>[A-Za-z]{{3,9}})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})",
        r"^(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})",
        r"^(?P<slash>)(?P<day>\d{1,2})[/.](?P<month>\d{1,2})[/.](?P<year>\d{4}|\d{2})",
    )
)
# How nearly every RSS feed writes a time (RFC 822 with the year of RFC 1123).
_USUAL = re.compile(
    r"[A-Z][a-z]{2}, ([0-9]{1,2}) ([A-Z][a-z]{2}) ([0-9]{4}) "
    r"([0-9]{2}:[0-9]{2}:[0-9]{2}) (GMT|[+-][0-9]{4})"
)
_ASCTIME = re.compile(
    r"^[A-Za-z]{3,9}\s+(?P<word>[A-Za-z]{3,9})\s+(?P<day>\d{1,2})\s+"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})(?P<half>)\s*(?P<zone>[A-Z]{0,5})\s+(?P<year>\d{4})$"
)


def read_date(raw: str) -> tuple[datetime, bool] | None:
    """The moment a feed's words mean, and whether they were plain; None when they mean none.

    Words are plain when they name a zone that is known. Without a zone UTC is taken; with two
    numbers that may both be months the day is taken to come first, unless the time is one of AM or
    PM. Both are not plain.
    """
    text = " ".join(raw.split())
    if not text or len(text) > LONGEST:
        return None
    if (text[4:5] == "-" and text[10:11] == "T") or text[8:9] == "T":
        # The common case by far in Atom, and a tenth of the time.
        try:
            exact = datetime.fromisoformat(text)
            if exact.tzinfo is not None and exact.year > 1:
                return exact.astimezone(UTC).replace(microsecond=0), True
        except (ValueError, OverflowError):
            pass
    usual = _USUAL.fullmatch(text)
    if usual:
        day, word, year, clock, zone = usual.groups()
        month, zone = _MONTHS.get(word.lower(), 0), "Z" if zone == "GMT" else zone
        try:
            exact = datetime.fromisoformat(f"{year}-{month:02}-{day:0>2}T{clock}{zone}")
            return exact.astimezone(UTC), True
        except (ValueError, OverflowError):
            pass
    for form in (*_FORMS, _ASCTIME):
        found = form.match(text)
        if found:
            return _moment(found.groupdict())
    return None


def settle(
    raws: tuple[str, ...], first_seen: datetime, fallback: datetime | None = None
) -> tuple[datetime, Dated]:
    """The time an article is taken to be published at, and how that was come by.

    :param raws: what the feed says, best first (published, then updated).
    :param first_seen: stands in where the feed says nothing usable or a time yet to come.
    :param fallback: what a feed library made of a form that is not known here.
    """
    for raw in raws:
        found = read_date(raw)
        if found:
            when, plain = found
            break
    else:
        if fallback is None:
            return first_seen, Dated.ABSENT
        when, plain = fallback, False
    if when > first_seen + EARLY_BY:
        return first_seen, Dated.FUTURE
    when = max(EARLIEST, min(when, first_seen))
    return when, Dated.STATED if plain else Dated.ASSUMED


def _moment(found: dict[str, str | None]) -> tuple[datetime, bool] | None:
    def number(name: str) -> int:
        return int(found.get(name) or 0)

    day, month, year = number("day"), number("month"), number("year")
    word = found.get("word")
    if word:
        month = _MONTHS.get(word[:3].lower(), 0)
    # Who counts hours to twelve writes the month first.
    if "slash" in found and day <= 12 and (month > 12 or found.get("half")):
        day, month = month, day
    if year < 100 and len(found.get("year") or "") == 2:
        year += 2000 if year < 70 else 1900
    if year == 0:
        return EARLIEST, False
    hour = number("hour")
    half = (found.get("half") or "").lower()
    if half:
        hour = hour % 12 + (12 if half[0] == "p" else 0)
    if hour > 24:
        return None
    zone, plain = _zone(found.get("zone") or "")
    try:
        local = datetime(
            year, month, day, hour % 24, number("minute"), min(number("second"), 59), tzinfo=zone
        )
        # 24:00 is midnight at a day's end (ISO 8601); a leap second is the second before it.
        when = (local + timedelta(days=hour // 24)).astimezone(UTC)
    except OverflowError:
        return EARLIEST, False
    except ValueError:
        return None
    return when, plain and found.get("hour") is not None


def _zone(name: str) -> tuple[tzinfo, bool]:
    """The zone of a name or a number, and whether it is known; UTC where it is not."""
    numeric = re.search(r"([+-])(\d{1,2})(?::?(\d{2}))?$", name)
    if numeric:
        hours = int(numeric[2]) + int(numeric[3] or 0) / 60
        if hours >= 24:
            return UTC, False
        return timezone(timedelta(hours=-hours if numeric[1] == "-" else hours)), True
    place = _PLACES.get(name.lower())
    if place:
        return ZoneInfo(place), True
    known = _ZONES.get(name.lower())
    return (timezone(timedelta(hours=known)), True) if known is not None else (UTC, False)
