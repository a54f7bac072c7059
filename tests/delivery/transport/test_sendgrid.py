"""SendGrid: what is asked of it, and what each of its answers means."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from newsletter.delivery.transport.sendgrid import SendGridTransport, body
from newsletter.errors import TransportError
from newsletter.model import DeliveryState, Outcome
from tests.delivery.people import delivery, issue_mail, letters, rendered
from tests.delivery.servers import (
    Behaviour,
    Grid,
    GridHandler,
    GridServer,
    slow_down,
    take_and_answer_half,
    take_and_cut,
    take_and_fail,
    take_and_hang,
    take_and_trickle,
)

MAIL = issue_mail()
BATCH = MAIL.prepared("", "own-1")


@pytest.fixture
def server() -> Iterator[GridServer]:
    """A stand-in of our own."""
    with GridServer() as running:
        yield running


def transport(server: GridServer, **more: Any) -> SendGridTransport:
    """A transport that talks to it."""
    settings: dict[str, Any] = {"api_key": "SG.good", "api_url": server.url, "timeout": 5}
    return SendGridTransport(**settings | more)


def states(outcomes: Any) -> Counter[str]:
    """How many outcomes of each state."""
    return Counter(one.state.value for one in outcomes)


def test_the_request(server: GridServer) -> None:
    """The request holds the readers' own words per reader and nothing personal that is kept."""
    transport(server).send(letters(2, MAIL), BATCH)
    [request] = server.grid.requests
    [one, _] = request["personalizations"]
    assert one["to"] == [{"email": "reader1@example.org"}]
    assert one["custom_args"] == {"delivery": "key000001"}
    assert one["headers"] == {
        "List-Unsubscribe": "<https://news.example.org/u/tok00001>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert set(one["substitutions"]) == {
        BATCH.token(name) for name in ("unsubscribe", "preferences", "because")
    }
    assert request["categories"] == ["own-1"]
    assert request["from"] == {"email": "news@example.org", "name": "Both Sides Daily"}
    assert request["tracking_settings"]["open_tracking"] == {"enable": False}
    assert request["tracking_settings"]["click_tracking"]["enable"] is False
    assert request["tracking_settings"]["subscription_tracking"] == {"enable": False}


def test_counted_links_travel_as_one_more_word(server: GridServer) -> None:
    """A reader who lets us count clicks has the beginning of their links; others have none."""
    plain = rendered()
    place = f'<a href="{plain.tag}_click_7">An article</a></body>'
    counted = replace(plain, variant="clicks:", html=plain.html.replace("</body>", place))
    mail = replace(
        issue_mail(plain, counted),
        click=lambda one: f"https://news.example.org/l/{one.key}/" if one.variant else "",
    )
    batch = mail.prepared("clicks:", "own-2")
    [letter, other] = mail.letters([delivery(1, variant="clicks:"), delivery(2)])
    transport(server).send([letter], batch)
    [request] = server.grid.requests
    [one] = request["personalizations"]
    assert one["substitutions"][batch.token("click")] == "https://news.example.org/l/key000001/"
    assert batch.token("click") + "7" in request["content"][1]["value"]
    assert "click" not in other.values
    html = message_from_bytes(batch.message(letter), policy=policy.default).get_body(("html",))
    assert html
    assert '<a href="https://news.example.org/l/key000001/7">' in html.get_content()


def test_the_official_description(shared: Path) -> None:
    """Every request we build is valid by SendGrid's own OpenAPI file."""
    jsonschema = pytest.importorskip("jsonschema")
    described = json.loads((shared / "data/sendgrid/tsg_mail_v3.json").read_text())
    schema = {
        "components": described["components"],
        **described["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"][
            "schema"
        ],
    }
    checker = jsonschema.Draft202012Validator(schema)
    named = [
        *letters(998, MAIL),
        *MAIL.letters([delivery(1000, email="ann+x@müller.example")]),
    ]
    for request in (
        json.loads(body(named, BATCH)),
        json.loads(body(letters(1, MAIL), BATCH, sandbox=True)),
        json.loads(body(letters(1, MAIL), MAIL.prepared("", ""))),
    ):
        checker.validate(request)
        assert len(request["personalizations"]) <= 1000


def test_accepted_with_its_id(server: GridServer) -> None:
    """202 is accepted, and the provider's id is kept."""
    outcomes = transport(server).send(letters(3, MAIL), BATCH)
    assert {(one.state, one.provider_id) for one in outcomes} == {
        (DeliveryState.ACCEPTED, "msg0001")
    }


def test_address_with_version(server: GridServer) -> None:
    """The API's address may end in /v3 or not."""
    api_url = server.url + "/v3"
    assert states(transport(server, api_url=api_url).send(letters(1, MAIL), BATCH)) == {
        "accepted": 1
    }


