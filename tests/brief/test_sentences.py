"""Where sentences end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.brief.sentences import split


def pieces(text: str) -> list[str]:
    """The sentences of a text as strings."""
    return [text[start:end] for start, end in split(text)]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Sen. Ada Byron (R-Ky.) met Gov. Li on Jan. 6. They spoke.", 2),
        ("The U.S. Senate met at 9 a.m. Tuesday. It rose at 5 p.m. The vote failed.", 3),
        ("“We won. We are glad. We go home,” said Byron. The hall was full.", 2),
        ('"Stop. Now," he said. "Go." They went.', 3),
        ("J. R. Byron of Acme Inc. paid $3.5 million. No. 10 did not comment.", 2),
        ("He arrived on Wednesday.He left on Friday.", 2),
        ("One line without a stop\nAnother line. And one more.", 3),
        ("Dr. Lin asked: “Why?” Nobody answered.", 2),
    ],
)
def test_stops_that_do_not_end_a_sentence(text: str, count: int) -> None:
    """Abbreviations, initials, quotations and glued paragraphs are split as a reader would."""
    assert len(pieces(text)) == count, pieces(text)


@given(st.text(alphabet=st.sampled_from(list('aB .!?"“”’\n1U.S')), max_size=80))
def test_pieces_are_ordered_and_lose_only_space(text: str) -> None:
    """The pieces stand in order, do not overlap, and together hold everything but space."""
    last = 0
    kept = ""
    for start, end in split(text):
        assert last <= start < end <= len(text)
        assert not text[last:start].strip()
        kept += text[start:end]
        last = end
    assert not text[last:].strip()
    assert kept.replace(" ", "").replace("\n", "") == "".join(text.split())
