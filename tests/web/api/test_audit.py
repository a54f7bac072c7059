"""What programs do stands in the log of acts, under the name of their token."""

from __future__ import annotations

from typing import Any

import pytest

from newsletter.newsroom import Newsroom
from newsletter.web.app import create_app
from tests.web.api.conftest import Program, Programs
from tests.web.serving import Client

ACTS: dict[tuple[str, str], tuple[Any, str, str]] = {
    ("POST", "/subscribers"): ({"email": "new@example.org"}, "sign-up", "daily"),
    ("PATCH", "/readers/{number}"): ({"name": "Ada"}, "reader changed", "reader 1"),
    ("POST", "/readers/{number}/unsubscribe"): (None, "reader unsubscribed", "reader 1"),
    ("DELETE", "/readers/{number}"): (None, "reader erased", "reader 1"),
}


def test_every_writing_call_is_among_them(room: Newsroom) -> None:
    """A new call that changes something cannot be forgotten here."""
    api: Any = next(
        getattr(route, "app", None)
        for route in create_app(room).routes
        if getattr(route, "path", "") == "/api/v1"
    )
    writing = {
        (method.upper(), path)
        for path, calls in api.openapi()["paths"].items()
        for method in calls
        if method not in {"get", "head"}
    }
    assert writing == set(ACTS)


@pytest.mark.parametrize(("call", "act"), ACTS.items())
def test_a_writing_call_names_its_token(
    program: Program, room: Newsroom, call: tuple[str, str], act: tuple[Any, str, str]
) -> None:
    """One row with the token's name, the act and the reader's number; never an address."""
    (method, path), (body, action, subject) = call, act
    answer = program.ask(method, path.replace("{number}", "1"), body)
    assert answer.status < 300, answer.text
    [entry] = room.audit.entries(limit=10)
    assert (entry.actor, entry.action, entry.subject) == ("api:program 1", action, subject)
    assert "@" not in entry.subject + entry.detail


def test_what_was_refused_is_not_written_down(
    programs: Programs, client: Client, room: Newsroom
) -> None:
    """Reading, a token without the right, a wrong number and a stranger's sign-up leave no row."""
    reading = programs("readers:read")
    reading.get("/readers")
    assert reading.ask("DELETE", "/readers/1").status == 403
    assert programs("readers:write").ask("DELETE", "/readers/999").status == 404
    sent = {"Content-Type": "application/json"}
    body = '{"email": "stranger@example.org"}'
    assert client.ask("POST", "/api/v1/subscribers", body, sent).status == 202
    assert list(room.audit.entries(limit=10)) == []
