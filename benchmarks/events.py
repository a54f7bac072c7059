"""A million signed events, in any order and several times each, beside what they must end in.

Letters get a fate; its events are written 1 to 46 times each, shuffled, and posted in signed posts
of a thousand, as SendGrid does. After each comes a forged post of ten, which is one event in a
hundred: another key, a changed body, a changed time, no signature. In the end every letter must
be in the state that its true events say, and no forged post may have been believed.

    python -m benchmarks.events             # 100,000 events
    python -m benchmarks.events 1000000     # a million: some minutes
"""

from __future__ import annotations

import base64
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from benchmarks.send import ISSUE, MOMENT, people
from newsletter.config import load, starter
from newsletter.database.batches import standing
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.delivery_events import GRAVER
from newsletter.database.engine import open_database
from newsletter.database.tables import deliveries, subscriptions
from newsletter.delivery.events import SIGNATURE, STATES, TIMESTAMP, check, read_events
from newsletter.errors import DeliveryError
from newsletter.newsroom import Newsroom
from newsletter.pipeline import take_events

FATES = (
    (("processed", "delivered"), 0.9),
    (("processed", "deferred", "delivered"), 0.04),
    (("processed", "bounce"), 0.02),
    (("processed", "delivered", "spamreport"), 0.01),
    (("processed", "delivered", "group_unsubscribe"), 0.02),
    (("dropped",), 0.01),
)
OURS = {"spamreport": "complaint", "group_unsubscribe": "unsubscribe"}
POST = 1000
FORGED = POST // 100


def rows(keys: list[str], wanted: int, rng: random.Random) -> tuple[list[Any], dict[str, str]]:
    """Events in any order, and the state in which each letter must end."""
    ends: dict[str, str] = {}
    listed: list[Any] = []
    stamp = int(MOMENT.timestamp())
    for key in keys:
        fate = rng.choices([one for one, _ in FATES], [share for _, share in FATES])[0]
        state = max((STATES[OURS.get(kind, kind)] for kind in fate), key=GRAVER.index)
        for kind in fate:
            row = {
                "event": kind,
                "delivery": key,
                "timestamp": stamp + rng.randrange(3600),
                "email": "reader@example.com",
                "reason": "550 5.1.1 no such user" if kind == "bounce" else "",
                "type": "bounce" if kind == "bounce" else "",
            }
            copies = min(1 + int(rng.expovariate(0.35)), 46)
            listed += [row] * copies
        ends[key] = state.value
        if len(listed) >= wanted:
            break
    rng.shuffle(listed)
    return listed, ends


def posts(
    listed: list[Any], keys: list[str], key: ec.EllipticCurvePrivateKey, rng: random.Random
) -> Iterator[tuple[bytes, dict[str, str], bool]]:
    """Signed posts, and forged ones that would have every letter called spam."""
    stranger = ec.generate_private_key(ec.SECP256R1())
    stamp = str(int(MOMENT.timestamp()))

    def signed(body: bytes, by: ec.EllipticCurvePrivateKey) -> dict[str, str]:
        signature = by.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {SIGNATURE: base64.b64encode(signature).decode(), TIMESTAMP: stamp}

    for start in range(0, len(listed), POST):
        body = b"[" + b",\r\n".join(
            json.dumps({**one, "sg_event_id": uuid4().hex}).encode()
            for one in listed[start : start + POST]
        )
        body += b"]\r\n"
        yield body, signed(body, key), True
        spam = [
            {"event": "spamreport", "delivery": one, "timestamp": int(stamp)}
            for one in rng.sample(keys, FORGED)
        ]
        false = json.dumps(spam).encode()
        kind = rng.randrange(4)
        headers = signed(false, stranger if kind == 0 else key)
        if kind == 1:
            false += b" "
        elif kind == 2:
            headers[TIMESTAMP] = str(int(stamp) + 1)
        elif kind == 3:
            del headers[SIGNATURE]
        yield false, headers, False


def main() -> int:
    """Print events a second, and whether the ends are right."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rng = random.Random(11)
    private = ec.generate_private_key(ec.SECP256R1())
    public = base64.b64encode(
        private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).decode()
    with tempfile.TemporaryDirectory() as name:
        database = open_database(f"sqlite:///{Path(name)}/events.sqlite")
        people(database, max(wanted // 5, 100))
        shutil.copyfile(starter() / "config.toml", Path(name) / "config.toml")
        config = load(Path(name) / "config.toml", ["collect.sources=[]"])
        room = Newsroom(config=config, database=database, clock=lambda: MOMENT)
        ledger = DeliveryLedger(database)
        ledger.freeze(
            ISSUE,
            select(subscriptions.c.reader, subscriptions.c.edition),
            random_word=lambda: uuid4().hex,
            now=MOMENT,
        )
        with database.reading() as connection:
            keys = list(connection.scalars(select(deliveries.c.key).order_by(deliveries.c.id)))
        listed, ends = rows(keys, wanted, rng)
        taken = forged = believed = 0
        spent = computed = 0.0
        for body, headers, true in posts(listed, keys, private, rng):
            begun, used = time.perf_counter(), time.process_time()
            try:
                check(body, headers, public_key=public, now=MOMENT + timedelta(seconds=1))
                events = read_events(body)
            except DeliveryError:
                events = []
            take_events(room, events)
            spent += time.perf_counter() - begun
            computed += time.process_time() - used
            taken += len(events) if true else 0
            forged += not true
            believed += bool(events) and not true
        with database.reading() as connection:
            found = {
                row.key: row.state
                for row in connection.execute(select(deliveries.c.key, standing("state")))
            }
        database.close()
    wrong = sum(found[key] != state for key, state in ends.items())
    print(f"events taken        {taken:>10,}    {len(listed) - taken} lost")
    print(
        f"events              {taken / spent:>10,.0f} /s   of computing {taken / computed:,.0f} /s"
    )
    print(f"letters             {len(ends):>10,}    {wrong} in a wrong state")
    print(f"forged posts        {forged:>10,}    {believed} believed")
    print(f"ends                {dict(sorted(Counter(ends.values()).items()))}")
    return 1 if wrong or believed or taken != len(listed) else 0


if __name__ == "__main__":
    raise SystemExit(main())
