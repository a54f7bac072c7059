"""The error tree."""

from __future__ import annotations

import newsletter.errors as tree
from newsletter.errors import DatabaseError, FeedError, FeedRefused, NewsletterError


def every(base: type[NewsletterError]) -> set[type[NewsletterError]]:
    """All errors below a base."""
    found = set(base.__subclasses__())
    return found.union(*(every(error) for error in found)) if found else found


def test_every_error_is_drawn_in_the_tree() -> None:
    """The drawing in the docstring names every error there is."""
    drawing = tree.__doc__ or ""
    for error in every(NewsletterError):
        assert error.__name__ in drawing


def test_an_error_carries_subject_hint_and_whether_to_try_again() -> None:
    """An error says what it is about, what happened, what to do, and if trying again helps."""
    error = DatabaseError("news.sqlite", "is locked", hint="Wait.", again=True)
    assert str(error) == "news.sqlite: is locked"
    assert (error.hint, error.again) == ("Wait.", True)
    assert FeedError("a", "b").again
    assert not FeedRefused("a", "b").again
