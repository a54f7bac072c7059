"""Sections: politics, world, business, ... from the feeds, addresses and words of a story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from newsletter import config
from newsletter.model import Article
from newsletter.stories.words import language, normal, split_words

SECTIONS = tuple(config.SectionWeights.model_fields)
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
        democratic gop president presidential governor mayor ballot election electoral primary voter
        vote caucus candidate campaign impeachment impeach filibuster veto partisan bipartisan
        legislation bill supreme justice nominee nomination cabinet white house attorney
        redistricting poll lawsuit amendment biden trump obama clinton pence harris mcconnell pelosi
        schumer desantis doj fbi subpoena indictment pardon constitution constitutional
        administration conservative liberal progressive rep sen immigration abortion capitol
        executive order federal appeal judge ruling court
        """,
    "world": """
        foreign minister ministry embassy ambassador nato un treaty ceasefire troop missile
        airstrike border refugee sanction summit hostage militant rebel kremlin parliament prime
        chancellor invasion diplomat diplomatic peacekeeper occupation envoy famine regime junta
        ukraine ukrainian russia russian putin kyiv moscow china chinese beijing taiwan hong kong
        israel israeli gaza palestinian hamas hezbollah lebanon syria syrian damascus iran iranian
        tehran iraq iraqi baghdad yemen houthi saudi qatar turkey turkish erdogan egypt libya sudan
        ethiopia nigeria kenya somalia congo rwanda africa african afghanistan taliban pakistan
        india indian kashmir bangladesh myanmar thailand cambodia vietnam philippine indonesia
        malaysia japan japanese tokyo korea korean pyongyang seoul australia australian zealand
        britain british uk london brexit scotland ireland irish france french paris macron germany
        german berlin merkel italy italian rome spain spanish greece greek poland polish hungary
        orban serbia kosovo sweden norway finland denmark netherlands belgium switzerland austria
        eu europe european brussels mexico mexican canada canadian ottawa trudeau cuba cuban haiti
        venezuela maduro colombia brazil bolsonaro argentina chile peru vatican pope
        """,
    "business": """
        market stock share investor earning profit revenue inflation tariff bank banking fed
        interest rate economy economic trade merger acquisition bankruptcy layoff employer wage
        retailer dollar euro bond quarterly ceo company startup price supply
        manufacturer import export recession unemployment job gdp wall billion corporate
        amazon tesla boeing walmart airline automaker oil gas postal shipment consumer billionaire
        union strike worker fund crypto bitcoin
        """,
    "technology": """
        software app smartphone internet online ai algorithm chip semiconductor chatbot data privacy
        hacker hack cyberattack cybersecurity ransomware breach robot satellite encryption browser
        developer platform google apple microsoft facebook meta twitter tiktok openai nvidia
        antivirus user tech
        """,
    "science": """
        scientist researcher study species planet asteroid telescope nasa climate emission carbon
        fossil physicist laboratory astronaut rocket warming glacier wildlife biodiversity
        spacecraft hurricane earthquake wildfire storm flood drought heatwave tornado epa
        """,
    "health": """
        patient hospital doctor nurse vaccine vaccination virus outbreak disease cancer drug
        medicaid medicare clinical symptom infection pandemic mask measle flu diagnosis surgery fda
        cdc covid coronavirus variant opioid obamacare medical mental
        """,
    "sport": """
        match game season league cup champion championship coach player goal tournament playoff
        team score striker quarterback olympic medal stadium inning defeat title race nfl nba mlb
        nhl fifa uefa athlete football basketball soccer baseball tennis golf
        """,
    "culture": """
        film movie actor actress singer album song novel author museum theater theatre festival
        celebrity oscar grammy painting exhibition director streaming series comedian musician band
        concert hollywood netflix disney artist fashion
        """,
    "local": """
        county township neighborhood council police school district resident sheriff firefighter
        street downtown zoning library bus suspect shooting shooter officer gunman arrested
        """,
}
_SIGN_WORDS: dict[str, tuple[str, ...]] = {}
for _section, _words in _SIGNS.items():
    for _word in _words.split():
        _term = normal(_word) or _word
        _SIGN_WORDS[_term] = (*_SIGN_WORDS.get(_term, ()), _section)

_FEED_VOTE = 3.0
"""A section named by the feed weighs as much as three telling words."""
_PATH_VOTE = 2.0
"""One named by the address ("/politics/2031/...") as much as two."""
_FEWEST = 1.0
"""Less evidence an article than this and the story has no section."""


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


def path_section(url: str) -> str:
    """The section an article's address names in its folders, the innermost one, or ""."""
    folders = urlsplit(url).path.lower().split("/")[1:-1]
    return next(
        (named for name in reversed(folders) if len(name) < 25 and (named := feed_section(name))),
        "",
    )


def _votes(article: Article) -> dict[str, float]:
    votes: dict[str, float] = {}
    named = feed_section(article.section)
    if named:
        votes[named] = _FEED_VOTE
    filed = path_section(article.url)
    if filed:
        votes[filed] = votes.get(filed, 0.0) + _PATH_VOTE
    if language(article.lang) == "en":
        text = f"{article.title} {article.words[:400]}".lower()
        for term in {normal(word) for word in split_words(text)}:
            for section in _SIGN_WORDS.get(term, ()):
                votes[section] = votes.get(section, 0.0) + 1.0 / len(_SIGN_WORDS[term])
    return votes
