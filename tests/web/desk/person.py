"""Somebody at the desk without a browser: keeps cookies, fills in the forms of the page."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from argon2 import PasswordHasher
from fastapi import FastAPI

from newsletter.editors.passwords import Passwords
from newsletter.model import Editor, Role
from newsletter.newsroom import Newsroom
from newsletter.web.app import create_app
from tests.web.serving import Answer, Client

CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
PASSWORD = "blue kettle on a hill"


def desk_app(room: Newsroom) -> FastAPI:
    """The whole application, with passwords hashed at little cost."""
    return create_app(room, passwords=CHEAP)


def employ(room: Newsroom, email: str, role: Role, name: str = "") -> Editor:
    """Somebody with a password."""
    person = room.people.add(email, name=name, role=role, now=room.clock())
    room.people.set_password(person.id, CHEAP.hash(PASSWORD))
    return room.people.get(person.id)


@dataclass(slots=True)
class Person:
    """One browser."""

    client: Client
    cookies: dict[str, str] = field(default_factory=dict)
    last: Answer | None = None

    def get(self, path: str, **headers: str) -> Answer:
        """Open a page."""
        return self._ask("GET", path, None, headers)

    def post(self, path: str, fields: Mapping[str, object] | None = None, **headers: str) -> Answer:
        """Send a form with the hidden words of the page that was open."""
        words = self.hidden() | {"csrf": self.csrf()}
        body = urlencode({**words, **(fields or {})}, doseq=True)
        sent = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"http://127.0.0.1:{self.client.port}",
            **headers,
        }
        return self._ask("POST", path, body, sent)

    def hidden(self) -> dict[str, str]:
        """The word of the form for those who are not signed in."""
        found = re.search(r'name="word" value="([^"]*)"', self.last.text if self.last else "")
        return {"word": html.unescape(found.group(1))} if found else {}

    def csrf(self) -> str:
        """The word of this session's forms."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.last.text if self.last else "")
        return html.unescape(found.group(1)) if found else ""

    def sign_in(self, email: str, password: str = PASSWORD) -> Answer:
        """Sign in and open the first page."""
        self.get("/desk/login")
        answer = self.post("/desk/login", {"email": email, "password": password, "next": "/desk"})
        if answer.status == 303 and "code" not in answer.headers["location"]:
            self.get("/desk/account")
        return answer

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.client.ask(method, path, body, {"Cookie": cookie, **headers})
        for line in answer.cookies:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        if "text/html" in answer.headers.get("content-type", ""):
            self.last = answer
        return answer