def test_sandbox(server: GridServer) -> None:
    """The sandbox answers 200, which counts as taken there and nowhere else."""
    some = letters(2, MAIL)
    assert states(transport(server, sandbox=True).send(some, BATCH)) == {"accepted": 2}
    assert server.grid.taken == []

    def say_200(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
        handler.reply(200)
        return True

    server.grid.behaviour = say_200
    assert states(transport(server).send(some, BATCH)) == {"unknown": 2}


@pytest.mark.parametrize(
    "behaviour",
    [take_and_cut, take_and_fail, take_and_hang, take_and_trickle, take_and_answer_half],
)
def test_a_lost_answer_is_unknown_and_found(server: GridServer, behaviour: Behaviour) -> None:
    """However an answer is lost, the letters are in doubt within the time, and the log has them."""
    server.grid.behaviour = behaviour
    some = letters(4, MAIL)
    sender = transport(server, timeout=0.6)
    begun = time.monotonic()
    outcomes = sender.send(some, BATCH)
    assert time.monotonic() - begun < 1.4
    assert states(outcomes) == {"unknown": 4}
    assert states(sender.find(some, batch="own-1").values()) == {"accepted": 4}
    assert sender.find(some, batch="own-2") == {}


def test_slow_down(server: GridServer) -> None:
    """429 is certain: deferred, with the seconds that were asked for."""
    server.grid.behaviour = slow_down
    outcomes = transport(server).send(letters(2, MAIL), BATCH)
    assert states(outcomes) == {"deferred": 2}
    assert {one.wait for one in outcomes} == {7.0}


def test_slow_down_until(server: GridServer) -> None:
    """Without Retry-After the reset time is taken, against the answer's own clock."""

    def limited(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
        reset = str(int(time.time()) + 12)
        handler.reply(429, {"errors": []}, X_RateLimit_Reset=reset)
        return True

    server.grid.behaviour = limited
    [outcome] = transport(server).send(letters(1, MAIL), BATCH)
    assert 10 <= outcome.wait <= 12


def test_wrong_key(server: GridServer) -> None:
    """401 is nobody's fault but ours: an error with a hint, and no reader is rejected."""
    with pytest.raises(TransportError, match="refuses us") as caught:
        transport(server, api_key="SG.old").send(letters(5, MAIL), BATCH)
    assert "API key" in caught.value.hint


def test_bad_content_is_nobody(server: GridServer) -> None:
    """A 400 about the message itself stops the send instead of blaming readers one by one."""

    def refuse(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
        handler.reply(400, {"errors": [{"field": "content", "message": "no content"}]})
        return True

    server.grid.behaviour = refuse
    with pytest.raises(TransportError, match="no content"):
        transport(server).send(letters(100, MAIL), BATCH)
    assert len(server.grid.requests) == 1


@pytest.mark.parametrize("place", [1, 2, 499, 500, 501, 777, 1000])
def test_one_poison_address(server: GridServer, place: int) -> None:
    """One poison address among a thousand: 999 are taken with at most eleven more requests."""
    server.grid.names_field = False
    server.grid.bad = {f"reader{place}@example.org"}
    outcomes = transport(server).send(letters(1000, MAIL), BATCH)
    assert states(outcomes) == {"accepted": 999, "rejected": 1}
    assert len(set(server.grid.addresses())) == len(server.grid.addresses()) == 999
    assert len(server.grid.requests) - 1 <= 11


def test_named_poison(server: GridServer) -> None:
    """When the answer names the bad addresses, one more request is enough for all of them."""
    server.grid.bad = {f"reader{number}@example.org" for number in (1, 50, 51, 100)}
    outcomes = transport(server).send(letters(100, MAIL), BATCH)
    assert states(outcomes) == {"accepted": 96, "rejected": 4}
    assert len(server.grid.requests) == 2


def test_several_unnamed(server: GridServer) -> None:
    """Several poison addresses without a name are all found, and all others are taken once."""
    server.grid.names_field = False
    server.grid.bad = {f"reader{number}@example.org" for number in (3, 4, 60, 99)}
    outcomes = transport(server).send(letters(100, MAIL), BATCH)
    assert states(outcomes) == {"accepted": 96, "rejected": 4}
    assert len(set(server.grid.addresses())) == len(server.grid.addresses()) == 96


def test_everybody_poison(server: GridServer) -> None:
    """When every single address is refused, it is not the readers: nobody is rejected for good."""
    server.grid.bad = {f"reader{number}@example.org" for number in range(1, 101)}
    with pytest.raises(TransportError, match="valid address"):
        transport(server).send(letters(100, MAIL), BATCH)


def test_same_address_twice(server: GridServer) -> None:
    """Two readers with one address get one letter, since a duplicate refuses all the others."""
    twice = [*letters(3, MAIL), *MAIL.letters([delivery(9, email="Reader2@Example.ORG")])]
    assert states(transport(server).send(twice, BATCH)) == {"accepted": 3, "skipped": 1}


def test_too_large(server: GridServer) -> None:
    """A request that is too large is cut in half until it is not."""

    def limit(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
        if len(request["personalizations"]) > 30:
            handler.reply(413, {"errors": [{"field": None, "message": "too large"}]})
            return True
        return False

    server.grid.behaviour = limit
    assert states(transport(server).send(letters(100, MAIL), BATCH)) == {"accepted": 100}
    assert len(set(server.grid.addresses())) == len(server.grid.addresses()) == 100


def answers_once(number: int, how: Callable[[GridHandler], None]) -> Behaviour:
    """The request of some number is answered in some way."""

    def behave(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
        if len(grid.requests) != number:
            return False
        how(handler)
        return True

    return behave


LOST: list[tuple[Callable[[GridHandler], None], str]] = [
    (lambda handler: handler.cut(), "unknown"),
    (lambda handler: handler.reply(503, {"errors": []}), "unknown"),
    (lambda handler: handler.reply(429, {"errors": []}, Retry_After="5"), "deferred"),
]


@pytest.mark.parametrize(("how", "state"), LOST)
@pytest.mark.parametrize("number", [2, 3, 4])
def test_answer_lost_while_searching(
    server: GridServer, number: int, how: Callable[[GridHandler], None], state: str
) -> None:
    """Where an answer is lost in a search, that lot stands as it was said; nobody is blamed for it."""
    server.grid.names_field = False
    server.grid.bad = {"reader1@example.org"}
    server.grid.behaviour = answers_once(number, how)
    some = letters(64, MAIL)
    outcomes = transport(server).send(some, BATCH)
    assert sorted(one.key for one in outcomes) == sorted(letter.key for letter in some)
    tried = 64 >> (number - 1)
    assert states(outcomes) == Counter({state: tried}) + Counter(deferred=64 - tried)
    server.grid.behaviour = None
    assert states(transport(server).send(some, BATCH)) == {"accepted": 63, "rejected": 1}


def test_nobody_is_blamed_for_the_bad_address_of_another_half(server: GridServer) -> None:
    """A half that was put off is not taken for one that was accepted."""
    server.grid.names_field = False
    server.grid.bad = {"reader2@example.org"}
    server.grid.behaviour = answers_once(2, lambda handler: handler.reply(503, {"errors": []}))
    outcomes = transport(server).send(letters(8, MAIL), BATCH)
    assert states(outcomes) == {"unknown": 4, "deferred": 4}


def test_many_bad_addresses_that_are_named(server: GridServer) -> None:
    """However many bad addresses an answer names, the others are taken, while those are the most."""
    server.grid.bad = {f"reader{number}@example.org" for number in range(1, 401, 10)}
    outcomes = transport(server).send(letters(400, MAIL), BATCH)
    assert states(outcomes) == {"accepted": 360, "rejected": 40}
    assert len(server.grid.requests) == 2


def test_the_limit_is_used_up(server: GridServer) -> None:
    """Where an acceptance says that it was the last for now, everything rests until the limit's end."""

    def last(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
        identity = grid.take(request)
        reset = str(int(time.time()) + 12)
        handler.reply(
            202,
            None,
            X_Message_Id=identity,
            X_RateLimit_Remaining="0",
            X_RateLimit_Reset=reset,
        )
        return True

    server.grid.behaviour = last
    [outcome] = transport(server).send(letters(1, MAIL), BATCH)
    assert outcome.state is DeliveryState.ACCEPTED
    assert 10 <= outcome.wait <= 12


def test_a_connection_that_is_not_made_is_certain() -> None:
    """Where nobody takes the connection in time, nothing left: deferred, not in doubt."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        place = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.settimeout(0)
            one.connect_ex(place)
        sender = SendGridTransport(
            api_key="SG.good", api_url=f"http://127.0.0.1:{place[1]}", timeout=1
        )
        outcomes = sender.send(letters(3, MAIL), BATCH)
        for one in waiting:
            one.close()
    assert states(outcomes) == {"deferred": 3}


def test_a_failed_handshake_is_certain(server: GridServer) -> None:
    """Where no encrypted connection comes about, nothing left."""
    api_url = server.url.replace("http:", "https:")
    outcomes = transport(server, api_url=api_url).send(letters(3, MAIL), BATCH)
    assert states(outcomes) == {"deferred": 3}


def test_key_missing_for_the_log(server: GridServer) -> None:
    """A key without the right to read the log says so instead of finding nothing."""
    with pytest.raises(TransportError, match="cannot be read") as caught:
        transport(server, api_key="SG.old").find(letters(1, MAIL), batch="own-1")
    assert "Email Logs" in caught.value.hint


def test_a_name_goes_along() -> None:
    """A reader's name is scrubbed, and loses the characters that the API refuses."""
    [letter] = letters(1, MAIL)
    named = letter._replace(to_name="Ann,\r\nBcc: x; Lee")
    [one] = json.loads(body([named], BATCH))["personalizations"]
    assert one["to"][0]["name"] == "Ann Bcc: x Lee"


def test_outcomes_are_plain(server: GridServer) -> None:
    """Nothing of the library leaks out: outcomes are ours."""
    assert all(type(one) is Outcome for one in transport(server).send(letters(2, MAIL), BATCH))
