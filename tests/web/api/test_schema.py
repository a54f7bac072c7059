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
    """Requests made from the OpenAPI description, good and bad, with and without a token.

    Every operation of the description is asked, and none answers with 500 or more.
    """
    word = room.api_tokens.add("tester", SCOPES, secret=lambda: "s" * 43, now=room.clock())
    app = create_app(room)
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    asked: dict[tuple[str, str], set[tuple[bool, int]]] = {}
    tokens: tuple[dict[str, str], ...] = (
        {"Authorization": f"Bearer {word}"},
        {"Authorization": "Bearer nlt_wrong"},
        {},
    )
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        strategy = st.one_of(
            [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]
        )

        @given(case=strategy, token=st.sampled_from(tokens))
        @settings(
            max_examples=16,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: schemathesis.Case[Any], token: dict[str, str]) -> None:
            answer = case.call(headers=token)
            known = asked.setdefault((case.method.upper(), case.operation.path), set())
            known.add((token == tokens[0], answer.status_code))
            assert answer.status_code < 500, answer.text

        ask()
    described = {
        (method.upper(), path)
        for path, operations in schema.raw_schema["paths"].items()
        for method in operations
        if method in {"get", "post", "put", "patch", "delete"}
    }
    assert asked.keys() == described
    open_to_all = {("POST", "/subscribers")}
    for operation_, answers in asked.items():
        with_token, without = (
            {code for own, code in answers if own is one} for one in (True, False)
        )
        assert with_token, operation_
        assert without, operation_
        assert operation_ in open_to_all or without <= {401, 404, 405, 422, 400, 413}, operation_
