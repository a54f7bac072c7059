"""What stands before the first sentence of an article: title, section, dateline, bullet sign.

Feeds and pages run these together with the sentence below them ("… due to understaffing ATLANTA
(AP) — An independent monitor"). What is taken off is only ever whole and at the front, so the rest
stays word for word what the outlet printed.
"""

from __future__ import annotations

import re

from newsletter.brief import wording

_FOLD = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\xa0": " "})
_BULLET = re.compile(r"^(?:[-–—•■●▪*·]+|\d{1,2}[.):])\s+")
_CREDIT = re.compile(
    r"^\((?:\w+ ){0,2}(?:credit|photo|image|source|video|file|courtesy)\b[^()]{0,60}\)\s*",
    re.IGNORECASE,
)
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)\w*\.?"
# Cities that news is written from; only with a colon, a dash or brackets behind them.
_CITIES = "|".join(
    wording.phrase_list(
        """
        Washington(?:,? D\\.?C\\.?)? | New York | Los Angeles | San Francisco | Chicago | Boston |
        Houston | Dallas | Atlanta | Miami | Philadelphia | Seattle | Denver | Phoenix |
        Las Vegas | Sacramento | Austin | Baltimore | Detroit | London | Paris | Berlin |
        Brussels | Geneva | Rome | Madrid | Vienna | Warsaw | Kyiv | Kiev | Moscow | Istanbul |
        Ankara | Jerusalem | Tel Aviv | Gaza | Gaza City | Gaza Strip | Khan You?nis | Rafah |
        Ramallah | Beirut | Damascus | Baghdad | Tehran | Cairo | Dubai | Abu Dhabi | Doha |
        Riyadh | Nairobi | Lagos | Abuja | Johannesburg | Pretoria | Cape Town | Islamabad |
        Karachi | Lahore | Kabul | New Delhi | Delhi | Mumbai | Kolkata | Chennai | Bengaluru |
        Hyderabad | Dhaka | Colombo | Kathmandu | Bangkok | Hanoi | Manila | Jakarta |
        Singapore | Kuala Lumpur | Beijing | Shanghai | Hong Kong | Taipei | Seoul | Tokyo |
        Sydney | Melbourne | Canberra | Brisbane | Perth | Wellington | Auckland | Ottawa |
        Toronto | Montreal | Vancouver | Mexico City | Havana | Caracas | Bogota | Lima |
        Santiago | Buenos Aires | Brasilia | Rio de Janeiro | Sao Paulo | Frankfurt | Munich |
        Athens | Lisbon | Dublin | Edinburgh | Oslo | Stockholm | Copenhagen | Helsinki
        """
    )
)
_DATED = (
    rf"(?:/(?:{_CITIES}))?(?:,? [A-Z][\w.]+(?: [A-Z][\w.]+)?)?(?: \[[A-Z][\w .]+\])?"
    rf"(?:,? {_MONTH} \d{{1,2}})?(?:,? \d{{4}})?(?: \([A-Z][\w ./]{{1,24}}\))?"
)
_PLACE = re.compile(
    rf"^(?:{_CITIES}){_DATED} ?"
    rf"(?::|[-–—]{{1,2}}|(?<=\))) ?(?=[“\"]?[A-Z0-9])"
)
# "Deir al-Balah, Gaza Strip —"
_ARABIC = re.compile(
    r"^[A-Z][\w’']+ (?:al|el|an|ash|as|at)-[A-Z][\w’']+, [A-Z]\w+(?: [A-Z]\w+)? ?"
    r"[-–—]{1,2} (?=[A-Z])"
)
_SHOUTED = re.compile(rf"^(?:{_CITIES.upper()})(?:, [A-Z][a-z.]+)? (?=[A-Z][a-z]+ [A-Z]?[a-z])")
_DESK = re.compile(r"^[A-Z]{2,6} ?/ ?(?:[A-Z]+ ){0,2}(?:DESK|BUREAU|TEAM|STAFF) (?=[A-Z])")
_DATELINE = re.compile(
    r"""(?x)^(?:
      (?:[A-Z][A-Z'’.\-/]+(?:[ ][A-Z][A-Z'’.\-/]+){0,4})
        (?:,[ ](?:[A-Z][\w.'’-]*[ ]?){1,4}(?:\d{1,2})?)?[ ]*
        (?:\([^()]{2,30}\)[ ]*)?(?:[-–—]{1,2}[ ]*|:[ ]) |
      (?:[A-Z][\w.'’-]*,?[ ]){1,4}(?:\d{1,2}[ ])?\([A-Z][\w ./]{1,24}\)[ ]*[-–—:]{1,2}[ ]* |
      \([A-Z][\w ./]{1,24}\)[ ]*(?:[-–—:]{1,2}[ ]*)? |
      [A-Z][\w.]+(?:,[ ][A-Z][\w.]+)?[ ]*[—–][ ](?=[A-Z]) |
      [A-Z][\w.'’-]+(?:[ ][A-Z][\w.'’-]+){0,2},[ ][A-Z][\w.'’-]+(?:[ ][A-Z][\w.'’-]+){0,2}
        [ ]+(?:--|[-—–])[ ](?=[A-Z])
    )(?=[“"‘(]?[A-Z0-9])"""
)
# A dateline in the middle: what stands before it is a headline that was run together with it.
_INNER = re.compile(
    rf"(?<=[\w’'”)] )(?:[A-Z]{{4,}}(?: [A-Z]{{2,}}){{0,2}}(?:, [A-Z][\w.]+(?: [A-Z][\w.]+)?)?"
    rf"(?: \([A-Z][\w ./]{{1,24}}\))? ?[—–]|(?:[A-Z]{{4,}}(?: [A-Z]{{2,}}){{0,2}}|{_CITIES})"
    rf"(?:, [A-Z][\w.]+)? \((?:AP|Reuters|AFP|UPI|CNN|ANI|IANS|PTI)\) ?[-—–]+|"
    rf"(?<!in )(?<!from )(?<!of )(?<!at )(?<!to )(?<!near )(?<!and )(?:{_CITIES}) [—–]) "
    rf"(?=[“\"]?[A-Z])|(?<=[a-z’'”)] )(?:{_CITIES.upper()}) (?=[A-Z][a-z]* [A-Z]?[a-z])"
)
_FAR = 260  # characters from the start in which a headline may have been run in
_SECTION = 24  # characters that a section's name may take before the title


