"""The API over a real connection: who may, pages, ETags, changes, sign-ups."""

from __future__ import annotations

import html
import json
import re

import pytest

from newsletter.newsroom import Newsroom
from tests.conftest import StillClock
from tests.web.api.conftest import Program, Programs
from tests.web.serving import Client
from tests.web.test_journey import letters, settled, state


@pytest.mark.parametrize(
    "path",
    [
        "/readers",
        "/readers/1",
        "/segments",
        "/issues",
        "/stories",
        "/issues/x/deliveries",
        "/events",
    ],
)
def test_without_a_token_nothing_is_told(
    path: str, client: Client, programs: Programs, room: Newsroom
) -> None:
    """No token, a made-up one, a revoked one: 401; one with another scope: 403."""
    assert client.get(f"/api/v1{path}").status == 401
    assert Program(client, "nlt_guess").ask("GET", path).status == 401
    assert Program(client, "é" * 300).ask("GET", path.replace("x", "y")).status == 401
    other = programs("readers:write")
    answer = other.ask("GET", path)
    assert (answer.status, "lacks the scope" in answer.text) == (403, True)
    room.api_tokens.revoke("program 1", now=room.clock())
    answer = other.ask("GET", path)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


def test_pages_neither_skip_nor_repeat(program: Program) -> None:
    """Two a page, then the rest, also when somebody leaves in between."""
    first = program.get("/readers?limit=2")
    assert [one["email"] for one in first["items"]] == ["ada@example.org", "bo@example.org"]
    assert program.ask("DELETE", "/readers/1").status == 204
    second = program.get(f"/readers?limit=2&after={first['next']}")
    assert [one["email"] for one in second["items"]] == ["cy@example.org"]
    assert second["next"] is None
    [bo] = program.get("/readers?email=BO@Example.org")["items"]
    assert bo["subscriptions"][0]["edition"] == "daily"
    assert program.get("/readers?state=paused")["items"] == []
    assert len(program.get("/readers?edition=daily")["items"]) == 2


def test_what_is_known_already_is_not_sent_again(program: Program) -> None:
    """An ETag comes with every answer and changes with it."""
    answer = program.ask("GET", "/readers/1")
    tag = answer.headers["etag"]
    again = program.ask("GET", "/readers/1", **{"If-None-Match": f'"other", W/{tag}'})
    assert (again.status, again.text) == (304, "")
    program.ask("PATCH", "/readers/1", {"name": "Ada Fenwick"})
    assert program.ask("GET", "/readers/1", **{"If-None-Match": tag}).status == 200


def test_facts_change_and_consent_does_not(program: Program, room: Newsroom) -> None:
    """Names, topics and attributes are set as an import would; a state cannot be."""
    answer = program.ask(
        "PATCH",
        "/readers/1",
        {"country": "uk", "topics": ["World", "sport"], "attributes": {"Plan": "gold"}},
    )
    assert answer.status == 200, answer.text
    ada = json.loads(answer.text)
    assert (ada["country"], ada["attributes"]) == ("GB", {"plan": "gold"})
    assert sorted(ada["topics"]) == ["sport", "world"]
    assert program.ask("PATCH", "/readers/1", {"country": "Narnia"}).status == 422
    assert program.ask("PATCH", "/readers/1", {"state": "active"}).status == 200
    assert program.ask("POST", "/readers/1/unsubscribe").status == 200
    program.ask("PATCH", "/readers/1", {"state": "active", "name": "Ada"})
    assert state(room, "ada@example.org") == "unsubscribed"
    assert program.ask("PATCH", "/readers/99", {}).status == 404


def test_nobody_who_left_is_brought_back(program: Program, room: Newsroom) -> None:
    """After an erasure the API cannot add, change or find the person; only a confirmation can."""
    assert program.ask("DELETE", "/readers/2").status == 204
    assert program.ask("GET", "/readers/2").status == 404
    answer = program.ask("POST", "/subscribers", {"email": "bo@example.org"})
    assert answer.status == 202
    letters(room, "confirm", 1)
    assert state(room, "bo@example.org") == "pending"


def test_a_sign_up_is_answered_alike_for_every_address(
    client: Client, room: Newsroom, clock: StillClock
) -> None:
    """New, active, unsubscribed and erased addresses cannot be told apart, and need no token."""
    bo = room.readers.by_email("bo@example.org")
    assert bo
    room.readers.unsubscribe(bo.token, how="test", now=clock())
    room.readers.forget("cy@example.org", now=clock())
    answers = [
        client.post(
            "/api/v1/subscribers", json.dumps({"email": f"{who}@example.org"}), "application/json"
        )
        for who in ("new", "ada", "bo", "cy", "new")
    ]
    assert {(one.status, one.text) for one in answers} == {(202, answers[0].text)}
    assert len({tuple(sorted(set(one.headers))) for one in answers}) == 1
    letters(room, "confirm", 3)
    more = client.post("/api/v1/subscribers", '{"email": "six@example.org"}', "application/json")
    assert more.status == 429
    clock.pass_(minutes=11)
    bad = client.post("/api/v1/subscribers", '{"email": "nobody"}', "application/json")
    assert bad.status == 400
    settled(room)


def test_a_trusted_program_signs_many_up(program: Program, room: Newsroom) -> None:
    """A server that relays a form has one internet address; each mailbox is still protected."""
    for number in range(8):
        assert (
            program.ask("POST", "/subscribers", {"email": f"e{number}@example.org"}).status == 202
        )
    for _ in range(3):
        assert program.ask("POST", "/subscribers", {"email": "e1@example.org"}).status == 202
    letters(room, "confirm", 8)


def test_the_description_and_its_page_need_nobody_else(client: Client) -> None:
    """The OpenAPI file lists the operations, and the page fetches nothing from anywhere."""
    described = json.loads(client.get("/api/v1/openapi.json").text)
    assert "/readers/{number}" in described["paths"]
    page = client.get("/api/v1/docs")
    assert page.status == 200
    assert "PATCH /api/v1/readers/{number}" in html.unescape(page.text)
    assert "readers:write" in page.text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text.split("</head>")[0])
    assert "<script" not in page.text


def test_a_long_body_is_refused_before_it_is_read(client: Client) -> None:
    """65,536 bytes are enough for everything that can be said."""
    body = json.dumps({"email": "x" * 70_000})
    assert client.post("/api/v1/subscribers", body, "application/json").status == 413


def test_issues_and_segments_are_listed(program: Program) -> None:
    """Empty lists are lists, unknown names are 404, and a segment says how many it has."""
    assert program.get("/issues") == {"items": [], "next": None}
    assert program.get("/stories") == {"items": [], "next": None}
    assert program.get("/events") == {"items": [], "next": None}
    for path in ("/issues/latest", "/issues/2026-13-40", "/stories/x", "/segments/x"):
        assert program.ask("GET", path).status == 404
    assert program.get("/segments") == {"items": [], "next": None}
