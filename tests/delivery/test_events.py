"""Events: only the provider's own are believed, and their order does not matter."""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import func, select

from newsletter.database.batches import standing
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.delivery_events import absorb
from newsletter.database.engine import Database
from newsletter.database.tables import deliveries
from newsletter.database.tables import events as table
from newsletter.delivery.events import (
    CLICK,
    FAREWELLS,
    SIGNATURE,
    STATES,
    TIMESTAMP,
    check,
    read_events,
)
from newsletter.errors import ConfigError, DeliveryError
from newsletter.model import DeliveryState, Event
from tests.delivery.people import ISSUE, NOON, freeze, people

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
).decode()
STAMP = str(int(NOON.timestamp()))


def signed(body: bytes, *, stamp: str = STAMP, key: Any = KEY) -> dict[str, str]:
    """The headers that the provider would send."""
    signature = key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        SIGNATURE.title(): base64.b64encode(signature).decode(),
        TIMESTAMP.title(): stamp,
    }


def posted(*rows: Mapping[str, Any]) -> bytes:
    """A post as the provider writes it, with the final line end that is signed as well."""
    return json.dumps(rows).encode() + b"\r\n"


def row(kind: str = "delivered", key: str = "k0001", at: int = 1_777_896_000, **more: Any) -> Any:
    """One event as it is posted."""
    return {"event": kind, "delivery": key, "timestamp": at, "email": "a@example.org", **more}


def receive(body: bytes, headers: Mapping[str, str], *, public_key: str = PUBLIC) -> list[Event]:
    """Check a post and read its events, as the web hook does."""
    check(body, headers, public_key=public_key, now=NOON)
    return read_events(body)


def graver(state: DeliveryState, said: DeliveryState) -> DeliveryState:
    """The graver of two states of a letter."""
    order = ["accepted", "delivered", "rejected", "bounced", "unsubscribed", "complained"]
    if state.value not in order:
        return said
    return max(state, said, key=lambda one: order.index(one.value))


def test_read() -> None:
    """A signed post is read into our words."""
    body = posted(
        row("delivered"),
        row("bounce", type="bounce", reason="550 no such user"),
        row("bounce", type="blocked"),
        row("spamreport"),
        row("group_unsubscribe"),
    )
    found = receive(body, signed(body))
    assert [one.kind for one in found] == [
        "delivered",
        "bounce",
        "blocked",
        "complaint",
        "unsubscribe",
    ]
    assert found[1].detail == "550 no such user"
    assert found[0].at == datetime.fromtimestamp(1_777_896_000, UTC)


def test_broken_rows_are_left_out() -> None:
    """What says nothing about a letter of ours is left out, and the rest is read."""
    body = posted(
        row("open"),
        row("delivered", key="no such\nkey"),
        row("delivered", at=10**40),
        {"event": 7},
        row("delivered", key="k0002"),
    )
    body = b"[7, null, " + body[1:]
    found = receive(body, signed(body))
    assert [one.key for one in found] == ["k0002"]


@pytest.mark.parametrize(
    "forge",
    [
        lambda body, headers: (body.replace(b"delivered", b"bounced!!"), headers),
        lambda body, headers: (body.rstrip(), headers),
        lambda body, headers: (body, {**headers, TIMESTAMP.title(): str(int(STAMP) + 1)}),
        lambda body, headers: (body, {**headers, SIGNATURE.title(): "AAAA"}),
        lambda body, headers: (body, {**headers, SIGNATURE.title(): "é"}),
        lambda body, headers: (body, {TIMESTAMP.title(): STAMP}),
        lambda body, headers: (body, {}),
        lambda body, headers: (body, signed(body, key=ec.generate_private_key(ec.SECP256R1()))),
        lambda body, headers: (body, signed(body, stamp=str(int(STAMP) - 3600))),
        lambda body, headers: (body, signed(body, stamp=str(int(STAMP) + 3600))),
        lambda body, headers: (body, signed(body, stamp="soon")),
        lambda body, headers: (body + b" " * 5_000_000, headers),
        lambda body, headers: (b"{}", signed(b"{}")),
        lambda body, headers: (b"[", signed(b"[")),
    ],
)
def test_forged(forge: Any) -> None:
    """Whatever was changed, left out, made up or kept too long is refused as a whole."""
    body = posted(row())
    body, headers = forge(body, signed(body))
    with pytest.raises(DeliveryError):
        receive(body, headers)


def test_wrong_key_file() -> None:
    """A verification key that is none is a fault of the configuration, not of the post."""
    body = posted(row())
    with pytest.raises(ConfigError, match="verification key"):
        receive(body, signed(body), public_key="not a key")


def take(database: Database, some: list[Event]) -> Any:
    """Absorb with the stage's own rules."""
    return absorb(database, some, states=STATES, farewells=FAREWELLS, now=NOON)


