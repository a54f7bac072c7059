"""Sections: whether a story is politics, world, business, ... from its feeds and its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from newsletter.model import Article
from newsletter.stories.terms import language, normal, split_words

SECTIONS = (
    "politics",
    "world",
    "business",
    "technology",
    "science",
    "health",
    "sport",
    "culture",
    "local",
)
"""The sections there are, in the order that wins ties."""

_FEED_NAMES = {
    "politics": "politics political congress whitehouse white-house elections election government",
    "world": "world international global europe asia africa americas middle-east mideast foreign",
    "business": "business economy economics finance markets money companies jobs",
    "technology": "technology tech digital innovation cyber ai",
    "science": "science environment climate space nature",
    "health": "health medicine wellness covid coronavirus healthcare",
    "sport": "sport sports football soccer basketball baseball cricket tennis olympics nfl nba",
    "culture": "culture arts art entertainment film movies music books television tv lifestyle",
    "local": "local metro region regional city community",
}
_FEED_WORDS = {name: section for section, names in _FEED_NAMES.items() for name in names.split()}

_SIGNS = {
    "politics": """
        senate senator congress congressman congresswoman legislature lawmaker republican democrat
        democratic gop president governor mayor ballot election primary voter vote caucus candidate
        campaign impeachment filibuster veto partisan bipartisan legislation bill supreme justice
        nominee cabinet white house attorney redistricting poll lawsuit amendment
        """,
    "world": """
        foreign minister ministry embassy ambassador nato un treaty ceasefire troop missile
        airstrike border refugee sanction summit hostage militant rebel kremlin parliament prime
        chancellor invasion diplomat diplomatic peacekeeper occupation envoy
        """,
    "business": """
        market stock share investor earning profit revenue inflation tariff bank banking fed
        interest rate economy economic trade merger acquisition bankruptcy layoff employer wage
        retailer dollar euro bond quarterly ceo company startup price supply
        manufacturer import export
        """,
    "technology": """
        software app smartphone internet online ai algorithm chip semiconductor chatbot data privacy
        hacker cyberattack breach robot satellite encryption browser developer platform
        """,
    "science": """
        scientist researcher study species planet asteroid telescope nasa climate emission carbon
        fossil physicist laboratory astronaut rocket warming glacier wildlife biodiversity
        spacecraft
        """,
    "health": """
        patient hospital doctor nurse vaccine virus outbreak disease cancer drug medicaid medicare
        clinical symptom infection pandemic mask measle flu diagnosis surgery fda cdc
        """,
    "sport": """
        match game season league cup champion championship coach player goal tournament playoff
        team score striker quarterback olympic medal stadium inning defeat title race
        """,
    "culture": """
        film movie actor actress singer album song novel author museum theater theatre festival
        celebrity oscar grammy painting exhibition director streaming series
        """,
    "local": """
        county township neighborhood council police school district resident sheriff firefighter
        street downtown zoning library bus
        """,
}
_SIGN_WORDS: dict[str, tuple[str, ...]] = {}
for _section, _words in _SIGNS.items():
    for _word in _words.split():
        _term = normal(_word) or _word
        _SIGN_WORDS[_term] = (*_SIGN_WORDS.get(_term, ()), _section)

_FEED_VOTE = 3.0
"""A section named by the feed weighs as much as three telling words."""
_FEWEST = 2.0
"""Less evidence than this and the story has no section."""


def section_of(articles: Sequence[Article]) -> str:
    """The section most articles speak for, or "" where too little speaks for any."""
    votes: Counter[str] = Counter()
    for article in articles:
        votes.update(_votes(article))
    if not articles or not votes:
        return ""
    best = min(SECTIONS, key=lambda section: (-votes[section], SECTIONS.index(section)))
    return best if votes[best] / len(articles) >= _FEWEST else ""


def feed_section(name: str) -> str:
    """The section a feed's own label stands for, or ""."""
    for word in (name.strip().lower(), *split_words(name.lower())):
        if word in _FEED_WORDS:
            return _FEED_WORDS[word]
    return ""


def _votes(article: Article) -> dict[str, float]:
    votes: dict[str, float] = {}
    named = feed_section(article.section)
    if named:
        votes[named] = _FEED_VOTE
    if language(article.lang) == "en":
        text = f"{article.title} {article.words[:400]}".lower()
        for term in {normal(word) for word in split_words(text)}:
            for section in _SIGN_WORDS.get(term, ()):
                votes[section] = votes.get(section, 0.0) + 1.0 / len(_SIGN_WORDS[term])
    return votes
