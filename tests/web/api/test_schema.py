"""Whatever the description allows, and what it does not: no request breaks the API."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok

from newsletter.database.api_tokens import SCOPES
from newsletter.newsroom import Newsroom
from newsletter.web.app import create_app


def test_no_request_ends_in_a_fault_of_ours(room: Newsroom) -> None:
    """Requests made from the OpenAPI description, good and bad, get no answer of 500 or more."""
    word = room.api_tokens.add("tester", SCOPES, secret=lambda: "s" * 43, now=room.clock())
    app = create_app(room)
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    asked: list[int] = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        strategy = st.one_of(
            [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]
        )

        @given(case=strategy)
        @settings(
            max_examples=12,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: schemathesis.Case[Any]) -> None:
            answer = case.call(headers={"Authorization": f"Bearer {word}"})
            asked.append(answer.status_code)
            assert answer.status_code < 500, answer.text

        ask()
    assert len(asked) > 100
    assert 200 in asked
