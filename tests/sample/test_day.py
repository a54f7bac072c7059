"""The sample day is what the product shows first: these are the promises it keeps."""

import codecs
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta, timezone
from difflib import SequenceMatcher
from statistics import mean

import pytest

from newsletter.sample import SampleArticle, load_articles, load_sources

NOON = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)
LEANS = ("left", "lean-left", "center", "lean-right", "right")
SIDES = {
    "left": "left",
    "lean-left": "left",
    "center": "center",
    "lean-right": "right",
    "right": "right",
    "unrated": "unrated",
}
SOURCES = {source["id"]: source for source in load_sources()}
ARTICLES = load_articles(NOON)
LONE = "13-lone-articles"

# The names of the design sketches, in rot13 so that they stand nowhere in this tree.
SKETCH_NAMES = [
    codecs.decode(name, "rot13")
    for name in (
        "uneobhe ovyy", "uneobe ovyy", "Xrfgery", "Zbeavat Yrqtre", "Uneobe Pbzzbaf",
        "Pbnfgny Gevohar", "Zrevqvna Jver", "Fgnaqneq Erivrj", "Cynvaf Qvfcngpu", "gbyyjnl",
        "yvguvhz", "evire ehyvat", "Fgbez Nqn", "Cbegfzbhgu",
    )
]  # fmt: skip
CALENDAR = re.compile(
    r"\b(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
    r"|\b(January|February|March|April|June|July|August|September|October|November|December)\b"
    r"|\b(19|20)\d\d\b"
)


def by_story() -> dict[str, list[SampleArticle]]:
    """The members of every story, without the lone articles."""
    stories: dict[str, list[SampleArticle]] = defaultdict(list)
    for article in ARTICLES:
        if article.story != LONE:
            stories[article.story].append(article)
    return dict(stories)


def side(article: SampleArticle) -> str:
    """The side an article's outlet is on."""
    return SIDES[SOURCES[article.outlet]["lean"]]


def text(article: SampleArticle) -> str:
    """Everything a reader sees of an article."""
    return "\n".join((article.title, article.summary, *article.paragraphs))


def words(article: SampleArticle) -> list[str]:
    """The words of an article's body."""
    return " ".join(article.paragraphs).split()


def every(article: SampleArticle) -> str:
    """A readable id for a parametrized test."""
    return article.slug


# -- outlets ---------------------------------------------------------------------------------------


def test_there_are_outlets_enough_of_every_lean() -> None:
    """At least 16 outlets, several of each lean and exactly two unrated."""
    counts = Counter(source["lean"] for source in SOURCES.values())
    assert len(SOURCES) >= 16
    assert all(counts[lean] >= 2 for lean in LEANS)
    assert counts["unrated"] == 2


def test_left_and_right_have_equally_many_outlets() -> None:
    """Neither side is given more voices than the other."""
    counts = Counter(SIDES[source["lean"]] for source in SOURCES.values())
    assert counts["left"] == counts["right"]


def test_exactly_one_family_has_two_outlets() -> None:
    """Two outlets of one side share a publisher, and every other outlet stands alone."""
    families: dict[str, list[str]] = defaultdict(list)
    for source in SOURCES.values():
        families[source["family"]].append(SIDES[source["lean"]])
    shared = [sides for sides in families.values() if len(sides) > 1]
    assert len(shared) == 1
    assert len(shared[0]) == 2
    assert shared[0][0] == shared[0][1] != "center"


def test_every_outlet_is_complete_and_uses_a_reserved_domain() -> None:
    """Every key is there with a known value, and no domain could belong to anyone."""
    assert len(SOURCES) == len(load_sources())
    for source in SOURCES.values():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", source["id"])
        assert source["feed"] == f"/{source['id']}/feed.xml"
        assert source["country"] == "US"
        assert source["kind"] in {"news", "wire", "broadcast", "opinion"}
        assert source["paywall"] in {"none", "metered", "subscription"}
        assert source["provenance"] == ["an invented outlet; its lean is part of the sample"]
        assert source["domains"]
        assert source["owner"]
        assert all(domain.endswith(".example") for domain in source["domains"])


