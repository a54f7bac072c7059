"""Requests that a machine makes up from the desk's own description: none ends in a server error."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from newsletter.newsroom import Newsroom
from tests.web.desk.conftest import Signed
from tests.web.desk.person import Person, desk_app
from tests.web.serving import Client

schemathesis = pytest.importorskip("schemathesis", reason="no schemathesis here")
EXAMPLES = {"admin": 4, "publisher": 2, "editor": 2, "operator": 2, "nobody": 2}
"""For each address and method; the bound of this test, not of what is true."""


@pytest.mark.parametrize("role", EXAMPLES)
def test_no_made_up_request_breaks_the_desk(
    desk: Client, signed: Signed, room: Newsroom, role: str
) -> None:
    """Every operation of the desk answers made-up ids, queries and bodies with less than 500."""
    person = Person(desk) if role == "nobody" else signed(role)
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in person.cookies.items())}
    csrf = person.csrf()
    with warnings.catch_warnings():
        # GET and HEAD of a page share a name, which matters to nobody here.
        warnings.simplefilter("ignore")
        description = desk_app(room).openapi()
    schema = schemathesis.openapi.from_dict(description)
    tried: set[str] = set()
    broken: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if not operation.path.startswith("/desk") or operation.path == "/desk/logout":
            continue

        @settings(
            max_examples=EXAMPLES[role],
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            made = case.as_transport_kwargs(base_url=f"http://127.0.0.1:{desk.port}")
            path = str(made["url"]).partition(f":{desk.port}")[2] or "/"
            headers = {
                **cookie,
                "Origin": f"http://127.0.0.1:{desk.port}",
                "Content-Type": "application/x-www-form-urlencoded",
            }
            try:
                answer = desk.ask(case.method, path, f"csrf={csrf}&act=x&seen=1", headers)
            except (ValueError, UnicodeError):
                return  # no client can send such an address
            tried.add(f"{case.method} {case.operation.path}")
            if answer.status >= 500:
                broken.append(f"{case.method} {path}: {answer.status}")

        ask()
    assert len(tried) > 40
    assert not broken
