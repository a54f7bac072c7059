"""What stands before the first sentence of an article is taken off, and nothing else."""

from __future__ import annotations

import pytest

from newsletter.brief.openings import is_title, lead_in

TITLE = "Monitor finds safety risks in the county’s jails"


@pytest.mark.parametrize(
    ("printed", "rest"),
    [
        (f"{TITLE} LINDEN (AP) — An independent monitor came.", "An independent monitor came."),
        ("Monitor finds safety risks in the county's jails An aide spoke.", "An aide spoke."),
        (f"World {TITLE} An aide spoke.", "An aide spoke."),
        ("JERUSALEM, Israel — The envoy met the minister.", "The envoy met the minister."),
        ("Talks go on JERUSALEM, Israel — The envoy met him.", "The envoy met him."),
        ("Taken into custody Washington — Ada Byron was held.", "Ada Byron was held."),
        ("Council to decide soon ANKARA A city is considering it.", "A city is considering it."),
        ("New Delhi: The house passed the bill.", "The house passed the bill."),
        ("Washington DC [US], August 23 (ANI): The president spoke.", "The president spoke."),
        ("Moscow, Aug 22 (PTI) The president spoke.", "The president spoke."),
        ("Deir al-Balah, Gaza Strip — A strike hit the roof.", "A strike hit the roof."),
        ("ISTANBUL The president spoke of it.", "The president spoke of it."),
        ("AMN/ WEB DESK Former minister Ada Byron spoke.", "Former minister Ada Byron spoke."),
        ("(Video Credit: Lark) On Friday the mayor spoke.", "On Friday the mayor spoke."),
        ("1: The former mayor spoke.", "The former mayor spoke."),
    ],
)
def test_titles_and_datelines_are_taken_off(printed: str, rest: str) -> None:
    """Headline, section, dateline, credit and number go; the sentence stays letter for letter."""
    assert printed[lead_in(printed, TITLE) :] == rest


@pytest.mark.parametrize(
    "printed",
    [
        "NATO Secretary General Ada Byron spoke on Monday.",
        "The mayor went to Washington — Ada Byron stayed.",
        "Byron: the road will be built.",
        "FIFA President Ada Byron spoke.",
        "Paris agreed to the plan on Monday.",
        "Monitor finds safety risks in the county’s jails on Monday.",
        "He left The Hague for London in May.",
    ],
)
def test_a_sentence_keeps_its_own_words(printed: str) -> None:
    """Names, speakers and places that belong to a sentence are never taken off it."""
    assert lead_in(printed, TITLE) == 0


def test_a_headline_alone_is_known() -> None:
    """The article's title as its first line is no sentence of the article."""
    assert is_title(f"{TITLE}.", TITLE)
    assert not is_title("An independent monitor came.", TITLE)