def test_names_and_domains_are_unique() -> None:
    """No two outlets can be confused."""
    names = [source["name"] for source in SOURCES.values()]
    domains = [domain for source in SOURCES.values() for domain in source["domains"]]
    assert len(set(names)) == len(names)
    assert len(set(domains)) == len(domains)


def test_every_outlet_publishes_and_every_article_has_an_outlet() -> None:
    """Nobody is silent and nothing is orphaned."""
    assert {article.outlet for article in ARTICLES} == set(SOURCES)


# -- articles --------------------------------------------------------------------------------------


def test_there_are_at_least_eighty_articles_over_two_days() -> None:
    """The day is large enough to look like one, with news of yesterday and of today."""
    days = Counter((article.published.date() - NOON.date()).days for article in ARTICLES)
    assert len(ARTICLES) >= 80
    assert set(days) == {0, -1}
    assert min(days.values()) >= 20


def test_slugs_and_titles_are_unique() -> None:
    """A slug names one article and no headline is used twice."""
    assert len({article.slug for article in ARTICLES}) == len(ARTICLES)
    assert len({article.title for article in ARTICLES}) == len(ARTICLES)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", article.slug) for article in ARTICLES)


@pytest.mark.parametrize("article", ARTICLES, ids=every)
def test_an_article_has_the_promised_sizes(article: SampleArticle) -> None:
    """Body 110 to 260 words, headline at most 12, summary at most 26, several paragraphs."""
    assert 110 <= len(words(article)) <= 260
    assert 3 <= len(article.title.split()) <= 12
    assert 6 <= len(article.summary.split()) <= 26
    assert len(article.paragraphs) >= 4
    assert article.author


@pytest.mark.parametrize("article", ARTICLES, ids=every)
def test_an_article_keeps_a_calm_voice(article: SampleArticle) -> None:
    """No exclamation marks anywhere, and no headline is a question."""
    assert "!" not in text(article)
    assert "?" not in article.title


@pytest.mark.parametrize("article", ARTICLES, ids=every)
def test_an_article_can_be_read_on_any_day(article: SampleArticle) -> None:
    """No weekday, month or year in the text contradicts the day it is served on."""
    assert not CALENDAR.search(text(article))


