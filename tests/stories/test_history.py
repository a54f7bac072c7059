"""History: how a story went on."""

from __future__ import annotations

from datetime import date, timedelta

from newsletter.model import Kind
from newsletter.stories.history import history, news_since
from tests.stories.make import DAM, DAY_ONE, article, outlet

MAILED = DAY_ONE + timedelta(hours=20)
BROKE = "Harrow Dam breaks, Ansley flooded"


def test_each_day_has_its_count_and_what_was_new() -> None:
    """The second day's headline is the one that says what the first day did not."""
    next_day = [
        article("n1", "Engineers order Harrow Dam drained", hours=24),
        article("n2", "Governor visits Ansley as Harrow Dam crack is sealed", hours=25),
        article("n3", "Harrow Dam crack sealed, governor says", hours=26),
    ]
    first, second = history([*next_day, *DAM])
    assert (first.day, first.articles) == (date(2031, 3, 3), 3)
    assert (second.day, second.articles) == (date(2031, 3, 4), 3)
    assert second.headline in {"Harrow Dam crack sealed, governor says", next_day[1].title}


def test_a_column_is_not_what_was_new() -> None:
    """News titles a day while there is news."""
    day = [
        article("op", "Shame, shame and shame again on everybody", kind=Kind.OPINION),
        article("news", "Harrow Dam drained"),
    ]
    assert history(day)[0].headline == "Harrow Dam drained"


def test_no_articles_no_history() -> None:
    """An empty story has no days."""
    assert history([]) == ()


def test_three_new_families_are_news() -> None:
    """A story that spreads to three more families has news; three of one family is not that."""
    more = [article(f"m{n}", "Harrow Dam reservoir drained", hours=21 + n) for n in range(3)]
    assert news_since([*DAM, *more], MAILED)
    one_family = {a.outlet: outlet(a.outlet, family="chain") for a in more}
    assert not news_since([*DAM, *more], MAILED, one_family)


def test_a_new_event_is_news() -> None:
    """An uncommon new word in the titles of two families is an event."""
    one = [*DAM, article("b1", BROKE, hours=30)]
    assert not news_since(one, MAILED)
    assert news_since([*one, article("b2", "Ansley flooded", hours=31)], MAILED)


def test_opinion_and_copies_are_no_news() -> None:
    """Columns and reprints do not bring a mailed story back."""
    columns = [article(f"o{n}", BROKE, hours=30, kind=Kind.OPINION) for n in range(4)]
    copies = [article(f"c{n}", BROKE, hours=30, same_as="dam-1") for n in range(4)]
    assert not news_since([*DAM, *columns, *copies], MAILED)


def test_nothing_after_the_mailing_is_no_news() -> None:
    """A story without later articles stays as mailed."""
    assert not news_since(DAM, MAILED)
