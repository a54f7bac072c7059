"""Words: how a text falls into words, and which of them say nothing, language by language.

A word becomes a term by lower case, without its possessive and plural -s; stop words and single
characters become nothing.
"""

from __future__ import annotations

import re
from functools import cache

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_TYPOGRAPHY = [("’", "'"), ("‘", "'"), *((sign, " ") for sign in "“”—–…\u00a0•")]
_SPACES = {code: " " for code in range(128) if not chr(code).isalnum() and chr(code) != "'"}
# Scripts written without spaces: a run of characters becomes overlapping pairs.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{2,}"
)

_STOP_WORDS = {
    "en": """
        a about above according across after again against ago all almost along already also
        although always am amid among an and another any anyone anything are aren't around as ask
        asked at away back be became because become been before began behind being below between
        both but by call called came can can't cannot come could couldn't day did didn't do does
        doesn't doing don't down during each either else even ever every everyone everything few
        for from full further gave get give given go goes going gone good got had hadn't has hasn't
        have haven't having he he'd he'll he's her here here's hers herself him himself his how
        however i i'd i'll i'm i've if in including inside instead into is isn't it it's its itself
        just keep know known last late later least less let let's like likely made make making many
        may maybe me mean might more most mr mrs ms much must my myself near need never new next no
        nor not nothing now of off often old on once one only onto or other others our ours
        ourselves out outside over own part per put rather read really right said same saw say says
        see seen set several shall she she'd she'll she's should shouldn't since so some someone
        something soon still such take taken tell than that that's the their theirs them themselves
        then there there's these they they'd they'll they're they've thing think this those though
        three through throughout thus time to today together told too took toward towards two
        under until up upon us use used very via want was wasn't way we we'd we'll we're we've week
        well went were weren't what what's when where whether which while who who's whose why will
        with within without won't work would wouldn't year yes yesterday yet you you'd you'll you're
        you've your yours yourself
        monday tuesday wednesday thursday friday saturday sunday
        """,
    "de": """
        aber alle als am an auch auf aus bei bin bis da damit dann das dass dem den der des die dies
        diese dieser doch durch ein eine einem einen einer eines er es für gegen haben hat hatte ich
        ihr im in ist ja kann kein keine man mehr mit nach nicht noch nun nur ob oder ohne sehr sei
        sein sich sie sind so soll über um und uns unter vom von vor war was wegen weil wenn werden
        wie wird wir wurde zu zum zur
        """,
    "fr": """
        à au aux avec c'est ce ces cette ceux comme d'un d'une dans de depuis des deux dont du elle
        elles en entre est et été être eux il ils je la le les leur leurs lui mais même ne nous on
        ont ou où par pas plus pour qu'il que qui sa sans se ses si son sont sous sur ses tout tous
        un une vers vous y
        """,
    "es": """
        a al ante como con contra cual cuando de del desde donde dos el ella ellos en entre era es
        esa ese esta este esto están fue ha han hasta hay la las le les lo los más me mi muy no nos
        o para pero por porque que qué se según ser si sin sobre son su sus también tiene todo tras
        un una uno y ya
        """,
    "it": """
        a ad ai al alla alle anche che chi ci come con contro da dal dalla degli dei del della delle
        di dopo due e è era fra gli ha hanno i il in la le lo ma nel nella non o per perché più
        quando questa questo se si sono stato su sua suo sul sulla tra tutti un una uno
        """,
    "pt": """
        a ao aos as até com como da das de do dos e é ela ele em entre era essa esse esta está este
        foi há isso já mais mas na nas não no nos o os ou para pela pelo por porque quando que se
        sem ser seu sua são sobre também tem um uma
        """,
    "nl": """
        aan al als bij dan dat de deze die dit door een en er geen haar had heeft het hij hun ik in
        is kan maar meer met na naar niet nog of om ook op over te tot uit van voor was wat wel werd
        wie worden wordt ze zich zijn zo zou
        """,
}
# The title word of a kind of page, not of an event.
_PAGE_WORDS = "breaking exclusive gallery live liveblog photo podcast updates video watch"


@cache
def stop_words(lang: str) -> frozenset[str]:
    """Words of a language that say nothing about an event; empty for a language not known."""
    words = _STOP_WORDS.get(lang, "").split()
    if lang == "en":
        words += _PAGE_WORDS.split()
    return frozenset(words)


def language(tag: str) -> str:
    """The bare language of a tag: "en" for "en-GB", "EN" and "en_us"; "und" for none."""
    return re.split(r"[-_]", tag.strip().lower(), maxsplit=1)[0] or "und"


def normal(word: str, lang: str = "en") -> str:
    """One lower-case word as a term, or "" when it is to be ignored.

    Possessives and, in English, plural -s are cut; single characters and single digits are
    ignored, except in scripts where a character is a word.
    """
    stops = stop_words(lang)
    if word in stops:
        return ""
    word = word.replace("’", "'").strip("'")
    if word in stops:
        return ""
    word = word.removesuffix("'s")
    if lang == "en" and len(word) > 3 and word[-1] == "s" and word[-2] not in "su'i":
        word = word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
    if (len(word) < 2 and word.isascii()) or word in stops:
        return ""
    return word


def split_words(text: str) -> list[str]:
    """The words of a lower-case text, in their order; runs of an unspaced script as pairs.

    Words may still have apostrophes at their ends; :func:`normal` takes them off.
    """
    if not text.isascii():
        for sign, plain in _TYPOGRAPHY:
            text = text.replace(sign, plain)
    # Nearly all English text is plain now, and then a table is four times as fast as a pattern.
    if text.isascii():
        return text.translate(_SPACES).split()
    if _UNSPACED.search(text):
        text = _UNSPACED.sub(_pairs, text)
    return _WORD.findall(text)


def _pairs(match: re.Match[str]) -> str:
    run = match.group()
    return " " + " ".join(run[i : i + 2] for i in range(len(run) - 1)) + " "