@pytest.mark.parametrize("article", ARTICLES, ids=every)
def test_quotation_marks_are_curly_and_closed(article: SampleArticle) -> None:
    """Every opened quotation is closed in its paragraph, and none is typed with a straight mark."""
    assert '"' not in text(article)
    for paragraph in article.paragraphs:
        marks = re.sub(r"[^“”]", "", paragraph)
        assert marks == "“”" * (len(marks) // 2)


@pytest.mark.parametrize(
    "article", [a for a in ARTICLES if a.kind not in {"opinion", "wire"}], ids=every
)
def test_a_report_holds_a_quotation_that_stands_alone(article: SampleArticle) -> None:
    """Somebody is quoted at 8 to 30 words, in words that need nothing before them."""
    quotes = re.findall(r"“([^”]+)”", " ".join(article.paragraphs))
    assert any(8 <= len(quote.split()) <= 30 for quote in quotes)


@pytest.mark.parametrize("article", ARTICLES, ids=every)
def test_no_paragraph_opens_with_a_dangling_pronoun(article: SampleArticle) -> None:
    """The subject of a paragraph is named in it."""
    openings = {"he", "she", "it", "they", "this", "these", "that"}
    assert not [p for p in article.paragraphs if p.split()[0].lower() in openings]


def test_no_sentence_is_shared_outside_the_wire_copies() -> None:
    """Reporters write in their own words."""
    seen: Counter[str] = Counter()
    for article in ARTICLES:
        if article.kind != "wire":
            joined = " ".join(article.paragraphs)
            seen.update(set(re.split(r"(?<=[.”])\s+(?=[A-Z“])", joined)))
    repeated = [sentence for sentence, count in seen.items() if count > 1]
    assert not [sentence for sentence in repeated if len(sentence.split()) > 5]


def test_no_name_of_the_sketches_is_used() -> None:
    """The sample invents its own world."""
    everything = "\n".join(
        [*(text(article) for article in ARTICLES), *(s["name"] for s in SOURCES.values())]
    ).lower()
    assert not [name for name in SKETCH_NAMES if name.lower() in everything]


# -- stories ---------------------------------------------------------------------------------------


def test_there_are_at_least_ten_stories_and_a_few_lone_articles() -> None:
    """Ten stories or more, and four to six articles that belong to none."""
    assert len(by_story()) >= 10
    assert 4 <= sum(article.story == LONE for article in ARTICLES) <= 6


def test_an_outlet_covers_a_story_once_a_day_at_most() -> None:
    """Coverage comes from many outlets and not from one that repeats itself."""
    seen = Counter((a.story, a.outlet, a.published.date()) for a in ARTICLES if a.story != LONE)
    assert max(seen.values()) == 1


def test_at_least_six_large_stories_are_told_by_every_side() -> None:
    """Six stories of eight articles or more have left, center and right."""
    large = [members for members in by_story().values() if len(members) >= 8]
    told = [m for m in large if {"left", "center", "right"} <= {side(a) for a in m}]
    assert len(told) >= 6


def test_left_and_right_are_alike_in_number_and_length() -> None:
    """In every large story the sides differ by two articles at most and write about as much."""
    for members in by_story().values():
        if len(members) < 8:
            continue
        left = [len(words(a)) for a in members if side(a) == "left"]
        right = [len(words(a)) for a in members if side(a) == "right"]
        assert abs(len(left) - len(right)) <= 2
        assert 0.8 <= mean(left) / mean(right) <= 1.25


def test_one_story_is_covered_by_one_side_only() -> None:
    """Five rated families or more of one side cover it, nobody else but an unrated outlet."""
    single = []
    for story, members in by_story().items():
        sides = {side(article) for article in members} - {"unrated"}
        if len(sides) == 1:
            single.append((story, sides))
            rated = {SOURCES[a.outlet]["family"] for a in members if side(a) in {"left", "right"}}
            assert len(rated) >= 5
    assert [story for story, _ in single] == ["11-day-care-lead-tests"]


def test_one_wire_text_is_printed_by_five_outlets_with_small_edits() -> None:
    """Five copies are nearly the agency's text, none is exactly the same, four reports are not."""
    members = by_story()["06-lake-imbra-accord"]
    agency = next(a for a in members if a.outlet == "continental-press")
    copies = [a for a in members if a.kind == "wire" and a is not agency]
    others = [a for a in members if a.kind != "wire"]
    assert len(copies) == 5
    assert len(others) >= 4
    assert len({copy.paragraphs for copy in [agency, *copies]}) == 6
    for copy in copies:
        assert copy.published > agency.published
        assert likeness(copy, agency) > 0.9
    assert all(likeness(other, agency) < 0.4 for other in others)


def likeness(one: SampleArticle, other: SampleArticle) -> float:
    """How much of two bodies is the same words in the same order, from 0 to 1."""
    return SequenceMatcher(None, words(one), words(other), autojunk=False).ratio()


def test_a_story_of_yesterday_has_news_today() -> None:
    """The roads bill is debated yesterday and passed today, and only today's articles say so."""
    members = by_story()["01-roads-and-bridges"]
    earlier = [a for a in members if a.published.date() < NOON.date()]
    later = [a for a in members if a.published.date() == NOON.date()]
    assert len(earlier) >= 5
    assert len(later) >= 5
    assert not [a for a in earlier if re.search(r"23 to 17|23 votes to 17", text(a))]
    assert all(re.search(r"23 to 17|23 votes to 17", text(a)) for a in later)


def test_opinion_pieces_stand_inside_stories_on_both_sides() -> None:
    """Left and right each have an opinion piece in the roads story, and none poses as news."""
    pieces = [a for a in ARTICLES if a.kind == "opinion" and a.story != LONE]
    assert {side(a) for a in pieces} == {"left", "right"}
    assert {side(a) for a in pieces if a.story == "01-roads-and-bridges"} == {"left", "right"}


def test_every_kind_of_article_occurs() -> None:
    """A reader meets news, opinion, analysis, live, wire and a press release."""
    kinds = {article.kind for article in ARTICLES}
    assert kinds == {"news", "opinion", "analysis", "live", "wire", "press-release"}


def test_the_two_fires_share_a_day_but_no_place_or_person() -> None:
    """Two similar events can be told apart by everything that matters."""
    wexley = by_story()["09-wexley-cold-storage-fire"]
    dunmore = by_story()["10-dunmore-falls-furniture-fire"]
    assert {a.published.date() for a in wexley} & {a.published.date() for a in dunmore}
    for word in ("Wexley", "Northgate", "Navarro", "ammonia", "140"):
        assert all(word.lower() in text(a).lower() for a in wexley)
        assert not [a for a in dunmore if word.lower() in text(a).lower()]
    for word in ("Dunmore", "Oakline", "Crowe", "Reeve", "85"):
        assert all(word.lower() in text(a).lower() for a in dunmore)
        assert not [a for a in wexley if word.lower() in text(a).lower()]


@pytest.mark.parametrize(
    ("story", "first", "second"),
    [
        ("01-roads-and-bridges", "14,000", "6,500"),
        ("03-nurses-strike", "4,600", "3,100"),
        ("05-linden-housing", "18,000", "7,000"),
        ("08-halsey-tornado", "430", "600"),
    ],
)
def test_outlets_differ_on_a_figure(story: str, first: str, second: str) -> None:
    """Both figures are printed, and at least one outlet gives only one of them."""
    holding = [{n for n in (first, second) if n in text(a)} for a in by_story()[story]]
    assert any(first in found for found in holding)
    assert any(second in found for found in holding)
    assert any(len(found) == 1 for found in holding)


@pytest.mark.parametrize(
    ("story", "fact"),
    [
        ("01-roads-and-bridges", "418|160|22 bridges|6-cent|6 cents"),
        ("02-plate-camera-ruling", "5 to 2|5 votes to 2"),
        ("03-nurses-strike", "Alder Valley"),
        ("04-learning-accounts", r"\$6,800"),
        ("05-linden-housing", "9 to 4|Nine members"),
        ("06-lake-imbra-accord", "212 prisoners"),
        ("07-chat-companions", "61 to 37|61 votes to 37"),
        ("08-halsey-tornado", "Halsey"),
        ("11-day-care-lead-tests", "2,140"),
        ("12-lake-cores-drought", "62 years|62-year"),
    ],
)
def test_every_member_of_a_story_states_its_central_fact(story: str, fact: str) -> None:
    """A story is held together by facts and not by its file name."""
    assert all(re.search(fact, text(article)) for article in by_story()[story])


# -- dates -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("minute", [*range(0, 24 * 60, 45), 1, 559, 560, 563, 564, 565, 1439])
def test_nothing_is_dated_after_now(minute: int) -> None:
    """At any time of day the newest article is minutes old and none is older than 60 hours."""
    now = datetime(2031, 5, 6, tzinfo=UTC) + timedelta(minutes=minute)
    articles = load_articles(now)
    assert now - articles[-1].published >= timedelta(minutes=3)
    assert now - articles[0].published <= timedelta(hours=60)


def test_a_shifted_day_keeps_its_order_and_its_gaps() -> None:
    """Early in the day the whole set moves by one step."""
    early = load_articles(datetime(2031, 5, 6, 0, 10, tzinfo=UTC))
    steps = {late.published - soon.published for late, soon in zip(ARTICLES, early, strict=True)}
    assert [article.slug for article in early] == [article.slug for article in ARTICLES]
    assert len(steps) == 1


def test_the_day_is_counted_in_utc() -> None:
    """A now in another zone gives the same articles as the same moment in UTC."""
    assert load_articles(NOON.astimezone(timezone(timedelta(hours=13)))) == ARTICLES


def test_articles_keep_to_the_hours_of_their_day() -> None:
    """Today's articles lie between 00:30 and 09:30, yesterday's between 06:00 and 23:00."""
    for article in ARTICLES:
        hour = article.published.strftime("%H:%M")
        if article.published.date() == NOON.date():
            assert "00:30" <= hour <= "09:30"
        else:
            assert "06:00" <= hour <= "23:00"


def test_a_now_without_a_zone_is_refused() -> None:
    """A naive time is a mistake, said at once."""
    with pytest.raises(ValueError, match="aware"):
        load_articles(NOON.replace(tzinfo=None))
