"""Sentences that can be understood alone."""

from __future__ import annotations

import pytest

from newsletter.brief.speakers import speaker
from newsletter.brief.standalone import opens_as_known, stands_alone


@pytest.mark.parametrize(
    "said",
    [
        "The Senate passed the roads bill on Tuesday.",
        "In his speech, Byron praised the drivers of Linden City.",
        "Byron has issued several orders using her emergency powers.",
        "There were 36 closed bridges in Linden City by Monday.",
        "Another 5.2 million people filed for benefits last week.",
        "The Justice Department on Thursday notified the county.",
        "“We have counted the votes,” said Senator Ada Byron.",
        "The former mayor of Linden City was elected on Tuesday.",
    ],
)
def test_whole_sentences_stand(said: str) -> None:
    """A sentence that carries its own subject stands alone."""
    assert stands_alone(said, quoting=True)


@pytest.mark.parametrize(
    "said",
    [
        "He went home before the vote.",
        "But the Senate did not agree with the plan.",
        "The decision came after two hours.",
        "This is why the bridge was closed.",
        "On Monday, it passed the bill.",
        "“That was wrong,” he said.",
        "“We are glad. We go home.”",
        "Why did the Senate pass the bill?",
        "You can read the bill on the page of the Senate.",
        "“The bridge is closed,” the official said.",
        "The drivers said that she had left before the vote.",
    ],
)
def test_sentences_that_lean_on_others_do_not(said: str) -> None:
    """No pronoun, connective, question or nameless speaker is torn from its place."""
    assert not stands_alone(said, quoting=True)


def test_known_things_are_noticed() -> None:
    """Auditors who appear with "The" were introduced before; a government needs no introduction."""
    assert opens_as_known("The auditors found nothing.")
    assert not opens_as_known("The government said nothing.")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("“We won,” said Senator Ada Byron.", "Senator Ada Byron"),
        ("“We won,” Byron told reporters.", "Byron"),
        ("“We won,” said interim prime minister Chen Li.", "Chen Li"),
        ("Byron, the majority leader, said: “We won today.”", "Byron"),
        ("“We won,” he said.", ""),
        ("Byron said that they won.", ""),
    ],
)
def test_speakers_are_read_from_the_sentence(said: str, name: str) -> None:
    """The speaker is whoever the same sentence names; a pronoun names nobody."""
    assert speaker(said) == name
