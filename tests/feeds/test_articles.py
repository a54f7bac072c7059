"""Articles: ids that last, nothing lost, nothing twice, plain text everywhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from newsletter.feeds.articles import Context, archived, compose, identify
from newsletter.feeds.entry import Document, Entry
from newsletter.model import Article, Dated

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CONTEXT = Context(
    url="https://example.org/feed", feed="https://example.org/feed", outlet="paper", first_seen=NOW
)


def entry(number: int, **changes: object) -> Entry:
    """An ordinary entry, with changes."""
    plain = Entry(
        guid=f"g{number}",
        link=f"https://example.org/2026/11/road-{number}",
        title=f"Road {number}",
        summary=f"Road {number} is open.",
        dates=("Sun, 22 Nov 2026 10:00:00 GMT",),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def ids(*entries: Entry, context: Context = CONTEXT) -> list[str]:
    """The ids these entries get."""
    return [named.id for named in identify(Document(entries=entries), context)]


def article(given: Entry, context: Context = CONTEXT) -> Article | None:
    """The article made of one entry."""
    document = Document(entries=(given,))
    return compose(identify(document, context)[0], document, context)


def test_ids_survive_new_guids_and_queries() -> None:
    """A feed that makes up new guids and query strings on every answer brings nothing new."""
    first = entry(1, guid="a-1", link="https://example.org/road-1?t=1")
    again = entry(1, guid="b-9", link="https://example.org/road-1?t=2")
    assert ids(first) == ids(again)


def test_entries_that_share_a_guid_are_all_kept() -> None:
    """A guid that a whole feed shares names nothing."""
    assert len(set(ids(*(entry(n, guid="same") for n in range(12))))) == 12


@pytest.mark.parametrize("newest_first", [True, False])
def test_an_entry_keeps_its_id_when_another_shares_its_link(*, newest_first: bool) -> None:
    """Of two headlines at one address the older is the article that was there before."""
    link = "https://example.org/politics/budget-vote"
    old = entry(1, link=link)
    new = entry(2, link=link, dates=("Sun, 22 Nov 2026 11:00:00 GMT",))
    both = ids(*((new, old) if newest_first else (old, new)))
    assert len(set(both)) == 2
    assert both[1 if newest_first else 0] == ids(old)[0]


def test_without_dates_the_last_of_a_shared_link_is_the_oldest() -> None:
    """Feeds put what is new at the top."""
    old, new = (entry(n, link="https://example.org/a-live-page", dates=()) for n in range(2))
    assert ids(new, old)[1] == ids(old)[0]


def test_a_player_with_a_number_in_its_query_names_many() -> None:
    """Where the path is one bare word, a query that is not known for tracking counts."""
    clips = [entry(n, link=f"https://example.org/player?clip={n}") for n in range(3)]
    assert len({ids(clip)[0] for clip in clips}) == 3


def test_copies_of_one_entry_are_one() -> None:
    """The same link and title under three guids are one article."""
    assert len(ids(*(entry(1, guid=f"copy-{n}") for n in range(3)))) == 1


def test_guids_count_within_one_outlet_only() -> None:
    """An outlet that uses another's link and guid does not replace the other's article."""
    theirs = replace(CONTEXT, outlet="other")
    assert ids(entry(1)) != ids(entry(1), context=theirs)


def test_entries_that_share_a_link_are_told_apart() -> None:
    """Pieces of a live page that share its address are separate when titles differ."""
    live = "https://example.org/live/vote-night"
    assert len(set(ids(entry(1, link=live), entry(2, link=live)))) == 2


def test_entries_linked_to_the_home_page_are_told_apart_by_guid() -> None:
    """A link that names no article leaves the guid to name it, again and again."""
    home = "https://example.org/"
    both = ids(entry(1, link=home), entry(2, link=home))
    assert len(set(both)) == 2
    assert ids(entry(2, link=home)) == both[1:]


@pytest.mark.parametrize("bad", ["javascript:alert(1)", "data:text/html,x", "", "  "])
def test_entries_without_a_web_link_are_left_out(bad: str) -> None:
    """What cannot be linked to cannot be shown."""
    assert ids(entry(1, link=bad), entry(2)) == ids(entry(2))


def test_an_address_as_guid_stands_in_for_the_link() -> None:
    """RSS feeds without links have permalinks as guids."""
    made = article(entry(1, link="", guid="https://example.org/road-1"))
    assert made is not None
    assert made.url == "https://example.org/road-1"


def test_the_newest_entries_are_kept_of_a_feed_that_is_too_long() -> None:
    """Beyond the limit it is the newest that stay, wherever they stand."""
    old = [entry(n, dates=("Sun, 01 Nov 2026 10:00:00 GMT",)) for n in range(5)]
    new = [entry(n) for n in range(5, 8)]
    kept = identify(Document(entries=(*old, *new)), replace(CONTEXT, items=3))
    assert [one.entry.title for one in kept] == ["Road 5", "Road 6", "Road 7"]


def test_an_article_is_plain_text() -> None:
    """Title, author, summary and text come out without markup, in their right places."""
    made = article(
        entry(
            1,
            title="Roads &amp;amp; bridges",
            summary="<p>The council <b>voted</b>.</p>",
            content="<p>The council voted.</p><p>Work begins in May, and ends in June.</p>",
            author="desk@example.org (Jo Example)",
        )
    )
    assert made is not None
    assert made.title == "Roads & bridges"
    assert made.summary == "The council voted."
    assert made.text == "The council voted.\nWork begins in May, and ends in June."
    assert made.author == "Jo Example"
    assert made.dated is Dated.STATED
    assert made.published == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_a_full_text_in_the_summary_becomes_the_text() -> None:
    """A summary of article length is the text; a short one is cut from it."""
    made = article(entry(1, summary="<p>One sentence of news.</p>" * 100))
    assert made is not None
    assert made.text.count("\n") == 99
    assert 0 < len(made.summary) <= 400


def test_an_entry_without_a_title_is_called_by_its_first_words() -> None:
    """Microblog entries have no titles."""
    made = article(entry(1, title="", summary="The road is open."))
    assert made is not None
    assert made.title == "The road is open."


def test_an_entry_without_words_is_no_article() -> None:
    """A bare link cannot be shown."""
    assert article(entry(1, title="", summary="")) is None


@pytest.mark.parametrize(
    ("path", "day"),
    [("/2019/03/04/road", 4), ("/news/2019-03-05/road", 5), ("/2019/13/04/road", None)],
)
def test_the_day_in_an_address_stands_in_for_a_date(path: str, day: int | None) -> None:
    """Where a feed says nothing of a time its link may; what is no day counts for nothing."""
    found = article(entry(1, dates=(), link=f"https://example.org{path}"))
    assert found
    if day:
        assert found.published == datetime(2019, 3, day, 23, 59, tzinfo=UTC)
        assert found.dated is Dated.ASSUMED
    else:
        assert (found.published, found.dated) == (NOW, Dated.ABSENT)


def test_today_in_an_address_is_not_in_the_future() -> None:
    """An article of this day was there when it was seen."""
    found = article(entry(1, dates=(), link="https://example.org/2026/11/22/road"))
    assert found
    assert (found.published, found.dated) == (NOW, Dated.ASSUMED)


def test_the_archive_of_a_feed_without_dates_is_not_of_today() -> None:
    """Of a feed's first answer the five undated entries that stand first may be new, no others."""
    link = "https://example.org/road-"
    entries = [entry(n, dates=(), link=f"{link}{n}") for n in range(40)]
    document = Document(entries=(*entries, entry(99)))

    def ages(context: Context) -> list[int]:
        made = (compose(named, document, context) for named in identify(document, context))
        return [(NOW - one.published).days for one in archived(filter(None, made), context)]

    assert ages(replace(CONTEXT, first_visit=True)) == [0] * 5 + [60] * 35 + [0]
    assert ages(CONTEXT) == [0] * 41


def test_a_link_with_half_a_character_costs_itself() -> None:
    """JSON can spell what is no text; the other items of the feed are kept."""
    broken = entry(2, link="https://example.org/\ud800")
    assert ids(entry(1), broken, entry(3)) == ids(entry(1), entry(3))
