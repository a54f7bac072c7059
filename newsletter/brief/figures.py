"""Numbers in text, with their units, in one form whatever the spelling.

"two", "2" and "2.0" are one number; "$5 million" is money and is not backed by "5 million euros";
"12 percent" and "12%" are one share. Dates, weekdays, months and times of day count as numbers
too, because a wrong date is as false as a wrong sum.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from newsletter.brief import wording

_MONTHS = wording.word_list(
    """
    jan feb mar apr may jun jul aug sep oct nov dec
    """
)
_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_MONTH = (
    r"(?P<{0}>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_UNITS = {
    w: i
    for i, w in enumerate(
        wording.word_list(
            """
            zero one two three four five six seven eight nine ten eleven twelve thirteen
            fourteen fifteen sixteen seventeen eighteen nineteen
            """
        )
    )
}
_TENS = {
    w: 10 * (i + 2)
    for i, w in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    )
}
_ORDINAL = {
    w: i + 1
    for i, w in enumerate(
        wording.word_list(
            """
            first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
            """
        )
    )
}
_VAGUE_ORDINALS = frozenset({"first", "second", "third"})
_SCALE = {
    "hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "mn": 1e6, "billion": 1e9,
    "b": 1e9, "bn": 1e9, "trillion": 1e12, "tn": 1e12, "trn": 1e12, "t": 1e12, "dozen": 12.0,
    "lakh": 1e5, "crore": 1e7,
}  # fmt: skip
_BIG = "hundred|thousand|million|billion|trillion|dozen|lakh|crore"
_WORD = "|".join([*_TENS, *sorted(_UNITS, key=len, reverse=True)])
_MONEY = {
    "dollar": "$", "euro": "€", "pound": "£", "yen": "¥", "yuan": "yuan", "rupee": "₹",
    "ruble": "₽", "rouble": "₽", "peso": "peso", "shekel": "₪", "franc": "franc",
    "krona": "kr", "kronor": "kr",
}  # fmt: skip
_MONEY_WORD = (
    r"(?:dollars?|euros?|pounds?|yen|yuan|rupees?|rubles?|roubles?|pesos?|shekels?|francs?|"
    r"krona|kronor)"
)
_PERCENT = r"(?:%|percent(?:age[ -]points?)?|per\s?cent|pct)"
_NUMBER = re.compile(
    rf"""(?xi)
    (?P<iso>\b(?P<iy>\d{{4}})-(?P<im>\d{{2}})-(?P<id>\d{{2}})\b) |
    (?P<md>\b{_MONTH.format("m1")}\s+(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\b(?![,.:]\d)) |
    (?P<dm>\b(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH.format("m2")}) |
    (?P<time>\b(?P<hh>\d{{1,2}})[:.](?P<mm>\d{{2}})(?=\s?(?:[ap]\.?m\b|hrs|GMT|UTC|E[DS]?T|
    P[DS]?T|local))|\b(?P<h24>\d{{1,2}}):(?P<m24>\d{{2}})\b) |
    (?P<code>(?-i:\b(?=[A-Za-z]*[A-Z])[A-Za-z]{{1,12}}-?\d+[A-Za-z]*\b)) |
    (?P<num>(?:(?P<cur>US\$|A\$|C\$|HK\$|NZ\$|R\$|\bRs\.?\s?(?=\d)|
    [$£€¥₹₽₩₪])\s?)?(?<![\w.])(?P<value>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)
      (?P<scale>[\s-]?(?:{_BIG})s?\b|\s?(?:k|m|mn|bn|b|tn|trn|t)\b)?(?P<unit>\s?{_PERCENT}|
      [\s-](?:U\.?S\.?\s|Canadian\s|Australian\s)?{_MONEY_WORD}\b)?
      (?P<suffix>(?:st|nd|rd|th|s)\b)?) |
    (?P<word>\b(?P<w1>{_WORD})(?:[\s-](?P<w2>one|two|three|four|five|six|seven|eight|
    nine))?\b(?:[\s-](?P<ws>{_BIG})\b)?(?:[\s-](?P<ws2>thousand|million|billion|trillion)\b)?
      (?P<wunit>[\s-]{_PERCENT}|[\s-]{_MONEY_WORD}\b)?) |
    (?P<ordinal>\b(?:{"|".join(_ORDINAL)})\b)
    """
)
_WEEKDAY = re.compile(r"\b(Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Satur|Sat|Sun)(?:day\b|\.(?=\s))")
_LONE_MONTH = re.compile(
    r"\b(January|February|April|June|July|August|September|October|November|December)\b"
)
_RANGE = re.compile(r"\s?(?:-|–|—|to|and|or)\s?")

Key = tuple[str, float]
"""What a number is counted in ("", "%", "$", "date", "time", "day", "month", "code …"), and it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as written, where, and every reading of it; one reading is enough to back it."""

    shown: str
    start: int
    end: int
    readings: tuple[Key, ...]


def figures(text: str) -> list[Figure]:
    """Every number in a text. "One" and "first" are words here, not numbers."""
    text = text.replace("\u00a0", " ").replace("\u202f", " ")
    found: list[Figure] = []
    for match in _NUMBER.finditer(text):
        readings = _readings(match)
        if readings:
            found.append(Figure(match.group().strip(), match.start(), match.end(), readings))
    found = _with_ranges(text, found)
    found += [
        Figure(
            m.group(), m.start(), m.end(), (("day", float(_DAYS.index(m.group(1)[:3].lower()))),)
        )
        for m in _WEEKDAY.finditer(text)
    ]
    found += [
        Figure(
            m.group(),
            m.start(),
            m.end(),
            (("month", float(_MONTHS.index(m.group(1)[:3].lower()) + 1)),),
        )
        for m in _LONE_MONTH.finditer(text)
    ]
    return found


def known(texts: Iterable[str], published: datetime | None = None) -> frozenset[Key]:
    """All numbers that texts say, with what follows from them, and the day of publication."""
    keys: set[Key] = set()
    for text in texts:
        for figure in figures(text):
            for unit, value in figure.readings:
                keys.add((unit, value))
                if unit == "date":
                    keys |= {("month", value // 100), ("", value % 100)}
                elif unit not in {"day", "month", "time"} and not unit.startswith("code"):
                    keys.add(("", value))
    if published is not None:
        keys |= _of_day(published.date())
    return frozenset(keys)


def _of_day(day: date) -> set[Key]:
    return {
        ("date", float(day.month * 100 + day.day)),
        ("month", float(day.month)),
        ("day", float(day.weekday())),
        ("", float(day.year)),
    }


def _month(name: str) -> int:
    return _MONTHS.index(name[:3].lower()) + 1


def _readings(match: re.Match[str]) -> tuple[Key, ...]:
    got = match.groupdict()
    if got["num"]:
        return _digits(got)
    if got["word"]:
        return _spelled(got)
    if got["ordinal"]:
        word = got["ordinal"].lower()
        return () if word in _VAGUE_ORDINALS else (("", float(_ORDINAL[word])),)
    if got["code"]:
        return (("code " + re.sub(r"[^a-z0-9]", "", match.group().lower()), 0.0),)
    return (_of_calendar(got),)


def _of_calendar(got: dict[str, str | None]) -> Key:
    """A date as month * 100 + day, a time of day as hour * 100 + minute."""
    if got["iso"]:
        return "date", float(int(got["im"] or 0) * 100 + int(got["id"] or 0))
    if got["time"]:
        hour, minute = got["hh"] or got["h24"] or 0, got["mm"] or got["m24"] or 0
        return "time", float(int(hour) * 100 + int(minute))
    name, day = (got["m1"], got["d1"]) if got["md"] else (got["m2"], got["d2"])
    if not name or not name[0].isupper():
        return "", float(day or 0)  # "may 3", "march 12" in running text
    return "date", float(_month(name) * 100 + int(day or 0))


def _digits(got: dict[str, str | None]) -> tuple[Key, ...]:
    value = float((got["value"] or "0").replace(",", ""))
    scale = (got["scale"] or "").strip(" -")
    unit = _money(got["cur"]) if got["cur"] else _unit(got["unit"])
    factor = _SCALE.get(scale.lower().rstrip("s") if len(scale) > 3 else scale.lower(), 1.0)
    keys = [(unit, round(value * factor, 6))]
    if len(scale) == 1 and not got["cur"]:
        keys.append((unit, value))  # "5 m" may be metres
    if "pound" in (got["unit"] or "").lower():
        keys.append(("", keys[0][1]))  # a weight
    return tuple(keys)


def _spelled(got: dict[str, str | None]) -> tuple[Key, ...]:
    first, second = (got["w1"] or "").lower(), (got["w2"] or "").lower()
    value = float(_TENS.get(first, _UNITS.get(first, 0)))
    if second and first in _TENS:
        value += _UNITS[second]
    unit = _unit(got["wunit"])
    scales = [name.lower() for name in (got["ws"], got["ws2"]) if name]
    if first in {"one", "zero"} and not (scales or unit):
        return ()
    for name in scales:
        value *= _SCALE[name]
    return ((unit, value),)


def _money(sign: str | None) -> str:
    sign = (sign or "").strip(". ")
    return "$" if sign.endswith("$") else {"Rs": "₹", "rs": "₹"}.get(sign, sign)


def _unit(words: str | None) -> str:
    text = (words or "").strip(" -").lower()
    if not text:
        return ""
    for name, sign in _MONEY.items():
        if name in text:
            return sign
    return "%"


def _with_ranges(text: str, found: list[Figure]) -> list[Figure]:
    """In "50 to 52%" and "5-10 million" the first number borrows unit and size from the second."""
    out = list(found)
    for i in range(len(found) - 1):
        one, other = found[i], found[i + 1]
        if not _RANGE.fullmatch(text[one.end : other.start]):
            continue
        extra: list[Key] = []
        for unit, value in other.readings:
            if unit in {"date", "time", "day", "month"} or unit.startswith("code"):
                continue
            size = next((s for s in (1e12, 1e9, 1e6, 1e3) if value >= s), 1.0)
            for own_unit, own in one.readings:
                if own_unit in {"", unit} and own < 1000:
                    extra += [(unit, own), (unit, own * size)]
        if extra:
            out[i] = Figure(one.shown, one.start, one.end, (*one.readings, *extra))
    return out
