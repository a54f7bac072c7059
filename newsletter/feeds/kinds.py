"""What sort of text an article is, what it is filed under, and in what language it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from newsletter.model import Kind

_OF_OUTLET = {
    "opinion": Kind.OPINION,
    "wire": Kind.WIRE,
    "official": Kind.PRESS_RELEASE,
    "press-release": Kind.PRESS_RELEASE,
}
_OPINIONS = (
    r"(?:opinions?|op-?eds?|editorials?|commentary|commentaries|columns?|columnists?|"
    r"comment-is-free|commentisfree|letters?-to-the-editor|viewpoints?|perspectives?|first-person|"
    r"guest-essays?|essays?)"
)
# The whole of a label: courts hand down opinions, and the public has one.
_OPINION = re.compile(
    rf"^(?:(?:our|the|your|guest|local|staff|readers?|us|uk|world|politics|political|sunday)-)*"
    rf"{_OPINIONS}(?:-(?:and|pages?|pieces?|sections?|blogs?|contributors?|writers?|articles?|"
    rf"features?|analysis|politics|us|uk|world|{_OPINIONS}))*$"
)
_ANALYSIS = re.compile(
    r"\b(?:analysis|explainers?|explained|fact-?checks?|news-analysis|in-depth)\b"
)
_LIVE = re.compile(r"^(?:live|live-?(?:blogs?|updates?|news|story|feed))$")
_PRESS = re.compile(r"\b(?:press-?releases?|pr-?newswire|business-?wire|globe-?newswire)\b")
_TITLE_OPINION = re.compile(
    r"^(?:opinion|op-?ed|editorial|commentary|column|letters?)\s*[:|–—-]\s|\|\s*(?:opinion|editorial|column)\b",
    re.IGNORECASE,
)
_TITLE_ANALYSIS = re.compile(
    r"^(?:analysis|explainer|fact[ -]?check|what (?:we|to) know)\b\s*[:|–—-]?|\|\s*analysis\b",
    re.IGNORECASE,
)
_TITLE_LIVE = re.compile(
    r"^(?:live(?: updates?| blog)?|watch live)\s*[:|–—-]\s|\blive updates\b|– live$|- live$",
    re.IGNORECASE,
)
_NEVER = re.compile(r"(?!)")
_SIGNS = (
    (Kind.LIVE, _TITLE_LIVE, _LIVE),
    (Kind.OPINION, _TITLE_OPINION, _OPINION),
    (Kind.ANALYSIS, _TITLE_ANALYSIS, _ANALYSIS),
    (Kind.PRESS_RELEASE, _NEVER, _PRESS),
)
_WIRE_BYLINE = re.compile(
    r"^(?:by\s+)?(?:the\s+)?(?:associated press|ap|reuters|afp|agence france-presse|upi|"
    r"united press international|bloomberg news|news agencies|wire (?:services|reports))\b",
    re.IGNORECASE,
)
_WIRE_DATELINE = re.compile(r"^.{0,60}\((?:AP|Reuters|AFP|UPI)\)\s*[–—-]|^.{0,60}\(Reuters\)")

_SECTIONS = {
    "politics": "politics elections? congress white-house campaigns? senate government policy",
    "world": "world international foreign global europe asia africa middle-east americas ukraine",
    "business": "business econom(?:y|ics) markets? finance money companies personal-finance",
    "technology": "tech technology internet ai artificial-intelligence cybersecurity gadgets",
    "climate": "climate environment energy weather",
    "health": "health medicine wellness coronavirus covid",
    "science": "science space",
    "sports": "sports? nfl nba mlb nhl soccer football baseball basketball golf tennis olympics",
    "culture": "culture arts? entertainment books? music movies film tv television celebrity "
    "style lifestyle food travel",
    "us": "us u-s usa us-news nation national domestic crime courts law immigration education",
    "opinion": "opinions? editorials? commentary op-ed",
}
_SECTION_FORMS = tuple(
    (name, re.compile(f"^(?:{'|'.join(words.split())})$")) for name, words in _SECTIONS.items()
)

_COMMON = {
    "en": "the of and to in that is for on with as was at by from has have are be this not but",
    "es": "el la de que y en los del las por con una para es se al como su más pero",
    "fr": "le la les de des et en du une est dans pour que qui par sur au pas plus avec",
    "de": "der die das und ist von den mit für auf im zu ein eine nicht des sich dem auch es",
    "it": "il di che la e del in per un una non con sono della dei le al da si alla",
    "pt": "o de que e do da em os para com uma não por as dos mais ao no na foi",
    "nl": "de het een van en in is dat op te voor met zijn niet aan er om ook als bij",
}
_WORDS_OF = {lang: frozenset(words.split()) for lang, words in _COMMON.items()}
_SCRIPTS = (
    (re.compile(r"[\u3040-\u30ff]"), "ja"),
    (re.compile(r"[\uac00-\ud7af]"), "ko"),
    (re.compile(r"[\u4e00-\u9fff]"), "zh"),
    (re.compile(r"[\u0600-\u06ff]"), "ar"),
    (re.compile(r"[\u0590-\u05ff]"), "he"),
    (re.compile(r"[\u0900-\u097f]"), "hi"),
    (re.compile(r"[\u0370-\u03ff]{3}"), "el"),
    (re.compile(r"[іїєґ]"), "uk"),
    (re.compile(r"[\u0400-\u04ff]{3}"), "ru"),
)


_OTHER_SCRIPT = re.compile(r"[\u0370-\u1fff\u3040-\ud7af]")
_ASCII = bytes(range(128))
_LATIN = re.compile(r"[a-z]")
_WORDS = re.compile(r"[^\W\d_]+")
_NOT_WORD = re.compile(r"\W+")


def kind_of(
    title: str,
    address: str,
    categories: Iterable[str],
    *,
    author: str = "",
    text: str = "",
    outlet_kind: str = "news",
) -> Kind:
    """The kind of one article: what its title, path, categories and byline say, in that order.

    Where they say nothing it is what the outlet publishes (an opinion magazine's pieces are
    opinion), and news otherwise. Live comes first: a live page of opinions is still a live page.
    """
    places = _places(address, tuple(categories))
    marked = {_kind_of_place(place) for place in places}
    low = title.lower()
    # Most signs stand at the beginning, and looking for the others everywhere takes long.
    anywhere = "|" in low or "live" in low
    for kind, in_title, _ in _SIGNS:
        if kind in marked or (in_title.search if anywhere else in_title.match)(title):
            return kind
    by_outlet = _OF_OUTLET.get(outlet_kind)
    if by_outlet:
        return by_outlet
    wire = _WIRE_BYLINE.match(author) or _WIRE_DATELINE.match(text[:120])
    return Kind.WIRE if wire else Kind.NEWS


def section_of(address: str, categories: Iterable[str], given: str = "") -> str:
    """One of a few common sections, or "" where nothing says so. What the operator gave wins."""
    if given:
        return given
    places = _places(address, tuple(categories))
    return next(filter(None, map(_section_of_place, places)), "")


# An outlet has few sections and labels, and every article has some of them again.
@lru_cache(4_096)
def _kind_of_place(place: str) -> Kind | None:
    return next((kind for kind, _, in_place in _SIGNS if in_place.search(place)), None)


@lru_cache(4_096)
def _section_of_place(place: str) -> str:
    return next((name for name, form in _SECTION_FORMS if form.match(place)), "")


@lru_cache(4_096)
def _slug(label: str) -> str:
    return _NOT_WORD.sub("-", label.lower()).strip("-")


def language_of(declared: Iterable[str], text: str) -> str:
    """A two or three letter language code.

    What the item says counts, then the feed, unless the script or the common words of the text
    contradict it: programs write "en" into feeds of all languages. English is taken for Latin
    letters that say nothing else.
    """
    sample = text[:600].lower()
    by_script = ""
    # Only what is beyond ASCII is looked at for its script; most of a text is not.
    beyond = sample.encode("utf-8", "replace").translate(None, _ASCII).decode()
    if _OTHER_SCRIPT.search(beyond):
        by_script = next((lang for form, lang in _SCRIPTS if form.search(sample)), "")
    primary = next(filter(None, map(_primary, declared)), "")
    if by_script:
        other = primary in _WORDS_OF and len(_LATIN.findall(sample)) < len(beyond)
        return by_script if other or not primary else primary
    if primary and not _denied(primary, sample):
        return primary
    words = set(_WORDS.findall(sample))
    counts = {lang: len(words & known) for lang, known in _WORDS_OF.items()}
    best = max(counts, key=lambda lang: (counts[lang], lang == (primary or "en")))
    return best if counts[best] >= 3 else primary or "en"


def _denied(lang: str, sample: str) -> bool:
    """Whether a text that is said to be English has next to no word that all such texts have."""
    if lang != "en" or (" the " in sample and (" of " in sample or " and " in sample)):
        return False
    words = set(sample[:300].split())
    return len(words) >= 12 and len(_WORDS_OF["en"] & words) < 3


@lru_cache(256)
def _primary(tag: str) -> str:
    """The language of a tag such as "en-GB"; "" where it names none."""
    primary = tag.strip().lower().replace("_", "-").partition("-")[0]
    sound = re.fullmatch(r"[a-z]{2,3}", primary) and primary not in {"und", "mul", "zxx"}
    return primary if sound else ""


@lru_cache(64)  # kind and section of one article ask one after the other
def _places(address: str, categories: tuple[str, ...]) -> list[str]:
    """Path segments (without the last, which is the headline) and categories, as slugs."""
    host, _, path = address.partition("://")[2].partition("?")[0].lower().partition("/")
    segments = path.strip("/").split("/")[:-1]
    labels = host.split(".")[:1]
    # Of a path "live" says that the page goes on changing, of a label that there is music.
    named = [slug for slug in map(_slug, categories) if slug != "live"]
    return [place for place in (*segments, *named, *labels) if place and place != "www"]
