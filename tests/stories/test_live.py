"""Live: an arriving article is seen where it probably belongs."""

from __future__ import annotations

from newsletter.stories.group import group
from newsletter.stories.live import LiveGrouper
from tests.stories.make import DAM, DAY, SETTINGS, VOTE, article


def grouper() -> tuple[LiveGrouper, dict[str, str]]:
    """A grouper of the day without the last dam report, and each article's story."""
    known = [a for a in DAY if a.id != "dam-3"]
    stories = group(known, settings=SETTINGS)
    return (
        LiveGrouper(known, stories, settings=SETTINGS),
        {a: story.id for story in stories for a in story.articles},
    )


def test_an_article_that_fits_is_placed() -> None:
    """A third report of an event is shown with the first two."""
    live, story = grouper()
    assert live.place(DAM[2]) == story["dam-1"]
    assert live.place(DAM[2]) == story["dam-1"]


def test_an_article_that_fits_nowhere_is_not_placed() -> None:
    """An unrelated report is placed nowhere until somebody says where it is."""
    live, _ = grouper()
    quake = article("q", "Earthquake shakes vineyards", "Barrels fell in the cellars of Oster.")
    assert live.place(quake) is None
    live.put("q", "s-quake")
    again = article("q2", "Vineyards shaken by earthquake", "Cellars of Oster lost barrels.")
    assert live.place(again) == "s-quake"


def test_a_copy_goes_with_its_original() -> None:
    """A copy is placed without being read."""
    live, story = grouper()
    assert live.place(article("c", "Unrelated words", same_as="vote-1")) == story["vote-1"]


def test_what_is_out_of_reach_does_not_count() -> None:
    """The same words two weeks later belong to no story of now."""
    live, _ = grouper()
    late = article("late", VOTE[0].title, VOTE[0].text, hours=24 * 14)
    assert live.place(late) is None


def test_other_languages_do_not_meet() -> None:
    """The same words under another language are not compared."""
    live, _ = grouper()
    assert live.place(article("de", DAM[0].title, DAM[0].text, lang="de")) is None


def test_an_index_filled_at_once_answers_like_one_filled_one_by_one() -> None:
    """Starting from a window and growing into it lead to the same placement."""
    known = [a for a in DAY if a.id != "dam-3"]
    stories = group(known, settings=SETTINGS)
    at_once = LiveGrouper(known, stories, settings=SETTINGS)
    grown = LiveGrouper([], stories, settings=SETTINGS)
    for one in known:
        grown.place(one)
    assert at_once.place(DAM[2]) == grown.place(DAM[2]) is not None


def test_words_that_name_a_role_do_no_harm() -> None:
    """An article about a lead title is not confused by how words are stored."""
    live = LiveGrouper([], [], settings=SETTINGS)
    assert (
        live.place(article("a", "Lead title pair told named lead", "Lead lead title told.")) is None
    )
