"""A program with tokens that asks the API of a newsroom with three readers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from newsletter.database.api_tokens import SCOPES
from newsletter.newsroom import Newsroom
from tests.web.serving import Answer, Client


@dataclass(frozen=True, slots=True)
class Program:
    """Asks with a token."""

    client: Client
    word: str

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send one request."""
        all_ = {"Authorization": f"Bearer {self.word}", **headers}
        if body is not None:
            all_["Content-Type"] = "application/json"
        text = None if body is None else json.dumps(body)
        return self.client.ask(method, f"/api/v1{path}", text, all_)

    def get(self, path: str, **headers: str) -> Any:
        """Ask for something that must be there."""
        answer = self.ask("GET", path, **headers)
        assert answer.status == 200, answer.text
        return json.loads(answer.text)


Programs = Callable[..., Program]


@pytest.fixture
def programs(room: Newsroom, client: Client) -> Programs:
    """Makes a program with some scopes."""
    numbers = itertools.count(1)

    def make(*scopes: str) -> Program:
        number = next(numbers)
        word = room.api_tokens.add(
            f"program {number}", scopes, secret=lambda: f"secret-{number:020}", now=room.clock()
        )
        return Program(client, word)

    return make


@pytest.fixture
def program(programs: Programs) -> Program:
    """A program that may do everything."""
    return programs(*SCOPES)