def test_oracle(database: Database) -> None:
    """Shuffled, repeated and split into posts, events end in what each letter's fold says."""
    people(database, 40)
    ledger = DeliveryLedger(database)
    freeze(ledger)
    with database.reading() as connection:
        keys = list(connection.scalars(select(deliveries.c.key).order_by(deliveries.c.id)))
    rng = random.Random(7)
    wanted = dict.fromkeys(keys, DeliveryState.QUEUED)
    many: list[Event] = []
    for key in keys:
        for kind in rng.sample(sorted(STATES), rng.randint(0, 4)):
            wanted[key] = graver(wanted[key], STATES[kind])
            at = NOON + timedelta(seconds=rng.randint(0, 99))
            many += [Event(key=key, kind=kind, at=at)] * rng.randint(1, 9)
    many += [Event(key="stranger", kind="complaint", at=NOON)]
    rng.shuffle(many)
    farewells: dict[str, set[int]] = {}
    for start in range(0, len(many), 25):
        for one, reader in take(database, many[start : start + 25]).farewells:
            farewells.setdefault(one.kind, set()).add(reader)
    with database.reading() as connection:
        found = {
            one.key: one.state
            for one in connection.execute(select(deliveries.c.key, standing("state")))
        }
        kept = connection.scalar(select(func.count()).select_from(table))
    assert found == {key: state.value for key, state in wanted.items()}
    assert kept == len({(one.key, one.kind, one.at) for one in many}) - 1
    complained = {number for number, key in enumerate(keys, 1) if wanted[key] == "complained"}
    assert farewells.get("complaint", set()) == complained


def test_many_reasons(database: Database) -> None:
    """However many bounces come together, each letter keeps what was said of it."""
    people(database, 450)
    freeze(DeliveryLedger(database))
    with database.reading() as connection:
        keys = list(connection.scalars(select(deliveries.c.key)))
    said = {key: f"550 {key} is not here" if number % 9 else "" for number, key in enumerate(keys)}
    some = [Event(key=key, kind="bounce", at=NOON, detail=said[key]) for key in keys]
    assert take(database, some).changed == {"bounced": 450}
    with database.reading() as connection:
        found = connection.execute(select(deliveries.c.key, deliveries.c.reason)).all()
    assert {row.key: row.reason for row in found} == said


def test_a_letter_that_was_written_off_and_arrived(database: Database) -> None:
    """An event shows that it left, and a later bounce still counts."""
    people(database, 2)
    ledger = DeliveryLedger(database)
    freeze(ledger)
    ledger.doubt(ISSUE, reason="nobody knows", now=NOON)
    ledger.write_off(ISSUE, reason="written off by Ana: nobody knows whether it left", now=NOON)
    with database.reading() as connection:
        one, other = connection.scalars(select(deliveries.c.key).order_by(deliveries.c.id))
    take(database, [Event(key=one, kind="delivered", at=NOON)])
    take(database, [Event(key=other, kind="dropped", at=NOON, detail="550 no")])
    take(database, [Event(key=other, kind="delivered", at=NOON)])
    assert ledger.states(ISSUE) == {"delivered": 1, "rejected": 1}
    take(database, [Event(key=one, kind="bounce", at=NOON)])
    assert ledger.states(ISSUE) == {"bounced": 1, "rejected": 1}


def test_a_restored_backup_sends_nobody_twice(sqlite: Database) -> None:
    """A row that a backup calls queued is not sent when the provider reports its letter."""
    people(sqlite, 3)
    ledger = DeliveryLedger(sqlite)
    freeze(ledger)
    with sqlite.reading() as connection:
        key = connection.scalar(select(deliveries.c.key).where(deliveries.c.reader == 2))
    assert key is not None
    take(sqlite, [Event(key=key, kind="processed", at=NOON)])
    ledger.open("o", now=NOON, stale_seconds=60)
    claimed = ledger.claim(ISSUE, owner="o", batch="b", limit=9, now=NOON, stale_seconds=60)
    assert [one.reader for one in claimed] == [1, 3]


def test_speed(sqlite: Database) -> None:
    """A second of computing checks, keeps and folds more than five thousand signed events."""
    people(sqlite, 2000)
    ledger = DeliveryLedger(sqlite)
    freeze(ledger)
    with sqlite.reading() as connection:
        keys = list(connection.scalars(select(deliveries.c.key)))
    bodies = [
        posted(*(row("delivered", key, reason="250 ok") for key in keys[start : start + 500]))
        for start in range(0, 2000, 500)
    ]
    heads = [signed(body) for body in bodies]
    begun = time.process_time()
    for body, head in zip(bodies, heads, strict=True):
        take(sqlite, receive(body, head))
    taken = time.process_time() - begun
    assert ledger.states(ISSUE) == {"delivered": 2000}
    assert 2000 / taken > 5000


def test_a_click_names_its_link_and_says_nothing_of_the_letter() -> None:
    """The address comes along as one line; a click without one is no event."""
    stamp = int(NOON.timestamp())
    click = {"event": "click", "delivery": "key1", "timestamp": stamp}
    body = posted(
        {**click, "url": "https://example.org/a\r\nb"},
        click,
        {**click, "url": 7},
        {**click, "event": "open"},
    )
    [found] = receive(body, signed(body))
    assert (found.kind, found.key) == ("click", "key1")
    assert found.detail.startswith("https://example.org/a")
    assert "\n" not in found.detail
    assert CLICK not in STATES