def lead_in(said: str, title: str, *, first: bool = True) -> int:
    """How many characters stand before the sentence itself.

    :param title: the article's own headline, which may open its text.
    :param first: whether this is near the top, where titles and datelines are run in.
    """
    at = 0
    for pattern in (_BULLET, _CREDIT):
        found = pattern.match(said[at:])
        at += found.end() if found else 0
    if not first:
        found = _DATELINE.match(said[at:])
        return at + (found.end() if found else 0)
    at += _title(said[at:], title)
    inner = _INNER.search(said, at, at + _FAR)
    if inner:
        return inner.end()
    for pattern in (_DESK, _PLACE, _DATELINE, _ARABIC, _SHOUTED):
        found = pattern.match(said[at:])
        if found:
            return at + found.end()
    return at


def is_title(said: str, title: str) -> bool:
    """Whether a sentence opens with the article's own headline and is little more."""
    wanted = title.translate(_FOLD).casefold().strip(" .")
    return bool(wanted) and said.translate(_FOLD).casefold().startswith(wanted)


def _title(said: str, title: str) -> int:
    """How much of a sentence is the headline, alone or behind the name of a section."""
    wanted = title.translate(_FOLD).casefold().strip(" .")
    if len(wanted) < 20:
        return 0
    place = said.translate(_FOLD).casefold().find(wanted, 0, len(wanted) + _SECTION)
    if place < 0 or (place and not said[:place].strip().replace(" ", "").isalpha()):
        return 0
    end = place + len(wanted)
    rest = said[end:].lstrip(" .:|-–—")
    # A title that goes on into its sentence ("… bill on Tuesday") belongs to it.
    if not rest or not (rest[0].isupper() or rest[0] in '“"‘'):
        return 0
    return len(said) - len(rest)
