"""Who may open what: every address of the desk against every role, from a table written by hand."""

from __future__ import annotations

import re
import warnings

import pytest

from newsletter.newsroom import Newsroom
from tests.web.desk.conftest import Signed
from tests.web.desk.person import Person, desk_app
from tests.web.serving import Answer, Client

# What each role may do, as docs/security.md says it; the program's own table is not read here.
ROLES = {
    "editor": {"inside", "edit"},
    "publisher": {"inside", "edit", "approve", "send"},
    "operator": {"inside", "send", "sources", "readers"},
    "admin": {"inside", "edit", "approve", "send", "sources", "readers", "people"},
}
STORY = "/desk/issues/{name}/stories/{story_id}"
# Right: the addresses that are read with it, and those that act with it.
TABLE: dict[str, tuple[list[str], list[str]]] = {
    "inside": (
        [
            "/desk", "/desk/again", "/desk/account", "/desk/issues", "/desk/issues/{name}",
            "/desk/issues/{name}/preview", "/desk/issues/{name}/approve", STORY,
            *(f"{STORY}/{part}" for part in ("evidence", "quotes", "versions", "articles", "history", "corrections/{number}")),
            "/desk/sending", "/desk/sending/{name}", "/desk/sending/{name}/progress",
            "/desk/sources", "/desk/numbers", "/desk/numbers/{name}", "/desk/status", "/desk/status/now",
        ],
        [
            "/desk/logout", "/desk/again", "/desk/account/password", "/desk/account/sessions",
            "/desk/account/second-factor", "/desk/account/second-factor/confirm",
            "/desk/account/second-factor/remove",
        ],
    ),
    "edit": (
        ["/desk/reports"],
        [
            "/desk/draft", "/desk/issues/{name}/arrange", "/desk/issues/{name}/test",
            "/desk/reports/{number}", f"{STORY}/locks/{{number}}",
            *(f"{STORY}/{act}" for act in ("check", "edit", "quotes", "rewrite", "restore", "withhold", "articles", "correct")),
        ],
    ),
    "approve": ([], ["/desk/issues/{name}/approve"]),
    "send": ([], ["/desk/issues/{name}/send", "/desk/issues/{name}/plan", "/desk/sending/{name}"]),
    "sources": ([], ["/desk/sources/try", "/desk/sources/state"]),
    "readers": (["/desk/readers"], []),
    "people": (
        ["/desk/people", "/desk/audit"],
        ["/desk/people", *(f"/desk/people/{{number}}/{act}" for act in ("role", "reset", "sessions", "remove"))],
    ),
}  # fmt: skip
# Where people stand who are not inside yet.
OUTSIDE = {
    "/desk/login", "/desk/login/code", "/desk/join/{word}", "/desk/login/provider",
    "/desk/login/provider/back",
}  # fmt: skip
WORDS = {"name": "daily-2026-11-22", "story_id": "s-1", "number": "999999", "word": "x" * 40}
ROUTES = [
    (right, method, path)
    for right, pair in TABLE.items()
    for method, paths in zip(("GET", "POST"), pair, strict=True)
    for path in paths
]


def ask(person: Person, method: str, path: str, **fields: str) -> Answer:
    """Open an address, or act at it with the words of the person's own session."""
    there = path.format(**WORDS)
    return person.get(there) if method == "GET" else person.post(there, fields)


def test_the_table_is_whole(room: Newsroom) -> None:
    """Every address of the desk stands in the table, and the table has no other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paths = desk_app(room).openapi()["paths"]
    there = {
        (method.upper(), path)
        for path, methods in paths.items()
        for method in methods
        if path.startswith("/desk") and method != "head" and path not in OUTSIDE
    }
    assert there == {(method, path) for _, method, path in ROUTES}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_its_own_and_nothing_else(signed: Signed, role: str) -> None:
    """What a role has no right to answers 403 and says so; what it has a right to does not."""
    person = signed(role)
    wrong = []
    for right, method, path in ROUTES:
        if path == "/desk/logout":
            continue
        person.get("/desk/account")
        answer = ask(person, method, path)
        refused = answer.status == 403 and f"Your role, {role}, does not include" in answer.text
        if refused is (right in ROLES[role]) or answer.status >= 500:
            wrong.append((role, method, path, answer.status))
    assert not wrong


def test_nobody_outside_gets_anything(desk: Client) -> None:
    """Without a session every address leads to the sign-in, whatever is sent to it."""
    person = Person(desk)
    for _, method, path in ROUTES:
        answer = ask(person, method, path, csrf="guess")
        assert answer.status == 303, (method, path)
        assert answer.headers["location"].startswith("/desk/login"), (method, path)


def test_every_act_asks_for_the_word_and_the_place(signed: Signed, room: Newsroom) -> None:
    """No POST does anything without the session's own word, or from another origin."""
    admin = signed("admin")
    before = list(room.audit.entries())
    for _, method, path in ROUTES:
        if method != "POST":
            continue
        there = path.format(**WORDS)
        admin.get("/desk/account")
        for fields, headers in (
            ({"csrf": ""}, {}),
            ({"csrf": "guess"}, {}),
            ({}, {"Origin": "https://evil.example"}),
            ({}, {"Sec-Fetch-Site": "cross-site"}),
        ):
            answer = admin.post(there, fields, **headers)
            assert answer.status == 403, (path, fields, headers)
            assert re.search("too old or came from another place", answer.text), path
            admin.get("/desk/account")
    assert list(room.audit.entries()) == before
