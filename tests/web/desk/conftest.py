"""A desk with one person of each role."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from newsletter.model import Role
from newsletter.newsroom import Newsroom
from tests.web.desk.person import Person, desk_app, employ
from tests.web.serving import Client, served

Signed = Callable[[str], Person]


@pytest.fixture
def desk(room: Newsroom) -> Iterator[Client]:
    """Asks an application whose desk has admin@, publisher@, editor@ and operator@example.org."""
    for role in Role:
        employ(room, f"{role}@example.org", role, role.value.title())
    with served(desk_app(room)) as client:
        yield client


@pytest.fixture
def signed(desk: Client) -> Signed:
    """Somebody of a role who has signed in."""

    def sign(role: str) -> Person:
        person = Person(desk)
        assert person.sign_in(f"{role}@example.org").status == 303
        return person

    return sign
