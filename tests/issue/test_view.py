"""What a page or mail shows of a brief."""

from __future__ import annotations

from dataclasses import replace

from newsletter.issue.catalogue import catalogue
from newsletter.issue.view import story_view
from tests.issue.content import content


def test_an_editors_own_sentence_is_not_put_into_an_outlets_mouth() -> None:
    """After an edit a sentence that stands in no article has no quotation marks and no outlet."""
    told = content().stories[0]
    first = told.brief.overview[0]
    own = replace(first, text="The vote ended a dispute of two years.", evidence=())
    edited = replace(told.brief, overview=(own, *told.brief.overview[1:]), edited_by="Ada")
    before, after = (
        story_view(one, catalogue(), "https://news.example.org", first=False)
        for one in (told, replace(told, brief=edited))
    )
    assert before.overview[0].text.startswith("“")
    assert before.overview[0].source is not None
    assert after.overview[0].text == own.text
    assert after.overview[0].source is None
    assert after.overview[0].sources
    assert [one.text for one in after.overview[1:]] == [one.text for one in before.overview[1:]]
